"""What is made of a domain's answers: entries as a controller sends them, pages, refusals, what is not shown."""

from __future__ import annotations

import datetime as dt
import importlib
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.directory.test_descriptor import ace, descriptor
from winmigrate.directory import Account, DirectoryFacts, Named, Server, Wanted, connected, named, read_directory
from winmigrate.directory.descriptor import sid_bytes
from winmigrate.directory.ldap import LdapDirectory, account, dns_name
from winmigrate.documents import Kind
from winmigrate.documents.codec import from_json, to_data
from winmigrate.facts import Unreadable

NOW = dt.datetime(2026, 5, 4, 1, 30, tzinfo=dt.timezone.utc)
SID = "S-1-5-21-1-2-3"
BASE = "DC=corp,DC=example"
PAGED = "1.2.840.113556.1.4.319"
failures = importlib.import_module("ldap3.core.exceptions")

Raw = dict[str, list[bytes]]


def entry(name: str, rid: int, **attributes: Any) -> tuple[str, Raw]:
    raw = {"sAMAccountName": [name.encode()], "objectSid": [sid_bytes(f"{SID}-{rid}")]}
    for key, values in attributes.items():
        raw[key.replace("_", "-")] = [each if isinstance(each, bytes) else str(each).encode() for each in values]
    return f"CN={name.removesuffix('$')},CN=Computers,{BASE}", raw


HV01 = entry(
    "HV01$", 1601, userAccountControl=[0x1001000], dNSHostName=["hv01.corp.example"],
    servicePrincipalName=["HOST/HV01", "HOST/hv01.corp.example"], whenChanged=["20260504011500.0Z"],
    msDS_AllowedToDelegateTo=["cifs/HV02", "cifs/Jäger"],
)  # fmt: skip
HV02 = entry(
    "HV02$", 1602, userAccountControl=[0x1000],
    msDS_AllowedToActOnBehalfOfOtherIdentity=[descriptor(ace(0, f"{SID}-1601"), ace(0, f"{SID}-2101"))],
)  # fmt: skip
#: A reader who may not see flags sees no lists either.
HIDDEN = entry("HV03$", 1603)
GROUP = entry("Movers", 2101)


class Connection:
    """ldap3's, as far as it is used: answers by what is looked for, a page of two entries at a time."""

    def __init__(self, *entries: tuple[str, Raw], fails: Callable[[str], Exception | None] = lambda _: None) -> None:
        self.entries = entries
        self.fails = fails
        self.searched: list[tuple[str, str]] = []
        self.response: list[dict[str, Any]] = []
        self.result: dict[str, Any] = {}
        self.server = type("Server", (), {"info": type("Info", (), {"other": {
            "defaultNamingContext": [BASE], "configurationNamingContext": [f"CN=Configuration,{BASE}"]}})()})()

    def search(self, base: str, filter: str, *, paged_cookie: bytes | None, attributes: list[str], **_: Any) -> bool:
        self.searched.append((base, filter))
        failure = self.fails(filter)
        if failure is not None:
            raise failure
        found = [one for one in self.entries if self._fits(base, filter, one)]
        start = struct.unpack("<I", paged_cookie)[0] if paged_cookie else 0
        page = found[start : start + 2]
        self.response = [{"type": "searchResEntry", "dn": dn, "raw_attributes": raw} for dn, raw in page]
        self.response.append({"type": "searchResRef", "uri": ["ldap://eu.corp.example/"]})
        cookie = struct.pack("<I", start + 2) if start + 2 < len(found) else b""
        self.result = {"controls": {PAGED: {"value": {"cookie": cookie}}}}
        return True

    @staticmethod
    def _fits(base: str, filter: str, one: tuple[str, Raw]) -> bool:
        name = one[1]["sAMAccountName"][0].decode()
        if "memberOf" in filter:
            return name == "HV03$" and one[0].split(",")[0] == "CN=HV03"
        if "objectCategory=group" in filter:
            return not name.endswith("$")
        return base == BASE and "objectCategory=computer" in filter and name.endswith("$")


def facts(*entries: tuple[str, Raw], **options: Any) -> tuple[DirectoryFacts, Connection]:
    connection = Connection(*entries, **options)
    wanted = Wanted({name: Named(name.upper(), f"{name}.corp.example") for name in ("hv01", "hv02", "hv03", "hv04")})
    found = read_directory(LdapDirectory(connection, "dc01"), wanted, NOW)
    assert isinstance(found, DirectoryFacts), found
    return found, connection


def of(found: DirectoryFacts, host: str) -> Account:
    one = found.computers[host]
    assert isinstance(one, Account)
    return one


def test_entries_become_accounts() -> None:
    found, _ = facts(HV01, HV02, HIDDEN, GROUP)
    one = of(found, "hv01")
    assert (one.name, one.sid, one.flags, one.dns_name) == ("HV01$", f"{SID}-1601", 0x1001000, "hv01.corp.example")
    assert one.delegates_to == ("cifs/HV02", "cifs/Jäger")
    assert one.changed == dt.datetime(2026, 5, 4, 1, 15, tzinfo=dt.timezone.utc)
    assert of(found, "hv02").trusts == (f"{SID}-1601", f"{SID}-2101")
    assert found.computers["hv04"] is None
    assert isinstance(found.account("hv04"), Unreadable)
    assert (found.domain, found.asked) == ("corp.example", "dc01 over LDAP")


def test_what_is_not_shown_is_not_empty() -> None:
    one = of(facts(HV01, HIDDEN)[0], "hv03")
    for fact in (one.flags, one.delegates_to, one.trusts):
        assert isinstance(fact, Unreadable)
        assert fact.needs.startswith("the right to read")


def test_members_of_a_trusted_group_are_let_in() -> None:
    found, _ = facts(HV01, HV02, HIDDEN, GROUP)
    assert found.lets_in(of(found, "hv02"), of(found, "hv01")) is True
    assert found.lets_in(of(found, "hv02"), of(found, "hv03")) is True
    assert found.lets_in(of(found, "hv01"), of(found, "hv02")) is False


def test_all_pages_are_read_and_referrals_are_not_followed() -> None:
    found, connection = facts(HV01, HV02, HIDDEN, GROUP)
    assert all(isinstance(found.computers[name], Account) for name in ("hv01", "hv02", "hv03"))
    assert sum("(sAMAccountName=HV01$)" in filter for _, filter in connection.searched) == 2  # two pages


def test_the_number_of_searches_does_not_grow_with_the_hosts() -> None:
    few, many = Connection(HV01), Connection(HV01)
    for connection, number in ((few, 2), (many, 60)):
        places = {f"hv{each}": Named(f"HV{each}", f"hv{each}.corp.example") for each in range(number)}
        read_directory(LdapDirectory(connection, "dc01"), Wanted(places), NOW)
    assert len(many.searched) <= len(few.searched) + 1  # the names of services are asked for two hundred at once


def test_odd_values_are_unreadable() -> None:
    odd = entry("HV01$", 1601, userAccountControl=["many"], msDS_AllowedToActOnBehalfOfOtherIdentity=[b"\x01\x02"])
    assert isinstance(account(*_lower(odd)).flags, Unreadable)
    bad = entry("HV01$", 1601, userAccountControl=[1], msDS_AllowedToActOnBehalfOfOtherIdentity=[b"\x01\x02"],
                whenChanged=["yesterday"])
    made = account(*_lower(bad))
    assert isinstance(made.trusts, Unreadable)
    assert made.changed is None


def _lower(one: tuple[str, Raw]) -> tuple[str, Raw]:
    return one[0], {name.lower(): values for name, values in one[1].items()}


@pytest.mark.parametrize(
    ("failure", "reason", "needs"),
    [
        (failures.LDAPInsufficientAccessRightsResult(result=50), "access denied", "the right to read"),
        (failures.LDAPTimeLimitExceededResult(result=3), "refuses the search", ""),
        (failures.LDAPSocketReceiveError("reset"), "stopped answering: reset", "a connection to dc01"),
        (OSError("gone"), "stopped answering: gone", "a connection to dc01"),
    ],
)
def test_a_search_that_fails_is_unreadable(failure: Exception, reason: str, needs: str) -> None:
    found, _ = facts(HV01, fails=lambda filter: failure if "objectCategory=computer" in filter else None)
    hv01 = found.computers["hv01"]
    assert isinstance(hv01, Unreadable)
    assert reason in hv01.reason
    assert hv01.needs.startswith(needs)


def test_a_domain_that_cannot_be_read_is_unreadable_as_a_whole() -> None:
    connection = Connection(HV01, fails=lambda filter: OSError("gone"))
    found = read_directory(LdapDirectory(connection, "dc01"), Wanted({"hv01": Named("HV01")}), NOW)
    assert isinstance(found, Unreadable)


def test_what_is_no_active_directory() -> None:
    connection = Connection(HV01)
    connection.server.info.other.clear()
    found = read_directory(LdapDirectory(connection, "dc01"), Wanted({"hv01": Named("HV01")}), NOW)
    assert isinstance(found, Unreadable)
    assert "no Active Directory" in found.reason


def test_a_host_of_another_domain_is_not_looked_for_here() -> None:
    connection = Connection(HV01)
    wanted = Wanted({"hv01": Named("HV01", "hv01.eu.corp.example")})
    found = read_directory(LdapDirectory(connection, "dc01"), wanted, NOW)
    assert isinstance(found, DirectoryFacts)
    hv01 = found.computers["hv01"]
    assert isinstance(hv01, Unreadable)
    assert hv01.needs == "a directory of eu.corp.example"


def test_facts_are_kept_in_a_document() -> None:
    kind = Kind("directory", DirectoryFacts)
    found, _ = facts(HV01, HV02, HIDDEN, GROUP)
    import json

    assert from_json(kind, json.dumps(to_data(kind, found))) == found


def test_without_ldap3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ldap3", None)
    with connected(Server("dc01.corp.example")) as way:
        assert isinstance(way, Unreadable)
        assert way.needs == "pip install 'winmigrate[ldap]'"


def test_nobody_listens(tmp_path: Path) -> None:
    with connected(Server("127.0.0.1", port=1)) as way:
        assert isinstance(way, Unreadable)
        assert way.needs == "a connection to 127.0.0.1:1"


@pytest.mark.parametrize(
    ("address", "short", "full"),
    [("sofs", "sofs", ""), ("sofs.corp.example", "sofs", "sofs.corp.example"), ("SOFS.corp.example.", "SOFS", None)],
)
def test_names_of_servers(address: str, short: str, full: str | None) -> None:
    found = named(address)
    assert isinstance(found, Named)
    assert found.short == short
    assert found.full == (address.rstrip(".") if full is None else full)


@pytest.mark.parametrize("address", ["10.0.0.1", "fd00::1", "[fd00::1]", "fe80::1%3"])
def test_an_address_has_no_account(address: str) -> None:
    assert isinstance(named(address), Unreadable)


def test_a_long_name_has_a_short_account() -> None:
    assert Named("a-very-long-computer", "a-very-long-computer.corp.example").account == "A-VERY-LONG-COM$"


def test_a_name_of_parts() -> None:
    assert dns_name("DC=corp, DC=example") == "corp.example"
    assert dns_name("CN=x,dc=a") == "a"
