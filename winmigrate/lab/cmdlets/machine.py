"""Virtual machines and their checkpoints as the objects that Get-VM and Get-VMSnapshot give."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.cmdlets.shapes import Reader, declare, shape_of
from winmigrate.lab.engine import values as net
from winmigrate.lab.fabric.files import join
from winmigrate.lab.fabric.world import VM, ZERO_ID, Checkpoint, Host, World


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine where it stands: what the ``live`` of a VirtualMachine object is."""

    world: World
    host: Host
    vm: VM


@dataclass(frozen=True, slots=True)
class Part:
    """Something of a virtual machine, or of one of its checkpoints."""

    machine: Machine
    item: Any
    checkpoint: Checkpoint | None = None


def show_vm(world: World, host: Host, vm: VM) -> net.PSObject:
    """The VirtualMachine object of a VM on its host."""
    return shape_of("VirtualMachine", host.version).show(Machine(world, host, vm))


def show_part(class_name: str, machine: Machine, item: Any, checkpoint: Checkpoint | None = None) -> net.PSObject:
    """The object of a part of a VM (or of a checkpoint of it)."""
    return shape_of(class_name, machine.host.version).show(Part(machine, item, checkpoint))


def show_checkpoint(machine: Machine, checkpoint: Checkpoint) -> net.PSObject:
    """The VMSnapshot object of a checkpoint."""
    return shape_of("VMSnapshot", machine.host.version).show(Part(machine, checkpoint, checkpoint))


def _shown(class_name: str, machine: Machine, items: Iterable[Any], checkpoint: Checkpoint | None = None) -> list[Any]:
    return [show_part(class_name, machine, item, checkpoint) for item in items]


def cim_session(host: Host) -> net.PSObject:
    """What the CimSession property of a Hyper-V object holds: the local one."""
    return net.PSObject(
        ("Microsoft.Management.Infrastructure.CimSession", "System.Object"),
        {"ComputerName": ".", "InstanceId": uuid.uuid5(ZERO_ID, host.key)},
        to_string="CimSession: .",
    )


#: What a status is called on an English system. "Operating normally" is the only text seen published; the others name
#: the status, because nothing is known of a real answer.
_DESCRIPTIONS = {
    "Ok": "Operating normally", "InService": "In service", "MigratingVirtualMachine": "Migrating virtual machine",
    "StorageMigrationPhaseOne": "Moving storage", "StorageMigrationPhaseTwo": "Moving storage",
    "CheckingCompatibility": "Checking compatibility", "BackingUpVirtualMachine": "Backing up",
    "MergingDisks": "Merging disks", "CreatingSnapshot": "Creating checkpoint",
}


def _statuses(machine: Machine) -> list[str]:
    vm = machine.vm
    return [vm.primary_status] if vm.secondary_status is None else [vm.primary_status, vm.secondary_status]


def _descriptions(machine: Machine) -> list[str]:
    return [_DESCRIPTIONS.get(status, status) for status in _statuses(machine)]


def _uptime(machine: Machine) -> float:
    return machine.world.clock.monotonic() - machine.vm.started_at if machine.vm.running else 0.0


def _memory_demand(machine: Machine) -> int:
    memory = machine.vm.memory
    return memory.assigned * 100 // (100 + memory.buffer) if memory.dynamic else memory.assigned


def _parent_name(machine: Machine) -> str | None:
    wanted = machine.vm.parent_checkpoint
    return next((point.name for point in machine.vm.checkpoints if point.id == wanted), None) if wanted else None


def config_file(vm: VM) -> str:
    """Where a VM's configuration file stands: .xml before configuration version 6."""
    suffix = ".vmcx" if int(vm.version.partition(".")[0]) >= 6 else ".xml"
    return join(vm.config_path, "Virtual Machines", vm.guid + suffix)


def _system_files(machine: Machine) -> int:
    stem = config_file(machine.vm).rpartition(".")[0]
    found = (machine.host.files.get(stem + suffix) for suffix in (".vmcx", ".xml", ".vmgs", ".vmrs", ".bin", ".vsv"))
    return sum(entry.size for entry in found if entry is not None)


def _extra(name: str, reader: Reader) -> Reader:
    def read(machine: Machine) -> Any:
        extra = machine.vm.extra
        return extra[name] if extra and name in extra else reader(machine)

    return read


_VM: dict[str, Reader] = {
    "ConfigurationLocation": lambda m: m.vm.config_path,
    "SmartPagingFilePath": lambda m: m.vm.paging_path,
    "SnapshotFileLocation": lambda m: m.vm.snapshot_path,
    "AutomaticStartAction": lambda m: m.vm.automatic_start_action,
    "AutomaticStartDelay": lambda m: m.vm.automatic_start_delay,
    "AutomaticStopAction": lambda m: m.vm.automatic_stop_action,
    "AutomaticCriticalErrorAction": lambda m: "Pause",
    "AutomaticCriticalErrorActionTimeout": lambda m: 30,
    "MemoryAssigned": lambda m: m.vm.memory.assigned,
    "MemoryDemand": _memory_demand,
    "MemoryStatus": lambda m: "OK" if m.vm.memory.dynamic and m.vm.running else "",
    "NumaAligned": lambda m: True if m.vm.running else None,
    "NumaNodesCount": lambda m: 1,
    "NumaSocketCount": lambda m: 1,
    "Heartbeat": lambda m: m.vm.heartbeat if m.vm.running else None,
    "IntegrationServicesState": lambda m: "",
    "IntegrationServicesVersion": lambda m: m.vm.integration_version,
    "Uptime": _uptime,
    "OperationalStatus": _statuses,
    "PrimaryOperationalStatus": lambda m: m.vm.primary_status,
    "SecondaryOperationalStatus": lambda m: m.vm.secondary_status,
    "StatusDescriptions": _descriptions,
    "PrimaryStatusDescription": lambda m: _descriptions(m)[0],
    "SecondaryStatusDescription": lambda m: _descriptions(m)[1] if m.vm.secondary_status else None,
    "Status": lambda m: _descriptions(m)[-1],
    "ReplicationHealth": lambda m: m.vm.replication_health,
    "ReplicationMode": lambda m: m.vm.replication_mode,
    "ReplicationState": lambda m: m.vm.replication_state,
    "CheckpointType": lambda m: m.vm.checkpoint_type,
    "EnhancedSessionTransportType": lambda m: "VMBus",
    "Version": lambda m: m.vm.version,
    "VirtualMachineType": lambda m: "PlannedVirtualMachine" if m.vm.planned else "RealizedVirtualMachine",
    "VirtualMachineSubType": lambda m: f"Generation{m.vm.generation}",
    "Notes": lambda m: m.vm.notes,
    "State": lambda m: m.vm.state,
    "ComPort1": lambda m: None,
    "ComPort2": lambda m: None,
    "DVDDrives": lambda m: _shown("DvdDrive", m, m.vm.dvds),
    "FibreChannelHostBusAdapters": lambda m: _shown("VMFibreChannelHba", m, m.vm.fibre_channel),
    "HardDrives": lambda m: _shown("HardDiskDrive", m, m.vm.disks),
    "VMIntegrationService": lambda m: _shown("VMIntegrationComponent", m, m.vm.integration),
    "DynamicMemoryEnabled": lambda m: m.vm.memory.dynamic,
    "MemoryMaximum": lambda m: m.vm.memory.maximum,
    "MemoryMinimum": lambda m: m.vm.memory.minimum,
    "MemoryStartup": lambda m: m.vm.memory.startup,
    "ProcessorCount": lambda m: m.vm.processor.count,
    "BatteryPassthroughEnabled": lambda m: True,
    "Generation": lambda m: m.vm.generation,
    "IsClustered": lambda m: m.vm.clustered,
    "ParentSnapshotId": lambda m: m.vm.parent_checkpoint,
    "ParentSnapshotName": _parent_name,
    "Path": lambda m: m.vm.path,
    "SizeOfSystemFiles": _system_files,
    "LowMemoryMappedIoSpace": lambda m: 128 * 1024**2,
    "HighMemoryMappedIoSpace": lambda m: 512 * 1024**2,
    "LockOnDisconnect": lambda m: "Off",
    "CreationTime": lambda m: m.vm.created,
    "Id": lambda m: m.vm.id,
    "Name": lambda m: m.vm.name,
    "NetworkAdapters": lambda m: _shown("VMNetworkAdapter", m, m.vm.adapters),
    "CimSession": lambda m: cim_session(m.host),
    "ComputerName": lambda m: m.host.name,
    "IsDeleted": lambda m: m.host.vms.get(m.vm.id) is not m.vm and m.host.planned.get(m.vm.id) is not m.vm,
}


def _vm_text(machine: Machine) -> str:
    return f"VirtualMachine (Name = '{machine.vm.name}') [Id = '{machine.vm.id}']"


declare("VirtualMachine", {name: _extra(name, reader) for name, reader in _VM.items()}, _vm_text)


def _of_vm(name: str) -> Reader:
    reader = _VM[name]
    return lambda part: reader(part.machine)


_CHECKPOINT: dict[str, Reader] = {
    # A checkpoint keeps the settings that the machine had; the fabric keeps its disks only, so the rest is today's.
    **{name: _of_vm(name) for name in (
        "ComPort1", "ComPort2", "DVDDrives", "FibreChannelHostBusAdapters", "VMIntegrationService", "Version",
        "DynamicMemoryEnabled", "MemoryMaximum", "MemoryMinimum", "MemoryStartup", "ProcessorCount", "Generation",
        "IsClustered", "LowMemoryMappedIoSpace", "HighMemoryMappedIoSpace", "LockOnDisconnect", "CimSession",
        "BatteryPassthroughEnabled", "ComputerName", "NetworkAdapters")},
    "SnapshotType": lambda p: p.item.kind,
    "IsAutomaticCheckpoint": lambda p: p.item.automatic,
    "VMId": lambda p: p.machine.vm.id,
    "VMName": lambda p: p.machine.vm.name,
    "State": lambda p: "Off" if p.machine.vm.checkpoint_type.startswith("Production") else "Saved",
    "HardDrives": lambda p: _shown("HardDiskDrive", p.machine, p.item.disks, p.item),
    "Notes": lambda p: "",
    "ParentSnapshotId": lambda p: p.item.parent,
    "ParentSnapshotName": lambda p: next(
        (point.name for point in p.machine.vm.checkpoints if point.id == p.item.parent), None),
    "Path": lambda p: p.item.path or p.machine.vm.snapshot_path,
    "CreationTime": lambda p: p.item.created,
    "Id": lambda p: p.item.id,
    "Name": lambda p: p.item.name,
    "IsDeleted": lambda p: p.item not in p.machine.vm.checkpoints,
}

declare("VMSnapshot", _CHECKPOINT,
        lambda p: f"VMSnapshot (Name = '{p.item.name}') [Id = '{p.item.id}', VMId = '{p.machine.vm.id}']")
