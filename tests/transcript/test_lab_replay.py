"""What is recorded of a whole survey over real WinRM, redacted, is replayed to the same survey under other names."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from winmigrate.inventory import Inventory, load_inventory
from winmigrate.playbook import Migration, Playbook, Selector, StorageWish, Target
from winmigrate.remoting.connect import Connector
from winmigrate.remoting.recording import recorded
from winmigrate.request import Credential, SystemClock
from winmigrate.survey import Survey, call_roll, find_candidates, take_survey
from winmigrate.transcript import Recorder, Redactor, Terms, load_book
from winmigrate.verbs.ground import stand

PASSWORD = "Kanarienvogel 0x2F!"
FABRIC = f"""\
fabric: replay
domain: corp.example
users: {{ops: {{password: '{PASSWORD}', administrator: true}}}}
hosts:
  hvprod1:
    version: 2019
    addresses: [172.16.4.11/24]
    volumes: {{D: {{size: 2 TB}}}}
    switches: [External]
    vms:
      payroll-db:
        memory: 4 GB
        disks: [{{path: 'D:\\VMs\\payroll-db\\system.vhdx', size: 80 GB, used: 32 GB}}]
        adapters: [{{switch: External, vlan: 20}}]
  hvprod2:
    version: 2022
    addresses: [172.16.4.12/24]
    volumes: {{D: {{size: 2 TB}}}}
    switches: [External]
"""


def surveyed(inventory: Inventory, connector: Connector, credentials: Any, source: str, to: str) -> Survey:
    clock = SystemClock()
    roll = call_roll(inventory, connector, clock)
    wish = Migration(
        Selector(source=Target("host", source)), (Target("host", to),), storage=StorageWish("D:\\In\\{vm}")
    )
    candidates = find_candidates(Playbook("p.yml", (wish,)), inventory, roll)
    assert len(candidates.candidates) == 1
    return take_survey(inventory, candidates, roll, connector, clock, credentials=credentials)


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    (tmp_path / "fabric.yml").write_text(FABRIC, "utf-8")
    arguments = [str(tmp_path / "fabric.yml"), "--inventory", str(tmp_path / "inventory.yml"), "--clock", "real"]
    process = subprocess.Popen([sys.executable, "-m", "winmigrate.lab.server", *arguments], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert b"ready" in process.stdout.readline()
        yield load_inventory(tmp_path / "inventory.yml")
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def test_a_survey_is_replayed_as_it_was_and_under_aliases(lab: Inventory, tmp_path: Path) -> None:
    ground = stand(lab)
    plain = Recorder("lab", None)
    redactor = Redactor(Terms(hosts=tuple(lab.hosts)))
    hidden = Recorder("recorded", redactor)
    both = recorded(recorded(ground.connector, plain), hidden)
    real = surveyed(lab, both, ground.credential_for, "hvprod1", "hvprod2")

    plain.save(tmp_path / "plain", packed=True)
    book = load_book(tmp_path / "plain")
    again = surveyed(lab, book.connector(), ground.credential_for, "hvprod1", "hvprod2")
    book.close()
    assert again.hosts.keys() == real.hosts.keys()
    for name, facts in real.hosts.items():
        dated = {"asked_from": facts.asked_from, "asked_at": facts.asked_at}
        assert dataclasses.replace(again.hosts[name], **dated) == facts
    assert again.pairs == real.pairs

    hidden.save(tmp_path / "hidden")
    text = "".join(path.read_text("utf-8") for path in (tmp_path / "hidden").iterdir()).lower()
    for name in ("hvprod", "payroll", "172.16", PASSWORD.lower(), '"corp'):
        assert name not in text, name
    aliases = [redactor.alias(name) for name in lab.hosts]
    hosts = [dataclasses.replace(host, name=redactor.alias(host.name)) for host in lab.hosts.values()]
    other = Inventory("other.yml", {host.name: host for host in hosts})
    book = load_book(tmp_path / "hidden")
    assert sorted(book.hosts) == sorted(aliases)

    def somebody(host: str) -> Credential | None:
        return ground.credential_for(next(iter(lab.hosts)))

    under = surveyed(other, book.connector(), somebody, *aliases)
    book.close()
    [vm] = under.hosts[aliases[0]].vms
    assert (vm.name, vm.id) == ("vm1", real.hosts["hvprod1"].vms[0].id)  # type: ignore[index]
    [disk] = under.hosts[aliases[0]].hard_disks  # type: ignore[misc]
    assert disk.path == "D:\\VMs\\vm1\\system.vhdx"
