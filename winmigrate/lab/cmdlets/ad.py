"""The ActiveDirectory module, where RSAT-AD-PowerShell is installed: accounts, trusts, the domain, as reads.

The module speaks to a domain controller in the session's name: a second hop. A session that holds nothing to pass on
is told that no server can be contacted, which is how the module words it. Errors end the pipeline, whatever
-ErrorAction says, as people who use it know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from winmigrate.lab.cmdlets.ad_entries import Entry, accounts_of, base_of
from winmigrate.lab.cmdlets.desk import Command, Desk, Work, each, wildcard
from winmigrate.lab.cmdlets.hop import credential_of
from winmigrate.lab.cmdlets.ldap_filter import FilterError, Test, parse
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, Terminate
from winmigrate.lab.fabric.directory import trusts
from winmigrate.lab.fabric.identity import computer_account, passes_on
from winmigrate.lab.fabric.winrm import VIRTUAL
from winmigrate.lab.fabric.world import ComputerAccount, Domain, Host, Trust, World

FEATURE = "RSAT-AD-PowerShell"
_SPACE = "Microsoft.ActiveDirectory.Management."
_COLLECTION = (_SPACE + "ADPropertyValueCollection", "System.Collections.CollectionBase", "System.Object")
_LINEAGE = {
    "ADComputer": ("ADComputer", "ADAccount", "ADPrincipal", "ADObject", "ADEntity"),
    "ADUser": ("ADUser", "ADAccount", "ADPrincipal", "ADObject", "ADEntity"),
    "ADGroup": ("ADGroup", "ADPrincipal", "ADObject", "ADEntity"),
    "ADObject": ("ADObject", "ADEntity"),
}
#: Classes of the module that a text converts to: it is an identity then.
IDENTITIES = {name: _SPACE + name for name in (
    "ADComputer", "ADUser", "ADGroup", "ADObject", "ADAccount", "ADPrincipal", "ADDomain", "ADForest", "ADTrust",
    "ADPartition")}
_OF_KIND = {"ADComputer": "computer", "ADUser": "user", "ADGroup": "group", "ADObject": ""}
_UNASKED = {
    "ADComputer": ("DistinguishedName", "DNSHostName", "Enabled", "Name", "ObjectClass", "ObjectGUID", "SamAccountName",
                   "SID", "UserPrincipalName"),
    "ADUser": ("DistinguishedName", "Enabled", "GivenName", "Name", "ObjectClass", "ObjectGUID", "SamAccountName",
               "SID", "Surname", "UserPrincipalName"),
    "ADGroup": ("DistinguishedName", "GroupCategory", "GroupScope", "Name", "ObjectClass", "ObjectGUID",
                "SamAccountName", "SID"),
    "ADObject": ("DistinguishedName", "Name", "ObjectClass", "ObjectGUID"),
}
_OF_ACCOUNTS = frozenset({"enabled", "principalsallowedtodelegatetoaccount", "trustedfordelegation",
                          "trustedtoauthfordelegation", "accountnotdelegated", "serviceprincipalnames"})
_MANY = frozenset({"serviceprincipalname", "serviceprincipalnames", "msds-allowedtodelegateto", "memberof", "member",
                   "members", "principalsallowedtodelegatetoaccount"})
_FLAGS = {"trustedfordelegation": 0x80000, "trustedtoauthfordelegation": 0x1000000, "accountnotdelegated": 0x100000}
_KNOWN = frozenset({"samaccountname", "cn", "name", "distinguishedname", "sid", "objectsid", "useraccountcontrol",
                    "dnshostname", "userprincipalname", "objectclass", "objectguid", "whenchanged", "whencreated",
                    "modified", "created", "givenname", "surname", "description", "displayname",
                    "msds-allowedtoactonbehalfofotheridentity", "groupscope", "groupcategory"}) | _MANY | _OF_ACCOUNTS
_DIRECTIONS = {"Disabled": 0, "Inbound": 1, "Outbound": 2, "BiDirectional": 3}


def has_module(host: Host) -> bool:
    """Is the module there?"""
    feature = host.features.get(FEATURE)
    return feature is not None and feature.install_state == "Installed"


# --- the way to a controller -----------------------------------------------------------------------------------------


def _error(message: str, error_id: str, category: str, exception: str, target: Any = None) -> Terminate:
    return Terminate(Error(message, error_id, category, exception, target))


def _no_server(target: Any = None) -> Terminate:
    return _error(
        "Unable to contact the server. This may be because this server does not exist, it is currently down, or it "
        "does not have the Active Directory Web Services running.", "ActiveDirectoryServer:0", "ResourceUnavailable",
        _SPACE + "ADServerDownException", target)


def _rejected(target: Any = None) -> Terminate:
    return _error("The server has rejected the client credentials.", "ActiveDirectoryServer:0", "SecurityError",
                  "System.Security.Authentication.AuthenticationException", target)


def _domain(desk: Desk, call: Call) -> Domain:
    """The domain that is asked, and may be by this session. Raises Terminate."""
    world, named = desk.world, str(call.get("Server") or "")
    own = world.domain_of(desk.host)
    domain = own if not named else _served(world, named)
    if domain is None and not named:
        raise _error("Unable to find a default server with Active Directory Web Services running.",
                     "ActiveDirectoryServer:1355", "ResourceUnavailable", _SPACE + "ADServerDownException")
    if domain is None or not domain.reachable:
        raise _no_server(named or None)
    given = credential_of(call.get("Credential"))
    if given is not None:
        user = world.user(given[0])
        if user is None or user.password != given[1] or user.disabled or user.expired:
            raise _rejected()
    elif not passes_on(call.context):
        raise _no_server(named or None)
    else:
        context: Any = call.context
        # A virtual account speaks as its host's computer account.
        virtual = context.run_as == VIRTUAL
        user = computer_account(world, desk.host) if virtual else world.user(context.run_as or context.user)
    home = None if user is None else world.domain_named(user.domain)
    if home is None or not trusts(world, domain, home):
        raise _rejected()
    return domain


def _served(world: World, name: str) -> Domain | None:
    """The domain of that name, or of the controller of that name."""
    return world.domain_named(name) or world.domain_named(name.partition(".")[2])


# --- accounts --------------------------------------------------------------------------------------------------------


def _reader(class_name: str) -> Work:
    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        with desk.world.lock:
            domain = _domain(desk, call)
            wanted = _properties(class_name, call)
            kind = _OF_KIND[class_name]
            entries = [Entry(desk.world, one) for one in accounts_of(desk.world, domain)]
            entries = [one for one in entries if not kind or one.kind == kind]
            if call.get("Identity") is not None:
                found = _identified(entries, call.get("Identity"), domain)
            else:
                test = _test(call)
                found = [one for one in entries if test(one)]
            shown = [_show(class_name, one, wanted) for one in found]
        most = call.get("ResultSetSize")
        yield from map(Output, shown if most is None else shown[:int(most)])

    return act


def _test(call: Call) -> Test:
    text = call.get("LDAPFilter")
    if text is not None:
        try:
            return parse(str(text))
        except FilterError as error:
            raise _error(str(error), "ActiveDirectoryServer:8254", "InvalidArgument", _SPACE + "ADFilterException",
                         str(text)) from error
    return _filter(str(call.get("Filter")))


_TERM = re.compile(
    r"""\s*(?P<name>[\w-]+)\s+-(?P<operator>eq|ne|like)\s+(?P<quote>['"])(?P<value>[^'"]*)(?P=quote)\s*""", re.I)


def _filter(text: str) -> Test:
    """-Filter: all, or one comparison. Longer ones are a language of their own, which nobody here was seen to speak."""
    if text.strip() == "*":
        return lambda entry: True
    found = _TERM.fullmatch(text)
    if found is None:
        raise _error(f"Error parsing query: '{text}' Error Message: 'syntax error' at position: '1'.",
                     "ActiveDirectoryCmdlet:" + _SPACE + "ADFilterParsingException", "ParserError",
                     _SPACE + "ADFilterParsingException", text)
    name, operator, value = found["name"].lower(), found["operator"].lower(), found["value"]
    pattern = wildcard(value) if operator == "like" else None

    def fits(each: str) -> bool:
        return pattern.fullmatch(each) is not None if pattern is not None else each.casefold() == value.casefold()

    if operator == "ne":
        return lambda entry: not any(fits(each) for each in entry.values(name))
    return lambda entry: any(fits(each) for each in entry.values(name))


def _identified(entries: list[Entry], identity: Any, domain: Domain) -> list[Entry]:
    text = str(identity)
    if isinstance(identity, net.PSObject):  # one that came out of here, or made of a text when it was bound
        text = identity.live.sam if isinstance(identity.live, Entry) else identity.to_string or ""
    folded = text.casefold()
    for one in entries:
        # A computer goes by its name without the dollar sign, too; no other account does.
        names = {one.sam, one.dn, one.account.sid, str(one.guid)}
        if isinstance(one.account, ComputerAccount):
            names.add(one.account.name)
        if folded in {name.casefold() for name in names}:
            return [one]
    raise _error(f"Cannot find an object with identity: '{text}' under: '{base_of(domain)}'.",
                 f"ActiveDirectoryCmdlet:{_SPACE}ADIdentityNotFoundException", "ObjectNotFound",
                 _SPACE + "ADIdentityNotFoundException", text)


def _properties(class_name: str, call: Call) -> list[str]:
    """Those of the class and those of -Properties, each once; names of attributes as they were given."""
    wanted = {name.lower(): name for name in _UNASKED[class_name]}
    for given in each(call.get("Properties")):
        name = str(given)
        allowed = _KNOWN if class_name in ("ADComputer", "ADUser") else _KNOWN - _OF_ACCOUNTS
        if name == "*":
            wanted = {one: one for one in sorted(allowed)} | wanted
        elif name.lower() not in allowed:
            raise _error("One or more properties are invalid.\r\nParameter name: " + name,
                         "One or more properties are invalid.\r\nParameter name: " + name, "InvalidArgument",
                         "System.ArgumentException", name)
        else:
            wanted.setdefault(name.lower(), name)
    return list(wanted.values())


def _show(class_name: str, entry: Entry, wanted: list[str]) -> net.PSObject:
    # Get-ADObject calls every object by its own class, and all of them ADObject.
    properties = {name: _value(entry, name.lower()) for name in wanted}
    types = (*(_SPACE + name for name in _LINEAGE[class_name]), "System.Object")
    return net.PSObject(types, properties, {}, entry.dn, entry)


def _value(entry: Entry, name: str) -> Any:
    if name in _FLAGS:
        return bool((entry.flags or 0) & _FLAGS[name])
    if name == "enabled":
        return not (entry.flags or 0) & 2
    if name in ("sid", "objectsid"):
        return entry.sid()
    if name in ("whenchanged", "modified"):
        return entry.changed()
    if name in ("whencreated", "created"):
        return entry.account.created
    if name == "groupscope":
        scope = getattr(entry.account, "scope", "Global")
        return net.EnumValue(_SPACE + "ADGroupScope", scope, {"DomainLocal": 0, "Global": 1, "Universal": 2}[scope])
    if name == "groupcategory":
        return net.EnumValue(_SPACE + "ADGroupCategory", "Security", 1)
    found = entry.attribute(name)
    if name in _MANY:
        return net.NetList(_COLLECTION, list(found or ()))
    return net.Int32(found) if isinstance(found, int) and not isinstance(found, bool) else found


# --- the domain ------------------------------------------------------------------------------------------------------


def _collection(items: list[str]) -> net.NetList:
    return net.NetList(_COLLECTION, list(items))


def _get_domain(desk: Desk, call: Call) -> Iterator[Effect]:
    with desk.world.lock:
        domain = _domain(desk, call)
        family = _family(desk.world, domain)
    properties = {
        "ChildDomains": _collection([one.name for one in family if _parent(one) == domain.name.lower()]),
        "DistinguishedName": base_of(domain),
        "DNSRoot": domain.name,
        "DomainSID": domain.sid,
        "Forest": domain.root,
        "Name": domain.name.partition(".")[0],
        "NetBIOSName": domain.netbios,
        "ParentDomain": _parent(domain) if any(one.name.lower() == _parent(domain) for one in family) else None,
    }
    types = tuple(_SPACE + name for name in ("ADDomain", "ADPartition", "ADObject", "ADEntity"))
    yield Output(net.PSObject((*types, "System.Object"), properties, {}, base_of(domain)))


def _get_forest(desk: Desk, call: Call) -> Iterator[Effect]:
    with desk.world.lock:
        domain = _domain(desk, call)
        family = _family(desk.world, domain)
    properties = {"Domains": _collection([one.name for one in family]), "Name": domain.root, "RootDomain": domain.root}
    yield Output(net.PSObject((_SPACE + "ADForest", _SPACE + "ADEntity", "System.Object"), properties, {}, domain.root))


def _get_trust(desk: Desk, call: Call) -> Iterator[Effect]:
    with desk.world.lock:
        domain = _domain(desk, call)
        rows = [*_in_forest(desk.world, domain), *_beyond(desk.world, domain)]
    identity = call.get("Identity")
    text = (identity.to_string if isinstance(identity, net.PSObject) else identity) or call.get("Filter") or "*"
    text = str(text)
    for row in rows:
        if text.strip() == "*" or text.casefold() == str(row["Name"]).casefold():
            types = (_SPACE + "ADTrust", _SPACE + "ADObject", _SPACE + "ADEntity", "System.Object")
            yield Output(net.PSObject(types, row, {}, f"CN={row['Name']},CN=System,{base_of(domain)}"))


def _family(world: World, domain: Domain) -> list[Domain]:
    return [one for one in world.domains if one.root == domain.root]


def _parent(domain: Domain) -> str:
    return domain.name.partition(".")[2].lower()


def _in_forest(world: World, domain: Domain) -> Iterator[dict[str, Any]]:
    """Within a forest, parent and child trust each other, and nobody else needs to."""
    for other in _family(world, domain):
        if _parent(other) == domain.name.lower() or _parent(domain) == other.name.lower():
            yield _trust(domain, other, "BiDirectional", within=True)


def _beyond(world: World, domain: Domain) -> Iterator[dict[str, Any]]:
    for trust in world.trusts:
        trusting, trusted = world.domain_named(trust.trusting), world.domain_named(trust.trusted)
        if trusting is domain and trusted is not None:
            yield _row(domain, trusted, trust, "Outbound")
        elif trusted is domain and trusting is not None:
            yield _row(domain, trusting, trust, "Inbound")


def _row(domain: Domain, other: Domain, trust: Trust, way: str) -> dict[str, Any]:
    return _trust(domain, other, "BiDirectional" if trust.two_way else way, forest=trust.kind == "Forest")


def _trust(domain: Domain, other: Domain, way: str, *, forest: bool = False, within: bool = False) -> dict[str, Any]:
    return {
        "Direction": net.EnumValue(_SPACE + "ADTrustDirection", way, _DIRECTIONS[way]),
        "DistinguishedName": f"CN={other.name},CN=System,{base_of(domain)}",
        "ForestTransitive": forest,
        "IntraForest": within,
        "Name": other.name,
        "ObjectClass": "trustedDomain",
        "SelectiveAuthentication": False,
        "Source": base_of(domain),
        "Target": other.name,
        "TrustAttributes": net.Int32(8 if forest else 32 if within else 0),
        "TrustType": net.EnumValue(_SPACE + "ADTrustType", "Uplevel", 2),
    }


_WORKS: Mapping[str, Work] = {
    **{f"Get-{name}": _reader(name) for name in _LINEAGE},
    "Get-ADDomain": _get_domain,
    "Get-ADForest": _get_forest,
    "Get-ADTrust": _get_trust,
}
COMMANDS: dict[str, Command] = {
    name: Command(work, _SPACE + "Commands." + name.replace("-", "")) for name, work in _WORKS.items()
}
