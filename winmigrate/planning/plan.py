"""The plan: ordered steps with routes, expectations and a lower bound. A document people review before it runs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from winmigrate.kinds.move import Move


class ExpectationKind(str, Enum):
    """What an expectation is about; ``subject`` and ``amount`` of :class:`Expectation` mean what stands here."""

    VM_ON_SOURCE = "vm-on-source"  # subject: the VM's Id; it is registered at ``host`` and nothing else moves it
    VM_STATE = "vm-state"  # subject: "<vm id>=<state name>"
    VM_ABSENT = "vm-absent"  # subject: the VM's Id; it is not registered at ``host``
    FREE_MEMORY = "free-memory"  # amount: bytes free at ``host`` at least
    FREE_DISK = "free-disk"  # subject: volume such as "E:"; amount: bytes free at least
    SWITCH_EXISTS = "switch-exists"  # subject: the switch's name
    FILES_ABSENT = "files-absent"  # subject: one path; it does not exist at ``host``
    DISKS_UNCHANGED = "disks-unchanged"  # subject: digest of the VM's disk paths


@dataclass(frozen=True, slots=True)
class Expectation:
    """A predicate on facts, read again just before its step starts. ``amount`` is bytes where the kind has one."""

    kind: ExpectationKind
    host: str
    subject: str = ""
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One migration. ``id`` is unique in the plan and stays the same in a plan made anew.

    ``seconds``: estimate (low, high). ``after``: ids of steps that must have succeeded. ``verify``: what is asked
    beyond the facts of both hosts ("heartbeat", "tcp:HOST:PORT").
    """

    id: str
    move: Move
    after: tuple[str, ...] = ()
    priority: int = 0
    storage_bytes: int = 0
    memory_bytes: int = 0
    seconds: tuple[float, float] = (0.0, 0.0)
    reasons: tuple[str, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    verify: tuple[str, ...] = ()

    @property
    def estimate(self) -> float:
        """Seconds, the middle of the range."""
        return (self.seconds[0] + self.seconds[1]) / 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """A VM that was not placed, and why: one reason a candidate."""

    vm_id: str
    vm_name: str
    source: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Capacity:
    """One thing that a host has so much of, before and after the plan, in bytes. ``what``: "memory" or a volume."""

    host: str
    what: str
    total: int
    free_before: int
    free_after: int
    reserve: int


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Slots of a host: how many moves may run at once, live and storage, at either end."""

    live: int
    storage: int


@dataclass(frozen=True, slots=True)
class Window:
    """When moves may start: ``start`` and ``end`` aware; ``fit``: only if the estimate ends inside."""

    start: dt.datetime
    end: dt.datetime
    fit: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done. ``lower_bound``: seconds, no schedule is shorter; ``makespan``: how long ours is estimated."""

    made_at: dt.datetime
    playbook: str
    inventory: str
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]
    already_there: tuple[str, ...]
    capacities: tuple[Capacity, ...]
    limits: dict[str, HostLimits]
    run_limit: int
    stop_after: int
    attempts: int
    lower_bound: float
    makespan: float
    window: Window | None = None
    wait_limit: float = 3600.0

    def step(self, step_id: str) -> Step:
        """The step of that id. Raises KeyError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)
