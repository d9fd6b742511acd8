"""Get-CimInstance and Invoke-CimMethod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Site, select
from tests.lab.fabric.worlds import HEAD, move, ops, run, sleep, vm_of, world_of
from winmigrate.facts import VERSIONS
from winmigrate.lab.engine.values import TimeSpan, UInt16
from winmigrate.lab.fabric.world import World

SITE = HEAD + """
hosts:
  hv01:
    version: 2019
    memory: 128 GB
    addresses: [10.20.0.11/24, 10.30.0.11/24]
    volumes: {D: 1 TB}
    credential_guard: true
    vms:
      web01: {memory: 4 GB, disks: [{path: 'D:\\VMs\\web01\\web01.vhdx', used: 20 GB}]}
  hv02: {volumes: {D: 1 TB}}
"""
V2 = "root/virtualization/v2"
GET = "Microsoft.Management.Infrastructure.CimCmdlets.GetCimInstanceCommand"


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(SITE) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


@pytest.mark.parametrize(("class_name", "expected"), [
    ("Win32_ComputerSystem", {"Name": "HV01", "Domain": "corp.example", "PartOfDomain": True,
                              "HypervisorPresent": True, "TotalPhysicalMemory": 128 * 1024**3}),
    ("win32_operatingsystem", {"Version": "10.0.17763", "BuildNumber": "17763", "ProductType": 3,
                               "TotalVisibleMemorySize": 128 * 1024**2}),
])
def test_classes_of_windows(site: Site, class_name: str, expected: dict[str, Any]) -> None:
    row = site.run(("Get-CimInstance", {"ClassName": class_name}), select(*expected)).one
    assert {name: row.get(name) for name in expected} == expected


def test_processors_are_one_a_socket(site: Site) -> None:
    answer = site.run(("Get-CimInstance", {"ClassName": "Win32_Processor"}), select("DeviceID", "NumberOfCores"))
    assert answer.column("DeviceID") == ["CPU0", "CPU1"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_of_windows(version: str) -> None:
    with world_of(SITE.replace("version: 2019", f"version: {version}")) as world:
        row = Site(world).run(("Get-CimInstance", {"ClassName": "Win32_OperatingSystem"}), select("Version")).one
        assert row.get("Version").startswith({"2012": "6.2.", "2012R2": "6.3."}.get(version, "10.0."))


def test_types_and_text(site: Site) -> None:
    item = site.run(("Get-CimInstance", {"ClassName": "Win32_ComputerSystem"})).one
    start = "Deserialized.Microsoft.Management.Infrastructure.CimInstance"
    assert item.type_names[0] == f"{start}#root/cimv2/Win32_ComputerSystem"
    assert start in item.type_names
    assert item.to_string == 'Win32_ComputerSystem: HV01 (Name = "HV01")'


def test_services_by_filter_and_query(site: Site) -> None:
    by_filter = site.run(("Get-CimInstance", {"ClassName": "Win32_Service", "Filter": "Name='vmms' OR Name='WinRM'"}),
                         select("Name", "State"))
    assert sorted(by_filter.column("Name")) == ["WinRM", "vmms"]
    query = "SELECT Name FROM Win32_Service WHERE Name LIKE 'vm%' AND State = 'Running'"
    by_query = site.run(("Get-CimInstance", {"Query": query}), select("Name", "State"))
    assert by_query.column("Name") == ["vmms"]
    assert by_query.column("State") == [None]  # not asked for
    only = site.run(("Get-CimInstance", {"ClassName": "Win32_Service", "Filter": "Name='vmms'",
                                         "Property": ["State"]}), select("Name", "State", "StartMode")).one
    assert (only.get("Name"), only.get("State"), only.get("StartMode")) == ("vmms", "Running", None)


def test_device_guard(site: Site) -> None:
    asked = {"Namespace": "root/Microsoft/Windows/DeviceGuard", "ClassName": "Win32_DeviceGuard"}
    answer = site.run(("Get-CimInstance", asked), (select()[0], {"ExpandProperty": "SecurityServicesRunning"}))
    assert answer.output == [1]


def test_device_guard_came_with_2016() -> None:
    with world_of(SITE.replace("version: 2019", "version: 2012R2")) as world:
        asked = {"Namespace": "root/Microsoft/Windows/DeviceGuard", "ClassName": "Win32_DeviceGuard"}
        assert Site(world).run(("Get-CimInstance", asked)).ids == [f"HRESULT 0x8004100e,{GET}"]


@pytest.mark.parametrize(("given", "code", "category"), [
    ({"ClassName": "Win32_Nothing"}, "0x80041010", "MetadataError"),
    ({"ClassName": "Msvm_MigrationJob"}, "0x80041010", "MetadataError"),
    ({"ClassName": "Msvm_MigrationJob", "Namespace": "root/virtualization"}, "0x8004100e", "MetadataError"),
    ({"ClassName": "Win32_Service", "Filter": "Name="}, "0x80041017", "InvalidArgument"),
    ({"Query": "SELECT"}, "0x80041017", "InvalidArgument"),
])
def test_refusals(site: Site, given: dict[str, Any], code: str, category: str) -> None:
    answer = site.run(("Get-CimInstance", given))
    assert answer.state == "Completed"
    assert answer.ids == [f"HRESULT {code},{GET}"]
    assert answer.errors[0].get("ErrorCategory_Message").startswith(category)


def test_namespaces_by_either_slash(site: Site) -> None:
    for namespace in ("root/virtualization/v2", "ROOT\\virtualization\\v2"):
        answer = site.run(("Get-CimInstance", {"Namespace": namespace, "ClassName": "Msvm_ComputerSystem",
                                               "Filter": "Caption='Virtual Machine'"}), select("ElementName"))
        assert answer.column("ElementName") == ["web01"]


def test_a_guest_sees_nothing_of_hyperv(site: Site) -> None:
    asked = ("Get-CimInstance", {"Namespace": V2, "ClassName": "Msvm_ComputerSystem"})
    assert site.run(asked).output
    assert site.as_user(ops(user="CORP\\nobody")).run(asked).output == []


def test_listener_addresses(site: Site) -> None:
    asked = ({"Namespace": V2, "ClassName": "Msvm_VirtualSystemMigrationService"})
    expand = (select()[0], {"ExpandProperty": "MigrationServiceListenerIPAddressList"})
    assert site.run(("Get-CimInstance", asked), expand).output == ["10.20.0.11", "10.30.0.11"]
    site.run(("Add-VMMigrationNetwork", {"Subnet": "10.30.0.0/16"}))
    site.run(("Set-VMHost", {"UseAnyNetworkForMigration": False}))
    assert site.run(("Get-CimInstance", asked), expand).output == ["10.30.0.11"]
    site.run(("Disable-VMMigration", {}))
    assert site.run(("Get-CimInstance", asked), expand).output == []


# --- migration jobs --------------------------------------------------------------------------------------------------


def jobs(site: Site, *names: str) -> Any:
    return site.run(("Get-CimInstance", {"Namespace": V2, "ClassName": "Msvm_MigrationJob"}), select(*names))


def test_a_job_on_its_way_and_after(site: Site) -> None:
    job = move(site.world)
    sleep(site.world, 10)
    row = jobs(site, "InstanceID", "VirtualSystemName", "JobState", "JobType", "PercentComplete", "DestinationHost",
               "ElapsedTime", "Cancellable", "ErrorCode", "JobStatus").one
    assert (row.get("InstanceID"), row.get("VirtualSystemName")) == (job.id, vm_of(site.world, "web01").guid)
    assert (row.get("JobState"), row.get("JobType"), row.get("DestinationHost")) == (4, 306, "HV02")
    assert 5 < row.get("PercentComplete") < 75
    assert row.get("ElapsedTime") == TimeSpan.of(10)
    assert row.get("Cancellable") is True
    assert row.get("JobStatus") == "Job is running"
    run(site.world, job)
    assert jobs(site, "JobState").column("JobState") == [7]
    sleep(site.world, 301)
    assert jobs(site, "JobState").output == []


def test_cancelling(site: Site) -> None:
    job = move(site.world)
    sleep(site.world, 5)
    answer = site.run(
        ("Get-CimInstance", {"Namespace": V2, "ClassName": "Msvm_MigrationJob", "Filter": f"InstanceID='{job.id}'"}),
        ("Invoke-CimMethod", {"MethodName": "RequestStateChange", "Arguments": {"RequestedState": UInt16(4)}}),
        select("ReturnValue"))
    assert answer.one.get("ReturnValue") == 4096
    run(site.world, job)
    row = jobs(site, "JobState", "ErrorCode", "ErrorDescription").one
    assert (row.get("JobState"), row.get("ErrorCode")) == (8, 32768)
    assert vm_of(site.world, "web01").running
    again = site.run(("Invoke-CimMethod", {"Query": "SELECT * FROM Msvm_MigrationJob", "Namespace": V2,
                                           "MethodName": "RequestStateChange", "Arguments": {"RequestedState": 4}}))
    assert again.one.get("ReturnValue") == 32775


@pytest.mark.parametrize(("method", "arguments", "expected"), [
    ("RequestStateChange", {}, 32773), ("RequestStateChange", {"requestedstate": 11}, 32770),
])
def test_odd_requests(site: Site, method: str, arguments: dict[str, Any], expected: int) -> None:
    move(site.world)
    answer = site.run(("Get-CimInstance", {"Namespace": V2, "ClassName": "Msvm_MigrationJob"}),
                      ("Invoke-CimMethod", {"MethodName": method, "Arguments": arguments}))
    assert answer.one.get("ReturnValue") == expected


def test_an_unknown_method(site: Site) -> None:
    answer = site.run(("Invoke-CimMethod", {"ClassName": "Win32_OperatingSystem", "MethodName": "Reboot"}))
    assert answer.ids == ["HRESULT 0x8004102f,Microsoft.Management.Infrastructure.CimCmdlets.InvokeCimMethodCommand"]


def test_what_if_invokes_nothing(site: Site) -> None:
    job = move(site.world)
    answer = site.run(("Invoke-CimMethod", {
        "ClassName": "Msvm_MigrationJob", "Namespace": V2, "MethodName": "RequestStateChange",
        "Arguments": {"RequestedState": 4}, "WhatIf": True}))
    assert answer.output == []
    assert not job.cancel_asked


def test_other_computers(site: Site) -> None:
    asked = ("Get-CimInstance", {"ClassName": "Win32_ComputerSystem", "ComputerName": "hv02"})
    refused = site.run(asked)
    assert refused.ids == [f"HRESULT 0x8009030e,{GET}"]
    passed = site.as_user(ops("credssp")).run(asked, select("Name"))
    assert passed.column("Name") == ["HV02"]
