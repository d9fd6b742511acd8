"""Geometry of the report's drawings: numbers in user units of SVG; the template draws and escapes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from winmigrate.execution.states import Status
from winmigrate.reporting.report import Curve, MoveReport, Report
from winmigrate.reporting.words import clock_time, duration, name, size

#: In the order in which they come; each has a colour of its own in the style sheet.
PHASES = ("sent", "negotiating", "storage", "mirror", "memory", "moving", "verifying", "unknown")

_LABELS = 230.0
_LETTERS = 23  # of monospaced type beside a bar, without the arrow
_WIDTH = 1000.0
_ROW = 26.0
_TOP = 30.0
_ROOM = 200.0  # between two time labels, at least so many units are left


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Bar:
    """One phase of a move."""

    x: float
    width: float
    phase: str
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """A host's heading (``heading``), or a move with its bars and its end mark."""

    y: float
    label: str
    heading: bool
    bars: tuple[Bar, ...] = ()
    end_x: float = 0.0
    end_mark: str = ""
    status: str = ""
    end_label: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    width: float
    height: float
    left: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    phases: tuple[str, ...]
    window_end: float | None


_MARKS = {Status.DONE: "✓", Status.UNKNOWN: "?", Status.MOVING: "…"}


def timeline(report: Report, zone: dt.tzinfo | None) -> Timeline | None:
    """Moves below the host they leave, over time. None if nothing was sent."""
    sent = [move for move in report.moves if move.started_at is not None]
    if not sent:
        return None
    first = min(move.started_at for move in sent if move.started_at is not None)
    last = max(report.until if move.ended_at is None else move.ended_at for move in sent)
    seconds = max((last - first).total_seconds(), 1.0)
    room = _WIDTH - _LABELS - 70.0  # the last label beside a bar must find its place

    def at(moment: dt.datetime) -> float:
        return round(_LABELS + room * (moment - first).total_seconds() / seconds, 2)

    rows: list[Row] = []
    y = _TOP
    used: set[str] = set()
    for host in dict.fromkeys(move.source for move in report.moves):
        mine = [move for move in sent if move.source == host]
        if not mine:
            continue
        rows.append(Row(y, f"{host}", heading=True))
        y += _ROW
        for move in sorted(mine, key=lambda move: (move.started_at or first, move.vm_name)):
            bars = tuple(_bars(move, report, zone, at))
            used |= {bar.phase for bar in bars}
            end = at(move.ended_at or report.until)
            took = duration(move.seconds) if move.seconds is not None else ""
            label = f"{shorten(name(move.vm_name), max(8, _LETTERS - len(move.destination)))} → {move.destination}"
            mark = _MARKS.get(move.status, "✕")
            rows.append(Row(y, shorten(label, _LETTERS + 3), False, bars, end, mark, move.status.value, took))
            y += _ROW
    window = None
    if report.window is not None and first < report.window.end <= last:
        window = at(report.window.end)
    phases = tuple(phase for phase in PHASES if phase in used)
    return Timeline(_WIDTH, y + 8, _LABELS, tuple(rows), _ticks(first, seconds, zone, room), phases, window)


def _bars(move: MoveReport, report: Report, zone: dt.tzinfo | None, at: object) -> Sequence[Bar]:
    assert callable(at)
    found = []
    for span in move.phases:
        end = span.end or move.ended_at or report.until
        x = at(span.start)
        lasted = (end - span.start).total_seconds()
        title = f"{name(move.vm_name)}: {span.phase} from {clock_time(span.start, zone)}, {duration(lasted)}"
        phase = span.phase if span.phase in PHASES else "moving"
        found.append(Bar(x, max(round(at(end) - x, 2), 0.5), phase, title))
    return found


_NICE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def _ticks(first: dt.datetime, seconds: float, zone: dt.tzinfo | None, room: float) -> tuple[Tick, ...]:
    most = max(1, int(room // (_ROOM / 2)))
    every = next((step for step in _NICE if seconds / step <= most), 86400 * max(1, round(seconds / 86400 / most)))
    local = first.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    offset = (local - midnight).total_seconds()
    start = (offset // every + 1) * every - offset if offset % every else 0.0
    form = "%H:%M:%S" if every < 60 else "%H:%M"
    if seconds > 86400:
        form = "%d %b %H:%M"
    ticks = []
    moment = start
    while moment <= seconds:
        label = (first + dt.timedelta(seconds=moment)).astimezone(zone).strftime(form)
        ticks.append(Tick(round(_LABELS + room * moment / seconds, 2), label))
        moment += every
    return tuple(ticks)


def shorten(text: str, length: int) -> str:
    """At most ``length`` characters; what is cut is marked. The whole stands elsewhere on the page."""
    return text if len(text) <= length else text[: length - 1] + "…"


@dataclass(frozen=True, slots=True)
class Chart:
    """A step curve: ``line`` and ``area`` are path data, ``reserve_y`` a level that should not be crossed."""

    title: str
    text: str
    width: float
    height: float
    left: float
    top: float
    bottom: float
    line: str
    area: str
    reserve_y: float | None
    top_label: str
    first_label: str
    last_label: str
    last_y: float
    ticks: tuple[Tick, ...]
    low: bool


_CHART_WIDTH, _CHART_HEIGHT = 340.0, 132.0
_CHART_TOP, _CHART_BOTTOM, _CHART_RIGHT = 14.0, 110.0, 336.0


def chart(curve: Curve, zone: dt.tzinfo | None) -> Chart:
    """The drawing of one curve, from nothing to its total (or to the most that was freed)."""
    levels = curve.levels
    first, last = levels[0].at, levels[-1].at
    seconds = max((last - first).total_seconds(), 1.0)
    most = max(curve.total, max(level.free for level in levels), 1)
    left = 4.0

    def x(moment: dt.datetime) -> float:
        return round(left + (_CHART_RIGHT - 10 - left) * (moment - first).total_seconds() / seconds, 1)

    def y(amount: float) -> float:
        share = min(1.0, max(0.0, amount / most))
        return round(_CHART_BOTTOM - (_CHART_BOTTOM - _CHART_TOP) * share, 1)

    line = f"M{x(first)} {y(levels[0].free)}"
    for level in levels[1:]:
        line += f"H{x(level.at)}V{y(level.free)}"
    line += f"H{_CHART_RIGHT}"  # what came with the last entry shall be seen too
    before, after = levels[0].free, levels[-1].free
    if curve.total:
        kept = f"{size(curve.reserve)} kept free"
        text = f"{size(before)} free before, {size(after)} after, of {size(curve.total)}; {kept}"
    else:
        text = f"{size(after)} freed by the VMs that left"
    ticks = (
        Tick(left, clock_time(first, zone), "start"),
        Tick(_CHART_RIGHT, clock_time(last, zone), "end"),
    )
    return Chart(
        title=f"{curve.host} {curve.what}",
        text=text,
        width=_CHART_WIDTH,
        height=_CHART_HEIGHT,
        left=left,
        top=_CHART_TOP,
        bottom=_CHART_BOTTOM,
        line=line,
        area=f"{line}L{_CHART_RIGHT} {_CHART_BOTTOM}L{left} {_CHART_BOTTOM}Z",
        reserve_y=y(curve.reserve) if curve.total and curve.reserve else None,
        top_label=size(most),
        first_label=size(before),
        last_label=size(after),
        last_y=y(after),
        ticks=ticks,
        low=bool(curve.total) and after < curve.reserve,
    )
