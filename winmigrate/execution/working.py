"""What the threads of a run do around a step or a rehearsal: an error of ours ends neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from winmigrate.errors import WinmigrateError
from winmigrate.execution.journal import Kind
from winmigrate.execution.states import Status
from winmigrate.execution.watch import SLOW_PACE

if TYPE_CHECKING:
    from winmigrate.execution.run import Run

#: A step whose following failed by an error of ours is followed so often.
TRIES = 3


def worker(run: Run, step_id: str) -> Callable[[], None]:
    """What the thread of a step does: follows it to its end, and looks anew where an error of ours came between."""
    from winmigrate.execution.step import follow_step

    if run.ledger.state(step_id).status is Status.WAITING:
        run.ledger.follow(step_id)

    def work() -> None:
        try:
            for attempt in range(TRIES):
                try:
                    follow_step(run, step_id)
                    return
                except Exception as error:
                    if not _goes_on(run, step_id, error) or attempt == TRIES - 1:
                        return
                    run.clock.sleep(SLOW_PACE)
        finally:
            # Whatever happened: what was under way and has no outcome is unknown. The loop hears of this thread's end.
            if run.ledger.state(step_id).status is Status.MOVING:
                run.ledger.doubt(step_id)
            run.ledger.news.set()

    return work


def harmless(run: Run, body: Callable[[], None]) -> Callable[[], None]:
    """An error of ours in a rehearsal is noted: whatever was not rehearsed is when it starts."""

    def guarded() -> None:
        try:
            body()
        except Exception as error:
            if isinstance(error, sqlite3.Error):
                run.halt(f"the journal cannot be written: {error}")
            run.note("", f"rehearsing failed: {error!r}")

    return guarded


def _goes_on(run: Run, step_id: str, error: Exception) -> bool:
    """An error of ours while a step was followed: is there a move to be looked at again?"""
    if run.detaching:
        return False
    if isinstance(error, sqlite3.Error):
        run.halt(f"the journal cannot be written: {error}")
    said = str(error) if isinstance(error, WinmigrateError) else repr(error)
    state = run.ledger.state(step_id)
    if state.status.final:
        return False
    if state.open_intent or state.seen_moving:
        run.ledger.doubt(step_id)
        run.note(step_id, f"following it failed, it is looked at again: {said}")
        return True
    if isinstance(error, sqlite3.Error):
        run.ledger.put_back(step_id)
        return False
    try:
        run.ledger.write(step_id, Kind.REFUSED, reasons=[said])
        run.ledger.write(
            step_id, Kind.OUTCOME, status=Status.REFUSED.value, where="", cause=f"nothing was sent: {said}"
        )
    except sqlite3.Error as broken:
        run.halt(f"the journal cannot be written: {broken}")
        run.ledger.put_back(step_id)
    return False
