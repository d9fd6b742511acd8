"""A Hyper-V host and its parts.

Sizes are bytes, rates bytes a second, times seconds of the fabric's clock unless a field says datetime (aware, UTC).
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any

from winmigrate.lab.fabric.files import Files, fold, letter_of
from winmigrate.lab.fabric.fittings import Holdings
from winmigrate.lab.fabric.machine import GIB, MIB, VM
from winmigrate.lab.fabric.surroundings import Surroundings


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
class Space:
    """Storage that several hosts see at the same path ``root``. ``key`` names it in the fabric, ``aliases`` are further
    spellings of the root.

    ``redirected``: the keys of the hosts that reach it over the network only, through ``owner``.
    """

    key: str
    root: str
    volume: Volume
    files: Files = field(default_factory=Files)
    owner: str = ""
    redirected: set[str] = field(default_factory=set)
    aliases: tuple[str, ...] = ()

    @property
    def online(self) -> bool:
        return self.files.online

    def free(self) -> int:
        """Bytes free on it: none while it is not online."""
        return max(0, self.volume.size - self.volume.other - self.files.total()) if self.online else 0


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
    extensions: dict[str, bool] = field(default_factory=dict)  # those beside Windows' own -> enabled


@dataclass(slots=True, eq=False)
class San:
    """A virtual SAN of Hyper-V. ``ports``: node and port name of each of the host's adapters in it. ``fabric``: the
    switches behind it, where a fabric file names them.
    """

    name: str
    note: str = ""
    ports: list[tuple[str, str]] = field(default_factory=list)
    fabric: str | None = None


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
class SmbClient:
    """``limits``: category -> bytes a second. ``rdma``: the aliases of the interfaces that have it. ``touched``: what
    sessions have opened: (server as spelled, share, account) -> when, fabric clock.
    """

    require_signing: bool = False
    require_encryption: bool = False
    limits: dict[str, int] = field(default_factory=dict)
    rdma: set[str] = field(default_factory=set)
    touched: dict[tuple[str, str, str], float] = field(default_factory=dict)


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
    spaces: list[Space] = field(default_factory=list)
    switches: list[VSwitch] = field(default_factory=list)
    sans: list[San] = field(default_factory=list)
    holdings: Holdings = field(default_factory=Holdings)
    surroundings: Surroundings = field(default_factory=Surroundings)
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
    smb: SmbClient = field(default_factory=SmbClient)
    credssp_enabled: bool = False  # does its WinRM offer CredSSP?
    client_certificates: list[str] = field(default_factory=list)  # own accounts that a certificate is mapped to
    clock_skew: float = 0.0  # seconds its clock is ahead of the domain's; Kerberos takes five minutes either way
    limits: dict[str, Any] = field(default_factory=dict)  # of its WinRM, by field of winmigrate.lab.wire.Limits
    configurations: dict[str, Any] = field(default_factory=dict)  # fabric.winrm.SessionConfiguration by folded name
    reserved_disk: dict[str, int] = field(default_factory=dict)  # by letter: promised to moves on their way
    next_record: int = 1000

    def vm(self, name: str) -> list[VM]:
        """Its VMs of that display name (any case)."""
        return [vm for vm in self.vms.values() if vm.name.lower() == name.lower()]

    def free(self, letter: str) -> int:
        """Bytes free on a volume. KeyError where there is none."""
        volume = self.volumes[letter.upper()]
        return max(0, volume.size - volume.other - self.files.used(volume.letter))

    def attach(self, space: Space) -> None:
        """Shows a shared space at its root."""
        self.spaces.append(space)
        for root in (space.root, *space.aliases):
            self.files.mount(root, space.files, space.root)

    def space(self, path: str) -> Space | None:
        """The shared space that holds a path; None for one on the host's own volumes or elsewhere."""
        folded = fold(path) + "\\"
        return next((space for space in self.spaces
                     if any(folded.startswith(fold(root) + "\\") for root in (space.root, *space.aliases))), None)

    def room(self, path: str) -> int | None:
        """Bytes free where that path is; None where the host has no such volume."""
        space = self.space(path)
        if space is not None:
            return space.free()
        letter = letter_of(path)
        return self.free(letter) if letter in self.volumes and letter is not None else None

    def memory_free(self) -> int:
        """Bytes that VMs may still be given: not the parent's, not assigned, not pledged to moves on their way here."""
        assigned = sum(vm.memory.assigned for vm in self.vms.values())
        return max(0, self.memory - self.memory_reserved - assigned - self.memory_pledged)

    def switch(self, name: str) -> VSwitch | None:
        """The switch of that name (any case)."""
        return next((item for item in self.switches if item.name.lower() == name.lower()), None)

    def san(self, name: str) -> San | None:
        """The virtual SAN of that name (any case)."""
        return next((item for item in self.sans if item.name.lower() == name.lower()), None)

    @property
    def credential_guard(self) -> bool:
        return 1 in self.security_services

    @property
    def sam(self) -> str:
        """The computer account, such as HV01$."""
        return f"{self.name}$"
