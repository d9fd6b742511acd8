"""What lies where files would arrive: from the answers of Get-Item."""

from __future__ import annotations

from collections.abc import Sequence

from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Answer
from winmigrate.survey.facts_of_hosts import path_key
from winmigrate.survey.reading import reason_of
from winmigrate.windows.row import rows
from winmigrate.windows.storage import FileItem

#: Get-Item's error for what is not there, before the comma.
_ABSENT = "PathNotFound"


def arrivals(
    places: Sequence[str], answer: Answer | Unreadable, version: str, host_name: str
) -> dict[str, FileItem | Unreadable | None]:
    """By :func:`path_key` what lies at each place: None for nothing, Unreadable where that could not be told."""
    if isinstance(answer, Unreadable):
        return dict.fromkeys(map(path_key, places), answer)
    found: dict[str, FileItem | Unreadable | None] = {}
    for row in rows(FileItem, answer.objects, version):
        if isinstance(row.full_name, str):
            found[path_key(row.full_name)] = row
    unknown = Unreadable(f"{host_name} said nothing about it")
    for error in answer.errors:
        if error.fqeid.partition(",")[0] == _ABSENT:
            found.setdefault(path_key(error.target), None)
    for error in answer.errors:
        if error.fqeid.partition(",")[0] != _ABSENT:
            # What may not be looked at is told twice, the second time as absent (a share beyond the second hop).
            unknown = reason_of(error, host_name, hyper_v=False)
            if found.get(path_key(error.target), unknown) is None:
                found[path_key(error.target)] = unknown
    return {path_key(place): found.get(path_key(place), unknown) for place in places}
