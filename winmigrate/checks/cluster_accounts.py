"""Requirements of who we are in a cluster: the session that moves its roles, and nodes that no domain vouches for."""

from __future__ import annotations

from winmigrate.checks.clusters import KINDS, administrator_of, cluster_of
from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Role, Verdict, failed, known, passed, requirement, skipped, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import OPERATOR_OF_INVENTORY, administrator, by_hand, powershell, quoted, several
from winmigrate.facts import Unreadable


@requirement(
    "cl-remote-credssp",
    "The session on the source may move roles: it is CredSSP, or of an endpoint with an account of its own there",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=KINDS,
    role=Role.SOURCE,
    may_be_accepted=False,
    read_by="auth and second_hop of the source in the inventory",
    mend="auth: credssp, or second_hop: jea:ENDPOINT",
    page="https://learn.microsoft.com/powershell/module/failoverclusters/move-clustervirtualmachinerole",
    hop="B",
)
def cl_remote_credssp(ground: Ground) -> Verdict:
    host = ground.source
    entry = ground.inventory.hosts.get(host.name)
    if entry is None:
        return unknown(f"the inventory has no entry for {host.name}, so nobody knows how it is spoken to")
    if entry.second_hop.kind == "jea":
        return passed(f"the endpoint {entry.second_hop.endpoint} of {host.name} has an account of its own there")
    if entry.auth == "credssp":
        return passed(f"sessions to {host.name} are CredSSP")
    return failed(
        f"our session on {host.name} is {entry.auth}: Move-ClusterVirtualMachineRole cannot be run remotely without "
        "CredSSP",
        wanted="auth: credssp, or second_hop: jea:ENDPOINT",
        place=str(entry.place) if entry.place.file else "",
        remedy=powershell(
            f"give {host.name} auth: credssp in the inventory and, on {host.name}: Enable-WSManCredSSP -Role Server "
            "-Force; or second_hop: jea:ENDPOINT",
            f"{OPERATOR_OF_INVENTORY}; {administrator(host.name)}",
        ),
    )


@requirement(
    "workgroup-cluster-2025",
    "Nodes without a domain are of a workgroup cluster of Windows Server 2025, with one account on all of them",
    Severity.BLOCKS,
    Scope.CLUSTER,
    kinds=KINDS,
    read_by="Win32_ComputerSystem: PartOfDomain; Get-Cluster: AdministrativeAccessPoint; whoami.exe; the inventory",
    mend="New-LocalUser with one name and password on each node; New-Cluster -AdministrativeAccessPoint DNS",
    page="https://learn.microsoft.com/windows-server/virtualization/hyper-v/manage/live-migration-workgroup-cluster",
)
def workgroup_cluster_2025(ground: Ground) -> Verdict:
    hosts = (ground.source, ground.destination)
    alone = [host for host in hosts if not _in_domain(host)]
    if not alone:
        return passed(f"{ground.source.name} and {ground.destination.name} are in a domain")
    cluster = cluster_of(ground.source)
    if cluster is None:
        return skipped("no cluster")
    names = several(host.name for host in alone)
    who = administrator_of(cluster)
    for host in hosts:
        version = known(host.facts.version, f"the Windows of {host.name}")
        if version != "2025":
            return failed(
                f"{names} are in no domain, and {host.name} runs Windows Server {version}, which has live migration "
                "in domains alone",
                wanted="Windows Server 2025 on all nodes of a workgroup cluster, or a domain",
                remedy=by_hand("join the nodes to a domain, or upgrade all of them to Windows Server 2025", who),
            )
    row = known(ground.source.facts.cluster, f"the cluster of {ground.source.name}")
    point = None if row is None else known(row.administrative_access_point, f"the access point of {cluster.name}")
    if point != "Dns":
        return failed(
            f"{names} are in no domain, and the administrative access point of {cluster.name} is {point}",
            wanted="Dns",
            remedy=powershell(
                f"New-Cluster -Name {quoted(cluster.name)} -AdministrativeAccessPoint Dns, of the same nodes",
                who,
            ),
        )
    return _one_account(hosts, ground, who)


def _in_domain(host: HostIndex) -> bool:
    what = f"the domain of {host.name}"
    member = known(known(host.facts.computer_system, what).part_of_domain, what)
    return known(Unreadable("the host does not say") if member is None else member, what)


def _one_account(hosts: tuple[HostIndex, HostIndex], ground: Ground, who: str) -> Verdict:
    """The same name on both nodes, with the password that opened both sessions."""
    users = []
    for host in hosts:
        identity = known(host.facts.identity, f"who we are on {host.name}")
        users.append(known(identity.user, f"who we are on {host.name}").rpartition("\\")[2])
    here, there = users
    source, destination = (host.name for host in hosts)
    if here.casefold() != there.casefold():
        return failed(
            f"our account is {here} on {source}, {there} on {destination}",
            wanted="one name and password on all nodes",
            remedy=powershell(
                f"on {destination}: New-LocalUser -Name {quoted(here)}, with the password that it has on {source}; "
                "Add-LocalGroupMember -SID S-1-5-32-544 -Member " + quoted(here),
                who,
            ),
        )
    entries = [ground.inventory.hosts.get(host.name) for host in hosts]
    credentials = {str(entry.credential) for entry in entries if entry is not None}
    if None in entries or len(credentials) > 1:
        return unknown(f"{here} is on both, by two credentials: whether its passwords are one nobody can read")
    return passed(f"{here} is on both nodes with one password, and {source} is in a workgroup cluster")
