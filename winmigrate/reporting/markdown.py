"""Markdown, for tickets and wikis. Everything that came from elsewhere is escaped: no cell ends a table."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable, Sequence

from winmigrate.checks.finding import Finding, Findings, Outcome, Remedy, RemedyKind
from winmigrate.execution.states import Status
from winmigrate.reporting.junit import shown
from winmigrate.reporting.report import MoveReport, Report
from winmigrate.reporting.words import clock_time, count, duration, name, rate, visible

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$])")


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    return _SPECIAL.sub(r"\\\1", visible(text))


def code(text: str, *, in_table: bool = True) -> str:
    """Text as code, in one line. In a table, and there alone, a bar is escaped even in code."""
    line = visible(text)
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest or not line else ""
    if in_table:
        line = line.replace("|", "\\|")
    return f"{fence}{pad}{line}{pad}{fence}"


def _code_line(line: str) -> str:
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + visible(line)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table; cells are already escaped."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(cell or " " for cell in row) + " |" for row in rows]


def findings_markdown(findings: Findings) -> str:
    """A heading a candidate, a table of what stands against it; a finding of many candidates stands once."""
    lines = ["# Check", "", f"Taken {findings.taken_at:%Y-%m-%d %H:%M} UTC.", ""]
    if findings.wishes:
        lines += ["## Playbook", "", *_table(findings.wishes), ""]
    rows = []
    for item in findings.candidates:
        mine = list(findings.of(item))
        against = sum(1 for finding in mine if finding.blocks)
        word = "ok" if findings.may_be_placed(item) else f"**blocked** by {count(against, 'finding')}"
        rows.append((plain(name(item.vm_name)), plain(f"{item.source} > {item.destination}"), word))
    if rows:
        lines += ["## Candidates", "", *table(("VM", "From > to", "Outcome"), rows), ""]
    shown_ones = [finding for finding in findings.all if finding.outcome in (Outcome.FAIL, Outcome.UNKNOWN)]
    if shown_ones:
        lines += ["## Findings", "", *_table(shown_ones), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(findings: Iterable[Finding]) -> list[str]:
    rows = []
    for finding in findings:
        word = "unknown" if finding.outcome is Outcome.UNKNOWN else finding.severity.value
        accepted = finding.accepted
        if accepted is not None:
            word = f"accepted until {accepted.until}: {plain(accepted.reason)} ({plain(accepted.who)})"
        said = finding.evidence + (f"; wanted: {finding.wanted}" if finding.wanted else "")
        said += f"; needs: {finding.needs}" if finding.needs else ""
        where = f" ({plain(finding.place)})" if finding.place else ""
        rows.append((plain(str(finding.subject)), word, code(finding.requirement), plain(said) + where,
                     _remedy(finding.remedy)))  # fmt: skip
    return table(("About", "", "Requirement", "What is", "Mend"), rows)


def _remedy(remedy: Remedy | None, *, in_table: bool = True) -> str:
    if remedy is None:
        return ""
    text = plain(remedy.text) if remedy.kind is RemedyKind.BY_HAND else code(remedy.text, in_table=in_table)
    return f"{text} ({plain(remedy.who)})"


def report_markdown(report: Report) -> str:
    """The run: outcome, moves, failures, changes, what is left to do."""
    zone = zoneinfo.ZoneInfo(report.zone) if report.zone else None
    lines = [f"# Run {plain(report.run_id)}", "", f"**{plain(report.outcome)}**", ""]
    facts = [f"playbook {code(report.playbook, in_table=False)}"]
    if report.began is not None:
        at = report.began.astimezone(zone)
        facts.append(f"from {at:%Y-%m-%d %H:%M} to {clock_time(report.until, zone)} {at.tzname() or ''}".rstrip())
    facts.append(f"lower bound {duration(report.lower_bound)}, planned {duration(report.makespan)}")
    lines += [", ".join(facts), ""]
    if report.moves:
        head = ("VM", "From > to", "Status", "Where", "Took", "Rate", "Blackout", "Attempts")
        lines += ["## Moves", "", *table(head, [_row(move) for move in report.moves]), ""]
    bad = [move for move in report.moves if move.cause and move.status is not Status.DONE]
    if bad or report.refused:
        lines += ["## What did not go well", ""]
        for move in bad:
            lines.append(f"- **{plain(name(move.vm_name))}**: {plain(move.cause)}")
            lines += [f"  - mend: {_remedy(item, in_table=False)}" for item in move.mends]
        lines += [
            f"- **{plain(name(item.vm_name))}** stays on {plain(item.source)}: {plain('; '.join(item.reasons))}"
            for item in report.refused
        ]
        lines.append("")
    changed = [(move, item) for move in report.moves for item in move.unexpected]
    if changed:
        rows = [(plain(name(move.vm_name)), plain(item.what), plain(shown(item.before)), plain(shown(item.after)))
                for move, item in changed]  # fmt: skip
        lines += ["## Changes that nobody planned", "", *table(("VM", "What", "Before", "After"), rows), ""]
    if report.to_do:
        lines += ["## Left to do", ""]
        for to_do in report.to_do:
            lines.append(f"- **{plain(to_do.about)}**: {plain(to_do.what)} ({plain(to_do.who)})")
            if to_do.command:
                fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", to_do.command)), default=0))
                command = [f"  {_code_line(line)}" for line in to_do.command.splitlines()]
                lines += ["", f"  {fence}", *command, f"  {fence}", ""]
        lines.append("")
    accepted = [line for line in report.findings if line.accepted is not None]
    if accepted:
        lines += ["## Accepted", ""]
        lines += [
            f"- {code(line.requirement, in_table=False)} on {plain(line.subject)}: {plain(line.accepted.reason)} "
            f"({plain(line.accepted.who)}, until {line.accepted.until})"
            for line in accepted if line.accepted is not None
        ]  # fmt: skip
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(move: MoveReport) -> tuple[str, ...]:
    return (
        plain(name(move.vm_name)),
        plain(f"{move.source} > {move.destination}"),
        move.status.value if move.status is Status.DONE else f"**{move.status.value}**",
        plain(move.where),
        duration(move.seconds) if move.seconds is not None else "",
        rate(move.rate) if move.rate else "",
        f"{move.blackout:.1f} s" if move.blackout is not None else "",
        str(move.attempts),
    )


