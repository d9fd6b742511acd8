"""Which VMs of a check want to write which file: what no single VM shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from winmigrate.checks.index import HostIndex
from winmigrate.facts import Unreadable
from winmigrate.survey import Candidates, path_key


class Claims:
    """The places of all candidates' files. A VM whose files could not be read claims none."""

    __slots__ = ("_by_path", "_names", "_to")

    def __init__(self, candidates: Candidates, hosts: Mapping[str, HostIndex]) -> None:
        self._by_path: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        self._to: dict[str, set[str]] = {}
        for item in candidates.candidates:
            seen = item.vm_id in self._to
            self._to.setdefault(item.vm_id, set()).add(item.destination)
            if seen or item.source not in hosts:
                continue
            self._names[item.vm_id] = item.vm_name
            files = hosts[item.source].files(item)
            for file in () if isinstance(files, Unreadable) else files:
                self._by_path.setdefault(path_key(file.destination), []).append(item.vm_id)

    def others(self, vm_id: str, destination: str, paths: Iterable[str]) -> tuple[str, str] | None:
        """(path, name of another VM that may go to the same destination and would write it too), the first of them."""
        for path in paths:
            for other in self._by_path.get(path_key(path), ()):
                if other != vm_id and destination in self._to[other]:
                    return path, self._names[other]
        return None
