"""`lab from` a survey with a cluster, with a file server, and with a directory: they come back when it is surveyed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.test_lab_from import differences
from winmigrate import verbs
from winmigrate.cli.clocks import ground_for
from winmigrate.cli.surveyed import fabric_of
from winmigrate.facts import Unreadable
from winmigrate.survey import Roll, Survey
from winmigrate.testing.serving import lab

PLAYBOOK = """
winmigrate: 1
inventory: inventory.yml
migrations:
  - choose: {from: hv01}
    to: [hv02, hv03]
"""
HEAD = """
seed: 5
domain: corp.example
users: {ops: {password: 'Spare key 0x2F!', administrator: true}}
"""
CLUSTER = HEAD + r"""
delegation: all
clusters:
  clu1:
    nodes: {hv01: , hv02: , hv03: {state: Paused, drain: Completed}}
    quorum: share
    csv: {Volume1: {size: 10 TB, owner: hv02}, Volume2: {size: 10 TB, nodes: {hv03: FileSystemRedirected}}}
    networks: {Cluster: {subnet: 10.0.0.0/24, migration: exclude}}
    groups: {web01: {preferred: [hv02], failback: true, anti_affinity: [web], possible: [hv01, hv02]}}
hosts:
  hv01:
    version: 2022
    vms:
      web01: {path: 'C:\ClusterStorage\Volume1\web01', disks: ['C:\ClusterStorage\Volume1\web01\web01.vhdx']}
  hv02: {version: 2022}
  hv03: {version: 2022}
"""
SHARE = HEAD + r"""
groups: {Hyper-V Hosts: [HV01$, HV02$, HV03$]}
delegation: all
file_servers:
  fs01:
    version: 2022
    scale_out: true
    shares:
      VMs:
        path: 'D:\Shares\VMs'
        size: 10 TB
        access: {'CORP\Hyper-V Hosts': Full, 'CORP\Domain Admins': Full}
        ntfs:
          .: {rules: {'CORP\Hyper-V Hosts': FullControl, 'CORP\Domain Admins': FullControl}}
          locked: {rules: {'CORP\HV01$': FullControl, 'CORP\HV02$': ReadAndExecute}, inherit: false}
hosts:
  hv01:
    version: 2022
    vms:
      web01: {path: '\\fs01\VMs\web01', disks: ['\\fs01\VMs\web01\web01.vhdx']}
      locked01: {path: '\\fs01\VMs\locked', disks: ['\\fs01\VMs\locked\locked01.vhdx']}
  hv02: {version: 2022}
  hv03: {version: 2022}
"""
DIRECTORY = HEAD + r"""
delegation:
  hv01: {to: [hv02, hv03], services: [migration, cifs], protocol_transition: true}
  hv02: {to: hv01, services: [cifs], protocol_transition: false}
hosts:
  hv01: {version: 2022, features: {RSAT-AD-PowerShell: Installed}, credssp: true, vms: {web01: }}
  hv02: {version: 2022, credssp: true}
  hv03: {version: 2022, credssp: true}
"""


def surveyed(text: str, folder: Path, *, auth: str = "ntlm", directory: str = "") -> tuple[Survey, Roll]:
    folder.mkdir()
    (folder / "fabric.yml").write_text(text, encoding="utf-8")
    (folder / "playbook.yml").write_text(PLAYBOOK, encoding="utf-8")
    with lab(folder / "fabric.yml", folder / "inventory.yml", http=auth != "credssp", auth=auth):
        inventory = folder / "inventory.yml"
        if directory:
            inventory.write_text(inventory.read_text("utf-8") + directory, encoding="utf-8")
        checked = verbs.check(folder / "playbook.yml", ground=ground_for(str(inventory), str(folder / "runs")))
    return checked.survey, checked.roll


@pytest.mark.parametrize(("fabric", "noun"), [(CLUSTER, "clusters"), (SHARE, "file_servers")], ids=["cluster", "share"])
def test_what_hosts_share_comes_back(tmp_path: Path, fabric: str, noun: str) -> None:
    survey, roll = surveyed(fabric, tmp_path / "first")
    assert getattr(survey, noun)
    made = fabric_of(survey, roll, "invented")
    second, second_roll = surveyed(made.text("a test"), tmp_path / "second")
    assert differences(roll, second_roll, "roll") == []
    # Nothing read says which volume without a letter is which CSV, so they get GUIDs of their own.
    assert [one for one in differences(survey, second, "survey") if "?\\\\Volume{" not in one] == []


def test_delegation_is_that_of_the_directory(tmp_path: Path) -> None:
    survey, roll = surveyed(DIRECTORY, tmp_path / "first", auth="credssp", directory="directory: {via: hv01}\n")
    assert not isinstance(survey.directory, Unreadable), survey.directory
    made = fabric_of(survey, roll, "invented")
    assert yaml.safe_load(made.text("a test"))["delegation"] == {
        "hv01": {"to": ["hv02", "hv03"], "services": ["cifs", "migration"], "protocol_transition": True},
        "hv02": {"to": ["hv01"], "services": ["cifs"], "protocol_transition": False},
    }


def test_without_a_directory_delegation_is_assumed_and_said(tmp_path: Path) -> None:
    made = fabric_of(*surveyed(SHARE, tmp_path / "first"), "invented")
    assert made.tree["delegation"] == "all"
    assert made.tree["groups"] == {"Hyper-V Hosts": ["HV01$", "HV02$", "HV03$"]}
    said = "\n".join(made.assumed)
    assert "delegation: every host may act at every other" in said
    assert "in CORP\\Hyper-V Hosts: every host (the directory was not read)" in said
