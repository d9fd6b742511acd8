"""Filters: whatever a value holds, it stays a value. Held against the parsers of ldap3 and of the lab."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from winmigrate.directory.filters import any_of, both, either, equals, escaped, in_chain
from winmigrate.lab.cmdlets.ldap_filter import FilterError, parse

parse_filter = importlib.import_module("ldap3.operation.search").parse_filter
to_raw = importlib.import_module("ldap3.utils.conv").to_raw

texts = st.text(st.characters(codec="utf-8"), max_size=30)


class One:
    """An entry with one value."""

    def __init__(self, *values: str) -> None:
        self._values = values

    def values(self, attribute: str) -> Iterator[str]:
        return iter({"name": self._values, "objectclass": ("top",)}.get(attribute.lower(), ()))

    def reaches(self, attribute: str, dn: str) -> bool:
        return dn in self._values


@given(texts)
@example("*")
@example("a)(objectClass=*")
@example("\\2a")
@example("\0")
@example("Jäger")
def test_a_value_stays_a_value(value: str) -> None:
    read = parse_filter(equals("name", value), None, True, False, None, False)
    assertion = read.elements[0].assertion
    assert assertion["attr"] == "name"
    assert bytes(_unescaped(assertion["value"])) == value.encode()
    if value:
        assert parse(equals("name", value))(One(value))
    assert not parse(equals("name", value))(One(value + "x"))


def _unescaped(value: bytes | str) -> bytes:
    """ldap3 decodes hex codes when it makes the request."""
    data = to_raw(value)
    found = bytearray()
    position = 0
    while position < len(data):
        if data[position : position + 1] == b"\\":
            found.append(int(data[position + 1 : position + 3], 16))
            position += 3
        else:
            found.append(data[position])
            position += 1
    return bytes(found)


@given(st.binary(max_size=30))
def test_bytes_are_hex_codes(value: bytes) -> None:
    assert bytes.fromhex(escaped(value).replace("\\", "")) == value


@given(st.lists(texts.filter(bool), max_size=4), texts.filter(bool))
def test_one_of_many(values: list[str], value: str) -> None:
    test = parse(any_of("name", values))
    assert test(One(value)) is (value.casefold() in {one.casefold() for one in values})


def test_parts() -> None:
    assert either(["(a=1)"]) == "(a=1)"
    assert both("(a=1)", either(["(b=2)", "(c=3)"])) == "(&(a=1)(|(b=2)(c=3)))"
    assert in_chain("member", "CN=a(b),DC=x") == "(member:1.2.840.113556.1.4.1941:=CN=a\\28b\\29,DC=x)"
    assert parse(in_chain("member", "CN=a(b),DC=x"))(One("CN=a(b),DC=x"))


@given(st.text("()&|!=*\\:ab 01", max_size=25))
def test_the_labs_parser_refuses_or_reads(text: str) -> None:
    try:
        parse(text)(One("a"))
    except FilterError:
        return


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("(name=WEB01)", True),
        ("(name=web*)", True),
        ("(name=*b0*)", True),
        ("(name=*x*)", False),
        ("(!(name=web01))", False),
        ("(&(name=*)(!(other=*)))", True),
        ("(|(name=x)(name=web01))", True),
    ],
)
def test_the_labs_filters(filter: str, found: bool) -> None:
    assert parse(filter)(One("web01")) is found


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("(name:1.2.840.113556.1.4.803:=6)", False),
        ("(name:1.2.840.113556.1.4.803:=4)", True),
        ("(name:1.2.840.113556.1.4.804:=6)", True),
        ("(name>=4)", True),
        ("(name<=4)", False),
    ],
)
def test_the_labs_filters_of_numbers(filter: str, found: bool) -> None:
    assert parse(filter)(One("5")) is found
