"""The nouns of a check: what a requirement says of its subject, and what a person accepted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Outcome(str, Enum):
    """What is known of a requirement: PENDING is settled later (at rehearse, or after the move) and is no finding."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"
    PENDING = "pending"
    UNKNOWN = "unknown"


class Severity(str, Enum):
    """BLOCKS: the move fails or must not be started. RISKS: may fail or have side effects. INFORMS: for planning."""

    BLOCKS = "blocks"
    RISKS = "risks"
    INFORMS = "informs"


class Scope(str, Enum):
    """What a requirement is evaluated once for. KIND: one that does not speak of such a move at all."""

    KIND = "kind"
    CLUSTER = "cluster"
    SHARE = "share"
    HOST = "host"
    PAIR = "pair"
    VM = "vm"
    CANDIDATE = "candidate"


class Resolver(str, Enum):
    """What can settle a requirement, in the order in which they come."""

    SURVEY = "survey"
    DIRECTORY = "directory"
    REHEARSE = "rehearse"
    AFTER = "after"


class RemedyKind(str, Enum):
    """How a remedy is applied: PowerShell is checked against the facts like our own commands."""

    POWERSHELL = "powershell"
    NATIVE = "native"
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What mends it. ``who``: the right that is needed and where. ``in_force``: when it works, in words."""

    kind: RemedyKind
    text: str
    who: str
    in_force: str = "at once"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about. Hosts by inventory name, the VM by its Id (text) and name; empty where out of scope.

    ``name``: what the cluster, the share or the kind of move is called, for those scopes.
    """

    scope: Scope
    vm_id: str = ""
    vm_name: str = ""
    source: str = ""
    destination: str = ""
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return self.name
        if self.scope is Scope.HOST:
            return self.source
        if self.scope is Scope.PAIR:
            return f"{self.source} > {self.destination}"
        return self.vm_name if self.scope is Scope.VM else f"{self.vm_name} > {self.destination}"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person's word that a finding may stand."""

    reason: str
    who: str
    until: dt.date


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement on one subject.

    ``evidence`` is what is, with names and units; ``wanted`` what was wanted; ``hop`` "A", "B", "C" or empty;
    ``needs`` the one right or connection that would settle an unknown; ``pending_on`` who settles a pending one;
    ``place`` file:line:column of the wish it is about, where there is one; ``page`` the page that proves it.
    """

    requirement: str
    title: str
    severity: Severity
    subject: Subject
    outcome: Outcome
    evidence: str = ""
    wanted: str = ""
    remedy: Remedy | None = None
    hop: str = ""
    needs: str = ""
    pending_on: Resolver | None = None
    accepted: Acceptance | None = None
    place: str = ""
    page: str = ""

    @property
    def blocks(self) -> bool:
        """Does it keep its candidates from being placed? A blocking one that failed or is unknown, and not accepted."""
        return (
            self.severity is Severity.BLOCKS
            and self.outcome in (Outcome.FAIL, Outcome.UNKNOWN)
            and self.accepted is None
        )


@dataclass(frozen=True, slots=True)
class CandidateFindings:
    """One candidate and the places in ``Findings.all`` that apply to it. ``kind``: of the move it would be."""

    vm_id: str
    vm_name: str
    source: str
    destination: str
    indexes: tuple[int, ...]
    kind: str = "shared-nothing"


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings of a check. A finding of wider scope stands once in ``all`` and is pointed at by its candidates."""

    taken_at: dt.datetime
    all: tuple[Finding, ...]
    candidates: tuple[CandidateFindings, ...]
    #: Findings on what the operator wrote that only facts show (a selection that matches nothing); they cite a place.
    wishes: tuple[Finding, ...] = ()

    def of(self, candidate: CandidateFindings) -> Iterator[Finding]:
        """The findings that apply to a candidate, in order."""
        return (self.all[index] for index in candidate.indexes)

    def may_be_placed(self, candidate: CandidateFindings) -> bool:
        """Nothing blocks it."""
        return not any(finding.blocks for finding in self.of(candidate))

    def wishes_stand(self) -> bool:
        """Does every selection that names a VM find it?"""
        return not any(finding.blocks for finding in self.wishes)

    def without_destination(self) -> tuple[str, ...]:
        """Ids of VMs that have no candidate left that may be placed, in order."""
        placed = {item.vm_id for item in self.candidates if self.may_be_placed(item)}
        return tuple(dict.fromkeys(item.vm_id for item in self.candidates if item.vm_id not in placed))
