"""The facts of one host of a survey: every table that was read there, and what is looked up in them.

Every table is a tuple of rows, or Unreadable with the reason; a table that came with errors beside it is told in
``HostFacts.incomplete``. Hosts go by their inventory name, VMs by their Id. Dates are aware; sizes are bytes.
"""

from __future__ import annotations

import datetime as dt
import ntpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from winmigrate.facts import Unreadable
from winmigrate.windows.adapters import AdapterAcl, AdapterExtendedAcl, AdapterIsolation, SwitchExtension
from winmigrate.windows.cluster import Cluster
from winmigrate.windows.devices import (
    Certificate,
    FloppyDrive,
    GpuPartition,
    GuardianClient,
    Link,
    NumaNode,
    RemoteFx,
    ResourcePool,
    San,
)
from winmigrate.windows.host import (
    ComputerSystem,
    Feature,
    Identity,
    OperatingSystem,
    Processor,
    Service,
    SupportedVersion,
    VMHost,
)
from winmigrate.windows.migration import MigrationJob, PlannedVM
from winmigrate.windows.network import IPAddress, MigrationNetwork, Switch
from winmigrate.windows.policy import Module, Scanner, UserRight
from winmigrate.windows.ports import Listener, NetAdapter, SmbInterface, SmbLimit
from winmigrate.windows.registry import RegistryKey
from winmigrate.windows.row import NOT_ASKED, NOT_ON_THIS_BUILD
from winmigrate.windows.share import SmbClient, SmbConnection
from winmigrate.windows.storage import VHD, HardDisk, Volume
from winmigrate.windows.vm import (
    VM,
    Adapter,
    AdapterVlan,
    AssignableDevice,
    Checkpoint,
    DvdDrive,
    FibreChannelHba,
    Firmware,
    IntegrationService,
    Memory,
    Security,
    VMProcessor,
)

# --- facts of a host ---------------------------------------------------------------------------------------------

R = TypeVar("R")
T = TypeVar("T")


class Indexed:
    """Keeps what is looked up in the tables of facts, once made: 10,000 VMs are then looked up in linear time.

    No field of the facts: they compare, copy and are written without it.
    """

    __slots__ = ("_kept",)
    _kept: dict[str, dict[str, Any]]

    def _keep(self, name: str, make: Callable[[], dict[str, T]]) -> dict[str, T]:
        try:
            kept = self._kept
        except AttributeError:
            kept = {}
            object.__setattr__(self, "_kept", kept)
        if name not in kept:
            kept[name] = make()
        return kept[name]


@dataclass(frozen=True, slots=True)
class HostFacts(Indexed):
    """All that was read on one host.

    ``asked_from`` and ``asked_at``: our clock before and after ``operating_system.local_date_time`` was read.
    ``registry_pol``: the first bytes of the file, None where there is none. ``security`` is read for the candidates'
    VMs only; ``checkpoint_disks`` are the drives of checkpoints; ``vhds`` holds every file of every chain, leaves and
    parents alike. ``links``: what is a reparse point in the folders of candidates' files, here or to come, by the key
    of the folder's path (empty: none, or no such folder). ``cluster``: the one it is a node of, None for none.
    ``incomplete``: table name -> what went wrong beside the rows that came.
    """

    host: str
    version: str | Unreadable = NOT_ASKED
    asked_at: dt.datetime | None = None
    asked_from: dt.datetime | None = None
    identity: Identity | Unreadable = NOT_ASKED
    administrator: bool | Unreadable = NOT_ASKED
    hyper_v_administrator: bool | Unreadable = NOT_ASKED
    computer_system: ComputerSystem | Unreadable = NOT_ASKED
    operating_system: OperatingSystem | Unreadable = NOT_ASKED
    vm_host: VMHost | Unreadable = NOT_ASKED
    processors: tuple[Processor, ...] | Unreadable = NOT_ASKED
    services: tuple[Service, ...] | Unreadable = NOT_ASKED
    features: tuple[Feature, ...] | Unreadable = NOT_ASKED
    supported_versions: tuple[SupportedVersion, ...] | Unreadable = NOT_ASKED
    security_services: tuple[int, ...] | Unreadable = NOT_ASKED
    switches: tuple[Switch, ...] | Unreadable = NOT_ASKED
    migration_networks: tuple[MigrationNetwork, ...] | Unreadable = NOT_ASKED
    listener_addresses: tuple[str, ...] | Unreadable = NOT_ASKED
    addresses: tuple[IPAddress, ...] | Unreadable = NOT_ASKED
    volumes: tuple[Volume, ...] | Unreadable = NOT_ASKED
    migration_jobs: tuple[MigrationJob, ...] | Unreadable = NOT_ASKED
    planned_vms: tuple[PlannedVM, ...] | Unreadable = NOT_ASKED
    vms: tuple[VM, ...] | Unreadable = NOT_ASKED
    adapters: tuple[Adapter, ...] | Unreadable = NOT_ASKED
    vlans: tuple[AdapterVlan, ...] | Unreadable = NOT_ASKED
    isolation: tuple[AdapterIsolation, ...] | Unreadable = NOT_ASKED
    acls: tuple[AdapterAcl, ...] | Unreadable = NOT_ASKED
    extended_acls: tuple[AdapterExtendedAcl, ...] | Unreadable = NOT_ASKED
    switch_extensions: tuple[SwitchExtension, ...] | Unreadable = NOT_ASKED
    vm_processors: tuple[VMProcessor, ...] | Unreadable = NOT_ASKED
    vm_memory: tuple[Memory, ...] | Unreadable = NOT_ASKED
    firmware: tuple[Firmware, ...] | Unreadable = NOT_ASKED
    security: tuple[Security, ...] | Unreadable = NOT_ASKED
    integration_services: tuple[IntegrationService, ...] | Unreadable = NOT_ASKED
    checkpoints: tuple[Checkpoint, ...] | Unreadable = NOT_ASKED
    assignable_devices: tuple[AssignableDevice, ...] | Unreadable = NOT_ASKED
    fibre_channel_hbas: tuple[FibreChannelHba, ...] | Unreadable = NOT_ASKED
    dvd_drives: tuple[DvdDrive, ...] | Unreadable = NOT_ASKED
    hard_disks: tuple[HardDisk, ...] | Unreadable = NOT_ASKED
    checkpoint_disks: tuple[HardDisk, ...] | Unreadable = NOT_ASKED
    vhds: tuple[VHD, ...] | Unreadable = NOT_ASKED
    smb_connections: tuple[SmbConnection, ...] | Unreadable = NOT_ASKED
    smb_client: SmbClient | Unreadable = NOT_ASKED
    floppy_drives: tuple[FloppyDrive, ...] | Unreadable = NOT_ASKED
    gpu_partitions: tuple[GpuPartition, ...] | Unreadable = NOT_ASKED
    remote_fx: tuple[RemoteFx, ...] | Unreadable = NOT_ASKED
    sans: tuple[San, ...] | Unreadable = NOT_ASKED
    resource_pools: tuple[ResourcePool, ...] | Unreadable = NOT_ASKED
    numa_nodes: tuple[NumaNode, ...] | Unreadable = NOT_ASKED
    certificates: tuple[Certificate, ...] | Unreadable = NOT_ASKED
    guardian_client: GuardianClient | Unreadable = NOT_ASKED
    registry: tuple[RegistryKey, ...] | Unreadable = NOT_ASKED
    user_rights: tuple[UserRight, ...] | Unreadable = NOT_ASKED
    scanner: Scanner | Unreadable = NOT_ASKED
    hyperv_modules: tuple[Module, ...] | Unreadable = NOT_ASKED
    net_adapters: tuple[NetAdapter, ...] | Unreadable = NOT_ASKED
    listeners: tuple[Listener, ...] | Unreadable = NOT_ASKED
    smb_interfaces: tuple[SmbInterface, ...] | Unreadable = NOT_ASKED
    smb_limits: tuple[SmbLimit, ...] | Unreadable = NOT_ASKED
    registry_pol: tuple[int, ...] | Unreadable | None = NOT_ASKED
    links: dict[str, tuple[Link, ...] | Unreadable] = field(default_factory=dict)
    cluster: Cluster | Unreadable | None = NOT_ASKED
    incomplete: dict[str, str] = field(default_factory=dict)

    def vm(self, vm_id: str) -> VM | Unreadable | None:
        """The VM of this Id; None if this host has none; Unreadable if its VMs could not be read."""
        table = self.vms
        if isinstance(table, Unreadable):
            return table
        found = self._keep("vms", lambda: {vm.id: vm for vm in reversed(table) if isinstance(vm.id, str)})
        return found.get(vm_id.lower()) or self.gap("vms")

    def gap(self, table: str) -> Unreadable | None:
        """Why rows may be missing in a table that came with errors; None if it is whole.

        An error strikes one VM's part of a table: where a VM has no row in it, this is the answer, and not "none".
        """
        reason = self.incomplete.get(table)
        return None if reason is None else Unreadable(f"part of it could not be read: {reason}")

    def adapters_of(self, vm_id: str) -> tuple[Adapter, ...] | Unreadable:
        """The VM's network adapters."""
        return self._of("adapters", self.adapters, vm_id)

    def vlans_of(self, vm_id: str) -> tuple[AdapterVlan, ...] | Unreadable:
        """The VLAN settings of the VM's adapters."""
        return self._of("vlans", self.vlans, vm_id)

    def rules_of(self, table: str, vm_id: str) -> tuple[Any, ...] | Unreadable:
        """The VM's rows in ``acls``, ``extended_acls`` or ``isolation``; none where that Windows has no such thing."""
        found = getattr(self, table)
        return () if found == NOT_ON_THIS_BUILD else self._of(table, found, vm_id)

    def processor_of(self, vm_id: str) -> VMProcessor | Unreadable | None:
        """The VM's processor settings."""
        return _first(self._of("vm_processors", self.vm_processors, vm_id))

    def memory_of(self, vm_id: str) -> Memory | Unreadable | None:
        """The VM's memory settings."""
        return _first(self._of("vm_memory", self.vm_memory, vm_id))

    def firmware_of(self, vm_id: str) -> Firmware | Unreadable | None:
        """The VM's firmware; None for generation 1."""
        return _first(self._of("firmware", self.firmware, vm_id))

    def security_of(self, vm_id: str) -> Security | Unreadable | None:
        """The VM's security settings; read for candidates only."""
        return _first(self._of("security", self.security, vm_id))

    def integration_services_of(self, vm_id: str) -> tuple[IntegrationService, ...] | Unreadable:
        """The VM's integration services."""
        return self._of("integration_services", self.integration_services, vm_id)

    def checkpoints_of(self, vm_id: str) -> tuple[Checkpoint, ...] | Unreadable:
        """The VM's checkpoints."""
        return self._of("checkpoints", self.checkpoints, vm_id)

    def devices_of(self, vm_id: str) -> tuple[AssignableDevice, ...] | Unreadable:
        """The host's devices that are given to the VM."""
        return self._of("assignable_devices", self.assignable_devices, vm_id)

    def hbas_of(self, vm_id: str) -> tuple[FibreChannelHba, ...] | Unreadable:
        """The VM's virtual Fibre Channel adapters."""
        return self._of("fibre_channel_hbas", self.fibre_channel_hbas, vm_id)

    def dvds_of(self, vm_id: str) -> tuple[DvdDrive, ...] | Unreadable:
        """The VM's DVD drives."""
        return self._of("dvd_drives", self.dvd_drives, vm_id)

    def disks_of(self, vm_id: str) -> tuple[HardDisk, ...] | Unreadable:
        """The drives the VM runs on now."""
        return self._of("hard_disks", self.hard_disks, vm_id)

    def checkpoint_disks_of(self, vm_id: str) -> tuple[HardDisk, ...] | Unreadable:
        """The drives of the VM's checkpoints."""
        return self._of("checkpoint_disks", self.checkpoint_disks, vm_id)

    def vhd(self, path: str) -> VHD | Unreadable | None:
        """The virtual disk at a path, however its letters are cased."""
        by_path = self._vhds_by_path()
        return by_path if isinstance(by_path, Unreadable) else by_path.get(path_key(path))

    def _vhds_by_path(self) -> dict[str, VHD] | Unreadable:
        table = self.vhds
        if isinstance(table, Unreadable):
            return table
        return self._keep("vhds", lambda: {path_key(vhd.path): vhd for vhd in table if isinstance(vhd.path, str)})

    def chain_of(self, vm_id: str) -> tuple[VHD, ...] | Unreadable:
        """Every virtual disk file the VM stands on: of its drives and its checkpoints', leaf first, parents after.

        Unreadable if one of them could not be read: a sum over part of a chain is no size.
        """
        disks, saved = self.disks_of(vm_id), self.checkpoint_disks_of(vm_id)
        if isinstance(disks, Unreadable):
            return disks
        if isinstance(saved, Unreadable):
            return saved
        by_path = self._vhds_by_path()
        if isinstance(by_path, Unreadable):
            return by_path
        return chain_below((*disks, *saved), by_path)

    def file_size_of(self, vm_id: str) -> int | Unreadable:
        """Bytes of all files of :meth:`chain_of` as they lie on their volumes."""
        chain = self.chain_of(vm_id)
        if isinstance(chain, Unreadable):
            return chain
        total = 0
        for vhd in chain:
            if isinstance(vhd.file_size, Unreadable):
                return vhd.file_size
            total += vhd.file_size
        return total

    def _of(self, name: str, table: tuple[R, ...] | Unreadable, vm_id: str) -> tuple[R, ...] | Unreadable:
        if isinstance(table, Unreadable):
            return table
        rows = table

        def by_owner() -> dict[str, tuple[R, ...]]:
            found: dict[str, list[R]] = {}
            for row in rows:
                owner = getattr(row, "vm_id", None)
                if isinstance(owner, str):
                    found.setdefault(owner, []).append(row)
            return {owner: tuple(mine) for owner, mine in found.items()}

        owned = self._keep(name, by_owner).get(vm_id.lower(), ())
        gap = None if owned else self.gap(name)
        return owned if gap is None else gap

    def volume_of(self, path: str) -> Volume | Unreadable | None:
        """The volume with the drive letter a path begins with; None for a share, or where no volume has that letter."""
        if isinstance(self.volumes, Unreadable):
            return self.volumes
        letter = ntpath.splitdrive(path)[0].rstrip(":").upper()
        return next(
            (
                volume
                for volume in self.volumes
                if isinstance(volume.drive_letter, str) and volume.drive_letter.upper() == letter
            ),
            None,
        )


@lru_cache(maxsize=65536)  # of 10,000 VMs each path is compared in a dozen places
def path_key(path: str) -> str:
    """What two spellings of one Windows path share."""
    return ntpath.normpath(path.removeprefix("\\\\?\\")).casefold()


def same_path(one: str, other: str) -> bool:
    """Are these two spellings of one Windows path?"""
    return path_key(one) == path_key(other)


def is_file(disk: HardDisk) -> bool:
    """Does a drive stand on a file, as far as it says?"""
    return disk.disk_number is None or isinstance(disk.disk_number, Unreadable)


def chain_below(disks: Iterable[HardDisk], by_path: Mapping[str, VHD]) -> tuple[VHD, ...] | Unreadable:
    """Every virtual disk file that drives stand on, leaves and parents, each once; by :func:`path_key` those read."""
    chain: dict[str, VHD] = {}
    for disk in disks:
        path: str | Unreadable | None = disk.path if is_file(disk) else None
        while path is not None:
            if isinstance(path, Unreadable):
                return path
            key = path_key(path)
            if key in chain:
                break
            if key not in by_path:
                return Unreadable(f"the virtual disk {path} could not be read")
            chain[key] = by_path[key]
            path = by_path[key].parent_path
    return tuple(chain.values())


def _first(rows: tuple[R, ...] | Unreadable) -> R | Unreadable | None:
    if isinstance(rows, Unreadable):
        return rows
    return rows[0] if rows else None
