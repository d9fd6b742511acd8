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

from winmigrate.lab.fabric.accounts import ComputerAccount, Group, Trust
from winmigrate.lab.fabric.host import (
    Address,
    Feature,
    Host,
    HostProcessor,
    Job,
    LogEvent,
    MigrationNetwork,
    MigrationSettings,
    Service,
    Volume,
    VSwitch,
)
from winmigrate.lab.fabric.machine import (
    GIB,
    MIB,
    VM,
    ZERO_ID,
    Adapter,
    Checkpoint,
    Device,
    Disk,
    Dvd,
    FibreChannel,
    Firmware,
    IntegrationService,
    Load,
    Memory,
    Processor,
    Security,
    Vlan,
)

if TYPE_CHECKING:
    from winmigrate.lab.fabric.clock import FabricClock
    from winmigrate.lab.fabric.cluster import Cluster
    from winmigrate.lab.fabric.fibre import Zone
    from winmigrate.lab.fabric.log import FabricLog
    from winmigrate.lab.fabric.share import FileServer

__all__ = [
    "GIB",
    "MIB",
    "VM",
    "ZERO_ID",
    "Adapter",
    "Address",
    "Checkpoint",
    "ComputerAccount",
    "Delegation",
    "Device",
    "Disk",
    "Domain",
    "Dvd",
    "Feature",
    "FibreChannel",
    "Firmware",
    "Group",
    "Host",
    "HostProcessor",
    "IntegrationService",
    "Job",
    "Load",
    "LogEvent",
    "Memory",
    "MigrationNetwork",
    "MigrationSettings",
    "Processor",
    "Security",
    "Service",
    "Trust",
    "User",
    "VSwitch",
    "Vlan",
    "Volume",
    "World",
]


@dataclass(slots=True, eq=False)
class User:
    """``name`` as written; ``domain`` the NetBIOS name, or a host's name for a local account."""

    name: str
    domain: str
    password: str = field(repr=False)
    groups: list[str] = field(default_factory=list)
    delegatable: bool = True  # False: "sensitive and cannot be delegated", or Protected Users
    sid: str = ""
    expired: bool = False  # the password is: no new log-on with it
    disabled: bool = False
    account_expires: dt.datetime | None = None
    upn: str = ""  # userPrincipalName; empty: name@DNS name of its domain
    created: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    changed: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)

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
    reachable: bool = True  # False: no domain controller answers anybody
    forest: str = ""  # the DNS name of its forest's root; empty: its own

    @property
    def root(self) -> str:
        """The DNS name of its forest's root."""
        return (self.forest or self.name).lower()


@dataclass(slots=True, eq=False)
class World:
    """The whole fabric. ``hosts`` by key, in the order of the file. ``clock`` and ``log`` are set by load_fabric.

    ``domain`` is the first of ``domains``. Questions about accounts: winmigrate.lab.fabric.directory.
    ``splits``: pairs of host keys between which nothing passes; "" in the place of one is who asks from outside.
    """

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
    clusters: dict[str, Cluster] = field(default_factory=dict)  # by key
    splits: set[frozenset[str]] = field(default_factory=set)
    links: Any = None  # fabric.fluid.Links: who sends what over which network card and volume
    watchers: list[Callable[[str, dict[str, Any]], None]] = field(default_factory=list)
    domains: list[Domain] = field(default_factory=list)
    trusts: list[Trust] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    computers: list[ComputerAccount] = field(default_factory=list)
    zones: list[Zone] | None = None  # of Fibre Channel; None: every port sees every other
    file_servers: dict[str, FileServer] = field(default_factory=dict)  # by key; Hyper-V hosts with shares too

    def __post_init__(self) -> None:
        if not self.domains:
            self.domains.append(self.domain)

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

    def machines(self) -> dict[str, Host]:
        """All that take a session: the hosts, then the file servers that run Windows."""
        servers = {key: one.host for key, one in self.file_servers.items() if one.nas is None}
        return {**self.hosts, **servers}

    def user(self, username: str) -> User | None:
        """The user of "DOMAIN\\name", "name@domain" or a bare name (domain users first), in any case."""
        folded = username.lower()
        full = {domain.netbios.lower(): domain.name for domain in self.domains}
        for user in self.users:
            dns = full.get(user.domain.lower())
            spelled = [user.qualified, f"{user.name}@{user.domain}", user.upn]
            if dns is not None:
                spelled += [f"{user.name}@{dns}", f"{dns}\\{user.name}"]
            if folded in [one.lower() for one in spelled if one]:
                return user
        return next((user for user in self.users if user.name.lower() == folded), None)

    def domain_named(self, name: str) -> Domain | None:
        """The domain of that DNS or NetBIOS name, in any case."""
        folded = name.lower().rstrip(".")
        return next((one for one in self.domains if folded in (one.name.lower(), one.netbios.lower())), None)

    def domain_of(self, host: Host) -> Domain | None:
        """The domain that a host is in; None for one in a workgroup."""
        return self.domain_named(host.domain) if host.in_domain else None

    def apart(self, one: str, other: str = "") -> bool:
        """Is the network between these two hosts (keys) split? Without ``other``: between the host and the outside."""
        return bool(self.splits) and frozenset((one, other)) in self.splits

    def new_id(self) -> uuid.UUID:
        """A GUID that depends on the seed and on how many were made before, and on nothing else."""
        self.serial += 1
        return uuid.uuid5(uuid.UUID(int=self.seed), str(self.serial))

    def where(self, vm_id: uuid.UUID) -> list[Host]:
        """The hosts that have that VM registered (a planned one does not count)."""
        return [host for host in self.hosts.values() if vm_id in host.vms]
