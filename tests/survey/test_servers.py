"""File servers in a survey: asked where files lie on them, in two requests, whatever lies there."""

from __future__ import annotations

import uuid
from pathlib import Path

from tests.checks.cases_shares import FOLDER, on_share
from tests.checks.world import DISKS, VM, Chains, World, drive, vhd, vm_row
from tests.survey.hosts import FakeConnector, FakeHost, name_of
from tests.survey.test_roll import QuickClock
from winmigrate.documents import read_document, write_document
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import FileServer
from winmigrate.survey import Survey, call_roll, take_survey
from winmigrate.verbs.ground import SURVEY


def surveyed(world: World) -> tuple[Survey, FakeHost]:
    hosts = {name: FakeHost(name, answers, world.down.get(name)) for name, answers in world.answers.items()}
    connector, clock = FakeConnector(hosts), QuickClock()
    roll = call_roll(world.inventory(), connector, clock)
    survey = take_survey(world.inventory(), world.candidates(), roll, connector, clock)
    return survey, hosts["fs01"]


def test_two_requests_to_a_server_whatever_lies_there() -> None:
    world = World()
    on_share(world)
    numbers = [uuid.UUID(int=number) for number in range(1, 40)]
    folders = {number: f"{FOLDER[:-5]}vm{number.int}" for number in numbers}
    cells = ("Path", "ConfigurationLocation", "SnapshotFileLocation", "SmartPagingFilePath")
    rows = [vm_row(number, f"vm{number.int}", **dict.fromkeys(cells, folder)) for number, folder in folders.items()]
    world.set("hv01", VM, *rows)
    world.set("hv01", DISKS, *(drive(number, f"{folder}\\a.vhdx") for number, folder in folders.items()))
    world.answers["hv01"]["Get-VHD"] = Chains(*(vhd(f"{folder}\\a.vhdx") for folder in folders.values()))
    world.moves = [(number, f"vm{number.int}") for number in numbers]
    survey, server = surveyed(world)
    assert len(server.requests) == 2
    acl = next(one for one in server.requests[1].statements if name_of(one) == "Get-Acl | expand Access")
    assert len(acl.commands[0].parameter("LiteralPath")) == 1 + len(numbers)
    facts = survey.file_servers["fs01"]
    assert facts.version == "2022"
    found = facts.rights_on("d:\\shares\\vms\\vm7")
    assert not isinstance(found, Unreadable)
    assert [entry.identity_reference for entry in found] == ["BUILTIN\\Administrators", "CORP\\HV01$", "CORP\\HV02$"]


def test_a_server_that_nothing_lies_on_is_not_asked() -> None:
    world = World()
    on_share(world)
    world.file_servers = {"fs02": FileServer("fs02", "fs02.corp.example")}
    survey, server = surveyed(world)
    assert survey.file_servers == {}
    assert server.requests == []


def test_a_share_is_found_by_the_role_that_a_path_names() -> None:
    world = World()
    on_share(world)
    first = world.answers["fs01"]["Get-SmbShare"][0]
    world.set("fs01", "Get-SmbShare", {**first, "ScopeName": "OTHER"}, {**first, "ScopeName": "FS01", "Path": "E:\\V"})
    facts = surveyed(world)[0].file_servers["fs01"]
    found = facts.share("fs01.corp.example", "VMS")
    assert found is not None
    assert not isinstance(found, Unreadable)
    assert found.path == "E:\\V"
    assert facts.share("fs01", "other") is None


def test_the_survey_with_servers_is_a_document(tmp_path: Path) -> None:
    world = World()
    on_share(world)
    survey = surveyed(world)[0]
    write_document(tmp_path, "survey", SURVEY, survey)
    assert read_document(tmp_path, "survey", SURVEY) == survey
