"""The commands that change virtual machines: their adapters, their DVD drives, their state and names."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from winmigrate.lab.cmdlets.cim_hyperv import destroy
from winmigrate.lab.cmdlets.desk import Command, Desk, each, find_machines, named, part_of, refusal, wildcard
from winmigrate.lab.cmdlets.hop import desks, error_of
from winmigrate.lab.cmdlets.hosts import Fixture, unknown_switch
from winmigrate.lab.cmdlets.machine import Machine, Part, show_checkpoint, show_part, show_vm
from winmigrate.lab.cmdlets.merging import remove_checkpoints
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess, Text, Wait
from winmigrate.lab.fabric import failures, opening
from winmigrate.lab.fabric.files import FileEntry, Vhd, folder_of, join, leaf
from winmigrate.lab.fabric.migration import busy
from winmigrate.lab.fabric.world import Adapter, Checkpoint, Disk, VSwitch

#: Seconds that a guest takes to shut down, and a machine to be saved; nothing is known of real ones.
SHUT_DOWN = 10.0
SAVE = 5.0
#: A new differencing disk, bytes.
NEW_DISK = 4 * 1024**2

Change: TypeAlias = "Callable[[Desk, Call, Machine], Iterator[Effect]]"


# --- adapters --------------------------------------------------------------------------------------------------------


def _adapters(desk: Desk, call: Call) -> Iterator[Part | Error]:
    """The adapters of a call: as objects, or by the VM's and their own names."""
    if "VMNetworkAdapter" in call.bound:
        yield from (part_of(item) for item in each(call.bound["VMNetworkAdapter"]))
        return
    patterns = [str(name) for name in each(call.get("Name"))] or ["*"]
    for machine in find_machines(desk, call, desks):
        if isinstance(machine, Error):
            yield machine
            continue
        for pattern in patterns:
            found = named(list(machine.vm.adapters), pattern, lambda one: one.name)
            yield from (Part(machine, adapter) for adapter in found)
            if not found and wildcard(pattern) is None:
                yield refusal(desk, "InvalidParameter", "Hyper-V was unable to find a network adapter with name "
                              f'"{pattern}".', pattern)


def _switch(desk: Desk, call: Call, part: Part) -> VSwitch | Error:
    """The switch to connect to. A name is looked up where the command runs: for a planned VM, which stands at the
    destination, that is the source (measured by others), so only a switch object reaches the destination's switch.
    """
    given = call.get("VMSwitch")
    if given is not None:
        live = given.live if isinstance(given, net.PSObject) else None
        if isinstance(live, Fixture) and isinstance(live.item, VSwitch):
            return live.item
        return refusal(desk, "InvalidParameter", "The object is not a virtual switch.", given)
    host = desk.host if part.machine.vm.planned else part.machine.host
    if call.get("UseAutomaticConnection"):
        return host.switches[0] if host.switches else unknown_switch(desk, "")
    name = str(call.get("SwitchName"))
    return host.switch(name) or unknown_switch(desk, name)


def connect(desk: Desk, call: Call) -> Iterator[Effect]:
    """Connect-VMNetworkAdapter."""
    for part in _adapters(desk, call):
        if isinstance(part, Error):
            yield part
            continue
        switch = _switch(desk, call, part)
        if isinstance(switch, Error):
            yield switch
        elif (yield ShouldProcess(part.item.name, "Connect-VMNetworkAdapter")):
            _put(part, switch)
            if call.get("Passthru"):
                yield Output(show_part("VMNetworkAdapter", part.machine, part.item, part.checkpoint))


def disconnect(desk: Desk, call: Call) -> Iterator[Effect]:
    """Disconnect-VMNetworkAdapter."""
    for part in _adapters(desk, call):
        if isinstance(part, Error):
            yield part
        elif (yield ShouldProcess(part.item.name, "Disconnect-VMNetworkAdapter")):
            _put(part, None)
            if call.get("Passthru"):
                yield Output(show_part("VMNetworkAdapter", part.machine, part.item, part.checkpoint))


def _put(part: Part, switch: VSwitch | None) -> None:
    """Connects or disconnects. Whether edits of a planned VM take is disputed between published reports; the fabric
    says which it plays.
    """
    world = part.machine.world
    with world.lock:
        if part.machine.vm.planned and not world.report_edits:
            return
        adapter: Adapter = part.item
        adapter.switch_name = switch.name if switch is not None else None
        adapter.switch_id = switch.id if switch is not None else None


# --- drives ----------------------------------------------------------------------------------------------------------


def set_dvd(desk: Desk, call: Call) -> Iterator[Effect]:
    """Set-VMDvdDrive: another medium, or none where -Path is $null."""
    for part in _dvds(desk, call):
        if isinstance(part, Error):
            yield part
            continue
        path = str(call.bound["Path"]) if call.get("Path") else None
        if path is not None and path not in part.machine.host.files and not path.startswith("\\\\"):
            # The words are not known.
            yield refusal(desk, "ObjectNotFound", f"Hyper-V was unable to find the file '{path}'.", path)
        elif (yield ShouldProcess(part.machine.vm.name, "Set-VMDvdDrive")):
            if "Path" in call.bound:
                with desk.world.lock:
                    part.item.path = path
            if call.get("Passthru"):
                yield Output(show_part("DvdDrive", part.machine, part.item))


def _dvds(desk: Desk, call: Call) -> Iterator[Part | Error]:
    if "VMDvdDrive" in call.bound:
        yield from (part_of(item) for item in each(call.bound["VMDvdDrive"]))
        return
    number, location = call.get("ControllerNumber"), call.get("ControllerLocation")
    for machine in find_machines(desk, call, desks):
        if isinstance(machine, Error):
            yield machine
            continue
        yield from (Part(machine, dvd) for dvd in list(machine.vm.dvds)
                    if (number is None or number == dvd.controller_number)
                    and (location is None or location == dvd.controller_location))


# --- machines --------------------------------------------------------------------------------------------------------


def _machines(change: Change, impact: str = "Medium") -> Callable[[Desk, Call], Iterator[Effect]]:
    """A command that does something with each machine; -Passthru gives the machine back."""

    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        for machine in find_machines(desk, call, desks, "Name"):
            if isinstance(machine, Error):
                yield machine
                continue
            wanted = "Medium" if call.get("Force") else impact
            if not (yield ShouldProcess(machine.vm.name, call.command, wanted)):
                continue
            yield from change(desk, call, machine)

    return act


def _passed(call: Call, machine: Machine) -> Iterator[Effect]:
    if call.get("Passthru"):
        yield Output(show_vm(machine.world, machine.host, machine.vm))


def _wrong_state(desk: Desk, machine: Machine) -> Error | None:
    """A machine on its way to another host takes no change of its state."""
    if busy(machine.world, machine.vm.id):
        return error_of(desk, failures.in_its_state(machine.vm))
    return None


def _already(machine: Machine, *states: str) -> Text | None:
    if machine.vm.state in states:
        return Text("warning", "The virtual machine is already in the specified state.")
    return None


def _start(desk: Desk, call: Call, machine: Machine) -> Iterator[Effect]:
    vm, host, world = machine.vm, machine.host, machine.world
    refused = _already(machine, "Running") or _wrong_state(desk, machine)
    if refused is not None:
        yield refused
        return
    closed = opening.to_start(world, host, vm)
    if closed is not None:
        yield error_of(desk, closed)
        return
    with world.lock:
        enough = host.memory_free() >= vm.memory.startup
        if enough:
            vm.state, vm.primary_status, vm.secondary_status = "Running", "Ok", None
            vm.memory.assigned = vm.memory.startup
            vm.started_at = world.clock.monotonic()
    if not enough:
        yield refusal(desk, "OperationFailed", f"'{vm.name}' failed to start. (Virtual machine ID {vm.guid})\n\n"
                      f"Not enough memory in the system to start the virtual machine {vm.name} with ram size "
                      f"{vm.memory.startup // 1024**2} megabytes.")
        return
    yield from _passed(call, machine)


def _stop(desk: Desk, call: Call, machine: Machine) -> Iterator[Effect]:
    vm, world = machine.vm, machine.world
    refused = _already(machine, "Off", "Saved") or _wrong_state(desk, machine)
    if refused is not None:
        yield refused
        return
    state = "Saved" if call.get("Save") else "Off"
    if not call.get("TurnOff"):
        yield Wait(deadline=world.clock.monotonic() + (SAVE if state == "Saved" else SHUT_DOWN))
    with world.lock:
        vm.state = state
        vm.memory.assigned = 0
    yield from _passed(call, machine)


def _rename(desk: Desk, call: Call, machine: Machine) -> Iterator[Effect]:
    with machine.world.lock:
        machine.vm.name = str(call.bound["NewName"])
    yield from _passed(call, machine)


def _remove(desk: Desk, call: Call, machine: Machine) -> Iterator[Effect]:
    """Remove-VM takes the machine out of Hyper-V; its disks stay."""
    if destroy(Desk(machine.world, machine.host), machine.vm.id) != 0:
        yield error_of(desk, failures.in_its_state(machine.vm))
        return
    yield from _passed(call, machine)


def _differencing(machine: Machine, disk: Disk, number: str) -> None:
    """Puts a new differencing disk before a disk of the machine."""
    entry = machine.host.files.get(disk.path) if disk.path is not None else None
    if entry is None or entry.vhd is None:
        return
    stem = leaf(entry.path).rpartition(".")[0]
    suffix = ".avhdx" if entry.vhd.format == "VHDX" else ".avhd"
    path = join(folder_of(entry.path), f"{stem}_{number}{suffix}")
    vhd = Vhd(entry.vhd.size, "Differencing", entry.vhd.format, entry.path, machine.world.new_id())
    machine.host.files.add(FileEntry(path, NEW_DISK, "vhd", vhd))
    disk.path = path


def _checkpoint(desk: Desk, call: Call, machine: Machine) -> Iterator[Effect]:
    vm, world = machine.vm, machine.world
    refused = _wrong_state(desk, machine)
    if refused is not None:
        yield refused
        return
    with world.lock:
        now = world.clock.now()
        name = str(call.get("SnapshotName") or f"{vm.name} - ({now:%m/%d/%Y - %H:%M:%S})")
        point = Checkpoint(world.new_id(), name, vm.parent_checkpoint, now, copy.deepcopy(vm.disks),
                           path=vm.snapshot_path)
        number = str(world.new_id()).upper()
        for disk in vm.disks:
            _differencing(machine, disk, number)
        vm.checkpoints.append(point)
        vm.parent_checkpoint = point.id
    if call.get("Passthru"):
        yield Output(show_checkpoint(machine, point))


_CHANGES: dict[str, Any] = {
    "Connect-VMNetworkAdapter": connect,
    "Disconnect-VMNetworkAdapter": disconnect,
    "Set-VMDvdDrive": set_dvd,
    "Start-VM": _machines(_start),
    "Stop-VM": _machines(_stop),
    "Rename-VM": _machines(_rename),
    "Remove-VM": _machines(_remove, "High"),
    "Checkpoint-VM": _machines(_checkpoint),
    "Remove-VMSnapshot": remove_checkpoints,
}
COMMANDS: dict[str, Command] = {name: Command(work) for name, work in _CHANGES.items()}
