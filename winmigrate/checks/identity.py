"""Requirements of identity: who we are on each host, and how each hop to the destination is passed.

Hop A: the ops box to the source. Hop B: the cmdlet in that session to the destination. Hop C: the source's VMMS to the
destination's. Delegation for hop C stands in the directory; without one to ask, the rehearsal proves it.
"""

from __future__ import annotations

from winmigrate.checks.finding import Resolver, Scope, Severity
from winmigrate.checks.frame import Ground, Role, Verdict, failed, known, passed, pending, requirement, skipped, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import (
    OPERATOR_OF_INVENTORY,
    administrator,
    by_hand,
    hyper_v_administrator,
    powershell,
    quoted,
)
from winmigrate.directory import DirectoryFacts
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.windows.host import HYPER_V_ADMINISTRATORS

_DOCS = "https://learn.microsoft.com/windows-server/"
_SET_UP = _DOCS + "virtualization/hyper-v/deploy/set-up-hosts-for-live-migration-without-failover-clustering"
_SECOND_HOP = "https://learn.microsoft.com/powershell/scripting/security/remoting/ps-remoting-second-hop"
_GUIDANCE = (
    "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/troubleshoot-live-migration-guidance"
)
_KINDS = ("shared-smb", "shared-nothing")

_CREDENTIAL_GUARD = 1


@requirement(
    "same-or-trusted-domain",
    "Both hosts are in one domain, or in domains that trust each other",
    Severity.BLOCKS,
    Scope.PAIR,
    resolvers=(Resolver.SURVEY, Resolver.DIRECTORY, Resolver.REHEARSE),
    kinds=_KINDS,
    read_by="Win32_ComputerSystem: PartOfDomain, Domain; the directory's trusts and forest, else at rehearse",
    mend="Add-Computer -DomainName, or a trust in both directions",
    page=_SET_UP,
    may_be_accepted=False,
    hop="C",
)
def same_or_trusted_domain(ground: Ground) -> Verdict:
    hosts = (ground.source, ground.destination)
    domains = [_domain(host) for host in hosts]
    for host, domain, other in zip(hosts, domains, reversed(domains), strict=True):
        if domain is None:
            joined = f"Add-Computer -DomainName {quoted(other)} -Restart" if other else ""
            return failed(
                f"{host.name} is in no domain",
                wanted=f"in {other}, or a domain that {other} trusts" if other else "both in one domain",
                remedy=powershell(joined, administrator(host.name), "after the restart that it makes")
                if joined
                else by_hand("join both hosts to one domain", administrator(host.name), "after a restart of each"),
            )
    here, there = (str(domain) for domain in domains)
    if here.casefold() == there.casefold():
        return passed(f"both in {here}")
    shown = f"{hosts[0].name} is in {here}, {hosts[1].name} in {there}"
    trusted = trust_between(ground.survey.directory, here, there)
    if trusted is None:
        return pending(Resolver.REHEARSE, f"{shown}: the rehearsal shows whether they trust each other")
    if trusted:
        return passed(f"{shown}, which trusts {here}")
    return failed(
        f"{shown}, which does not trust {here}",
        wanted=f"{there} trusts {here}, for the way back the other way round as well",
        remedy=by_hand(
            f"a trust in both directions between {here} and {there} (Active Directory Domains and Trusts)",
            f"Domain Admins of {here} and of {there}",
            "once it has replicated: up to 15 minutes",
        ),
    )


def trust_between(directory: DirectoryFacts | Unreadable, source: str, destination: str) -> bool | None:
    """Does the destination's domain trust the source's? None where the directory that was asked cannot tell.

    All domains of a forest trust each other. A domain shows its own trusts and not those of its forest's root, so
    that it has none is an answer only where it is alone in its forest.
    """
    if isinstance(directory, Unreadable) or isinstance(directory.forest, Unreadable):
        return None
    here, there, asked = source.casefold(), destination.casefold(), directory.domain.casefold()
    forest = {name.casefold() for name in directory.forest} | {asked}
    if {here, there} <= forest:
        return True
    if asked not in (here, there) or isinstance(directory.trusts, Unreadable):
        return None
    other = there if here == asked else here
    for trust in directory.trusts:
        partner = trust.partner.casefold()
        if other == partner or (trust.forest and other.endswith(f".{partner}")):
            return trust.inbound if here == asked else trust.outbound
    return False if len(forest) == 1 else None


def _domain(host: HostIndex) -> str | None:
    what = f"the domain of {host.name}"
    system = known(host.facts.computer_system, what)
    member = known(system.part_of_domain, what)
    domain = known(system.domain, what)
    if member is None or (member and not domain):
        return known(Unreadable("the host does not say"), what)
    return domain if member else None


@requirement(
    "operator-admin-both",
    "The session's user is Hyper-V administrator or administrator",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=_KINDS,
    read_by="whoami.exe /groups: S-1-5-32-578 or S-1-5-32-544 in the session's token",
    mend="Add-LocalGroupMember -SID S-1-5-32-578",
    page=_SET_UP,
    may_be_accepted=False,
)
def operator_admin_both(ground: Ground) -> Verdict:
    host = ground.source
    rights = (host.facts.administrator, host.facts.hyper_v_administrator)
    identity = host.facts.identity
    user = identity if isinstance(identity, Unreadable) else identity.user
    who = "the session's user" if isinstance(user, Unreadable) else user
    names = ("administrator", "Hyper-V administrator")
    held = [right for right, there in zip(names, rights, strict=True) if not isinstance(there, Unreadable) and there]
    if held:
        return passed(f"{who} is {held[0]} on {host.name}")
    for right in rights:
        known(right, f"the groups of {who} on {host.name}")
    version = host.facts.version
    recent = isinstance(version, Unreadable) or at_least(version, "2016")
    member = quoted(who if not isinstance(user, Unreadable) else "DOMAIN\\user")
    return failed(
        f"{who} is neither administrator nor Hyper-V administrator on {host.name}",
        wanted="one of them",
        hop="A" if ground.is_source else "B",
        remedy=powershell(
            f"Add-LocalGroupMember -SID {HYPER_V_ADMINISTRATORS} -Member {member}",
            administrator(host.name),
            "at the next logon",
        )
        if recent
        else by_hand(
            f"add {who} to the local group Hyper-V Administrators ({HYPER_V_ADMINISTRATORS})",
            administrator(host.name),
            "at the next logon",
        ),
    )


@requirement(
    "auth-type-equal",
    "Both hosts authenticate migrations by the same protocol",
    Severity.BLOCKS,
    Scope.PAIR,
    kinds=_KINDS,
    read_by="Get-VMHost: VirtualMachineMigrationAuthenticationType",
    mend="Set-VMHost -VirtualMachineMigrationAuthenticationType Kerberos",
    page=_GUIDANCE,
    may_be_accepted=False,
    hop="C",
)
def auth_type_equal(ground: Ground) -> Verdict:
    source, destination = ground.source, ground.destination
    here, there = _protocol(source), _protocol(destination)
    if here == there:
        return passed(f"{here} on both")
    odd = source if here != "Kerberos" else destination
    return failed(
        f"{source.name} authenticates migrations by {here}, {destination.name} by {there}",
        wanted="Kerberos on both",
        remedy=powershell(
            "Set-VMHost -VirtualMachineMigrationAuthenticationType Kerberos", hyper_v_administrator(odd.name)
        ),
    )


def _protocol(host: HostIndex) -> str:
    what = f"how {host.name} authenticates migrations"
    return known(known(host.facts.vm_host, what).virtual_machine_migration_authentication_type, what)


@requirement(
    "credssp-needs-source-logon",
    "A source that authenticates migrations by CredSSP is spoken to over CredSSP",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=_KINDS,
    role=Role.SOURCE,
    read_by="Get-VMHost: VirtualMachineMigrationAuthenticationType; auth of the inventory",
    mend="Set-VMHost -VirtualMachineMigrationAuthenticationType Kerberos with delegation; or auth: credssp",
    page=_SET_UP,
    may_be_accepted=False,
    hop="C",
)
def credssp_needs_source_logon(ground: Ground) -> Verdict:
    host = ground.source
    protocol = _protocol(host)
    if protocol != "CredSSP":
        return skipped(f"{host.name} authenticates migrations by {protocol}")
    entry = ground.inventory.hosts.get(host.name)
    if entry is not None and entry.auth == "credssp":
        return passed(f"sessions to {host.name} are CredSSP")
    spoken = entry.auth if entry is not None else "another protocol"
    return failed(
        f"{host.name} authenticates migrations by CredSSP, and our session there is {spoken}: it holds no credential "
        "to hand on (0x8009030E)",
        wanted="Kerberos with delegation, or a CredSSP session",
        remedy=powershell(
            "Set-VMHost -VirtualMachineMigrationAuthenticationType Kerberos on both hosts, with delegation for "
            "'Microsoft Virtual System Migration Service' and cifs; or auth: credssp in the inventory, and on "
            f"{host.name}: Enable-WSManCredSSP -Role Server -Force",
            administrator(host.name),
        ),
    )


@requirement(
    "credential-guard-vs-credssp",
    "Credential Guard does not run on a source that authenticates migrations by CredSSP",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=_KINDS,
    since="2016",
    role=Role.SOURCE,
    read_by="Win32_DeviceGuard: SecurityServicesRunning; Get-VMHost: VirtualMachineMigrationAuthenticationType",
    mend="Set-VMHost -VirtualMachineMigrationAuthenticationType Kerberos with delegation",
    page="https://learn.microsoft.com/windows/security/identity-protection/credential-guard/considerations-known-issues",
    may_be_accepted=False,
    hop="C",
)
def credential_guard_vs_credssp(ground: Ground) -> Verdict:
    host = ground.source
    protocol = _protocol(host)
    if protocol != "CredSSP":
        return skipped(f"{host.name} authenticates migrations by {protocol}")
    running = known(host.facts.security_services, f"whether Credential Guard runs on {host.name}")
    if _CREDENTIAL_GUARD not in running:
        return passed(f"Credential Guard does not run on {host.name}")
    return failed(
        f"Credential Guard runs on {host.name}, which authenticates migrations by CredSSP",
        wanted="Kerberos with delegation",
        remedy=powershell(
            "Set-VMHost -VirtualMachineMigrationAuthenticationType Kerberos on both hosts, with delegation for "
            "'Microsoft Virtual System Migration Service' and cifs",
            f"{hyper_v_administrator(host.name)}; delegation: domain administrator",
        ),
    )


@requirement(
    "transport-second-hop",
    "A session on the source reaches the destination by the route of the inventory",
    Severity.BLOCKS,
    Scope.PAIR,
    kinds=_KINDS,
    since="2016",
    read_by="Get-VMHost -ComputerName of the destination, asked on the source by the route of second_hop",
    mend="second_hop: credential in the inventory, or credssp, or jea:ENDPOINT",
    page=_SECOND_HOP,
    may_be_accepted=False,
    hop="B",
)
def transport_second_hop(ground: Ground) -> Verdict:
    source, destination = ground.source.name, ground.destination.name
    entry = ground.inventory.hosts.get(source)
    route = entry.second_hop.kind if entry is not None else "none"
    if route == "none":
        return failed(
            f"the inventory gives {source} no second hop: Move-VM there has nothing to show to {destination}",
            wanted="credential, credssp or jea",
            place=str(entry.place) if entry is not None and entry.place.file else "",
            remedy=by_hand(
                f"in the inventory give {source} second_hop: credential (2016 and later), credssp or jea:ENDPOINT; "
                "Kerberos delegation does not pass this hop",
                OPERATOR_OF_INVENTORY,
            ),
        )
    hop = ground.pair.hop(route)
    if hop is None:
        return unknown(f"nobody could try to reach {destination} from {source} by {route}")
    if isinstance(hop.proven, Unreadable):
        return unknown(
            f"whether {source} reaches {destination} by {route} could not be tried: {hop.proven.reason}",
            needs=hop.proven.needs,
        )
    if hop.proven:
        return passed(f"{source} reaches {destination} by {route}")
    remedies = {
        "credential": by_hand(
            f"give {destination} a credential in the inventory that is Hyper-V administrator there",
            OPERATOR_OF_INVENTORY,
        ),
        "credssp": powershell(
            f"on {source}: Enable-WSManCredSSP -Role Server -Force; or second_hop: credential in the inventory",
            administrator(source),
        ),
        "jea": by_hand(
            f"make the account that the endpoint runs as Hyper-V administrator on {destination} (a virtual account "
            f"is {source}$ there)",
            administrator(destination),
        ),
    }
    return failed(
        f"{source} does not reach {destination} by {route}: {hop.said or 'it was refused'}",
        wanted=f"an answer from {destination} to a session on {source}",
        remedy=remedies.get(route),
    )
