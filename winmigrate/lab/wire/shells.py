"""A host's shells: their runspace pools, the pipelines that run in them, and what waits to be read.

Laws:
1. A pipeline runs in a thread of its own and does not know whether anybody reads it.
2. Messages become visible at once for all that was said since the last wait: nothing is read that fabric time does not
   yet hold, and what belongs to one instant comes in one answer.
3. What a Receive has taken is gone from here (a lost reply is lost data), but nothing is taken for a connection that is
   known to be dead.
4. ``ready`` functions given to the clock take no locks; the clock is told of changes with no lock held.
"""

from __future__ import annotations

import re
import threading
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable
from xml.sax.saxutils import escape

from winmigrate.lab.engine.effects import Engine, Message, Wait
from winmigrate.lab.wire import psrp, soap
from winmigrate.lab.wire.clock import WireClock
from winmigrate.lab.wire.logon import Limits, LogonContext

_CALL_ID = re.compile(r'<I64 N="ci">\s*(-?\d+)\s*</I64>', re.IGNORECASE)
_NO_INPUT = re.compile(r'<B N="NoInput">\s*(true|false)\s*</B>', re.IGNORECASE)
#: Bytes that a pipeline may say between two waits before they are made visible.
_PUBLISH = 256 * 1024
_OWN_MEMORY = 51 * 1024 * 1024


class OutOfMemory(Exception):
    """The shell's process holds more than MaxMemoryPerShellMB."""


class ReaderGone(Exception):
    """The connection that asked is dead: nothing is answered, and nothing was taken."""


class Reader(Protocol):
    """The connection of a long poll. ``is_lost`` takes no lock; ``alive`` looks at the socket."""

    def is_lost(self) -> bool: ...

    def alive(self) -> bool: ...

    def watched(self) -> AbstractContextManager[None]: ...


@runtime_checkable
class Describing(Protocol):
    """An engine that answers GET_COMMAND_METADATA too; others say that it is not answered."""

    def describe(self, get_command_metadata: str, context: Any) -> Iterator[Message | Wait]: ...


class Outbox:
    """What waits to be read of a pool or a pipeline. ``done`` once no more will come."""

    def __init__(self) -> None:
        self.fragments: deque[bytes] = deque()
        self.done = False
        self.reader = 0
        self.waiting = 0  # bytes
        self.last: list[bytes] = []  # what was taken last

    def add(self, fragments: Iterable[bytes]) -> None:
        new = list(fragments)
        self.fragments.extend(new)
        self.waiting += sum(map(len, new))

    def put_back(self, fragments: Iterable[bytes]) -> None:
        """In front of all that waits."""
        again = list(fragments)
        self.fragments.extendleft(reversed(again))
        self.waiting += sum(map(len, again))

    def take(self, room: int) -> list[bytes]:
        """Fragments whose base64 text fits ``room`` bytes, at least one."""
        taken: list[bytes] = []
        while self.fragments:
            size = len(self.fragments[0]) * 4 // 3 + 200
            if taken and size > room:
                break
            room -= size
            taken.append(self.fragments.popleft())
        self.waiting -= sum(map(len, taken))
        self.last = taken or self.last
        return taken

    def drop_oldest(self, limit: int) -> int:
        """Drops whole messages, the oldest first, until what is left fits; gives their number. A message of which a
        part was taken stays whole, and so does the newest."""
        if self.waiting <= limit:
            return 0
        kept: deque[bytes] = deque()
        while self.fragments and not psrp.begins(self.fragments[0]):
            kept.append(self.fragments.popleft())
        dropped, whole = 0, sum(map(psrp.begins, self.fragments))
        while self.waiting > limit and dropped < whole - 1:
            dropped += 1
            self.waiting -= len(self.fragments.popleft())
            while not psrp.begins(self.fragments[0]):
                self.waiting -= len(self.fragments.popleft())
        self.fragments.extendleft(reversed(kept))
        return dropped


class Pipeline:
    """A command of a shell. Made when its CommandId is known; runs once its CREATE_PIPELINE is whole."""

    def __init__(self, shell: Shell, command_id: str) -> None:
        self.shell = shell
        self.command_id = command_id
        self.outbox = Outbox()
        self.stopping = False
        self.terminated = False
        self.started = False
        self.finished = False
        self._input: deque[str] = deque()
        self._input_ended = False
        self._answers: dict[int, str] = {}

    def start(self, message: psrp.Incoming) -> None:
        """Runs it; returns once its thread counts as working."""
        running = threading.Event()
        threading.Thread(
            target=self._run, args=(message, running), name=f"pipeline {self.command_id}", daemon=True
        ).start()
        running.wait()

    def receive_input(self, message: psrp.Incoming) -> None:
        if message.kind == psrp.PIPELINE_INPUT:
            self._input.append(message.text)
        elif message.kind == psrp.END_OF_PIPELINE_INPUT:
            self._input_ended = True
        elif message.kind == psrp.PIPELINE_HOST_RESPONSE and (call := _CALL_ID.search(message.text)):
            self._answers[int(call.group(1))] = message.text

    def _stopped(self) -> bool:
        return self.stopping or self.terminated or self.shell.gone

    def _inputs(self) -> Iterator[str]:
        while True:
            self.shell.clock.wait(None, lambda: bool(self._input) or self._input_ended or self._stopped())
            if self._input:
                yield self._input.popleft()
            else:
                return

    def _pass(self, wait: Wait) -> None:
        def ready() -> bool:
            return (
                self.shell.gone
                or (wait.interruptible and (self.stopping or self.terminated))
                or (wait.ready is not None and wait.ready())
            )

        self.shell.clock.wait(wait.deadline, ready)

    def _run(self, message: psrp.Incoming, running: threading.Event) -> None:
        clock = self.shell.clock
        with clock.working():
            running.set()
            pending: list[Message] = []
            size = 0
            state: str | None = None
            try:
                with closing(self._items(message)) as items:
                    for item in items:
                        if isinstance(item, Wait):
                            self._publish(pending)
                            pending, size = [], 0
                            self._pass(item)
                        else:
                            pending.append(item)
                            size += len(item.clixml)
                            state = item.state if item.kind == "PIPELINE_STATE" else state
                            if size > _PUBLISH:
                                self._publish(pending)
                                pending, size = [], 0
                        if self.shell.gone:
                            break  # the process has ended, and what ran in it
                if state is None and not self.shell.gone:
                    raise RuntimeError("the engine said nothing of the pipeline's end")
            except OutOfMemory:
                text = "Exception of type 'System.OutOfMemoryException' was thrown."
                failed = psrp.failed_state(text, "System.OutOfMemoryException")
                pending, state = [Message("PIPELINE_STATE", failed, "Failed")], "Failed"
            except Exception as defect:  # the lab's own fault: told to the log and the client, never swallowed
                self.shell.report(
                    {"event": "defect", "shell": self.shell.shell_id, "command": self.command_id,
                     "traceback": traceback.format_exc()}
                )
                pending.append(Message("PIPELINE_STATE", psrp.failed_state(f"defect of the lab: {defect!r}"), "Failed"))
                state = "Failed"
            self._publish(pending, end=True)
            self.shell.report(
                {"event": "pipeline-ended", "shell": self.shell.shell_id, "command": self.command_id, "state": state}
            )

    def _await_room(self) -> None:
        """In Block mode a command waits while the buffer is full and nobody fetches what is in it."""
        shell = self.shell
        limit = shell.limits.output_buffer

        def ready() -> bool:
            dropping = shell.disconnected and shell.buffer_mode == "Drop"
            return self.outbox.waiting < limit or dropping or self._stopped()

        if not ready():
            shell.clock.changed()
            shell.clock.wait(None, ready)

    def _items(self, message: psrp.Incoming) -> Generator[Message | Wait, None, None]:
        engine = self.shell.engine
        if message.kind != psrp.CREATE_PIPELINE and isinstance(engine, Describing):
            yield from engine.describe(message.text, replace(self.shell.context, command_id=self.command_id))
            return
        if message.kind != psrp.CREATE_PIPELINE:
            refusal = psrp.failed_state("GET_COMMAND_METADATA is not answered; ask with Get-Command")
            yield Message("PIPELINE_STATE", refusal, "Failed")
            return
        no_input = _NO_INPUT.search(message.text)
        yield from engine.run(
            message.text,
            replace(self.shell.context, command_id=self.command_id),
            self._stopped,
            self.shell.open_secret,
            None if no_input is None or no_input.group(1).lower() == "true" else self._inputs(),
            self._answers.get,
        )

    def _publish(self, messages: list[Message], *, end: bool = False) -> None:
        shell = self.shell
        for message in messages:
            self._await_room()
            with shell.lock:
                self.outbox.add(
                    shell.protocol.frame(psrp.KINDS[message.kind], message.clixml, uuid.UUID(self.command_id))
                )
                if shell.disconnected and shell.buffer_mode == "Drop":
                    self.outbox.drop_oldest(shell.limits.output_buffer)
            if shell.memory() > shell.limits.memory_per_shell and not end:
                raise OutOfMemory
        with shell.lock:
            if end:
                self.finished = True
                self.outbox.done = True
                shell.protocol.busy -= 1
                if self.terminated:
                    shell.pipelines.pop(self.command_id, None)
        if messages or end:
            shell.clock.changed()


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
