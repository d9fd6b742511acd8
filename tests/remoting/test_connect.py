"""From names to sessions, reads tried again, recording, and the number of shells."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest

from tests.remoting.host import serving
from tests.remoting.told import Told, outputs, said
from winmigrate.errors import (
    AuthenticationFailed,
    CannotConnect,
    ConnectionLost,
    HostError,
    TimedOut,
    UsageError,
)
from winmigrate.lab.wire import Disruption
from winmigrate.remoting.batch import Answer, Read
from winmigrate.remoting.connect import Shells, connector
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.reads import read_batch, reading
from winmigrate.remoting.recording import recorded
from winmigrate.request import (
    ClockEvent,
    Event,
    Reply,
    Request,
    Session,
    SystemClock,
    command,
    request,
    statement,
)

ONE = request(statement(command("Count", To=1)))


class Leaps:
    """A clock whose sleeps and waits are over at once, and are remembered."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> dt.datetime:
        return dt.datetime(2026, 11, 25, tzinfo=dt.timezone.utc) + dt.timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def event(self) -> ClockEvent:
        return _Leap(self)

    def start(self, function: Callable[[], None], *, name: str) -> threading.Thread:
        raise NotImplementedError

    def join(self, thread: threading.Thread) -> None:
        thread.join()


class _Leap:
    def __init__(self, clock: Leaps) -> None:
        self._clock = clock
        self._set = False

    def set(self) -> None:
        self._set = True

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set and timeout is not None:
            self._clock.sleep(timeout)
        return self._set


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    connect = connector({"hv01": Endpoint("127.0.0.1")}, SystemClock())
    with pytest.raises(UsageError, match=r'no host "hv1".*did you mean "hv01"'):
        connect("hv1")


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ({"scheme": "ftp"}, "scheme"),
        ({"auth": "basic"}, 'no authentication "basic"'),
        ({"scheme": "http", "auth": "certificate"}, "readable"),
        ({"pinned_sha256": "abc"}, "64 hexadecimal"),
        ({"ca": "/there/is/no/such.pem"}, "no CA file"),
        ({"read_timeout": 10.0, "operation_timeout": 20}, "longer than"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(endpoint: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Endpoint("hv01.corp.example", **endpoint)  # type: ignore[arg-type]


def test_ports_follow_the_scheme() -> None:
    assert Endpoint("a").where == "a:5986"
    assert Endpoint("a", scheme="http").where == "a:5985"


# --- reads, and only reads, again --------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [ConnectionLost("hv01", "gone"), CannotConnect("hv01", "refused")])
def test_a_read_is_tried_three_times_each_in_a_fresh_session(broken: HostError) -> None:
    clock = Leaps()
    sessions = [Told(broken), Told(broken), Told(said(7))]
    waiting = list(sessions)
    answers = read_batch(lambda _: waiting.pop(0), "hv01", [Read("a", ONE.statements[0])], clock)
    assert answers == {"a": Answer([7])}
    assert [session.closed for session in sessions] == [1, 1, 1]
    assert clock.slept == [1.0, 2.0]


def test_the_third_failure_is_the_last() -> None:
    sessions = [Told(ConnectionLost("hv01", f"gone {number}")) for number in range(4)]
    with pytest.raises(ConnectionLost, match="gone 2"):
        reading(lambda _: sessions.pop(0), "hv01", lambda session: session.ask(ONE), Leaps())
    assert len(sessions) == 1


@pytest.mark.parametrize("answer", [AuthenticationFailed("hv01", "no"), TimedOut("hv01", "slow")])
def test_what_the_host_answered_is_not_asked_again(answer: HostError) -> None:
    sessions = [Told(answer), Told(said(1))]
    with pytest.raises(type(answer)):
        reading(lambda _: sessions.pop(0), "hv01", lambda session: session.ask(ONE), Leaps())
    assert len(sessions) == 1


def test_over_the_wire_a_read_survives_a_lost_reply() -> None:
    with serving() as host:
        host.faults.add("reply", Disruption("drop"), action="Receive", picks=lambda exchange: exchange.done)
        connect = connector({"hv01": host.endpoint(operation_timeout=1, read_timeout=4.0)}, SystemClock())
        answers = read_batch(connect, "hv01", [Read("a", statement(command("Count", To=2)))], Leaps())
    assert answers == {"a": Answer([0, 1])}
    assert host.engine.ran == ["Count", "Count"]


# --- shells ------------------------------------------------------------------------------------------------------


def test_no_more_shells_than_said_are_open_at_once() -> None:
    with serving() as host:
        connect = connector({"hv01": host.endpoint(max_shells=2)}, SystemClock())
        most = 0
        lock = threading.Lock()

        def run() -> None:
            nonlocal most
            session = connect("hv01")
            session.ask(ONE)
            with lock:
                most = max(most, host.server.service.count())
            session.close()

        threads = [threading.Thread(target=run) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert host.engine.ran == ["Count"] * 6
        assert most <= 2


def test_a_place_given_up_on_is_counted_until_the_host_ends_the_shell() -> None:
    clock = Leaps()
    shells = Shells("hv01", 1, clock)
    shells.take()
    shells.give_back(left_behind=True)
    with pytest.raises(TimedOut, match="all 1 shells"):
        shells.take()
    assert clock.time == pytest.approx(600)
    clock.time += 7200
    shells.take()


def test_a_session_that_cannot_open_holds_no_place() -> None:
    with serving() as host:
        host.server.go_down("refuse")
        connect = connector({"hv01": host.endpoint(max_shells=1)}, SystemClock())
        for _ in range(3):
            session = connect("hv01")
            with pytest.raises(CannotConnect):
                session.open()
            session.close()


# --- recording ---------------------------------------------------------------------------------------------------


class Kept:
    def __init__(self) -> None:
        self.entries: list[tuple[str, Request, list[object], Reply | HostError | None]] = []

    def __call__(self, host: str, asked: Request, events: tuple[Event, ...], end: Reply | HostError | None) -> None:
        self.entries.append((host, asked, outputs(events), end))


def recording(session: Told) -> tuple[Session, Kept]:
    kept = Kept()
    return recorded(lambda _: session, kept)("hv01"), kept


def test_what_was_asked_and_came_goes_to_the_sink() -> None:
    told = Told(said(1), said(2, 3))
    session, kept = recording(told)
    first = session.ask(ONE)
    assert outputs(list(session.start(ONE))) == [2, 3]
    assert kept.entries == [("hv01", ONE, [1], first), ("hv01", ONE, [2, 3], session.last_reply)]


def test_what_broke_goes_to_the_sink_too() -> None:
    broken = ConnectionLost("hv01", "gone")
    session, kept = recording(Told(broken, broken))
    with pytest.raises(ConnectionLost):
        session.ask(ONE)
    with pytest.raises(ConnectionLost):
        list(session.start(ONE))
    assert kept.entries == [("hv01", ONE, [], broken)] * 2


def test_who_goes_away_leaves_an_entry_without_an_end() -> None:
    session, kept = recording(Told(said(1, 2)))
    events = session.start(ONE)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert kept.entries == [("hv01", ONE, [1], None)]
