"""Clusters over real WinRM: a healthy one is found so, and each fault of one shows as the finding that names it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

import pytest

from tests.checks import cases_clusters
from tests.whole.labs import Site, site
from winmigrate import verbs
from winmigrate.checks import Finding, Outcome
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import Cluster as KnownCluster
from winmigrate.playbook import Migration, Playbook, Selector, Target
from winmigrate.remoting.batch import ask_batch
from winmigrate.survey import call_roll, find_candidates
from winmigrate.survey.facts_of_clusters import cluster_facts, cluster_reads
from winmigrate.survey.reading import Reader
from winmigrate.survey.taking import tuple_of
from winmigrate.verbs import Checked
from winmigrate.windows.cluster import TABLES
from winmigrate.windows.row import NOT_ON_THIS_BUILD

OURS = {case.requirement for case in cases_clusters.CASES}
#: Nodes of clusters of every Windows.
VERSIONS = [
    ("hv31", "2012"),
    ("hv32", "2012R2"),
    ("hv33", "2016"),
    ("hv21", "2019"),
    ("hv01", "2022"),
    ("hv34", "2025"),
]

# clu1 is whole. Of clu2 much is not: hv12 is paused and lacks a network, its witness has failed, app01 has files on a
# local disk and may not go to hv12, and goes home by itself. hv21 and hv22 are the nodes of a cluster half upgraded.
# What the lab cannot hold is a workgroup cluster: its hosts have no accounts of their own (workgroup-cluster-2025).
FABRIC = r"""
seed: 9
users: {ops: {password: 'Spare key 0x2F!', administrator: true}}
clusters:
  clu1:
    nodes: [hv01, hv02]
    csv: {Volume1: 2 TB}
    networks:
      Management: {subnet: 10.20.0.0/24, migration: exclude}
      Live: {subnet: 10.30.0.0/24, migration: 1}
    parallel_migrations: 4
  clu2:
    nodes: {hv11: Up, hv12: {state: Paused, drain: Completed}}
    quorum: {witness: share, state: Failed}
    csv:
      Volume1: {size: 2 TB, nodes: {hv12: BlockRedirected}}
      Volume2: {size: 1 TB, state: Failed}
    networks:
      Only: {subnet: 10.20.0.0/24, unreachable: hv12}
    groups:
      app01: {possible: hv11, preferred: hv11, failback: true, locked: true, anti_affinity: apps}
      app02: {anti_affinity: apps}
    affinity: {apart: [app01, app02]}
    parallel_migrations: 1
  clu3:
    nodes: [hv21, hv22]
    csv: {Volume1: 1 TB}
  clu31: {nodes: [hv31], csv: {Volume1: 1 TB}}
  clu32: {nodes: [hv32], csv: {Volume1: 1 TB}}
  clu33: {nodes: [hv33], csv: {Volume1: 1 TB}}
  clu34: {nodes: [hv34], csv: {Volume1: 1 TB}}
hosts:
  hv01:
    version: 2022
    addresses: [10.20.0.11/24, 10.30.0.11/24]
    vms:
      web01:
        path: 'C:\ClusterStorage\Volume1\web01'
        disks: [{path: 'C:\ClusterStorage\Volume1\web01\web01.vhdx', used: 10 GB}]
  hv02: {version: 2022, addresses: [10.20.0.12/24, 10.30.0.12/24]}
  hv11:
    version: 2022
    addresses: [10.20.0.21/24]
    vms:
      app01:
        path: 'D:\VMs\app01'
        disks: [{path: 'C:\ClusterStorage\Volume1\app01\app01.vhdx', used: 10 GB}]
      db01:
        path: 'C:\ClusterStorage\Volume1\db01'
        clustered: false
        disks: [{path: 'C:\ClusterStorage\Volume2\db01\db01.vhdx', used: 10 GB}]
  hv12:
    version: 2022
    addresses: [10.20.0.22/24]
    vms:
      app02:
        path: 'C:\ClusterStorage\Volume1\app02'
        disks: [{path: 'C:\ClusterStorage\Volume1\app02\app02.vhdx', used: 10 GB}]
  hv21:
    version: 2019
    addresses: [10.20.0.31/24]
    vms:
      old01:
        path: 'C:\ClusterStorage\Volume1\old01'
        disks: [{path: 'C:\ClusterStorage\Volume1\old01\old01.vhdx', used: 10 GB}]
  hv22: {version: 2022, system_drive: 'D:', addresses: [10.20.0.32/24]}
  hv31: {version: 2012, addresses: [10.20.0.51/24]}
  hv32: {version: 2012R2, addresses: [10.20.0.52/24]}
  hv33: {version: 2016, addresses: [10.20.0.53/24]}
  hv34: {version: 2025, addresses: [10.20.0.54/24]}
  hv09: {version: 2022, addresses: [10.20.0.99/24]}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("clusters"), FABRIC) as found:
        yield found


def wish(vm: str, *to: str) -> Migration:
    return Migration(Selector(name=vm), tuple(Target("host", name) for name in to), "cluster")


@pytest.fixture(scope="module")
def checked(place: Site) -> Checked:
    ground = place.ground()
    # The sessions of the lab are NTLM; that a move would want others is what cl-remote-credssp says.
    wishes = (
        wish("web01", "hv02", "hv09"),
        wish("app01", "hv12"),
        wish("db01", "hv12"),
        wish("old01", "hv22"),
    )
    return verbs.check(Playbook("p.yml", wishes), ground=ground)


def finding(checked: Checked, requirement: str, vm: str, to: str) -> Finding:
    of = next(item for item in checked.findings.candidates if (item.vm_name, item.destination) == (vm, to))
    found = [item for item in checked.findings.of(of) if item.requirement == requirement]
    return found[-1]


def test_a_healthy_cluster_has_no_finding(checked: Checked) -> None:
    of = next(item for item in checked.findings.candidates if (item.vm_name, item.destination) == ("web01", "hv02"))
    ours = [item for item in checked.findings.of(of) if item.requirement in OURS]
    assert {item.requirement for item in ours} == OURS
    against = {item.requirement: item.evidence for item in ours if item.outcome is not Outcome.PASS}
    assert list(against) == ["cl-remote-credssp"]
    assert "our session on hv01 is ntlm" in against["cl-remote-credssp"]


@pytest.mark.parametrize(
    ("requirement", "vm", "to", "evidence"),
    [
        ("cl-feature", "web01", "hv09", "Failover Clustering is not installed on hv09"),
        ("cl-same", "web01", "hv09", "hv01 is a node of CLU1; hv09 is in no cluster"),
        ("cl-node-up", "app01", "hv12", "the node HV12 of CLU2 is Paused (DrainCompleted), drain: Completed"),
        ("cl-quorum", "app01", "hv12", "2 of 3 votes, the witness File Share Witness is not online"),
        ("cl-lm-network", "app01", "hv12", "allowed: Only is"),
        ("cl-port-3343", "app01", "hv12", "HV12 is unreachable in Only"),
        ("cl-system-drive", "old01", "hv22", "hv21 has Windows on C:, hv22 on D:"),
        ("cl-functional-level", "old01", "hv22", "HV21: build 17763; HV22: build 20348; functional level 10"),
        ("slots-cluster-override", "app01", "hv12", "CLU2 allows 1 at once"),
        ("cl-group-settled", "app01", "hv12", "the group app01 of CLU2 is Online on HV11 (Locked)"),
        ("cl-possible-owners", "app01", "hv12", "HV12 is no possible owner (0x80071398): Virtual Machine app01: HV11"),
        ("cl-failback", "app01", "hv12", "app01 goes back to HV11 by itself"),
        ("cl-csv-online", "app01", "hv12", "app01 has D:\\VMs\\app01 on no shared volume of CLU2"),
        ("cl-csv-online", "db01", "hv12", "Cluster Disk 2 (C:\\ClusterStorage\\Volume2) is Failed in CLU2"),
        ("cl-csv-direct", "app01", "hv12", "HV12 reaches Cluster Disk 1: BlockRedirected (NoDiskConnectivity)"),
        ("cl-anti-affinity", "app01", "hv12", "app02 is of the anti-affinity class apps, as app01 is"),
        ("cl-anti-affinity", "app01", "hv12", "app02 is there, which apart keeps apart"),
        ("vm-clustered-for-cluster-move", "db01", "hv12", "db01 on hv11 is no role of CLU2"),
    ],
)
def test_a_fault_shows_as_its_finding(checked: Checked, requirement: str, vm: str, to: str, evidence: str) -> None:
    found = finding(checked, requirement, vm, to)
    assert found.outcome is Outcome.FAIL, found
    assert evidence in found.evidence
    assert found.remedy is not None


@pytest.mark.parametrize(("host", "version"), VERSIONS)
def test_every_version_answers_every_read(place: Site, host: str, version: str) -> None:
    ground = place.ground()
    session = ground.connector(host)
    session.open()
    reader = Reader(host, version, ask_batch(session, cluster_reads(version)))
    session.close()
    facts = cluster_facts("clu", reader)
    unread = {
        name: value
        for name in (table.name for table in TABLES)
        if isinstance(value := getattr(facts, name), Unreadable) and value != NOT_ON_THIS_BUILD
    }
    assert unread == {}
    cells = [
        (table.name, item.name, getattr(row, item.name))
        for table in TABLES
        for row in (() if table.single else tuple_of(getattr(facts, table.name)))
        for item in fields(row)
    ]
    odd = [cell for cell in cells if isinstance(cell[2], Unreadable) and cell[2] != NOT_ON_THIS_BUILD]
    assert odd == []
    assert facts.nodes != ()


def test_a_cluster_whose_nodes_are_not_named_is_expanded(place: Site) -> None:
    ground = place.ground()
    known = replace(ground.inventory, clusters={"clu2": KnownCluster("clu2", "clu2.corp.example")})
    roll = call_roll(known, ground.connector, ground.clock)
    book = Playbook("p.yml", (Migration(Selector(name="web01"), (Target("cluster", "clu2"),)),))
    found = find_candidates(book, known, roll)
    assert [item.destination for item in found.candidates] == ["hv11", "hv12"]
    assert found.unmatched == ()
    assert roll.entries["hv09"].cluster is None


def test_init_writes_down_the_cluster(place: Site) -> None:
    text, unreached = verbs.init(["hv01"], ground=place.ground())
    assert unreached == ()
    assert "  CLU1: {address: CLU1}" in text
    assert "# seen on hv01, hv02" in text
