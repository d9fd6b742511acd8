"""The scheduler: what starts, why the rest waits, and laws that hold for any plan."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.execution.plans import NOW, plan, step
from winmigrate.execution.scheduler import Decision, Seen, decide
from winmigrate.execution.states import Status
from winmigrate.planning import HostLimits, Plan, Window

W, M, D, F, U = Status.WAITING, Status.MOVING, Status.DONE, Status.FAILED, Status.UNKNOWN
HOSTS = ("hv01", "hv02", "hv03", "hv04")
QUIET: dict[str, Seen | None] = {host: Seen() for host in HOSTS}


def ask(made: Plan, states: dict[str, Status] | None = None, **more: object) -> Decision:
    known = {item.id: W for item in made.steps} | (states or {})
    return decide(made, known, more.pop("seen", QUIET), more.pop("now", NOW), **more)  # type: ignore[arg-type]


def reasons(decision: Decision) -> dict[str, str]:
    return {item.step: item.reason for item in decision.waiting}


def test_longest_first_and_the_slots_of_both_ends() -> None:
    made = plan(step("a", minutes=1), step("b", minutes=9), step("c", minutes=5))
    decision = ask(made)
    assert decision.start == ("b", "c")
    assert reasons(decision) == {"a": "hv01 has 2 of 2 live moves (b, c)"}


def test_the_busiest_host_comes_first() -> None:
    made = plan(
        step("x", "hv03", "hv04", minutes=6),
        step("a", "hv01", "hv02", minutes=4),
        step("b", "hv01", "hv02", minutes=4),
        slots=1,
    )
    assert ask(made).start == ("a", "x")


def test_a_slot_at_the_destination_is_needed_too() -> None:
    made = plan(step("a", "hv01", "hv03"), step("b", "hv02", "hv03"), slots=1)
    decision = ask(made, {"a": M})
    assert decision.start == ()
    assert reasons(decision) == {"b": "hv03 has 1 of 1 live moves (a)"}


def test_moves_of_others_count() -> None:
    made = plan(step("a"), slots=1)
    decision = ask(made, seen={**QUIET, "hv02": Seen(frozenset({"somebody"}))})
    assert reasons(decision) == {"a": "hv02 has 1 of 1 live moves (a move of others (somebody))"}


def test_limits_that_a_host_has_now_are_kept() -> None:
    made = plan(step("a"), step("b"))
    seen = {**QUIET, "hv01": Seen(limits=HostLimits(1, 2))}
    assert len(ask(made, seen=seen).start) == 1


def test_a_host_that_does_not_answer_starts_nothing() -> None:
    made = plan(step("a"), step("b", "hv03", "hv04"))
    decision = ask(made, seen={**QUIET, "hv02": None})
    assert decision.start == ("b",)
    assert reasons(decision) == {"a": "hv02 has not answered"}


def test_after_waits_for_success_and_falls_with_failure() -> None:
    made = plan(step("a"), step("b", "hv03", "hv04", after=("a",)), stop_after=9)
    assert reasons(ask(made, {"a": M})) == {"b": "comes after a"}
    assert ask(made, {"a": D}).start == ("b",)
    assert ask(made, {"a": F}).refuse == (("b", "it comes after a, which did not move"),)


def test_priority_before_length() -> None:
    made = plan(step("long", minutes=60), step("first", minutes=1, priority=5), slots=1)
    assert ask(made).start == ("first",)


def test_an_unknown_move_keeps_its_slots() -> None:
    made = plan(step("a"), step("b"), slots=1, stop_after=9)
    assert ask(made, {"a": U}).start == ()


@pytest.mark.parametrize(
    ("offset", "fit", "starts", "words"),
    [
        (-60, True, False, "opens at"),
        (0, True, True, ""),
        (56 * 60, True, False, "would not end before"),
        (56 * 60, False, True, ""),
        (61 * 60, False, False, "closed at"),
    ],
)
def test_the_window(offset: int, fit: bool, starts: bool, words: str) -> None:
    window = Window(NOW, NOW + dt.timedelta(hours=1), fit)
    decision = ask(plan(step("a"), window=window), now=NOW + dt.timedelta(seconds=offset))
    assert bool(decision.start) is starts
    assert all(words in text for text in reasons(decision).values())


def test_waiting_for_others_has_a_deadline_and_then_ends() -> None:
    made = plan(step("b"), slots=1)
    seen = {**QUIET, "hv02": Seen(frozenset({"somebody"}))}
    since = {"b": NOW}
    waits = ask(made, seen=seen, waiting_since=since)
    assert waits.waiting[0].deadline == NOW + dt.timedelta(seconds=made.wait_limit)
    late = ask(made, seen=seen, waiting_since=since, now=NOW + dt.timedelta(seconds=made.wait_limit))
    assert late.refuse[0][0] == "b"
    assert "waited 60 min in vain" in late.refuse[0][1]


def test_a_long_evacuation_refuses_nobody_for_waiting_behind_its_own_moves() -> None:
    made = plan(step("a"), step("b"), slots=1)
    for late in (1, 60, 6000):
        decision = ask(made, {"a": M}, waiting_since={"b": NOW}, now=NOW + dt.timedelta(minutes=late))
        assert decision.refuse == ()
        assert (decision.waiting[0].kind, decision.waiting[0].deadline) == ("slots", None)


def test_what_windows_puts_off_has_a_deadline() -> None:
    made = plan(step("a"))
    now = NOW + dt.timedelta(seconds=made.wait_limit)
    held = {"a": (now + dt.timedelta(seconds=60), "a on hv01 is being backed up")}
    assert ask(made, held=held, waiting_since={"a": NOW}, now=now).refuse == (
        ("a", "waited 60 min in vain: a on hv01 is being backed up"),
    )


def test_what_windows_put_off_is_not_asked_before_its_time() -> None:
    made = plan(step("a"))
    held = {"a": (NOW + dt.timedelta(seconds=60), "Windows says: migration limit 2 was reached")}
    assert "Windows says: migration limit 2" in reasons(ask(made, held=held))["a"]
    assert ask(made, held=held, now=NOW + dt.timedelta(seconds=60)).start == ("a",)


def test_stopping_starts_nothing_and_says_why() -> None:
    assert reasons(ask(plan(step("a")), stopping="stopped by the operator")) == {"a": "stopped by the operator"}


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 12))
    steps = []
    for number in range(count):
        source, destination = draw(st.permutations(HOSTS))[:2]
        after = draw(st.lists(st.sampled_from([f"s{n}" for n in range(number)]), max_size=2)) if number else []
        minutes = draw(st.integers(1, 90))
        steps.append(step(f"s{number}", source, destination, minutes, after=tuple(dict.fromkeys(after))))
    return plan(*steps, slots=draw(st.integers(1, 3)), run=draw(st.integers(1, 6)), stop_after=99)


@given(plans())
def test_any_plan_comes_to_its_end_within_its_slots(made: Plan) -> None:
    """Slots and order are never broken, no startable move waits, and everything is done in the end."""
    states = {item.id: W for item in made.steps}
    for _ in range(len(made.steps) * 2 + 2):
        decision = ask(made, states)
        states |= dict.fromkeys(decision.start, M)
        moving = [made.step(name) for name, status in states.items() if status is M]
        for host in made.limits:
            here = [item for item in moving if host in (item.move.source, item.move.destination)]
            assert len(here) <= made.limits[host].live
        assert len(moving) <= made.run_limit
        assert all(states[before] is D for item in moving for before in item.after)
        assert not ask(made, states).start, "a move that could start was left waiting"
        assert all(item.reason for item in decision.waiting)
        if not moving:
            break
        states[moving[0].id] = D
    assert set(states.values()) == {D}
