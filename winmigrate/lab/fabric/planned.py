"""Planned VMs: what a move, or one that broke off, keeps at its destination."""

from __future__ import annotations

from typing import Any

from winmigrate.lab.fabric import failures
from winmigrate.lab.fabric.world import VM, Host, World


def destroy_planned(world: World, host: Host, vm_id: Any) -> bool:
    """DestroySystem of a planned VM, with the files that were made for it. False if there is none.

    Raises MigrationFailure while a move to that host is on its way.
    """
    planned: VM | None = host.planned.get(vm_id)
    if planned is None:
        return False
    for move in world.moves.values():
        if not move.over and move.destination is host and move.vm.id == vm_id and move.phase != "negotiate":
            raise failures.in_its_state(planned)
    del host.planned[vm_id]
    start = planned.guid.lower()
    for entry in host.files:
        if entry.partial and entry.path.lower().rpartition("\\")[2].startswith(start):
            host.files.remove(entry.path)
    return True
