"""Shapes: what a marked value must look like, as values that read it and that describe themselves as JSON Schema.

A shape's ``read`` gives the value or raises :class:`Misfit` with every fault below it, so that all faults of a file
are told at once. Tables of keys (:func:`fields`) refuse unknown and missing keys and say which was likely meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from winmigrate.errors import Fault, did_you_mean
from winmigrate.marked.tree import Marked
from winmigrate.marked.wording import control_character, shown

T = TypeVar("T")
S = TypeVar("S")

#: Keys that would hold a secret; none is taken anywhere.
SECRET_KEYS = frozenset({"password", "passwd", "pwd", "pass", "secret", "token", "apikey", "api_key", "passphrase"})


class Misfit(Exception):
    """A value that has not the shape wanted, with all the faults found in it."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """How to read a value, and its JSON Schema (draft 2020-12)."""

    read: Callable[[Marked], T]
    schema: Mapping[str, Any]

    def about(self, words: str) -> Shape[T]:
        """The same, with a description for editors."""
        return Shape(self.read, {**self.schema, "description": words})


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping. A key that is absent has ``default``."""

    shape: Shape[Any]
    required: bool = False
    default: Any = None
    about: str = ""


@dataclass(slots=True)
class Gathering:
    """Collects faults where reading goes on after one: ``of`` gives the value, or ``default`` if it does not fit."""

    faults: list[Fault] = field(default_factory=list)

    def of(self, shape: Shape[T], marked: Marked, default: S) -> T | S:
        try:
            return shape.read(marked)
        except Misfit as misfit:
            self.faults.extend(misfit.faults)
            return default

    def settle(self) -> None:
        """Raises one Misfit with all that was gathered."""
        if self.faults:
            raise Misfit(*self.faults)


def fitting(marked: Marked, wanted: str) -> Misfit:
    """The misfit of a value of the wrong kind."""
    what = f"{shown(marked.text)} is {marked.kind}" if marked.kind == "text" else f"this is {_article(marked.kind)}"
    if marked.kind in ("whole number", "true or false"):
        what = f"{marked.text} is {_article(marked.kind)}"
    return Misfit(marked.fault(f"{what}; wanted: {wanted}"))


def _article(kind: str) -> str:
    return kind if kind in ("nothing", "true or false", "text") else f"a {kind}"


# --- scalars -----------------------------------------------------------------------------------------------------


def _read_words(marked: Marked, wanted: str) -> str:
    if isinstance(marked.value, dict | list) or marked.value is None:
        raise fitting(marked, wanted)
    if not marked.text.strip():
        raise Misfit(marked.fault(f"empty; wanted: {wanted}"))
    bad = control_character(marked.text)
    if bad is not None:
        raise Misfit(marked.fault(f"the control character {bad} in text; wanted: {wanted}, on one line"))
    return marked.text


def words(wanted: str = "text", check: Callable[[str], str | None] | None = None, **schema: Any) -> Shape[str]:
    """Text on one line, as written (``22:00`` and ``0012`` too). ``check`` gives what is wrong with it, or None."""

    def read(marked: Marked) -> str:
        text = _read_words(marked, wanted)
        wrong = check(text) if check is not None else None
        if wrong is not None:
            raise Misfit(marked.fault(wrong))
        return text

    return Shape(read, {"type": ["string", "integer", "boolean"], **schema})


def parsed(wanted: str, parse: Callable[[str], T], **schema: Any) -> Shape[T]:
    """Text that ``parse`` makes a value of; a ValueError of it becomes the fault."""

    def read(marked: Marked) -> T:
        text = _read_words(marked, wanted)
        try:
            return parse(text)
        except ValueError as error:
            raise Misfit(marked.fault(str(error))) from error

    return Shape(read, {"type": ["string", "integer"], **schema})


def whole(low: int, high: int, wanted: str = "") -> Shape[int]:
    """A whole number from ``low`` to ``high``."""
    range_ = wanted or f"a whole number from {low} to {high}"

    def read(marked: Marked) -> int:
        value = marked.value
        if isinstance(value, bool) or not isinstance(value, int):
            raise fitting(marked, range_)
        if not low <= value <= high:
            raise Misfit(marked.fault(f"{value} is out of range; wanted: {range_}"))
        return value

    return Shape(read, {"type": "integer", "minimum": low, "maximum": high})


def _read_truth(marked: Marked) -> bool:
    if not isinstance(marked.value, bool):
        hint = "true or false"
        if marked.text.lower() in ("yes", "no", "on", "off", "y", "n") and not marked.quoted:
            meant = "true" if marked.text.lower() in ("yes", "on", "y") else "false"
            hint = f"true or false ({marked.text} is read as text; write {meant})"
        raise fitting(marked, hint)
    return marked.value


def truth() -> Shape[bool]:
    """``true`` or ``false``, and no other word."""
    return Shape(_read_truth, {"type": "boolean"})


def choice(*known: str, reasons: Mapping[str, str] | None = None) -> Shape[str]:
    """One of a few words. ``reasons`` are words one might try, with why they are refused."""
    wanted = " | ".join(known)

    def read(marked: Marked) -> str:
        text = _read_words(marked, wanted)
        if text in known:
            return text
        if reasons and text in reasons:
            raise Misfit(marked.fault(f"{shown(text)}: {reasons[text]}"))
        raise Misfit(marked.fault(f"{shown(text)} is none of {wanted}{did_you_mean(text, known)}"))

    return Shape(read, {"enum": list(known)})


# --- lists and mappings ------------------------------------------------------------------------------------------


def listing(item: Shape[T], wanted: str = "a list", least: int = 0) -> Shape[tuple[T, ...]]:
    """A list of one shape."""

    def read(marked: Marked) -> tuple[T, ...]:
        if not isinstance(marked.value, list):
            raise fitting(marked, wanted)
        if len(marked.value) < least:
            raise Misfit(marked.fault(f"an empty list; wanted: {wanted}"))
        gathering = Gathering()
        found = [gathering.of(item, one, None) for one in marked.value]
        gathering.settle()
        return tuple(one for one in found if one is not None)

    return Shape(read, {"type": "array", "items": item.schema, **({"minItems": least} if least else {})})


def one_or_more(item: Shape[T], wanted: str) -> Shape[tuple[T, ...]]:
    """One value, or a list of at least one."""
    many = listing(item, wanted, least=1)

    def read(marked: Marked) -> tuple[T, ...]:
        return many.read(marked) if isinstance(marked.value, list) else (item.read(marked),)

    return Shape(read, {"anyOf": [item.schema, many.schema]})


def entries(
    item: Shape[T],
    wanted: str,
    name: Callable[[str], str | None] | None = None,
    least: int = 0,
) -> Shape[dict[str, T]]:
    """A mapping from names that the operator chooses to one shape. ``name`` says what is wrong with a name."""

    def read(marked: Marked) -> dict[str, T]:
        if not isinstance(marked.value, dict):
            raise fitting(marked, wanted)
        if len(marked.value) < least:
            raise Misfit(marked.fault(f"empty; wanted: {wanted}"))
        gathering = Gathering()
        found: dict[str, T] = {}
        for key, one in marked.value.items():
            wrong = name(key) if name is not None else None
            if wrong is not None:
                gathering.faults.append(one.key_fault(wrong))
            value = gathering.of(item, one, None)
            if value is not None:
                found[key] = value
        gathering.settle()
        return found

    schema = {"type": "object", "additionalProperties": item.schema, **({"minProperties": least} if least else {})}
    return Shape(read, schema)


def key_faults(marked: Marked, known: Iterable[str], required: Iterable[str] = ()) -> list[Fault]:
    """Unknown and missing keys of a mapping; words that would hold a secret are refused as such."""
    found = marked.value if isinstance(marked.value, dict) else {}
    names = list(known)
    faults = []
    for key, value in found.items():
        if key in names:
            continue
        if key.lower() in SECRET_KEYS:
            message = "a secret has no place in a file: name it (credential: keyring:NAME, env:NAME, file:PATH, prompt)"
        else:
            message = f"unknown key{did_you_mean(key, names) or '; known here: ' + ', '.join(names)}"
        faults.append(value.key_fault(message))
    faults.extend(marked.fault(f'the key "{key}" is missing') for key in required if key not in found)
    return faults


def read_fields(keys: Mapping[str, Key], marked: Marked, wanted: str, gathering: Gathering) -> dict[str, Any]:
    """The values of a mapping's keys; what does not fit is gathered and stands as its default."""
    if not isinstance(marked.value, dict):
        gathering.faults.extend(fitting(marked, wanted).faults)
        return {name: key.default for name, key in keys.items()}
    required = [name for name, key in keys.items() if key.required]
    gathering.faults.extend(key_faults(marked, keys, required))
    found = {}
    for name, key in keys.items():
        value = marked.value.get(name)
        found[name] = key.default if value is None else gathering.of(key.shape, value, key.default)
    return found


def fields(
    keys: Mapping[str, Key],
    wanted: str,
    build: Callable[[Marked, dict[str, Any]], T],
    **schema: Any,
) -> Shape[T]:
    """A mapping with known keys; ``build`` makes a value of them once each has its shape (and may raise Misfit)."""

    def read(marked: Marked) -> T:
        gathering = Gathering()
        found = read_fields(keys, marked, wanted, gathering)
        gathering.settle()
        return build(marked, found)

    return Shape(read, {**schema_of(keys), **schema})


def schema_of(keys: Mapping[str, Key]) -> dict[str, Any]:
    """The JSON Schema of a mapping with these keys."""
    properties = {}
    for name, key in keys.items():
        properties[name] = {**key.shape.schema, **({"description": key.about} if key.about else {})}
    required = [name for name, key in keys.items() if key.required]
    shape: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**shape, "required": required} if required else shape
