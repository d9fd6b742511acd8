"""Conversions that comparing and measuring need: LanguagePrimitives.ConvertTo for the types that properties have."""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from winmigrate.facts.types import enums
from winmigrate.lab.engine.text import bare_name, double_text, to_text, type_name
from winmigrate.lab.engine.values import (
    EnumValue,
    Int32,
    Int64,
    Integer,
    NetList,
    Noted,
    PSObject,
    Switch,
    TimeSpan,
    Version,
)

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")
_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
_HEX = re.compile(r"\s*0[xX]([0-9a-fA-F]+)\s*")
_TICKS_EPOCH = dt.datetime(1, 1, 1)
_FURTHER_ENUMS: dict[str, dict[str, int]] = {}


def learn_enum(type_name: str, members: dict[str, int]) -> None:
    """Makes an enumeration known that the facts do not have, by its full type name."""
    _FURTHER_ENUMS[type_name] = members


@lru_cache(maxsize=256)
def _captured(short: str) -> dict[str, int]:
    return next((found[short] for found in map(enums, ("Hyper-V", "FailoverClusters")) if short in found), {})


def enum_members(type_name: str) -> dict[str, int]:
    """Member -> number of an enumeration; empty for one that is not known."""
    return _FURTHER_ENUMS.get(type_name) or _captured(type_name.rpartition(".")[2])


class CastFailure(Exception):
    """InvalidCastException; its text is the exception's message."""


def base(value: Any) -> Any:
    """The value without the notes that were added to it."""
    return value.value if isinstance(value, Noted) else value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def items_of(value: Any) -> list[Any] | None:
    """The elements of what the pipeline would unroll, else None. Dictionaries and text are not unrolled."""
    value = base(value)
    if isinstance(value, list):
        return value
    if isinstance(value, NetList):
        return value.items
    if isinstance(value, bytes):
        return list(value)
    return None


def is_true(value: Any) -> bool:
    """LanguagePrimitives.IsTrue."""
    value = base(value)
    if value is None:
        return False
    if isinstance(value, bool | Switch):
        return bool(value)
    if isinstance(value, str):
        return len(value) > 0
    if is_number(value):
        return bool(value != 0)
    if isinstance(value, EnumValue):
        return value.value != 0
    items = items_of(value)
    if items is not None:
        if not items:
            return False
        if len(items) == 1:
            return bool(items_of(items[0])) if items_of(items[0]) is not None else is_true(items[0])
    return True


def to_double(value: Any) -> float:
    value = base(value)
    if value is None:
        return 0.0
    if isinstance(value, bool | Switch):
        return 1.0 if value else 0.0
    if is_number(value):
        return float(value)
    if isinstance(value, EnumValue):
        return float(value.value)
    if isinstance(value, str) and not isinstance(value, Version):
        return _double_of_text(value)
    raise CastFailure(refused(value, "System.Double"))


def _double_of_text(text: str) -> float:
    if not text.strip():
        return 0.0
    if _NUMBER.fullmatch(text):
        return float(text)
    found = _HEX.fullmatch(text)
    if found:
        return float(int(found[1], 16))
    raise CastFailure(
        f'Cannot convert value "{text}" to type "System.Double". '
        f'Error: "The input string \'{text}\' was not in a correct format."')


def to_integer(value: Any, kind: type[Integer]) -> Integer:
    value = base(value)
    if value is None:
        return kind(0)
    if isinstance(value, bool | Switch):
        return kind(1 if value else 0)
    if isinstance(value, EnumValue):
        return kind(value.value)
    if isinstance(value, int):
        return _fitting(value, kind, str(int(value)))
    if isinstance(value, float | Decimal):
        if isinstance(value, float) and (math.isnan(value) or math.isinf(value)):
            raise CastFailure(_overflow(double_text(value), kind))
        return _fitting(round(value), kind, to_text(value))
    if isinstance(value, str):
        text = value
        if not text.strip():
            return kind(0)
        if _INTEGER.fullmatch(text):
            return _fitting(int(text), kind, text)
        if _NUMBER.fullmatch(text):
            return _fitting(round(float(text)), kind, text)
        found = _HEX.fullmatch(text)
        if found:
            return _fitting(int(found[1], 16), kind, text)
        raise CastFailure(
            f'Cannot convert value "{text}" to type "{kind.type_name}". '
            f'Error: "The input string \'{text}\' was not in a correct format."')
    raise CastFailure(refused(value, kind.type_name))


def _fitting(number: int, kind: type[Integer], text: str) -> Integer:
    if not kind.low <= number <= kind.high:
        raise CastFailure(_overflow(text, kind))
    return kind(number)


def _overflow(text: str, kind: type[Integer]) -> str:
    short = kind.type_name.rpartition(".")[2]
    sign = "an unsigned" if short.startswith("U") else f"an {short}"
    return (f'Cannot convert value "{text}" to type "{kind.type_name}". '
            f'Error: "Value was either too large or too small for {sign}."')


def refused(value: Any, wanted: str) -> str:
    """The message for a type that has no conversion to ``wanted``."""
    name = bare_name(type_name(value) or "")
    return f'Cannot convert the "{to_text(value)}" value of type "{name}" to type "{wanted}".'


def invalid(value: Any, wanted: str, reason: str) -> str:
    return f'Cannot convert value "{to_text(value)}" to type "{wanted}". Error: "{reason}"'


def to_guid(value: Any) -> uuid.UUID:
    value = base(value)
    if isinstance(value, uuid.UUID):
        return value
    if isinstance(value, str):
        try:
            return uuid.UUID(value.strip())
        except ValueError:
            raise CastFailure(invalid(value, "System.Guid", "Unrecognized Guid format.")) from None
    raise CastFailure(refused(value, "System.Guid"))


def to_datetime(value: Any) -> dt.datetime:
    value = base(value)
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, str):
        found = _datetime_of_text(value)
        if found is None:
            raise CastFailure(invalid(
                value, "System.DateTime", f"String '{value}' was not recognized as a valid DateTime."))
        return found
    if isinstance(value, bool):
        raise CastFailure(invalid(value, "System.DateTime", "Invalid cast from 'Boolean' to 'DateTime'."))
    if isinstance(value, int):
        try:
            return _TICKS_EPOCH + dt.timedelta(microseconds=int(value) // 10)
        except OverflowError:
            raise CastFailure(invalid(value, "System.DateTime", "Ticks must be between DateTime.MinValue.Ticks and "
                                      "DateTime.MaxValue.Ticks. (Parameter 'ticks')")) from None
    if isinstance(value, float):
        raise CastFailure(invalid(value, "System.DateTime", "Invalid cast from 'Double' to 'DateTime'."))
    raise CastFailure(refused(value, "System.DateTime"))


def _datetime_of_text(text: str) -> dt.datetime | None:
    stripped = text.strip()
    try:
        made = dt.datetime.fromisoformat(stripped.replace("Z", "+00:00"))
    except ValueError:
        for form in ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y"):
            try:
                return dt.datetime.strptime(stripped, form)
            except ValueError:
                continue
        return None
    return made


def to_timespan(value: Any) -> TimeSpan:
    value = base(value)
    if isinstance(value, TimeSpan):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return TimeSpan(int(value))
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(-?)(?:(\d+)\.)?(\d+):(\d\d?)(?::(\d\d?)(?:\.(\d{1,7}))?)?\s*", value)
        if found:
            sign, days, hours, minutes, seconds, fraction = found.groups()
            whole = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds or 0)
            ticks = whole * 10_000_000 + int((fraction or "0").ljust(7, "0"))
            return TimeSpan(-ticks if sign else ticks)
        raise CastFailure(invalid(value, "System.TimeSpan", f"String '{value}' was not recognized as a valid TimeSpan."))
    raise CastFailure(refused(value, "System.TimeSpan"))


def to_enum(value: Any, like: EnumValue) -> EnumValue:
    """``value`` as a member of the enumeration of ``like``."""
    value = base(value)
    wanted = bare_name(like.type_name)
    members = enum_members(wanted)
    if isinstance(value, EnumValue):
        if bare_name(value.type_name) == wanted:
            return value
        value = Int32(value.value)
    if isinstance(value, str):
        folded = value.strip().lower()
        if folded == like.name.lower():
            return like
        fitting = [name for name in members if name.lower() == folded] or [
            name for name in members if folded and name.lower().startswith(folded)]
        if len(fitting) == 1:
            return EnumValue(like.type_name, fitting[0], members[fitting[0]], like.underlying)
        if re.fullmatch(r"[+-]?\d+", folded):
            value = int(folded)
        elif not members and folded:
            raise CastFailure(_no_member(value, wanted, [like.name]))
        else:
            raise CastFailure(_no_member(value, wanted, list(members)))
    if isinstance(value, int) and not isinstance(value, bool):
        if int(value) == like.value:
            return like
        for name, number in members.items():
            if number == int(value):
                return EnumValue(like.type_name, name, number, like.underlying)
        raise CastFailure(
            f'Cannot convert value "{int(value)}" to type "{wanted}" due to enumeration values that are not valid. '
            f'Specify one of the following enumeration values and try again. The possible enumeration values are '
            f'"{",".join(members)}".')
    if isinstance(value, float):
        return to_enum(Int64(round(value)), like)
    raise CastFailure(refused(value, wanted))


def _no_member(value: str, wanted: str, members: list[str]) -> str:
    return (
        f'Cannot convert value "{value}" to type "{wanted}". Error: "Unable to match the identifier name {value} to a '
        f'valid enumerator name. Specify one of the following enumerator names and try again:\n{", ".join(members)}"')


def to_decimal(value: Any) -> Decimal:
    value = base(value)
    if isinstance(value, Decimal):
        return value
    try:
        return Decimal(to_text(value).strip() or "0")
    except InvalidOperation:
        raise CastFailure(refused(value, "System.Decimal")) from None


def is_object(value: Any) -> bool:
    return isinstance(value, PSObject)
