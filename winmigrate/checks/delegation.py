"""Requirements of hop C where hosts authenticate migrations by Kerberos: what stands in their accounts.

The source's migration service asks the domain for tickets in the operator's name (S4U2Self, S4U2Proxy). The domain
gives them by the lists in the source's account (classic delegation, within one domain), or because the destination's
account trusts the source's (resource-based). Hosts that use CredSSP ask for none of this.

Without a directory the rehearsal proves what Compare-VM needs; whether files can be copied only the move shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from winmigrate.checks.finding import Remedy, Resolver, Scope, Severity
from winmigrate.checks.frame import (
    Ground,
    Verdict,
    failed,
    known,
    passed,
    requirement,
    skipped,
)
from winmigrate.checks.index import HostIndex
from winmigrate.checks.kerberos_names import (
    IN_FORCE,
    KINDS,
    LATER,
    account_of,
    domain_admins,
    enabling,
    facts_of,
    named,
    not_concerned,
)
from winmigrate.checks.words import by_hand, powershell, quoted, several
from winmigrate.directory import Account
from winmigrate.directory.nouns import (
    DISABLED,
    TRUSTED_FOR_DELEGATION,
    TRUSTED_TO_AUTHENTICATE,
)
from winmigrate.directory.reading import FILE_SERVICE, MIGRATION_SERVICE
from winmigrate.facts import Unreadable
from winmigrate.survey.facts_of_directory import server_key
from winmigrate.survey.servers import unc_paths
from winmigrate.windows import share

_SET_UP = (
    "https://learn.microsoft.com/windows-server/virtualization/hyper-v/deploy/"
    "set-up-hosts-for-live-migration-without-failover-clustering"
)
_SMB_PAGE = "https://learn.microsoft.com/powershell/module/smbshare/enable-smbdelegation"


class _Way(NamedTuple):
    """How a service at the destination may be spoken to in anybody's name; ``missing`` from the classic list."""

    by_resource: bool
    missing: tuple[str, ...]
    source: Account
    destination: str

    @property
    def open(self) -> bool:
        return self.by_resource or not self.missing


def _way(ground: Ground, source: HostIndex, destination: HostIndex, service: str) -> _Way:
    here, there = named(source), named(destination)
    own, facts = account_of(ground, source), facts_of(ground, f"the account of {source.name}")
    wanted = there.of(service)
    listed = facts.delegated(source.name)
    # The classic form ends at the domain; the destination's account may say the same for any source that it trusts.
    near = here.domain.casefold() == there.domain.casefold()
    if near and not isinstance(listed, Unreadable) and all(name.casefold() in listed for name in wanted):
        return _Way(False, (), own, there.short)
    theirs = facts.account(destination.name)
    what = f"whom the account of {destination.name} trusts"
    if isinstance(theirs, Account):
        if known(facts.lets_in(theirs, own), what):
            return _Way(True, (), own, theirs.name)
    elif not near:
        known(theirs, f"the account of {destination.name} in the directory")
    given = known(listed, f"the services that {own.name} may be delegated to")
    missing = tuple(name for name in wanted if not near or name.casefold() not in given)
    return _Way(False, missing, own, there.short)


def _delegation(ground: Ground, service: str, title: str) -> Verdict:
    source, destination = ground.source, ground.destination
    reason = not_concerned(source, destination)
    if reason:
        return skipped(reason)
    way = _way(ground, source, destination, service)
    if known(way.source.has(DISABLED), f"the flags of {way.source.name}"):
        return failed(
            f"the account {way.source.name} is disabled",
            wanted="enabled",
            remedy=enabling(ground, way.source),
        )
    if way.by_resource:
        return passed(f"{way.destination} lets {way.source.name} act there in anybody's name (resource-based)")
    if way.open:
        return passed(f"{way.source.name} may be delegated to {title} by both names of {way.destination}")
    here, there = named(source), named(destination)
    if here.domain.casefold() != there.domain.casefold():
        return failed(
            f"{source.name} is in {here.domain}, {destination.name} in {there.domain}, and {there.short}$ does not "
            f"trust {way.source.name}: classic delegation ends at the domain",
            wanted=f"{way.source.name} among the principals that {there.short}$ trusts",
            remedy=powershell(
                f"Set-ADComputer -Identity {quoted(there.short + '$')} -PrincipalsAllowedToDelegateToAccount (those "
                f"who are there already, and {way.source.name})",
                f"whoever may write {there.short}$ in {there.domain}",
                IN_FORCE,
            ),
        )
    return failed(
        f"{way.source.name} may not be delegated to {several(way.missing)}"
        f"{_unconstrained(way.source)}; {there.short}$ does not trust it either",
        wanted=f"both names in msDS-AllowedToDelegateTo of {way.source.name}, or {way.source.name} trusted by "
        f"{there.short}$",
        remedy=powershell(_adding(way.source, way.missing), domain_admins(ground), IN_FORCE),
    )


def _unconstrained(account: Account) -> str:
    if account.has(TRUSTED_FOR_DELEGATION) is True:
        return " (it is trusted for unconstrained delegation, which a remote session does not feed)"
    return ""


def _adding(account: Account, services: Iterable[str]) -> str:
    values = ",".join(quoted(name) for name in services)
    return f"Set-ADComputer -Identity {quoted(account.name)} -Add @{{'msDS-AllowedToDelegateTo'={values}}}"


@requirement(
    "kcd-migration-service",
    "The source's account may be delegated to the destination's migration service",
    Severity.BLOCKS,
    Scope.PAIR,
    resolvers=LATER,
    kinds=KINDS,
    read_by="msDS-AllowedToDelegateTo of the source's account; msDS-AllowedToActOnBehalfOfOtherIdentity of the "
    "destination's",
    mend="Set-ADComputer -Add @{'msDS-AllowedToDelegateTo'=both names}",
    page=_SET_UP,
    may_be_accepted=False,
    hop="C",
)
def kcd_migration_service(ground: Ground) -> Verdict:
    return _delegation(ground, MIGRATION_SERVICE, "the migration service")


@requirement(
    "kcd-cifs",
    "The source's account may be delegated to the destination's file service",
    Severity.BLOCKS,
    Scope.PAIR,
    resolvers=(Resolver.DIRECTORY, Resolver.AFTER),
    kinds=KINDS,
    read_by="msDS-AllowedToDelegateTo of the source's account; msDS-AllowedToActOnBehalfOfOtherIdentity of the "
    "destination's",
    mend="Set-ADComputer -Add @{'msDS-AllowedToDelegateTo'=both names}",
    page=_SET_UP,
    may_be_accepted=False,
    hop="C",
)
def kcd_cifs(ground: Ground) -> Verdict:
    return _delegation(ground, FILE_SERVICE, "cifs")


@requirement(
    "kcd-protocol-transition",
    "The source's account is delegated by any authentication protocol",
    Severity.BLOCKS,
    Scope.PAIR,
    resolvers=LATER,
    kinds=KINDS,
    since="2016",
    read_by="userAccountControl of the source's account, bit 0x1000000",
    mend="Set-ADAccountControl -TrustedToAuthForDelegation $true",
    page=_SET_UP,
    may_be_accepted=False,
    hop="C",
)
def kcd_protocol_transition(ground: Ground) -> Verdict:
    reason = not_concerned(ground.source, ground.destination)
    if reason:
        return skipped(reason)
    way = _way(ground, ground.source, ground.destination, MIGRATION_SERVICE)
    if way.by_resource:
        return passed(f"{way.destination} trusts {way.source.name} itself (resource-based), by any protocol")
    if known(way.source.has(TRUSTED_TO_AUTHENTICATE), f"the flags of {way.source.name}"):
        return passed(f"{way.source.name} is delegated by any protocol")
    return failed(
        f"{way.source.name} is delegated by Kerberos only: a session from the ops box leaves it no ticket to pass on",
        wanted="any authentication protocol (TrustedToAuthForDelegation)",
        remedy=_transition(way.source, domain_admins(ground)),
    )


def _transition(account: Account, who: str) -> Remedy:
    return powershell(
        f"Set-ADAccountControl -Identity {quoted(account.name)} -TrustedToAuthForDelegation $true", who, IN_FORCE
    )


@requirement(
    "kcd-reverse",
    "Delegation stands for the way back, too",
    Severity.INFORMS,
    Scope.PAIR,
    resolvers=(Resolver.DIRECTORY,),
    kinds=KINDS,
    read_by="the accounts of both hosts, with their parts exchanged",
    mend="Set-ADComputer -Add @{'msDS-AllowedToDelegateTo'=...} on the destination's account",
    page=_SET_UP,
    hop="C",
)
def kcd_reverse(ground: Ground) -> Verdict:
    source, destination = ground.source, ground.destination
    reason = not_concerned(source, destination)
    if reason:
        return skipped(reason)
    ways = [_way(ground, destination, source, service) for service in (MIGRATION_SERVICE, FILE_SERVICE)]
    account = ways[0].source
    missing = [name for way in ways if not way.by_resource for name in way.missing]
    by_list = any(not way.by_resource for way in ways)
    if missing:
        return failed(
            f"{account.name} may not be delegated to {several(missing)}: the way back is closed",
            wanted=f"the same delegation from {destination.name} to {source.name}",
            remedy=powershell(_adding(account, missing), domain_admins(ground), IN_FORCE)
            if named(source).domain.casefold() == named(destination).domain.casefold()
            else by_hand(
                f"let {named(source).short}$ trust {account.name} (PrincipalsAllowedToDelegateToAccount)",
                domain_admins(ground),
                IN_FORCE,
            ),
        )
    if by_list and not known(account.has(TRUSTED_TO_AUTHENTICATE), f"the flags of {account.name}"):
        return failed(
            f"{account.name} is delegated by Kerberos only: the way back is closed",
            wanted="any authentication protocol (TrustedToAuthForDelegation)",
            remedy=_transition(account, domain_admins(ground)),
        )
    return passed(f"{account.name} may act on {source.name} in anybody's name")


# --- file servers ------------------------------------------------------------------------------------------------


@requirement(
    "smb-delegation",
    "Both hosts may be delegated to the file server",
    Severity.RISKS,
    Scope.CANDIDATE,
    resolvers=(Resolver.DIRECTORY,),
    kinds=("shared-smb",),
    read_by="the accounts of the file servers in the VM's paths: msDS-AllowedToActOnBehalfOfOtherIdentity; "
    "msDS-AllowedToDelegateTo of the hosts' accounts",
    mend="Enable-SmbDelegation -SmbServer -SmbClient",
    page=_SMB_PAGE,
    hop="C",
)
def smb_delegation(ground: Ground) -> Verdict:
    servers: dict[str, str] = {}
    for path in unc_paths(ground.candidate, ground.source.facts):
        parts = share.share_of(path)
        if parts is not None:
            servers.setdefault(server_key(parts[0], ground.inventory), parts[0])
    if not servers:
        return skipped("no file of the VM lies on a file server")
    reason = not_concerned(ground.source, ground.destination)
    if reason:
        return skipped(reason)
    missing = [
        (server, key, host)
        for key, server in servers.items()
        for host in (ground.source, ground.destination)
        if not _reaches(ground, host, key, server)
    ]
    if not missing:
        both = f"{ground.source.name} and {ground.destination.name}"
        return passed(f"{both} may be delegated to {several(servers.values())}")
    told = [f"{named(host).short}$ to cifs/{server}" for server, _, host in missing]
    return failed(
        f"not delegated: {several(told)}",
        wanted=f"both hosts delegated to {several(servers.values())}",
        remedy=powershell(
            "; ".join(
                f"Enable-SmbDelegation -SmbServer {quoted(_short(ground, key, server))} "
                f"-SmbClient {quoted(named(host).short)}"
                for server, key, host in missing
            ),
            domain_admins(ground),
            IN_FORCE,
        ),
    )


def _server(ground: Ground, key: str, server: str) -> Account:
    what = f"the account of the file server {server}"
    found = known(facts_of(ground, what).file_servers.get(key, Unreadable("it was not asked for")), what)
    if found is None:
        return known(Unreadable("the directory shows no such account", f"the right to read {server}"), what)
    return found


def _short(ground: Ground, key: str, server: str) -> str:
    return _server(ground, key, server).name.removesuffix("$")


def _reaches(ground: Ground, host: HostIndex, key: str, server: str) -> bool:
    own, theirs = account_of(ground, host), _server(ground, key, server)
    what = f"whom the account of {server} trusts"
    if known(facts_of(ground, what).lets_in(theirs, own), what):
        return True
    listed = known(facts_of(ground, what).delegated(host.name), f"the services that {own.name} may be delegated to")
    names = {theirs.name.removesuffix("$").casefold(), (theirs.dns_name or server).casefold()}
    return all(f"{FILE_SERVICE}/{name}" in listed for name in names)
