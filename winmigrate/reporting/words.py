"""Numbers, names and times as people read them: every number has a unit, odd names are quoted."""

from __future__ import annotations

import datetime as dt
import re

_PLAIN = re.compile(r"[\w.@+-]+(?: [\w.@+-]+)*", re.UNICODE)
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(amount: float) -> str:
    """Bytes: ``"37 GiB"``, ``"1.5 TiB"``; three digits at most before a unit, one decimal below ten."""
    negative, value, unit = amount < 0, abs(float(amount)), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    text = f"{value:.0f}" if unit == 0 or value >= 10 or value == int(value) else f"{value:.1f}"
    return f"{'-' if negative else ''}{text} {_UNITS[unit]}"


def rate(amount: float) -> str:
    """Bytes a second: ``"180 MiB/s"``."""
    return f"{size(amount)}/s"


def duration(seconds: float) -> str:
    """``"42 s"``, ``"9 min"``, ``"3 h 20 min"``, ``"2 d 4 h"``."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds and seconds != int(seconds) else f"{seconds:.0f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def span(low: float, high: float) -> str:
    """A range of seconds: ``"9-12 min"``, with one unit where both ends have the same."""
    first, last = duration(low), duration(high)
    if first == last:
        return last
    number, _, unit = first.rpartition(" ")
    if unit == last.rpartition(" ")[2] and number.replace(".", "").isdigit() and last.count(" ") == 1:
        return f"{number}-{last}"
    return f"{first} - {last}"


def name(text: str) -> str:
    """A name as it is, or quoted and escaped where it holds anything odd."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = "".join(_escaped(char) for char in text)
    return f'"{escaped}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char == "\n":
        return "\\n"
    if char == "\t":
        return "\\t"
    if not char.isprintable():
        code = ord(char)
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return char


def visible(text: str) -> str:
    """Text in one line with nothing that a terminal acts on: escape sequences of a name are shown, not obeyed."""
    return "".join(_shown(char) for char in " ".join(text.split()))


def _shown(char: str) -> str:
    return char if char.isprintable() else _escaped(char)


def count(number: int, thing: str, things: str = "") -> str:
    """``"1 finding"``, ``"3 findings"``."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def clock_time(at: dt.datetime, zone: dt.tzinfo | None = None) -> str:
    """``"23:31"`` in the operator's zone (the machine's own if None is given)."""
    return f"{at.astimezone(zone):%H:%M}"


def percent(share: float) -> str:
    """``"62 %"``."""
    return f"{share:.0f} %"
