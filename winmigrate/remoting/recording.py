"""Recording: a session that tells a sink what was asked and what came, and changes nothing of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from winmigrate.errors import HostError
from winmigrate.remoting.connect import Connector
from winmigrate.request import Event, PipelineState, Reply, Request, Session, Ticket


class Sink(Protocol):
    """Takes what one request brought. ``end`` is the Reply, the HostError that took its place, or None if whoever
    asked went away before the end. Called once a request, in the thread that asked; and with a request of no
    statements once a session was opened, or could not be."""

    def __call__(self, host: str, asked: Request, events: tuple[Event, ...], end: Reply | HostError | None) -> None: ...


#: Stands for the opening of a session, which sends no statement.
OPENING = Request(())


class RecordingSession:
    """A session (implements request.Session) whose requests go to a sink too."""

    def __init__(self, session: Session, sink: Sink) -> None:
        self.host = session.host
        self._session = session
        self._sink = sink

    def open(self) -> None:
        try:
            self._session.open()
        except HostError as error:
            self._sink(self.host, OPENING, (), error)
            raise
        self._sink(self.host, OPENING, (), Reply((), PipelineState.COMPLETED))

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        try:
            reply = self._session.ask(asked, timeout=timeout)
        except HostError as error:
            self._sink(self.host, asked, (), error)
            raise
        self._sink(self.host, asked, reply.events, reply)
        return reply

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        seen: list[Event] = []
        try:
            events = self._session.start(asked, on_ticket=on_ticket, timeout=timeout)
        except HostError as error:
            self._sink(self.host, asked, (), error)
            raise
        return self._told(asked, events, seen)

    def _told(self, asked: Request, events: Iterator[Event], seen: list[Event]) -> Iterator[Event]:
        end: Reply | HostError | None = None
        try:
            for event in events:
                seen.append(event)
                yield event
            end = self._session.last_reply
        except HostError as error:
            end = error
            raise
        finally:
            self._sink(self.host, asked, tuple(seen), end)

    @property
    def last_reply(self) -> Reply | None:
        return self._session.last_reply

    def alive(self, ticket: Ticket) -> bool:
        return self._session.alive(ticket)

    def retire(self, ticket: Ticket) -> None:
        self._session.retire(ticket)

    def close(self) -> None:
        self._session.close()


def recorded(connector: Connector, sink: Sink) -> Connector:
    """A connector whose sessions all record to one sink."""

    def connect(host_name: str) -> Session:
        return RecordingSession(connector(host_name), sink)

    return connect
