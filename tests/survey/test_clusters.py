"""Clusters of a survey: who is asked for them and how often; and of a roll: which hosts are their nodes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.survey.hosts import Failure, FakeConnector, FakeHost, host, identify, inventory, name_of, running
from tests.survey.test_roll import QuickClock
from winmigrate.errors import TimedOut
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import Cluster as KnownCluster
from winmigrate.inventory.types import Inventory
from winmigrate.playbook.types import Migration, Playbook, Selector, Target
from winmigrate.survey import (
    Candidate,
    Candidates,
    HostFacts,
    Roll,
    RollEntry,
    RollVM,
    Survey,
    call_roll,
    find_candidates,
    take_survey,
)
from winmigrate.survey.facts_of_clusters import live_limit
from winmigrate.windows.cluster import Cluster
from winmigrate.windows.host import VMHost

WEB = str(identify(1))
_SERVICE = {"Name": "ClusSvc", "State": "Running", "StartMode": "Auto"}
_CLUSTER = {"Name": "CLU1", "Domain": "corp.example"}


def node(name: str, **more: Any) -> FakeHost:
    """A host of the cluster CLU1, whose nodes are HV01 and HV02."""
    service = more.pop("service", [{"Name": "vmms", "State": "Running", "StartMode": "Auto"}, dict(_SERVICE)])
    answers = {
        "Get_Cluster": [dict(_CLUSTER)],
        "Get_ClusterNode": [{"Name": each} for each in ("HV01", "HV02")],
        "Get_ClusterQuorum": [{"QuorumResource": None, "QuorumType": "Majority"}],
        **more,
    }
    made = host(name, **answers)
    made.answers["Win32_Service"] = service
    return made


def survey_of(*hosts: FakeHost, clock: Any = None) -> Survey:
    connector = FakeConnector({each.name: each for each in hosts})
    known, quick = inventory(*connector.hosts), QuickClock()
    roll = call_roll(known, connector, quick)
    for each in hosts:
        each.requests.clear()
    wanted = Candidates((Candidate(WEB, "web01", "Running", "hv01", "hv02"),))
    return take_survey(known, wanted, roll, connector, quick)


def asked(one: FakeHost) -> list[str]:
    return [name_of(statement) for request in one.requests for statement in request.statements]


def test_a_cluster_is_asked_once_on_the_first_of_its_nodes() -> None:
    first, second = node("hv01", Get_VM=[running(1, "web01")]), node("hv02")
    found = survey_of(first, second)
    assert list(found.clusters) == ["CLU1"]
    facts = found.clusters["CLU1"]
    assert facts.asked_on == "hv01"
    assert not isinstance(facts.nodes, Unreadable)
    assert [each.name for each in facts.nodes] == ["HV01", "HV02"]
    assert facts.affinity_rules == Unreadable("not on this build")
    assert (asked(first).count("Get-Cluster"), asked(second).count("Get-Cluster")) == (1, 1)
    assert (asked(first).count("Get-ClusterGroup"), asked(second).count("Get-ClusterGroup")) == (1, 0)
    assert len(first.requests) == 3, "the tables, which cluster, the whole of it with hop B"
    assert len(second.requests) == 3, "the tables, which cluster, what lies where files would arrive"
    adapter = TypeAdapter(Survey)
    assert adapter.validate_json(adapter.dump_json(found)) == found


@pytest.mark.parametrize(
    ("service", "cluster"),
    [
        ([], None),
        ([{**_SERVICE, "State": "Stopped", "StartMode": "Disabled"}], None),
        (
            [{**_SERVICE, "State": "Stopped"}],
            Unreadable("the cluster service of hv01 is stopped", "the cluster service on hv01"),
        ),
        ([{**_SERVICE, "State": None}], Unreadable("the host answered nothing for State")),
        (
            [Failure("Access denied", "AccessDenied,Test", 18)],
            Unreadable("access denied: Access denied (AccessDenied)", "Administrators on hv01"),
        ),
    ],
)
def test_a_host_whose_cluster_service_does_not_run_is_not_asked(service: list[Any], cluster: Any) -> None:
    one = node("hv01", service=service)
    found = survey_of(one, host("hv02"))
    assert found.host("hv01").cluster == cluster
    assert not [name for name in asked(one) if "Cluster" in name]
    assert found.clusters == {}
    assert len(one.requests) == 2, "the tables, hop B"


def test_a_cluster_that_refuses_says_which_right_it_wants() -> None:
    refused = Failure("You do not have administrative privileges on the cluster. Access is denied.", "GetCluster,X", 18)
    found = survey_of(node("hv01", Get_Cluster=[refused]), host("hv02"))
    cluster = found.host("hv01").cluster
    assert isinstance(cluster, Unreadable)
    assert cluster.needs == "Administrators on hv01"
    assert found.clusters == {}


def test_part_of_a_table_of_a_cluster_is_no_table() -> None:
    some = [{"Name": "HV01"}, Failure("the node has left", "Gone,Test")]
    found = survey_of(node("hv01", Get_ClusterNode=some), node("hv02"))
    assert found.clusters["CLU1"].nodes == Unreadable("part of it could not be read: the node has left (Gone)")
    assert not isinstance(found.clusters["CLU1"].quorum, Unreadable)


def test_a_node_that_falls_silent_leaves_the_cluster_unread() -> None:
    def silent(statement: Any) -> list[Any]:
        raise TimedOut("hv01", "no answer in 180 s")

    found = survey_of(node("hv01", Get_ClusterGroup=silent), node("hv02"))
    assert isinstance(found.host("hv01").cluster, Cluster)
    assert isinstance(found.clusters["CLU1"].nodes, Unreadable)
    assert "no answer in 180 s" in found.clusters["CLU1"].nodes.reason


# --- nodes that the inventory does not name ----------------------------------------------------------------------


def known(*names: str, address: str = "clu1.corp.example", nodes: tuple[str, ...] | None = None) -> Inventory:
    return replace(inventory(*names), clusters={"clu1": KnownCluster("clu1", address, nodes)})


def roll_of(clusters: Inventory, *hosts: FakeHost) -> Roll:
    return call_roll(clusters, FakeConnector({each.name: each for each in hosts}), QuickClock())


def find(clusters: Inventory, roll: Roll, *to: str, source: str = "") -> Candidates:
    vm = Selector(source=Target("cluster", source)) if source else Selector(name="web01")
    targets = tuple(Target("cluster" if name in clusters.clusters else "host", name) for name in to)
    return find_candidates(Playbook("p.yml", (Migration(vm, targets),)), clusters, roll)


def test_hosts_say_which_cluster_they_are_nodes_of() -> None:
    outside = host("hv09", Get_VM=[running(1, "web01")])
    two = (node("hv01"), node("hv02"))
    clusters = known("hv09", "hv01", "hv02")
    roll = roll_of(clusters, outside, *two)
    assert [roll.entries[name].cluster for name in ("hv09", "hv01", "hv02")] == [None, "CLU1", "CLU1"]
    assert roll.entries["hv01"].cluster_nodes == ("HV01", "HV02")
    assert [len(each.requests) for each in (outside, *two)] == [2, 4, 4]
    found = find(clusters, roll, "clu1")
    assert [item.destination for item in found.candidates] == ["hv01", "hv02"]
    assert found.unmatched == ()


def test_nobody_is_asked_where_the_inventory_names_the_nodes() -> None:
    one = node("hv01")
    roll = roll_of(known("hv01", nodes=("hv01",)), one)
    assert len(one.requests) == 1
    assert roll.entries["hv01"].cluster == Unreadable("not asked")


def test_a_cluster_goes_by_its_name_or_by_the_first_label_of_its_address() -> None:
    clusters = replace(
        inventory("hv01"),
        clusters={"moves": KnownCluster("moves", "CLU1.corp.example"), "clu2": KnownCluster("clu2", "x")},
    )
    roll = roll_of(clusters, node("hv01", Get_VM=[running(1, "web01")]))
    assert find(clusters, roll, "moves").settled
    [fault] = find(clusters, roll, "clu2").unmatched[:1]
    assert fault.reason == "no host that answered is a node of clu2: add its nodes to inventory.yml under hosts"


def test_nodes_without_an_entry_are_named() -> None:
    clusters = known("hv09", "hv01")
    roll = roll_of(clusters, host("hv09", Get_VM=[running(1, "web01")]), node("hv01"))
    found = find(clusters, roll, "clu1")
    assert [item.destination for item in found.candidates] == ["hv01"]
    [fault] = found.unmatched
    assert fault.reason.startswith("HV02 of clu1 cannot be reached: add them to inventory.yml under hosts")


def test_a_node_that_does_not_answer_stays_a_destination() -> None:
    clusters = known("hv09", "hv01", "hv02")
    dead = node("hv02")
    dead.down = TimedOut("hv02", "no answer")
    roll = roll_of(clusters, host("hv09", Get_VM=[running(1, "web01")]), node("hv01"), dead)
    found = find(clusters, roll, "clu1")
    assert [item.destination for item in found.candidates] == ["hv01", "hv02"]
    assert found.unmatched == ()


def test_a_cluster_of_which_nobody_is_known_says_who_did_not_answer() -> None:
    clusters = known("hv09", "hv02")
    dead = node("hv02")
    dead.down = TimedOut("hv02", "no answer")
    roll = roll_of(clusters, host("hv09", Get_VM=[running(1, "web01")]), dead)
    found = find(clusters, roll, "clu1")
    assert found.candidates == ()
    assert "whether hv02 is one is not known: " in found.unmatched[0].reason
    assert "hv09" not in found.unmatched[0].reason


def test_vms_are_chosen_from_the_nodes_that_were_found() -> None:
    clusters = known("hv09", "hv01", "hv02")
    roll = roll_of(clusters, host("hv09"), node("hv01", Get_VM=[running(1, "web01")]), node("hv02"))
    found = find(clusters, roll, "hv09", source="clu1")
    assert [(item.vm_name, item.source) for item in found.candidates] == [("web01", "hv01")]


def test_an_old_roll_without_clusters_is_read() -> None:
    entry = RollEntry("hv01", True, vms=(RollVM(WEB, "web01", "Running"),))
    roll = Roll(dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), {"hv01": entry})
    adapter = TypeAdapter(Roll)
    old = adapter.dump_python(roll, mode="json")
    for name in ("cluster", "cluster_nodes"):
        del old["entries"]["hv01"][name]
    assert adapter.validate_python(old) == roll


@pytest.mark.parametrize(
    ("own", "cluster", "limit"),
    [(4, 1, 1), (2, 8, 2), (2, None, 2), (2, Unreadable("not on this build"), 2), (Unreadable("denied"), 1, "denied")],
)
def test_the_least_of_a_hosts_limit_and_its_clusters_counts(own: Any, cluster: Any, limit: Any) -> None:
    facts = HostFacts(
        "hv01",
        vm_host=VMHost(maximum_virtual_machine_migrations=own),
        cluster=Cluster("CLU1", maximum_parallel_migrations=cluster),
    )
    found = live_limit(facts)
    assert (found.reason if isinstance(found, Unreadable) else found) == limit
    assert live_limit(replace(facts, cluster=None)) == own
    assert live_limit(replace(facts, vm_host=Unreadable("gone"))) == Unreadable("gone")
