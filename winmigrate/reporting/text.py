"""Findings and plans as text, for a tired administrator: docs/interface.md, section 5."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from winmigrate.checks.finding import CandidateFindings, Finding, Findings, Outcome, Resolver, Severity
from winmigrate.planning.plan import Capacity, Plan, Refusal, Step
from winmigrate.reporting.words import count, duration, name, size, span

WIDTH = 118


def findings_text(findings: Findings) -> str:
    """What `check` prints: one line a candidate, below it what stands against it."""
    lines: list[str] = []
    for finding in findings.wishes:
        lines += [f"{finding.place}: {finding.evidence}" if finding.place else finding.evidence]
        lines += list(_remedy(finding, "  "))
    width = max((len(_title(item)) for item in findings.candidates), default=0)
    for item in findings.candidates:
        lines += _candidate(findings, item, width)
    return "\n".join(lines) + ("\n" if lines else "")


def _title(item: CandidateFindings) -> str:
    return f"{name(item.vm_name)} > {item.destination}"


def _candidate(findings: Findings, item: CandidateFindings, width: int) -> list[str]:
    mine = list(findings.of(item))
    against = [finding for finding in mine if _stands(finding)]
    unknown = [finding for finding in mine if finding.outcome is Outcome.UNKNOWN and finding.accepted is None]
    accepted = [finding for finding in mine if finding.accepted is not None and finding.outcome in _BAD]
    if findings.may_be_placed(item):
        head = f"{_title(item):<{width}}   ok         {_counts(mine)}"
    else:
        blocking = sum(1 for finding in mine if finding.blocks)
        head = f"{_title(item):<{width}}   BLOCKED    {count(blocking, 'finding')}"
    lines = [head]
    for finding in sorted(against, key=lambda found: _RANK[found.severity]):
        lines += _stands_against(finding)
    lines += _unknowns(unknown, item)
    for finding in accepted:
        word = finding.accepted
        assert word is not None
        lines.append(
            f"  accepted {finding.requirement}   until {word.until:%Y-%m-%d} for {word.who}: {word.reason}"
        )
    return lines


_BAD = (Outcome.FAIL, Outcome.UNKNOWN)
_RANK = {Severity.BLOCKS: 0, Severity.RISKS: 1, Severity.INFORMS: 2}
_LABEL = {Severity.BLOCKS: "BLOCKS", Severity.RISKS: "RISKS", Severity.INFORMS: "informs"}


def _stands(finding: Finding) -> bool:
    return finding.outcome is Outcome.FAIL and finding.accepted is None


def _counts(mine: list[Finding]) -> str:
    passed = sum(1 for finding in mine if finding.outcome is Outcome.PASS)
    skipped = sum(1 for finding in mine if finding.outcome is Outcome.SKIP)
    rehearse = sum(1 for finding in mine if finding.pending_on is Resolver.REHEARSE)
    after = sum(1 for finding in mine if finding.pending_on is Resolver.AFTER)
    parts = [f"{passed} passed"]
    if skipped:
        parts.append(f"{skipped} do not apply" if skipped != 1 else "1 does not apply")
    if rehearse:
        parts.append(f"{rehearse} at rehearse")
    if after:
        parts.append(f"{after} after the move")
    return ", ".join(parts)


def _stands_against(finding: Finding) -> list[str]:
    label = _LABEL[finding.severity]
    hop = f" (hop {finding.hop})" if finding.hop else ""
    text = finding.evidence + (f"; wanted: {finding.wanted}" if finding.wanted else "")
    lines = wrapped(f"  {label:<7} {finding.requirement}{hop}   ", text)
    if finding.place:
        lines.append(f"          at:   {finding.place}")
    lines += list(_remedy(finding, "          "))
    return lines


def _remedy(finding: Finding, indent: str) -> Iterator[str]:
    if finding.remedy is None:
        return
    yield from wrapped(f"{indent}mend: ", finding.remedy.text)
    when = "" if finding.remedy.in_force == "at once" else f" (in force {finding.remedy.in_force})"
    yield f"{indent}who:  {finding.remedy.who}{when}"


def _unknowns(unknown: list[Finding], item: CandidateFindings) -> list[str]:
    groups: dict[str, list[Finding]] = {}
    for finding in unknown:
        groups.setdefault(finding.needs or finding.evidence, []).append(finding)
    lines = []
    for reason, members in groups.items():
        ids = ", ".join(finding.requirement for finding in members[:3]) + (", ..." if len(members) > 3 else "")
        lines += wrapped(
            "  UNKNOWN ",
            f"{count(len(members), 'requirement')} ({ids}), because {reason}: see "
            f"`winmigrate explain {name(item.vm_name)} --to {item.destination}`",
        )
    return lines


def wrapped(prefix: str, text: str, indent: str = "") -> list[str]:
    """Lines of at most WIDTH columns; no word is cut, so that a path or a command can be pasted."""
    return textwrap.wrap(
        " ".join(text.split()),
        width=WIDTH,
        initial_indent=prefix,
        subsequent_indent=indent or " " * min(len(prefix), 34),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [prefix.rstrip()]


def plan_text(plan: Plan, *, run: str = "", digest: str = "") -> str:
    """What `plan` prints: one line a move, capacities before and after, refusals, the end against its lower bound."""
    lines: list[str] = []
    lines += _columns([_step_cells(step) for step in plan.steps])
    for step in plan.steps:
        for old, new in step.move.switches.items():
            lines.append(f'  {name(step.move.vm_name)}: switch "{old}" becomes "{new}" on {step.move.destination}')
        if step.after:
            names = ", ".join(name(plan.step(item).move.vm_name) for item in step.after)
            lines.append(f"  {name(step.move.vm_name)}: after {names}")
    for vm in plan.already_there:
        lines.append(f"{name(vm)}   is where it should be: nothing to do")
    if plan.capacities:
        lines.append("")
        lines += _columns([_capacity_cells(item) for item in plan.capacities])
    for refusal in plan.refusals:
        lines += ["", *_refusal(refusal)]
    lines.append("")
    if plan.steps:
        share = plan.makespan / plan.lower_bound if plan.lower_bound else 1.0
        slots = "; ".join(f"{host} {limit.live} live, {limit.storage} storage" for host, limit in plan.limits.items())
        lines.append(f"{count(len(plan.steps), 'move')}, slots: {slots}")
        lines.append(
            f"ends about {duration(plan.makespan)} after its start, {share:.2f} of the lower bound "
            f"{duration(plan.lower_bound)}"
        )
    if plan.window is not None:
        lines.append(f"window {plan.window.start:%Y-%m-%d %H:%M} to {plan.window.end:%Y-%m-%d %H:%M}")
    if digest:
        lines.append(f"digest {digest}")
    if run and plan.steps:
        lines.append(f"run it: winmigrate run {run}")
    return "\n".join(lines).strip("\n") + "\n"


def _step_cells(step: Step) -> tuple[str, ...]:
    move = step.move
    where = move.storage_path or move.config_path or "(paths as they are)"
    return (
        name(move.vm_name),
        f"{move.source} > {move.destination}",
        move.kind,
        f"hop B by {move.route}",
        f"{size(step.storage_bytes)} + {size(step.memory_bytes)} memory",
        span(*step.seconds),
        f"to {where}",
        "; ".join(step.reasons),
    )


def _capacity_cells(item: Capacity) -> tuple[str, ...]:
    note = "" if item.free_after >= item.reserve else "  BELOW THE RESERVE"
    return (
        item.host,
        item.what,
        f"{size(item.free_before)} free of {size(item.total)}",
        f"> {size(item.free_after)} after",
        f"(reserve {size(item.reserve)}){note}",
    )


def _refusal(refusal: Refusal) -> list[str]:
    lines = [f"{name(refusal.vm_name)}   REFUSED: stays on {refusal.source}"]
    for reason in refusal.reasons:
        lines += wrapped("  ", reason)
    return lines


def _columns(table: Iterable[tuple[str, ...]]) -> list[str]:
    cells = list(table)
    if not cells:
        return []
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
