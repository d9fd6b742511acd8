"""Script text that is nothing but commands with literal arguments, as statements of a request.

``Get-VM -Name 'web01', db01 | Select-Object Name, State; Get-VMHost`` is run; what has variables, script blocks,
expressions or keywords is not read at all (a twin may stand for it, engine.table).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.engine.conversion import CastFailure, convert
from winmigrate.lab.engine.conversion_types import Kind, TypeTable
from winmigrate.lab.engine.statements import NO_ARGUMENT, CommandCall
from winmigrate.lab.engine.values import Int32, Int64

_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+|`\r?\n)
    |(?P<end>;|\r?\n|\Z)
    |(?P<pipe>\|)
    |(?P<comma>,)
    |(?P<open>@\()
    |(?P<cast>\(\[[A-Za-z][A-Za-z0-9.]*\])
    |(?P<close>\))
    |(?P<table>@\{)
    |(?P<untable>\})
    |(?P<equals>=)
    |'(?P<single>(?:[^'\u2018\u2019\u201a\u201b]|['\u2018-\u201b]{2})*)'
    |"(?P<double>(?:[^"`$]|"")*)"
    |(?P<constant>\$(?:true|false|null)\b)
    |(?P<parameter>-[A-Za-z_?][\w]*:?)
    |(?P<word>[^\s;|,(){}'"$@`=&<>]+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_KEYWORDS = frozenset({
    "if", "else", "elseif", "switch", "foreach", "for", "while", "do", "until", "function", "filter", "param", "begin",
    "process", "end", "try", "catch", "finally", "throw", "return", "break", "continue", "exit", "trap", "data",
    "class", "enum", "using",
})
_NAME = re.compile(r"[A-Za-z?%]")  # how a command's name begins; a digit begins an expression
_CONSTANTS = {"$true": True, "$false": False, "$null": None}
_UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}
_NUMBER = re.compile(r"([+-]?)(0x[0-9a-f]+|\d+)(kb|mb|gb|tb|pb)?", re.IGNORECASE)
_REAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)(e[+-]?\d+)?", re.IGNORECASE)


_EXIT = re.compile(r"(?:\A|;|\r?\n)[ \t]*exit(?:[ \t]+(\$LASTEXITCODE|-?\d+))?[ \t\r\n;]*\Z", re.IGNORECASE)
_TYPES = TypeTable({})
_CAST_KINDS = frozenset({
    Kind.STRING, Kind.INTEGER, Kind.REAL, Kind.DECIMAL, Kind.CHAR, Kind.GUID, Kind.VERSION, Kind.DATETIME,
    Kind.TIMESPAN, Kind.URI,
})


class _NotLiteral(Exception):
    """The text has more than commands and literals."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """``exit`` as a script's last statement; ``code`` None: $LASTEXITCODE, which is 0 where no program ran."""

    code: int | None


def split_exit(text: str) -> tuple[str, Leaving | None]:
    """The script without an ``exit`` at its end, and that exit."""
    found = _EXIT.search(text)
    if found is None:
        return text, None
    given = found[1] or "0"
    return text[: found.start()], Leaving(None if given.startswith("$") else int(given))


@dataclass(slots=True)
class _Tokens:
    tokens: list[tuple[str, str]]
    place: int = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.place][0]

    @property
    def text(self) -> str:
        return self.tokens[self.place][1]

    def take(self) -> str:
        text = self.text
        self.place += 1
        return text

    def skip_blanks(self, *, lines: bool = False) -> None:
        while self.kind == "blank" or (lines and self.kind == "end" and self.text):
            self.place += 1


def parse_literal(text: str) -> tuple[tuple[CommandCall, ...], ...] | None:
    """The statements of the text, or None where it has more than commands and literals."""
    try:
        tokens = _Tokens(_split(text))
        statements: list[tuple[CommandCall, ...]] = []
        while tokens.place < len(tokens.tokens):
            tokens.skip_blanks()
            if tokens.kind == "end":
                tokens.place += 1
                continue
            statements.append(_pipeline(tokens))
    except _NotLiteral:
        return None
    return tuple(statements) or None


def _split(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.end() == place:
            raise _NotLiteral
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        place = match.end()
    return [*found, ("end", "")]


def _pipeline(tokens: _Tokens) -> tuple[CommandCall, ...]:
    commands = [_command(tokens)]
    while tokens.kind == "pipe":
        tokens.place += 1
        tokens.skip_blanks(lines=True)
        commands.append(_command(tokens))
    if tokens.kind != "end":
        raise _NotLiteral
    return tuple(commands)


def _command(tokens: _Tokens) -> CommandCall:
    if tokens.kind != "word" or tokens.text.lower() in _KEYWORDS or not _NAME.match(tokens.text):
        raise _NotLiteral
    name = tokens.take()
    arguments: list[tuple[str | None, Any]] = []
    while True:
        tokens.skip_blanks()
        if tokens.kind in ("end", "pipe"):
            return CommandCall(name, False, tuple(arguments))
        if tokens.kind == "parameter":
            parameter = tokens.take()
            if parameter.endswith(":"):
                tokens.skip_blanks()
                arguments.append((parameter[1:-1], _list(tokens)))
            else:
                arguments.append((parameter[1:], NO_ARGUMENT))
        else:
            arguments.append((None, _list(tokens)))


def _list(tokens: _Tokens) -> Any:
    """One value, or several with commas between."""
    values = [_value(tokens)]
    while True:
        mark = tokens.place
        tokens.skip_blanks()
        if tokens.kind != "comma":
            tokens.place = mark
            return values[0] if len(values) == 1 else values
        tokens.place += 1
        tokens.skip_blanks(lines=True)
        values.append(_value(tokens))


def _value(tokens: _Tokens) -> Any:
    kind = tokens.kind
    if kind == "single":
        return re.sub("(['\u2018-\u201b]){2}", r"\1", tokens.take())
    if kind == "double":
        return tokens.take().replace('""', '"')
    if kind == "constant":
        return _CONSTANTS[tokens.take().lower()]
    if kind == "word":
        return _value_of_word(tokens.take())
    if kind == "open":
        return _array(tokens)
    if kind == "table":
        return _table(tokens)
    if kind == "cast":
        return _cast(tokens)
    raise _NotLiteral


def _cast(tokens: _Tokens) -> Any:
    """``([datetime]'2026-11-25T03:00:00Z')``: one literal as a value of a .NET type that stands for itself."""
    target = _TYPES.resolve(tokens.take()[2:-1])
    tokens.skip_blanks()
    if target.kind not in _CAST_KINDS or tokens.kind not in ("word", "single", "double"):
        raise _NotLiteral
    bare = tokens.kind == "word"
    value = _value(tokens)
    if bare and isinstance(value, str):
        raise _NotLiteral
    tokens.skip_blanks()
    if tokens.kind != "close":
        raise _NotLiteral
    tokens.place += 1
    try:
        return convert(value, target)
    except CastFailure:
        raise _NotLiteral from None


def _array(tokens: _Tokens) -> list[Any]:
    tokens.place += 1
    tokens.skip_blanks(lines=True)
    if tokens.kind == "close":
        tokens.place += 1
        return []
    if tokens.kind == "word" and _value_of_word(tokens.text) is tokens.text:
        raise _NotLiteral  # a command to run, not a word
    value = _list(tokens)
    tokens.skip_blanks(lines=True)
    if tokens.kind != "close":
        raise _NotLiteral
    tokens.place += 1
    return value if isinstance(value, list) else [value]


def _table(tokens: _Tokens) -> dict[str, Any]:
    tokens.place += 1
    made: dict[str, Any] = {}
    while True:
        tokens.skip_blanks(lines=True)
        if tokens.kind == "untable":
            tokens.place += 1
            return made
        if tokens.kind not in ("word", "single", "double"):
            raise _NotLiteral
        key = str(_value(tokens))
        tokens.skip_blanks()
        if tokens.kind != "equals":
            raise _NotLiteral
        tokens.place += 1
        tokens.skip_blanks(lines=True)
        if tokens.kind == "word" and _value_of_word(tokens.text) is tokens.text:
            raise _NotLiteral
        made[key] = _list(tokens)


def _value_of_word(word: str) -> Any:
    """A number where the word is one, else the word itself."""
    match = _NUMBER.fullmatch(word)
    if match:
        number = int(match[2], 0 if match[2][:2].lower() == "0x" else 10) * _UNITS.get((match[3] or "").lower(), 1)
        number = -number if match[1] == "-" else number
        if Int32.low <= number <= Int32.high:
            return Int32(number)
        if Int64.low <= number <= Int64.high:
            return Int64(number)
        return float(number)
    if _REAL.fullmatch(word):
        return float(word)
    return word
