"""The folders that hold a VM's files, or will, and the links that stand in them."""

from __future__ import annotations

import ntpath
from collections.abc import Iterable, Sequence

from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Answer
from winmigrate.survey.facts_of_hosts import path_key
from winmigrate.survey.reading import reason_of
from winmigrate.windows.devices import Link
from winmigrate.windows.paths import FileKind, PlannedFile, is_unc
from winmigrate.windows.row import rows

#: Get-ChildItem's error for a folder that is not there, before the comma, and for a drive that is not.
_ABSENT = frozenset({"PathNotFound", "DriveNotFound"})


def folders_here(files: Iterable[PlannedFile]) -> tuple[str, ...]:
    """Where the files lie at the source. Shares are their servers' own."""
    return _folders((file.kind, file.source) for file in files)


def folders_there(files: Iterable[PlannedFile]) -> tuple[str, ...]:
    """Where they will lie at the destination."""
    return _folders((file.kind, file.destination) for file in files)


def _folders(files: Iterable[tuple[FileKind, str]]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for kind, path in files:
        folder = ntpath.dirname(path)
        # The configuration lies in "Virtual Machines" of the VM's folder: what stands in that one is the VM's as well.
        for each in (folder, ntpath.dirname(folder)) if kind is FileKind.CONFIG else (folder,):
            if not is_unc(each):
                found.setdefault(path_key(each), each)
    return tuple(found.values())


def links_of(
    folders: Sequence[str], answer: Answer | Unreadable, version: str, host_name: str
) -> dict[str, tuple[Link, ...] | Unreadable]:
    """By the key of each folder: what is a reparse point in it; empty too for a folder that is not there."""
    if isinstance(answer, Unreadable):
        return dict.fromkeys(map(path_key, folders), answer)
    refused = [error for error in answer.errors if error.fqeid.partition(",")[0] not in _ABSENT]
    if refused:
        reason = reason_of(refused[0], host_name, hyper_v=False)
        return dict.fromkeys(map(path_key, folders), reason)
    found: dict[str, list[Link]] = {path_key(folder): [] for folder in folders}
    for row in rows(Link, answer.objects, version):
        if isinstance(row.full_name, Unreadable):
            return dict.fromkeys(found, row.full_name)
        found.setdefault(path_key(ntpath.dirname(row.full_name)), []).append(row)
    return {folder: tuple(held) for folder, held in found.items()}
