"""Commands of a script given to the host's engine, one statement at a time, as a pipeline of its own."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from winmigrate.lab.console.process import Surroundings
from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.engine.reader import read
from winmigrate.lab.engine.statements import NO_ARGUMENT, CommandCall
from winmigrate.lab.engine.values import PSObject
from winmigrate.lab.engine.writer import write


@dataclass(slots=True)
class Ended:
    """How a statement ended: its state, and the CLIXML of the error that ended it."""

    state: str = "Failed"
    error: str | None = None
    had_errors: bool = field(default=False)


def run_statement(
    commands: Sequence[CommandCall], around: Surroundings
) -> Generator[Message | Wait, None, Ended]:
    """Runs one pipeline; gives its messages but for the last one, which it returns."""
    ended = Ended()
    for item in around.engine.run(_created(commands), around.context, around.stopped, _no_secrets):
        if isinstance(item, Message) and item.kind == "PIPELINE_STATE":
            ended.state = item.state or "Failed"
            ended.error = _reason(item.clixml)
        else:
            if isinstance(item, Message) and item.kind == "ERROR_RECORD":
                ended.had_errors = True
            yield item
    return ended


def parsed(clixml: str) -> Any:
    """A value that a message carries."""
    return read(clixml, _no_secrets)


def _no_secrets(_sealed: str) -> str:
    raise ValueError("no session key was ever exchanged in a console")


def _created(commands: Iterable[CommandCall]) -> str:
    """The CREATE_PIPELINE message, as far as the engine reads it; there is no host to ask."""
    listed: list[Any] = [
        _notes(Cmd=each.name, IsScript=each.is_script, Args=[_argument(*given) for given in each.arguments])
        for each in commands
    ]
    host = _notes(_isHostNull=True, _isHostUINull=True)
    return write(_notes(NoInput=True, HostInfo=host, PowerShell=_notes(Cmds=listed)))


def _argument(name: str | None, value: Any) -> PSObject:
    return _notes(N=None if name is None else f"-{name}", V=None if value is NO_ARGUMENT else value)


def _notes(**named: Any) -> PSObject:
    return PSObject((), {}, named)


def _reason(state: str) -> str | None:
    """The CLIXML of the ErrorRecord in a PIPELINE_STATE, as a fragment of its own."""
    for element in ElementTree.fromstring(state).iter("Obj"):
        if element.get("N") == "ExceptionAsErrorRecord":
            del element.attrib["N"]
            return ElementTree.tostring(element, "unicode")
    return None
