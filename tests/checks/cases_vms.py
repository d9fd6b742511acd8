"""Cases of the VM, its disks and drives."""

from __future__ import annotations

import uuid

from tests.checks.case import Case, drop, put, refused, rows, unchanged
from tests.checks.world import (
    CHECKPOINT_DISKS,
    CHECKPOINTS,
    DB,
    DEVICES,
    DISKS,
    DVDS,
    VM,
    WEB,
    Chains,
    Change,
    World,
    denied,
    drive,
    enum,
    job,
    vhd,
    vm_row,
)
from winmigrate.checks import Outcome, Severity

P, F, U, S = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP
_DISK = "D:\\VMs\\web01\\web01.vhdx"


def _namesake(world: World) -> None:
    world.answers["hv01"][VM].append(vm_row(DB, "WEB01"))


def _state(name: str) -> Change:
    return put("hv01", VM, State=enum("VMState", name))


def _busy(name: str) -> Change:
    return put("hv01", VM, SecondaryOperationalStatus=enum("VMOperationalStatus", name))


def _versions(*versions: str) -> Change:
    return rows("hv02", "Get-VMHostSupportedVersion", *({"Version": version} for version in versions))


def _to_2012r2(version: str) -> Change:
    def change(world: World) -> None:
        world.version("hv02", "2012R2")
        world.put("hv01", VM, Version=version)

    return change


def _device(**cells: object) -> Change:
    device = {"VMId": WEB, "InstanceID": "PCIP\\VEN_10DE", "LocationPath": "PCIROOT(0)", "Name": "Tesla T4", **cells}
    return rows("hv01", DEVICES, device)


def _physical(world: World) -> None:
    world.answers["hv01"][DISKS].append(drive(WEB, "Disk 2 1000 GB Bus 0", 1, DiskNumber=2))


def _physical_in_checkpoint(world: World) -> None:
    world.set("hv01", CHECKPOINT_DISKS, drive(WEB, "Disk 7", 3, DiskNumber=7))


def _shared(world: World) -> None:
    world.answers["hv01"][DISKS].append(drive(WEB, "D:\\Shared\\quorum.vhdx", 1, SupportPersistentReservations=True))
    world.answers["hv01"]["Get-VHD"] = Chains(vhd(_DISK), vhd("D:\\Shared\\quorum.vhdx"))


def _vhd_set(world: World) -> None:
    world.answers["hv01"][DISKS].append(drive(WEB, "D:\\Shared\\quorum.vhds", 1))


def _same_leaf(world: World) -> None:
    world.answers["hv01"][DISKS].append(drive(WEB, "E:\\Data\\WEB01.vhdx", 1))
    world.answers["hv01"]["Get-VHD"] = Chains(vhd(_DISK), vhd("E:\\Data\\WEB01.vhdx"))


def _checkpoint(world: World) -> None:
    leaf = "D:\\VMs\\web01\\web01_1.avhdx"
    world.set("hv01", DISKS, drive(WEB, leaf))
    world.set("hv01", CHECKPOINT_DISKS, drive(WEB, _DISK, VMSnapshotName="before update"))
    world.set(
        "hv01", CHECKPOINTS,
        {"Id": uuid.UUID(int=5), "VMId": WEB, "VMName": "web01", "Name": "before update"},
    )  # fmt: skip
    world.answers["hv01"]["Get-VHD"] = Chains(vhd(_DISK), vhd(leaf, 2, _DISK))


def _parent(world: World) -> None:
    world.add_vm()
    world.answers["hv01"]["Get-VHD"] = Chains(
        vhd(_DISK, 2, "D:\\Base\\base.vhdx"),
        vhd("D:\\VMs\\db01\\db01.vhdx", 2, "d:\\base\\BASE.vhdx"),
        vhd("D:\\Base\\base.vhdx"),
    )


def _own_parent(world: World) -> None:
    world.answers["hv01"]["Get-VHD"] = Chains(vhd(_DISK, 2, "D:\\Base\\base.vhdx"), vhd("D:\\Base\\base.vhdx"))


def _lost_parent(world: World) -> None:
    world.answers["hv01"]["Get-VHD"] = Chains(vhd(_DISK, 2, "D:\\Base\\gone.vhdx"))


def _dvd(path: str | None) -> Change:
    found = {
        "Id": "1", "VMId": WEB, "VMName": "web01", "Path": path, "DvdMediaType": enum("DvdMediaType", "ISO"),
        "ControllerType": enum("ControllerType", "SCSI"), "ControllerNumber": 0, "ControllerLocation": 2,
    }  # fmt: skip
    return rows("hv01", DVDS, found)


CASES = [
    Case("vm-exists-unique", P, unchanged, "one on hv01"),
    Case(
        "vm-exists-unique", F, rows("hv01", VM, vm_row(DB, "db01")), f"hv01 no longer has web01 ({WEB})",
        "look where it went", severity=Severity.BLOCKS, place="playbook.yml:4:5",
    ),
    Case(
        "vm-exists-unique", F, _namesake, f"hv01 has 2 VMs called web01: {WEB} is meant, {DB} is not",
        f"Get-VM -Id {DB} | Rename-VM -NewName 'web01 (2)'", severity=Severity.RISKS,
    ),
    Case("vm-exists-unique", U, refused("hv01", VM), "the VMs of hv01 cannot be read: access denied"),
    Case("vm-exists-unique", U, rows("hv01", VM, vm_row(DB, "db01"), denied()), "part of it could not be read"),
    Case("vm-state", P, unchanged, "running"),
    Case(
        "vm-state", F, _state("Off"), "web01 is off on hv01: it would move without a live phase",
        f"Get-VM -Id {WEB} | Start-VM", severity=Severity.RISKS,
    ),
    Case("vm-state", F, _state("Paused"), "paused", "| Resume-VM", severity=Severity.RISKS),
    Case("vm-state", F, _state("FastSaved"), "fastsaved", "start it", severity=Severity.RISKS),
    Case("vm-state", F, _state("Stopping"), "web01 is stopping on hv01", "wait", severity=Severity.BLOCKS),
    Case(
        "vm-state", F, _state("RunningCritical"), "web01 is RunningCritical", "its storage is there",
        severity=Severity.BLOCKS,
    ),
    Case("vm-state", U, drop("hv01", VM, "State"), "the state of web01 cannot be read"),
    Case("vm-state", U, rows("hv01", VM, vm_row(DB, "db01")), "it is no longer there"),
    Case("vm-not-busy", P, unchanged, "at rest"),
    Case("vm-not-busy", P, rows("hv01", "Msvm_MigrationJob", job(WEB, JobState=7), job(DB)), "at rest"),
    Case("vm-not-busy", F, _busy("BackingUpVirtualMachine"), "web01 on hv01: it is being backed up", "wait"),
    Case("vm-not-busy", F, _busy("MergingDisks"), "disks are being merged", "wait"),
    Case(
        "vm-not-busy", F, rows("hv01", "Msvm_MigrationJob", job(WEB)), "a migration runs, at 42 %",
        "wait until it is done",
    ),
    Case("vm-not-busy", U, drop("hv01", VM, "SecondaryOperationalStatus"), "what web01 is at cannot be read"),
    Case("vm-not-busy", U, refused("hv01", "Msvm_MigrationJob"), "the migrations of hv01 cannot be read"),
    Case("vm-config-version", P, unchanged, "hv02 runs version 9.0"),
    Case("vm-config-version", P, _to_2012r2("5.0"), "hv02 runs version 5.0"),
    Case(
        "vm-config-version", F, _versions("8.0", "9.1"), "web01 has configuration version 9.0; hv02 runs 8.0, 9.1",
        f"Get-VM -Id {WEB} | Stop-VM -Passthru | Update-VMVersion",
    ),
    Case("vm-config-version", F, _versions("5.0", "8.0"), "hv02 runs 5.0, 8.0", "a newer Windows"),
    Case("vm-config-version", F, _to_2012r2("9.0"), "hv02 runs 5.0", "upgrade hv02"),
    Case(
        "vm-config-version", U, refused("hv02", "Get-VMHostSupportedVersion"),
        "which configuration versions hv02 runs cannot be read",
    ),
    Case("vm-config-version", S, lambda world: world.version("hv01", "2012"), "no version to read"),
    Case("vm-clustered-for-host-move", P, unchanged, "no cluster role"),
    Case(
        "vm-clustered-for-host-move", F, put("hv01", VM, IsClustered=True), "web01 is a cluster role on hv01",
        f"Get-ClusterGroup -VMId {WEB} | Remove-ClusterGroup -RemoveResources -Force",
    ),
    Case("vm-clustered-for-host-move", U, drop("hv01", VM, "IsClustered"), "whether web01 is a cluster role"),
    Case("dev-dda", P, unchanged, "none"),
    Case(
        "dev-dda", F, _device(), "web01 has a device of hv01: Tesla T4", "Get-VMAssignableDevice | "
        "Remove-VMAssignableDevice",
    ),
    Case("dev-dda", F, _device(Name=None), "PCIP\\VEN_10DE", "Stop-VM"),
    Case("dev-dda", U, refused("hv01", DEVICES), "the devices given to web01 cannot be read"),
    Case("dev-dda", U, _device(VMId=None), "1 of the host's answers name no VM"),
    Case("dev-dda", S, lambda world: world.version("hv01", "2012R2"), "not on Windows Server 2012R2"),
    # --- disks
    Case("disk-passthrough", P, unchanged, "1 virtual disk"),
    Case(
        "disk-passthrough", F, _physical, "web01 has physical disk 2 of hv01 at SCSI 0:1",
        "New-VHD -Path 'D:\\VMs\\web01\\disk2.vhdx' -Dynamic -SourceDisk 2",
    ),
    Case("disk-passthrough", F, _physical_in_checkpoint, "physical disk 7 of hv01 at SCSI 0:3", "Remove-VMHardDisk"),
    Case("disk-passthrough", U, refused("hv01", DISKS), "the disks of web01 cannot be read: access denied"),
    Case("disk-passthrough", U, drop("hv01", DISKS, "DiskNumber"), "the disks of web01 cannot be read"),
    Case("disk-passthrough", U, refused("hv01", CHECKPOINT_DISKS), "the disks of the checkpoints of web01"),
    Case("disk-shared-vhdx", P, unchanged, "none"),
    Case("disk-shared-vhdx", F, _shared, "web01 shares D:\\Shared\\quorum.vhdx with other VMs", "guest cluster"),
    Case("disk-shared-vhdx", F, _vhd_set, "web01 shares D:\\Shared\\quorum.vhds", "take the disk out"),
    Case("disk-shared-vhdx", U, drop("hv01", DISKS, "SupportPersistentReservations"), "the disks of web01"),
    Case("disk-leaf-name-unique", P, unchanged, "1 disk, as many names"),
    Case("disk-leaf-name-unique", P, _checkpoint, "2 disks, as many names"),
    Case(
        "disk-leaf-name-unique", F, _same_leaf,
        "D:\\VMs\\web01\\web01.vhdx, E:\\Data\\WEB01.vhdx of web01 would both become "
        "D:\\VMs\\web01\\Virtual Hard Disks\\web01.vhdx", "rename one of the files", place="playbook.yml:4:5",
    ),
    Case("disk-leaf-name-unique", U, rows("hv01", "Get-VHD", denied()), "the files of web01 cannot be read"),
    Case("disk-chain-parents", P, unchanged, "1 file, all its own"),
    Case("disk-chain-parents", P, _checkpoint, "2 files, all its own"),
    Case(
        "disk-chain-parents", F, _parent,
        "web01 stands on D:\\Base\\base.vhdx, a parent that none of its drives names; so does db01",
        "delete it there only when no VM stands on it", severity=Severity.RISKS,
    ),
    Case("disk-chain-parents", F, _own_parent, "a parent that none of its drives names", "copied with web01"),
    Case("disk-chain-parents", U, _lost_parent, "the virtual disk D:\\Base\\gone.vhdx could not be read"),
    Case("disk-checkpoints", P, unchanged, "none"),
    Case(
        "disk-checkpoints", F, _checkpoint, 'web01 has 1 checkpoint: "before update"',
        f"Get-VM -Id {WEB} | Get-VMSnapshot | Remove-VMSnapshot", severity=Severity.RISKS,
    ),
    Case("disk-checkpoints", U, refused("hv01", CHECKPOINTS), "the checkpoints of web01 cannot be read"),
    Case("dvd-host-media", P, unchanged, "empty"),
    Case("dvd-host-media", P, _dvd(None), "empty"),
    Case(
        "dvd-host-media", F, _dvd("D:\\ISO\\setup.iso"), "web01 has D:\\ISO\\setup.iso of hv01 in its DVD drive",
        f"Get-VM -Id {WEB} | Get-VMDvdDrive -ControllerNumber 0 -ControllerLocation 2 | Set-VMDvdDrive -Path $null",
        severity=Severity.BLOCKS,
    ),
    Case(
        "dvd-host-media", F, _dvd("\\\\files\\iso\\setup.iso"), "computer accounts must read it", "Set-VMDvdDrive",
        severity=Severity.RISKS,
    ),
    Case("dvd-host-media", U, refused("hv01", DVDS), "the DVD drives of web01 cannot be read"),
]  # fmt: skip
