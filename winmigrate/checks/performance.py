"""Requirements of how memory travels: the performance option, RDMA, limits of bandwidth."""

from __future__ import annotations

from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, surely
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import administrator, by_hand, hyper_v_administrator, powershell, quoted, several, size

_SET_UP = (
    "https://learn.microsoft.com/windows-server/virtualization/hyper-v/deploy/"
    "set-up-hosts-for-live-migration-without-failover-clustering"
)


def option_of(host: HostIndex) -> str:
    """TCPIP, Compression or SMB; Windows Server 2012 knows TCP alone."""
    if host.facts.version == "2012":
        return "TCPIP"
    what = f"the performance option of {host.name}"
    return known(known(host.facts.vm_host, what).virtual_machine_migration_performance_option, what)


@requirement(
    "perf-option-equal",
    "Both hosts have the same performance option",
    Severity.INFORMS,
    Scope.PAIR,
    since="2012R2",
    read_by="Get-VMHost: VirtualMachineMigrationPerformanceOption",
    mend="Set-VMHost -VirtualMachineMigrationPerformanceOption",
    page="https://learn.microsoft.com/powershell/module/hyper-v/set-vmhost",
)
def perf_option_equal(ground: Ground) -> Verdict:
    source, destination = ground.source, ground.destination
    here, there = option_of(source), option_of(destination)
    if here == there:
        return passed(f"{here} on both")
    lost = ": memory goes over TCP" if "SMB" in (here, there) else ""
    wanted, host = (here, destination) if destination.facts.version != "2012" else (there, source)
    return failed(
        f"{source.name} has {here}, {destination.name} has {there}{lost}",
        wanted="the same on both",
        remedy=powershell(
            f"on {host.name}: Set-VMHost -VirtualMachineMigrationPerformanceOption {wanted}",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "perf-rdma",
    "Where memory goes over SMB, an interface has RDMA",
    Severity.INFORMS,
    Scope.HOST,
    since="2012R2",
    read_by="Get-SmbClientNetworkInterface: RdmaCapable; Get-VMHost: VirtualMachineMigrationPerformanceOption",
    mend="Enable-NetAdapterRdma on the adapter that migrations use; or the option Compression",
    page=_SET_UP,
)
def perf_rdma(ground: Ground) -> Verdict:
    host = ground.source
    option = option_of(host)
    if option != "SMB":
        return skipped(f"memory of {host.name} does not go over SMB ({option})")
    what = f"the SMB interfaces of {host.name}"
    rows = known(host.facts.smb_interfaces, what)
    able = [row for row in rows if known(row.rdma_capable, what)]
    if able:
        return passed(f"{several(str(row.friendly_name) for row in able)} of {host.name}"
                      " has RDMA")  # fmt: skip
    surely(host, "smb_interfaces", what)
    names = [row.friendly_name for row in rows if isinstance(row.friendly_name, str)]
    wanted = "RDMA on the interface that migrations use, or the option Compression"
    if not names:
        return failed(
            f"{host.name} has no interface for SMB",
            wanted=wanted,
            remedy=by_hand("give it a network for SMB", administrator(host.name)),
        )
    return failed(
        f"memory of {host.name} goes over SMB; none of {several(names)} has RDMA",
        wanted=wanted,
        remedy=powershell(
            f"Enable-NetAdapterRdma -Name {quoted(names[0])}, or where no adapter can: "
            "Set-VMHost -VirtualMachineMigrationPerformanceOption Compression",
            administrator(host.name),
        ),
    )




@requirement(
    "smb-bandwidth-cap",
    "No limit of SMB bandwidth holds live migrations back unnoticed",
    Severity.INFORMS,
    Scope.HOST,
    since="2012R2",
    read_by="Get-SmbBandwidthLimit -Category LiveMigration: BytesPerSecond",
    mend="Remove-SmbBandwidthLimit -Category LiveMigration, or Set-SmbBandwidthLimit with more",
    page="https://learn.microsoft.com/windows-server/failover-clustering/configure-live-migration-smb-bandwidth",
)
def smb_bandwidth_cap(ground: Ground) -> Verdict:
    host = ground.source
    option = option_of(host)
    if option != "SMB":
        return skipped(f"memory of {host.name} does not go over SMB ({option})")
    what = f"the limits of SMB bandwidth on {host.name}"
    limits = [known(row.bytes_per_second, what) for row in known(host.facts.smb_limits, what)]
    if not limits:
        surely(host, "smb_limits", what)
        return passed(f"{host.name} limits no live migration")
    return failed(
        f"{host.name} limits live migrations over SMB to {size(min(limits))}/s",
        wanted="no limit, or one that is meant",
        remedy=powershell("Remove-SmbBandwidthLimit -Category LiveMigration", administrator(host.name)),
    )
