"""Which VMs of a check want to write which file: what no single VM shows."""

from __future__ import annotations

from collections.abc import Mapping

from winmigrate.checks.index import HostIndex
from winmigrate.facts import Unreadable
from winmigrate.survey import Candidates, path_key


class Claims:
    """Files that more than one VM would write. A VM whose files could not be read claims none."""

    __slots__ = ("_shared", "_to")

    def __init__(self, candidates: Candidates, hosts: Mapping[str, HostIndex]) -> None:
        self._to: dict[str, set[str]] = {}
        by_path: dict[str, dict[str, tuple[str, str]]] = {}
        for item in candidates.candidates:
            seen = item.vm_id in self._to
            self._to.setdefault(item.vm_id, set()).add(item.destination)
            if seen or item.source not in hosts:
                continue
            files = hosts[item.source].files(item)
            for file in () if isinstance(files, Unreadable) else files:
                by_path.setdefault(path_key(file.destination), {})[item.vm_id] = (file.destination, item.vm_name)
        #: VM -> (path, the other VM's Id, its name)
        self._shared: dict[str, list[tuple[str, str, str]]] = {}
        for writers in by_path.values():
            if len(writers) > 1:
                for vm_id, (path, _) in writers.items():
                    others = ((path, other, name) for other, (_, name) in writers.items() if other != vm_id)
                    self._shared.setdefault(vm_id, []).extend(others)

    def other(self, vm_id: str, destination: str) -> tuple[str, str] | None:
        """(path, name of another VM that may go to this destination and would write it too), the first of them."""
        for path, other, name in self._shared.get(vm_id, ()):
            if destination in self._to[other]:
                return path, name
        return None
