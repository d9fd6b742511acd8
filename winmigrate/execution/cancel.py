"""Cancelling is asking (law of execution 10): a step that was not sent is not sent; else its host is asked.

"The move won the race" is an outcome, and seen like any other. A job that is not there yet is waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from winmigrate.errors import WinmigrateError
from winmigrate.execution import requests
from winmigrate.execution.journal import Kind
from winmigrate.execution.states import Status
from winmigrate.execution.watch import COMPARING
from winmigrate.kinds import kind_of
from winmigrate.remoting.records import record_of
from winmigrate.request import Stream

if TYPE_CHECKING:
    from winmigrate.execution.run import Run
    from winmigrate.planning.plan import Step

#: A host that could not be asked is asked so often.
TRIES = 3


def take_requests(run: Run, threads: Mapping[str, threading.Thread]) -> None:
    """What other processes asked for since: an entry for each step, and what follows from it. Raises sqlite3.Error."""
    for vm in requests.cancellations(run.folder):
        for step in run.plan.steps:
            state = run.ledger.state(step.id)
            if vm not in ("", step.move.vm_id, step.move.vm_name, step.id) or state.status.final:
                continue
            if not state.cancel_asked:
                run.ledger.write(step.id, Kind.CANCEL, asked="winmigrate cancel")
            if step.id in threads:
                # Not sent yet: its thread sees that it was cancelled. Under way: its host is asked when it has a job.
                if state.open_intent or state.seen_moving:
                    _cancel_job(run, step)
            elif state.status is Status.WAITING:
                run.ledger.write(
                    step.id,
                    Kind.OUTCOME,
                    status=Status.CANCELLED.value,
                    where=_last_seen(run, step),
                    cause="cancelled before it started",
                )


def _last_seen(run: Run, step: Step) -> str:
    """Where the newest views have the VM; "" where there are none."""
    ends = (run.watchers.get(step.move.source), run.watchers.get(step.move.destination))
    views = [watcher.view for watcher in ends if watcher is not None and watcher.view is not None]
    return "; ".join(view.side(step.move.vm_id).describe() for view in views)


def _cancel_job(run: Run, step: Step) -> None:
    """Asks the source, in a thread of its own, to end the migration job of a step, once one is seen there."""
    watcher = run.watchers[step.move.source]
    view = watcher.view
    job = view.job_of(step.move.vm_id) if view is not None else None
    running = view is not None and job in view.running_jobs()
    if job is None or not running or job.job_type in COMPARING or not isinstance(job.instance_id, str):
        return
    tries = run.cancelling.get(step.id, 0)
    if tries < TRIES:
        run.cancelling[step.id] = TRIES  # until this one has failed
        instance = job.instance_id
        run.clock.start(lambda: _ask_to_cancel(run, step, instance, tries), name=f"cancel {step.id}")


def _ask_to_cancel(run: Run, step: Step, instance_id: str, tries: int) -> None:
    """Asks once. Who wins the race is seen later."""
    session = None
    try:
        session = run.connector(step.move.source)
        reply = session.ask(kind_of(step.move.kind).cancel(instance_id))
        said = [event.clixml for event in reply.events if event.stream is Stream.ERROR]
        said += [reply.error] if reply.error is not None else []
        if not said:
            return
        why = record_of(said[-1]).message
    except (WinmigrateError, ValueError) as error:
        why = str(error)
    finally:
        if session is not None:
            session.close()
    run.cancelling[step.id] = tries + 1
    run.note(step.id, f"cancelling could not be asked: {why}")
    run.ledger.news.set()
