"""CREATE_PIPELINE read: statements of commands with their arguments, and what the client's host can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.engine.reader import MalformedClixml, read
from winmigrate.lab.engine.values import EnumValue, Int64, PSObject


class _NoValue:
    """A parameter that was named without a value."""

    def __repr__(self) -> str:
        return "NO_ARGUMENT"


NO_ARGUMENT = _NoValue()


@dataclass(frozen=True, slots=True)
class CommandCall:
    """One command: ``arguments`` are (name or None, value or NO_ARGUMENT) in order."""

    name: str
    is_script: bool
    arguments: tuple[tuple[str | None, Any], ...]
    merge_errors: bool = False  # do its errors go into its output (2>&1)?


@dataclass(frozen=True, slots=True)
class CreatedPipeline:
    statements: tuple[tuple[CommandCall, ...], ...]
    no_input: bool
    has_host: bool


def read_pipeline(clixml: str, secrets: Callable[[str], str]) -> CreatedPipeline:
    """Raises MalformedClixml where the message is not as [MS-PSRP] 2.2.2.10 has it."""
    message = read(clixml, secrets)
    if not isinstance(message, PSObject) or not isinstance(message.get("PowerShell"), PSObject):
        raise MalformedClixml("no PowerShell in CREATE_PIPELINE")
    shell = message.get("PowerShell")
    extra = shell.get("ExtraCmds")
    groups = [item.get("Cmds") for item in extra] if extra else [shell.get("Cmds")]
    host = message.get("HostInfo")
    return CreatedPipeline(
        statements=tuple(tuple(_command(each) for each in group or ()) for group in groups),
        no_input=bool(message.get("NoInput")),
        has_host=isinstance(host, PSObject) and not host.get("_isHostNull") and not host.get("_isHostUINull"),
    )


def _command(command: PSObject) -> CommandCall:
    arguments = []
    for argument in command.get("Args") or ():
        name, value = argument.get("N"), argument.get("V")
        if name is not None and name.startswith("-"):
            name = name[1:].rstrip(":")
            if value is None:
                value = NO_ARGUMENT
        arguments.append((name, value))
    merged = command.get("MergeMyResult")
    older = command.get("MergeError")
    return CommandCall(
        name=command.get("Cmd") or "",
        is_script=bool(command.get("IsScript")),
        arguments=tuple(arguments),
        merge_errors=any(isinstance(each, EnumValue) and each.value != 0 for each in (merged, older)),
    )


def host_answer(clixml: str) -> Any:
    """The value that a PIPELINE_HOST_RESPONSE brings back, None where the host threw."""
    answer = read(clixml, _no_secrets)
    return answer.get("mr") if isinstance(answer, PSObject) else None


def answered_call(clixml: str) -> int | None:
    """The id of the host call that a PIPELINE_HOST_RESPONSE answers."""
    answer = read(clixml, _no_secrets)
    number = answer.get("ci") if isinstance(answer, PSObject) else None
    return int(number) if isinstance(number, Int64) else None


def _no_secrets(sealed: str) -> str:
    raise MalformedClixml("a host's answer with a SecureString is not read")
