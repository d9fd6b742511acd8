"""What the engine makes of requests: streams, ends, host calls, preferences, twins, native commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.engine._requests import (
    command,
    engine,
    error_id,
    kinds,
    member,
    outputs,
    request,
    row,
    run,
)
from winmigrate.lab.engine.definitions import parse_definition
from winmigrate.lab.engine.editions import POWERSHELL_7_6, WINDOWS_POWERSHELL_5_1
from winmigrate.lab.engine.effects import (
    Call,
    Effect,
    Error,
    Implementation,
    Information,
    Message,
    Output,
    Progress,
    ShouldProcess,
    Terminate,
    Text,
    Thrown,
    Wait,
)
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.reader import MalformedClixml
from winmigrate.lab.engine.table import CommandTable, Twin, layered, script_digest
from winmigrate.lab.engine.values import EnumValue, Int32, PSObject
from winmigrate.lab.engine.writer import write

TEXT = {"type": "System.String"}
PIPED = {"type": "System.Management.Automation.PSObject", "pipeline": "ByValue"}


def three(call: Call) -> Iterator[Effect]:
    for number in (1, 2, 3):
        yield Output(Int32(number))


def complaining(call: Call) -> Iterator[Effect]:
    yield Output("before")
    yield Error("it is not there", "NotThere", "ObjectNotFound", target="x")
    yield Output("after")


def breaking(call: Call) -> Iterator[Effect]:
    yield Output("before")
    raise Terminate(Error("broken", "Broken", "ResourceUnavailable"))


def test_objects_pass_one_by_one() -> None:
    seen: list[str] = []

    def source(call: Call) -> Iterator[Effect]:
        for each in ("a", "b"):
            seen.append(f"out {each}")
            yield Output(each)

    def sink(call: Call) -> Iterator[Effect]:
        seen.append(f"in {call.bound['InputObject']}")
        yield Output(call.bound["InputObject"])

    made = engine(command(source), command(sink, name="Set-Thing", parameters={"InputObject": PIPED}))
    assert outputs(run(made, request([("Get-Thing", {}), ("Set-Thing", {})]))) == ["a", "b"]
    assert seen == ["out a", "in a", "out b", "in b"]


def test_select_first_ends_the_commands_before_it() -> None:
    asked: list[int] = []

    def endless(call: Call) -> Iterator[Effect]:
        number = 0
        while True:
            number += 1
            asked.append(number)
            yield Output(Int32(number))

    made = engine(command(endless))
    messages = run(made, request(
        [("Get-Thing", {}), ("Select-Object", {"First": Int32(2)})], [("Write-Output", {"InputObject": "next"})]))
    assert outputs(messages) == [1, 2, "next"]
    assert asked == [1, 2]


def test_a_nonterminating_error_keeps_its_place_and_a_terminating_one_ends_the_request() -> None:
    made = engine(command(complaining), command(breaking, name="Break-Thing"))
    messages = run(made, request([("Get-Thing", {})], [("Break-Thing", {})], [("Get-Thing", {})]))
    assert kinds(messages) == [
        "PIPELINE_OUTPUT", "ERROR_RECORD", "PIPELINE_OUTPUT", "PIPELINE_OUTPUT", "PIPELINE_STATE"]
    assert error_id(messages[:2]) == "NotThere,Microsoft.PowerShell.Commands.GetThingCommand"
    assert messages[-1].state == "Failed"
    assert error_id(messages[-1:]) == "Broken,Microsoft.PowerShell.Commands.BreakThingCommand"
    assert member(messages[-1].clixml, "ErrorCategory_Category") == "21"


def test_an_error_downstream_ends_the_commands_before_it() -> None:
    ended: list[str] = []

    def source(call: Call) -> Iterator[Effect]:
        try:
            for number in range(9):
                yield Output(Int32(number))
        finally:
            ended.append("source")

    def sink(call: Call) -> Iterator[Effect]:
        if call.bound["InputObject"] == 1:
            raise Thrown(Error("boom", "", "InvalidData", "System.InvalidOperationException"))
        yield Output(call.bound["InputObject"])

    made = engine(command(source), command(sink, name="Set-Thing", parameters={"InputObject": PIPED}))
    messages = run(made, request([("Get-Thing", {}), ("Set-Thing", {})]))
    assert outputs(messages) == [0]
    assert messages[-1].state == "Failed"
    assert error_id(messages) == "System.InvalidOperationException,Microsoft.PowerShell.Commands.SetThingCommand"
    assert member(messages[-1].clixml, "ErrorCategory_Category") == "0"
    assert ended == ["source"]


@pytest.mark.parametrize(("action", "expected", "state"), [
    ("Continue", ["PIPELINE_OUTPUT", "ERROR_RECORD", "PIPELINE_OUTPUT"], "Completed"),
    ("SilentlyContinue", ["PIPELINE_OUTPUT", "PIPELINE_OUTPUT"], "Completed"),
    ("Ignore", ["PIPELINE_OUTPUT", "PIPELINE_OUTPUT"], "Completed"),
    ("stop", ["PIPELINE_OUTPUT"], "Failed"),
    (Int32(1), ["PIPELINE_OUTPUT"], "Failed"),
    (EnumValue("System.Management.Automation.ActionPreference", "Stop", 1), ["PIPELINE_OUTPUT"], "Failed"),
])
def test_error_action(action: object, expected: list[str], state: str) -> None:
    for name in ("ErrorAction", "ea"):
        messages = run(engine(command(complaining)), request([("Get-Thing", {name: action})]))
        assert kinds(messages) == [*expected, "PIPELINE_STATE"]
        assert messages[-1].state == state


def test_an_action_that_is_none_is_refused() -> None:
    messages = run(engine(command(complaining)), request([("Get-Thing", {"ErrorAction": "Perhaps"})]))
    assert kinds(messages) == ["PIPELINE_STATE"]
    assert (error_id(messages) or "").startswith("CannotConvertArgumentNoMessage,")


def talkative(call: Call) -> Iterator[Effect]:
    yield Text("warning", "w")
    yield Text("verbose", "v")
    yield Text("debug", "d")
    yield Information("i", "Get-Thing")
    yield Progress("moving", "half", 50)


@pytest.mark.parametrize(("parameters", "host", "expected"), [
    ({}, False, ["WARNING_RECORD", "INFORMATION_RECORD", "PROGRESS_RECORD"]),
    ({"Verbose": True, "WarningAction": "Ignore"}, False, ["VERBOSE_RECORD", "INFORMATION_RECORD", "PROGRESS_RECORD"]),
    ({"Debug": True, "InformationAction": "Ignore"}, False, ["WARNING_RECORD", "DEBUG_RECORD", "PROGRESS_RECORD"]),
    ({"Verbose": False, "InformationAction": "Continue"}, True,
     ["WARNING_RECORD", "PIPELINE_HOST_CALL", "INFORMATION_RECORD", "PIPELINE_HOST_CALL", "PROGRESS_RECORD",
      "PIPELINE_HOST_CALL"]),
])
def test_streams(parameters: dict[str, object], host: bool, expected: list[str]) -> None:
    messages = run(engine(command(talkative)), request([("Get-Thing", parameters)], host=host))
    assert kinds(messages) == [*expected, "PIPELINE_STATE"]


def test_a_warning_that_stops() -> None:
    messages = run(engine(command(talkative)), request([("Get-Thing", {"WarningAction": "Stop"})]))
    assert kinds(messages) == ["WARNING_RECORD", "PIPELINE_STATE"]
    assert (error_id(messages) or "").startswith("ActionPreferenceStop,")


def changing(call: Call) -> Iterator[Effect]:
    go = yield ShouldProcess("vm1", "Set-Thing", call.get("Impact") or "Medium")
    yield Output("changed" if go else "left")


CHANGING = command(changing, confirms=True, parameters={"Impact": TEXT})


def _answer(number: int) -> str:
    return write(PSObject((), {}, {"mr": Int32(number)}))


@pytest.mark.parametrize(("parameters", "choice", "expected", "asked"), [
    ({}, None, "changed", False),
    ({"WhatIf": True}, None, "left", False),
    ({"Confirm": True}, 0, "changed", True),
    ({"Confirm": True}, 2, "left", True),
    ({"Impact": "High"}, 3, "left", True),
    ({"Impact": "High", "Confirm": False}, None, "changed", False),
])
def test_should_process(parameters: dict[str, object], choice: int | None, expected: str, asked: bool) -> None:
    messages = run(engine(CHANGING), request([("Get-Thing", parameters)], host=True),
                   answers=lambda call: None if choice is None else _answer(choice))
    assert outputs(messages) == [expected]
    assert any("PromptForChoice" in each.clixml for each in messages) is asked


def test_confirmation_without_a_host_fails() -> None:
    messages = run(engine(CHANGING), request([("Get-Thing", {"Confirm": True})]))
    assert kinds(messages) == ["PIPELINE_STATE"]
    assert messages[-1].state == "Failed"


def test_yes_to_all_asks_once() -> None:
    messages = run(engine(CHANGING), request([("Get-Thing", {"Confirm": True})], [("Get-Thing", {"Confirm": True})],
                                             host=True), answers=lambda call: _answer(1))
    assert outputs(messages) == ["changed", "changed"]
    assert sum("PromptForChoice" in each.clixml for each in messages) == 1


NEEDY = command(lambda call: iter([Output(call.bound["Name"])]), parameters={"Name": TEXT}, mandatory=("Name",))


def test_a_missing_mandatory_parameter_without_a_host_is_an_error() -> None:
    messages = run(engine(NEEDY), request([("Get-Thing", {})]))
    assert kinds(messages) == ["PIPELINE_STATE"]
    assert (error_id(messages) or "").startswith("MissingMandatoryParameter,")


def test_a_missing_mandatory_parameter_is_asked_of_a_host() -> None:
    answer = write(PSObject((), {}, {"mr": {"Name": "web"}}))
    messages = run(engine(NEEDY), request([("Get-Thing", {})], host=True), answers=lambda call: answer)
    assert kinds(messages) == ["PIPELINE_HOST_CALL", "PIPELINE_OUTPUT", "PIPELINE_STATE"]
    assert outputs(messages) == ["web"]


def waiting(interruptible: bool) -> tuple[str, object]:
    def body(call: Call) -> Iterator[Effect]:
        yield Output("begun")
        yield Wait(deadline=9.0, interruptible=interruptible)
        call.context.append("woken")
        yield Output("never")

    return command(body)


@pytest.mark.parametrize("interruptible", [True, False])
def test_a_stop_is_seen_when_the_wait_is_over(interruptible: bool) -> None:
    made = engine(waiting(interruptible))
    woken: list[str] = []
    stopped = False
    steps = made.run(request([("Get-Thing", {})], [("Get-Thing", {})]), woken, lambda: stopped, str)
    got = [next(steps)]
    assert isinstance(next(steps), Wait)
    stopped = True
    got += steps
    messages = [each for each in got if isinstance(each, Message)]
    assert kinds(messages) == ["PIPELINE_OUTPUT", "PIPELINE_STATE"]
    assert messages[-1].state == "Stopped"
    assert woken == ([] if interruptible else ["woken"])


def test_a_command_that_is_not_there() -> None:
    for edition, words in ((WINDOWS_POWERSHELL_5_1, "operable program"), (POWERSHELL_7_6, "executable program")):
        messages = run(engine(edition=edition), request([("Get-Nothing", {})]))
        assert kinds(messages) == ["PIPELINE_STATE"]
        assert error_id(messages) == "CommandNotFoundException"
        assert words in messages[-1].clixml


@pytest.mark.parametrize("name", ["get-thing", "GET-THING", "Test\\Get-Thing", "gt"])
def test_names_in_any_case_qualified_and_aliases(name: str) -> None:
    key, entry = command(three)
    made = Engine(WINDOWS_POWERSHELL_5_1, CommandTable({key: entry}, {"gt": "Get-Thing"}))
    assert outputs(run(made, request([(name, {})]))) == [1, 2, 3]


def test_a_wrong_module_finds_nothing() -> None:
    messages = run(engine(command(three)), request([("Other\\Get-Thing", {})]))
    assert error_id(messages) == "CommandNotFoundException"


def test_native_commands_get_their_arguments_and_put_out_text() -> None:
    body = Implementation("whoami.exe", "", lambda call: iter([Output(",".join(call.bound["Arguments"]))]))
    made = Engine(WINDOWS_POWERSHELL_5_1, CommandTable({"whoami.exe": (None, body)}))
    arguments = [(None, "/user"), (None, "/nh")]
    for name in ("whoami.exe", "whoami"):
        messages = run(made, request([(name, arguments), ("ConvertFrom-Csv", {"Header": ["A", "B"]})]))
        assert [(each.get("A"), each.get("B")) for each in outputs(messages)] == [("/user", "/nh")]


FUNCTION = "function Get-Twin {\r\n  param([string]$Name)   \r\n  $Name\r\n}\r\n"


def twinned(*, defines: bool) -> Engine:
    definition = parse_definition("Get-Twin", {
        "default": None, "sets": {"(only)": ["Name@0"]}, "parameters": {"Name": TEXT}}, function=True)
    body = Implementation("Get-Twin", "Get-Twin", lambda call: iter([Output(f"twin of {call.bound['Name']}")]))
    twins = {script_digest(FUNCTION): Twin(definition, body, defines)}
    return Engine(WINDOWS_POWERSHELL_5_1, CommandTable({}, twins=twins))


def test_a_function_sent_as_script_is_run_by_its_twin() -> None:
    definition = f"script:{FUNCTION.replace(chr(13), '')}"
    messages = run(twinned(defines=True), request([(definition, {})], [("Get-Twin", {"Name": "x"})]))
    assert outputs(messages) == ["twin of x"]
    assert outputs(run(twinned(defines=False), request([(definition, {"Name": "y"})]))) == ["twin of y"]


def test_a_function_lives_for_its_request_only() -> None:
    made = twinned(defines=True)
    run(made, request([(f"script:{FUNCTION}", {})]))
    assert error_id(run(made, request([("Get-Twin", {})]))) == "CommandNotFoundException"


def test_a_changed_script_has_no_twin() -> None:
    messages = run(twinned(defines=True), request([(f"script:{FUNCTION}#", {})], [("Get-Twin", {"Name": "x"})]))
    assert kinds(messages) == ["PIPELINE_STATE"]
    assert error_id(messages) == "ScriptHasNoTwin"


def test_piped_input_reaches_the_first_command() -> None:
    text = request([("Select-Object", {"Property": "Name"})], no_input=False)
    messages = run(engine(), text, inputs=iter([write(row(Name="a")), write(row(Name="b"))]))
    assert [each.get("Name") for each in outputs(messages)] == ["a", "b"]


def test_what_is_no_create_pipeline_is_refused() -> None:
    for text in ("<Obj", "<S>x</S>", "<!DOCTYPE x><Obj/>", '<Obj RefId="0"><MS><Nil N="PowerShell" /></MS></Obj>'):
        with pytest.raises(MalformedClixml):
            run(engine(), text)


def test_the_earlier_table_goes_first() -> None:
    first = CommandTable(dict([command(lambda call: iter([Output("first")]))]))
    second = CommandTable(dict([command(lambda call: iter([Output("second")]))]))
    made = Engine(WINDOWS_POWERSHELL_5_1, layered([first, second]))
    assert outputs(run(made, request([("Get-Thing", {})]))) == ["first"]


def test_get_command_finds_the_hosts_commands_and_powershells_own() -> None:
    made = engine(command(three))
    names = ["Get-Thing", "Select-Object", "Get-Nothing"]
    pick = ("Select-Object", {"Property": ["Name", "ModuleName"]})
    messages = run(made, request([("Get-Command", {"Name": names}), pick]))
    assert [(each.get("Name"), each.get("ModuleName")) for each in outputs(messages)] == [
        ("Get-Thing", "Test"), ("Select-Object", "Microsoft.PowerShell.Utility")]
    assert error_id(messages) == "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand"
