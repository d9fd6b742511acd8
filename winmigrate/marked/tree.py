"""YAML, read into a tree in which every value knows its file, line and column.

The tree is built from the parser's events, never by a constructor: no tag makes an object. Only what is the same in
everybody's reading is anything but text: ``true`` and ``false``, whole numbers without a leading zero, nothing.
``22:00``, ``0012``, ``no``, ``1.10`` and ``2027-01-31`` are text. A key given twice, a tag, a merge key, a reference
to itself, nesting or references without end: faults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from winmigrate.errors import Fault, InputFaults
from winmigrate.marked.wording import control_character, shown

#: Bytes of a file. 10,000 VMs fit in a tenth of it.
LARGEST = 8 * 2**20
#: Mappings and lists in one another.
DEEPEST = 40
#: Values that references (``*name``) may add to a file.
MOST_REPEATED = 20_000
#: A file that is wrong from end to end says so this often.
MOST_FAULTS = 100

_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Content: TypeAlias = "str | int | bool | dict[str, Marked] | list[Marked] | None"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands; ``line`` and ``column`` from 1 (columns count characters)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Marked:
    """A value with its place. ``text`` is a scalar as written (without quotes), empty for mappings and lists.

    ``path`` is how a person would point at it: ``migrations[0].to``. ``key_place`` is where its key stands.
    """

    value: Content
    place: Place
    path: str = ""
    text: str = ""
    quoted: bool = False
    key_place: Place | None = None

    @property
    def kind(self) -> str:
        """``mapping``, ``list``, ``text``, ``whole number``, ``true or false`` or ``nothing``."""
        value = self.value
        if isinstance(value, dict):
            return "mapping"
        if isinstance(value, list):
            return "list"
        if isinstance(value, bool):
            return "true or false"
        if isinstance(value, int):
            return "whole number"
        return "nothing" if value is None else "text"

    def fault(self, message: str) -> Fault:
        """A fault at this value."""
        return Fault(self.place.file, self.place.line, self.place.column, self.path, message)

    def key_fault(self, message: str) -> Fault:
        """A fault at this value's key."""
        place = self.key_place or self.place
        return Fault(place.file, place.line, place.column, self.path, message)

    def child(self, key: str) -> Marked | None:
        """The value of a key; None if this is no mapping or has no such key."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def plain(self) -> Any:
        """The tree without its places."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


def read_marked(path: Path | str) -> Marked:
    """Reads a YAML file. Raises InputFaults: no such file, not UTF-8, too large, not YAML, duplicate keys."""
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InputFaults([Fault(name, 0, 0, "", f"cannot be read: {error.strerror or error}")]) from error
    if len(data) > LARGEST:
        raise InputFaults([Fault(name, 0, 0, "", f"larger than {LARGEST // 2**20} MiB: not a file of this program")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        message = f"not UTF-8 (byte 0x{data[error.start]:02x}): save the file as UTF-8"
        raise InputFaults([Fault(name, line, column, "", message)]) from error
    return load_marked(text, name)


def load_marked(text: str, file: str) -> Marked:
    """Reads YAML text; ``file`` is its name in faults. Raises InputFaults with every fault that reading can show."""
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST:
        raise InputFaults([Fault(file, 0, 0, "", f"larger than {LARGEST // 2**20} MiB: not a file of this program")])
    composer = _Composer(file, text)
    root = composer.compose()
    if composer.faults:
        raise InputFaults(composer.faults[:MOST_FAULTS])
    return root


class _Stop(Exception):
    """The rest of the file cannot be read."""


class _Composer:
    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.faults: list[Fault] = []
        self.anchors: dict[str, Marked] = {}
        self.sizes: dict[str, int] = {}
        self.open_anchors: set[str] = set()
        self.made = 0
        self.repeated = 0

    def compose(self) -> Marked:
        root = Marked(None, Place(self.file, 1, 1))
        try:
            events = _events(self.text)
            documents = 0
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self.fault(event.start_mark, "", "a second document (---): one file holds one")
                        break
                elif isinstance(event, yaml.NodeEvent):
                    root = self.node(event, events, "", 0, None)
        except yaml.YAMLError as error:
            self.faults.append(self.syntax_fault(error))
        except _Stop:
            pass
        return root

    def fault(self, mark: Any, path: str, message: str) -> None:
        self.faults.append(Fault(self.file, mark.line + 1, mark.column + 1, path, message))

    def place(self, mark: Any) -> Place:
        return Place(self.file, mark.line + 1, mark.column + 1)

    def node(self, event: Any, events: Iterator[Any], path: str, depth: int, key: Place | None) -> Marked:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path, key)
        if depth > DEEPEST:
            self.fault(event.start_mark, path, f"nested deeper than {DEEPEST} levels")
            raise _Stop
        if event.tag is not None and event.tag != "!":
            tag = event.tag.removeprefix("tag:yaml.org,2002:")
            self.fault(event.start_mark, path, f"a tag ({shown(tag)}) has no meaning here: put text in quotes instead")
        before = self.made
        self.made += 1
        anchor = event.anchor
        if anchor is not None:
            self.open_anchors.add(anchor)
        if isinstance(event, yaml.ScalarEvent):
            made = self.scalar(event, path, key)
        elif isinstance(event, yaml.SequenceStartEvent):
            made = self.sequence(event, events, path, depth, key)
        else:
            made = self.mapping(event, events, path, depth, key)
        if anchor is not None:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = made
            self.sizes[anchor] = self.made - before
        return made

    def alias(self, event: Any, path: str, key: Place | None) -> Marked:
        name = event.anchor
        if name in self.open_anchors:
            self.fault(event.start_mark, path, f"*{name} refers to what it stands in")
            raise _Stop
        if name not in self.anchors:
            self.fault(event.start_mark, path, f"*{name} refers to nothing: no &{name} stands before it")
            raise _Stop
        self.repeated += self.sizes[name]
        if self.repeated > MOST_REPEATED:
            self.fault(event.start_mark, path, f"references (*{name}) make this file grow past {MOST_REPEATED} values")
            raise _Stop
        self.made += self.sizes[name]
        meant = self.anchors[name]
        return Marked(meant.value, self.place(event.start_mark), path, meant.text, meant.quoted, key)

    def scalar(self, event: Any, path: str, key: Place | None) -> Marked:
        text: str = event.value
        plain: bool = event.implicit[0] and event.tag is None
        value: Content = text
        if plain:
            if text in _NULL:
                value = None
            elif text in _TRUTH:
                value = _TRUTH[text]
            elif _WHOLE.fullmatch(text):
                value = int(text)
        if any("\ud800" <= char <= "\udfff" for char in text):
            self.fault(event.start_mark, path, "half a surrogate pair is no character")
        return Marked(value, self.place(event.start_mark), path, text, not plain, key)

    def sequence(self, event: Any, events: Iterator[Any], path: str, depth: int, key: Place | None) -> Marked:
        items: list[Marked] = []
        for inner in events:
            if isinstance(inner, yaml.SequenceEndEvent):
                break
            items.append(self.node(inner, events, f"{path}[{len(items)}]", depth + 1, None))
        return Marked(items, self.place(event.start_mark), path, key_place=key)

    def mapping(self, event: Any, events: Iterator[Any], path: str, depth: int, key: Place | None) -> Marked:
        found: dict[str, Marked] = {}
        for inner in events:
            if isinstance(inner, yaml.MappingEndEvent):
                break
            name, place = self.key(inner, events, path, depth), self.place(inner.start_mark)
            value_event = next(events)
            here = joined(path, name) if name is not None else path
            value = self.node(value_event, events, here, depth + 1, place)
            if name is None:
                continue
            if name in found:
                first = found[name].key_place or found[name].place
                message = f"the key stands twice (first in line {first.line}): leave one"
                self.fault(inner.start_mark, here, message)
                continue
            found[name] = value
        return Marked(found, self.place(event.start_mark), path, key_place=key)

    def key(self, event: Any, events: Iterator[Any], path: str, depth: int) -> str | None:
        if isinstance(event, yaml.ScalarEvent):
            name: str = event.value
            if name == "<<" and event.implicit[0]:
                self.fault(event.start_mark, path, "merge keys (<<) have no meaning here: write it out")
            elif event.tag is not None:
                self.fault(event.start_mark, path, "a tag has no meaning on a key")
            elif name == "" or (event.implicit[0] and name in _NULL):
                self.fault(event.start_mark, path, "a key without a name")
            elif (bad := control_character(name)) is not None:
                self.fault(event.start_mark, path, f"the control character {bad} in a key")
            elif event.anchor is not None:
                self.fault(event.start_mark, path, "an anchor (&) on a key")
            else:
                return name
            return None
        if isinstance(event, yaml.AliasEvent):
            self.fault(event.start_mark, path, "a reference (*) cannot be a key")
            return None
        before = len(self.faults)
        self.node(event, events, path, depth + 1, None)
        del self.faults[before:]
        message = "a mapping or list cannot be a key"
        if isinstance(event, yaml.MappingStartEvent) and event.flow_style:
            message += ": {{ ... }} is Jinja, which is not read here"
        self.fault(event.start_mark, path, message)
        return None

    def syntax_fault(self, error: yaml.YAMLError) -> Fault:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if mark is None:
            return Fault(self.file, *self._reader_position(error), "", f"not YAML: {_reader_words(error)}")
        line, column = mark.line + 1, mark.column + 1
        problem = getattr(error, "problem", None) or "cannot be read"
        context = getattr(error, "context", None)
        lines = self.text.split("\n")
        written = lines[line - 1] if line <= len(lines) else ""
        if "\t" in written[: column - 1 + len("\t")] and not written[: max(0, column - 1)].strip():
            message = "a tab in the indentation: YAML wants spaces"
        elif "{%" in written or "{{" in written:
            message = f"not YAML: {problem} (Jinja is not read here)"
        elif "nesting depth" in problem:
            message = f"nested deeper than {DEEPEST} levels"
        elif "unknown anchor" in problem or "undefined alias" in problem:
            message = f"refers to nothing: {problem}"
        else:
            message = f"not YAML: {problem}" + (f" ({context})" if context else "")
        return Fault(self.file, line, column, "", message)

    def _reader_position(self, error: yaml.YAMLError) -> tuple[int, int]:
        for number, line in enumerate(self.text.split("\n"), 1):
            for column, char in enumerate(line, 1):
                if char not in "\t\r\x85" and not _printable(char):
                    return number, column
        return 0, 0


def _printable(char: str) -> bool:
    point = ord(char)
    return 0x20 <= point <= 0x7E or 0xA0 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or point >= 0x10000


def _reader_words(error: yaml.YAMLError) -> str:
    character = getattr(error, "character", None)
    if isinstance(character, int):
        return f"the control character U+{character:04X}"
    return "a character that has no place in a text file"


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except UnicodeEncodeError as error:  # the C parser takes UTF-8: half a surrogate pair has none
        raise yaml.YAMLError from error


def joined(path: str, key: str) -> str:
    """``path`` and one more key: ``hosts.hv01``; odd keys in brackets: ``hosts["a.b"]``."""
    word = key if re.fullmatch(r"[\w*-]+", key) else None
    if word is None:
        return f"{path}[{shown(key)}]"
    return f"{path}.{word}" if path else word
