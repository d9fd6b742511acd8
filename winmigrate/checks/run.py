"""Runs every requirement on every candidate, each once in its scope, and applies what a person accepted. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from winmigrate.checks.claims import Claims
from winmigrate.checks.collecting import nothing_collected
from winmigrate.checks.finding import (
    Acceptance,
    CandidateFindings,
    Finding,
    Findings,
    Outcome,
    Resolver,
    Scope,
    Severity,
    Subject,
)
from winmigrate.checks.frame import REGISTRY, Ground, Requirement, Role, evaluate, survey_index
from winmigrate.checks.index import HostIndex
from winmigrate.checks.kind_of_move import SHARED_SMB, kind_of_move
from winmigrate.checks.rehearsed import against
from winmigrate.checks.shares_of import shares_of
from winmigrate.survey import Candidate, Candidates, HostFacts, PairFacts, Survey, Unmatched

if TYPE_CHECKING:
    from winmigrate.inventory import Inventory
    from winmigrate.playbook import Accept, Playbook


@nothing_collected()
def run_checks(
    survey: Survey,
    candidates: Candidates,
    playbook: Playbook,
    inventory: Inventory,
    now: dt.datetime,
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> Findings:
    """Every requirement on every candidate. ``only``/``skip``: ids. Pure: facts in, findings out."""
    from winmigrate import checks

    checks.load_all()
    chosen = [item for item in REGISTRY.values() if (not only or item.id in only) and item.id not in skip]
    hosts = survey_index(survey)
    running = _Running(
        hosts,
        survey,
        playbook,
        inventory,
        now,
        chosen,
        frozenset(item.source for item in candidates.candidates),
        frozenset(item.destination for item in candidates.candidates),
        Claims(candidates, hosts),
    )
    found = tuple(running.candidate(item) for item in candidates.candidates)
    accepted = tuple(_accept(finding, playbook.accept, now.date()) for finding in running.findings)
    wishes = tuple(_wish(item, playbook) for item in candidates.unmatched)
    return Findings(survey.taken_at, accepted, found, wishes)


@dataclass(slots=True)
class _Running:
    indexes: dict[str, HostIndex]
    survey: Survey
    playbook: Playbook
    inventory: Inventory
    now: dt.datetime
    chosen: list[Requirement]
    sources: frozenset[str]
    destinations: frozenset[str]
    claims: Claims
    findings: list[Finding] = field(default_factory=list)
    #: What was evaluated on a subject: requirement -> place in ``findings``.
    done: dict[Subject, dict[str, int]] = field(default_factory=dict)
    #: The kinds of moves that were evaluated there.
    seen: dict[Subject, set[str]] = field(default_factory=dict)
    speaking: dict[tuple[str, Scope | None], list[Requirement]] = field(default_factory=dict)
    #: Kind -> the places of the requirements that do not speak of such a move.
    foreign: dict[str, list[int]] = field(default_factory=dict)

    def candidate(self, item: Candidate) -> CandidateFindings:
        source, destination = self._index(item.source), self._index(item.destination)
        kind = kind_of_move(item, self.playbook.migrations[item.migration].kind, source, destination)
        pair = self.survey.pair(item.source, item.destination)
        on_source, on_destination = self._host(source, kind), self._host(destination, kind)
        on_wider = {
            Scope.PAIR: self._scope(
                Subject(Scope.PAIR, source=item.source, destination=item.destination),
                kind,
                lambda: self._ground(kind, source, destination, pair),
            ),
            Scope.VM: self._scope(
                Subject(Scope.VM, item.vm_id, item.vm_name, item.source),
                kind,
                lambda: self._ground(kind, source, None, None, item),
            ),
            Scope.CANDIDATE: self._scope(
                Subject(Scope.CANDIDATE, item.vm_id, item.vm_name, item.source, item.destination),
                kind,
                lambda: self._ground(kind, source, destination, pair, item),
            ),
        }
        if isinstance(source.cluster, str):
            on_wider[Scope.CLUSTER] = self._scope(
                Subject(Scope.CLUSTER, name=source.cluster),
                kind,
                lambda: self._ground(kind, source, destination, pair),
            )
        on_shares = self._shares(item, kind, source, destination, pair)
        indexes: list[int] = []
        for requirement in self._speaking_of(kind):
            if requirement.scope is Scope.HOST:
                if requirement.role is not Role.DESTINATION:
                    indexes.append(on_source[requirement.id])
                if requirement.role is not Role.SOURCE and destination is not source:
                    indexes.append(on_destination[requirement.id])
            elif requirement.scope is Scope.SHARE:
                indexes += [found[requirement.id] for found in on_shares]
            elif requirement.scope in on_wider:
                indexes.append(on_wider[requirement.scope][requirement.id])
        indexes += self._foreign(kind)
        return CandidateFindings(item.vm_id, item.vm_name, item.source, item.destination, tuple(indexes), kind)

    def _shares(
        self, item: Candidate, kind: str, source: HostIndex, destination: HostIndex, pair: PairFacts
    ) -> list[dict[str, int]]:
        """What speaks of a share, by each share that the VM's files lie on: once for all VMs of the same two hosts.

        A VM with none, or whose files nobody could read, has the same requirements for itself.
        """
        if kind != SHARED_SMB:
            return []
        found = []
        for share in shares_of(item, source):
            subject = Subject(Scope.SHARE, source=item.source, destination=item.destination, name=share)
            ground = partial(self._ground, kind, source, destination, pair, share=share)
            found.append(self._scope(subject, kind, ground))
        if found:
            return found
        name = f"the shares of {item.vm_name}"
        subject = Subject(Scope.SHARE, item.vm_id, item.vm_name, item.source, item.destination, name)
        return [self._scope(subject, kind, lambda: self._ground(kind, source, destination, pair, item))]

    def _host(self, host: HostIndex, kind: str) -> dict[str, int]:
        return self._scope(Subject(Scope.HOST, source=host.name), kind, lambda: self._ground(kind, host, None, None))

    def _ground(
        self,
        kind: str,
        source: HostIndex,
        destination: HostIndex | None,
        pair: PairFacts | None,
        item: Candidate | None = None,
        share: str = "",
    ) -> Ground:
        return Ground(
            source, self.now, self.inventory, self.playbook, destination, pair, item,
            source.name in self.sources, source.name in self.destinations, self.claims, kind, self.survey, share,
        )  # fmt: skip

    def _index(self, name: str) -> HostIndex:
        if name not in self.indexes:
            self.indexes[name] = HostIndex(HostFacts(name))
        return self.indexes[name]

    def _scope(self, subject: Subject, kind: str, ground: Callable[[], Ground]) -> dict[str, int]:
        """Everything of one scope that speaks of such a move, on one subject, once."""
        found = self.done.setdefault(subject, {})
        seen = self.seen.setdefault(subject, set())
        if kind not in seen:
            seen.add(kind)
            stand = ground()
            for requirement in self._speaking_of(kind, subject.scope):
                if requirement.id not in found and _concerns(requirement, stand):
                    found[requirement.id] = len(self.findings)
                    self.findings.append(evaluate(requirement, stand, subject))
        return found

    def _speaking_of(self, kind: str, scope: Scope | None = None) -> list[Requirement]:
        """The chosen requirements that speak of such a move, in order; of one scope if asked."""
        key = kind, scope
        if key not in self.speaking:
            self.speaking[key] = [
                item for item in self.chosen if kind in item.kinds and (scope is None or item.scope is scope)
            ]
        return self.speaking[key]

    def _foreign(self, kind: str) -> list[int]:
        """What does not apply to such a move at all: said once for all of them."""
        if kind not in self.foreign:
            self.foreign[kind] = []
            for requirement in self.chosen:
                if kind not in requirement.kinds:
                    self.foreign[kind].append(len(self.findings))
                    self.findings.append(
                        Finding(
                            requirement=requirement.id,
                            title=requirement.title,
                            severity=requirement.severity,
                            subject=Subject(Scope.KIND, name=kind),
                            outcome=Outcome.SKIP,
                            evidence=f"not for a move of kind {kind}",
                            page=requirement.page,
                        )
                    )
        return self.foreign[kind]


def _concerns(requirement: Requirement, ground: Ground) -> bool:
    """Does a requirement of hosts speak of this one? Of others there is no question."""
    if requirement.role is Role.SOURCE:
        return ground.is_source
    return requirement.role is Role.BOTH or ground.is_destination


def _accept(finding: Finding, accepts: Iterable[Accept], today: dt.date) -> Finding:
    if finding.outcome not in (Outcome.FAIL, Outcome.UNKNOWN):
        return finding
    may = finding.requirement not in REGISTRY or REGISTRY[finding.requirement].may_be_accepted
    for item in accepts:
        if item.id != finding.requirement or today > item.until:
            continue
        # What fails on identity, memory or disk space may not be accepted; that it is unknown may.
        if not may and finding.outcome is Outcome.FAIL:
            continue
        if item.vm and item.vm.casefold() not in (finding.subject.vm_name.casefold(), finding.subject.vm_id):
            continue
        return replace(finding, accepted=Acceptance(item.reason, item.who, item.until))
    return finding


#: What the survey says of a choice that all its hosts answered, and that matches none of their VMs.
_FINDS_NONE = "it finds no VM"


def _wish(item: Unmatched, playbook: Playbook) -> Finding:
    # A VM that is named and not found is a mistake; a choice that finds none may well be one that was moved already.
    # A choice from hosts that did not answer is neither: nobody knows what it leaves out.
    empty = playbook.migrations[item.migration].vm.is_choice and item.reason == _FINDS_NONE
    return Finding(
        requirement="selection-finds-vms",
        title="Every selection of the playbook finds the VMs it means",
        severity=Severity.INFORMS if empty else Severity.BLOCKS,
        subject=Subject(Scope.VM, vm_name=item.selection),
        outcome=Outcome.FAIL,
        evidence=f"{item.selection}: {item.reason}",
        place=item.place,
    )


def settle(findings: Findings, rehearsed: Mapping[tuple[str, str], tuple[str, ...]]) -> Findings:
    """What was pending on the rehearsal, settled. ``rehearsed``: (vm id, destination) -> what stood against it there.

    An empty tuple: nothing. Candidates that were not rehearsed stay as they are.
    """
    verdicts: dict[int, Finding] = {}
    for item in findings.candidates:
        said = rehearsed.get((item.vm_id, item.destination))
        if said is None:
            continue
        for index in item.indexes:
            finding = findings.all[index]
            if finding.pending_on is not Resolver.REHEARSE:
                continue
            if not said:
                verdicts[index] = replace(
                    finding, outcome=Outcome.PASS, pending_on=None, evidence="Compare-VM went through"
                )
                continue
            failing = against(finding, said)
            if failing is not None:
                verdicts[index] = failing
    settled = tuple(verdicts.get(index, finding) for index, finding in enumerate(findings.all))
    return replace(findings, all=settled)
