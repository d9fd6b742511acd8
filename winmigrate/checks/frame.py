"""Requirements and how they are run: pure functions, candidate in, finding out. Design, section 6.

Laws:
- All requirements run; nothing stops at the first.
- A requirement is evaluated once in its scope: a host's finding stands once, however many VMs it concerns.
- A fact that could not be read never passes. A requirement asks for facts through :func:`known`, and what is Unreadable
  there makes its outcome unknown, with the reason; nothing else can come of it.
- Unknown on a blocking requirement blocks, unless a later resolver will settle it, or a person accepted it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from winmigrate.checks.cluster_index import ClusterIndex
from winmigrate.checks.finding import Finding, Outcome, Remedy, Resolver, Scope, Severity, Subject
from winmigrate.checks.index import HostIndex
from winmigrate.checks.kind_of_move import ALL_KINDS, SHARED_NOTHING
from winmigrate.facts import VERSIONS, Unreadable
from winmigrate.survey import Candidate, PairFacts, Survey

if TYPE_CHECKING:
    from winmigrate.checks.claims import Claims
    from winmigrate.inventory import Inventory
    from winmigrate.playbook import Migration, Playbook

T = TypeVar("T")


class Unread(Exception):
    """Raised by :func:`known`, caught where a requirement is run and nowhere else."""

    def __init__(self, fact: Unreadable, what: str) -> None:
        super().__init__(what)
        self.fact = fact
        self.what = what


def known(fact: T | Unreadable, what: str) -> T:
    """The fact itself; ``what`` names it for people: "the switches of hv03". Unreadable makes the outcome unknown."""
    if isinstance(fact, Unreadable):
        raise Unread(fact, what)
    return fact


class Verdict(NamedTuple):
    """What a requirement says. Made by :func:`passed`, :func:`failed`, :func:`skipped`, :func:`pending`.

    A tuple, for a large check makes hundreds of thousands of them.
    """

    outcome: Outcome
    evidence: str = ""
    wanted: str = ""
    remedy: Remedy | None = None
    hop: str = ""
    needs: str = ""
    pending_on: Resolver | None = None
    place: str = ""
    severity: Severity | None = None


def passed(evidence: str = "") -> Verdict:
    """The healthy world holds."""
    return Verdict(Outcome.PASS, evidence)


def failed(
    evidence: str,
    *,
    wanted: str = "",
    remedy: Remedy | None = None,
    hop: str = "",
    place: str = "",
    severity: Severity | None = None,
) -> Verdict:
    """It does not. ``severity``: where this failure weighs less than the requirement (a wait, say)."""
    return Verdict(Outcome.FAIL, evidence, wanted, remedy, hop, place=place, severity=severity)


def skipped(reason: str) -> Verdict:
    """It does not apply here."""
    return Verdict(Outcome.SKIP, reason)


def pending(on: Resolver, reason: str, *, hop: str = "") -> Verdict:
    """A later resolver settles it."""
    return Verdict(Outcome.PENDING, reason, pending_on=on, hop=hop)


def unknown(reason: str, *, needs: str = "", hop: str = "") -> Verdict:
    """It cannot be told, though every fact was read."""
    return Verdict(Outcome.UNKNOWN, reason, needs=needs, hop=hop)


def surely(host: HostIndex, table: str, what: str) -> None:
    """Something was not found in a table: that it is not there is known only if the table is whole."""
    gap = host.facts.gap(table)
    if gap is not None:
        raise Unread(gap, what)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a requirement is evaluated on: the facts of its scope, and the wishes that concern it.

    For a host's requirement ``source`` is that host; ``is_source`` and ``is_destination`` say what any candidate has
    it for. For a VM's, ``source`` is where it is. ``candidate``, ``migration`` and ``pair`` are there from the scopes
    that have them; asking for one that is not is a defect. ``share``: for a share's, the one it is evaluated on.
    """

    source: HostIndex
    now: dt.datetime
    inventory: Inventory
    playbook: Playbook
    target: HostIndex | None = None
    pair_facts: PairFacts | None = None
    concerned: Candidate | None = None
    is_source: bool = True
    is_destination: bool = True
    claims: Claims | None = None
    kind: str = SHARED_NOTHING
    whole: Survey | None = None
    share: str = ""

    @property
    def survey(self) -> Survey:
        """All that was read: file servers, clusters and the directory are no host's."""
        assert self.whole is not None, "no survey"
        return self.whole

    @property
    def destination(self) -> HostIndex:
        assert self.target is not None, "no destination in this scope"
        return self.target

    @property
    def pair(self) -> PairFacts:
        assert self.pair_facts is not None, "no pair in this scope"
        return self.pair_facts

    @property
    def candidate(self) -> Candidate:
        assert self.concerned is not None, "no VM in this scope"
        return self.concerned

    @property
    def migration(self) -> Migration:
        return self.playbook.migrations[self.candidate.migration]


Check: TypeAlias = Callable[[Ground], Verdict]


class Role(str, Enum):
    """Of which host of a candidate a host's requirement speaks."""

    SOURCE = "source"
    DESTINATION = "destination"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement of a live migration. ``title`` states the healthy world and reads true when it passes.

    ``role``: for scope HOST, of which hosts it speaks. ``hop``: the one it is about, where it is about rights.
    ``read_by``: how its facts are read, ``mend``: what mends it, both for docs/requirements.md. ``may_be_accepted``
    False: identity, memory, space.
    """

    id: str
    title: str
    kinds: tuple[str, ...]
    versions: tuple[str, ...]
    severity: Severity
    scope: Scope
    resolvers: tuple[Resolver, ...]
    check: Check = field(compare=False)
    read_by: str = ""
    mend: str = ""
    page: str = ""
    may_be_accepted: bool = True
    role: Role = Role.BOTH
    hop: str = ""


REGISTRY: dict[str, Requirement] = {}


def requirement(
    id: str,
    title: str,
    severity: Severity,
    scope: Scope,
    *,
    resolvers: Iterable[Resolver] = (Resolver.SURVEY,),
    kinds: Iterable[str] = ALL_KINDS,
    since: str = "2012",
    until: str = "2025",
    read_by: str = "",
    mend: str = "",
    page: str = "",
    may_be_accepted: bool = True,
    role: Role = Role.BOTH,
    hop: str = "",
) -> Callable[[Check], Check]:
    """Registers the function below it under this id."""
    versions = VERSIONS[VERSIONS.index(since) : VERSIONS.index(until) + 1]

    def register(check: Check) -> Check:
        assert id not in REGISTRY, f"{id} is registered twice"
        REGISTRY[id] = Requirement(
            id, title, tuple(kinds), versions, severity, scope, tuple(resolvers), check, read_by, mend, page,
            may_be_accepted, role, hop,
        )  # fmt: skip
        return check

    return register


_SETTLED = (Outcome.PASS, Outcome.SKIP)


def evaluate(item: Requirement, ground: Ground, subject: Subject) -> Finding:
    """One requirement on one subject: a Finding, whatever happens to its facts."""
    reason = _does_not_apply(item, ground)
    if reason:
        verdict = skipped(reason)
    else:
        try:
            verdict = item.check(ground)
        except Unread as unread:
            verdict = unknown(f"{unread.what} cannot be read: {unread.fact.reason}", needs=unread.fact.needs)
    verdict = _later(item, verdict)
    return Finding(
        requirement=item.id,
        title=item.title,
        severity=verdict.severity or item.severity,
        subject=subject,
        outcome=verdict.outcome,
        evidence=verdict.evidence,
        wanted=verdict.wanted,
        remedy=verdict.remedy,
        hop="" if verdict.outcome in _SETTLED else verdict.hop or item.hop,
        needs=verdict.needs,
        pending_on=verdict.pending_on,
        place=verdict.place,
        page=item.page,
    )


def _does_not_apply(item: Requirement, ground: Ground) -> str:
    version = ground.source.facts.version
    if not isinstance(version, Unreadable) and version not in item.versions and item.scope is not Scope.CANDIDATE:
        return f"not on Windows Server {version}"
    return ""


def _later(item: Requirement, verdict: Verdict) -> Verdict:
    """What nobody could read, but a later resolver settles, is pending on that one."""
    if verdict.outcome is not Outcome.UNKNOWN:
        return verdict
    if Resolver.REHEARSE in item.resolvers:
        return verdict._replace(outcome=Outcome.PENDING, pending_on=Resolver.REHEARSE)
    if Resolver.AFTER in item.resolvers:
        return verdict._replace(outcome=Outcome.PENDING, pending_on=Resolver.AFTER)
    return verdict


def survey_index(survey: Survey) -> dict[str, HostIndex]:
    """The facts of every host, indexed once."""
    clusters = {name: ClusterIndex(facts) for name, facts in survey.clusters.items()}
    return {name: HostIndex(facts, clusters) for name, facts in survey.hosts.items()}
