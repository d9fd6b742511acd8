"""The laws of the fabric's clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winmigrate.errors import LabError
from winmigrate.lab.fabric.clock import FabricClock

#: Real seconds after which a test gives up.
LONG = 10.0


@pytest.fixture
def clock() -> Iterator[FabricClock]:
    made = FabricClock(mode="leap")
    yield made
    made.close()


class Seat:
    """A participant of a test: it is told of its wake-ups."""

    def __init__(self, clock: FabricClock, name: str = "seat") -> None:
        self.woken = threading.Event()
        self.at: float | None = None
        self.clock = clock
        self.number = clock.join(name, self._wake)

    def _wake(self, now: float) -> None:
        self.at = now
        self.woken.set()

    def wait(self, until: float | None) -> None:
        self.woken.clear()
        self.clock.begin_wait(self.number, until)


def settle() -> None:
    """Lets other threads run: for proving that something does not happen."""
    threading.Event().wait(0.05)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=30))
@settings(max_examples=50, deadline=None)
def test_events_come_in_order_of_time_and_of_being_set(plan: list[tuple[int, bool]]) -> None:
    clock = FabricClock(mode="step")
    seen: list[tuple[float, int]] = []

    def event(index: int) -> None:
        clock.at(plan[index][0], lambda at: seen.append((at, index)))

    try:
        timers = [(clock.at(when, lambda at, index=index: seen.append((at, index))), cancel)
                  for index, (when, cancel) in enumerate(plan)]
        for timer, cancel in timers:
            if cancel:
                timer.cancel()
        assert clock.advance(30) == 30
    finally:
        clock.close()
    kept = [(float(when), index) for index, (when, cancel) in enumerate(plan) if not cancel]
    assert seen == sorted(kept)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_an_event_may_set_events(delays: list[int], step: int) -> None:
    clock = FabricClock(mode="step")
    seen: list[float] = []
    left = list(delays)

    def next_one(at: float) -> None:
        seen.append(at)
        if left:
            clock.at(at + left.pop(0), next_one)

    try:
        clock.at(1.0, next_one)
        total = 1.0 + sum(delays)
        while clock.monotonic() < total:
            clock.advance(step)
    finally:
        clock.close()
    assert seen == [1.0 + sum(delays[:count]) for count in range(len(delays) + 1)]


def test_no_leap_while_a_participant_works(clock: FabricClock) -> None:
    one, other = Seat(clock), Seat(clock)
    one.wait(5.0)
    settle()
    assert clock.monotonic() == 0.0
    other.wait(9.0)
    assert one.woken.wait(LONG)
    assert one.at == 5.0
    settle()
    assert not other.woken.is_set()
    assert clock.monotonic() == 5.0
    clock.leave(one.number)
    assert other.woken.wait(LONG)
    assert other.at == 9.0


def test_no_leap_while_a_request_is_in_work(clock: FabricClock) -> None:
    seat = Seat(clock)
    with clock.working():
        with clock.working():
            seat.wait(3.0)
        settle()
        assert clock.monotonic() == 0.0
    assert seat.woken.wait(LONG)


def test_held_work_stops_the_time_too(clock: FabricClock) -> None:
    seat = Seat(clock)
    clock.hold()
    seat.wait(3.0)
    settle()
    assert clock.monotonic() == 0.0
    clock.release()
    assert seat.woken.wait(LONG)


def test_no_leap_when_nobody_waits(clock: FabricClock) -> None:
    clock.at(5.0, lambda at: None)
    settle()
    assert clock.monotonic() == 0.0
    with clock.working():
        pass
    settle()
    assert clock.monotonic() == 0.0


def test_who_is_woken_by_a_ready_counts_as_working_at_once(clock: FabricClock) -> None:
    flag = threading.Event()
    seat = Seat(clock)
    result: list[bool] = []
    entered = threading.Event()
    release = threading.Event()

    def pipeline() -> None:
        with clock.working():
            entered.set()
            result.append(clock.wait(100.0, flag.is_set))
            release.wait(LONG)

    thread = threading.Thread(target=pipeline)
    thread.start()
    assert entered.wait(LONG)
    clock.at(2.0, lambda at: flag.set())
    seat.wait(50.0)
    settle()
    assert result == [True]
    assert clock.monotonic() == 2.0
    assert not seat.woken.is_set()
    release.set()
    thread.join(LONG)
    assert seat.woken.wait(LONG)
    assert seat.at == 50.0


def test_a_parked_receive_stands_for_its_client(clock: FabricClock) -> None:
    seat = Seat(clock)
    done = threading.Event()
    times: list[float] = []

    def receive() -> None:
        with clock.working(), clock.parked():
            assert not clock.wait(20.0, lambda: False)
            times.append(clock.monotonic())
        done.set()

    thread = threading.Thread(target=receive)
    thread.start()
    assert done.wait(LONG)
    assert times == [20.0]
    thread.join(LONG)
    assert clock.state()["parked"] == 0
    clock.leave(seat.number)


def test_too_many_parked_receives_leap_only_after_stillness(clock: FabricClock) -> None:
    """One client's thread works while two Receives are parked: one of them is a dead client's."""
    seat = Seat(clock)
    woken = [threading.Event(), threading.Event()]

    def receive(index: int) -> None:
        with clock.working(), clock.parked():
            clock.wait(20.0, lambda: False)
        woken[index].set()

    threads = [threading.Thread(target=receive, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for event in woken:
        assert event.wait(LONG)
    for thread in threads:
        thread.join(LONG)
    clock.leave(seat.number)


def test_a_dead_client_stands_for_nobody(clock: FabricClock) -> None:
    """A client was killed in the middle of a Receive; the one that comes after it works, and no time passes."""
    alive = threading.Event()
    alive.set()
    entered = threading.Event()

    def receive() -> None:
        with clock.working(), clock.parked(alive.is_set):
            entered.set()
            clock.wait(20.0, lambda: False)

    thread = threading.Thread(target=receive)
    with clock.working():
        thread.start()
        assert entered.wait(LONG)
        settle()
        alive.clear()
        seat = Seat(clock)
    settle()
    assert clock.monotonic() == 0.0
    seat.wait(30.0)
    assert seat.woken.wait(LONG)
    thread.join(LONG)
    assert clock.monotonic() == 30.0


def test_a_lost_clients_receive_is_doubted(clock: FabricClock) -> None:
    """The same where nobody can tell whether the client is alive: time stands while the next one works."""
    entered = threading.Event()

    def receive() -> None:
        with clock.working(), clock.parked():
            entered.set()
            clock.wait(20.0, lambda: False)

    thread = threading.Thread(target=receive)
    dead = Seat(clock)
    with clock.working():
        thread.start()
        assert entered.wait(LONG)
        settle()
        clock.leave(dead.number, lost=True)
        seat = Seat(clock)
    settle()
    assert clock.monotonic() == 0.0
    seat.wait(30.0)
    assert seat.woken.wait(LONG)
    thread.join(LONG)


def test_a_crowd_of_threads_never_sees_time_pass_while_it_works(clock: FabricClock) -> None:
    """Participants, pipelines and the Receives that wait for them, at random; every stretch of work takes no time."""
    import random

    faults: list[str] = []
    boxes: list[list[int]] = [[] for _ in range(4)]
    ended = [False] * 4

    def stretch(label: str, chance: random.Random) -> None:
        before = clock.monotonic()
        threading.Event().wait(chance.random() * 0.002)
        if clock.monotonic() != before:
            faults.append(label)

    def pipeline(index: int) -> None:
        chance = random.Random(index)
        with clock.working():
            for number in range(25):
                stretch(f"pipeline {index}", chance)
                clock.wait(clock.monotonic() + chance.choice([0.0, 0.5, 3.0]), None)
                boxes[index].append(number)
                clock.changed()
            ended[index] = True
            clock.changed()

    def client(index: int, seat: Seat) -> None:
        """Now a Receive, now a sleep of its own, as a client's thread does."""
        chance = random.Random(100 + index)
        while not (ended[index] and not boxes[index]):
            stretch(f"client {index}", chance)
            if chance.random() < 0.3:
                seat.wait(clock.monotonic() + chance.choice([0.1, 2.0]))
                assert seat.woken.wait(LONG)
            else:
                with clock.working():
                    with clock.parked():
                        clock.wait(clock.monotonic() + 20.0, lambda: bool(boxes[index]) or ended[index])
                    stretch(f"request {index}", chance)
                    boxes[index].clear()
        clock.leave(seat.number)

    seats = [Seat(clock, f"client {index}") for index in range(4)]
    threads = [threading.Thread(target=pipeline, args=(index,)) for index in range(4)]
    threads += [threading.Thread(target=client, args=(index, seats[index])) for index in range(4)]
    with clock.working():
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive(), clock.state()
    assert faults == []
    assert clock.state()["participants"] == []


def test_an_interrupted_wait_leaves_the_book(clock: FabricClock) -> None:
    seat = Seat(clock)
    seat.wait(None)
    assert clock.end_wait(seat.number)
    assert not clock.end_wait(seat.number)
    other = Seat(clock)
    other.wait(4.0)
    settle()
    assert clock.monotonic() == 0.0
    clock.leave(seat.number)
    assert other.woken.wait(LONG)


def test_events_come_before_those_who_wait_for_that_time(clock: FabricClock) -> None:
    order: list[str] = []
    seat = Seat(clock)

    def event(at: float) -> None:
        order.append("event")
        clock.at(at, lambda again: order.append("event's event"))

    clock.at(3.0, event)
    seat.wait(3.0)
    assert seat.woken.wait(LONG)
    assert order == ["event", "event's event"]


def test_real_time_runs_at_its_rate_and_never_back() -> None:
    clock = FabricClock(mode="real", rate=200.0)
    try:
        came = threading.Event()
        clock.at(10.0, lambda at: came.set())
        assert came.wait(LONG)
        before = clock.monotonic()
        assert before >= 10.0
        clock.set_mode("leap")
        frozen = clock.monotonic()
        assert frozen >= before
        settle()
        assert clock.monotonic() == frozen
        clock.set_mode("real", 50.0)
        assert clock.monotonic() >= frozen
    finally:
        clock.close()


def test_step_waits_for_those_who_work_and_names_them() -> None:
    clock = FabricClock(mode="step")
    try:
        seat = Seat(clock, "the watcher")
        with pytest.raises(LabError, match="the watcher"):
            clock.advance(5.0, patience=0.1)
        seat.wait(2.0)
        waiter = threading.Thread(target=lambda: (seat.woken.wait(LONG), seat.wait(4.0)))
        waiter.start()
        assert clock.advance(3.0) == 3.0
        assert seat.at == 2.0
        waiter.join(LONG)
    finally:
        clock.close()


@pytest.mark.parametrize("call", [
    lambda clock: clock.set_mode("quick"), lambda clock: clock.set_mode("real", 0), lambda clock: clock.advance(1.0),
    lambda clock: clock.begin_wait(99, None),
])
def test_what_the_clock_refuses(clock: FabricClock, call: object) -> None:
    with pytest.raises(LabError):
        call(clock)  # type: ignore[operator]


def test_a_closed_clock_ends_every_wait() -> None:
    clock = FabricClock(mode="leap")
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(clock.wait(None, lambda: False)))
    thread.start()
    settle()
    clock.close()
    thread.join(LONG)
    assert results == [False]
    assert not clock.wait(None, lambda: False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_of_an_event_is_told_to_all_who_wait() -> None:
    clock = FabricClock(mode="leap")

    def broken(at: float) -> None:
        raise ZeroDivisionError

    clock.at(1.0, broken)
    with clock.parked(), pytest.raises(LabError, match="ZeroDivisionError"):
        clock.wait(None, lambda: False)
    with pytest.raises(LabError):
        clock.wait(1.0, None)
    clock.close()


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_threads_that_sleep_see_exactly_their_times(plans: list[list[int]]) -> None:
    """Many threads, each sleeping along its own list: each sees the sum of its sleeps, whatever the others do."""
    clock = FabricClock(mode="leap")
    seen: list[list[float]] = [[] for _ in plans]
    seats = [Seat(clock, str(index)) for index in range(len(plans))]

    def walk(index: int) -> None:
        seat = seats[index]
        for pause in plans[index]:
            seat.wait(clock.monotonic() + pause)
            assert seat.woken.wait(LONG)
            seen[index].append(clock.monotonic())
        clock.leave(seat.number)

    threads = [threading.Thread(target=walk, args=(index,)) for index in range(len(plans))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    clock.close()
    assert seen == [[float(sum(plan[:count + 1])) for count in range(len(plan))] for plan in plans]
