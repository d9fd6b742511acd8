"""PowerShell's two forms of saying things on a console: CLIXML documents, and text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from winmigrate.lab.console.process import Out
from winmigrate.lab.console.running import parsed
from winmigrate.lab.engine.text import to_text
from winmigrate.lab.engine.values import PSObject
from winmigrate.lab.engine.writer import escape

_HEAD = (
    '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
)
_TAIL = "</Objs>"
_OBJECTS = re.compile(r'(<(?:Obj|Ref)\b[^<>]*?\bRefId=")(\d+)(?=")')
_TYPES = re.compile(r'(<(?:TN|TNRef)\b[^<>]*?\bRefId=")(\d+)(?=")')
_ROOT = re.compile(r"\A<(\w+)")
#: Columns of a console that is none: where lines of errors are broken.
_WIDTH = 120


class Document:
    """A CLIXML document on one stream: begun with its first value, RefIds counted through."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._begun = False
        self._objects = 0
        self._types = 0

    def add(self, kind: str, clixml: str) -> Iterator[Out]:
        """One value, of "Output", "Error", "progress", "warning", "verbose", "debug" or "information"."""
        text, self._objects = _renumbered(_OBJECTS, clixml, self._objects)
        text, self._types = _renumbered(_TYPES, text, self._types)
        text = _ROOT.sub(rf'<\1 S="{kind}"', text, count=1)
        head = "" if self._begun else _HEAD
        self._begun = True
        yield Out(self._stream, head + text)

    def add_text(self, kind: str, text: str) -> Iterator[Out]:
        yield from self.add(kind, f"<S>{escape(text)}</S>")

    def end(self) -> Iterator[Out]:
        if self._begun:
            yield Out(self._stream, _TAIL)


def _renumbered(pattern: re.Pattern[str], text: str, first: int) -> tuple[str, int]:
    after = first

    def shift(match: re.Match[str]) -> str:
        nonlocal after
        number = first + int(match[2])
        after = max(after, number + 1)
        return f"{match[1]}{number}"

    return pattern.sub(shift, text), after


def error_lines(clixml: str, script: str) -> list[str]:
    """An error record as Windows PowerShell 5.1 prints it, without line ends; where it stands in the script only if
    its command can be found there."""
    record = parsed(clixml)
    if not isinstance(record, PSObject):
        return [to_text(record)]
    message = to_text(record.get("ErrorDetails_Message")) or record.to_string or ""
    fqeid = to_text(record.get("FullyQualifiedErrorId"))
    activity = to_text(record.get("ErrorCategory_Activity"))
    missing = fqeid == "CommandNotFoundException"
    called = to_text(record.get("ErrorCategory_TargetName")) if missing else activity
    lines = _wrapped(f"{called} : {message}" if called else message)
    lines += _position(script, called, whole=not missing)
    category = _category_of(to_text(record.get("ErrorCategory_Message")))
    lines += _wrapped(f"    + CategoryInfo          : {category}", "   ")
    lines += _wrapped(f"    + FullyQualifiedErrorId : {fqeid}", "   ")
    return [*lines, " "]


def _category_of(told: str) -> str:
    return told.replace(":) [", ":) [", 1) if told else "NotSpecified: (:) [], Exception"


def _wrapped(text: str, indent: str = "") -> list[str]:
    """Lines of at most a console's width less one; a word counts with the blank behind it (pypsrp's fixture of a real
    error has it so)."""
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        lines.append("")
        for word in re.findall(r"\s*\S*\s?", line):
            room = _WIDTH - 1 - len(lines[-1])
            if len(word) > room and lines[-1].strip():
                lines.append(indent)
                room = _WIDTH - 1 - len(indent)
            while len(word) > room:
                lines[-1] += word[:room]
                lines.append(indent)
                word, room = word[room:], _WIDTH - 1 - len(indent)
            lines[-1] += word
    return lines


def _position(script: str, called: str, *, whole: bool) -> list[str]:
    if not called:
        return []
    found = re.search(rf"(?<![\w-]){re.escape(called)}(?![\w-])", script, re.IGNORECASE)
    if found is None:
        return []
    before = script[: found.start()]
    number = before.count("\n") + 1
    column = found.start() - (before.rfind("\n") + 1)
    line = script.splitlines()[number - 1]
    end = re.search(r"[;|]", line[column:]) if whole else None
    length = len(line[column : column + end.start()].rstrip()) if end else len(line) - column
    marked = length if whole else len(called)
    return [f"At line:{number} char:{column + 1}", f"+ {line}", f"+ {' ' * column}{'~' * max(1, marked)}"]


def object_lines(values: list[Any]) -> list[str]:
    """Objects as text: up to four properties a table, more a list, as PowerShell does for what has no view of its own.
    The widths of columns are not claimed to be Windows' own; nor are the views of Hyper-V's types drawn."""
    lines: list[str] = []
    group: list[PSObject] = []
    for value in values:
        if isinstance(value, PSObject) and (value.properties or value.notes):
            if group and list(_members(group[0])) != list(_members(value)):
                lines += _group(group)
                group = []
            group.append(value)
            continue
        lines += _group(group)
        group = []
        lines += to_text(value).splitlines() or [""]
    return lines + _group(group)


def _members(value: PSObject) -> dict[str, Any]:
    return {**value.properties, **value.notes}


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "{" + ", ".join(to_text(each) for each in value) + "}"
    return to_text(value)


def _group(values: list[PSObject]) -> list[str]:
    if not values:
        return []
    rows = [{name: _cell(item) for name, item in _members(value).items()} for value in values]
    names = list(rows[0])
    if len(names) > 4:
        width = max(map(len, names))
        lines = ["", ""]
        for row in rows:
            lines += [f"{name:<{width}} : {text}" for name, text in row.items()]
            lines.append("")
        return [*lines, "", ""]
    number = {name: all(isinstance(_members(value)[name], int | float) for value in values) for name in names}
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}

    def drawn(cells: dict[str, str]) -> str:
        return " ".join(
            cells[name].rjust(widths[name]) if number[name] else cells[name].ljust(widths[name]) for name in names
        ).rstrip()

    head = drawn({name: name for name in names})
    rule = drawn({name: "-" * len(name) for name in names})
    return ["", head, rule, *map(drawn, rows), "", ""]
