"""JUnit XML, for build servers: a check's requirements, a run's moves, as test cases."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from winmigrate.checks.finding import Finding, Findings, Outcome
from winmigrate.execution.states import Status
from winmigrate.reporting.report import MoveReport, Report
from winmigrate.reporting.words import name

#: What XML 1.0 has no place for, even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def findings_junit(findings: Findings) -> str:
    """A suite a candidate, a case a requirement. Failing: what blocks; other findings are said in system-out."""
    root = ET.Element("testsuites", name="winmigrate check")
    if findings.wishes:
        suite = _suite(root, "playbook", findings.taken_at.isoformat())
        for finding in findings.wishes:
            _case(suite, finding, "playbook")
    for item in findings.candidates:
        title = f"{name(item.vm_name)} > {item.destination}"
        suite = _suite(root, title, findings.taken_at.isoformat())
        for finding in findings.of(item):
            _case(suite, finding, title)
    return _text(root)


def report_junit(report: Report) -> str:
    """A case a VM: it passes if it moved and nothing changed that should not."""
    root = ET.Element("testsuites", name="winmigrate run")
    suite = _suite(root, report.run_id or "run", report.until.isoformat())
    for move in report.moves:
        _move(suite, move)
    for refusal in report.refused:
        case = ET.SubElement(suite, "testcase", name=_clean(name(refusal.vm_name)), classname=_clean(refusal.source))
        failure = ET.SubElement(case, "failure", type="refused", message="the plan did not place it")
        failure.text = _clean("\n".join(refusal.reasons))
    return _text(root)


def _suite(root: ET.Element, title: str, at: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", name=_clean(title), timestamp=at)


def _case(suite: ET.Element, finding: Finding, title: str) -> None:
    case = ET.SubElement(suite, "testcase", name=finding.requirement, classname=_clean(title))
    said = f"{finding.title}\n{finding.evidence}"
    if finding.wanted:
        said += f"\nwanted: {finding.wanted}"
    if finding.remedy is not None:
        said += f"\nmend: {finding.remedy.text}\nwho: {finding.remedy.who}"
    if finding.blocks:
        failure = ET.SubElement(case, "failure", type=finding.outcome.value, message=_clean(finding.evidence))
        failure.text = _clean(said)
    elif finding.outcome in (Outcome.SKIP, Outcome.PENDING):
        ET.SubElement(case, "skipped", message=_clean(finding.evidence or finding.outcome.value))
    elif finding.outcome is not Outcome.PASS:
        note = f"accepted until {finding.accepted.until}: {finding.accepted.reason}" if finding.accepted else ""
        ET.SubElement(case, "system-out").text = _clean(f"{finding.severity.value}: {said}\n{note}".rstrip())


def _move(suite: ET.Element, move: MoveReport) -> None:
    case = ET.SubElement(
        suite, "testcase", name=_clean(name(move.vm_name)), classname=_clean(f"{move.source} > {move.destination}"),
        time=f"{move.seconds or 0:.1f}",
    )  # fmt: skip
    said = "\n".join(text for text in (move.where, move.cause, *(note.text for note in move.notes)) if text)
    if move.status in (Status.UNKNOWN, Status.MOVING):
        ET.SubElement(case, "error", type=move.status.value, message=_clean(move.where)).text = _clean(said)
    elif move.status in (Status.FAILED, Status.REFUSED, Status.CANCELLED):
        ET.SubElement(case, "failure", type=move.status.value, message=_clean(move.cause)).text = _clean(said)
    elif move.status is Status.WAITING:
        ET.SubElement(case, "skipped", message="it has not begun")
    elif move.unexpected:
        texts = [f"{item.what}: {shown(item.before)} > {shown(item.after)}" for item in move.unexpected]
        message = _clean(f"{len(texts)} changed that nobody planned")
        ET.SubElement(case, "failure", type="changed", message=message).text = _clean("\n".join(texts))


def shown(value: object) -> str:
    """A fact as text: why it could not be read, or what stands for an empty one."""
    reason = getattr(value, "reason", None)
    if reason is not None:
        return f"(cannot be read: {reason})"
    return str(value) if str(value) else "(nothing)"


def _text(root: ET.Element) -> str:
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in root:
        own = {
            "tests": len(suite),
            "failures": len(suite.findall("testcase/failure")),
            "errors": len(suite.findall("testcase/error")),
            "skipped": len(suite.findall("testcase/skipped")),
        }
        for key, number in own.items():
            suite.set(key, str(number))
            totals[key] += number
    for key, number in totals.items():
        root.set(key, str(number))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    """Text without what XML cannot hold: such characters are shown as their number."""
    return _NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
