"""Questions to the directory: who is in which group, which computer has which name, which domain trusts which.

An account is named as it stands in the directory: ``DOMAIN\\name``, a computer's with its ``$``. Groups hold groups to
any depth, and a membership may lead in a circle. All of it is pure reading; the caller holds ``world.lock`` if it must
be consistent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from winmigrate.lab.fabric.accounts import ComputerAccount, Group
from winmigrate.lab.fabric.world import Delegation, Domain, Host, User, World

Account: TypeAlias = "User | ComputerAccount | Group"

PROTECTED = "Protected Users"


def computer(world: World, name: str) -> ComputerAccount | None:
    """A computer's account by fabric key, name, NAME$, DOMAIN\\NAME$ or DNS name, in any case."""
    folded = name.lower().rstrip(".")
    for account in world.computers:
        if folded in (account.key.lower(), account.name.lower(), account.sam.lower(), account.qualified.lower(),
                      account.dns_name.lower()):
            return account
    return None


def account_of(world: World, host: Host) -> ComputerAccount | None:
    """The account of a host or file server; None for one that is in no domain."""
    if not host.in_domain:
        return None
    return next((one for one in world.computers if one.key == host.key), None)


def group(world: World, name: str) -> Group | None:
    """A group by DOMAIN\\name, name@domain or bare name (the first domain's first), in any case."""
    folded = name.lower()
    if "@" in folded and "\\" not in folded:
        short, _, where = folded.rpartition("@")
        domain = world.domain_named(where)
        folded = f"{domain.netbios.lower()}\\{short}" if domain is not None else folded
    elif "\\" in folded:
        where, _, short = folded.partition("\\")
        domain = world.domain_named(where)
        folded = f"{domain.netbios.lower()}\\{short}" if domain is not None else folded
    for one in world.groups:
        if one.qualified.lower() == folded:
            return one
    return next((one for one in world.groups if one.name.lower() == folded), None)


def account(world: World, name: str) -> Account | None:
    """Whatever account has that name: a user, a group or a computer."""
    return group(world, name) or world.user(name) or computer(world, name)


def everybody(world: World) -> list[Account]:
    """All accounts: users, groups, computers."""
    return [*world.users, *world.groups, *world.computers]


def account_by_sid(world: World, sid: str) -> Account | None:
    """The account of that SID."""
    return next((one for one in everybody(world) if one.sid == sid), None)


# --- groups ----------------------------------------------------------------------------------------------------------


def direct_groups(world: World, one: Account) -> list[Group]:
    """The groups whose member it is itself, its primary group last."""
    name = one.qualified.lower()
    own = {each.lower() for each in one.groups} if isinstance(one, User) else set()
    primary = primary_group(world, one)
    found = [each for each in world.groups if each is not primary and (
        each.qualified.lower() in own or any(member.lower() == name for member in each.members))]
    return found if primary is None else [*found, primary]


def primary_group(world: World, one: Account) -> Group | None:
    """Domain Users of a user, Domain Computers of a computer; a group, or an account of one host, has none."""
    if isinstance(one, Group) or world.domain_named(one.domain) is None:
        return None
    of_computer = isinstance(one, ComputerAccount) or one.name.endswith("$")
    return group(world, f"{one.domain}\\Domain {'Computers' if of_computer else 'Users'}")


def effective_groups(world: World, one: Account) -> list[Group]:
    """All groups that it is in, directly or through others, nearest first."""
    found: list[Group] = []
    seen: set[int] = set()
    waiting: list[Account] = [one]
    while waiting:
        for each in direct_groups(world, waiting.pop(0)):
            if id(each) not in seen:
                seen.add(id(each))
                found.append(each)
                waiting.append(each)
    return found


def members(world: World, of: Group, *, deep: bool = False) -> list[Account]:
    """Who is in a group: as it lists them, or with ``deep`` the users and computers within its groups as well."""
    found: list[Account] = []
    seen: set[int] = {id(of)}
    waiting = [of]
    while waiting:
        for one in _listed(world, waiting.pop(0)):
            if id(one) in seen:
                continue
            seen.add(id(one))
            found.append(one)
            if deep and isinstance(one, Group):
                waiting.append(one)
    return found


def _listed(world: World, of: Group) -> list[Account]:
    return [one for one in everybody(world) if any(each is of for each in direct_groups(world, one))]


def names_of(world: World, one: Account) -> set[str]:
    """Its own name and those of all its groups, lower case: what rights are granted to."""
    own = {one.qualified.lower(), *(each.qualified.lower() for each in effective_groups(world, one))}
    if isinstance(one, User):
        own |= {each.lower() for each in one.groups}  # those of one host are not in the directory
    return own


def is_one_of(world: World, one: Account, names: Iterable[str]) -> bool:
    """Is it one of these accounts, or in one of these groups?"""
    wanted = {name.lower() for name in names}
    return one.qualified.lower() in wanted or not wanted.isdisjoint(names_of(world, one))


def is_protected(world: World, user: User) -> bool:
    """A member of Protected Users: no NTLM, no CredSSP, no delegation."""
    return any(each.name.lower() == PROTECTED.lower() for each in effective_groups(world, user))


def can_be_delegated(world: World, user: User) -> bool:
    """Neither "sensitive and cannot be delegated" nor in Protected Users."""
    return user.delegatable and not is_protected(world, user)


# --- computers -------------------------------------------------------------------------------------------------------


def with_spn(world: World, spn: str) -> list[ComputerAccount]:
    """The accounts that have a service principal name registered; more than one is a fault of the directory."""
    folded = spn.lower()
    return [one for one in world.computers if any(name.lower() == folded for name in one.spns)]


def delegation_of(world: World, one: ComputerAccount) -> Delegation:
    """msDS-AllowedToDelegateTo of a computer, and whether it may use any protocol; empty where it has none."""
    domain = world.domain_named(one.domain)
    found = domain.delegation.get(one.key) if domain is not None and one.key else None
    return found if found is not None else Delegation()


def trusted_by(world: World, one: ComputerAccount) -> list[ComputerAccount]:
    """Who may act on behalf of others at that computer (msDS-AllowedToActOnBehalfOfOtherIdentity)."""
    domain = world.domain_named(one.domain)
    keys = domain.rbcd.get(one.key, set()) if domain is not None and one.key else set()
    return [each for each in world.computers if each.key in keys]


# --- trusts ----------------------------------------------------------------------------------------------------------


def trusts(world: World, trusting: Domain, trusted: Domain) -> bool:
    """Does ``trusting`` let accounts of ``trusted`` log on? Within a forest every domain trusts every other."""
    if trusting is trusted or trusting.root == trusted.root:
        return True
    for trust in world.trusts:
        ways = [(trust.trusting, trust.trusted)]
        if trust.two_way:
            ways.append((trust.trusted, trust.trusting))
        for here, there in ways:
            one, other = world.domain_named(here), world.domain_named(there)
            if one is None or other is None:
                continue
            if one is trusting and other is trusted:
                return True
            if trust.kind == "Forest" and one.root == trusting.root and other.root == trusted.root:
                return True
    return False


def is_known_at(world: World, one: User | ComputerAccount, host: Host) -> bool:
    """Does that host know the account: as its own, or as one of its domain or of one that its domain trusts?"""
    if one.domain.lower() == host.name.lower():
        return True
    own, theirs = world.domain_of(host), world.domain_named(one.domain)
    return own is not None and theirs is not None and trusts(world, own, theirs)
