"""Memory and disks of each host over a run, as steps: by the plan's reckoning, at the moments moves arrived."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from winmigrate.planning.plan import ExpectationKind, Plan, Step
from winmigrate.reporting.report import Curve, Level, MoveReport
from winmigrate.windows.paths import volume

MEMORY = "memory"


def curves_of(
    plan: Plan, moves: Sequence[MoveReport], began: dt.datetime, until: dt.datetime
) -> tuple[Curve, ...]:
    """A curve for each capacity of the plan; for hosts that VMs only leave, what they got back."""
    arrived = sorted(
        ((move.ended_at, plan.step(move.step)) for move in moves if move.arrived and move.ended_at is not None),
        key=lambda pair: pair[0],
    )
    curves = []
    reserves = {(item.host, item.what): item.reserve for item in plan.capacities}
    for item in plan.capacities:
        taken = [
            (at, brought(step, reserves).get(item.what, 0)) for at, step in arrived
            if step.move.destination == item.host
        ]  # fmt: skip
        levels = _levels(began, until, item.free_before, [(at, -amount) for at, amount in taken if amount])
        curves.append(Curve(item.host, item.what, item.total, item.reserve, levels))
    receiving = {item.host for item in plan.capacities}
    given: dict[tuple[str, str], list[tuple[dt.datetime, int]]] = {}
    for at, step in arrived:
        if step.move.source in receiving:
            continue
        for what, amount in left_behind(step).items():
            given.setdefault((step.move.source, what), []).append((at, amount))
    for (host, what), amounts in sorted(given.items(), key=lambda pair: (pair[0][0], pair[0][1] != MEMORY, pair[0][1])):
        curves.append(Curve(host, what, 0, 0, _levels(began, until, 0, amounts)))
    return tuple(curves)


def brought(step: Step, reserves: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Bytes a step brings to its destination, by what they take: as the plan's expectations have them."""
    host = step.move.destination
    found: dict[str, int] = {}
    for item in step.expectations:
        if item.host != host or item.kind not in (ExpectationKind.FREE_MEMORY, ExpectationKind.FREE_DISK):
            continue
        what = MEMORY if item.kind is ExpectationKind.FREE_MEMORY else item.subject
        found[what] = max(0, item.amount - reserves.get((host, what), 0))
    return found


def left_behind(step: Step) -> dict[str, int]:
    """Bytes a step frees on its source: memory, and by volume the files that left it."""
    found: dict[str, int] = {MEMORY: step.memory_bytes} if step.memory_bytes else {}
    for file in step.move.files:
        where = volume(file.source)
        found[where] = found.get(where, 0) + file.size
    return {what: amount for what, amount in found.items() if amount}


def _levels(
    began: dt.datetime, until: dt.datetime, first: int, changes: Iterable[tuple[dt.datetime, int]]
) -> tuple[Level, ...]:
    levels = [Level(began, first)]
    for at, amount in changes:
        levels.append(Level(at, levels[-1].free + amount))
    if until > levels[-1].at:
        levels.append(Level(until, levels[-1].free))
    return tuple(levels)
