"""Objects have the properties and .NET types that the captured module has, less what their Windows version lacked."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Site
from tests.lab.fabric.worlds import HEAD, world_of
from winmigrate.facts import VERSIONS, types
from winmigrate.lab.cmdlets.shapes import FROM_PAGES, SINCE, Lazy, class_properties, declare, enum
from winmigrate.lab.engine.effects import Call, Output
from winmigrate.lab.engine.values import EnumValue, Int32, Int64, NetList, PSObject, TimeSpan, UInt32, UInt64, Version

FULL = HEAD + """
hosts:
  hv01:
    version: VERSION
    volumes: {D: 1 TB}
    switches: [External]
    vms:
      web01:
        generation: 1
        disks: [{path: 'D:\\VMs\\web01\\web01.vhdx', used: 10 GB, controller: IDE}]
        adapters: [{switch: External, vlan: {mode: Trunk, native: 1, allowed: [10, 11, 12, 20]}}]
        checkpoints: [a, b]
        dvds: ['D:\\iso\\a.iso']
        fibre_channel: [san1]
        devices: [{name: GPU, location_path: 'PCIROOT(0)#PCI(0300)'}]
      app01: {memory: 4 GB, state: 'Off', disks: ['D:\\VMs\\app01\\app01.vhdx']}
  hv02: {volumes: {D: 1 TB}}
"""

CLASSES = {
    "Get-VM": "VirtualMachine", "Get-VMNetworkAdapter": "VMNetworkAdapter", "Get-VMHardDiskDrive": "HardDiskDrive",
    "Get-VMDvdDrive": "DvdDrive", "Get-VMProcessor": "VMProcessor", "Get-VMMemory": "VMMemory",
    "Get-VMFirmware": "VMFirmware", "Get-VMBios": "VMBios", "Get-VMSecurity": "VMSecurity",
    "Get-VMIntegrationService": "VMIntegrationComponent", "Get-VMAssignableDevice": "VMAssignedDevice",
    "Get-VMFibreChannelHba": "VMFibreChannelHba", "Get-VMSnapshot": "VMSnapshot",
}
HOST_CLASSES = {
    "Get-VMHost": "VMHost", "Get-VMSwitch": "VMSwitch", "Get-VMHostSupportedVersion": "VMHostSupportedVersion",
}

PYTHON: dict[str, tuple[type[Any], ...]] = {
    "String": (str,), "Boolean": (bool,), "Int32": (Int32,), "Int64": (Int64,), "UInt32": (UInt32,),
    "UInt64": (UInt64,), "TimeSpan": (TimeSpan,), "Version": (Version,),
}


def live(site: Site, name: str) -> list[PSObject]:
    """The objects that a command itself puts out, before they are written."""
    found = site.engine.table.find(name)
    assert found is not None, name
    vms = site.engine.table.find("Get-VM")
    assert vms is not None
    out: list[PSObject] = []
    def outputs(implementation: Any, bound: dict[str, Any]) -> list[PSObject]:
        effects = implementation.process(Call(name, "", bound, site.caller))
        return [effect.value for effect in effects if isinstance(effect, Output)]

    if name in HOST_CLASSES or name == "Get-VM":
        return outputs(found[1], {})
    for vm in outputs(vms[1], {}):
        out += outputs(found[1], {"VM": [vm]})
    return out


def check_type(kind: str, value: Any, where: str) -> None:
    nullable = re.fullmatch(r"Nullable<(.*)>", kind)
    kind = nullable.group(1) if nullable else kind
    if value is None:
        assert nullable or kind not in PYTHON or kind in ("String", "Version"), where
        return
    if kind in PYTHON:
        assert isinstance(value, PYTHON[kind]), (where, value)
    elif kind in types.enums("Hyper-V"):
        assert isinstance(value, EnumValue), (where, value)
        assert types.enums("Hyper-V")[kind][value.name] == value.value, where
    elif kind.endswith("[]"):
        for one in value:
            check_type(kind[:-2], one, where)
    elif "List<" in kind:
        assert isinstance(value, NetList), (where, value)
        assert value.type_names[0].startswith("System.Collections.Generic."), where


@pytest.mark.parametrize("version", VERSIONS)
def test_every_property_is_there_with_its_type(version: str) -> None:
    with world_of(FULL.replace("VERSION", version)) as world:
        site = Site(world)
        for name, class_name in (CLASSES | HOST_CLASSES).items():
            if site.engine.table.find(name) is None:
                continue
            objects = live(site, name)
            assert objects, name
            properties = class_properties(class_name, version)
            for item in objects:
                assert item.type_names[0] == f"Microsoft.HyperV.PowerShell.{class_name}"
                assert list(item.properties) == list(properties)
                for prop, kind in properties.items():
                    check_type(kind, item.properties[prop], f"{class_name}.{prop} of {version}")


def test_the_newest_version_has_all_that_was_captured() -> None:
    captured = types.document("Hyper-V")["classes"]
    for class_name in (CLASSES | HOST_CLASSES).values():
        assert list(class_properties(class_name, "2025")) == [
            *captured[class_name], *FROM_PAGES.get(class_name, {})]


@pytest.mark.parametrize(("class_name", "version", "prop", "there"), [
    ("VirtualMachine", "2012", "Generation", False),
    ("VirtualMachine", "2012R2", "Generation", True),
    ("VirtualMachine", "2012R2", "CheckpointType", False),
    ("VirtualMachine", "2016", "CheckpointType", True),
    ("VMHost", "2012", "VirtualMachineMigrationPerformanceOption", False),
    ("VMHost", "2012R2", "VirtualMachineMigrationPerformanceOption", True),
    ("HardDiskDrive", "2012", "SupportPersistentReservations", False),
    ("VMProcessor", "2012R2", "ExposeVirtualizationExtensions", False),
    ("VMSnapshot", "2016", "IsAutomaticCheckpoint", False),
    ("VMSnapshot", "2019", "IsAutomaticCheckpoint", True),
])
def test_what_came_later_is_absent_before(class_name: str, version: str, prop: str, there: bool) -> None:
    assert (prop in class_properties(class_name, version)) is there


def test_since_names_only_properties_that_exist() -> None:
    captured = types.document("Hyper-V")["classes"]
    for class_name, table in SINCE.items():
        for props in table.values():
            for prop in props:
                known = class_name == "*" or prop in captured[class_name] or prop in FROM_PAGES.get(class_name, {})
                assert known, (class_name, prop)


def test_aliases_of_the_types_file_are_notes() -> None:
    with world_of(FULL.replace("VERSION", "2019")) as world:
        vm = live(Site(world), "Get-VM")[0]
        assert list(vm.notes) == ["VMName", "VMId", "CheckpointFileLocation", "ParentCheckpointId",
                                  "ParentCheckpointName"]
        assert vm.notes["VMId"] == vm.properties["Id"]
        assert vm.notes["CheckpointFileLocation"] == vm.properties["SnapshotFileLocation"]
        adapter = live(Site(world), "Get-VMNetworkAdapter")[0]
        assert set(adapter.notes) == {"VMCheckpointId", "VMCheckpointName"}
    with world_of(FULL.replace("VERSION", "2012R2")) as world:
        assert list(live(Site(world), "Get-VM")[0].notes) == ["VMName", "VMId"]


def test_text_of_a_machine_follows_the_module() -> None:
    with world_of(FULL.replace("VERSION", "2019")) as world:
        vm = live(Site(world), "Get-VM")[0]
        assert vm.to_string == f"VirtualMachine (Name = 'web01') [Id = '{vm.get('Id')}']"
    with world_of(FULL.replace("VERSION", "2012R2")) as world:
        assert live(Site(world), "Get-VM")[0].to_string is None


def test_vlans_are_written_as_ranges() -> None:
    with world_of(FULL.replace("VERSION", "2019")) as world:
        setting = live(Site(world), "Get-VMNetworkAdapter")[0].get("VlanSetting")
        assert setting.get("AllowedVlanIdListString") == "10-12,20"
        assert [int(one) for one in setting.get("AllowedVlanIdList").items] == [10, 11, 12, 20]


def test_an_unknown_property_cannot_be_declared() -> None:
    with pytest.raises(KeyError, match="VMBios has no Colour"):
        declare("VMBios", {"Colour": lambda part: "blue"})


def test_enums_by_name_and_number() -> None:
    assert enum("VMState", "running") == EnumValue("Microsoft.HyperV.PowerShell.VMState", "Running", 2)
    assert enum("VhdType", 4).name == "Differencing"
    assert enum("VhdType", 4).type_name == "Microsoft.Vhd.PowerShell.VhdType"
    with pytest.raises(KeyError):
        enum("VMState", "Sleeping")


def test_properties_are_read_only_when_asked_for() -> None:
    asked: list[str] = []

    def read(subject: dict[str, int], name: str) -> int:
        asked.append(name)
        return subject[name]

    lazy = Lazy({"A": lambda subject: read(subject, "A"), "B": lambda subject: read(subject, "B")}, {"A": 1, "B": 2})
    assert "B" in lazy
    assert list(lazy) == ["A", "B"]
    assert lazy["B"] == 2
    assert asked == ["B"]
