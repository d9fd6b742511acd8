"""Hosts by the configuration versions they run, and for each VM where it may go, and from where it cannot come back.

A VM keeps its configuration version when it moves. Update-VMVersion takes it to the newest of its host, with no way
back: from then on the hosts that do not run that one are closed to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from winmigrate.facts import Unreadable
from winmigrate.survey import Candidate, Candidates, HostFacts, Survey


@dataclass(frozen=True, slots=True)
class HostVersions:
    """``windows`` as in facts.VERSIONS; ``runs``: configuration versions, oldest first; ``newest``: its default."""

    host: str
    windows: str | Unreadable
    runs: tuple[str, ...] | Unreadable
    newest: str | Unreadable


@dataclass(frozen=True, slots=True)
class VersionMove:
    """A VM and one of its destinations. What cannot be told of a host is Unreadable.

    ``runs``: does the destination run the VM as it is? ``comes_back``: may it go back to its source as it is?
    ``upgraded_to``: what Update-VMVersion would make of it there; None where that changes nothing, or it does not get
    there. ``comes_back_upgraded``: and back to its source after that? ``closed``: the hosts that run it as it is, and
    not when upgraded there.
    """

    destination: str
    runs: bool | Unreadable
    comes_back: bool | Unreadable
    upgraded_to: str | Unreadable | None = None
    comes_back_upgraded: bool | Unreadable = False
    closed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VMVersion:
    """A VM with its configuration version; ``upgraded_here``: what Update-VMVersion would make of it where it is."""

    vm_id: str
    vm_name: str
    source: str
    version: str | Unreadable
    runs_on: tuple[str, ...]
    upgraded_here: str | Unreadable | None
    closed_here: tuple[str, ...]
    moves: tuple[VersionMove, ...]


@dataclass(frozen=True, slots=True)
class VersionTable:
    """``versions``: all that any host runs or any VM has, oldest first."""

    versions: tuple[str, ...]
    hosts: tuple[HostVersions, ...]
    vms: tuple[VMVersion, ...]


def version_table(survey: Survey, candidates: Candidates) -> VersionTable:
    """The table of the hosts that were surveyed and the VMs that are to move."""
    hosts = {name: _host(survey.host(name)) for name in survey.hosts}
    wanted: dict[tuple[str, str], list[Candidate]] = {}
    for item in candidates.candidates:
        wanted.setdefault((item.vm_id, item.source), []).append(item)
    vms = tuple(_vm(survey, hosts, items) for items in wanted.values())
    seen = {version for host in hosts.values() for version in _known(host.runs)}
    seen |= {vm.version for vm in vms if isinstance(vm.version, str)}
    return VersionTable(tuple(sorted(seen, key=number)), tuple(hosts.values()), vms)


def number(version: str) -> tuple[int, ...]:
    """What versions are ordered by: ``"10.0"`` comes after ``"9.3"``."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _known(versions: tuple[str, ...] | Unreadable) -> tuple[str, ...]:
    return () if isinstance(versions, Unreadable) else versions


def _host(facts: HostFacts) -> HostVersions:
    if facts.version == "2012R2":  # it has no cmdlet that tells, and runs just this
        return HostVersions(facts.host, facts.version, ("5.0",), "5.0")
    rows = facts.supported_versions
    if isinstance(rows, Unreadable):
        return HostVersions(facts.host, facts.version, rows, rows)
    unread = next((row.version for row in rows if isinstance(row.version, Unreadable)), facts.gap("supported_versions"))
    if unread is None and not rows:
        unread = Unreadable("the host named no version")
    if unread is not None:
        return HostVersions(facts.host, facts.version, unread, unread)
    runs = tuple(sorted((str(row.version) for row in rows), key=number))
    return HostVersions(facts.host, facts.version, runs, _newest(facts, runs))


def _newest(facts: HostFacts, runs: tuple[str, ...]) -> str | Unreadable:
    """Its default: what is newer may be a preview that nothing is upgraded to."""
    rows = () if isinstance(facts.supported_versions, Unreadable) else facts.supported_versions
    defaults = [row.version for row in rows if row.is_default is True]
    if defaults:
        return defaults[0]
    unread = next((row.is_default for row in rows if isinstance(row.is_default, Unreadable)), None)
    return runs[-1] if unread is None else unread


def _vm(survey: Survey, hosts: dict[str, HostVersions], items: list[Candidate]) -> VMVersion:
    first = items[0]
    facts = survey.host(first.source)
    found = facts.vm(first.vm_id)
    version: str | Unreadable
    if found is None:
        version = Unreadable(f"{first.source} no longer has it")
    else:
        version = found if isinstance(found, Unreadable) else found.version
    source = hosts.get(first.source) or _host(facts)
    here, closed = _upgrade(version, source, hosts.values())
    return VMVersion(
        first.vm_id, first.vm_name, first.source, version, _running(version, hosts.values()), here, closed,
        tuple(_move(version, source, hosts[item.destination], hosts.values()) for item in items),
    )  # fmt: skip


def _move(
    version: str | Unreadable, source: HostVersions, destination: HostVersions, hosts: Iterable[HostVersions]
) -> VersionMove:
    runs = _runs(version, destination)
    back = _runs(version, source)
    if runs is not True:
        return VersionMove(destination.host, runs, back)
    upgraded, closed = _upgrade(version, destination, hosts)
    if upgraded is None:
        return VersionMove(destination.host, runs, back)
    return VersionMove(destination.host, runs, back, upgraded, _runs(upgraded, source), closed)


def _upgrade(
    version: str | Unreadable, host: HostVersions, hosts: Iterable[HostVersions]
) -> tuple[str | Unreadable | None, tuple[str, ...]]:
    """What an upgrade on that host makes of a version, and the hosts that it closes."""
    if isinstance(version, Unreadable):
        return version, ()
    if isinstance(host.newest, Unreadable):
        return host.newest, ()
    if number(host.newest) <= number(version):
        return None, ()
    after = set(_running(host.newest, hosts))
    return host.newest, tuple(name for name in _running(version, hosts) if name not in after)


def _runs(version: str | Unreadable, host: HostVersions) -> bool | Unreadable:
    if isinstance(version, Unreadable):
        return version
    return host.runs if isinstance(host.runs, Unreadable) else version in host.runs


def _running(version: str | Unreadable, hosts: Iterable[HostVersions]) -> tuple[str, ...]:
    return tuple(host.host for host in hosts if _runs(version, host) is True)
