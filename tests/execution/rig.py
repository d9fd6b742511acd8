"""A run without hosts: fake views and sessions, and a clock two hundred times as quick as the machine's."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from winmigrate.errors import ConnectionLost
from winmigrate.execution import rehearsal as rehearsal  # imported before anything it imports is replaced
from winmigrate.execution.journal import Entry, Kind, read_journal
from winmigrate.execution.run import Run, RunResult, execute
from winmigrate.execution.watch import View
from winmigrate.planning import Plan
from winmigrate.request import Event, PipelineState, Reply, Request, Ticket
from winmigrate.windows.migration import MigrationJob
from winmigrate.windows.watching import VMStatus

RATE = 200.0
BEGIN = dt.datetime(2026, 3, 2, 22, 0, tzinfo=dt.timezone.utc)


class _QuickEvent:
    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._event.clear()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._event.wait(None if timeout is None else timeout / RATE)


class QuickClock:
    """Implements request.Clock."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> dt.datetime:
        return BEGIN + dt.timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * RATE

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds) / RATE)

    def event(self) -> _QuickEvent:
        return _QuickEvent()

    def start(self, function: Callable[[], None], *, name: str) -> threading.Thread:
        thread = threading.Thread(target=function, name=name, daemon=True)
        thread.start()
        return thread

    def join(self, thread: threading.Thread) -> None:
        thread.join(30)
        assert not thread.is_alive(), f"{thread.name} hangs"


def job(vm: str, state: int = 4, kind: int = 306, to: str | None = "hv02.corp.example") -> MigrationJob:
    """A migration job of a VM."""
    return MigrationJob(
        instance_id=f"job-{vm}", virtual_system_name=vm, element_name="", job_state=state, job_type=kind,
        migration_type=32771, percent_complete=50, destination_host=to, start_time=None, elapsed_time=None,
        cancellable=True, error_code=None, error_description=None, error_summary_description=None,
    )  # fmt: skip


@dataclass
class World:
    """What is, and what was asked. ``on_send`` does what the move does; it may raise what a session raises."""

    places: dict[str, set[str]]
    clock: QuickClock = field(default_factory=QuickClock)
    jobs: dict[str, list[MigrationJob]] = field(default_factory=dict)
    planned: dict[str, set[str]] = field(default_factory=dict)
    silent: dict[str, Exception] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    on_send: Callable[[str], None] = lambda vm: None
    on_prepare: Callable[[str], None] = lambda vm: None
    runs: list[Run] = field(default_factory=list)

    def view(self, host: str) -> View:
        if host in self.silent:
            raise self.silent[host]
        vms = {vm: VMStatus(vm, vm, "Running", self.statuses.get(vm, "Ok"), None) for vm in self.places[host]}
        planned = frozenset(self.planned.get(host, ()))
        return View(host, self.clock.now(), vms, tuple(self.jobs.get(host, ())), planned)

    def move(self, vm: str, source: str = "hv01", destination: str = "hv02") -> None:
        self.places[source].discard(vm)
        self.places[destination].add(vm)


class FakeSession:
    """A session in which nothing but a move is started, and nothing but cancelling is asked."""

    def __init__(self, world: World, host: str) -> None:
        self.host = host
        self.last_reply: Reply | None = None
        self._world = world

    def open(self) -> None: ...

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        self._world.cancelled.append(str(asked))
        return Reply((), PipelineState.COMPLETED)

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        vm = str(asked.statements[0].commands[0].parameter("Id"))
        if on_ticket is not None:
            on_ticket(Ticket("shell", f"command-{len(self._world.sent)}"))
        self._world.sent.append(vm)
        self._world.on_send(vm)
        self.last_reply = Reply((), PipelineState.COMPLETED)
        return iter(())

    def alive(self, ticket: Ticket) -> bool:
        return False

    def retire(self, ticket: Ticket) -> None: ...

    def close(self) -> None: ...


class Rig:
    """A plan on a world, ready to be driven."""

    def __init__(self, folder: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.world = world

        def prepare(run: Run, step: Any) -> bool:
            world.on_prepare(step.id)
            return True

        def verify(run: Run, step: Any) -> bool:
            run.ledger.write(step.id, Kind.OUTCOME, status="done", where=f"on {step.move.destination}", cause="")
            return True

        monkeypatch.setattr("winmigrate.execution.watch.read_view", lambda _s, host, _v, _c: world.view(host))
        monkeypatch.setattr("winmigrate.execution.step.prepare", prepare)
        monkeypatch.setattr("winmigrate.execution.step.verify_step", verify)
        monkeypatch.setattr("winmigrate.execution.rehearsal.rehearse_step", lambda run, step: {"outcome": "pass"})

    def drive(self, plan: Plan, *, stopped: bool = False, **more: Any) -> RunResult:
        """Drives it in this thread. ``stopped``: as `cancel` does where nobody drives it, nothing is to start."""

        def begun(run: Run) -> None:
            self.world.runs.append(run)
            if stopped:
                run.stop()

        hosts = {host for step in plan.steps for host in (step.move.source, step.move.destination)}
        return execute(
            plan, self.folder, None, lambda host: FakeSession(self.world, host), self.world.clock,  # type: ignore[arg-type]
            versions=dict.fromkeys(hosts, "2019"), credential_for=lambda host: None,
            on_run=begun, **more,
        )  # fmt: skip

    def entries(self, step: str, kind: Kind) -> list[Entry]:
        return [entry for entry in read_journal(self.folder) if entry.step == step and entry.kind is kind]


__all__ = ["BEGIN", "ConnectionLost", "FakeSession", "QuickClock", "Rig", "World", "job"]
