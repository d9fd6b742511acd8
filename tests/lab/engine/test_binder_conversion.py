"""The language's conversions: what a value becomes, and with which words it is refused."""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.lab.engine import values as v
from winmigrate.lab.engine.conversion import CastFailure, convert, truth
from winmigrate.lab.engine.conversion_numbers import NotANumber, scan_number
from winmigrate.lab.engine.conversion_types import TypeTable

COLOURS = {"Example.Colour": {"Red": 0, "Green": 1, "Grey": 2}, "Example.Rights": {"Read": 1, "Write": 2, "Run": 4}}
TYPES = TypeTable(COLOURS, "Example.", "Example.")
GUID = uuid.UUID("11112222-3333-4444-5555-666677778888")


@pytest.mark.parametrize(
    ("value", "type_name", "expected"),
    [
        (" 5 ", "Int32", v.Int32(5)),
        ("0x10", "UInt16", v.UInt16(16)),
        ("0xFFFFFFFF", "Int32", v.Int32(-1)),
        ("1kb", "Int64", v.Int64(1024)),
        ("1.5GB", "UInt64", v.UInt64(1610612736)),
        ("1e3", "Int32", v.Int32(1000)),
        ("", "Int32", v.Int32(0)),
        (None, "Int32", v.Int32(0)),
        (2.5, "Int32", v.Int32(2)),
        (3.5, "Byte", v.Byte(4)),
        (Decimal("2.5"), "Int64", v.Int64(2)),
        (True, "Int32", v.Int32(1)),
        (v.Char("A"), "Int32", v.Int32(65)),
        (v.EnumValue("Example.Colour", "Grey", 2), "Int32", v.Int32(2)),
        ("2.5", "Double", 2.5),
        ("1,000", "Double", 1000.0),
        ("1.10", "Decimal", Decimal("1.10")),
        (1.5, "String", "1.5"),
        (None, "String", ""),
        (True, "String", "True"),
        (["a", v.Int32(2)], "String", "a 2"),
        ("11112222333344445555666677778888", "Guid", GUID),
        ("{11112222-3333-4444-5555-666677778888}", "System.Guid", GUID),
        ("9.0", "Version", v.Version("9.0")),
        (9.5, "Version", v.Version("9.5")),
        ("01:00:00", "TimeSpan", v.TimeSpan(36_000_000_000)),
        ("1", "TimeSpan", v.TimeSpan(864_000_000_000)),
        ("-1.02:03:04.5", "TimeSpan", v.TimeSpan(-937_845_000_000)),
        (v.Int32(50), "TimeSpan", v.TimeSpan(50)),
        ("2026-11-23T01:02:03", "DateTime", dt.datetime(2026, 11, 23, 1, 2, 3)),
        ("11/23/2026", "DateTime", dt.datetime(2026, 11, 23)),
        ("green", "Colour", v.EnumValue("Example.Colour", "Green", 1)),
        ("r", "Colour", v.EnumValue("Example.Colour", "Red", 0)),
        ("2", "Colour", v.EnumValue("Example.Colour", "Grey", 2)),
        (v.Int64(1), "Colour", v.EnumValue("Example.Colour", "Green", 1)),
        ("read, RUN", "Rights", v.EnumValue("Example.Rights", "Read, Run", 5)),
        (["Read", "Write"], "Rights", v.EnumValue("Example.Rights", "Read, Write", 3)),
        ("a", "String[]", ["a"]),
        ([v.Int32(1), "2"], "Int32[]", [1, 2]),
        ({"a": "b"}, "IDictionary", {"a": "b"}),
        ("5", "Nullable<System.Int32>", v.Int32(5)),
        (None, "Nullable<System.Int32>", None),
        (False, "SwitchParameter", v.Switch(False)),
        ("x", "Boolean", True),
        ("D:\\", "Uri", v.Uri("D:\\")),
    ],
)
def test_conversions(value: Any, type_name: str, expected: Any) -> None:
    converted = convert(value, TYPES.resolve(type_name))
    assert converted == expected
    if expected is not None and not isinstance(expected, list):
        assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "type_name", "message"),
    [
        ("many", "Int32", 'Cannot convert value "many" to type "System.Int32". Error: "The input string \'many\' was '
                          'not in a correct format."'),
        (v.Int64(2**31), "Int32", 'Cannot convert value "2147483648" to type "System.Int32". Error: "Value was either '
                                  'too large or too small for an Int32."'),
        ("9", "Version", 'Cannot convert value "9" to type "System.Version". Error: "Version string portion was too '
                         "short or too long. (Parameter 'input')\""),
        (GUID, "Int32", f'Cannot convert the "{GUID}" value of type "System.Guid" to type "System.Int32".'),
        ("web01", "Thing", 'Cannot convert the "web01" value of type "System.String" to type "Example.Thing".'),
        (v.Int32(7), "SwitchParameter", 'Cannot convert the "7" value of type "System.Int32" to type '
                                        '"System.Management.Automation.SwitchParameter".'),
        (None, "Guid", 'Cannot convert null to type "System.Guid".'),
        (v.Int32(9), "Colour", 'Cannot convert value "9" to type "Example.Colour" due to enumeration values that are '
                               "not valid. Specify one of the following enumeration values and try again. The possible "
                               'enumeration values are "Red,Green,Grey".'),
        ("Gre", "Colour", 'Cannot convert value "Gre" to type "Example.Colour". Error: "The identifier name Gre cannot '
                          "be processed because it is either too similar or identical to the following enumerator "
                          'names: Green, Grey. Use a more specific identifier name."'),
        (v.Version("1.2"), "Int32", 'Cannot convert the "1.2" value of type "System.Version" to type "System.Int32".'),
        ("25:00:00", "TimeSpan", 'Cannot convert value "25:00:00" to type "System.TimeSpan". Error: "String '
                                 "'25:00:00' was not recognized as a valid TimeSpan.\""),
    ],
)
def test_refused_conversions(value: Any, type_name: str, message: str) -> None:
    with pytest.raises(CastFailure) as caught:
        convert(value, TYPES.resolve(type_name))
    assert str(caught.value) == message


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_integers_survive_their_text(number: int) -> None:
    assert convert(str(number), TYPES.resolve("Int64")) == number


@given(st.uuids())
def test_guids_survive_their_text(value: uuid.UUID) -> None:
    assert convert(str(value), TYPES.resolve("Guid")) == value
    assert convert(value.hex, TYPES.resolve("Guid")) == value


@given(st.text())
def test_any_text_converts_or_is_refused(text: str) -> None:
    for name in ("Int32", "Double", "Decimal", "Guid", "Version", "DateTime", "TimeSpan", "Colour", "Char", "String[]"):
        with suppress(CastFailure):
            convert(text, TYPES.resolve(name))
    with suppress(NotANumber):
        assert isinstance(scan_number(text), (int, float, Decimal))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), ("", False), ("False", True), (v.Int32(0), False), ([], False), ([v.Int32(0)], False),
     ([v.Int32(0), v.Int32(0)], True), (v.Switch(False), False), (v.PSObject(("X",)), True), (0.0, False)],
)
def test_truth(value: Any, expected: bool) -> None:
    assert truth(value) is expected
