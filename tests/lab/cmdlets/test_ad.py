"""The ActiveDirectory module of a lab's host: accounts, filters, errors, and who gets to a controller at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Answer, Site, select
from tests.lab.cmdlets.client import ask
from tests.lab.fabric.worlds import world_of
from winmigrate.lab.fabric.identity import Logon
from winmigrate.lab.fabric.world import World
from winmigrate.windows import directory
from winmigrate.windows.row import rows

FABRIC = r"""
domain: {name: corp.example, netbios: CORP}
domains:
  - {name: eu.corp.example, netbios: EU, forest: corp.example}
  - {name: partner.example, netbios: PARTNER}
trusts: [{trusting: corp.example, trusted: partner.example, two_way: false}]
users:
  ops: {password: x, administrator: true}
  boss: {password: x, delegatable: false, disabled: true}
groups:
  Protected Users: [Tier 0]
  Tier 0: [boss]
  Movers: ['HV01$']
delegation: {hv01: [hv02]}
rbcd: {hv02: [hv01]}
hosts:
  hv01: {features: {RSAT-AD-PowerShell: Installed}}
  hv02: {}
  hv09: {workgroup: true, features: {RSAT-AD-PowerShell: Installed}}
"""
CALLER = Logon("CORP\\ops", "credssp", delegated=True, host="hv01")
SERVICE = "Microsoft Virtual System Migration Service"


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(FABRIC) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world, caller=CALLER)


def get(site: Site, what: str, **given: Any) -> Answer:
    return site.run((f"Get-AD{what}", given))


def test_a_computer_as_it_comes_unasked(site: Site) -> None:
    found = get(site, "Computer", Identity="hv01").one
    assert found.type_names[0] == "Deserialized.Microsoft.ActiveDirectory.Management.ADComputer"
    assert found.get("DistinguishedName") == "CN=HV01,CN=Computers,DC=corp,DC=example"
    assert (found.get("SamAccountName"), found.get("Enabled"), found.get("ObjectClass")) == ("HV01$", True, "computer")
    assert found.get("msDS-AllowedToDelegateTo") is None


@pytest.mark.parametrize("identity", ["HV01", "HV01$", "CN=HV01,CN=Computers,DC=corp,DC=example"])
def test_by_identity(site: Site, identity: str) -> None:
    asked = ["msDS-AllowedToDelegateTo", "userAccountControl", "TrustedToAuthForDelegation"]
    found = get(site, "Computer", Identity=identity, Properties=asked).one
    assert len(found.get("msDS-AllowedToDelegateTo")) == 4
    assert found.get("userAccountControl") == 0x1001000
    assert found.get("TrustedToAuthForDelegation") is True


@pytest.mark.parametrize(
    ("what", "filter", "names"),
    [
        ("Computer", "(sAMAccountName=hv0*)", ["HV01$", "HV02$"]),
        ("Computer", f"(servicePrincipalName={SERVICE}/HV02)", ["HV02$"]),
        ("Computer", "(userAccountControl:1.2.840.113556.1.4.803:=16777216)", ["HV01$"]),
        ("Computer", "(memberOf:1.2.840.113556.1.4.1941:=CN=Movers,CN=Users,DC=corp,DC=example)", ["HV01$"]),
        ("User", "(memberOf:1.2.840.113556.1.4.1941:=CN=Protected Users,CN=Users,DC=corp,DC=example)", ["boss"]),
        ("User", "(&(objectCategory=person)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", ["ops"]),
        ("Group", "(member:1.2.840.113556.1.4.1941:=CN=boss,CN=Users,DC=corp,DC=example)",
         ["Protected Users", "Tier 0"]),
        ("Computer", "(sAMAccountName=HV99$)", []),
    ],
)
def test_by_filter(site: Site, what: str, filter: str, names: list[str]) -> None:
    answer = get(site, what, LDAPFilter=filter)
    assert sorted(answer.column("SamAccountName")) == sorted(names), answer


@pytest.mark.parametrize(("filter", "names"), [("*", 2), ("Name -eq 'hv01'", 1), ("Name -like 'hv*'", 2)])
def test_by_filter_of_powershell(site: Site, filter: str, names: int) -> None:
    assert len(get(site, "Computer", Filter=filter).output) == names


def test_our_own_reads(site: Site) -> None:
    filter = "(|(sAMAccountName=HV01$)(sAMAccountName=HV02$))"
    computers = ask(site, directory.computers(filter)).output
    found = {row.sam_account_name: row for row in rows(directory.ADAccount, computers, "2019")}
    assert found["HV02$"].principals_allowed == ("CN=HV01,CN=Computers,DC=corp,DC=example",)
    assert found["HV01$"].principals_allowed == ()
    assert isinstance(found["HV01$"].sid, str)
    assert found["HV01$"].sid.startswith("S-1-5-21-")
    (boss,) = rows(directory.ADAccount, ask(site, directory.users("(sAMAccountName=boss)")).output, "2019")
    assert boss.user_account_control == 0x200 | 0x2 | 0x100000
    assert boss.dns_host_name is None
    (own,) = rows(directory.ADDomain, ask(site, directory.domain()).output, "2019")
    assert (own.dns_root, own.net_bios_name) == ("corp.example", "CORP")
    assert sorted(ask(site, directory.domains_of_forest()).output) == ["corp.example", "eu.corp.example"]
    trusts = rows(directory.ADTrust, ask(site, directory.trusts()).output, "2019")
    assert {(row.target, row.direction, row.forest_transitive) for row in trusts} == {
        ("eu.corp.example", "BiDirectional", False),
        ("partner.example", "Outbound", True),
    }


# --- refusals --------------------------------------------------------------------------------------------------------

_SPACE = "Microsoft.ActiveDirectory.Management."


@pytest.mark.parametrize(
    ("what", "given", "error"),
    [
        ("Computer", {"Identity": "HV99"}, f"ActiveDirectoryCmdlet:{_SPACE}ADIdentityNotFoundException"),
        ("Computer", {"Identity": "HV01", "Properties": ["colour"]}, "One or more properties are invalid."),
        ("Object", {"LDAPFilter": "(a=1)", "Properties": ["PrincipalsAllowedToDelegateToAccount"]}, "One or more"),
        ("Computer", {"LDAPFilter": "(sAMAccountName=HV01$"}, "ActiveDirectoryServer:8254"),
        ("Computer", {"Filter": "Name -eq 'a' -and Name -eq 'b'"}, "ActiveDirectoryCmdlet"),
        ("Domain", {"Server": "nobody.example"}, "ActiveDirectoryServer:0"),
    ],
)
def test_refusals(site: Site, what: str, given: dict[str, Any], error: str) -> None:
    answer = get(site, what, **given)
    assert not answer.output
    assert answer.failed.startswith(error)


@pytest.mark.parametrize("protocol", ["ntlm", "kerberos", "negotiate"])
def test_a_session_with_nothing_to_pass_on_reaches_no_controller(site: Site, protocol: str) -> None:
    answer = get(site.as_user(Logon("CORP\\ops", protocol, host="hv01")), "Computer", Identity="HV01")
    assert answer.failed == f"ActiveDirectoryServer:0,{_SPACE}Commands.GetADComputer"
    assert answer.failure is not None
    assert "Unable to contact the server." in str(answer.failure.to_string)


def test_an_endpoint_with_an_account_of_its_own_does(site: Site) -> None:
    for run_as in ("virtual", "CORP\\ops"):
        caller = Logon("CORP\\ops", "ntlm", host="hv01", run_as=run_as)
        assert get(site.as_user(caller), "Computer", Identity="HV01").one.get("Name") == "HV01"


def test_without_a_controller(site: Site) -> None:
    site.world.domain.reachable = False
    assert get(site, "Domain").failed.startswith("ActiveDirectoryServer:0")


def test_without_a_domain(world: World) -> None:
    site = Site(world, "hv09", Logon("hv09\\ops", "credssp", delegated=True, host="hv09"))
    assert get(site, "Domain").failed.startswith("ActiveDirectoryServer:1355")


def test_without_the_module(world: World) -> None:
    answer = get(Site(world, "hv02", CALLER), "Domain")
    assert answer.failed == "CommandNotFoundException"


def test_another_domain_is_asked_by_its_name(site: Site) -> None:
    assert get(site, "Domain", Server="eu.corp.example").one.get("NetBIOSName") == "EU"
    # partner.example does not trust corp.example
    assert get(site, "Domain", Server="partner.example").failed.startswith("ActiveDirectoryServer:0")


def test_a_projection_is_flat(site: Site) -> None:
    answer = site.run(("Get-ADComputer", {"Identity": "HV01"}), select("Name", "SID"))
    assert answer.one.get("Name") == "HV01"
