"""The nouns of what could be: a VM and each destination the playbook allows it."""

from __future__ import annotations

from dataclasses import dataclass, field

from winmigrate.playbook.types import StorageWish
from winmigrate.survey.nouns import pair_key


@dataclass(frozen=True, slots=True)
class Candidate:
    """A VM and one destination it may go to.

    ``migration``: index in the playbook; ``place``: "file:line:column"; ``storage``: the playbook's wish, ``{vm}``
    not yet filled in. For kind storage, source and destination are the same host.
    """

    vm_id: str
    vm_name: str
    state: str
    source: str
    destination: str
    migration: int = 0
    place: str = ""
    storage: StorageWish = field(default_factory=StorageWish)

    @property
    def key(self) -> str:
        """Unique in one set of candidates."""
        return f"{self.vm_id}:{pair_key(self.source, self.destination)}"


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A selection of the playbook that found nothing, or too much. ``reason`` is a clause."""

    selection: str
    reason: str
    migration: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """A VM that is already on a host its migration allows: there is nothing to do."""

    vm_id: str
    vm_name: str
    host: str
    migration: int = 0
    place: str = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What could be: every VM with every destination the playbook allows, in the order of the playbook."""

    candidates: tuple[Candidate, ...]
    unmatched: tuple[Unmatched, ...] = ()
    settled: tuple[Settled, ...] = ()

    def vms(self) -> tuple[str, ...]:
        """The Ids of the VMs concerned, each once."""
        return tuple(dict.fromkeys(candidate.vm_id for candidate in self.candidates))

    def of(self, vm_id: str) -> tuple[Candidate, ...]:
        """A VM's candidates."""
        return tuple(candidate for candidate in self.candidates if candidate.vm_id == vm_id.lower())

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(source, destination), each once."""
        return tuple(dict.fromkeys((candidate.source, candidate.destination) for candidate in self.candidates))
