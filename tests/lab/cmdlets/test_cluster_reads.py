"""What the Get- cmdlets of FailoverClusters show, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Answer, Site, select
from tests.lab.cmdlets.client import ask
from tests.lab.fabric.clusters import cluster
from tests.lab.fabric.worlds import ops, world_of
from winmigrate.facts import VERSIONS, Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.lab.fabric.world import World
from winmigrate.windows.cluster import CLUSTER, TABLES

MORE = """quorum: {witness: share}
groups: {web01: {preferred: [hv02, hv01], failback: true, window: [22, 4], priority: 3000, anti_affinity: web}}
affinity: {apart: {type: DifferentNode, groups: [web01, web02]}}"""
NAMESPACE = "Microsoft.FailoverClusters.PowerShell."


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(cluster(more=MORE)) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


def rows(answer: Answer, *names: str) -> list[tuple[Any, ...]]:
    """Properties as a reader of text sees them."""
    assert (answer.state, answer.said) == ("Completed", [])
    return [tuple(plain(one.get(name)) for name in names) for one in answer.output]


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(one) for one in value]
    if getattr(value, "to_string", None) is not None:
        return value.to_string
    return getattr(value, "name", value)


# --- as the client reads them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_every_table_of_a_cluster_is_readable(version: str) -> None:
    more = MORE if at_least(version, "2022") else "\n".join(MORE.splitlines()[:2])
    with world_of(cluster(version, more)) as world:
        for host in ("hv01", "hv02"):
            site = Site(world, host)
            for table in (CLUSTER, *TABLES):
                if not table.exists(version):
                    continue
                answer = ask(site, table.statement(version))
                assert (answer.state, answer.errors) == ("Completed", []), table.name
                found = table.rows(answer.output, version, None)
                assert found, table.name
                values = [getattr(row, name) for row in found for name in row.__dataclass_fields__]
                unread = {value.reason for value in values if isinstance(value, Unreadable)}
                assert unread <= {"not on this build"}, table.name


# --- one by one ------------------------------------------------------------------------------------------------------


def test_the_cluster(site: Site) -> None:
    names = ("Name", "Domain", "ClusterFunctionalLevel", "MaximumParallelMigrations", "AdministrativeAccessPoint",
             "SetSMBBandwidthLimit", "SMBBandwidthLimitFactor")
    asked = site.run(("Get-Cluster", {}), select(*names))
    assert rows(asked, *names) == [("HVC1", "corp.example", 11, 1, "ActiveDirectoryAndDns", 1, 2500)]
    assert site.run(("Get-Cluster", {})).one.type_names[0] == f"Deserialized.{NAMESPACE}Cluster"


@pytest.mark.parametrize(("version", "level", "parallel"), [
    ("2012", None, None), ("2012R2", None, None), ("2016", 9, None), ("2019", 10, None), ("2022", 11, 1),
    ("2025", 12, 1)])
def test_the_cluster_by_version(version: str, level: int | None, parallel: int | None) -> None:
    with world_of(cluster(version)) as world:
        asked = Site(world).run(("Get-Cluster", {}), select("ClusterFunctionalLevel", "MaximumParallelMigrations"))
        assert rows(asked, "ClusterFunctionalLevel", "MaximumParallelMigrations") == [(level, parallel)]


def test_nodes_of_two_versions() -> None:
    text = cluster("2022").replace("hv02: {version: 2022}", "hv02: {version: 2019}")
    with world_of(text) as world:
        asked = Site(world).run(("Get-ClusterNode", {}))
        assert rows(asked, "Name", "Id", "State", "StatusInformation", "DrainStatus", "DynamicWeight", "NodeWeight",
                    "MajorVersion", "BuildNumber") == [
            ("HV01", "1", "Up", "Normal", "NotInitiated", 1, 1, 10, 20348),
            ("HV02", "2", "Up", "Normal", "NotInitiated", 1, 1, 10, 17763)]
        assert rows(Site(world).run(("Get-Cluster", {})), "ClusterFunctionalLevel") == [(10,)]


STATES = [
    ("hv02: Down", ("Down", "Normal", 0)), ("hv02: Paused", ("Paused", "Normal", 1)),
    ("hv02: {status: Quarantined, state: Down}", ("Down", "Quarantined", 0)),
    ("hv02: {drain: Completed}", ("Paused", "DrainCompleted", 1)), ("hv02: Joining", ("Joining", "Normal", 1)),
    ("hv02: {service: Stopped}", ("Down", "Normal", 0)), ("hv02: {status: Isolated}", ("Down", "Isolated", 0)),
]


@pytest.mark.parametrize(("nodes", "shown"), STATES)
def test_states_of_nodes(nodes: str, shown: tuple[Any, ...]) -> None:
    with world_of(cluster().replace("nodes: [hv01, hv02]", f"nodes: {{hv01: , {nodes}}}")) as world:
        asked = Site(world).run(("Get-ClusterNode", {"Name": ["hv02"]}))
        assert rows(asked, "State", "StatusInformation", "DynamicWeight") == [shown]


def test_quorum(site: Site) -> None:
    asked = site.run(("Get-ClusterQuorum", {}))
    assert rows(asked, "Cluster", "QuorumResource", "QuorumType") == [("HVC1", "File Share Witness", "Majority")]
    with world_of(cluster(more="quorum: none")) as world:
        assert rows(Site(world).run(("Get-ClusterQuorum", {})), "QuorumResource") == [(None,)]


def test_shared_volumes(site: Site) -> None:
    assert rows(site.run(("Get-ClusterSharedVolume", {})), "Name", "State", "OwnerNode") == [
        ("Cluster Disk 1", "Online", "HV01")]
    info = ("Select-Object", {"ExpandProperty": "SharedVolumeInfo", "Property": ["Name", "State"]})
    asked = site.run(("Get-ClusterSharedVolume", {}), info)
    assert rows(asked, "Name", "FriendlyVolumeName", "MaintenanceMode", "RedirectedAccess", "FaultState") == [
        ("Cluster Disk 1", "C:\\ClusterStorage\\Volume1", False, False, "NoFaults")]
    partition = site.run(("Get-ClusterSharedVolume", {}), ("Select-Object", {"ExpandProperty": "SharedVolumeInfo"}),
                         ("Select-Object", {"ExpandProperty": "Partition"})).one
    assert partition.get("Size") == 1024**4
    assert partition.get("FreeSpace") + partition.get("UsedSpace") == 1024**4
    assert partition.get("FreeSpace") == site.host.room("C:\\ClusterStorage\\Volume1")


def test_a_shared_volume_is_a_volume_of_every_node(world: World) -> None:
    for key, there in (("hv01", 1), ("hv02", 1), ("hv03", 0)):
        asked = Site(world, key).run(("Get-Volume", {}))
        shared = [one for one in asked.output if one.get("DriveLetter") is None]
        assert len(shared) == there
        assert all((one.get("FileSystem"), one.get("FileSystemLabel")) == ("CSVFS", "Volume1") for one in shared)
        assert all(one.get("SizeRemaining") < one.get("Size") == 1024**4 for one in shared)
    one = Site(world).run(("Get-Volume", {"FilePath": "C:\\ClusterStorage\\Volume1\\web01"}))
    assert rows(one, "FileSystemLabel") == [("Volume1",)]
    assert rows(Site(world).run(("Get-Volume", {"FilePath": "C:\\Windows"})), "DriveLetter") == [("C",)]


def test_how_nodes_reach_a_shared_volume() -> None:
    volume = "{size: 1 TB, nodes: {hv02: {state: BlockRedirected, reason: NoDiskConnectivity}}}"
    with world_of(cluster().replace("Volume1: 1 TB", f"Volume1: {volume}")) as world:
        asked = Site(world).run(("Get-ClusterSharedVolumeState", {}))
        names = ("Name", "Node", "StateInfo", "FileSystemRedirectedIOReason", "BlockRedirectedIOReason",
                 "VolumeFriendlyName")
        assert rows(asked, *names) == [
            ("Cluster Disk 1", "HV01", "Direct", "NotFileSystemRedirected", "NotBlockRedirected", "Volume1"),
            ("Cluster Disk 1", "HV02", "BlockRedirected", "NotFileSystemRedirected", "NoDiskConnectivity", "Volume1")]
        one = Site(world).run(("Get-ClusterSharedVolumeState", {"Node": ["hv02"]}))
        assert rows(one, "Node") == [("HV02",)]


def test_groups(site: Site) -> None:
    asked = site.run(("Get-ClusterGroup", {}))
    names = ("Name", "State", "OwnerNode", "GroupType", "StatusInformation", "AutoFailbackType",
             "FailbackWindowStart", "FailbackWindowEnd", "AntiAffinityClassNames", "Priority", "IsCoreGroup")
    never = 0xFFFFFFFF
    assert rows(asked, *names) == [
        ("Available Storage", "Offline", "HV01", "AvailableStorage", "0", 0, never, never, [], 2000, True),
        ("Cluster Group", "Online", "HV01", "Cluster", "0", 0, never, never, [], 2000, True),
        ("web01", "Online", "HV01", "VirtualMachine", "0", 1, 22, 4, ["web"], 3000, False),
        ("web02", "Online", "HV01", "VirtualMachine", "0", 0, never, never, [], 2000, False)]


def test_a_group_by_its_machine_and_by_its_node(site: Site) -> None:
    (vm,) = site.host.vm("web02")
    assert rows(site.run(("Get-ClusterGroup", {"VMId": str(vm.id)})), "Name") == [("web02",)]
    assert rows(site.run(("Get-ClusterGroup", {"Name": ["web*"]})), "Name") == [("web01",), ("web02",)]
    on = site.run(("Get-ClusterNode", {"Name": ["hv02"]}), ("Get-ClusterGroup", {}))
    assert on.output == []
    by_pipe = site.run(("Get-ClusterGroup", {"Name": ["web02"]}), ("Get-ClusterResource", {}))
    assert rows(by_pipe, "Name") == [("Virtual Machine Configuration web02",), ("Virtual Machine web02",)]


def test_states_of_groups_follow_their_machines(world: World, site: Site) -> None:
    (vm,) = site.host.vm("web01")
    seen = []
    for state in ("Running", "Saved", "Off", "Saving", "PausedCritical", "Paused"):
        vm.state = state
        group = rows(site.run(("Get-ClusterGroup", {"Name": ["web01"]})), "State")[0][0]
        of_it = ["Virtual Machine web01", "Virtual Machine Configuration web01"]
        resources = rows(site.run(("Get-ClusterResource", {"Name": of_it})), "State")
        seen.append((group, *(one[0] for one in resources)))
    assert seen == [("Online", "Online", "Online"), ("Offline", "Offline", "Online"), ("Offline", "Offline", "Online"),
                    ("Pending", "OnlinePending", "Online"), ("Failed", "Failed", "Failed"),
                    ("Online", "Online", "Online")]


def test_resources_and_their_owners(site: Site) -> None:
    asked = site.run(("Get-ClusterResource", {"Name": ["Virtual Machine web01"]}))
    assert rows(asked, "Name", "State", "OwnerGroup", "OwnerNode", "ResourceType") == [
        ("Virtual Machine web01", "Online", "web01", "HV01", "Virtual Machine")]
    possible = site.run(("Get-ClusterResource", {"Name": ["Virtual Machine *"]}), ("Get-ClusterOwnerNode", {}))
    assert rows(possible, "OwnerNodes") == [(["HV01", "HV02"],)] * len(possible.output)
    preferred = site.run(("Get-ClusterGroup", {"Name": ["web*"]}), ("Get-ClusterOwnerNode", {}))
    assert rows(preferred, "ClusterObject", "OwnerNodes") == [("web01", ["HV02", "HV01"]), ("web02", [])]
    assert rows(site.run(("Get-ClusterOwnerNode", {"Group": "web01"})), "OwnerNodes") == [(["HV02", "HV01"],)]


def test_networks(site: Site) -> None:
    asked = site.run(("Get-ClusterNetwork", {}))
    assert rows(asked, "Name", "State", "Role", "Address", "AddressMask", "Metric") == [
        ("Management", "Up", "ClusterAndClient", "10.0.0.0", "255.255.255.0", 70384),
        ("Migration", "Up", "Cluster", "10.9.0.0", "255.255.255.0", 30528)]
    ids = asked.column("Id")
    parameters = site.run(("Get-ClusterResourceType", {"Name": ["Virtual Machine"]}), (
        "Get-ClusterParameter", {"Name": ["MigrationExcludeNetworks", "MigrationNetworkOrder"]}))
    assert rows(parameters, "Name", "Value") == [("MigrationExcludeNetworks", ""), ("MigrationNetworkOrder", ids[1])]
    feet = site.run(("Get-ClusterNetworkInterface", {}))
    assert rows(feet, "Name", "Node", "Network", "State", "Address") == [
        ("HV01 - Management", "HV01", "Management", "Up", "10.0.0.11"),
        ("HV02 - Management", "HV02", "Management", "Up", "10.0.0.12"),
        ("HV01 - Migration", "HV01", "Migration", "Up", "10.9.0.11"),
        ("HV02 - Migration", "HV02", "Migration", "Up", "10.9.0.12")]


def test_affinity_rules(site: Site) -> None:
    asked = site.run(("Get-ClusterAffinityRule", {}))
    assert rows(asked, "Name", "RuleType", "Groups", "Enabled") == [("apart", "DifferentNode", ["web01", "web02"], 1)]
    none = site.run(("Get-ClusterAffinityRule", {"Name": ["together"]}))
    assert none.ids == ["CmdletizationQuery_NotFound_Name,Get-ClusterAffinityRule"]


def test_clustered_machines_say_so(site: Site) -> None:
    asked = site.run(("Get-VM", {}), select("Name", "IsClustered"))
    assert rows(asked, "Name", "IsClustered") == [("web01", True), ("web02", True), ("local01", False)]


def test_files_of_a_shared_volume_on_another_node(world: World) -> None:
    there = Site(world, "hv02")
    path = "C:\\ClusterStorage\\Volume1\\web01\\Virtual Hard Disks\\web01.vhdx"
    assert rows(there.run(("Get-Item", {"LiteralPath": [path]})), "FullName") == [(path,)]
    assert rows(there.run(("Get-VHD", {"Path": [path]})), "VhdType") == [("Dynamic",)]
    outside = Site(world, "hv03").run(("Get-Item", {"LiteralPath": [path]}))
    assert outside.ids == ["PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"]


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_host_without_the_feature_has_no_such_cmdlet(world: World) -> None:
    asked = Site(world, "hv03").run(("Get-Cluster", {}))
    assert (asked.state, asked.failed) == ("Failed", "CommandNotFoundException")


NOT_RUNNING = ("The cluster service is not running.  Make sure that the service is running on all nodes in the "
               "cluster.\r\n    There are no more endpoints available from the endpoint mapper")


@pytest.mark.parametrize(("version", "error_id", "category"), [
    ("2012", "Get-Cluster", "NotSpecified"), ("2019", "ClusterEndpointNotRegistered", "ConnectionError")])
def test_a_host_in_no_cluster(version: str, error_id: str, category: str) -> None:
    text = cluster(version).replace(f"hv03: {{version: {version}}}",
                                    f"hv03: {{version: {version}, features: {{Failover-Clustering: Installed}}}}")
    with world_of(text) as world:
        asked = Site(world, "hv03").run(("Get-Cluster", {}))
        assert asked.said == [NOT_RUNNING]
        assert asked.ids == [f"{error_id},{NAMESPACE}GetClusterCommand"]
        assert str(asked.errors[0].get("ErrorCategory_Message")).startswith(category)
        assert asked.warnings[0].startswith("If you are running Windows PowerShell remotely")


def test_a_node_whose_service_has_stopped(world: World) -> None:
    world.hosts["hv02"].services["ClusSvc"].state = "Stopped"
    for name in ("Get-Cluster", "Get-ClusterGroup", "Get-ClusterSharedVolume"):
        assert Site(world, "hv02").run((name, {})).said == [NOT_RUNNING]
    states = Site(world).run(("Get-ClusterNode", {}))
    assert rows(states, "Name", "State") == [("HV01", "Up"), ("HV02", "Down")]


@pytest.mark.parametrize(("command", "kind", "class_name"), [
    ("Get-ClusterGroup", "group", "GetGroupCommand"), ("Get-ClusterResource", "resource", "GetResourceCommand"),
    ("Get-ClusterNode", "node", "GetNodeCommand"), ("Get-ClusterNetwork", "network", "GetNetworkCommand")])
def test_names_that_nothing_has(site: Site, command: str, kind: str, class_name: str) -> None:
    asked = site.run((command, {"Name": ["nothing"]}))
    assert asked.ids == [f"ClusterObjectNotFound,{NAMESPACE}{class_name}"]
    assert f"opening cluster {kind} 'nothing'" in asked.said[0]
    assert site.run((command, {"Name": ["nothing*"]})).said == []


def test_another_cluster_by_name_wants_credentials() -> None:
    installed = "hv03: {version: 2022, features: {Failover-Clustering: Installed}}"
    with world_of(cluster().replace("hv03: {version: 2022}", installed)) as other:
        without = Site(other, "hv03").run(("Get-ClusterGroup", {"Cluster": "HVC1"}))
        assert without.said == ["You do not have administrative privileges on the cluster. Contact your network "
                                "administrator to request access.\r\n    Access is denied"]
        with_them = Site(other, "hv03", ops("credssp", host="hv03"))
        for name in ("HVC1", "hvc1.corp.example", "hv02"):
            assert len(with_them.run(("Get-ClusterGroup", {"Cluster": name})).output) == 4
            assert rows(with_them.run(("Get-Cluster", {"Name": name})), "Name") == [("HVC1",)]
        unknown = with_them.run(("Get-Cluster", {"Name": "HVC2"}))
        assert unknown.ids == [f"ClusterRpcConnection,{NAMESPACE}GetClusterCommand"]
        listed = with_them.run(("Get-Cluster", {"Domain": "corp.example"}))
        assert rows(listed, "Name") == [("HVC1",)]


def test_only_administrators_of_a_node_see_its_cluster(world: World) -> None:
    world.hosts["hv01"].hyperv_administrators.add("CORP\\guest")
    asked = Site(world, caller=ops("credssp", user="CORP\\guest")).run(("Get-Cluster", {}))
    assert "Access is denied" in asked.said[0]
