"""Findings and plans as text, for a tired administrator: docs/interface.md, section 5.

Prose is wrapped at WIDTH columns; a command only where PowerShell lets a line end, so that it can be pasted as it is.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence

from winmigrate.checks.finding import (
    CandidateFindings,
    Finding,
    Findings,
    Outcome,
    Remedy,
    RemedyKind,
    Resolver,
    Scope,
    Severity,
)
from winmigrate.planning.plan import Capacity, Plan, Refusal, Step
from winmigrate.reporting.words import count, duration, name, size, span, visible

WIDTH = 100
WIDEST = 40
#: Of so many hosts that fail one requirement each is told; of more, how many.
SHOWN = 4
_DEEP = " " * 10


def findings_text(findings: Findings, *, vms: Collection[str] | None = None) -> str:
    """What `check` prints: one line a candidate, below it what stands against it.

    What holds for a host or a pair, and so for several candidates, is said once before them; what holds for a VM is
    said under its first candidate. ``vms``: Ids of the VMs to speak of; None for all.
    """
    lines: list[str] = []
    for finding in findings.wishes:
        lines += wrapped(f"{finding.place}: " if finding.place else "", finding.evidence, "  ")
        lines += list(_remedy(finding, "  "))
    if findings.wishes:
        lines.append("")
    candidates = [item for item in findings.candidates if vms is None or item.vm_id in vms]
    said: dict[int, str] = {}
    groups = _shared(findings, candidates)
    if groups:
        lines.append("hosts and pairs")
    for indexes in groups:
        lines += _of_many([findings.all[index] for index in indexes])
        said |= {index: str(findings.all[index].subject) for index in indexes}
    if groups:
        lines.append("")
    width = max((len(_title(item)) for item in candidates if len(_title(item)) <= WIDEST), default=0)
    for item in candidates:
        lines += _candidate(findings, item, width, said)
    return "\n".join(lines) + ("\n" if lines else "")


def _shared(findings: Findings, candidates: Sequence[CandidateFindings]) -> list[list[int]]:
    """What stands against hosts and pairs, the gravest first; what is mended alike stands together.

    None for a candidate that is alone: its hosts' findings are its own.
    """
    groups: dict[tuple[int, str, str], list[int]] = {}
    if len(candidates) < 2:
        return []
    for index in sorted({index for item in candidates for index in item.indexes}):
        finding = findings.all[index]
        if finding.subject.scope in (Scope.HOST, Scope.PAIR) and _stands(finding):
            mend = finding.remedy.text if finding.remedy is not None else ""
            groups.setdefault((_RANK[finding.severity], finding.requirement, mend), []).append(index)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


def _of_many(members: list[Finding]) -> list[str]:
    """One requirement that fails for several hosts or pairs, with one remedy."""
    first = members[0]
    if len(members) == 1:
        return _stands_against(first)
    head = f"  {_LABEL[first.severity]:<7} {first.requirement}   on "
    names = ", ".join(str(item.subject) for item in members)
    many = f"{len(members)} {'hosts' if first.subject.scope is Scope.HOST else 'pairs'}"
    lines = [head + (names if len(head + names) <= WIDTH else many)]
    for finding in members[:SHOWN]:
        lines += wrapped(_DEEP, _what(finding), f"{_DEEP}  ")
    if len(members) > SHOWN:
        lines.append(f"{_DEEP}and {len(members) - SHOWN} more: --format json has them all")
    return [*lines, *_remedy(first, _DEEP, more=len(members) - 1)]


def _what(finding: Finding) -> str:
    return finding.evidence + (f"; wanted: {finding.wanted}" if finding.wanted else "")


def _title(item: CandidateFindings) -> str:
    return f"{name(item.vm_name)} > {item.destination}"


def _candidate(findings: Findings, item: CandidateFindings, width: int, said: dict[int, str]) -> list[str]:
    mine = list(findings.of(item))
    if findings.may_be_placed(item):
        lines = [f"{_title(item):<{width}}   ok         {_counts(mine)}"]
    else:
        blocking = sum(1 for finding in mine if finding.blocks)
        lines = [f"{_title(item):<{width}}   BLOCKED    {count(blocking, 'finding')}"]
    for severity in _RANK:
        referred: dict[str, list[str]] = {}
        for index in item.indexes:
            finding = findings.all[index]
            if not _stands(finding) or finding.severity is not severity:
                continue
            if index in said:
                referred.setdefault(finding.requirement, []).append(said[index])
            else:
                lines += _stands_against(finding)
                said[index] = _title(item)
        if referred:
            texts = [f"{requirement} (see {', '.join(places)})" for requirement, places in referred.items()]
            lines += wrapped(f"  {_LABEL[severity]:<7} ", "; ".join(texts), _DEEP)
    unknown = [finding for finding in mine if finding.outcome is Outcome.UNKNOWN and finding.accepted is None]
    lines += _unknowns(unknown, item)
    for finding in mine:
        accepted = finding.accepted
        if accepted is not None and finding.outcome in (Outcome.FAIL, Outcome.UNKNOWN):
            head = f"  accepted {finding.requirement}   until {accepted.until:%Y-%m-%d} for {accepted.who}: "
            lines += wrapped(head, accepted.reason, _DEEP)
    return lines


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
    lines = wrapped(f"  {label:<7} {finding.requirement}{hop}   ", _what(finding), _DEEP)
    if finding.place:
        lines.append(f"{_DEEP}at:   {finding.place}")
    lines += list(_remedy(finding, _DEEP))
    return lines


def _remedy(finding: Finding, indent: str, *, more: int = 0) -> Iterator[str]:
    remedy = finding.remedy
    if remedy is None:
        return
    yield from mend_lines(f"{indent}mend: ", remedy)
    when = "" if remedy.in_force == "at once" else f" (in force {remedy.in_force})"
    likewise = f"; likewise for the other {more}" if more > 1 else "; likewise for the other" if more else ""
    yield from wrapped(f"{indent}who:  ", remedy.who + when + likewise, f"{indent}      ")


def _unknowns(unknown: list[Finding], item: CandidateFindings) -> list[str]:
    groups: dict[str, list[Finding]] = {}
    for finding in unknown:
        # What one right or connection would resolve is told by that; what needs nothing we know of by what happened.
        reason = f"for want of {finding.needs}" if finding.needs else f"because {finding.evidence}"
        groups.setdefault(reason, []).append(finding)
    lines = []
    for reason, members in groups.items():
        asked = list(dict.fromkeys(finding.requirement for finding in members))  # of both hosts once
        ids = ", ".join(asked[:3]) + (", ..." if len(asked) > 3 else "")
        lines += wrapped(
            "  UNKNOWN ",
            f"{count(len(asked), 'requirement')} ({ids}), {reason}: see "
            f"`winmigrate explain {name(item.vm_name)} --to {item.destination}`",
            _DEEP,
        )
    return lines


def mend_lines(prefix: str, remedy: Remedy) -> list[str]:
    """What mends it: prose wrapped, a native command in one line, PowerShell broken only after ``;`` and ``|``."""
    deep = " " * len(prefix)
    if remedy.kind is RemedyKind.BY_HAND:
        return wrapped(prefix, remedy.text, deep)
    if remedy.kind is RemedyKind.NATIVE:
        return [prefix + visible(remedy.text)]
    lines, line = [], prefix
    for part in _BREAKABLE.findall(visible(remedy.text)):
        if len(line) + len(part.rstrip()) > WIDTH and line.strip() and line != prefix:
            lines.append(line.rstrip())
            line = deep
        line += part
    return [*lines, line.rstrip()]


#: A piece of PowerShell up to where a line may end: quoted text has no such place.
_BREAKABLE = re.compile(r"""(?:'[^']*'|"[^"]*"|[^;|'"]|['"])+(?:[;|]\s*|$)|[;|]\s*""")


def wrapped(prefix: str, text: str, indent: str) -> list[str]:
    """Lines of at most WIDTH columns; no word is cut. Nothing in ``text`` is obeyed by a terminal."""
    return textwrap.wrap(
        visible(text),
        width=WIDTH,
        initial_indent=prefix,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [prefix.rstrip()]


def plan_text(plan: Plan, *, run: str = "", digest: str = "") -> str:
    """What `plan` prints: one line a move, capacities before and after, refusals, the end against its lower bound."""
    lines = _moves(plan)
    if plan.already_there:
        lines += wrapped("nothing to do for ", ", ".join(name(vm) for vm in plan.already_there), "  ")
    if plan.capacities:
        head = ("host", "what", "total", "free now", "free after", "kept free", "")
        lines += ["", *columns([head, *(_capacity_cells(item) for item in plan.capacities)], right=(2, 3, 4, 5))]
    for refusal in plan.refusals:
        lines += ["", *_refusal(refusal)]
    lines.append("")
    if plan.steps:
        lines += _sums(plan)
    if plan.window is not None:
        lines.append(f"window {plan.window.start:%Y-%m-%d %H:%M} to {plan.window.end:%Y-%m-%d %H:%M}")
    if digest:
        lines.append(f"digest {digest}")
    if run and plan.steps:
        lines.append(f"run it: winmigrate run {run}")
    return "\n".join(lines).strip("\n") + "\n"


def _moves(plan: Plan) -> list[str]:
    """A line a move, below it what is special about it; why there stands beside it where there is room."""
    if not plan.steps:
        return []
    table = columns([("VM", "from > to", "disks", "memory", "takes", "files go to"),
                     *(_step_cells(step) for step in plan.steps)], right=(2, 3))  # fmt: skip
    width = max(len(line) for line in table)
    reasons = [visible("; ".join(step.reasons)) for step in plan.steps]
    beside = width + 2 + max(len(text) for text in reasons) <= WIDTH + 18
    lines = [f"{table[0]:<{width}}  why there" if beside and any(reasons) else table[0]]
    for step, line, reason in zip(plan.steps, table[1:], reasons, strict=True):
        lines.append(f"{line:<{width}}  {reason}".rstrip() if beside else line)
        if reason and not beside:
            lines += wrapped("    why there: ", reason, "      ")
        for old, new in step.move.switches.items():
            lines.append(f'    switch "{visible(old)}" becomes "{visible(new)}" on {step.move.destination}')
        if step.after:
            names = ", ".join(name(plan.step(item).move.vm_name) for item in step.after)
            lines += wrapped("    after ", names, "      ")
    return lines


def _step_cells(step: Step) -> tuple[str, ...]:
    move = step.move
    return (
        name(move.vm_name),
        f"{move.source} > {move.destination}",
        size(step.storage_bytes),
        size(step.memory_bytes),
        span(*step.seconds),
        visible(move.storage_path or move.config_path) or "(paths as they are)",
    )


def _sums(plan: Plan) -> list[str]:
    ways: dict[str, int] = {}
    for step in plan.steps:
        way = f"{step.move.kind}, hop B by {step.move.route}"
        ways[way] = ways.get(way, 0) + 1
    moved = "; ".join(way if len(ways) == 1 else f"{number} {way}" for way, number in ways.items())
    slots: dict[str, list[str]] = {}
    for host, limit in plan.limits.items():
        slots.setdefault(f"{limit.live} live and {limit.storage} storage", []).append(host)
    shown = "; ".join(
        f"{text} at once on {'each host' if len(slots) == 1 and len(hosts) > 1 else ', '.join(hosts)}"
        for text, hosts in slots.items()
    )
    share = plan.makespan / plan.lower_bound if plan.lower_bound else 1.0
    lines = wrapped("", f"{count(len(plan.steps), 'move')}: {moved}; {shown}; {plan.run_limit} in all", "  ")
    times = f" ({share:.2f} times that)" if share >= 1.005 else ""
    lines.append(
        f"ends about {duration(plan.makespan)} after its start; "
        f"no schedule is shorter than {duration(plan.lower_bound)}{times}"
    )
    return lines


def _capacity_cells(item: Capacity) -> tuple[str, ...]:
    return (
        item.host,
        item.what,
        size(item.total),
        size(item.free_before),
        size(item.free_after),
        size(item.reserve),
        "" if item.free_after >= item.reserve else "BELOW WHAT IS KEPT FREE",
    )


def _refusal(refusal: Refusal) -> list[str]:
    lines = [f"{name(refusal.vm_name)}   REFUSED: stays on {refusal.source}"]
    for reason in refusal.reasons:
        lines += wrapped("  ", reason, "    ")
    return lines


def columns(table: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Cells in columns, two blanks apart; those of ``right`` end where their column ends.

    A cell over WIDEST letters pushes what follows it in its own line, not in all the others.
    """
    cells = [tuple(row) for row in table]
    if not cells:
        return []
    lengths = [[len(cell) for cell in column] for column in zip(*cells, strict=True)]
    widths = [max((length for length in column if length <= WIDEST), default=0) for column in lengths]
    return [
        "  ".join(
            f"{cell:>{width}}" if index in right else f"{cell:<{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
