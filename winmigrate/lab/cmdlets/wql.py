"""WQL, as far as -Filter and -Query of Get-CimInstance need it: SELECT list FROM class WHERE condition.

Comparisons do not regard case, as in WMI; null compares with nothing but IS NULL.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

Condition: TypeAlias = "Callable[[Mapping[str, Any]], bool]"

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign><=|>=|<>|!=|=|<|>|\(|\)|,|\*)
    )""",
    re.VERBOSE,
)


class BadQuery(ValueError):
    """Text that is no WQL of this subset (WBEM_E_INVALID_QUERY)."""


@dataclass(frozen=True, slots=True)
class Query:
    """``properties`` None: all of them (``*``)."""

    class_name: str
    properties: tuple[str, ...] | None
    condition: Condition


@lru_cache(maxsize=256)
def parse_query(text: str) -> Query:
    """A whole SELECT. Raises BadQuery."""
    parser = _Parser(text)
    parser.word("SELECT")
    properties: list[str] | None = None
    if not parser.sign("*"):
        properties = [parser.name()]
        while parser.sign(","):
            properties.append(parser.name())
    parser.word("FROM")
    class_name = parser.name()
    condition = parser.condition() if parser.is_word("WHERE") else _always
    parser.end()
    return Query(class_name, None if properties is None else tuple(properties), condition)


@lru_cache(maxsize=256)
def parse_filter(text: str) -> Condition:
    """What stands after WHERE. Raises BadQuery."""
    parser = _Parser(text)
    condition = parser.condition()
    parser.end()
    return condition


def _always(row: Mapping[str, Any]) -> bool:
    return True


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise BadQuery(text)
            self._tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            at = match.end()
        self._text = text

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def is_word(self, word: str) -> bool:
        kind, text = self._peek()
        if kind == "name" and text.upper() == word:
            self._at += 1
            return True
        return False

    def word(self, word: str) -> None:
        if not self.is_word(word):
            raise BadQuery(self._text)

    def sign(self, sign: str) -> bool:
        if self._peek() == ("sign", sign):
            self._at += 1
            return True
        return False

    def name(self) -> str:
        kind, text = self._take()
        if kind != "name":
            raise BadQuery(self._text)
        return text

    def end(self) -> None:
        if self._peek()[0] != "end":
            raise BadQuery(self._text)

    def condition(self) -> Condition:
        parts = [self._both()]
        while self.is_word("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _both(self) -> Condition:
        parts = [self._one()]
        while self.is_word("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _one(self) -> Condition:
        if self.is_word("NOT"):
            inner = self._one()
            return lambda row: not inner(row)
        if self.sign("("):
            inner = self.condition()
            if not self.sign(")"):
                raise BadQuery(self._text)
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        if self._peek()[0] == "name" and not self._constant_next():
            name = self.name()
            return self._compared(name)
        value = self._value()
        kind, sign = self._take()
        if kind != "sign" or sign not in _MIRRORED:
            raise BadQuery(self._text)
        return _comparing(self.name(), _MIRRORED[sign], value)

    def _compared(self, name: str) -> Condition:
        if self.is_word("IS"):
            wanted = not self.is_word("NOT")
            self.word("NULL")
            return lambda row: (_read(row, name) is None) is wanted
        if self.is_word("LIKE"):
            kind, text = self._take()
            if kind != "string":
                raise BadQuery(self._text)
            pattern = _like(_unquoted(text))
            return lambda row: _read(row, name) is not None and bool(pattern.fullmatch(str(_read(row, name))))
        kind, sign = self._take()
        if kind != "sign" or sign not in _MIRRORED:
            raise BadQuery(self._text)
        return _comparing(name, sign, self._value())

    def _constant_next(self) -> bool:
        return self._peek()[1].upper() in ("TRUE", "FALSE", "NULL")

    def _value(self) -> Any:
        kind, text = self._take()
        if kind == "string":
            return _unquoted(text)
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "name" and text.upper() in ("TRUE", "FALSE", "NULL"):
            return {"TRUE": True, "FALSE": False, "NULL": None}[text.upper()]
        raise BadQuery(self._text)


_MIRRORED = {"=": "=", "<>": "<>", "!=": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _read(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    folded = name.lower()
    return next((row[key] for key in row if key.lower() == folded), None)


def _like(text: str) -> re.Pattern[str]:
    pattern = re.sub(r"%|_|\[[^\]]*\]|.", lambda m: {"%": ".*", "_": "."}.get(
        m.group(), m.group() if len(m.group()) > 1 else re.escape(m.group())), text)
    try:
        return re.compile(pattern, re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise BadQuery(text) from error


def _comparing(name: str, sign: str, wanted: Any) -> Condition:
    def compare(row: Mapping[str, Any]) -> bool:
        left, right = _alike(_read(row, name), wanted)
        if left is None or right is None:
            return (sign in ("=",)) and left is right
        if sign == "=":
            return bool(left == right)
        if sign in ("<>", "!="):
            return bool(left != right)
        return bool({"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[sign])

    return compare


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    if left is None or right is None:
        return left, right
    if isinstance(right, str) and isinstance(left, int | float):
        try:
            return left, float(right)
        except ValueError:
            return str(left).lower(), right.lower()
    if isinstance(left, str | uuid.UUID):
        return str(left).lower(), str(right).lower()
    return left, right
