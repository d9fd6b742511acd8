"""Cases of clusters: of nodes, of roles, of shared volumes, of networks between nodes."""

from __future__ import annotations

from tests.checks.case import Case
from tests.checks.clustered import (
    CLUSTER,
    GROUPS,
    IDS,
    INTERFACES,
    LIVE,
    MANAGEMENT,
    NETWORKS,
    NODES,
    PARAMETERS,
    PATHS,
    POSSIBLE,
    PREFERRED,
    QUORUM,
    RESOURCES,
    RULES,
    STATES,
    VOLUMES,
    added,
    but,
    entry,
    group,
    host,
    node,
    of,
    on_volume,
    refuses,
    resource,
    says,
    service,
    told,
    version,
)
from tests.checks.world import WEB, Change, World
from winmigrate.checks import Outcome, Severity
from winmigrate.inventory.types import CredentialRef, SecondHop
from winmigrate.remoting.clixml.values import EnumValue

P, F, U, S = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP

_healthy = but()


def _alone(name: str) -> Change:
    """A host without cluster service and feature."""

    def change(world: World) -> None:
        answers = world.answers[name]
        answers["Win32_Service"] = [row for row in answers["Win32_Service"] if row["Name"] != "ClusSvc"]
        answers["Get-WindowsFeature"] = [{"Name": "Hyper-V", "InstallState": "Installed"}]

    return change


def _other_cluster(world: World) -> None:
    world.answers["hv02"][CLUSTER] = [{"Name": "clu2", "Domain": "corp.example", "ClusterFunctionalLevel": 10}]


def _at(folder: str) -> Change:
    return lambda world: on_volume(world, folder)


def _unlisted(world: World) -> None:
    del world.hosts["hv01"]


def _no_role(world: World) -> None:
    world.put("hv01", "Get-VM", IsClustered=False)


def _node(index: int, state: str, **more: object) -> Change:
    return told(NODES, index, State=of("ClusterNodeState", state), **more)


def _group(**cells: object) -> Change:
    return told(GROUPS, 0, **cells)


def _csv(state: str, **reasons: EnumValue) -> Change:
    return told(STATES, 1, StateInfo=of("ClusterSharedVolumeState", state), **reasons)


def _file_system(reason: str) -> EnumValue:
    return of("ClusterSharedVolumeFileSystemRedirectedIOReasons", reason)


def _no_domain(world: World) -> None:
    for each in world.answers:
        world.put(each, "Win32_ComputerSystem", PartOfDomain=False, Domain="WORKGROUP")
        world.set(each, "whoami /user", {"User": f"{each}\\ops", "Sid": "S-1-5-21-1-2-3-1105"})


def _others_account(world: World) -> None:
    world.set("hv02", "whoami /user", {"User": "hv02\\root", "Sid": "S-1-5-21-1-2-3-1106"})


_2025 = version("2025", 12, 26100)
_2022 = version("2022", 11, 20348)
_DNS = told(CLUSTER, AdministrativeAccessPoint=of("AdminAccessPoint", "Dns"))
_RULE = {"Name": "apart", "RuleType": of("RuleType", "DifferentNode"), "Groups": ["web01", "web02"], "Enabled": 1}
_THERE = added(GROUPS, group("web02", "HV02"))
_of_class = _group(AntiAffinityClassNames=["web"])
_AWAY = of("ClusterNetworkInterfaceState", "Unreachable")

_NODES = [
    Case("cl-feature", P, _healthy, "the cluster service runs on hv02", on="hv02"),
    Case(
        "cl-feature", F, but(service("hv02", State="Stopped")), "the cluster service (ClusSvc) is stopped on hv02",
        "Start-ClusterNode -Name 'HV02'", on="hv02",
    ),
    Case(
        "cl-feature", F, but(_alone("hv02")), "Failover Clustering is not installed on hv02",
        "Install-WindowsFeature -Name 'Failover-Clustering' -IncludeManagementTools", on="hv02",
    ),
    Case("cl-feature", U, but(refuses("Win32_Service")), "the services of hv01 cannot be read", on="hv01"),
    Case("cl-feature", U, but(_alone("hv02"), refuses("Get-WindowsFeature")), "has Failover Clustering", on="hv02"),
    Case("cl-same", P, _healthy, "both are nodes of clu1"),
    Case("cl-same", P, but(service("hv02", State="Stopped")), "both are nodes of clu1"),
    Case(
        "cl-same", F, but(_alone("hv02")), "hv01 is a node of clu1; hv02 is in no cluster",
        "Add-ClusterNode -Cluster 'clu1' -Name 'hv02'",
    ),
    Case(
        "cl-same", F, but(_other_cluster), "hv01 is a node of clu1; hv02 is a node of clu2", "choose a destination",
    ),
    Case("cl-same", F, but(_alone("hv01")), "hv01 is in no cluster; hv02 is a node of clu1", "kind: shared-nothing"),
    Case("cl-same", U, but(refuses(CLUSTER)), "the cluster of hv01 cannot be read", needs="Administrators on hv01"),
    Case("cl-node-up", P, _healthy, "HV02 is up in clu1"),
    Case("cl-node-up", P, but(version("2012R2", 8, 9600)), "HV02 is up in clu1"),
    Case(
        "cl-node-up", F,
        but(_node(1, "Paused", DrainStatus=of("ClusterNodeDrainStatus", "Completed"))),
        "the node HV02 of clu1 is Paused, drain: Completed", "Resume-ClusterNode -Name 'HV02'",
    ),
    Case(
        "cl-node-up", F, but(service("hv02", State="Stopped"), _node(1, "Down")), "the node HV02 of clu1 is Down",
        "Start-ClusterNode -Name 'HV02'",
    ),
    Case(
        "cl-node-up", F,
        but(_node(1, "Down", StatusInformation=of("ClusterNodeStatusInformation", "Quarantined"))),
        "is Down (Quarantined)", "Start-ClusterNode -Name 'HV02' -ClearQuarantine",
    ),
    Case(
        "cl-node-up", F,
        but(_node(1, "Up", StatusInformation=of("ClusterNodeStatusInformation", "Isolated"))), "is Up (Isolated)",
        "UDP 3343",
    ),
    Case("cl-node-up", F, but(_node(1, "Joining")), "is Joining", "wait until HV02 has joined"),
    Case("cl-node-up", U, but(refuses(NODES)), "the nodes of clu1 cannot be read"),
    Case("cl-node-up", U, but(says(NODES, node("HV01", 1))), "do not include hv02"),
    Case("cl-node-up", U, but(told(NODES, 1, State=None)), "the state of the node hv02"),
    Case("cl-node-up", S, but(_alone("hv02")), "see cl-same"),
    Case("cl-quorum", P, _healthy, "3 of 3 votes, the witness Witness is online"),
    Case(
        "cl-quorum", F, but(_node(1, "Down", DynamicWeight=0)),
        "2 of 2 votes, the witness Witness is online, down: HV02: the loss of one node more ends clu1",
        "Start-ClusterNode -Name 'HV02'",
    ),
    Case(
        "cl-quorum", F, but(told(RESOURCES, 2, State=of("ClusterResourceState", "Failed"))),
        "2 of 3 votes, the witness Witness is not online", "Start-ClusterResource -Name 'Witness'",
    ),
    Case(
        "cl-quorum", F, but(told(QUORUM, QuorumResource=None), told(NODES, 1, DynamicWeight=0)),
        "1 of 1 votes, no witness", "give clu1 a witness",
    ),
    Case(
        "cl-quorum", P, but(told(QUORUM, QuorumResource=None), added(NODES, node("HV03", 3))),
        "3 of 3 votes, no witness",
    ),
    Case(
        "cl-quorum", P, but(told(NODES, 0, DynamicWeight=0), told(NODES, 1, DynamicWeight=0)), "1 of 1 votes",
    ),
    Case("cl-quorum", U, but(refuses(QUORUM)), "the quorum of clu1 cannot be read"),
    Case("cl-quorum", U, but(told(NODES, 0, DynamicWeight=None)), "the quorum of clu1 cannot be read"),
    Case("cl-quorum", U, but(refuses(RESOURCES)), "the quorum of clu1 cannot be read"),
    Case("cl-functional-level", P, _healthy, "build 17763 on all nodes, functional level 10"),
    Case(
        "cl-functional-level", F, but(told(NODES, 1, BuildNumber=20348)),
        "clu1 is being upgraded: HV01: build 17763; HV02: build 20348; functional level 10",
        "upgrade HV01, then Update-ClusterFunctionalLevel -Cluster 'clu1'", severity=Severity.INFORMS,
    ),
    Case(
        "cl-functional-level", F, but(told(CLUSTER, ClusterFunctionalLevel=9)),
        "all nodes of clu1 run build 17763, its functional level is 9 still", "Update-ClusterFunctionalLevel",
    ),
    Case("cl-functional-level", U, but(refuses(NODES)), "the builds of the nodes of clu1 cannot be read"),
    Case("cl-functional-level", U, but(told(CLUSTER, ClusterFunctionalLevel=None)), "has functional level None"),
    Case("cl-functional-level", S, but(version("2012R2", 8, 9600)), "not on Windows Server 2012R2"),
    Case(
        "slots-cluster-override", P, but(_2022, told(CLUSTER, MaximumParallelMigrations=4)),
        "clu1 allows 4 at once (hv01: 2, hv02: 2)",
    ),
    Case(
        "slots-cluster-override", F, but(_2022, told(CLUSTER, MaximumParallelMigrations=1)),
        "clu1 allows 1 at once, which is less than its nodes do (hv01: 2, hv02: 2)",
        "(Get-Cluster -Name 'clu1').MaximumParallelMigrations = 2",
    ),
    Case("slots-cluster-override", S, but(_2022), "lack the update of 2022-09"),
    Case("slots-cluster-override", S, _healthy, "not on Windows Server 2019"),
    Case(
        "slots-cluster-override", U,
        but(_2022, told(CLUSTER, MaximumParallelMigrations="many")), "how many live migrations clu1 allows at once",
    ),
    Case("workgroup-cluster-2025", P, _healthy, "hv01 and hv02 are in a domain"),
    Case("workgroup-cluster-2025", P, but(_2025, _DNS, _no_domain), "ops is on both nodes with one password"),
    Case(
        "workgroup-cluster-2025", F, but(_2022, _DNS, _no_domain),
        "hv01, hv02 are in no domain, and hv01 runs Windows Server 2022", "join the nodes to a domain",
    ),
    Case(
        "workgroup-cluster-2025", F, but(_2025, _no_domain),
        "the administrative access point of clu1 is ActiveDirectoryAndDns", "-AdministrativeAccessPoint Dns",
    ),
    Case(
        "workgroup-cluster-2025", F, but(_2025, _DNS, _no_domain, _others_account),
        "our account is ops on hv01, root on hv02", "New-LocalUser -Name 'ops'",
    ),
    Case(
        "workgroup-cluster-2025", U,
        but(_2025, _DNS, _no_domain, entry("hv02", credential=CredentialRef("keyring", "other"))), "by two credentials",
    ),
    Case("workgroup-cluster-2025", U, but(refuses("Win32_ComputerSystem")), "the domain of hv01 cannot be read"),
    Case("cl-remote-credssp", P, _healthy, "sessions to hv01 are CredSSP"),
    Case(
        "cl-remote-credssp", P, but(entry("hv01", auth="kerberos", second_hop=SecondHop("jea", "Moves"))),
        "the endpoint Moves of hv01",
    ),
    Case(
        "cl-remote-credssp", F, but(entry("hv01", auth="kerberos")), "our session on hv01 is kerberos",
        "Enable-WSManCredSSP -Role Server -Force", hop="B",
    ),
    Case("cl-remote-credssp", U, but(_unlisted), "the inventory has no entry for hv01"),
]

_BETWEEN = [
    Case("cl-lm-network", P, _healthy, "Live of clu1"),
    Case("cl-lm-network", P, but(told(PARAMETERS, 0, Value=None)), "Management, Live of clu1"),
    Case(
        "cl-lm-network", F, but(told(PARAMETERS, 0, Value=f"{MANAGEMENT};{LIVE.upper()}")),
        "no network is up on both HV01 and HV02 and allowed (0x000013AB): allowed: none; up but excluded from live "
        "migration: Management, Live",
        f"Set-ClusterParameter -Name MigrationExcludeNetworks -Value '{LIVE}'",
    ),
    Case(
        "cl-lm-network", F, but(told(NETWORKS, 1, State=of("ClusterNetworkState", "Partitioned"))),
        "allowed: Live is partitioned; up but excluded from live migration: Management",
        "Set-ClusterParameter -Name MigrationExcludeNetworks -Value ''",
    ),
    Case("cl-lm-network", F, but(told(INTERFACES, 3, State=_AWAY)), "allowed: Live is up", "Set-ClusterParameter"),
    Case(
        "cl-lm-network", F,
        but(told(INTERFACES, 2, State=_AWAY), told(INTERFACES, 3, State=_AWAY)), "excluded from live migration: none",
        "bring up a network between HV01 and HV02",
    ),
    Case("cl-lm-network", U, but(refuses(NETWORKS)), "the networks of clu1 cannot be read"),
    Case("cl-lm-network", U, but(refuses(PARAMETERS)), "the networks of clu1 cannot be read"),
    Case("cl-lm-network", U, but(says(PARAMETERS)), "has no MigrationExcludeNetworks"),
    Case("cl-lm-network", S, but(_alone("hv02")), "see cl-same"),
    Case("cl-port-3343", P, _healthy, "the interfaces of both nodes are up in Management, Live"),
    Case(
        "cl-port-3343", F, but(told(INTERFACES, 3, State=_AWAY)), "HV02 is unreachable in Live (cluster clu1)",
        "New-NetFirewallRule -DisplayName 'Cluster UDP 3343' -Direction Inbound -Protocol UDP -LocalPort 3343",
        severity=Severity.RISKS,
    ),
    Case(
        "cl-port-3343", P,
        but(told(INTERFACES, 3, State=_AWAY), told(NETWORKS, 1, Role=of("ClusterNetworkRole", "None"))),
        "up in Management",
    ),
    Case("cl-port-3343", U, but(refuses(INTERFACES)), "the network interfaces of clu1 cannot be read"),
    Case("cl-port-3343", U, but(says(INTERFACES)), "names no interface of both hv01 and hv02"),
    Case("cl-system-drive", P, _healthy, "C: on both"),
    Case(
        "cl-system-drive", F, but(host("hv02", "Win32_OperatingSystem", SystemDrive="D:")),
        "hv01 has Windows on C:, hv02 on D:", "install hv02 anew on C:",
    ),
    Case(
        "cl-system-drive", U, but(host("hv02", "Win32_OperatingSystem", SystemDrive=None)), "the system drive of hv02",
    ),
]

_ROLES = [
    Case("vm-clustered-for-cluster-move", P, _healthy, "web01 is a cluster role"),
    Case(
        "vm-clustered-for-cluster-move", F, but(_no_role), "web01 on hv01 is no role of clu1",
        f"Add-ClusterVirtualMachineRole -VMId {WEB} -Name 'web01'",
    ),
    Case(
        "vm-clustered-for-cluster-move", F, but(_alone("hv01"), _no_role), "hv01 is in no cluster", "kind: auto",
    ),
    Case(
        "vm-clustered-for-cluster-move", U, but(host("hv01", "Get-VM", IsClustered=None)),
        "whether web01 is a cluster role",
    ),
    Case("cl-group-settled", P, _healthy, "the group web01 is online on HV01"),
    Case(
        "cl-group-settled", F, but(_group(StatusInformation=of("ClusterApplicationStatusInformation", "Queued"))),
        "the group web01 of clu1 is Online on HV01 (Queued)", "Move-ClusterVirtualMachineRole -Name 'web01' -Cancel",
    ),
    Case(
        "cl-group-settled", F, but(_group(StatusInformation=EnumValue("Locked, Queued", 5))), "(Locked, Queued)",
        "-Cancel",
    ),
    Case(
        "cl-group-settled", F, but(_group(StatusInformation=of("ClusterApplicationStatusInformation", "Locked"))),
        "(Locked)", "wait until the backup or move",
    ),
    Case(
        "cl-group-settled", F, but(_group(State=of("ClusterGroupState", "Failed"))),
        "the group web01 of clu1 is Failed on HV01", "Start-ClusterGroup -Name 'web01'",
    ),
    Case("cl-group-settled", F, but(_group(State=of("ClusterGroupState", "Pending"))), "is Pending", "has settled"),
    Case("cl-group-settled", F, but(_group(OwnerNode="HV02")), "is owned by HV02, and not by HV01", "look again"),
    Case("cl-group-settled", S, but(_no_role), "see vm-clustered-for-cluster-move"),
    Case("cl-group-settled", U, but(refuses(GROUPS)), "the role of web01 in clu1 cannot be read"),
    Case("cl-group-settled", U, but(says(IDS)), "no resource of clu1 has its Id"),
    Case("cl-group-settled", U, but(refuses(IDS)), "the role of web01 in clu1 cannot be read"),
    Case("cl-possible-owners", P, _healthy, "HV02 is a possible owner of Virtual Machine web01"),
    Case(
        "cl-possible-owners", F, but(told(POSSIBLE, 0, OwnerNodes=["HV01"])),
        "HV02 is no possible owner (0x80071398): Virtual Machine web01: HV01",
        "Set-ClusterOwnerNode -Resource 'Virtual Machine web01' -Owners 'HV01','HV02'",
    ),
    Case(
        "cl-possible-owners", F, but(told(POSSIBLE, 1, OwnerNodes=["HV01"])),
        "Virtual Machine Configuration web01: HV01",
        "-Resource 'Virtual Machine Configuration web01'",
    ),
    Case(
        "cl-possible-owners", U, but(refuses(POSSIBLE)), "the possible owners of Virtual Machine web01 cannot be read",
    ),
    Case("cl-possible-owners", U, but(says(POSSIBLE)), "clu1 said nothing of it"),
    Case("cl-possible-owners", S, but(_alone("hv02")), "see cl-same"),
    Case("cl-failback", P, _healthy, "web01 does not go back by itself"),
    Case(
        "cl-failback", P, but(_group(AutoFailbackType=1), told(PREFERRED, 0, OwnerNodes=["HV02"])),
        "web01 prefers HV02",
    ),
    Case("cl-failback", P, but(_group(AutoFailbackType=1)), "web01 prefers no node"),
    Case(
        "cl-failback", F, but(_group(AutoFailbackType=1), told(PREFERRED, 0, OwnerNodes=["HV01", "HV02"])),
        "web01 goes back to HV01 by itself (AutoFailbackType 1; it prefers HV01, HV02)",
        "(Get-ClusterGroup -Name 'web01').AutoFailbackType = 0", severity=Severity.INFORMS,
    ),
    Case("cl-failback", U, but(_group(AutoFailbackType=None)), "the failback of web01"),
    Case("cl-failback", U, but(_group(AutoFailbackType=1), refuses(PREFERRED)), "the preferred owners of web01"),
    Case("cl-csv-online", P, _healthy, "Cluster Disk 1 (C:\\ClusterStorage\\Volume1) is online"),
    Case("cl-csv-online", P, but(_at("\\\\sofs\\vms\\web01")), "all its files are on shares"),
    Case(
        "cl-csv-online", F, but(told(VOLUMES, State=of("ClusterResourceState", "Failed"))),
        "Cluster Disk 1 (C:\\ClusterStorage\\Volume1) is Failed in clu1",
        "Start-ClusterResource -Name 'Cluster Disk 1'",
    ),
    Case(
        "cl-csv-online", F, but(_at("D:\\VMs\\web01")),
        "web01 has D:\\VMs\\web01, D:\\VMs\\web01\\web01.vhdx on no shared volume of clu1",
        "Move-VMStorage -DestinationStoragePath 'C:\\ClusterStorage\\Volume1\\web01'",
    ),
    Case(
        "cl-csv-online", F, but(_at("C:\\ClusterStorage\\Volume10\\x")), "on no shared volume of clu1",
        "Move-VMStorage",
    ),
    Case(
        "cl-csv-online", F, but(_at("D:\\VMs\\web01"), says(VOLUMES), says(PATHS)), "on no shared volume of clu1",
        "Add-ClusterSharedVolume",
    ),
    Case(
        "cl-csv-online", U, but(_at("S:\\web01"), added(RESOURCES, resource("Disk S", "web01", "Physical Disk"))),
        "whether these are on Disk S, which go with its role",
    ),
    Case("cl-csv-online", U, but(refuses(VOLUMES)), "the shared volumes of clu1 cannot be read"),
    Case("cl-csv-online", U, but(refuses(PATHS)), "the shared volumes of clu1 cannot be read"),
    Case("cl-csv-online", U, but(refuses("Get-VM | Get-VMHardDiskDrive")), "where the files of web01 are"),
    Case("cl-csv-online", U, but(refuses("Get-VHD")), "what the disks of web01 stand on cannot be read"),
    Case(
        "cl-csv-online", F, but(refuses("Get-VHD"), told(VOLUMES, State=of("ClusterResourceState", "Failed"))),
        "is Failed in clu1; web01 is on it", "Start-ClusterResource -Name 'Cluster Disk 1'",
    ),
    Case("cl-csv-direct", P, _healthy, "HV02 reaches Cluster Disk 1 directly"),
    Case(
        "cl-csv-direct", P,
        but(_csv("FileSystemRedirected", FileSystemRedirectedIOReason=_file_system("FileSystemReFs"))),
        "as their file system is meant to be",
    ),
    Case(
        "cl-csv-direct", F,
        but(_csv("FileSystemRedirected", FileSystemRedirectedIOReason=_file_system("IncompatibleFileSystemFilter"))),
        "HV02 reaches Cluster Disk 1: FileSystemRedirected (IncompatibleFileSystemFilter)", "fltmc",
        severity=Severity.RISKS,
    ),
    Case(
        "cl-csv-direct", F,
        but(_csv("FileSystemRedirected", FileSystemRedirectedIOReason=_file_system("UserRequest"))), "(UserRequest)",
        "Resume-ClusterResource -Name 'Cluster Disk 1'",
    ),
    Case(
        "cl-csv-direct", F,
        but(
            _csv(
                "BlockRedirected",
                BlockRedirectedIOReason=of("ClusterSharedVolumeBlockRedirectedIOReason", "NoDiskConnectivity"),
            )
        ),
        "BlockRedirected (NoDiskConnectivity)", "mend the path from HV02",
    ),
    Case("cl-csv-direct", F, but(_csv("BlockRedirected")), "BlockRedirected", "wait for a backup"),
    Case("cl-csv-direct", S, but(_at("\\\\sofs\\vms\\web01")), "none of its files is on a shared volume"),
    Case("cl-csv-direct", U, but(_csv("FileSystemRedirected", FileSystemRedirectedIOReason=True)),
         "how HV02 reaches the shared volumes of clu1 cannot be read"),
    Case("cl-csv-direct", U, but(refuses("Get-VHD")), "what the disks of web01 stand on cannot be read"),
    Case("cl-csv-direct", U, but(refuses(STATES)), "how HV02 reaches the shared volumes of clu1 cannot be read"),
    Case("cl-csv-direct", U, but(says(STATES)), "does not say how HV02 reaches Cluster Disk 1"),
    Case("cl-anti-affinity", P, _healthy, "nothing on HV02 is to be apart from web01"),
    Case(
        "cl-anti-affinity", F,
        but(_of_class, added(GROUPS, group("web02", "HV02", AntiAffinityClassNames=["WEB"]))),
        "web02 is of the anti-affinity class WEB, as web01 is", "choose another node of clu1",
    ),
    Case(
        "cl-anti-affinity", P,
        but(_of_class, added(GROUPS, group("web02", "HV01", AntiAffinityClassNames=["web"]))),
    ),
    Case(
        "cl-anti-affinity", F, but(_2022, _THERE, added(RULES, _RULE)), "web02 is there, which apart keeps apart",
        "choose another node",
    ),
    Case("cl-anti-affinity", P, but(_2022, _THERE, added(RULES, {**_RULE, "Enabled": 0}))),
    Case(
        "cl-anti-affinity", F,
        but(_2022, added(GROUPS, group("web02", "HV01")), added(RULES, {**_RULE, "RuleType": "SameNode"})),
        "web02 is not there, which apart keeps with it", "choose another node",
    ),
    Case(
        "cl-anti-affinity", U, but(_2022, _THERE, added(RULES, {**_RULE, "RuleType": 3})),
        "apart speaks of fault domains",
    ),
    Case("cl-anti-affinity", U, but(told(GROUPS, 1, OwnerNode=[1])), "the roles of clu1"),
    Case("cl-anti-affinity", U, but(_2022, refuses(RULES)), "the affinity rules of clu1"),
]

CASES: list[Case] = [*_NODES, *_BETWEEN, *_ROLES]
