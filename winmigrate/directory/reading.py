"""What a migration wants to know of a domain, asked in two rounds whatever the number of hosts.

First the domain, the accounts of all computers and operators, and who has the services' names; then what follows from
those: the operators' groups, and the computers in groups that may act on behalf of others.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from winmigrate.directory.asking import COMPUTERS, GROUPS, HOLDERS, USERS, Answers, Directory, DomainFacts, Question
from winmigrate.directory.descriptor import EVERYONE, sid_bytes
from winmigrate.directory.filters import any_of, either, equals, in_chain
from winmigrate.directory.nouns import Account, DirectoryFacts
from winmigrate.facts import Unreadable

MIGRATION_SERVICE = "Microsoft Virtual System Migration Service"
FILE_SERVICE = "cifs"
#: Windows takes any of a list of services, cifs among them, for granted where this one is registered.
HOST_SERVICE = "HOST"

#: Terms in one filter; a domain controller takes far more, but not without end.
_TERMS = 200
_WELL_KNOWN = (EVERYONE, "S-1-5-11")


@dataclass(frozen=True, slots=True)
class Named:
    """A computer: its short name, which its account has too, and its full one; either may be all there is."""

    short: str
    full: str = ""

    @property
    def account(self) -> str:
        """The sAMAccountName of its account: the NetBIOS name, of at most 15 characters, and a dollar sign."""
        return f"{self.short[:15].upper()}$"

    def names(self) -> tuple[str, ...]:
        """Both names, each once."""
        return tuple(dict.fromkeys(name for name in (self.short, self.full) if name))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked: computers by the host's name in the inventory, file servers by the name they go by, operators by
    SID.
    """

    computers: Mapping[str, Named] = field(default_factory=dict)
    file_servers: Mapping[str, Named] = field(default_factory=dict)
    operators: Sequence[str] = ()


def named(address: str) -> Named | Unreadable:
    """A server by what it is called in a path or an inventory."""
    try:
        ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        short, dot, _ = address.rstrip(".").partition(".")
        return Named(short, address.rstrip(".") if dot else "")
    return Unreadable(f"{address} is an address: no account is known by it")


def read_directory(directory: Directory, wanted: Wanted, taken_at: dt.datetime) -> DirectoryFacts | Unreadable:
    """The facts. Unreadable as a whole where the domain gave no answer at all."""
    services = [
        f"{service}/{name}"
        for computer in wanted.computers.values()
        for service in (MIGRATION_SERVICE, HOST_SERVICE, FILE_SERVICE)
        for name in computer.names()
    ]
    questions = [
        *_questions(COMPUTERS, COMPUTERS, [equals("sAMAccountName", it.account) for it in wanted.computers.values()]),
        *_questions("file servers", COMPUTERS, list(_of_servers(wanted.file_servers.values()))),
        *_questions(HOLDERS, HOLDERS, [equals("servicePrincipalName", service) for service in services]),
        *_questions(USERS, USERS, [any_of("objectSid", [sid_bytes(sid)]) for sid in wanted.operators if _is_sid(sid)]),
    ]
    domain, answers = directory.domain(questions)
    if isinstance(domain, Unreadable):
        return domain
    computers = _all(answers, COMPUTERS)
    found = {name: _computer(it, computers, domain) for name, it in wanted.computers.items()}
    users = _all(answers, USERS)
    operators = {sid: _operator(sid, users, domain) for sid in wanted.operators}
    servers = _servers(wanted.file_servers, _all(answers, "file servers"), domain)
    operators, members = _second_round(directory, operators, [*found.values(), *servers.values()])
    return DirectoryFacts(
        asked=directory.asked,
        taken_at=taken_at,
        domain=domain.name,
        netbios=domain.netbios,
        forest=domain.forest,
        computers=found,
        file_servers=servers,
        operators=operators,
        duplicates=_duplicates(_all(answers, HOLDERS), services),
        trusts=domain.trusts,
        members=members,
    )


def read_file_servers(directory: Directory, facts: DirectoryFacts, wanted: Mapping[str, Named]) -> DirectoryFacts:
    """The facts with more file servers: those that only the hosts' disks named."""
    answers = directory.answers(_questions("file servers", COMPUTERS, list(_of_servers(wanted.values()))))
    servers = _servers(wanted, _all(answers, "file servers"), DomainFacts(facts.domain, facts.netbios))
    _, members = _second_round(directory, {}, list(servers.values()))
    both = {**facts.file_servers, **servers}
    if isinstance(facts.members, Unreadable):
        return replace(facts, file_servers=both)
    return replace(
        facts,
        file_servers=both,
        members=members if isinstance(members, Unreadable) else {**facts.members, **members},
    )


# --- questions ---------------------------------------------------------------------------------------------------


def _questions(name: str, kind: str, terms: Sequence[str]) -> list[Question]:
    terms = list(dict.fromkeys(terms))
    return [
        Question(f"{name} {start}", kind, either(terms[start : start + _TERMS]))
        for start in range(0, len(terms), _TERMS)
    ]


def _of_servers(servers: Iterable[Named]) -> Iterable[str]:
    """A file server may be called by a name that is not its account's: an alias, or the name of a cluster's role."""
    for server in servers:
        yield either(
            [
                equals("sAMAccountName", server.account),
                *(equals("dNSHostName", name) for name in server.names()),
                *(
                    equals("servicePrincipalName", f"{service}/{name}")
                    for service in (HOST_SERVICE, FILE_SERVICE)
                    for name in server.names()
                ),
            ]
        )


def _is_sid(text: str) -> bool:
    try:
        sid_bytes(text)
    except ValueError:
        return False
    return True


def _all(answers: Answers, name: str) -> tuple[Account, ...] | Unreadable:
    """The accounts of all questions of that name."""
    found: list[Account] = []
    for key, answer in answers.items():
        if key.rpartition(" ")[0] == name:
            if isinstance(answer, Unreadable):
                return answer
            found += answer
    return tuple(found)


# --- answers -----------------------------------------------------------------------------------------------------


def _computer(
    wanted: Named, found: tuple[Account, ...] | Unreadable, domain: DomainFacts
) -> Account | Unreadable | None:
    if isinstance(found, Unreadable):
        return found
    elsewhere = _elsewhere(wanted, domain)
    if elsewhere is not None:
        return elsewhere
    return next((item for item in found if item.name.casefold() == wanted.account.casefold()), None)


def _elsewhere(wanted: Named, domain: DomainFacts) -> Unreadable | None:
    """Why a computer's account is not to be looked for here: its full name says that it is of another domain."""
    _, dot, suffix = wanted.full.partition(".")
    if not dot or suffix.casefold() == domain.name.casefold():
        return None
    return Unreadable(f"{wanted.full} is not of {domain.name}, the domain that was asked", f"a directory of {suffix}")


def _servers(
    wanted: Mapping[str, Named], found: tuple[Account, ...] | Unreadable, domain: DomainFacts
) -> dict[str, Account | Unreadable | None]:
    if isinstance(found, Unreadable):
        return dict.fromkeys(wanted, found)
    accounts: dict[str, Account | Unreadable | None] = {}
    for name, server in wanted.items():
        mine = [item for item in found if _is_called(item, server)]
        accounts[name] = mine[0] if mine else _elsewhere(server, domain)
    return accounts


def _is_called(account: Account, server: Named) -> bool:
    names = {name.casefold() for name in server.names()}
    if account.name.casefold() == server.account.casefold() or (account.dns_name or "").casefold() in names:
        return True
    services = () if isinstance(account.service_names, Unreadable) else account.service_names
    wanted = {f"{service}/{name}".casefold() for service in (HOST_SERVICE, FILE_SERVICE) for name in names}
    return any(service.casefold() in wanted for service in services)


def _operator(sid: str, found: tuple[Account, ...] | Unreadable, domain: DomainFacts) -> Account | Unreadable | None:
    if isinstance(found, Unreadable):
        return found
    mine = next((item for item in found if item.sid == sid), None)
    other = sid.rpartition("-")[0]
    if mine is None and isinstance(domain.sid, str) and domain.sid and other != domain.sid:
        return Unreadable(f"{sid} is no account of {domain.name}, the domain that was asked", "its own domain asked")
    return mine


def _duplicates(found: tuple[Account, ...] | Unreadable, services: Sequence[str]) -> (
    dict[str, tuple[str, ...]] | Unreadable
):
    if isinstance(found, Unreadable):
        return found
    holders: dict[str, list[str]] = {service.casefold(): [] for service in services}
    for account in {item.dn: item for item in found}.values():
        if isinstance(account.service_names, Unreadable):
            return account.service_names
        for service in dict.fromkeys(name.casefold() for name in account.service_names):
            if service in holders:
                holders[service].append(account.name)
    return {service: tuple(sorted(names)) for service, names in holders.items() if len(names) > 1}


def _second_round(
    directory: Directory,
    operators: dict[str, Account | Unreadable | None],
    hosts: Sequence[Account | Unreadable | None],
) -> tuple[dict[str, Account | Unreadable | None], dict[str, tuple[str, ...]] | Unreadable]:
    """The operators with their groups; the members of the groups that hosts trust."""
    people = [item for item in operators.values() if isinstance(item, Account)]
    computers = [item for item in hosts if isinstance(item, Account)]
    own = {name.casefold() for item in computers for name in (item.sid, item.dn)}
    own |= {name.casefold() for name in _WELL_KNOWN}
    trusted = [name for item in computers if not isinstance(item.trusts, Unreadable) for name in item.trusts]
    groups = [name for name in dict.fromkeys(trusted) if name.casefold() not in own]
    questions = [Question(f"groups of {item.sid}", GROUPS, in_chain("member", item.dn)) for item in people]
    questions += [Question(f"trusted {name}", GROUPS, _group(name)) for name in groups]
    if not questions:
        return operators, {}
    answers = directory.answers(questions)
    for item in people:
        come = answers[f"groups of {item.sid}"]
        sids = come if isinstance(come, Unreadable) else tuple(group.sid for group in come)
        operators[item.sid] = replace(item, groups=sids)
    members: dict[str, tuple[str, ...]] = {}
    distinct: dict[str, str] = {}
    for name in groups:
        come = answers[f"trusted {name}"]
        if isinstance(come, Unreadable):
            return operators, come
        if come:
            distinct[name] = come[0].dn
    if distinct:
        asked = [Question(f"members of {name}", COMPUTERS, in_chain("memberOf", dn)) for name, dn in distinct.items()]
        more = directory.answers(asked)
        for name in distinct:
            inside = more[f"members of {name}"]
            if isinstance(inside, Unreadable):
                return operators, inside
            members[name] = tuple(item.sid for item in inside)
    return operators, members


def _group(name: str) -> str:
    """The group of a SID or a distinguished name."""
    return equals("objectSid", sid_bytes(name)) if _is_sid(name) else equals("distinguishedName", name)
