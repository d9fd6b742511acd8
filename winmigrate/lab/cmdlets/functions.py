"""The Python twins of the PowerShell functions that winmigrate sends to hosts.

A twin is admitted by the SHA-256 of its function's text (function_digests.json), so a function that was changed fails
in the lab until its twin has been looked at again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from winmigrate.lab.cmdlets.machine import Machine
from winmigrate.lab.cmdlets.shell import Shell
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.definitions import parse_definition
from winmigrate.lab.engine.effects import Call, Effect, Error, Implementation, Output, ShouldProcess, Terminate
from winmigrate.lab.engine.table import Twin

_CUSTOM = ("System.Management.Automation.PSCustomObject", "System.Object")
_SWITCH = {"type": "SwitchParameter"}
_TEXT = {"type": "String"}

_WHERE_TO: dict[str, Mapping[str, Any]] = {
    "VMId": {"type": "Guid"},
    "DestinationHost": _TEXT,
    "DestinationCredential": {"type": "PSCredential"},
    "IncludeStorage": _SWITCH,
    "DestinationStoragePath": _TEXT,
    "VirtualMachinePath": _TEXT,
    "SnapshotFilePath": _TEXT,
    "SmartPagingFilePath": _TEXT,
    "Vhds": {"type": "Hashtable[]"},
    "SwitchMap": {"type": "Hashtable"},
}
_SHOULD_PROCESS: dict[str, Mapping[str, Any]] = {"WhatIf": _SWITCH, "Confirm": _SWITCH}


def _row(**notes: Any) -> Output:
    return Output(net.PSObject(_CUSTOM, {}, notes))


def _short_type(item: net.PSObject) -> str:
    return item.type_names[0].rpartition(".")[2]


def _incompatibility_row(found: net.PSObject) -> Output:
    source = found.get("Source")
    known = isinstance(source, net.PSObject)
    return _row(
        Message=found.get("Message"), MessageId=found.get("MessageId"),
        SourceType=_short_type(source) if known else None,
        SourceId=_text(source.get("Id")) if known else None,
        SourceName=_text(source.get("Name")) if known else None,
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _map(value: Any) -> dict[str, str]:
    """A hashtable of switch names; its keys do not regard case."""
    return {str(key).lower(): str(name) for key, name in value.items()} if isinstance(value, Mapping) else {}


def _thrown(text: str) -> Terminate:
    """PowerShell's throw of a string."""
    return Terminate(Error(text, text, "OperationStopped", "System.Management.Automation.RuntimeException", text,
                           origin=("", None)))


def _compare_and_mend(shell: Shell, call: Call, switches: dict[str, str],
                      mend: bool) -> Generator[Effect, Any, net.PSObject]:
    """Compare-VM, the adapters connected by the map, and Compare-VM again."""
    context = call.context
    asked = {name: value for name, value in call.bound.items()
             if name not in ("VMId", "SwitchMap", "Confirm", "WhatIf")}
    (vm,) = yield from shell.run("Get-VM", context, Id=call.bound["VMId"])
    report: net.PSObject = (yield from shell.run("Compare-VM", context, VM=vm, **asked))[0]
    if not mend:
        return report
    adapters = yield from shell.run("Get-VMNetworkAdapter", context, VM=vm)
    names = {adapter.get("Id"): adapter.get("SwitchName") for adapter in adapters}
    there = {"ComputerName": call.bound["DestinationHost"]}
    if call.get("DestinationCredential") is not None:
        there["Credential"] = call.bound["DestinationCredential"]
    offered = yield from shell.run("Get-VMSwitch", context, **there)
    planned = yield from shell.run("Get-VMNetworkAdapter", context, VM=report.get("VM"))
    for adapter in planned:
        name = names.get(adapter.get("Id"))
        if not name or name.lower() not in switches:
            continue
        wanted = switches[name.lower()]
        mapped = next((one for one in offered if str(one.get("Name")).lower() == wanted.lower()), None)
        if mapped is None:
            raise _thrown(f"There is no switch '{wanted}' on {call.bound['DestinationHost']}.")
        yield from shell.run("Connect-VMNetworkAdapter", context, VMNetworkAdapter=adapter, VMSwitch=mapped,
                             Confirm=False)
    again: net.PSObject = (yield from shell.run("Compare-VM", context, CompatibilityReport=report))[0]
    return again


def compare(shell: Shell, call: Call) -> Iterator[Effect]:
    """Compare-WinmigrateVM."""
    switches = _map(call.get("SwitchMap"))
    report = yield from _compare_and_mend(shell, call, switches, bool(switches))
    yield from (_incompatibility_row(found) for found in report.get("Incompatibilities"))


def move(shell: Shell, call: Call) -> Iterator[Effect]:
    """Move-WinmigrateVM."""
    vm_id = str(call.bound["VMId"])
    if not (yield ShouldProcess(vm_id, f"Move to {call.bound['DestinationHost']}")):
        return
    report = yield from _compare_and_mend(shell, call, _map(call.bound["SwitchMap"]), True)
    left = [found for found in report.get("Incompatibilities")
            if not isinstance(found.get("Source"), net.PSObject) or not isinstance(found.get("Source").live, Machine)]
    if left:
        yield from (_incompatibility_row(found) for found in left)
        raise Terminate(Error(f"Still incompatible: {left[0].get('Message')}", "WinmigrateStillIncompatible",
                              "InvalidOperation", "System.InvalidOperationException", vm_id))
    moved = yield from shell.run("Move-VM", call.context, CompatibilityReport=report, Confirm=False)
    yield from (Output(one) for one in moved)


def remove_planned(shell: Shell, call: Call) -> Iterator[Effect]:
    """Remove-WinmigratePlannedVM."""
    vm_id = str(call.bound["VMId"])
    namespace = "root/virtualization/v2"
    planned = yield from shell.run("Get-CimInstance", call.context, Namespace=namespace,
                                   ClassName="Msvm_PlannedComputerSystem", Filter=f"Name='{vm_id}'")
    if not planned:
        yield _row(VMId=vm_id, Removed=False)
        return
    if not (yield ShouldProcess(vm_id, "Destroy the planned VM")):
        return
    (service,) = yield from shell.run("Get-CimInstance", call.context, Namespace=namespace,
                                      ClassName="Msvm_VirtualSystemManagementService")
    (asked,) = yield from shell.run("Invoke-CimMethod", call.context, InputObject=service, MethodName="DestroySystem",
                                    Confirm=False, Arguments={"AffectedSystem": planned[0]})
    code = int(asked.get("ReturnValue"))  # the lab's DestroySystem is done at once: never 4096
    if code != 0:
        raise Terminate(Error(f"The planned VM {vm_id} was not destroyed: {code} ", "WinmigrateNotDestroyed",
                              "InvalidResult", "System.InvalidOperationException", vm_id))
    yield _row(VMId=vm_id, Removed=True)


Body: TypeAlias = "Callable[[Shell, Call], Iterator[Effect]]"

#: Function name -> what it does, its mandatory parameters, all of its parameters.
_FUNCTIONS: dict[str, tuple[Body, frozenset[str], dict[str, Mapping[str, Any]]]] = {
    "Compare-WinmigrateVM": (compare, frozenset({"VMId", "DestinationHost"}), _WHERE_TO),
    "Move-WinmigrateVM": (move, frozenset({"VMId", "DestinationHost", "SwitchMap"}), _WHERE_TO | _SHOULD_PROCESS),
    "Remove-WinmigratePlannedVM": (remove_planned, frozenset({"VMId"}), {"VMId": _WHERE_TO["VMId"], **_SHOULD_PROCESS}),
}


@cache
def digests() -> dict[str, str]:
    """Function name -> the digest of the text its twin was written for (engine.table.script_digest)."""
    held: dict[str, str] = json.loads(files(__package__).joinpath("function_digests.json").read_text("utf-8"))
    return held


def twins(shell: Shell) -> dict[str, Twin]:
    """The twins by digest, for one host."""
    return {digests()[name]: _twin(name, shell) for name in _FUNCTIONS}


def _twin(name: str, shell: Shell) -> Twin:
    body, mandatory, parameters = _FUNCTIONS[name]
    positions = [each for each in parameters if each not in _SHOULD_PROCESS and parameters[each] is not _SWITCH]
    entries = [each + "!" * (each in mandatory) + (f"@{positions.index(each)}" if each in positions else "")
               for each in parameters]
    raw = {"default": "(only)", "sets": {"(only)": entries}, "parameters": parameters}
    definition = parse_definition(name, raw, function=True)

    def process(call: Call) -> Iterator[Effect]:
        return body(shell, call)

    return Twin(definition, Implementation(name, name, process))
