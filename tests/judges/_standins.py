"""The stand-in Hyper-V cmdlets behind the recordings (fixtures/engine, standins.json)."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winmigrate.lab.engine.conversion_types import TypeTable
from winmigrate.lab.engine.definitions import parse_definition
from winmigrate.lab.engine.effects import (
    Call,
    Effect,
    Error,
    Implementation,
    Output,
    Progress,
    ShouldProcess,
    Terminate,
    Text,
    Wait,
)
from winmigrate.lab.engine.engine import known_types
from winmigrate.lab.engine.objects.discovery import short_type
from winmigrate.lab.engine.objects.members import wildcard
from winmigrate.lab.engine.reader import ReadList, read
from winmigrate.lab.engine.restricted import Restriction, Visible
from winmigrate.lab.engine.table import CommandTable, Twin
from winmigrate.lab.engine.text import type_name
from winmigrate.lab.engine.values import EnumValue, Int32, Int64, NetArray, NetList, PSObject

FIXTURE = Path(__file__).parents[2] / "fixtures" / "engine" / "recordings.tar.gz"
_NAMESPACE = "Microsoft.HyperV.PowerShell."
_EXCEPTION = _NAMESPACE + "VirtualizationException"
#: Properties of the stand-in classes that have no setter.
_READ_ONLY = frozenset({"ConfigurationLocation", "HardDrives", "NetworkAdapters", "VMId"})


class Declared(dict[str, Any]):
    """Properties whose class declares their types."""

    def __init__(self, values: dict[str, Any], types: dict[str, str]) -> None:
        super().__init__(values)
        self.definitions = {
            name: f"{short_type(kind)} {name} {{get;{'' if name in _READ_ONLY else 'set;'}}}"
            for name, kind in types.items()
        }


@dataclass(slots=True)
class Standins:
    """The machines, live, and the document that declares cmdlets, types and enumerations."""

    machines: list[PSObject]
    document: dict[str, Any]

    def find(self, name: str) -> list[PSObject]:
        exact = [each for each in self.machines if each.get("Name").lower() == name.lower()]
        return exact or [each for each in self.machines if wildcard(name).fullmatch(each.get("Name"))]


def load_standins(path: Path = FIXTURE) -> Standins:
    """From standins.json, beside the recordings or in their archive."""
    if path.is_dir():
        document = json.loads((path / "standins.json").read_text(encoding="utf-8"))
    else:
        with tarfile.open(path, "r:gz") as archive:
            content = archive.extractfile("standins.json")
            assert content is not None
            document = json.loads(content.read())
    return Standins(machines_of(document), document)


def machines_of(document: dict[str, Any]) -> list[PSObject]:
    """The machines that the document holds as CLIXML, as live objects."""
    types = {name: dict(pairs) for name, pairs in document["types"].items()}
    return [_live(each, types) for each in read(document["vms_clixml"], str)]


def _bare(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.removeprefix("Deserialized.") for name in names)


def _live(value: Any, types: dict[str, dict[str, str]]) -> Any:
    """What was read, as the object it was before it was written."""
    if isinstance(value, ReadList):
        names = _bare(value.type_names)
        items = [_live(item, types) for item in value]
        return NetArray(names[0], items) if names[0].endswith("[]") else NetList(names, items)
    if isinstance(value, EnumValue):
        return EnumValue(value.type_name.removeprefix("Deserialized."), value.name, value.value, value.underlying)
    if isinstance(value, PSObject):
        names = _bare(value.type_names)
        properties = {name: _live(item, types) for name, item in value.properties.items()}
        return PSObject(names, Declared(properties, types.get(names[0], {})), {}, value.to_string)
    return value


def standin_table(standins: Standins) -> tuple[CommandTable, TypeTable]:
    """The table of commands, and the types that their parameters name."""
    bodies: dict[str, Any] = {
        "Get-VM": _Bodies(standins).get_vm,
        "Get-VMHardDiskDrive": _Bodies(standins).get_drives,
        "Compare-VM": _Bodies(standins).compare,
        "Move-VM": _Bodies(standins).move,
    }
    commands = {}
    for name, raw in standins.document["cmdlets"].items():
        definition = parse_definition(name, raw, module="rec", class_name=raw["class"], function=False)
        commands[name] = definition, Implementation(name, raw["class"], bodies[name])
    mapped = parse_definition("Move-WithMap", {
        "default": None,
        "sets": {"(only)": ["Name@0", "DestinationHost@1", "Map@2"]},
        "parameters": {
            "Name": {"type": "System.String"}, "DestinationHost": {"type": "System.String"},
            "Map": {"type": "System.Collections.Hashtable[]"},
        },
    }, function=True)
    twin = Twin(mapped, Implementation("Move-WithMap", "Move-WithMap", _Bodies(standins).move_with_map))
    enums = {name: dict(members) for name, members in standins.document["enums"].items()}
    return CommandTable(commands, twins={MOVE_WITH_MAP_DIGEST: twin}), known_types(enums)


#: SHA-256 of the recorded definition of Move-WithMap.
MOVE_WITH_MAP_DIGEST = "8c39d1d60bb5e364736c3942c86ef25bb489914b9a1dd965d10d94aaf2551081"


def standin_restriction(standins: Standins) -> Restriction:
    """What the restricted endpoint of the recordings shows."""
    rows = parse_definition("Get-VMRows", {
        "default": None, "sets": {"(only)": ["Name@0"]}, "parameters": {"Name": {"type": "System.String"}},
    }, function=True)
    return Restriction((
        Visible("Get-VM"),
        Visible("Get-VMHost"),
        Visible("Write-Output"),
        Visible("Microsoft.PowerShell.Utility\\Select-Object"),
        Visible("Move-VM", {"Name": (), "DestinationHost": ("HV02", "HV03")}),
    ), {"Get-VMRows": (rows, Implementation("Get-VMRows", "Get-VMRows", _Bodies(standins).get_rows))})


@dataclass(slots=True)
class _Bodies:
    standins: Standins

    def get_vm(self, call: Call) -> Iterator[Effect]:
        wanted = call.get("Id")
        if wanted is not None:
            found = [each for each in self.standins.machines if each.get("Id") == wanted]
            if not found:
                yield _not_found(str(wanted))
            yield from map(Output, found)
            return
        for name in call.get("Name") or ["*"]:
            found = self.standins.find(name)
            if not found:
                yield _not_found(name)
            yield from map(Output, found)

    def get_rows(self, call: Call) -> Iterator[Effect]:
        for machine in self.standins.find(call.get("Name")):
            custom = ("System.Management.Automation.PSCustomObject", "System.Object")
            notes = {name: machine.get(name) for name in ("Name", "Id")}
            yield Output(PSObject((f"Selected.{machine.type_names[0]}", *custom), {}, notes))

    def get_drives(self, call: Call) -> Iterator[Effect]:
        for machine in call.get("VM") or [each for name in call.get("VMName") for each in self.standins.find(name)]:
            yield from map(Output, machine.get("HardDrives").items)

    def compare(self, call: Call) -> Iterator[Effect]:
        machines = self.standins.find(call.get("Name"))
        if not machines:
            yield _not_found(call.get("Name"))
            return
        yield Output(report(machines[0], call.get("DestinationHost")))

    def move(self, call: Call) -> Iterator[Effect]:
        for entry in call.get("Vhds") or ():
            source, target = entry["SourceFilePath"], entry["DestinationFilePath"]
            yield Text("verbose", f"{source} -> {target} {type_name(source)} {type_name(target)}")
        credential = call.get("DestinationCredential")
        if credential is not None:
            yield Text("verbose",
                       f"credential of {credential.username}, {len(credential.password.text)} characters")
        machine = call.get("VM")
        if call.get("CompatibilityReport") is not None:
            machine = call.get("CompatibilityReport").get("VM")
        if machine is None:
            found = self.standins.find(call.get("Name"))
            if not found:
                yield _not_found(call.get("Name"))
                return
            machine = found[0]
        name = machine.get("Name")
        if not (yield ShouldProcess(name, "Move-VM")):
            return
        seconds = int(call.get("Seconds") or 1)
        for percent in (0, 25, 50, 75, 100):
            yield Progress("Move-VM", f"Performing the operation {name}", percent)
            yield Wait(deadline=seconds * 0.04)
        yield Progress("Move-VM", "done", completed=True)
        yield from _fail(machine, call.get("DestinationHost"))
        if call.get("Passthru"):
            yield Output(machine)

    def move_with_map(self, call: Call) -> Iterator[Effect]:
        machine = self.standins.find(call.get("Name"))[0]
        made = report(machine, call.get("DestinationHost"))
        mapping = call.get("Map")
        for each in made.get("Incompatibilities"):
            yield Output(PSObject(("System.Management.Automation.PSCustomObject", "System.Object"), {}, {
                "Kind": "incompatibility",
                "MessageId": each.get("MessageId"),
                "Source": each.get("Source").get("Name"),
                "Map": Int32(len(mapping)),
                "T": "System.Collections.Hashtable",
                "To": mapping[0]["To"],
            }))
        call.bound = {"CompatibilityReport": made}
        yield from self.move(call)


def report(machine: PSObject, host: str) -> PSObject:
    """A compatibility report with the one incompatibility that the stand-in always finds."""
    adapter = machine.get("NetworkAdapters").items[0]
    message = f"Could not find Ethernet switch '{adapter.get('SwitchName')}'."
    kind = _NAMESPACE + "VMCompatibilityReport"
    found = PSObject((kind + "Incompatibility", "System.Object"),
                     {"Message": message, "MessageId": Int64(33012), "Source": adapter}, {}, message)
    return PSObject((kind, "System.Object"), {
        "VM": machine, "OperationType": "MoveVirtualMachine", "Destination": host, "Path": None, "SnapshotPath": None,
        "VhdDestinationPath": None, "VhdSourcePath": None,
        "Incompatibilities": NetArray(kind + "Incompatibility[]", [found]),
    }, {}, kind)


def _not_found(name: str) -> Error:
    message = f'Hyper-V was unable to find a virtual machine with name "{name}".'
    return Error(message, "InvalidParameter", "InvalidArgument", _EXCEPTION, name)


def _fail(machine: PSObject, host: str | None) -> Iterator[Effect]:
    if host == "TERM":
        raise Terminate(Error("terminated", "Terminated", "ResourceUnavailable", _EXCEPTION, machine,
                              inner=("System.InvalidOperationException", "inner")))
    if host == "BAD":
        name, computer = machine.get("Name"), machine.get("ComputerName")
        yield Error(
            f"Virtual machine migration operation for '{name}' failed at migration source '{computer}'. (Virtual "
            f"machine ID {str(machine.get('Id')).upper()})\n\nThe Virtual Machine Management Service failed to "
            f"establish a connection for a Virtual Machine migration with host '{host}': No credentials are available "
            "in the security package (0x8009030E).",
            "OperationFailed", "NotSpecified", _EXCEPTION, machine, 0x8009030E, "Check delegation",
            "Virtual machine migration operation failed.")
