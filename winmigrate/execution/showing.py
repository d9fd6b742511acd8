"""How a run stands, for whoever looks on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from winmigrate.execution.scheduler import Waiting
from winmigrate.execution.states import StepState
from winmigrate.execution.watch import View
from winmigrate.planning.plan import Plan

if TYPE_CHECKING:
    from winmigrate.execution.run import Run


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a run stands at one moment. ``views``: newest word of each host."""

    at: dt.datetime
    plan: Plan
    states: Mapping[str, StepState]
    waiting: tuple[Waiting, ...]
    views: Mapping[str, View]
    stopping: str = ""


class Showing:
    """Tells who looks on how the run stands. Law 7: one who fails is told no more, and the run goes on."""

    def __init__(self, run: Run, tell: Callable[[Snapshot], None] | None) -> None:
        self._run = run
        self._tell = tell

    def __call__(self, waiting: tuple[Waiting, ...]) -> None:
        if self._tell is None:
            return
        try:
            self._tell(snapshot(self._run, waiting))
        except Exception as error:
            self._tell = None
            self._run.note("", f"whoever was shown the run failed and is shown no more: {error!r}")


def snapshot(run: Run, waiting: tuple[Waiting, ...]) -> Snapshot:
    """How the run stands now."""
    views = {host: watcher.view for host, watcher in run.watchers.items() if watcher.view is not None}
    return Snapshot(run.clock.now(), run.plan, run.ledger.states(), waiting, views, run.stop_reason)
