"""The report's noun: what a run did, for people and tools. A document: `winmigrate schema report`.

Times are aware (UTC in JSON); seconds and bytes are plain numbers. Built from plan, findings and journal alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from winmigrate.checks.finding import Acceptance, Remedy, Severity
from winmigrate.documents import Kind
from winmigrate.execution.states import Status
from winmigrate.facts import Unreadable
from winmigrate.planning.plan import Window


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """One phase of a move: "sent", "negotiating", "storage", "mirror", "memory", "moving", "verifying", "unknown".

    ``end`` None: it goes on.
    """

    phase: str
    start: dt.datetime
    end: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact of the VM before and after; ``expected``: the plan meant it."""

    what: str
    before: str | Unreadable
    after: str | Unreadable
    expected: bool


@dataclass(frozen=True, slots=True)
class AfterFinding:
    """What was found after the move: only what did not pass."""

    requirement: str
    severity: Severity
    outcome: str
    evidence: str
    wanted: str
    remedy: Remedy | None


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the journal worth reading when something went wrong."""

    at: dt.datetime
    text: str


@dataclass(frozen=True, slots=True)
class MoveReport:
    """One VM of the plan.

    ``where``: where it is, by both hosts' last word, and ``seen_at`` when they gave it. ``seconds``: from the first
    intent to the outcome. ``rate``: bytes a second over that time, None where it did not arrive. ``blackout``: seconds.
    ``mends``: what would help, one sentence or command each. ``estimate``: seconds (low, high) as planned.
    """

    step: str
    vm_id: str
    vm_name: str
    source: str
    destination: str
    kind: str
    route: str
    status: Status
    where: str
    seen_at: dt.datetime | None
    cause: str
    mends: tuple[Remedy, ...]
    attempts: int
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    seconds: float | None
    estimate: tuple[float, float]
    storage_bytes: int
    memory_bytes: int
    rate: float | None
    blackout: float | None
    phases: tuple[PhaseSpan, ...]
    switches: dict[str, str]
    differences: tuple[Difference, ...]
    verified: bool
    found_after: tuple[AfterFinding, ...]
    leftovers: tuple[str, ...]
    notes: tuple[Note, ...]

    @property
    def unexpected(self) -> tuple[Difference, ...]:
        return tuple(item for item in self.differences if not item.expected)

    @property
    def expected(self) -> tuple[Difference, ...]:
        return tuple(item for item in self.differences if item.expected)

    @property
    def arrived(self) -> bool:
        """Is the VM at its destination, whatever else was found?"""
        return self.status is Status.DONE or self.where == f"on {self.destination}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A VM that the plan did not place."""

    vm_name: str
    source: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """Bytes free (or freed) from this moment on."""

    at: dt.datetime
    free: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Memory or a volume of a host over the run, by the plan's capacities and the moments moves arrived.

    ``total`` 0: the plan has no capacity of it (a host that VMs only leave); ``levels`` then say what was freed.
    """

    host: str
    what: str
    total: int
    reserve: int
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class FindingLine:
    """One finding of the check, said once, with the candidates ("web01 > hv02") it applies to."""

    requirement: str
    title: str
    severity: Severity
    outcome: str
    subject: str
    applies_to: tuple[str, ...]
    evidence: str
    wanted: str
    remedy: Remedy | None
    accepted: Acceptance | None
    place: str


@dataclass(frozen=True, slots=True)
class ToDo:
    """What is left to do by hand. ``command``: what to paste, where there is something; ``who``: the right it needs."""

    about: str
    what: str
    command: str
    who: str


@dataclass(frozen=True, slots=True)
class Report:
    """A run. ``outcome``: one sentence. ``zone``: IANA name of the operator's time zone, "" for the machine's own.

    ``until``: the last entry of the journal (the plan's making if nothing was journalled); nothing later is known.
    """

    run_id: str
    playbook: str
    inventory: str
    zone: str
    outcome: str
    good: bool
    counts: dict[str, int]
    planned_at: dt.datetime
    began: dt.datetime | None
    until: dt.datetime
    lower_bound: float
    makespan: float
    window: Window | None
    latest_way_back: dt.datetime | None
    moves: tuple[MoveReport, ...]
    refused: tuple[Refused, ...]
    already_there: tuple[str, ...]
    curves: tuple[Curve, ...]
    findings: tuple[FindingLine, ...]
    to_do: tuple[ToDo, ...]
    notes: tuple[Note, ...]


REPORT = Kind("report", Report)
