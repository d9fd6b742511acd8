"""Durations, moments and windows, as a playbook writes them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from winmigrate.errors import did_you_mean
from winmigrate.marked import shown

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([A-Za-z]*)")
_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LONGEST = dt.timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of day, on any day, on a day of the week (``weekday`` 0 is Monday) or on one date."""

    time: dt.time
    weekday: int | None = None
    date: dt.date | None = None

    def __str__(self) -> str:
        day = f"{self.date} " if self.date is not None else ""
        day = f"{_DAYS[self.weekday]} " if self.weekday is not None else day
        return f"{day}{self.time:%H:%M}"

    def next(self, after: dt.datetime, zone: dt.tzinfo) -> dt.datetime | None:
        """The first such moment not before ``after`` (aware), in ``zone``; None if its date is over."""
        local = after.astimezone(zone)
        if self.date is not None:
            then = dt.datetime.combine(self.date, self.time, zone)
            return then if then >= after else None
        day = local.date()
        for ahead in range(9):
            one = day + dt.timedelta(days=ahead)
            then = dt.datetime.combine(one, self.time, zone)
            if then.timestamp() >= after.timestamp() and self.weekday in (None, one.weekday()):
                return then
        raise AssertionError("nine days hold every day of the week")

    def last(self, before: dt.datetime, zone: dt.tzinfo) -> dt.datetime | None:
        """The last such moment not after ``before`` (aware); None if its date is still to come."""
        local = before.astimezone(zone)
        if self.date is not None:
            then = dt.datetime.combine(self.date, self.time, zone)
            return then if then <= before else None
        for back in range(9):
            one = local.date() - dt.timedelta(days=back)
            then = dt.datetime.combine(one, self.time, zone)
            if then.timestamp() <= before.timestamp() and self.weekday in (None, one.weekday()):
                return then
        raise AssertionError("nine days hold every day of the week")


@dataclass(frozen=True, slots=True)
class Window:
    """When moves may start and must be over. ``stop_starting``: fit (only what will end inside starts) or end."""

    start: Moment
    end: Moment
    stop_starting: str = "fit"

    def span(self, now: dt.datetime, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime] | None:
        """The window that ``now`` (aware) is in, else the next one, as (start, end); None if there is none any more."""
        started = self.start.last(now, zone)
        if started is not None:
            end = self.end.next(started, zone)
            if end is not None and end > now:
                return started, end
        start = self.start.next(now, zone)
        end = self.end.next(start, zone) if start is not None else None
        return (start, end) if start is not None and end is not None else None


def parse_duration(text: str) -> dt.timedelta:
    """``10 min``, ``90 s``, ``1.5 h``, ``2 d``. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{shown(text)} is no duration; wanted: such as 10 min, 90 s or 2 h")
    number, unit = match.groups()
    if not unit:
        raise ValueError(f"{shown(text)} has no unit; wanted: such as {number} min or {number} s")
    if unit not in _UNITS:
        near = did_you_mean(unit, _UNITS)
        raise ValueError(f"{shown(unit)} is no unit of time; wanted: one of {', '.join(_UNITS)}{near}")
    found = dt.timedelta(seconds=min(float(number) * _UNITS[unit], 1e9))
    if found > _LONGEST:
        raise ValueError(f"{shown(text)} is longer than a year")
    return found


def parse_date(text: str) -> dt.date:
    """``2027-01-31``. Raises ValueError."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{shown(text)} is no date; wanted: year-month-day, such as 2027-01-31")


def parse_moment(text: str) -> Moment:
    """``22:00``, ``Sun 02:00`` or ``2026-11-28 22:00``. Raises ValueError."""
    day, _, clock = text.strip().rpartition(" ")
    match = _CLOCK.fullmatch(clock)
    if match is None:
        raise ValueError(f"{shown(text)} is no time; wanted: '22:00', 'Sun 02:00' or '2026-11-28 22:00'")
    time = dt.time(int(match[1]), int(match[2]))
    day = day.strip()
    if not day:
        return Moment(time)
    if day in _DAYS:
        return Moment(time, weekday=_DAYS.index(day))
    if re.fullmatch(r"[\d-]+", day):
        return Moment(time, date=parse_date(day))
    raise ValueError(f"{shown(day)} is no day; wanted: {', '.join(_DAYS)} or a date{did_you_mean(day, _DAYS)}")
