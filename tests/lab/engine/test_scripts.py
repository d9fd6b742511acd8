"""Scripts that are nothing but commands with literal arguments."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.engine._requests import command, engine, error_id, kinds, outputs, request, row, run
from winmigrate.lab.engine.effects import Call, Effect, Error, Implementation, Output, Terminate
from winmigrate.lab.engine.scripts import parse_literal
from winmigrate.lab.engine.statements import NO_ARGUMENT


@pytest.mark.parametrize(("text", "expected"), [
    ("Get-VM", [[("Get-VM", [])]]),
    ("Get-VM web01", [[("Get-VM", [(None, "web01")])]]),
    ("Get-VM -Name 'it''s', \"a\"\"b\" ;", [[("Get-VM", [("Name", NO_ARGUMENT), (None, ["it's", 'a"b'])])]]),
    ("a -b:$false -c 5 -d -5 -e 4GB -f 0x10 -g 1.5", [[("a", [
        ("b", False), ("c", NO_ARGUMENT), (None, 5), ("d", NO_ARGUMENT), (None, -5), ("e", NO_ARGUMENT), (None, 2**32),
        ("f", NO_ARGUMENT), (None, 16), ("g", NO_ARGUMENT), (None, 1.5)])]]),
    ("a |\n b; c\r\nd", [[("a", []), ("b", [])], [("c", [])], [("d", [])]]),
    ("a @{Name = 'x'; Size=1} @('p', 2) @()", [[("a", [
        (None, {"Name": "x", "Size": 1}), (None, ["p", 2]), (None, [])])]]),
    ("a ([uint16]'4'), 5 ([guid]'3ab7ee4f-7f96-5d33-b85d-97b5826a0a02')", [[("a", [
        (None, [4, 5]), (None, uuid.UUID("3ab7ee4f-7f96-5d33-b85d-97b5826a0a02"))])]]),
    ("a @{When=([datetime] '2026-01-02T03:04:05.5Z'); Size=([double]1.5)}", [[("a", [(None, {
        "When": dt.datetime(2026, 1, 2, 3, 4, 5, 500000, dt.timezone.utc), "Size": 1.5})])]]),
    ("Dir D:\\VMs\\web01", [[("Dir", [(None, "D:\\VMs\\web01")])]]),
])
def test_what_is_literal_is_read(text: str, expected: Any) -> None:
    statements = parse_literal(text)
    assert statements is not None
    assert [[(each.name, list(each.arguments)) for each in statement] for statement in statements] == expected


@pytest.mark.parametrize("text", [
    "1+1", "$x", "Get-VM $name", "Get-VM | ? { $_ }", 'Get-VM "$x"', "function f { 1 }", "if (1) { 2 }", "'x' * 3",
    "1..3", "a 2>&1", "a | | b", "@(Get-VM)", "a (b)", "& a", "5", "'unfinished", "a @{x=Get-VM}", "", "a & b", "a, b",
    "a ([uint16]'70000')", "a ([uint16]4", "a ([io.file]'x')", "a ([guid]Get-VM)", "a ([int]5 + 1)", "a [int]5 ([x])",
])
def test_what_is_more_is_not(text: str) -> None:
    assert parse_literal(text) is None


@given(st.text(max_size=40))
def test_any_text_is_read_or_left(text: str) -> None:
    statements = parse_literal(text)
    assert statements is None or all(each.name for statement in statements for each in statement)


def machines(call: Call) -> Iterator[Effect]:
    for name in call.get("Name") or ["web01", "db01"]:
        if name == "broken":
            raise Terminate(Error("broken", "Broken", "ResourceUnavailable"))
        if name == "nope":
            yield Error("no such machine", "NotThere", "ObjectNotFound", target=name)
        else:
            yield Output(row(Name=name))


ENGINE = engine(command(machines, name="Get-VM", parameters={"Name": {"type": "System.String[]"}}))


def answer(script: str) -> list[Any]:
    return run(ENGINE, request([(f"script:{script}", {})]))


def test_a_script_runs() -> None:
    assert outputs(answer("Get-VM | Where-Object Name -eq web01 | Select-Object -ExpandProperty Name")) == ["web01"]


def test_a_terminating_error_ends_its_statement_in_a_script() -> None:
    messages = answer("Get-VM -Name broken; Get-Nothing; Write-Output after")
    assert kinds(messages) == ["ERROR_RECORD", "ERROR_RECORD", "PIPELINE_OUTPUT", "PIPELINE_STATE"]
    assert messages[-1].state == "Completed"
    assert error_id(messages[1:]) == "CommandNotFoundException"


def test_stop_ends_the_script() -> None:
    messages = answer("Get-VM -Name nope -ErrorAction Stop; Write-Output after")
    assert kinds(messages) == ["PIPELINE_STATE"]
    assert messages[-1].state == "Failed"


def complaining(call: Call) -> Iterator[Effect]:
    yield Error("no", "NativeCommandError", "NotSpecified")


LEAVING = engine(
    command(machines, name="Get-VM", parameters={"Name": {"type": "System.String[]"}}),
    ("broken.exe", (None, Implementation("broken.exe", "broken.exe", complaining))),
)


@pytest.mark.parametrize(("script", "code"), [
    ("exit", 0), ("exit 7", 7), ("Get-VM\nexit $LASTEXITCODE", 0), ("Get-VM nope; exit 3 ;", 3),
    ("broken.exe;exit -1", -1), ("broken.exe\nexit $LASTEXITCODE", 1),
    ("broken.exe; Get-VM\r\nEXIT $lastexitcode\n", 1), ("Get-VM", None), ("Get-VM 'exit 5'", None),
])
def test_exit_is_told_to_the_host(script: str, code: int | None) -> None:
    messages = run(LEAVING, request([(f"script:{script}", {})], host=True))
    told = [each.clixml for each in messages if each.kind == "PIPELINE_HOST_CALL"]
    if code is None:
        assert not told
    else:
        assert "SetShouldExit" in told[-1]
        assert f"<I32>{code}</I32>" in told[-1]
    assert messages[-1].state == "Completed"
