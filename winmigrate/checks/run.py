"""Runs every requirement on every candidate, each once in its scope, and applies what a person accepted. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from winmigrate.checks.claims import Claims
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
from winmigrate.survey import Candidate, Candidates, HostFacts, PairFacts, Survey, Unmatched

if TYPE_CHECKING:
    from winmigrate.inventory import Inventory
    from winmigrate.playbook import Accept, Playbook


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

    def candidate(self, item: Candidate) -> CandidateFindings:
        source, destination = self._index(item.source), self._index(item.destination)
        on_source, on_destination = self._host(source), self._host(destination)
        on_pair = self._scope(
            Subject(Scope.PAIR, source=item.source, destination=item.destination),
            lambda: self._ground(source, destination, self.survey.pair(item.source, item.destination)),
        )
        on_vm = self._scope(
            Subject(Scope.VM, item.vm_id, item.vm_name, item.source), lambda: self._ground(source, None, None, item)
        )
        on_all = self._scope(
            Subject(Scope.CANDIDATE, item.vm_id, item.vm_name, item.source, item.destination),
            lambda: self._ground(source, destination, self.survey.pair(item.source, item.destination), item),
        )
        indexes: list[int] = []
        for requirement in self.chosen:
            if requirement.scope is Scope.HOST:
                if requirement.role is not Role.DESTINATION:
                    indexes.append(on_source[requirement.id])
                if requirement.role is not Role.SOURCE and destination is not source:
                    indexes.append(on_destination[requirement.id])
            elif requirement.scope is Scope.PAIR:
                indexes.append(on_pair[requirement.id])
            elif requirement.scope is Scope.VM:
                indexes.append(on_vm[requirement.id])
            else:
                indexes.append(on_all[requirement.id])
        return CandidateFindings(item.vm_id, item.vm_name, item.source, item.destination, tuple(indexes))

    def _host(self, host: HostIndex) -> dict[str, int]:
        return self._scope(Subject(Scope.HOST, source=host.name), lambda: self._ground(host, None, None))

    def _ground(
        self, source: HostIndex, destination: HostIndex | None, pair: PairFacts | None, item: Candidate | None = None
    ) -> Ground:
        return Ground(
            source, self.now, self.inventory, self.playbook, destination, pair, item,
            source.name in self.sources, source.name in self.destinations, self.claims,
        )  # fmt: skip

    def _index(self, name: str) -> HostIndex:
        if name not in self.indexes:
            self.indexes[name] = HostIndex(HostFacts(name))
        return self.indexes[name]

    def _scope(self, subject: Subject, ground: Callable[[], Ground]) -> dict[str, int]:
        """Everything of one scope, on one subject, once."""
        found = self.done.get(subject)
        if found is None:
            found = self.done[subject] = {}
            stand = ground()
            for requirement in self.chosen:
                if requirement.scope is subject.scope and _concerns(requirement, stand):
                    found[requirement.id] = len(self.findings)
                    self.findings.append(evaluate(requirement, stand, subject))
        return found


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
            elif finding.requirement == "compare-vm":
                verdicts[index] = replace(finding, outcome=Outcome.FAIL, pending_on=None, evidence="; ".join(said))
    settled = tuple(verdicts.get(index, finding) for index, finding in enumerate(findings.all))
    return replace(findings, all=settled)
