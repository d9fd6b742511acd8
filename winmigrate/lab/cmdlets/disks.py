"""Get-VHD and Get-Volume."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from winmigrate.lab.cmdlets.desk import Command, Desk, each, named, refusal, unknown_id, vms_of
from winmigrate.lab.cmdlets.hop import desks
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.cmdlets.shapes import declare, enum, shape_of
from winmigrate.lab.cmdlets.unc import is_denied
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric.files import FileEntry, fold
from winmigrate.lab.fabric.host import Space
from winmigrate.lab.fabric.world import ZERO_ID, Volume

_VHD_CLASS = "Microsoft.Vhd.PowerShell.Cmdlets.GetVHD"


class Use:
    """Which files the running machines of a host hold open; found once a call, and only if it is asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @cached_property
    def _held(self) -> frozenset[str]:
        files = self._desk.host.files
        return frozenset(
            fold(entry.path)
            for vm in vms_of(self._desk) if vm.running
            for disk in list(vm.disks) if disk.path is not None
            for entry in files.chain(disk.path)
        )

    def holds(self, path: str) -> bool:
        return fold(path) in self._held


@dataclass(frozen=True, slots=True)
class Image:
    """A VHD as Get-VHD shows it."""

    desk: Desk
    entry: FileEntry
    use: Use


def _vhd_format(image: Image) -> net.EnumValue:
    vhd = image.entry.vhd
    return enum("VhdFormat", vhd.format if vhd else "Unknown")


declare("VirtualHardDisk", {
    "ComputerName": lambda i: i.desk.host.name,
    "Path": lambda i: i.entry.path,
    "VhdFormat": _vhd_format,
    "VhdType": lambda i: i.entry.vhd.kind,
    "FileSize": lambda i: i.entry.size,
    "Size": lambda i: i.entry.vhd.size,
    "MinimumSize": lambda i: i.entry.vhd.minimum_size,
    "LogicalSectorSize": lambda i: i.entry.vhd.logical_sector,
    "PhysicalSectorSize": lambda i: i.entry.vhd.physical_sector,
    "BlockSize": lambda i: 0 if i.entry.vhd.kind == "Fixed" else i.entry.vhd.block_size,
    "ParentPath": lambda i: i.entry.vhd.parent or "",
    "DiskIdentifier": lambda i: str(i.entry.vhd.identifier).upper(),
    "FragmentationPercentage": lambda i: None,
    "Alignment": lambda i: 1,
    "Attached": lambda i: i.use.holds(i.entry.path),
    "DiskNumber": lambda i: None,
    "IsPMEMCompatible": lambda i: False,
    "AddressAbstractionType": lambda i: "None",
})


def get_vhd(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VHD by path or by machine. A disk mounted on the host itself (-DiskNumber) is never found: the fabric has
    none.
    """
    for there in desks(desk, call):
        if isinstance(there, Error):
            yield there
            continue
        use = Use(there)
        shape = shape_of("VirtualHardDisk", there.host.version)
        for path in _paths(there, call):
            if isinstance(path, Error):
                yield path
                continue
            if is_denied(there, call.context, path, by_service=True):
                # VMMS comes in the caller's name; the first sentence is posted, the second is Windows' for the code.
                yield refusal(there, "AccessDenied", f"Getting the mounted storage instance for the path '{path}' "
                              "failed.\nGeneral access denied error", path, 0x80070005)
                continue
            entry = there.host.files.get(path)
            if entry is None or entry.vhd is None:
                yield _unreadable(there, path, entry)
            else:
                yield Output(shape.show(Image(there, entry, use)))


def _paths(desk: Desk, call: Call) -> Iterator[str | Error]:
    yield from (str(path) for path in each(call.get("Path")))
    for wanted in each(call.get("VMId")):
        vm = desk.host.vms.get(wanted)
        if vm is None:
            yield unknown_id(desk, wanted)
        else:
            yield from (disk.path for disk in list(vm.disks) if disk.path is not None)
    for number in each(call.get("DiskNumber")):
        yield refusal(desk, "ObjectNotFound", f"Hyper-V was unable to find the disk with number {number}.", number)


def _unreadable(desk: Desk, path: str, entry: FileEntry | None) -> Error:
    first = f"Getting the mounted storage instance for the path '{path}' failed."
    if entry is None:
        # The first sentence is from a posted error, the second is Windows' own for that code.
        return refusal(desk, "ObjectNotFound", f"{first}\nThe system cannot find the file specified.", path, 0x80070002)
    return refusal(desk, "OperationFailed", first)


# --- volumes ---------------------------------------------------------------------------------------------------------

_STORAGE = "ROOT/Microsoft/Windows/Storage"


def volume_path(desk: Desk, volume: Volume) -> str:
    """The volume's own name, which does not depend on its letter."""
    number = volume.id or str(uuid.uuid5(ZERO_ID, f"{desk.host.key}/{volume.letter}"))
    return f"\\\\?\\Volume{{{number.strip('{}')}}}\\"


# DriveType, FileSystemType, HealthStatus and OperationalStatus are script properties of the Storage module: text.
_VOLUME = CimClass("MSFT_Volume", _STORAGE, ("ObjectId",), {
    "OperationalStatus": lambda desk, volume: "OK",
    "HealthStatus": lambda desk, volume: volume.health,
    "DriveType": lambda desk, volume: volume.drive_type,
    "FileSystemType": lambda desk, volume: volume.file_system if volume.letter else f"CSVFS_{volume.file_system}",
    "DedupMode": lambda desk, volume: "NotAvailable",
    "ObjectId": lambda desk, volume: f"{{1}}\\\\{desk.host.name}\\root/Microsoft/Windows/Storage/Providers_v2\\"
                                     f"WSP_Volume.ObjectId=\"{volume_path(desk, volume)}\"",
    "PassThroughClass": lambda desk, volume: None,
    "PassThroughIds": lambda desk, volume: None,
    "PassThroughNamespace": lambda desk, volume: None,
    "PassThroughServer": lambda desk, volume: None,
    "UniqueId": volume_path,
    "AllocationUnitSize": lambda desk, volume: net.UInt32(4096),
    "DriveLetter": lambda desk, volume: net.Char(volume.letter) if volume.letter else None,
    "FileSystem": lambda desk, volume: volume.file_system if volume.letter else "CSVFS",
    "FileSystemLabel": lambda desk, volume: volume.label,
    "Path": volume_path,
    "Size": lambda desk, volume: net.UInt64(volume.size),
    "SizeRemaining": lambda desk, volume: net.UInt64(_free(desk, volume)),
})


def _shared(desk: Desk) -> list[Space]:
    """The cluster shared volumes of a node; they have no letter."""
    return [space for space in desk.host.spaces if not space.root.startswith("\\\\") and space.online]


def _free(desk: Desk, volume: Volume) -> int:
    if volume.letter:
        return desk.host.free(volume.letter)
    return next(space.free() for space in desk.host.spaces if space.volume is volume)


def get_volume(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-Volume, all or by letter, label, path or a file's path."""
    with desk.world.lock:
        volumes = [*desk.host.volumes.values(), *(space.volume for space in _shared(desk))]
    letters = [str(letter).upper() for letter in each(call.get("DriveLetter"))]
    for letter in letters:
        if letter not in {volume.letter for volume in volumes}:
            yield _no_volume("DriveLetter", letter)
    labels = [str(label) for label in each(call.get("FileSystemLabel"))]
    paths = {str(path).lower() for path in (*each(call.get("Path")), *each(call.get("UniqueId")))}
    file_path = call.get("FilePath")
    for volume in volumes:
        if letters and volume.letter not in letters:
            continue
        if labels and not any(named([volume], label, lambda one: one.label) for label in labels):
            continue
        if paths and volume_path(desk, volume).lower() not in paths:
            continue
        if file_path is None or _holds(desk, volume, str(file_path)):
            yield Output(show_instance(CimInstance(desk, _VOLUME, volume)))


def _holds(desk: Desk, volume: Volume, path: str) -> bool:
    space = desk.host.space(path)
    return space.volume is volume if space is not None else path[:1].upper() == volume.letter


def _no_volume(name: str, value: str) -> Error:
    return Error(f"No MSFT_Volume objects found with property '{name}' equal to '{value}'.  Verify the value of the "
                 "property and retry.", f"CmdletizationQuery_NotFound_{name}", "ObjectNotFound",
                 "Microsoft.PowerShell.Cmdletization.Cim.CimJobException", value)


COMMANDS: dict[str, Command] = {
    "Get-VHD": Command(get_vhd, class_name=_VHD_CLASS),
    "Get-Volume": Command(get_volume, class_name="Get-Volume"),
}
