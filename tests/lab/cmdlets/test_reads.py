"""The commands that show things, asked through the engine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import SELECT, Site, create_pipeline, no_secrets, select
from tests.lab.cmdlets.client import ask
from tests.lab.cmdlets.sites import SITE, names
from tests.lab.fabric.worlds import HEAD, SECRET, ops, vm_of, world_of
from winmigrate.facts import VERSIONS
from winmigrate.facts.cmdlets import locate
from winmigrate.facts.since import first_version
from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets import definition_for
from winmigrate.lab.cmdlets.table import COMMANDS
from winmigrate.lab.fabric.world import World
from winmigrate.request import Credential, Secret, Statement, command
from winmigrate.request import select as chosen


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with world_of(SITE) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


# --- machines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "found"), [
    ({}, ["web01", "web02", "db01"]),
    ({"Name": "WEB01"}, ["web01"]),
    ({"Name": "web*"}, ["web01", "web02"]),
    ({"Name": ["db01", "web0?"]}, ["db01", "web01", "web02"]),
    ({"Name": "web0[2-9]"}, ["web02"]),
    ({"Name": "nothing*"}, []),
    ({"_": ["web01"]}, ["web01"]),
])
def test_get_vm_by_name(site: Site, given: dict[str, Any], found: list[str]) -> None:
    answer = site.run(("Get-VM", given), select("Name"))
    assert names(answer) == found
    assert not answer.errors


def test_a_name_that_is_not_there(site: Site) -> None:
    answer = site.run(("Get-VM", {"Name": ["nope", "web01"]}), select("Name"))
    assert names(answer) == ["web01"]
    (error,) = answer.errors
    assert str(error.to_string) == 'Hyper-V was unable to find a virtual machine with name "nope".'
    assert error.get("FullyQualifiedErrorId") == "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM"
    assert error.get("ErrorCategory_Message") == "InvalidArgument: (nope:String) [Get-VM], VirtualizationException"


def test_get_vm_by_id(site: Site) -> None:
    wanted = vm_of(site.world, "web01").id
    assert names(site.run(("Get-VM", {"Id": str(wanted)}), select("Name"))) == ["web01"]
    answer = site.run(("Get-VM", {"Id": str(uuid.uuid4())}))
    assert answer.ids == ["InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM"]


def test_a_machine_in_full(site: Site) -> None:
    row = site.run(("Get-VM", {"Name": "db01"}), select(
        "State", "MemoryStartup", "MemoryAssigned", "MemoryDemand", "DynamicMemoryEnabled", "Uptime", "Status",
        "PrimaryOperationalStatus", "Generation", "ComputerName", "IsClustered", "Heartbeat")).one
    assert row.get("State").name == "Running"
    assert row.get("MemoryStartup") == row.get("MemoryAssigned") == 2 * 1024**3
    assert 0 < row.get("MemoryDemand") < row.get("MemoryAssigned")
    assert row.get("DynamicMemoryEnabled") is True
    assert row.get("Uptime").ticks > 0
    assert (row.get("Status"), row.get("PrimaryOperationalStatus").name) == ("Operating normally", "Ok")
    assert (row.get("Generation"), row.get("ComputerName"), row.get("IsClustered")) == (2, "HV01", False)


def test_the_size_of_system_files(site: Site) -> None:
    rows = site.run(("Get-VM", {}), select("SizeOfSystemFiles"))
    assert all(size > 0 for size in rows.column("SizeOfSystemFiles"))


def test_a_machine_that_is_off(site: Site) -> None:
    row = site.run(("Get-VM", {"Name": "web02"}), select("State", "MemoryAssigned", "Uptime", "Heartbeat")).one
    assert row.get("State").value == 3
    assert row.get("MemoryAssigned") == 0
    assert row.get("Uptime").ticks == 0
    assert row.get("Heartbeat") is None


@pytest.mark.parametrize(("name", "rows"), [
    ("Get-VMNetworkAdapter", 4), ("Get-VMHardDiskDrive", 4), ("Get-VMProcessor", 3), ("Get-VMMemory", 3),
    ("Get-VMSecurity", 3), ("Get-VMIntegrationService", 18), ("Get-VMDvdDrive", 1), ("Get-VMSnapshot", 2),
    ("Get-VMCheckpoint", 2), ("Get-VMAssignableDevice", 0), ("Get-VMFibreChannelHba", 0),
    ("Get-VMNetworkAdapterVlan", 4),
])
def test_parts_of_all_machines(site: Site, name: str, rows: int) -> None:
    answer = site.run(("Get-VM", {}), (name, {}), select("VMName"))
    assert answer.state == "Completed"
    assert not answer.errors
    assert len(answer.output) == rows


@pytest.mark.parametrize(("name", "given", "found"), [
    ("Get-VMNetworkAdapter", {"VMName": "web01"}, ["Network Adapter", "Second"]),
    ("Get-VMNetworkAdapter", {"VMName": "web01", "Name": "Sec*"}, ["Second"]),
    ("Get-VMNetworkAdapter", {"VMName": "web01", "IsLegacy": True}, []),
    ("Get-VMHardDiskDrive", {"VMName": "web02", "ControllerType": "IDE"},
     ["Hard Drive on IDE controller number 0 at location 0"]),
    ("Get-VMHardDiskDrive", {"VMName": "web02", "ControllerType": "SCSI"}, []),
    ("Get-VMIntegrationService", {"VMName": "web01", "Name": "Heart*"}, ["Heartbeat"]),
    ("Get-VMSnapshot", {"VMName": "web01", "Name": "after"}, ["after"]),
    ("Get-VMSnapshot", {"VMName": "web01", "SnapshotType": "Recovery"}, []),
])
def test_parts_by_their_own_names(site: Site, name: str, given: dict[str, Any], found: list[str]) -> None:
    assert names(site.run((name, given), select("Name"))) == found


@pytest.mark.parametrize("name", ["Get-VMNetworkAdapter", "Get-VMHardDiskDrive", "Get-VMProcessor", "Get-VMSnapshot"])
def test_parts_of_a_machine_that_is_not_there(site: Site, name: str) -> None:
    answer = site.run((name, {"VMName": "nope"}))
    assert answer.ids == [f"InvalidParameter,Microsoft.HyperV.PowerShell.Commands.{name.replace('-', '')}"]


def test_disks_pass_through_and_of_checkpoints(site: Site) -> None:
    row = site.run(("Get-VM", {"Name": "web01"}), ("Get-VMHardDiskDrive", {}),
                   select("Path", "DiskNumber", "SupportPersistentReservations"))
    assert row.column("DiskNumber") == [None, 2]
    assert row.output[0].get("Path").endswith(".avhdx")
    of_points = site.run(("Get-VM", {}), ("Get-VMSnapshot", {}), ("Get-VMHardDiskDrive", {}),
                         select("VMName", "VMSnapshotName", "VMSnapshotId", "Path"))
    assert of_points.column("VMSnapshotName")[0] == "before"
    assert of_points.output[0].get("Path") == "D:\\VMs\\web01\\web01.vhdx"
    assert of_points.output[0].get("VMSnapshotId").int != 0


def test_vlans_as_the_survey_asks_for_them(site: Site) -> None:
    renamed = {"ExpandProperty": "VlanSetting", "Property": [{"Name": "AdapterId", "Expression": "Id"},
                                                             {"Name": "OwnerId", "Expression": "VMId"}]}
    answer = site.run(("Get-VM", {"Name": "web01"}), ("Get-VMNetworkAdapter", {}), (SELECT, renamed),
                      select("AdapterId", "OwnerId", "OperationMode", "AccessVlanId"))
    assert [(mode.name, vlan) for mode, vlan in zip(answer.column("OperationMode"), answer.column("AccessVlanId"),
                                                    strict=True)] == [("Access", 20), ("Untagged", 0)]
    assert set(answer.column("OwnerId")) == {vm_of(site.world, "web01").id}


def test_firmware_is_for_generation_2_and_bios_for_1(site: Site) -> None:
    firmware = site.run(("Get-VM", {}), ("Get-VMFirmware", {}), select("VMName", "SecureBoot"))
    assert firmware.column("VMName") == ["web01", "db01"]
    assert firmware.said[0].startswith("Generation 1 virtual machines do not support the VMFirmware")
    bios = site.run(("Get-VM", {}), ("Get-VMBios", {}), select("VMName"))
    assert bios.column("VMName") == ["web02"]
    assert len(bios.errors) == 2


def test_checkpoints_by_id_and_kinship(site: Site) -> None:
    before, after = vm_of(site.world, "web01").checkpoints
    assert names(site.run(("Get-VMSnapshot", {"Id": str(after.id)}), select("Name"))) == ["after"]
    assert after.parent == before.id
    answer = site.run(("Get-VMSnapshot", {"VMName": "web01", "Name": "missing"}))
    assert answer.ids == ["InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVMSnapshot"]


# --- the host --------------------------------------------------------------------------------------------------------


def test_get_vmhost(site: Site) -> None:
    row = site.run(("Get-VMHost", {}), select("Name", "VirtualMachineMigrationEnabled", "UseAnyNetworkForMigration",
                                              "MaximumVirtualMachineMigrations", "MemoryCapacity",
                                              "VirtualMachineMigrationAuthenticationType")).one
    assert row.get("Name") == "HV01"
    assert row.get("VirtualMachineMigrationEnabled") is True
    assert row.get("UseAnyNetworkForMigration") is False
    assert row.get("MaximumVirtualMachineMigrations") == 2
    assert row.get("VirtualMachineMigrationAuthenticationType").name == "Kerberos"


@pytest.mark.parametrize(("given", "found"), [
    ({}, ["External", "Lab"]), ({"Name": "ext*"}, ["External"]), ({"SwitchType": "Internal"}, ["Lab"]),
])
def test_get_vmswitch(site: Site, given: dict[str, Any], found: list[str]) -> None:
    assert names(site.run(("Get-VMSwitch", given), select("Name"))) == found


def test_a_switch_that_is_not_there(site: Site) -> None:
    answer = site.run(("Get-VMSwitch", {"Name": "Converged"}))
    assert answer.said[0] == 'Hyper-V was unable to find a virtual switch with name "Converged".'


def test_virtual_sans(site: Site) -> None:
    assert names(site.run(("Get-VMSan", {}), select("Name"))) == ["san1"]
    assert site.run(("Get-VMSan", {"Name": "san9"})).ids == [
        "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVMSan"]


def test_migration_networks_and_versions(site: Site) -> None:
    assert site.run(("Get-VMMigrationNetwork", {}), select("Subnet")).column("Subnet") == ["10.30.0.0/24"]
    versions = site.run(("Get-VMHostSupportedVersion", {}), select("Version", "IsDefault"))
    assert "9.0" in versions.column("Version")
    default = site.run(("Get-VMHostSupportedVersion", {"Default": True}), select("IsDefault"))
    assert default.column("IsDefault") == [True]


# --- the second hop --------------------------------------------------------------------------------------------------


def test_another_host_needs_credentials_that_travel(site: Site) -> None:
    alone = site.run(("Get-VMHost", {"ComputerName": "hv02"}))
    assert alone.state == "Completed"
    assert alone.ids == ["OperationFailed,Microsoft.HyperV.PowerShell.Commands.GetVMHost"]
    assert "0x8009030e" in alone.said[0]
    assert "Kerberos" in site.as_user(ops("kerberos")).run(
        ("Get-VMHost", {"ComputerName": "hv02"})).said[0]
    passed = site.as_user(ops("credssp")).run(("Get-VMHost", {"ComputerName": "hv02"}), select("Name"))
    assert names(passed) == ["HV02"]


def test_the_own_host_needs_none(site: Site) -> None:
    assert names(site.run(("Get-VMHost", {"ComputerName": ["localhost", "HV01"]}), select("Name"))) == ["HV01", "HV01"]


@pytest.mark.parametrize(("user", "password", "words"), [
    ("CORP\\ops", SECRET, None),
    ("CORP\\ops", "wrong", "The user name or password is incorrect"),
    ("CORP\\guest", "x", "You do not have the required permission"),
])
def test_a_credential_opens_the_second_hop(site: Site, user: str, password: str, words: str | None) -> None:
    asked = command("Get-VMSwitch", ComputerName="hv02", Credential=Credential(user, Secret(password)))
    heard = ask(site, Statement((asked, chosen("Name"))))
    assert heard.state == "Completed"
    if words is None:
        assert [row.properties["Name"] for row in heard.output] == ["Ext"]
    else:
        (error,) = heard.errors
        assert words in error.to_string


def test_unknown_and_silent_hosts(site: Site) -> None:
    caller = ops("credssp")
    answer = site.as_user(caller).run(("Get-VMHost", {"ComputerName": "hv99"}))
    assert "Cannot find the computer hv99" in answer.said[0]
    site.world.hosts["hv02"].reachable = False
    try:
        answer = site.as_user(caller).run(("Get-VM", {"ComputerName": "hv02"}))
        assert "cannot complete the operation within the time specified" in answer.said[0]
    finally:
        site.world.hosts["hv02"].reachable = True


def test_a_guest_may_not_look(site: Site) -> None:
    answer = site.as_user(ops(user="CORP\\guest")).run(("Get-VM", {}))
    assert answer.ids == ["AccessDenied,Microsoft.HyperV.PowerShell.Commands.GetVM"]
    assert answer.errors[0].get("ErrorCategory_Category") == 18  # PermissionDenied


def test_without_vmms_nothing_is_found(site: Site) -> None:
    service = site.host.services["vmms"]
    service.state = "Stopped"
    try:
        answer = site.run(("Get-VM", {}))
        assert answer.ids == ["ObjectNotFound,Microsoft.HyperV.PowerShell.Commands.GetVM"]
    finally:
        service.state = "Running"


# --- versions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_command_is_there_if_its_version_has_it(version: str) -> None:
    features = "features: {Failover-Clustering: Installed, RSAT-AD-PowerShell: Installed, FS-SMBBW: Installed}"
    with world_of(SITE.replace("version: 2019", f"version: {version}\n    {features}")) as world:
        table = Site(world).engine.table
        for name in COMMANDS:
            first = first_version("Hyper-V", name)
            expected = locate(name, version) is not None or (first is not None and at_least(version, first))
            assert (table.find(name) is not None) is expected, name


@pytest.mark.parametrize("version", VERSIONS)
def test_error_ids_end_as_the_version_writes_them(version: str) -> None:
    definition = definition_for("Get-VM", version)
    assert definition is not None
    assert definition.class_name.endswith("GetVM" if VERSIONS.index(version) >= 2 else "GetVMCommand")


def test_a_host_without_the_module() -> None:
    text = SITE.replace("version: 2019", "version: 2019\n    features: {Hyper-V-PowerShell: Available}")
    with world_of(text) as world:
        answer = Site(world).run(("Get-VM", {}))
        assert (answer.state, answer.failed) == ("Failed", "CommandNotFoundException")
        assert Site(world).run(("Get-Service", {"Name": "vmms"})).state == "Completed"


# --- speed -----------------------------------------------------------------------------------------------------------


def test_five_hundred_machines_are_quick() -> None:
    machine = "      vm{0:03d}: {{memory: 1 GB, disks: ['D:\\VMs\\vm{0:03d}\\a.vhdx'], adapters: [External]}}"
    machines = "\n".join(machine.format(n) for n in range(500))
    text = HEAD + f"""
hosts:
  hv01:
    memory: 2 TB
    volumes: {{D: 90 TB}}
    switches: [External]
    vms:
{machines}
  hv02: {{volumes: {{D: 1 TB}}}}
"""
    with world_of(text) as world:
        site = Site(world)
        asked = create_pipeline([("Get-VM", {}), ("Get-VMNetworkAdapter", {}), select(
            "Id", "VMId", "VMName", "Name", "SwitchName", "SwitchId", "MacAddress", "Connected", "IsLegacy")])
        best = 99.0
        for _ in range(3):
            began = time.perf_counter()
            messages = list(site.engine.run(asked, site.caller, lambda: False, no_secrets))
            best = min(best, time.perf_counter() - began)
        assert len(messages) == 501
        assert best < 0.5
