"""Rows: projection and parsing from one declaration, through CLIXML text."""

from __future__ import annotations

import dataclasses
import datetime as dt
import inspect
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from winmigrate.facts import VERSIONS, Unreadable, types
from winmigrate.remoting import clixml
from winmigrate.remoting.clixml.values import EnumValue, PSObject
from winmigrate.windows import adapters, event, host, migration, network, storage, vm, watching
from winmigrate.windows.register import TABLES
from winmigrate.windows.row import (
    BOOLEAN,
    DATE,
    GUID,
    INTEGER,
    NOT_ON_THIS_BUILD,
    SPAN,
    TEXT,
    columns,
    enumeration,
    projection,
    rows,
)

ROW_TYPES = [
    kind
    for module in (event, host, migration, network, storage, vm, watching)
    for kind in vars(module).values()
    if inspect.isclass(kind) and kind.__module__ == module.__name__ and dataclasses.is_dataclass(kind) and columns(kind)
]
SOME_ID = "8e1c2678-9052-4d41-aa94-59f2dd61a752"


def read(kind: type[Any], version: str = "2019", **properties: Any) -> Any:
    """One row by way of CLIXML text, as a host would send it."""
    text = clixml.dumps(PSObject(("Selected.Anything",), None, properties))
    (row,) = rows(kind, [clixml.loads(text)], version)
    return row


def test_a_projection_asks_for_what_the_version_has() -> None:
    asked = projection(host.VMHost, "2012")
    assert asked.name == "Microsoft.PowerShell.Utility\\Select-Object"
    assert "VirtualMachineMigrationPerformanceOption" not in asked.parameter("Property")
    assert "VirtualMachineMigrationPerformanceOption" in projection(host.VMHost, "2012R2").parameter("Property")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ROW_TYPES, ids=lambda kind: kind.__name__)
def test_what_a_projection_brings_back_fills_every_column_the_version_has(kind: type[Any], version: str) -> None:
    asked = [name for name in columns(kind).values() if name.present(version, None)]
    row = read(kind, version, **{item.property: None for item in asked})
    for name, item in columns(kind).items():
        value = getattr(row, name)
        if not item.present(version, None):
            assert value == NOT_ON_THIS_BUILD
        elif item.nullable:
            assert value is None
        else:
            assert value == Unreadable(f"the host answered nothing for {item.property}")


def test_a_property_that_is_not_there_is_known_from_the_facts_and_never_from_null() -> None:
    row = read(vm.VM, "2012", Name="web01", Id=uuid.UUID(SOME_ID), Version=None, CheckpointType=None)
    assert row.version == NOT_ON_THIS_BUILD
    assert row.checkpoint_type == NOT_ON_THIS_BUILD
    assert row.name == "web01"


def test_members_the_host_named_take_away_what_the_facts_only_guess() -> None:
    thing = PSObject((), None, {"Name": "web01", "Version": None})
    (row,) = rows(vm.VM, [thing], "2012R2", members=["Name", "Id"])
    assert row.version == NOT_ON_THIS_BUILD
    (row,) = rows(vm.VM, [PSObject((), None, {"Version": "5.0"})], "2012R2", members=["VERSION"])
    assert row.version == "5.0"


@pytest.mark.parametrize(
    ("field", "property", "value", "expected"),
    [
        ("memory_assigned", "MemoryAssigned", 4 << 30, 4 << 30),
        ("memory_assigned", "MemoryAssigned", "4096", 4096),
        ("memory_assigned", "MemoryAssigned", "abc", Unreadable("expected an integer, the host answered 'abc'")),
        ("memory_assigned", "MemoryAssigned", True, Unreadable("expected an integer, the host answered True")),
        ("is_clustered", "IsClustered", 1, Unreadable("expected true or false, the host answered 1")),
        ("is_clustered", "IsClustered", "True", True),
        ("id", "Id", uuid.UUID(SOME_ID), SOME_ID),
        ("id", "Id", SOME_ID.upper(), SOME_ID),
        ("id", "Id", "{" + SOME_ID + "}", SOME_ID),
        ("id", "Id", "web01", Unreadable("expected a GUID, the host answered 'web01'")),
        ("state", "State", EnumValue("Running", 2), "Running"),
        ("state", "State", 2, "Running"),
        ("state", "State", "2", "Running"),
        ("state", "State", "Running", "Running"),
        ("state", "State", EnumValue("32779", 32779), "FastSaved"),
        (
            "state", "State", EnumValue("NewInSomeVersion", 40000),
            Unreadable("expected a VMState, the host answered EnumValue(name='NewInSomeVersion', value=40000)"),
        ),
        ("state", "State", 40000, Unreadable("expected a VMState, the host answered 40000")),
        ("state", "State", True, Unreadable("expected a VMState, the host answered True")),
        ("uptime", "Uptime", dt.timedelta(hours=3), dt.timedelta(hours=3)),
        ("uptime", "Uptime", 3, Unreadable("expected a time span, the host answered 3")),
        ("notes", "Notes", "", None),
        ("name", "Name", "", ""),
        ("name", "Name", ["a"], Unreadable("expected text, the host answered ['a']")),
        ("notes", "Notes", PSObject(("System.X",), "shown", {}), "shown"),
        (
            "notes",
            "Notes",
            PSObject(("System.X",), None, {}),
            Unreadable("expected text, the host answered a System.X"),
        ),
    ],
)
def test_cells(field: str, property: str, value: Any, expected: Any) -> None:
    assert getattr(read(vm.VM, **{property: value}), field) == expected


def test_names_decide_where_hyper_v_numbers_an_enumeration_wrongly() -> None:
    """ApplyingSnapshot is 23769 in the module: 32769 with that name is the same thing."""
    row = read(vm.VM, PrimaryOperationalStatus=EnumValue("ApplyingSnapshot", 32769), SecondaryOperationalStatus=32774)
    assert row.primary_operational_status == "ApplyingSnapshot"
    assert row.secondary_operational_status == "MigratingVirtualMachine"


def test_property_names_are_compared_as_windows_does() -> None:
    assert read(host.ComputerSystem, dnshostname="HV01").dns_host_name == "HV01"


def test_a_missing_property_is_told_from_a_null_one() -> None:
    assert read(vm.VM).name == Unreadable("the host's answer has no Name")


def test_what_is_no_object_makes_a_row_without_facts() -> None:
    (row,) = rows(migration.PlannedVM, ["text"], "2019")
    assert row.name == Unreadable("expected an object, the host answered 'text'")


_ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=20), st.floats(allow_nan=False),
    st.datetimes(), st.timedeltas(), st.uuids(), st.binary(max_size=5), st.decimals(allow_nan=False),
    st.builds(EnumValue, st.text(max_size=5), st.integers(-9, 9)), st.lists(st.integers(), max_size=2),
    st.builds(PSObject, st.just(()), st.none() | st.text(max_size=5), st.just({})),
)  # fmt: skip
_KINDS = [TEXT, INTEGER, BOOLEAN, GUID, DATE, SPAN, enumeration("VMState")]


@given(_ANYTHING, st.sampled_from(ROW_TYPES))
def test_no_answer_of_a_host_raises(value: Any, kind: type[Any]) -> None:
    thing = PSObject((), None, {item.property: value for item in columns(kind).values()})
    (row,) = rows(kind, [thing], "2025")
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    assert adapter.validate_json(adapter.dump_json(row), strict=True) == row


@given(_ANYTHING, st.sampled_from(_KINDS))
def test_a_kind_gives_its_value_or_a_value_error(value: Any, kind: Any) -> None:
    try:
        parsed = kind.parse(value)
    except ValueError:
        return
    assert not isinstance(parsed, PSObject | EnumValue | Decimal | bytes | list)


@pytest.mark.parametrize("kind", ROW_TYPES, ids=lambda kind: kind.__name__)
def test_fields_are_the_properties_in_snake_case(kind: type[Any]) -> None:
    for name, item in columns(kind).items():
        ours, theirs = name.replace("_", ""), item.property.lower()
        assert ours == theirs or (name, item.property) == ("vm_id", "OwnerId"), name


#: Row type -> class of the captured module.
CLASSES = {
    "vms": "VirtualMachine", "vm_host": "VMHost", "switches": "VMSwitch", "adapters": "VMNetworkAdapter",
    "vm_processors": "VMProcessor", "vm_memory": "VMMemory", "firmware": "VMFirmware",
    "integration_services": "VMIntegrationComponent", "checkpoints": "VMSnapshot", "hard_disks": "HardDiskDrive",
    "checkpoint_disks": "HardDiskDrive", "assignable_devices": "VMAssignedDevice", "dvd_drives": "DvdDrive",
    "fibre_channel_hbas": "VMFibreChannelHba", "migration_networks": "VMMigrationNetwork",
    "supported_versions": "VMHostSupportedVersion", "statuses": "VirtualMachine",
}  # fmt: skip


#: What 2025 brought, by its guide to processor compatibility; the capture is of an older module.
LATER = {"vm_processors": {"CompatibilityForMigrationMode"}}


@pytest.mark.parametrize(("name", "class_name"), CLASSES.items())
def test_every_hyper_v_column_is_a_property_of_the_captured_class(name: str, class_name: str) -> None:
    tables = {table.name: table for table in (*TABLES, watching.STATUSES)}
    known = set(types.document("Hyper-V")["classes"][class_name])
    assert set(tables[name].properties) - known == LATER.get(name, set())


@pytest.mark.parametrize(
    ("class_name", "kind", "own"),
    [
        ("VirtualHardDisk", storage.VHD, set()),
        ("VMSecurity", vm.Security, set()),
        ("VMNetworkAdapterVlanSetting", vm.AdapterVlan, {"AdapterId", "OwnerId"}),
        ("VMNetworkAdapterAclSetting", adapters.AdapterAcl, {"AdapterId", "OwnerId"}),
        ("VMNetworkAdapterExtendedAclSetting", adapters.AdapterExtendedAcl, {"AdapterId", "OwnerId"}),
        ("VMNetworkAdapterIsolationSetting", adapters.AdapterIsolation, {"AdapterId", "OwnerId"}),
        ("VMSwitchExtension", adapters.SwitchExtension, set()),
    ],
)
def test_columns_of_other_captured_classes(class_name: str, kind: type[Any], own: set[str]) -> None:
    known = set(types.document("Hyper-V")["classes"][class_name])
    assert {item.property for item in columns(kind).values()} - known == own
