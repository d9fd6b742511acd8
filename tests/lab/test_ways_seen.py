"""What lies around the hosts of a lab, read over real WinRM: each fault shows as its finding; and moves meet it too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.fabric.worlds import TWO_HOSTS, move, run, world_of
from tests.whole.labs import site
from winmigrate import verbs
from winmigrate.checks import Finding, Outcome, Severity
from winmigrate.errors import InputFaults
from winmigrate.playbook import Migration, Playbook, Selector, StorageWish, Target
from winmigrate.verbs import Checked

# hv01 is healthy, hv02 has every fault, hv03 those of performance and a half of the ports.
FABRIC = r"""
seed: 4
domain: {name: corp.example, netbios: CORP}
users:
  ops: {password: 'Spare key 0x2F!', administrator: true}
hosts:
  hv01:
    migration: {performance: SMB}
    dns: {hv02.corp.example: 10.9.9.9}
    vms: {web01: {memory: 1 GB}}
  hv02:
    update: 7000
    microcode: 00000000F0000000
    clock_skew: 200
    blocked_ports: [6600, 445]
    user_rights: {SeServiceLogonRight: [CORP\sql], SeCreateSymbolicLinkPrivilege: ['*S-1-5-32-544']}
    registry_pol: corrupt
    antivirus: {automatic: false}
    hyperv_modules: ['1.1']
    link_speeds: {Management: 100 Mbit}
    vms: {web02: {memory: 1 GB}}
  hv03:
    migration: {performance: SMB, listening: false}
    speculation: 3
    computer_name: hv03
    features: {FS-SMBBW: Installed}
    smb: {limits: {LiveMigration: 100 MB/s}}
    antivirus: false
    services: {WinRM: Running}
"""

SEEN = [
    ("dns-forward-both", "hv02", "", "10.9.9.9 is no address of hv02"),
    ("port-6600-reachable", "hv03", "", "does not reach"),
    ("listener-6600", "hv03", "hv03", "nothing on hv03 listens on TCP 6600"),
    ("patch-level", "hv02", "", "hv01 has build 17763.7558, hv02 has build 17763.7000"),
    ("cpu-speculation-equal", "hv02", "", "hv01 runs microcode 00000000ea000000, hv02 00000000f0000000"),
    ("cpu-speculation-equal", "hv03", "", "FeatureSettingsOverride is not set on hv01, 3 (mask 3) on hv03"),
    ("time-skew", "hv02", "", "the clock of hv02 is"),
    ("gpo-logon-as-service", "hv02", "hv02", "not to NT VIRTUAL MACHINE"),
    ("gpo-create-symbolic-links", "hv02", "hv02", "not to NT VIRTUAL MACHINE"),
    ("registry-pol-intact", "hv02", "hv02", "begins with 00 00 00 00"),
    ("antivirus-exclusions", "hv02", "hv02", "vmms.exe and vmwp.exe opens"),
    ("hyperv-module-version", "hv02", "hv02", "hv02 has 1.1"),
    ("migration-link-speed", "hv02", "hv02", "Management 100 Mbit/s"),
    ("computername-uppercase", "hv03", "hv03", "the registry of hv03 has hv03"),
    ("smb-bandwidth-cap", "hv03", "hv03", "100 MiB/s"),
    ("perf-rdma", "hv03", "hv03", "none of Management has RDMA"),
    ("perf-option-equal", "hv02", "", "hv01 has SMB, hv02 has Compression"),
]
HEALTHY = [
    ("dns-forward-both", "hv03", ""), ("port-445-reachable", "hv03", ""), ("port-winrm-reachable", "hv03", ""),
    ("patch-level", "hv03", ""), ("time-skew", "hv03", ""), ("listener-6600", "hv03", "hv01"),
    ("gpo-logon-as-service", "hv03", "hv03"), ("registry-pol-intact", "hv03", "hv03"),
    ("hyperv-module-version", "hv03", "hv03"), ("migration-link-speed", "hv03", "hv03"),
    ("antivirus-exclusions", "hv03", "hv01"), ("computername-uppercase", "hv03", "hv01"),
    ("perf-option-equal", "hv03", ""), ("smb-bandwidth-cap", "hv03", "hv01"),
]  # fmt: skip


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    with site(tmp_path_factory.mktemp("ways"), FABRIC) as place:
        storage = StorageWish(path="D:\\VMs\\{vm}")
        targets = (Target("host", "hv02"), Target("host", "hv03"))
        migrations = (
            Migration(Selector(name="web01"), targets, storage=storage),
            Migration(Selector(name="web02"), (Target("host", "hv01"),), storage=storage),
        )
        yield verbs.check(Playbook("p.yml", migrations), ground=place.ground())


def finding(checked: Checked, requirement: str, to: str, on: str = "", vm: str = "web01") -> Finding:
    of = next(item for item in checked.findings.candidates if (item.vm_name, item.destination) == (vm, to))
    found = [item for item in checked.findings.of(of) if item.requirement == requirement]
    found = [item for item in found if not on or item.subject.source == on]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(("requirement", "to", "on", "evidence"), SEEN)
def test_a_fault_is_seen(checked: Checked, requirement: str, to: str, on: str, evidence: str) -> None:
    found = finding(checked, requirement, to, on)
    assert found.outcome is Outcome.FAIL, found
    assert evidence in found.evidence


@pytest.mark.parametrize(("requirement", "to", "on"), HEALTHY)
def test_what_is_healthy_passes(checked: Checked, requirement: str, to: str, on: str) -> None:
    assert finding(checked, requirement, to, on).outcome is Outcome.PASS, finding(checked, requirement, to, on)


def test_a_host_without_defender_is_not_known_to_be_left_alone(checked: Checked) -> None:
    found = finding(checked, "antivirus-exclusions", "hv03", "hv03")
    assert found.outcome is Outcome.UNKNOWN
    assert "is not recognized" in found.evidence


def test_a_skew_that_kerberos_takes_is_told(checked: Checked) -> None:
    assert finding(checked, "time-skew", "hv02").severity is Severity.RISKS


def test_ports_are_asked_from_the_source(checked: Checked) -> None:
    """hv02 blocks what comes to it, and reaches hv01 itself."""
    for requirement in ("port-6600-reachable", "port-445-reachable", "port-winrm-reachable"):
        assert finding(checked, requirement, "hv01", vm="web02").outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("blocked_ports: [6600]", "0x8007274C"),
        ("migration: {listening: false}", "0x8007274D"),
        ("services: {vmms: Stopped}", "0x8007274D"),
        ("blocked_ports: [445]", "0x80070035"),
        ("services: {LanmanServer: Stopped}", "0x80070035"),
    ],
)
def test_a_move_meets_the_port_too(fault: str, code: str) -> None:
    text = TWO_HOSTS.replace("hv02: {volumes: {D: 1 TB}}", f"hv02: {{volumes: {{D: 1 TB}}, {fault}}}")
    with world_of(text) as world:
        job = move(world)
        run(world, job)
        assert job.failure is not None
        assert code in job.error


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("blocked_ports: [70000]", "blocked_ports"),
        ("dns: {hv02: nowhere}", "nowhere is no address"),
        ("microcode: xyz", "16 hexadecimal digits"),
        ("user_rights: {SeBackupPrivilege: [x]}", "SeServiceLogonRight"),
        ("registry_pol: torn", "intact | corrupt"),
        ("antivirus: {scan: true}", "scan"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(line: str, told: str) -> None:
    with pytest.raises(InputFaults) as caught, world_of(f"hosts:\n  hv01:\n    {line}\n"):
        pass
    assert told in str(caught.value)
    assert "fabric.yml:3" in str(caught.value)
