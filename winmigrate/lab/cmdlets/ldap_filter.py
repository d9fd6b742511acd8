"""Filters of LDAP (RFC 4515) as a domain controller evaluates them, over entries of the fabric.

Known: and, or, not, equality, presence, substrings, order of numbers, and Active Directory's matching rules of bits and
of chains. Values are compared as text without regard to case; a SID may be given in its bytes or as S-1-....
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

BIT_AND = "1.2.840.113556.1.4.803"
BIT_OR = "1.2.840.113556.1.4.804"
IN_CHAIN = "1.2.840.113556.1.4.1941"

_ITEM = re.compile(r"\s*(?P<name>[A-Za-z][\w.;-]*)(?::(?P<rule>[\d.]+):)?(?P<operator>>=|<=|~=|=)")
_HEX = re.compile(rb"\\([0-9A-Fa-f]{2})")


class FilterError(ValueError):
    """No filter; the text is Active Directory's."""


class Entry(Protocol):
    """What a filter is tried on."""

    def values(self, attribute: str) -> Iterable[str]:
        """The values of an attribute, by any case of its name, as text."""

    def reaches(self, attribute: str, dn: str) -> bool:
        """Does ``member`` or ``memberOf`` lead to that object, through any number of others?"""


Test: TypeAlias = Callable[[Entry], bool]


def parse(text: str) -> Test:
    """The filter. Raises FilterError."""
    reading = _Reading(text)
    test = reading.filter()
    if reading.rest.strip():
        raise FilterError("The search filter cannot be recognized.")
    return test


@dataclass
class _Reading:
    rest: str

    def filter(self) -> Test:
        self.take("(")
        head = self.rest.lstrip()[:1]
        if head in ("&", "|"):
            self.take(head)
            tests: list[Test] = []
            while self.rest.lstrip()[:1] == "(":
                tests.append(self.filter())
            self.take(")")
            return _all(tests) if head == "&" else _any(tests)
        if head == "!":
            self.take("!")
            inner = self.filter()
            self.take(")")
            return lambda entry: not inner(entry)
        return self.item()

    def take(self, char: str) -> None:
        self.rest = self.rest.lstrip()
        if not self.rest.startswith(char):
            raise FilterError("The search filter cannot be recognized.")
        self.rest = self.rest[1:]

    def item(self) -> Test:
        found = _ITEM.match(self.rest)
        end = self.rest.find(")")
        if found is None or end < found.end():
            raise FilterError("The search filter cannot be recognized.")
        value = self.rest[found.end() : end]
        self.rest = self.rest[end + 1 :]
        return _item(found["name"].lower(), found["rule"], found["operator"], value)


def _all(tests: list[Test]) -> Test:
    return lambda entry: all(test(entry) for test in tests)


def _any(tests: list[Test]) -> Test:
    return lambda entry: any(test(entry) for test in tests)


def _item(name: str, rule: str | None, operator: str, value: str) -> Test:
    if rule == IN_CHAIN:
        target = _text(name, value)
        return lambda entry: entry.reaches(name, target)
    if rule in (BIT_AND, BIT_OR):
        bits = _number(value)
        wanted = bits if rule == BIT_AND else 0
        return lambda entry: any(
            number & bits == wanted if rule == BIT_AND else bool(number & bits)
            for number in map(_number, entry.values(name))
        )
    if rule is not None:
        raise FilterError("The search filter cannot be recognized.")
    if operator in (">=", "<="):
        bound = _number(value)
        return lambda entry: any(
            number >= bound if operator == ">=" else number <= bound for number in map(_number, entry.values(name))
        )
    if value == "*":
        return lambda entry: any(True for _ in entry.values(name))
    if "*" in value:
        parts = [_text(name, part).casefold() for part in value.split("*")]
        like = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
        return lambda entry: any(like.fullmatch(each.casefold()) is not None for each in entry.values(name))
    wanted_text = _text(name, value).casefold()
    return lambda entry: any(each.casefold() == wanted_text for each in entry.values(name))


def _number(value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise FilterError("The search filter cannot be recognized.") from error


def _text(name: str, value: str) -> str:
    raw = _HEX.sub(lambda found: bytes([int(found[1], 16)]), value.encode())
    if name == "objectsid" and not raw.startswith(b"S-"):
        return _sid(raw)
    return raw.decode("utf-8", "replace")


def _sid(raw: bytes) -> str:
    if len(raw) < 8 or len(raw) != 8 + 4 * raw[1]:
        raise FilterError("The search filter cannot be recognized.")
    parts = struct.unpack(f"<{raw[1]}I", raw[8:])
    return "-".join(["S", str(raw[0]), str(int.from_bytes(raw[2:8], "big")), *map(str, parts)])
