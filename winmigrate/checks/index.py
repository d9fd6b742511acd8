"""The facts of a host with its tables indexed by VM once, so that checking 10,000 VMs stays linear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from winmigrate.checks.arrival import arriving
from winmigrate.facts import Unreadable
from winmigrate.survey import Candidate, HostFacts, path_key
from winmigrate.windows.paths import PlannedFile
from winmigrate.windows.storage import VHD, HardDisk
from winmigrate.windows.vm import VM

R = TypeVar("R")

_NOBODY = ""


class HostIndex:
    """``facts`` of one host and quick ways into its tables. A table that is Unreadable answers so for every VM."""

    __slots__ = ("_alone", "_below", "_chains", "_files", "_tables", "facts")

    def __init__(self, facts: HostFacts) -> None:
        self.facts = facts
        self._tables: dict[str, dict[str, list[Any]]] = {}
        self._chains: dict[str, VHD] | None = None
        self._below: dict[str, list[str]] | None = None
        self._alone: dict[str, HostFacts] = {}
        self._files: dict[str, tuple[PlannedFile, ...] | Unreadable] = {}

    @property
    def name(self) -> str:
        """The host's name in the inventory."""
        return self.facts.host

    def vm(self, vm_id: str) -> VM | Unreadable | None:
        """The VM of this Id; None if the host has none."""
        found = self.of("vms", vm_id, key="id")
        return found if isinstance(found, Unreadable) else (found[0] if found else None)

    def named(self, name: str) -> tuple[VM, ...] | Unreadable:
        """The VMs of this name (names are not unique)."""
        if isinstance(self.facts.vms, Unreadable):
            return self.facts.vms
        table = self._keyed("names", self.facts.vms, lambda vm: str(vm.name).casefold())
        return tuple(table.get(name.casefold(), ()))

    def of(self, table: str, vm_id: str, key: str = "vm_id") -> tuple[Any, ...] | Unreadable:
        """The rows of a VM in a table of HostFacts by its field's name: ``of("adapters", vm_id)``.

        No row is no answer where part of the table could not be read.
        """
        rows = getattr(self.facts, table)
        if isinstance(rows, Unreadable):
            return rows
        index = self._keyed(table, rows, lambda row: _text(getattr(row, key)))
        if _NOBODY in index:
            # A row that names no VM may be anybody's: what the table says of one VM is then not known.
            return Unreadable(f"{len(index[_NOBODY])} of the host's answers name no VM")
        owned = tuple(index.get(vm_id.lower(), ()))
        gap = None if owned else self.facts.gap(table)
        return owned if gap is None else gap

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

    def chain(self, vm_id: str) -> tuple[VHD, ...] | Unreadable:
        """Every virtual disk file the VM stands on, checkpoints and parents with it (HostFacts.chain_of, indexed)."""
        disks, saved = self.of("hard_disks", vm_id), self.of("checkpoint_disks", vm_id)
        for table in (disks, saved, self.facts.vhds):
            if isinstance(table, Unreadable):
                return table
        assert not isinstance(disks, Unreadable)
        assert not isinstance(saved, Unreadable)
        by_path = self._by_path()
        chain: dict[str, VHD] = {}
        for disk in (*disks, *saved):
            path: str | Unreadable | None = disk.path if _is_file(disk) else None
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

    def standing_on(self, path: str) -> tuple[str, ...]:
        """The names of the VMs that have a drive, now or in a checkpoint, on this virtual disk or on a child of it."""
        users = self._users()
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

    def _users(self) -> dict[str, list[Any]]:
        table = self._tables.get("users")
        if table is None:
            table = self._tables["users"] = {}
            for disks in (self.facts.hard_disks, self.facts.checkpoint_disks):
                for disk in () if isinstance(disks, Unreadable) else disks:
                    if isinstance(disk.path, str) and isinstance(disk.vm_name, str) and _is_file(disk):
                        table.setdefault(path_key(disk.path), []).append(disk.vm_name)
        return table

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

    def _keyed(self, name: str, rows: tuple[R, ...], key: Callable[[R], str]) -> dict[str, list[Any]]:
        index = self._tables.get(name)
        if index is None:
            index = self._tables[name] = {}
            for row in rows:
                index.setdefault(key(row), []).append(row)
        return index


def _text(value: object) -> str:
    return value if isinstance(value, str) else _NOBODY


def _is_file(disk: HardDisk) -> bool:
    return disk.disk_number is None or isinstance(disk.disk_number, Unreadable)
