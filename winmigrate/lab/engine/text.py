"""Text of .NET values under the invariant culture, as PSObject.ToString and XmlConvert give it."""

from __future__ import annotations

import datetime as dt
import math
import struct
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from winmigrate.lab.engine.values import (
    Char,
    EnumValue,
    Integer,
    NetArray,
    NetList,
    Noted,
    PSCredential,
    PSObject,
    SecureString,
    Single,
    Switch,
    TimeSpan,
    Uri,
    Version,
)

CUSTOM_OBJECT = "System.Management.Automation.PSCustomObject"
_READ_CUSTOM = "Deserialized." + CUSTOM_OBJECT


def double_text(value: float) -> str:
    """Double.ToString: shortest text that reads back; with an exponent where the point lies beyond its digits (at least
    17), or more than three noughts before them."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return _dotnet_digits(repr(float(value)))


def single_text(value: float) -> str:
    """Single.ToString: the shortest text that reads back as the same 32 bits."""
    if math.isnan(value) or math.isinf(value):
        return double_text(value)
    return _dotnet_digits(_shortest_single(value), most=9)


def _shortest_single(value: float) -> str:
    packed = struct.pack("<f", value)
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("<f", float(text)) == packed:
            return text
    return repr(float(value))


def _dotnet_digits(text: str, most: int = 17) -> str:
    sign = "-" if text.startswith("-") else ""
    mantissa, _, exponent = text.lstrip("-").lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or "0")
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    if not digits:
        return sign + "0"
    if point > max(most, len(digits)) or point < -3:
        scale = point - 1
        tail = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}E{'-' if scale < 0 else '+'}{abs(scale):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def decimal_text(value: Decimal) -> str:
    return format(value, "f")


def xml_double(value: float) -> str:
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    if value == 0 and math.copysign(1, value) < 0:
        return "-0"
    return double_text(value)


def xml_datetime(value: dt.datetime) -> str:
    """Round-trip text: Z for UTC, nothing for naive, an offset for any other zone (local time)."""
    text = f"{value.year:04d}-{value.month:02d}-{value.day:02d}T{value.hour:02d}:{value.minute:02d}:{value.second:02d}"
    if value.microsecond:
        text += f".{value.microsecond:06d}".rstrip("0")
    if value.tzinfo is None:
        return text
    if value.tzinfo is dt.timezone.utc:
        return text + "Z"
    offset = value.utcoffset() or dt.timedelta(0)
    minutes = int(offset.total_seconds() // 60)
    return f"{text}{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def xml_timespan(value: TimeSpan) -> str:
    """XSD duration, as XmlConvert writes it: P1DT2H3M4.005S, PT0S."""
    ticks = abs(value.ticks)
    seconds, fraction = divmod(ticks, 10_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    text = "-P" if value.ticks < 0 else "P"
    if days:
        text += f"{days}D"
    time = ""
    if hour:
        time += f"{hour}H"
    if minute:
        time += f"{minute}M"
    if second or fraction or not (days or time):
        time += str(second)
        if fraction:
            time += f".{fraction:07d}".rstrip("0")
        time += "S"
    return text + ("T" + time if time else "")


def timespan_text(value: TimeSpan) -> str:
    """TimeSpan.ToString: [-][d.]hh:mm:ss[.fffffff]."""
    seconds, fraction = divmod(abs(value.ticks), 10_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (
        ("-" if value.ticks < 0 else "")
        + (f"{days}." if days else "")
        + f"{hour:02d}:{minute:02d}:{second:02d}"
        + (f".{fraction:07d}" if fraction else "")
    )


def datetime_text(value: dt.datetime) -> str:
    return value.strftime("%m/%d/") + f"{value.year:04d}" + value.strftime(" %H:%M:%S")


def to_text(value: Any) -> str:
    """PSObject.ToString under the invariant culture; collections are their elements with blanks between."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str):
        return value
    if isinstance(value, Noted):
        return to_text(value.value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Single):
        return single_text(value)
    if isinstance(value, float):
        return double_text(value)
    return _other_text(value)


def _other_text(value: Any) -> str:
    if isinstance(value, EnumValue):
        return value.name
    if isinstance(value, PSObject):
        return object_text(value)
    if isinstance(value, NetList):
        return " ".join(to_text(item) for item in value.items)
    if isinstance(value, list):
        return " ".join(to_text(item) for item in value)
    if isinstance(value, Switch):
        return "True" if value.present else "False"
    if isinstance(value, dt.datetime):
        return datetime_text(value)
    if isinstance(value, TimeSpan):
        return timespan_text(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        return " ".join(str(byte) for byte in value)
    if isinstance(value, Mapping):
        return bare_name(type_name(value) or "")
    if isinstance(value, SecureString | PSCredential):
        return type_name(value) or ""
    raise TypeError(f"no .NET text for a {type(value).__name__}")


def object_text(value: PSObject) -> str:
    if value.to_string is not None:
        return value.to_string
    if is_custom(value):
        pairs = [*value.properties.items(), *value.notes.items()]
        return "@{" + "; ".join(f"{name}={_member_text(item)}" for name, item in pairs) + "}"
    return bare_name(value.type_names[0]) if value.type_names else ""


def _member_text(value: Any) -> str:
    if isinstance(value, NetList):
        return bare_name(value.type_names[0])
    if isinstance(value, list):
        return bare_name(type_name(value) or "")
    return to_text(value)


def is_custom(value: Any) -> bool:
    """A property bag: nothing but note properties (PSCustomObject, or no type at all)."""
    return isinstance(value, PSObject) and (
        not value.type_names or CUSTOM_OBJECT in value.type_names or _READ_CUSTOM in value.type_names)


def bare_name(name: str) -> str:
    return name.removeprefix("Deserialized.")


def type_name(value: Any) -> str | None:
    """The full .NET type name of a value, or None for null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "System.Boolean"
    if isinstance(value, Integer):
        return value.type_name
    if isinstance(value, int):
        return "System.Int32" if -(2**31) <= value < 2**31 else "System.Int64"
    if isinstance(value, PSObject):
        return value.type_names[0] if value.type_names else CUSTOM_OBJECT
    if isinstance(value, EnumValue):
        return value.type_name
    if isinstance(value, Noted):
        return type_name(value.value)
    if isinstance(value, NetArray):
        return value.type_name
    named = getattr(value, "type_names", None)
    if named:
        return str(named[0])
    for kind, name in _NAMES:
        if isinstance(value, kind):
            return name
    raise TypeError(f"no .NET type for a {type(value).__name__}")


_NAMES: list[tuple[type, str]] = [
    (Char, "System.Char"),
    (Version, "System.Version"),
    (Uri, "System.Uri"),
    (str, "System.String"),
    (Single, "System.Single"),
    (float, "System.Double"),
    (Decimal, "System.Decimal"),
    (uuid.UUID, "System.Guid"),
    (dt.datetime, "System.DateTime"),
    (TimeSpan, "System.TimeSpan"),
    (bytes, "System.Byte[]"),
    (list, "System.Object[]"),
    (Mapping, "System.Collections.Hashtable"),
    (Switch, "System.Management.Automation.SwitchParameter"),
    (SecureString, "System.Security.SecureString"),
    (PSCredential, "System.Management.Automation.PSCredential"),
]
