"""Kinds of moves behind one Protocol: what they send, how they are followed, how they are verified."""

from __future__ import annotations

from typing import Protocol

from winmigrate.kinds.move import FileMove, Move
from winmigrate.kinds.shared_nothing import SharedNothing
from winmigrate.request import Credential, Request

__all__ = ["FileMove", "Kind", "Move", "kind_of"]


class Kind(Protocol):
    """A kind of move. ``slots``: (live, storage) slots that one move takes at both ends. ``version``: the source's."""

    name: str
    slots: tuple[int, int]
    phases: tuple[str, ...]

    def rehearsal(self, move: Move, version: str, credential: Credential | None) -> Request:
        """Compare-VM for this move; its rows are windows.migration.Incompatibility. Leaves a planned VM behind."""

    def clean_up(self, move: Move) -> Request:
        """What the rehearsal left at the destination is taken away (sent to the destination)."""

    def start(self, move: Move, version: str, credential: Credential | None) -> Request:
        """The move itself (sent to the source)."""

    def cancel(self, instance_id: str) -> Request:
        """Asks the host to end a migration job (sent to the source)."""

    def phase(self, status: str, percent: int | None) -> str:
        """The phase (one of ``phases``) by the VM's operational status at the source and the job's percentage."""


def kind_of(name: str) -> Kind:
    """The kind of that name. Raises KeyError."""
    return _KINDS[name]


_KINDS: dict[str, Kind] = {"shared-nothing": SharedNothing()}
