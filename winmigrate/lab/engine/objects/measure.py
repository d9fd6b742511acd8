"""Measure-Object."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, Terminate
from winmigrate.lab.engine.objects.casting import CastFailure, base, items_of, to_double
from winmigrate.lab.engine.objects.comparing import Incomparable, compare
from winmigrate.lab.engine.objects.members import get_member, has_wildcard, resolve
from winmigrate.lab.engine.text import CUSTOM_OBJECT, is_custom, to_text, type_name
from winmigrate.lab.engine.values import Int32, PSObject

_COMMANDS = "Microsoft.PowerShell.Commands."
_WHOLE = ""


@dataclass(slots=True)
class _Statistics:
    count: int = 0
    sum: float = 0.0
    squares: float = 0.0
    mean: float = 0.0
    smallest: Any = None
    largest: Any = None
    characters: int = 0
    words: int = 0
    lines: int = 0


def _flag(call: Call, name: str) -> bool:
    return bool(call.bound.get(name)) or (bool(call.bound.get("AllStats")) and name in _ALL)


def _of_text(call: Call) -> bool:
    return any(call.bound.get(name) for name in ("Character", "Word", "Line", "IgnoreWhiteSpace"))


_ALL = frozenset({"Sum", "Average", "Minimum", "Maximum", "StandardDeviation"})


def measure_process(call: Call) -> Iterator[Effect]:
    value = call.bound.get("InputObject")
    if value is None:
        return
    statistics: dict[str, _Statistics] = call.state.setdefault("statistics", {})
    call.state["records"] = call.state.get("records", 0) + 1
    names = call.bound.get("Property")
    if names is None:
        yield from _analyse(call, statistics.setdefault(_WHOLE, _Statistics()), value)
        return
    for pattern in items_of(names) or [names]:
        text = to_text(pattern)
        found = resolve(value, text)
        if not found and not has_wildcard(text):
            _named(statistics, text)
        for name in found:
            yield from _analyse(call, _named(statistics, name), get_member(value, name))


def _named(statistics: dict[str, _Statistics], name: str) -> _Statistics:
    for each, found in statistics.items():
        if each.lower() == name.lower():
            return found
    return statistics.setdefault(name, _Statistics())


def _analyse(call: Call, found: _Statistics, value: Any) -> Iterator[Effect]:
    found.count += 1
    if _of_text(call):
        _count_text(found, to_text(value), bool(call.bound.get("IgnoreWhiteSpace")))
    if any(_flag(call, name) for name in ("Sum", "Average", "StandardDeviation")):
        try:
            number = to_double(value)
        except CastFailure:
            call.state["nonnumeric"] = True
            yield Error(f'Input object "{_shown(value)}" is not numeric.', "NonNumericInputObject", "InvalidType",
                        "System.Management.Automation.PSInvalidOperationException", value)
            return
        found.sum += number
        if found.count > 1:
            delta = number - found.mean
            found.mean += delta / found.count
            found.squares += delta * (number - found.mean)
        else:
            found.mean, found.squares = number, 0.0
    try:
        if _flag(call, "Minimum"):
            found.smallest = _extreme(value, found.smallest, -1)
        if _flag(call, "Maximum"):
            found.largest = _extreme(value, found.largest, 1)
    except Incomparable as failed:
        raise Terminate(Error(str(failed), "Argument", "InvalidArgument",
                              "System.Management.Automation.CmdletInvocationException")) from failed


def _shown(value: Any) -> str:
    """The text of the object itself: a property bag has none."""
    return "" if is_custom(value) else to_text(value)


def _try_double(value: Any) -> float | None:
    try:
        return to_double(value)
    except CastFailure:
        return None


def _extreme(value: Any, known: Any, sign: int) -> Any:
    if is_custom(value):
        value = PSObject((CUSTOM_OBJECT, "System.Object"), {}, {}, "")  # the object alone, without its notes
    if known is None:
        return value
    if is_custom(value) and is_custom(known):
        return known
    left, right = _comparable(value), _comparable(known)
    if _kind(left) != _kind(right):
        left, right = _shown(left), _shown(right)
    return value if compare(left, right, False) * sign > 0 else known


def _comparable(value: Any) -> Any:
    number = None if value is None else _try_double(value)
    return base(value) if number is None else number


def _kind(value: Any) -> str | None:
    return "" if is_custom(value) else type_name(value)


def _count_text(found: _Statistics, text: str, ignore_blanks: bool) -> None:
    found.characters += len(re.sub(r"\s", "", text) if ignore_blanks else text)
    found.words += len(text.split())
    found.lines += (text.count("\n") + 1) if text else 0


def measure_end(call: Call, edition: Edition) -> Iterator[Effect]:
    statistics: dict[str, _Statistics] = call.state.setdefault("statistics", {})
    by_property = call.bound.get("Property") is not None
    if not call.state.get("records") and not by_property:
        statistics[_WHOLE] = _Statistics()
    for name, found in statistics.items():
        if by_property and not found.count:
            continue
        if _of_text(call):
            yield Output(_text_info(call, found, name if by_property else None))
        else:
            yield Output(_generic_info(call, found, name if by_property else None, edition))


def _generic_info(call: Call, found: _Statistics, name: str | None, edition: Edition) -> PSObject:
    smallest, largest = _try_double(found.smallest), _try_double(found.largest)
    numeric = smallest is not None and largest is not None
    good = not call.state.get("nonnumeric")
    values: dict[str, Any] = {"Count": Int32(found.count), "Average": None, "Sum": None}
    if good and _flag(call, "Average") and found.count:
        values["Average"] = found.sum / found.count
    if good and _flag(call, "Sum"):
        values["Sum"] = found.sum
    values["Maximum"] = _result(found.largest, largest, numeric) if _flag(call, "Maximum") else None
    values["Minimum"] = _result(found.smallest, smallest, numeric) if _flag(call, "Minimum") else None
    if edition.has_standard_deviation:
        deviation = None
        if good and _flag(call, "StandardDeviation") and found.count:
            deviation = math.sqrt(found.squares / (found.count - 1)) if found.count > 1 else 0.0
        values["StandardDeviation"] = deviation
    values["Property"] = name
    kind = _COMMANDS + ("GenericMeasureInfo" if numeric else "GenericObjectMeasureInfo")
    return PSObject((kind, _COMMANDS + "MeasureInfo", "System.Object"), values, {}, kind)


def _result(value: Any, number: float | None, numeric: bool) -> Any:
    if value is None:
        return None
    return number if numeric else value


def _text_info(call: Call, found: _Statistics, name: str | None) -> PSObject:
    values = {
        "Lines": Int32(found.lines) if _flag(call, "Line") else None,
        "Words": Int32(found.words) if _flag(call, "Word") else None,
        "Characters": Int32(found.characters) if _flag(call, "Character") else None,
        "Property": name,
    }
    kind = _COMMANDS + "TextMeasureInfo"
    return PSObject((kind, _COMMANDS + "MeasureInfo", "System.Object"), values, {}, kind)
