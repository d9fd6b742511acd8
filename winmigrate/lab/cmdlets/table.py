"""The table of a host's commands: each as its Windows version defines it, over the fabric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from winmigrate.facts import VERSIONS, since, types
from winmigrate.facts.cmdlets import locate
from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets import (
    acl,
    ad,
    changing,
    cim,
    cluster_acts,
    cluster_moving,
    cluster_reads,
    disks,
    events,
    extensions,
    fittings,
    hosts,
    items,
    local_accounts,
    machines,
    moving,
    net,
    registry,
    sans,
    smb,
    smb_client,
    smb_shapes,
    system,
)
from winmigrate.lab.cmdlets.cluster_objects import NAMESPACE
from winmigrate.lab.cmdlets.desk import Command, Desk, hyperv_class
from winmigrate.lab.cmdlets.functions import twins
from winmigrate.lab.cmdlets.hop import has_hyperv
from winmigrate.lab.cmdlets.shapes import HYPERV
from winmigrate.lab.cmdlets.shell import Shell
from winmigrate.lab.engine.conversion_types import TypeTable
from winmigrate.lab.engine.definitions import Definition, parse_definition
from winmigrate.lab.engine.definitions_types import named_by_text
from winmigrate.lab.engine.effects import Implementation
from winmigrate.lab.engine.table import CommandTable
from winmigrate.lab.fabric.cluster import has_feature
from winmigrate.lab.fabric.world import Host, World

COMMANDS: Mapping[str, Command] = {
    **machines.COMMANDS, **hosts.COMMANDS, **disks.COMMANDS, **items.COMMANDS, **cim.COMMANDS, **system.COMMANDS,
    **events.COMMANDS, **moving.COMMANDS, **changing.COMMANDS, **cluster_reads.COMMANDS,
    **smb.COMMANDS, **smb_client.COMMANDS, **acl.COMMANDS, **sans.COMMANDS, **fittings.COMMANDS,
    **local_accounts.COMMANDS,
    **cluster_moving.COMMANDS, **cluster_acts.COMMANDS,
    **ad.COMMANDS, **extensions.COMMANDS,
    **net.COMMANDS, **registry.COMMANDS,
}

#: Module -> what it is called on a host, where the reference pages file it under another name.
_MODULES = {"Microsoft.Windows.ServerManager.Migration": "ServerManager"}
_ALIASES = {"gcim": "Get-CimInstance", "icim": "Invoke-CimMethod", "gi": "Get-Item", "gci": "Get-ChildItem",
            "dir": "Get-ChildItem", "ls": "Get-ChildItem", "gsv": "Get-Service"}
#: The Hyper-V module's own aliases, from 2012 R2 on.
_CHECKPOINT_ALIASES = {"Get-VMCheckpoint": "Get-VMSnapshot", "Remove-VMCheckpoint": "Remove-VMSnapshot"}


@cache
def type_table() -> TypeTable:
    """What the binder knows of .NET types beside .NET's own: Hyper-V's enumerations and classes."""
    enums = {HYPERV + name: members for name, members in types.enums("Hyper-V").items() if name != "GroupType"}
    clusters = types.enums("FailoverClusters")  # whose GroupType is the one that a command here takes
    elsewhere = {name: NAMESPACE + name for name in clusters}
    enums |= {NAMESPACE + name: members for name, members in clusters.items()}
    elsewhere |= {name: smb_shapes.GENERATED + name for name in smb_shapes.ENUMS}
    enums |= {smb_shapes.GENERATED + name: types.enums("SmbShare")[name] for name in smb_shapes.ENUMS}
    elsewhere |= ad.IDENTITIES
    return TypeTable(enums=enums, enum_prefix=HYPERV, class_prefix=HYPERV, elsewhere=elsewhere, from_text=named_by_text)


def _raw(name: str, version: str) -> tuple[str, Mapping[str, Any]] | None:
    """Module and raw definition; where pages lack a command that machines of that version have, a later page's."""
    found = locate(name, version)
    if found is not None:
        return found.module, found.raw
    first = since.first_version("Hyper-V", name)
    if first is None or not at_least(version, first):
        return None
    for later in VERSIONS[VERSIONS.index(version):]:
        found = locate(name, later)
        if found is not None:
            return found.module, found.raw
    return None


def _one_provider(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A provider cmdlet as it stands on a file system drive: its pages list the sets of each provider."""
    sets = {name.partition(" ")[0]: entries for name, entries in raw["sets"].items() if "FileSystem" in name}
    if not sets:
        return raw
    used = {name for entries in sets.values() for name in _names(entries)}
    parameters = {name: facts for name, facts in raw["parameters"].items() if name in used}
    return {**raw, "default": "Path", "sets": sets, "parameters": parameters}


def _with_default(name: str, version: str, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pages of 2012 mark no set as the default, though commands like Get-VM are called there without parameters.
    It is the set most like the default of a later version, matched by its parameters.
    """
    if raw["default"] in raw["sets"] or len(raw["sets"]) == 1:
        return raw
    for later in VERSIONS[VERSIONS.index(version) + 1:]:
        found = locate(name, later)
        if found is not None and found.raw["default"] in found.raw["sets"]:
            model = _names(found.raw["sets"][found.raw["default"]])
            likeness = {each: len(model & own) / len(model | own)
                        for each, own in ((key, _names(entries)) for key, entries in raw["sets"].items())}
            return {**raw, "default": max(likeness, key=lambda each: likeness[each])}
    return raw


def _names(entries: Iterable[str]) -> set[str]:
    return {entry.partition("@")[0].rstrip("!") for entry in entries}


@cache
def definition_for(name: str, version: str) -> Definition | None:
    """A command of the lab as that version of Windows defines it; None where it has none."""
    found = _raw(name, version)
    if found is None:
        return None
    module, raw = found
    module = _MODULES.get(module, module)
    class_name = hyperv_class(name, version) if module == "Hyper-V" else ""
    return parse_definition(name, _with_default(name, version, _one_provider(raw)), module=module,
                            class_name=COMMANDS[name].class_name or class_name)


def _implementation(name: str, class_name: str, command: Command, desk: Desk) -> Implementation:
    return Implementation(name, class_name, lambda call: command.process(desk, call))


def command_table(world: World, host: Host) -> CommandTable:
    """The commands that ``host`` answers; ``types`` for the engine's binder: :func:`type_table`."""
    desk = Desk(world, host)
    commands: dict[str, tuple[Definition | None, Implementation]] = {}
    for name, command in COMMANDS.items():
        definition = definition_for(name, host.version)
        if definition is None or (definition.module == "Hyper-V" and not has_hyperv(host)):
            continue
        if definition.module == "FailoverClusters" and not has_feature(host):
            continue
        if definition.module == "Defender" and host.surroundings.antivirus is None:
            continue
        if definition.module == "ActiveDirectory" and not ad.has_module(host):
            continue
        commands[name] = (definition, _implementation(name, definition.class_name, command, desk))
    for name, command in system.NATIVE.items():
        commands[name] = (None, _implementation(name, name, command, desk))
    aliases = dict(_ALIASES)
    if at_least(host.version, "2012R2"):
        aliases |= _CHECKPOINT_ALIASES
    table = CommandTable(commands, aliases)
    return CommandTable(commands, aliases, twins(Shell(desk, table.find, type_table())))
