"""A survey over hosts made of answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.survey.hosts import (
    Failure,
    FakeConnector,
    FakeHost,
    disks,
    drive,
    host,
    identify,
    inventory,
    name_of,
    running,
)
from tests.survey.test_roll import QuickClock
from winmigrate.errors import TimedOut
from winmigrate.facts import Unreadable
from winmigrate.playbook.types import StorageWish
from winmigrate.request import Credential, Secret, Statement
from winmigrate.survey import Candidate, Candidates, HopB, Survey, call_roll, read_host, take_survey
from winmigrate.windows.storage import FileItem

WEB = str(identify(1))
OPS = Credential("corp\\ops", Secret("x"))


def source(**answers: Any) -> FakeHost:
    given = {
        "Get_VM": [running(1, "web01"), running(2, "db01")],
        "Get_VM__Get_VMHardDiskDrive": [
            drive(1, "C:\\VMs\\web01\\a.avhdx"),
            drive(1, None, DiskNumber=3, ControllerLocation=1),
            drive(2, "C:\\VMs\\db01\\db.vhdx"),
        ],
        "Get_VM__Get_VMSnapshot__Get_VMHardDiskDrive": [drive(1, "C:\\VMs\\web01\\a.vhdx")],
        "Get_VHD": disks(
            ("C:\\VMs\\web01\\a.avhdx", "C:\\VMs\\WEB01\\a.vhdx", 5),
            ("C:\\VMs\\web01\\a.vhdx", "C:\\Base\\base.vhdx", 7),
            ("C:\\Base\\base.vhdx", "", 11),
            ("C:\\VMs\\db01\\db.vhdx", "", 100),
        ),
        **answers,
    }
    return host("hv01", **given)


def absent(asked: Statement) -> Iterator[Failure]:
    for path in asked.commands[0].parameter("LiteralPath"):
        yield Failure(
            f"Cannot find path '{path}'", "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand", 13, path
        )


def candidate(destination: str = "hv02", wish: StorageWish | None = None, number: int = 1) -> Candidate:
    return Candidate(
        str(identify(number)), "web01", "Running", "hv01", destination,
        storage=wish or StorageWish(path="D:\\VMs\\{vm}"),
    )  # fmt: skip


def survey_of(*hosts: FakeHost, hop: str = "credssp", candidates: tuple[Candidate, ...] = (), **more: Any) -> Survey:
    connector = FakeConnector({each.name: each for each in hosts})
    known = inventory(*connector.hosts, hop=hop)
    clock = QuickClock()
    roll = call_roll(known, connector, clock)
    for each in hosts:
        each.requests.clear()
    return take_survey(known, Candidates(candidates or (candidate(),)), roll, connector, clock, **more)


def test_every_file_of_a_chain_is_found_by_rounds() -> None:
    one = source()
    facts = survey_of(one, host("hv02")).host("hv01")
    chain = facts.chain_of(WEB)
    assert not isinstance(chain, Unreadable)
    assert [vhd.path for vhd in chain] == ["C:\\VMs\\web01\\a.avhdx", "C:\\VMs\\web01\\a.vhdx", "C:\\Base\\base.vhdx"]
    assert facts.file_size_of(WEB) == 23
    assert facts.incomplete == {}


@pytest.mark.parametrize("count", [1, 40])
def test_the_number_of_requests_does_not_grow_with_the_vms(count: int) -> None:
    one = source(
        Get_VM=[running(number, f"vm{number}") for number in range(1, count + 1)],
        Get_VM__Get_VMHardDiskDrive=[drive(number, f"C:\\{number}.vhdx") for number in range(1, count + 1)],
        Get_VM__Get_VMSnapshot__Get_VMHardDiskDrive=[],
        Get_VHD=disks(*((f"C:\\{number}.vhdx", "", 1) for number in range(1, count + 1))),
    )
    other = host("hv02", Get_Item=absent)
    survey_of(one, other, candidates=tuple(candidate(number=number) for number in range(1, count + 1)))
    assert len(one.requests) == 3, "the tables, one round of disks, hop B"
    assert len(other.requests) == 2, "the tables, the places of files"


def test_a_disk_that_cannot_be_read_is_no_smaller_chain() -> None:
    facts = survey_of(
        source(Get_VHD=disks(("C:\\VMs\\web01\\a.avhdx", "C:\\VMs\\web01\\a.vhdx", 5))), host("hv02")
    ).host("hv01")
    assert facts.chain_of(WEB) == Unreadable("the virtual disk C:\\VMs\\WEB01\\a.vhdx could not be read") or (
        facts.chain_of(WEB) == Unreadable("the virtual disk C:\\VMs\\web01\\a.vhdx could not be read")
    )
    assert isinstance(facts.file_size_of(WEB), Unreadable)
    assert "Failed to open" in facts.incomplete["vhds"]


def test_a_slow_host_is_data_in_its_facts_alone() -> None:
    slow = host("hv02")

    def stops(asked: Statement) -> list[Any]:
        raise TimedOut("hv02", "no answer in 180 s")

    slow.answers["Get-Volume"] = stops
    survey = survey_of(source(), slow)
    assert survey.host("hv02").vms == Unreadable("hv02: no answer in 180 s")
    assert survey.host("hv02").version == "2019"
    assert not isinstance(survey.host("hv01").vms, Unreadable)


def test_a_host_the_roll_did_not_reach_is_not_asked_again() -> None:
    dead = host("hv02")
    dead.down = TimedOut("hv02", "no answer")
    survey = survey_of(source(), dead)
    assert dead.requests == []
    assert survey.host("hv02").vm_host == Unreadable("hv02: no answer", "a connection to hv02")
    places = survey.pair("hv01", "hv02").destination_files
    assert places
    assert all(isinstance(found, Unreadable) for found in places.values())


def test_a_host_nobody_asked_has_unreadable_tables() -> None:
    assert survey_of(source(), host("hv02")).host("hv99").vms == Unreadable("not asked")


def test_one_failed_read_takes_no_other_with_it() -> None:
    one = source(Get_WindowsFeature=Failure("The term 'Get-WindowsFeature' is not recognized", terminating=True))
    facts = survey_of(one, host("hv02")).host("hv01")
    assert facts.features == Unreadable("The term 'Get-WindowsFeature' is not recognized")
    assert not isinstance(facts.planned_vms, Unreadable)
    assert not isinstance(facts.vm("x"), Unreadable)


def test_errors_beside_rows_are_told() -> None:
    one = source(Get_VM__Get_VMProcessor=[{"VMId": identify(1), "Count": 2}, Failure("gone"), Failure("gone too")])
    facts = survey_of(one, host("hv02")).host("hv01")
    assert facts.incomplete["vm_processors"] == "gone (Failed) (and 1 more)"
    processor = facts.processor_of(WEB)
    assert processor is not None
    assert not isinstance(processor, Unreadable)
    assert processor.count == 2


def test_security_is_asked_vm_by_vm_and_knows_whose_it_is() -> None:
    one = source(Get_VM__Get_VMSecurity=[{"TpmEnabled": True, "Shielded": False}])
    facts = survey_of(one, host("hv02")).host("hv01")
    found = facts.security_of(WEB)
    assert found is not None
    assert not isinstance(found, Unreadable)
    assert (found.vm_id, found.tpm_enabled) == (WEB, True)
    assert facts.security_of(str(identify(2))) is None


@pytest.mark.parametrize("version", ["2012", "2012R2"])
def test_what_a_version_lacks_is_neither_asked_nor_none(version: str) -> None:
    old = host("hv01", version, Get_VM=[running(1, "web01")])
    old.answers["Get-VM | Get-Member | expand Name"] = ["Id", "Name", "State", "ParentSnapshotId", "MemoryAssigned"]
    facts = survey_of(old, host("hv02")).host("hv01")
    names = {name_of(statement) for asked in old.requests for statement in asked.statements}
    assert not names & {"Get-VMHostSupportedVersion", "Win32_DeviceGuard | expand SecurityServicesRunning"}
    assert facts.supported_versions == Unreadable("not on this build")
    assert facts.security == Unreadable("not on this build")
    vm = facts.vm(WEB)
    assert vm is not None
    assert not isinstance(vm, Unreadable)
    assert vm.memory_assigned == 4 << 30
    assert vm.version == Unreadable("not on this build")
    assert vm.generation == Unreadable("not on this build")


# --- pairs -------------------------------------------------------------------------------------------------------


def probed(one: FakeHost) -> list[Any]:
    return [
        statement.commands[0].parameters
        for asked in one.requests
        for statement in asked.statements
        if statement.commands[0].name == "Get-VMHost" and statement.commands[0].parameter("ComputerName")
    ]


def answering(*found: Any) -> Any:
    """Get-VMHost: itself without a name, ``found`` for another."""

    def answer(asked: Statement) -> list[Any]:
        return list(found) if asked.commands[0].parameter("ComputerName") else [{"Name": "HV01"}]

    return answer


def test_hop_b_is_proven_by_what_the_session_can_do() -> None:
    one = source(Get_VMHost=answering({"Name": "HV02"}))
    survey = survey_of(one, host("hv02"))
    assert survey.pair("hv01", "hv02").hop("credssp") == HopB("credssp", True)
    assert probed(one) == [(("ComputerName", "hv02.corp.example"),)]


@pytest.mark.parametrize("terminating", [True, False])
def test_a_refused_hop_says_what_windows_said(terminating: bool) -> None:
    one = source(Get_VMHost=answering(Failure("Access is denied. 0x8009030E", terminating=terminating)))
    hop = survey_of(one, host("hv02")).pair("hv01", "hv02").hop("credssp")
    assert hop is not None
    assert hop.proven is False
    assert "0x8009030E" in hop.said


def test_the_route_credential_sends_one() -> None:
    one = source(Get_VMHost=answering({"Name": "HV02"}))
    survey = survey_of(one, host("hv02"), hop="credential", credentials=lambda destination: OPS)
    assert probed(one) == [(("ComputerName", "hv02.corp.example"), ("Credential", OPS))]
    assert survey.pair("hv01", "hv02").hop("credential") == HopB("credential", True)


def test_without_a_credential_to_send_the_route_is_unknown() -> None:
    one = source()
    hop = survey_of(one, host("hv02"), hop="credential").pair("hv01", "hv02").hop("credential")
    assert hop is not None
    assert isinstance(hop.proven, Unreadable)
    assert hop.proven.needs == "a credential for hv02"
    assert probed(one) == []


def test_no_credential_goes_to_a_version_without_the_parameter() -> None:
    old = host("hv01", "2012R2", Get_VM=[running(1, "web01")])
    hop = (
        survey_of(old, host("hv02"), hop="credential", credentials=lambda _: OPS).pair("hv01", "hv02").hop("credential")
    )
    assert hop is not None
    assert hop.proven is False
    assert probed(old) == []


def test_no_second_hop_in_the_inventory_is_no_probe() -> None:
    one = source()
    assert survey_of(one, host("hv02"), hop="none").pair("hv01", "hv02").hop_b == ()
    assert probed(one) == []


def test_what_lies_at_the_destination() -> None:
    there = "D:\\VMs\\web01\\Virtual Hard Disks\\a.vhdx"

    def some(asked: Statement) -> Iterator[Any]:
        for failure in absent(asked):
            yield {"FullName": there, "Length": 7} if failure.target == there else failure

    found = survey_of(source(), host("hv02", Get_Item=some)).pair("hv01", "hv02").destination_files
    item = found.pop(there)
    assert isinstance(item, FileItem)
    assert item.length == 7
    config = f"D:\\VMs\\web01\\Virtual Machines\\{WEB.upper()}.vmcx"
    assert set(found) == {
        "D:\\VMs\\web01\\Virtual Hard Disks\\a.avhdx",
        "D:\\VMs\\web01\\Virtual Hard Disks\\base.vhdx",
        config,
    }
    assert set(found.values()) == {None}


def test_a_place_nobody_could_look_at_is_not_empty() -> None:
    refused = Failure("Access to the path is denied.", "UnauthorizedAccess", 18)
    found = survey_of(source(), host("hv02", Get_Item=refused)).pair("hv01", "hv02").destination_files
    assert found
    for place in found.values():
        assert isinstance(place, Unreadable)
        assert place.needs == "Administrators on hv02"


def test_what_may_not_be_looked_at_is_not_absent_though_windows_says_so_too() -> None:
    """Beyond the second hop Get-Item writes two errors for a path: that it may not, and that there is none."""

    def both(asked: Statement) -> Iterator[Failure]:
        for path in asked.commands[0].parameter("LiteralPath"):
            yield Failure("Access is denied", "ItemExistsUnauthorizedAccessError,GetItemCommand", 18, path)
            yield Failure(f"Cannot find path '{path}'", "PathNotFound,GetItemCommand", 13, path)

    found = survey_of(source(), host("hv02", Get_Item=both)).pair("hv01", "hv02").destination_files
    assert found
    assert all(isinstance(place, Unreadable) for place in found.values())


def test_no_wish_for_storage_looks_at_no_file() -> None:
    other = host("hv02")
    survey = survey_of(source(), other, candidates=(candidate(wish=StorageWish()),))
    assert survey.pair("hv01", "hv02").destination_files == {}
    asked = [statement.commands[0].name for request in other.requests for statement in request.statements]
    assert "Get-Item" not in asked


def test_a_survey_survives_json() -> None:
    survey = survey_of(source(), host("hv02", Get_Item=absent))
    adapter = TypeAdapter(Survey)
    assert adapter.validate_json(adapter.dump_json(survey), strict=True) == survey


def test_one_vm_alone_can_be_read() -> None:
    one = source()
    one.answers |= {
        "Get-VM | Where-Object": [running(1, "web01")],
        "Get-VM | Where-Object | Get-VMHardDiskDrive": [drive(1, "C:\\Base\\base.vhdx")],
    }
    connector = FakeConnector({"hv01": one})
    facts = read_host("hv01", "2019", connector("hv01"), QuickClock(), secured=[WEB], only=WEB)
    assert facts.file_size_of(WEB) == 11
    assert not isinstance(facts.vms, Unreadable)
    assert [vm.name for vm in facts.vms] == ["web01"]
    asked = one.requests[0].statements
    assert all(name_of(each) != "Get-VM" for each in asked)
    assert {each.commands[1].parameter("Value") for each in asked if "Where-Object" in name_of(each)} == {WEB}


def test_a_vm_without_rows_in_a_table_that_came_with_errors_is_not_known_to_have_none() -> None:
    one = source(Get_VM__Get_VMAssignableDevice=[{"VMId": identify(2), "InstanceID": "PCIP\\1"}, Failure("no answer")])
    facts = survey_of(one, host("hv02")).host("hv01")
    assert facts.devices_of(WEB) == Unreadable("part of it could not be read: no answer (Failed)")
    assert not isinstance(facts.devices_of(str(identify(2))), Unreadable)
    assert facts.dvds_of(WEB) == ()


def test_a_probe_that_got_no_answer_is_unknown_and_not_refused() -> None:
    def stops(asked: Statement) -> list[Any]:
        if asked.commands[0].parameter("ComputerName"):
            raise TimedOut("hv01", "no answer in 210 s")
        return [{"Name": "HV01"}]

    hop = survey_of(source(Get_VMHost=stops), host("hv02")).pair("hv01", "hv02").hop("credssp")
    assert hop == HopB("credssp", Unreadable("hv01: no answer in 210 s"))
