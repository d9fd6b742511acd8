"""Windows paths and chains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.lab.fabric.files import FileEntry, Files, Vhd, fold, folder_of, join, leaf, letter_of

PATHS = [
    ("D:\\VMs\\a.vhdx", "D", "D:\\VMs", "a.vhdx"),
    ("d:/VMs/a.vhdx", "D", "d:\\VMs", "a.vhdx"),
    ("E:\\a.vhdx", "E", "E:\\", "a.vhdx"),
    ("\\\\fs\\share\\a.vhdx", None, "\\\\fs\\share", "a.vhdx"),
]


@pytest.mark.parametrize(("path", "letter", "folder", "name"), PATHS)
def test_parts_of_a_path(path: str, letter: str | None, folder: str, name: str) -> None:
    assert (letter_of(path), folder_of(path), leaf(path)) == (letter, folder, name)


def test_files_are_found_in_any_case_and_keep_their_spelling() -> None:
    files = Files()
    files.add(FileEntry("D:\\VMs\\Web\\A.vhdx", 10))
    found = files.get("d:/vms/web/a.VHDX")
    assert found is not None
    assert found.path == "D:\\VMs\\Web\\A.vhdx"
    assert files.is_folder("d:\\vms\\WEB\\")
    assert files.folder("d:\\vms") == "D:\\VMs"
    assert files.used("d") == 10
    assert files.remove("D:\\VMS\\WEB\\a.vhdx") is found
    assert files.is_folder("D:\\VMs\\Web")
    assert files.remove("D:\\VMS\\WEB\\a.vhdx") is None


def test_below_is_no_prefix_of_names() -> None:
    files = Files()
    for path in ("D:\\a\\x", "D:\\ab\\y", "D:\\a\\b\\z"):
        files.add(FileEntry(path, 1))
    assert [entry.path for entry in files.below("D:\\A")] == ["D:\\a\\x", "D:\\a\\b\\z"]


@given(st.lists(st.integers(0, 9), max_size=10))
def test_a_chain_ends_at_what_is_missing_and_at_loops(parents: list[int]) -> None:
    files = Files()
    for index, parent in enumerate(parents):
        files.add(FileEntry(f"D:\\{index}.vhdx", 1, "vhd", Vhd(1, parent=f"D:\\{parent}.vhdx")))
    chain = files.chain("D:\\0.VHDX")
    assert len({fold(entry.path) for entry in chain}) == len(chain) <= len(parents)
    assert bool(chain) == bool(parents)


def test_join_takes_no_double_backslash() -> None:
    assert join("D:\\", "VMs\\", "a.vhdx") == "D:\\VMs\\a.vhdx"
