"""The object cmdlets: what the recorded pipelines do not show, and what Windows PowerShell does otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.engine._requests import command, engine, error_id, outputs, request, row, run
from winmigrate.lab.engine.editions import POWERSHELL_7_6, WINDOWS_POWERSHELL_5_1, Edition
from winmigrate.lab.engine.effects import Call, Effect, Output
from winmigrate.lab.engine.objects.collation import compare_text
from winmigrate.lab.engine.objects.members import wildcard
from winmigrate.lab.engine.values import Int32, Int64, PSObject, TimeSpan


def rows(*values: Any) -> tuple[str, Any]:
    def body(call: Call) -> Iterator[Effect]:
        yield from map(Output, values)

    return command(body)


def piped(
    values: list[Any], *commands: tuple[str, dict[str, Any]], edition: Edition = WINDOWS_POWERSHELL_5_1,
) -> list[Any]:
    return outputs(run(engine(rows(*values), edition=edition), request([("Get-Thing", {}), *commands])))


MACHINES = [row(Name="b", Memory=Int32(2)), row(Name="a", Memory=Int32(3)), row(Name="C", Memory=Int32(2))]


def test_group_object_sorts_in_7_and_keeps_the_order_in_5_1() -> None:
    groups = ("Group-Object", {"Property": "Name", "NoElement": True})
    pick = ("Select-Object", {"ExpandProperty": "Name"})
    assert piped(MACHINES, groups, pick, edition=POWERSHELL_7_6) == ["a", "b", "C"]
    assert piped(MACHINES, groups, pick) == ["b", "a", "C"]


def test_exclude_property_alone_does_nothing_in_5_1() -> None:
    exclude = ("Select-Object", {"ExcludeProperty": "Memory"})
    assert [list(each.notes) for each in piped(MACHINES[:1], exclude, edition=POWERSHELL_7_6)] == [["Name"]]
    assert [list(each.notes) for each in piped(MACHINES[:1], exclude)] == [["Name", "Memory"]]


def test_standard_deviation_is_7s() -> None:
    measured = ("Measure-Object", {"Property": "Memory", "Sum": True})
    assert "StandardDeviation" in piped(MACHINES, measured, edition=POWERSHELL_7_6)[0].properties
    assert "StandardDeviation" not in piped(MACHINES, measured)[0].properties
    deviation = ("Measure-Object", {"Property": "Memory", "StandardDeviation": True})
    measured_7 = piped(MACHINES, deviation, edition=POWERSHELL_7_6)[0]
    assert measured_7.get("StandardDeviation") == pytest.approx(0.57735, 1e-4)
    assert piped(MACHINES, deviation) == []


@pytest.mark.parametrize(("parameters", "expected"), [
    ({"Top": Int32(2)}, ["a", "b"]),
    ({"Bottom": Int32(1)}, ["C"]),
    ({"Descending": True}, ["C", "b", "a"]),
    ({"Property": [{"Expression": "Memory", "Descending": True}, "Name"]}, ["a", "b", "C"]),
])
def test_sorting(parameters: dict[str, Any], expected: list[str]) -> None:
    sort = ("Sort-Object", {"Property": "Name", **parameters})
    assert [each.get("Name") for each in piped(MACHINES, sort, edition=POWERSHELL_7_6)] == expected


@pytest.mark.parametrize(("parameters", "expected"), [
    ({"Index": [Int32(0), Int32(2)]}, ["b", "C"]),
    ({"Skip": Int32(1)}, ["a", "C"]),
    ({"Last": Int32(2)}, ["a", "C"]),
    ({"First": Int32(1), "Last": Int32(1)}, ["b", "C"]),
    ({"First": Int32(1), "Skip": Int32(1)}, ["a"]),
    ({"SkipLast": Int32(1)}, ["b", "a"]),
])
def test_selecting_by_place(parameters: dict[str, Any], expected: list[str]) -> None:
    assert [each.get("Name") for each in piped(MACHINES, ("Select-Object", parameters))] == expected


def test_where_object_with_not_and_wildcards_of_values() -> None:
    assert piped(MACHINES, ("Where-Object", {"Property": "Missing", "Not": True}), edition=POWERSHELL_7_6) == []
    like = ("Where-Object", {"Property": "Name", "Like": True, "Value": "[ab]"})
    assert [each.get("Name") for each in piped(MACHINES, like)] == ["b", "a"]
    between = ("Where-Object", {"Property": "Memory", "GE": True, "Value": "3"})
    assert [each.get("Name") for each in piped(MACHINES, between)] == ["a"]


@pytest.mark.parametrize(("member", "arguments", "expected"), [
    ("Length", None, [3]),
    ("ToUpper", None, ["A-B"]),
    ("Replace", ["-", "+"], ["a+b"]),
    ("Split", ["-"], ["a", "b"]),
    ("Substring", [Int32(2)], ["b"]),
])
def test_members_of_text(member: str, arguments: list[Any] | None, expected: list[Any]) -> None:
    parameters = {"MemberName": member} | ({"ArgumentList": arguments} if arguments else {})
    assert piped(["a-b"], ("ForEach-Object", parameters)) == expected


def test_a_method_that_is_not_there() -> None:
    messages = run(engine(rows("x")), request([("Get-Thing", {}), (
        "ForEach-Object", {"MemberName": "Explode", "ArgumentList": [Int32(1)]})]))
    assert error_id(messages) == "MethodNotFound,Microsoft.PowerShell.Commands.ForEachObjectCommand"


def test_counting_text() -> None:
    measured = piped(["one two\nthree", ""], ("Measure-Object", {"Line": True, "Word": True, "Character": True}))[0]
    assert (measured.get("Lines"), measured.get("Words"), measured.get("Characters")) == (2, 3, 13)


def test_json_of_both_editions() -> None:
    values = [row(Name="a'b", Up=TimeSpan.of(1), Big=Int64(2**40), List=[1, 2], Deep={"x": {"y": {"z": {"q": 1}}}})]
    compact = ("ConvertTo-Json", {"Compress": True})
    newer = piped([row(Name="a'b", Number=1.0, Nothing=None)], compact, edition=POWERSHELL_7_6)
    assert newer == ['{"Name":"a\'b","Number":1.0,"Nothing":null}']
    older = piped([row(Name="a'b")], compact)
    assert older == ['{"Name":"a\\u0027b"}']
    assert piped([row(Name="a")], ("ConvertTo-Json", {})) == ['{\r\n    "Name":  "a"\r\n}']
    assert '"Deep":{"x":{"y":"System.Collections.Hashtable"}}' in piped(values, compact)[0]


def test_csv_with_its_own_header_and_quotes() -> None:
    made = piped(["Name,Path", '"a, b","C:\\x"'], ("ConvertFrom-Csv", {}))
    assert [(each.get("Name"), each.get("Path")) for each in made] == [("a, b", "C:\\x")]


def test_members_of_an_object() -> None:
    machine = PSObject(("X.Machine", "System.Object"), {"Name": "a", "Memory": Int64(1)})
    made = piped([machine, machine], ("Get-Member", {"MemberType": "Property"}))
    assert [(each.get("Name"), each.get("Definition")) for each in made] == [
        ("Memory", "long Memory {get;}"), ("Name", "string Name {get;}")]


def test_write_error() -> None:
    parameters = {"Message": "no", "ErrorId": "Bad", "Category": "ObjectNotFound"}
    messages = run(engine(), request([("Write-Error", parameters)]))
    assert error_id(messages) == "Bad,Microsoft.PowerShell.Commands.WriteErrorCommand"


def test_sorting_many_rows_agrees_with_sorting_them_at_all() -> None:
    values = [row(Name=f"n{number * 7919 % 997}") for number in range(300)]
    names = [each.get("Name") for each in piped(values, ("Sort-Object", {"Property": "Name"}))]
    assert names == sorted(names)
    assert len(names) == 300


@pytest.mark.parametrize(("left", "right", "expected"), [
    ("a", "B", -1), ("a", "A", 0), ("a-b", "ab", -1), ("é", "f", -1), ("e", "é", -1), ("9", "a", -1), (" x", "x", -1),
    ("z?", "z", 1), ("", "a", -1), ("straße", "strasse", 0),
])
def test_collation(left: str, right: str, expected: int) -> None:
    assert compare_text(left, right, True) == expected
    assert compare_text(right, left, True) == -expected


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.booleans())
def test_collation_is_an_order(one: str, two: str, three: str, ignore_case: bool) -> None:
    assert compare_text(one, two, ignore_case) == -compare_text(two, one, ignore_case)
    if compare_text(one, two, ignore_case) <= 0 and compare_text(two, three, ignore_case) <= 0:
        assert compare_text(one, three, ignore_case) <= 0


@given(st.text(alphabet="ab*?[]`", max_size=6))
def test_an_escaped_wildcard_matches_its_text_alone(text: str) -> None:
    escaped = "".join(f"`{char}" if char in "*?[]`" else char for char in text)
    assert wildcard(escaped).fullmatch(text)
    assert not wildcard(escaped).fullmatch(text + "x")
