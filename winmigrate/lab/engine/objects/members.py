"""The members of a value as Select-Object and its like see them: properties by name, wildcards."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from winmigrate.lab.engine.text import CUSTOM_OBJECT, is_custom, type_name
from winmigrate.lab.engine.values import EnumValue, Int32, Int64, NetList, Noted, PSObject, TimeSpan

_WILD = re.compile(r"[*?\[]")


def has_wildcard(text: str) -> bool:
    return bool(_WILD.search(text))


@lru_cache(maxsize=4096)
def wildcard(pattern: str, ignore_case: bool = True) -> re.Pattern[str]:
    """WildcardPattern: * ? [a-z] and the grave accent to escape."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "`" and position + 1 < len(pattern):
            position += 1
            out.append(re.escape(pattern[position]))
        elif char == "*":
            out.append(".*")
        elif char == "?":
            out.append(".")
        elif char == "[":
            close = pattern.find("]", position + 2)
            if close < 0:
                raise BadWildcard(pattern)
            out.append("[" + re.sub(r"([\\^\[\]])", r"\\\1", pattern[position + 1:close]) + "]")
            position = close
        else:
            out.append(re.escape(char))
        position += 1
    return re.compile("".join(out), (re.IGNORECASE if ignore_case else 0) | re.DOTALL)


class BadWildcard(Exception):
    """WildcardPatternException; the text is the pattern."""

    def __str__(self) -> str:
        return f"The specified wildcard character pattern is not valid: {self.args[0]}"


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """The properties in order: the notes, then the type's own."""
    if isinstance(value, PSObject):
        yield from value.notes.items()
        yield from value.properties.items()
    elif isinstance(value, Noted):
        yield from value.notes.items()
        yield from members(value.value)
    elif isinstance(value, str):
        yield "Length", Int32(len(value.encode("utf-16-le")) // 2)
    elif isinstance(value, list | NetList):
        items = value.items if isinstance(value, NetList) else value
        if isinstance(value, list):
            yield "Length", Int32(len(items))
            yield "LongLength", Int64(len(items))
            yield "Rank", Int32(1)
            yield "SyncRoot", value
            yield "IsReadOnly", False
            yield "IsFixedSize", True
            yield "IsSynchronized", False
        yield "Count", Int32(len(items))
    elif isinstance(value, dt.datetime):
        yield from _datetime_members(value)
    elif isinstance(value, TimeSpan):
        yield from _timespan_members(value)
    elif isinstance(value, EnumValue):
        yield "value__", value.underlying(value.value)
    elif isinstance(value, uuid.UUID):
        yield "Guid", str(value)
        yield "Variant", Int32(value.bytes[8] >> 4)
        yield "Version", Int32(value.bytes[6] >> 4)
    elif isinstance(value, Mapping):
        yield "Keys", list(value)
        yield "Values", list(value.values())
        yield "Count", Int32(len(value))


def _datetime_members(value: dt.datetime) -> Iterator[tuple[str, Any]]:
    naive = value.replace(tzinfo=None)
    since = naive - dt.datetime(1, 1, 1)
    time = dt.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    weekday = (value.weekday() + 1) % 7
    yield "DateTime", f"{_DAYS[weekday]}, {value:%d} {_MONTHS[value.month - 1]} {value.year:04d} {value:%H:%M:%S}"
    yield "Date", value.replace(hour=0, minute=0, second=0, microsecond=0)
    yield "Day", Int32(value.day)
    yield "DayOfWeek", EnumValue("System.DayOfWeek", _DAYS[weekday], weekday)
    yield "DayOfYear", Int32(value.timetuple().tm_yday)
    yield "Hour", Int32(value.hour)
    kind = "Unspecified" if value.tzinfo is None else "Utc" if value.tzinfo is dt.timezone.utc else "Local"
    yield "Kind", EnumValue("System.DateTimeKind", kind, ("Unspecified", "Utc", "Local").index(kind))
    yield "Millisecond", Int32(value.microsecond // 1000)
    yield "Microsecond", Int32(value.microsecond % 1000)
    yield "Nanosecond", Int32(0)
    yield "Minute", Int32(value.minute)
    yield "Month", Int32(value.month)
    yield "Second", Int32(value.second)
    yield "Ticks", Int64((since.days * 86400 + since.seconds) * 10_000_000 + since.microseconds * 10)
    yield "TimeOfDay", TimeSpan((time.seconds * 1_000_000 + time.microseconds) * 10)
    yield "Year", Int32(value.year)


_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")


def _timespan_members(value: TimeSpan) -> Iterator[tuple[str, Any]]:
    sign = -1 if value.ticks < 0 else 1
    ticks = abs(value.ticks)
    yield "Ticks", Int64(value.ticks)
    yield "Days", Int32(sign * (ticks // 864_000_000_000))
    yield "Hours", Int32(sign * (ticks // 36_000_000_000 % 24))
    yield "Milliseconds", Int32(sign * (ticks // 10_000 % 1000))
    yield "Microseconds", Int32(sign * (ticks // 10 % 1000))
    yield "Nanoseconds", Int32(sign * (ticks % 10 * 100))
    yield "Minutes", Int32(sign * (ticks // 600_000_000 % 60))
    yield "Seconds", Int32(sign * (ticks // 10_000_000 % 60))
    yield "TotalDays", value.ticks / 864_000_000_000
    yield "TotalHours", value.ticks / 36_000_000_000
    yield "TotalMilliseconds", value.ticks / 10_000
    yield "TotalMicroseconds", value.ticks / 10
    yield "TotalNanoseconds", float(value.ticks * 100)
    yield "TotalMinutes", value.ticks / 600_000_000
    yield "TotalSeconds", value.ticks / 10_000_000


def property_names(value: Any) -> list[str]:
    if isinstance(value, PSObject):
        return [*value.notes, *value.properties]
    return [name for name, _ in members(value)]


def resolve(value: Any, pattern: str) -> list[str]:
    """The names of the properties that a name or wildcard stands for, as the object spells them."""
    if isinstance(value, PSObject) and (pattern in value.notes or pattern in value.properties):
        return [pattern]
    names = property_names(value)
    if has_wildcard(pattern):
        expression = wildcard(pattern)
        return [name for name in names if expression.fullmatch(name)]
    folded = pattern.lower()
    return [name for name in names if name.lower() == folded][:1]


def get_member(value: Any, name: str) -> Any:
    """A property's value by its name as the object spells it."""
    if isinstance(value, PSObject):
        if name in value.notes:
            return value.notes[name]
        return value.properties.get(name)
    for each, item in members(value):
        if each == name:
            return item
    return None


def find_member(value: Any, name: str) -> tuple[bool, Any]:
    """(is there such a property?, its value); the name in any case, no wildcards. Keys of a dictionary count."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and key.lower() == name.lower():
                return True, item
    found = [each for each in property_names(value) if each.lower() == name.lower()][:1]
    return (True, get_member(value, found[0])) if found else (False, None)


def selected_type(value: Any) -> str:
    """The type name that Select-Object puts before a new object's own: of the .NET object that it came from."""
    if is_custom(value):
        return "Selected." + CUSTOM_OBJECT
    return "Selected." + (type_name(value) or CUSTOM_OBJECT).partition("#")[0]
