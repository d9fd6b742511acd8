"""Devices, protection and memory layout over real WinRM: a healthy VM is found so, each fault shows as its finding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.checks import cases_devices
from tests.lab.found import finding, wish
from tests.whole.labs import Site, site
from tests.whole.terminal import typed
from winmigrate import verbs
from winmigrate.checks import Outcome
from winmigrate.playbook import Playbook, Selector
from winmigrate.verbs import Checked

OURS = {case.requirement for case in cases_devices.CASES}

# web01 is sound. odd01 has every fault that a VM of 2019 can have towards hv02; new01 has what 2025 brought.
FABRIC = r"""
seed: 11
users: {ops: {password: 'Spare key 0x2F!', administrator: true}}
hosts:
  hv01:
    version: 2019
    sans: [Production]
    certificates: [CN=Own Encryption, CN=Own Signing, CN=Shared]
    guarded: https://hgs1.corp.example/Attestation
    pools: [{type: Processor, name: Gold}]
    links: ['D:\VMs\odd01\Virtual Hard Disks\old.vhdx']
    vms:
      web01: {memory: 4 GB}
      odd01:
        generation: 1
        memory: 6 GB
        floppy: 'D:\boot.vfd'
        remotefx: true
        gpu_partitions: [{migration: true}]
        fibre_channel: [{san: Production, wwpn_b: ''}]
        tpm: true
        guardians: [CN=Own Encryption, CN=Own Signing]
        shielded: true
        encrypt_traffic: true
        pools: {Processor: Gold}
        disks:
          - 'D:\VMs\odd01\Virtual Hard Disks\odd01.vhdx'
          - {path: 'D:\VMs\odd01\Virtual Hard Disks\log.vhdpmem', controller: PMEM, size: 1 GB, used: 1 GB}
          - {path: 'D:\VMs\odd01\Virtual Hard Disks\UVHD-S-1-5-21-1-2-3-1107.vhdx', used: 1 GB}
  hv02:
    version: 2019
    certificates: []
    numa_spanning: false
    numa: [{memory: 32 GB, free: 5 GB}, {memory: 32 GB, free: 2 GB}]
  hv11: {version: 2025, vms: {new01: {memory: 2 GB, gpu_partitions: [{migration: false}]}}}
  hv12: {version: 2025}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("devices"), FABRIC) as found:
        yield found


@pytest.fixture(scope="module")
def checked(place: Site) -> Checked:
    goals = {"web01": "hv02", "odd01": "hv02", "new01": "hv12"}
    wishes = tuple(wish(Selector(name=vm), to) for vm, to in goals.items())
    return verbs.check(Playbook("p.yml", wishes), ground=place.ground())


def test_a_sound_vm_has_no_finding(checked: Checked) -> None:
    found = {id: finding(checked, id, "web01") for id in OURS}
    assert {id: item.evidence for id, item in found.items() if item.outcome is not Outcome.PASS} == {}
    assert "may span" not in found["mem-numa"].evidence


FAULTS = [
    ("disk-rds-upd", "odd01", "UVHD-S-1-5-21-1-2-3-1107.vhdx attached"),
    ("floppy-host-media", "odd01", "odd01 has D:\\boot.vfd of hv01"),
    ("vfc-san-name", "odd01", 'hv02 has no virtual SAN "Production" for odd01; it has none'),
    ("vfc-wwn-both-sets", "odd01", "a Fibre Channel adapter of odd01 lacks names"),
    ("dev-gpu-partition", "odd01", "1 GPU partition of hv01: hv01 has Windows Server 2019"),
    ("dev-gpu-partition", "new01", "does not support it (SupportsOutgoingLiveMigration is False)"),
    ("dev-remotefx", "odd01", "a RemoteFX 3D video adapter of hv01"),
    ("dev-pmem", "odd01", "log.vhdpmem"),
    ("sec-vtpm-keys", "odd01", 'hv02 has none of the certificates of hv01 that can protect it: "CN=Own Encryption"'),
    ("sec-shielded", "odd01", "odd01 is shielded, and hv02 is no guarded host"),
    ("sec-encrypted-traffic", "odd01", "the migration traffic of odd01 are encrypted"),
    ("resource-pools", "odd01", "hv02 has no resource pool Processor 'Gold' of odd01"),
    ("mem-numa", "odd01", "1 virtual NUMA node of 2 processors and 6 GiB, and hv02, whose VMs may not span nodes"),
    ("loopback-leftover-symlinks", "odd01", "old.vhdx on hv01 is a SymbolicLink"),
]


@pytest.mark.parametrize(("requirement", "vm", "evidence"), FAULTS)
def test_a_fault_shows_as_its_finding(checked: Checked, requirement: str, vm: str, evidence: str) -> None:
    found = finding(checked, requirement, vm)
    assert found.outcome is Outcome.FAIL, found
    assert evidence in found.evidence
    assert found.remedy is not None


def test_all_of_them_are_shown() -> None:
    assert {requirement for requirement, _, _ in FAULTS} == OURS


def test_the_versions_of_its_hosts_are_shown(place: Site) -> None:
    book = place.folder / "versions.yml"
    book.write_text(
        "winmigrate: 1\ninventory: inventory.yml\n"
        "migrations: [{choose: {name: web01}, to: [hv02, hv11]}, {choose: {name: new01}, to: [hv02]}]\n",
        encoding="utf-8",
    )
    done = typed(place.folder, "check", str(book), "--versions")
    text = " ".join(done.stdout.split())
    assert "web01, version 9.0, on hv01 > hv02: may come back as it is; it is of the newest version there" in text
    assert "> hv11: may come back as it is; upgraded there to 12.0 it CANNOT COME BACK, nor go to hv02" in text
    assert "new01, version 12.0, on hv11 > hv02: CANNOT GO, hv02 does not run version 12.0" in text
    refused = typed(place.folder, "check", str(book), "--versions", "--format", "junit")
    assert (refused.returncode, refused.stdout) == (2, "")
