"""The Windows Remote Shell (MS-WSMV's cmd shell): a console's commands, their standard streams, their exit codes."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from xml.etree import ElementTree

from winmigrate.lab.console import Out, Stdin, Surroundings, command_line
from winmigrate.lab.console.process import codec_of
from winmigrate.lab.wire import soap
from winmigrate.lab.wire.pipelines import Pipeline
from winmigrate.lab.wire.shells import Shell
from winmigrate.lab.wire.soap import NS

RESOURCE = soap.SHELL + "/cmd"
#: Bytes of output in one rsp:Stream element.
_CHUNK = 16 * 1024
#: STATUS_CONTROL_C_EXIT, as Windows has it for what Ctrl+C ends.
_INTERRUPTED = 0xC000013A
_DEFAULT_CODEPAGE = 437


class Chunk(bytes):
    """Bytes of one of a command's streams, "stdout" or "stderr"."""

    stream: str

    @classmethod
    def of(cls, stream: str, data: bytes) -> Chunk:
        made = cls(data)
        made.stream = stream
        return made


class Command(Pipeline):
    """A command of a cmd shell: a pipeline in all but what it says."""

    def __init__(self, shell: CmdShell, command_id: str, line: str, *, skip_cmd: bool) -> None:
        super().__init__(shell, command_id)
        self.line = line
        self.stdin = Stdin()
        self.exit_code = 0
        self._skip_cmd = skip_cmd
        self._around = shell.surroundings(self)

    def begin(self) -> None:
        """Runs it; returns once its thread counts as working."""
        self.started = True
        running = threading.Event()
        threading.Thread(target=self._work, args=(running,), name=f"command {self.command_id}", daemon=True).start()
        running.wait()

    def stopped(self) -> bool:
        return self._stopped()

    def _work(self, running: threading.Event) -> None:
        with self.shell.clock.working():
            running.set()
            try:
                code = self._run_line()
            except Exception as defect:  # the lab's own fault: told to the log and the client, never swallowed
                self.shell.report(
                    {"event": "defect", "shell": self.shell.shell_id, "command": self.command_id,
                     "traceback": traceback.format_exc()}
                )
                self._say("stderr", f"defect of the lab: {defect!r}\r\n")
                code = 1
            self._end(_INTERRUPTED if self.stopping else code)
            self.shell.report(
                {"event": "command-ended", "shell": self.shell.shell_id, "command": self.command_id,
                 "exit_code": self.exit_code}
            )

    def _run_line(self) -> int:
        with closing(command_line(self.line, self._around, skip_cmd=self._skip_cmd)) as program:
            while not self.shell.gone:
                try:
                    item = next(program)
                except StopIteration as done:
                    return int(done.value)
                if isinstance(item, Out):
                    self._say(item.stream, item.text)
                else:
                    self._pass(item)
        return 1

    def _say(self, stream: str, text: str) -> None:
        data = text.encode(self._around.codec, "replace")
        for start in range(0, len(data), _CHUNK):
            self._await_room()
            with self.shell.lock:
                self.outbox.add([Chunk.of(stream, data[start : start + _CHUNK])])
        self.shell.clock.changed()

    def _end(self, code: int) -> None:
        with self.shell.lock:
            self.exit_code = code
            self.finished = True
            self.outbox.done = True
            if self.terminated:
                self.shell.pipelines.pop(self.command_id, None)
        self.shell.clock.changed()


class CmdShell(Shell):
    """A cmd shell. ``build``: Windows' own; ``options``: WINRS_CODEPAGE, WINRS_NOPROFILE; ``environment``: variables
    that the client sets."""

    def __init__(self, *given: Any, build: str, options: Mapping[str, str], environment: Mapping[str, str],
                 folder: str | None, **named: Any) -> None:
        super().__init__(*given, resource=RESOURCE, **named)
        self._build = build
        try:
            self._codepage = int(options.get("WINRS_CODEPAGE") or _DEFAULT_CODEPAGE)
            self._codec = codec_of(self._codepage)
        except (ValueError, LookupError) as error:
            raise soap.bad_parameter() from error
        self._environment = dict(environment)
        self._folder = folder

    def processes(self) -> int:
        """The shell's own and one for each command that runs."""
        return 1 + sum(not one.finished for one in self.pipelines.values())

    def surroundings(self, command: Command) -> Surroundings:
        """What a command of this shell runs in; each has its own copy of the environment."""
        domain, _, name = self.context.user.rpartition("\\")
        home = self._folder or f"C:\\Users\\{name}"
        variables = {
            "COMPUTERNAME": self.context.host.upper(), "COMSPEC": "C:\\Windows\\system32\\cmd.exe", "OS": "Windows_NT",
            "PROCESSOR_ARCHITECTURE": "AMD64", "SYSTEMDRIVE": "C:", "SYSTEMROOT": "C:\\Windows", "USERDOMAIN": domain,
            "USERNAME": name, "USERPROFILE": home, "WINDIR": "C:\\Windows", **self._environment,
        }
        return Surroundings(
            self.engine, self.context, command.stdin, command.stopped, self._build, self._codepage, self._codec,
            {key.upper(): value for key, value in variables.items()},
        )

    def command(self, command_id: str, body: ElementTree.Element, options: Mapping[str, str]) -> Command:
        """The command that an rsp:CommandLine asks for, not yet begun. Raises WSManFault."""
        words = [body.findtext("rsp:Command", "", NS), *(item.text or "" for item in body.findall("rsp:Arguments", NS))]
        line = " ".join(word for word in words if word)
        if not line.strip():
            raise soap.bad_parameter()
        skip_cmd = options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() in {"TRUE", "1"}
        return Command(self, command_id, line, skip_cmd=skip_cmd)

    def send(self, command: Pipeline | None, data: bytes, *, end: bool) -> None:
        """Bytes of a command's standard input. Raises WSManFault."""
        if not isinstance(command, Command):
            raise soap.unknown_command()
        if command.stdin.ended:
            raise soap.bad_parameter()
        command.stdin.add(data, end=end)
        self.clock.changed()


def environment_of(body: ElementTree.Element) -> dict[str, str]:
    """The variables that an rsp:Shell sets."""
    return {item.get("Name", ""): item.text or "" for item in body.findall("rsp:Environment/rsp:Variable", NS)}
