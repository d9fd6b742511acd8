"""A real Active Directory read over LDAP; our verdict on delegation held against the tickets that its KDC grants."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.directory.samba import CONTROLLER, DNS, MIGRATION, PASSWORD, Directory, directory
from tests.directory.test_delegation import STATES, UNSHOWN, State, of_kdc
from tests.directory.verdicts import verdict
from winmigrate.directory import Account, DirectoryFacts, Named, Server, Wanted, connected, read_directory
from winmigrate.directory.nouns import DISABLED, NOT_DELEGATED, TRUSTED_FOR_DELEGATION, TRUSTED_TO_AUTHENTICATE
from winmigrate.directory.reading import read_file_servers
from winmigrate.facts import Unreadable
from winmigrate.request import Credential, Secret

pytestmark = pytest.mark.long

HOSTS = ("HV01", "HV02", "HV03", "SOFS")
USERS = ("ops", "guarded", "protected", "locked")
#: Who reads: Protected Users do not bind by password.
READER = Credential("CORP\\reader", Secret(PASSWORD))
PLACES = {f"hv0{number}": Named(f"HV0{number}", f"hv0{number}.{DNS}") for number in (1, 2, 3)}


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    with directory(tmp_path_factory.mktemp("ldap"), users=(*USERS, "reader"), hosts=HOSTS, ldap=True) as served:
        served.change("put", "DC01$", "servicePrincipalName", [f"ldap/{CONTROLLER}"])
        served.change("flag", "locked", "disabled", True)
        served.change("flag", "guarded", "sensitive", True)
        served.change("member", "Protected Users", "protected", True)
        yield served


@pytest.fixture(scope="module")
def keys(domain: Directory) -> Path:
    return domain.keytab(domain.folder / "hv01.keytab", "HV01$")


@pytest.fixture(autouse=True)
def by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller's name leads here."""
    real = socket.getaddrinfo

    def here(host: Any, *more: Any, **rest: Any) -> Any:
        return real("127.0.0.1" if host == CONTROLLER else host, *more, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", here)


@pytest.fixture(autouse=True)
def put_back(domain: Directory) -> Iterator[None]:
    yield
    domain.change("put", "HV01$", "msDS-AllowedToDelegateTo", [])
    domain.change("flag", "HV01$", "protocol_transition", False)
    domain.change("trust", "HV02$", [])


def facts_of(domain: Directory, *operators: str, server: Server | None = None, **servers: Named) -> DirectoryFacts:
    wanted = Wanted(PLACES, servers, [domain.change("sid", name) for name in operators])
    with connected(server or Server(CONTROLLER, READER, domain.folder / "dc.pem")) as way:
        assert not isinstance(way, Unreadable), way
        found = read_directory(way, wanted, dt.datetime.now(dt.timezone.utc))
    assert isinstance(found, DirectoryFacts), found
    return found


def account(facts: DirectoryFacts, host: str) -> Account:
    found = facts.computers[host]
    assert isinstance(found, Account), found
    return found


# --- what is read ------------------------------------------------------------------------------------------------


def test_the_domain_and_its_accounts(domain: Directory) -> None:
    facts = facts_of(domain, "ops", sofs=Named("sofs", f"sofs.{DNS}"), nobody=Named("nas"))
    assert (facts.domain, facts.netbios, facts.forest, facts.trusts) == (DNS, "CORP", (DNS,), ())
    source = account(facts, "hv01")
    assert source.name == "HV01$"
    assert source.sid == domain.change("sid", "HV01$")
    assert f"{MIGRATION}/hv01.{DNS}" in source.service_names
    assert source.delegates_to == source.trusts == ()
    assert source.changed is not None
    assert abs((facts.taken_at - source.changed).total_seconds()) < 600
    sofs = facts.file_servers["sofs"]
    assert isinstance(sofs, Account)
    assert sofs.name == "SOFS$"
    assert facts.file_servers["nobody"] is None
    ops = facts.operators[domain.change("sid", "ops")]
    assert isinstance(ops, Account)
    assert (ops.name, ops.has(NOT_DELEGATED), ops.protected()) == ("ops", False, False)


def test_delegation_as_it_stands(domain: Directory) -> None:
    names = [f"cifs/HV02 {number:03}" for number in range(400)]
    domain.change("put", "HV01$", "msDS-AllowedToDelegateTo", names)
    domain.change("flag", "HV01$", "protocol_transition", True)
    domain.change("trust", "HV02$", ["HV01$", "HV03$"])
    facts = facts_of(domain)
    source, target = account(facts, "hv01"), account(facts, "hv02")
    assert isinstance(source.delegates_to, tuple)
    assert sorted(source.delegates_to) == names
    assert source.has(TRUSTED_TO_AUTHENTICATE) is True
    assert source.has(TRUSTED_FOR_DELEGATION) is False
    assert target.trusts == (source.sid, account(facts, "hv03").sid)
    assert facts.lets_in(target, source) is True
    assert facts.lets_in(source, target) is False


def test_flags(domain: Directory) -> None:
    facts = facts_of(domain, *USERS)
    users = {item.name: item for item in facts.operators.values() if isinstance(item, Account)}
    assert users["guarded"].has(NOT_DELEGATED) is True
    assert users["locked"].has(DISABLED) is True
    assert {name for name, item in users.items() if item.protected() is True} == {"protected"}


def test_groups_within_groups(domain: Directory) -> None:
    domain.change("group", "Tier 0")
    domain.change("group", "Admins (all)")
    domain.change("member", "Admins (all)", "ops", True)
    domain.change("member", "Tier 0", "Admins (all)", True)
    domain.change("member", "Protected Users", "Tier 0", True)
    try:
        found = facts_of(domain, "ops").operators[domain.change("sid", "ops")]
        assert isinstance(found, Account)
        assert found.protected() is True
    finally:
        domain.change("member", "Protected Users", "Tier 0", False)


def test_a_group_may_be_trusted(domain: Directory) -> None:
    domain.change("group", "Movers")
    domain.change("group", "Rack A")
    domain.change("member", "Rack A", "HV01$", True)
    domain.change("member", "Movers", "Rack A", True)
    domain.change("trust", "HV02$", ["Movers"])
    facts = facts_of(domain)
    assert facts.lets_in(account(facts, "hv02"), account(facts, "hv01")) is True
    assert facts.lets_in(account(facts, "hv02"), account(facts, "hv03")) is False


def test_a_file_server_that_comes_later_is_read_alone(domain: Directory) -> None:
    domain.change("trust", "SOFS$", ["HV01$"])
    facts = facts_of(domain)
    with connected(Server(CONTROLLER, READER, domain.folder / "dc.pem")) as way:
        assert not isinstance(way, Unreadable)
        more = read_file_servers(way, facts, {"sofs": Named("sofs")})
    sofs = more.file_servers["sofs"]
    assert isinstance(sofs, Account)
    assert more.lets_in(sofs, account(more, "hv01")) is True
    domain.change("trust", "SOFS$", [])


def test_names_that_two_accounts_have(domain: Directory) -> None:
    assert facts_of(domain).duplicates == {}
    service = f"{MIGRATION}/hv02.{DNS}"
    domain.change("second", "OLD02", [service])
    assert facts_of(domain).duplicates == {service.casefold(): ("HV02$", "OLD02$")}
    domain.change("delete", "OLD02$")


def test_a_thousand_accounts_come_in_pages(domain: Directory) -> None:
    names = [f"P{number:04}" for number in range(1100)]
    domain.change("many", names)
    places = {name: Named(name, f"{name.lower()}.{DNS}") for name in names}
    with connected(Server(CONTROLLER, READER, domain.folder / "dc.pem")) as way:
        assert not isinstance(way, Unreadable)
        found = read_directory(way, Wanted(places), dt.datetime.now(dt.timezone.utc))
    assert isinstance(found, DirectoryFacts)
    assert all(isinstance(item, Account) for item in found.computers.values())
    assert len(found.computers) == len(names)


# --- the way there -----------------------------------------------------------------------------------------------


def refused(server: Server) -> Unreadable:
    with connected(server) as way:
        assert isinstance(way, Unreadable), way
    return way


def test_by_ticket(domain: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(CONTROLLER, None, domain.folder / "dc.pem")
    for name in ("KRB5_CONFIG", "KRB5CCNAME"):
        monkeypatch.setenv(name, domain.environment[name])
    without = refused(server)
    assert f"no ticket for ldap/{CONTROLLER}" in without.reason
    cache = domain.kinit("ops", domain.folder / "ops.cc", password=PASSWORD)
    monkeypatch.setenv("KRB5CCNAME", cache["KRB5CCNAME"])
    assert account(facts_of(domain, server=server), "hv01").name == "HV01$"


@pytest.mark.parametrize(
    ("user", "password", "reason"),
    [
        ("CORP\\ops", "not 0x2F", "refuses CORP\\ops: the password is wrong, or the user is unknown"),
        ("CORP\\nobody", "not 0x2F", "the password is wrong, or the user is unknown"),
        ("CORP\\locked", PASSWORD, "the account is disabled"),
        ("CORP\\protected", PASSWORD, "Protected Users bind by ticket alone"),
    ],
)
def test_who_is_refused(domain: Directory, user: str, password: str, reason: str) -> None:
    found = refused(Server(CONTROLLER, Credential(user, Secret(password)), domain.folder / "dc.pem"))
    assert reason in found.reason
    assert found.needs == f"a credential that {CONTROLLER} takes"
    assert password not in found.reason


def test_a_controller_that_cannot_be_trusted_gets_no_password(domain: Directory, tmp_path: Path) -> None:
    unknown = refused(Server(CONTROLLER, READER))
    assert "certificate verify failed" in unknown.reason.lower()
    assert unknown.needs == f"a connection to {CONTROLLER}:636"
    other = refused(Server("localhost", READER, domain.folder / "dc.pem"))
    assert "localhost" in other.reason
    clear = refused(Server(CONTROLLER, READER, domain.folder / "dc.pem", port=389))
    assert "does not answer over TLS" in clear.reason
    (tmp_path / "none.pem").write_text("nothing", encoding="utf-8")
    assert "no certificates to trust" in refused(Server(CONTROLLER, READER, tmp_path / "none.pem")).reason


# --- our verdict and the KDC's -----------------------------------------------------------------------------------


def _both(domain: Directory, keys: Path, state: State) -> tuple[tuple[bool, bool], tuple[bool, bool]]:
    kdc = of_kdc(domain, keys, state)
    return kdc, verdict(facts_of(domain, state.user), state.user, domain.change("sid", state.user))


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.title)
def test_we_say_what_the_kdc_does(domain: Directory, keys: Path, state: State) -> None:
    kdc, ours = _both(domain, keys, state)
    assert ours == kdc


@pytest.mark.parametrize("state", UNSHOWN, ids=lambda state: state.title)
def test_what_this_kdc_cannot_show(domain: Directory, keys: Path, state: State) -> None:
    """Windows decides otherwise than this KDC (tests.directory.test_delegation), and so do we."""
    kdc, ours = _both(domain, keys, state)
    assert ours != kdc
