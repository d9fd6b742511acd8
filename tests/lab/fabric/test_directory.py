"""The directory: nested groups, computer accounts, trusts, and what they open and close."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.lab.fabric.worlds import ops, vm_of, world_of
from winmigrate.errors import InputFaults
from winmigrate.lab import endpoints
from winmigrate.lab.fabric import directory, identity
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.identity import Logon, hop_b, hop_c, may_log_on, may_manage
from winmigrate.lab.fabric.loading import make_world, read_fabric
from winmigrate.lab.fabric.world import ComputerAccount, Group, User, World
from winmigrate.lab.wire import LogonContext

TEXT = """
domains:
  - {name: eu.corp.example, forest: corp.example}
  - partner.example
  - far.example
trusts: [{trusting: corp.example, trusted: partner.example}]
users:
  ops: {password: p}
  junior: {password: p, administrator: false, groups: ['CORP\\Helpers']}
  guarded: {password: p, protected: true}
  stopped: {password: p, disabled: true}
  late: {password: p, account_expires: 2020-01-01}
  eva: {password: p, domain: eu.corp.example, administrator: false}
  pat: {password: p, domain: PARTNER, administrator: false}
  fay: {password: p, domain: far.example, administrator: false}
groups:
  Helpers: {members: [Tier2], changed: 2026-02-01T10:00:00Z}
  Tier2: [PARTNER\\pat, Helpers]
  Movers: [Helpers, eva@eu.corp.example, HV01$]
delegation: all
hosts:
  hv01: {vms: {web01: {memory: 1 GB}}}
  hv02: {hyperv_administrators: ['CORP\\Movers'], remote_management_users: ['CORP\\Movers']}
  hv03: {domain: far.example}
  hv04: {domain: eu.corp.example}
"""


def user_of(world: World, name: str) -> User:
    user = world.user(name)
    assert user is not None
    return user


def names(accounts: list[directory.Account]) -> list[str]:
    return sorted(one.qualified for one in accounts)


def test_groups_hold_groups_to_any_depth_and_in_circles() -> None:
    with world_of(TEXT) as world:
        found = [one.name for one in directory.effective_groups(world, user_of(world, "junior"))]
        assert found == ["Helpers", "Domain Users", "Tier2", "Movers"]
        movers = directory.group(world, "movers@corp.example")
        assert movers is not None
        assert names(directory.members(world, movers)) == ["CORP\\HV01$", "CORP\\Helpers", "EU\\eva"]
        assert names(directory.members(world, movers, deep=True)) == [
            "CORP\\HV01$", "CORP\\Helpers", "CORP\\Tier2", "CORP\\junior", "EU\\eva", "PARTNER\\pat"]


@pytest.mark.parametrize(("name", "logs_on", "manages"), [
    ("junior", True, True), ("eva", True, True), ("pat", True, True), ("fay", False, False), ("stopped", False, True),
    ("late", False, True), ("ops", True, True),
])
def test_rights_by_nested_groups_and_trusts(name: str, logs_on: bool, manages: bool) -> None:
    with world_of(TEXT) as world:
        user, host = user_of(world, name), world.hosts["hv02"]
        assert (may_log_on(world, host, user), may_manage(world, host, user)) == (logs_on, manages)


def test_a_computer_account_is_an_object_with_names_and_groups() -> None:
    with world_of(TEXT + "computers:\n  hv01: {more_spns: [HTTP/hv01], changed: 2026-03-01T08:00:00Z}\n"
                         "  OLD9: {spns: [], disabled: true}\n") as world:
        account = directory.account_of(world, world.hosts["hv01"])
        assert isinstance(account, ComputerAccount)
        assert (account.qualified, account.dns_name) == ("CORP\\HV01$", "hv01.corp.example")
        assert account is directory.computer(world, "hv01$") is directory.account_by_sid(world, account.sid)
        assert "Microsoft Virtual System Migration Service/HV01" in account.spns
        assert account.spns[-1] == "HTTP/hv01"
        assert account.changed == dt.datetime(2026, 3, 1, 8, tzinfo=dt.timezone.utc)
        assert [one.name for one in directory.effective_groups(world, account)] == ["Movers", "Domain Computers"]
        assert len(directory.delegation_of(world, account).services) == 12
        old = directory.computer(world, "OLD9")
        assert old is not None
        assert (old.enabled, old.spns, old.key) == (False, [], "OLD9")


def test_sids_do_not_depend_on_where_a_group_is_named_first() -> None:
    more = TEXT.replace("\nusers:", "\nusers:\n  zoe: {password: p, groups: ['CORP\\Tier2']}")
    with world_of(TEXT) as one, world_of(more) as other:
        for name in ("Helpers", "Tier2", "Domain Admins", "EU\\Domain Users"):
            found = [directory.group(world, name) for world in (one, other)]
            assert isinstance(found[0], Group)
            assert found[1] is not None
            assert found[0].sid == found[1].sid
        assert len({each.sid for each in directory.everybody(one)}) == len(directory.everybody(one))


@pytest.mark.parametrize(("trusting", "trusted", "yes"), [
    ("corp.example", "eu.corp.example", True), ("eu.corp.example", "corp.example", True),
    ("corp.example", "partner.example", True), ("eu.corp.example", "partner.example", True),
    ("partner.example", "corp.example", False), ("far.example", "corp.example", False), ("far.example", "FAR", True),
])
def test_who_trusts_whom(trusting: str, trusted: str, yes: bool) -> None:
    with world_of(TEXT) as world:
        one, other = world.domain_named(trusting), world.domain_named(trusted)
        assert one is not None
        assert other is not None
        assert directory.trusts(world, one, other) is yes


def test_an_external_trust_is_of_two_domains_only() -> None:
    text = TEXT.replace("trusted: partner.example}", "trusted: partner.example, kind: External, two_way: true}")
    with world_of(text) as world:
        corp, eu, partner = (world.domain_named(name) for name in ("CORP", "EU", "PARTNER"))
        assert corp is not None
        assert eu is not None
        assert partner is not None
        assert directory.trusts(world, corp, partner)
        assert directory.trusts(world, partner, corp)
        assert not directory.trusts(world, eu, partner)


@pytest.mark.parametrize(("name", "code"), [("stopped", 0x80070533), ("late", 0x80070701), ("fay", 0x8007052E)])
def test_credentials_that_do_not_log_on(name: str, code: int) -> None:
    with world_of(TEXT) as world:
        given = (user_of(world, name).qualified, "p")
        with pytest.raises(MigrationFailure) as caught:
            hop_b(world, world.hosts["hv01"], world.hosts["hv02"], ops(), given)
    assert caught.value.hresult == code


@pytest.mark.parametrize(("user", "to", "slug"), [
    ("CORP\\ops", "hv02", ""), ("CORP\\guarded", "hv02", "no-credentials"), ("CORP\\ops", "hv03", "no-authority"),
    ("CORP\\ops", "hv04", "no-credentials"), ("CORP\\junior", "hv02", ""),
])
def test_hop_c_across_domains(user: str, to: str, slug: str) -> None:
    """The classic delegation ends with its domain."""
    with world_of(TEXT) as world:
        failure = hop_c(world, vm_of(world, "web01"), world.hosts["hv01"], world.hosts[to], Logon(user, host="hv01"))
        assert (failure.slug if failure is not None else "") == slug


def test_the_resource_based_form_goes_into_another_domain() -> None:
    with world_of(TEXT + "rbcd: {hv04: [hv01]}\n") as world:
        assert hop_c(world, vm_of(world, "web01"), world.hosts["hv01"], world.hosts["hv04"], ops()) is None


@pytest.mark.parametrize(("computers", "code"), [
    ("{hv02: {spns: [HOST/hv02]}}", 0x80090303),
    ("{OLD: {spns: [Microsoft Virtual System Migration Service/hv02]}}", 0x80090322),
    ("{OLD: {spns: [Microsoft Virtual System Migration Service/hv09]}}", 0),
])
def test_principal_names_missing_or_on_two_accounts(computers: str, code: int) -> None:
    with world_of(TEXT + f"computers: {computers}\n") as world:
        failure = identity.hop_c(world, vm_of(world, "web01"), world.hosts["hv01"], world.hosts["hv02"], ops())
        assert (failure.hresult if failure is not None else 0) == code


@pytest.mark.parametrize(("text", "said"), [
    ("groups: {a: [nobody]}\nhosts: {h: {}}", 'f.yml:1:13: groups.a: no user, group or computer "nobody"'),
    ("trusts: [{trusting: corp.example, trusted: a.b}]\nhosts: {h: {}}", 'trusts[0].trusted: no domain "a.b"'),
    ("hosts: {h: {domain: other.example}}", 'hosts.h.domain: no domain "other.example"'),
    ("domains: [corp.example]\nhosts: {h: {}}", 'a domain "corp.example" or "CORP" is already in this fabric'),
    ("rbcd: {h: [x]}\nhosts: {h: {}}", 'no host "x" in this fabric'),
])
def test_faults_have_their_place(text: str, said: str) -> None:
    with pytest.raises(InputFaults) as caught:
        make_world(read_fabric(text, "f.yml"))
    assert said in str(caught.value)


@pytest.mark.parametrize(("user", "protocol", "comes_in"), [
    ("guarded", "ntlm", False), ("guarded", "kerberos", True), ("guarded", "basic", False), ("ops", "ntlm", True),
    ("stopped", "ntlm", False), ("late", "kerberos", False), ("fay", "ntlm", False), ("pat", "ntlm", True),
])
def test_who_opens_a_session(user: str, protocol: str, comes_in: bool) -> None:
    with world_of(TEXT) as world:
        context = LogonContext(user_of(world, user).qualified, protocol, False, "hv02")
        assert endpoints.admits(world, world.hosts["hv02"], context) is comes_in


def test_a_directory_that_is_gone_is_that_of_its_own_users() -> None:
    with world_of(TEXT) as world:
        world.domain.reachable = False
        host = world.hosts["hv02"]
        assert not may_log_on(world, host, user_of(world, "junior"))
        assert may_log_on(world, host, user_of(world, "pat"))
