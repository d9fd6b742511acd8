"""Move-VM and Compare-VM through the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Site, select
from tests.lab.fabric.worlds import HEAD, move, ops, run, sleep, vm_of, world_of
from winmigrate.facts import VERSIONS
from winmigrate.lab.fabric.world import World

SITE = HEAD + """
hosts:
  hv01:
    version: 2019
    volumes: {D: 1 TB, E: 1 TB}
    switches: [External]
    vms:
      web01: {memory: 4 GB, disks: [{path: 'D:\\VMs\\web01\\web01.vhdx', used: 10 GB}], adapters: [External]}
      cap01:
        memory: 1 GB
        disks: ['D:\\VMs\\cap01\\a.vhdx', {path: 'E:\\Shared\\q.vhdx', shared: true}]
  hv02: {version: 2019, volumes: {D: 1 TB}, switches: [External]}
"""
TO = {"DestinationHost": "hv02", "IncludeStorage": True, "DestinationStoragePath": "D:\\VMs\\web01", "Confirm": False}
MOVE = "Microsoft.HyperV.PowerShell.Commands.MoveVM"


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(SITE) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world, caller=ops("credssp"))


def test_a_move_by_pipe(site: Site) -> None:
    vm = vm_of(site.world, "web01")
    answer = site.run(("Get-VM", {"Id": str(vm.id)}), ("Move-VM", TO))
    assert answer.state == "Completed"
    assert not answer.errors
    assert answer.output == []
    assert site.world.hosts["hv02"].vms[vm.id] is vm
    assert vm.disks[0].path == "D:\\VMs\\web01\\Virtual Hard Disks\\web01.vhdx"


def test_progress_is_as_the_cmdlet_writes_it(site: Site) -> None:
    answer = site.run(("Move-VM", {"Name": "web01", **TO}))
    records = [(one.get("ActivityId"), one.get("StatusDescription"), one.get("PercentComplete"),
                one.get("SecondsRemaining"), one.get("Type").name) for one in answer.progress]
    assert records[0] == (0, "0%", 0, -1, "Processing")
    assert records[-1] == (0, "100%", 100, -1, "Completed")
    percents = [record[2] for record in records]
    assert percents == sorted(percents)
    assert all(record[1] == f"{record[2]}%" for record in records)
    assert {one.get("Activity") for one in answer.progress} == {"Moving virtual machine and storage"}


def test_passthru_gives_the_machine_at_the_destination(site: Site) -> None:
    answer = site.run(("Move-VM", {"Name": "web01", "Passthru": True, **TO}), select("Name", "ComputerName"))
    assert answer.one.get("ComputerName") == "HV02"


def test_a_refusal_is_written_and_not_thrown(site: Site) -> None:
    answer = site.as_user(ops()).run(("Move-VM", {"Name": "web01", **TO}))
    assert answer.state == "Completed"
    assert answer.ids == [f"OperationFailed,{MOVE}"]
    assert answer.progress == []
    stopped = site.as_user(ops()).run(("Move-VM", {"Name": "web01", "ErrorAction": "Stop", **TO}))
    assert (stopped.state, stopped.failed) == ("Failed", f"OperationFailed,{MOVE}")


def test_a_failed_migration_ends_at_100_percent_with_an_error(site: Site) -> None:
    site.world.domain.delegation.clear()
    answer = site.run(("Move-VM", {"Name": "web01", **TO}))
    assert answer.state == "Completed"
    (error,) = answer.errors
    assert "No credentials are available in the security package (0x8009030E)" in str(error.to_string)
    assert error.get("Exception").get("HResult") == 0x8009030E - 2**32
    assert answer.progress[-1].get("PercentComplete") == 100
    assert vm_of(site.world, "web01").running


def test_a_stop_ends_the_watching_only(site: Site) -> None:
    world = site.world
    answer = site.run(("Move-VM", {"Name": "web01", **TO}), stopping=lambda: world.clock.monotonic() > 5)
    assert answer.state == "Stopped"
    (job,) = world.hosts["hv01"].jobs
    assert not job.ended
    assert not job.cancel_asked
    run(world, job)
    assert vm_of(world, "web01", "hv02").running


def test_what_if_moves_nothing(site: Site) -> None:
    answer = site.run(("Move-VM", {"Name": "web01", **TO, "WhatIf": True}))
    assert answer.state == "Completed"
    assert site.world.hosts["hv01"].jobs == []


@pytest.mark.parametrize(("given", "error"), [
    ({"Name": "web*"}, "InvalidParameter"),
    ({"Name": "nope"}, "InvalidParameter"),
    ({"Name": "web01", "Vhds": [{"SourceFilePath": "D:\\a"}]}, "InvalidParameter"),
])
def test_bad_names_and_disks(site: Site, given: dict[str, Any], error: str) -> None:
    answer = site.run(("Move-VM", {"DestinationHost": "hv02", "Confirm": False, **given}))
    assert answer.ids == [f"{error},{MOVE}"]


def test_as_job_returns_at_once(site: Site) -> None:
    answer = site.run(("Move-VM", {"Name": "web01", "AsJob": True, **TO}))
    assert answer.one.type_names[0] == "Deserialized.Microsoft.HyperV.PowerShell.VMJob"
    (job,) = site.world.hosts["hv01"].jobs
    assert not job.ended
    run(site.world, job)
    both = site.run(("Move-VM", {"Name": "cap01", "AsJob": True, "Passthru": True, **TO}))
    assert both.ids == [f"InvalidParameter,{MOVE}"]


def test_each_file_by_its_own_path(site: Site) -> None:
    vhds = [{"SourceFilePath": "D:\\VMs\\web01\\web01.vhdx", "DestinationFilePath": "D:\\Data\\web01.vhdx"}]
    answer = site.run(("Move-VM", {"Name": "web01", "DestinationHost": "hv02", "VirtualMachinePath": "D:\\Conf",
                                   "Vhds": vhds, "Confirm": False}))
    assert not answer.errors
    vm = vm_of(site.world, "web01", "hv02")
    assert (vm.disks[0].path, vm.config_path) == ("D:\\Data\\web01.vhdx", "D:\\Conf")


@pytest.mark.parametrize("version", VERSIONS)
def test_one_folder_and_many_exclude_each_other_from_2016_on(version: str) -> None:
    with world_of(SITE.replace("version: 2019", f"version: {version}")) as world:
        answer = Site(world, caller=ops("credssp")).run(
            ("Move-VM", {"Name": "web01", **TO, "VirtualMachinePath": "D:\\Conf"}))
        if version in ("2012", "2012R2"):
            assert answer.state == "Completed"
            assert not answer.errors
        else:
            assert (answer.state, answer.failed) == ("Failed", f"AmbiguousParameterSet,{MOVE}")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_credential_binds_from_2016_on(version: str) -> None:
    found = {name for name in ("DestinationCredential", "RemoveSourceUnmanagedVhds") if version not in
             ("2012", "2012R2")}
    with world_of(SITE.replace("version: 2019", f"version: {version}")) as world:
        entry = Site(world).engine.table.find("Move-VM")
        assert entry is not None
        assert entry[0] is not None
        names = {parameter.name for parameter in entry[0].parameters}
        assert names & {"DestinationCredential", "RemoveSourceUnmanagedVhds"} == found


def test_a_shared_disk_is_warned_of(site: Site) -> None:
    answer = site.run(("Move-VM", {"Name": "cap01", "DestinationHost": "hv02", "DestinationStoragePath": "D:\\x",
                                   "Confirm": False}))
    assert answer.warnings == ["The virtual hard disk 'E:\\Shared\\q.vhdx' is shared and is not moved."]


def test_the_limit_fails_at_once(site: Site) -> None:
    site.host.migration.limit = 1
    first = move(site.world, "cap01", storage_path="D:\\x")
    sleep(site.world, 1)
    answer = site.run(("Move-VM", {"Name": "web01", **TO}))
    assert "migration limit '1' was reached" in answer.said[0]
    assert not first.ended


# --- Compare-VM ------------------------------------------------------------------------------------------------------


def test_a_report_without_problems(site: Site) -> None:
    answer = site.run(("Compare-VM", {"Name": "web01", **TO}))
    report = answer.one
    assert report.type_names[0] == "Deserialized.Microsoft.HyperV.PowerShell.VMCompatibilityReport"
    assert str(report.get("OperationType")) == "MoveVirtualMachineAndStorage"  # text at the depth of a report
    assert report.get("Destination") == "HV02"
    assert report.get("Incompatibilities") == []
    assert report.get("VhdDestinationPath") == "D:\\VMs\\web01\\Virtual Hard Disks"
    assert report.notes["CheckpointPath"] == report.get("SnapshotPath")
    assert vm_of(site.world, "web01").id in site.world.hosts["hv02"].planned  # it writes


def test_a_report_lists_the_missing_switch(site: Site) -> None:
    site.world.hosts["hv02"].switches.clear()
    answer = site.run(("Compare-VM", {"Name": "web01", **TO}),
                      (select()[0], {"ExpandProperty": "Incompatibilities"}), select("Message", "MessageId", "Source"))
    assert answer.column("MessageId")[-1] == 33012
    assert answer.column("Message")[-1] == ("The virtual machine 'web01' is not compatible with physical computer "
                                            "'HV02'. Could not find Ethernet switch 'External'.")
    assert len(answer.output) == 3  # the two wrappers stand before it


def test_a_comparison_that_cannot_be_made(site: Site) -> None:
    site.world.hosts["hv02"].migration.enabled = False
    answer = site.run(("Compare-VM", {"Name": "web01", **TO}))
    assert answer.state == "Completed"
    assert answer.said[0].startswith("The destination host is not configured for live migration.")


def test_an_import_is_not_played(site: Site) -> None:
    answer = site.run(("Compare-VM", {"Path": "D:\\x.vmcx"}))
    assert answer.failed == "NotImplemented,Microsoft.HyperV.PowerShell.Commands.CompareVM"


def test_a_report_moves_by_pipe(site: Site) -> None:
    answer = site.run(("Compare-VM", {"Name": "web01", **TO}), ("Move-VM", {"Confirm": False}))
    assert not answer.errors
    assert vm_of(site.world, "web01", "hv02").running
