"""Active Directory through the cmdlets of a host that has them (RSAT-AD-PowerShell). They take LDAP filters as text.

Rows are flat: what stands in an attribute as a security descriptor is asked for as the property that names principals.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, TypeAlias

from winmigrate.facts import Unreadable
from winmigrate.remoting.clixml.values import PSObject
from winmigrate.request import Statement, command
from winmigrate.windows.row import BOOLEAN, DATE, INTEGER, TEXT, Kind, column, projection
from winmigrate.windows.table import select_names

#: The domain controllers answer whatever Windows the host has; the module's own cmdlets are the same since 2012.
_VERSION = "2012"


def _texts(value: Any) -> tuple[str, ...]:
    """An attribute of many values: a collection, one text, or nothing at all."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(TEXT.parse(item) for item in value)
    if isinstance(value, PSObject) and value.to_string is not None:
        return (value.to_string,)
    raise ValueError


_TEXTS = Kind("a list of texts", _texts)


Texts: TypeAlias = "tuple[str, ...] | Unreadable | None"


@dataclass(frozen=True, slots=True)
class ADAccount:
    """Get-ADComputer, Get-ADUser. ``sid`` as text. Attributes without a value are None."""

    sam_account_name: str | Unreadable = column("SamAccountName", TEXT)
    distinguished_name: str | Unreadable = column("DistinguishedName", TEXT)
    sid: str | Unreadable = column("SID", TEXT)
    user_account_control: int | Unreadable = column("userAccountControl", INTEGER)
    dns_host_name: str | Unreadable | None = column("dNSHostName", TEXT, nullable=True)
    service_principal_name: Texts = column("servicePrincipalName", _TEXTS, nullable=True)
    allowed_to_delegate_to: Texts = column("msDS-AllowedToDelegateTo", _TEXTS, nullable=True)
    principals_allowed: Texts = column("PrincipalsAllowedToDelegateToAccount", _TEXTS, nullable=True)
    when_changed: dt.datetime | Unreadable | None = column("whenChanged", DATE, nullable=True)


@dataclass(frozen=True, slots=True)
class ADGroup:
    """Get-ADGroup."""

    sam_account_name: str | Unreadable = column("SamAccountName", TEXT)
    distinguished_name: str | Unreadable = column("DistinguishedName", TEXT)
    sid: str | Unreadable = column("SID", TEXT)


@dataclass(frozen=True, slots=True)
class ADHolder:
    """Get-ADObject: whatever has service principal names."""

    sam_account_name: str | Unreadable | None = column("sAMAccountName", TEXT, nullable=True)
    distinguished_name: str | Unreadable = column("DistinguishedName", TEXT)
    service_principal_name: Texts = column("servicePrincipalName", _TEXTS, nullable=True)


@dataclass(frozen=True, slots=True)
class ADDomain:
    """Get-ADDomain: the domain of the host that is asked."""

    dns_root: str | Unreadable = column("DNSRoot", TEXT)
    net_bios_name: str | Unreadable | None = column("NetBIOSName", TEXT, nullable=True)
    domain_sid: str | Unreadable = column("DomainSID", TEXT)


@dataclass(frozen=True, slots=True)
class ADTrust:
    """Get-ADTrust. ``direction``: Inbound where the other domain trusts this one, Outbound, BiDirectional."""

    target: str | Unreadable = column("Target", TEXT)
    direction: str | Unreadable = column("Direction", TEXT)
    forest_transitive: bool | Unreadable | None = column("ForestTransitive", BOOLEAN, nullable=True)


#: What Get-ADComputer and Get-ADUser do not give unasked.
_PROPERTIES = [
    "userAccountControl",
    "dNSHostName",
    "servicePrincipalName",
    "msDS-AllowedToDelegateTo",
    "PrincipalsAllowedToDelegateToAccount",
    "whenChanged",
]


def computers(filter: str) -> Statement:
    """The computer accounts that match an LDAP filter."""
    return Statement(
        (command("Get-ADComputer", LDAPFilter=filter, Properties=_PROPERTIES), projection(ADAccount, _VERSION))
    )


def users(filter: str) -> Statement:
    """The user accounts that match. Users have no dNSHostName; it is not asked for, and comes as nothing."""
    asked = [name for name in _PROPERTIES if name != "dNSHostName"]
    return Statement((command("Get-ADUser", LDAPFilter=filter, Properties=asked), projection(ADAccount, _VERSION)))


def groups(filter: str) -> Statement:
    """The groups that match."""
    return Statement((command("Get-ADGroup", LDAPFilter=filter), projection(ADGroup, _VERSION)))


def holders(filter: str) -> Statement:
    """Whatever matches, with its service principal names."""
    asked = ["sAMAccountName", "servicePrincipalName"]
    return Statement((command("Get-ADObject", LDAPFilter=filter, Properties=asked), projection(ADHolder, _VERSION)))


def domain() -> Statement:
    """The domain of the host."""
    return Statement((command("Get-ADDomain"), projection(ADDomain, _VERSION)))


def domains_of_forest() -> Statement:
    """The DNS names of all domains of its forest, bare."""
    return Statement((command("Get-ADForest"), select_names("Domains")))


def trusts() -> Statement:
    """The trusts of the domain."""
    return Statement((command("Get-ADTrust", Filter="*"), projection(ADTrust, _VERSION)))


def statements() -> tuple[Statement, ...]:
    """One of each, for the register."""
    filter = "(sAMAccountName=HV01$)"
    return (
        computers(filter),
        users(filter),
        groups(filter),
        holders(filter),
        domain(),
        domains_of_forest(),
        trusts(),
    )
