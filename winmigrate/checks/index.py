"""The facts of a host with its tables indexed by VM once, so that checking 10,000 VMs stays linear."""

from __future__ import annotations

from typing import Any, TypeVar

from winmigrate.facts import Unreadable
from winmigrate.survey import HostFacts, path_key
from winmigrate.windows.storage import VHD, HardDisk
from winmigrate.windows.vm import VM

R = TypeVar("R")

_NOBODY = ""


class HostIndex:
    """``facts`` of one host and quick ways into its tables. A table that is Unreadable answers so for every VM."""

    __slots__ = ("_chains", "_tables", "facts")

    def __init__(self, facts: HostFacts) -> None:
        self.facts = facts
        self._tables: dict[str, dict[str, list[Any]]] = {}
        self._chains: dict[str, VHD] | None = None

    @property
    def name(self) -> str:
        """The host's name in the inventory."""
        return self.facts.host

    def vm(self, vm_id: str) -> VM | Unreadable | None:
        """The VM of this Id; None if the host has none."""
        found = self._rows("vms", "id", self.facts.vms, vm_id)
        return found if isinstance(found, Unreadable) else (found[0] if found else None)

    def named(self, name: str) -> tuple[VM, ...] | Unreadable:
        """The VMs of this name (names are not unique)."""
        if isinstance(self.facts.vms, Unreadable):
            return self.facts.vms
        table = self._tables.get("names")
        if table is None:
            table = self._tables["names"] = {}
            for vm in self.facts.vms:
                if isinstance(vm.name, str):
                    table.setdefault(vm.name.casefold(), []).append(vm)
        return tuple(table.get(name.casefold(), ()))

    def of(self, table: str, vm_id: str) -> tuple[Any, ...] | Unreadable:
        """The rows of a VM in a table of HostFacts by its field's name: ``of("adapters", vm_id)``."""
        return self._rows(table, "vm_id", getattr(self.facts, table), vm_id)

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

    def _by_path(self) -> dict[str, VHD]:
        if self._chains is None:
            vhds = () if isinstance(self.facts.vhds, Unreadable) else self.facts.vhds
            self._chains = {path_key(vhd.path): vhd for vhd in vhds if isinstance(vhd.path, str)}
        return self._chains

    def _rows(self, name: str, key: str, table: tuple[R, ...] | Unreadable, vm_id: str) -> tuple[R, ...] | Unreadable:
        if isinstance(table, Unreadable):
            return table
        index = self._tables.get(name)
        if index is None:
            index = self._tables[name] = {}
            for row in table:
                owner = getattr(row, key)
                index.setdefault(owner if isinstance(owner, str) else _NOBODY, []).append(row)
        if _NOBODY in index:
            # A row that names no VM may be anybody's: what the table says of one VM is then not known.
            return Unreadable(f"{len(index[_NOBODY])} of the host's answers name no VM")
        found = index.get(vm_id.lower())
        if found is None:
            # An error struck part of the table: where a VM has no row, nobody knows whether it has none.
            return self.facts.gap(name) or ()
        return tuple(found)


def _is_file(disk: HardDisk) -> bool:
    return disk.disk_number is None or isinstance(disk.disk_number, Unreadable)
