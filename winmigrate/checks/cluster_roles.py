"""Requirements of a VM as a role of its cluster: its group, and who may own it."""

from __future__ import annotations

from winmigrate.checks.cluster_index import OF_MACHINES, ClusterIndex, Role, among
from winmigrate.checks.clusters import KINDS, NOT_ONE, administrator_of, cluster_of, name_of, one_cluster
from winmigrate.checks.finding import Remedy, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped
from winmigrate.checks.words import by_hand, name, powershell, quoted, several
from winmigrate.facts import Unreadable

_CMDLETS = "https://learn.microsoft.com/powershell/module/failoverclusters/"
_TROUBLES = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/troubleshoot-live-migration-issues"
#: Said of a VM that is none, by whatever depends on it.
NO_ROLE = "no cluster role: see vm-clustered-for-cluster-move"


def is_role(ground: Ground) -> bool:
    """Is the VM a cluster role?"""
    item = ground.candidate
    what = f"whether {name(item.vm_name)} is a cluster role"
    machine = known(ground.source.vm(item.vm_id), what)
    gone = Unreadable(f"{ground.source.name} no longer has it")
    return known(known(gone if machine is None else machine, what).is_clustered, what)


def role_of(ground: Ground, cluster: ClusterIndex) -> Role:
    """The VM as a role of its cluster."""
    item = ground.candidate
    found = cluster.role(item.vm_id)
    nobody = Unreadable(f"no resource of {cluster.name} has its Id")
    return known(nobody if found is None else found, f"the role of {name(item.vm_name)} in {cluster.name}")


@requirement(
    "vm-clustered-for-cluster-move",
    "The VM is a role of the cluster",
    Severity.BLOCKS,
    Scope.VM,
    kinds=KINDS,
    read_by="Get-VM: IsClustered",
    mend="Add-ClusterVirtualMachineRole -VMId",
    page=_CMDLETS + "add-clustervirtualmachinerole",
)
def vm_clustered_for_cluster_move(ground: Ground) -> Verdict:
    item = ground.candidate
    if is_role(ground):
        return passed(f"{name(item.vm_name)} is a cluster role")
    cluster = cluster_of(ground.source)
    if cluster is None:
        return failed(
            f"{name(item.vm_name)} is no cluster role, and {ground.source.name} is in no cluster",
            wanted="a cluster role",
            remedy=by_hand("kind: auto or shared-nothing in the playbook", "whoever writes the playbook"),
        )
    return failed(
        f"{name(item.vm_name)} on {ground.source.name} is no role of {cluster.name}",
        wanted="a cluster role",
        remedy=powershell(
            f"Add-ClusterVirtualMachineRole -VMId {item.vm_id} -Name {quoted(item.vm_name)}, or kind: auto in the "
            "playbook",
            administrator_of(cluster),
        ),
    )


@requirement(
    "cl-group-settled",
    "The VM's group is online on the source, and neither locked nor queued for a move",
    Severity.BLOCKS,
    Scope.VM,
    kinds=KINDS,
    read_by="Get-ClusterGroup: State, StatusInformation, OwnerNode",
    mend="Start-ClusterGroup; Move-ClusterVirtualMachineRole -Cancel; wait",
    page=_CMDLETS + "move-clustervirtualmachinerole",
)
def cl_group_settled(ground: Ground) -> Verdict:
    item, cluster = ground.candidate, cluster_of(ground.source)
    if cluster is None or not is_role(ground):
        return skipped(NO_ROLE)
    role = role_of(ground, cluster)
    what = f"the group {name(role.name)} of {cluster.name}"
    state, status = known(role.group.state, what), known(role.group.status_information, what)
    said = "" if status in (None, "0", "None") else str(status)
    node, owner = name_of(ground.source, cluster), known(role.group.owner_node, what)
    asleep = state == "Offline" and item.state in ("Off", "Saved")
    if owner is not None and owner.casefold() != node.casefold():
        return failed(
            f"the group {name(role.name)} of {cluster.name} is owned by {owner}, and not by {node}",
            wanted=f"owned by {node}",
            remedy=by_hand(
                f"look again: it may have been moved just now (choose it from {owner})", "whoever runs this"
            ),
        )
    if (state == "Online" or asleep) and not said:
        return passed(f"the group {name(role.name)} is {state.lower()} on {node}")
    return failed(
        f"the group {name(role.name)} of {cluster.name} is {state} on {node}{f' ({said})' if said else ''}",
        wanted="online, with nothing under way",
        remedy=_settle(role, state, said, administrator_of(cluster)),
    )


def _settle(role: Role, state: str, said: str, who: str) -> Remedy:
    if "Queued" in said or "WaitingInQueueForMove" in said:
        return powershell(f"Move-ClusterVirtualMachineRole -Name {quoted(role.name)} -Cancel", who)
    if "Locked" in said:
        return by_hand(f"wait until the backup or move that holds {name(role.name)} has ended", who)
    if state in ("Offline", "Failed", "PartialOnline"):
        return powershell(f"Start-ClusterGroup -Name {quoted(role.name)}", who)
    return by_hand(f"wait until {name(role.name)} has settled", who)


@requirement(
    "cl-possible-owners",
    "The destination is a possible owner of the VM's resource and of its configuration's",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    kinds=KINDS,
    read_by="Get-ClusterResource | Get-ClusterOwnerNode: OwnerNodes",
    mend="Set-ClusterOwnerNode -Resource -Owners",
    page=_TROUBLES,
)
def cl_possible_owners(ground: Ground) -> Verdict:
    cluster = one_cluster(ground)
    if cluster is None:
        return skipped(NOT_ONE)
    if not is_role(ground):
        return skipped(NO_ROLE)
    role, node = role_of(ground, cluster), name_of(ground.destination, cluster)
    resources = role.names(*OF_MACHINES)
    owners: dict[str, tuple[str, ...]] = {}
    for resource in resources:
        found = cluster.possible_owners(resource)
        nobody = Unreadable(f"{cluster.name} said nothing of it")
        owners[resource] = known(nobody if found is None else found, f"the possible owners of {name(resource)}")
    without = [resource for resource in resources if not among(node, owners[resource])]
    if not without:
        return passed(f"{node} is a possible owner of {several(map(name, resources))}")
    shown = "; ".join(f"{name(resource)}: {several(owners[resource])}" for resource in without)
    mend = "; ".join(
        f"Set-ClusterOwnerNode -Resource {quoted(resource)} -Owners "
        f"{','.join(quoted(each) for each in (*owners[resource], node))}"
        for resource in without
    )
    return failed(
        f"{node} is no possible owner (0x80071398): {shown}",
        wanted=f"{node} among the owners of both",
        remedy=powershell(mend, administrator_of(cluster)),
    )


@requirement(
    "cl-failback",
    "Nothing moves the VM back by itself",
    Severity.INFORMS,
    Scope.CANDIDATE,
    kinds=KINDS,
    read_by="Get-ClusterGroup: AutoFailbackType; Get-ClusterGroup | Get-ClusterOwnerNode: OwnerNodes",
    mend="(Get-ClusterGroup -Name NAME).AutoFailbackType = 0",
    page=_CMDLETS + "get-clusterownernode",
)
def cl_failback(ground: Ground) -> Verdict:
    cluster = one_cluster(ground)
    if cluster is None:
        return skipped(NOT_ONE)
    if not is_role(ground):
        return skipped(NO_ROLE)
    role, node = role_of(ground, cluster), name_of(ground.destination, cluster)
    if known(role.group.auto_failback_type, f"the failback of {name(role.name)}") == 0:
        return passed(f"{name(role.name)} does not go back by itself")
    found = cluster.preferred_owners(role.name)
    nobody = Unreadable(f"{cluster.name} said nothing of it")
    preferred = known(nobody if found is None else found, f"the preferred owners of {name(role.name)}")
    if not preferred or preferred[0].casefold() == node.casefold():
        return passed(f"{name(role.name)} prefers {preferred[0] if preferred else 'no node'}")
    return failed(
        f"{name(role.name)} goes back to {preferred[0]} by itself (AutoFailbackType 1; it prefers "
        f"{several(preferred)})",
        wanted=f"no failback, or {node} the first that it prefers",
        remedy=powershell(
            f"(Get-ClusterGroup -Name {quoted(role.name)}).AutoFailbackType = 0", administrator_of(cluster)
        ),
    )
