"""Sort-Object and Group-Object: objects in the order of the values of their properties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, TypeAlias

from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Call, Effect, Output
from winmigrate.lab.engine.objects.casting import base, items_of
from winmigrate.lab.engine.objects.comparing import order
from winmigrate.lab.engine.objects.members import get_member
from winmigrate.lab.engine.objects.select import Expression
from winmigrate.lab.engine.text import CUSTOM_OBJECT, is_custom, to_text, type_name
from winmigrate.lab.engine.values import Int32, NetList, PSObject

MISSING = object()


@dataclass(slots=True)
class Entry:
    """An object with the values it is ordered by."""

    value: Any
    keys: tuple[Any, ...]


def _expressions(call: Call) -> list[tuple[Expression, bool]]:
    given = call.bound.get("Property")
    items = items_of(given)
    descending = bool(call.bound.get("Descending"))
    made = []
    for each in items if items is not None else [] if given is None else [given]:
        own = descending
        if isinstance(each, dict):
            entries = {str(key).lower(): item for key, item in each.items()}
            if "descending" in entries:
                own = bool(entries["descending"])
            elif "ascending" in entries:
                own = not entries["ascending"]
        made.append((Expression(each), own))
    return made


def _entry(value: Any, expressions: list[tuple[Expression, bool]]) -> Entry:
    if not expressions:
        return Entry(value, (value,))
    keys: list[Any] = []
    for expression, _ in expressions:
        names = expression.matching(value)
        keys.append(get_member(value, names[0]) if names else MISSING)
    return Entry(value, tuple(keys))


def _compare(left: Entry, right: Entry, descending: list[bool], ignore_case: bool) -> int:
    for first, second, down in zip(left.keys, right.keys, descending, strict=True):
        if first is MISSING or second is MISSING:
            if first is second:
                continue
            return 1 if first is MISSING else -1  # either way round, a property that is not there comes last
        sign = order(first, second, ignore_case)
        if sign:
            return -sign if down else sign
    return 0


Comparison: TypeAlias = "Callable[[Entry, Entry], int]"


def _stable(entries: list[Entry], compare: Comparison) -> list[Entry]:
    """LINQ's OrderBy: Array.Sort by the values, then by the place in the input."""
    numbered = {id(entry): place for place, entry in enumerate(entries)}
    return _array_sort(entries, lambda left, right: compare(left, right) or numbered[id(left)] - numbered[id(right)])


def _array_sort(entries: list[Entry], compare: Comparison) -> list[Entry]:
    """Array.Sort of .NET (introspective sort), step by step: what has no order ends up where it does there."""
    keys = list(entries)
    depth = 2 * (len(keys).bit_length())
    _introspective(keys, 0, len(keys), depth, compare)
    return keys


def _order_two(keys: list[Entry], low: int, high: int, compare: Comparison) -> None:
    if low != high and compare(keys[low], keys[high]) > 0:
        keys[low], keys[high] = keys[high], keys[low]


def _introspective(keys: list[Entry], start: int, size: int, depth: int, compare: Comparison) -> None:
    while size > 1:
        if size <= 16:
            if size == 3:
                for low, high in ((0, 1), (0, 2), (1, 2)):
                    _order_two(keys, start + low, start + high, compare)
            else:
                _insertion(keys, start, size, compare)
            return
        if depth == 0:
            keys[start:start + size] = sorted(keys[start:start + size], key=cmp_to_key(compare))
            return
        depth -= 1
        pivot = _partition(keys, start, size, compare)
        _introspective(keys, start + pivot + 1, size - pivot - 1, depth, compare)
        size = pivot


def _insertion(keys: list[Entry], start: int, size: int, compare: Comparison) -> None:
    for place in range(start + 1, start + size):
        moving, hole = keys[place], place
        while hole > start and compare(moving, keys[hole - 1]) < 0:
            keys[hole] = keys[hole - 1]
            hole -= 1
        keys[hole] = moving


def _partition(keys: list[Entry], start: int, size: int, compare: Comparison) -> int:
    high = start + size - 1
    middle = start + ((size - 1) >> 1)
    _order_two(keys, start, middle, compare)
    _order_two(keys, start, high, compare)
    _order_two(keys, middle, high, compare)
    pivot = keys[middle]
    keys[middle], keys[high - 1] = keys[high - 1], keys[middle]
    left, right = start, high - 1
    while left < right:
        left += 1
        while left < high and compare(keys[left], pivot) < 0:
            left += 1
        right -= 1
        while right > start and compare(pivot, keys[right]) < 0:
            right -= 1
        if left >= right:
            break
        keys[left], keys[right] = keys[right], keys[left]
    if left != high - 1:
        keys[left], keys[high - 1] = keys[high - 1], keys[left]
    return left - start


def collect(call: Call) -> Iterator[Effect]:
    if "InputObject" in call.bound and call.bound["InputObject"] is not None:
        call.state.setdefault("objects", []).append(call.bound["InputObject"])
    return iter(())


def sort_end(call: Call) -> Iterator[Effect]:
    expressions = _expressions(call)
    ignore_case = not call.bound.get("CaseSensitive")
    down = [each for _, each in expressions] or [bool(call.bound.get("Descending"))]
    entries = [_entry(value, expressions) for value in call.state.get("objects", ())]
    sort = _stable if call.bound.get("Stable") else _array_sort
    entries = sort(entries, lambda left, right: _compare(left, right, down, ignore_case))
    if call.bound.get("Unique"):
        entries = [entry for place, entry in enumerate(entries)
                   if place == 0 or _compare(entries[place - 1], entry, down, ignore_case)]
    top, bottom = call.bound.get("Top"), call.bound.get("Bottom")
    if top is not None:
        entries = entries[:int(top)]
    elif bottom is not None:
        entries = entries[max(0, len(entries) - int(bottom)):]
    for entry in entries:
        yield Output(entry.value)


def group_end(call: Call, edition: Edition) -> Iterator[Effect]:
    expressions = _expressions(call)
    ignore_case = not call.bound.get("CaseSensitive")
    ascending = [False] * max(1, len(expressions))
    entries = [_entry(value, expressions) for value in call.state.get("objects", ())]
    if edition.sorts_groups and not _differ_in_type(entries):
        entries = _stable(entries, lambda left, right: _compare(left, right, ascending, ignore_case))
    groups: list[list[Entry]] = []
    for entry in entries:
        for group in groups:
            if _same_group(group[0], entry, ignore_case):
                group.append(entry)
                break
        else:
            groups.append([entry])
    if call.bound.get("AsHashTable"):
        yield Output({_key(group[0], call): [entry.value for entry in group] for group in groups})
        return
    for group in groups:
        yield Output(_group(group, bool(call.bound.get("NoElement")), edition))


def _same_group(left: Entry, right: Entry, ignore_case: bool) -> bool:
    """Collections count as equal whatever they hold, and a property that is not there as one without a value."""
    for first, second in zip(left.keys, right.keys, strict=True):
        first, second = (None if key is MISSING else key for key in (first, second))
        if (items_of(first) is None or items_of(second) is None) and order(first, second, ignore_case):
            return False
    return True


def _key(entry: Entry, call: Call) -> Any:
    key = None if entry.keys[0] is MISSING else entry.keys[0]
    return to_text(key) if call.bound.get("AsString") else key


def _differ_in_type(entries: list[Entry]) -> bool:
    candidates: list[str | None] = []
    for entry in entries:
        names = [_base_type(key) for key in entry.keys]
        if not candidates:
            candidates = names
            continue
        for place, name in enumerate(names):
            if name is None:
                continue
            if candidates[place] is None:
                candidates[place] = name
            elif candidates[place] != name:
                return True
    return False


def _base_type(value: Any) -> str | None:
    value = base(value)
    if value is MISSING:
        return None
    return CUSTOM_OBJECT if is_custom(value) else type_name(value)


def _group(group: list[Entry], no_element: bool, edition: Edition) -> PSObject:
    name = "Microsoft.PowerShell.Commands.GroupInfo"
    members = [] if no_element else [entry.value for entry in group]
    element = f"System.Management.Automation.PSObject, {edition.list_library}"
    collection = f"System.Collections.ObjectModel.Collection`1[[{element}]]"
    keys = tuple(None if key is MISSING else key for key in group[0].keys)
    properties = {
        "Values": NetList(("System.Collections.ArrayList", "System.Object"), list(keys)),
        "Count": Int32(len(group)),
        "Group": NetList((collection, "System.Object"), members),
        "Name": _group_name(keys),
    }
    names = (name + "NoElement", name, "System.Object") if no_element else (name, "System.Object")
    return PSObject(names, properties, {}, names[0])


def _group_name(keys: tuple[Any, ...]) -> str:
    parts = []
    for key in keys:
        if key is None:
            continue
        items = items_of(key)
        parts.append(to_text(key) if items is None else "{" + ", ".join(to_text(each) for each in items) + "}")
    return ", ".join(parts)
