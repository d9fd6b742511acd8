"""What a playbook wishes for a VM's storage, once the survey knows the VM's files."""

from __future__ import annotations

import ntpath

from winmigrate.facts import Unreadable
from winmigrate.playbook.types import StorageWish
from winmigrate.survey.candidates import Candidate
from winmigrate.survey.facts_of_hosts import HostFacts
from winmigrate.windows.move import FileByFile, OneFolder, Storage
from winmigrate.windows.paths import PlannedFile, in_folder, planned_files
from winmigrate.windows.vm import VM


def storage_of(candidate: Candidate, source: HostFacts) -> Storage | Unreadable:
    """The form in which Move-VM is told where files go: one folder where that is all that is wished, else file by file.

    What the wish says nothing of keeps the very path it has, and is told so: left out, the destination would choose.
    """
    wish, vm_name = candidate.storage, candidate.vm_name
    folder = wish.folder("path", vm_name)
    if folder is not None and wish == StorageWish(path=wish.path):
        return OneFolder(folder)
    vm = _machine(candidate, source)
    chain = source.chain_of(candidate.vm_id)
    if isinstance(vm, Unreadable):
        return vm
    if isinstance(chain, Unreadable):
        return chain
    disks = []
    for vhd in chain:
        if isinstance(vhd.path, Unreadable):
            return vhd.path
        place = wish.disk_path(ntpath.basename(vhd.path), vm_name)
        if place is None:
            place = vhd.path if folder is None else in_folder(folder, vhd.path)
        disks.append((vhd.path, place))
    folders = []
    for which, now in (
        ("config", vm.configuration_location),
        ("checkpoints", vm.snapshot_file_location),
        ("paging", vm.smart_paging_file_path),
    ):
        wished = wish.folder(which, vm_name)
        if wished is None and isinstance(now, Unreadable):
            return now
        folders.append(wished or str(now or ""))
    return FileByFile(folders[0], folders[1], folders[2], tuple(disks))


def files_of(candidate: Candidate, source: HostFacts) -> tuple[PlannedFile, ...] | Unreadable:
    """Each file of the candidate's VM with its place at the destination."""
    storage = storage_of(candidate, source)
    vm = _machine(candidate, source)
    chain = source.chain_of(candidate.vm_id)
    checkpoints = source.checkpoints_of(candidate.vm_id)
    if isinstance(storage, Unreadable):
        return storage
    if isinstance(vm, Unreadable):
        return vm
    if isinstance(chain, Unreadable):
        return chain
    if isinstance(checkpoints, Unreadable):
        return checkpoints
    return planned_files(vm, chain, checkpoints, storage)


def _machine(candidate: Candidate, source: HostFacts) -> VM | Unreadable:
    found = source.vm(candidate.vm_id)
    return Unreadable(f"{source.host} no longer has {candidate.vm_name}") if found is None else found
