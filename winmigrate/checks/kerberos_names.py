"""Hosts as Kerberos knows them, for the requirements of delegation."""

from __future__ import annotations

from typing import NamedTuple

from winmigrate.checks.finding import Remedy, Resolver
from winmigrate.checks.frame import Ground, known
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import powershell, quoted
from winmigrate.directory import Account, DirectoryFacts
from winmigrate.facts import Unreadable

KINDS = ("shared-smb", "shared-nothing")
#: Where no directory is asked the rehearsal shows it: Compare-VM passes hop C.
LATER = (Resolver.DIRECTORY, Resolver.REHEARSE)

IN_FORCE = (
    "once it has replicated: up to 15 minutes, and up to 10 hours for tickets that are kept; at once after "
    "`klist purge -li 0x3e7` on both hosts"
)


class Names(NamedTuple):
    """A host as Kerberos knows it: its short name, its full one, its domain."""

    short: str
    full: str
    domain: str

    def of(self, service: str) -> tuple[str, str]:
        """The two names of one of its services."""
        return f"{service}/{self.short}", f"{service}/{self.full}"


def names_of(host: HostIndex) -> Names | None:
    """None for a host that is in no domain."""
    what = f"the name of {host.name} in its domain"
    system = known(host.facts.computer_system, what)
    if not known(system.part_of_domain, what):
        return None
    short, domain = known(system.name, what), known(system.domain, what)
    if not domain:
        return known(Unreadable("the host does not say"), what)
    return Names(short, f"{known(system.dns_host_name, what) or short}.{domain}", domain)


def domain_admins(ground: Ground) -> str:
    """Who may write delegation."""
    facts = ground.survey.directory
    return "Domain Admins" if isinstance(facts, Unreadable) else f"Domain Admins of {facts.domain}"


def enabling(ground: Ground, account: Account) -> Remedy:
    """What mends an account that is disabled."""
    return powershell(f"Set-ADAccountControl -Identity {quoted(account.name)} -Enabled $true", domain_admins(ground))


def account_of(ground: Ground, host: HostIndex) -> Account:
    """The computer account of a host."""
    what = f"the account of {host.name} in the directory"
    return known(facts_of(ground, what).account(host.name), what)


def facts_of(ground: Ground, what: str) -> DirectoryFacts:
    """The directory; ``what`` of it is wanted."""
    return known(ground.survey.directory, what)


def without_kerberos(host: HostIndex) -> str:
    """Why none of this concerns the host; empty where it authenticates migrations by Kerberos, in a domain."""
    what = f"how {host.name} authenticates migrations"
    protocol = known(known(host.facts.vm_host, what).virtual_machine_migration_authentication_type, what)
    if protocol != "Kerberos":
        return f"{host.name} authenticates migrations by {protocol}"
    if names_of(host) is None:
        return f"{host.name} is in no domain"
    return ""


def named(host: HostIndex) -> Names:
    """The names of a host of which :func:`without_kerberos` said nothing."""
    found = names_of(host)
    assert found is not None, "asked of a host in no domain"
    return found


def not_concerned(*hosts: HostIndex) -> str:
    """The first such reason."""
    return next((reason for host in hosts if (reason := without_kerberos(host))), "")
