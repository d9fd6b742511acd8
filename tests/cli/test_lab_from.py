"""`lab from`: what a survey held comes back when the fabric made of it is surveyed; the rest is told as assumed."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from winmigrate import verbs
from winmigrate.cli.clocks import ground_for
from winmigrate.cli.commands import program
from winmigrate.cli.surveyed import ALWAYS, fabric_of
from winmigrate.facts import Unreadable
from winmigrate.lab.fabric.loading import make_world, read_fabric
from winmigrate.survey import HostFacts, Roll, Survey
from winmigrate.testing.serving import lab

FABRICS = Path(__file__).parents[2] / "fixtures" / "fabrics"
PLAYBOOK = r"""
winmigrate: 1
inventory: inventory.yml
migrations:
  - choose: {from: hv01}
    to: [hv02]
    storage: {path: 'D:\Moved\{vm}'}
    networks: {External: Ext}
"""
SECRET = "Spare key 0x2F!"

#: A little of everything that a machine can have.
RICH = r"""
seed: 9
domain: {name: ad.corp.example, netbios: CORP}
users: {ops: {password: 'Spare key 0x2F!'}}
delegation: all
hosts:
  hv01:
    version: 2019
    memory: 256 GB
    memory_reserved: 6 GB
    processor: {manufacturer: AuthenticAMD, sockets: 1, cores: 24, logical: 48}
    volumes: {C: {size: 200 GB, used: 71 GB}, D: {size: 4 TB, used: 33 GB, label: VMs, file_system: ReFS}, E: 1 TB}
    switches: [Production, {name: Inside, kind: Internal}, {name: Alone, kind: Private}]
    sans: [Gold]
    migration: {limit: 3, storage_limit: 1, authentication: CredSSP, any_network: false, networks: [10.0.0.0/24]}
    addresses: [{address: 10.0.0.11/24, alias: vEthernet (Production)}, 10.9.0.11/24]
    services: {ClusSvc: Stopped}
    features: {Failover-Clustering: Installed}
    vms:
      - name: Bücher & "co"
        memory: {startup: 4 GB, dynamic: true, minimum: 1 GB, maximum: 16 GB, assigned: 3 GB}
        processors: {count: 8, compatibility: true, nested: true, reserve: 10, maximum: 90, weight: 200}
        tpm: true
        notes: "two\nlines"
        uptime: 86400
        disks:
          - {path: 'D:\VMs\b\system.vhdx', size: 100 GB, used: 31 GB, parent: 'E:\Gold\base.vhdx', parent_used: 12 GB}
          - {path: 'E:\VMs\b\data.vhdx', size: 50 GB, kind: Fixed, controller: SCSI, location: 5}
          - {path: 'E:\VMs\b\shared.vhdx', size: 10 GB, shared: true}
        adapters:
          - {switch: Production, vlan: {mode: Trunk, native: 1, allowed: [10, 11, 12, 20]}, mac: 00-15-5D-00-11-22}
          - {switch: Inside, name: Second, mac_spoofing: true, dhcp_guard: true, iov_weight: 50}
          - {connected: false, name: Third}
        dvds: ['E:\ISO\tools.iso', null]
        checkpoints: [before, {name: after, used: 5 GB, kind: Recovery}]
        devices: [{name: GPU, location_path: 'PCIROOT(0)#PCI(0300)'}]
        fibre_channel: [Gold]
        start: Start
        start_delay: 30
        stop: ShutDown
      - {name: legacy, generation: 1, state: 'Off', memory: 1 GB, version: 5.0, disks: ['D:\VMs\l\l.vhd'],
         adapters: [{switch: Production, legacy: true, vlan: 7}]}
      - {name: saved, state: Saved, memory: 2 GB, checkpoint_type: Standard, secure_boot: false}
      - {name: passed, memory: 2 GB, disks: ['D:\VMs\p\p.vhdx', {physical: 3}], replication: Primary}
  hv02: {version: 2022, volumes: {D: 4 TB}, files: {'D:\Moved\legacy\Virtual Hard Disks\l.vhd': 3 GB}}
"""


def surveyed(fabric: Path, folder: Path) -> tuple[Survey, Roll]:
    folder.mkdir()
    playbook = PLAYBOOK.replace("[hv02]", "[hv02, hv03]") if "hv03:" in fabric.read_text("utf-8") else PLAYBOOK
    (folder / "playbook.yml").write_text(playbook, encoding="utf-8")
    with lab(fabric, folder / "inventory.yml", http=True):
        ground = ground_for(str(folder / "inventory.yml"), str(folder / "runs"))
        checked = verbs.check(folder / "playbook.yml", ground=ground)
    return checked.survey, checked.roll


def differences(one: Any, other: Any, path: str) -> list[str]:
    """Where two nouns differ, and how."""
    if dataclasses.is_dataclass(one) and type(one) is type(other):
        names = [field.name for field in dataclasses.fields(one)]
        return [line for name in names
                for line in differences(getattr(one, name), getattr(other, name), f"{path}.{name}")]
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return [line for index, (a, b) in enumerate(zip(one, other, strict=True))
                for line in differences(a, b, f"{path}[{index}]")]
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [line for key in one for line in differences(one[key], other[key], f"{path}[{key}]")]
    return [] if one == other else [f"{path}: {one!r} != {other!r}"]


@pytest.mark.parametrize("name", ["demo.yml", "chaos.yml", "rich"])
def test_the_survey_of_the_made_fabric_is_the_survey_it_was_made_of(tmp_path: Path, name: str) -> None:
    fabric = FABRICS / name
    if name == "rich":
        fabric = tmp_path / "rich.yml"
        fabric.write_text(RICH, encoding="utf-8")
    survey, roll = surveyed(fabric, tmp_path / "first")
    assert sum(len(facts.vms) for facts in survey.hosts.values() if not isinstance(facts.vms, Unreadable)) >= 4
    made = fabric_of(survey, roll, "invented for this")
    text = made.text("a test")
    assert SECRET not in text
    assert all(f"#   {sentence}" in text for sentence in ALWAYS)
    again = tmp_path / "made.yml"
    again.write_text(text, encoding="utf-8")
    second, second_roll = surveyed(again, tmp_path / "second")
    assert differences(roll, second_roll, "roll") == []
    assert differences(survey, second, "survey") == []


def test_the_command_and_a_rehearsal_on_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("playbook.yml").write_text(PLAYBOOK.replace("[hv02]", "[hv02, hv03]"), encoding="utf-8")
    with lab(FABRICS / "chaos.yml", Path("inventory.yml"), http=True):
        assert CliRunner().invoke(program, ["plan", "playbook.yml"]).exit_code in (0, 1, None)
    (run,) = Path("runs").iterdir()
    done = CliRunner().invoke(program, ["lab", "from", run.name, "--out", "site.yml"])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "hosts; winmigrate lab serve site.yml" in done.output
    assert "network bandwidth" in done.output
    assert stat.S_IMODE(Path("site.yml").stat().st_mode) == 0o600
    assert SECRET not in Path("site.yml").read_text(encoding="utf-8")
    with lab(Path("site.yml"), Path("inventory.yml"), http=True):
        ground = ground_for("inventory.yml", "rehearsal")
        planned = verbs.plan("playbook.yml", ground=ground)
        assert planned.plan.steps
        states = verbs.run(planned.folder, ground=ground).states
        assert {state.status.value for state in states.values()} == {"done"}


def test_the_fabric_on_standard_output_and_no_such_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(program, ["lab", "from", "20260101-0000-abcd"])
    assert done.exception is not None
    assert "20260101-0000-abcd" in str(done.exception)


def bare(**facts: Any) -> tuple[Survey, Roll]:
    """A survey of one host of which nothing was read but what is given."""
    import datetime as dt

    from winmigrate.survey import RollEntry

    now = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.timezone.utc)
    return (Survey(now, {"hv01": HostFacts("hv01", **facts)}, {}),
            Roll(now, {"hv01": RollEntry("hv01", True), "hv02": RollEntry("hv02", False, "it is down")}))


def test_what_could_not_be_read_is_told_and_the_fabric_loads() -> None:
    made = fabric_of(*bare(vms=Unreadable("access\ndenied: 1")), "invented")
    said = "\n".join(made.assumed)
    for words in ("hv01: version", "hv01: machines", "hv01: volumes", "hv02: left out, it was not reached",
                  "user: ops, an administrator everywhere", "the domain is called corp.example"):
        assert words in said
    text = made.text("a run\nwith: two lines")
    assert yaml.safe_load(text)["hosts"].keys() == {"hv01"}
    world = make_world(read_fabric(text, "made.yml"))
    world.clock.close()
    assert world.users[0].name == "ops"
