"""Requirements of capacity: memory, processors, disk space, slots. One VM at a time; placement sums up."""

from __future__ import annotations

from collections.abc import Iterable

from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, surely
from winmigrate.checks.reserves import disk_kept, memory_kept
from winmigrate.checks.vms import of_candidate
from winmigrate.checks.words import (
    OPERATOR,
    OPERATOR_OF_INVENTORY,
    by_hand,
    count,
    hyper_v_administrator,
    name,
    powershell,
    size,
)
from winmigrate.checks.words import (
    vm as get_vm,
)
from winmigrate.windows.migration import RUNNING_STATES, MigrationJob

_DOCS = "https://learn.microsoft.com/"
_TROUBLE = _DOCS + "troubleshoot/windows-server/virtualization/troubleshoot-live-migration-issues"
_SERVICE = _DOCS + "windows/win32/hyperv_v2/msvm-virtualsystemmigrationservice"
_KIB = 1024

#: Msvm_MigrationJob.JobType: 305 a VM, 306 a VM with its storage, 307 storage alone; others validate, and hold no slot.
_LIVE = frozenset({305, 306})
_STORAGE = frozenset({306, 307})


@requirement(
    "mem-free",
    "The destination has the VM's memory free, and its reserve beyond",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    read_by="Get-VM: MemoryAssigned; Win32_OperatingSystem on the destination: FreePhysicalMemory, "
    "TotalVisibleMemorySize",
    mend="stop or move other VMs there, another destination, or a smaller reserve in the inventory",
    page=_TROUBLE,
    may_be_accepted=False,
)
def mem_free(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    needed = known(of_candidate(ground).memory_assigned, f"the memory of {name(item.vm_name)}")
    what = f"the free memory of {host.name}"
    system = known(host.facts.operating_system, what)
    free = known(system.free_physical_memory, what) * _KIB
    kept = memory_kept(ground.inventory, host.name, known(system.total_visible_memory_size, what) * _KIB)
    if free - needed >= kept:
        return passed(f"{size(needed)} of the {size(free)} free on {host.name}; {size(kept)} are to stay free")
    return failed(
        f"{name(item.vm_name)} has {size(needed)} of memory; {host.name} has {size(free)} free, of which {size(kept)} "
        "are to stay free",
        wanted=f"{size(needed + kept)} free on {host.name}",
        remedy=by_hand(
            f"free {size(needed + kept - free)} of memory on {host.name} (stop or move VMs there), or choose another "
            "destination",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "vcpu-limit",
    "The VM has no more virtual processors than the destination has logical ones",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    read_by="Get-VM: ProcessorCount; Get-VMHost on the destination: LogicalProcessorCount",
    mend="Stop-VM, Set-VMProcessor -Count",
    page=_DOCS + "powershell/module/hyper-v/set-vmprocessor",
)
def vcpu_limit(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    wanted = known(of_candidate(ground).processor_count, f"the processors of {name(item.vm_name)}")
    what = f"the logical processors of {host.name}"
    there = known(known(host.facts.vm_host, what).logical_processor_count, what)
    if wanted <= there:
        return passed(f"{wanted} of {there} on {host.name}")
    return failed(
        f"{name(item.vm_name)} has {count(wanted, 'virtual processor')}; {host.name} has {there} logical ones",
        wanted=f"at most {there}",
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Stop-VM; {get_vm(item.vm_id)} | Set-VMProcessor -Count {there}",
            f"{hyper_v_administrator(item.source)}, with a down-time",
        ),
    )


@requirement(
    "disk-free",
    "Each volume has room for the VM's files and its saved state, and its reserve beyond",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    kinds=("shared-nothing",),
    read_by="Get-VHD: FileSize; Get-VM: MemoryAssigned; Get-Volume on the destination: SizeRemaining, Size",
    mend="another path, free space, or a smaller reserve in the inventory; nothing is put on the system volume",
    page=_DOCS + "windows-server/virtualization/hyper-v/best-practices-analyzer/"
    "ensure-sufficient-physical-disk-space-is-available-when-virtual-machines-use-dynamically",
    may_be_accepted=False,
)
def disk_free(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    needed = known(ground.source.needs(item), f"the files of {name(item.vm_name)}")
    what = f"the volumes of {host.name}"
    system = known(known(host.facts.operating_system, what).system_drive, f"the system volume of {host.name}").upper()
    there = {(known(row.drive_letter, what) or "").upper(): row for row in known(host.facts.volumes, what)}
    said = []
    for drive, amount in needed.items():
        if drive == system:
            return failed(
                f"{drive} is the system volume of {host.name}: nothing is put there",
                wanted="another volume",
                place=item.place,
                remedy=by_hand("choose a path on another volume in the playbook", OPERATOR),
            )
        row = there.get(drive.rstrip(":"))
        if row is None:
            surely(host, "volumes", what)
            return skipped(f"see dst-path-usable: {host.name} has no volume {drive}")
        free, total = known(row.size_remaining, what), known(row.size, what)
        kept = disk_kept(ground.inventory, host.name, drive.rstrip(":"), total)
        if free - amount < kept:
            return failed(
                f"{name(item.vm_name)} needs {size(amount)} on {drive}; {host.name} has {size(free)} free there, of "
                f"which {size(kept)} are to stay free",
                wanted=f"{size(amount + kept)} free on {drive}",
                place=item.place,
                remedy=by_hand(
                    f"free {size(amount + kept - free)} on {drive} of {host.name}, or choose another path in the "
                    "playbook",
                    f"{OPERATOR}, {hyper_v_administrator(host.name)}",
                ),
            )
        said.append(f"{size(amount)} of the {size(free)} free on {drive}")
    return passed(", ".join(said) or "nothing to store")


@requirement(
    "slots-live",
    "A live migration more may run now",
    Severity.BLOCKS,
    Scope.HOST,
    read_by="Get-VMHost: MaximumVirtualMachineMigrations; Msvm_MigrationJob: JobState, JobType",
    mend="Set-VMHost -MaximumVirtualMachineMigrations; what is taken now is waited for",
    page=_SERVICE,
)
def slots_live(ground: Ground) -> Verdict:
    host = ground.source
    what = f"how many live migrations {host.name} allows"
    limit = known(known(host.facts.vm_host, what).maximum_virtual_machine_migrations, what)
    return _slots(ground, limit, "live migration", "live", "MaximumVirtualMachineMigrations", _LIVE)


@requirement(
    "slots-storage",
    "A storage migration more may run now",
    Severity.RISKS,
    Scope.HOST,
    kinds=("shared-nothing",),
    read_by="Get-VMHost: MaximumStorageMigrations; Msvm_MigrationJob: JobState, JobType",
    mend="Set-VMHost -MaximumStorageMigrations; what is taken now is waited for",
    page=_SERVICE,
)
def slots_storage(ground: Ground) -> Verdict:
    host = ground.source
    what = f"how many storage migrations {host.name} allows"
    limit = known(known(host.facts.vm_host, what).maximum_storage_migrations, what)
    return _slots(ground, limit, "storage migration", "storage", "MaximumStorageMigrations", _STORAGE)


def _slots(ground: Ground, limit: int, thing: str, kind: str, setting: str, types: frozenset[int]) -> Verdict:
    host = ground.source
    if limit == 0:
        return failed(
            f"{host.name} allows no {thing} at all",
            wanted="one at least",
            severity=Severity.BLOCKS,
            remedy=powershell(f"Set-VMHost -{setting} 2", hyper_v_administrator(host.name)),
        )
    taken = _running(known(host.facts.migration_jobs, f"the migrations of {host.name}"), types, host.name)
    surely(host, "migration_jobs", f"the migrations of {host.name}")
    if taken >= limit:
        return failed(
            f"{taken} of {count(limit, thing)} run on {host.name} now",
            wanted="one less: a move waits for it",
            severity=Severity.INFORMS,
            remedy=by_hand("nothing: a slot is waited for", hyper_v_administrator(host.name)),
        )
    asked, file, place = _asked(ground, kind)
    if asked > limit:
        return failed(
            f"the {file} asks for {count(asked, thing)} at once on {host.name}, which allows {limit}",
            wanted=f"at most {limit}",
            severity=Severity.INFORMS,
            place=place,
            remedy=powershell(
                f"Set-VMHost -{setting} {asked}, or limits: {{{kind}: {limit}}} in the {file}",
                f"{hyper_v_administrator(host.name)}, or {OPERATOR_OF_INVENTORY if place else OPERATOR}",
            ),
        )
    return passed(f"{taken} of {limit} taken on {host.name}")


def _asked(ground: Ground, kind: str) -> tuple[int, str, str]:
    """The moves at once that are asked for, by which file, and where; the inventory's word goes before."""
    entry = ground.inventory.hosts.get(ground.source.name)
    mine: int | None = getattr(entry.limits, kind) if entry is not None else None
    if entry is not None and mine is not None:
        return mine, "inventory", str(entry.place)
    whole: int | None = getattr(ground.playbook.limits, kind)
    return whole or 0, "playbook", ""


def _running(jobs: Iterable[MigrationJob], types: frozenset[int], host: str) -> int:
    what = f"the migrations of {host}"
    found = 0
    for job in jobs:
        kind = known(job.job_type, what)
        found += known(job.job_state, what) in RUNNING_STATES and (kind is None or kind in types)
    return found
