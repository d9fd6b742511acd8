"""A healthy domain, as the AD cmdlets of a host answer it: two hosts that may be delegated to each other, ops, SOFS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.survey.hosts import Failure
from winmigrate.lab.cmdlets.ldap_filter import parse
from winmigrate.request import Statement

SID = "S-1-5-21-1-2-3"
BASE = "DC=corp,DC=example"
MIGRATION = "Microsoft Virtual System Migration Service"
OPS = f"{SID}-1105"
_LONG_AGO = dt.datetime(2026, 1, 5, 8, 0, tzinfo=dt.timezone.utc)

WORKSTATION, NORMAL = 0x1000, 0x200
DISABLED, SENSITIVE, UNCONSTRAINED, ANY_PROTOCOL = 0x2, 0x100000, 0x80000, 0x1000000


def four(computer: str) -> list[str]:
    """The names of both services of a host."""
    full = f"{computer.lower()}.corp.example"
    return [f"{service}/{name}" for service in (MIGRATION, "cifs") for name in (computer, full)]


@dataclass
class Entry:
    """An account: its attributes by their names in the directory."""

    kind: str
    attributes: dict[str, Any]
    groups: list[str] = field(default_factory=list)

    @property
    def dn(self) -> str:
        return str(self.attributes["DistinguishedName"])

    def values(self, attribute: str) -> Iterator[str]:
        attribute = {"objectsid": "sid"}.get(attribute.lower(), attribute.lower())
        for name, value in self.attributes.items():
            if name.lower() == attribute and value is not None:
                yield from map(str, value if isinstance(value, list) else [value])


class Domain:
    """``entries`` may be changed; ``failure`` is what every cmdlet then answers."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.failure: Failure | None = None
        self.trusts: list[dict[str, Any]] = []
        self.domains = ["corp.example"]
        for number, name in enumerate(("HV01", "HV02")):
            other = "HV02" if name == "HV01" else "HV01"
            self.computer(name, 1601 + number, delegated=four(other), flags=WORKSTATION | ANY_PROTOCOL)
        self.computer("SOFS", 1701, trusts=["HV01", "HV02"])
        self.add("user", "ops", 1105, "CN=Users", userAccountControl=NORMAL)

    def computer(self, name: str, rid: int, *, delegated: list[str] | None = None, flags: int = WORKSTATION,
                 trusts: list[str] | None = None) -> None:
        full = f"{name.lower()}.corp.example"
        services = [f"{service}/{each}" for service in (MIGRATION, "HOST", "WSMAN") for each in (name, full)]
        self.add(
            "computer", f"{name}$", rid, "CN=Computers", cn=name, userAccountControl=flags, dNSHostName=full,
            servicePrincipalName=services, whenChanged=_LONG_AGO,
            PrincipalsAllowedToDelegateToAccount=[f"CN={one},CN=Computers,{BASE}" for one in trusts or ()],
            **{"msDS-AllowedToDelegateTo": delegated or []},
        )

    def add(self, kind: str, name: str, rid: int, place: str, *, cn: str = "", groups: tuple[str, ...] = (),
            **attributes: Any) -> None:
        own = {"SamAccountName": name, "DistinguishedName": f"CN={cn or name},{place},{BASE}", "SID": f"{SID}-{rid}"}
        self.entries[name] = Entry(kind, {**own, **attributes}, list(groups))

    def put(self, name: str, **attributes: Any) -> None:
        """Changes attributes of an account; a dash stands as an underscore in names like msDS_AllowedToDelegateTo."""
        self.entries[name].attributes.update({key.replace("msDS_", "msDS-"): it for key, it in attributes.items()})

    # --- answers -------------------------------------------------------------------------------------------------

    def answers(self) -> dict[str, Any]:
        """By the names of statements, for a host."""
        return {
            "Get-ADComputer": lambda asked: self._found(asked, "computer"),
            "Get-ADUser": lambda asked: self._found(asked, "user"),
            "Get-ADGroup": lambda asked: self._found(asked, "group"),
            "Get-ADObject": lambda asked: self._found(asked, ""),
            "Get-ADDomain": lambda asked: self._or_failure(
                {"DNSRoot": "corp.example", "NetBIOSName": "CORP", "DomainSID": SID}
            ),
            "Get-ADForest | expand Domains": lambda asked: self._or_failure(*self.domains),
            "Get-ADForest": lambda asked: self._or_failure(*self.domains),
            "Get-ADTrust": lambda asked: self._or_failure(*self.trusts),
        }

    def _or_failure(self, *rows: Any) -> Iterator[Any]:
        return iter(rows if self.failure is None else [self.failure])

    def _found(self, asked: Statement, kind: str) -> Iterator[Any]:
        if self.failure is not None:
            yield self.failure
            return
        test = parse(str(asked.commands[0].parameter("LDAPFilter")))
        projected = asked.commands[1].parameter("Property")
        for entry in self.entries.values():
            if entry.kind in (kind, kind or entry.kind) and test(_Placed(self, entry)):
                own = {name.lower(): value for name, value in entry.attributes.items()}
                yield {name: own.get(name.lower()) for name in projected}

    def above(self, entry: Entry) -> dict[str, Entry]:
        """The groups it is in, and those they are in."""
        found: dict[str, Entry] = {}
        waiting = list(entry.groups)
        while waiting:
            group = self.entries[waiting.pop()]
            if group.dn not in found:
                found[group.dn] = group
                waiting += group.groups
        return found


@dataclass
class _Placed:
    domain: Domain
    entry: Entry

    def values(self, attribute: str) -> Iterator[str]:
        return self.entry.values(attribute)

    def reaches(self, attribute: str, dn: str) -> bool:
        if attribute == "memberof":
            return dn in self.domain.above(self.entry)
        below = [one for one in self.domain.entries.values() if one.dn == dn]
        return any(self.entry.dn in self.domain.above(one) for one in below)
