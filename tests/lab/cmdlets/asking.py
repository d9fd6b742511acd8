"""Asks a lab host's engine, in this process, and lets the fabric's time pass where a command waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.lab.fabric.worlds import ops, world_of
from winmigrate.lab.cmdlets import command_table, type_table
from winmigrate.lab.engine.editions import WINDOWS_POWERSHELL_5_1
from winmigrate.lab.engine.effects import Wait
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.reader import read
from winmigrate.lab.engine.values import PSObject
from winmigrate.lab.engine.writer import write
from winmigrate.lab.fabric.identity import Logon
from winmigrate.lab.fabric.world import World

SELECT = "Microsoft.PowerShell.Utility\\Select-Object"
Line = tuple[str, dict[str, Any]]


@dataclass
class Answer:
    """What came back. ``output`` as the client reads it; ``errors`` are error records."""

    output: list[Any] = field(default_factory=list)
    errors: list[PSObject] = field(default_factory=list)
    progress: list[PSObject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    state: str = ""
    failure: PSObject | None = None

    @property
    def ids(self) -> list[str]:
        return [error.get("FullyQualifiedErrorId") for error in self.errors]

    @property
    def said(self) -> list[str]:
        """The errors' texts."""
        return [str(error.to_string) for error in self.errors]

    @property
    def failed(self) -> str:
        assert self.failure is not None, "the pipeline did not fail"
        text: str = self.failure.get("FullyQualifiedErrorId")
        return text

    def column(self, name: str) -> list[Any]:
        return [item.get(name) for item in self.output]

    @property
    def one(self) -> Any:
        assert len(self.output) == 1, (self.output, self.said)
        return self.output[0]


def _command(name: str, parameters: dict[str, Any], is_script: bool = False) -> PSObject:
    arguments = [PSObject((), {}, {"N": key, "V": value}) for key, value in parameters.items() if key != "_"]
    arguments += [PSObject((), {}, {"N": None, "V": value}) for value in parameters.get("_", [])]
    return PSObject((), {}, {"Cmd": name, "IsScript": is_script, "Args": arguments})


def create_pipeline(*statements: list[Line | str]) -> str:
    """The CLIXML of CREATE_PIPELINE; a str is a script."""
    groups = [
        PSObject((), {}, {"Cmds": [_command(line, {}, True) if isinstance(line, str) else _command(*line)
                                   for line in statement]})
        for statement in statements
    ]
    shell = PSObject((), {}, {"ExtraCmds": groups, "Cmds": groups[0].get("Cmds"), "IsNested": False})
    host = PSObject((), {}, {"_isHostNull": True, "_isHostUINull": True})
    return write(PSObject((), {}, {"NoInput": True, "PowerShell": shell, "HostInfo": host}))


def no_secrets(sealed: str) -> str:
    raise AssertionError("no secret was sent")


class Site:
    """One host of a world, asked as one caller."""

    def __init__(self, world: World, key: str = "hv01", caller: Logon | None = None) -> None:
        self.world = world
        self.host = world.hosts[key]
        self.caller = caller or ops(host=key)
        table = command_table(world, self.host)
        self.engine = Engine(WINDOWS_POWERSHELL_5_1, table, type_table(), computer=self.host.name)

    def as_user(self, caller: Logon) -> Site:
        return Site(self.world, self.host.key, caller)

    def ask(self, *statements: list[Line | str], stopping: Callable[[], bool] = lambda: False,
            secrets: Callable[[str], str] = no_secrets) -> Answer:
        answer = Answer()
        for item in self.engine.run(create_pipeline(*statements), self.caller, stopping, secrets):
            if isinstance(item, Wait):
                self._let_pass(item, stopping)
                continue
            value: Any = read(item.clixml, no_secrets) if item.clixml else None
            if item.kind == "PIPELINE_OUTPUT":
                answer.output.append(value)
            elif item.kind == "ERROR_RECORD":
                answer.errors.append(value)
            elif item.kind == "PROGRESS_RECORD":
                answer.progress.append(value)
            elif item.kind == "WARNING_RECORD":
                answer.warnings.append(value.get("InformationalRecord_Message"))
            elif item.kind == "PIPELINE_STATE":
                answer.state = item.state or ""
                answer.failure = value.get("ExceptionAsErrorRecord")
        return answer

    def _let_pass(self, wait: Wait, stopping: Callable[[], bool]) -> None:
        def over() -> bool:
            return (wait.ready is not None and wait.ready()) or (wait.interruptible and stopping())

        with self.world.clock.parked():
            self.world.clock.wait(wait.deadline, over)

    def run(self, *lines: Line | str, **options: Any) -> Answer:
        """One pipeline."""
        return self.ask(list(lines), **options)


@contextmanager
def site_of(text: str, key: str = "hv01") -> Iterator[Site]:
    """A host of a world of its own."""
    with world_of(text) as world:
        yield Site(world, key)


def select(*names: str) -> Line:
    return SELECT, {"Property": list(names)}
