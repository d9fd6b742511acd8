"""Requirements of what two nodes of a cluster share: networks, and the drive that Windows is on."""

from __future__ import annotations

from winmigrate.checks.cluster_index import ClusterIndex
from winmigrate.checks.clusters import KINDS, NOT_ONE, administrator_of, name_of, one_cluster
from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, unknown
from winmigrate.checks.words import administrator, by_hand, name, powershell, quoted, several
from winmigrate.facts import Unreadable
from winmigrate.windows.cluster import Network

_TROUBLES = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/troubleshoot-live-migration-issues"


@requirement(
    "cl-lm-network",
    "A cluster network that is up on both nodes is allowed for live migration",
    Severity.BLOCKS,
    Scope.PAIR,
    kinds=KINDS,
    read_by="Get-ClusterNetwork, Get-ClusterNetworkInterface: State; MigrationExcludeNetworks of Virtual Machine",
    mend="Set-ClusterParameter -Name MigrationExcludeNetworks",
    page=_TROUBLES,
)
def cl_lm_network(ground: Ground) -> Verdict:
    cluster = one_cluster(ground)
    if cluster is None:
        return skipped(NOT_ONE)
    what = f"the networks of {cluster.name}"
    excluded = _excluded(cluster, what)
    networks = known(cluster.facts.networks, what)
    allowed = [item for item in networks if known(item.id, what).lower() not in excluded]
    ends = (name_of(ground.source, cluster), name_of(ground.destination, cluster))
    up = [item for item in networks if known(item.state, what) == "Up" and _reaches(cluster, item, ends, what)]
    good = [name(known(item.name, what)) for item in up if item in allowed]
    if good:
        return passed(f"{several(good)} of {cluster.name}")
    shut = [name(known(item.name, what)) for item in up]
    shown = [f"{name(known(item.name, what))} is {known(item.state, what).lower()}" for item in allowed]
    who = administrator_of(cluster)
    if shut:
        left = ";".join(sorted(excluded - {known(up[0].id, what).lower()}))
        remedy = powershell(
            "Get-ClusterResourceType -Name 'Virtual Machine' | Set-ClusterParameter -Name MigrationExcludeNetworks "
            f"-Value {quoted(left)}",
            who,
        )
    else:
        remedy = by_hand(f"bring up a network between {ends[0]} and {ends[1]}: adapters, cables, switch ports", who)
    return failed(
        f"no network is up on both {ends[0]} and {ends[1]} and allowed (0x000013AB): allowed: "
        f"{several(shown)}; up but excluded from live migration: {several(shut)}",
        wanted="one at least",
        remedy=remedy,
    )


def _excluded(cluster: ClusterIndex, what: str) -> set[str]:
    for item in known(cluster.facts.migration_parameters, what):
        if known(item.name, what) == "MigrationExcludeNetworks":
            return {part.strip().lower() for part in (known(item.value, what) or "").split(";")} - {""}
    return known(Unreadable("the type Virtual Machine has no MigrationExcludeNetworks"), what)


def _reaches(cluster: ClusterIndex, network: Network, nodes: tuple[str, ...], what: str) -> bool:
    feet = [
        known(item.node, what).casefold()
        for item in known(cluster.facts.network_interfaces, what)
        if known(item.network, what) == known(network.name, what) and known(item.state, what) == "Up"
    ]
    return all(node.casefold() in feet for node in nodes)


@requirement(
    "cl-port-3343",
    "The nodes hear each other on every cluster network (UDP and TCP 3343)",
    Severity.RISKS,
    Scope.PAIR,
    kinds=KINDS,
    read_by="Get-ClusterNetworkInterface: State of both nodes' interfaces",
    mend="open UDP and TCP 3343 between the nodes",
    page=_TROUBLES,
)
def cl_port_3343(ground: Ground) -> Verdict:
    cluster = one_cluster(ground)
    if cluster is None:
        return skipped(NOT_ONE)
    what = f"the network interfaces of {cluster.name}"
    ends = [name_of(host, cluster) for host in (ground.source, ground.destination)]
    both = {name.casefold() for name in ends}
    roles = {known(item.name, what): known(item.role, what) for item in known(cluster.facts.networks, what)}
    feet = [
        item
        for item in known(cluster.facts.network_interfaces, what)
        if known(item.node, what).casefold() in both and roles.get(known(item.network, what)) != "None"
    ]
    if {known(item.node, what).casefold() for item in feet} != both:
        return unknown(f"{cluster.name} names no interface of both {ground.source.name} and {ground.destination.name}")
    bad = [item for item in feet if known(item.state, what) != "Up"]
    if not bad:
        networks = dict.fromkeys(name(known(item.network, what)) for item in feet)
        return passed(f"the interfaces of both nodes are up in {several(networks)}")
    shown = [f"{item.node} is {str(item.state).lower()} in {name(str(item.network))}" for item in bad]
    return failed(
        f"{several(shown)} (cluster {cluster.name})",
        wanted="up in every cluster network",
        remedy=powershell(
            f"look at the adapters and switch ports; where a firewall stands between, on {ends[0]} and {ends[1]}: "
            "New-NetFirewallRule -DisplayName 'Cluster UDP 3343' -Direction Inbound -Protocol UDP -LocalPort 3343; "
            "New-NetFirewallRule -DisplayName 'Cluster TCP 3343' -Direction Inbound -Protocol TCP -LocalPort 3343",
            f"{administrator(ends[0])} and {ends[1]}",
        ),
    )


@requirement(
    "cl-system-drive",
    "Both nodes have the same system drive",
    Severity.RISKS,
    Scope.PAIR,
    kinds=KINDS,
    read_by="Win32_OperatingSystem: SystemDrive",
    mend="install the odd node anew",
    page=_TROUBLES,
)
def cl_system_drive(ground: Ground) -> Verdict:
    here, there = (
        known(known(host.facts.operating_system, what).system_drive, what)
        for host, what in ((host, f"the system drive of {host.name}") for host in (ground.source, ground.destination))
    )
    if here.upper() == there.upper():
        return passed(f"{here.upper()} on both")
    return failed(
        f"{ground.source.name} has Windows on {here}, {ground.destination.name} on {there}: moves fail at 90 to 100 %",
        wanted="the same letter on both",
        remedy=by_hand(
            f"choose another node, or install {ground.destination.name} anew on {here}",
            administrator(ground.destination.name),
        ),
    )
