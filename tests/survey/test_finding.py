"""Selections of a playbook against a roll."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import TypeAdapter

from tests.survey.hosts import identify, inventory
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import Cluster, Inventory
from winmigrate.marked import Place
from winmigrate.playbook.types import Migration, Playbook, Selector, Target
from winmigrate.survey import Candidates, Roll, RollEntry, RollVM, Settled, find_candidates

WEB, DB1, DB2, TEST = (str(identify(number)) for number in range(1, 5))


def entry(name: str, *vms: RollVM) -> RollEntry:
    return RollEntry(name, reached=True, vms=vms)


HOSTS = inventory("hv01", "hv02", "hv03")
DEAD = RollEntry("hv03", reached=False, why_not="hv03: nobody listens", vms=Unreadable("hv03: nobody listens"))
ROLL = Roll(
    dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc),
    {
        "hv01": entry(
            "hv01",
            RollVM(WEB, "web01", "Running"),
            RollVM(DB1, "db-1", "Running"),
            RollVM(TEST, "db-test", "Off"),
        ),
        "hv02": entry("hv02", RollVM(DB2, "db-2", "Running")),
        "hv03": entry("hv03"),
    },
)


def hosts(*names: str) -> tuple[Target, ...]:
    return tuple(Target("host", name) for name in names)


def find(*migrations: Migration, roll: Roll = ROLL, known: Inventory = HOSTS) -> Candidates:
    return find_candidates(Playbook("p.yml", migrations), known, roll)


def pairs(found: Candidates) -> list[tuple[str, str, str]]:
    return [(item.vm_name, item.source, item.destination) for item in found.candidates]


@pytest.mark.parametrize("selector", [Selector(name="WEB01"), Selector(id=WEB)])
def test_one_vm_and_each_of_its_destinations(selector: Selector) -> None:
    found = find(Migration(selector, hosts("hv02", "hv03"), place=Place("p.yml", 3, 5)))
    assert pairs(found) == [("web01", "hv01", "hv02"), ("web01", "hv01", "hv03")]
    assert found.unmatched == ()
    assert found.candidates[0].place == "p.yml:3:5"
    assert found.vms() == (WEB,)
    assert found.pairs() == (("hv01", "hv02"), ("hv01", "hv03"))


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        (Selector(pattern="db-*"), ["db-1", "db-test", "db-2"]),
        (Selector(pattern="db-*", source=Target("host", "hv01")), ["db-1", "db-test"]),
        (Selector(pattern="db-*", state="running"), ["db-1", "db-2"]),
        (Selector(pattern="db-*", excluded=("db-test",)), ["db-1", "db-2"]),
        (Selector(source=Target("host", "hv01"), excluded=(f"id:{WEB}",)), ["db-1", "db-test"]),
        (Selector(source=Target("tag", "rack-a"), state="off"), ["db-test"]),
    ],
)
def test_choices(selector: Selector, names: list[str]) -> None:
    found = find(Migration(selector, hosts("hv03")))
    assert [item.vm_name for item in found.candidates] == names
    assert found.unmatched == ()


def test_a_vm_on_an_allowed_destination_is_settled() -> None:
    found = find(Migration(Selector(pattern="db-*", state="running"), hosts("hv02", "hv03")))
    assert pairs(found) == [("db-1", "hv01", "hv02"), ("db-1", "hv01", "hv03")]
    assert found.settled == (Settled(DB2, "db-2", "hv02"),)


def test_a_finished_playbook_has_nothing_to_do() -> None:
    found = find(Migration(Selector(name="db-2"), hosts("hv02")))
    assert (found.candidates, found.unmatched) == ((), ())
    assert len(found.settled) == 1


def test_storage_alone_stays_on_its_host() -> None:
    assert pairs(find(Migration(Selector(name="web01"), (), kind="storage"))) == [("web01", "hv01", "hv01")]


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        (Selector(name="web02"), 'no host that answered has it (did you mean "web01"?)'),
        (Selector(id=str(identify(9))), "no host that answered has it"),
        (Selector(pattern="zz*"), "it finds no VM"),
    ],
)
def test_a_selection_that_finds_nothing(selector: Selector, reason: str) -> None:
    found = find(Migration(selector, hosts("hv02"), place=Place("p.yml", 7, 9)))
    assert found.candidates == ()
    ((fault),) = found.unmatched
    assert (fault.reason, fault.place, fault.selection) == (reason, "p.yml:7:9", str(selector))


def test_a_name_that_two_vms_bear_is_too_much() -> None:
    roll = Roll(ROLL.taken_at, {**ROLL.entries, "hv03": entry("hv03", RollVM(str(identify(7)), "web01", "Off"))})
    found = find(Migration(Selector(name="web01"), hosts("hv02")), roll=roll)
    assert found.candidates == ()
    assert found.unmatched[0].reason.startswith("it may be any of 2: web01 (id:")
    chosen = find(Migration(Selector(pattern="web01", source=Target("host", "hv03")), hosts("hv02")), roll=roll)
    assert pairs(chosen) == [("web01", "hv03", "hv02")]


def test_a_dead_host_is_named_where_it_could_matter() -> None:
    roll = Roll(ROLL.taken_at, {**ROLL.entries, "hv03": DEAD})
    lost = find(Migration(Selector(name="app"), hosts("hv02")), roll=roll)
    assert lost.unmatched[0].reason.endswith("the VMs of hv03 are not known: hv03: nobody listens")
    some = find(Migration(Selector(pattern="db-1"), hosts("hv03")), roll=roll)
    assert pairs(some) == [("db-1", "hv01", "hv03")], "a dead destination is for the checks to judge"
    assert some.unmatched[0].reason.startswith("the VMs of hv03 are not known, and left out")
    assert find(Migration(Selector(name="web01"), hosts("hv02")), roll=roll).unmatched == ()


def test_a_vm_meant_twice_goes_with_the_first() -> None:
    found = find(
        Migration(Selector(name="db-1"), hosts("hv02"), place=Place("p.yml", 2, 3)),
        Migration(Selector(pattern="db-*", state="running"), hosts("hv03"), place=Place("p.yml", 5, 3)),
    )
    assert pairs(found) == [("db-1", "hv01", "hv02"), ("db-2", "hv02", "hv03")]
    (fault,) = found.unmatched
    assert fault.reason == f"db-1 (id:{DB1}) on hv01 is meant by migrations[0] at p.yml:2:3 already"
    assert fault.place == "p.yml:5:3"


def test_a_cluster_whose_nodes_are_not_known_takes_nothing() -> None:
    known = Inventory(HOSTS.file, HOSTS.hosts, clusters={"clu1": Cluster("clu1", "clu1.example")})
    found = find(Migration(Selector(name="web01"), (Target("cluster", "clu1"),)), known=known)
    assert found.candidates == ()
    [fault] = found.unmatched
    said = "no host that answered is a node of clu1: add its nodes to inventory.yml under hosts"
    assert fault.reason.startswith(said)


def test_candidates_survive_json() -> None:
    found = find(Migration(Selector(pattern="*"), hosts("hv02")), Migration(Selector(name="x"), hosts("hv02")))
    adapter = TypeAdapter(Candidates)
    assert adapter.validate_json(adapter.dump_json(found), strict=True) == found
