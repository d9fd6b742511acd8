"""How many moves a host takes part in at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from winmigrate.lab.fabric import failures
from winmigrate.lab.fabric.failures import MigrationFailure

if TYPE_CHECKING:
    from winmigrate.lab.fabric.moves import Move


def refusal(move: Move) -> MigrationFailure | None:
    """Why the move may not begin now, or None: a host of its own has no slot left."""
    others = [other for other in move.world.moves.values() if not other.over and other is not move]
    for side, host in (("source", move.source), ("destination", move.destination)):
        here = [other for other in others if host in (other.source, other.destination)]
        if len(here) >= host.migration.limit:
            return failures.limit_reached(move.vm, side, host, host.migration.limit)
        if move.settings.moves_storage:
            copying = [other for other in here if other.settings.moves_storage]
            if len(copying) >= host.migration.storage_limit:
                return failures.storage_limit_reached(move.vm, side, host, host.migration.storage_limit)
    return None
