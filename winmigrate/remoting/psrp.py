"""A PowerShell session over PSRP: one host, one shell, one request at a time.

Laws: a request is sent once. Its ids are told before it leaves. After it has left, whatever breaks is ConnectionLost
or TimedOut: nobody here can say whether it happened. A broken line is made good (recovery) as long as nothing of what
the host said is missing; a missing end is said to be missing, never waited for for ever.

Progress is not silenced: while we receive it fills no buffer. A shell that is left with something running in it is
told to drop what it cannot deliver (BufferMode Drop), for in Block mode a full buffer would suspend the command
(about_Remote_Disconnected_Sessions).
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from pypsrp.exceptions import FragmentError
from pypsrp.shell import SignalCode

from winmigrate.errors import ClixmlError, ConnectionLost, HostError, ProtocolError, TimedOut
from winmigrate.remoting import looking, losses
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.enumeration import selectors_of
from winmigrate.remoting.failures import (
    UNKNOWN_SELECTORS,
    WIRE_ERRORS,
    fault_code,
    is_passing,
    never_connected,
    translate,
)
from winmigrate.remoting.messages import (
    CREATE_PIPELINE,
    HOST_CALL,
    PIPELINE_STATE,
    STREAMS,
    Message,
    create_pipeline,
    ended,
    has_secret,
    packed,
)
from winmigrate.remoting.pool import Pool, Stream
from winmigrate.remoting.recovery import recover
from winmigrate.remoting.transport import Wire
from winmigrate.request import Clock, Event, Reply, Request, Ticket

#: A connection that was idle this long (of either clock) is made anew before a request goes out: Windows closes idle
#: ones after two minutes, and a request that meets a closed one is in doubt.
_IDLE = 20.0
#: Recoveries in a row without a word from the host in between.
_MOST_RECOVERIES = 8
#: A socket is given this much longer than the host was asked to think.
_SLACK = 5.0
#: How long the farewells of close() may take, each.
_FAREWELL = 5.0
#: The most that :meth:`PsrpSession.ask` takes for an answer: objects and the like, and characters.
MOST_EVENTS = 250_000
MOST_TEXT = 256 << 20
#: A shell left behind with a request in it that was given up: Windows' own default.
_LEFT_BEHIND = "PT7200S"
#: Why a host call could not be refused.
_UNANSWERABLE: tuple[type[Exception], ...] = (ClixmlError, *WIRE_ERRORS)


@dataclass(slots=True)
class _Running:
    """A request that is on its host."""

    ticket: Ticket
    stream: Stream
    begun: float
    deadline: float | None
    events: list[Event] = field(default_factory=list)
    recoveries: int = 0
    was_lost: bool = False
    is_done: bool = False


class PsrpSession:
    """PowerShell on one host (implements request.Session). Owned by one thread; :meth:`alive` may be asked by any.

    Errors: the HostError tree, each one line. A failed pipeline is a Reply.
    """

    def __init__(self, host: str, endpoint: Endpoint, clock: Clock) -> None:
        self.host = host
        self._endpoint = endpoint
        self._clock = clock
        self._wire: Wire | None = None
        self._pool: Pool | None = None
        self._running: _Running | None = None
        self._last: Reply | None = None
        self._dead = ""
        self._used = (0.0, 0.0)
        self._closed = False
        self._left = False

    @property
    def left_behind(self) -> bool:
        """Was a shell left on the host when this session was closed? It counts against the account's quota there."""
        return self._left

    @property
    def last_reply(self) -> Reply | None:
        """The reply of the last request that came to its end on this session."""
        return self._last

    # --- opening and closing -------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connects and opens the shell. Raises CannotConnect, AuthenticationFailed, Refused, TimedOut."""
        if self._pool is not None:
            return
        if self._closed:
            raise ProtocolError(self.host, "the session is closed")
        endpoint = self._endpoint
        wire = self._wire = Wire(endpoint)
        pool = Pool(self.host, wire, self._clock, endpoint.configuration, endpoint.idle_timeout)
        pool.deadline = self._clock.monotonic() + endpoint.open_timeout
        try:
            pool.open()
        except WIRE_ERRORS as error:
            if is_passing(error) and not never_connected(error) and not pool.shell.opened:
                # perhaps the shell was made and only the answer got lost; we chose its id
                wire.reset()
                pool.shell._selector_set = selectors_of(pool.id)
                pool.shell.opened = True
            self._farewell(pool)
            raise translate(self.host, endpoint, error, "opening a shell") from error
        except HostError:
            self._farewell(pool)
            raise
        pool.deadline = None
        self._pool = pool
        self._touch()

    def close(self) -> None:
        """Closes; never raises. A shell in which a request still runs is left to it, disconnected: closing the shell
        would end the command, and nobody asked for that."""
        self._closed = True
        pool, self._pool = self._pool, None
        running, self._running = self._running, None
        if pool is None or self._wire is None:
            return
        if running is not None and not self._is_over(running):
            self._left = True
            self._leave(pool)
        else:
            self._farewell(pool)

    def _farewell(self, pool: Pool) -> None:
        """Deletes the shell if it was made, and closes the connection."""
        wire = self._wire
        if wire is None:
            return
        with suppress(*WIRE_ERRORS):
            wire.bound(_FAREWELL, _FAREWELL)
            if pool.shell.opened:
                pool.shell.close()
        with suppress(*WIRE_ERRORS):
            wire.close()

    def _leave(self, pool: Pool) -> None:
        """Disconnects from a shell in which something runs: it drops what it cannot deliver, and ends after a while."""
        wire = self._wire
        if wire is None:
            return
        with suppress(*WIRE_ERRORS):
            wire.bound(_FAREWELL, _FAREWELL)
            pool.leave(_LEFT_BEHIND if self._dead else f"PT{self._endpoint.idle_timeout}S")
        with suppress(*WIRE_ERRORS):
            wire.close()

    # --- asking --------------------------------------------------------------------------------------------------

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        """Sends a request and waits for its end, at most ``timeout`` seconds of the clock (opening not counted).

        Past it TimedOut is raised and the session is of no more use: the request may still run there. So it is with
        an answer past any measure (ProtocolError): a host gone mad must not fill the memory here.
        """
        self.open()
        running = self._send(asked, None, self._clock.monotonic() + timeout)
        size = 0
        for event in self._events(running):
            size += len(event.clixml)
            if len(running.events) > MOST_EVENTS or size > MOST_TEXT:
                told = f"it answers without end ({len(running.events)} objects in {size >> 20} MiB), not read further"
                raise self._lost(ProtocolError(self.host, told))
        assert self._last is not None
        return self._last

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        """Sends a request (before it returns) and gives its events as they come; :attr:`last_reply` has the end.

        Without a ``timeout`` it goes on, unlike :meth:`ask`, where a reply was lost (progress is not worth a move's
        ConnectionLost), as long as the end is told.
        """
        self.open()
        deadline = None if timeout is None else self._clock.monotonic() + timeout
        return self._events(self._send(asked, on_ticket, deadline))

    def _send(self, asked: Request, on_ticket: Callable[[Ticket], None] | None, deadline: float | None) -> _Running:
        pool, wire = self._ready()
        endpoint = self._endpoint
        self._bound(wire, deadline)
        try:
            if has_secret(asked):
                pool.deadline = self._clock.monotonic() + endpoint.open_timeout
                pool.exchange_keys()
                pool.deadline = None
            clixml = create_pipeline(asked, pool.version, pool.seal)
        except WIRE_ERRORS as error:
            self._dead = "the session keys could not be exchanged"
            raise translate(self.host, endpoint, error, "exchanging session keys") from error
        command_id = str(uuid.uuid4()).upper()
        ticket = Ticket(str(pool.shell.id), command_id)
        pieces = pool.outgoing(packed(CREATE_PIPELINE, pool.id, command_id, clixml))
        if on_ticket is not None:
            on_ticket(ticket)
        running = _Running(ticket, Stream(pool, command_id), self._clock.monotonic(), deadline)
        self._running = running
        try:
            first = base64.b64encode(next(pieces)).decode("ascii")
            pool.shell.command("", arguments=[first], command_id=command_id)
        except WIRE_ERRORS as error:
            self._after_failed_command(running, error)
        for piece in pieces:
            try:
                pool.shell.send("stdin", piece, command_id=command_id)
            except WIRE_ERRORS as error:
                raise self._lost(translate(self.host, endpoint, error, "sending a request", sent=True)) from error
        self._touch()
        return running

    def _after_failed_command(self, running: _Running, error: Exception) -> None:
        """The Command request failed: did the host refuse it, never hear of it, or only its answer get lost?"""
        endpoint = self._endpoint
        if fault_code(error) is not None or not is_passing(error):
            self._running = None
            found = translate(self.host, endpoint, error, "starting a request")
            if fault_code(error) == UNKNOWN_SELECTORS:
                self._dead = "the shell is gone"
                found = losses.shell_gone(self.host)
            raise found from error
        self._recover(running, error)
        if not self._knows(running.ticket):
            self._dead = "a request got lost"
            self._running = None
            told = str(translate(self.host, endpoint, error, "starting a request")).removeprefix(f"{self.host}: ")
            raise losses.unknown_there(self.host, told) from error

    def _events(self, running: _Running) -> Iterator[Event]:
        while True:
            messages, done = self._receive(running)
            running.is_done = running.is_done or done
            at = self._clock.monotonic() - running.begun if messages else 0.0
            for message in messages:
                if message.kind == PIPELINE_STATE:
                    if self._finish(running, message):
                        return
                elif message.kind in STREAMS:
                    event = Event(at, STREAMS[message.kind], message.clixml)
                    running.events.append(event)
                    if message.kind == HOST_CALL:
                        self._answer(running, message)
                    yield event
            if done:
                raise self._lost(losses.end_missing(self.host))

    def _receive(self, running: _Running) -> tuple[list[Message], bool]:
        """What the host has to say now; nothing, after a recovery or if it had nothing to say."""
        _, wire = self._ready(during=running)
        if running.deadline is not None and self._clock.monotonic() >= running.deadline:
            raise self._lost(TimedOut(self.host, "the request was not done in time; it may still run there"))
        self._bound(wire, running.deadline)
        try:
            messages, done, silent = running.stream.receive()
        except FragmentError as error:
            raise self._lost(translate(self.host, self._endpoint, error, "receiving")) from error
        except WIRE_ERRORS as error:
            if fault_code(error) is not None or not is_passing(error):
                raise self._lost(
                    translate(self.host, self._endpoint, error, "receiving what a request said", sent=True)
                ) from error
            self._recover(running, error)
            return [], False
        self._touch()
        if silent and running.was_lost and not self._knows(running.ticket):
            raise self._lost(losses.no_longer_known(self.host))
        if not silent:
            running.recoveries = 0
        if running.stream.is_gapped and running.deadline is not None:
            raise self._lost(losses.gap(self.host))
        return messages, done

    def _recover(self, running: _Running, error: Exception) -> None:
        pool, wire = self._ready(during=running)
        running.recoveries += 1
        running.was_lost = True
        running.stream.doubt()
        if running.recoveries > _MOST_RECOVERIES:
            raise self._lost(translate(self.host, self._endpoint, error, "receiving what a request said", sent=True))
        try:
            recover(self.host, self._endpoint, wire, pool, self._clock, error, running.deadline)
        except HostError as lost:
            raise self._lost(lost) from lost.__cause__

    def _finish(self, running: _Running, message: Message) -> bool:
        try:
            end = ended(message.clixml)
        except ClixmlError as error:
            raise self._lost(ProtocolError(self.host, f"a pipeline state that cannot be read: {error}")) from error
        if end is None:
            return False
        state, record = end
        seconds = self._clock.monotonic() - running.begun
        self._last = Reply(tuple(running.events), state, record, seconds)
        self._running = None
        pool, wire = self._ready()
        wire.bound(_FAREWELL, _FAREWELL + _SLACK)
        try:
            pool.shell.signal(SignalCode.TERMINATE, command_id=running.ticket.command_id)
        except WIRE_ERRORS:
            wire.reset()  # the request is over and told; only its line is not
        return True

    def _answer(self, running: _Running, message: Message) -> None:
        """Refuses a host call that waits for an answer, so that the command fails and does not wait for ever."""
        pool, _ = self._ready(during=running)
        try:
            pool.refuse(message.clixml, running.ticket.command_id)
        except _UNANSWERABLE as error:
            raise self._lost(losses.unanswered(self.host, error)) from error

    # --- looking -------------------------------------------------------------------------------------------------

    def alive(self, ticket: Ticket) -> bool:
        """Does the host still know that command? Asked over a connection of its own. Raises HostError."""
        return looking.knows(self.host, self._endpoint, ticket, self._endpoint.read_timeout)

    def retire(self, ticket: Ticket) -> None:
        """Deletes that command's shell, which an earlier process of ours left; one that is gone is no error."""
        looking.retire(self.host, self._endpoint, ticket)

    def _knows(self, ticket: Ticket, seconds: float | None = None) -> bool:
        """As :meth:`alive`; a host that cannot say is taken to know it, so that the wait goes on."""
        try:
            return looking.knows(self.host, self._endpoint, ticket, seconds or self._endpoint.read_timeout)
        except HostError:
            return True

    def _is_over(self, running: _Running) -> bool:
        """Is it certain that the command has ended, so that its shell may be closed?"""
        return running.is_done or not self._knows(running.ticket, _FAREWELL)

    # --- state ---------------------------------------------------------------------------------------------------

    def _ready(self, *, during: _Running | None = None) -> tuple[Pool, Wire]:
        pool, wire = self._pool, self._wire
        if pool is None or wire is None:
            raise ProtocolError(self.host, "the session is not open")
        if self._dead:
            raise ConnectionLost(self.host, f"the session is of no more use: {self._dead}")
        if during is None and self._running is not None:
            raise ProtocolError(self.host, "a request still runs in this session")
        if during is None and self._is_stale():
            wire.reset()
        return pool, wire

    def _is_stale(self) -> bool:
        clock, machine = self._used
        return self._clock.monotonic() - clock > _IDLE or time.monotonic() - machine > _IDLE

    def _touch(self) -> None:
        self._used = (self._clock.monotonic(), time.monotonic())

    def _lost(self, error: HostError) -> HostError:
        """Marks the session as of no more use, and gives the error back to be raised."""
        self._dead = str(error).removeprefix(f"{self.host}: ")
        return error

    def _bound(self, wire: Wire, deadline: float | None) -> None:
        endpoint = self._endpoint
        operation, read = float(endpoint.operation_timeout), endpoint.read_timeout
        if deadline is not None:
            remaining = max(1.0, deadline - self._clock.monotonic())
            operation, read = min(operation, remaining), min(read, remaining + _SLACK)
        wire.bound(operation, read)
