"""What a playbook wishes for a VM's storage, once the survey knows the VM's files."""

from __future__ import annotations

import ntpath

from winmigrate.facts import Unreadable
from winmigrate.playbook.types import StorageWish
from winmigrate.survey.candidates import Candidate
from winmigrate.survey.nouns import HostFacts
from winmigrate.windows.move import FileByFile, OneFolder, Storage
from winmigrate.windows.paths import PlannedFile, in_folder, planned_files


def storage_of(wish: StorageWish, vm_id: str, vm_name: str, source: HostFacts) -> Storage | Unreadable:
    """The form in which Move-VM is told: one folder where that is all that is wished, else file by file.

    None where nothing is wished: the storage stays, or the destination's own folders are meant, as the kind has it.
    """
    if wish == StorageWish():
        return None
    folder = wish.folder("path", vm_name)
    if folder is not None and wish == StorageWish(path=wish.path):
        return OneFolder(folder)
    chain = source.chain_of(vm_id)
    if isinstance(chain, Unreadable):
        return chain
    disks = []
    for vhd in chain:
        if isinstance(vhd.path, Unreadable):
            return vhd.path
        place = wish.disk_path(ntpath.basename(vhd.path), vm_name)
        if place is None and folder is not None:
            place = in_folder(folder, vhd.path)
        if place is not None:
            disks.append((vhd.path, place))
    config, checkpoints, paging = (wish.folder(which, vm_name) or "" for which in ("config", "checkpoints", "paging"))
    return FileByFile(config, checkpoints, paging, tuple(disks))


def files_of(candidate: Candidate, source: HostFacts) -> tuple[PlannedFile, ...] | Unreadable:
    """Each file of the candidate's VM with its place at the destination; none where the storage stays."""
    storage = storage_of(candidate.storage, candidate.vm_id, candidate.vm_name, source)
    if storage is None or isinstance(storage, Unreadable):
        return () if storage is None else storage
    vm = source.vm(candidate.vm_id)
    chain = source.chain_of(candidate.vm_id)
    checkpoints = source.checkpoints_of(candidate.vm_id)
    if vm is None:
        return Unreadable(f"{source.host} no longer has {candidate.vm_name}")
    if isinstance(vm, Unreadable):
        return vm
    if isinstance(chain, Unreadable):
        return chain
    if isinstance(checkpoints, Unreadable):
        return checkpoints
    return planned_files(vm, chain, checkpoints, storage)
