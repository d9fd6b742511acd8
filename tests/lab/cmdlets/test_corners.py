"""Less common ways to call the commands that show things."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import SELECT, Line, Site, select
from tests.lab.fabric.worlds import HEAD, move, run, world_of
from winmigrate.lab.cmdlets.system import format_date
from winmigrate.lab.engine.effects import Call, Output
from winmigrate.lab.fabric.world import LogEvent, World

SITE = HEAD + """
hosts:
  hv01:
    version: 2019
    volumes: {C: 100 GB, D: {size: 1 TB, label: VMs}}
    switches: [External, Lab]
    migration: {any_network: false, networks: [10.30.0.0/24, 10.40.0.0/24]}
    vms:
      web01:
        disks: ['D:\\VMs\\web01\\web01.vhdx']
        adapters: [{switch: External}, {switch: Lab, name: Second}]
        checkpoints: [one, two]
        devices: [{name: GPU, location_path: 'PCIROOT(0)#PCI(0300)', instance_id: 'PCIP\\VEN_10DE'}]
  hv02: {version: 2019, volumes: {D: 1 TB}, switches: [External, Lab]}
"""
VM = ("Get-VM", {"Name": "web01"})
V2 = "root/virtualization/v2"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with world_of(SITE) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


@pytest.mark.parametrize(("lines", "name", "found"), [
    ([("Get-VMSnapshot", {"VMName": "web01", "Name": "two"}), ("Get-VMNetworkAdapter", {})], "VMSnapshotName",
     ["two", "two"]),
    ([VM, ("Get-VMNetworkAdapter", {"Name": "Second"}), ("Get-VMNetworkAdapterVlan", {})], "OperationMode", [0]),
    ([("Get-VMNetworkAdapterVlan", {"VMName": "web01", "VMNetworkAdapterName": "Second"})], "OperationMode", [0]),
    ([("Get-VMNetworkAdapterVlan", {"ManagementOS": True})], "OperationMode", []),
    ([("Get-VMNetworkAdapter", {"ManagementOS": True})], "Name", []),
    ([("Get-VMNetworkAdapter", {"All": True})], "Name", ["Network Adapter", "Second"]),
    ([VM, ("Get-VMAssignableDevice", {"LocationPath": "PCIROOT(0)#PCI(0300)"})], "Name", ["GPU"]),
    ([VM, ("Get-VMAssignableDevice", {"InstancePath": "PCIP\\VEN_FFFF"})], "Name", []),
    ([("Get-VMMigrationNetwork", {"Subnet": "10.4*"})], "Subnet", ["10.40.0.0/24"]),
    ([("Get-VMMigrationNetwork", {"Priority": [99]})], "Subnet", []),
    ([("Get-Volume", {"FileSystemLabel": "VM*"})], "DriveLetter", ["D"]),
    ([("Get-Volume", {"FilePath": "C:\\Windows"})], "DriveLetter", ["C"]),
    ([("Get-Service", {"DisplayName": "Hyper-V Virtual*"})], "Name", ["vmms"]),
    ([("Get-WindowsFeature", {"Name": "Hyper-V*"})], "Name", ["Hyper-V", "Hyper-V-PowerShell"]),
    ([("Get-NetIPAddress", {"InterfaceAlias": "Loop*", "AddressFamily": "IPv6"})], "IPAddress", ["::1"]),
])
def test_ways_to_ask(site: Site, lines: list[Line], name: str, found: list[Any]) -> None:
    answer = site.run(*lines, select(name))
    assert (answer.state, answer.ids) == ("Completed", [])
    assert [getattr(value, "value", value) for value in answer.column(name)] == found


@pytest.mark.parametrize(("name", "given", "error"), [
    ("Get-VMSnapshot", {"Id": "00000000-0000-0000-0000-000000000001"}, "InvalidParameter"),
    ("Get-VMSwitch", {"Id": "00000000-0000-0000-0000-000000000001"}, "InvalidParameter"),
    ("Get-VHD", {"DiskNumber": 4}, "ObjectNotFound"),
    ("Get-VHD", {"VMId": "00000000-0000-0000-0000-000000000001"}, "InvalidParameter"),
    ("Get-Service", {"DisplayName": "Nothing"}, "NoServiceFoundForGivenDisplayName"),
    ("Get-WinEvent", {"LogName": "System", "FilterXPath": "*"}, "NotImplemented"),
    ("Get-VMNetworkAdapterVlan", {"VMName": "nope"}, "InvalidParameter"),
    ("Get-VMFirmware", {"VMName": "nope"}, "InvalidParameter"),
    ("Get-VMBios", {"VMName": "nope"}, "InvalidParameter"),
    ("Get-VMSnapshot", {"VMName": "nope"}, "InvalidParameter"),
    ("Set-VMDvdDrive", {"VMName": "nope", "Path": "D:\\a.iso"}, "InvalidParameter"),
    ("Disconnect-VMNetworkAdapter", {"VMName": "nope"}, "InvalidParameter"),
    ("Remove-VMSnapshot", {"VMName": "nope"}, "InvalidParameter"),
])
def test_what_is_not_there(site: Site, name: str, given: dict[str, Any], error: str) -> None:
    answer = site.run((name, given))
    assert answer.state == "Completed"
    assert [each.partition(",")[0] for each in answer.ids] == [error]


def outputs(site: Site, name: str, **bound: Any) -> list[Any]:
    """What a command itself puts out, with parameters that no client can send (live objects by name)."""
    found = site.engine.table.find(name)
    assert found is not None
    return [effect.value for effect in found[1].process(Call(name, "", bound, site.caller))
            if isinstance(effect, Output)]


@pytest.mark.parametrize(("parameter", "name", "found"), [
    ("ChildOf", "one", ["two"]), ("ParentOf", "two", ["one"]), ("ParentOf", "one", []),
    ("ParentOf", "web01", ["two"]), ("ChildOf", "web01", ["one"]),
])
def test_checkpoints_by_kin(site: Site, parameter: str, name: str, found: list[str]) -> None:
    (given,) = (outputs(site, "Get-VM", Name=[name]) if name == "web01"
                else outputs(site, "Get-VMSnapshot", VMName=["web01"], Name=[name]))
    assert [item.get("Name") for item in outputs(site, "Get-VMSnapshot", **{parameter: given})] == found


def test_files_in_full(site: Site) -> None:
    file = site.run(("Get-Item", {"LiteralPath": "D:\\VMs\\web01\\web01.vhdx"})).one
    assert file.type_names[0] == "Deserialized.System.IO.FileInfo"
    assert (file.get("Extension"), file.get("BaseName"), file.get("Mode")) == (".vhdx", "web01", "-a----")
    assert str(file.get("Attributes")) == "Archive"
    assert file.notes["PSIsContainer"] is False
    folder = site.run(("Get-Item", {"Path": "D:\\VMs\\web01"})).one
    assert folder.type_names[0] == "Deserialized.System.IO.DirectoryInfo"
    assert folder.get("Length") is None
    assert folder.notes["PSPath"] == "Microsoft.PowerShell.Core\\FileSystem::D:\\VMs\\web01"


def test_children_by_name_and_of_a_file(site: Site) -> None:
    names = site.run(("Get-ChildItem", {"Path": "D:\\VMs\\web01", "Name": True, "File": True})).output
    assert "web01.vhdx" in names
    own = site.run(("Get-ChildItem", {"Path": "D:\\VMs\\web01\\web01.vhdx"}), select("Name"))
    assert own.column("Name") == ["web01.vhdx"]
    assert site.run(("Get-ChildItem", {"Path": "D:\\none"})).ids == [
        "PathNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand"]
    assert site.run(("Test-Path", {"Path": "D:\\VMs\\*.vhdx"})).output == [False]
    assert site.run(("Test-Path", {"LiteralPath": "D:\\VMs", "PathType": "Leaf"})).output == [False]


def test_events_by_text_dates_levels_and_data(site: Site) -> None:
    start = dt.datetime(2026, 3, 2, 8, tzinfo=dt.timezone.utc)
    site.host.events[:] = [LogEvent("System", n, start + dt.timedelta(hours=n), 2 + n, "x", [f"vm{n}"], n)
                           for n in range(3)]

    def found(**wanted: Any) -> list[int]:
        answer = site.run(("Get-WinEvent", {"FilterHashtable": {"LogName": "Sys*", **wanted}}), select("Id"))
        return [int(number) for number in answer.column("Id")]

    assert found(StartTime="2026-03-02T09:00:00Z") == [2, 1]
    assert found(EndTime=dt.datetime(2026, 3, 2, 9)) == [1, 0]
    assert found(StartTime="no date") == [2, 1, 0]
    assert found(Level=[2, 3]) == [1, 0]
    assert found(Data="vm1") == [1]
    assert found(ProviderName="Microsoft-Windows-Kernel") == []
    names = site.run(("Get-WinEvent", {"LogName": "System"}), select("LevelDisplayName")).column("LevelDisplayName")
    assert names == ["Information", "Warning", "Error"]


@pytest.mark.parametrize(("text", "expected"), [
    ("o", "2026-03-02T08:05:09.0000000Z"), ("s", "2026-03-02T08:05:09"), ("u", "2026-03-02 08:05:09Z"),
    ("d", "3/2/2026"), ("yyyyMMdd-HHmmss", "20260302-080509"), ("dddd, dd MMMM", "Monday, 02 March"),
])
def test_dates_as_text(text: str, expected: str) -> None:
    assert format_date(dt.datetime(2026, 3, 2, 8, 5, 9, tzinfo=dt.timezone.utc), text) == expected


def test_an_instance_is_fetched_again() -> None:
    with world_of(SITE) as world:
        site = Site(world)
        job = move(world)
        asked: Line = ("Get-CimInstance", {"Namespace": V2, "ClassName": "Msvm_MigrationJob"})
        again = site.run(asked, ("Get-CimInstance", {}), select("InstanceID", "JobState"))
        assert again.one.get("InstanceID") == job.id
        by_class = site.run(("Invoke-CimMethod", {"ClassName": "Msvm_Nothing", "Namespace": V2, "MethodName": "X"}))
        assert by_class.ids[0].startswith("HRESULT 0x80041010,")
        run(world, job)
        shut = site.run(("Invoke-CimMethod", {"Query": "SELECT", "Namespace": V2, "MethodName": "X"}))
        assert shut.ids[0].startswith("HRESULT 0x80041017,")


def test_destroying_a_machine_over_cim(site: Site) -> None:
    service: Line = ("Get-CimInstance", {"Namespace": V2, "ClassName": "Msvm_VirtualSystemManagementService"})
    answer = site.run(service, ("Invoke-CimMethod", {"MethodName": "DestroySystem", "Arguments": {}}))
    assert answer.one.get("ReturnValue") == 32773


def test_keys_only(site: Site) -> None:
    row = site.run(("Get-CimInstance", {"ClassName": "Win32_Service", "KeyOnly": True, "Filter": "Name='vmms'"}),
                   (SELECT, {"Property": ["Name", "State"]})).one
    assert (row.get("Name"), row.get("State")) == ("vmms", None)
