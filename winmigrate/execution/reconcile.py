"""What both hosts say of one VM, and what follows from it. Laws of execution 2 to 4, and 8.

- Success is an observation: the VM's Id is on the destination in the state it was planned to have, and gone from the
  source. A lost session, a finished pipeline, 100 % and a "Completed" job prove nothing.
- Unknown is a state of its own. From unknown only looking leads on.
- A move is sent again only if the old command is gone, two looks at least 60 s apart agree that nothing runs and the
  VM is whole on the source, and attempts are left. An intent proven never started is no attempt.

All here is pure: looks in, verdicts out.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import Enum

from winmigrate.execution.states import StepState

#: Two looks that may count as two: seconds between them.
SECOND_LOOK_AFTER = 60.0

#: A finished migration job can be seen for so long (Msvm_MigrationJob, TimeBeforeRemoval): seconds.
JOB_VISIBLE_FOR = 300.0

_MOVING_STATUSES = frozenset(
    {
        "MigratingVirtualMachine",
        "StorageMigrationPhaseOne",
        "StorageMigrationPhaseTwo",
        "MigratingPlannedVm",
        "CheckingCompatibility",
    }
)

#: JobState numbers that mean an ending has come (win32 docs; 32768: os-win).
ENDED_JOB_STATES = frozenset({7, 8, 9, 10, 32768})


@dataclass(frozen=True, slots=True)
class Side:
    """One host's word on one VM. ``answered`` False: the host did not answer, ``silence`` says why.

    ``present``: the VM's Id is registered there as a real VM, in ``state``; ``planned``: a planned VM of it is there.
    ``job_running``: a migration job for it runs there; ``job_failed``: text of one that ended badly and is still seen.
    """

    host: str
    answered: bool
    silence: str = ""
    present: bool = False
    state: str = ""
    status: str = ""
    planned: bool = False
    job_running: bool = False
    job_failed: str = ""
    job_ended: bool = False

    def describe(self) -> str:
        """For people: "running on hv01"."""
        if not self.answered:
            return f"{self.host} does not answer ({self.silence})"
        parts = [f"{self.state.lower()} on {self.host}" if self.present else f"not on {self.host}"]
        if self.planned:
            parts.append("planned VM there")
        if self.job_running:
            parts.append("migration job running")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Look:
    """Both hosts at about one moment."""

    at: dt.datetime
    source: Side
    destination: Side

    def describe(self) -> str:
        return f"{self.source.describe()}; {self.destination.describe()}"


class Location(str, Enum):
    """Where the VM is, by both hosts' word."""

    ARRIVED = "arrived"  # on the destination, gone from the source, nothing runs
    RUNNING = "running"  # a move of it runs
    STAYED = "stayed"  # whole on the source, not on the destination, nothing runs
    BOTH = "both"  # registered on both: the hand-over, or worse
    NEITHER = "neither"  # registered on none
    UNSEEN = "unseen"  # a host did not answer


def locate(look: Look) -> Location:
    """Where the VM is. A planned VM at the destination is not the VM."""
    source, destination = look.source, look.destination
    if not source.answered or not destination.answered:
        return Location.UNSEEN
    if source.job_running or destination.job_running or (source.present and source.status in _MOVING_STATUSES):
        return Location.RUNNING
    if source.present and destination.present:
        return Location.BOTH
    if destination.present:
        return Location.ARRIVED
    return Location.STAYED if source.present else Location.NEITHER


#: "... migration limit '2' was reached, please wait for completion of an ongoing migration operation" (KB4558514).
_LIMIT = re.compile(r"\bmigration limit\b.{0,20}\breached\b", re.IGNORECASE)


class Next(str, Enum):
    """What to do after a look."""

    VERIFY = "verify"
    FOLLOW = "follow"  # look again at the usual pace: it moves
    LOOK_AGAIN = "look-again"  # unknown: look again at the slow pace
    RETIRE = "retire"  # the old command is still there though nothing runs: delete its shell, then look again
    FAILED = "failed"
    WAIT = "wait"  # Windows had no slot left: no failure, the scheduler tries again
    SEND = "send"  # whole on the source and proven never to have started: send (again)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known beside the looks. ``command``: "ended" (its end was received), "gone", "alive", or "unseen"."""

    command: str
    error: str = ""

    @property
    def limit_reached(self) -> bool:
        """Did Windows refuse because its number of simultaneous migrations was reached? Law of execution 9."""
        return _LIMIT.search(self.error) is not None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows. ``never_started``: the intent is proven never to have become a move."""

    next: Next
    location: Location
    reason: str
    never_started: bool = False


def judge(looks: tuple[Look, ...], state: StepState, knowledge: Knowledge, attempts_allowed: int) -> Verdict:
    """What follows from the looks since the intent, newest last (at least one)."""
    newest = looks[-1]
    place = locate(newest)
    if place is Location.ARRIVED:
        return Verdict(Next.VERIFY, place, newest.describe())
    if place is Location.RUNNING:
        return Verdict(Next.FOLLOW, place, newest.describe())
    if place is not Location.STAYED:
        return Verdict(Next.LOOK_AGAIN, place, newest.describe())
    if knowledge.command == "ended" and knowledge.limit_reached:
        return Verdict(Next.WAIT, place, knowledge.error, never_started=True)
    if knowledge.command == "ended" and knowledge.error:
        # Windows said why it did not move, and the VM is seen where it was: nothing is unknown.
        return Verdict(Next.FAILED, place, knowledge.error)
    if knowledge.command == "alive":
        if _two_agree(looks):
            return Verdict(Next.RETIRE, place, "the command is still there, though nothing runs")
        return Verdict(Next.LOOK_AGAIN, place, "the command is still there")
    if knowledge.command == "unseen":
        return Verdict(Next.LOOK_AGAIN, place, "the source cannot be asked for the old command")
    if not _two_agree(looks):
        return Verdict(Next.LOOK_AGAIN, place, f"{newest.describe()}: a second look is needed")
    failed = newest.source.job_failed or newest.destination.job_failed
    if failed:
        return Verdict(Next.FAILED, place, failed)
    if knowledge.command == "ended":
        return Verdict(Next.FAILED, place, "Move-VM ended without an error, and the VM is still where it was")
    if _never_started(newest, state):
        return Verdict(Next.SEND, place, "the intent never became a move", never_started=True)
    if state.attempts < attempts_allowed:
        return Verdict(Next.SEND, place, f"attempt {state.attempts} of {attempts_allowed} came to nothing")
    return Verdict(Next.FAILED, place, "the move came to nothing, and no attempts are left")


def _two_agree(looks: tuple[Look, ...]) -> bool:
    """Do the newest look and one at least SECOND_LOOK_AFTER before it, and all between, say STAYED?"""
    newest = looks[-1]
    for look in reversed(looks):
        if locate(look) is not Location.STAYED:
            return False
        if (newest.at - look.at).total_seconds() >= SECOND_LOOK_AFTER:
            return True
    return False


def _never_started(newest: Look, state: StepState) -> bool:
    """No trace of a start, while a trace would still be seen: a finished job stays visible for five minutes.

    A planned VM is a trace. A clock that was set back since proves nothing either.
    """
    if newest.source.planned or newest.destination.planned:
        return False
    if state.seen_moving or newest.source.job_ended or newest.destination.job_ended or state.intent_at is None:
        return False
    return 0 <= (newest.at - state.intent_at).total_seconds() < JOB_VISIBLE_FOR
