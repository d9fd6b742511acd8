"""The acts, as commands."""

from __future__ import annotations

from typing import Any

import pytest

from winmigrate.request import SWITCH, Credential, Secret, Typed
from winmigrate.windows.migration import cancel
from winmigrate.windows.move import (
    FileByFile,
    OneFolder,
    Storage,
    compare_vm,
    move_mended,
    move_vm,
    remove_planned_vm,
)

VM = "8e1c2678-9052-4d41-aa94-59f2dd61a752"
OPS = Credential("CORP\\ops", Secret("x"))
FILES = FileByFile("D:\\C", "D:\\S", "", (("C:\\a.vhdx", "E:\\a.vhdx"),))
VHDS = [{"SourceFilePath": "C:\\a.vhdx", "DestinationFilePath": "E:\\a.vhdx"}]


@pytest.mark.parametrize(
    ("storage", "version", "credential", "expected"),
    [
        (None, "2019", None, {}),
        (OneFolder("D:\\VMs"), "2012", None, {"IncludeStorage": SWITCH, "DestinationStoragePath": "D:\\VMs"}),
        (
            OneFolder("D:\\VMs"),
            "2025",
            OPS,
            {"DestinationCredential": OPS, "IncludeStorage": SWITCH, "DestinationStoragePath": "D:\\VMs"},
        ),
        (FILES, "2016", None, {"VirtualMachinePath": "D:\\C", "SnapshotFilePath": "D:\\S", "Vhds": VHDS}),
        (
            FILES,
            "2012R2",
            None,
            {"IncludeStorage": SWITCH, "VirtualMachinePath": "D:\\C", "SnapshotFilePath": "D:\\S", "Vhds": VHDS},
        ),
    ],
)
def test_move_vm(storage: Storage, version: str, credential: Credential | None, expected: dict[str, Any]) -> None:
    get, move = move_vm(VM, "hv02.corp.example", storage, version, credential=credential).commands
    assert (get.name, get.parameters) == ("Get-VM", (("Id", VM),))
    assert move.name == "Move-VM"
    assert dict(move.parameters) == {"DestinationHost": "hv02.corp.example", **expected, "Confirm": False}


def test_a_credential_before_2016_is_refused_here_and_not_by_the_host() -> None:
    with pytest.raises(ValueError, match="2012R2 has no -DestinationCredential"):
        move_vm(VM, "hv02", None, "2012R2", credential=OPS)


def test_functions_are_defined_and_called_in_one_request() -> None:
    asked = compare_vm(VM, "hv02", OneFolder("D:\\VMs"), "2019", switches={"External": "Ext"})
    definition, call = (statement.commands[0] for statement in asked.statements)
    assert definition.is_script
    assert definition.name.startswith("function Compare-WinmigrateVM {")
    assert call.name == "Compare-WinmigrateVM"
    assert call.parameter("SwitchMap") == {"External": "Ext"}
    assert call.parameter("VMId") == VM


def test_where_the_endpoint_ships_the_function_no_definition_is_sent() -> None:
    asked = move_mended(VM, "hv02", None, "2019", {"External": "Ext"}, define=False)
    (statement,) = asked.statements
    assert statement.commands[0].name == "Move-WinmigrateVM"
    assert statement.commands[0].parameter("Confirm") is False


def test_remove_planned_vm() -> None:
    call = remove_planned_vm(VM).statements[-1].commands[0]
    assert dict(call.parameters) == {"VMId": VM, "Confirm": False}


def test_cancel_asks_for_an_orderly_end_and_quotes_the_id_for_wql() -> None:
    job, ask = cancel("Microsoft:8E1C2678\\0").commands
    assert job.parameter("Filter") == "InstanceID='Microsoft:8E1C2678\\\\0'"
    assert ask.parameter("Arguments") == {"RequestedState": Typed("U16", 4)}
    assert ask.parameter("Confirm") is False


@pytest.mark.parametrize("wrong", ["", "x' OR 'a'='a", "%", "a b", "a'"])
def test_cancel_lets_nothing_but_an_id_into_a_filter(wrong: str) -> None:
    with pytest.raises(ValueError, match="no InstanceID"):
        cancel(wrong)
