"""The commands that come with PowerShell itself: their definitions by the facts, and what they do."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

from winmigrate.facts.cmdlets import locate
from winmigrate.lab.engine.definitions import Definition, parse_definition
from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Body, Implementation
from winmigrate.lab.engine.exceptions import CATEGORIES
from winmigrate.lab.engine.objects.csv_text import csv_end, csv_process
from winmigrate.lab.engine.objects.discovery import get_command, member_end, member_process
from winmigrate.lab.engine.objects.foreach import foreach_process
from winmigrate.lab.engine.objects.json_text import json_end, json_process
from winmigrate.lab.engine.objects.measure import measure_end, measure_process
from winmigrate.lab.engine.objects.select import select_end, select_process
from winmigrate.lab.engine.objects.sort import collect, group_end, sort_end
from winmigrate.lab.engine.objects.where import where_process
from winmigrate.lab.engine.objects.writing import (
    COLOURS,
    nothing,
    write_error,
    write_host,
    write_information,
    write_output,
    write_progress,
    write_text,
)
from winmigrate.lab.engine.table import CommandTable

#: PowerShell 5.1 of any Windows since 2016: the facts know its cmdlets by the Windows version that ships them.
_VERSION = "2022"
_ALIASES = {
    "select": "Select-Object", "where": "Where-Object", "?": "Where-Object", "sort": "Sort-Object",
    "group": "Group-Object", "measure": "Measure-Object", "foreach": "ForEach-Object", "%": "ForEach-Object",
    "echo": "Write-Output", "write": "Write-Output", "gcm": "Get-Command", "gm": "Get-Member",
}
_SWITCH = "System.Management.Automation.SwitchParameter"
#: Parameters that PowerShell 7 has and 5.1 has not: command, set (None: all), name, type.
_NEWER: tuple[tuple[str, str | None, str, str], ...] = (
    ("Select-Object", None, "CaseInsensitive", _SWITCH),
    ("Select-Object", "SkipLastParameter", "Skip", "System.Int32"),
    ("Sort-Object", None, "Stable", _SWITCH),
    ("Sort-Object", None, "Top", "System.Int32"),
    ("Sort-Object", None, "Bottom", "System.Int32"),
    ("Measure-Object", "GenericMeasure", "StandardDeviation", _SWITCH),
    ("Measure-Object", "GenericMeasure", "AllStats", _SWITCH),
    ("ConvertTo-Json", None, "AsArray", _SWITCH),
    ("ConvertTo-Json", None, "EnumsAsStrings", _SWITCH),
)
#: Parameters that the reference calls mandatory and that take null all the same (AllowNull).
_TAKES_NULL = {("Write-Output", "InputObject"), ("ConvertTo-Json", "InputObject"), ("Write-Information", "MessageData")}
#: Parameters that have another type in PowerShell 7.
_RETYPED = {("Write-Output", "InputObject"): "System.Management.Automation.PSObject"}
#: Enumerations that parameters of these commands have.
OWN_ENUMS: dict[str, dict[str, int]] = {
    "System.ConsoleColor": {name: number for number, name in enumerate(COLOURS)},
    "System.Management.Automation.ErrorCategory": {name: number for number, name in enumerate(CATEGORIES)},
}


def _bodies(edition: Edition) -> dict[str, tuple[Body, Body | None]]:
    return {
        "Select-Object": (partial(select_process, edition=edition), partial(select_end, edition=edition)),
        "Where-Object": (where_process, None),
        "Sort-Object": (collect, sort_end),
        "Group-Object": (collect, partial(group_end, edition=edition)),
        "Measure-Object": (measure_process, partial(measure_end, edition=edition)),
        "ForEach-Object": (foreach_process, None),
        "Write-Output": (partial(write_output, edition=edition), None),
        "Out-Null": (nothing, None),
        "Write-Error": (write_error, None),
        "Write-Warning": (write_text("warning"), None),
        "Write-Verbose": (write_text("verbose"), None),
        "Write-Debug": (write_text("debug"), None),
        "Write-Information": (write_information, None),
        "Write-Host": (write_host, None),
        "Write-Progress": (write_progress, None),
        "ConvertTo-Json": (json_process, partial(json_end, edition=edition)),
        "ConvertFrom-Csv": (csv_process, csv_end),
        "Get-Member": (member_process, member_end),
    }


def builtin_table(edition: Edition, host: CommandTable) -> CommandTable:
    """PowerShell's own commands. ``host``: the commands beside them, for Get-Command."""
    commands: dict[str, tuple[Definition | None, Implementation]] = {}
    for name, (process, end) in _bodies(edition).items():
        definition = _definition(name, edition)
        commands[name] = definition, Implementation(definition.name, definition.class_name, process, None, end)
    own = CommandTable(commands, _ALIASES)
    definition = _definition("Get-Command", edition)
    commands["Get-Command"] = definition, Implementation(
        definition.name, definition.class_name, get_command((host, own), edition))
    return CommandTable(commands, _ALIASES)


def _definition(name: str, edition: Edition) -> Definition:
    located = locate(name, _VERSION)
    if located is None:
        raise LookupError(f"the facts have no {name} for Windows {_VERSION}")
    raw: dict[str, Any] = copy.deepcopy(located.raw)
    for set_name, entries in raw["sets"].items():
        raw["sets"][set_name] = [
            each.replace("!", "") if (name, each.partition("!")[0]) in _TAKES_NULL else each for each in entries]
    if not edition.windows_powershell:
        for (command, parameter), kind in _RETYPED.items():
            if command == name:
                raw["parameters"][parameter]["type"] = kind
        for command, only_set, parameter, kind in _NEWER:
            if command == name:
                raw["parameters"].setdefault(parameter, {"type": kind})
                for set_name, entries in raw["sets"].items():
                    if only_set in (None, set_name):
                        entries.append(parameter)
    return parse_definition(located.name, raw, module=located.module)

