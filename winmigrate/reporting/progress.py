"""How a run stands, in words: what the live view shows. Pure but for the trail of percentages it keeps.

Windows tells percent of a whole move and no bytes; no source says how percent and bytes hang together. Bytes, rates
and times left are therefore reckoned from percent, and marked with "~".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from winmigrate.execution.run import Snapshot
from winmigrate.execution.states import Status, StepState
from winmigrate.execution.watch import View
from winmigrate.planning.bound import lower_bound, makespan
from winmigrate.planning.plan import Plan, Step
from winmigrate.reporting.standing import totals
from winmigrate.reporting.words import clock_time, duration, name, rate, size, span, visible

#: A host is silent when it has not answered for so long: seconds.
SILENCE = 300.0
#: What a rate is measured over at most: seconds. Older progress says little of a link that others use too.
RECENT = 300.0
#: The end of a run is reckoned anew after so many seconds, or when a step's status changed.
KEEP = 5.0
#: Of so many open moves the schedule is played through; of more, its lower bound is said, which is near and quick.
PLAYED = 60


@dataclass(slots=True)
class Trail:
    """Percentages of one move as they were seen. ``total``: bytes of files and memory."""

    total: int
    marks: list[tuple[dt.datetime, int]] = field(default_factory=list)

    def see(self, at: dt.datetime, percent: int) -> None:
        """One observation. Only a percentage that grew says when it was reached."""
        if not self.marks or percent > self.marks[-1][1]:
            self.marks.append((at, percent))
        elif percent < self.marks[-1][1]:
            self.marks[:] = [(at, percent)]  # another attempt

    def speeds(self) -> tuple[float, float] | None:
        """Percent a second, (slower, faster) of the recent and the whole measure; None before there are two marks."""
        if len(self.marks) < 2:
            return None
        (first_at, first), (last_at, last) = self.marks[0], self.marks[-1]
        whole = (last - first) / max((last_at - first_at).total_seconds(), 1.0)
        begin = next(mark for mark in self.marks if (last_at - mark[0]).total_seconds() <= RECENT)
        recent = whole
        if begin is not self.marks[-1]:
            recent = (last - begin[1]) / max((last_at - begin[0]).total_seconds(), 1.0)
        return min(whole, recent), max(whole, recent)

    def left(self, at: dt.datetime) -> tuple[float, float] | None:
        """Seconds left (low, high), a tenth wider either way than what was measured."""
        speeds = self.speeds()
        if speeds is None:
            return None
        reached_at, percent = self.marks[-1]
        gone = (at - reached_at).total_seconds()
        low, high = ((100 - percent) / speed for speed in reversed(speeds))
        # What passed since the last mark is progress that was not seen; a move that stands still is not nearly done.
        return max(low * 0.9 - gone, 0.0), max(high * 1.1 - gone, gone)


@dataclass(frozen=True, slots=True)
class Line:
    """One VM. ``alarm``: somebody should look at it."""

    step: str
    status: Status
    vm: str
    way: str
    text: str
    percent: int | None = None
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """How a run stands at a moment."""

    at: dt.datetime
    head: str
    lines: tuple[Line, ...]


class Observer:
    """Keeps the trails between snapshots. One a run and process."""

    def __init__(self, plan: Plan, zone: dt.tzinfo | None = None) -> None:
        self._plan = plan
        self._zone = zone
        self._trails: dict[str, Trail] = {}
        self._waits: dict[str, tuple[str, dt.datetime]] = {}
        self._ends: tuple[dt.datetime, list[Status], tuple[float, float] | None] | None = None

    def see(self, snapshot: Snapshot) -> Picture:
        """The picture of a snapshot; remembers what it saw."""
        lines: list[Line] = []
        waits = {item.step: item for item in snapshot.waiting}
        for step in self._plan.steps:
            state = snapshot.states[step.id]
            if state.status in (Status.MOVING, Status.UNKNOWN):
                lines.append(self._moving(step, state, snapshot))
        for step in self._plan.steps:
            state = snapshot.states[step.id]
            if state.status is Status.WAITING:
                waiting = waits.get(step.id)
                lines.append(self._waiting(step, waiting.reason if waiting else "", snapshot.at))
        return Picture(snapshot.at, self._head(snapshot), tuple(lines))

    def _head(self, snapshot: Snapshot) -> str:
        parts = [totals(snapshot.states)]
        ends = self._ends_in(snapshot)
        if ends is not None:
            low, high = (snapshot.at + dt.timedelta(seconds=seconds) for seconds in ends)
            first, last = clock_time(low, self._zone), clock_time(high, self._zone)
            end = f"end {first}" if first == last else f"end {first}-{last}"
            if self._plan.window is not None:
                end += f", window to {clock_time(self._plan.window.end, self._zone)}"
            parts.append(end)
        if snapshot.stopping:
            parts.append(snapshot.stopping.upper() if len(snapshot.stopping) < 12 else snapshot.stopping)
        return "   ".join(parts)

    def _moving(self, step: Step, state: StepState, snapshot: Snapshot) -> Line:
        move = step.move
        view = snapshot.views.get(move.source)
        if state.status is Status.UNKNOWN:
            seen = f"last seen: {state.phase} {state.percent or 0} %" if state.phase else ""
            text = "; ".join(filter(None, (*_both_say(snapshot, step), seen)))
            return _line(step, state, [f"UNKNOWN: {text}"], state.percent, alarm=True)
        percent = _percent(step, state, view)
        trail = self._trails.setdefault(step.id, Trail(step.storage_bytes + step.memory_bytes))
        if percent is not None:
            trail.see(view.at if view is not None and not view.silence else snapshot.at, percent)
        parts = [_phase(state)]
        if percent is not None and state.phase:
            parts[0] += f" {percent} %"
            parts.append(f"~{size(trail.total * percent / 100)} of {size(trail.total)}")
        speeds = trail.speeds()
        if speeds is not None:
            parts.append(f"~{rate(trail.total * sum(speeds) / 200)}")
        left = self._left(step, state, snapshot.at)
        silent = silence_of(view, snapshot.at)
        if silent is not None and silent > SILENCE:
            parts.append(f"NO NEWS {silent / 60:.0f} min; {_others(snapshot.views.get(move.destination), step)}")
            return _line(step, state, parts, percent, alarm=True)
        if left is not None and state.phase:
            parts.append(f"{span(*left)} left")
        return _line(step, state, parts, percent)

    def _waiting(self, step: Step, reason: str, at: dt.datetime) -> Line:
        before = self._waits.get(step.id)
        if before is None or _kind(before[0]) != _kind(reason):
            self._waits[step.id] = before = reason, at
        since = f", since {clock_time(before[1], self._zone)}" if reason else ""
        text = f"waits: {visible(reason)}{since}" if reason else "waits"
        move = step.move
        return Line(step.id, Status.WAITING, name(move.vm_name), f"{move.source} > {move.destination}", text)

    def _left(self, step: Step, state: StepState, at: dt.datetime) -> tuple[float, float] | None:
        """Seconds left of a move under way: by what was seen of it, else by the plan's estimate."""
        trail = self._trails.get(step.id)
        seen = trail.left(at) if trail is not None else None
        if seen is not None:
            return seen
        if state.started_at is None:
            return step.seconds
        gone = (at - (state.intent_at or state.started_at)).total_seconds()
        low, high = (max(seconds - gone, 0.0) for seconds in step.seconds)
        return (low, high) if high else None

    def _ends_in(self, snapshot: Snapshot) -> tuple[float, float] | None:
        """Seconds until the last move ends (low, high), the schedule played through; kept for five seconds.

        None while anything is unknown: nobody can say when that ends.
        """
        statuses = [state.status for state in snapshot.states.values()]
        if Status.UNKNOWN in statuses:
            return None
        if self._ends is not None and self._ends[1] == statuses:
            since, _, known = self._ends
            if 0 <= (snapshot.at - since).total_seconds() < KEEP:
                return known
        slow, fast = self._pace(snapshot.states)
        low, high = [], []
        gone = {step.id for step in self._plan.steps if snapshot.states[step.id].status.final}
        for step in self._plan.steps:
            if step.id in gone or (snapshot.stopping and snapshot.states[step.id].status is Status.WAITING):
                continue
            after = tuple(item for item in step.after if item not in gone)
            first, last = step.seconds[0] * fast, step.seconds[1] * slow
            if snapshot.states[step.id].status is not Status.WAITING:
                first, last = self._left(step, snapshot.states[step.id], snapshot.at) or (0.0, 0.0)
                after = ()
            low.append(replace(step, seconds=(first, first), after=after))
            high.append(replace(step, seconds=(last, last), after=after))
        found: tuple[float, float] | None = None
        if low and len(low) <= PLAYED:
            limits, most = self._plan.limits, self._plan.run_limit
            found = makespan(low, limits, most), makespan(high, limits, most)
        elif low:
            found = lower_bound(low, self._plan.limits), lower_bound(high, self._plan.limits)
        if found is not None and float("inf") in found:
            found = None
        self._ends = snapshot.at, statuses, found
        return found

    def _pace(self, states: Mapping[str, StepState]) -> tuple[float, float]:
        """What measured moves make of the plan's range: factors for its high and its low end."""
        ratios = []
        for step in self._plan.steps:
            state = states[step.id]
            if state.status is Status.DONE and state.started_at and state.ended_at and step.estimate:
                ratios.append((state.ended_at - state.started_at).total_seconds() / step.estimate)
        if not ratios:
            return 1.0, 1.0
        mean = [step.estimate for step in self._plan.steps]
        low = sum(step.seconds[0] for step in self._plan.steps) or 1.0
        high = sum(step.seconds[1] for step in self._plan.steps) or 1.0
        return max(ratios) * 1.1 * sum(mean) / high, min(ratios) * 0.9 * sum(mean) / low


def _line(step: Step, state: StepState, parts: list[str], percent: int | None, *, alarm: bool = False) -> Line:
    move = step.move
    way = f"{move.source} > {move.destination}"
    return Line(step.id, state.status, name(move.vm_name), way, "  ".join(parts), percent, alarm)


def _percent(step: Step, state: StepState, view: View | None) -> int | None:
    """What the source's newest view says of the running job; else what the journal has."""
    job = view.job_of(step.move.vm_id) if view is not None and not view.silence else None
    if view is not None and job is not None and job in view.running_jobs() and isinstance(job.percent_complete, int):
        return job.percent_complete
    return state.percent


def _phase(state: StepState) -> str:
    if state.phase:
        return state.phase
    return "asked for, not seen yet" if state.ticket is not None else "getting ready"


def silence_of(view: View | None, at: dt.datetime) -> float | None:
    """Seconds since when a host has not answered; None if it has."""
    if view is None or not view.silence:
        return None
    return (at - (view.silent_since or view.at)).total_seconds()


def _others(view: View | None, step: Step) -> str:
    """What the other host says, while the source is silent."""
    if view is None:
        return "nobody else was asked"
    side = view.side(step.move.vm_id)
    if not side.answered:
        return f"{side.host} does not answer either"
    if side.present:
        return f"{side.host} answers: it is there, {side.state.lower()}"
    if side.job_running or side.planned:
        return f"{side.host} answers: still migrating"
    return f"{side.host} answers: it is not there"


def _both_say(snapshot: Snapshot, step: Step) -> Iterable[str]:
    """Each host's word on the VM, or since when it has none."""
    for host in (step.move.source, step.move.destination):
        view = snapshot.views.get(host)
        silent = silence_of(view, snapshot.at)
        if view is None:
            yield f"{host} was not asked yet"
        elif silent is not None:
            yield f"{host} has not answered for {duration(silent)}"
        else:
            yield view.side(step.move.vm_id).describe()


def _kind(reason: str) -> str:
    """What a wait is for, without the names and numbers that change while it lasts."""
    return reason.partition(" has ")[0].partition("(")[0]


def took(seconds: float | None) -> str:
    """`` in 9 min``, or nothing."""
    return f" in {duration(seconds)}" if seconds is not None else ""
