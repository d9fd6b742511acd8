"""A host's shells: their runspace pools, and the reading of what their pipelines said (pipelines.py, outbox.py).

Laws:
1. What a Receive has taken is gone from here (a lost reply is lost data), but nothing is taken for a connection that is
   known to be dead.
2. ``ready`` functions given to the clock take no locks; the clock is told of changes with no lock held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol
from xml.sax.saxutils import escape

from winmigrate.lab.engine.effects import Engine
from winmigrate.lab.wire import psrp, soap
from winmigrate.lab.wire.clock import WireClock
from winmigrate.lab.wire.logon import Limits, LogonContext
from winmigrate.lab.wire.outbox import Outbox
from winmigrate.lab.wire.pipelines import Describing, OutOfMemory, Pipeline

__all__ = ["Describing", "OutOfMemory", "Outbox", "Pipeline", "Reader", "ReaderGone", "Shell"]

_OWN_MEMORY = 51 * 1024 * 1024


class ReaderGone(Exception):
    """The connection that asked is dead: nothing is answered, and nothing was taken."""


class Reader(Protocol):
    """The connection of a long poll. ``is_lost`` takes no lock; ``alive`` looks at the socket."""

    def is_lost(self) -> bool: ...

    def alive(self) -> bool: ...

    def watched(self) -> AbstractContextManager[None]: ...


class Shell:
    """One shell (a runspace pool, a wsmprovhost process on Windows) of one user."""

    def __init__(
        self,
        shell_id: str,
        session_id: str,
        context: LogonContext,
        engine: Engine,
        clock: WireClock,
        limits: Limits,
        private_data: str,
        report: Callable[[dict[str, Any]], None],
        *,
        resource: str,
        idle_timeout: float,
        process_id: int,
        input_streams: str = "stdin pr",
        output_streams: str = "stdout",
        name: str | None = None,
        locale: tuple[str, str] = ("en-US", "en-US"),
    ) -> None:
        self.shell_id = shell_id
        self.session_id = session_id
        self.context = context
        self.engine = engine
        self.clock = clock
        self.limits = limits
        self.report = report
        self.resource = resource
        self.idle_timeout = idle_timeout
        self.process_id = process_id
        self.input_streams = input_streams
        self.output_streams = output_streams
        self.name = name
        self.locale = locale
        self.lock = threading.Lock()
        self.protocol = psrp.PoolProtocol(private_data, limits.fragment)
        self.outbox = Outbox()
        self.pipelines: dict[str, Pipeline] = {}
        self.gone = False
        self.disconnected = False
        self.buffer_mode = "Block"
        self.created = self.last_activity = clock.monotonic()
        self.requests = 0  # those in work, parked Receives too
        self.watches = 0  # of the idle time-out: the last one set is the one that counts
        self._last_pool_answer: list[bytes] = []

    # --- state -------------------------------------------------------------------------------------------------------

    def belongs_to(self, context: LogonContext) -> bool:
        return self.context.user.lower() == context.user.lower()

    def inactivity(self) -> float:
        """Seconds since the last request ended, 0 while one is in work."""
        return 0.0 if self.requests else max(0.0, self.clock.monotonic() - self.last_activity)

    @property
    def is_disconnected(self) -> bool:
        return self.disconnected or self.inactivity() >= self.limits.disconnect_after

    @contextmanager
    def active(self) -> Iterator[None]:
        """Around a request of the shell's client."""
        with self.lock:
            self.requests += 1
        try:
            yield
        finally:
            now = self.clock.monotonic()
            with self.lock:
                self.requests -= 1
                self.last_activity = now

    def describe(self, *, memory: bool) -> str:
        """The rsp:Shell element, as Create (``memory`` False), Get and Enumerate show it."""
        now = self.clock.monotonic()
        fields: list[tuple[str, object]] = [("ShellId", self.shell_id)]
        if self.name is not None:
            fields.append(("Name", self.name))
        fields += [
            ("ResourceUri", self.resource),
            ("Owner", self.context.user),
            ("ClientIP", self.context.client),
            ("ProcessId", self.process_id),
            ("IdleTimeOut", f"PT{self.idle_timeout:.3f}S"),
            ("InputStreams", self.input_streams),
            ("OutputStreams", self.output_streams),
            ("MaxIdleTimeOut", f"PT{self.limits.max_idle_timeout:.3f}S"),
            ("Locale", self.locale[0]),
            ("DataLocale", self.locale[1]),
            ("CompressionMode", "NoCompression"),
            ("ProfileLoaded", "Yes"),
            ("Encoding", "UTF8"),
            ("BufferMode", self.buffer_mode),
            ("State", "Disconnected" if self.is_disconnected else "Connected"),
            ("ShellRunTime", soap.duration(now - self.created)),
            ("ShellInactivity", soap.duration(self.inactivity())),
        ]
        if memory:
            fields += [("MemoryUsed", f"{self.memory() // 1024**2}MB"), ("ChildProcesses", 0)]
        inner = "".join(f"<rsp:{tag}>{escape(str(value))}</rsp:{tag}>" for tag, value in fields)
        return f'<rsp:Shell xmlns:rsp="{soap.SHELL}">{inner}</rsp:Shell>'

    # --- the client's bytes ------------------------------------------------------------------------------------------

    def feed(self, data: bytes, pipeline: Pipeline | None = None) -> None:
        """Takes bytes of stdin or of an opening; starts a pipeline that they complete. Raises BadFragments."""
        to_start: list[tuple[Pipeline, psrp.Incoming]] = []
        with self.lock:
            answers, messages = self.protocol.feed(data)
            for answer in answers:
                self.outbox.add(answer)
            for message in messages:
                target = pipeline or self.pipelines.get(str(message.pipeline).upper())
                if target is None:
                    continue  # a host's late answer to a pipeline that has ended
                if message.kind in (psrp.CREATE_PIPELINE, psrp.GET_COMMAND_METADATA) and not target.started:
                    target.started = True
                    self.protocol.busy += 1
                    to_start.append((target, message))
                else:
                    target.receive_input(message)
        for target, message in to_start:
            target.start(message)
        self.clock.changed()

    def connect(self, data: bytes, session_id: str) -> bytes:
        """A new client takes the shell over; gives the bytes of connectResponseXml. Raises BadFragments."""
        now = self.clock.monotonic()
        with self.lock:
            answer, later = self.protocol.connect(data)
            # recorded: what the pool said last comes a second time unless a pipeline was made since
            if self._last_pool_answer and not self.pipelines:
                self.outbox.put_back(self._last_pool_answer)
            for fragments in later:
                self.outbox.add(fragments)
            self._deliver_again()
            self.session_id = session_id
            self.disconnected = False
            self.last_activity = now
        return answer

    def redeliver(self) -> None:
        """The same client is back."""
        with self.lock:
            self._deliver_again()

    def _deliver_again(self) -> None:
        if self.limits.redelivery:
            for pipeline in self.pipelines.values():
                pipeline.outbox.put_back(pipeline.outbox.last)

    def memory(self) -> int:
        """Bytes it holds: a PowerShell's own (recorded: 51 to 58 MB) and what nobody has fetched."""
        return _OWN_MEMORY + self.outbox.waiting + sum(one.outbox.waiting for one in list(self.pipelines.values()))

    def open_secret(self, sealed: str) -> str:
        return self.protocol.open_secret(sealed)

    # --- reading -----------------------------------------------------------------------------------------------------

    def receive(
        self, pipeline: Pipeline | None, timeout: float, room: int, reader: Reader
    ) -> tuple[list[bytes], bool]:
        """The long poll: (fragments, does the end of the command come with them).

        Raises WSManFault (timed out, shell gone, disconnected) and ReaderGone.
        """
        box = self.outbox if pipeline is None else pipeline.outbox
        with self.lock:
            box.reader += 1
            mine = box.reader
        deadline = self.clock.monotonic() + timeout
        self.clock.changed()

        def ready() -> bool:
            return bool(
                box.fragments
                or box.done
                or self.gone
                or self.disconnected
                or box.reader != mine
                or (pipeline is not None and pipeline.terminated)
                or reader.is_lost()
            )

        if not ready():
            with reader.watched(), self.clock.parked():
                self.clock.wait(deadline, ready)
        if not reader.alive():
            raise ReaderGone
        if self.gone:
            raise soap.unknown_shell(self.shell_id)
        if pipeline is not None and pipeline.terminated:
            raise soap.unknown_command()
        with self.lock:
            if self.disconnected:
                raise soap.shell_disconnected()
            if box.reader != mine:
                raise soap.timed_out()  # a later Receive has taken this one's place
            taken = box.take(room)
            done = box.done and not box.fragments
            if not taken and not done:
                raise soap.timed_out()
            if pipeline is None:
                self._last_pool_answer = taken
        self.clock.changed()  # a command that waited for room
        return taken, done

    # --- ending ------------------------------------------------------------------------------------------------------

    def stop(self, pipeline: Pipeline) -> None:
        pipeline.stopping = True
        self.clock.changed()

    def terminate(self, pipeline: Pipeline) -> None:
        """The client is through with a command; one that still runs is stopped and stays known until it has ended."""
        with self.lock:
            pipeline.terminated = True
            if pipeline.finished or not pipeline.started:
                self.pipelines.pop(pipeline.command_id, None)
        self.clock.changed()

    def end(self) -> None:
        """The process is gone: Receives fault, pipelines end at their next wait."""
        self.gone = True
        self.clock.changed()
