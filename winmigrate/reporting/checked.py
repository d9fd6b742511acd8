"""A check's findings in each form, and one candidate in full."""

from __future__ import annotations

from dataclasses import replace

from winmigrate.checks.finding import CandidateFindings, Finding, Findings, Outcome, Severity
from winmigrate.documents import Kind, document_text
from winmigrate.errors import UsageError
from winmigrate.reporting.explained import candidate_json, candidate_text
from winmigrate.reporting.junit import findings_junit
from winmigrate.reporting.markdown import findings_markdown
from winmigrate.reporting.text import findings_text

#: The same document as findings.json in the run's folder: `winmigrate schema findings`.
FINDINGS = Kind("findings", Findings)

_RANK = {Severity.BLOCKS: 0, Severity.RISKS: 1, Severity.INFORMS: 2}


def findings_as(form: str, findings: Findings, severity: str = "informs") -> str:
    """``form``: text, json, md or junit; findings of ``severity`` (blocks, risks, informs) and above. UsageError."""
    kept = of_severity(findings, Severity(severity))
    if form == "text":
        return findings_text(kept)
    if form == "json":
        return document_text(FINDINGS, kept)
    if form == "md":
        return findings_markdown(kept)
    if form == "junit":
        return findings_junit(kept)
    raise UsageError(f'findings have no form "{form}"', hint="text, json, md or junit")


def candidate_as(form: str, findings: Findings, candidate: CandidateFindings) -> str:
    """One candidate in full: ``form`` text or json. Raises UsageError."""
    if form == "text":
        return candidate_text(findings, candidate)
    if form == "json":
        return candidate_json(findings, candidate)
    raise UsageError(f'a candidate has no form "{form}"', hint="text or json")


def of_severity(findings: Findings, severity: Severity) -> Findings:
    """Without what failed or is unknown below a severity. What passed stays: it is counted, not shown."""

    def kept(finding: Finding) -> bool:
        shown = finding.outcome in (Outcome.FAIL, Outcome.UNKNOWN)
        return not shown or _RANK[finding.severity] <= _RANK[severity]

    places = {index: finding for index, finding in enumerate(findings.all) if kept(finding)}
    moved = {index: number for number, index in enumerate(places)}
    candidates = tuple(
        replace(item, indexes=tuple(moved[index] for index in item.indexes if index in moved))
        for item in findings.candidates
    )
    wishes = tuple(finding for finding in findings.wishes if kept(finding))
    return replace(findings, all=tuple(places.values()), candidates=candidates, wishes=wishes)
