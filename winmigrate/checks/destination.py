"""Requirements of the place where the VM would arrive: paths, files, names, and what Compare-VM says."""

from __future__ import annotations

import ntpath
from collections.abc import Mapping

from winmigrate.checks.finding import Resolver, Scope, Severity
from winmigrate.checks.frame import (
    Ground,
    Verdict,
    failed,
    known,
    passed,
    pending,
    requirement,
    skipped,
    surely,
)
from winmigrate.checks.words import (
    OPERATOR,
    administrator,
    by_hand,
    hyper_v_administrator,
    name,
    powershell,
    quoted,
    several,
)
from winmigrate.facts import Unreadable
from winmigrate.playbook.paths import name_in_path_fault
from winmigrate.playbook.types import StorageWish
from winmigrate.windows.migration import RUNNING_STATES
from winmigrate.windows.storage import FileItem, Volume

_HYPER_V = "https://learn.microsoft.com/powershell/module/hyper-v/"
_LOCATIONS = (
    "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/hyper-v-vm-supported-file-locations"
)
_CIM = "https://learn.microsoft.com/windows/win32/hyperv_v2/"
_KINDS = ("shared-nothing",)

_NOBODY_LOOKED = Unreadable("nobody looked there")
_FILE_SYSTEMS = frozenset({"NTFS", "REFS", "CSVFS"})


@requirement(
    "dst-path-given",
    "The playbook says where the VM's files go",
    Severity.RISKS,
    Scope.VM,
    kinds=_KINDS,
    read_by="storage of the playbook; Get-VHD for the disks, where it names them one by one",
    mend="storage: {path: 'D:\\VMs\\{vm}'}",
    page=_HYPER_V + "move-vm",
)
def dst_path_given(ground: Ground) -> Verdict:
    item = ground.candidate
    wish = item.storage
    if wish.path:
        return passed(wish.path)
    if wish == StorageWish():
        said = (
            f"the playbook gives no storage path: the files of {name(item.vm_name)} would keep the paths they have on "
            f"{item.source}"
        )
    else:
        left = [word for word in ("config", "checkpoints", "paging") if getattr(wish, word) is None]
        what = f"the disks of {name(item.vm_name)}"
        leaves = [ntpath.basename(known(vhd.path, what)) for vhd in known(ground.source.chain(item.vm_id), what)]
        left += [leaf for leaf in leaves if wish.disk_path(leaf, item.vm_name) is None]
        if not left:
            return passed("every file has its place")
        said = f"the playbook gives no place for {several(left)} of {name(item.vm_name)}"
    return failed(
        said,
        wanted="a folder for each VM",
        place=item.place,
        remedy=by_hand("in the playbook: storage: {path: 'D:\\VMs\\{vm}'}", OPERATOR),
    )


@requirement(
    "dst-path-usable",
    "The volumes for the VM's files are there, sound, and of a file system for VMs",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    kinds=_KINDS,
    read_by="Get-Volume on the destination: DriveLetter, FileSystem, HealthStatus, DriveType",
    mend="another path in the playbook, or the volume",
    page=_LOCATIONS,
)
def dst_path_usable(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    if _names_the_vm(ground):
        fault = name_in_path_fault(item.vm_name)
        if fault is not None:
            return failed(
                f"{name(item.vm_name)} cannot stand where the path has {{vm}}: {fault}",
                wanted="a path without {vm} for this VM",
                place=item.place,
                remedy=by_hand("in the playbook write a folder's name in place of {vm} for this VM", OPERATOR),
            )
    volumes = volumes_of(ground)
    what = f"the volumes of {host.name}"
    there = {(known(row.drive_letter, what) or "").upper(): row for row in known(host.facts.volumes, what)}
    letters = sorted(f"{letter}:" for letter in there if letter)
    for drive in volumes:
        found = there.get(drive.rstrip(":"))
        if found is None:
            surely(host, "volumes", what)
            return failed(
                f"{host.name} has no volume {drive}; it has {several(letters)}",
                wanted=f"{drive} on {host.name}",
                place=item.place,
                remedy=by_hand(f"choose a path on one of {several(letters)} in the playbook", OPERATOR),
            )
        unfit = _unfit(found, what)
        if unfit:
            return failed(
                f"{drive} on {host.name} {unfit}",
                wanted="a fixed, healthy volume with NTFS or ReFS",
                place=item.place,
                remedy=by_hand(
                    "choose another path in the playbook, or mend the volume", f"{OPERATOR}, {administrator(host.name)}"
                ),
            )
    return passed(f"{several(volumes)} on {host.name}")


def volumes_of(ground: Ground) -> list[str]:
    """The volumes that the candidate's files go to, ``"D:"``."""
    item = ground.candidate
    return list(known(ground.source.volumes(item), f"the files of {name(item.vm_name)}"))


def _missing_volume(ground: Ground) -> str:
    """The first volume that the destination is known not to have; empty if none."""
    rows = ground.destination.facts.volumes
    if isinstance(rows, Unreadable):
        return ""
    there = {row.drive_letter.upper() for row in rows if isinstance(row.drive_letter, str)}
    return next((drive for drive in volumes_of(ground) if drive.rstrip(":") not in there), "")


def _names_the_vm(ground: Ground) -> bool:
    wish = ground.candidate.storage
    paths = (wish.path, wish.config, wish.checkpoints, wish.paging, *wish.disks.values())
    return any("{vm}" in path for path in paths if path)


def _unfit(found: Volume, what: str) -> str:
    system = known(found.file_system, what) or "no file system"
    if system.upper() not in _FILE_SYSTEMS:
        return f"has {system}"
    kind = known(found.drive_type, what)
    if kind != "Fixed":
        return f"is no fixed volume ({kind})"
    health = known(found.health_status, what)
    return "" if health == "Healthy" else f"is not healthy ({health})"


@requirement(
    "dst-files-absent",
    "No file lies where one of the VM's would be written",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    kinds=_KINDS,
    read_by="Get-Item -LiteralPath on the destination, for the place of every file",
    mend="another path, or Remove-Item for what is proven to be left over from a failed move",
    page=_CIM + "msvm-virtualsystemmigrationsettingdata",
)
def dst_files_absent(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    files = known(ground.source.files(item), f"the files of {name(item.vm_name)}")
    places = [file.destination for file in files]
    twice = ground.claims.other(item.vm_id, host.name) if ground.claims is not None else None
    if twice is not None:
        return failed(
            f"{name(item.vm_name)} and {name(twice[1])} would both write {twice[0]} on {host.name}",
            wanted="a folder for each VM",
            place=item.place,
            remedy=by_hand("in the playbook give each its own: storage: {path: 'D:\\VMs\\{vm}'}", OPERATOR),
        )
    missing = _missing_volume(ground)
    if missing:
        return skipped(f"see dst-path-usable: {host.name} has no volume {missing}")
    looked = ground.pair.destination_files
    what = f"what lies on {host.name} where the files of {name(item.vm_name)} would go"
    there = [place for place in places if known(_there(ground, looked, place), what) is not None]
    if not there:
        return passed(f"{len(files)} places on {host.name}, all free")
    return failed(
        f"{host.name} has {several(there)} already",
        wanted="no such file",
        place=item.place,
        remedy=powershell(
            "choose another path in the playbook; or, once it is known that no VM uses it (Get-VM | "
            f"Get-VMHardDiskDrive) and nobody needs it: Remove-Item -LiteralPath {quoted(there[0])} -Confirm",
            administrator(host.name),
        ),
    )


def _there(
    ground: Ground, looked: Mapping[str, FileItem | Unreadable | None], place: str
) -> FileItem | Unreadable | None:
    """What lies at a place. Of a host that did not answer at all the reason is its own, with what it needs."""
    fact = looked.get(place, _NOBODY_LOOKED)
    volumes = ground.destination.facts.volumes
    return volumes if isinstance(fact, Unreadable) and not fact.needs and isinstance(volumes, Unreadable) else fact


@requirement(
    "vm-id-absent-destination",
    "The destination has no VM of the same Id",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    kinds=("shared-smb", "shared-nothing"),
    read_by="Get-VM on the destination: Id",
    mend="find out which of both is the living one; the other is a copy or an old import",
    page=_HYPER_V + "compare-vm",
    may_be_accepted=False,
)
def vm_id_absent_destination(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    found = known(host.vm(item.vm_id), f"the VMs of {host.name}")
    if found is None:
        return passed(f"not on {host.name}")
    state = found.state.lower() if isinstance(found.state, str) else "there"
    called = name(found.name) if isinstance(found.name, str) else "it"
    return failed(
        f"{host.name} has a VM with the Id of {name(item.vm_name)} ({item.vm_id}): {called}, {state}",
        wanted=f"on {item.source} alone",
        remedy=by_hand(
            f"find out which one is alive, on {item.source} or on {host.name}, and remove the other's registration",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "planned-vm-absent",
    "No planned VM of this Id is left on the destination",
    Severity.INFORMS,
    Scope.CANDIDATE,
    kinds=("shared-smb", "shared-nothing"),
    read_by="Msvm_PlannedComputerSystem on the destination: Name; Msvm_MigrationJob on the source",
    mend="none needed: the next Compare-VM or Move-VM of this VM replaces it",
    page=_CIM + "msvm-plannedcomputersystem",
)
def planned_vm_absent(ground: Ground) -> Verdict:
    item, source, host = ground.candidate, ground.source, ground.destination
    if not known(host.of("planned_vms", item.vm_id, key="name"), f"the planned VMs of {host.name}"):
        return passed(f"none on {host.name}")
    jobs = source.of("migration_jobs", item.vm_id, key="virtual_system_name")
    moving = not isinstance(jobs, Unreadable) and any(job.job_state in RUNNING_STATES for job in jobs)
    return failed(
        f"{host.name} has a planned VM for {name(item.vm_name)}: "
        + (f"a migration from {source.name} runs" if moving else "left by Compare-VM, or by a move that failed"),
        wanted="none",
        remedy=by_hand("wait until that migration has ended", hyper_v_administrator(host.name))
        if moving
        else powershell(
            "nothing, for the next move of this VM replaces it; or by hand: "
            f"$planned = Get-CimInstance -Namespace root/virtualization/v2 -ClassName Msvm_PlannedComputerSystem "
            f"-Filter \"Name='{item.vm_id.upper()}'\"; "
            f"Get-CimInstance -Namespace root/virtualization/v2 -ClassName Msvm_VirtualSystemManagementService | "
            "Invoke-CimMethod -MethodName DestroySystem -Arguments @{AffectedSystem=$planned}",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "compare-vm",
    "Compare-VM finds nothing against the move",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    resolvers=(Resolver.REHEARSE,),
    kinds=("shared-smb", "shared-nothing"),
    read_by="Compare-VM on the source, at rehearse: Incompatibilities",
    mend="what it names; a switch that is missing is mended on the way where the playbook maps it",
    page=_HYPER_V + "compare-vm",
    hop="C",
)
def compare_vm(ground: Ground) -> Verdict:
    item = ground.candidate
    return pending(
        Resolver.REHEARSE,
        f"the rehearsal asks Windows, and proves the delegation from {item.source} to {item.destination}",
    )
