"""Who may do what where: the two hops behind a move, from the session's logon and the domain's delegation.

Hop A is the session itself (the wire has let it in). Hop B is what a cmdlet does at another host in the session's name.
Hop C is VMMS of the source speaking to VMMS of the destination. A Kerberos delegation of any kind opens hop C only,
never hop B (Microsoft's page on the second hop in PowerShell remoting).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from winmigrate.facts.versions import at_least
from winmigrate.lab.fabric import failures, surroundings
from winmigrate.lab.fabric.directory import (
    account_of,
    can_be_delegated,
    effective_groups,
    is_known_at,
    is_one_of,
    names_of,
    primary_group,
    trusts,
    with_spn,
)
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.winrm import VIRTUAL, SessionConfiguration
from winmigrate.lab.fabric.world import VM, Host, User, World

MIGRATION_SERVICE = "Microsoft Virtual System Migration Service"
FILE_SERVICE = "cifs"
_VIRTUAL_SID = "S-1-5-94-1"


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
    @property
    def run_as(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Logon:
    """A Caller made by hand. ``host``: where the session is; ``user``: DOMAIN\\name."""

    user: str
    protocol: str = "ntlm"
    delegated: bool = False
    host: str = ""
    run_as: str = ""


def _member(world: World, user: User, names: Iterable[str]) -> bool:
    return is_one_of(world, user, names)


def is_administrator(world: World, host: Host, user: User) -> bool:
    """A local Administrator of that host?"""
    return user.sid == _VIRTUAL_SID or _member(world, user, host.administrators)


def may_manage(world: World, host: Host, user: User) -> bool:
    """May this user run Hyper-V's cmdlets on that host (Administrators or Hyper-V Administrators)?"""
    return is_administrator(world, host, user) or _member(world, user, host.hyperv_administrators)


def may_log_on(world: World, host: Host, user: User) -> bool:
    """Does that host's WinRM let this user in (Administrators or Remote Management Users)? A domain user needs one of
    its controllers and a domain that the host's own trusts; nobody comes in with a password that has expired, or with
    an account that is disabled or has expired.
    """
    home = world.domain_named(user.domain)
    if home is not None and not (home.reachable and is_known_at(world, user, host)):
        return False
    if user.expired or user.disabled or has_expired(world, user):
        return False
    return is_administrator(world, host, user) or _member(world, user, host.remote_management_users)


def has_expired(world: World, user: User) -> bool:
    """Is the account (not its password) too old?"""
    return user.account_expires is not None and user.account_expires <= world.clock.now()


def groups_of(world: World, host: Host, user: User) -> list[tuple[str, str]]:
    """What whoami /groups shows of it on that host: (name, SID), well-known ones included, the primary group not."""
    found = [("Everyone", "S-1-1-0"), ("BUILTIN\\Users", "S-1-5-32-545"), ("NT AUTHORITY\\NETWORK", "S-1-5-2"),
             ("NT AUTHORITY\\Authenticated Users", "S-1-5-11")]
    if is_administrator(world, host, user):
        found.append(("BUILTIN\\Administrators", "S-1-5-32-544"))
    if _member(world, user, host.hyperv_administrators):
        found.append(("BUILTIN\\Hyper-V Administrators", "S-1-5-32-578"))
    if _member(world, user, host.remote_management_users):
        found.append(("BUILTIN\\Remote Management Users", "S-1-5-32-580"))
    primary = primary_group(world, user)
    groups = [one for one in effective_groups(world, user) if one is not primary]
    found.extend((one.qualified, one.sid) for one in sorted(groups, key=lambda one: one.qualified.lower()))
    return found


def hop_b(world: World, origin: Host, target: Host, caller: Caller,
          credential: tuple[str, str] | None = None) -> User:
    """As whom a cmdlet in that session works at ``target``. ``credential``: user name and password given to it.

    Raises MigrationFailure: no credentials to pass on, wrong ones, host down, or no right to manage it.
    """
    if not target.reachable or world.apart(origin.key, target.key):
        raise failures.unreachable(target.name)
    # Before 2016 cmdlets reach others by DCOM.
    if target is not origin and at_least(origin.version, "2016") and (
            surroundings.answer(world, origin, target, surroundings.WINRM) != "open"):
        raise failures.unreachable(target.name)
    if credential is not None:
        user = world.user(credential[0])
        if user is None or user.password != credential[1] or not is_known_at(world, user, target):
            raise failures.logon_failure(target)
        _can_log_on(world, user, target)
    else:
        user = acting(world, origin, caller, target)
        if target is not origin and not passes_on(caller):
            raise failures.second_hop(target, caller.protocol)
        if target is not origin and user is not None:
            _can_log_on(world, user, target)
        if user is None or not is_known_at(world, user, target):
            raise failures.logon_failure(target)
    if not may_manage(world, target, user) or (target is not origin and not may_log_on(world, target, user)):
        raise failures.no_permission(target)
    return user


def _can_log_on(world: World, user: User, target: Host) -> None:
    """Raises MigrationFailure where a new log-on fails although the password is right."""
    home = world.domain_named(user.domain)
    if home is not None and not home.reachable:
        raise failures.no_logon_servers(target)
    if user.disabled:
        raise failures.account_disabled(target)
    if has_expired(world, user):
        raise failures.account_expired(target)
    if user.expired:
        raise failures.password_expired(target)


def passes_on(caller: Caller) -> bool:
    """Does that session hold credentials that reach a further host? One with a run-as account holds that one's."""
    return caller.protocol == "credssp" or caller.delegated or bool(caller.run_as)


def _has_password(caller: Caller) -> bool:
    """Has the host a password that CredSSP can pass on: the user's, or that of the endpoint's run-as account?"""
    return caller.run_as != VIRTUAL if caller.run_as else caller.protocol == "credssp"


def hop_c(world: World, vm: VM, source: Host, destination: Host, caller: Caller) -> MigrationFailure | None:
    """Why VMMS of the source cannot authenticate at the destination on behalf of the caller; None if it can.

    Whether Windows' VMMS does it for a virtual account is not known; here it comes as the source's computer account.
    """
    user = acting(world, source, caller, destination)
    if user is None or not _controllers_answer(world, source):
        return failures.no_credentials(vm, source, destination)
    if source.migration.authentication != destination.migration.authentication:
        return failures.not_recognized(vm, source, destination)
    if source.migration.authentication == "CredSSP":
        if not _has_password(caller) or source.credential_guard:
            return failures.no_credentials(vm, source, destination)
    else:
        own, theirs = world.domain_of(source), world.domain_of(destination)
        if own is not None and theirs is not None and not trusts(world, theirs, own):
            return failures.no_authority(vm, source, destination)
        if not may_act_for(world, source, destination, MIGRATION_SERVICE) or not can_be_delegated(world, user):
            return failures.no_credentials(vm, source, destination)
        refusal = _wrong_principal(world, vm, source, destination)
        if refusal is not None:
            return refusal
    if not (is_known_at(world, user, destination) and may_manage(world, destination, user)):
        return failures.migration_access_denied(vm, destination)
    return None


def _controllers_answer(world: World, host: Host) -> bool:
    own = world.domain_of(host)
    return world.domain.reachable if own is None else own.reachable


def _wrong_principal(world: World, vm: VM, source: Host, destination: Host) -> MigrationFailure | None:
    """Kerberos finds the destination's service by its principal names: each must be on its account, and on no other."""
    wanted = account_of(world, destination)
    if wanted is None:
        return None
    for name in (destination.name, destination.fqdn):
        owners = with_spn(world, f"{MIGRATION_SERVICE}/{name}")
        if not owners:
            return failures.unknown_principal(vm, source, destination)
        if owners != [wanted]:
            return failures.wrong_principal(vm, source, destination)
    return None


def may_copy(world: World, source: Host, destination: Host, caller: Caller) -> bool:
    """Can the source write files at the destination over SMB on behalf of the caller (the disks of a move)?"""
    if not _controllers_answer(world, source):
        return False
    if source.migration.authentication == "CredSSP":
        return _has_password(caller)
    user = acting(world, source, caller, destination)
    return (user is not None and can_be_delegated(world, user)
            and may_act_for(world, source, destination, FILE_SERVICE))


def may_act_for(world: World, source: Host, destination: Host, service: str) -> bool:
    """May the source's account act on behalf of others at that service? The classic form is of one domain; the
    resource-based one goes wherever there is trust.
    """
    own, theirs = world.domain_of(source), world.domain_of(destination)
    if own is None or theirs is None:
        return False
    if source.key in theirs.rbcd.get(destination.key, set()):
        return trusts(world, theirs, own)
    rights = own.delegation.get(source.key)
    if rights is None or own is not theirs:
        return False
    wanted = {f"{service}/{destination.name}".lower(), f"{service}/{destination.fqdn}".lower()}
    return rights.protocol_transition and wanted <= {name.lower() for name in rights.services}


def delegation_for(destination: Host) -> set[str]:
    """The four values that a source's account needs for this destination."""
    return {f"{service}/{name}" for service in (MIGRATION_SERVICE, FILE_SERVICE)
            for name in (destination.name, destination.fqdn)}


# --- restricted endpoints -------------------------------------------------------------------------------------------


def is_allowed(world: World, host: Host, user: User, configuration: SessionConfiguration) -> bool:
    """May this user open that session configuration there?"""
    if not configuration.allow:
        return is_administrator(world, host, user)
    own = {*names_of(world, user), *(name.lower() for name, _ in groups_of(world, host, user))}
    return any(name.lower() in own for name in configuration.allow)


def acting(world: World, origin: Host, caller: Caller, at: Host) -> User | None:
    """As whom a session on ``origin`` works at ``at``: its user, or its endpoint's run-as account. A virtual account
    is an administrator of its host, and elsewhere it is the host's computer account (Microsoft's JEA security
    considerations); that is nobody where the host is in no domain.
    """
    if caller.run_as and caller.run_as != VIRTUAL:
        return world.user(caller.run_as)
    if not caller.run_as:
        return world.user(caller.user)
    if at is origin:
        return User(f"WinRM VA_1_{caller.user.replace(chr(92), '_')}", origin.name, "", sid=_VIRTUAL_SID)
    return computer_account(world, origin)


def computer_account(world: World, host: Host) -> User | None:
    """As whom a host itself comes to others; None for one that is in no domain."""
    account = account_of(world, host)
    return None if account is None else User(account.sam, account.domain, "", sid=account.sid)
