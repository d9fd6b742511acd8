"""The cmdlets of FailoverClusters that move and change things, through the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Answer, Site
from tests.lab.cmdlets.test_cluster_reads import NAMESPACE, rows
from tests.lab.fabric.clusters import cluster
from tests.lab.fabric.worlds import move, ops, sleep, world_of
from winmigrate.facts import VERSIONS
from winmigrate.lab.fabric.cluster_moves import cancel
from winmigrate.lab.fabric.world import World

MOVE = "Move-ClusterVirtualMachineRole"
ROLE = f"{NAMESPACE}MoveClusterVirtualMachineRoleCommand"
DENIED = ("You do not have administrative privileges on the cluster. Contact your network administrator to request "
          "access.\r\n    Access is denied")
SHOWN = ("Name", "State", "OwnerNode")


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(cluster()) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world, caller=ops("credssp"))


def places(world: World) -> dict[str, str]:
    return {vm.name: key for key, host in world.hosts.items() for vm in host.vms.values()}


def group(site: Site, name: str = "web01") -> tuple[Any, ...]:
    return rows(site.run(("Get-ClusterGroup", {"Name": [name]})), "State", "OwnerNode", "StatusInformation")[0]


# --- moving a role ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_role_is_moved_and_given(version: str) -> None:
    with world_of(cluster(version)) as world:
        site = Site(world, caller=ops("credssp"))
        asked = site.run((MOVE, {"Name": "web01", "Node": "hv02", "MigrationType": "Live"}))
        assert rows(asked, *SHOWN) == [("web01", "Online", "HV02")]
        (vm,) = world.hosts["hv02"].vm("web01")
        asked = site.run((MOVE, {"VMId": str(vm.id), "Node": "hv01"}))
        assert rows(asked, *SHOWN) == [("web01", "Online", "HV01")]


def test_by_pipe_and_without_a_node(site: Site) -> None:
    asked = site.run(("Get-ClusterGroup", {"Name": ["web*"]}), (MOVE, {}))
    assert rows(asked, *SHOWN) == [("web01", "Online", "HV02"), ("web02", "Online", "HV02")]


def test_it_cannot_be_run_remotely_without_credssp(world: World) -> None:
    asked = Site(world).run((MOVE, {"Name": "web01", "Node": "hv02"}))
    assert asked.said == [DENIED]
    assert asked.ids == [f"ClusterAccessDenied,{ROLE}"]
    assert "CredSSP" in asked.warnings[0]
    assert places(world)["web01"] == "hv01"


def test_wait_0_returns_at_once_and_the_move_goes_on(world: World, site: Site) -> None:
    asked = site.run((MOVE, {"Name": "web01", "Node": "hv02", "Wait": 0}))
    assert rows(asked, *SHOWN) == [("web01", "Pending", "HV01")]
    assert world.clock.monotonic() == 0
    second = site.run((MOVE, {"Name": "web02", "Node": "hv02", "Wait": 1}))
    assert rows(second, *SHOWN) == [("web02", "Online", "HV01")]
    assert group(site, "web02") == ("Online", "HV01", "Queued")
    sleep(world, 30)
    assert [group(site, name) for name in ("web01", "web02")] == [("Online", "HV02", "0")] * 2


def test_a_move_is_cancelled(world: World, site: Site) -> None:
    for name in ("web01", "web02"):
        site.run((MOVE, {"Name": name, "Node": "hv02", "Wait": 0}))
    for name in ("web02", "web01"):
        asked = site.run((MOVE, {"Name": name, "Cancel": True}))
        assert rows(asked, *SHOWN) == [(name, "Online", "HV01")]
    assert places(world) == {"web01": "hv01", "web02": "hv01", "local01": "hv01"}
    again = site.run((MOVE, {"Name": "web01", "Cancel": True}))
    assert again.ids == [f"{MOVE},{ROLE}"]


def test_the_mover_hears_that_its_move_was_cancelled(world: World, site: Site) -> None:
    (vm,) = world.hosts["hv01"].vm("web01")
    vm.load.dirty_rate = 4e8
    world.clock.at(2.5, lambda _at: _cancel(world))
    asked = site.run((MOVE, {"Name": "web01", "Node": "hv02"}))
    assert "The operation was canceled by the user." in asked.said[0]
    assert places(world)["web01"] == "hv01"


def _cancel(world: World) -> None:
    with world.lock:
        made = world.clusters["hvc1"]
        found = made.group("web01")
        assert found is not None
        assert cancel(world, made, found)


NOT_POSSIBLE = ("An error occurred while moving the clustered role 'web01'.\r\n    The operation failed because either "
                "the specified cluster node is not the owner of the group, or the node is not a possible owner of the "
                "group")


def refused(site: Site, **more: Any) -> Answer:
    asked = site.run((MOVE, {"Name": "web01", "Node": "hv02", **more}))
    assert asked.output == []
    assert asked.ids == [f"{MOVE},{ROLE}"]
    assert places(site.world)["web01"] == "hv01"
    return asked


def test_not_a_possible_owner(site: Site) -> None:
    for resource in ("Virtual Machine web01", "Virtual Machine Configuration web01"):
        assert site.run(("Set-ClusterOwnerNode", {"Resource": resource, "Owners": ["hv01"]})).said == []
        asked = refused(site)
        assert asked.said == [NOT_POSSIBLE]
        assert asked.errors[0].get("Exception").get("HResult") == 0x80071398 - 2**32
        site.run(("Set-ClusterOwnerNode", {"Resource": resource, "Owners": ["hv01", "hv02"]}))
    assert rows(site.run((MOVE, {"Name": "web01", "Node": "hv02"})), "OwnerNode") == [("HV02",)]


def test_no_network_for_live_migration(site: Site) -> None:
    ids = ";".join(site.run(("Get-ClusterNetwork", {})).column("Id"))
    kind = ("Get-ClusterResourceType", {"Name": ["Virtual Machine"]})
    site.run(kind, ("Set-ClusterParameter", {"Name": "MigrationExcludeNetworks", "Value": ids}))
    assert rows(site.run(kind, ("Get-ClusterParameter", {"Name": ["MigrationExcludeNetworks"]})), "Value") == [(ids,)]
    assert "(0x000013AB)" in refused(site).said[0]
    quick = site.run((MOVE, {"Name": "web01", "Node": "hv02", "MigrationType": "Quick"}))
    assert rows(quick, *SHOWN) == [("web01", "Online", "HV02")]


def test_a_node_that_is_paused_or_down(world: World, site: Site) -> None:
    site.run(("Suspend-ClusterNode", {"Name": ["hv02"]}))
    assert "The remote server has been paused" in refused(site).said[0]
    site.run(("Resume-ClusterNode", {"Name": ["hv02"]}))
    world.hosts["hv02"].services["ClusSvc"].state = "Stopped"
    assert "A cluster node is not available for this operation" in refused(site).said[0]
    assert "opening cluster node 'hv03'" in site.run((MOVE, {"Name": "web01", "Node": "hv03"})).said[0]


def test_what_vmms_refuses_comes_through(world: World, site: Site) -> None:
    world.hosts["hv02"].memory_reserved = world.hosts["hv02"].memory
    assert "(0x800705AA)" in refused(site).said[0]
    world.hosts["hv02"].migration.listening = False
    assert "(0x8007274D)" in refused(site).said[0]


def test_what_is_no_machine_or_nothing(site: Site) -> None:
    assert "is not a virtual machine" in site.run((MOVE, {"Name": "Cluster Group"})).said[0]
    assert site.run((MOVE, {})).said == ["No cluster object was specified."]
    assert site.run((MOVE, {"Name": "nothing"})).ids == [f"ClusterObjectNotFound,{ROLE}"]


def test_move_clustergroup_saves_a_machine_and_needs_no_credssp(world: World) -> None:
    asked = Site(world).run(("Move-ClusterGroup", {"Name": "web01", "Node": "hv02"}))
    assert rows(asked, *SHOWN) == [("web01", "Online", "HV02")]
    assert world.clock.monotonic() > 15
    core = Site(world).run(("Move-ClusterGroup", {"Name": "Cluster Group", "Node": "hv02"}))
    assert rows(core, *SHOWN) == [("Cluster Group", "Online", "HV02")]


# --- hosts' own moves ------------------------------------------------------------------------------------------------

OUT = {"Name": "web01", "DestinationHost": "hv03", "IncludeStorage": True, "DestinationStoragePath": "D:\\VMs\\web01"}


@pytest.mark.parametrize(("command", "class_name"), [("Move-VM", "MoveVM"), ("Compare-VM", "CompareVM")])
def test_a_clustered_machine_with_storage_is_refused(world: World, site: Site, command: str, class_name: str) -> None:
    asked = site.run((command, {**OUT, "Confirm": False} if command == "Move-VM" else OUT))
    assert asked.ids == [f"OperationFailed,Microsoft.HyperV.PowerShell.Commands.{class_name}"]
    assert "is clustered" in asked.said[0]
    assert world.hosts["hv01"].jobs == []
    assert world.hosts["hv03"].planned == {}


def test_out_of_the_cluster_role_removed_and_added_again(world: World, site: Site) -> None:
    (vm,) = world.hosts["hv01"].vm("web01")
    removed = site.run(("Get-ClusterGroup", {"VMId": str(vm.id)}),
                       ("Remove-ClusterGroup", {"RemoveResources": True, "Force": True}))
    assert (removed.output, removed.said) == ([], [])
    assert rows(site.run(("Get-VM", {"Name": ["web01"]})), "IsClustered", "State") == [(False, "Running")]
    assert "Virtual Machine web01" not in site.run(("Get-ClusterResource", {})).column("Name")
    assert site.run(("Move-VM", {**OUT, "Confirm": False})).said == []
    assert places(world)["web01"] == "hv03"
    back = {**OUT, "DestinationHost": "hv02", "DestinationStoragePath": "C:\\ClusterStorage\\Volume1\\web01",
            "Confirm": False}
    assert Site(world, "hv03", ops("credssp", host="hv03")).run(("Move-VM", back)).said == []
    added = site.run(("Add-ClusterVirtualMachineRole", {"VMName": "web01"}))
    assert rows(added, *SHOWN, "GroupType") == [("web01", "Online", "HV02", "VirtualMachine")]
    assert vm.clustered


# --- groups ----------------------------------------------------------------------------------------------------------


def test_adding_roles(world: World, site: Site) -> None:
    assert Site(world).run(("Add-ClusterVirtualMachineRole", {"VMName": "local01"})).said == [DENIED]
    added = site.run(("Add-ClusterVirtualMachineRole", {"VMName": "local01", "Name": "Role of local01"}))
    assert rows(added, "Name", "State") == [("Role of local01", "Online")]
    assert "already configured" in site.run(("Add-ClusterVirtualMachineRole", {"VMName": "local01"})).said[0]
    assert "was not found" in site.run(("Add-ClusterVirtualMachineRole", {"VMName": "nobody"})).said[0]
    kinds = site.run(("Add-ClusterGroup", {"Name": ["empty", "broker"], "GroupType": "VMReplicaBroker"}))
    assert rows(kinds, *SHOWN, "GroupType") == [("empty", "Offline", "HV01", "VMReplicaBroker"),
                                               ("broker", "Offline", "HV01", "VMReplicaBroker")]
    assert "already exists" in site.run(("Add-ClusterGroup", {"Name": ["empty"]})).said[0]


REMOVED = [
    ({"Name": ["web01"], "Force": True}, "The directory is not empty"),
    ({"Name": ["Cluster Group"], "Force": True, "RemoveResources": True}, "core resource"),
    ({"Name": ["nothing"], "Force": True}, "could not be found"),
]


@pytest.mark.parametrize(("parameters", "words"), REMOVED)
def test_groups_that_stay(site: Site, parameters: dict[str, Any], words: str) -> None:
    assert words in site.run(("Remove-ClusterGroup", parameters)).said[0]
    assert len(site.run(("Get-ClusterGroup", {})).output) == 4


def test_removing_asks_first(site: Site) -> None:
    asked = site.run(("Remove-ClusterGroup", {"Name": ["web01"], "RemoveResources": True}))
    assert (asked.state, asked.failed) == ("Failed", f"InvalidOperation,{NAMESPACE}RemoveClusterGroupCommand")
    site.run(("Remove-ClusterGroup", {"Name": ["web01"], "RemoveResources": True, "Confirm": False}))
    assert len(site.run(("Get-ClusterGroup", {})).output) == 3


def test_removing_a_resource_ends_the_role(world: World, site: Site) -> None:
    asked = site.run(("Remove-ClusterResource", {"Name": ["Virtual Machine web01"], "Force": True}))
    assert asked.said == []
    assert not world.hosts["hv01"].vm("web01")[0].clustered
    core = site.run(("Remove-ClusterResource", {"Name": ["Cluster Name"], "Force": True}))
    assert "core resource" in core.said[0]


def test_groups_start_and_stop(world: World, site: Site) -> None:
    (vm,) = world.hosts["hv01"].vm("web01")
    assert rows(site.run(("Stop-ClusterGroup", {"Name": "web01"})), "State") == [("Offline",)]
    assert (vm.state, vm.memory.assigned) == ("Saved", 0)
    assert rows(site.run(("Start-ClusterGroup", {"Name": "web01"})), "State") == [("Online",)]
    assert vm.running
    site.run(("Stop-ClusterGroup", {"Name": "web01"}))
    world.hosts["hv01"].memory_reserved = world.hosts["hv01"].memory
    assert "Insufficient system resources" in site.run(("Start-ClusterGroup", {"Name": "web01"})).said[0]


# --- nodes, volumes, parameters --------------------------------------------------------------------------------------

NODE = ("Name", "State", "DrainStatus", "StatusInformation")


def test_drain_and_failback(world: World, site: Site) -> None:
    asked = site.run(("Suspend-ClusterNode", {"Name": ["hv01"], "Drain": True}))
    assert rows(asked, *NODE) == [("HV01", "Paused", "InProgress", "DrainInProgress")]
    sleep(world, 60)
    assert rows(site.run(("Get-ClusterNode", {"Name": ["hv01"]})), *NODE) == [
        ("HV01", "Paused", "Completed", "DrainCompleted")]
    assert places(world) == {"web01": "hv02", "web02": "hv02", "local01": "hv01"}
    back = site.run(("Resume-ClusterNode", {"Name": ["hv01"], "Failback": "Immediate"}))
    assert rows(back, *NODE) == [("HV01", "Up", "NotInitiated", "Normal")]
    sleep(world, 60)
    assert set(places(world).values()) == {"hv01"}
    assert "not paused" in site.run(("Resume-ClusterNode", {"Name": ["hv01"]})).said[0]


def test_a_drain_is_waited_for(world: World, site: Site) -> None:
    asked = site.run(("Suspend-ClusterNode", {"Drain": True, "Wait": True, "TargetNode": "hv02"}))
    assert rows(asked, "Name", "DrainStatus") == [("HV01", "Completed")]
    assert world.clock.monotonic() > 10


def test_a_node_is_stopped_and_started(world: World, site: Site) -> None:
    assert Site(world).run(("Stop-ClusterNode", {"Name": ["hv01"]})).said == [DENIED]
    there = Site(world, "hv02", ops("credssp", host="hv02"))
    assert rows(there.run(("Stop-ClusterNode", {"Name": ["hv01"]})), "Name", "State") == [("HV01", "Down")]
    assert places(world) == {"web01": "hv02", "web02": "hv02", "local01": "hv01"}
    assert "quorum" in there.run(("Stop-ClusterNode", {"Name": ["hv02"]})).said[0]
    assert "not running" in site.run(("Get-Cluster", {})).said[0]
    world.clusters["hvc1"].nodes["hv01"].status.add("Quarantined")
    asked = site.run(("Start-ClusterNode", {"ClearQuarantine": True}))
    assert rows(asked, "Name", "State", "StatusInformation") == [("HV01", "Up", "Normal")]


def test_nodes_that_are_apart(world: World, site: Site) -> None:
    world.splits.add(frozenset(("hv01", "hv02")))
    assert rows(site.run(("Get-ClusterNetwork", {})), "State") == [("Partitioned",)] * 2
    assert rows(site.run(("Get-ClusterNetworkInterface", {})), "State") == [("Unreachable",)] * 4
    refused(site)


def test_a_shared_volume_gets_another_coordinator(site: Site) -> None:
    asked = site.run(("Move-ClusterSharedVolume", {"Name": "Cluster Disk 1", "Node": "hv02"}))
    assert rows(asked, "Name", "OwnerNode") == [("Cluster Disk 1", "HV02")]
    assert rows(site.run(("Move-ClusterSharedVolume", {"Name": "Cluster Disk 1"})), "OwnerNode") == [("HV01",)]


def test_preferred_owners_and_parameters_of_a_resource(site: Site) -> None:
    site.run(("Set-ClusterOwnerNode", {"Group": "web01", "Owners": ["hv02"]}))
    assert rows(site.run(("Get-ClusterOwnerNode", {"Group": "web01"})), "OwnerNodes") == [(["HV02"],)]
    assert "'hv03'" in site.run(("Set-ClusterOwnerNode", {"Group": "web01", "Owners": ["hv03"]})).said[0]
    one = ("Get-ClusterResource", {"Name": ["Virtual Machine web01"]})
    site.run(one, ("Set-ClusterParameter", {"Name": "OfflineAction", "Value": 1}))
    asked = site.run(one, ("Get-ClusterParameter", {"Name": ["OfflineAction"]}))
    assert rows(asked, "Name", "Value", "ParameterType") == [("OfflineAction", 1, "UInt32")]


def test_affinity_rules_are_made_and_removed(site: Site) -> None:
    site.run(("New-ClusterAffinityRule", {"Name": "apart", "RuleType": "DifferentNode"}))
    site.run(("Add-ClusterGroupToAffinityRule", {"Name": "apart", "Groups": ["web01", "web02"]}))
    site.run(("Set-ClusterAffinityRule", {"Name": "apart", "Enabled": 1}))
    asked = site.run(("Get-ClusterAffinityRule", {}))
    assert rows(asked, "Name", "RuleType", "Groups", "Enabled") == [("apart", "DifferentNode", ["web01", "web02"], 1)]
    site.run(("Remove-ClusterAffinityRule", {"Name": "apart", "Confirm": False}))
    assert site.run(("Get-ClusterAffinityRule", {})).output == []


def test_a_move_of_a_host_outside_leaves_the_cluster_alone(world: World) -> None:
    """Move-VM of a machine that is no role, from a node: as between any two hosts."""
    job = move(world, "local01", "hv03", caller=ops("credssp"))
    sleep(world, 300)
    assert job.failure is None
    assert places(world)["local01"] == "hv03"
