"""The one kind of move: what it sends, by the words that Windows is told, and how it is followed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from winmigrate.kinds import FileMove, Move, kind_of
from winmigrate.request import SWITCH, Command, Credential, Request, Secret

KIND = kind_of("shared-nothing")
OPS = Credential("CORP\\ops", Secret("a word"))
MOVE = Move(
    "3ab7ee4f-7f96-5d33-b85d-97b5826a0a02", "sql01", "hv01", "hv02", "hv02.corp.example", "shared-nothing",
    "credential", "Running", storage_path="D:\\VMs\\sql01",
)  # fmt: skip
BY_FILE = replace(
    MOVE,
    storage_path="",
    config_path="D:\\VMs",
    checkpoint_path="D:\\Snap",
    disks=(FileMove("C:\\a.vhdx", "E:\\a.vhdx", 1),),
)


def last(request: Request) -> Command:
    return request.statements[-1].commands[-1]


def test_one_folder() -> None:
    sent = KIND.start(MOVE, "2019", OPS)
    assert len(sent.statements) == 1
    get, move = sent.statements[0].commands
    assert (get.name, get.parameter("Id")) == ("Get-VM", MOVE.vm_id)
    assert move.name == "Move-VM"
    assert move.parameter("DestinationHost") == "hv02.corp.example"
    assert move.parameter("DestinationStoragePath") == "D:\\VMs\\sql01"
    assert move.parameter("IncludeStorage") is SWITCH
    assert move.parameter("DestinationCredential") == OPS
    assert move.parameter("Confirm") is False


def test_file_by_file_never_names_both_forms() -> None:
    move = last(KIND.start(BY_FILE, "2019", OPS))
    assert move.parameter("IncludeStorage") is None
    assert move.parameter("DestinationStoragePath") is None
    assert move.parameter("VirtualMachinePath") == "D:\\VMs"
    assert move.parameter("Vhds") == [{"SourceFilePath": "C:\\a.vhdx", "DestinationFilePath": "E:\\a.vhdx"}]


def test_a_switch_with_another_name_is_mended_in_the_same_breath() -> None:
    sent = KIND.start(replace(MOVE, switches={"External": "Ext"}), "2019", OPS)
    assert sent.statements[0].commands[0].is_script
    call = last(sent)
    assert call.name == "Move-WinmigrateVM"
    assert call.parameter("SwitchMap") == {"External": "Ext"}


@pytest.mark.parametrize("route", ["credssp", "jea", "none"])
def test_only_the_credential_route_sends_a_credential(route: str) -> None:
    move = replace(MOVE, route=route)
    for sent in (KIND.start(move, "2019", OPS), KIND.rehearsal(move, "2019", OPS)):
        assert last(sent).parameter("DestinationCredential") is None


def test_a_rehearsal_compares_and_cleans_up() -> None:
    assert last(KIND.rehearsal(MOVE, "2022", OPS)).name == "Compare-WinmigrateVM"
    removal = last(KIND.clean_up(MOVE))
    assert (removal.name, removal.parameter("VMId")) == ("Remove-WinmigratePlannedVM", MOVE.vm_id)


@pytest.mark.parametrize(
    ("status", "percent", "phase"),
    [
        ("", 0, "negotiating"),
        ("CheckingCompatibility", 4, "negotiating"),
        ("StorageMigrationPhaseOne", 40, "storage"),
        ("StorageMigrationPhaseTwo", 75, "mirror"),
        ("MigratingVirtualMachine", 90, "memory"),
        ("", 99, "finishing"),
        ("", None, "finishing"),
    ],
)
def test_phases(status: str, percent: int | None, phase: str) -> None:
    assert KIND.phase(status, percent) == phase
    assert phase in KIND.phases


def test_cancelling_names_the_job_alone() -> None:
    job, ask = KIND.cancel("Microsoft:1234").statements[0].commands
    assert job.parameter("Filter") == "InstanceID='Microsoft:1234'"
    assert ask.parameter("MethodName") == "RequestStateChange"
    with pytest.raises(ValueError, match="no InstanceID"):
        KIND.cancel("' OR '1'='1")
