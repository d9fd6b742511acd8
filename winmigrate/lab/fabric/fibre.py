"""Fibre Channel: which port names see storage where.

A machine's adapter logs in by its own port name: where the fabric has zones, that name must be in one of them with
another, the storage's. During a live migration both sets are logged in: the active one at the source, the other one at
the destination; afterwards they have changed places.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.fabric import failures
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.host import Host, San
from winmigrate.lab.fabric.world import VM, World

_UNSPECIFIED = 0x80004005


@dataclass(frozen=True, slots=True)
class Zone:
    """Port names that see each other. ``fabric`` None: on any switches."""

    name: str
    members: frozenset[str]
    fabric: str | None = None


def zones_of(given: Mapping[str, Mapping[str, Any]]) -> list[Zone] | None:
    """The zones of a fabric file; None where it has none."""
    return [Zone(name, frozenset(one["members"]), one.get("fabric")) for name, one in given.items()] or None


def san_of(host: str, given: Mapping[str, Any], index: int) -> San:
    """A virtual SAN of a fabric file; with one adapter of the host where it names none."""
    ports = [(one["node"], one["port"]) for one in given.get("ports") or ()]
    if not ports:
        digits = uuid.uuid5(uuid.UUID(int=0), f"{host}/san/{index}").hex[:10].upper()
        ports = [(f"200000{digits}", f"210000{digits}")]
    return San(given["name"], given.get("note") or "", ports, given.get("fabric"))


def sees_storage(world: World, san: San, port: str) -> bool:
    """Does that port name see another one behind the SAN?"""
    if world.zones is None:
        return bool(port)
    return any(port in zone.members and len(zone.members) > 1
               and (zone.fabric is None or san.fabric is None or zone.fabric == san.fabric) for zone in world.zones)


def refusal(world: World, vm: VM, destination: Host) -> MigrationFailure | None:
    """Why a running machine's adapters find no storage at the destination; None where they do. Its comparison does not
    show it: nothing logs in then.
    """
    for hba in vm.fibre_channel if vm.running else ():
        san = destination.san(hba.san_name)
        if san is not None and not sees_storage(world, san, hba.next_port):
            words = failures.lun_unseen(vm, hba.name)
            return failures.not_opened(vm, destination, words, _UNSPECIFIED, "lun-unseen")
    return None


def start_refusal(world: World, vm: VM, host: Host) -> MigrationFailure | None:
    """Why a machine does not start for its adapters."""
    for hba in vm.fibre_channel:
        san = host.san(hba.san_name)
        if san is None or not sees_storage(world, san, hba.active_port):
            words = failures.lun_unseen(vm, hba.name)
            return failures.not_started(vm, words, _UNSPECIFIED, "lun-unseen")
    return None
