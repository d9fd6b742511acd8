"""What a playbook wishes for a VM's storage, once the survey knows the VM's files."""

from __future__ import annotations

from winmigrate.facts import Unreadable
from winmigrate.survey.candidates import Candidate, StorageWish
from winmigrate.survey.nouns import HostFacts
from winmigrate.windows.move import OneFolder, Storage
from winmigrate.windows.paths import PlannedFile, file_by_file, planned_files


def storage_of(wish: StorageWish | None, vm_id: str, source: HostFacts) -> Storage | Unreadable:
    """The form in which Move-VM is told: one folder where that is all that is wished, else file by file."""
    if wish is None:
        return None
    if wish.path and not (wish.config or wish.checkpoints or wish.paging or wish.disks):
        return OneFolder(wish.path)
    chain = source.chain_of(vm_id)
    if isinstance(chain, Unreadable):
        return chain
    return file_by_file(
        chain, wish.path, wish.disks, config=wish.config, checkpoints=wish.checkpoints, paging=wish.paging
    )


def files_of(candidate: Candidate, source: HostFacts) -> tuple[PlannedFile, ...] | Unreadable:
    """Each file of the candidate's VM with its place at the destination; none where the storage stays."""
    storage = storage_of(candidate.storage, candidate.vm_id, source)
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
