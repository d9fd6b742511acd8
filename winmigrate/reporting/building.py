"""Builds the report of a run from plan, findings and journal, nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from winmigrate.checks.finding import Findings, Outcome, Remedy, RemedyKind, Severity
from winmigrate.execution.journal import Entry, Kind
from winmigrate.execution.states import Status, StepState, fold
from winmigrate.facts import Unreadable
from winmigrate.planning.plan import Plan, Step
from winmigrate.reporting.curves import curves_of
from winmigrate.reporting.report import (
    AfterFinding,
    Difference,
    FindingLine,
    MoveReport,
    Note,
    PhaseSpan,
    Refused,
    Report,
)
from winmigrate.reporting.todo import to_do_of
from winmigrate.reporting.words import count, duration, name


def build_report(
    plan: Plan, findings: Findings, entries: Iterable[Entry], *, run_id: str = "", zone: str = ""
) -> Report:
    """The report. ``zone``: IANA name that times are shown in; "" for the machine's own."""
    known = tuple(entries)
    states = fold((step.id for step in plan.steps), known)
    by_step: dict[str, list[Entry]] = {}
    for entry in known:
        by_step.setdefault(entry.step, []).append(entry)
    until = known[-1].at if known else plan.made_at
    moves = tuple(_move(plan, step, states[step.id], by_step.get(step.id, []), run_id) for step in plan.steps)
    counts = {status.value: sum(1 for move in moves if move.status is status) for status in _COUNTED}
    began = next((entry.at for entry in known if entry.kind is Kind.RUN), None)
    refused = tuple(
        Refused(item.vm_name, item.source, _against(findings, item.vm_id) or item.reasons) for item in plan.refusals
    )
    good = all(move.status is Status.DONE and not move.unexpected for move in moves) and not refused
    spent = (until - began).total_seconds() if began is not None else 0.0
    back = plan.window.end - dt.timedelta(seconds=max(spent, plan.makespan)) if plan.window else None
    return Report(
        run_id=run_id,
        playbook=plan.playbook,
        inventory=plan.inventory,
        zone=zone,
        outcome=outcome_sentence(plan, moves, began, spent),
        good=good,
        counts=counts,
        planned_at=plan.made_at,
        began=began,
        until=until,
        lower_bound=plan.lower_bound,
        makespan=plan.makespan,
        window=plan.window,
        latest_way_back=back if any(move.arrived for move in moves) else None,
        moves=moves,
        refused=refused,
        already_there=plan.already_there,
        curves=curves_of(plan, moves, began or plan.made_at, until),
        findings=finding_lines(findings),
        to_do=to_do_of(plan, moves, refused, states, run_id),
        notes=tuple(_notes(by_step.get("", []))),
    )


_COUNTED = (
    Status.DONE, Status.FAILED, Status.UNKNOWN, Status.MOVING, Status.REFUSED, Status.CANCELLED, Status.WAITING,
)  # fmt: skip


def outcome_sentence(plan: Plan, moves: Sequence[MoveReport], began: dt.datetime | None, spent: float) -> str:
    """What happened, in one sentence, the worst first."""
    total = len(moves)
    if not total and not plan.refusals:
        return "Nothing was to do: every VM is where it should be."
    by = {status: [move for move in moves if move.status is status] for status in Status}
    if total and began is None:
        return f"Planned, not begun: {count(total, 'VM')} to move."
    parts: list[str] = []
    for status, before, one, many in (
        (Status.UNKNOWN, "the outcome of ", " is not known", " is not known"),
        (Status.FAILED, "", " failed", " failed"),
        (Status.REFUSED, "", " was not started", " were not started"),
        (Status.CANCELLED, "", " was cancelled", " were cancelled"),
        (Status.WAITING, "", " has not begun", " have not begun"),
    ):
        if by[status]:
            parts.append(before + _names(by[status]) + (one if len(by[status]) == 1 else many))
    odd = [move for move in by[Status.DONE] if move.unexpected]
    if odd:
        parts.append(f"{_names(odd)} arrived with changes that nobody planned")
    if plan.refusals:
        stay = [item.vm_name for item in plan.refusals]
        parts.append(f"{_listed(stay)} {'stays' if len(stay) == 1 else 'stay'} (refused by the plan)")
    done = len(by[Status.DONE])
    head = f"{done} of {count(total, 'VM')} moved and verified on both hosts" if total else "No VM could be placed"
    if done == total and total:
        head = f"All {total} VMs" if total > 1 else f"{name(moves[0].vm_name)}"
        head += " moved and verified on both hosts"
    took = f" in {duration(spent)}" if began is not None and done else ""
    return f"{head}{took}{'; ' if parts else ''}{'; '.join(parts)}."


def _names(moves: Sequence[MoveReport]) -> str:
    return _listed([move.vm_name for move in moves])


def _listed(names: Sequence[str]) -> str:
    if len(names) > 4:
        return f"{len(names)} VMs"
    shown = [name(item) for item in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _move(plan: Plan, step: Step, state: StepState, entries: list[Entry], run_id: str) -> MoveReport:
    move = step.move
    verified = state.verified or {}
    look = next((entry for entry in reversed(entries) if entry.kind is Kind.LOOK), None)
    where = str(state.outcome.get("where", ""))
    seen_at = state.ended_at if where else None
    if look is not None and state.status not in (Status.DONE, Status.CANCELLED) and where != f"on {move.destination}":
        where, seen_at = str(look.data.get("says", "")), look.at
    if not where and state.intent_at is None:
        where = f"on {move.source}"
    seconds = None
    if state.started_at is not None and state.ended_at is not None:
        seconds = (state.ended_at - state.started_at).total_seconds()
    arrived = state.status is Status.DONE or where == f"on {move.destination}"
    after = tuple(_after(item) for item in verified.get("findings", ()) if item.get("outcome") in ("fail", "unknown"))
    cause = str(state.outcome.get("cause", ""))
    if not cause and state.status is Status.UNKNOWN:
        cause = next((str(e.data.get("reason", "")) for e in reversed(entries) if e.kind is Kind.LOST), "")
    blackout = verified.get("blackout")
    return MoveReport(
        step=step.id,
        vm_id=move.vm_id,
        vm_name=move.vm_name,
        source=move.source,
        destination=move.destination,
        kind=move.kind,
        route=move.route,
        status=state.status,
        where=where,
        seen_at=seen_at,
        cause=" ".join(cause.split()),
        mends=_mends(plan, step, state, after, run_id),
        attempts=state.attempts,
        started_at=state.started_at,
        ended_at=state.ended_at,
        seconds=seconds,
        estimate=step.seconds,
        storage_bytes=step.storage_bytes,
        memory_bytes=step.memory_bytes,
        rate=(step.storage_bytes + step.memory_bytes) / seconds if arrived and seconds else None,
        blackout=float(blackout) if isinstance(blackout, (int, float)) else None,
        phases=tuple(_phases(state, entries)),
        switches=dict(move.switches),
        differences=tuple(_difference(item) for item in verified.get("changes", ())),
        verified=state.verified is not None,
        found_after=after,
        leftovers=tuple(str(path) for path in verified.get("leftovers", ())),
        notes=tuple(_notes(entries)),
    )


def _phases(state: StepState, entries: Iterable[Entry]) -> Iterable[PhaseSpan]:
    marks = list(_marks(entries))
    for index, (start, phase) in enumerate(marks):
        end = marks[index + 1][0] if index + 1 < len(marks) else state.ended_at
        if phase and (end is None or end > start):
            yield PhaseSpan(phase, start, end)


def _marks(entries: Iterable[Entry]) -> Iterable[tuple[dt.datetime, str]]:
    """When each phase began; "" for none. What a session's end or loss leaves open is seen by looking."""
    now = seen = ""
    for entry in entries:
        word = now
        if entry.kind is Kind.INTENT:
            word, seen = "sent", ""
        elif entry.kind is Kind.PROGRESS:
            word = seen = str(entry.data.get("phase", "")) or now
        elif entry.kind is Kind.ENDED and now:
            word = "verifying"
        elif entry.kind is Kind.LOST and now:
            word = "unknown"
        elif entry.kind is Kind.LOOK and now:
            known = {"verify": "verifying", "look-again": "unknown", "retire": "unknown", "follow": seen or "moving"}
            word = known.get(str(entry.data.get("next", "")), now)
        elif entry.kind is Kind.OUTCOME:
            word = ""
        if word != now:
            now = word
            yield entry.at, now


def _difference(item: dict[str, Any]) -> Difference:
    return Difference(str(item["what"]), _fact(item["before"]), _fact(item["after"]), bool(item["expected"]))


def _fact(value: Any) -> str | Unreadable:
    if isinstance(value, dict):
        return Unreadable(str(value.get("unreadable", "")), needs=str(value.get("needs", "")))
    return str(value)


def _after(item: dict[str, Any]) -> AfterFinding:
    remedy = item.get("remedy")
    return AfterFinding(
        requirement=str(item["requirement"]),
        severity=Severity(item["severity"]),
        outcome=str(item["outcome"]),
        evidence=str(item.get("evidence", "")),
        wanted=str(item.get("wanted", "")),
        remedy=Remedy(RemedyKind(remedy["kind"]), remedy["text"], remedy["who"], remedy.get("in_force", "at once"))
        if isinstance(remedy, dict)
        else None,
    )


def _mends(
    plan: Plan, step: Step, state: StepState, after: Sequence[AfterFinding], run_id: str
) -> tuple[Remedy, ...]:
    if state.status is Status.FAILED and state.verified is not None:
        return tuple(item.remedy for item in after if item.remedy is not None)
    run = run_id or "RUN"
    move = step.move
    ops = "whoever drives the run"
    if state.status in (Status.UNKNOWN, Status.MOVING):
        when = "when both hosts answer; it looks first, and sends nothing twice"
        return (Remedy(RemedyKind.NATIVE, f"winmigrate resume {run}", ops, when),)
    if state.status in (Status.FAILED, Status.REFUSED):
        word = f"mend the cause, then plan the rest anew: winmigrate plan {plan.playbook}"
        look = f"winmigrate explain {name(move.vm_name)} --to {move.destination} -p {plan.playbook}"
        return (Remedy(RemedyKind.NATIVE, look, ops), Remedy(RemedyKind.BY_HAND, word, ops))
    return ()


def _notes(entries: Iterable[Entry]) -> Iterable[Note]:
    for entry in entries:
        data = entry.data
        if entry.kind is Kind.NOTE:
            yield Note(entry.at, str(data.get("text", "")))
        elif entry.kind is Kind.LOST:
            yield Note(entry.at, f"the connection was lost: {data.get('reason', '')}")
        elif entry.kind is Kind.LOOK:
            yield Note(entry.at, f"looked: {data.get('says', '')}")
        elif entry.kind is Kind.ADOPTED:
            yield Note(entry.at, f"a move that already ran is followed: {data.get('says', '')}")
        elif entry.kind is Kind.CANCEL:
            yield Note(entry.at, f"cancelling was asked for ({data.get('asked', '')})")
        elif entry.kind is Kind.ENDED and data.get("error"):
            yield Note(entry.at, f"Windows said: {data['error']}")
        elif entry.kind is Kind.REHEARSED and data.get("left_behind"):
            yield Note(entry.at, f"the rehearsal's planned VM is still there: {data['left_behind']}")
        elif entry.kind is Kind.INVERSE:
            yield Note(entry.at, f"changed on the way: {data.get('change', '')}")
        elif entry.kind is Kind.UNDONE:
            yield Note(entry.at, f"put back: {data.get('change', '')}")
        elif entry.kind is Kind.RETIRED:
            yield Note(entry.at, "the shell of an old command was deleted")
        elif entry.kind is Kind.RUN:
            yield Note(entry.at, f"process {data.get('pid', '')} on {data.get('host', '')} took up the run")


def _against(findings: Findings, vm_id: str) -> tuple[str, ...]:
    """What blocks each candidate of a VM, in words; empty if nothing is known to (there was no room, say)."""
    mine = [item for item in findings.candidates if item.vm_id == vm_id]
    if any(findings.may_be_placed(item) for item in mine):
        return ()
    return tuple(
        f"{item.destination}: {finding.evidence} ({finding.requirement})"
        for item in mine
        for finding in findings.of(item)
        if finding.blocks
    )


def finding_lines(findings: Findings) -> tuple[FindingLine, ...]:
    """What failed, is unknown, or was accepted: each once, the gravest first."""
    applies: dict[int, list[str]] = {}
    for item in findings.candidates:
        for index in item.indexes:
            applies.setdefault(index, []).append(f"{name(item.vm_name)} > {item.destination}")
    lines = []
    for number, finding in enumerate((*findings.all, *findings.wishes)):
        if finding.outcome not in (Outcome.FAIL, Outcome.UNKNOWN):
            continue
        targets = applies.get(number, []) if number < len(findings.all) else []
        lines.append(
            FindingLine(
                finding.requirement, finding.title, finding.severity, finding.outcome.value, str(finding.subject),
                tuple(targets), finding.evidence, finding.wanted, finding.remedy, finding.accepted, finding.place,
            )
        )  # fmt: skip
    order = [Severity.BLOCKS, Severity.RISKS, Severity.INFORMS]
    return tuple(sorted(lines, key=lambda line: (order.index(line.severity), line.outcome, line.requirement)))
