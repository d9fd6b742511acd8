"""What a fabric file may say of its directory: domains and trusts, users, groups, computer accounts, delegation."""

from __future__ import annotations

from typing import Any

from winmigrate.lab.fabric.primitives import FREE, MOMENT, either, named, table
from winmigrate.marked import Key, Marked, Shape, choice, entries, listing, one_or_more, truth, words

DOMAIN = either("name", words(), table(
    "a name, or {name: corp.example, netbios: CORP, forest: corp.example}",
    name=Key(words(), True), netbios=words(), forest=words(), sid=words("such as S-1-5-21-1-2-3"), reachable=truth(),
))

TRUST = table(
    "a mapping such as {trusting: corp.example, trusted: partner.example, two_way: true}",
    trusting=Key(words(), True), trusted=Key(words(), True), two_way=truth(), kind=choice("Forest", "External"),
)

USER = either("password", FREE, table(
    "a mapping such as {password: ..., administrator: true}",
    name=FREE, password=Key(FREE, True), domain=words(), administrator=Shape(
        lambda marked: marked.value if isinstance(marked.value, bool) else list(listing(FREE).read(marked)),
        {"type": ["boolean", "array"]}),
    groups=listing(FREE), delegatable=truth(), protected=truth(), disabled=truth(), expired=truth(),
    account_expires=MOMENT, upn=words(), created=MOMENT, changed=MOMENT, sid=words(),
))

GROUP = either("members", one_or_more(FREE, "members"), table(
    "a list of members, or a mapping such as {members: [ops, HV01$], domain: corp.example}",
    name=FREE, members=one_or_more(FREE, "members"), domain=words(), sid=words(),
    scope=choice("Global", "Universal", "DomainLocal"), created=MOMENT, changed=MOMENT,
))
GROUPS = named(GROUP, "a mapping from names of groups to their members")

COMPUTER = table(
    "a mapping such as {changed: 2026-03-01T08:00:00Z, more_spns: [HTTP/hv01]}",
    name=words(), domain=words(), dns_name=words(), spns=listing(FREE), more_spns=listing(FREE), disabled=truth(),
    trusted_for_delegation=truth(), created=MOMENT, changed=MOMENT, password_set=MOMENT, sid=words(),
)
#: By the key of a host or file server, or any name for a computer that the fabric has no more of.
COMPUTERS = entries(COMPUTER, "a mapping from hosts, file servers or other computers to what their accounts hold")

DELEGATION = either("to", one_or_more(words(), "hosts"), table(
    "a host, a list of hosts, or a mapping such as {to: [hv02], services: [migration]}",
    to=Key(one_or_more(words(), "hosts"), True), services=listing(choice("migration", "cifs")),
    protocol_transition=truth(),
))

_RIGHTS = entries(DELEGATION, "a mapping from hosts to what they may delegate to, or all")


def _delegations(marked: Marked) -> dict[str, dict[str, Any]] | None:
    return None if marked.text == "all" else _RIGHTS.read(marked)


#: None: every host to every other.
DELEGATIONS: Shape[Any] = Shape(_delegations, {"anyOf": [{"const": "all"}, _RIGHTS.schema]})
