"""The fabric that isn't there: hosts, virtual machines, files, users and the domain, as mutable state behind one lock.

Whoever reads or writes a World holds ``world.lock`` (an RLock) for as long as the answer must be consistent.
Sizes are bytes, rates bytes a second, times seconds of the fabric's clock (``world.clock.monotonic()``) unless a field
says datetime (aware, UTC). Enumerations are their .NET member names as text.
Paths are Windows paths; :class:`Files` compares them without regard to case and keeps the spelling they were made with.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from winmigrate.lab.fabric.files import Files

if TYPE_CHECKING:
    from winmigrate.lab.fabric.clock import FabricClock
    from winmigrate.lab.fabric.log import FabricLog

GIB = 1024**3
MIB = 1024**2
ZERO_ID = uuid.UUID(int=0)


# --- parts of a virtual machine ------------------------------------------------------------------------------------


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
    """A virtual Fibre Channel adapter."""

    id: str
    name: str
    san_name: str
    wwpn_a: str = ""
    wwpn_b: str = ""


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


# --- parts of a host -----------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class HostProcessor:
    """``features``: names of processor features beyond the common ones; compared by live migration."""

    manufacturer: str = "GenuineIntel"
    name: str = "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz"
    sockets: int = 2
    cores: int = 16  # a socket
    logical: int = 32  # a socket
    features: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class Volume:
    """``size`` of the volume; what is free is its size less ``other`` (bytes used by things we do not name), less the
    files on it and less what moves have reserved: :meth:`Host.free`. ``rate_*``: bytes a second.
    """

    letter: str
    size: int
    other: int = 0
    file_system: str = "NTFS"
    label: str = ""
    health: str = "Healthy"
    drive_type: str = "Fixed"
    read_rate: float = 1000 * MIB
    write_rate: float = 800 * MIB
    id: str = ""


@dataclass(slots=True, eq=False)
class VSwitch:
    """``kind``: External, Internal, Private. ``ports``: reserved by moves on their way."""

    id: uuid.UUID
    name: str
    kind: str = "External"
    nic: str | None = None
    allow_management_os: bool = True
    iov: bool = False
    ports: int = 0


@dataclass(slots=True, eq=False)
class MigrationNetwork:
    subnet: str
    priority: int | None = 0


@dataclass(slots=True, eq=False)
class MigrationSettings:
    """Get-VMHost's. ``authentication``: Kerberos or CredSSP; ``performance``: TCPIP, Compression or SMB."""

    enabled: bool = True
    authentication: str = "Kerberos"
    performance: str = "Compression"
    limit: int = 2
    storage_limit: int = 2
    any_network: bool = True
    networks: list[MigrationNetwork] = field(default_factory=list)
    listening: bool = True  # does VMMS accept migrations on TCP 6600?


@dataclass(slots=True, eq=False)
class Address:
    ip: str
    prefix: int
    alias: str = "Management"
    family: str = "IPv4"


@dataclass(slots=True, eq=False)
class Service:
    name: str
    state: str = "Running"
    start_mode: str = "Auto"
    display_name: str = ""


@dataclass(slots=True, eq=False)
class Feature:
    name: str
    install_state: str = "Installed"
    display_name: str = ""


@dataclass(slots=True, eq=False)
class LogEvent:
    """An entry of a Windows event log. ``parameters``: UserData/VmlEventLog/Parameter0.. in order."""

    log: str
    id: int
    time: dt.datetime
    level: int  # 1 critical, 2 error, 3 warning, 4 information
    message: str
    parameters: list[str] = field(default_factory=list)
    record: int = 0
    provider: str = "Microsoft-Windows-Hyper-V-VMMS"


@dataclass(slots=True, eq=False)
class Job:
    """Msvm_MigrationJob on the source host. ``state``: 2 New, 3 Starting, 4 Running, 7 Completed, 8 Terminated,
    10 Exception. ``type``: 300 staged, 305 VM, 306 VM and storage, 307 storage.
    ``error_code`` 0 while it runs and after success, 32768 after a failure. ``remove_at``: fabric clock, once ended.
    """

    id: str
    vm_id: uuid.UUID
    vm_name: str
    type: int
    migration_type: int
    source: str
    destination: str | None
    started: dt.datetime
    started_at: float
    owner: str = ""
    state: int = 4
    percent: int = 0
    cancellable: bool = True
    ended_at: float | None = None
    remove_at: float | None = None
    error_code: int = 0
    error: str = ""
    error_summary: str = ""
    caption: str = ""
    failure: Any = None  # fabric.failures.MigrationFailure
    phase: str = "negotiate"
    blackout: float | None = None
    cancel_asked: bool = False

    @property
    def ended(self) -> bool:
        return self.state in (7, 8, 9, 10, 32768)

    @property
    def guid(self) -> str:
        """VirtualSystemName: the VM's GUID in upper case."""
        return str(self.vm_id).upper()


@dataclass(slots=True, eq=False)
class Host:
    """A Hyper-V host. ``name`` is the short name as Windows shows it (upper case), ``fqdn`` as DNS has it.

    ``key`` is its name in the fabric file. ``reachable`` False: it answers nobody (down, or rebooting).
    """

    key: str
    name: str
    fqdn: str
    version: str
    build: int
    domain: str
    in_domain: bool = True
    caption: str = ""
    product_type: int = 3
    manufacturer: str = "Dell Inc."
    model: str = "PowerEdge R640"
    processor: HostProcessor = field(default_factory=HostProcessor)
    memory: int = 128 * GIB
    memory_reserved: int = 4 * GIB  # the parent partition's
    memory_pledged: int = 0  # by moves on their way here
    volumes: dict[str, Volume] = field(default_factory=dict)  # by letter, upper case
    files: Files = field(default_factory=Files)
    switches: list[VSwitch] = field(default_factory=list)
    sans: list[str] = field(default_factory=list)
    migration: MigrationSettings = field(default_factory=MigrationSettings)
    addresses: list[Address] = field(default_factory=list)
    services: dict[str, Service] = field(default_factory=dict)
    features: dict[str, Feature] = field(default_factory=dict)
    security_services: list[int] = field(default_factory=list)  # 1 = Credential Guard runs
    supported_versions: list[tuple[str, str, bool]] = field(default_factory=list)  # version, name, is default
    vms: dict[uuid.UUID, VM] = field(default_factory=dict)
    planned: dict[uuid.UUID, VM] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    events: list[LogEvent] = field(default_factory=list)
    reachable: bool = True
    boot_time: dt.datetime = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    nic_rate: float = 1.25e9 * 0.94  # of the migration network
    administrators: set[str] = field(default_factory=set)  # folded "DOMAIN\\user" or group names
    hyperv_administrators: set[str] = field(default_factory=set)
    remote_management_users: set[str] = field(default_factory=set)
    default_vhd_path: str = r"C:\Users\Public\Documents\Hyper-V\Virtual Hard Disks"
    default_vm_path: str = r"C:\ProgramData\Microsoft\Windows\Hyper-V"
    system_drive: str = "C:"
    numa_spanning: bool = True
    enhanced_session: bool = False
    mac_pool: tuple[str, str] = ("00155D000000", "00155D0000FF")
    processor_speed_mhz: int = 2095
    credssp_enabled: bool = False  # does its WinRM offer CredSSP?
    reserved_disk: dict[str, int] = field(default_factory=dict)  # by letter: promised to moves on their way
    next_record: int = 1000

    def vm(self, name: str) -> list[VM]:
        """Its VMs of that display name (any case)."""
        return [vm for vm in self.vms.values() if vm.name.lower() == name.lower()]

    def free(self, letter: str) -> int:
        """Bytes free on a volume. KeyError where there is none."""
        volume = self.volumes[letter.upper()]
        return max(0, volume.size - volume.other - self.files.used(volume.letter))

    def memory_free(self) -> int:
        """Bytes that VMs may still be given: not the parent's, not assigned, not pledged to moves on their way here."""
        assigned = sum(vm.memory.assigned for vm in self.vms.values())
        return max(0, self.memory - self.memory_reserved - assigned - self.memory_pledged)

    def switch(self, name: str) -> VSwitch | None:
        """The switch of that name (any case)."""
        return next((item for item in self.switches if item.name.lower() == name.lower()), None)

    @property
    def credential_guard(self) -> bool:
        return 1 in self.security_services

    @property
    def sam(self) -> str:
        """The computer account, such as HV01$."""
        return f"{self.name}$"


# --- the domain and its users --------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class User:
    """``name`` as written; ``domain`` the NetBIOS name, or a host's name for a local account."""

    name: str
    domain: str
    password: str = field(repr=False)
    groups: list[str] = field(default_factory=list)
    delegatable: bool = True  # False: "sensitive and cannot be delegated", or Protected Users
    sid: str = ""

    @property
    def qualified(self) -> str:
        return f"{self.domain}\\{self.name}"


@dataclass(slots=True, eq=False)
class Delegation:
    """msDS-AllowedToDelegateTo of one computer account: folded "service/host" texts."""

    services: set[str] = field(default_factory=set)
    protocol_transition: bool = False


@dataclass(slots=True, eq=False)
class Domain:
    """``delegation`` by host key (the source's account). ``rbcd``: by host key (the destination's account) the keys of
    the hosts that may act on behalf of others there.
    """

    name: str = "corp.example"
    netbios: str = "CORP"
    delegation: dict[str, Delegation] = field(default_factory=dict)
    rbcd: dict[str, set[str]] = field(default_factory=dict)
    sid: str = "S-1-5-21-41432690-3719764436-1984117282"


@dataclass(slots=True, eq=False)
class World:
    """The whole fabric. ``hosts`` by key, in the order of the file. ``clock`` and ``log`` are set by load_fabric."""

    hosts: dict[str, Host]
    domain: Domain
    users: list[User]
    clock: FabricClock
    log: FabricLog
    seed: int = 1
    report_edits: bool = True  # does editing a Compare-VM report by switch object take? (real-outputs.md 1.4 disagree)
    lock: threading.RLock = field(default_factory=threading.RLock)
    serial: int = 0
    moves: dict[str, Any] = field(default_factory=dict)  # by job id: fabric.moves' own
    links: Any = None  # fabric.fluid.Links: who sends what over which network card and volume
    watchers: list[Callable[[str, dict[str, Any]], None]] = field(default_factory=list)

    def tell(self, what: str, **facts: Any) -> None:
        """Writes into the log, then tells the watchers (faults, the server): phases, hosts going down and up."""
        self.log.write(what, **facts)
        for watcher in list(self.watchers):
            watcher(what, facts)

    def host(self, name: str) -> Host | None:
        """The host of that name: key, short name, FQDN or one of its addresses, in any case."""
        wanted = name.lower().rstrip(".")
        for host in self.hosts.values():
            if wanted in (host.key.lower(), host.name.lower(), host.fqdn.lower()):
                return host
            if any(wanted == address.ip for address in host.addresses):
                return host
        return None

    def user(self, username: str) -> User | None:
        """The user of "DOMAIN\\name", "name@domain" or a bare name (domain users first), in any case."""
        folded = username.lower()
        for user in self.users:
            if folded in (user.qualified.lower(), f"{user.name}@{user.domain}".lower(),
                          f"{user.name}@{self.domain.name}".lower() if user.domain == self.domain.netbios else ""):
                return user
        return next((user for user in self.users if user.name.lower() == folded), None)

    def new_id(self) -> uuid.UUID:
        """A GUID that depends on the seed and on how many were made before, and on nothing else."""
        self.serial += 1
        return uuid.uuid5(uuid.UUID(int=self.seed), str(self.serial))

    def where(self, vm_id: uuid.UUID) -> list[Host]:
        """The hosts that have that VM registered (a planned one does not count)."""
        return [host for host in self.hosts.values() if vm_id in host.vms]
