"""A domain controller over LDAP: read, and nothing else.

Laws:
- Nothing passes in clear: TLS from the first byte, the certificate verified against the controller's name, always.
- A bind by ticket is tied to that very TLS channel (tls-server-end-point), which hardened controllers want.
- One connection, opened, used and closed by one thread. Referrals are not followed: they lead to other domains.

https://learn.microsoft.com/troubleshoot/windows-server/active-directory/enable-ldap-signing-in-windows-server
"""

from __future__ import annotations

import datetime as dt
import importlib
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winmigrate.directory.asking import (
    COMPUTERS,
    GROUPS,
    HOLDERS,
    USERS,
    Answers,
    Directory,
    DomainFacts,
    Question,
)
from winmigrate.directory.descriptor import sid_text, trusted_sids
from winmigrate.directory.filters import BIT_AND, both, equals
from winmigrate.directory.nouns import Account, Trust
from winmigrate.facts import Unreadable
from winmigrate.request import Credential

PORT = 636
#: Seconds.
_CONNECT, _ANSWER = 10, 60
_PAGE = 500
#: More than any question here can mean to find: a filter gone wrong must not read a domain.
_MOST = 100_000

_BASE_ATTRIBUTES = ("sAMAccountName", "objectSid")
_OF_ACCOUNTS = (
    *_BASE_ATTRIBUTES,
    "userAccountControl",
    "dNSHostName",
    "servicePrincipalName",
    "msDS-AllowedToDelegateTo",
    "msDS-AllowedToActOnBehalfOfOtherIdentity",
    "whenChanged",
)
#: kind -> (the filter that keeps to it, what is read).
_KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    COMPUTERS: ("(objectCategory=computer)", _OF_ACCOUNTS),
    USERS: ("(objectClass=user)", _OF_ACCOUNTS),
    GROUPS: ("(objectCategory=group)", _BASE_ATTRIBUTES),
    HOLDERS: ("(servicePrincipalName=*)", (*_BASE_ATTRIBUTES, "servicePrincipalName")),
}
#: [MS-ADTS] 6.1.6.7.12, 6.1.6.7.9; crossRef.systemFlags: a domain of the forest.
_INBOUND, _OUTBOUND, _FOREST_TRANSITIVE, _IS_DOMAIN = 1, 2, 0x8, 2


@dataclass(frozen=True, slots=True)
class Server:
    """A domain controller: ``address`` by the name in its certificate, ``ca`` a PEM file to trust instead of the
    system's. ``credential`` None: the Kerberos ticket cache.
    """

    address: str
    credential: Credential | None = None
    ca: Path | None = None
    port: int = PORT


@contextmanager
def connected(server: Server) -> Iterator[Directory | Unreadable]:
    """The way to it. Unreadable where it cannot be had, with what would open it."""
    try:
        ldap3 = importlib.import_module("ldap3")
    except ImportError:
        yield Unreadable("LDAP is spoken with ldap3, which is not installed", "pip install 'winmigrate[ldap]'")
        return
    opened = _open(ldap3, server)
    if isinstance(opened, Unreadable):
        yield opened
        return
    try:
        yield LdapDirectory(opened, server.address)
    finally:
        _close(ldap3, opened)


def _open(ldap3: Any, server: Server) -> Any:
    where = f"{server.address}:{server.port}"
    try:
        tls = _verified(ldap3, server)
    except OSError as error:
        return Unreadable(f"{server.ca}: no certificates to trust: {error}", f"a readable {server.ca}")
    from winmigrate.directory.ticket import NoTicket

    failures = ldap3.core.exceptions
    try:
        connection = _connection(ldap3, server, tls)
        connection.open()
    except (failures.LDAPException, OSError) as error:
        return Unreadable(f"{where} does not answer over TLS: {_said(error)}", f"a connection to {where}")
    whom = "the Kerberos ticket" if server.credential is None else server.credential.username
    needs = f"a credential that {server.address} takes"
    try:
        connection.bind()
    except NoTicket as error:
        refused = Unreadable(f"no ticket for ldap/{server.address}: {error}", needs)
    except failures.LDAPInvalidCredentialsResult as error:
        refused = Unreadable(f"{where} refuses {whom}: {_refusal(error)}", needs)
    except (failures.LDAPException, OSError) as error:
        refused = Unreadable(f"{where} refuses {whom}: {_said(error)}", needs)
    else:
        return connection
    _close(ldap3, connection)
    return refused


def _connection(ldap3: Any, server: Server, tls: Any) -> Any:
    target = ldap3.Server(
        server.address, port=server.port, use_ssl=True, tls=tls, get_info=ldap3.DSA, connect_timeout=_CONNECT
    )
    given: dict[str, Any] = {
        "read_only": True,
        "auto_referrals": False,
        "auto_range": True,
        "check_names": False,
        "raise_exceptions": True,
        "receive_timeout": _ANSWER,
    }
    if server.credential is not None:
        password = server.credential.password.reveal()
        return ldap3.Connection(
            target, server.credential.username, password, authentication=ldap3.SIMPLE, **given
        )

    from winmigrate.directory import ticket

    class ByTicket(ldap3.Connection):  # type: ignore[misc]
        def do_sasl_bind(self, controls: Any) -> Any:
            return ticket.bind(self, server.address)

    return ByTicket(target, authentication=ldap3.SASL, sasl_mechanism=ticket.MECHANISM, **given)


#: What a controller adds to a refusal, in hexadecimal (https://learn.microsoft.com/windows/win32/debug/system-error-codes).
_REFUSALS = {
    "525": "it knows no such user",
    "52e": "the password is wrong, or the user is unknown",
    "52f": "an account restriction; Protected Users bind by ticket alone",
    "530": "not at this hour",
    "531": "not from this machine",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password has to be changed first",
    "775": "the account is locked",
}


def _refusal(error: BaseException) -> str:
    found = re.search(r"\bdata ([0-9a-f]+)", str(error))
    return _REFUSALS.get(found[1], _said(error)) if found else _said(error)


def _verified(ldap3: Any, server: Server) -> Any:
    """ldap3's own check of names knows no addresses; the standard library's does the whole of it."""
    context = ssl.create_default_context(cafile=str(server.ca) if server.ca is not None else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    class Verified(ldap3.Tls):  # type: ignore[misc]
        def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
            connection.socket = context.wrap_socket(connection.socket, server_hostname=server.address)

    return Verified(validate=ssl.CERT_REQUIRED)


def _close(ldap3: Any, connection: Any) -> None:
    try:
        connection.unbind()
    except (ldap3.core.exceptions.LDAPException, OSError):
        return  # it is as closed as it will be


def _said(error: BaseException) -> str:
    """One line of an error, without what ldap3 puts around it."""
    return " ".join(str(error).split()) or type(error).__name__


class LdapDirectory:
    """A bound connection of ldap3, asked."""

    def __init__(self, connection: Any, address: str) -> None:
        self._connection = connection
        self._address = address
        info = connection.server.info
        other: Mapping[str, Sequence[str]] = {} if info is None else info.other
        self._base = _first(other.get("defaultNamingContext"))
        self._configuration = _first(other.get("configurationNamingContext"))

    @property
    def asked(self) -> str:
        return f"{self._address} over LDAP"

    def domain(self, questions: Sequence[Question]) -> tuple[DomainFacts | Unreadable, Answers]:
        if not self._base:
            missing = Unreadable(f"{self._address} names no domain: it is no Active Directory", "a domain controller")
            return missing, dict.fromkeys((item.name for item in questions), missing)
        name = dns_name(self._base)
        # The domain itself is what the rest stands on: if it cannot be read, nobody can be found either.
        own = self._search(self._base, "(objectClass=*)", ("objectSid",), scope="BASE")
        if isinstance(own, Unreadable):
            return own, dict.fromkeys((item.name for item in questions), own)
        sid: str | Unreadable = Unreadable("the domain's SID is not shown")
        for _, attributes in own:
            sid = _sid(attributes) or sid
        crossed = self._search(
            f"CN=Partitions,{self._configuration}",
            both(equals("objectClass", "crossRef"), f"(systemFlags:{BIT_AND}:={_IS_DOMAIN})"),
            ("dnsRoot", "nETBIOSName", "nCName"),
        )
        forest: tuple[str, ...] | Unreadable
        netbios = ""
        if isinstance(crossed, Unreadable):
            forest = crossed
        else:
            forest = tuple(_text(item, "dnsRoot") for _, item in crossed)
            mine = [_text(item, "nETBIOSName") for _, item in crossed if _text(item, "nCName") == self._base]
            netbios = mine[0] if mine else ""
        return DomainFacts(name, netbios, sid, forest, self._trusts()), self.answers(questions)

    def answers(self, questions: Sequence[Question]) -> Answers:
        found: Answers = {}
        for item in questions:
            keeps, attributes = _KINDS[item.kind]
            entries = self._search(self._base, both(keeps, item.filter), attributes)
            found[item.name] = (
                entries if isinstance(entries, Unreadable) else tuple(account(dn, raw) for dn, raw in entries)
            )
        return found

    def _trusts(self) -> tuple[Trust, ...] | Unreadable:
        wanted = ("trustPartner", "trustDirection", "trustAttributes")
        entries = self._search(f"CN=System,{self._base}", equals("objectClass", "trustedDomain"), wanted)
        if isinstance(entries, Unreadable):
            return entries
        found = []
        for _, raw in entries:
            direction, kind = _number(raw, "trustDirection"), _number(raw, "trustAttributes")
            if isinstance(direction, Unreadable):
                return direction
            forest = not isinstance(kind, Unreadable) and bool(kind & _FOREST_TRANSITIVE)
            partner = _text(raw, "trustPartner")
            found.append(Trust(partner, bool(direction & _INBOUND), bool(direction & _OUTBOUND), forest))
        return tuple(found)

    def _search(
        self, base: str, filter: str, attributes: Sequence[str], scope: str = "SUBTREE"
    ) -> list[tuple[str, Mapping[str, list[bytes]]]] | Unreadable:
        """Every entry as (distinguished name, its attributes by lower-case name), page by page."""
        ldap3 = importlib.import_module("ldap3")
        found: list[tuple[str, Mapping[str, list[bytes]]]] = []
        cookie: bytes | None = None
        try:
            while True:
                self._connection.search(
                    base, filter, search_scope=scope, attributes=list(attributes), paged_size=_PAGE,
                    paged_cookie=cookie, time_limit=_ANSWER,
                )  # fmt: skip
                for item in self._connection.response or ():
                    if item["type"] == "searchResEntry":
                        raw = {name.lower(): values for name, values in item["raw_attributes"].items()}
                        found.append((item["dn"], raw))
                control = self._connection.result.get("controls", {}).get("1.2.840.113556.1.4.319")
                cookie = control["value"]["cookie"] if control else None
                if not cookie:
                    return found
                if len(found) > _MOST:
                    return Unreadable(f"{self._address} answers more than {_MOST} entries to {filter[:200]}")
        except ldap3.core.exceptions.LDAPNoSuchObjectResult:
            return []
        except ldap3.core.exceptions.LDAPInsufficientAccessRightsResult as error:
            return Unreadable(f"access denied: {_said(error)}", f"the right to read {base}")
        except ldap3.core.exceptions.LDAPOperationResult as error:
            return Unreadable(f"{self._address} refuses the search: {_said(error)}")
        except (ldap3.core.exceptions.LDAPException, OSError) as error:
            return Unreadable(f"{self._address} stopped answering: {_said(error)}", f"a connection to {self._address}")


# --- entries -----------------------------------------------------------------------------------------------------


def dns_name(dn: str) -> str:
    """``corp.example`` of ``DC=corp,DC=example``."""
    parts = (part.strip() for part in dn.split(","))
    return ".".join(part[3:] for part in parts if part[:3].upper() == "DC=")


def account(dn: str, raw: Mapping[str, list[bytes]]) -> Account:
    """An account of an entry's raw attributes, by their names in lower case.

    Attributes that the reader has no right to are absent like empty ones; userAccountControl is never empty. So where
    it is not shown, the lists beside it are taken for not shown either.
    """
    flags = _number(raw, "useraccountcontrol")
    shown = not isinstance(flags, Unreadable)
    hidden = Unreadable("not shown to the account that reads the directory", f"the right to read all of {dn}")
    lists = {name: _texts(raw, name) for name in ("serviceprincipalname", "msds-allowedtodelegateto")}
    return Account(
        name=_text(raw, "samaccountname"),
        dn=dn,
        sid=_sid(raw) or "",
        flags=flags if shown else hidden,
        dns_name=_text(raw, "dnshostname") or None,
        service_names=lists["serviceprincipalname"],
        delegates_to=lists["msds-allowedtodelegateto"] if shown else hidden,
        trusts=_trusted(raw) if shown else hidden,
        changed=_date(raw, "whenchanged"),
    )


def _trusted(raw: Mapping[str, list[bytes]]) -> tuple[str, ...] | Unreadable:
    values = raw.get("msds-allowedtoactonbehalfofotheridentity") or ()
    found: list[str] = []
    for value in values:
        try:
            found += trusted_sids(bytes(value))
        except ValueError as error:
            return Unreadable(f"msDS-AllowedToActOnBehalfOfOtherIdentity: {error}")
    return tuple(dict.fromkeys(found))


def _sid(raw: Mapping[str, list[bytes]]) -> str | None:
    for value in raw.get("objectsid") or ():
        try:
            return sid_text(bytes(value))
        except ValueError:
            return None
    return None


def _texts(raw: Mapping[str, list[bytes]], name: str) -> tuple[str, ...]:
    return tuple(bytes(value).decode("utf-8", "replace") for value in raw.get(name.lower()) or ())


def _text(raw: Mapping[str, list[bytes]], name: str) -> str:
    return next(iter(_texts(raw, name)), "")


def _number(raw: Mapping[str, list[bytes]], name: str) -> int | Unreadable:
    text = _text(raw, name)
    try:
        return int(text)
    except ValueError:
        return Unreadable(f"{name} is {text!r}" if text else f"{name} is not shown")


def _date(raw: Mapping[str, list[bytes]], name: str) -> dt.datetime | None:
    text = _text(raw, name).removesuffix("Z").partition(".")[0]
    try:
        return dt.datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=dt.timezone.utc)
    except ValueError:
        return None


def _first(values: Sequence[str] | None) -> str:
    return values[0] if values else ""
