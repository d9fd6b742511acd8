"""The acts of a move: Move-VM, Compare-VM, and the PowerShell functions that need live objects.

Where the files go is said in one of two ways that exclude each other from 2016 on: one folder for everything, or file
by file. A shared-storage move says neither. Every act sends ``Confirm = false``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from winmigrate.facts.versions import at_least
from winmigrate.request import SWITCH, Command, Credential, Request, Statement, command, script
from winmigrate.windows.vm import get_vm


@dataclass(frozen=True, slots=True)
class OneFolder:
    """Everything below one folder of the destination."""

    path: str


@dataclass(frozen=True, slots=True)
class FileByFile:
    """Folders for configuration, checkpoints and paging (empty: the destination's default), and a path for each disk.

    ``disks``: (path now, path then); Hyper-V wants the same file name in both.
    """

    config: str = ""
    checkpoints: str = ""
    paging: str = ""
    disks: tuple[tuple[str, str], ...] = ()


#: None: the files stay where both hosts reach them.
Storage: TypeAlias = OneFolder | FileByFile | None


def move_vm(
    vm_id: str, destination: str, storage: Storage, version: str, *, credential: Credential | None = None
) -> Statement:
    """``Get-VM -Id | Move-VM``, on the source, which is of this version. Without output when it succeeds.

    ``destination`` as the source calls it. Raises ValueError for a credential before 2016, which has no such parameter.
    """
    given = _where_to(destination, storage, version, credential)
    return Statement((get_vm(vm_id), command("Move-VM", **given, Confirm=False)))


def compare_vm(
    vm_id: str,
    destination: str,
    storage: Storage,
    version: str,
    *,
    credential: Credential | None = None,
    switches: Mapping[str, str] | None = None,
    define: bool = True,
) -> Request:
    """Asks whether the VM may move; puts out rows of Incompatibility. Leaves a planned VM at the destination.

    ``switches``: name now -> name at the destination, connected to the planned VM before the report that counts.
    ``define`` False where the endpoint has the function already (JEA).
    """
    given = _where_to(destination, storage, version, credential)
    if switches:
        given["SwitchMap"] = dict(switches)
    return _call("compare_vm", command("Compare-WinmigrateVM", VMId=vm_id, **given), define)


def move_mended(
    vm_id: str,
    destination: str,
    storage: Storage,
    version: str,
    switches: Mapping[str, str],
    *,
    credential: Credential | None = None,
    define: bool = True,
) -> Request:
    """Moves with adapters mended on the way. If more than that is wrong: the error :data:`STILL_INCOMPATIBLE`."""
    given = _where_to(destination, storage, version, credential)
    call = command("Move-WinmigrateVM", VMId=vm_id, **given, SwitchMap=dict(switches), Confirm=False)
    return _call("move_mended", call, define)


def remove_planned_vm(vm_id: str, *, define: bool = True) -> Request:
    """Destroys the planned VM of this Id, on the destination. Look for a running migration of that VM first."""
    return _call("remove_planned_vm", command("Remove-WinmigratePlannedVM", VMId=vm_id, Confirm=False), define)


#: FullyQualifiedErrorIds of our own functions, before the comma.
STILL_INCOMPATIBLE = "WinmigrateStillIncompatible"
NOT_DESTROYED = "WinmigrateNotDestroyed"

FUNCTIONS = ("compare_vm", "move_mended", "remove_planned_vm")


@cache
def function_text(name: str) -> str:
    """The definition of one of :data:`FUNCTIONS`, as it is sent."""
    return (resources.files("winmigrate.windows") / "functions" / f"{name}.ps1").read_text("utf-8")


def _call(function: str, call: Command, define: bool) -> Request:
    defined = (Statement((script(function_text(function)),)),) if define else ()
    return Request((*defined, Statement((call,))))


def _where_to(destination: str, storage: Storage, version: str, credential: Credential | None) -> dict[str, Any]:
    given: dict[str, Any] = {"DestinationHost": destination}
    if credential is not None:
        if not at_least(version, "2016"):
            raise ValueError(f"Windows Server {version} has no -DestinationCredential: it came with 2016")
        given["DestinationCredential"] = credential
    if isinstance(storage, OneFolder):
        given |= {"IncludeStorage": SWITCH, "DestinationStoragePath": storage.path}
    if isinstance(storage, FileByFile):
        if not at_least(version, "2016"):
            # One parameter set holds both there, and Microsoft's example for it names the switch.
            given["IncludeStorage"] = SWITCH
        paths = {
            "VirtualMachinePath": storage.config,
            "SnapshotFilePath": storage.checkpoints,
            "SmartPagingFilePath": storage.paging,
        }
        given |= {name: path for name, path in paths.items() if path}
        if storage.disks:
            given["Vhds"] = [{"SourceFilePath": now, "DestinationFilePath": then} for now, then in storage.disks]
    return given
