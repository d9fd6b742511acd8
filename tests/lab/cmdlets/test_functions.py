"""The twins of our PowerShell functions, and that each was written for the function as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Answer, Site
from tests.lab.fabric.worlds import HEAD, move, ops, sleep, vm_of, world_of
from winmigrate.lab.cmdlets.functions import digests
from winmigrate.lab.engine.table import script_digest
from winmigrate.lab.fabric.world import World
from winmigrate.windows.move import FUNCTIONS, function_text

SITE = HEAD + """
hosts:
  hv01:
    version: 2019
    volumes: {D: 1 TB}
    switches: [External]
    vms:
      web01: {memory: 4 GB, disks: [{path: 'D:\\VMs\\web01\\web01.vhdx', used: 10 GB}], adapters: [External, null]}
      solo01: {memory: 1 GB, disks: [{physical: 3}]}
  hv02: {version: 2019, volumes: {D: 1 TB}, switches: [Ext]}
"""
NAMES = {"Compare-WinmigrateVM": "compare_vm", "Move-WinmigrateVM": "move_mended",
         "Remove-WinmigratePlannedVM": "remove_planned_vm"}
TO: dict[str, Any] = {"DestinationHost": "hv02", "IncludeStorage": True, "DestinationStoragePath": "D:\\VMs\\web01"}


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(SITE.replace("[External, null]", "[External]")) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world, caller=ops("credssp"))


def call(site: Site, name: str, vm: str = "web01", **given: Any) -> Answer:
    """Defines the function and calls it, as the client does."""
    wanted = given.pop("VMId", None) or str(vm_of(site.world, vm).id)
    return site.ask([function_text(NAMES[name])], [(name, {"VMId": wanted, **given})])


def test_every_function_has_its_twin() -> None:
    assert sorted(NAMES.values()) == sorted(FUNCTIONS)
    for name, function in NAMES.items():
        assert digests()[name] == script_digest(function_text(function)), (
            f"{function}.ps1 was changed: look at its twin in winmigrate/lab/cmdlets/functions.py, then take over the "
            "new digest")


def test_a_changed_function_is_not_run(site: Site) -> None:
    text = function_text("compare_vm").replace("'Stop'", "'Continue'")
    answer = site.ask([text], [("Compare-WinmigrateVM", {"VMId": str(vm_of(site.world, "web01").id)})])
    assert answer.failed == "ScriptHasNoTwin"


def test_compare_puts_out_rows(site: Site) -> None:
    answer = call(site, "Compare-WinmigrateVM", **TO)
    assert answer.state == "Completed"
    assert answer.column("MessageId")[-1] == 33012
    row = answer.output[-1]
    assert list(row.notes) == ["Message", "MessageId", "SourceType", "SourceId", "SourceName"]
    assert row.get("SourceType") == "VMNetworkAdapter"
    assert row.get("SourceId") == vm_of(site.world, "web01").adapters[0].id
    assert answer.column("SourceType")[:2] == ["VirtualMachine", "VirtualMachine"]


def test_compare_mends_by_the_map(site: Site) -> None:
    answer = call(site, "Compare-WinmigrateVM", **TO, SwitchMap={"external": "EXT"})
    assert answer.state == "Completed"
    assert answer.output == []
    assert vm_of(site.world, "web01").adapters[0].switch_name == "External"


def test_edits_that_do_not_take(site: Site) -> None:
    site.world.report_edits = False
    answer = call(site, "Compare-WinmigrateVM", **TO, SwitchMap={"External": "Ext"})
    assert answer.column("MessageId")[-1] == 33012


def test_errors_of_inner_commands_keep_their_ids(site: Site) -> None:
    refused = call(Site(site.world), "Compare-WinmigrateVM", **TO)
    assert refused.state == "Failed"
    assert refused.failed == "OperationFailed,Microsoft.HyperV.PowerShell.Commands.CompareVM"
    unknown = call(site, "Compare-WinmigrateVM", VMId="00000000-0000-0000-0000-000000000009", **TO)
    assert unknown.failed == "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM"
    both = call(site, "Compare-WinmigrateVM", **TO, VirtualMachinePath="D:\\x")
    assert both.failed == "AmbiguousParameterSet,Microsoft.HyperV.PowerShell.Commands.CompareVM"


def test_a_mapped_switch_that_is_not_there(site: Site) -> None:
    answer = call(site, "Move-WinmigrateVM", **TO, SwitchMap={"External": "Nope"}, Confirm=False)
    assert answer.failed == "There is no switch 'Nope' on hv02."


def test_move_mended(site: Site) -> None:
    answer = call(site, "Move-WinmigrateVM", **TO, SwitchMap={"External": "Ext"}, Confirm=False)
    assert answer.state == "Completed"
    assert not answer.errors
    assert answer.progress[-1].get("Type").name == "Completed"
    assert vm_of(site.world, "web01", "hv02").adapters[0].switch_name == "Ext"


def test_move_stops_at_what_it_cannot_mend(site: Site) -> None:
    answer = call(site, "Move-WinmigrateVM", "solo01", **TO, SwitchMap={"External": "Ext"}, Confirm=False)
    assert (answer.state, answer.failed) == ("Failed", "WinmigrateStillIncompatible,Move-WinmigrateVM")
    assert answer.column("SourceType") == ["HardDiskDrive"]
    assert answer.failure is not None
    assert str(answer.failure.to_string).startswith("Still incompatible: The virtual machine 'solo01'")
    assert site.world.moves == {}


def test_move_what_if(site: Site) -> None:
    answer = call(site, "Move-WinmigrateVM", **TO, SwitchMap={}, WhatIf=True)
    assert answer.state == "Completed"
    assert site.world.hosts["hv02"].planned == {}


def test_move_fails_with_the_errors_of_move_vm(site: Site) -> None:
    site.world.hosts["hv02"].memory = 5 * 1024**3
    answer = call(site, "Move-WinmigrateVM", **TO, SwitchMap={"External": "Ext"}, Confirm=False)
    assert answer.failed == "OperationFailed,Microsoft.HyperV.PowerShell.Commands.MoveVM"


def test_remove_planned(site: Site) -> None:
    wanted = str(vm_of(site.world, "web01").id)
    call(site, "Compare-WinmigrateVM", **TO)
    there = Site(site.world, "hv02")
    first = call(there, "Remove-WinmigratePlannedVM", VMId=wanted, Confirm=False)
    assert dict(first.one.notes) == {"VMId": wanted, "Removed": True}
    assert there.host.planned == {}
    again = call(there, "Remove-WinmigratePlannedVM", VMId=wanted, Confirm=False)
    assert again.one.get("Removed") is False
    assert wanted in {str(one) for one in site.host.vms}


def test_a_planned_machine_on_its_way_stays(site: Site) -> None:
    site.world.hosts["hv02"].switches[0].name = "External"
    job = move(site.world)
    sleep(site.world, 5)
    there = Site(site.world, "hv02")
    answer = call(there, "Remove-WinmigratePlannedVM", VMId=str(job.vm_id), Confirm=False)
    assert answer.failed == "WinmigrateNotDestroyed,Remove-WinmigratePlannedVM"
    assert job.vm_id in there.host.planned
