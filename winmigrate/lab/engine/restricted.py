"""A restricted endpoint (JEA: SessionType RestrictedRemoteServer): only visible commands, no language.

What such an endpoint says is read off the recordings ``jea_*`` of fixtures/engine. A visible command with listed
parameters becomes a function with those alone; a command that is not visible does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from winmigrate.lab.engine.definitions import Definition, parse_definition
from winmigrate.lab.engine.effects import Call, Effect, Implementation
from winmigrate.lab.engine.table import CommandTable, Twin

Entry = tuple["Definition | None", Implementation]


class Table(Protocol):
    """What the engine needs of its commands."""

    def find(self, name: str) -> Entry | None: ...

    def names(self) -> Iterator[str]: ...

    def twin(self, digest: str) -> Twin | None: ...


@dataclass(frozen=True, slots=True)
class Visible:
    """A command that role capabilities make visible, plain or as ``Module\\Name``.

    ``parameters``: name -> the values it takes (empty: any); None makes all parameters visible.
    """

    name: str
    parameters: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """What an endpoint shows. ``functions``: the functions it defines itself, by name."""

    visible: tuple[Visible, ...]
    functions: Mapping[str, tuple[Definition, Implementation]] = field(default_factory=dict)


_SELECTABLE = (
    "ModuleName", "Namespace", "OutputType", "Count", "HelpUri", "Name", "CommandType", "ResolvedCommandName",
    "DefaultParameterSet", "CmdletBinding", "Parameters",
)
_PIPED = {"type": "System.Management.Automation.PSObject", "pipeline": "ByValue"}
_TEXTS = {"type": "System.String[]"}
_SWITCH = {"type": "System.Management.Automation.SwitchParameter"}
#: The functions that every restricted endpoint has in place of the cmdlets, with the parameters they let through.
_PROXIES: dict[str, dict[str, dict[str, Any]]] = {
    "Clear-Host": {},
    "Exit-PSSession": {},
    "Get-Command": {
        "Name": _TEXTS, "Module": _TEXTS, "ArgumentList": {"type": "System.Object[]"},
        "CommandType": {"type": "System.String"}, "ListImported": _SWITCH, "ShowCommandInfo": _SWITCH,
    },
    "Get-FormatData": {"TypeName": _TEXTS},
    "Get-Help": {"Name": {"type": "System.String"}, "Category": _TEXTS},
    "Measure-Object": {"InputObject": _PIPED},
    "Out-Default": {"InputObject": _PIPED},
    "Select-Object": {"Property": {**_TEXTS, "values": list(_SELECTABLE)}, "InputObject": _PIPED},
}
_ALIASES = {
    "clear": "Clear-Host", "cls": "Clear-Host", "exsn": "Exit-PSSession", "gcm": "Get-Command",
    "measure": "Measure-Object", "select": "Select-Object",
}


class RestrictedTable:
    """The commands of a restricted endpoint."""

    def __init__(self, everything: CommandTable, restriction: Restriction) -> None:
        self._names: list[str] = []
        self._entries: dict[str, Entry] = {}
        for name, parameters in _PROXIES.items():
            self._add(name, _proxy(name, parameters, everything.find(name)))
        for each in restriction.visible:
            found = everything.find(each.name)
            if found is not None:
                self._add(each.name, _limited(found, each.parameters))
        for name, function in restriction.functions.items():
            self._add(name, function)

    def _add(self, name: str, entry: Entry) -> None:
        definition = entry[0]
        self._names.append(name.rpartition("\\")[2])
        self._entries[name.lower()] = entry
        if "\\" not in name and definition is not None and definition.module:
            self._entries[f"{definition.module}\\{name}".lower()] = entry

    def find(self, name: str) -> Entry | None:
        """By the very name that is visible; a command made visible by its qualified name is not found by its plain."""
        return self._entries.get(_ALIASES.get(name.lower(), name).lower())

    def names(self) -> Iterator[str]:
        return iter(self._names)

    def aliases(self) -> dict[str, str]:
        return dict(_ALIASES)

    def twin(self, digest: str) -> Twin | None:
        """An endpoint without language runs no script."""
        return None

    def replace_body(self, name: str, implementation: Implementation) -> None:
        """Gives a command of the endpoint another body (Get-Command, which looks at this very table)."""
        definition, _ = self._entries[name.lower()]
        self._entries[name.lower()] = definition, implementation


def _limited(entry: Entry, parameters: Mapping[str, tuple[str, ...]] | None) -> Entry:
    definition, implementation = entry
    if parameters is None or definition is None:
        return entry
    allowed = {name.lower(): values for name, values in parameters.items()}
    kept = tuple(replace(each, values=allowed[each.name.lower()] or each.values)
                 for each in definition.parameters if each.name.lower() in allowed)
    function = replace(definition, class_name=definition.name, function=True, parameters=kept)
    return function, replace(implementation, class_name=definition.name)


def _proxy(name: str, parameters: dict[str, dict[str, Any]], behind: Entry | None) -> Entry:
    raw = {"default": None, "sets": {"(only)": [f"{each}@{place}" if place == 0 else each
                                                for place, each in enumerate(parameters)]}, "parameters": parameters}
    definition = parse_definition(name, raw, class_name=name, function=True)
    if behind is None:
        return definition, Implementation(name, name, _nothing)
    return definition, replace(behind[1], class_name=name)


def _nothing(call: Call) -> Iterator[Effect]:
    """Clear-Host, Get-Help and their like put out nothing here; no recording shows what Windows does."""
    return iter(())
