"""Where a VM is by both hosts' word, and what follows: law by law."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.execution.plans import NOW
from winmigrate.execution.reconcile import Knowledge, Location, Look, Next, Side, judge, locate
from winmigrate.execution.states import StepState

SILENT = Side("hv", False, "no answer")
HERE = Side("hv", True, present=True, state="Running")
AWAY = Side("hv", True)
PLANNED = Side("hv", True, planned=True)
JOB = Side("hv", True, present=True, state="Running", job_running=True)
COPYING = Side("hv", True, present=True, state="Running", status="StorageMigrationPhaseOne")
FAILED_JOB = Side("hv", True, present=True, state="Running", job_failed="disk full", job_ended=True)
ENDED_JOB = Side("hv", True, present=True, state="Running", job_ended=True)

SENT = StepState("a", attempts=1, ticket={"shell_id": "s", "command_id": "c"}, intent_at=NOW)


def looks(source: Side, destination: Side, *seconds: float) -> tuple[Look, ...]:
    return tuple(Look(NOW + dt.timedelta(seconds=at), source, destination) for at in seconds or (10.0,))


@pytest.mark.parametrize(
    ("source", "destination", "place"),
    [
        (AWAY, HERE, Location.ARRIVED),
        (HERE, AWAY, Location.STAYED),
        (HERE, PLANNED, Location.STAYED),
        (JOB, PLANNED, Location.RUNNING),
        (COPYING, AWAY, Location.RUNNING),
        (AWAY, JOB, Location.RUNNING),
        (HERE, HERE, Location.BOTH),
        (AWAY, AWAY, Location.NEITHER),
        (SILENT, HERE, Location.UNSEEN),
        (HERE, SILENT, Location.UNSEEN),
    ],
)
def test_where_it_is(source: Side, destination: Side, place: Location) -> None:
    assert locate(looks(source, destination)[0]) is place


@pytest.mark.parametrize(
    ("source", "destination", "at", "command", "error", "then"),
    [
        # Success is an observation, whatever the session said.
        (AWAY, HERE, (10,), "unseen", "", Next.VERIFY),
        (AWAY, HERE, (10,), "ended", "an error", Next.VERIFY),
        # It moves: follow it, whoever started it.
        (JOB, PLANNED, (10,), "ended", "", Next.FOLLOW),
        # Windows said why, and it is seen where it was.
        (HERE, AWAY, (10,), "ended", "no slot for this", Next.FAILED),
        # "Limit reached" is a wait.
        (HERE, AWAY, (10,), "ended", "virtual machine migration limit '2' was reached, please wait", Next.WAIT),
        # A pipeline that ended well proves nothing; one look does not either.
        (HERE, AWAY, (10,), "ended", "", Next.LOOK_AGAIN),
        (HERE, AWAY, (10, 80), "ended", "", Next.FAILED),
        # Lost: two looks a minute apart, the command gone, and no trace.
        (HERE, AWAY, (10,), "gone", "", Next.LOOK_AGAIN),
        (HERE, AWAY, (10, 69), "gone", "", Next.LOOK_AGAIN),
        (HERE, AWAY, (10, 70), "gone", "", Next.SEND),
        (HERE, AWAY, (10, 70), "unseen", "", Next.LOOK_AGAIN),
        (HERE, AWAY, (10,), "alive", "", Next.LOOK_AGAIN),
        (HERE, AWAY, (10, 70), "alive", "", Next.RETIRE),
        # A trace of a start: it was an attempt, and there was one.
        (FAILED_JOB, AWAY, (10, 70), "gone", "", Next.FAILED),
        (ENDED_JOB, AWAY, (10, 70), "gone", "", Next.FAILED),
        # A planned VM is a trace as well.
        (HERE, PLANNED, (10, 70), "gone", "", Next.FAILED),
        # So late that a trace would be gone: it counts as an attempt.
        (HERE, AWAY, (400, 470), "gone", "", Next.FAILED),
        # From unknown only looking leads on.
        (HERE, HERE, (10, 700), "gone", "", Next.LOOK_AGAIN),
        (AWAY, AWAY, (10, 700), "gone", "", Next.LOOK_AGAIN),
        (SILENT, AWAY, (10, 700), "gone", "", Next.LOOK_AGAIN),
        (HERE, SILENT, (10, 700), "ended", "an error", Next.LOOK_AGAIN),
    ],
)
def test_what_follows(
    source: Side, destination: Side, at: tuple[float, ...], command: str, error: str, then: Next
) -> None:
    assert judge(looks(source, destination, *at), SENT, Knowledge(command, error), 1).next is then


def test_one_that_disagrees_between_two_looks_undoes_them() -> None:
    mixed = (
        *looks(HERE, AWAY, 10),
        *looks(SILENT, AWAY, 40),
        *looks(HERE, AWAY, 75),
    )
    assert judge(mixed, SENT, Knowledge("gone"), 1).next is Next.LOOK_AGAIN


def test_a_clock_that_was_set_back_proves_nothing() -> None:
    """By the clock the looks come before the intent: how long a job would have been seen nobody knows."""
    state = StepState(
        "a", attempts=1, ticket={"shell_id": "s", "command_id": "c"}, intent_at=NOW + dt.timedelta(minutes=20)
    )
    assert judge(looks(HERE, AWAY, 10, 80), state, Knowledge("gone"), 1).next is Next.FAILED


def test_seen_moving_is_never_called_never_started() -> None:
    state = StepState("a", attempts=1, ticket={"shell_id": "s", "command_id": "c"}, intent_at=NOW, seen_moving=True)
    assert judge(looks(HERE, AWAY, 10, 80), state, Knowledge("gone"), 1).next is Next.FAILED
    assert judge(looks(HERE, AWAY, 10, 80), state, Knowledge("gone"), 2).next is Next.SEND


SIDES = st.builds(
    Side,
    host=st.just("hv"),
    answered=st.booleans(),
    present=st.booleans(),
    state=st.just("Running"),
    status=st.sampled_from(["", "StorageMigrationPhaseOne"]),
    planned=st.booleans(),
    job_running=st.booleans(),
    job_failed=st.sampled_from(["", "it broke"]),
    job_ended=st.booleans(),
)


@given(
    st.lists(st.tuples(SIDES, SIDES, st.integers(1, 90)), min_size=1, max_size=6),
    st.builds(Knowledge, st.sampled_from(["ended", "gone", "alive", "unseen"]), st.sampled_from(["", "an error"])),
    st.integers(1, 3),
    st.booleans(),
)
def test_laws(seen: list[tuple[Side, Side, int]], knowledge: Knowledge, attempts: int, moving: bool) -> None:
    at, made = NOW, []
    for source, destination, seconds in seen:
        at += dt.timedelta(seconds=seconds)
        made.append(Look(at, source, destination))
    state = StepState("a", attempts=1, ticket={"shell_id": "s"}, intent_at=NOW, seen_moving=moving)
    verdict = judge(tuple(made), state, knowledge, attempts)
    newest = made[-1]
    if verdict.next is Next.SEND:
        assert knowledge.command in ("gone", "ended")
        assert newest.source.answered
        assert newest.source.present
        assert not newest.source.job_running
        assert newest.destination.answered
        assert not newest.destination.present
        steady = [look for look in made if (newest.at - look.at).total_seconds() >= 60]
        assert steady, "sent again after one look"
        assert locate(steady[-1]) is Location.STAYED
    if verdict.next is Next.VERIFY:
        assert newest.destination.present
        assert not newest.source.present
    if verdict.next is Next.FAILED:
        assert verdict.location is Location.STAYED
    if not (newest.source.answered and newest.destination.answered):
        assert verdict.next is Next.LOOK_AGAIN
