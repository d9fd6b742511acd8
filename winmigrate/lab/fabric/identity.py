"""Who may do what where: the two hops behind a move, from the session's logon and the domain's delegation.

Hop A is the session itself (the wire has let it in). Hop B is what a cmdlet does at another host in the session's name.
Hop C is VMMS of the source speaking to VMMS of the destination. A Kerberos delegation of any kind opens hop C only,
never hop B (Microsoft's page on the second hop in PowerShell remoting).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from winmigrate.lab.fabric import failures
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.world import VM, Host, User, World

MIGRATION_SERVICE = "Microsoft Virtual System Migration Service"
FILE_SERVICE = "cifs"


class Caller(Protocol):
    """What a session runs as; the wire's LogonContext is one."""

    @property
    def user(self) -> str: ...
    @property
    def protocol(self) -> str: ...
    @property
    def delegated(self) -> bool: ...
    @property
    def host(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Logon:
    """A Caller made by hand. ``host``: where the session is; ``user``: DOMAIN\\name."""

    user: str
    protocol: str = "ntlm"
    delegated: bool = False
    host: str = ""


def _member(world: World, user: User, names: Iterable[str]) -> bool:
    own = {user.qualified.lower(), *(group.lower() for group in user.groups)}
    return any(name.lower() in own for name in names)


def is_administrator(world: World, host: Host, user: User) -> bool:
    """A local Administrator of that host?"""
    return _member(world, user, host.administrators)


def may_manage(world: World, host: Host, user: User) -> bool:
    """May this user run Hyper-V's cmdlets on that host (Administrators or Hyper-V Administrators)?"""
    return is_administrator(world, host, user) or _member(world, user, host.hyperv_administrators)


def may_log_on(world: World, host: Host, user: User) -> bool:
    """Does that host's WinRM let this user in (Administrators or Remote Management Users)?"""
    return is_administrator(world, host, user) or _member(world, user, host.remote_management_users)


def groups_of(world: World, host: Host, user: User) -> list[tuple[str, str]]:
    """What whoami /groups shows of it on that host: (name, SID), well-known ones included."""
    found = [("Everyone", "S-1-1-0"), ("BUILTIN\\Users", "S-1-5-32-545"), ("NT AUTHORITY\\NETWORK", "S-1-5-2"),
             ("NT AUTHORITY\\Authenticated Users", "S-1-5-11")]
    if is_administrator(world, host, user):
        found.append(("BUILTIN\\Administrators", "S-1-5-32-544"))
    if _member(world, user, host.hyperv_administrators):
        found.append(("BUILTIN\\Hyper-V Administrators", "S-1-5-32-578"))
    if _member(world, user, host.remote_management_users):
        found.append(("BUILTIN\\Remote Management Users", "S-1-5-32-580"))
    names = sorted({group.lower(): group for one in world.users for group in one.groups}.values(), key=str.lower)
    for number, name in enumerate(names):
        if name in user.groups:
            found.append((name, f"{world.domain.sid}-{2100 + number}"))
    return found


def hop_b(world: World, origin: Host, target: Host, caller: Caller,
          credential: tuple[str, str] | None = None) -> User:
    """As whom a cmdlet in that session works at ``target``. ``credential``: user name and password given to it.

    Raises MigrationFailure: no credentials to pass on, wrong ones, host down, or no right to manage it.
    """
    if not target.reachable:
        raise failures.unreachable(target.name)
    if credential is not None:
        user = world.user(credential[0])
        if user is None or user.password != credential[1] or not _valid_at(world, user, target):
            raise failures.logon_failure(target)
    else:
        user = world.user(caller.user)
        if target is not origin and not passes_on(caller):
            raise failures.second_hop(target, caller.protocol)
        if user is None or not _valid_at(world, user, target):
            raise failures.logon_failure(target)
    if not may_manage(world, target, user) or (target is not origin and not may_log_on(world, target, user)):
        raise failures.no_permission(target)
    return user


def _valid_at(world: World, user: User, host: Host) -> bool:
    if user.domain.lower() == world.domain.netbios.lower():
        return host.in_domain
    return user.domain.lower() == host.name.lower()


def passes_on(caller: Caller) -> bool:
    """Does that session hold credentials that reach a further host?"""
    return caller.protocol == "credssp" or caller.delegated


def hop_c(world: World, vm: VM, source: Host, destination: Host, caller: Caller) -> MigrationFailure | None:
    """Why VMMS of the source cannot authenticate at the destination on behalf of the caller; None if it can."""
    user = world.user(caller.user)
    if user is None:
        return failures.no_credentials(vm, source, destination)
    if source.migration.authentication != destination.migration.authentication:
        return failures.not_recognized(vm, source, destination)
    if source.migration.authentication == "CredSSP":
        if caller.protocol != "credssp" or source.credential_guard:
            return failures.no_credentials(vm, source, destination)
    elif not _delegated(world, source, destination, MIGRATION_SERVICE) or not user.delegatable:
        return failures.no_credentials(vm, source, destination)
    if not may_manage(world, destination, user):
        return failures.migration_access_denied(vm, destination)
    return None


def may_copy(world: World, source: Host, destination: Host, caller: Caller) -> bool:
    """Can the source write files at the destination over SMB on behalf of the caller (the disks of a move)?"""
    if source.migration.authentication == "CredSSP":
        return caller.protocol == "credssp"
    return _delegated(world, source, destination, FILE_SERVICE)


def _delegated(world: World, source: Host, destination: Host, service: str) -> bool:
    if source.key in world.domain.rbcd.get(destination.key, set()):
        return True
    rights = world.domain.delegation.get(source.key)
    if rights is None or not (source.in_domain and destination.in_domain):
        return False
    wanted = {f"{service}/{destination.name}".lower(), f"{service}/{destination.fqdn}".lower()}
    return rights.protocol_transition and wanted <= {name.lower() for name in rights.services}


def delegation_for(destination: Host) -> set[str]:
    """The four values that a source's account needs for this destination."""
    return {f"{service}/{name}" for service in (MIGRATION_SERVICE, FILE_SERVICE)
            for name in (destination.name, destination.fqdn)}
