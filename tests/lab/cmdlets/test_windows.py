"""Storage, files, features, services, events and who we are, asked through the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from tests.lab.cmdlets.asking import SELECT, Site, select
from tests.lab.cmdlets.sites import SITE, names
from tests.lab.fabric.worlds import vm_of, world_of
from winmigrate.lab.fabric.world import LogEvent, World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with world_of(SITE) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


# --- storage ---------------------------------------------------------------------------------------------------------


def test_a_chain_of_disks(site: Site) -> None:
    leaf = vm_of(site.world, "web01").disks[0].path
    chain = []
    path = leaf
    while path:
        row = site.run(("Get-VHD", {"Path": [path]}), select("Path", "VhdType", "ParentPath", "Size", "Attached")).one
        chain.append((row.get("VhdType").name, row.get("Attached")))
        path = row.get("ParentPath")
    assert chain == [("Differencing", True), ("Differencing", True), ("Dynamic", True)]


def test_disks_by_machine_and_missing_ones(site: Site) -> None:
    answer = site.run(("Get-VHD", {"VMId": str(vm_of(site.world, "web02").id)}), select("Path", "Attached"))
    assert answer.one.get("Path") == "D:\\VMs\\web02\\a.vhdx"
    assert answer.one.get("Attached") is False
    missing = site.run(("Get-VHD", {"Path": ["D:\\none.vhdx", "D:\\VMs\\web02\\a.vhdx"]}), select("Path"))
    assert len(missing.output) == 1
    assert missing.ids == ["ObjectNotFound,Microsoft.Vhd.PowerShell.Cmdlets.GetVHD"]
    assert missing.said[0].startswith(
        "Getting the mounted storage instance for the path 'D:\\none.vhdx' failed.")


def test_volumes(site: Site) -> None:
    answer = site.run(("Get-Volume", {}), select("DriveLetter", "FileSystemLabel", "Size", "SizeRemaining",
                                                 "DriveType", "HealthStatus"))
    assert answer.column("DriveLetter") == ["C", "D"]
    row = answer.output[1]
    assert row.get("FileSystemLabel") == "VMs"
    assert row.get("SizeRemaining") == site.host.free("D")
    assert row.get("DriveType") == "Fixed"
    assert len(site.run(("Get-Volume", {"DriveLetter": "D"})).output) == 1
    assert site.run(("Get-Volume", {"DriveLetter": "X"})).ids == ["CmdletizationQuery_NotFound_DriveLetter,Get-Volume"]


@pytest.mark.parametrize(("path", "error"), [
    ("D:\\VMs\\web02\\a.vhdx", None),
    ("d:\\vms\\WEB02\\A.VHDX", None),
    ("D:\\VMs\\web02", None),
    ("D:\\", None),
    ("D:\\VMs\\gone.vhdx", "PathNotFound"),
    ("X:\\a", "DriveNotFound"),
])
def test_get_item(site: Site, path: str, error: str | None) -> None:
    answer = site.run(("Get-Item", {"LiteralPath": [path]}), select("FullName", "Length"))
    if error is None:
        assert answer.one.get("FullName").lower().rstrip("\\") == path.lower().rstrip("\\")
        assert (answer.one.get("Length") is None) is not path.lower().endswith(".vhdx")
    else:
        assert answer.ids == [f"{error},Microsoft.PowerShell.Commands.GetItemCommand"]
    there = site.run(("Test-Path", {"LiteralPath": path}))
    assert there.output == [error is None]


def test_missing_files_are_told_one_by_one(site: Site) -> None:
    answer = site.run(("Get-Item", {"LiteralPath": ["D:\\a", "D:\\VMs\\web02\\a.vhdx", "D:\\b"]}), select("Name"))
    assert names(answer) == ["a.vhdx"]
    assert [error.get("TargetObject") for error in answer.errors] == ["D:\\a", "D:\\b"]
    assert answer.said[0] == "Cannot find path 'D:\\a' because it does not exist."


def test_wildcards_and_children(site: Site) -> None:
    assert names(site.run(("Get-Item", {"Path": "D:\\VMs\\web02\\*.vhdx"}), select("Name"))) == ["a.vhdx"]
    assert names(site.run(("Get-ChildItem", {"Path": "D:\\VMs", "Directory": True}), select("Name"))) == [
        "db01", "web01", "web02"]
    deep = site.run(("Get-ChildItem", {"LiteralPath": "D:\\VMs", "Recurse": True, "Filter": "*.vhdx"}), select("Name"))
    assert names(deep) == ["db01.vhdx", "web01.vhdx", "a.vhdx"]


# --- Windows ---------------------------------------------------------------------------------------------------------


def test_features_and_services(site: Site) -> None:
    asked = ["Hyper-V", "Hyper-V-PowerShell", "Failover-Clustering", "Nothing"]
    answer = site.run(("Get-WindowsFeature", {"Name": asked}), select("Name", "InstallState", "Installed"))
    assert names(answer) == asked[:3]
    assert answer.output[0].get("InstallState").name == "Installed"
    services = site.run(("Get-Service", {"Name": ["vmms", "ClusSvc", "nope"]}), select("Name", "Status"))
    assert [status.name for status in services.column("Status")] == ["Running", "Stopped"]
    assert services.ids == ["NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand"]


def test_addresses(site: Site) -> None:
    answer = site.run(("Get-NetIPAddress", {"AddressFamily": "IPv4"}), select("IPAddress", "PrefixLength",
                                                                              "InterfaceAlias", "AddressFamily"))
    assert answer.column("IPAddress") == ["10.20.0.11", "127.0.0.1"]
    assert answer.output[0].get("PrefixLength") == 24
    assert answer.output[0].get("AddressFamily").value == 2
    assert site.run(("Get-NetIPAddress", {"IPAddress": "1.2.3.4"})).ids == [
        "CmdletizationQuery_NotFound_IPAddress,Get-NetIPAddress"]


def test_who_we_are(site: Site) -> None:
    (line,) = site.run(("whoami.exe", {"_": ["/user", "/fo", "csv", "/nh"]})).output
    assert line.startswith('"corp\\ops","S-1-5-21-')
    groups = site.run(("whoami.exe", {"_": ["/groups", "/fo", "csv", "/nh"]}),
                      ("ConvertFrom-Csv", {"Header": ["Name", "Type", "Sid", "Attributes"]}), select("Name", "Sid"))
    assert "S-1-5-32-544" in groups.column("Sid")
    assert site.run(("whoami", {"_": []})).output == ["corp\\ops"]
    assert site.run(("whoami.exe", {"_": ["/user", "/fo", "csv"]})).output[0] == '"User Name","SID"'
    wrong = site.run(("whoami.exe", {"_": ["/wrong"]}))
    assert wrong.said == ["ERROR: Invalid argument/option - '/wrong'."]
    assert wrong.ids == ["NativeCommandError"]
    assert site.run(("hostname.exe", {"_": []})).output == ["HV01"]


def test_the_date_is_the_fabrics(site: Site) -> None:
    assert site.run(("Get-Date", {})).output == [site.world.clock.now()]
    (text,) = site.run(("Get-Date", {"Format": "yyyy-MM-dd HH:mm:ss"})).output
    assert dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=dt.timezone.utc)


def test_events(site: Site) -> None:
    log = "Microsoft-Windows-Hyper-V-VMMS-Admin"
    start = site.world.clock.now()
    site.host.events[:] = [
        LogEvent(log, 20415, start + dt.timedelta(seconds=n), 4, f"move {n}", ["web01", "X", f"{n}.5"], 100 + n)
        for n in range(3)
    ]
    since = {"LogName": log, "Id": [20415, 20417], "StartTime": start + dt.timedelta(seconds=1)}
    answer = site.run(("Get-WinEvent", {"FilterHashtable": since}), select("RecordId", "Message", "TimeCreated"))
    assert answer.column("RecordId") == [102, 101]
    values = site.run(("Get-WinEvent", {"FilterHashtable": since, "MaxEvents": 1}), (SELECT, {
        "ExpandProperty": "Properties", "Property": [{"Name": "EventRecordId", "Expression": "RecordId"}]}),
        select("EventRecordId", "Value"))
    assert values.column("Value") == ["web01", "X", "2.5"]
    assert set(values.column("EventRecordId")) == {102}
    none = site.run(("Get-WinEvent", {"FilterHashtable": {"LogName": log, "Id": 1}}))
    assert none.ids == ["NoMatchingEventsFound,Microsoft.PowerShell.Commands.GetWinEventCommand"]
    wrong = site.run(("Get-WinEvent", {"FilterHashtable": {"LogName": "Nope"}}))
    assert wrong.ids[0] == "NoMatchingLogsFound,Microsoft.PowerShell.Commands.GetWinEventCommand"
    oldest = site.run(("Get-WinEvent", {"LogName": log, "Oldest": True}), select("RecordId"))
    assert oldest.column("RecordId") == [100, 101, 102]
