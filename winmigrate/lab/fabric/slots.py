"""How many moves a host takes part in at once: as many as it says, or as its cluster says (2022 and later)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from winmigrate.lab.fabric import failures
from winmigrate.lab.fabric.cluster import cluster_of, limit_of
from winmigrate.lab.fabric.failures import MigrationFailure

if TYPE_CHECKING:
    from winmigrate.lab.fabric.moves import Move


def refusal(move: Move) -> MigrationFailure | None:
    """Why the move may not begin now, or None: a host or its cluster has no slot left."""
    others = [other for other in move.world.moves.values() if not other.over and other is not move]
    for side, host in (("source", move.source), ("destination", move.destination)):
        here = [other for other in others if host in (other.source, other.destination)]
        cluster = cluster_of(move.world, host)
        limit = limit_of(cluster, host) if cluster is not None else host.migration.limit
        if len(here) >= limit:
            return failures.limit_reached(move.vm, side, host, limit)
        if move.settings.moves_storage:
            copying = [other for other in here if other.settings.moves_storage]
            if len(copying) >= host.migration.storage_limit:
                return failures.storage_limit_reached(move.vm, side, host, host.migration.storage_limit)
    return None
