"""Conversion between .NET types as PowerShell's language does it (LanguagePrimitives.ConvertTo), invariant culture."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from winmigrate.lab.engine import conversion_numbers as numbers
from winmigrate.lab.engine import values as v
from winmigrate.lab.engine.conversion_enums import (
    UndefinedMember,
    enum_from_number,
    enum_from_text,
    names_by_number,
)
from winmigrate.lab.engine.conversion_types import Kind, NetType, is_ilist, is_instance, items_of, type_of
from winmigrate.lab.engine.text import to_text


class CastFailure(Exception):
    """PSInvalidCastException; its text is PowerShell's message."""


def no_conversion(value: Any, target: NetType) -> CastFailure:
    """No conversion between the two types is known."""
    if target.kind is Kind.CREDENTIAL:
        return CastFailure(f'Cannot convert the value of type "{type_of(value)}" to type "{target.name}".')
    kind = type_of(value)
    if isinstance(value, (bool, v.Char, dt.datetime)) and target.kind is not Kind.ARRAY:
        return _failed(value, target, f"Invalid cast from '{kind}' to '{target.name}'.")
    return CastFailure(f'Cannot convert the "{_shown(value)}" value of type "{kind}" to type "{target.name}".')


def is_text(value: Any) -> bool:
    """Is it a System.String? Char, Version and Uri are kept as text here, but are types of their own."""
    return isinstance(value, str) and not isinstance(value, (v.Char, v.Version, v.Uri))


def null_refused(target: NetType) -> CastFailure:
    """Null is no value of the type."""
    if target.kind is not Kind.ENUM:
        return CastFailure(f'Cannot convert null to type "{target.name}".')
    return CastFailure(
        f'Cannot convert null to type "{target.name}" due to enumeration values that are not valid. Specify one of the '
        "following enumeration values and try again. The possible enumeration values are "
        f'"{",".join(names_by_number(target))}".'
    )


def _failed(value: Any, target: NetType, reason: str) -> CastFailure:
    return CastFailure(f'Cannot convert value "{_shown(value)}" to type "{target.name}". Error: "{reason}"')


def _shown(value: Any) -> str:
    """Object.ToString: of a collection its type's name."""
    return type_of(value) if is_ilist(value) or isinstance(value, dict) else str(to_text(value))


def convert(value: Any, target: NetType) -> Any:
    """The value as the type; null and wrapped values as PowerShell treats them. Raises CastFailure."""
    if value is None:
        return _from_null(target)
    if isinstance(value, v.Noted) and target.kind not in (Kind.OBJECT, Kind.PSOBJECT):
        value = value.value
    if is_instance(value, target):
        return value
    return _CONVERTERS[target.kind](value, target)


def _from_null(target: NetType) -> Any:
    match target.kind:
        case Kind.STRING:
            return ""
        case Kind.CHAR:
            return v.Char("\0")
        case Kind.INTEGER | Kind.REAL if target.python is not None:
            return target.python(0)
        case Kind.DECIMAL:
            return Decimal(0)
        case Kind.BOOLEAN:
            return False
        case Kind.SWITCH:
            return v.Switch(False)
    if target.is_value:
        raise null_refused(target)
    return None


def _to_string(value: Any, target: NetType) -> str:
    return str(to_text(value))


def _to_char(value: Any, target: NetType) -> v.Char:
    if is_text(value):
        if len(value) == 1:
            return v.Char(value)
        raise _failed(value, target, "String must be exactly one character long.")
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= 0xFFFF:
            return v.Char(chr(value))
        raise _failed(value, target, "Value was either too large or too small for a character.")
    raise no_conversion(value, target)


def truth(value: Any) -> bool:
    """PowerShell's idea of true: not empty, not zero; a list by its only element."""
    if value is None:
        return False
    if isinstance(value, v.Noted):
        return truth(value.value)
    if isinstance(value, v.Switch):
        return value.present
    if isinstance(value, v.EnumValue):
        return value.value != 0
    if isinstance(value, (bool, int, float, Decimal)):
        return value != 0
    if isinstance(value, v.Char):
        return value != "\0"
    if isinstance(value, str):
        return len(value) > 0
    if is_ilist(value):
        items = items_of(value)
        return truth(items[0]) if len(items) == 1 else len(items) > 1
    return True


def _to_boolean(value: Any, target: NetType) -> bool:
    return truth(value)


def _to_switch(value: Any, target: NetType) -> v.Switch:
    if isinstance(value, bool):
        return v.Switch(value)
    raise no_conversion(value, target)


def _to_integer(value: Any, target: NetType) -> v.Integer:
    kind: type[v.Integer] = target.python or v.Int32
    try:
        if isinstance(value, v.Char):
            return numbers.to_integer(ord(value), kind)
        if is_text(value):
            return numbers.integer_from_text(value, kind)
        if isinstance(value, v.EnumValue):
            return numbers.to_integer(value.value, kind)
        if isinstance(value, (int, float, Decimal)):
            return numbers.to_integer(value, kind)
    except (numbers.NotANumber, OverflowError) as error:
        raise _failed(value, target, str(error)) from None
    raise no_conversion(value, target)


def _to_real(value: Any, target: NetType) -> float:
    kind: type[float] = target.python or float
    try:
        if is_text(value):
            return numbers.real_from_text(value, kind)
        if isinstance(value, v.EnumValue):
            return kind(value.value)
        if isinstance(value, (int, float, Decimal)):
            return numbers.to_real(value, kind)
    except numbers.NotANumber as error:
        raise _failed(value, target, str(error)) from None
    raise no_conversion(value, target)


def _to_decimal(value: Any, target: NetType) -> Decimal:
    try:
        if is_text(value):
            return numbers.decimal_from_text(value)
    except numbers.NotANumber as error:
        raise _failed(value, target, str(error)) from None
    if isinstance(value, float):
        return Decimal(repr(float(value)))
    if isinstance(value, int):
        return Decimal(int(value))
    raise no_conversion(value, target)


_GUID = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)


def _to_guid(value: Any, target: NetType) -> uuid.UUID:
    text = _text_of_scalar(value, target)
    plain = text.strip()
    if (plain[:1], plain[-1:]) in {("{", "}"), ("(", ")")} and "-" in plain:
        plain = plain[1:-1]
    if _GUID.fullmatch(plain):
        return uuid.UUID(plain)
    if len(plain) < 32:
        reason = "Unrecognized Guid format."
    elif "-" in plain:
        reason = "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)."
    else:
        reason = "Guid should contain 32 digits without dashes (xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)."
    raise _failed(value, target, reason)


def _to_version(value: Any, target: NetType) -> v.Version:
    text = _text_of_scalar(value, target)
    parts = text.split(".")
    if not 2 <= len(parts) <= 4:
        raise _failed(value, target, "Version string portion was too short or too long. (Parameter 'input')")
    if not all(re.fullmatch(r"\s*\+?[0-9]+\s*", part) for part in parts):
        raise _failed(value, target, f"The input string '{text}' was not in a correct format.")
    return v.Version(".".join(str(int(part)) for part in parts))


_DATE_FORMATS = (
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d",
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%A, %d %B %Y %H:%M:%S",
    "%H:%M:%S", "%H:%M",
)


def _to_datetime(value: Any, target: NetType) -> dt.datetime:
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= 3155378975999999999:
            return dt.datetime(1, 1, 1) + dt.timedelta(microseconds=int(value) // 10)
        raise _failed(value, target, "Ticks must be between DateTime.MinValue.Ticks and DateTime.MaxValue.Ticks.")
    text = _text_of_scalar(value, target).strip()
    iso = re.fullmatch(r"(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?)(?:\.(\d{1,7}))?(Z|[+-]\d{2}:\d{2})?", text)
    try:
        if iso:
            micro = int(((iso[2] or "") + "000000")[:6])
            zone = iso[3].replace("Z", "+00:00") if iso[3] else ""
            return dt.datetime.fromisoformat(iso[1] + zone).replace(microsecond=micro)
    except ValueError:
        raise _failed(value, target, _bad_date(text)) from None
    for shape in _DATE_FORMATS:
        try:
            return dt.datetime.strptime(text, shape)
        except ValueError:
            continue
    raise _failed(value, target, _bad_date(text))


def _bad_date(text: str) -> str:
    if text[:1].isalpha():
        return (
            f"The string '{text}' was not recognized as a valid DateTime. There is an unknown word starting at index "
            "'0'."
        )
    return f"String '{text}' was not recognized as a valid DateTime."



def _to_timespan(value: Any, target: NetType) -> v.TimeSpan:
    if isinstance(value, int) and not isinstance(value, bool):
        return v.TimeSpan(int(value))
    text = _text_of_scalar(value, target).strip()
    ticks = _span_ticks(text)
    if ticks is None:
        raise _failed(value, target, f"String '{text}' was not recognized as a valid TimeSpan.")
    return v.TimeSpan(ticks)


def _span_ticks(text: str) -> int | None:
    """[-]d, [-][d.]h:m[:s[.f]] and [-]d:h:m:s in ticks; None for anything else or out of range."""
    found = re.fullmatch(r"(-)?(?:(\d+)|(?:(\d+)[.:])??(\d+):(\d+)(?::(\d+)(?:\.(\d{1,7}))?)?)", text)
    if found is None:
        return None
    sign, only, days, hours, minutes, seconds, fraction = found.groups()
    hour, minute, second = int(hours or 0), int(minutes or 0), int(seconds or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    whole = ((int(only or days or 0) * 24 + hour) * 60 + minute) * 60 + second
    ticks = whole * 10_000_000 + int((fraction or "").ljust(7, "0"))
    return -ticks if sign else ticks


def _to_uri(value: Any, target: NetType) -> v.Uri:
    return v.Uri(_text_of_scalar(value, target))


def _to_culture(value: Any, target: NetType) -> v.PSObject:
    name = _text_of_scalar(value, target)
    if not re.fullmatch(r"[A-Za-z0-9_-]*", name):
        raise _failed(
            value, target, f"Culture is not supported. (Parameter 'name')\n{name} is an invalid culture identifier."
        )
    return v.PSObject(("System.Globalization.CultureInfo", "System.Object"), {"Name": name}, to_string=name)


def _text_of_scalar(value: Any, target: NetType) -> str:
    """The text that a type with a Parse method is made from: a string's own, a number's by way of its text."""
    if is_text(value):
        return str(value)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return str(to_text(value))
    raise no_conversion(value, target)


def _to_enum(value: Any, target: NetType) -> v.EnumValue:
    try:
        if is_text(value):
            return enum_from_text(value, target)
        if isinstance(value, int) and not isinstance(value, bool):
            return enum_from_number(int(value), target, to_text(value))
        if isinstance(value, v.EnumValue):
            return enum_from_number(value.value, target, value.name)
        if isinstance(value, (float, Decimal)):
            return enum_from_text(to_text(value), target)
    except UndefinedMember as error:
        raise CastFailure(str(error)) from None
    except ValueError as error:
        raise _failed(value, target, str(error)) from None
    if is_ilist(value):
        parts = [each if is_text(each) else to_text(convert(each, target)) for each in items_of(value)]
        return _to_enum(",".join(parts), target)
    raise no_conversion(value, target)


def _to_dictionary(value: Any, target: NetType) -> Any:
    if isinstance(value, dict):
        return value
    raise no_conversion(value, target)


def _to_class(value: Any, target: NetType) -> Any:
    if target.from_text and is_text(value):
        return v.PSObject((target.name, "System.Object"), {}, to_string=str(value))
    raise no_conversion(value, target)


def _to_object(value: Any, target: NetType) -> Any:
    return value


def _to_array(value: Any, target: NetType) -> v.NetArray:
    element = target.element
    assert element is not None
    items = items_of(value) if is_ilist(value) else [value]
    try:
        return v.NetArray(target.name, [convert(each, element) for each in items])
    except CastFailure as error:
        if not is_ilist(value):
            if "Error:" in str(error):
                raise _failed(value, target, str(error)) from None
            raise no_conversion(value, target) from None
        raise


def _to_collection(value: Any, target: NetType) -> v.NetArray:
    items = items_of(value) if is_ilist(value) else [value]
    return v.NetArray(target.name, [to_text(each) for each in items])


def _to_nullable(value: Any, target: NetType) -> Any:
    assert target.element is not None
    return convert(value, target.element)


_CONVERTERS: dict[Kind, Callable[[Any, NetType], Any]] = {
    Kind.STRING: _to_string,
    Kind.SWITCH: _to_switch,
    Kind.BOOLEAN: _to_boolean,
    Kind.INTEGER: _to_integer,
    Kind.REAL: _to_real,
    Kind.DECIMAL: _to_decimal,
    Kind.CHAR: _to_char,
    Kind.GUID: _to_guid,
    Kind.VERSION: _to_version,
    Kind.DATETIME: _to_datetime,
    Kind.TIMESPAN: _to_timespan,
    Kind.URI: _to_uri,
    Kind.CULTURE: _to_culture,
    Kind.HASHTABLE: _to_dictionary,
    Kind.DICTIONARY: _to_dictionary,
    Kind.CREDENTIAL: _to_class,
    Kind.SECURE_STRING: _to_class,
    Kind.OBJECT: _to_object,
    Kind.PSOBJECT: _to_object,
    Kind.ENUM: _to_enum,
    Kind.CLASS: _to_class,
    Kind.ARRAY: _to_array,
    Kind.COLLECTION: _to_collection,
    Kind.NULLABLE: _to_nullable,
}
