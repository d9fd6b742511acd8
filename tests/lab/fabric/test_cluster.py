"""Clusters of a fabric file, and what they do: storage of all nodes, moves and their queue, failover, drain, quorum."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.fabric.clusters import cluster
from tests.lab.fabric.worlds import run, settings, sleep, vm_of, world_of
from winmigrate.errors import InputFaults
from winmigrate.lab.fabric import cluster_life, cluster_moves, outage, troubles
from winmigrate.lab.fabric.cluster import Cluster, Group, remove_role
from winmigrate.lab.fabric.cluster_moves import Operation
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.identity import Logon
from winmigrate.lab.fabric.loading import make_world, read_fabric
from winmigrate.lab.fabric.migration import start_migration
from winmigrate.lab.fabric.snapshot import snapshot
from winmigrate.lab.fabric.world import GIB, World

OPS = Logon("CORP\\ops", "credssp", True, "hv01")
FROM_HV03 = Logon("CORP\\ops", "credssp", True, "hv03")


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(cluster()) as made:
        yield made


def its(world: World) -> Cluster:
    return world.clusters["hvc1"]


def group(world: World, name: str = "web01") -> Group:
    found = its(world).group(name)
    assert found is not None
    return found


def start(world: World, name: str = "web01", to: str | None = "hv02", kind: str | None = None) -> Operation:
    with world.lock:
        return cluster_moves.start(world, its(world), group(world, name), to, kind, OPS.user)


def wait(world: World, *operations: Operation) -> None:
    with world.clock.parked():
        world.clock.wait(None, lambda: all(one.ended for one in operations))


def places(world: World) -> dict[str, str]:
    return {vm.name: key for key, host in world.hosts.items() for vm in host.vms.values()}


# --- the file --------------------------------------------------------------------------------------------------------


def test_a_cluster_of_defaults(world: World) -> None:
    made = its(world)
    assert [one.name for one in made.groups] == ["Cluster Group", "Available Storage", "web01", "web02"]
    assert [one.name for one in made.resources if one.group == "web02"] == [
        "Virtual Machine web02", "Virtual Machine Configuration web02"]
    assert (made.name, made.level, made.access_point, made.witness) == ("HVC1", 11, "ActiveDirectoryAndDns",
                                                                       "Cluster Disk Witness")
    assert made.votes(world) == (3, 3)
    assert [vm_of(world, name).clustered for name in ("web01", "web02", "local01")] == [True, True, False]
    assert vm_of(world, "web01").config_path == "C:\\ClusterStorage\\Volume1\\web01"
    for key in ("hv01", "hv02"):
        assert world.hosts[key].features["Failover-Clustering"].install_state == "Installed"
        assert world.hosts[key].services["ClusSvc"].state == "Running"
    assert "ClusSvc" not in world.hosts["hv03"].services


def test_files_of_a_shared_volume_are_there_once_and_seen_by_every_node(world: World) -> None:
    path = "c:\\clusterstorage\\VOLUME1\\web02\\web02.vhdx"
    one, two, outside = (world.hosts[key] for key in ("hv01", "hv02", "hv03"))
    assert one.files.get(path) is two.files.get(path) is not None
    assert outside.files.get(path) is None
    assert one.files.is_folder("C:\\ClusterStorage\\Volume1\\web02")
    assert two.files.is_folder("C:\\ClusterStorage")
    assert one.free("C") == outside.free("C")
    room = one.room("C:\\ClusterStorage\\Volume1\\x")
    assert room == two.room(path) == 1024 * GIB - its(world).volumes[0].space.files.total() < 1010 * GIB
    shown = snapshot(world)
    paths = [file["path"] for host in shown["hosts"].values() for file in host["files"]]
    assert not [path for path in paths if "ClusterStorage" in path]
    assert len(shown["clusters"]["hvc1"]["volumes"][0]["files"]) == 8


@pytest.mark.parametrize(("more", "where", "words"), [
    ("groups: {web9: {}}", "20:20", 'no machine "web9"'),
    ("groups: {web01: {owner: hv02}}", "20:29", "stands on hv01"),
    ("groups: {web01: {possible: hv3}}", "20:32", "no node of this cluster"),
    ("groups: {web01: {preferred: [hv02], prority: 1}}", "20:41", 'did you mean "priority"'),
    ("affinity: {apart: [web01, web9]}", "20:23", 'no group "web9"'),
    ("quorum: {witness: disc}", "20:23", "disk"),
    ("address: {}", "20:14", "address"),
    ("parallel_migrations: 0", "20:26", "1"),
])
def test_faults_of_a_cluster_in_their_place(more: str, where: str, words: str) -> None:
    with pytest.raises(InputFaults) as caught:
        make_world(read_fabric(cluster(more=more), "f.yml")).clock.close()
    line = len(cluster().splitlines()) + 1
    said = str(caught.value)
    assert said.startswith(f"f.yml:{line}:{where.partition(':')[2]}: "), said
    assert words in said


@pytest.mark.parametrize(("old", "new", "words"), [
    ("nodes: [hv01, hv02]", "nodes: [hv01, hv2]", 'did you mean "hv02"'),
    ("nodes: [hv01, hv02]", "nodes: {hv01: Upp}", 'did you mean "Up"'),
    ("csv: {Volume1: 1 TB}", "csv: {Volume1: {size: 1 TB, owner: hv03}}", "no node of this cluster"),
    ("csv: {Volume1: 1 TB}", "csv: {Volume1: 5 GB}", "is full with the files on it"),
    ("Management: 10.0.0.0/24", "Management: ten", "is no subnet"),
    ("clusters:\n", "clusters:\n  other: {nodes: [hv02]}\n", "is a node of other already"),
])
def test_faults_of_nodes_and_volumes(old: str, new: str, words: str) -> None:
    text = cluster().replace(old, new)
    assert text != cluster()
    with pytest.raises(InputFaults, match=r"f.yml:\d+:\d+: ") as caught:
        make_world(read_fabric(text, "f.yml")).clock.close()
    assert words in str(caught.value)


def test_a_machine_on_shared_storage_may_be_no_role() -> None:
    text = cluster().replace("web02: {memory", "web02: {clustered: false, memory")
    with world_of(text) as world:
        assert its(world).group("web02") is None
        assert not vm_of(world, "web02").clustered


# --- moves -----------------------------------------------------------------------------------------------------------


def test_a_live_migration_leaves_the_files_where_they_are(world: World) -> None:
    vm = vm_of(world, "web01")
    before = {entry.path for entry in its(world).volumes[0].space.files}
    operation = start(world)
    assert its(world).group_state(world, group(world)) == "Pending"
    wait(world, operation)
    assert operation.failure is None
    assert world.hosts["hv02"].vms[vm.id] is vm
    assert vm.running
    assert its(world).owner(world, group(world)) == "hv02"
    assert its(world).group_state(world, group(world)) == "Online"
    assert {entry.path for entry in its(world).volumes[0].space.files} == before
    (job,) = world.hosts["hv01"].jobs
    assert (job.type, job.state, job.percent) == (305, 7, 100)


def test_no_delegation_is_asked_for(world: World) -> None:
    world.domain.delegation.clear()
    operation = start(world)
    wait(world, operation)
    assert operation.failure is None


@pytest.mark.parametrize(("kind", "least", "most"), [
    ("Live", 3, 12), ("Quick", 15, 40), ("TurnOff", 3, 6), ("Shutdown", 30, 40), ("ShutdownForce", 15, 25)])
def test_ways_of_moving(world: World, kind: str, least: float, most: float) -> None:
    vm = vm_of(world, "web01")
    wait(world, start(world, kind=kind))
    assert least < world.clock.monotonic() < most
    assert world.hosts["hv02"].vms[vm.id] is vm
    assert vm.running
    assert world.hosts["hv02"].memory_free() < world.hosts["hv03"].memory_free()
    restarted = vm.started_at > 0
    assert restarted is (kind != "Live")


def test_a_second_move_waits_for_its_turn(world: World) -> None:
    first, second = start(world), start(world, "web02")
    assert (first.state, second.state) == ("moving", "queued")
    assert group(world, "web02").queued
    assert not group(world, "web02").moving
    wait(world, first, second)
    assert places(world) == {"web01": "hv02", "web02": "hv02", "local01": "hv01"}
    ends = list(world.log.read(kind="cluster-moved"))
    assert [entry["group"] for entry in ends] == ["web01", "web02"]


def test_the_limit_is_the_clusters_from_2022_on_and_the_hosts_before() -> None:
    for version, more, states in (("2022", "parallel_migrations: 2", ["moving", "moving"]), ("2019", "",
                                  ["moving", "moving"]), ("2025", "", ["moving", "queued"])):
        with world_of(cluster(version, more)) as world:
            assert [start(world, name).state for name in ("web01", "web02")] == states


def test_a_queued_move_can_be_cancelled_and_one_on_its_way(world: World) -> None:
    first, second = start(world), start(world, "web02")
    with world.lock:
        assert cluster_moves.cancel(world, its(world), group(world, "web02"))
        assert cluster_moves.cancel(world, its(world), group(world))
        assert second.ended
        assert second.failure is not None
    wait(world, first)
    assert first.failure is not None
    assert first.failure.slug == "cancelled"
    assert set(places(world).values()) == {"hv01"}
    assert its(world).group_state(world, group(world)) == "Online"
    with world.lock:
        assert not cluster_moves.cancel(world, its(world), group(world))


def refused(world: World, **how: str) -> MigrationFailure:
    with pytest.raises(MigrationFailure) as caught:
        start(world, **how)
    assert set(places(world).values()) == {"hv01"}
    return caught.value


def test_refusals(world: World) -> None:
    its(world).nodes["hv02"].state = "Paused"
    assert refused(world).hresult == 0x80070046
    its(world).nodes["hv02"].state = "Up"
    world.hosts["hv02"].services["ClusSvc"].state = "Stopped"
    assert refused(world).hresult == 0x8007138D
    world.hosts["hv02"].services["ClusSvc"].state = "Running"
    for resource in its(world).resources_of(group(world)):
        resource.possible = ["hv01"]
        assert refused(world).hresult == 0x80071398
        resource.possible = None
    for network in its(world).networks:
        network.excluded = True
    assert "(0x000013AB)" in refused(world).message
    its(world).networks[0].excluded, its(world).networks[0].down = False, {"hv02"}
    assert refused(world).slug == "no-cluster-network"
    its(world).networks[0].down = set()
    group(world).locked = True
    assert refused(world).slug == "locked"
    group(world).locked = False
    start(world)
    assert refused(world).slug == "moving"


def test_what_the_destination_cannot_take_fails_and_is_in_the_event_log(world: World) -> None:
    world.hosts["hv02"].switches.clear()
    operation = start(world)
    wait(world, operation)
    assert operation.failure is not None
    assert "Could not find Ethernet switch" in operation.failure.message
    assert its(world).group_state(world, group(world)) == "Online"
    (event,) = [one for one in world.hosts["hv01"].events if one.id == 21502]
    assert event.message.startswith("Live migration of 'Virtual Machine web01' failed.")
    assert event.log == cluster_moves.HIGH_AVAILABILITY


def test_a_role_goes_to_the_best_node_where_none_is_named(world: World) -> None:
    wait(world, start(world, to=None))
    assert places(world)["web01"] == "hv02"


def test_out_of_the_cluster_and_into_it() -> None:
    with world_of(cluster("2019")) as world:
        vm = vm_of(world, "web01")
        to_stand_alone = settings(storage_path="D:\\VMs\\web01", credential=None)
        with pytest.raises(MigrationFailure, match="is clustered"):
            start_migration(world, world.hosts["hv01"], vm.id, "hv03", to_stand_alone, OPS)
        with world.lock:
            remove_role(world, its(world), group(world))
        assert not vm.clustered
        assert its(world).resource("Virtual Machine web01") is None
        run(world, start_migration(world, world.hosts["hv01"], vm.id, "hv03", to_stand_alone, OPS))
        assert places(world)["web01"] == "hv03"
        assert [entry.path for entry in its(world).volumes[0].space.files if "web01" in entry.path] == []
        back = settings(storage_path="C:\\ClusterStorage\\Volume1\\web01", credential=None)
        job = start_migration(world, world.hosts["hv03"], vm.id, "hv02", back, FROM_HV03)
        run(world, job)
        assert job.failure is None
        assert vm.disks[0].path in world.hosts["hv01"].files  # type: ignore[operator]


def test_a_full_shared_volume_stops_a_move_into_it() -> None:
    with world_of(cluster("2019").replace(
            "hv03: {version: 2019}", "hv03: {version: 2019, vms: {away01: {memory: 1 GB}}}")) as world:
        with world.lock:
            cluster_life.fill(its(world).volumes[0], GIB)
        (vm,) = world.hosts["hv03"].vm("away01")
        into = settings(storage_path="C:\\ClusterStorage\\Volume1\\away01", credential=None)
        job = start_migration(world, world.hosts["hv03"], vm.id, "hv01", into, FROM_HV03)
        run(world, job)
        assert job.failure.slug == "disk-full"
        assert places(world)["away01"] == "hv03"
        assert not [entry for entry in its(world).volumes[0].space.files if "away01" in entry.path]


def test_a_host_move_of_a_node_goes_by_the_clusters_limit(world: World) -> None:
    moving = start(world)
    local = vm_of(world, "local01")
    plain = settings(storage_path="D:\\VMs\\local01", credential=None)
    job = start_migration(world, world.hosts["hv01"], local.id, "hv03", plain, OPS)
    assert job.ended
    assert "limit '1' was reached" in job.failure.message
    wait(world, moving)


# --- what befalls a cluster ------------------------------------------------------------------------------------------


def test_roles_of_a_lost_node_start_on_the_other() -> None:
    with world_of(cluster(more="groups: {web01: {preferred: hv01, failback: true}}")) as world:
        outage.crash(world, world.hosts["hv01"], back_after=300)
        sleep(world, 10)
        assert its(world).state(world, "hv01") == "Down"
        assert places(world)["web01"] == "hv01"
        sleep(world, 20)
        assert places(world) == {"web01": "hv02", "web02": "hv02", "local01": "hv01"}
        assert its(world).volumes[0].space.owner == "hv02"
        (web,) = world.hosts["hv02"].vm("web01")
        assert web.running
        assert web.started_at > 10
        sleep(world, 280)
        assert its(world).state(world, "hv01") == "Up"
        sleep(world, 100)
        assert places(world) == {"web01": "hv01", "web02": "hv02", "local01": "hv01"}


def test_what_no_node_can_have_is_failed() -> None:
    text = cluster().replace("local01: {", "local01: {clustered: true, path: 'D:\\VMs\\local01', ")
    with world_of(text) as world:
        outage.crash(world, world.hosts["hv01"], back_after=None)
        sleep(world, 30)
        assert its(world).group_state(world, group(world, "local01")) == "Failed"
        assert places(world)["local01"] == "hv01"


def test_without_a_witness_one_of_two_nodes_has_no_quorum() -> None:
    with world_of(cluster(more="quorum: none")) as world:
        outage.crash(world, world.hosts["hv01"], back_after=None)
        sleep(world, 30)
        assert not its(world).quorate
        assert its(world).state(world, "hv02") == "Down"
        assert its(world).volumes[0].space.free() == 0


@pytest.mark.parametrize(("version", "lasts", "home"), [("2022", 100, "hv02"), ("2022", 400, "hv01"),
                                                         ("2012R2", 100, "hv01")])
def test_nodes_that_do_not_hear_each_other(version: str, lasts: float, home: str) -> None:
    """The node that came last loses its place; from 2016 on its machines run on for a while first."""
    text = cluster(version).replace("      web01:", "      other:").replace(
        "hv02: {version: VERSION}".replace("VERSION", version), f"hv02: {{version: {version}, vms: {{web01: "
        "{clustered: true, memory: 4 GB}}}")
    with world_of(text) as world:
        with world.lock:
            troubles.split(world, world.hosts["hv02"], world.hosts["hv01"], lasts)
        sleep(world, 30)
        assert its(world).state(world, "hv02") == "Down"
        assert its(world).nodes["hv02"].status == ({"Isolated"} if version == "2022" else set())
        sleep(world, lasts)
        assert its(world).state(world, "hv02") == "Up"
        assert its(world).nodes["hv02"].status == set()
        assert places(world)["web01"] == home
        assert vm_of(world, "web01", home).running


def test_two_nodes_apart_without_a_witness_have_no_quorum() -> None:
    with world_of(cluster(more="quorum: none")) as world:
        with world.lock:
            troubles.split(world, world.hosts["hv02"], world.hosts["hv01"], 60)
        sleep(world, 30)
        assert not its(world).quorate
        sleep(world, 60)
        assert its(world).quorate
        assert vm_of(world, "web01").running


def test_a_node_is_drained_and_fetches_back_what_it_had(world: World) -> None:
    made = its(world)
    with world.lock:
        cluster_life.suspend(world, made, made.nodes["hv01"], drain=True)
    node = made.nodes["hv01"]
    assert (node.state, node.drain, node.status) == ("Paused", "InProgress", {"DrainInProgress"})
    sleep(world, 40)
    assert (node.drain, node.status) == ("Completed", {"DrainCompleted"})
    assert places(world) == {"web01": "hv02", "web02": "hv02", "local01": "hv01"}
    assert made.group("Cluster Group").owner == "hv02"  # type: ignore[union-attr]
    with world.lock:
        cluster_life.resume(world, made, node, "Immediate")
    sleep(world, 40)
    assert (node.state, node.drain, node.status) == ("Up", "NotInitiated", set())
    assert set(places(world).values()) == {"hv01"}


def test_a_drain_that_cannot_move_all_has_failed(world: World) -> None:
    for resource in its(world).resources_of(group(world, "web02")):
        resource.possible = ["hv01"]
    with world.lock:
        cluster_life.suspend(world, its(world), its(world).nodes["hv01"], drain=True)
    sleep(world, 40)
    assert its(world).nodes["hv01"].drain == "Failed"
    assert places(world) == {"web01": "hv02", "web02": "hv01", "local01": "hv01"}


def test_redirected_storage_slows_what_is_copied_through_it() -> None:
    """Into the CSV by a node that reaches it over the network: what it receives it must send on to the coordinator."""
    took = []
    for reasons in ({}, {"hv02": ("FileSystemRedirected", "UserRequest", "NotBlockRedirected")}):
        text = cluster("2019").replace("hv03: {version: 2019}",
                                       "hv03: {version: 2019, vms: {away01: {memory: 1 GB}}}")
        with world_of(text) as world:
            with world.lock:
                for key in reasons:
                    cluster_life.redirect(world, its(world), its(world).volumes[0], key, None, None)
                world.hosts["hv01"].nic_rate = 10_000_000.0
            (vm,) = world.hosts["hv03"].vm("away01")
            into = settings(storage_path="C:\\ClusterStorage\\Volume1\\away01", credential=None)
            job = start_migration(world, world.hosts["hv03"], vm.id, "hv02", into, FROM_HV03)
            run(world, job)
            assert job.failure is None
            took.append(world.clock.monotonic())
    assert took[1] > 5 * took[0]
