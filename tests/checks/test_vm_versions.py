"""The table of versions: from CLIXML to what may come back, in every form that `check --versions` shows."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tests.checks.world import DB, VM, WEB, World
from winmigrate.checks.vm_versions import VersionMove, VersionTable, VMVersion, number, version_table
from winmigrate.documents import json_schema
from winmigrate.errors import UsageError
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import Host, SecondHop
from winmigrate.reporting.vm_versions import VERSIONS, versions_as

RUNS = {
    "2016": ("5.0", "6.2", "8.0"),
    "2019": ("5.0", "8.0", "9.0"),
    "2022": ("8.0", "9.0", "9.3", "10.0"),
    "2025": ("8.0", "9.0", "10.0", "12.0"),
}


def world(version: str = "9.0", here: str = "2019", there: str = "2022") -> World:
    made = World()
    for host, windows in (("hv01", here), ("hv02", there)):
        made.version(host, windows)
        runs = RUNS.get(windows, ())
        rows = ({"Version": one, "Name": one, "IsDefault": one == runs[-1]} for one in runs)
        made.set(host, "Get-VMHostSupportedVersion", *rows)
    made.put("hv01", VM, Version=version)
    return made


def table(made: World) -> VersionTable:
    return version_table(made.survey(), made.candidates())


def only(made: World) -> tuple[VMVersion, VersionMove]:
    (vm,) = table(made).vms
    (move,) = vm.moves
    return vm, move


@pytest.mark.parametrize(
    ("version", "here", "there", "runs", "back", "upgraded", "back_upgraded", "closed"),
    [
        ("9.0", "2019", "2022", True, True, "10.0", False, ("hv01",)),
        ("9.0", "2019", "2019", True, True, None, False, ()),
        ("5.0", "2019", "2022", False, True, None, False, ()),
        ("5.0", "2016", "2019", True, True, "9.0", False, ("hv01",)),
        ("5.0", "2012R2", "2019", True, True, "9.0", False, ("hv01",)),
        ("8.0", "2022", "2019", True, True, "9.0", True, ()),
        ("10.0", "2022", "2025", True, True, "12.0", False, ("hv01",)),
        ("10.0", "2022", "2019", False, True, None, False, ()),
        ("9.3", "2022", "2025", False, True, None, False, ()),
    ],
)
def test_what_comes_back(
    version: str, here: str, there: str, runs: bool, back: bool, upgraded: str | None, back_upgraded: bool,
    closed: tuple[str, ...],
) -> None:  # fmt: skip
    vm, move = only(world(version, here, there))
    assert vm.version == version
    assert move == VersionMove("hv02", runs, back, upgraded, back_upgraded, closed)


def test_versions_are_ordered_as_numbers() -> None:
    found = table(world("8.0"))
    assert found.versions == ("5.0", "8.0", "9.0", "9.3", "10.0")
    assert [(host.host, host.windows, host.newest) for host in found.hosts] == [
        ("hv01", "2019", "9.0"), ("hv02", "2022", "10.0"),
    ]  # fmt: skip
    assert number("10.0") > number("9.3")


def test_an_upgrade_goes_to_the_default_and_not_to_a_preview() -> None:
    made = world()
    made.answers["hv02"]["Get-VMHostSupportedVersion"].append({"Version": "255.0", "Name": "x", "IsDefault": False})
    assert only(made)[1].upgraded_to == "10.0"


def test_upgraded_where_it_is_it_may_have_nowhere_to_go() -> None:
    vm, _ = only(world("8.0", "2022", "2019"))
    assert (vm.runs_on, vm.upgraded_here, vm.closed_here) == (("hv01", "hv02"), "10.0", ("hv02",))


def test_two_destinations_of_one_vm_are_one_line() -> None:
    made = world()
    made.answers["hv03"] = dict(made.answers["hv02"])
    made.hosts["hv03"] = Host("hv03", "hv03.corp.example", auth="ntlm", second_hop=SecondHop("credential"))
    made.pairs.append(("hv01", "hv03"))
    (vm,) = table(made).vms
    assert [move.destination for move in vm.moves] == ["hv02", "hv03"]
    assert vm.moves[0].closed == ("hv01",)


def _refused(made: World) -> None:
    made.refuse("hv02", "Get-VMHostSupportedVersion")


def _none(made: World) -> None:
    made.set("hv02", "Get-VMHostSupportedVersion")


def _odd(made: World) -> None:
    made.put("hv02", "Get-VMHostSupportedVersion", Version=None)


def _old(made: World) -> None:
    made.version("hv02", "2012")


@pytest.mark.parametrize("change", [_refused, _none, _odd, _old])
def test_what_was_not_read_is_neither_yes_nor_no(change: Any) -> None:
    made = world()
    change(made)
    _, move = only(made)
    assert isinstance(move.runs, Unreadable)
    assert move.upgraded_to is None
    text = versions_as("text", table(made))
    assert "hv02: the versions it runs cannot be read" in text
    assert "> hv02: whether it runs there cannot be told" in text


def test_a_source_that_was_not_read_leaves_the_way_back_open_to_doubt() -> None:
    made = world()
    made.refuse("hv01", "Get-VMHostSupportedVersion")
    _, move = only(made)
    assert move.runs is True
    assert isinstance(move.comes_back, Unreadable)
    assert isinstance(move.comes_back_upgraded, Unreadable)
    text = versions_as("text", table(made))
    assert "whether it may come back cannot be told: access denied" in " ".join(text.split())


@pytest.mark.parametrize("change", [lambda made: made.drop("hv01", VM, "Version"), lambda made: made.set("hv01", VM)])
def test_a_vm_whose_version_was_not_read(change: Any) -> None:
    made = world()
    change(made)
    vm, move = only(made)
    assert isinstance(vm.version, Unreadable)
    assert isinstance(move.runs, Unreadable)
    assert "web01, a version that cannot be read, on hv01" in versions_as("text", table(made))


def test_an_unread_default_does_not_become_the_newest() -> None:
    made = world()
    made.set("hv02", "Get-VMHostSupportedVersion", *({"Version": one} for one in RUNS["2022"]))
    _, move = only(made)
    assert move.runs is True
    assert isinstance(move.upgraded_to, Unreadable)
    assert "what an upgrade there makes of it cannot be told" in " ".join(versions_as("text", table(made)).split())


TEXT = """\
host  Windows  5.0  8.0  9.0     9.3  10.0
hv01  2019     yes  yes  newest  -    -
hv02  2022     -    yes  yes     yes  newest

web01, version 9.0, on hv01
  > hv02: may come back as it is; upgraded there to 10.0 it CANNOT COME BACK

db01, version 5.0, on hv01
  > hv02: CANNOT GO, hv02 does not run version 5.0
"""


def _two() -> World:
    made = world()
    made.add_vm()
    made.answers["hv01"][VM][1]["Version"] = "5.0"
    made.moves.append((DB, "db01"))
    return made


def test_the_text() -> None:
    assert versions_as("text", table(_two())) == TEXT


def test_json_is_a_document_of_its_schema() -> None:
    document = json.loads(versions_as("json", table(_two())))
    jsonschema.validate(document, json_schema(VERSIONS))
    assert str(WEB) in json.dumps(document)


def test_markdown_has_both_tables() -> None:
    text = versions_as("md", table(_two()))
    assert "| Host | Windows | 5.0 | 8.0 | 9.0 | 9.3 | 10.0 |" in text
    assert "| db01 | hv01 | 5.0 | \\> hv02: CANNOT GO, hv02 does not run version 5.0 |" in text


def test_there_is_no_other_form() -> None:
    with pytest.raises(UsageError):
        versions_as("junit", table(world()))
