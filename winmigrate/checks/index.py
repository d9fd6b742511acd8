"""The facts of a host with its tables indexed by VM once, so that checking 10,000 VMs stays linear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winmigrate.checks.arrival import arriving, bytes_by_volume
from winmigrate.checks.cluster_index import ClusterIndex, with_node
from winmigrate.facts import Unreadable
from winmigrate.survey import Candidate, ClusterFacts, HostFacts, path_key
from winmigrate.survey.facts_of_clusters import name_of
from winmigrate.survey.facts_of_hosts import chain_below, is_file
from winmigrate.windows.paths import PlannedFile, volume
from winmigrate.windows.storage import VHD
from winmigrate.windows.vm import VM

_NOBODY = ""


@dataclass(frozen=True, slots=True)
class _Owned:
    """Rows by VM; ``none``: what is said of a VM without any."""

    rows: dict[str, tuple[Any, ...]]
    none: tuple[Any, ...] | Unreadable


class HostIndex:
    """``facts`` of one host and quick ways into its tables. A table that is Unreadable answers so for every VM."""

    __slots__ = (
        "_alone", "_below", "_chains", "_clusters", "_files", "_its_cluster", "_names", "_needs", "_owned", "_users",
        "_volumes", "facts",
    )  # fmt: skip

    def __init__(self, facts: HostFacts, clusters: Mapping[str, ClusterIndex] | None = None) -> None:
        self.facts = facts
        self._clusters = {} if clusters is None else clusters
        self._its_cluster: list[ClusterIndex | Unreadable | None] = []
        self._owned: dict[str, _Owned | Unreadable] = {}
        self._names: dict[str, list[VM]] | None = None
        self._users: dict[str, list[str]] | None = None
        self._volumes: dict[str, tuple[str, ...] | Unreadable] = {}
        self._needs: dict[str, dict[str, int] | Unreadable] = {}
        self._chains: dict[str, VHD] | None = None
        self._below: dict[str, list[str]] | None = None
        self._alone: dict[str, HostFacts] = {}
        self._files: dict[str, tuple[PlannedFile, ...] | Unreadable] = {}

    @property
    def name(self) -> str:
        """The host's name in the inventory."""
        return self.facts.host

    @property
    def cluster(self) -> str | Unreadable | None:
        """The name of the cluster that it is a node of; None for one in no cluster."""
        found = self.its_cluster
        return found.name if isinstance(found, ClusterIndex) else found

    @property
    def its_cluster(self) -> ClusterIndex | Unreadable | None:
        """The cluster that it is a node of: what it says itself, or, where it cannot say, what its other nodes say."""
        if not self._its_cluster:
            self._its_cluster.append(self._find_cluster())
        return self._its_cluster[0]

    def _find_cluster(self) -> ClusterIndex | Unreadable | None:
        name = name_of(self.facts)
        if isinstance(name, Unreadable):
            return with_node(self.facts, self._clusters) or name
        if name is None:
            return None
        return self._clusters.get(name) or ClusterIndex(ClusterFacts(name))

    def vm(self, vm_id: str) -> VM | Unreadable | None:
        """The VM of this Id; None if the host has none."""
        found = self.of("vms", vm_id, key="id")
        return found if isinstance(found, Unreadable) else (found[0] if found else None)

    def named(self, name: str) -> tuple[VM, ...] | Unreadable:
        """The VMs of this name (names are not unique)."""
        if isinstance(self.facts.vms, Unreadable):
            return self.facts.vms
        if self._names is None:
            self._names = {}
            for vm in self.facts.vms:
                # One whose name nobody knows may be called anything.
                key = vm.name.casefold() if isinstance(vm.name, str) else _NOBODY
                self._names.setdefault(key, []).append(vm)
        if _NOBODY in self._names:
            return Unreadable(f"{len(self._names[_NOBODY])} of the host's VMs have no name that can be read")
        return tuple(self._names.get(name.casefold(), ()))

    def of(self, table: str, vm_id: str, key: str = "vm_id") -> tuple[Any, ...] | Unreadable:
        """The rows of a VM in a table of HostFacts by its field's name: ``of("adapters", vm_id)``.

        No row is no answer where part of the table could not be read.
        """
        index = self._owned.get(table)
        if index is None:
            index = self._owned[table] = self._by_owner(table, key)
        return index if isinstance(index, Unreadable) else index.rows.get(vm_id.lower(), index.none)

    def _by_owner(self, table: str, key: str) -> _Owned | Unreadable:
        rows = getattr(self.facts, table)
        if isinstance(rows, Unreadable):
            return rows
        owned: dict[str, list[Any]] = {}
        for row in rows:
            owner = getattr(row, key)
            owned.setdefault(owner if isinstance(owner, str) else _NOBODY, []).append(row)
        if _NOBODY in owned:
            # A row that names no VM may be anybody's: what the table says of one VM is then not known.
            return Unreadable(f"{len(owned[_NOBODY])} of the host's answers name no VM")
        gap = self.facts.gap(table)
        return _Owned({vm_id: tuple(mine) for vm_id, mine in owned.items()}, () if gap is None else gap)

    def alone(self, vm_id: str) -> HostFacts:
        """The facts with nothing of the VMs in them but what says where this one's files are."""
        key = vm_id.lower()
        if key not in self._alone:
            vm = self.vm(key)
            vms = vm if isinstance(vm, Unreadable) else (() if vm is None else (vm,))
            self._alone[key] = HostFacts(
                self.name,
                vms=vms,
                checkpoints=self.of("checkpoints", key),
                hard_disks=self.of("hard_disks", key),
                checkpoint_disks=self.of("checkpoint_disks", key),
                vhds=self.chain(key),
            )
        return self._alone[key]

    def files(self, candidate: Candidate) -> tuple[PlannedFile, ...] | Unreadable:
        """Each file of the candidate's VM with its place at the destination.

        Where the playbook says nothing of storage the files keep the paths they have, as Move-VM -IncludeStorage does.
        """
        key = candidate.vm_id.lower()
        if key not in self._files:
            self._files[key] = arriving(candidate, self.alone(key))
        return self._files[key]

    def volumes(self, candidate: Candidate) -> tuple[str, ...] | Unreadable:
        """The volumes of the destination ("D:") that those files go to."""
        key = candidate.vm_id.lower()
        if key not in self._volumes:
            files = self.files(candidate)
            places = (
                files if isinstance(files, Unreadable) else dict.fromkeys(volume(file.destination) for file in files)
            )
            self._volumes[key] = places if isinstance(places, Unreadable) else tuple(places)
        return self._volumes[key]

    def needs(self, candidate: Candidate) -> dict[str, int] | Unreadable:
        """Bytes by volume of the destination ("D:") for those files, the saved state among them."""
        key = candidate.vm_id.lower()
        if key not in self._needs:
            files, vm = self.files(candidate), self.vm(key)
            if isinstance(files, Unreadable):
                self._needs[key] = files
            elif vm is None or isinstance(vm, Unreadable) or isinstance(vm.memory_assigned, Unreadable):
                self._needs[key] = Unreadable("the memory of the VM is not known, which its saved state is as large as")
            else:
                self._needs[key] = bytes_by_volume(files, vm.memory_assigned)
        return self._needs[key]

    def chain(self, vm_id: str) -> tuple[VHD, ...] | Unreadable:
        """Every virtual disk file the VM stands on, checkpoints and parents with it (HostFacts.chain_of, indexed)."""
        disks, saved = self.of("hard_disks", vm_id), self.of("checkpoint_disks", vm_id)
        for table in (disks, saved, self.facts.vhds):
            if isinstance(table, Unreadable):
                return table
        assert not isinstance(disks, Unreadable)
        assert not isinstance(saved, Unreadable)
        return chain_below((*disks, *saved), self._by_path())

    def standing_on(self, path: str) -> tuple[str, ...]:
        """The names of the VMs that have a drive, now or in a checkpoint, on this virtual disk or on a child of it."""
        users = self._drives()
        found: dict[str, None] = {}
        seen: set[str] = set()
        paths = [path_key(path)]
        while paths:
            key = paths.pop()
            if key in seen:
                continue
            seen.add(key)
            found |= dict.fromkeys(users.get(key, ()))
            paths += self._children().get(key, ())
        return tuple(found)

    def _drives(self) -> dict[str, list[str]]:
        """Virtual disk -> the names of the VMs that have a drive on it."""
        if self._users is None:
            self._users = {}
            for disks in (self.facts.hard_disks, self.facts.checkpoint_disks):
                for disk in () if isinstance(disks, Unreadable) else disks:
                    if isinstance(disk.path, str) and isinstance(disk.vm_name, str) and is_file(disk):
                        self._users.setdefault(path_key(disk.path), []).append(disk.vm_name)
        return self._users

    def _children(self) -> dict[str, list[str]]:
        if self._below is None:
            self._below = {}
            for key, vhd in self._by_path().items():
                if isinstance(vhd.parent_path, str):
                    self._below.setdefault(path_key(vhd.parent_path), []).append(key)
        return self._below

    def _by_path(self) -> dict[str, VHD]:
        if self._chains is None:
            vhds = () if isinstance(self.facts.vhds, Unreadable) else self.facts.vhds
            self._chains = {path_key(vhd.path): vhd for vhd in vhds if isinstance(vhd.path, str)}
        return self._chains
