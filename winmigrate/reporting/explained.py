"""One candidate in full: every requirement by its scope, with outcome, evidence, remedy and page."""

from __future__ import annotations

from dataclasses import dataclass

from winmigrate.checks.finding import CandidateFindings, Finding, Findings, Outcome, Resolver, Scope, Severity
from winmigrate.documents import Kind, document_text
from winmigrate.reporting.text import mend_lines, wrapped
from winmigrate.reporting.words import count, name


@dataclass(frozen=True, slots=True)
class Explanation:
    """One candidate and all its findings, in the order in which they were made."""

    vm_id: str
    vm_name: str
    source: str
    destination: str
    may_be_placed: bool
    findings: tuple[Finding, ...]


#: `winmigrate schema explanation`.
EXPLANATION = Kind("explanation", Explanation)

_SCOPES = (Scope.HOST, Scope.PAIR, Scope.CLUSTER, Scope.SHARE, Scope.VM, Scope.CANDIDATE, Scope.KIND)


def candidate_text(findings: Findings, candidate: CandidateFindings) -> str:
    """A tree: scope, subject, requirement; what passed takes one line."""
    mine = list(findings.of(candidate))
    title = f"{name(candidate.vm_name)}, {candidate.source} > {candidate.destination}"
    blocking = [finding for finding in mine if finding.blocks]
    verdict = "may be placed" if findings.may_be_placed(candidate) else f"BLOCKED by {count(len(blocking), 'finding')}"
    lines = [f"{title}: {verdict}", _sums(mine)]
    groups: dict[tuple[Scope, str], list[Finding]] = {}
    for scope in _SCOPES:
        for finding in mine:
            if finding.subject.scope is scope:
                groups.setdefault((scope, str(finding.subject)), []).append(finding)
    for (scope, subject), members in groups.items():
        lines += ["", f"{_SCOPE_WORD[scope]} {name(subject) if scope is Scope.VM else subject}"]
        for finding in sorted(members, key=_order):
            lines += _lines(finding)
    return "\n".join(lines) + "\n"


_SCOPE_WORD = {
    Scope.HOST: "host",
    Scope.PAIR: "pair",
    Scope.CLUSTER: "cluster",
    Scope.SHARE: "share",
    Scope.VM: "VM",
    Scope.CANDIDATE: "VM and destination",
    Scope.KIND: "moves of kind",
}
_OUTCOMES = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PENDING, Outcome.PASS, Outcome.SKIP)
_SEVERITIES = (Severity.BLOCKS, Severity.RISKS, Severity.INFORMS)


def _order(finding: Finding) -> tuple[int, int]:
    return _OUTCOMES.index(finding.outcome), _SEVERITIES.index(finding.severity)


def _sums(mine: list[Finding]) -> str:
    numbers = [(outcome, sum(1 for finding in mine if finding.outcome is outcome)) for outcome in _OUTCOMES]
    words = {Outcome.FAIL: "failed", Outcome.PASS: "passed", Outcome.SKIP: "not applicable"}
    return ", ".join(f"{number} {words.get(outcome, outcome.value)}" for outcome, number in numbers if number)


def _word(finding: Finding) -> str:
    if finding.outcome is Outcome.FAIL:
        return "accepted" if finding.accepted else {Severity.BLOCKS: "BLOCKS", Severity.RISKS: "RISKS"}.get(
            finding.severity, "informs"
        )  # fmt: skip
    if finding.outcome is Outcome.UNKNOWN:
        return "accepted" if finding.accepted else "UNKNOWN"
    if finding.outcome is Outcome.PENDING:
        return "rehearse" if finding.pending_on is Resolver.REHEARSE else "after"
    return "ok" if finding.outcome is Outcome.PASS else "n/a"


def _lines(finding: Finding) -> list[str]:
    head = f"  {_word(finding):<9}{finding.requirement}"
    deep = " " * 11
    if finding.outcome in (Outcome.PASS, Outcome.SKIP, Outcome.PENDING):
        return wrapped(f"{head}  ", finding.evidence or finding.title, deep)
    hop = f" (hop {finding.hop})" if finding.hop else ""
    lines = wrapped(f"{head}{hop}  ", finding.title, deep)
    lines += wrapped(f"{deep}is:     ", finding.evidence, deep + " " * 8)
    for word, text in (("wanted", finding.wanted), ("needs", finding.needs), ("at", finding.place)):
        if text:
            lines += wrapped(f"{deep}{word + ':':<8}", text, deep + " " * 8)
    if finding.remedy is not None:
        lines += mend_lines(f"{deep}mend:   ", finding.remedy)
        lines += wrapped(f"{deep}who:    ", f"{finding.remedy.who}; in force {finding.remedy.in_force}", deep + " " * 8)
    if finding.accepted is not None:
        accepted = finding.accepted
        lines += wrapped(f"{deep}accepted until {accepted.until} for {accepted.who}: ", accepted.reason, deep + " " * 8)
    if finding.page:
        lines.append(f"{deep}page:   {finding.page}")
    return lines


def candidate_json(findings: Findings, candidate: CandidateFindings) -> str:
    """For tools: a document of kind explanation."""
    return document_text(
        EXPLANATION,
        Explanation(
            candidate.vm_id,
            candidate.vm_name,
            candidate.source,
            candidate.destination,
            findings.may_be_placed(candidate),
            tuple(findings.of(candidate)),
        ),
    )
