"""Requirements of what the VM stores on and has in its drives."""

from __future__ import annotations

import ntpath
from typing import Any

from winmigrate.checks.finding import Remedy, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement
from winmigrate.checks.vms import of_candidate
from winmigrate.checks.words import (
    OPERATOR,
    by_hand,
    count,
    hyper_v_administrator,
    listed,
    name,
    powershell,
    quoted,
    several,
)
from winmigrate.checks.words import (
    vm as get_vm,
)
from winmigrate.facts import Unreadable
from winmigrate.survey import path_key
from winmigrate.windows.paths import FileKind, clashes

_HYPER_V = "https://learn.microsoft.com/powershell/module/hyper-v/"
_TROUBLE = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/"
_USE = (
    "https://learn.microsoft.com/windows-server/virtualization/hyper-v/manage/"
    "use-live-migration-without-failover-clustering-to-move-a-virtual-machine"
)
_KINDS = ("shared-nothing",)


@requirement(
    "disk-passthrough",
    "The VM has no physical disk of the host",
    Severity.BLOCKS,
    Scope.VM,
    kinds=("shared-smb", "shared-nothing"),
    read_by="Get-VMHardDiskDrive of the VM and of its checkpoints: DiskNumber",
    mend="New-VHD -SourceDisk and Set-VMHardDiskDrive -Path, or Remove-VMHardDiskDrive",
    page=_HYPER_V + "get-vmharddiskdrive",
)
def disk_passthrough(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the disks of {name(item.vm_name)}"
    drives = (*known(host.of("hard_disks", item.vm_id), what), *_saved(ground))
    physical = [drive for drive in drives if known(drive.disk_number, what) is not None]
    if not physical:
        return passed(f"{count(len(drives), 'virtual disk')}")
    shown = dict.fromkeys(f"physical disk {drive.disk_number} of {host.name} at {_slot(drive)}" for drive in physical)
    return failed(
        f"{name(item.vm_name)} has {several(shown)}",
        wanted="virtual disks alone: a physical one cannot be moved",
        remedy=_mend_physical(ground, physical[0]),
    )


def _saved(ground: Ground) -> tuple[Any, ...]:
    item = ground.candidate
    what = f"the disks of the checkpoints of {name(item.vm_name)}"
    return known(ground.source.of("checkpoint_disks", item.vm_id), what)


def _slot(drive: Any) -> str:
    parts = (drive.controller_type, drive.controller_number, drive.controller_location)
    if any(isinstance(part, Unreadable) for part in parts):
        return "a controller that could not be read"
    return f"{parts[0]} {parts[1]}:{parts[2]}"


def _mend_physical(ground: Ground, drive: Any) -> Remedy:
    item, host = ground.candidate, ground.source
    who = f"{hyper_v_administrator(host.name)}, with a down-time"
    if any(
        isinstance(part, Unreadable)
        for part in (drive.controller_type, drive.controller_number, drive.controller_location)
    ):
        return by_hand("make a virtual disk of it, or take it out of the VM", who)
    vm = of_candidate(ground)
    folder = vm.configuration_location if isinstance(vm.configuration_location, str) else "D:\\VMs"
    copy = quoted(ntpath.join(folder, f"disk{drive.disk_number}.vhdx"))
    here = (
        f"{get_vm(item.vm_id)} | Get-VMHardDiskDrive -ControllerType {drive.controller_type} "
        f"-ControllerNumber {drive.controller_number} -ControllerLocation {drive.controller_location}"
    )
    return powershell(
        f"make a virtual disk of it: {get_vm(item.vm_id)} | Stop-VM; "
        f"New-VHD -Path {copy} -Dynamic -SourceDisk {drive.disk_number}; {here} | Set-VMHardDiskDrive -Path {copy}; "
        f"or take it out: {here} | Remove-VMHardDiskDrive",
        who,
    )


@requirement(
    "disk-shared-vhdx",
    "The VM shares no virtual disk with another",
    Severity.BLOCKS,
    Scope.VM,
    kinds=_KINDS,
    since="2012R2",
    read_by="Get-VMHardDiskDrive: SupportPersistentReservations, Path (.vhds)",
    mend="move it without that disk, or keep the disk where both hosts reach it",
    page=_TROUBLE + "hyper-v-virtual-machine-live-migration",
)
def disk_shared_vhdx(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the disks of {name(item.vm_name)}"
    shared = []
    for drive in known(host.of("hard_disks", item.vm_id), what):
        path = known(drive.path, what)
        if known(drive.support_persistent_reservations, what) or (path or "").casefold().endswith(".vhds"):
            shared.append(path or f"a disk at {_slot(drive)}")
    if not shared:
        return passed("none")
    return failed(
        f"{name(item.vm_name)} shares {several(shared)} with other VMs: Move-VM leaves it behind or refuses",
        wanted="disks of its own",
        remedy=by_hand(
            "take the disk out of this VM while it moves, or keep such a guest cluster on storage that both hosts "
            "reach",
            f"{hyper_v_administrator(host.name)}, with whoever owns the guest cluster",
        ),
    )


@requirement(
    "disk-leaf-name-unique",
    "No two virtual disks of the VM, its checkpoints' among them, would be written to one file",
    Severity.BLOCKS,
    Scope.VM,
    kinds=_KINDS,
    read_by="paths of all disks of the VM, under the storage that the playbook wishes",
    mend="storage.disks in the playbook for one of them",
    page=_HYPER_V + "move-vm",
)
def disk_leaf_name_unique(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    files = known(host.files(item), f"the files of {name(item.vm_name)}")
    groups = clashes(file for file in files if file.kind is FileKind.DISK)
    if not groups:
        return passed(f"{count(sum(1 for file in files if file.kind is FileKind.DISK), 'disk')}, as many names")
    group = groups[0]
    both = "both" if len(group) == 2 else "all"
    more = f"; and {len(groups) - 1} more like it" if len(groups) > 1 else ""
    return failed(
        f"{several(file.source for file in group)} of {name(item.vm_name)} would {both} become "
        f"{group[0].destination}{more}",
        wanted="a file for each",
        place=item.place,
        remedy=by_hand(
            f"with {name(item.vm_name)} shut down, rename one of the files and set its drive to it "
            "(Rename-Item, Set-VMHardDiskDrive): disks go by their file names at the destination",
            f"{OPERATOR}, and {hyper_v_administrator(host.name)}",
        ),
    )


@requirement(
    "disk-chain-parents",
    "Every file of a chain of disks belongs to a drive or a checkpoint of the VM",
    Severity.RISKS,
    Scope.VM,
    kinds=_KINDS,
    read_by="Get-VMHardDiskDrive of the VM and of its checkpoints; Get-VHD down to the last parent: ParentPath",
    mend="know what happens to the parent; Move-VM -Vhds moves it, -RemoveSourceUnmanagedVhds deletes it here",
    page=_HYPER_V + "move-vm",
)
def disk_chain_parents(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the chains of disks of {name(item.vm_name)}"
    chain = known(host.chain(item.vm_id), what)
    drives = (*known(host.of("hard_disks", item.vm_id), what), *_saved(ground))
    own = {path_key(path) for drive in drives if (path := known(drive.path, what))}
    foreign = [path for vhd in chain if path_key(path := known(vhd.path, what)) not in own]
    if not foreign:
        return passed(f"{count(len(chain), 'file')}, all its own")
    mine = item.vm_name.casefold()
    others = dict.fromkeys(other for path in foreign for other in host.standing_on(path) if other.casefold() != mine)
    does = "does" if len(others) == 1 else "do"
    shared = f"; so {does} {several(name(other) for other in others)}" if others else ""
    return failed(
        f"{name(item.vm_name)} stands on {several(foreign)}, a parent that none of its drives names{shared}",
        wanted="parents of its own, or known to be copied along",
        remedy=by_hand(
            f"it is copied with {name(item.vm_name)} and may stay behind on {host.name}: delete it there only when no "
            "VM stands on it",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "disk-checkpoints",
    "The VM has no checkpoints",
    Severity.RISKS,
    Scope.VM,
    kinds=_KINDS,
    read_by="Get-VMSnapshot",
    mend="Remove-VMSnapshot, and wait for the merge; or let them move along",
    page=_USE,
)
def disk_checkpoints(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the checkpoints of {name(item.vm_name)}"
    found = known(host.of("checkpoints", item.vm_id), what)
    if not found:
        return passed("none")
    names = listed(known(row.name, what) for row in found)
    return failed(
        f"{name(item.vm_name)} has {count(len(found), 'checkpoint')}: {names}; they move along, each a file more",
        wanted="none",
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Get-VMSnapshot | Remove-VMSnapshot",
            hyper_v_administrator(host.name),
            "when the merge is done",
        ),
    )


@requirement(
    "dvd-host-media",
    "No DVD drive of the VM holds what only the source can open",
    Severity.BLOCKS,
    Scope.VM,
    read_by="Get-VMDvdDrive: Path, DvdMediaType",
    mend="Set-VMDvdDrive -Path $null, also while the VM runs",
    page=_TROUBLE + "troubleshoot-live-migration-issues",
)
def dvd_host_media(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the DVD drives of {name(item.vm_name)}"
    held = [drive for drive in known(host.of("dvd_drives", item.vm_id), what) if known(drive.path, what)]
    if not held:
        return passed("empty")
    local = [drive for drive in held if not drive.path.startswith("\\\\")]
    shown = several(drive.path for drive in local or held)
    drive = (local or held)[0]
    at = (
        f" -ControllerNumber {drive.controller_number} -ControllerLocation {drive.controller_location}"
        if isinstance(drive.controller_number, int) and isinstance(drive.controller_location, int)
        else ""
    )
    return failed(
        f"{name(item.vm_name)} has {shown} of {host.name} in its DVD drive (0xC03A0014 at the destination)"
        if local
        else f"{name(item.vm_name)} has {shown} in its DVD drive: both hosts' computer accounts must read it",
        wanted="an empty drive, or a share that both hosts' computer accounts can read",
        severity=None if local else Severity.RISKS,
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Get-VMDvdDrive{at} | Set-VMDvdDrive -Path $null",
            hyper_v_administrator(host.name),
        ),
    )
