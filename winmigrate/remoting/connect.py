"""From a host's name to a session; and how many shells one process has open on a host at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from winmigrate.errors import TimedOut, UsageError, did_you_mean
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.request import Clock, ClockEvent, Event, Reply, Request, Session, Ticket

#: How long a session waits for one of ours to end before it says so. Seconds of the clock.
_LONGEST_WAIT = 600.0
#: How long a shell that was left behind counts (it ends by itself then: remoting.psrp).
_LEFT_BEHIND = 7200.0


class Connector(Protocol):
    """Makes sessions. All above this room gets one of these, never a client."""

    def __call__(self, host_name: str) -> Session:
        """A fresh session, not yet opened, to a host of the inventory. Raises UsageError for an unknown name."""


def connector(endpoints: Mapping[str, Endpoint], clock: Clock) -> Connector:
    """Sessions to these hosts over what each endpoint names, by their names in the inventory; each host's
    ``max_shells`` is kept."""
    shells = {name: Shells(name, endpoint.max_shells, clock) for name, endpoint in endpoints.items()}

    def connect(host_name: str) -> Session:
        if host_name not in endpoints:
            raise UsageError(f'no host "{host_name}" to connect to{did_you_mean(host_name, endpoints)}')
        return _Counted(_session(host_name, endpoints[host_name], clock), shells[host_name])

    return connect


def _session(host_name: str, endpoint: Endpoint, clock: Clock) -> _Leaving:
    # here, so that whoever only needs a Connector does not load pypsrp and all below it
    if endpoint.kind == "winrs":
        from winmigrate.remoting.winrs import WinrsSession

        return WinrsSession(host_name, endpoint, clock)
    from winmigrate.remoting.psrp import PsrpSession

    return PsrpSession(host_name, endpoint, clock)


class _Leaving(Session, Protocol):
    """A session that knows whether its shell was left on the host."""

    @property
    def left_behind(self) -> bool: ...


class Shells:
    """The places for shells on one host. Waits are the clock's, so that simulated time can pass over them."""

    def __init__(self, host: str, most: int, clock: Clock) -> None:
        self._host = host
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._taken = 0
        self._left: list[float] = []
        self._waiting: list[ClockEvent] = []

    def take(self) -> None:
        """Takes a place, when there is one. Raises TimedOut after ten minutes."""
        give_up = self._clock.monotonic() + _LONGEST_WAIT
        while True:
            with self._lock:
                now = self._clock.monotonic()
                self._left = [until for until in self._left if until > now]
                if self._taken + len(self._left) < self._most:
                    self._taken += 1
                    return
                event = self._clock.event()
                self._waiting.append(event)
            if now >= give_up:
                raise TimedOut(
                    self._host,
                    f"all {self._most} shells this process may have there are in use or were left behind",
                    hint="raise max_shells for that host, or look why its sessions do not end",
                )
            event.wait(min([give_up, *self._left]) - now)

    def give_back(self, *, left_behind: bool = False) -> None:
        """Gives a place back; that of a shell left on the host only when the host ends it."""
        with self._lock:
            self._taken -= 1
            if left_behind:
                self._left.append(self._clock.monotonic() + _LEFT_BEHIND)
            waiting, self._waiting = self._waiting, []
        for event in waiting:
            event.set()


class _Counted:
    """A session that holds one of its host's places while it is open."""

    def __init__(self, session: _Leaving, shells: Shells) -> None:
        self.host = session.host
        self._session = session
        self._shells = shells
        self._holds = False

    def open(self) -> None:
        if self._holds:
            return
        self._shells.take()
        self._holds = True
        try:
            self._session.open()
        except BaseException:
            self._holds = False
            self._shells.give_back()
            raise

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        self.open()
        return self._session.ask(asked, timeout=timeout)

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        self.open()
        return self._session.start(asked, on_ticket=on_ticket, timeout=timeout)

    @property
    def last_reply(self) -> Reply | None:
        return self._session.last_reply

    def alive(self, ticket: Ticket) -> bool:
        return self._session.alive(ticket)

    def retire(self, ticket: Ticket) -> None:
        self._session.retire(ticket)

    def close(self) -> None:
        self._session.close()
        if self._holds:
            self._holds = False
            self._shells.give_back(left_behind=self._session.left_behind)
