"""CREATE_PIPELINE messages for the tests, and what an engine answers to them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from winmigrate.lab.engine.definitions import Definition, parse_definition
from winmigrate.lab.engine.editions import WINDOWS_POWERSHELL_5_1, Edition
from winmigrate.lab.engine.effects import Body, Implementation, Message, Wait
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.reader import read
from winmigrate.lab.engine.table import CommandTable
from winmigrate.lab.engine.text import CUSTOM_OBJECT
from winmigrate.lab.engine.values import PSObject
from winmigrate.lab.engine.writer import write

Command = tuple[str, Mapping[str, Any] | Sequence[tuple[str | None, Any]]]


def row(**members: Any) -> PSObject:
    """A property bag."""
    return PSObject((CUSTOM_OBJECT, "System.Object"), {}, members)


def request(*statements: Sequence[Command], host: bool = False, no_input: bool = True) -> str:
    """The CLIXML of a CREATE_PIPELINE; a command whose name starts with "script:" is a script."""
    groups = [row(Cmds=[_command(*command) for command in statement]) for statement in statements]
    bare = PSObject((), {}, {
        "PowerShell": PSObject((), {}, {"Cmds": groups[0].notes["Cmds"], "ExtraCmds": [_bag(each) for each in groups]}),
        "NoInput": no_input,
        "HostInfo": PSObject((), {}, {"_isHostNull": not host, "_isHostUINull": not host}),
    })
    return write(bare, 9)


def _bag(value: PSObject) -> PSObject:
    return PSObject((), {}, value.notes)


def _command(name: str, arguments: Mapping[str, Any] | Sequence[tuple[str | None, Any]]) -> PSObject:
    pairs = arguments.items() if isinstance(arguments, Mapping) else arguments
    return PSObject((), {}, {
        "Cmd": name.removeprefix("script:"),
        "IsScript": name.startswith("script:"),
        "Args": [PSObject((), {}, {"N": key, "V": value}) for key, value in pairs],
    })


def command(body: Body, *, name: str = "Get-Thing", parameters: Mapping[str, Mapping[str, Any]] | None = None,
            end: Body | None = None, confirms: bool = False, mandatory: tuple[str, ...] = ()) -> tuple[str, Any]:
    """An entry of a table: a cmdlet with these parameters and process block."""
    declared: dict[str, Any] = {each: dict(facts) for each, facts in (parameters or {}).items()}
    if confirms:
        declared |= {each: {"type": "System.Management.Automation.SwitchParameter"} for each in ("WhatIf", "Confirm")}
    names = [each + ("!" if each in mandatory else "") for each in declared]
    definition: Definition = parse_definition(
        name, {"default": None, "sets": {"(only)": names}, "parameters": declared}, module="Test", function=False)
    return name, (definition, Implementation(name, definition.class_name, body, None, end))


def engine(*entries: tuple[str, Any], edition: Edition = WINDOWS_POWERSHELL_5_1) -> Engine:
    return Engine(edition, CommandTable(dict(entries)))


def run(made: Engine, text: str, *, stopping: Callable[[], bool] = lambda: False,
        answers: Callable[[int], str | None] | None = None, inputs: Iterator[str] | None = None) -> list[Message]:
    """All messages; waits pass at once."""
    steps = made.run(text, None, stopping, lambda sealed: sealed, inputs, answers)
    return [each for each in steps if not isinstance(each, Wait)]


def outputs(messages: list[Message]) -> list[Any]:
    return [read(each.clixml, str) if each.clixml else None for each in messages if each.kind == "PIPELINE_OUTPUT"]


def kinds(messages: list[Message]) -> list[str]:
    return [each.kind for each in messages]


def member(clixml: str, name: str) -> str | None:
    """The text of the first member of that name, at any depth."""
    found = next((each for each in ElementTree.fromstring(clixml).iter() if each.get("N") == name), None)
    return None if found is None else found.text


def error_id(messages: list[Message]) -> str | None:
    """The FullyQualifiedErrorId of the first message that has one."""
    return next((member(each.clixml, "FullyQualifiedErrorId") for each in messages
                 if "FullyQualifiedErrorId" in each.clixml), None)
