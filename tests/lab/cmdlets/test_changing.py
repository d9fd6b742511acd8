"""The commands that change machines and hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Site, select
from tests.lab.fabric.worlds import HEAD, move, ops, sleep, vm_of, world_of
from winmigrate.lab.fabric.world import GIB, World

SITE = HEAD + """
hosts:
  hv01:
    version: 2019
    memory: 16 GB
    volumes: {D: 1 TB}
    switches: [External, Lab]
    files: {'D:\\iso\\a.iso': 1 GB}
    vms:
      web01: {memory: 4 GB, disks: ['D:\\VMs\\web01\\web01.vhdx'], adapters: [External], dvds: ['D:\\iso\\a.iso']}
      off01: {memory: 2 GB, state: 'Off', disks: ['D:\\VMs\\off01\\a.vhdx']}
      big01: {memory: 64 GB, state: 'Off', disks: ['D:\\VMs\\big01\\a.vhdx']}
  hv02: {version: 2019, volumes: {D: 1 TB}, switches: [Ext, External]}
"""
HYPERV = "Microsoft.HyperV.PowerShell.Commands."


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(SITE) as made:
        yield made


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


# --- adapters and drives ---------------------------------------------------------------------------------------------


def test_connect_by_name_and_disconnect(site: Site) -> None:
    adapter = vm_of(site.world, "web01").adapters[0]
    site.run(("Connect-VMNetworkAdapter", {"VMName": "web01", "SwitchName": "Lab"}))
    assert (adapter.switch_name, adapter.switch_id) == ("Lab", site.host.switches[1].id)
    site.run(("Get-VM", {"Name": "web01"}), ("Get-VMNetworkAdapter", {}), ("Disconnect-VMNetworkAdapter", {}))
    assert (adapter.switch_name, adapter.switch_id) == (None, None)
    site.run(("Get-VM", {"Name": "web01"}), ("Get-VMNetworkAdapter", {}),
             ("Connect-VMNetworkAdapter", {"SwitchName": "External"}))
    assert adapter.switch_name == "External"


@pytest.mark.parametrize("given", [
    {"VMName": "web01", "SwitchName": "Converged"},
    {"VMName": "web01", "Name": "No such adapter", "SwitchName": "Lab"},
    {"VMName": "nope", "SwitchName": "Lab"},
])
def test_connect_to_what_is_not_there(site: Site, given: dict[str, Any]) -> None:
    answer = site.run(("Connect-VMNetworkAdapter", given))
    assert answer.ids == [f"InvalidParameter,{HYPERV}ConnectVMNetworkAdapter"]
    assert vm_of(site.world, "web01").adapters[0].switch_name == "External"


@pytest.mark.parametrize(("name", "error"), [("Ext", True), ("Lab", False)])
def test_a_planned_adapter_finds_switch_names_on_the_source(site: Site, name: str, error: bool) -> None:
    caller = ops("credssp")
    answer = site.as_user(caller).run(
        ("Compare-VM", {"Name": "web01", "DestinationHost": "hv02", "IncludeStorage": True}),
        (select()[0], {"ExpandProperty": "VM"}), ("Get-VMNetworkAdapter", {}),
        ("Connect-VMNetworkAdapter", {"SwitchName": name}))
    assert answer.state == "Completed"
    assert bool(answer.errors) is error
    planned = site.world.hosts["hv02"].planned[vm_of(site.world, "web01").id]
    assert planned.adapters[0].switch_name == ("External" if error else name)


def test_ejecting_a_dvd(site: Site) -> None:
    dvd = vm_of(site.world, "web01").dvds[0]
    answer = site.run(("Get-VM", {"Name": "web01"}), ("Get-VMDvdDrive", {}), ("Set-VMDvdDrive", {"Path": None}))
    assert not answer.errors
    assert dvd.path is None
    back = site.run(("Set-VMDvdDrive", {"VMName": "web01", "Path": "D:\\iso\\a.iso", "Passthru": True}),
                    select("Path", "DvdMediaType"))
    assert (back.one.get("Path"), back.one.get("DvdMediaType").name) == ("D:\\iso\\a.iso", "ISO")
    missing = site.run(("Set-VMDvdDrive", {"VMName": "web01", "Path": "D:\\none.iso"}))
    assert missing.ids == [f"ObjectNotFound,{HYPERV}SetVMDvdDrive"]


# --- states ----------------------------------------------------------------------------------------------------------


def test_start_and_stop(site: Site) -> None:
    vm = vm_of(site.world, "off01")
    free = site.host.memory_free()
    started = site.run(("Start-VM", {"Name": "off01", "Passthru": True}), select("State"))
    assert started.one.get("State").name == "Running"
    assert site.host.memory_free() == free - 2 * GIB
    before = site.world.clock.monotonic()
    assert not site.run(("Stop-VM", {"Name": "off01"})).errors
    assert (vm.state, site.host.memory_free()) == ("Off", free)
    assert site.world.clock.monotonic() > before  # a guest takes its time
    site.run(("Start-VM", {"Name": "off01"}))
    site.run(("Stop-VM", {"Name": "off01", "Save": True}))
    assert vm.state == "Saved"


def test_what_is_so_already_is_a_warning(site: Site) -> None:
    for name, vm in (("Start-VM", "web01"), ("Stop-VM", "off01")):
        answer = site.run((name, {"Name": vm}))
        assert answer.warnings == ["The virtual machine is already in the specified state."]


def test_too_little_memory(site: Site) -> None:
    answer = site.run(("Start-VM", {"Name": "big01"}))
    assert answer.ids == [f"OperationFailed,{HYPERV}StartVM"]
    assert "Not enough memory in the system" in answer.said[0]


def test_a_machine_on_its_way_takes_no_orders(site: Site) -> None:
    vm_of(site.world, "web01").dvds.clear()
    move(site.world)
    sleep(site.world, 2)
    for name in ("Stop-VM", "Checkpoint-VM", "Remove-VM"):
        answer = site.run((name, {"Name": "web01", "Confirm": False}))
        assert answer.ids == [f"InvalidState,{HYPERV}{name.replace('-', '')}"]


def test_rename(site: Site) -> None:
    site.run(("Rename-VM", {"Name": "web01", "NewName": "old's \"vm\" [x]"}))
    assert site.run(("Get-VM", {}), select("Name")).column("Name")[0] == "old's \"vm\" [x]"


def test_a_checkpoint_puts_new_disks_before_the_old(site: Site) -> None:
    vm = vm_of(site.world, "web01")
    answer = site.run(("Checkpoint-VM", {"Name": "web01", "SnapshotName": "before", "Passthru": True}), select("Name"))
    assert answer.column("Name") == ["before"]
    (point,) = vm.checkpoints
    assert vm.parent_checkpoint == point.id
    assert point.disks[0].path == "D:\\VMs\\web01\\web01.vhdx"
    leaf = vm.disks[0].path
    assert leaf is not None
    assert leaf.endswith(".avhdx")
    assert [entry.path for entry in site.host.files.chain(leaf)] == [leaf, "D:\\VMs\\web01\\web01.vhdx"]
    site.run(("Checkpoint-VM", {"Name": "web01"}))
    assert vm.checkpoints[1].parent == point.id
    assert site.run(("Get-VMSnapshot", {"VMName": "web01"}), select("Name")).column("Name")[0] == "before"


def test_a_removed_checkpoint_is_merged(site: Site) -> None:
    vm = vm_of(site.world, "web01")
    for name in ("one", "two"):
        site.run(("Checkpoint-VM", {"Name": "web01", "SnapshotName": name}))
    base, leaf = "D:\\VMs\\web01\\web01.vhdx", vm.disks[0].path
    assert leaf is not None
    assert len(site.host.files.chain(leaf)) == 3
    answer = site.run(("Remove-VMSnapshot", {"VMName": "web01", "Name": "two", "Passthru": True}), select("Name"))
    assert answer.column("Name") == ["two"]
    assert [point.name for point in vm.checkpoints] == ["one"]
    assert vm.secondary_status == "MergingDisks"
    assert vm.parent_checkpoint == vm.checkpoints[0].id
    sleep(site.world, 60)
    assert vm.secondary_status is None
    assert leaf not in site.host.files
    assert vm.disks[0].path is not None
    assert [entry.path for entry in site.host.files.chain(vm.disks[0].path)] == [vm.disks[0].path, base]
    site.run(("Get-VM", {"Name": "web01"}), ("Get-VMSnapshot", {}), ("Remove-VMSnapshot", {}))
    sleep(site.world, 60)
    assert (vm.disks[0].path, vm.checkpoints, vm.parent_checkpoint) == (base, [], None)
    assert site.run(("Remove-VMSnapshot", {"VMName": "web01", "Name": "one"})).ids == [
        f"InvalidParameter,{HYPERV}RemoveVMSnapshot"]


def test_a_removed_checkpoint_with_all_below_it(site: Site) -> None:
    vm = vm_of(site.world, "web01")
    for name in ("one", "two", "three"):
        site.run(("Checkpoint-VM", {"Name": "web01", "SnapshotName": name}))
    site.run(("Remove-VMCheckpoint", {"VMName": "web01", "Name": "two", "IncludeAllChildSnapshots": True}))
    sleep(site.world, 60)
    assert [point.name for point in vm.checkpoints] == ["one"]
    assert vm.disks[0].path is not None
    assert len(site.host.files.chain(vm.disks[0].path)) == 2


def test_remove(site: Site) -> None:
    vm = vm_of(site.world, "off01")
    asked = site.run(("Remove-VM", {"Name": "off01"}))
    assert asked.state == "Failed"  # it asks first, and nobody can answer
    assert not site.run(("Remove-VM", {"Name": "off01", "Force": True})).errors
    assert vm.id not in site.host.vms
    assert "D:\\VMs\\off01\\a.vhdx" in site.host.files
    running = site.run(("Remove-VM", {"Name": "web01", "Confirm": False}))
    assert running.ids == [f"InvalidState,{HYPERV}RemoveVM"]


# --- the host --------------------------------------------------------------------------------------------------------


def test_set_vmhost(site: Site) -> None:
    answer = site.run(("Set-VMHost", {
        "MaximumVirtualMachineMigrations": 4, "MaximumStorageMigrations": 3, "UseAnyNetworkForMigration": False,
        "VirtualMachineMigrationAuthenticationType": "CredSSP", "VirtualMachineMigrationPerformanceOption": "SMB",
        "MacAddressMinimum": "00-15-5D-00-00-10", "Passthru": True}), select("MaximumVirtualMachineMigrations"))
    assert answer.one.get("MaximumVirtualMachineMigrations") == 4
    settings = site.host.migration
    assert (settings.limit, settings.storage_limit, settings.any_network) == (4, 3, False)
    assert (settings.authentication, settings.performance) == ("CredSSP", "SMB")
    assert site.host.mac_pool[0] == "00155D000010"


def test_a_wrong_value_does_not_bind(site: Site) -> None:
    answer = site.run(("Set-VMHost", {"VirtualMachineMigrationPerformanceOption": "SMBTransport"}))
    assert answer.failed == f"CannotConvertArgumentNoMessage,{HYPERV}SetVMHost"


def test_migration_on_and_off(site: Site) -> None:
    site.run(("Disable-VMMigration", {}))
    assert not site.host.migration.enabled
    site.run(("Enable-VMMigration", {"WhatIf": True}))
    assert not site.host.migration.enabled
    site.run(("Enable-VMMigration", {}))
    assert site.host.migration.enabled


def test_migration_networks(site: Site) -> None:
    site.run(("Add-VMMigrationNetwork", {"Subnet": "10.30.0.5/24", "Priority": 7}))
    site.run(("Add-VMMigrationNetwork", {"Subnet": "10.40.0.1"}))
    shown = site.run(("Get-VMMigrationNetwork", {}), select("Subnet", "Priority"))
    assert shown.column("Subnet") == ["10.30.0.0/24", "10.40.0.1/32"]
    assert shown.column("Priority")[0] == 7
    bad = site.run(("Add-VMMigrationNetwork", {"Subnet": "ten"}))
    assert bad.ids == [f"InvalidParameter,{HYPERV}AddVMMigrationNetwork"]
    site.run(("Remove-VMMigrationNetwork", {"Subnet": "10.30.0.0/24"}))
    assert [one.subnet for one in site.host.migration.networks] == ["10.40.0.1/32"]
    gone = site.run(("Remove-VMMigrationNetwork", {"Subnet": "10.30.0.0/24"}))
    assert gone.ids == [f"InvalidParameter,{HYPERV}RemoveVMMigrationNetwork"]


def test_changes_reach_other_hosts(site: Site) -> None:
    there = site.world.hosts["hv02"].migration
    refused = site.run(("Set-VMHost", {"ComputerName": "hv02", "MaximumStorageMigrations": 5}))
    assert refused.ids == [f"OperationFailed,{HYPERV}SetVMHost"]
    site.as_user(ops("credssp")).run(("Set-VMHost", {"ComputerName": "hv02", "MaximumStorageMigrations": 5}))
    assert there.storage_limit == 5
