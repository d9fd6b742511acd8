"""Every command we send is one that each Windows version has, with those parameters, in one of its parameter sets."""

from __future__ import annotations

import pytest

from winmigrate.facts import VERSIONS, cmdlets, since
from winmigrate.facts.versions import at_least
from winmigrate.windows import register
from winmigrate.windows.move import FUNCTIONS, function_text

NATIVE = {"whoami.exe"}


def definition(name: str, version: str) -> dict[str, object] | None:
    """Of that version; or, where machines had it before any page did, of the first version with a page."""
    found = cmdlets.find(name, version)
    if found is not None:
        return found
    first = since.first_version("Hyper-V", name)
    if first is None or not at_least(version, first):
        return None
    later = [newer for newer in VERSIONS if at_least(newer, version)]
    return next(filter(None, (cmdlets.find(name, newer) for newer in later)), None)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_command_exists_and_its_parameters_go_together(version: str) -> None:
    wrong = []
    sent = [item for item in register.commands(version) if not item.native and item.name not in register.functions()]
    for item in (*sent, *register.commands_of_functions()):
        raw = definition(item.name, version)
        if raw is None:
            wrong.append(f"{item.name} is not there")
            continue
        sets = [{name for name, _, _ in cmdlets.parameters_of(raw, each)} for each in raw["sets"]]  # type: ignore[attr-defined]
        if not any(item.parameters <= each for each in sets):
            wrong.append(f"{item.name} {sorted(item.parameters)}")
    assert wrong == []


def test_natives_are_listed_apart() -> None:
    assert {item.name for item in register.commands("2019") if item.native} == NATIVE


@pytest.mark.parametrize("version", VERSIONS)
def test_every_change_is_sent_without_a_question(version: str) -> None:
    changing = {"Move-VM", "Move-WinmigrateVM", "Remove-WinmigratePlannedVM", "Invoke-CimMethod"}
    sent = [item for item in register.commands(version) if item.name in changing]
    assert {item.name for item in sent} == changing
    assert all("Confirm" in item.parameters for item in sent)
    inside = [item for item in register.commands_of_functions() if item.name in {*changing, "Connect-VMNetworkAdapter"}]
    assert len(inside) == 3
    assert all("Confirm" in item.parameters for item in inside)


@pytest.mark.parametrize("version", ["2012", "2012R2"])
def test_no_credential_is_sent_to_a_version_without_the_parameter(version: str) -> None:
    given = {name for item in register.commands(version) for name in item.parameters}
    assert not given & {"Credential", "DestinationCredential", "CimSession"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_one_definition_with_typed_parameters_and_no_text_of_ours_in_it(name: str) -> None:
    text = function_text(name)
    assert text.startswith("function ")
    assert text.rstrip().endswith("}")
    assert text.count("\nfunction ") == 0
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")
    assert "Invoke-Expression" not in text
    assert text.isascii(), "a definition goes through consoles and files of any encoding"
    called = text.split()[1]
    assert called in register.functions()


def test_the_text_of_the_functions_is_read_for_what_they_call() -> None:
    called = {item.name for item in register.commands_of_functions()}
    assert {"Compare-VM", "Move-VM", "Connect-VMNetworkAdapter", "Get-VMSwitch", "Get-CimInstance"} <= called
