"""Requirements of accounts for hop C: the destination's service names, what was changed just now, the operator."""

from __future__ import annotations

import datetime as dt

from winmigrate.checks.finding import Resolver, Scope, Severity
from winmigrate.checks.frame import (
    Ground,
    Role,
    Verdict,
    failed,
    known,
    passed,
    requirement,
    skipped,
    unknown,
)
from winmigrate.checks.kerberos_names import (
    IN_FORCE,
    KINDS,
    LATER,
    account_of,
    domain_admins,
    enabling,
    facts_of,
    named,
    without_kerberos,
)
from winmigrate.checks.words import administrator, by_hand, native, powershell, quoted, several
from winmigrate.directory.nouns import (
    DISABLED,
    NOT_DELEGATED,
)
from winmigrate.directory.reading import FILE_SERVICE, HOST_SERVICE, MIGRATION_SERVICE

_SECOND_HOP = "https://learn.microsoft.com/powershell/scripting/security/remoting/ps-remoting-second-hop"
_MIGRATION_PAGE = (
    "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/hyper-v-virtual-machine-live-migration"
)

#: A domain controller remembers a refusal for this long (the page on the second hop).
SETTLES = dt.timedelta(minutes=15)


@requirement(
    "spn-registered",
    "The destination's migration service is registered under both its names, and nowhere else",
    Severity.BLOCKS,
    Scope.HOST,
    resolvers=LATER,
    kinds=KINDS,
    role=Role.DESTINATION,
    read_by="servicePrincipalName of the destination's account; all accounts that have these names",
    mend="Restart-Service -Name vmms, or setspn -S; of two that have one name, setspn -D",
    page=_MIGRATION_PAGE,
    may_be_accepted=False,
    hop="C",
)
def spn_registered(ground: Ground) -> Verdict:
    host = ground.source
    reason = without_kerberos(host)
    if reason:
        return skipped(reason)
    names, account = named(host), account_of(ground, host)
    if known(account.has(DISABLED), f"the flags of {account.name}"):
        return failed(
            f"the account {account.name} is disabled: no ticket is given for its services",
            wanted="enabled",
            remedy=enabling(ground, account),
        )
    what = f"the service principal names of {account.name}"
    registered = {name.casefold() for name in known(account.service_names, what)}
    wanted = names.of(MIGRATION_SERVICE)
    missing = [name for name in wanted if name.casefold() not in registered]
    if missing:
        values = ",".join(quoted(name) for name in missing)
        return failed(
            f"{account.name} is not registered as {several(missing)}",
            wanted="both names",
            remedy=powershell(
                f"on {host.name}: Restart-Service -Name vmms, which registers them; or, by {domain_admins(ground)}: "
                f"Set-ADComputer -Identity {quoted(account.name)} -Add @{{'servicePrincipalName'={values}}}",
                administrator(host.name),
                "once it has replicated: up to 15 minutes",
            ),
        )
    doubled = known(facts_of(ground, what).duplicates, f"who else has the names of {account.name}")
    also = (*wanted, *names.of(HOST_SERVICE), *names.of(FILE_SERVICE))
    for name in also:
        others = [other for other in doubled.get(name.casefold(), ()) if other.casefold() != account.name.casefold()]
        if others:
            return failed(
                f"{name} is registered for {several(others)} as well as for {account.name}: no ticket for it opens",
                wanted=f"{account.name} alone",
                remedy=native(
                    "; ".join(f'setspn -D "{name}" {other.removesuffix("$")}' for other in others),
                    domain_admins(ground),
                    "once it has replicated: up to 15 minutes",
                ),
            )
    return passed(f"{account.name} alone is registered as {wanted[0]} and {wanted[1]}")


@requirement(
    "kerberos-cache",
    "The account was not changed just now: tickets and refusals that are kept are of what stands there",
    Severity.INFORMS,
    Scope.HOST,
    resolvers=(Resolver.DIRECTORY,),
    kinds=KINDS,
    read_by="whenChanged of the host's account",
    mend="klist purge -li 0x3e7",
    page=_SECOND_HOP,
    hop="C",
)
def kerberos_cache(ground: Ground) -> Verdict:
    host = ground.source
    reason = without_kerberos(host)
    if reason:
        return skipped(reason)
    account = account_of(ground, host)
    if account.changed is None:
        return unknown(f"the directory does not show when {account.name} was last changed")
    ago = ground.now - account.changed
    if ago >= SETTLES:
        changed = account.changed.astimezone(dt.timezone.utc)
        return passed(f"{account.name} was last changed {changed:%Y-%m-%d %H:%M} UTC")
    minutes = max(0, int(ago.total_seconds() // 60))
    return failed(
        f"{account.name} was changed {minutes} min ago: domain controllers and {host.name} may still answer by what "
        "was before",
        wanted=f"{int(SETTLES.total_seconds() // 60)} min since the last change",
        remedy=native(
            f"wait {int(SETTLES.total_seconds() // 60) - minutes} min; or on {host.name}: klist purge -li 0x3e7",
            administrator(host.name),
        ),
    )


# --- the operator ------------------------------------------------------------------------------------------------


@requirement(
    "operator-delegatable",
    "The session's user may be delegated",
    Severity.BLOCKS,
    Scope.HOST,
    resolvers=LATER,
    kinds=KINDS,
    role=Role.SOURCE,
    read_by="userAccountControl of the user's account, bit 0x100000; Protected Users (-525) among all its groups",
    mend="Set-ADUser -AccountNotDelegated $false, or another operator",
    page=_SECOND_HOP,
    may_be_accepted=False,
    hop="C",
)
def operator_delegatable(ground: Ground) -> Verdict:
    host = ground.source
    reason = without_kerberos(host)
    if reason:
        return skipped(reason)
    what = f"who the session on {host.name} is"
    identity = known(host.facts.identity, what)
    user, sid = known(identity.user, what), known(identity.sid, what)
    if user.partition("\\")[0].casefold() == named(host).short.casefold():
        return failed(
            f"{user} is an account of {host.name} alone: nothing can be done in its name elsewhere",
            wanted="an account of the domain",
            remedy=by_hand(f"give {host.name} a credential of the domain in the inventory", "whoever runs winmigrate"),
        )
    what = f"the account of {user} in the directory"
    operators = facts_of(ground, what).operators
    if sid not in operators:
        return unknown(f"{user} ({sid}) is no account of a domain: the rehearsal shows what it may")
    account = known(operators[sid], what)
    if account is None:
        return unknown(f"the directory shows no account {user} ({sid})", needs=f"the right to read {user}")
    own = quoted(account.name)
    if known(account.has(NOT_DELEGATED), f"the flags of {user}"):
        return failed(
            f"{user} is sensitive and cannot be delegated",
            wanted="an account that can be",
            remedy=powershell(
                f"Set-ADUser -Identity {own} -AccountNotDelegated $false; or use another account",
                domain_admins(ground),
                IN_FORCE,
            ),
        )
    if known(account.protected(), f"the groups of {user}"):
        return failed(
            f"{user} is in Protected Users, whose members cannot be delegated",
            wanted="an account that can be",
            remedy=powershell(
                f"use another account; or Remove-ADGroupMember -Identity 'Protected Users' -Members {own} (or the "
                "group that it is in through)",
                domain_admins(ground),
                "at the next logon",
            ),
        )
    return passed(f"{user} may be delegated, and is not in Protected Users")
