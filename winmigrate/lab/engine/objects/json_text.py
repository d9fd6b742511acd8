"""ConvertTo-Json."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Call, Effect, Output
from winmigrate.lab.engine.objects.casting import base, items_of
from winmigrate.lab.engine.objects.members import members
from winmigrate.lab.engine.text import double_text, to_text, xml_datetime
from winmigrate.lab.engine.values import EnumValue, PSObject, Switch, TimeSpan

_EPOCH = dt.datetime(1970, 1, 1)
_NEWER = ("Microseconds", "Nanoseconds", "TotalMicroseconds", "TotalNanoseconds")


def json_process(call: Call) -> Iterator[Effect]:
    if "InputObject" in call.bound:
        call.state.setdefault("objects", []).append(call.bound["InputObject"])
    return iter(())


def json_end(call: Call, edition: Edition) -> Iterator[Effect]:
    objects = call.state.get("objects", [])
    if not objects:
        return
    depth = int(call.bound["Depth"]) if call.bound.get("Depth") is not None else 2
    value = objects[0] if len(objects) == 1 and not call.bound.get("AsArray") else list(objects)
    document = _plain(value, depth + (0 if value is not objects else 1), edition)
    yield Output(_text(document, bool(call.bound.get("Compress")), edition))


class _Literal(str):
    """Text that stands in JSON without quotes."""


def _plain(value: Any, depth: int, edition: Edition) -> Any:
    value = base(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, EnumValue):
        return value.value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Decimal):
        return _Literal(_number(value))
    if isinstance(value, str | uuid.UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        return _date(value, edition)
    if depth < 0:
        return to_text(value)
    if isinstance(value, Switch):
        return {"IsPresent": value.present}
    if isinstance(value, Mapping):
        return {to_text(key): _plain(item, depth - 1, edition) for key, item in value.items()}
    items = items_of(value)
    if items is not None:
        return [_plain(item, depth - 1, edition) for item in items]
    if isinstance(value, PSObject | TimeSpan):
        pairs = members(value)
        if isinstance(value, TimeSpan):
            pairs = iter(_timespan(value, edition))
        return {name: _plain(item, depth - 1, edition) for name, item in pairs}
    return to_text(value)


def _timespan(value: TimeSpan, edition: Edition) -> list[tuple[str, Any]]:
    named = dict(members(value))
    order = ["Ticks", "Days", "Hours", "Milliseconds", "Microseconds", "Nanoseconds", "Minutes", "Seconds", "TotalDays",
             "TotalHours", "TotalMilliseconds", "TotalMicroseconds", "TotalNanoseconds", "TotalMinutes", "TotalSeconds"]
    return [(name, named[name]) for name in order if not (edition.windows_powershell and name in _NEWER)]


def _number(value: float | Decimal) -> str:
    text = double_text(value) if isinstance(value, float) else format(value, "f")
    return text if any(sign in text for sign in ".EN") else text + ".0"


def _date(value: dt.datetime, edition: Edition) -> str:
    if not edition.windows_powershell:
        return xml_datetime(value)
    offset = value.utcoffset() or dt.timedelta(0)
    since = value.replace(tzinfo=None) - offset - _EPOCH
    return f"\\/Date({(since.days * 86400 + since.seconds) * 1000 + since.microseconds // 1000})\\/"


def _text(value: Any, compress: bool, edition: Edition, level: int = 0) -> str:
    if isinstance(value, _Literal):
        return str(value)
    if isinstance(value, str):
        if value.startswith("\\/Date("):
            return f'"{value}"'
        return _quoted(value, edition)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    step = 4 if edition.windows_powershell else 2
    inner, outer = "\n" + " " * step * (level + 1), "\n" + " " * step * level
    colon = ":" if compress else (":  " if edition.windows_powershell else ": ")
    if isinstance(value, dict):
        parts = [f"{_quoted(key, edition)}{colon}{_text(item, compress, edition, level + 1)}"
                 for key, item in value.items()]
        opening, closing = "{", "}"
    else:
        parts = [_text(item, compress, edition, level + 1) for item in value]
        opening, closing = "[", "]"
    if not parts:
        return opening + closing
    if compress:
        return opening + ",".join(parts) + closing
    newline = "\r\n" if edition.windows_powershell else "\n"
    return (opening + inner + ("," + inner).join(parts) + outer + closing).replace("\n", newline) if level == 0 else (
        opening + inner + ("," + inner).join(parts) + outer + closing)


def _quoted(text: str, edition: Edition) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    if edition.windows_powershell:
        for sign in "<>&'":
            quoted = quoted.replace(sign, f"\\u{ord(sign):04x}")
    return quoted
