"""What VMs are set to, their adapters and switches, over real WinRM: each fault of a fabric shows as its finding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.checks import cases_settings
from tests.lab.found import finding, wish
from tests.whole.labs import Site, site
from winmigrate import verbs
from winmigrate.checks import Outcome, Resolver
from winmigrate.playbook import Playbook, Selector
from winmigrate.verbs import Checked

OURS = {case.requirement for case in cases_settings.CASES}
#: What the rehearsal, a cluster's VM or a device that is not there leaves open for a sound VM.
OPEN = {"cpu-features": Outcome.PENDING, "cpu-compat-mode-2025": Outcome.SKIP, "net-sriov": Outcome.SKIP}

ODD = "22222222-2222-3333-4444-555555555555"
# web01 is sound. odd01 has every fault of this kind that a VM of 2019 can have towards hv02; new01 is of 2025.
FABRIC = r"""
seed: 12
users: {ops: {password: 'Spare key 0x2F!', administrator: true}}
hosts:
  hv01:
    version: 2019
    switches: [External, {name: Guarded, iov: true, extensions: {Vendor Filter: true}}]
    vms:
      web01: {memory: 4 GB}
      odd01:
        id: 22222222-2222-3333-4444-555555555555
        memory: 4 GB
        status: Degraded
        checkpoints: [before update]
        integration: {VSS: ProtocolMismatch, Heartbeat: false}
        replication: Primary
        replication_state: Resynchronizing
        replication_health: Warning
        processors: {count: 2, nested: true}
        adapters:
          - switch: Guarded
            iov_weight: 100
            vlan: {mode: Private, primary: 10, secondary: 201}
            acls: [{action: Deny, direction: Inbound, remote: 10.9.0.0/16}]
            extended_acls: [{action: Allow, direction: Inbound, port: '443', protocol: TCP, weight: 10}]
  hv02:
    version: 2019
    processor: {name: Xeon Gold 6430}
    mac_pool: [00155D0A0180, 00155D0A027F]
    switches: [External, {name: Guarded, kind: Internal}]
    vms: {odd01: {memory: 1 GB}}
  hv11:
    version: 2025
    vms: {new01: {memory: 2 GB, processors: {count: 2, compatibility: true, mode: CommonClusterFeatureSet}}}
  hv12: {version: 2025}
  hv21:
    version: 2019
    vms: {old01: {memory: 1 GB, adapters: [{isolation: NativeVirtualSubnet, isolation_id: 5001}]}}
  hv22: {version: 2019}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("settings"), FABRIC) as found:
        yield found


@pytest.fixture(scope="module")
def checked(place: Site) -> Checked:
    wishes = (
        wish(Selector(name="web01"), "hv22"),
        wish(Selector(id=ODD), "hv02"),
        wish(Selector(name="new01"), "hv12"),
        wish(Selector(name="old01"), "hv22"),
    )
    return verbs.check(Playbook("p.yml", wishes), ground=place.ground())


def test_a_sound_vm_has_no_finding(checked: Checked) -> None:
    found = {id: finding(checked, id, "web01") for id in OURS}
    assert {id: item.outcome for id, item in found.items() if item.outcome is not Outcome.PASS} == OPEN
    assert found["cpu-features"].pending_on is Resolver.REHEARSE


FAULTS = [
    ("vm-health", "odd01", "odd01 on hv01: degraded"),
    ("vm-saved-state-compat", "odd01", "Xeon Gold 6430"),
    ("vm-integration-services", "odd01", "VSS (older than the host)"),
    ("vm-replica-state", "odd01", "Resynchronizing, health Warning"),
    ("vm-nested-virtualization", "odd01", "virtualization extensions are exposed to odd01"),
    ("vm-name-free-destination", "odd01", "hv02 has a VM called odd01 already"),
    ("cpu-compat-mode-2025", "new01", "new01 uses CommonClusterFeatureSet"),
    ("net-switch-type", "odd01", "Guarded is External on hv01, Guarded is Internal on hv02"),
    ("net-sriov", "odd01", "the switch Guarded of hv02 has none"),
    ("net-mac-pool", "odd01", "the other host may give it once more"),
    ("net-vlan-isolation", "odd01", "private VLAN 10, 201"),
    ("net-vlan-isolation", "old01", "isolation NativeVirtualSubnet, 5001"),
    ("net-extended-acls", "odd01", "odd01 has 1 ACL and 1 extended ACL"),
    ("net-switch-extensions", "odd01", "Vendor Filter (Guarded)"),
]


@pytest.mark.parametrize(("requirement", "vm", "evidence"), FAULTS)
def test_a_fault_shows_as_its_finding(checked: Checked, requirement: str, vm: str, evidence: str) -> None:
    found = finding(checked, requirement, vm)
    assert found.outcome is Outcome.FAIL, found
    assert evidence in found.evidence
    assert found.remedy is not None
