"""Rows of a host's registry: how far it is patched, its microcode, how it writes its own name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import command
from winmigrate.windows.row import INTEGER, TEXT, Kind, column
from winmigrate.windows.table import Table

_HKLM = "Microsoft.PowerShell.Core\\Registry::HKEY_LOCAL_MACHINE\\"
CURRENT_VERSION = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
FIRST_PROCESSOR = "HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0"
MEMORY_MANAGEMENT = "SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management"
COMPUTER_NAME = "SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName"
KEYS = (CURRENT_VERSION, FIRST_PROCESSOR, MEMORY_MANAGEMENT, COMPUTER_NAME)


def _hexadecimal(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, int) and 0 <= each < 256 for each in value):
        value = bytes(value)
    if not isinstance(value, bytes) or not value:
        raise ValueError
    return value.hex()


BINARY = Kind("binary data", _hexadecimal)


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """One of :data:`KEYS`. Values that stand in another of them, or in none, are None.

    ``ubr``: the update build revision, what stands behind the build of the last cumulative update. ``update_revision``:
    the microcode, in hexadecimal digits as its bytes stand. The override settings are bit sets against attacks on
    speculative execution; None: Windows' own choice.
    """

    ps_path: str | Unreadable = column("PSPath", TEXT)
    ubr: int | Unreadable | None = column("UBR", INTEGER, nullable=True)
    update_revision: str | Unreadable | None = column("Update Revision", BINARY, nullable=True)
    feature_settings_override: int | Unreadable | None = column("FeatureSettingsOverride", INTEGER, nullable=True)
    feature_settings_override_mask: int | Unreadable | None = column(
        "FeatureSettingsOverrideMask", INTEGER, nullable=True
    )
    computer_name: str | Unreadable | None = column("ComputerName", TEXT, nullable=True)


REGISTRY = Table(
    "registry", RegistryKey, (command("Get-ItemProperty", LiteralPath=[_HKLM + key for key in KEYS]),)
)

TABLES: tuple[Table[Any], ...] = (REGISTRY,)


def key_of(keys: Collection[RegistryKey], path: str) -> RegistryKey | Unreadable | None:
    """The row of one of :data:`KEYS`; None where the host has no such key."""
    strange = None
    for row in keys:
        if isinstance(row.ps_path, Unreadable):
            strange = row.ps_path
        elif row.ps_path.casefold().endswith("\\" + path.casefold()):
            return row
    return strange
