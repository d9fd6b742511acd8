"""The commands that show virtual machines and their parts."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from winmigrate.lab.cmdlets import parts
from winmigrate.lab.cmdlets.desk import (
    Command,
    Desk,
    Work,
    each,
    find_by_name,
    find_machines,
    named,
    part_of,
    refusal,
    unknown_id,
    vms_of,
    wildcard,
)
from winmigrate.lab.cmdlets.hop import desks
from winmigrate.lab.cmdlets.machine import Machine, show_checkpoint, show_part, show_vm
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric.world import Checkpoint


def get_vm(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VM by name or id, here or elsewhere."""
    for there in desks(desk, call):
        if isinstance(there, Error):
            yield there
        elif "Id" in call.bound and call.bound["Id"] is not None:
            wanted = call.bound["Id"]
            vm = there.host.vms.get(wanted)
            yield Output(show_vm(there.world, there.host, vm)) if vm else unknown_id(there, wanted)
        else:
            yield from _vms_by_name(there, each(call.get("Name")))


def _vms_by_name(desk: Desk, names: list[Any]) -> Iterator[Effect]:
    if not names:
        yield from (Output(show_vm(desk.world, desk.host, vm)) for vm in vms_of(desk))
    for name in names:
        found = find_by_name(desk, str(name))
        if isinstance(found, Error):
            yield found
        else:
            yield from (Output(show_vm(desk.world, desk.host, vm)) for vm in found)


def _owners(desk: Desk, call: Call) -> Iterator[tuple[Machine, Checkpoint | None] | Error]:
    """The machines, or checkpoints, whose parts a call wants."""
    if "VMSnapshot" in call.bound:
        for item in each(call.bound["VMSnapshot"]):
            part = part_of(item)
            yield part.machine, part.item
        return
    for machine in find_machines(desk, call, desks):
        yield machine if isinstance(machine, Error) else (machine, None)


def _parts(class_name: str, items: Callable[[Machine, Checkpoint | None], Iterable[Any]],
           fits: Callable[[Call, Any], bool] = lambda call, item: True) -> Work:
    """A command that shows the parts of machines, those that its own parameters fit."""

    def show(desk: Desk, call: Call) -> Iterator[Effect]:
        for owner in _owners(desk, call):
            if isinstance(owner, Error):
                yield owner
                continue
            machine, checkpoint = owner
            for item in list(items(machine, checkpoint)):
                if fits(call, item):
                    yield Output(show_part(class_name, machine, item, checkpoint))

    return show


def _fits_name(call: Call, item: Any) -> bool:
    patterns = each(call.get("Name"))
    return not patterns or any(named([item], str(pattern), lambda one: one.name) for pattern in patterns)


def _fits_adapter(call: Call, item: Any) -> bool:
    legacy = call.get("IsLegacy")
    return _fits_name(call, item) and (legacy is None or item.legacy is bool(legacy))


def _fits_place(call: Call, item: Any) -> bool:
    kind = call.get("ControllerType")
    number, location = call.get("ControllerNumber"), call.get("ControllerLocation")
    return ((kind is None or str(kind).lower() == item.controller_type.lower())
            and (number is None or number == item.controller_number)
            and (location is None or location == item.controller_location))


def get_adapters(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VMNetworkAdapter. The fabric knows no adapters of the management operating system: -ManagementOS finds none,
    and -All finds those of the machines.
    """
    if call.get("ManagementOS"):
        return
    yield from _ADAPTERS(desk, call)


_ADAPTERS = _parts("VMNetworkAdapter", lambda machine, checkpoint: machine.vm.adapters, _fits_adapter)


def get_vlans(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VMNetworkAdapterVlan, of adapters or of machines."""
    if call.get("ManagementOS"):
        return
    if "VMNetworkAdapter" in call.bound:
        for item in each(call.bound["VMNetworkAdapter"]):
            part = part_of(item)
            yield Output(show_part("VMNetworkAdapterVlanSetting", part.machine, part.item, part.checkpoint))
        return
    pattern = call.get("VMNetworkAdapterName")
    for owner in _owners(desk, call):
        if isinstance(owner, Error):
            yield owner
            continue
        machine, checkpoint = owner
        for adapter in named(list(machine.vm.adapters), str(pattern or "*"), lambda one: one.name):
            yield Output(show_part("VMNetworkAdapterVlanSetting", machine, adapter, checkpoint))


def get_firmware(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VMFirmware: an error for each machine of generation 1."""
    for owner in _owners(desk, call):
        if isinstance(owner, Error):
            yield owner
        elif owner[0].vm.generation == 1:
            # The words are known from posts; the id and category of this error are not.
            yield refusal(desk, "InvalidParameter", "Generation 1 virtual machines do not support the VMFirmware "
                          "cmdlets. Use VMBios cmdlets instead.", owner[0].vm.name)
        else:
            yield Output(show_part("VMFirmware", owner[0], owner[0].vm.firmware, owner[1]))


def get_bios(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VMBios: an error for each machine of generation 2."""
    for owner in _owners(desk, call):
        if isinstance(owner, Error):
            yield owner
        elif owner[0].vm.generation == 2:
            # By analogy with Get-VMFirmware.
            yield refusal(desk, "InvalidParameter", "Generation 2 virtual machines do not support the VMBios cmdlets. "
                          "Use VMFirmware cmdlets instead.", owner[0].vm.name)
        else:
            yield Output(show_part("VMBios", owner[0], owner[0].vm, owner[1]))


def get_checkpoints(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VMSnapshot by machine, id, or as child or parent of another."""
    if "Id" in call.bound and call.bound["Id"] is not None:
        yield from _checkpoint_by_id(desk, call, call.bound["Id"])
        return
    if "ChildOf" in call.bound or "ParentOf" in call.bound:
        yield from _relatives(call)
        return
    patterns = [str(name) for name in each(call.get("Name"))]
    for machine in find_machines(desk, call, desks):
        if isinstance(machine, Error):
            yield machine
            continue
        points = list(machine.vm.checkpoints)
        for pattern in patterns or ["*"]:
            found = [point for point in named(points, pattern, lambda one: one.name) if _fits_kind(call, point)]
            yield from (Output(show_checkpoint(machine, point)) for point in found)
            if not found and wildcard(pattern) is None:
                yield refusal(desk, "InvalidParameter", "Hyper-V was unable to find a checkpoint with the name "
                              f'"{pattern}".', pattern)


def _fits_kind(call: Call, point: Checkpoint) -> bool:
    kind = call.get("SnapshotType")
    return kind is None or str(kind).lower() == point.kind.lower()


def _checkpoint_by_id(desk: Desk, call: Call, wanted: uuid.UUID) -> Iterator[Effect]:
    for there in desks(desk, call):
        if isinstance(there, Error):
            yield there
            continue
        found = [(vm, point) for vm in vms_of(there) for point in list(vm.checkpoints) if point.id == wanted]
        if not found:
            yield refusal(there, "InvalidParameter", f'Hyper-V was unable to find a checkpoint with id "{wanted}".',
                          wanted)
        for vm, point in found:
            yield Output(show_checkpoint(Machine(there.world, there.host, vm), point))


def _relatives(call: Call) -> Iterator[Effect]:
    of_child = "ParentOf" in call.bound
    given: net.PSObject = call.bound["ParentOf" if of_child else "ChildOf"]
    if isinstance(given.live, Machine):
        machine, own, parent = given.live, None, given.live.vm.parent_checkpoint
    else:
        part = part_of(given)
        machine, own, parent = part.machine, part.item.id, part.item.parent
    for point in list(machine.vm.checkpoints):
        if (point.id == parent) if of_child else (point.parent == own):
            yield Output(show_checkpoint(machine, point))


def _fits_device(call: Call, item: Any) -> bool:
    instance, location = call.get("InstancePath"), call.get("LocationPath")
    return ((instance is None or str(instance).lower() == item.instance_id.lower())
            and (location is None or str(location).lower() == item.location_path.lower()))


def _disks(machine: Machine, checkpoint: Checkpoint | None) -> Iterable[Any]:
    return checkpoint.disks if checkpoint else machine.vm.disks


COMMANDS: dict[str, Command] = {
    name: Command(work)
    for name, work in {
        "Get-VM": get_vm,
        "Get-VMNetworkAdapter": get_adapters,
        "Get-VMNetworkAdapterVlan": get_vlans,
        "Get-VMHardDiskDrive": _parts("HardDiskDrive", _disks, _fits_place),
        "Get-VMDvdDrive": _parts("DvdDrive", lambda machine, checkpoint: machine.vm.dvds, _fits_place),
        "Get-VMSnapshot": get_checkpoints,
        "Get-VMProcessor": _parts("VMProcessor", lambda machine, checkpoint: [machine.vm.processor]),
        "Get-VMMemory": _parts("VMMemory", lambda machine, checkpoint: [machine.vm.memory]),
        "Get-VMFirmware": get_firmware,
        "Get-VMBios": get_bios,
        "Get-VMSecurity": _parts("VMSecurity", lambda machine, checkpoint: [machine.vm.security]),
        "Get-VMIntegrationService": _parts(
            "VMIntegrationComponent", lambda machine, checkpoint: machine.vm.integration, _fits_name),
        "Get-VMAssignableDevice": _parts(
            "VMAssignedDevice", lambda machine, checkpoint: machine.vm.devices, _fits_device),
        "Get-VMFibreChannelHba": _parts("VMFibreChannelHba", lambda machine, checkpoint: machine.vm.fibre_channel),
    }.items()
}

__all__ = ["COMMANDS", "parts"]
