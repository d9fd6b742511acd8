"""Rows of a VM: its settings, adapters, devices and checkpoints. Memory in bytes; a VM is its Id."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, TypeVar

from winmigrate.facts import Unreadable
from winmigrate.request import SWITCH, Command, Statement, command, renamed, select
from winmigrate.windows.row import (
    BOOLEAN,
    DATE,
    GUID,
    INTEGER,
    NOT_ASKED,
    SPAN,
    TEXT,
    TEXTS,
    column,
    enumeration,
    projection,
)
from winmigrate.windows.table import Table

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class VM:
    """Get-VM. ``state`` and the statuses by their names in Hyper-V (``VMState``, ``VMOperationalStatus``)."""

    id: str | Unreadable = column("Id", GUID)
    name: str | Unreadable = column("Name", TEXT)
    state: str | Unreadable = column("State", enumeration("VMState"))
    version: str | Unreadable = column("Version", TEXT, since="2012R2")
    generation: int | Unreadable = column("Generation", INTEGER, since="2012R2")
    path: str | Unreadable | None = column("Path", TEXT, nullable=True)
    configuration_location: str | Unreadable | None = column("ConfigurationLocation", TEXT, nullable=True)
    snapshot_file_location: str | Unreadable | None = column("SnapshotFileLocation", TEXT, nullable=True)
    smart_paging_file_path: str | Unreadable | None = column("SmartPagingFilePath", TEXT, nullable=True)
    memory_assigned: int | Unreadable = column("MemoryAssigned", INTEGER)
    memory_startup: int | Unreadable = column("MemoryStartup", INTEGER)
    memory_minimum: int | Unreadable = column("MemoryMinimum", INTEGER)
    memory_maximum: int | Unreadable = column("MemoryMaximum", INTEGER)
    dynamic_memory_enabled: bool | Unreadable = column("DynamicMemoryEnabled", BOOLEAN)
    processor_count: int | Unreadable = column("ProcessorCount", INTEGER)
    is_clustered: bool | Unreadable = column("IsClustered", BOOLEAN)
    parent_snapshot_id: str | Unreadable | None = column("ParentSnapshotId", GUID, nullable=True)
    checkpoint_type: str | Unreadable = column("CheckpointType", enumeration("CheckpointType"), since="2016")
    primary_operational_status: str | Unreadable | None = column(
        "PrimaryOperationalStatus", enumeration("VMOperationalStatus"), nullable=True
    )
    secondary_operational_status: str | Unreadable | None = column(
        "SecondaryOperationalStatus", enumeration("VMOperationalStatus"), nullable=True
    )
    status: str | Unreadable | None = column("Status", TEXT, nullable=True)
    uptime: dt.timedelta | Unreadable = column("Uptime", SPAN)
    creation_time: dt.datetime | Unreadable = column("CreationTime", DATE)
    replication_state: str | Unreadable = column("ReplicationState", enumeration("VMReplicationState"))
    replication_mode: str | Unreadable = column("ReplicationMode", enumeration("VMReplicationMode"))
    replication_health: str | Unreadable = column("ReplicationHealth", enumeration("VMReplicationHealthState"))
    automatic_start_action: str | Unreadable = column("AutomaticStartAction", enumeration("StartAction"))
    automatic_start_delay: int | Unreadable = column("AutomaticStartDelay", INTEGER)
    automatic_stop_action: str | Unreadable = column("AutomaticStopAction", enumeration("StopAction"))
    notes: str | Unreadable | None = column("Notes", TEXT, nullable=True)
    integration_services_version: str | Unreadable | None = column("IntegrationServicesVersion", TEXT, nullable=True)
    heartbeat: str | Unreadable | None = column("Heartbeat", enumeration("VMHeartbeatStatus"), nullable=True)
    size_of_system_files: int | Unreadable = column("SizeOfSystemFiles", INTEGER)
    virtual_machine_sub_type: str | Unreadable = column(
        "VirtualMachineSubType", enumeration("VirtualMachineSubType"), since="2016"
    )


@dataclass(frozen=True, slots=True)
class Adapter:
    """Get-VMNetworkAdapter of a VM.

    ``id`` is Hyper-V's text ("Microsoft:GUID\\GUID"); ``mac_address`` twelve hex digits.
    """

    id: str | Unreadable = column("Id", TEXT)
    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    name: str | Unreadable = column("Name", TEXT)
    switch_name: str | Unreadable | None = column("SwitchName", TEXT, nullable=True)
    switch_id: str | Unreadable | None = column("SwitchId", GUID, nullable=True)
    mac_address: str | Unreadable | None = column("MacAddress", TEXT, nullable=True)
    dynamic_mac_address_enabled: bool | Unreadable = column("DynamicMacAddressEnabled", BOOLEAN)
    connected: bool | Unreadable = column("Connected", BOOLEAN)
    is_legacy: bool | Unreadable = column("IsLegacy", BOOLEAN)
    iov_weight: int | Unreadable = column("IovWeight", INTEGER)
    mac_address_spoofing: str | Unreadable = column("MacAddressSpoofing", enumeration("OnOffState"))
    dhcp_guard: str | Unreadable = column("DhcpGuard", enumeration("OnOffState"))
    router_guard: str | Unreadable = column("RouterGuard", enumeration("OnOffState"))
    port_mirroring_mode: str | Unreadable = column(
        "PortMirroringMode", enumeration("VMNetworkAdapterPortMirroringMode")
    )
    pool_name: str | Unreadable | None = column("PoolName", TEXT, nullable=True)
    mandatory_feature_id: tuple[str, ...] | Unreadable | None = column("MandatoryFeatureId", TEXTS, nullable=True)


@dataclass(frozen=True, slots=True)
class AdapterVlan:
    """An adapter's VlanSetting, with the adapter's and the VM's id under names that cannot collide."""

    adapter_id: str | Unreadable = column("AdapterId", TEXT)
    vm_id: str | Unreadable = column("OwnerId", GUID)
    operation_mode: str | Unreadable = column("OperationMode", enumeration("VMNetworkAdapterVlanMode"))
    access_vlan_id: int | Unreadable | None = column("AccessVlanId", INTEGER, nullable=True)
    native_vlan_id: int | Unreadable | None = column("NativeVlanId", INTEGER, nullable=True)
    allowed_vlan_id_list_string: str | Unreadable | None = column("AllowedVlanIdListString", TEXT, nullable=True)
    private_vlan_mode: str | Unreadable | None = column(
        "PrivateVlanMode", enumeration("VMNetworkAdapterPrivateVlanMode"), nullable=True
    )
    primary_vlan_id: int | Unreadable | None = column("PrimaryVlanId", INTEGER, nullable=True)
    secondary_vlan_id: int | Unreadable | None = column("SecondaryVlanId", INTEGER, nullable=True)
    secondary_vlan_id_list_string: str | Unreadable | None = column("SecondaryVlanIdListString", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class VMProcessor:
    """Get-VMProcessor; ``reserve`` and ``maximum`` in percent."""

    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    count: int | Unreadable = column("Count", INTEGER)
    compatibility_for_migration_enabled: bool | Unreadable = column("CompatibilityForMigrationEnabled", BOOLEAN)
    compatibility_for_older_operating_systems_enabled: bool | Unreadable = column(
        "CompatibilityForOlderOperatingSystemsEnabled", BOOLEAN
    )
    compatibility_for_migration_mode: str | Unreadable | None = column(
        "CompatibilityForMigrationMode", TEXT, since="2025", nullable=True
    )
    expose_virtualization_extensions: bool | Unreadable = column(
        "ExposeVirtualizationExtensions", BOOLEAN, since="2016"
    )
    reserve: int | Unreadable = column("Reserve", INTEGER)
    maximum: int | Unreadable = column("Maximum", INTEGER)
    relative_weight: int | Unreadable = column("RelativeWeight", INTEGER)
    maximum_count_per_numa_node: int | Unreadable = column("MaximumCountPerNumaNode", INTEGER)
    maximum_count_per_numa_socket: int | Unreadable = column("MaximumCountPerNumaSocket", INTEGER)
    resource_pool_name: str | Unreadable | None = column("ResourcePoolName", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class Memory:
    """Get-VMMemory; ``buffer`` in percent, ``maximum_per_numa_node`` in MiB as Hyper-V gives it."""

    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    startup: int | Unreadable = column("Startup", INTEGER)
    minimum: int | Unreadable = column("Minimum", INTEGER)
    maximum: int | Unreadable = column("Maximum", INTEGER)
    dynamic_memory_enabled: bool | Unreadable = column("DynamicMemoryEnabled", BOOLEAN)
    buffer: int | Unreadable = column("Buffer", INTEGER)
    priority: int | Unreadable = column("Priority", INTEGER)
    maximum_per_numa_node: int | Unreadable = column("MaximumPerNumaNode", INTEGER)
    resource_pool_name: str | Unreadable | None = column("ResourcePoolName", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class Firmware:
    """Get-VMFirmware (generation 2 only, 2012 R2 and later)."""

    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    secure_boot: str | Unreadable = column("SecureBoot", enumeration("OnOffState"), since="2012R2")
    secure_boot_template: str | Unreadable | None = column("SecureBootTemplate", TEXT, since="2016", nullable=True)
    preferred_network_boot_protocol: str | Unreadable = column(
        "PreferredNetworkBootProtocol", enumeration("IPProtocolPreference"), since="2012R2"
    )


@dataclass(frozen=True, slots=True)
class Security:
    """Get-VMSecurity (2016 and later), asked VM by VM: its object does not say whose it is, so ``vm_id`` is ours."""

    vm_id: str | Unreadable = NOT_ASKED
    tpm_enabled: bool | Unreadable = column("TpmEnabled", BOOLEAN, since="2016")
    shielded: bool | Unreadable = column("Shielded", BOOLEAN, since="2016")
    encrypt_state_and_vm_migration_traffic: bool | Unreadable = column(
        "EncryptStateAndVmMigrationTraffic", BOOLEAN, since="2016"
    )


@dataclass(frozen=True, slots=True)
class IntegrationService:
    """Get-VMIntegrationService. ``name`` is localized, ``id`` ends in the component's GUID."""

    id: str | Unreadable = column("Id", TEXT)
    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    name: str | Unreadable = column("Name", TEXT)
    enabled: bool | Unreadable = column("Enabled", BOOLEAN)
    primary_operational_status: str | Unreadable | None = column(
        "PrimaryOperationalStatus", enumeration("VMIntegrationComponentOperationalStatus"), nullable=True
    )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Get-VMSnapshot."""

    id: str | Unreadable = column("Id", GUID)
    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    name: str | Unreadable = column("Name", TEXT)
    snapshot_type: str | Unreadable = column("SnapshotType", enumeration("SnapshotType"))
    state: str | Unreadable = column("State", enumeration("VMState"))
    parent_snapshot_id: str | Unreadable | None = column("ParentSnapshotId", GUID, nullable=True)
    creation_time: dt.datetime | Unreadable = column("CreationTime", DATE)
    path: str | Unreadable | None = column("Path", TEXT, nullable=True)
    is_automatic_checkpoint: bool | Unreadable = column("IsAutomaticCheckpoint", BOOLEAN, since="2016")
    size_of_system_files: int | Unreadable = column("SizeOfSystemFiles", INTEGER)


@dataclass(frozen=True, slots=True)
class AssignableDevice:
    """Get-VMAssignableDevice (2016 and later): a device of the host given to a VM."""

    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    instance_id: str | Unreadable = column("InstanceID", TEXT, since="2016")
    location_path: str | Unreadable | None = column("LocationPath", TEXT, since="2016", nullable=True)
    name: str | Unreadable | None = column("Name", TEXT, since="2016", nullable=True)


@dataclass(frozen=True, slots=True)
class FibreChannelHba:
    """Get-VMFibreChannelHba; world wide names as hex text."""

    id: str | Unreadable = column("Id", TEXT)
    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    san_name: str | Unreadable | None = column("SanName", TEXT, nullable=True)
    world_wide_node_name_set_a: str | Unreadable | None = column("WorldWideNodeNameSetA", TEXT, nullable=True)
    world_wide_port_name_set_a: str | Unreadable | None = column("WorldWidePortNameSetA", TEXT, nullable=True)
    world_wide_node_name_set_b: str | Unreadable | None = column("WorldWideNodeNameSetB", TEXT, nullable=True)
    world_wide_port_name_set_b: str | Unreadable | None = column("WorldWidePortNameSetB", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class DvdDrive:
    """Get-VMDvdDrive."""

    id: str | Unreadable = column("Id", TEXT)
    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    path: str | Unreadable | None = column("Path", TEXT, nullable=True)
    dvd_media_type: str | Unreadable = column("DvdMediaType", enumeration("DvdMediaType"))
    controller_type: str | Unreadable = column("ControllerType", enumeration("ControllerType"))
    controller_number: int | Unreadable = column("ControllerNumber", INTEGER)
    controller_location: int | Unreadable = column("ControllerLocation", INTEGER)


_VM = command("Get-VM")
_KNOWN = "2016"
_VLAN = select(renamed("AdapterId", "Id"), renamed("OwnerId", "VMId"), expand="VlanSetting")


def _of_vms(name: str, row: type[R], cmdlet: str, *, since: str | None = None) -> Table[R]:
    return Table(name, row, (_VM, command(cmdlet)), since=since, class_known_from=_KNOWN)


VMS = Table("vms", VM, (_VM,), class_known_from=_KNOWN)
ADAPTERS = _of_vms("adapters", Adapter, "Get-VMNetworkAdapter")
VLANS = Table("vlans", AdapterVlan, (_VM, command("Get-VMNetworkAdapter"), _VLAN))
VM_PROCESSORS = _of_vms("vm_processors", VMProcessor, "Get-VMProcessor")
VM_MEMORY = _of_vms("vm_memory", Memory, "Get-VMMemory")
# Generation 1 has no firmware and the cmdlet says so with an error for each.
FIRMWARE = Table(
    "firmware",
    Firmware,
    (_VM, command("Where-Object", Property="Generation", EQ=SWITCH, Value=2), command("Get-VMFirmware")),
    since="2012R2",
)
INTEGRATION_SERVICES = _of_vms("integration_services", IntegrationService, "Get-VMIntegrationService")
CHECKPOINTS = _of_vms("checkpoints", Checkpoint, "Get-VMSnapshot")
ASSIGNABLE_DEVICES = _of_vms("assignable_devices", AssignableDevice, "Get-VMAssignableDevice", since="2016")
FIBRE_CHANNEL_HBAS = _of_vms("fibre_channel_hbas", FibreChannelHba, "Get-VMFibreChannelHba")
DVD_DRIVES = _of_vms("dvd_drives", DvdDrive, "Get-VMDvdDrive")

TABLES: tuple[Table[Any], ...] = (
    VMS,
    ADAPTERS,
    VLANS,
    VM_PROCESSORS,
    VM_MEMORY,
    FIRMWARE,
    INTEGRATION_SERVICES,
    CHECKPOINTS,
    ASSIGNABLE_DEVICES,
    FIBRE_CHANNEL_HBAS,
    DVD_DRIVES,
)


def get_vm(vm_id: str) -> Command:
    """``Get-VM -Id``. A VM that is not there is a non-terminating error."""
    return command("Get-VM", Id=vm_id)


def vm_by_id(vm_id: str, version: str) -> Statement:
    """One VM, as a row of :data:`VMS`."""
    return Statement((get_vm(vm_id), projection(VM, version)))


def security_of(vm_id: str, version: str) -> Statement:
    """The security settings of one VM (2016 and later); give the row its ``vm_id``, the object names none."""
    return Statement((get_vm(vm_id), command("Get-VMSecurity"), projection(Security, version)))


def names_of_vms() -> Statement:
    """Id, name and state of every VM of a host: the roll."""
    return Statement((_VM, select("Id", "Name", "State")))
