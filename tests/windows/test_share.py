"""UNC paths, and rights of a file system in every form that Windows answers them in."""

from __future__ import annotations

from typing import Any

import pytest

from winmigrate.facts import Unreadable
from winmigrate.remoting.clixml.values import EnumValue, PSObject
from winmigrate.windows.row import rows
from winmigrate.windows.share import FULL, AclEntry, acls, below_share, share_of


@pytest.mark.parametrize(
    ("path", "parts", "below"),
    [
        ("\\\\fs01\\vms\\web01\\a.vhdx", ("fs01", "vms"), "web01\\a.vhdx"),
        ("\\\\fs01\\vms", ("fs01", "vms"), ""),
        ("\\\\fs01\\vms\\", ("fs01", "vms"), ""),
        ("//fs01/vms/web01", ("fs01", "vms"), "web01"),
        ("\\\\?\\UNC\\fs01\\vms\\web01", ("fs01", "vms"), "web01"),
        ("\\\\fs01\\vms\\..\\vms\\web01\\", ("fs01", "vms"), "web01"),
        ("\\\\fs01", None, ""),
        ("D:\\VMs", None, ""),
        ("\\\\?\\D:\\VMs", None, ""),
        ("\\\\.\\pipe\\x", None, ""),
        ("", None, ""),
    ],
)
def test_a_path_on_a_share(path: str, parts: tuple[str, str] | None, below: str) -> None:
    assert share_of(path) == parts
    if parts is not None:
        assert below_share(path).removeprefix("vms\\") == below


def _rights(value: Any) -> Any:
    item = PSObject(("Selected.Test",), None, {"FileSystemRights": value})
    return rows(AclEntry, [item], "2019")[0].file_system_rights


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        (EnumValue("FullControl", FULL), FULL),
        ("FullControl", FULL),
        ("Modify, Synchronize", 0x1301BF),
        (FULL, FULL),
        ("2032127", FULL),
        (0x10000000, FULL),
        ("268435456", FULL),
        (EnumValue("-1610612736", -1610612736), 0x1200A9),
        (0, 0),
    ],
)
def test_rights_are_one_mask(value: Any, mask: int) -> None:
    assert _rights(value) == mask


@pytest.mark.parametrize("value", ["All", True, 2**40, [FULL], None, "", 1.5])
def test_what_are_no_rights_is_unreadable(value: Any) -> None:
    assert isinstance(_rights(value), Unreadable)


def test_folders_are_asked_for_as_they_are() -> None:
    get = acls(["D:\\VMs [old]\\web01"], "2019").commands[0]
    assert (get.name, get.parameter("LiteralPath")) == ("Get-Acl", ["D:\\VMs [old]\\web01"])
