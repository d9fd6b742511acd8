"""Requirements of a cluster and of its nodes: the service, the quorum, the version, how many moves at once."""

from __future__ import annotations

from winmigrate.checks.cluster_index import ClusterIndex
from winmigrate.checks.finding import Remedy, Scope, Severity
from winmigrate.checks.frame import Ground, Role, Verdict, failed, known, passed, requirement, skipped, surely, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.kind_of_move import CLUSTER
from winmigrate.checks.words import administrator, by_hand, powershell, quoted, several
from winmigrate.checks.words import name as shown_name
from winmigrate.facts import Unreadable, version_of_build
from winmigrate.windows.cluster import Node

_CLUSTERS = "https://learn.microsoft.com/windows-server/failover-clustering/"
_CMDLETS = "https://learn.microsoft.com/powershell/module/failoverclusters/"
KINDS = (CLUSTER,)
#: Said where a pair is not of one cluster, by whatever depends on it.
NOT_ONE = "the two are not nodes of one cluster: see cl-same"

_NORMAL = ("Normal", "0")
_VOTING = ("Up", "Paused")


def administrator_of(cluster: ClusterIndex) -> str:
    """Who: the administrators of the cluster's nodes."""
    return f"administrator of the cluster {cluster.name}"


def cluster_of(host: HostIndex) -> ClusterIndex | None:
    """The cluster a host is a node of; None for none."""
    return known(host.its_cluster, f"the cluster of {host.name}")


def one_cluster(ground: Ground) -> ClusterIndex | None:
    """The cluster that both hosts are nodes of; None if there is no such one."""
    here, there = cluster_of(ground.source), cluster_of(ground.destination)
    return here if here is not None and there is not None and here.name == there.name else None


def node_of(host: HostIndex, cluster: ClusterIndex) -> Node | None:
    """The node that a host is."""
    return known(cluster.node(host.facts), f"the nodes of {cluster.name}")


def name_of(host: HostIndex, cluster: ClusterIndex) -> str:
    """What a host is called in its cluster."""
    node = node_of(host, cluster)
    named = Unreadable(f"{cluster.name} names no such node") if node is None else node.name
    return known(named, f"what {host.name} is called in {cluster.name}")


@requirement(
    "cl-feature",
    "Failover Clustering is installed and its service runs",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=KINDS,
    read_by="Get-WindowsFeature Failover-Clustering: InstallState; Win32_Service ClusSvc: State",
    mend="Install-WindowsFeature -Name Failover-Clustering -IncludeManagementTools; Start-ClusterNode",
    page=_CLUSTERS + "create-failover-cluster",
)
def cl_feature(ground: Ground) -> Verdict:
    host = ground.source
    what = f"the services of {host.name}"
    for service in known(host.facts.services, what):
        if known(service.name, what).casefold() == "clussvc":
            state = known(service.state, f"the state of ClusSvc on {host.name}")
            if state == "Running":
                return passed(f"the cluster service runs on {host.name}")
            node = host.facts.computer_system
            name = host.name if isinstance(node, Unreadable) or isinstance(node.name, Unreadable) else node.name
            return failed(
                f"the cluster service (ClusSvc) is {state.lower()} on {host.name}",
                wanted="running",
                remedy=powershell(f"Start-ClusterNode -Name {quoted(name)}", administrator(host.name)),
            )
    surely(host, "services", what)
    feature = f"whether {host.name} has Failover Clustering"
    installed = any(
        known(item.install_state, feature) == "Installed"
        for item in known(host.facts.features, feature)
        if known(item.name, feature).casefold() == "failover-clustering"
    )
    if installed:
        return unknown(f"Failover Clustering is installed on {host.name}, which names no service ClusSvc")
    return failed(
        f"Failover Clustering is not installed on {host.name}",
        wanted="installed, and a node of the VM's cluster",
        remedy=powershell(
            "Install-WindowsFeature -Name 'Failover-Clustering' -IncludeManagementTools, then, on a node of the "
            "cluster, Add-ClusterNode",
            administrator(host.name),
        ),
    )


@requirement(
    "cl-same",
    "Source and destination are nodes of one cluster",
    Severity.BLOCKS,
    Scope.PAIR,
    kinds=KINDS,
    may_be_accepted=False,
    read_by="Get-Cluster on both: Name",
    mend="Add-ClusterNode; or kind: shared-nothing once the role is taken out of the cluster",
    page=_CMDLETS + "move-clustervirtualmachinerole",
)
def cl_same(ground: Ground) -> Verdict:
    source, destination = ground.source, ground.destination
    here, there = cluster_of(source), cluster_of(destination)
    if here is not None and there is not None and here.name == there.name:
        return passed(f"both are nodes of {here.name}")
    shown = [
        f"{host.name} is in no cluster" if cluster is None else f"{host.name} is a node of {cluster.name}"
        for host, cluster in ((source, here), (destination, there))
    ]
    remedy: Remedy
    if here is not None and there is None:
        remedy = powershell(
            f"Add-ClusterNode -Cluster {quoted(here.name)} -Name {quoted(destination.name)}, or kind: shared-nothing "
            "in the playbook once the role is taken out of the cluster",
            administrator_of(here),
            "once the cluster is validated with it",
        )
    else:
        remedy = by_hand(
            "choose a destination in the cluster of the VM, or kind: shared-nothing once the role is taken out of it",
            "whoever writes the playbook",
        )
    return failed("; ".join(shown), wanted="nodes of one cluster", remedy=remedy)


@requirement(
    "cl-node-up",
    "The destination is up as a node, and takes roles",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=KINDS,
    role=Role.DESTINATION,
    read_by="Get-ClusterNode: State, StatusInformation, DrainStatus",
    mend="Resume-ClusterNode, Start-ClusterNode",
    page=_CMDLETS + "resume-clusternode",
)
def cl_node_up(ground: Ground) -> Verdict:
    host = ground.source
    cluster = cluster_of(host)
    if cluster is None:
        return skipped(f"{host.name} is in no cluster: see cl-same")
    node = node_of(host, cluster)
    if node is None:
        return unknown(f"the nodes that {cluster.name} names do not include {host.name}")
    what = f"the state of the node {host.name}"
    name, state = known(node.name, what), known(node.state, what)
    status = node.status_information
    # The word came with 2016; before, the state says all there is.
    said = "Normal" if status is None or (isinstance(status, Unreadable) and _is_old(host)) else known(status, what)
    if state == "Up" and said in _NORMAL:
        return passed(f"{name} is up in {cluster.name}")
    draining = "" if node.drain_status in (None, "NotInitiated") or isinstance(node.drain_status, Unreadable) else (
        f", drain: {node.drain_status}"
    )  # fmt: skip
    return failed(
        f"the node {name} of {cluster.name} is {state}{'' if said in _NORMAL else f' ({said})'}{draining}",
        wanted="up and normal",
        remedy=_raise(name, state, said, administrator_of(cluster)),
    )


def _is_old(host: HostIndex) -> bool:
    return host.facts.version in ("2012", "2012R2")


def _raise(name: str, state: str, said: str, who: str) -> Remedy:
    if "Quarantined" in said:
        return powershell(f"Start-ClusterNode -Name {quoted(name)} -ClearQuarantine", who)
    if "Isolated" in said:
        return by_hand(f"see why the other nodes do not hear {name}: its cluster networks, UDP 3343", who)
    if state == "Down":
        return powershell(f"Start-ClusterNode -Name {quoted(name)}", who)
    if state == "Joining":
        return by_hand(f"wait until {name} has joined", who)
    return powershell(f"Resume-ClusterNode -Name {quoted(name)}", who)


@requirement(
    "cl-quorum",
    "The cluster keeps its quorum when it loses one node more",
    Severity.RISKS,
    Scope.CLUSTER,
    kinds=KINDS,
    read_by="Get-ClusterQuorum; Get-ClusterNode: State, DynamicWeight; Get-ClusterResource of the witness: State",
    mend="Start-ClusterNode, Start-ClusterResource of the witness, Set-ClusterQuorum",
    page=_CLUSTERS + "manage-cluster-quorum",
)
def cl_quorum(ground: Ground) -> Verdict:
    cluster = cluster_of(ground.source)
    if cluster is None:
        return skipped("no cluster")
    what = f"the quorum of {cluster.name}"
    quorum = known(cluster.facts.quorum, what)
    nodes = known(cluster.facts.nodes, what)
    witness = known(quorum.resource, what)
    states = {known(node.name, what): known(node.state, what) for node in nodes}
    votes = {known(node.name, what): known(node.dynamic_weight, what) for node in nodes}
    voting = sum(votes[name] for name, state in states.items() if state in _VOTING)
    total = sum(votes.values())
    watched = "no witness"
    online = False
    if witness is not None:
        online = _witness_state(cluster, witness, what) == "Online"
        watched = f"the witness {shown_name(witness)} is {'online' if online else 'not online'}"
        total += 1
        voting += online
    down = [name for name, state in states.items() if state not in _VOTING]
    shown = f"{voting} of {total} votes, {watched}{f', down: {several(down)}' if down else ''}"
    most = max((votes[name] for name, state in states.items() if state in _VOTING), default=0)
    # Where no node has a vote the witness alone decides.
    if (2 * (voting - most) > total) if most else online:
        return passed(shown)
    who = administrator_of(cluster)
    if down:
        remedy = powershell(f"Start-ClusterNode -Name {quoted(down[0])}", who)
    elif witness is not None and not online:
        remedy = powershell(f"Start-ClusterResource -Name {quoted(witness)}", who)
    else:
        remedy = by_hand(
            f"give {cluster.name} a witness (Set-ClusterQuorum with a share, a disk or the cloud, or a third node)", who
        )
    return failed(f"{shown}: the loss of one node more ends {cluster.name}", wanted="a vote to spare", remedy=remedy)


def _witness_state(cluster: ClusterIndex, witness: str, what: str) -> str:
    for item in known(cluster.facts.resources, what):
        if known(item.name, what).casefold() == witness.casefold():
            return known(item.state, what)
    return known(Unreadable(f"{cluster.name} names no resource {shown_name(witness)}"), what)


@requirement(
    "cl-functional-level",
    "All nodes run one build, and the cluster's functional level is that of this build",
    Severity.INFORMS,
    Scope.CLUSTER,
    kinds=KINDS,
    since="2016",
    read_by="Get-Cluster: ClusterFunctionalLevel; Get-ClusterNode: BuildNumber",
    mend="upgrade the nodes that are left, then Update-ClusterFunctionalLevel",
    page=_CLUSTERS + "cluster-operating-system-rolling-upgrade",
)
def cl_functional_level(ground: Ground) -> Verdict:
    cluster = cluster_of(ground.source)
    if cluster is None:
        return skipped("no cluster")
    what = f"the builds of the nodes of {cluster.name}"
    builds: dict[int, list[str]] = {}
    for node in known(cluster.facts.nodes, what):
        builds.setdefault(known(node.build_number, what), []).append(known(node.name, what))
    level = _level(ground.source)
    if len(builds) > 1:
        shown = "; ".join(f"{several(names)}: build {build}" for build, names in sorted(builds.items()))
        return failed(
            f"{cluster.name} is being upgraded: {shown}; functional level {level}",
            wanted="one build on all nodes",
            remedy=powershell(
                f"upgrade {several(builds[min(builds)])}, then Update-ClusterFunctionalLevel -Cluster "
                f"{quoted(cluster.name)}; there is no way back from it",
                administrator_of(cluster),
            ),
        )
    build = next(iter(builds), 0)
    own = _LEVELS.get(version_of_build(build) or "")
    if level is None or own is None:
        return unknown(f"{cluster.name} has functional level {level}; that of build {build} is not known")
    if level >= own:
        return passed(f"build {build} on all nodes, functional level {level}")
    return failed(
        f"all nodes of {cluster.name} run build {build}, its functional level is {level} still",
        wanted=f"level {own}",
        remedy=powershell(
            f"Update-ClusterFunctionalLevel -Cluster {quoted(cluster.name)}; there is no way back from it",
            administrator_of(cluster),
        ),
    )


#: Cluster functional levels by Windows version, from the page on rolling upgrades and what Get-Cluster answers there.
_LEVELS = {"2016": 9, "2019": 10, "2022": 11, "2025": 12}


def _level(host: HostIndex) -> int | None:
    row = known(host.facts.cluster, f"the cluster of {host.name}")
    return None if row is None else known(row.functional_level, f"the functional level of the cluster of {host.name}")


@requirement(
    "slots-cluster-override",
    "The cluster allows as many live migrations at once as its nodes do",
    Severity.INFORMS,
    Scope.CLUSTER,
    kinds=KINDS,
    since="2022",
    read_by="Get-Cluster: MaximumParallelMigrations; Get-VMHost: MaximumVirtualMachineMigrations",
    mend="(Get-Cluster).MaximumParallelMigrations = N",
    page="https://learn.microsoft.com/powershell/module/hyper-v/set-vmhost",
)
def slots_cluster_override(ground: Ground) -> Verdict:
    host = ground.source
    row = known(host.facts.cluster, f"the cluster of {host.name}")
    if row is None:
        return skipped("no cluster")
    name = known(row.name, f"the cluster of {host.name}")
    limit = known(row.maximum_parallel_migrations, f"how many live migrations {name} allows at once")
    if limit is None:
        return skipped(f"{name} has no limit of its own: its nodes lack the update of 2022-09")
    own = {}
    for node in (host, ground.destination):
        what = f"how many live migrations {node.name} allows at once"
        own[node.name] = known(known(node.facts.vm_host, what).maximum_virtual_machine_migrations, what)
    shown = several(f"{node}: {number}" for node, number in own.items())
    if limit >= max(own.values()):
        return passed(f"{name} allows {limit} at once ({shown})")
    return failed(
        f"{name} allows {limit} at once, which is less than its nodes do ({shown}), and counts",
        wanted=f"{max(own.values())}, if more than {limit} at once are wanted",
        remedy=powershell(
            f"(Get-Cluster -Name {quoted(name)}).MaximumParallelMigrations = {max(own.values())}",
            f"administrator of the cluster {name}",
        ),
    )
