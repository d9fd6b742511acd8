"""Drives a run: takes the journal's lock, starts what the scheduler says, follows, and ends when nothing is left.

Laws of execution 9 and 10: a slot is taken at both ends before a start; cancelling is asking, and stopping asks no
host to cancel. A step runs in a thread of its own; one watcher a host looks for all of them.

An error of ours ends neither a run nor the following of a move: a step of which nothing was sent is refused, one under
way is looked at anew. Where the journal cannot be written, nothing starts any more.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from winmigrate.execution import cancel
from winmigrate.execution.journal import Entry, Journal, Kind
from winmigrate.execution.ledger import Ledger
from winmigrate.execution.scheduler import HOPELESS, Decision, Seen, Waiting, decide
from winmigrate.execution.showing import Showing, Snapshot, snapshot
from winmigrate.execution.states import Status, StepState
from winmigrate.execution.watch import COMPARING, View, Watcher
from winmigrate.execution.working import harmless, worker
from winmigrate.planning.plan import Plan, Step
from winmigrate.request import Clock, Credential

if TYPE_CHECKING:
    from winmigrate.inventory import Inventory
    from winmigrate.remoting.connect import Connector

__all__ = ["TICK", "Run", "RunResult", "Snapshot", "StopMode", "execute", "snapshot"]

#: The loop looks at requests of other processes (cancel) and at the window so often: seconds.
TICK = 5.0


class StopMode(str, Enum):
    """How far stopping goes: nothing new starts; or the run is left alone, its moves go on without us."""

    NO = "no"
    STOP = "stop"
    DETACH = "detach"


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. ``detached``: it was left while moves ran. ``waiting``: what was not started, and why."""

    states: Mapping[str, StepState]
    detached: bool = False
    waiting: tuple[Waiting, ...] = ()

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
    #: Steps that had failed before this process took the run up: who resumes knows of them.
    failed_before: frozenset[str] = frozenset()
    #: How often the source was asked to cancel a step.
    cancelling: dict[str, int] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def stopping(self) -> str:
        """Why nothing new starts, or ""."""
        if self.stop_mode is not StopMode.NO:
            return self.stop_reason
        # stop_after counts failures since the run was taken up, and unknown counts as one.
        statuses = self.ledger.statuses().items()
        bad = (Status.FAILED, Status.UNKNOWN)
        total = sum(1 for name, status in statuses if status in bad and name not in self.failed_before)
        if total >= self.plan.stop_after:
            return f"stop_after: {total} of {self.plan.stop_after} moves failed or are unknown"
        return ""

    def halt(self, reason: str) -> None:
        """Nothing new starts, because something of ours is broken."""
        with self._guard:
            if self.stop_mode is StopMode.NO:
                self.stop_mode, self.stop_reason = StopMode.STOP, reason
        self.ledger.news.set()

    def note(self, step_id: str, text: str) -> None:
        """A note, if it can be written: it is never worth a move."""
        try:
            self.ledger.note(step_id, text)
        except sqlite3.Error as error:
            self.halt(f"the journal cannot be written: {error}")

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
    """Compare-VM for every step that was never sent, before the first VM moves; hosts at once, each one by one.

    One that did not pass in an earlier process is asked again: it may have been mended. A host that does not let
    itself be asked holds nobody up: the rest of its steps are rehearsed when they start. What a rehearsal that was
    killed left behind is taken away even if nothing is to start any more.
    """
    from winmigrate.execution.rehearsal import clean_up, rehearse_step

    by_source: dict[str, list[Step]] = {}
    for step in steps:
        state = run.ledger.state(step.id)
        passed = state.rehearsed is not None and state.rehearsed.get("outcome") == "pass"
        if state.status is Status.WAITING and (not passed or state.open_rehearsal is not None):
            by_source.setdefault(step.move.source, []).append(step)

    def work(mine: list[Step]) -> Callable[[], None]:
        def body() -> None:
            for step in mine:
                if run.stop_mode is StopMode.NO:
                    if rehearse_step(run, step).get("outcome") == "unknown":
                        break
                elif run.ledger.state(step.id).open_rehearsal is not None:
                    left = clean_up(run, step.move)
                    run.ledger.write(step.id, Kind.REHEARSED, outcome="unknown", cause="killed", left_behind=left)

        return harmless(run, body)

    threads = [run.clock.start(work(mine), name=f"rehearse {host}") for host, mine in by_source.items()]
    for thread in threads:
        run.clock.join(thread)


def _drive(run: Run, on_snapshot: Callable[[Snapshot], None] | None) -> RunResult:
    show = Showing(run, on_snapshot)
    statuses = run.ledger.statuses()
    run.failed_before = frozenset(name for name, status in statuses.items() if status is Status.FAILED)
    open_steps = [step for step in run.plan.steps if not run.ledger.state(step.id).status.final]
    for host in sorted({host for step in open_steps for host in (step.move.source, step.move.destination)}):
        watcher = Watcher(host, run.versions[host], run.connector, run.clock, lambda view: _heard(run, view))
        run.watchers[host] = watcher
        watcher.start()
    threads: dict[str, threading.Thread] = {}
    left: tuple[Waiting, ...] = ()
    try:
        # What was in the air when an earlier process ended is looked at first, whatever the window and the slots say.
        for step in open_steps:
            if run.ledger.state(step.id).open_intent:
                threads[step.id] = run.clock.start(worker(run, step.id), name=f"move {step.id}")
        _rehearse_all(run, open_steps)
        left = _follow_all(run, threads, show)
    except BaseException:
        # Ctrl-C for the third time, or an error of ours: the moves go on, and so does whoever resumes.
        run.stop_mode = StopMode.DETACH
        raise
    finally:
        # Left alone, the threads end when they next look up; else the watchers are needed until the last has ended.
        for thread in threads.values():
            if not run.detaching:
                run.clock.join(thread)
        for watcher in run.watchers.values():
            watcher.stop(wait=not run.detaching)
    show(())
    return RunResult(run.ledger.states(), run.detaching, left)


def _follow_all(
    run: Run, threads: dict[str, threading.Thread], show: Callable[[tuple[Waiting, ...]], None]
) -> tuple[Waiting, ...]:
    """Starts what may start, again and again, until nothing is left or nothing more will come: that is given back.

    Fills ``threads``.
    """
    waiting_since: dict[str, dt.datetime] = {}
    waiting: tuple[Waiting, ...] = ()
    while not run.detaching:
        run.ledger.news.clear()
        for step in [step for step, thread in threads.items() if not thread.is_alive()]:
            del threads[step]
        try:
            decision = _turn(run, threads, waiting_since)
        except sqlite3.Error as error:
            run.halt(f"the journal cannot be written: {error}")
            if not threads:
                raise
            run.ledger.news.wait(TICK)
            continue
        if decision is None:
            return ()
        waiting = decision.waiting
        show(waiting)
        # Slots of this run that nobody's thread will free are those of moves that stay unknown.
        if not threads and all(item.kind in (*HOPELESS, "slots", "run-limit") for item in waiting):
            return waiting
        if not decision.refuse:
            run.ledger.news.wait(TICK)
    return waiting


def _turn(run: Run, threads: dict[str, threading.Thread], waiting_since: dict[str, dt.datetime]) -> Decision | None:
    """One turn of the loop; None if every step has its outcome."""
    cancel.take_requests(run, threads)
    statuses = run.ledger.statuses()
    if all(status.final for status in statuses.values()):
        return None
    now = run.clock.now()
    decision = decide(
        run.plan,
        _with_threads(statuses, threads),
        _seen(run, statuses),
        now,
        stopping=run.stopping(),
        waiting_since=waiting_since,
        held=run.held,
    )
    for step_id, reason in decision.refuse:
        run.ledger.write(step_id, Kind.REFUSED, reasons=[reason])
        run.ledger.write(step_id, Kind.OUTCOME, status=Status.REFUSED.value, where="", cause=reason)
    for step_id in decision.start:
        # Not forgotten: one that is held and comes back has waited all the while.
        threads[step_id] = run.clock.start(worker(run, step_id), name=f"move {step_id}")
    for item in decision.waiting:
        if item.deadline is not None:
            waiting_since.setdefault(item.step, now)
        else:
            waiting_since.pop(item.step, None)
    return decision


def _with_threads(statuses: Mapping[str, Status], threads: Mapping[str, threading.Thread]) -> dict[str, Status]:
    """A step that was started is not started again, even if it has just come back to WAITING."""
    return {
        step: Status.MOVING if status is Status.WAITING and step in threads else status
        for step, status in statuses.items()
    }


def _seen(run: Run, statuses: Mapping[str, Status]) -> dict[str, Seen | None]:
    """What each host does beside the steps that are under way, which the scheduler counts at both ends itself."""
    under_way = (Status.MOVING, Status.UNKNOWN)
    ours = {step.move.vm_id for step in run.plan.steps if statuses[step.id] in under_way}
    found: dict[str, Seen | None] = {}
    for host, watcher in run.watchers.items():
        view = watcher.view
        if view is None or view.silence:
            found[host] = None
            continue
        moving = (job for job in view.running_jobs() if job.job_type not in COMPARING)
        found[host] = Seen(frozenset(str(job.virtual_system_name) for job in moving) - ours)
    return found


def _heard(run: Run, view: View) -> None:
    from winmigrate.execution.step import note_progress

    note_progress(run, view)
    run.ledger.news.set()
