"""The commands that run in a host's shells.

Laws:
1. A pipeline runs in a thread of its own and does not know whether anybody reads it.
2. Messages become visible at once for all that was said since the last wait: nothing is read that fabric time does not
   yet hold, and what belongs to one instant comes in one answer.
3. ``ready`` functions given to the clock take no locks; the clock is told of changes with no lock held.
"""

from __future__ import annotations

import re
import threading
import traceback
import uuid
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.wire import psrp
from winmigrate.lab.wire.outbox import Outbox

if TYPE_CHECKING:
    from winmigrate.lab.wire.shells import Shell

_CALL_ID = re.compile(r'<I64 N="ci">\s*(-?\d+)\s*</I64>', re.IGNORECASE)
_NO_INPUT = re.compile(r'<B N="NoInput">\s*(true|false)\s*</B>', re.IGNORECASE)
#: Bytes that a pipeline may say between two waits before they are made visible.
_PUBLISH = 256 * 1024


class OutOfMemory(Exception):
    """The shell's process holds more than MaxMemoryPerShellMB."""


@runtime_checkable
class Describing(Protocol):
    """An engine that answers GET_COMMAND_METADATA too; others say that it is not answered."""

    def describe(self, get_command_metadata: str, context: Any) -> Iterator[Message | Wait]: ...


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
