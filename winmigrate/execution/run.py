"""Drives a run: takes the journal's lock, starts what the scheduler says, follows, and ends when nothing is left.

Laws of execution 9 and 10: a slot is taken at both ends before a start; cancelling is asking, and stopping asks no
host to cancel. A step runs in a thread of its own; one watcher a host looks for all of them.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from winmigrate.errors import HostError
from winmigrate.execution import requests
from winmigrate.execution.journal import Entry, Journal, Kind
from winmigrate.execution.ledger import Ledger
from winmigrate.execution.scheduler import Seen, Waiting, decide
from winmigrate.execution.states import Status, StepState
from winmigrate.execution.watch import View, Watcher
from winmigrate.planning.plan import Plan, Step
from winmigrate.request import Clock, Credential

if TYPE_CHECKING:
    from winmigrate.inventory import Inventory
    from winmigrate.remoting.connect import Connector

#: The loop looks at requests of other processes (cancel) and at the window so often: seconds.
TICK = 5.0


class StopMode(str, Enum):
    """How far stopping goes: nothing new starts; or the run is left alone, its moves go on without us."""

    NO = "no"
    STOP = "stop"
    DETACH = "detach"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a run stands at one moment. ``views``: newest word of each host."""

    at: dt.datetime
    plan: Plan
    states: Mapping[str, StepState]
    waiting: tuple[Waiting, ...]
    views: Mapping[str, View]
    stopping: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. ``detached``: it was left while moves ran."""

    states: Mapping[str, StepState]
    detached: bool = False

    @property
    def exit_code(self) -> int:
        """docs/interface.md, section 1."""
        statuses = [state.status for state in self.states.values()]
        if any(status in (Status.UNKNOWN, Status.MOVING) for status in statuses):
            return 4
        return 0 if all(status is Status.DONE for status in statuses) else 3


@dataclass(slots=True)
class Run:
    """Everything a step needs while a run is driven. One a process and run."""

    plan: Plan
    folder: Path
    inventory: Inventory
    connector: Connector
    clock: Clock
    versions: Mapping[str, str]
    credential_for: Callable[[str], Credential | None]
    ledger: Ledger
    watchers: dict[str, Watcher] = field(default_factory=dict)
    stop_mode: StopMode = StopMode.NO
    stop_reason: str = ""
    #: Steps that Windows put off (its limit was reached): until when, and what it said.
    held: dict[str, tuple[dt.datetime, str]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> StopMode:
        """Asked by a person: the first time nothing new starts, the second time the run is left to itself."""
        with self._guard:
            self.stop_mode = StopMode.STOP if self.stop_mode is StopMode.NO else StopMode.DETACH
            self.stop_reason = "stopped by the operator"
        self.ledger.news.set()
        for watcher in self.watchers.values():
            watcher.poke()
        return self.stop_mode

    @property
    def detaching(self) -> bool:
        return self.stop_mode is StopMode.DETACH

    def hosts_of(self, step_id: str) -> tuple[str, str]:
        """Source and destination of a step."""
        move = self.plan.step(step_id).move
        return move.source, move.destination


def execute(
    plan: Plan,
    folder: Path,
    inventory: Inventory,
    connector: Connector,
    clock: Clock,
    *,
    versions: Mapping[str, str],
    credential_for: Callable[[str], Credential | None],
    observers: Iterable[Callable[[Entry], None]] = (),
    on_snapshot: Callable[[Snapshot], None] | None = None,
    on_run: Callable[[Run], None] | None = None,
    digest: str = "",
) -> RunResult:
    """Executes or resumes a plan; returns when every step has an outcome, or nothing more can be learned.

    ``versions``: Windows version of each host. ``credential_for(host)``: what hop B to that host is passed with.
    ``on_run`` gets the Run, to stop it. Raises RunLocked, DocumentError. A host's silence is no exception.
    """
    with Journal(folder, clock) as journal:
        ledger = Ledger(journal, [step.id for step in plan.steps], clock, observers)
        run = Run(plan, folder, inventory, connector, clock, versions, credential_for, ledger)
        ledger.write("", Kind.RUN, digest=digest, pid=os.getpid(), host=socket.gethostname())
        if on_run is not None:
            on_run(run)
        return _drive(run, on_snapshot)


def _rehearse_all(run: Run, steps: Iterable[Step]) -> None:
    """Compare-VM for every step that was never tried, before the first VM moves; hosts at once, each one by one."""
    from winmigrate.execution.rehearsal import rehearse_step

    by_source: dict[str, list[Step]] = {}
    for step in steps:
        state = run.ledger.state(step.id)
        if state.status is Status.WAITING and state.rehearsed is None:
            by_source.setdefault(step.move.source, []).append(step)

    def work(mine: list[Step]) -> Callable[[], None]:
        def body() -> None:
            for step in mine:
                if run.stop_mode is StopMode.NO:
                    rehearse_step(run, step)

        return body

    threads = [run.clock.start(work(mine), name=f"rehearse {host}") for host, mine in by_source.items()]
    for thread in threads:
        run.clock.join(thread)


def _drive(run: Run, on_snapshot: Callable[[Snapshot], None] | None) -> RunResult:
    from winmigrate.execution.step import follow_step

    open_steps = [step for step in run.plan.steps if not run.ledger.state(step.id).status.final]
    for host in sorted({host for step in open_steps for host in (step.move.source, step.move.destination)}):
        watcher = Watcher(host, run.versions[host], run.connector, run.clock, lambda view: _heard(run, view))
        run.watchers[host] = watcher
        watcher.start()
    threads: dict[str, threading.Thread] = {}
    waiting_since: dict[str, dt.datetime] = {}
    try:
        # What was in the air when an earlier process ended is looked at first, whatever the window and the slots say.
        for step in open_steps:
            if run.ledger.state(step.id).open_intent:
                threads[step.id] = run.clock.start(_worker(run, follow_step, step.id), name=f"move {step.id}")
        _rehearse_all(run, open_steps)
        while True:
            run.ledger.news.clear()
            _take_requests(run)
            threads = {step: thread for step, thread in threads.items() if thread.is_alive()}
            statuses = run.ledger.statuses()
            if run.detaching or all(status.final for status in statuses.values()):
                break
            now = run.clock.now()
            decision = decide(
                run.plan,
                _with_threads(statuses, threads),
                _seen(run),
                now,
                stopping=_stopping(run, statuses),
                waiting_since=waiting_since,
                held=run.held,
            )
            for step_id, reason in decision.refuse:
                run.ledger.write(step_id, Kind.REFUSED, reasons=[reason])
                run.ledger.write(step_id, Kind.OUTCOME, status=Status.REFUSED.value, where="", cause=reason)
            for step_id in decision.start:
                waiting_since.pop(step_id, None)
                threads[step_id] = run.clock.start(_worker(run, follow_step, step_id), name=f"move {step_id}")
            for item in decision.waiting:
                if item.kind in ("slots", "silent-host"):
                    waiting_since.setdefault(item.step, now)
            if on_snapshot is not None:
                on_snapshot(snapshot(run, decision.waiting))
            if _nothing_more(run, threads, decision.waiting):
                break
            if not decision.refuse:
                run.ledger.news.wait(TICK)
    finally:
        for watcher in run.watchers.values():
            watcher.stop()
        for thread in threads.values():
            if not run.detaching:
                run.clock.join(thread)
    if on_snapshot is not None:
        on_snapshot(snapshot(run, ()))
    return RunResult(run.ledger.states(), run.detaching)


def snapshot(run: Run, waiting: tuple[Waiting, ...]) -> Snapshot:
    """How the run stands now."""
    views = {host: watcher.view for host, watcher in run.watchers.items() if watcher.view is not None}
    return Snapshot(run.clock.now(), run.plan, run.ledger.states(), waiting, views, run.stop_reason)


def _worker(run: Run, follow: Callable[[Run, str], None], step_id: str) -> Callable[[], None]:
    if run.ledger.state(step_id).status is Status.WAITING:
        run.ledger.follow(step_id)

    def work() -> None:
        try:
            follow(run, step_id)
        finally:
            # Whatever happened: what was under way and has no outcome is unknown. The loop hears of this thread's end.
            if run.ledger.state(step_id).status is Status.MOVING:
                run.ledger.doubt(step_id)
            run.ledger.news.set()

    return work


def _with_threads(statuses: Mapping[str, Status], threads: Mapping[str, threading.Thread]) -> dict[str, Status]:
    """A step that was started is not started again, even if it has just come back to WAITING."""
    return {
        step: Status.MOVING if status is Status.WAITING and step in threads else status
        for step, status in statuses.items()
    }


def _seen(run: Run) -> dict[str, Seen | None]:
    ours = {step.move.vm_id for step in run.plan.steps}
    found: dict[str, Seen | None] = {}
    for host, watcher in run.watchers.items():
        view = watcher.view
        if view is None or view.silence:
            found[host] = None
            continue
        foreign = {str(job.virtual_system_name) for job in view.running_jobs() if job.virtual_system_name not in ours}
        found[host] = Seen(frozenset(foreign))
    return found


def _stopping(run: Run, statuses: Mapping[str, Status]) -> str:
    if run.stop_mode is not StopMode.NO:
        return run.stop_reason
    # stop_after counts failures, and unknown counts as one.
    total = sum(1 for status in statuses.values() if status in (Status.FAILED, Status.UNKNOWN))
    if total >= run.plan.stop_after:
        return f"stop_after: {total} of {run.plan.stop_after} moves failed or are unknown"
    return ""


def _nothing_more(run: Run, threads: Mapping[str, threading.Thread], waiting: Iterable[Waiting]) -> bool:
    """Are all threads done, and does all that waits wait for something that will not come?"""
    if any(thread.is_alive() for thread in threads.values()):
        return False
    return all(item.kind in ("stopped", "after") for item in waiting)


def _take_requests(run: Run) -> None:
    for vm in requests.cancellations(run.folder):
        for step in run.plan.steps:
            state = run.ledger.state(step.id)
            if vm not in ("", step.move.vm_id, step.move.vm_name, step.id) or state.status.final or state.cancel_asked:
                continue
            run.ledger.write(step.id, Kind.CANCEL, asked="winmigrate cancel")
            if state.status is Status.WAITING:
                run.ledger.write(
                    step.id,
                    Kind.OUTCOME,
                    status=Status.CANCELLED.value,
                    where=f"on {step.move.source}",
                    cause="cancelled before it started",
                )
            else:
                ask_to_cancel(run, step.id)


def ask_to_cancel(run: Run, step_id: str) -> None:
    """Asks the source to end the migration job of a step. Who wins the race is seen later."""
    from winmigrate.kinds import kind_of

    move = run.plan.step(step_id).move
    watcher = run.watchers.get(move.source)
    view = watcher.look() if watcher is not None else None
    job = view.job_of(move.vm_id) if view is not None else None
    if job is None or not isinstance(job.instance_id, str):
        run.ledger.write(step_id, Kind.NOTE, text="there is no migration job to cancel")
        return
    try:
        session = run.connector(move.source)
        try:
            session.ask(kind_of(move.kind).cancel(job.instance_id))
        finally:
            session.close()
    except HostError as error:
        run.ledger.write(step_id, Kind.NOTE, text=f"cancelling could not be asked: {error}")


def _heard(run: Run, view: View) -> None:
    from winmigrate.execution.step import note_progress

    note_progress(run, view)
    run.ledger.news.set()
