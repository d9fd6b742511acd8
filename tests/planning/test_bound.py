"""The lower bound and the estimate of the schedule: proven against each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.execution.plans import plan, step
from winmigrate.planning.bound import lower_bound, makespan
from winmigrate.planning.estimate import seconds_for

HOSTS = ("hv01", "hv02", "hv03", "hv04")


def test_one_host_with_two_slots() -> None:
    made = plan(*(step(f"s{number}", minutes=10) for number in range(4)))
    assert lower_bound(made.steps, made.limits) == 1200
    assert makespan(made.steps, made.limits, 8) == 1200
    assert makespan(made.steps, made.limits, 1) == 2400


def test_the_longest_step_is_a_bound() -> None:
    made = plan(step("short", minutes=1), step("long", minutes=50))
    assert lower_bound(made.steps, made.limits) == 3000


def test_order_is_kept() -> None:
    made = plan(step("a", minutes=10), step("b", "hv03", "hv04", minutes=10, after=("a",)))
    assert makespan(made.steps, made.limits, 8) == 1200


def test_nothing_takes_no_time() -> None:
    assert lower_bound((), {}) == 0
    assert makespan((), {}, 8) == 0


@given(
    st.lists(st.tuples(st.permutations(HOSTS), st.integers(1, 120)), min_size=1, max_size=25),
    st.integers(1, 4),
)
def test_no_schedule_is_shorter_and_ours_is_within_three_times(jobs: list[tuple[list[str], int]], slots: int) -> None:
    steps = [step(f"s{n}", hosts[0], hosts[1], minutes) for n, (hosts, minutes) in enumerate(jobs)]
    made = plan(*steps, slots=slots, run=99)
    least = lower_bound(made.steps, made.limits)
    assert least <= makespan(made.steps, made.limits, 99) + 1e-6
    assert makespan(made.steps, made.limits, 99) <= 3 * least + 1e-6


@given(st.integers(0, 10**14), st.integers(0, 10**12))
def test_estimates_are_ranges_that_grow(storage: int, memory: int) -> None:
    low, high = seconds_for(storage, memory)
    assert 0 < low < high
    more = seconds_for(storage + 10**10, memory + 10**9)
    assert more[0] > low
    assert more[1] > high
