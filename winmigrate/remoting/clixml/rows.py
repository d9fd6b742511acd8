"""A short way for flat rows, which is what projections send: one object, its members scalars or enumerations.

It takes exactly that form, as PowerShell writes it: printable text, no white space between tags, none but the five
named entities. Such a text is cut at its "<"; a tag with its name, read once, is known from then on. Anything else,
right or wrong, gives None, and the reader proper decides. What is taken here is read as it would be there (tests hold
the two against each other).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from winmigrate.remoting.clixml.scalars import SCALARS, text_of
from winmigrate.remoting.clixml.values import EnumValue, PSObject

T = TypeVar("T")

#: Only what begins so can be a row.
ROW_START = '<Obj RefId="'
_ROW_END = "</MS></Obj>"
_ROOT = re.compile(
    r'<Objs(?: Version="[0-9.]{1,20}" xmlns="http://schemas\.microsoft\.com/powershell/2004/04")?>(?=<Obj RefId=")'
)

_TEXT = r"[^<&]*(?:&(?:amp|lt|gt|quot|apos);[^<&]*)*"
_NAME = r'[^"<>&]*'
_HEAD = re.compile(
    rf'<Obj RefId="{_NAME}">(?:<TN RefId="({_NAME})">((?:<T>[^<&]*</T>)*)</TN>|<TNRef RefId="({_NAME})" ?/>)?'
    rf"(?:<ToString>({_TEXT})</ToString>)?<(MS|Props)>"
)
_TAG = re.compile(rf'(\w+) N="({_NAME})"( ?/)?', re.ASCII)
_OBJECT = re.compile(rf'Obj N="({_NAME})" RefId="{_NAME}"')
_TYPES = re.compile(rf'TN RefId="({_NAME})">')
_TYPES_AGAIN = re.compile(rf'TNRef RefId="({_NAME})" ?/>')
_TYPE = re.compile("<T>(?:Deserialized[.])?([^<]*)</T>")
_INTEGERS = frozenset({"I32", "By", "SB", "I16", "U16", "U32", "I64", "U64"})
_MOST = 10_000


class _Memory(dict[str, T], Generic[T]):
    """What a text stands for, remembered within bounds: rows of one kind repeat their names and types."""

    def __init__(self, read: Callable[[str], T]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> T:
        value = self._read(text)
        if len(self) < _MOST and len(text) < 1000:
            self[text] = value
        return value


def _tag(text: str) -> tuple[Callable[[str], Any], str, str] | None:
    """(reader, member's name, end tag) of a scalar's start tag, without its brackets. No end tag: Nil."""
    match = _TAG.fullmatch(text)
    if match is None or match[1] not in SCALARS or (match[3] is not None) is not (match[1] == "Nil"):
        return None
    return SCALARS[match[1]], text_of(match[2]), "" if match[3] else f"/{match[1]}>"


_TAGS = _Memory(_tag)
_TYPE_NAMES: _Memory[tuple[str, ...]] = _Memory(lambda text: tuple(text_of(name) for name in _TYPE.findall(text)))


def _plain(raw: str) -> str | None:
    """The text with its entities resolved; None if there are others than the five that have names in XML."""
    text = raw.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&apos;", "'")
    if text.count("&") != text.count("&amp;"):
        return None
    return text.replace("&amp;", "&")


def _shown(raw: str | None) -> str | None:
    """A ToString of the form that the expressions here let pass."""
    plain = None if raw is None else _plain(raw)
    return None if plain is None else text_of(plain)


def document(text: str) -> list[Any] | None:
    """The values of a text that is a row, or rows in ``Objs``; None if any is not of the simple form.

    Raises ValueError as the scalars do.
    """
    if text.startswith(ROW_START):
        only = row(text, {})
        return None if only is None else [only]
    root = _ROOT.match(text)
    if root is None or not text.endswith(f"{_ROW_END}</Objs>"):
        return None
    known: dict[str, tuple[str, ...]] = {}
    found: list[Any] = []
    for piece in text[root.end() : -len(f"{_ROW_END}</Objs>")].split(_ROW_END + ROW_START):
        value = row(f"{ROW_START if found else ''}{piece}{_ROW_END}", known)
        if value is None:
            return None
        found.append(value)
    return found


def row(text: str, known: dict[str, tuple[str, ...]]) -> PSObject | None:
    """The row in ``text``, or None if it is not of the simple form. ``known`` has the type names seen before, by RefId.

    Raises ValueError as the scalars do.
    """
    head = _HEAD.match(text)
    if head is None or not text.isprintable() or "]]>" in text:
        return None
    number, types, same, told, block = head.groups()
    tail = f"</{block}></Obj>"
    if not text.endswith(tail) or len(text) - len(tail) < head.end():
        return None
    own: tuple[str, ...] = ()
    if types is not None:
        own = known[number] = _TYPE_NAMES[types]
    elif same is not None:
        if same not in known:
            return None
        own = known[same]
    properties: dict[str, Any] = {}
    pieces = text[head.end() : len(text) - len(tail)].split("<")
    if pieces[0]:
        return None
    tags, entities = _TAGS, "&" in text
    index, count = 1, len(pieces)
    while index < count:
        start, _, raw = pieces[index].partition(">")
        tag = tags[start]
        if tag is None:
            index = _enumeration(pieces, index, known, properties)
            if not index:
                return None
            continue
        convert, name, end = tag
        index += 1
        if end:
            if index == count or pieces[index] != end:
                return None
            index += 1
            if entities and "&" in raw:
                plain = _plain(raw)
                if plain is None:
                    return None
                raw = plain
        elif raw:
            return None
        properties[name] = convert(raw)
    return PSObject(own, _shown(told), properties)


def _enumeration(pieces: list[str], index: int, known: dict[str, tuple[str, ...]], properties: dict[str, Any]) -> int:
    """Reads one enumeration from its start tag on; gives the index after its end tag, 0 if it is something else."""
    member = _OBJECT.fullmatch(pieces[index].removesuffix(">"))
    if member is None or not pieces[index].endswith(">"):
        return 0
    rest = pieces[index + 1 : index + 40]
    if not rest:
        return 0
    again = _TYPES_AGAIN.fullmatch(rest[0])
    if again is not None:
        if again[1] not in known:
            return 0
        types, at = known[again[1]], 1
    else:
        first = _TYPES.fullmatch(rest[0])
        if first is None or "/TN>" not in rest:
            return 0
        at = rest.index("/TN>") + 1
        markup = "<" + "<".join(rest[1 : at - 1])
        if re.fullmatch("(?:<T>[^<&]*</T>)+", markup) is None:
            return 0
        types = known[first[1]] = _TYPE_NAMES[markup]
    if len(rest) < at + 5 or rest[at + 1] != "/ToString>" or rest[at + 4] != "/Obj>" or "System.Enum" not in types:
        return 0
    shown, (tag, _, value) = rest[at], rest[at + 2].partition(">")
    if not shown.startswith("ToString>") or tag not in _INTEGERS or rest[at + 3] != f"/{tag}>":
        return 0
    name = _shown(shown.removeprefix("ToString>"))
    if name is None:
        return 0
    properties[text_of(member[1])] = EnumValue(name, SCALARS[tag](value))
    return index + 1 + at + 5
