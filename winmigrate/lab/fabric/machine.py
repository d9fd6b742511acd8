"""A virtual machine and its parts, as one host has it.

Sizes are bytes, rates bytes a second. Enumerations are their .NET member names as text.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any

from winmigrate.lab.fabric.fittings import Fittings

GIB = 1024**3
MIB = 1024**2
ZERO_ID = uuid.UUID(int=0)


@dataclass(slots=True, eq=False)
class Vlan:
    """VMNetworkAdapterVlanSetting. ``mode``: Untagged, Access, Trunk, Private."""

    mode: str = "Untagged"
    access: int = 0
    native: int = 0
    allowed: list[int] = field(default_factory=list)
    primary: int = 0
    secondary: int = 0
    private_mode: str = "Isolated"


@dataclass(slots=True, eq=False)
class Acl:
    """VMNetworkAdapterAclSetting."""

    direction: str = "Both"
    action: str = "Deny"
    local: str = "ANY"
    remote: str = "ANY"


@dataclass(slots=True, eq=False)
class ExtendedAcl:
    """VMNetworkAdapterExtendedAclSetting. ``port`` and ``protocol`` of the local side; "ANY" for all."""

    direction: str = "Inbound"
    action: str = "Deny"
    local: str = "ANY"
    remote: str = "ANY"
    port: str = "ANY"
    protocol: str = "ANY"
    weight: int = 1
    stateful: bool = False


@dataclass(slots=True, eq=False)
class Adapter:
    """A virtual network adapter. ``switch_name`` None: not connected. ``mac`` is 12 upper-case hex digits.

    ``id`` is ``Microsoft:<VM GUID>\\<adapter GUID>``.
    """

    id: str
    name: str
    mac: str
    dynamic_mac: bool = True
    switch_name: str | None = None
    switch_id: uuid.UUID | None = None
    vlan: Vlan = field(default_factory=Vlan)
    legacy: bool = False
    iov_weight: int = 0
    mac_spoofing: bool = False
    dhcp_guard: bool = False
    router_guard: bool = False
    port_mirroring: str = "None"
    allow_teaming: bool = False
    device_naming: bool = False
    ip_addresses: list[str] = field(default_factory=list)
    cluster_monitored: bool = True
    isolation: str = "None"
    isolation_id: int = 0
    acls: list[Acl] = field(default_factory=list)
    extended_acls: list[ExtendedAcl] = field(default_factory=list)

    @property
    def connected(self) -> bool:
        return self.switch_name is not None


@dataclass(slots=True, eq=False)
class Disk:
    """A hard disk drive of a VM or a checkpoint: a VHD by ``path`` or a physical disk by ``number`` (pass-through)."""

    id: str
    path: str | None
    number: int | None = None
    controller_type: str = "SCSI"
    controller_number: int = 0
    controller_location: int = 0
    shared: bool = False
    minimum_iops: int = 0
    maximum_iops: int = 0

    @property
    def pass_through(self) -> bool:
        return self.number is not None


@dataclass(slots=True, eq=False)
class Dvd:
    """A DVD drive. ``media``: None, ISO or Physical."""

    id: str
    path: str | None = None
    controller_type: str = "SCSI"
    controller_number: int = 0
    controller_location: int = 1

    @property
    def media(self) -> str:
        if self.path is None:
            return "None"
        return "ISO" if self.path.lower().endswith(".iso") else "Physical"


@dataclass(slots=True, eq=False)
class Checkpoint:
    """``disks`` hold the paths that the VM had when it was taken. ``parent`` is a checkpoint's id or None."""

    id: uuid.UUID
    name: str
    parent: uuid.UUID | None
    created: dt.datetime
    disks: list[Disk]
    kind: str = "Standard"  # SnapshotType
    automatic: bool = False
    path: str = ""


@dataclass(slots=True, eq=False)
class Device:
    """A device given to a VM by Discrete Device Assignment."""

    name: str
    instance_id: str
    location_path: str


@dataclass(slots=True, eq=False)
class FibreChannel:
    """A virtual Fibre Channel adapter. Of its two sets of names one is logged in (``active``), the other will be at the
    host that the machine moves to.
    """

    id: str
    name: str
    san_name: str
    wwpn_a: str = ""
    wwpn_b: str = ""
    wwnn_a: str = "C003FF0000FFFF00"  # Hyper-V gives all adapters of a host the same by default
    wwnn_b: str = "C003FF0000FFFF00"
    active: str = "A"

    @property
    def next_port(self) -> str:
        """The port name that logs in at the next host."""
        return self.wwpn_b if self.active == "A" else self.wwpn_a

    @property
    def active_port(self) -> str:
        return self.wwpn_a if self.active == "A" else self.wwpn_b


@dataclass(slots=True, eq=False)
class IntegrationService:
    id: str
    name: str
    enabled: bool = True
    status: str = "OK"


@dataclass(slots=True, eq=False)
class Processor:
    """VMProcessor."""

    count: int = 2
    compatibility: bool = False
    nested: bool = False
    reserve: int = 0
    maximum: int = 100
    weight: int = 100
    max_per_numa_node: int = 16
    max_per_numa_socket: int = 1
    mode: str = "MinimumFeatureSet"  # of compatibility, 2025


@dataclass(slots=True, eq=False)
class Memory:
    """``assigned`` is 0 while the VM is off."""

    startup: int = 2 * GIB
    minimum: int = 512 * MIB
    maximum: int = 1024 * GIB
    dynamic: bool = False
    assigned: int = 0
    buffer: int = 20
    priority: int = 50


@dataclass(slots=True, eq=False)
class Firmware:
    """Generation 2 only."""

    secure_boot: bool = True
    template: str = "MicrosoftWindows"


@dataclass(slots=True, eq=False)
class Security:
    tpm: bool = False
    shielded: bool = False
    encrypt_traffic: bool = False


@dataclass(slots=True, eq=False)
class Load:
    """What the guest does: ``dirty_rate`` of memory and ``write_rate`` to its disks, bytes a second."""

    dirty_rate: float = 20 * MIB
    write_rate: float = 0.0


@dataclass(slots=True, eq=False)
class VM:
    """A virtual machine as one host has it. ``id`` stays the same on its way between hosts; ``name`` is free text.

    ``state`` is a VMState name. ``primary_status``/``secondary_status`` are VMOperationalStatus names (secondary may be
    None). ``config_path`` is ConfigurationLocation, ``path`` the folder it was made in. ``planned``: a planned VM at a
    move's destination (Msvm_PlannedComputerSystem), never listed by Get-VM. ``extra``: any further value by its
    Windows property name, for whoever needs one.
    """

    id: uuid.UUID
    name: str
    state: str = "Running"
    version: str = "9.0"
    generation: int = 2
    path: str = ""
    config_path: str = ""
    snapshot_path: str = ""
    paging_path: str = ""
    processor: Processor = field(default_factory=Processor)
    memory: Memory = field(default_factory=Memory)
    adapters: list[Adapter] = field(default_factory=list)
    disks: list[Disk] = field(default_factory=list)
    dvds: list[Dvd] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    parent_checkpoint: uuid.UUID | None = None
    devices: list[Device] = field(default_factory=list)
    fibre_channel: list[FibreChannel] = field(default_factory=list)
    integration: list[IntegrationService] = field(default_factory=list)
    firmware: Firmware = field(default_factory=Firmware)
    security: Security = field(default_factory=Security)
    fittings: Fittings = field(default_factory=Fittings)
    load: Load = field(default_factory=Load)
    checkpoint_type: str = "Production"
    notes: str = ""
    created: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    started_at: float = 0.0  # fabric clock; Uptime = now - started_at while it runs
    primary_status: str = "Ok"
    secondary_status: str | None = None
    clustered: bool = False
    replication_state: str = "Disabled"
    replication_mode: str = "None"
    replication_health: str = "NotApplicable"
    automatic_start_action: str = "StartIfRunning"
    automatic_start_delay: int = 0
    automatic_stop_action: str = "Save"
    heartbeat: str | None = "OkApplicationsUnknown"
    integration_version: str = "0.0"
    subtype: str = "None"
    planned: bool = False
    planned_from: str | None = None  # the source host's name, of a planned VM
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def guid(self) -> str:
        """The Id as Windows writes it in messages and in Msvm classes: upper case."""
        return str(self.id).upper()

    @property
    def running(self) -> bool:
        return self.state == "Running"

    def all_disks(self) -> list[Disk]:
        """Its disks and those of its checkpoints."""
        return [*self.disks, *(disk for checkpoint in self.checkpoints for disk in checkpoint.disks)]
