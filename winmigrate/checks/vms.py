"""Requirements of the VM as such: that it is there, what it does at the moment, what it is."""

from __future__ import annotations

from winmigrate.checks.finding import Remedy, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, surely
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import (
    administrator,
    by_hand,
    hyper_v_administrator,
    name,
    powershell,
    quoted,
    several,
)
from winmigrate.checks.words import (
    vm as get_vm,
)
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.windows.migration import RUNNING_STATES
from winmigrate.windows.vm import VM

_DOCS = "https://learn.microsoft.com/windows-server/virtualization/hyper-v/"
_UPGRADE = _DOCS + "deploy/upgrade-virtual-machine-version-in-hyper-v-on-windows-or-windows-server"

#: VMOperationalStatus -> what the VM is at. Names, not numbers: one number in Hyper-V is a typing error of its own.
BUSY = {
    "CreatingSnapshot": "a checkpoint is being made",
    "ApplyingSnapshot": "a checkpoint is being applied",
    "DeletingSnapshot": "a checkpoint is being deleted",
    "MergingDisks": "disks are being merged",
    "ExportingVirtualMachine": "it is being exported",
    "MigratingVirtualMachine": "it is being migrated",
    "BackingUpVirtualMachine": "it is being backed up",
    "ModifyingUpVirtualMachine": "its settings are being changed",
    "StorageMigrationPhaseOne": "its storage is being moved",
    "StorageMigrationPhaseTwo": "its storage is being moved",
    "MigratingPlannedVm": "it is being migrated",
    "CheckingCompatibility": "its compatibility is being checked",
    "WaitingToStart": "it waits to start",
}
_BETWEEN = frozenset(
    {"Starting", "Stopping", "Saving", "Pausing", "Resuming", "Reset", "ForceShutdown", "ForceReboot",
     "ComponentServicing", "FastSaving"}
)  # fmt: skip


def of_candidate(ground: Ground) -> VM:
    """The VM; what is asked of one that is gone is not known, and vm-exists-unique says that it is."""
    item = ground.candidate
    what = f"{name(item.vm_name)} on {ground.source.name}"
    found = known(ground.source.vm(item.vm_id), what)
    return known(Unreadable("it is no longer there") if found is None else found, what)


@requirement(
    "vm-exists-unique",
    "The source has the VM, and no other of its name",
    Severity.BLOCKS,
    Scope.VM,
    read_by="Get-VM on the source: Id, Name",
    mend="Rename-VM for one of two; a VM is moved by its Id",
    page="https://learn.microsoft.com/powershell/module/hyper-v/get-vm",
    may_be_accepted=False,
)
def vm_exists_unique(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    found = known(host.vm(item.vm_id), f"the VMs of {host.name}")
    if found is None:
        return failed(
            f"{host.name} no longer has {name(item.vm_name)} ({item.vm_id})",
            wanted=f"on {host.name}, as when the hosts were asked who is there",
            place=item.place,
            remedy=by_hand("look where it went, then check again", hyper_v_administrator(host.name)),
        )
    namesakes = known(host.named(item.vm_name), f"the VMs of {host.name}")
    others = [str(vm.id) for vm in namesakes if vm.id != item.vm_id.lower()]
    surely(host, "vms", f"the VMs of {host.name}")
    if not others:
        return passed(f"one on {host.name}")
    return failed(
        f"{host.name} has {len(others) + 1} VMs called {name(item.vm_name)}: {item.vm_id} is meant, "
        f"{several(others)} is not",
        wanted="one name, one VM: whoever acts by name acts on all of them",
        severity=Severity.RISKS,
        remedy=powershell(
            f"{get_vm(others[0])} | Rename-VM -NewName {quoted(item.vm_name + ' (2)')}",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "vm-state",
    "The VM runs",
    Severity.RISKS,
    Scope.VM,
    read_by="Get-VM: State",
    mend="Start-VM or Resume-VM, or a move without a live phase",
    page="https://learn.microsoft.com/powershell/module/hyper-v/move-vm",
)
def vm_state(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    state = known(of_candidate(ground).state, f"the state of {name(item.vm_name)}")
    who = hyper_v_administrator(host.name)
    if state == "Running":
        return passed("running")
    if state.endswith("Critical"):
        return failed(
            f"{name(item.vm_name)} is {state} on {host.name}: Hyper-V has lost part of it",
            wanted="running",
            severity=Severity.BLOCKS,
            remedy=by_hand(f"see that its storage is there, then look at it on {host.name} again", who),
        )
    if state in _BETWEEN:
        return failed(
            f"{name(item.vm_name)} is {state.lower()} on {host.name}",
            wanted="running, off or saved",
            severity=Severity.BLOCKS,
            remedy=by_hand("wait until it has come to rest, then check again", who),
        )
    mend = {"Off": "Start-VM", "Saved": "Start-VM", "Paused": "Resume-VM"}.get(state)
    return failed(
        f"{name(item.vm_name)} is {state.lower()} on {host.name}: it would move without a live phase",
        wanted="running",
        remedy=powershell(f"{get_vm(item.vm_id)} | {mend}", who) if mend else by_hand("start it", who),
    )


@requirement(
    "vm-not-busy",
    "Nothing else is at work on the VM: no backup, merge, checkpoint, export or migration",
    Severity.BLOCKS,
    Scope.VM,
    read_by="Get-VM: PrimaryOperationalStatus, SecondaryOperationalStatus; Msvm_MigrationJob on the source",
    mend="wait; where a backup hangs, restart its agent, then vmms",
    page="https://learn.microsoft.com/troubleshoot/windows-server/virtualization/hyper-v-virtual-machine-live-migration",
)
def vm_not_busy(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    vm = of_candidate(ground)
    what = f"what {name(item.vm_name)} is at"
    statuses = [known(vm.primary_operational_status, what), known(vm.secondary_operational_status, what)]
    doing = next((BUSY[status] for status in statuses if status in BUSY), "")
    # What ends by itself is waited for when the move's turn comes; a migration that runs is somebody's.
    weight = Severity.RISKS if doing else None
    jobs = known(host.of("migration_jobs", item.vm_id, key="virtual_system_name"), f"the migrations of {host.name}")
    for job in jobs:
        if known(job.job_state, f"the migrations of {host.name}") in RUNNING_STATES:
            doing, weight = f"a migration runs, at {known(job.percent_complete, what)} %", None
    if not doing:
        return passed("at rest")
    return failed(
        f"{name(item.vm_name)} on {host.name}: {doing}" + (", and is waited for" if weight else ""),
        wanted="nothing",
        severity=weight,
        remedy=by_hand(
            "wait until it is done, then check again; a backup that hangs: restart its agent, then vmms",
            administrator(host.name),
        ),
    )


@requirement(
    "vm-config-version",
    "The destination runs VMs of this configuration version",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    since="2012R2",
    read_by="Get-VM: Version; Get-VMHostSupportedVersion on the destination (before 2016: 5.0 alone)",
    mend="another destination, or for a version too old: Stop-VM, Update-VMVersion (no way back)",
    page=_UPGRADE,
)
def vm_config_version(ground: Ground) -> Verdict:
    item, source, destination = ground.candidate, ground.source, ground.destination
    if source.facts.version == "2012":
        return skipped("VMs of Windows Server 2012 have no version to read")
    version = known(of_candidate(ground).version, f"the configuration version of {name(item.vm_name)}")
    there = _supported(destination)
    if version in there:
        return passed(f"{destination.name} runs version {version}")
    surely(destination, "supported_versions", f"which configuration versions {destination.name} runs")
    newest = max(there, key=_number, default="")
    return failed(
        f"{name(item.vm_name)} has configuration version {version}; {destination.name} runs {several(there)}",
        wanted=f"one that {destination.name} runs",
        remedy=_mend_version(item.vm_id, version, newest, source, destination),
    )


def _supported(host: HostIndex) -> list[str]:
    what = f"which configuration versions {host.name} runs"
    if host.facts.version == "2012R2":
        return ["5.0"]
    if host.facts.version == "2012":
        return []
    return [known(row.version, what) for row in known(host.facts.supported_versions, what)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _mend_version(vm_id: str, version: str, newest: str, source: HostIndex, destination: HostIndex) -> Remedy:
    too_old = bool(newest) and _number(version) < _number(newest)
    here = source.facts.version
    if too_old and (isinstance(here, Unreadable) or at_least(here, "2016")):
        return powershell(
            f"{get_vm(vm_id)} | Stop-VM -Passthru | Update-VMVersion",
            f"{hyper_v_administrator(source.name)}, with a down-time",
            "at once, and with no way back",
        )
    return by_hand(
        f"choose a destination with a newer Windows, or upgrade {destination.name}", administrator(destination.name)
    )


@requirement(
    "vm-clustered-for-host-move",
    "The VM is no cluster role",
    Severity.BLOCKS,
    Scope.VM,
    kinds=("shared-nothing",),
    read_by="Get-VM: IsClustered",
    mend="Remove-ClusterGroup -RemoveResources before, Add-ClusterVirtualMachineRole after",
    page="https://learn.microsoft.com/powershell/module/hyper-v/move-vm",
)
def vm_clustered_for_host_move(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    if not known(of_candidate(ground).is_clustered, f"whether {name(item.vm_name)} is a cluster role"):
        return passed("no cluster role")
    return failed(
        f"{name(item.vm_name)} is a cluster role on {host.name}: Move-VM refuses to take its storage along",
        wanted="none while it moves with its storage",
        remedy=powershell(
            f"Get-ClusterGroup -VMId {item.vm_id} | Remove-ClusterGroup -RemoveResources -Force",
            f"administrator of the cluster of {host.name}",
            "at once: nothing restarts the VM elsewhere until it is a role again (Add-ClusterVirtualMachineRole)",
        ),
    )


@requirement(
    "dev-dda",
    "No device of the host is given to the VM",
    Severity.BLOCKS,
    Scope.VM,
    since="2016",
    read_by="Get-VMAssignableDevice",
    mend="Stop-VM, Remove-VMAssignableDevice; given again after the move",
    page=_DOCS + "deploy/use-gpu-with-clustered-vm",
)
def dev_dda(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the devices given to {name(item.vm_name)}"
    devices = known(host.of("assignable_devices", item.vm_id), what)
    if not devices:
        return passed("none")
    shown = [str(known(device.name, what) or known(device.instance_id, what)) for device in devices]
    return failed(
        f"{name(item.vm_name)} has a device of {host.name}: {several(shown)}",
        wanted="none",
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Stop-VM; {get_vm(item.vm_id)} | Get-VMAssignableDevice | "
            "Remove-VMAssignableDevice",
            f"{hyper_v_administrator(host.name)}, with a down-time",
        ),
    )
