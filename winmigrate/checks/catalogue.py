"""The catalogue of requirements as a page, made from the registry: docs/requirements.md."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from winmigrate.checks import SUBJECTS, load_all
from winmigrate.checks.finding import Resolver, Scope, Severity
from winmigrate.checks.frame import REGISTRY, Requirement, Role
from winmigrate.facts import VERSIONS

_HEADINGS = {
    "hosts": "Hosts",
    "shares": "SMB shares",
    "share_rights": "SMB shares: rights",
    "networks": "Networks",
    "ports": "Names, ports and links between hosts",
    "patches": "Updates, microcode and clocks",
    "policy": "Policies and scanners",
    "performance": "How memory travels",
    "identity": "Identity and hops",
    "delegation": "Delegation",
    "accounts": "Accounts in the directory",
    "vms": "The VM",
    "vm_settings": "The VM: health and settings",
    "adapters": "The VM's adapters",
    "disks": "Disks and drives",
    "devices": "Devices of the host",
    "guarding": "Protection, pools and memory layout",
    "destination": "The destination",
    "clusters": "Clusters and their nodes",
    "cluster_accounts": "Clusters: accounts and sessions",
    "cluster_networks": "Clusters: between two nodes",
    "cluster_roles": "Clusters: the VM as a role",
    "cluster_volumes": "Clusters: shared volumes",
    "cluster_affinity": "Clusters: roles apart and together",
    "capacity": "Capacity",
    "after": "After the move",
}
_SEVERITIES = {
    Severity.BLOCKS: "blocks",
    Severity.RISKS: "risks",
    Severity.INFORMS: "informs",
}
_SCOPES = {
    Scope.HOST: "each host",
    Scope.CLUSTER: "each cluster",
    Scope.SHARE: "each share and two hosts",
    Scope.PAIR: "source and destination",
    Scope.VM: "each VM",
    Scope.CANDIDATE: "each VM and destination",
}
_ROLES = {Role.SOURCE: "each source", Role.DESTINATION: "each destination", Role.BOTH: _SCOPES[Scope.HOST]}
_RESOLVERS = {
    Resolver.SURVEY: "the survey",
    Resolver.DIRECTORY: "the directory",
    Resolver.REHEARSE: "the rehearsal",
    Resolver.AFTER: "a look at both hosts after the move",
}
_INTRODUCTION = """\
# Requirements

What `winmigrate check` looks at, made from the code (`python -m winmigrate.checks`): do not edit it by hand.

Every requirement is evaluated once for what it concerns, and ends in one of: **pass**; **fail**; **skip**, with the
reason why it does not apply; **pending**, to be settled by the rehearsal or after the move; **unknown**, with the
reason why its facts could not be read. A fact that could not be read never passes. A requirement that **blocks** keeps
a VM from a destination while it fails or is unknown, unless a person accepts it (`accept` in the playbook); one that
**risks** or **informs** is shown.
"""


def page() -> str:
    """The whole page, Markdown."""
    load_all()
    lines = [_INTRODUCTION]
    for subject in SUBJECTS:
        lines += _subject(subject)
    return "\n".join(lines)


def _subject(subject: str) -> Iterator[str]:
    module = importlib.import_module(f"winmigrate.checks.{subject}")
    yield f"## {_HEADINGS[subject]}\n"
    for item in REGISTRY.values():
        if item.check.__module__ == module.__name__:
            yield from _requirement(item)


def _requirement(item: Requirement) -> Iterator[str]:
    scope = _ROLES[item.role] if item.scope is Scope.HOST else _SCOPES[item.scope]
    yield f"### {item.id}\n"
    yield f"{item.title}.\n"
    hop = f"; hop {item.hop}" if item.hop else ""
    yield f"- {_SEVERITIES[item.severity]}; for {scope}{hop}{_since(item)}"
    yield f"- settled by {' or '.join(_RESOLVERS[resolver] for resolver in item.resolvers)}"
    if item.read_by:
        yield f"- read by: {item.read_by}"
    if item.mend:
        yield f"- mended by: {item.mend}"
    if not item.may_be_accepted:
        yield "- may not be accepted where it fails"
    yield f"- <{item.page}>\n"


def _since(item: Requirement) -> str:
    if item.versions == VERSIONS:
        return ""
    first, last = item.versions[0], item.versions[-1]
    return f"; Windows Server {first} and later" if last == VERSIONS[-1] else f"; Windows Server {first} to {last}"
