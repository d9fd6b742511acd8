"""Cases of the place where the VM would arrive."""

from __future__ import annotations

from tests.checks.case import Case, refused, rows, unchanged
from tests.checks.world import DB, VM, WEB, AbsentExcept, Change, World, denied, job, vm_row, volume
from winmigrate.checks import Outcome, Severity
from winmigrate.playbook.types import StorageWish

P, F, U, S, L = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP, Outcome.PENDING
_PLACE = "D:\\VMs\\web01\\Virtual Hard Disks\\web01.vhdx"
_HERE = "playbook.yml:4:5"


def _storage(**wish: object) -> Change:
    def change(world: World) -> None:
        world.storage = StorageWish(**wish)  # type: ignore[arg-type]

    return change


def _every_place(world: World) -> None:
    world.storage = StorageWish(
        disks={"web01.vhdx": "D:\\Disks"}, config="D:\\C", checkpoints="D:\\C", paging="D:\\C"
    )


def _unreadable_wish(world: World) -> None:
    world.storage = StorageWish(disks={"web01.vhdx": "D:\\VMs"})
    world.refuse("hv01", "Get-VHD")


def _volumes(*found: object) -> Change:
    return rows("hv02", "Get-Volume", *found)


def _other_volume(world: World) -> None:
    world.storage = StorageWish(path="F:\\VMs\\{vm}")


def _named(name: str) -> Change:
    return lambda world: world.rename(name)


def _there(*paths: str) -> Change:
    def change(world: World) -> None:
        world.answers["hv02"]["Get-Item"] = AbsentExcept(*paths)

    return change


def _both_to_one_file(world: World) -> None:
    world.add_vm()
    world.storage = StorageWish(path="D:\\VMs")
    world.moves.append((DB, "db01"))
    world.answers["hv01"]["Get-VHD"].rows["d:\\vms\\db01\\db01.vhdx"]["Path"] = "D:\\VMs\\db01\\WEB01.vhdx"
    row = world.answers["hv01"]["Get-VHD"].rows.pop("d:\\vms\\db01\\db01.vhdx")
    world.answers["hv01"]["Get-VHD"].rows["d:\\vms\\db01\\web01.vhdx"] = row
    world.answers["hv01"]["Get-VM | Get-VMHardDiskDrive"][1]["Path"] = "D:\\VMs\\db01\\WEB01.vhdx"


def _planned(world: World) -> None:
    world.set("hv02", "Msvm_PlannedComputerSystem", {"Name": str(WEB).upper(), "ElementName": "web01"})


def _moving(world: World) -> None:
    _planned(world)
    world.set("hv01", "Msvm_MigrationJob", job(WEB))


def _other_planned(world: World) -> None:
    world.set("hv02", "Msvm_PlannedComputerSystem", {"Name": str(DB).upper(), "ElementName": "db01"})


def _part_of_the_volumes(world: World) -> None:
    _other_volume(world)
    world.answers["hv02"]["Get-Volume"].append(denied())


CASES = [
    Case("dst-path-usable", U, _part_of_the_volumes, "the volumes of hv02 cannot be read: part of it"),
    Case("dst-path-usable", U, _volumes(volume("C", 9, 9), {"FileSystem": "NTFS"}), "the volumes of hv02"),
    Case("dst-path-usable", P, _volumes(volume("d", 9, 9)), "D: on hv02"),
    Case("dst-path-given", P, unchanged, "D:\\VMs\\{vm}"),
    Case(
        "dst-path-given", F, _storage(), "the files of web01 would keep the paths they have on hv01",
        "storage: {path: 'D:\\VMs\\{vm}'}", place=_HERE, severity=Severity.RISKS,
    ),
    Case(
        "dst-path-given", F, _storage(config="D:\\C"),
        "the playbook gives no place for checkpoints, paging, web01.vhdx of web01", "storage", place=_HERE,
    ),
    Case("dst-path-given", P, _every_place, "every file has its place"),
    Case("dst-path-given", U, _unreadable_wish, "the disks of web01 cannot be read"),
    Case("dst-path-usable", P, unchanged, "D: on hv02"),
    Case("dst-path-usable", P, _volumes(volume("D", 9, 9, FileSystem="ReFS")), "D: on hv02"),
    Case(
        "dst-path-usable", F, _other_volume, "hv02 has no volume F:; it has C:, D:", "choose a path on one of C:, D:",
        place=_HERE,
    ),
    Case(
        "dst-path-usable", F, _volumes(volume("D", 900, 800, FileSystem="FAT32")), "D: on hv02 has FAT32",
        "another path", place=_HERE,
    ),
    Case("dst-path-usable", F, _volumes(volume("D", 9, 9, FileSystem=None)), "D: on hv02 has no file system", "path"),
    Case("dst-path-usable", F, _volumes(volume("D", 9, 9, DriveType="Removable")), "no fixed volume (Removable)", ""),
    Case(
        "dst-path-usable", F, _volumes(volume("D", 9, 9, HealthStatus="Full Repair Needed")),
        "is not healthy (Full Repair Needed)", "",
    ),
    Case(
        "dst-path-usable", F, _named("web:01?"), '"web:01?" cannot stand where the path has {vm}: ":" cannot stand',
        "write a folder's name", place=_HERE,
    ),
    Case("dst-path-usable", U, refused("hv02", "Get-Volume"), "the volumes of hv02 cannot be read"),
    Case("dst-path-usable", U, rows("hv01", "Get-VHD"), "the files of web01 cannot be read"),
    Case("dst-files-absent", P, unchanged, "2 places on hv02, all free"),
    Case(
        "dst-files-absent", F, _there(_PLACE.upper()), f"hv02 has {_PLACE} already",
        f"Remove-Item -LiteralPath '{_PLACE}' -Confirm", place=_HERE,
    ),
    Case(
        "dst-files-absent", F, _both_to_one_file,
        "web01 and db01 would both write D:\\VMs\\Virtual Hard Disks\\web01.vhdx on hv02", "give each its own",
        place=_HERE,
    ),
    Case(
        "dst-files-absent", U, refused("hv02", "Get-Item"),
        "what lies on hv02 where the files of web01 would go cannot be read: access denied",
    ),
    Case("dst-files-absent", P, _storage(), "places on hv02, all free"),
    Case("dst-files-absent", S, _other_volume, "see dst-path-usable: hv02 has no volume F:"),
    Case("vm-id-absent-destination", P, unchanged, "not on hv02"),
    Case(
        "vm-id-absent-destination", F, rows("hv02", VM, vm_row(WEB, "web01-copy")),
        f"hv02 has a VM with the Id of web01 ({WEB}): web01-copy, running", "find out which one is alive",
    ),
    Case("vm-id-absent-destination", U, refused("hv02", VM), "the VMs of hv02 cannot be read"),
    Case("planned-vm-absent", P, unchanged, "none on hv02"),
    Case("planned-vm-absent", P, _other_planned, "none on hv02"),
    Case(
        "planned-vm-absent", F, _planned, "hv02 has a planned VM for web01: left by Compare-VM",
        "Invoke-CimMethod -MethodName DestroySystem", severity=Severity.INFORMS,
    ),
    Case("planned-vm-absent", F, _moving, "a migration from hv01 runs", "wait", severity=Severity.INFORMS),
    Case("planned-vm-absent", U, refused("hv02", "Msvm_PlannedComputerSystem"), "the planned VMs of hv02"),
    Case("compare-vm", L, unchanged, "the delegation from hv01 to hv02", hop="C"),
]  # fmt: skip

