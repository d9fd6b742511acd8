"""What a candidate would bring to its destination: its files with their places, and bytes by volume."""

from __future__ import annotations

from collections.abc import Iterable

from winmigrate.facts import Unreadable
from winmigrate.survey.wishes import files_of
from winmigrate.windows.paths import FileKind, PlannedFile, volume

#: Each file of a candidate's VM and its place.
arriving = files_of


def bytes_by_volume(files: Iterable[PlannedFile], memory: int) -> dict[str, int] | Unreadable:
    """Bytes by volume (``"D:"``). The configuration's takes a saved-state file as large as the memory as well."""
    found: dict[str, int] = {}
    for file in files:
        amount = memory if file.kind is FileKind.CONFIG else 0
        if file.size is not None:
            amount += file.size
        elif file.kind is FileKind.DISK:
            return Unreadable(f"the size of {file.source} could not be read")
        found[volume(file.destination)] = found.get(volume(file.destination), 0) + amount
    return found
