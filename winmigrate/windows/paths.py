"""Where Windows puts the files of a VM that moves: pure functions on Windows paths.

``-DestinationStoragePath P`` puts configuration, checkpoints and paging below ``P``, and every virtual disk, those of
checkpoints and parents too, into ``P\\Virtual Hard Disks`` under its own file name: equal names collide.
"""

from __future__ import annotations

import ntpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from winmigrate.facts import Unreadable
from winmigrate.windows.move import FileByFile, OneFolder, Storage
from winmigrate.windows.storage import VHD
from winmigrate.windows.vm import VM, Checkpoint

MACHINES = "Virtual Machines"
SNAPSHOTS = "Snapshots"
DISKS = "Virtual Hard Disks"


class FileKind(str, Enum):
    """What a file of a VM is."""

    CONFIG = "config"
    CHECKPOINT = "checkpoint"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file and where it will lie. ``size`` in bytes as it lies on its volume now; None where it is not known."""

    kind: FileKind
    source: str
    destination: str
    size: int | None = None


def planned_files(
    vm: VM, chain: Sequence[VHD], checkpoints: Sequence[Checkpoint], storage: Storage
) -> tuple[PlannedFile, ...] | Unreadable:
    """Each file of the VM with its place after the move; none for a move that leaves the storage where it is.

    ``chain``: every virtual disk file, parents and checkpoints' too. Unreadable where a fact this stands on is.
    """
    if storage is None:
        return ()
    for fact in (vm.id, vm.configuration_location, vm.snapshot_file_location):
        if isinstance(fact, Unreadable):
            return fact
    config, saved = (
        (storage.path, storage.path) if isinstance(storage, OneFolder) else (storage.config, storage.checkpoints)
    )
    disks = _disk_places(chain, storage)
    if isinstance(disks, Unreadable):
        return disks
    found = list(disks)
    ending = ".xml" if _is_old(vm) else ".vmcx"
    if config and vm.configuration_location:
        name = ntpath.join(MACHINES, f"{_file_id(vm.id)}{ending}")
        found.append(
            PlannedFile(FileKind.CONFIG, ntpath.join(str(vm.configuration_location), name), ntpath.join(config, name))
        )
    if saved and vm.snapshot_file_location:
        for checkpoint in checkpoints:
            if isinstance(checkpoint.id, Unreadable):
                return checkpoint.id
            name = ntpath.join(SNAPSHOTS, f"{_file_id(checkpoint.id)}{ending}")
            source = ntpath.join(str(vm.snapshot_file_location), name)
            found.append(PlannedFile(FileKind.CHECKPOINT, source, ntpath.join(saved, name)))
    return tuple(found)


def _disk_places(chain: Sequence[VHD], storage: OneFolder | FileByFile) -> list[PlannedFile] | Unreadable:
    named = {_key(now): then for now, then in storage.disks} if isinstance(storage, FileByFile) else {}
    found = []
    for vhd in chain:
        if isinstance(vhd.path, Unreadable):
            return vhd.path
        if isinstance(storage, OneFolder):
            place = in_folder(storage.path, vhd.path)
        elif _key(vhd.path) in named:
            place = named[_key(vhd.path)]
        else:
            continue  # a disk no one named stays where it is
        size = None if isinstance(vhd.file_size, Unreadable) else vhd.file_size
        found.append(PlannedFile(FileKind.DISK, vhd.path, place, size))
    return found


def in_folder(folder: str, disk: str) -> str:
    """Where a disk lies below one folder that holds everything."""
    return ntpath.join(folder, DISKS, ntpath.basename(disk))


def clashes(files: Iterable[PlannedFile]) -> tuple[tuple[PlannedFile, ...], ...]:
    """Groups of files that would be written to one path."""
    by_place: dict[str, list[PlannedFile]] = {}
    for file in files:
        by_place.setdefault(_key(file.destination), []).append(file)
    return tuple(tuple(group) for group in by_place.values() if len(group) > 1)


def volume(path: str) -> str:
    """``E:`` of ``E:\\\\VMs``; the server and share of a UNC path; as Windows compares them."""
    return ntpath.splitdrive(path.removeprefix("\\\\?\\"))[0].upper()


def is_unc(path: str) -> bool:
    r"""Is the path on a share (``\\server\share\...``, also as ``\\?\UNC\server\share``)?"""
    return path.startswith("\\\\") and (not path.startswith(("\\\\?\\", "\\\\.\\")) or path[4:8].upper() == "UNC\\")


def _key(path: str) -> str:
    return ntpath.normpath(path.removeprefix("\\\\?\\")).casefold()


def _file_id(identity: object) -> str:
    # Hyper-V names its files by the Id in capitals.
    return str(identity).upper()


def _is_old(vm: VM) -> bool:
    """Configuration versions up to 5.0 are .xml, 6.2 and later .vmcx. Before 2012 R2 there is no version to read."""
    if isinstance(vm.version, Unreadable):
        return True
    major = vm.version.split(".")[0]
    return major.isdigit() and int(major) <= 5
