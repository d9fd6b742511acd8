"""Requirements of what a VM is set to and how it is: health, saved state, replication, processor compatibility."""

from __future__ import annotations

from winmigrate.checks.finding import Resolver, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, pending, requirement, skipped, surely
from winmigrate.checks.kind_of_move import CLUSTER
from winmigrate.checks.vms import of_candidate
from winmigrate.checks.words import by_hand, hyper_v_administrator, listed, name, powershell, quoted, several
from winmigrate.checks.words import vm as get_vm
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.windows.vm import VM, VMProcessor

_HYPER_V = "https://learn.microsoft.com/powershell/module/hyper-v/"
_SERVER = "https://learn.microsoft.com/windows-server/virtualization/hyper-v/"
_TROUBLE = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/"

#: VMOperationalStatus of a machine that is ill, and what it says.
_ILL = {
    "Degraded": "degraded",
    "PredictiveFailure": "about to fail",
    "SupportingEntityInError": "stands on something that is in error",
    "ApplicationCriticalState": "an application in it is in a critical state",
    "CommunicationTimedOut": "its guest does not answer",
    "CommunicationFailed": "its guest cannot be spoken to",
    "CriticalIoError": "cannot read or write its storage",
}
_NO_HEARTBEAT = frozenset({"NoContact", "Error", "LostCommunication", "OkApplicationsCritical"})


@requirement(
    "vm-health",
    "The VM is healthy",
    Severity.RISKS,
    Scope.VM,
    read_by="Get-VM: PrimaryOperationalStatus, SecondaryOperationalStatus, Heartbeat",
    mend="storage and guest first, then the move",
    page="https://learn.microsoft.com/windows/win32/hyperv_v2/msvm-computersystem",
)
def vm_health(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    vm = of_candidate(ground)
    what = f"the health of {name(item.vm_name)}"
    words = (known(vm.primary_operational_status, what), known(vm.secondary_operational_status, what))
    ill = [_ILL[word] for word in words if word in _ILL]
    beat = known(vm.heartbeat, what)
    if known(vm.state, what) == "Running" and beat in _NO_HEARTBEAT:
        ill.append(f"its heartbeat is {beat}")
    if not ill:
        return passed(f"{words[0] or 'no status'}, heartbeat {beat or 'not given'}")
    return failed(
        f"{name(item.vm_name)} on {host.name}: {several(dict.fromkeys(ill))}",
        wanted="Ok, with a heartbeat",
        remedy=by_hand(
            f"look at its storage (free space, paths) and into its guest, then: {get_vm(item.vm_id)}",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "vm-saved-state-compat",
    "No saved state comes along that the destination might not restore",
    Severity.RISKS,
    Scope.CANDIDATE,
    resolvers=(Resolver.SURVEY, Resolver.REHEARSE),
    read_by="Get-VM: State; Get-VMSnapshot: SnapshotType; Win32_Processor of both: Name",
    mend="start the VM, or Remove-VMSavedState; Remove-VMSnapshot for checkpoints with memory",
    page=_TROUBLE + "unable-migrate-virtual-machine-processor-not-compatible-host",
)
def vm_saved_state_compat(ground: Ground) -> Verdict:
    item, source, destination = ground.candidate, ground.source, ground.destination
    vm = of_candidate(ground)
    saved = known(vm.state, f"the state of {name(item.vm_name)}") == "Saved"
    checkpoints = known(source.of("checkpoints", item.vm_id), f"the checkpoints of {name(item.vm_name)}")
    if not saved and not checkpoints:
        return passed(f"{name(item.vm_name)} has no saved state and no checkpoint")
    models = [
        sorted({known(row.name, f"the processors of {host.name}") or "" for row in known(
            host.facts.processors, f"the processors of {host.name}")})
        for host in (source, destination)
    ]  # fmt: skip
    versions = [known(host.facts.version, f"the Windows of {host.name}") for host in (source, destination)]
    has = "is saved" if saved else f"has checkpoints ({listed(str(one.name) for one in checkpoints)})"
    if models[0] == models[1] and versions[0] == versions[1]:
        return passed(f"{name(item.vm_name)} {has}; both hosts run {versions[0]} on {several(models[0])}")
    drop = (
        f"{get_vm(item.vm_id)} | Start-VM, or at the price of what it held: {get_vm(item.vm_id)} | Remove-VMSavedState"
        if saved
        else f"{get_vm(item.vm_id)} | Get-VMSnapshot | Remove-VMSnapshot"
    )
    return failed(
        f"{name(item.vm_name)} {has}; {source.name} runs {versions[0]} on {several(models[0])}, {destination.name} "
        f"{versions[1]} on {several(models[1])}: memory that was saved there may not be restored here",
        wanted="no saved state, or the same processors and Windows",
        remedy=powershell(drop, hyper_v_administrator(source.name)),
    )


@requirement(
    "vm-integration-services",
    "The integration services of the VM that are switched on work",
    Severity.INFORMS,
    Scope.VM,
    read_by="Get-VMIntegrationService: Enabled, PrimaryStatusDescription",
    mend="update the guest, or Enable-VMIntegrationService",
    page=_TROUBLE + "troubleshoot-live-migration-guidance",
)
def vm_integration_services(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the integration services of {name(item.vm_name)}"
    if known(of_candidate(ground).state, what) != "Running":
        return skipped(f"{name(item.vm_name)} does not run: nothing in it answers")
    ill = []
    for row in known(host.of("integration_services", item.vm_id), what):
        if not known(row.enabled, what):
            continue
        status = known(row.primary_operational_status, what)
        if status not in (None, "Ok", "ProtocolMismatch"):
            ill.append(f"{known(row.name, what)} ({status})")
        elif status == "ProtocolMismatch":
            ill.append(f"{known(row.name, what)} (older than the host)")
    if not ill:
        return passed("all that are switched on answer")
    return failed(
        f"in {name(item.vm_name)} do not work: {several(ill)}",
        wanted="all that are switched on",
        remedy=by_hand(
            "update the guest (Windows Update, or its distribution's hyperv daemons), and look at its services",
            f"administrator in {name(item.vm_name)}",
        ),
    )


#: VMReplicationState that nothing is at work in.
_SETTLED = frozenset({"Disabled", "Replicating", "Suspended", "ReadyForInitialReplication"})


@requirement(
    "vm-replica-state",
    "The VM is not replicated, or its replication is at rest and healthy",
    Severity.RISKS,
    Scope.VM,
    read_by="Get-VM: ReplicationMode, ReplicationState, ReplicationHealth",
    mend="Resume-VMReplication, finish the failover; in a cluster through the Replica Broker",
    page=_HYPER_V + "get-vmreplication",
)
def vm_replica_state(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    vm = of_candidate(ground)
    what = f"the replication of {name(item.vm_name)}"
    mode = known(vm.replication_mode, what)
    if mode == "None":
        return passed(f"{name(item.vm_name)} is not replicated")
    state, health = known(vm.replication_state, what), known(vm.replication_health, what)
    who = hyper_v_administrator(host.name)
    shown = f"{name(item.vm_name)} is a {mode.lower()} of Hyper-V Replica, {state}, health {health}"
    if mode in ("Replica", "TestReplica", "ExtendedReplica"):
        return failed(
            f"{shown}: its primary sends to {host.name} and would not find it",
            wanted="a VM that others do not replicate to",
            remedy=powershell(f"{get_vm(item.vm_id)} | Remove-VMReplication; on the primary set it up anew", who),
        )
    if state not in _SETTLED or health == "Critical":
        return failed(
            shown,
            wanted="Replicating, health Normal",
            remedy=powershell(f"{get_vm(item.vm_id)} | Resume-VMReplication, and wait until it replicates", who),
        )
    if health == "Warning" or state == "ReadyForInitialReplication":
        return failed(
            shown,
            wanted="Replicating, health Normal",
            severity=Severity.INFORMS,
            remedy=powershell(f"{get_vm(item.vm_id)} | Get-VMReplication, and look why", who),
        )
    return passed(f"{shown}; the replica server must know {item.vm_name}'s new host afterwards")


def _processor(ground: Ground) -> VMProcessor:
    item = ground.candidate
    what = f"the processor settings of {name(item.vm_name)}"
    rows = known(ground.source.of("vm_processors", item.vm_id), what)
    found: VMProcessor = known(rows[0] if rows else Unreadable("the host said nothing of them"), what)
    return found


@requirement(
    "vm-nested-virtualization",
    "The VM runs no hypervisor of its own",
    Severity.RISKS,
    Scope.VM,
    since="2016",
    read_by="Get-VMProcessor: ExposeVirtualizationExtensions; Get-VM: State",
    mend="stop the VMs in it, or move it while it is off",
    page=_SERVER + "nested-virtualization",
)
def vm_nested_virtualization(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"whether {name(item.vm_name)} may run a hypervisor"
    if not known(_processor(ground).expose_virtualization_extensions, what):
        return passed("virtualization extensions are not exposed to it")
    if known(of_candidate(ground).state, what) != "Running":
        return passed("exposed to it, and it does not run")
    return failed(
        f"virtualization extensions are exposed to {name(item.vm_name)}, which runs: if a hypervisor runs in it, "
        "whether it outlives a live migration depends on both Windows",
        wanted="not exposed, or the VM off",
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Stop-VM; {get_vm(item.vm_id)} | Set-VMProcessor "
            "-ExposeVirtualizationExtensions $false",
            hyper_v_administrator(host.name),
            "after the VM was off",
        ),
    )


@requirement(
    "cpu-features",
    "The destination's processors have all that the VM was shown of the source's",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    resolvers=(Resolver.SURVEY, Resolver.REHEARSE),
    read_by="Get-VMProcessor: CompatibilityForMigrationEnabled; Win32_Processor: Manufacturer, Name; Compare-VM",
    mend="Set-VMProcessor -CompatibilityForMigrationEnabled $true, while the VM is off",
    page=_TROUBLE + "troubleshoot-live-migration-issues",
    hop="",
)
def cpu_features(ground: Ground) -> Verdict:
    item, source, destination = ground.candidate, ground.source, ground.destination
    what = f"the processor settings of {name(item.vm_name)}"
    makers = []
    for host in (source, destination):
        rows = known(host.facts.processors, f"the processors of {host.name}")
        makers.append({known(row.manufacturer, f"the processors of {host.name}") for row in rows})
    if makers[0] != makers[1]:
        return skipped("processors of different makers: see cpu-vendor")
    if known(_processor(ground).compatibility_for_migration_enabled, what):
        return passed(f"{name(item.vm_name)} is shown only what every processor of the maker has")
    models = [
        {known(row.name, f"the processors of {host.name}") for row in known(host.facts.processors, host.name)}
        for host in (source, destination)
    ]
    if models[0] == models[1]:
        return pending(Resolver.REHEARSE, f"the same processors ({several(map(str, models[0]))}); microcode may differ")
    return pending(
        Resolver.REHEARSE,
        f"{source.name} has {several(map(str, models[0]))}, {destination.name} {several(map(str, models[1]))}, and "
        f"{name(item.vm_name)} was started without processor compatibility: Compare-VM holds one against the other",
    )


@requirement(
    "cpu-compat-mode-2025",
    "Outside its cluster, a VM with processor compatibility uses the minimum feature set",
    Severity.RISKS,
    Scope.CANDIDATE,
    since="2025",
    read_by="Get-VMProcessor: CompatibilityForMigrationEnabled, CompatibilityForMigrationMode; Get-VM: Version",
    mend="Set-VMProcessor -CompatibilityForMigrationMode MinimumFeatureSet, while the VM is off",
    page=_SERVER + "manage/dynamic-processor-compatibility-mode",
)
def cpu_compat_mode_2025(ground: Ground) -> Verdict:
    item, source, destination = ground.candidate, ground.source, ground.destination
    if not at_least(known(source.facts.version, f"the Windows of {source.name}"), "2025"):
        return skipped(f"{source.name} is older than Windows Server 2025 and has no such mode")
    if ground.kind == CLUSTER:
        return skipped("within its cluster the common feature set holds")
    what = f"the processor compatibility of {name(item.vm_name)}"
    processor = _processor(ground)
    if not known(processor.compatibility_for_migration_enabled, what):
        return skipped(f"{name(item.vm_name)} has no processor compatibility switched on: see cpu-features")
    if _major(of_candidate(ground), what) < 10:
        return passed(f"{name(item.vm_name)} is older than version 10.0, which the common set came with")
    mode = known(processor.compatibility_for_migration_mode, what)
    if mode == "MinimumFeatureSet":
        return passed(f"{name(item.vm_name)} uses the minimum feature set")
    return failed(
        f"{name(item.vm_name)} uses {mode or 'the common feature set of its cluster'}, which {destination.name} need "
        "not have",
        wanted="MinimumFeatureSet for a move out of its cluster",
        # By hand, for no published page of Set-VMProcessor has the parameter; the guide to the mode has.
        remedy=by_hand(
            f"{get_vm(item.vm_id)} | Stop-VM; {get_vm(item.vm_id)} | Set-VMProcessor "
            "-CompatibilityForMigrationEnabled $true -CompatibilityForMigrationMode MinimumFeatureSet; "
            f"{get_vm(item.vm_id)} | Start-VM",
            hyper_v_administrator(source.name),
            "after the VM was off",
        ),
    )


def _major(vm: VM, what: str) -> int:
    text = known(vm.version, what).partition(".")[0]
    return int(text) if text.isdigit() else known(Unreadable(f"the host gave {text!r} as its version"), what)


@requirement(
    "vm-name-free-destination",
    "The destination has no other VM of that name",
    Severity.INFORMS,
    Scope.CANDIDATE,
    kinds=("shared-smb", "shared-nothing"),
    read_by="Get-VM on the destination: Id, Name",
    mend="Rename-VM for one of both: names are for people, and people act by them",
    page=_HYPER_V + "rename-vm",
)
def vm_name_free_destination(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    found = known(host.named(item.vm_name), f"the VMs of {host.name}")
    others = [vm for vm in found if known(vm.id, f"the VMs of {host.name}") != item.vm_id.lower()]
    surely(host, "vms", f"the VMs of {host.name}")
    if not others:
        return passed(f"no other on {host.name}")
    return failed(
        f"{host.name} has a VM called {name(item.vm_name)} already ({others[0].id})",
        wanted="another name for one of them",
        remedy=powershell(
            f"on {host.name}: {get_vm(str(others[0].id))} | Rename-VM -NewName {quoted(item.vm_name + ' (2)')}",
            hyper_v_administrator(host.name),
        ),
    )
