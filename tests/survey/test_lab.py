"""The survey against a fabric, over real WinRM: what is asked there is what Windows is asked."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from winmigrate.facts import Unreadable
from winmigrate.playbook.types import Migration, Playbook, Selector, StorageWish, Target
from winmigrate.request import SystemClock
from winmigrate.survey import (
    Candidates,
    Fingerprint,
    HostFacts,
    Roll,
    Survey,
    call_roll,
    difference,
    find_candidates,
    fingerprint,
    probe_pairs,
    read_host,
    take_survey,
)
from winmigrate.verbs.ground import Ground, stand
from winmigrate.windows.row import columns

FABRIC = r"""
fabric: survey
seed: 3
domain: corp.example
users:
  ops: {password: "Spare key 0x2F!", administrator: [old, new, next]}
hosts:
  old:
    version: 2012R2
    volumes: {C: {size: 100 GB, used: 40 GB}, D: {size: 1 TB}}
    switches: [External]
    vms:
      web01:
        memory: 4 GB
        disks: [{path: 'D:\VMs\web01\web01.vhdx', size: 40 GB, used: 12 GB}]
        adapters: [{switch: External, vlan: 20}]
        checkpoints: [before]
  new:
    version: 2016
    volumes: {C: {size: 100 GB, used: 40 GB}, D: {size: 1 TB}}
    switches: [External]
    vms:
      app01:
        memory: 2 GB
        disks:
          - {path: 'D:\VMs\app01\app01.vhdx', size: 40 GB, used: 12 GB}
          - {physical: 2}
  next: {version: 2025, volumes: {C: {size: 100 GB, used: 40 GB}, D: {size: 1 TB}}, switches: [External]}
  low: {version: 2022, remote_management_users: ['corp\ops']}
  shut: {version: 2022}
"""


@dataclasses.dataclass
class Taken:
    ground: Ground
    roll: Roll
    candidates: Candidates
    survey: Survey

    def host(self, name: str) -> HostFacts:
        return self.survey.host(name)

    def id_of(self, name: str) -> str:
        return next(item.vm_id for item in self.candidates.candidates if item.vm_name == name)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    folder = tmp_path_factory.mktemp("lab")
    (folder / "fabric.yml").write_text(FABRIC, "utf-8")
    served = [str(folder / "fabric.yml"), "--inventory", str(folder / "inventory.yml")]
    arguments = [*served, "--clock", "real", "--rate", "20"]
    lab = subprocess.Popen([sys.executable, "-m", "winmigrate.lab.server", *arguments], stdout=subprocess.PIPE)
    try:
        assert lab.stdout is not None
        assert b"ready" in lab.stdout.readline()
        yield _take(folder)
    finally:
        lab.terminate()
        lab.wait(10)
        lab.stdout.close()  # type: ignore[union-attr]


def _take(folder: Path) -> Taken:
    ground = stand(folder / "inventory.yml")
    clock = SystemClock()
    roll = call_roll(ground.inventory, ground.connector, clock)
    wish = StorageWish(path="D:\\Moved\\{vm}")
    to = tuple(Target("host", name) for name in ("next", "shut"))
    migrations = tuple(
        Migration(Selector(source=Target("host", name)), to, storage=wish) for name in ("old", "new", "low")
    )
    candidates = find_candidates(Playbook("p.yml", migrations), ground.inventory, roll)
    survey = take_survey(ground.inventory, candidates, roll, ground.connector, clock, credentials=ground.credential_for)
    return Taken(ground, roll, candidates, survey)


def test_the_roll(taken: Taken) -> None:
    entries = taken.roll.entries
    assert {name: entry.version for name, entry in entries.items() if entry.reached} == {
        "old": "2012R2",
        "new": "2016",
        "next": "2025",
        "low": "2022",
    }
    assert entries["shut"].why_not.startswith("shut: ")
    assert entries["old"].administrator is True
    refused = entries["low"].vms
    assert isinstance(refused, Unreadable)
    assert refused.needs == "Hyper-V Administrators on low"


def test_candidates(taken: Taken) -> None:
    assert [(item.vm_name, item.source, item.destination) for item in taken.candidates.candidates] == [
        ("web01", "old", "next"),
        ("web01", "old", "shut"),
        ("app01", "new", "next"),
        ("app01", "new", "shut"),
    ]
    assert "low" in taken.candidates.unmatched[0].reason


@pytest.mark.parametrize("name", ["old", "new", "next"])
def test_every_table_of_a_host_that_answers_is_read(taken: Taken, name: str) -> None:
    facts = taken.host(name)
    unread = {
        item.name: getattr(facts, item.name).reason
        for item in dataclasses.fields(facts)
        if isinstance(getattr(facts, item.name), Unreadable)
    }
    of_2016 = {"supported_versions", "security", "security_services", "assignable_devices", "gpu_partitions",
               "certificates", "guardian_client", "scanner"}  # fmt: skip
    lacking = {"old": of_2016, "next": {"remote_fx"}}.get(name, set())
    assert unread == dict.fromkeys(lacking, "not on this build")
    assert facts.incomplete == {}


@pytest.mark.parametrize("name", ["old", "new", "next"])
def test_every_column_a_version_has_is_filled(taken: Taken, name: str) -> None:
    facts = taken.host(name)
    wrong = []
    for item in dataclasses.fields(facts):
        table = getattr(facts, item.name)
        for row in table if isinstance(table, tuple) else (table,):
            if not dataclasses.is_dataclass(row) or isinstance(row, Unreadable):
                continue
            for column in columns(type(row)):
                value = getattr(row, column)
                if isinstance(value, Unreadable) and value.reason != "not on this build":
                    wrong.append((item.name, column, value.reason))
    assert wrong == []


def test_chains_of_disks_and_checkpoints(taken: Taken) -> None:
    chain = taken.host("old").chain_of(taken.id_of("web01"))
    assert not isinstance(chain, Unreadable)
    assert len(chain) == 2
    assert chain[-1].path == "D:\\VMs\\web01\\web01.vhdx"
    drives = taken.host("new").disks_of(taken.id_of("app01"))
    assert not isinstance(drives, Unreadable)
    assert [drive.disk_number for drive in drives] == [None, 2]


def test_vlans_belong_to_their_adapter(taken: Taken) -> None:
    web = taken.id_of("web01")
    adapters, vlans = taken.host("old").adapters_of(web), taken.host("old").vlans_of(web)
    assert not isinstance(adapters, Unreadable)
    assert not isinstance(vlans, Unreadable)
    assert [vlan.adapter_id for vlan in vlans] == [adapter.id for adapter in adapters]
    assert [(vlan.operation_mode, vlan.access_vlan_id) for vlan in vlans] == [("Access", 20)]


def test_pairs(taken: Taken) -> None:
    hop = taken.survey.pair("new", "next").hop("credential")
    assert hop is not None
    assert hop.proven is True
    older = taken.survey.pair("old", "next").hop("credential")
    assert older is not None
    assert older.proven is False
    places = taken.survey.pair("new", "next").destination_files
    assert len(places) == 2
    assert set(places.values()) == {None}
    unseen = taken.survey.pair("new", "shut").destination_files
    assert len(unseen) == 2
    assert all(isinstance(place, Unreadable) for place in unseen.values())


def test_the_second_hop_of_every_pair_of_hosts(taken: Taken) -> None:
    ground = taken.ground
    pairs = probe_pairs(
        ground.inventory, taken.roll, ground.connector, SystemClock(), credentials=ground.credential_for
    )
    hosts = list(ground.inventory.hosts)
    assert len(pairs) == len(hosts) * (len(hosts) - 1)
    proven = {name: pair.hop_b[0].proven for name, pair in pairs.items() if pair.hop_b}
    assert proven["new>next"] is True
    assert proven["next>old"] is True
    assert proven["old>new"] is False
    assert taken.roll.pairs == {}


def test_one_vm_alone_has_the_same_fingerprint(taken: Taken) -> None:
    app = taken.id_of("app01")
    session = taken.ground.connector("new")
    try:
        alone = read_host("new", "2016", session, SystemClock(), secured=[app], only=app)
        nobody = read_host("new", "2016", session, SystemClock(), only="00000000-0000-0000-0000-000000000009")
    finally:
        session.close()
    before, after = fingerprint(taken.host("new"), app), fingerprint(alone, app)
    assert isinstance(before, Fingerprint)
    assert isinstance(after, Fingerprint)
    assert difference(before, after) == ()
    assert (nobody.vms, nobody.incomplete) == ((), {})
