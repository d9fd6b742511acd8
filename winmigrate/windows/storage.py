"""Rows of storage: a VM's drives, virtual disks, volumes, files. Sizes in bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import Statement, command
from winmigrate.windows.row import BOOLEAN, DATE, GUID, INTEGER, TEXT, column, enumeration, projection
from winmigrate.windows.table import Table


@dataclass(frozen=True, slots=True)
class HardDisk:
    """Get-VMHardDiskDrive, of a VM or of a checkpoint.

    ``disk_number`` is set for a pass-through disk, whose ``path`` names no file.
    """

    id: str | Unreadable = column("Id", TEXT)
    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    path: str | Unreadable | None = column("Path", TEXT, nullable=True)
    disk_number: int | Unreadable | None = column("DiskNumber", INTEGER, nullable=True)
    controller_type: str | Unreadable = column("ControllerType", enumeration("ControllerType"))
    controller_number: int | Unreadable = column("ControllerNumber", INTEGER)
    controller_location: int | Unreadable = column("ControllerLocation", INTEGER)
    support_persistent_reservations: bool | Unreadable | None = column(
        "SupportPersistentReservations", BOOLEAN, since="2012R2", nullable=True
    )
    vm_snapshot_id: str | Unreadable | None = column("VMSnapshotId", GUID, nullable=True)
    vm_snapshot_name: str | Unreadable | None = column("VMSnapshotName", TEXT, nullable=True)
    pool_name: str | Unreadable | None = column("PoolName", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class VHD:
    """Get-VHD: one file of a chain. ``size`` is what the guest sees, ``file_size`` what lies on the volume."""

    path: str | Unreadable = column("Path", TEXT)
    vhd_format: str | Unreadable = column("VhdFormat", enumeration("VhdFormat"))
    vhd_type: str | Unreadable = column("VhdType", enumeration("VhdType"))
    file_size: int | Unreadable = column("FileSize", INTEGER)
    size: int | Unreadable = column("Size", INTEGER)
    minimum_size: int | Unreadable | None = column("MinimumSize", INTEGER, nullable=True)
    parent_path: str | Unreadable | None = column("ParentPath", TEXT, nullable=True)
    disk_identifier: str | Unreadable | None = column("DiskIdentifier", TEXT, nullable=True)
    attached: bool | Unreadable = column("Attached", BOOLEAN)
    disk_number: int | Unreadable | None = column("DiskNumber", INTEGER, nullable=True)


@dataclass(frozen=True, slots=True)
class Volume:
    """Get-Volume. ``drive_letter`` is None where the volume has none."""

    drive_letter: str | Unreadable | None = column("DriveLetter", TEXT, nullable=True)
    file_system: str | Unreadable | None = column("FileSystem", TEXT, nullable=True)
    file_system_label: str | Unreadable | None = column("FileSystemLabel", TEXT, nullable=True)
    size: int | Unreadable = column("Size", INTEGER)
    size_remaining: int | Unreadable = column("SizeRemaining", INTEGER)
    health_status: str | Unreadable = column("HealthStatus", enumeration("HealthStatus"))
    drive_type: str | Unreadable = column("DriveType", enumeration("DriveType"))
    path: str | Unreadable | None = column("Path", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class FileItem:
    """Get-Item: a file, or a folder, which has no ``length``."""

    full_name: str | Unreadable = column("FullName", TEXT)
    length: int | Unreadable | None = column("Length", INTEGER, nullable=True)
    creation_time: dt.datetime | Unreadable | None = column("CreationTime", DATE, nullable=True)
    last_write_time: dt.datetime | Unreadable | None = column("LastWriteTime", DATE, nullable=True)


_DRIVES = command("Get-VMHardDiskDrive")

HARD_DISKS = Table("hard_disks", HardDisk, (command("Get-VM"), _DRIVES), class_known_from="2016")
CHECKPOINT_DISKS = Table(
    "checkpoint_disks", HardDisk, (command("Get-VM"), command("Get-VMSnapshot"), _DRIVES), class_known_from="2016"
)
VOLUMES = Table("volumes", Volume, (command("Get-Volume"),))

TABLES: tuple[Table[Any], ...] = (HARD_DISKS, CHECKPOINT_DISKS, VOLUMES)


def vhds(paths: Sequence[str], version: str) -> Statement:
    """The virtual disks at these paths, as rows of :class:`VHD`; one that cannot be read is a non-terminating error."""
    return Statement((command("Get-VHD", Path=list(paths)), projection(VHD, version)))


def files(paths: Sequence[str], version: str) -> Statement:
    """What lies at these paths, as rows of :class:`FileItem`; what is not there is a non-terminating PathNotFound."""
    return Statement((command("Get-Item", LiteralPath=list(paths)), projection(FileItem, version)))
