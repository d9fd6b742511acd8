"""What the journal says of each step: a fold over its entries, nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from winmigrate.errors import DocumentError
from winmigrate.execution.journal import Entry, Kind


class Status(str, Enum):
    """Where a step stands. UNKNOWN is a state of its own: from it only looking leads on."""

    WAITING = "waiting"
    MOVING = "moving"  # this process follows it
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"  # the VM is where it was, or somewhere that is known
    REFUSED = "refused"  # never sent
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (Status.DONE, Status.FAILED, Status.REFUSED, Status.CANCELLED)


@dataclass(slots=True)
class StepState:
    """A step as the journal knows it. ``attempts`` counts intents that were not proven never started."""

    step: str
    status: Status = Status.WAITING
    attempts: int = 0
    ticket: dict[str, str] | None = None
    intent_at: dt.datetime | None = None
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    phase: str = ""
    percent: int | None = None
    seen_moving: bool = False
    cancel_asked: bool = False
    outcome: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    rehearsed: dict[str, Any] | None = None
    open_rehearsal: dict[str, str] | None = None
    inverses: list[dict[str, Any]] = field(default_factory=list)
    verified: dict[str, Any] | None = None
    known_jobs: tuple[str, ...] = ()
    phases: list[tuple[dt.datetime, str, int | None]] = field(default_factory=list)

    @property
    def open_intent(self) -> bool:
        """Was a move sent (or nearly) whose end nobody has observed?"""
        return self.ticket is not None and not self.status.final

    def copy(self) -> StepState:
        """A copy that later entries leave alone. The entries' own data are shared: nobody changes those."""
        return replace(self, inverses=list(self.inverses), phases=list(self.phases))


def fold(steps: Iterable[str], entries: Iterable[Entry]) -> dict[str, StepState]:
    """The state of each step. A step whose move was asked for and has no outcome is UNKNOWN: who asked is gone."""
    states = {step: StepState(step) for step in steps}
    for entry in entries:
        state = states.get(entry.step)
        if state is not None:
            apply(state, entry)
    return states


def apply(state: StepState, entry: Entry) -> None:
    """Changes ``state`` by one entry of its step. Raises DocumentError: the entry is none that we wrote."""
    try:
        _APPLY.get(entry.kind, _nothing)(state, entry)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(
            f"journal.sqlite: entry {entry.seq}, {entry.kind.value}, was not written by winmigrate: {error}",
            hint="restore the run's folder from a copy",
        ) from error


def _nothing(state: StepState, entry: Entry) -> None:
    return


def _rehearsal_intent(state: StepState, entry: Entry) -> None:
    state.open_rehearsal = entry.data.get("ticket")


def _rehearsed(state: StepState, entry: Entry) -> None:
    state.rehearsed, state.open_rehearsal = entry.data, None


def _intent(state: StepState, entry: Entry) -> None:
    state.ticket = entry.data.get("ticket")
    state.intent_at = entry.at
    state.started_at = state.started_at or entry.at
    state.attempts += 1
    state.known_jobs = tuple(entry.data.get("known_jobs", ()))
    state.status = Status.UNKNOWN
    state.seen_moving = False
    state.phases.append((entry.at, "sent", None))


def _progress(state: StepState, entry: Entry) -> None:
    state.seen_moving = True
    phase, percent = str(entry.data.get("phase", "")), entry.data.get("percent")
    state.percent = percent
    if phase != state.phase:
        state.phase = phase
        state.phases.append((entry.at, phase, percent))


def _cancel(state: StepState, entry: Entry) -> None:
    state.cancel_asked = True


def _inverse(state: StepState, entry: Entry) -> None:
    state.inverses.append(entry.data)


def _undone(state: StepState, entry: Entry) -> None:
    state.inverses = [item for item in state.inverses if item.get("change") != entry.data.get("change")]


def _fingerprint(state: StepState, entry: Entry) -> None:
    state.before = entry.data.get("before")


def _verified(state: StepState, entry: Entry) -> None:
    state.verified = entry.data


def _look(state: StepState, entry: Entry) -> None:
    # An intent that was proven never to have started is no attempt.
    if entry.data.get("never_started"):
        state.attempts = max(0, state.attempts - 1)
    # What may be sent (again) waits like a step that never was: the scheduler decides when.
    if entry.data.get("never_started") or entry.data.get("next") == "send":
        state.ticket, state.status = None, Status.WAITING


def _outcome(state: StepState, entry: Entry) -> None:
    state.outcome = entry.data
    state.status = Status(entry.data["status"])
    state.ended_at = entry.at
    state.phases.append((entry.at, state.status.value, None))


def _adopted(state: StepState, entry: Entry) -> None:
    state.seen_moving = True


_APPLY = {
    Kind.REHEARSAL_INTENT: _rehearsal_intent,
    Kind.REHEARSED: _rehearsed,
    Kind.INTENT: _intent,
    Kind.PROGRESS: _progress,
    Kind.CANCEL: _cancel,
    Kind.INVERSE: _inverse,
    Kind.UNDONE: _undone,
    Kind.FINGERPRINT: _fingerprint,
    Kind.VERIFIED: _verified,
    Kind.LOOK: _look,
    Kind.OUTCOME: _outcome,
    Kind.REFUSED: _nothing,
    Kind.ADOPTED: _adopted,
}
