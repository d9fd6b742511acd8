"""A command's parameters as the binder sees them: names, aliases, types, and per set mandatory, position, pipeline.

Read from the notation of winmigrate.facts.cmdlets; of stand-ins and the lab's own tables also ``class``, ``range`` and
``notNullOrEmpty``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winmigrate.facts.cmdlets import locate, parameters_of

ALL_SETS = "__AllParameterSets"
ONLY_SET = "(only)"
SHOULD_PROCESS = {"whatif": ("wi",), "confirm": ("cf",)}

# Windows ships these modules as functions: script or generated from CIM classes (CDXML).
FUNCTION_MODULES = frozenset({
    "Defender", "Deduplication", "DnsClient", "NetAdapter", "NetConnection", "NetLbfo", "NetQos", "NetSecurity",
    "NetSwitchTeam", "NetTCPIP", "ScheduledTasks", "SmbShare", "SmbWitness", "Storage", "StorageQoS",
})


@dataclass(frozen=True, slots=True)
class Place:
    """What one parameter set says of a parameter. ``position`` is None for a parameter that goes by its name only."""

    mandatory: bool
    position: int | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. ``type`` is as the source writes it; ``sets``: set name -> :class:`Place`, in the source's order;
    the only one is ``__AllParameterSets`` where all sets say the same.

    ``values`` are the ones an enumeration or ValidateSet takes, empty where any will do. ``common``: of PowerShell
    itself (ErrorAction, WhatIf, ...), so that it gives way where a prefix also fits one of the command's own.
    """

    name: str
    type: str
    sets: Mapping[str, Place]
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    by_value: bool = False
    by_property_name: bool = False
    range: tuple[int, int] | None = None
    not_null_or_empty: bool = False
    common: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """One command. ``default_set`` is None where none is declared; a command with one unnamed set has the one set
    ``__AllParameterSets``. ``parameters`` stand as they first appear in the sets. ``function``: written in script or
    CDXML, whose error ids end in its name, not a class.
    """

    name: str
    class_name: str
    module: str
    default_set: str | None
    set_names: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    function: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that very name, in any case."""
        folded = name.lower()
        return next((each for each in self.parameters if each.name.lower() == folded), None)

    @property
    def should_process(self) -> bool:
        """Has it -WhatIf and -Confirm?"""
        return self.parameter("WhatIf") is not None and self.parameter("Confirm") is not None


def parse_definition(
    name: str, raw: Mapping[str, Any], *, module: str = "", class_name: str = "", function: bool | None = None,
    plain_should_process: bool = False,
) -> Definition:
    """The definition of one command from its raw form.

    ``class_name`` defaults to the raw form's ``class``, else to what the module's authors would have called it
    (``Microsoft.HyperV.PowerShell.Commands.GetVM``). ``plain_should_process``: WhatIf and Confirm are declared as any
    switch, not by SupportsShouldProcess.
    """
    is_function = module in FUNCTION_MODULES if function is None else function
    set_names = tuple(ALL_SETS if each == ONLY_SET else each for each in raw["sets"])
    places: dict[str, dict[str, Place]] = {}
    for raw_name, set_name in zip(raw["sets"], set_names, strict=True):
        for parameter, mandatory, position in parameters_of(raw, raw_name):
            places.setdefault(parameter, {})[set_name] = Place(mandatory, position)
    names = [*places, *(each for each in raw["parameters"] if each not in places)]
    parameters = tuple(
        _parameter(each, raw["parameters"][each], _shared(places.get(each, {}), set_names), plain_should_process)
        for each in names
    )
    default = raw.get("default")
    if default == ONLY_SET or default not in set_names:
        default = None
    return Definition(
        name=name,
        class_name=class_name or raw.get("class") or (name if is_function else class_of(module, name)),
        module=module,
        default_set=default,
        set_names=set_names,
        parameters=parameters,
        function=is_function,
    )


def _shared(places: Mapping[str, Place], set_names: tuple[str, ...]) -> Mapping[str, Place]:
    """A parameter that every set has in the same way is declared once, for all sets: it chooses none."""
    if len(places) == len(set_names) and len(set(places.values())) == 1:
        return {ALL_SETS: next(iter(places.values()))}
    return places


def _parameter(name: str, facts: Mapping[str, Any], sets: Mapping[str, Place], plain: bool) -> Parameter:
    pipeline = facts.get("pipeline") or ""
    limits = facts.get("range")
    implied = SHOULD_PROCESS.get(name.lower())
    common = implied is not None and not plain
    aliases = tuple(facts.get("aliases", ()))
    return Parameter(
        name=name,
        type=facts["type"],
        sets={ALL_SETS: Place(False, None)} if common else sets,
        aliases=implied if common and implied is not None and not aliases else aliases,
        values=tuple(facts.get("values", ())),
        by_value="ByValue" in pipeline,
        by_property_name="ByPropertyName" in pipeline,
        range=(limits[0], limits[1]) if limits else None,
        not_null_or_empty=bool(facts.get("notNullOrEmpty")),
        common=common,
    )


_CLASS_PREFIXES = {
    "Hyper-V": ("Microsoft.HyperV.PowerShell.Commands.", ""),
    "FailoverClusters": ("Microsoft.FailoverClusters.PowerShell.", "Command"),
    "CimCmdlets": ("Microsoft.Management.Infrastructure.CimCmdlets.", "Command"),
    "ServerManager": ("Microsoft.Windows.ServerManager.Commands.", "Command"),
    "ActiveDirectory": ("Microsoft.ActiveDirectory.Management.Commands.", ""),
}


def class_of(module: str, name: str) -> str:
    """The .NET class behind a compiled cmdlet, as error ids show it."""
    prefix, suffix = _CLASS_PREFIXES.get(module, ("Microsoft.PowerShell.Commands.", "Command"))
    return prefix + name.replace("-", "") + suffix


def definition_of(name: str, version: str) -> Definition | None:
    """The command of any module on a Windows version, by its name in any case, plain or ``Module\\Name``."""
    located = locate(name, version)
    return parse_definition(located.name, located.raw, module=located.module) if located else None
