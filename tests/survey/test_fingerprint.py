"""What a VM is before and after a move."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.survey.hosts import identify
from winmigrate.facts import Unreadable
from winmigrate.survey import Change, Fingerprint, HostFacts, PlannedChanges, difference, fingerprint
from winmigrate.windows.storage import VHD, HardDisk
from winmigrate.windows.vm import (
    VM,
    Adapter,
    AdapterVlan,
    Checkpoint,
    IntegrationService,
    Memory,
    Security,
    VMProcessor,
)

WEB = str(identify(1))
NIC = f"Microsoft:{WEB}\\11111111-0000-0000-0000-000000000000"


def facts(name: str = "hv01", folder: str = "C:\\VMs\\web01", switch: str = "External", **changed: Any) -> HostFacts:
    disk = f"{folder}\\Virtual Hard Disks\\a.vhdx"
    given: dict[str, Any] = {
        "vms": (
            VM(
                id=WEB, name="web01", state="Running", version="9.0", generation=2, notes=None,
                configuration_location=folder, snapshot_file_location=folder, smart_paging_file_path=folder,
                path=folder, memory_assigned=4 << 30,
            ),
        ),
        "adapters": (
            Adapter(id=NIC, vm_id=WEB, name="Network Adapter", switch_name=switch, mac_address="00155D000001"),
        ),
        "vlans": (AdapterVlan(adapter_id=NIC, vm_id=WEB, operation_mode="Access", access_vlan_id=12),),
        "vm_memory": (Memory(vm_id=WEB, startup=4 << 30),),
        "vm_processors": (VMProcessor(vm_id=WEB, count=2),),
        "firmware": (),
        "security": (Security(WEB, True, False, False),),
        "integration_services": (
            IntegrationService(id=f"Microsoft:{WEB}\\AB", vm_id=WEB, name="Heartbeat", enabled=True),
        ),
        "checkpoints": (Checkpoint(id=str(identify(5)), vm_id=WEB, name="before"),),
        "assignable_devices": (),
        "fibre_channel_hbas": (),
        "dvd_drives": (),
        "hard_disks": (
            HardDisk(vm_id=WEB, path=disk, disk_number=None, controller_type="SCSI", controller_number=0,
                     controller_location=0),
        ),
        "checkpoint_disks": (),
        "vhds": (VHD(path=disk, parent_path=None, vhd_format="VHDX", size=9, disk_identifier="D1"),),
        **changed,
    }  # fmt: skip
    return HostFacts(name, "2019", **given)


def of(host: HostFacts) -> Fingerprint:
    found = fingerprint(host, WEB.upper())
    assert isinstance(found, Fingerprint)
    return found


PLANNED = PlannedChanges(switches={"External": "Ext"}, folder="D:\\VMs\\web01")
MOVED = facts("hv02", "D:\\VMs\\web01", "Ext")


def test_a_vm_that_did_not_change_has_no_difference() -> None:
    busy = dataclasses.replace(facts().vms[0], memory_assigned=1, state="Saved", uptime=Unreadable("x"))  # type: ignore[index]
    assert difference(of(facts()), of(facts("hv02", vms=(busy,)))) == ()


def test_what_the_plan_meant_is_told_apart() -> None:
    changes = difference(of(facts()), of(MOVED), PLANNED)
    assert {change.what for change in changes} == {
        "folder/path",
        "folder/configuration_location",
        "folder/snapshot_file_location",
        "folder/smart_paging_file_path",
        "adapter switch/11111111-0000-0000-0000-000000000000/switch_name",
        "disk path/SCSI 0:0/path",
        "chain/a.vhdx",
    }
    assert all(change.expected for change in changes)


def test_the_same_without_a_plan_is_unexpected() -> None:
    assert not any(change.expected for change in difference(of(facts()), of(MOVED)))


def test_paths_file_by_file() -> None:
    old, new = "C:\\VMs\\web01\\Virtual Hard Disks\\a.vhdx", "D:\\VMs\\web01\\Virtual Hard Disks\\a.vhdx"
    planned = PlannedChanges(paths={old.upper(): new, "C:\\VMs\\web01": "D:\\VMs\\web01"}, switches={"external": "Ext"})
    assert all(change.expected for change in difference(of(facts()), of(MOVED), planned))
    elsewhere = PlannedChanges(paths={old: "E:\\a.vhdx"}, switches={"External": "Ext"}, folder="D:\\VMs\\web01")
    wrong = {change.what for change in difference(of(facts()), of(MOVED), elsewhere) if not change.expected}
    assert wrong == {"disk path/SCSI 0:0/path", "chain/a.vhdx"}


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (
            {"vlans": (AdapterVlan(NIC, WEB, "Access", 13),)},
            ["vlan/11111111-0000-0000-0000-000000000000/access_vlan_id"],
        ),
        ({"vm_memory": (Memory(vm_id=WEB, startup=2 << 30),)}, ["memory/startup"]),
        ({"security": (Security(WEB, False, False, False),)}, ["security/tpm_enabled"]),
        ({"integration_services": ()}, ["integration service/ab/enabled"]),
        (
            {
                "adapters": (
                    Adapter(id=NIC, vm_id=WEB, name="Network Adapter", switch_name=None, mac_address="00155D000001"),
                )
            },
            ["adapter switch/11111111-0000-0000-0000-000000000000/switch_name"],
        ),
    ],
)
def test_what_no_plan_meant(changed: dict[str, Any], what: list[str]) -> None:
    changes = difference(of(facts()), of(facts("hv02", **changed)), PLANNED)
    assert [change.what for change in changes] == what
    assert not any(change.expected for change in changes)


def test_numa_limits_follow_the_hardware() -> None:
    other = Memory(vm_id=WEB, startup=4 << 30, maximum_per_numa_node=49152)
    assert difference(of(facts()), of(facts("hv02", vm_memory=(other,)))) == ()


def test_one_instant_in_two_zones_is_no_difference() -> None:
    east = dt.timezone(dt.timedelta(hours=2))
    here = Checkpoint(id=str(identify(5)), vm_id=WEB, creation_time=dt.datetime(2026, 1, 1, 12, tzinfo=dt.timezone.utc))
    there = Checkpoint(id=str(identify(5)), vm_id=WEB, creation_time=dt.datetime(2026, 1, 1, 14, tzinfo=east))
    assert difference(of(facts(checkpoints=(here,))), of(facts("hv02", checkpoints=(there,)))) == ()


def test_a_lost_checkpoint_is_a_change_of_each_of_its_facts() -> None:
    changes = difference(of(facts()), of(facts("hv02", checkpoints=())), PLANNED)
    assert Change(f"checkpoint/{identify(5)}/name", "before", "", expected=False) in changes


def test_what_one_side_alone_could_not_read_is_no_sameness() -> None:
    denied = Unreadable("access denied")
    (change,) = difference(of(facts(vm_memory=denied)), of(facts(vm_memory=denied)), PLANNED) or (None,)
    assert change is None
    changes = difference(of(facts()), of(facts("hv02", vm_memory=denied)), PLANNED)
    assert Change("memory", "", denied, expected=False) in changes


def test_a_vm_that_is_not_there_has_no_fingerprint() -> None:
    assert fingerprint(facts(vms=()), WEB) == Unreadable(f"hv01 has no VM {WEB}")
    assert fingerprint(HostFacts("hv01"), WEB) == Unreadable("not asked")


def test_a_fingerprint_survives_json() -> None:
    found = of(facts(vm_memory=Unreadable("access denied")))
    adapter = TypeAdapter(Fingerprint)
    assert adapter.validate_json(adapter.dump_json(found), strict=True) == found
