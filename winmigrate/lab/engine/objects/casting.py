"""Truth, numbers and casts of values, on top of the binder's conversions (LanguagePrimitives.ConvertTo)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache
from typing import Any

from winmigrate.facts.types import enums
from winmigrate.lab.engine.conversion import CastFailure, convert
from winmigrate.lab.engine.conversion_types import SYSTEM, Kind, NetType
from winmigrate.lab.engine.text import bare_name, to_text, type_name
from winmigrate.lab.engine.values import EnumValue, Int32, Int64, Integer, NetList, Noted, Switch

__all__ = ["CastFailure", "base", "cast_like", "enum_members", "is_number", "is_true", "items_of", "learn_enum",
           "to_double", "to_integer"]

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
    """Raises CastFailure."""
    value = base(value)
    if isinstance(value, float):
        return value
    if isinstance(value, EnumValue):
        return float(value.value)
    if isinstance(value, bool | int | Decimal):
        return float(value)
    return float(convert(value, SYSTEM["System.Double"]))


def to_integer(value: Any, kind: type[Integer]) -> Integer:
    """Raises CastFailure."""
    if type(value) is kind:
        return value
    return kind(convert(base(value), SYSTEM[kind.type_name]))


@lru_cache(maxsize=256)
def _enum_type(name: str) -> NetType:
    return NetType(Kind.ENUM, name, numbers=enum_members(name))


def cast_like(value: Any, like: Any) -> Any:
    """``value`` as the type that ``like`` has. Raises CastFailure."""
    name = bare_name(type_name(like) or "")
    if isinstance(like, EnumValue):
        given = base(value)
        return convert(Int32(given) if isinstance(given, bool) else given, _enum_type(name))
    if isinstance(like, dt.datetime) and isinstance(base(value), bool):
        kind = bare_name(type_name(value) or "").rpartition(".")[2]
        raise CastFailure(f'Cannot convert value "{to_text(value)}" to type "System.DateTime". '
                          f'Error: "Invalid cast from \'{kind}\' to \'DateTime\'."')
    if isinstance(like, dt.datetime) and isinstance(base(value), float):
        return convert(to_integer(value, Int64), SYSTEM[name])
    target = SYSTEM.get(name)
    if target is not None:
        return convert(base(value), target)
    if name == bare_name(type_name(value) or ""):
        return value
    return convert(base(value), NetType(Kind.CLASS, name))
