"""What a move takes along and where each file goes, as Move-VM lays it out.

``-DestinationStoragePath P`` puts configuration, checkpoints and paging under P and every disk, those of checkpoints
and their parents too, at ``P\\Virtual Hard Disks\\<leaf>``. ``-IncludeStorage`` alone keeps the paths of the source.
A shared disk is skipped with a warning by the single-path form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from winmigrate.lab.fabric.files import FileEntry, fold, join, leaf
from winmigrate.lab.fabric.world import VM, Host


@dataclass(frozen=True, slots=True)
class MoveSettings:
    """What Move-VM and Compare-VM are given. ``vhds``: (source path, destination path).

    ``switches``: adapter id -> name of a switch of the destination (None: disconnected), from a mended report.
    ``credential``: user name and password of -DestinationCredential.
    """

    include_storage: bool = False
    storage_path: str | None = None
    vm_path: str | None = None
    snapshot_path: str | None = None
    paging_path: str | None = None
    vhds: tuple[tuple[str, str], ...] = ()
    retain_vhds: bool = False
    remove_unmanaged: bool = False
    switches: Mapping[str, str | None] = field(default_factory=dict)
    credential: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def moves_storage(self) -> bool:
        return self.include_storage or self.storage_path is not None or bool(self.vhds)


@dataclass(frozen=True, slots=True)
class Copy:
    """One file's way. ``parent``: it is no leaf of a disk but a parent in a chain."""

    source: FileEntry
    target: str
    parent: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """``copies``: the disks, in order. ``system``: configuration and state files. ``skipped``: shared disks.

    ``config``, ``snapshots``, ``paging``: the folders at the destination.
    """

    copies: tuple[Copy, ...]
    system: tuple[Copy, ...]
    skipped: tuple[str, ...]
    config: str
    snapshots: str
    paging: str

    def apart_from(self, destination: Host) -> Layout:
        """What of it must really be carried: no file that the destination has before it already, on shared storage."""
        def carried(copies: tuple[Copy, ...]) -> tuple[Copy, ...]:
            return tuple(way for way in copies if destination.files.get(way.target) is not way.source)

        return replace(self, copies=carried(self.copies), system=carried(self.system))

    def target(self, path: str) -> str:
        """Where a disk's file is after the move; its own path if it does not move."""
        wanted = fold(path)
        return next((copy.target for copy in self.copies if fold(copy.source.path) == wanted), path)


def lay_out(source: Host, vm: VM, settings: MoveSettings) -> Layout:
    """The layout of a move of that VM from ``source`` under ``settings``."""
    given = {fold(origin): target for origin, target in settings.vhds}
    copies: list[Copy] = []
    skipped: list[str] = []
    seen: set[str] = set()
    if settings.moves_storage:
        for disk in vm.all_disks():
            if disk.path is None:
                continue
            if disk.shared:
                if disk.path not in skipped:
                    skipped.append(disk.path)
                continue
            for depth, entry in enumerate(source.files.chain(disk.path)):
                key = fold(entry.path)
                if key in seen:
                    continue
                seen.add(key)
                target = given.get(key) or _target(entry.path, settings)
                if target is not None:
                    copies.append(Copy(entry, target, depth > 0))
    base = settings.storage_path
    config = settings.vm_path or base or vm.config_path
    snapshots = settings.snapshot_path or base or settings.vm_path or vm.snapshot_path
    paging = settings.paging_path or base or settings.vm_path or vm.paging_path
    system = _system(source, vm.config_path, "Virtual Machines", [vm.guid], config)
    system += _system(source, vm.snapshot_path, "Snapshots", [str(one.id).upper() for one in vm.checkpoints], snapshots)
    return Layout(tuple(copies), tuple(system), tuple(skipped), config, snapshots, paging)


def _system(source: Host, base: str, folder: str, names: list[str], target: str) -> list[Copy]:
    return [Copy(entry, join(target, folder, leaf(entry.path)), False)
            for entry in source.files.below(join(base, folder))
            if leaf(entry.path).upper().partition(".")[0] in names]


def _target(path: str, settings: MoveSettings) -> str | None:
    if settings.storage_path is not None:
        return join(settings.storage_path, "Virtual Hard Disks", leaf(path))
    return path if settings.include_storage else None
