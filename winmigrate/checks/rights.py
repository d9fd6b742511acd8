"""Does a computer account hold all rights by a list of entries, when part of what the list names is not known? Pure.

Windows' order: entries of the folder's own come before inherited ones, and within each of them what is denied comes
before what is allowed; the first word on a right holds. https://learn.microsoft.com/windows/win32/secauthz/order-of-aces-in-a-dacl

An account that may or may not hold the computer (a group whose members nobody read) is taken both ways: if the answer
is the same both ways, that is the answer, and else nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from winmigrate.facts import Unreadable
from winmigrate.windows.share import FULL, AclEntry, ShareAccess

#: What a share's right stands for, the least and the most it can be: of Custom, Get-SmbShareAccess does not say it.
_SHARE_RIGHTS = {
    "Full": (FULL, FULL),
    "Change": (0x1301BF, 0x1301BF),
    "Read": (0x1200A9, 0x1200A9),
    "Custom": (1, FULL),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``least`` and ``most`` are masks of rights, different where it is not known which they are."""

    account: str
    allows: bool
    least: int = FULL
    most: int = FULL
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """``full``: are all rights held; None: not to be told. ``denied_by``: who denies some; ``open``: who decides."""

    full: bool | None
    denied_by: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


#: Does an account stand for the computer, as itself or as a group it is in? None: not known.
Belongs: TypeAlias = "Callable[[str], bool | None]"


def held(entries: Sequence[Entry], belongs: Belongs) -> Held:
    """Are all rights held by whom ``belongs`` speaks of?"""
    known = [(entry, belongs(entry.account)) for entry in entries]
    surely = _granted(known, doubtful=False)
    if surely == FULL:
        return Held(True)
    if _granted(known, doubtful=True) == FULL:
        doubted = (
            entry.account
            for entry, mine in known
            if (mine is None or (mine and entry.least != entry.most)) and (not entry.allows or entry.most & ~surely)
        )
        return Held(None, open=tuple(dict.fromkeys(doubted)))
    denying = (entry.account for entry, mine in known if mine and not entry.allows and entry.least)
    return Held(False, denied_by=tuple(dict.fromkeys(denying)))


def _granted(known: Sequence[tuple[Entry, bool | None]], *, doubtful: bool) -> int:
    """The rights that are held if every doubt speaks for the account, or if every doubt speaks against it."""
    decided = granted = 0
    for inherited in (False, True):
        level = [(entry, mine) for entry, mine in known if entry.inherited is inherited]
        for allows in (False, True):
            rights = 0
            for entry, mine in level:
                if entry.allows is allows and (mine or (mine is None and doubtful is allows)):
                    rights |= entry.most if doubtful is allows else entry.least
            if allows:
                granted |= rights & ~decided
            decided |= rights
    return granted


# --- the entries of Windows --------------------------------------------------------------------------------------


def of_share(rows: Iterable[ShareAccess]) -> tuple[Entry, ...] | Unreadable:
    """The entries of Get-SmbShareAccess."""
    found = []
    for row in rows:
        for fact in (row.account_name, row.access_control_type, row.access_right):
            if isinstance(fact, Unreadable):
                return fact
        if row.access_control_type not in ("Allow", "Deny") or row.access_right not in _SHARE_RIGHTS:
            return Unreadable(f"an entry of {row.account_name} says {row.access_control_type} {row.access_right}")
        allows = row.access_control_type == "Allow"
        least, most = _SHARE_RIGHTS[str(row.access_right)]
        # Some right it denies; which of them may be allowed by Custom, nobody knows.
        least = 0 if allows and least == 1 else least
        found.append(Entry(str(row.account_name), allows, least, most))
    return tuple(found)


def of_folder(rows: Iterable[AclEntry]) -> tuple[Entry, ...] | Unreadable:
    """The entries of Get-Acl that speak of the folder itself, and not of what is below it alone."""
    found = []
    for row in rows:
        for fact in (
            row.identity_reference, row.access_control_type, row.file_system_rights, row.is_inherited,
            row.propagation_flags,
        ):  # fmt: skip
            if isinstance(fact, Unreadable):
                return fact
        if row.access_control_type not in ("Allow", "Deny"):
            return Unreadable(f"an entry of {row.identity_reference} says {row.access_control_type}")
        if "InheritOnly" in row.propagation_flags:  # type: ignore[operator]
            continue
        mask = int(row.file_system_rights)  # type: ignore[arg-type]
        found.append(
            Entry(str(row.identity_reference), row.access_control_type == "Allow", mask, mask, bool(row.is_inherited))
        )
    return tuple(found)


# --- whom a name means -------------------------------------------------------------------------------------------

#: Everyone, Authenticated Users, Network, This Organization: a computer that comes over the network is in all of them.
_ALL = frozenset({"s-1-1-0", "s-1-5-11", "s-1-5-2", "s-1-5-15"})
_ALL_NAMES = frozenset({"authenticated users", "network", "this organization"})
#: Creator Owner and Group, Anonymous, Batch, Interactive, Service, Self, System, Local and Network Service.
_NOBODY = frozenset(
    {"s-1-3-0", "s-1-3-1", "s-1-5-7", "s-1-5-3", "s-1-5-4", "s-1-5-6", "s-1-5-10", "s-1-5-18", "s-1-5-19", "s-1-5-20"}
)
_NOBODY_NAMES = frozenset(
    {"system", "local service", "network service", "interactive", "service", "batch", "anonymous logon", "self"}
)
_OWNERS = frozenset({"creator owner", "creator group"})
#: What holds no computer, by every custom; whoever can read their members is told if one does.
_NO_COMPUTERS = frozenset({"domain users", "domain guests", "domain admins", "enterprise admins", "schema admins"})
_PERSONS = frozenset({"administrator", "guest", "krbtgt"})
#: The same by relative identifiers: Administrator, Guest, krbtgt; Domain Admins, Users and Guests, Schema, Enterprise.
_NO_COMPUTERS_OF_A_DOMAIN = frozenset({"500", "501", "502", "512", "513", "514", "518", "519"})
_ADMINISTRATORS = frozenset({"builtin\\administrators", "s-1-5-32-544"})
_DOMAIN_COMPUTERS = "-515"


@dataclass(frozen=True, slots=True)
class Computer:
    """A computer account, as a file server meets it. ``netbios``: its domain's short name.

    ``groups``: names (``corp\\\\hv-hosts``) and SIDs of all groups it is in, folded; None: not known.
    ``administrators``: who is in the server's own Administrators, names or SIDs; None: not known.
    """

    name: str
    netbios: str
    sid: str | None = None
    groups: frozenset[str] | None = None
    administrators: frozenset[str] | None = None

    @property
    def account(self) -> str:
        """``CORP\\\\HV01$``."""
        return f"{self.netbios}\\{self.name}$"

    def belongs(self, account: str) -> bool | None:
        """Does this account stand for the computer?"""
        text = account.strip().casefold()
        if text in _ADMINISTRATORS:
            return self._among_administrators()
        if text.startswith("s-1-"):
            return self._sid(text)
        domain, _, name = text.rpartition("\\")
        if not domain:
            return True if name == "everyone" else False if name in _OWNERS else None
        if domain == "nt authority":
            return True if name in _ALL_NAMES else False if name in _NOBODY_NAMES else None
        if domain in ("nt service", "application package authority", "nt virtual machine"):
            return False
        if domain == "builtin":
            return None
        return self._name(domain, name)

    def _name(self, domain: str, name: str) -> bool | None:
        own = f"{self.name}$".casefold()
        if name in _PERSONS:
            return False
        if domain != self.netbios.casefold():
            # A domain's short name need not be the first part of its DNS name: that one may be ours.
            return False if name.endswith("$") and name != own else None
        if name == own or name == "domain computers":
            return True
        if name.endswith("$"):
            return False
        if self.groups is not None:
            return f"{domain}\\{name}" in self.groups
        return False if name in _NO_COMPUTERS else None

    def _sid(self, sid: str) -> bool | None:
        if sid in _ALL:
            return True
        if sid in _NOBODY:
            return False
        if self.sid is not None:
            own = self.sid.casefold()
            if sid in (own, own.rpartition("-")[0] + _DOMAIN_COMPUTERS):
                return True
        if self.groups is not None and sid.startswith("s-1-5-21-"):
            return sid in self.groups
        return False if sid.startswith("s-1-5-21-") and sid.rpartition("-")[2] in _NO_COMPUTERS_OF_A_DOMAIN else None

    def _among_administrators(self) -> bool | None:
        if self.administrators is None:
            return None
        inside = [self.belongs(member) for member in self.administrators if member.casefold() not in _ADMINISTRATORS]
        return True if True in inside else None if None in inside else False
