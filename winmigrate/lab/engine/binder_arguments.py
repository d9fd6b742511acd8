"""One argument for one parameter: coerced to the type, validated, or refused.

Cmdlets coerce element by element and refuse a list for a single value; functions transform the whole argument by the
language's own conversion first. Both check mandatory parameters for null and nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from winmigrate.lab.engine import binder_errors as errors
from winmigrate.lab.engine import values as v
from winmigrate.lab.engine.binder_metadata import Bindable
from winmigrate.lab.engine.conversion import CastFailure, convert, is_text, null_refused, truth
from winmigrate.lab.engine.conversion_types import (
    Kind,
    NetType,
    is_ilist,
    is_instance,
    items_of,
    type_of,
)
from winmigrate.lab.engine.text import to_text

_LISTS_CONVERT = frozenset({Kind.OBJECT, Kind.PSOBJECT, Kind.ENUM})
_NUMERIC = (bool, int, float, Decimal, v.EnumValue)
SKIPPED: Any = object()  # without coercion the value is not for this parameter


def argument_for(parameter: Bindable, value: Any, *, coerce: bool, function: bool, enforce_values: bool) -> Any:
    """The value to bind, or SKIPPED where it is not of the type and may not be coerced. Raises BindingFailure."""
    if coerce:
        if function:
            value = _transformed(parameter, value)
        value = coerced(parameter.name, parameter.type, value)
    else:
        value = _as_it_is(parameter, value)
        if value is SKIPPED:
            return SKIPPED
    _validate(parameter, value, enforce_values)
    if parameter.mandatory:
        _refuse_nothing(parameter, value)
    if value is None and not function and parameter.type.is_value:
        raise errors.null_for_value(parameter.name, str(null_refused(parameter.type)))
    return value


def coerced(name: str, target: NetType, value: Any) -> Any:
    """The value as the type, by a cmdlet's rules. Raises BindingFailure."""
    if value is None:
        return _null(name, target)
    if is_instance(value, target):
        return value.value if isinstance(value, v.Noted) and target.kind not in _LISTS_CONVERT else value
    kind = target.kind
    if kind is Kind.PSOBJECT:
        return value
    if isinstance(value, v.Noted):
        value = value.value
    if kind is Kind.BOOLEAN or kind is Kind.SWITCH or (
        kind is Kind.NULLABLE and target.element is not None and target.element.kind is Kind.BOOLEAN
    ):
        return _truth(name, target, value)
    if kind is Kind.ARRAY:
        return _encoded(name, target, value)
    if kind is Kind.COLLECTION:
        return _collected(name, target, value)
    if is_ilist(value) and kind not in _LISTS_CONVERT:
        raise errors.cannot_convert(name, type_of(value), target.name, "Specified method is not supported.")
    try:
        return convert(value, target)
    except CastFailure as error:
        raise errors.cannot_convert_value(name, str(error)) from None


def _null(name: str, target: NetType) -> Any:
    if target.kind is Kind.BOOLEAN:
        raise errors.null_for_boolean(name)
    return v.Switch(True) if target.kind is Kind.SWITCH else None


def _truth(name: str, target: NetType, value: Any) -> Any:
    """Only true, false and numbers are taken for a Boolean or a switch."""
    if isinstance(value, v.Switch):
        value = value.present
    if not isinstance(value, _NUMERIC):
        raise errors.cannot_convert(name, type_of(value), target.name, "")
    return v.Switch(truth(value)) if target.kind is Kind.SWITCH else truth(value)


def _encoded(name: str, target: NetType, value: Any) -> v.NetArray:
    element = target.element
    assert element is not None
    items = items_of(value) if is_ilist(value) else [value]
    return v.NetArray(target.name, [_stored(coerced(name, element, each), element) for each in items])


def _stored(value: Any, element: NetType) -> Any:
    """Null in an array of a value type is the type's nought."""
    if value is None and element.is_value:
        try:
            return convert(None, element)
        except CastFailure:
            return _NOUGHTS[element.kind](element)
    return value


def _first_member(element: NetType) -> Any:
    return convert(v.Int32(0), element) if 0 in element.numbers.values() else v.EnumValue(element.name, "0", 0)


_NOUGHTS: dict[Kind, Callable[[NetType], Any]] = {
    Kind.GUID: lambda element: uuid.UUID(int=0),
    Kind.DATETIME: lambda element: dt.datetime(1, 1, 1),
    Kind.TIMESPAN: lambda element: v.TimeSpan(0),
    Kind.ENUM: _first_member,
}


def _collected(name: str, target: NetType, value: Any) -> v.NetArray:
    """A StringCollection takes texts only: its Add converts nothing."""
    items = items_of(value) if is_ilist(value) else [value]
    for each in items:
        if each is not None and not is_text(each):
            raise errors.cannot_convert(
                name, to_text(each), target.name,
                f"Unable to cast object of type '{type_of(each)}' to type 'System.String'.",
            )
    return v.NetArray(target.name, items)


def _as_it_is(parameter: Bindable, value: Any) -> Any:
    """The value without coercion: itself, or put into a list of its own type; else SKIPPED."""
    target = parameter.type
    if value is None:
        return SKIPPED if target.is_value or target.kind in (Kind.STRING, Kind.NULLABLE) else None
    if is_instance(value, target):
        return value.value if isinstance(value, v.Noted) and target.kind not in _LISTS_CONVERT else value
    if isinstance(value, v.Noted):
        value = value.value
    if target.kind is Kind.COLLECTION:
        return _collected(parameter.name, target, value)
    if target.kind is not Kind.ARRAY:
        return SKIPPED
    element = target.element
    assert element is not None
    items = items_of(value) if is_ilist(value) else [value]
    if not all(each is None or is_instance(each, element) for each in items):
        return SKIPPED
    return v.NetArray(target.name, [_stored(each, element) for each in items])


def _transformed(parameter: Bindable, value: Any) -> Any:
    """What a function's typed parameter makes of an argument: the language's conversion, with two things forbidden."""
    target = parameter.type
    try:
        if isinstance(value, v.Noted):
            value = value.value if target.kind not in _LISTS_CONVERT else value
        if target.kind is Kind.STRING and isinstance(value, list):
            raise CastFailure("Cannot convert value to type System.String.")
        _check_truth(value, target)
        if target.kind is Kind.ARRAY and target.element is not None:
            for each in items_of(value) if is_ilist(value) else [value]:
                if not (value is None and target.element.kind is not Kind.BOOLEAN):
                    _check_truth(each, target.element)
        return convert(value, target)
    except CastFailure as error:
        raise errors.transformation(parameter.name, str(error)) from None


def _check_truth(value: Any, target: NetType) -> None:
    if target.kind not in (Kind.BOOLEAN, Kind.SWITCH):
        return
    if value is None:
        if target.kind is Kind.SWITCH:
            return
        shown = ""
    elif isinstance(value, (*_NUMERIC, v.Switch)):
        return
    else:
        shown = type_of(value)
    raise CastFailure(
        f'Cannot convert value "{shown}" to type "{target.name}". Boolean parameters accept only Boolean values and '
        "numbers, such as $True, $False, 1 or 0."
    )


def _refuse_nothing(parameter: Bindable, value: Any) -> None:
    """A mandatory parameter takes neither null nor an empty text or list, nor a list that holds one."""
    name, target = parameter.name, parameter.type
    if value is None:
        if target.kind is Kind.NULLABLE and target.element is not None and target.element.kind is Kind.BOOLEAN:
            return
        raise errors.null_not_allowed(name)
    if target.kind is Kind.STRING:
        if value == "":
            raise errors.empty_string(name)
        return
    if not target.is_collection:
        return
    if len(value) == 0:
        raise errors.empty_array(name) if target.kind is Kind.ARRAY else errors.empty_collection(name)
    element = target.element
    if element is None or not element.is_value:
        for each in value:
            if each is None:
                raise errors.null_not_allowed(name)
            if element is not None and element.kind is Kind.STRING and each == "":
                raise errors.empty_string(name)


def _validate(parameter: Bindable, value: Any, enforce_values: bool) -> None:
    source = parameter.source
    if source is None:
        return
    if source.not_null_or_empty:
        _validate_something(parameter.name, value)
    if source.range is not None and value is not None:
        low, high = source.range
        for each in value if isinstance(value, list) else [value]:
            _validate_range(parameter.name, each, low, high)
    if enforce_values and value is not None and _limited(parameter, source.values):
        allowed = {each.lower() for each in source.values}
        for each in value if isinstance(value, list) else [value]:
            if to_text(each).lower() not in allowed:
                raise errors.invalid(
                    parameter.name,
                    f'The argument "{to_text(each)}" does not belong to the set "{",".join(source.values)}" specified '
                    "by the ValidateSet attribute. Supply an argument that is in the set and then try the command "
                    "again.",
                )


def _limited(parameter: Bindable, listed: tuple[str, ...]) -> bool:
    """Are the listed values a ValidateSet? A listed "Numbered scopes" is a description, and a switch has no set."""
    kind = parameter.type.element.kind if parameter.type.element else parameter.type.kind
    return bool(listed) and kind in (Kind.STRING, Kind.INTEGER) and not any(" " in each for each in listed)


def _validate_something(name: str, value: Any) -> None:
    if value is None or value == "":
        raise errors.invalid(
            name,
            "The argument is null or empty. Provide an argument that is not null or empty, and then try the command "
            "again.",
        )
    if not is_ilist(value):
        return
    items = items_of(value)
    if not items or any(each is None or each == "" for each in items):
        raise errors.invalid(
            name,
            "The argument is null, empty, or an element of the argument collection contains a null value. Supply a "
            "collection that does not contain any null values and then try the command again.",
        )


def _validate_range(name: str, value: Any, low: int, high: int) -> None:
    if value < low:
        raise errors.invalid(
            name,
            f"The {to_text(value)} argument is less than the minimum allowed range of {low}. Supply an argument that "
            f"is greater than or equal to {low} and then try the command again.",
        )
    if value > high:
        raise errors.invalid(
            name,
            f"The {to_text(value)} argument is greater than the maximum allowed range of {high}. Supply an argument "
            f"that is less than or equal to {high} and then try the command again.",
        )
