"""Restricted endpoints: what is visible, what is refused, and how."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.engine._requests import command, error_id, kinds, outputs, request, run
from winmigrate.lab.engine.definitions import parse_definition
from winmigrate.lab.engine.editions import WINDOWS_POWERSHELL_5_1
from winmigrate.lab.engine.effects import Call, Effect, Implementation, Output
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.restricted import Restriction, Visible
from winmigrate.lab.engine.table import CommandTable

TEXT = {"type": "System.String"}


def told(call: Call) -> Iterator[Effect]:
    yield Output(" ".join(f"{name}={value}" for name, value in call.bound.items()))


def endpoint(*visible: Visible) -> Engine:
    table = CommandTable(dict([
        command(told, name="Move-Thing", parameters={"Name": TEXT, "To": TEXT, "Force": TEXT}),
        command(told, name="Get-Thing", parameters={"Name": TEXT}),
    ]))
    rows = parse_definition("Get-Rows", {
        "default": None, "sets": {"(only)": ["Name@0"]}, "parameters": {"Name": TEXT}}, function=True)
    restriction = Restriction(visible, {"Get-Rows": (rows, Implementation("Get-Rows", "Get-Rows", told))})
    return Engine(WINDOWS_POWERSHELL_5_1, table, restriction=restriction)


ENDPOINT = endpoint(
    Visible("Move-Thing", {"Name": (), "To": ("a", "b")}),
    Visible("Microsoft.PowerShell.Utility\\Write-Output"),
)


def test_a_visible_command_runs_with_its_listed_parameters() -> None:
    messages = run(ENDPOINT, request([("Move-Thing", {"Name": "x", "To": "A"})]))
    assert outputs(messages) == ["Name=x To=A"]


@pytest.mark.parametrize(("name", "parameters", "expected"), [
    ("Move-Thing", {"Name": "x", "Force": "yes"}, "NamedParameterNotFound,Move-Thing"),
    ("Move-Thing", {"Name": "x", "To": "evil"}, "ParameterArgumentValidationError,Move-Thing"),
    ("Get-Thing", {}, "CommandNotFoundException"),
    ("Write-Output", {"InputObject": "x"}, "CommandNotFoundException"),
    ("Where-Object", {"Property": "x"}, "CommandNotFoundException"),
    ("Select-Object", {"Property": "Id"}, "ParameterArgumentValidationError,Select-Object"),
])
def test_what_is_not_listed_does_not_exist(name: str, parameters: dict[str, object], expected: str) -> None:
    messages = run(ENDPOINT, request([(name, parameters)]))
    assert kinds(messages) == ["PIPELINE_STATE"]
    assert error_id(messages) == expected


def test_a_command_made_visible_by_its_qualified_name_goes_by_that() -> None:
    messages = run(ENDPOINT, request([("Microsoft.PowerShell.Utility\\Write-Output", {"InputObject": "x"})]))
    assert outputs(messages) == ["x"]


def test_the_endpoints_own_function() -> None:
    assert outputs(run(ENDPOINT, request([("Get-Rows", {"Name": "x"})]))) == ["Name=x"]


def test_scripts_are_refused_and_the_statements_after_them_run() -> None:
    alone = run(ENDPOINT, request([("script:Move-Thing", {})]))
    assert kinds(alone) == ["PIPELINE_STATE"]
    assert alone[-1].state == "Failed"
    assert error_id(alone) == "ScriptsNotAllowed"
    among = run(ENDPOINT, request([("script:function f { 1 }", {})], [("Move-Thing", {"Name": "x"})]))
    assert kinds(among) == ["ERROR_RECORD", "PIPELINE_OUTPUT", "PIPELINE_STATE"]
    assert among[-1].state == "Completed"


def test_get_command_shows_the_visible_ones_alone() -> None:
    found = outputs(run(endpoint(Visible("Move-Thing")), request([("Get-Command", {}), ("Measure-Object", {})])))
    assert found[0].get("Count") == 10
    everything = outputs(run(ENDPOINT, request([("Get-Command", {"Name": "*-Thing"})])))
    assert [each.get("Name") for each in everything] == ["Move-Thing"]
