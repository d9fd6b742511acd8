"""Select-Object."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.engine.objects.casting import base, items_of, to_integer
from winmigrate.lab.engine.objects.comparing import order
from winmigrate.lab.engine.objects.members import (
    find_member,
    get_member,
    has_wildcard,
    property_names,
    resolve,
    selected_type,
    wildcard,
)
from winmigrate.lab.engine.pipeline import HasHadEnough
from winmigrate.lab.engine.text import CUSTOM_OBJECT, is_custom, to_text
from winmigrate.lab.engine.values import Int32, Noted, PSObject

_CUSTOM = (CUSTOM_OBJECT, "System.Object")
_PS_ARGUMENT = "System.Management.Automation.PSArgumentException"
_MISSING = object()


class Expression:
    """One element of -Property: a name or wildcard, or a calculated property given as data."""

    __slots__ = ("name", "pattern", "wild")

    def __init__(self, given: Any) -> None:
        self.name: str | None = None
        if isinstance(given, Mapping):
            entries = {str(key).lower(): item for key, item in given.items()}
            self.name = _entry(entries, ("name", "label"))
            given = _entry(entries, ("expression",)) or ""
        self.pattern = to_text(base(given))
        self.wild = has_wildcard(self.pattern)

    def matching(self, value: Any) -> list[str]:
        return resolve(value, self.pattern)


def _entry(entries: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Keys may be shortened to any beginning: n, l, e."""
    for key, item in entries.items():
        if key and any(name.startswith(key) for name in names):
            return item
    return None


@dataclass(slots=True)
class _Selecting:
    properties: tuple[Expression, ...]
    excluded: tuple[str, ...]
    expand: Expression | None
    unique: bool
    case_insensitive: bool
    first: int
    last: int
    skip: int
    skip_last: int
    limited: bool
    wait: bool
    indices: frozenset[int] | None
    skip_indices: frozenset[int] | None
    queue: deque[Any]
    seen: int = 0
    streamed: int = 0
    kept: list[tuple[Any, list[tuple[str, Any]]]] | None = None


def _state(call: Call, edition: Edition) -> _Selecting:
    state = call.state.get("select")
    if state is None:
        bound = call.bound
        excluded = tuple(to_text(each) for each in _many(bound.get("ExcludeProperty")))
        properties = tuple(Expression(each) for each in _many(bound.get("Property")))
        expand = bound.get("ExpandProperty")
        if excluded and not properties and not edition.exclude_needs_property:
            properties = (Expression("*"),)
        unique = bool(bound.get("Unique"))
        state = call.state["select"] = _Selecting(
            properties, excluded, Expression(expand) if expand else None, unique, bool(bound.get("CaseInsensitive")),
            _number(bound, "First"), _number(bound, "Last"), _number(bound, "Skip"), _number(bound, "SkipLast"),
            "First" in bound or "Last" in bound, bool(bound.get("Wait")),
            _indices(bound.get("Index")), _indices(bound.get("SkipIndex")), deque(), kept=[] if unique else None)
    assert isinstance(state, _Selecting)
    return state


def _many(value: Any) -> list[Any]:
    items = items_of(value)
    return items if items is not None else [] if value is None else [value]


def _number(bound: Mapping[str, Any], name: str) -> int:
    return int(to_integer(bound.get(name), Int32))


def _indices(value: Any) -> frozenset[int] | None:
    return None if value is None else frozenset(int(each) for each in _many(value))


def select_process(call: Call, edition: Edition) -> Iterator[Effect]:
    state = _state(call, edition)
    if "InputObject" not in call.bound:
        return
    value = call.bound["InputObject"]
    if state.indices is not None or state.skip_indices is not None:
        position = state.seen
        state.seen += 1
        if position in state.indices if state.indices is not None else position not in (state.skip_indices or ()):
            yield from _select(value, state)
        if state.indices is not None and not state.wait and state.seen > max(state.indices, default=-1):
            raise HasHadEnough
        return
    _enqueue(state, value)
    taken = _dequeue(state)
    if taken is not _MISSING:
        yield from _select(taken, state)
    if state.limited and not state.last and state.first and state.streamed >= state.first and not state.wait:
        raise HasHadEnough


def _enqueue(state: _Selecting, value: Any) -> None:
    queue = state.queue
    kept = state.last + state.skip if state.first == 0 else state.last
    if state.last > 0 and len(queue) >= kept:
        queue.popleft()
    queue.append(value)


def _dequeue(state: _Selecting) -> Any:
    """The next object to select, or _MISSING."""
    queue = state.queue
    if state.skip == 0:
        if state.skip_last > 0:
            if len(queue) > state.skip_last:
                return queue.popleft()
        elif state.streamed < state.first or not state.limited:
            state.streamed += 1
            return queue.popleft()
        elif state.last == 0:
            queue.popleft()
    elif state.last == 0 or state.first != 0:
        queue.popleft()
        state.skip -= 1
    return _MISSING


def select_end(call: Call, edition: Edition) -> Iterator[Effect]:
    state = _state(call, edition)
    if state.skip_last == 0 and state.indices is None and state.skip_indices is None and state.limited:
        while state.queue and (state.first != 0 or len(state.queue) > state.skip):
            yield from _select(state.queue.popleft(), state)
    for value, _ in state.kept or ():
        yield Output(value)


def _select(value: Any, state: _Selecting) -> Iterator[Effect]:
    if value is None:
        return
    if not state.properties and state.expand is None:
        yield from _emit(_passed_on(value), [], state)
        return
    notes: list[tuple[str, Any]] = []
    for expression in state.properties:
        error = _calculate(expression, value, state, notes)
        if error is not None:
            yield error
    if state.expand is not None:
        yield from _expand(state.expand, value, notes, state)
        return
    made: dict[str, Any] = {}
    folded: set[str] = set()
    for name, item in notes:
        if name.lower() in folded:
            yield _exists(name, value, "AlreadyExistingUserSpecifiedPropertyNoExpand")
            continue
        folded.add(name.lower())
        made[name] = item
    yield from _emit(PSObject((selected_type(value), *_CUSTOM), {}, made), notes, state)


def _passed_on(value: Any) -> Any:
    """A property bag that goes through whole gets the name of a selected one too."""
    if isinstance(value, PSObject) and is_custom(value):
        names = (selected_type(value), *(value.type_names or _CUSTOM))
        return PSObject(names, value.properties, value.notes, value.to_string, value.live)
    return value


def _calculate(expression: Expression, value: Any, state: _Selecting, notes: list[tuple[str, Any]]) -> Error | None:
    names = [name for name in expression.matching(value) if not _is_excluded(name, state.excluded)]
    found = [(name, get_member(value, name)) for name in names]
    if not found and not expression.wild:
        there, item = find_member(value, expression.pattern) if isinstance(value, Mapping) else (False, None)
        found = [(expression.pattern, item if there else None)]
    elif expression.name and len(found) > 1:
        return Error("The property cannot be renamed because it matches several properties.", "RenamingMultipleResults",
                     "InvalidOperation", _PS_ARGUMENT, value, wrapped=True)
    for name, item in found:
        if not _is_excluded(name, state.excluded):
            notes.append((expression.name or name, item))
    return None


def _is_excluded(name: str, excluded: tuple[str, ...]) -> bool:
    return any(wildcard(pattern).fullmatch(name) for pattern in excluded)


def _expand(expression: Expression, value: Any, notes: list[tuple[str, Any]], state: _Selecting) -> Iterator[Effect]:
    names = expression.matching(value)
    if not names:
        yield Error(f'Property "{expression.pattern}" cannot be found.', "ExpandPropertyNotFound", "InvalidArgument",
                    _PS_ARGUMENT, value, wrapped=True)
        return
    if len(names) > 1:
        yield Error("Multiple properties cannot be expanded.", "MutlipleExpandProperties", "InvalidArgument",
                    _PS_ARGUMENT, value, wrapped=True)
        return
    result = get_member(value, names[0])
    if result is None:
        return
    items = items_of(result)
    for item in [result] if items is None else items:
        if item is None:
            continue
        child, clashes = _with_notes(item, notes)
        for name in clashes:
            yield _exists(name, value, "AlreadyExistingUserSpecifiedPropertyExpand")
        yield from _emit(child, notes, state)


def _with_notes(child: Any, notes: list[tuple[str, Any]]) -> tuple[Any, list[str]]:
    if not notes:
        return child, []
    taken = {name.lower() for name in property_names(child)}
    added: dict[str, Any] = {}
    clashes: list[str] = []
    for name, item in notes:
        if name.lower() in taken:
            clashes.append(name)
        else:
            taken.add(name.lower())
            added[name] = item
    if isinstance(child, PSObject):
        merged = {**child.notes, **added}
        return PSObject(child.type_names, child.properties, merged, child.to_string, child.live), clashes
    return (Noted(child, added) if added else child), clashes


def _exists(name: str, value: Any, error_id: str) -> Error:
    return Error(f'The property cannot be processed because the property "{name}" already exists.', error_id,
                 "InvalidOperation", _PS_ARGUMENT, value, wrapped=True)


def _emit(value: Any, notes: list[tuple[str, Any]], state: _Selecting) -> Iterator[Effect]:
    if state.kept is None:
        yield Output(value)
        return
    for other, other_notes in state.kept:
        if len(other_notes) == len(notes) and _same_base(value, other, state) and all(
                _same_note(other, name, item, state) for name, item in notes):
            return
    state.kept.append((value, notes))


def _same_base(left: Any, right: Any, state: _Selecting) -> bool:
    """Property bags have no base object of their own: they differ by their selected notes alone."""
    if is_custom(left) or is_custom(right):
        return is_custom(left) and is_custom(right)
    return order(left, right, state.case_insensitive) == 0


def _same_note(other: Any, name: str, item: Any, state: _Selecting) -> bool:
    there, theirs = find_member(other, name)
    return there and order(theirs, item, state.case_insensitive) == 0
