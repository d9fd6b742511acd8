"""What is known of a domain: accounts, trusts, and who stands for what. A part of survey.json.

Names of services are compared without regard to case, as a KDC does it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from winmigrate.directory.descriptor import EVERYONE
from winmigrate.facts import Unreadable

#: userAccountControl, [MS-ADTS] 2.2.16.
DISABLED = 0x2
TRUSTED_FOR_DELEGATION = 0x80000
NOT_DELEGATED = 0x100000
TRUSTED_TO_AUTHENTICATE = 0x1000000

#: Relative identifiers of groups that every domain has.
PROTECTED_USERS = 525
DOMAIN_COMPUTERS = 515

_AUTHENTICATED_USERS = "S-1-5-11"
_NOT_ASKED = Unreadable("not asked")


@dataclass(frozen=True, slots=True)
class Account:
    """A computer, user or group. ``name`` is its sAMAccountName (a computer's ends in $), ``dn`` where it stands.

    ``flags`` is userAccountControl, a number for computers and users. ``service_names``: servicePrincipalName.
    ``delegates_to``: msDS-AllowedToDelegateTo. ``trusts``: who may act here in anybody's name (resource-based
    delegation), as SIDs or distinguished names, as they were read. ``changed``: when it was last changed on the domain
    controller that was asked. ``groups``: SIDs of all groups it is in, however nested; of computers only where shares
    are concerned.
    """

    name: str
    dn: str
    sid: str
    flags: int | Unreadable = _NOT_ASKED
    dns_name: str | None = None
    service_names: tuple[str, ...] | Unreadable = ()
    delegates_to: tuple[str, ...] | Unreadable = ()
    trusts: tuple[str, ...] | Unreadable = ()
    changed: dt.datetime | None = None
    groups: tuple[str, ...] | Unreadable = _NOT_ASKED

    @property
    def domain_sid(self) -> str:
        """The SID of its domain."""
        return self.sid.rpartition("-")[0]

    def has(self, flag: int) -> bool | Unreadable:
        """Is that bit of userAccountControl set?"""
        return self.flags if isinstance(self.flags, Unreadable) else bool(self.flags & flag)

    def protected(self) -> bool | Unreadable:
        """Is it in Protected Users, directly or through groups?"""
        if isinstance(self.groups, Unreadable):
            return self.groups
        return f"{self.domain_sid}-{PROTECTED_USERS}" in self.groups


@dataclass(frozen=True, slots=True)
class Trust:
    """A domain that this one trusts (``outbound``), or that trusts this one (``inbound``); ``partner`` by DNS name.

    ``forest``: the whole forest of the partner is meant.
    """

    partner: str
    inbound: bool
    outbound: bool
    forest: bool = False


class _Folded:
    """Keeps the lists of accounts folded, once they are: of many pairs each is then looked up at once. No field: facts
    compare and are written without it.
    """

    __slots__ = ("_folded",)
    _folded: dict[str, frozenset[str] | Unreadable]


@dataclass(frozen=True, slots=True)
class DirectoryFacts(_Folded):
    """What was read of one domain. ``asked``: whom, in words; ``domain``, ``forest``: DNS names.

    ``computers`` by the host's name in the inventory, ``file_servers`` by the name they go by in paths and in the
    inventory (folded), ``operators`` by SID; None: the domain has no such account. ``duplicates``: a service's name
    (folded) -> the accounts that all have it. ``members``: SIDs and names of groups that computers trust -> the SIDs
    of the computers in them. ``group_names``: SID -> sAMAccountName of groups that hosts' accounts are in.
    """

    asked: str
    taken_at: dt.datetime
    domain: str
    netbios: str = ""
    forest: tuple[str, ...] | Unreadable = ()
    computers: dict[str, Account | Unreadable | None] = field(default_factory=dict)
    file_servers: dict[str, Account | Unreadable | None] = field(default_factory=dict)
    operators: dict[str, Account | Unreadable | None] = field(default_factory=dict)
    duplicates: dict[str, tuple[str, ...]] | Unreadable = field(default_factory=dict)
    trusts: tuple[Trust, ...] | Unreadable = ()
    members: dict[str, tuple[str, ...]] | Unreadable = field(default_factory=dict)
    group_names: dict[str, str] = field(default_factory=dict)

    def account(self, host: str) -> Account | Unreadable:
        """The computer account of a host."""
        found = self.computers.get(host, _NOT_ASKED)
        if found is None:
            return Unreadable(
                f"{self.domain} shows no such account", f"the right to read computer accounts of {self.domain}"
            )
        return found

    def delegated(self, host: str) -> frozenset[str] | Unreadable:
        """The services that a host's account may be delegated to, folded."""
        try:
            folded = self._folded
        except AttributeError:
            folded = {}
            object.__setattr__(self, "_folded", folded)
        if host not in folded:
            account = self.account(host)
            given = account if isinstance(account, Unreadable) else account.delegates_to
            folded[host] = given if isinstance(given, Unreadable) else frozenset(name.casefold() for name in given)
        return folded[host]

    def lets_in(self, host: Account, other: Account) -> bool | Unreadable:
        """May ``other`` act on ``host`` in anybody's name, by what stands in the account of ``host``?"""
        if isinstance(host.trusts, Unreadable):
            return host.trusts
        if not host.trusts:
            return False
        trusted = {name.casefold() for name in host.trusts}
        own = {
            other.sid,
            other.dn,
            EVERYONE,
            _AUTHENTICATED_USERS,
            f"{other.domain_sid}-{DOMAIN_COMPUTERS}",
        }
        if any(name.casefold() in trusted for name in own):
            return True
        if isinstance(self.members, Unreadable):
            return self.members
        return any(other.sid in sids for group, sids in self.members.items() if group.casefold() in trusted)
