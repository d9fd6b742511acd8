"""Where files of a moved VM lie."""

from __future__ import annotations

from typing import Any

import pytest

from winmigrate.facts import Unreadable
from winmigrate.windows.move import FileByFile, OneFolder
from winmigrate.windows.paths import FileKind, PlannedFile, clashes, planned_files, volume
from winmigrate.windows.storage import VHD
from winmigrate.windows.vm import VM, Checkpoint

ID = "8e1c2678-9052-4d41-aa94-59f2dd61a752"
SAVED = "11111111-2222-3333-4444-555555555555"
WEB = VM(id=ID, name="web01", version="9.0", configuration_location="C:\\VMs\\web01", snapshot_file_location="C:\\Snap")
LEAF = VHD(path="C:\\VMs\\web01\\a.avhdx", file_size=5, parent_path="C:\\Base\\a.vhdx")
BASE = VHD(path="C:\\Base\\a.vhdx", file_size=7)


def planned(*given: Any) -> tuple[PlannedFile, ...]:
    found = planned_files(*given)
    assert not isinstance(found, Unreadable)
    return found


def test_one_folder_holds_everything() -> None:
    files = planned_files(WEB, [LEAF, BASE], [Checkpoint(id=SAVED)], OneFolder("D:\\VMs\\web01"))
    disks = "D:\\VMs\\web01\\Virtual Hard Disks\\"
    assert files == (
        PlannedFile(FileKind.DISK, "C:\\VMs\\web01\\a.avhdx", disks + "a.avhdx", 5),
        PlannedFile(FileKind.DISK, "C:\\Base\\a.vhdx", disks + "a.vhdx", 7),
        PlannedFile(
            FileKind.CONFIG,
            f"C:\\VMs\\web01\\Virtual Machines\\{ID.upper()}.vmcx",
            f"D:\\VMs\\web01\\Virtual Machines\\{ID.upper()}.vmcx",
        ),
        PlannedFile(
            FileKind.CHECKPOINT, f"C:\\Snap\\Snapshots\\{SAVED}.vmcx", f"D:\\VMs\\web01\\Snapshots\\{SAVED}.vmcx"
        ),
    )


@pytest.mark.parametrize(
    ("version", "ending"), [("5.0", ".xml"), ("4.0", ".xml"), ("6.2", ".vmcx"), ("10.0", ".vmcx"), ("12.0", ".vmcx")]
)
def test_the_configuration_file_follows_the_version(version: str, ending: str) -> None:
    vm = VM(id=ID, version=version, configuration_location="C:\\a", snapshot_file_location="C:\\a")
    (config,) = planned(vm, [], [], OneFolder("D:\\b"))
    assert config.destination.endswith(ending)


def test_without_a_version_it_is_one_of_2012() -> None:
    vm = VM(
        id=ID, version=Unreadable("not on this build"), configuration_location="C:\\a", snapshot_file_location="C:\\a"
    )
    (config,) = planned(vm, [], [], OneFolder("D:\\b"))
    assert config.destination.endswith(".xml")


def test_shared_storage_moves_no_file() -> None:
    assert planned_files(WEB, [LEAF, BASE], [], None) == ()


def test_file_by_file_leaves_what_no_one_named() -> None:
    storage = FileByFile(disks=(("c:\\vms\\WEB01\\A.avhdx", "E:\\a.avhdx"),))
    (file,) = planned(WEB, [LEAF, BASE], [Checkpoint(id=SAVED)], storage)
    assert (file.source, file.destination) == ("C:\\VMs\\web01\\a.avhdx", "E:\\a.avhdx")


def test_an_unreadable_fact_makes_no_guess() -> None:
    reason = Unreadable("access denied")
    vm = VM(id=ID, version="9.0", configuration_location=reason, snapshot_file_location="C:\\a")
    assert planned_files(vm, [LEAF], [], OneFolder("D:\\b")) == reason
    assert planned_files(WEB, [VHD(path=reason)], [], OneFolder("D:\\b")) == reason


def test_equal_file_names_collide_in_one_folder() -> None:
    other = VHD(path="E:\\Other\\A.VHDX", file_size=1)
    files = planned_files(WEB, [LEAF, BASE, other], [], OneFolder("D:\\VMs"))
    assert not isinstance(files, Unreadable)
    ((one, two),) = clashes(files)
    assert {one.source, two.source} == {"C:\\Base\\a.vhdx", "E:\\Other\\A.VHDX"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [("e:\\VMs", "E:"), ("\\\\sofs\\vms\\web", "\\\\SOFS\\VMS"), ("\\\\?\\E:\\a", "E:"), ("x", "")],
)
def test_volume(path: str, expected: str) -> None:
    assert volume(path) == expected
