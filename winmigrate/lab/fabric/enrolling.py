"""The directory of a fabric file: domains and trusts, users, groups, computer accounts, delegation."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from winmigrate.errors import Fault, did_you_mean
from winmigrate.lab.fabric import directory
from winmigrate.lab.fabric.accounts import WELL_KNOWN, ComputerAccount, Group, Trust, default_spns
from winmigrate.lab.fabric.identity import FILE_SERVICE, MIGRATION_SERVICE, delegation_for
from winmigrate.lab.fabric.world import Delegation, Domain, Host, User, World
from winmigrate.marked import Marked, Misfit, shown

#: The last parts of SIDs that are not written in the file count from these.
_USERS, _GROUPS, _COMPUTERS = 1101, 2100, 5000
_AGE = dt.timedelta(days=400)


def first_domain(given: Mapping[str, Any] | None) -> Domain:
    """The fabric's own domain."""
    return Domain() if given is None else _domain(given, Domain().sid)


def _domain(given: Mapping[str, Any], sid: str) -> Domain:
    name = given["name"]
    made = Domain(name, given.get("netbios") or name.partition(".")[0].upper(), sid=given.get("sid") or sid,
                  forest=given.get("forest") or "")
    made.reachable = given.get("reachable") is not False
    return made


def more_domains(world: World, found: Mapping[str, Any]) -> list[Fault]:
    """Adds ``domains`` and ``trusts``; gives what is wrong with them."""
    faults: list[Fault] = []
    for given in found["domains"] or ():
        number = uuid.uuid5(uuid.UUID(int=world.seed), f"domain/{given['name'].lower()}").int
        parts = [str(number >> shift & 0xFFFFFFFF) for shift in (96, 64, 32)]
        made = _domain(given, "S-1-5-21-" + "-".join(parts))
        if world.domain_named(made.name) is not None or world.domain_named(made.netbios) is not None:
            at: Marked = given["_at"]
            faults.append(at.fault(f"a domain {shown(made.name)} or {shown(made.netbios)} is already in this fabric"))
            continue
        world.domains.append(made)
    for given in found["trusts"] or ():
        wrong = [_unknown_domain(world, given["_at"].child(side), given[side]) for side in ("trusting", "trusted")
                 if world.domain_named(given[side]) is None]
        if wrong:
            faults.extend(wrong)
            continue
        ends = [world.domain_named(given[side]) for side in ("trusting", "trusted")]
        trusting, trusted = (domain.netbios for domain in ends if domain is not None)
        world.trusts.append(Trust(trusting, trusted, given["kind"] or "Forest", bool(given["two_way"])))
    return faults


def _unknown_domain(world: World, at: Marked | None, name: str) -> Fault:
    assert at is not None
    known = [domain.name for domain in world.domains]
    return at.fault(f"no domain {shown(name)} in this fabric{did_you_mean(name, known)}")


def domain_for(world: World, given: Mapping[str, Any], default: Domain) -> Domain:
    """The domain that ``domain:`` names, the default where it names none. Raises Misfit."""
    name = given.get("domain")
    if name is None:
        return default
    found = world.domain_named(name)
    if found is None:
        at: Marked = given["_at"]
        raise Misfit(_unknown_domain(world, at.child("domain") or at, name))
    return found


# --- users -----------------------------------------------------------------------------------------------------------


def users(world: World, given: Mapping[str, Mapping[str, Any]]) -> None:
    """Adds the users; ``domain`` may also name a host, whose own account it is then."""
    for number, (key, one) in enumerate(given.items()):
        home = world.domain_named(one.get("domain") or world.domain.netbios)
        domain = home.netbios if home is not None else one["domain"]
        sid = home.sid if home is not None else world.domain.sid
        user = User(one.get("name") or key, domain, one["password"], list(one.get("groups") or ()),
                    one.get("delegatable") is not False, one.get("sid") or f"{sid}-{_USERS + number}")
        user.disabled, user.expired = bool(one.get("disabled")), bool(one.get("expired"))
        user.account_expires, user.upn = one.get("account_expires"), one.get("upn") or ""
        user.created = one.get("created") or world.clock.date(0.0) - _AGE
        user.changed = one.get("changed") or user.created
        if one.get("protected"):
            user.groups.append(f"{domain}\\{directory.PROTECTED}")
        world.users.append(user)
        rights = one.get("administrator")
        for host in {**world.hosts, **{name: server.host for name, server in world.file_servers.items()}}.values():
            known = user.domain.lower() == world.domain.netbios.lower() or directory.is_known_at(world, user, host)
            if known and (rights is None or rights is True or (rights and host.key in rights)):
                host.administrators.add(user.qualified)


# --- computers -------------------------------------------------------------------------------------------------------


def enrol(world: World, host: Host, number: int, *, hyperv: bool = True) -> None:
    """Gives a host or file server its account, and its domain's administrators their rights there."""
    domain = world.domain_of(host)
    if domain is None:
        return
    created = world.clock.date(0.0) - _AGE
    world.computers.append(ComputerAccount(
        host.name, domain.netbios, host.fqdn, f"{domain.sid}-{_COMPUTERS + number}", host.key,
        default_spns(host.name, host.fqdn, hyperv), created=created, changed=created,
        password_set=world.clock.date(0.0) - dt.timedelta(days=12), version=host.version, caption=host.caption))
    host.administrators.add(f"{domain.netbios}\\Domain Admins")


def computers(world: World, given: Mapping[str, Mapping[str, Any]]) -> list[Fault]:
    """What the file says of computer accounts, and further ones."""
    faults: list[Fault] = []
    for key, one in given.items():
        account = directory.computer(world, key)
        if account is None:
            try:
                domain = domain_for(world, one, world.domain)
            except Misfit as misfit:
                faults.extend(misfit.faults)
                continue
            name = (one["name"] or key).rstrip("$").upper()
            dns_name = one["dns_name"] or f"{name.lower()}.{domain.name}"
            created = world.clock.date(0.0) - _AGE
            account = ComputerAccount(name, domain.netbios, dns_name,
                                      f"{domain.sid}-{_COMPUTERS + 1000 + len(world.computers)}", key,
                                      default_spns(name, dns_name, False), created=created, changed=created,
                                      password_set=created)
            world.computers.append(account)
        for field in ("dns_name", "created", "changed", "password_set", "sid"):
            if one[field] is not None:
                setattr(account, field, one[field])
        if one["spns"] is not None:
            account.spns = list(one["spns"])
        account.spns += one["more_spns"] or ()
        account.enabled = not one["disabled"]
        account.trusted_for_delegation = bool(one["trusted_for_delegation"])
    return faults


# --- groups ----------------------------------------------------------------------------------------------------------


def groups(world: World, given: list[dict[str, Any]]) -> list[Fault]:
    """Makes the groups: those of every domain, those of the file, and those that its users name."""
    faults: list[Fault] = []
    created = world.clock.date(0.0) - _AGE
    for domain in world.domains:
        for name, number in WELL_KNOWN.items():
            world.groups.append(Group(name, domain.netbios, f"{domain.sid}-{number}", created=created, changed=created))
    listed: list[tuple[Group, dict[str, Any]]] = []
    for one in given:
        try:
            domain = domain_for(world, one, world.domain)
        except Misfit as misfit:
            faults.extend(misfit.faults)
            continue
        listed.append((_made(world, domain, one["name"].rpartition("\\")[2]), one))
    for name in sorted(_named_by_users(world), key=str.lower):
        if directory.group(world, name) is None:
            where = world.domain_named(name.partition("\\")[0])
            if where is not None:
                _made(world, where, name.partition("\\")[2])
    _number(world)
    for made, one in listed:
        made.sid, made.scope = one.get("sid") or made.sid, one.get("scope") or made.scope
        made.created = one.get("created") or created
        made.changed = one.get("changed") or made.created
        faults.extend(_fill(world, made, one))
    return faults


def _made(world: World, domain: Domain, name: str) -> Group:
    held = directory.group(world, f"{domain.netbios}\\{name}")
    if held is not None and held.domain == domain.netbios and held.name.lower() == name.lower():
        return held
    made = Group(name, domain.netbios, "")
    world.groups.append(made)
    return made


def _named_by_users(world: World) -> Iterator[str]:
    seen: set[str] = set()
    for user in world.users:
        for name in user.groups:
            if "\\" in name and name.lower() not in seen:
                seen.add(name.lower())
                yield name


def _number(world: World) -> None:
    """SIDs in the order of the names, so that they do not depend on where a group is mentioned first."""
    nameless = [one for one in world.groups if not one.sid]
    for number, one in enumerate(sorted(nameless, key=lambda each: each.qualified.lower())):
        domain = world.domain_named(one.domain)
        assert domain is not None
        one.sid = f"{domain.sid}-{_GROUPS + number}"
        one.created = one.changed = world.clock.date(0.0) - _AGE


def _fill(world: World, made: Group, given: Mapping[str, Any]) -> list[Fault]:
    faults = []
    at: Marked = given["_at"]
    place = at.child("members") or at
    for name in given["members"] or ():
        found = _member(world, made, name)
        if found is None:
            known = [one.qualified for one in directory.everybody(world)]
            faults.append(place.fault(f"no user, group or computer {shown(name)} in this fabric"
                                      f"{did_you_mean(name, known)}"))
        elif found is not made:
            made.members.append(found.qualified)
    return faults


def _member(world: World, of: Group, name: str) -> directory.Account | None:
    """A member as written: qualified or bare, a bare one of the group's own domain first."""
    if name.endswith("$"):
        return directory.computer(world, name)
    if "\\" not in name and "@" not in name:
        own = f"{of.domain}\\{name}"
        here = [one for one in directory.everybody(world) if one.qualified.lower() == own.lower()]
        if here:
            return here[0]
    return directory.account(world, name)


# --- delegation ------------------------------------------------------------------------------------------------------


def delegate(world: World, source: str, rights: Mapping[str, Any], servers: Mapping[str, Host]) -> None:
    """What a host's account may delegate to. ``servers``: the file servers by key. Raises Misfit."""
    at: Marked = rights["_at"]
    everybody = {**world.hosts, **servers}
    _known(at, source, world.hosts)
    kinds = rights.get("services") or ("migration", "cifs")
    services: set[str] = set()
    for name in rights["to"]:
        _known(at, name, everybody)
        target = everybody[name]
        for kind in kinds if name in world.hosts else ("cifs",):
            service = MIGRATION_SERVICE if kind == "migration" else FILE_SERVICE
            services |= {f"{service}/{target.name}", f"{service}/{target.fqdn}"}
    _home(world, source).delegation[source] = Delegation(services, rights.get("protocol_transition") is not False)


def delegate_all(world: World, servers: Mapping[str, Host]) -> None:
    """Every host to every other, and to the files of every file server."""
    files = {f"{FILE_SERVICE}/{name}" for server in servers.values() for name in (server.name, server.fqdn)}
    for key, source in world.hosts.items():
        services = {service for other in world.hosts.values() if other is not source for service in
                    delegation_for(other)}
        _home(world, key).delegation[key] = Delegation(services | files, True)


def trust_for_delegation(world: World, at: Marked, given: Mapping[str, Any],
                         servers: Mapping[str, Host]) -> list[Fault]:
    """The resource-based form: who may act on behalf of others at a destination."""
    faults: list[Fault] = []
    for target, sources in given.items():
        known: Mapping[str, Any] = {**world.hosts, **servers}
        for name, where in ((target, known), *((source, world.hosts) for source in sources)):
            try:
                _known(at, name, where)
            except Misfit as misfit:
                faults.extend(misfit.faults)
        if target in known:
            _home(world, target, servers).rbcd[target] = set(sources)
    return faults


def _known(at: Marked, name: str, hosts: Mapping[str, Any]) -> None:
    if name not in hosts:
        raise Misfit(at.fault(f"no host {shown(name)} in this fabric{did_you_mean(name, list(hosts))}"))


def _home(world: World, key: str, servers: Mapping[str, Host] | None = None) -> Domain:
    host = world.hosts.get(key) or (servers or {})[key]
    return world.domain_of(host) or world.domain
