"""Sort-Object and Group-Object: objects in the order of the values of their properties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Call, Effect, Output
from winmigrate.lab.engine.objects.casting import base, items_of
from winmigrate.lab.engine.objects.comparing import order
from winmigrate.lab.engine.objects.members import get_member
from winmigrate.lab.engine.objects.select import Expression
from winmigrate.lab.engine.text import CUSTOM_OBJECT, is_custom, to_text, type_name
from winmigrate.lab.engine.values import Int32, NetList, PSObject


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
        keys.append(get_member(value, names[0]) if names else None)
    return Entry(value, tuple(keys))


def _compare(left: Entry, right: Entry, descending: list[bool], ignore_case: bool) -> int:
    for first, second, down in zip(left.keys, right.keys, descending, strict=True):
        sign = order(first, second, ignore_case)
        if sign:
            return -sign if down else sign
    return 0


def collect(call: Call) -> Iterator[Effect]:
    if "InputObject" in call.bound and call.bound["InputObject"] is not None:
        call.state.setdefault("objects", []).append(call.bound["InputObject"])
    return iter(())


def sort_end(call: Call) -> Iterator[Effect]:
    expressions = _expressions(call)
    ignore_case = not call.bound.get("CaseSensitive")
    down = [each for _, each in expressions] or [bool(call.bound.get("Descending"))]
    entries = [_entry(value, expressions) for value in call.state.get("objects", ())]
    entries.sort(key=cmp_to_key(lambda left, right: _compare(left, right, down, ignore_case)))
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
        entries.sort(key=cmp_to_key(lambda left, right: _compare(left, right, ascending, ignore_case)))
    groups: list[list[Entry]] = []
    for entry in entries:
        for group in groups:
            if _compare(group[0], entry, ascending, ignore_case) == 0:
                group.append(entry)
                break
        else:
            groups.append([entry])
    if call.bound.get("AsHashTable"):
        yield Output({_key(group[0], call): [entry.value for entry in group] for group in groups})
        return
    for group in groups:
        yield Output(_group(group, bool(call.bound.get("NoElement")), edition))


def _key(entry: Entry, call: Call) -> Any:
    return to_text(entry.keys[0]) if call.bound.get("AsString") else entry.keys[0]


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
    return CUSTOM_OBJECT if is_custom(value) else type_name(value)


def _group(group: list[Entry], no_element: bool, edition: Edition) -> PSObject:
    name = "Microsoft.PowerShell.Commands.GroupInfo"
    members = [] if no_element else [entry.value for entry in group]
    collection = f"System.Collections.ObjectModel.Collection`1[[System.Management.Automation.PSObject, {edition.list_library}]]"
    keys = group[0].keys
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
