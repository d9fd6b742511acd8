"""The accounts of a fabric as entries of a directory: their attributes, and what filters see of them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

from winmigrate.lab.engine import values as net
from winmigrate.lab.fabric import directory
from winmigrate.lab.fabric.directory import Account
from winmigrate.lab.fabric.world import ComputerAccount, Domain, Group, User, World

_COMPUTER, _USER, _DISABLED = 0x1000, 0x200, 0x2
_UNCONSTRAINED, _SENSITIVE, _ANY_PROTOCOL = 0x80000, 0x100000, 0x1000000
_CLASSES = {
    "computer": ("top", "person", "organizationalPerson", "user", "computer"),
    "user": ("top", "person", "organizationalPerson", "user"),
    "group": ("top", "group"),
}
_NAMESPACE = uuid.UUID("5e1a7f0c-6b1d-4c53-9d0e-0d5a2c6f7b11")


def base_of(domain: Domain) -> str:
    """``DC=corp,DC=example``."""
    return ",".join(f"DC={label}" for label in domain.name.split("."))


def accounts_of(world: World, domain: Domain) -> list[Account]:
    """All accounts of one domain."""
    return [one for one in directory.everybody(world) if world.domain_named(one.domain) is domain]


class Entry:
    """One account. ``kind``: computer, user or group."""

    def __init__(self, world: World, account: Account) -> None:
        self.world = world
        self.account = account
        self.kind = {ComputerAccount: "computer", Group: "group"}.get(type(account), "user")

    @property
    def domain(self) -> Domain:
        domain = self.world.domain_named(self.account.domain)
        assert domain is not None, "an account of no domain is in no directory"
        return domain

    @property
    def sam(self) -> str:
        return self.account.sam if isinstance(self.account, ComputerAccount) else self.account.name

    @property
    def dn(self) -> str:
        name = self.account.name.replace("\\", "\\\\").replace(",", "\\,")
        return f"CN={name},CN={'Computers' if self.kind == 'computer' else 'Users'},{base_of(self.domain)}"

    @property
    def guid(self) -> uuid.UUID:
        return uuid.uuid5(_NAMESPACE, self.account.sid or self.account.qualified)

    @property
    def flags(self) -> int | None:
        """userAccountControl; groups have none."""
        one = self.account
        if isinstance(one, ComputerAccount):
            transition = _ANY_PROTOCOL if directory.delegation_of(self.world, one).protocol_transition else 0
            unconstrained = _UNCONSTRAINED if one.trusted_for_delegation else 0
            return _COMPUTER | (0 if one.enabled else _DISABLED) | unconstrained | transition
        if isinstance(one, User):
            return _USER | (_DISABLED if one.disabled else 0) | (0 if one.delegatable else _SENSITIVE)
        return None

    @property
    def services(self) -> list[str]:
        return list(self.account.spns) if isinstance(self.account, ComputerAccount) else []

    @property
    def delegates_to(self) -> list[str]:
        if not isinstance(self.account, ComputerAccount):
            return []
        return sorted(directory.delegation_of(self.world, self.account).services)

    @property
    def trusted(self) -> list[str]:
        """The distinguished names of those who may act here in anybody's name."""
        if not isinstance(self.account, ComputerAccount):
            return []
        return [Entry(self.world, one).dn for one in directory.trusted_by(self.world, self.account)]

    @property
    def member_of(self) -> list[str]:
        """Without the primary group, as the directory has it."""
        primary = directory.primary_group(self.world, self.account)
        groups = directory.direct_groups(self.world, self.account)
        return [Entry(self.world, group).dn for group in groups if group is not primary]

    @property
    def members(self) -> list[str]:
        if not isinstance(self.account, Group):
            return []
        inside = directory.members(self.world, self.account)
        own = [one for one in inside if directory.primary_group(self.world, one) is not self.account]
        return [Entry(self.world, one).dn for one in own]

    @property
    def full_name(self) -> str | None:
        return self.account.dns_name if isinstance(self.account, ComputerAccount) else None

    @property
    def principal(self) -> str | None:
        """userPrincipalName."""
        if not isinstance(self.account, User):
            return None
        return self.account.upn or f"{self.account.name}@{self.domain.name}"

    # --- for filters ---------------------------------------------------------------------------------------------

    def values(self, attribute: str) -> Iterator[str]:
        attribute = attribute.lower()
        if attribute == "objectclass":
            yield from _CLASSES[self.kind]
        elif attribute == "objectcategory":
            # A name stands for the class's own category there, and users and computers have categories of their own.
            yield "person" if self.kind == "user" else self.kind
        else:
            found = self.attribute(attribute)
            if found is not None:
                yield from map(str, found if isinstance(found, list) else [found])

    def attribute(self, name: str) -> Any:
        """The value of an attribute by its name in lower case, several as a list; None for one it has not."""
        match name:
            case "samaccountname":
                return self.sam
            case "cn" | "name":
                return self.account.name
            case "distinguishedname":
                return self.dn
            case "objectsid" | "sid":
                return self.account.sid
            case "useraccountcontrol":
                return self.flags
            case "dnshostname":
                return self.full_name
            case "userprincipalname":
                return self.principal
            case "serviceprincipalname" | "serviceprincipalnames":
                return self.services or None
            case "msds-allowedtodelegateto":
                return self.delegates_to or None
            case "principalsallowedtodelegatetoaccount" | "msds-allowedtoactonbehalfofotheridentity":
                return self.trusted or None
            case "memberof":
                return self.member_of or None
            case "member" | "members":
                return self.members or None
            case "objectclass":
                return self.kind
            case "objectguid":
                return self.guid
        return None

    def reaches(self, attribute: str, dn: str) -> bool:
        if attribute.lower() == "memberof":
            return any(_same(Entry(self.world, one).dn, dn) for one in _above(self.world, self.account))
        if attribute.lower() == "member" and isinstance(self.account, Group):
            below = [one for one in directory.everybody(self.world) if self.world.domain_named(one.domain) is not None]
            target = next((one for one in below if _same(Entry(self.world, one).dn, dn)), None)
            return target is not None and any(one is self.account for one in _above(self.world, target))
        return False

    def changed(self) -> dt.datetime:
        return self.account.changed

    def sid(self) -> net.PSObject:
        """A SecurityIdentifier."""
        text = self.account.sid
        space = "System.Security.Principal."
        size = net.Int32(8 + 4 * (text.count("-") - 2))
        properties = {"BinaryLength": size, "AccountDomainSid": text.rpartition("-")[0], "Value": text}
        return net.PSObject((space + "SecurityIdentifier", space + "IdentityReference", "System.Object"), properties,
                            {}, text)


def _above(world: World, one: Account) -> list[Group]:
    """The groups it is in, however nested, without what only its primary group is in."""
    found: list[Group] = []
    primary = directory.primary_group(world, one)
    waiting: list[Account] = [group for group in directory.direct_groups(world, one) if group is not primary]
    while waiting:
        group = waiting.pop(0)
        if isinstance(group, Group) and all(group is not each for each in found):
            found.append(group)
            waiting += directory.direct_groups(world, group)
    return found


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
