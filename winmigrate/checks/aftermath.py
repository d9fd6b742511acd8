"""What is known after a move, for the requirements that only then can be settled."""

from __future__ import annotations

from dataclasses import dataclass

from winmigrate.facts import Unreadable
from winmigrate.survey.fingerprint import Change
from winmigrate.windows.vm import VM, Adapter


@dataclass(frozen=True, slots=True)
class Aftermath:
    """One VM after its move, by both hosts' word.

    ``planned_state``: the state it was planned to have. ``source_vm``: None if the source no longer knows it.
    ``switches``: old name -> the name its adapters should be on now. ``blackout``: seconds, None if no event tells.
    ``leftovers``: files of the VM that still lie on the source, paths as Windows writes them.
    """

    vm_id: str
    vm_name: str
    source: str
    destination: str
    planned_state: str
    source_vm: bool | Unreadable
    destination_vm: VM | Unreadable | None
    adapters: tuple[Adapter, ...] | Unreadable
    switches: dict[str, str]
    changes: tuple[Change, ...] | Unreadable
    blackout: float | Unreadable | None
    leftovers: tuple[str, ...] | Unreadable
