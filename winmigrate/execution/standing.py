"""How a run stands, by its folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from winmigrate.documents import RunFolder
from winmigrate.execution.states import Status, StepState
from winmigrate.planning.plan import Plan


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How a run stands, read from its folder alone. ``driver``: who drives it now, or None."""

    folder: RunFolder
    plan: Plan
    states: Mapping[str, StepState]
    driver: str | None
    started: bool

    @property
    def exit_code(self) -> int:
        """The run's own code so far: 0 while all is well; 4 where nobody drives it and a move may be under way."""
        statuses = [state.status for state in self.states.values()]
        if any(status in (Status.UNKNOWN, Status.MOVING) for status in statuses):
            return 0 if self.driver is not None else 4
        bad = (Status.FAILED, Status.REFUSED, Status.CANCELLED)
        return 3 if any(status in bad for status in statuses) else 0
