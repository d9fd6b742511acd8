"""Equality and order of .NET values (LanguagePrimitives.Equals and Compare): the left one's type decides."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from decimal import Decimal
from typing import Any

from winmigrate.lab.engine.objects.casting import CastFailure, base, cast_like, is_number
from winmigrate.lab.engine.objects.collation import compare_text
from winmigrate.lab.engine.text import is_custom, to_text
from winmigrate.lab.engine.values import EnumValue, TimeSpan, Version


class Incomparable(Exception):
    """The two cannot be ordered; the text is PowerShell's."""


def equal(left: Any, right: Any, ignore_case: bool = True) -> bool:
    left, right = base(left), base(right)
    if left is None or right is None:
        return left is None and right is None
    if left is right:
        return not (isinstance(left, float) and math.isnan(left))
    if isinstance(left, str) and not isinstance(left, Version):
        return compare_text(left, to_text(right), ignore_case) == 0
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, EnumValue) and is_number(right):
        return bool(left.value == right)
    try:
        return _equal_as_left(left, right)
    except CastFailure:
        return False


def _equal_as_left(left: Any, right: Any) -> bool:
    converted = cast_like(right, left)
    if isinstance(left, dt.datetime):
        return _instant(left) == _instant(converted)
    return bool(left == converted)


def _instant(value: dt.datetime) -> dt.datetime:
    """DateTime compares its ticks and ignores its kind."""
    return value.replace(tzinfo=None)


def compare(left: Any, right: Any, ignore_case: bool = True) -> int:
    """-1, 0 or 1. Raises Incomparable."""
    left, right = base(left), base(right)
    if left is None:
        return 0 if right is None else _against_null(right, -1)
    if right is None:
        return _against_null(left, 1)
    if isinstance(left, str) and not isinstance(left, Version):
        return compare_text(left, to_text(right), ignore_case)
    if is_number(left) and is_number(right):
        return _numbers(left, right)
    if isinstance(left, EnumValue) and is_number(right):
        return _numbers(left.value, right)
    try:
        converted = cast_like(right, left)
    except CastFailure as failure:
        if (is_number(left) or isinstance(left, EnumValue)) and isinstance(right, str):
            raise Incomparable(str(failure)) from failure
        raise Incomparable(
            f'Could not compare "{to_text(left)}" to "{to_text(right)}". Error: "{failure}"') from failure
    return _same_type(left, converted)


def _against_null(value: Any, sign: int) -> int:
    """Nothing is less than anything but a negative number."""
    return -sign if is_number(value) and value < 0 else sign


def _numbers(left: Any, right: Any) -> int:
    if isinstance(left, float) and math.isnan(left):
        return 0 if isinstance(right, float) and math.isnan(right) else -1
    if isinstance(right, float) and math.isnan(right):
        return 1
    return int(left > right) - int(left < right)


def _same_type(left: Any, right: Any) -> int:
    if isinstance(left, bool):
        return int(left) - int(right)
    if isinstance(left, int | float | Decimal):
        return _numbers(left, right)
    if isinstance(left, EnumValue):
        return int(left.value > right.value) - int(left.value < right.value)
    if isinstance(left, uuid.UUID):
        return int(left.bytes > right.bytes) - int(left.bytes < right.bytes)
    if isinstance(left, dt.datetime):
        first, second = _instant(left), _instant(right)
        return int(first > second) - int(first < second)
    if isinstance(left, TimeSpan):
        return int(left.ticks > right.ticks) - int(left.ticks < right.ticks)
    if isinstance(left, Version):
        first_parts, second_parts = _parts(left), _parts(right)
        return int(first_parts > second_parts) - int(first_parts < second_parts)
    if left is right:
        return 0
    raise Incomparable(f'Cannot compare "{to_text(left)}" because it is not IComparable.')


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def order(left: Any, right: Any, ignore_case: bool = True) -> int:
    """How Sort-Object, Group-Object and -Unique order: as :func:`compare`, and what cannot be compared as text.

    Property bags are all one .NET object without its notes, so that they count as equal.
    """
    if is_custom(left) and is_custom(right):
        return 0
    try:
        return compare(left, right, ignore_case)
    except Incomparable:
        return compare_text(to_text(left), to_text(right), ignore_case)

