"""A domain of the lab, read through the AD cmdlets of a host over real WinRM: each fault shows as its finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from tests.whole.labs import Site, site
from winmigrate import verbs
from winmigrate.checks import Finding, Outcome
from winmigrate.directory import Account, DirectoryFacts
from winmigrate.inventory.types import Directory
from winmigrate.playbook import Migration, Playbook, Selector, StorageWish, Target
from winmigrate.verbs import Checked, Ground

# mgmt has the module, and an endpoint whose sessions come to the domain as its own account. hv01 may go to hv02 and
# back; to hv03 by Kerberos only it may not, hv03 lacks a name, hv04's has two owners and was changed just now.
FABRIC = r"""
seed: 3
domain: {name: corp.example, netbios: CORP}
users:
  ops: {password: 'Spare key 0x2F!', administrator: true}
  boss: {password: 'Spare key 0x2F!', administrator: true, delegatable: false}
groups:
  Protected Users: [Tier 0]
  Tier 0: [boss]
delegation:
  hv01: {to: [hv02, hv03, hv04]}
  hv02: {to: [hv01]}
  hv03: {to: [hv01], services: [migration]}
  hv04: {to: [hv01], protocol_transition: false}
computers:
  hv03: {spns: [HOST/HV03, HOST/hv03.corp.example, Microsoft Virtual System Migration Service/HV03]}
  OLD04: {spns: ['Microsoft Virtual System Migration Service/hv04.corp.example']}
hosts:
  hv01: {migration: {authentication: Kerberos}, vms: {web01: {memory: 1 GB}}}
  hv02: {migration: {authentication: Kerberos}, vms: {web02: {memory: 1 GB}}}
  hv03: {migration: {authentication: Kerberos}, vms: {web03: {memory: 1 GB}}}
  hv04: {migration: {authentication: Kerberos}, vms: {web04: {memory: 1 GB}}}
  mgmt:
    features: {RSAT-AD-PowerShell: Installed}
    session_configurations:
      Directory:
        visible: [Get-ADComputer, Get-ADUser, Get-ADGroup, Get-ADObject, Get-ADDomain, Get-ADForest, Get-ADTrust,
          Write-Output, Microsoft.PowerShell.Utility\Select-Object]
"""
SERVICE = "Microsoft Virtual System Migration Service"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with site(tmp_path_factory.mktemp("directory"), FABRIC) as place:
        yield grounded(place)


def grounded(place: Site) -> Ground:
    written = yaml.safe_load(place.inventory.read_text(encoding="utf-8"))
    written["hosts"]["mgmt"]["second_hop"] = "jea:Directory"
    written["directory"] = {"via": "mgmt"}
    place.inventory.write_text(yaml.safe_dump(written), encoding="utf-8")
    return place.ground()


def check(ground: Ground) -> Checked:
    storage = StorageWish(path="D:\\VMs\\{vm}")
    wishes = (("web01", ("hv02", "hv03", "hv04")), ("web02", ("hv01",)), ("web03", ("hv01",)), ("web04", ("hv01",)))
    migrations = tuple(
        Migration(Selector(name=vm), tuple(Target("host", host) for host in to), storage=storage) for vm, to in wishes
    )
    return verbs.check(Playbook("p.yml", migrations), ground=ground)


@pytest.fixture(scope="module")
def checked(ground: Ground) -> Checked:
    return check(ground)


def finding(checked: Checked, requirement: str, vm: str, to: str) -> Finding:
    of = next(item for item in checked.findings.candidates if (item.vm_name, item.destination) == (vm, to))
    found = [item for item in checked.findings.of(of) if item.requirement == requirement]
    return found[-1]


def test_what_the_directory_says(checked: Checked) -> None:
    facts = checked.survey.directory
    assert isinstance(facts, DirectoryFacts), facts
    assert (facts.asked, facts.domain, facts.netbios) == ("the AD cmdlets of mgmt", "corp.example", "CORP")
    assert facts.forest == ("corp.example",)
    hosts = {name: item for name, item in facts.computers.items() if isinstance(item, Account)}
    assert set(hosts) == {"hv01", "hv02", "hv03", "hv04"}
    assert hosts["hv01"].name == "HV01$"
    (ops,) = facts.operators.values()
    assert isinstance(ops, Account)
    assert ops.name == "ops"
    assert facts.duplicates == {f"{SERVICE}/hv04.corp.example".casefold(): ("HV04$", "OLD04$")}


HEALTHY = ("kcd-migration-service", "kcd-cifs", "kcd-protocol-transition", "kcd-reverse", "spn-registered",
           "operator-delegatable", "kerberos-cache")  # fmt: skip


@pytest.mark.parametrize("requirement", HEALTHY)
def test_a_healthy_pair_has_no_finding(checked: Checked, requirement: str) -> None:
    found = finding(checked, requirement, "web01", "hv02")
    assert found.outcome is Outcome.PASS, found


@pytest.mark.parametrize(
    ("requirement", "vm", "to", "evidence"),
    [
        ("spn-registered", "web01", "hv03", f"HV03$ is not registered as {SERVICE}/HV03.corp.example"),
        ("spn-registered", "web01", "hv04", f"{SERVICE}/HV04.corp.example is registered for OLD04$ as well"),
        ("kcd-reverse", "web01", "hv03", "HV03$ may not be delegated to cifs/HV01, cifs/HV01.corp.example"),
        ("kcd-cifs", "web03", "hv01", "HV03$ may not be delegated to cifs/HV01, cifs/HV01.corp.example"),
        ("kcd-protocol-transition", "web04", "hv01", "HV04$ is delegated by Kerberos only"),
        ("kcd-reverse", "web01", "hv04", "HV04$ is delegated by Kerberos only"),
    ],
)
def test_a_fault_shows_as_its_finding(checked: Checked, requirement: str, vm: str, to: str, evidence: str) -> None:
    found = finding(checked, requirement, vm, to)
    assert found.outcome is Outcome.FAIL, found
    assert evidence in found.evidence
    assert found.remedy is not None


@pytest.mark.parametrize(
    ("via", "reason"),
    [
        ("hv01", "hv01 has no AD cmdlets"),
        ("plain", "no domain controller answers a session on mgmt"),
    ],
)
def test_a_host_that_cannot_tell(ground: Ground, via: str, reason: str) -> None:
    """A host without the module; a session that has nothing to show to a controller."""
    inventory = ground.inventory
    if via == "plain":
        mgmt = replace(inventory.hosts["mgmt"], second_hop=type(inventory.hosts["mgmt"].second_hop)("none"))
        inventory = replace(inventory, hosts={**inventory.hosts, "mgmt": mgmt})
        via = "mgmt"
    inventory = replace(inventory, directory=Directory(via=via))
    asked = check(verbs.stand(inventory, clock=ground.clock))
    found = finding(asked, "kcd-migration-service", "web01", "hv02")
    assert found.outcome is Outcome.PENDING
    assert reason in found.evidence
