"""What a candidate would bring to its destination: its files with their places, and bytes by volume."""

from __future__ import annotations

from collections.abc import Iterable

from winmigrate.facts import Unreadable
from winmigrate.playbook.types import StorageWish
from winmigrate.survey import Candidate, HostFacts
from winmigrate.survey.wishes import files_of
from winmigrate.windows.move import FileByFile
from winmigrate.windows.paths import FileKind, PlannedFile, planned_files, volume


def arriving(candidate: Candidate, source: HostFacts) -> tuple[PlannedFile, ...] | Unreadable:
    """Each file of the candidate's VM and its place; without a wish for storage, the very place it has."""
    if candidate.storage != StorageWish():
        return files_of(candidate, source)
    vm, chain = source.vm(candidate.vm_id), source.chain_of(candidate.vm_id)
    checkpoints = source.checkpoints_of(candidate.vm_id)
    if vm is None:
        return Unreadable(f"{source.host} no longer has {candidate.vm_name}")
    if isinstance(vm, Unreadable):
        return vm
    if isinstance(chain, Unreadable):
        return chain
    if isinstance(checkpoints, Unreadable):
        return checkpoints
    folders = (vm.configuration_location, vm.snapshot_file_location, vm.smart_paging_file_path)
    paths: list[str] = []
    for place in (*folders, *(vhd.path for vhd in chain)):
        if isinstance(place, Unreadable):
            return place
        paths.append(place or "")
    same = FileByFile(paths[0], paths[1], paths[2], tuple((path, path) for path in paths[3:]))
    return planned_files(vm, chain, checkpoints, same)


def bytes_by_volume(files: Iterable[PlannedFile], memory: int) -> dict[str, int] | Unreadable:
    """Bytes by volume (``"D:"``). The configuration's takes a saved-state file as large as the memory as well."""
    found: dict[str, int] = {}
    for file in files:
        amount = memory if file.kind is FileKind.CONFIG else 0
        if file.size is not None:
            amount += file.size
        elif file.kind is FileKind.DISK:
            return Unreadable(f"the size of {file.source} could not be read")
        found[volume(file.destination)] = found.get(volume(file.destination), 0) + amount
    return found
