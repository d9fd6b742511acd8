"""What a host has room for: memory and volumes, with what is kept free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from winmigrate.checks.reserves import GIB, disk_reserve, memory_reserve

__all__ = [
    "GIB",
    "HostRooms",
    "Option",
    "Placement",
    "Refused",
    "Room",
    "Wish",
    "disk_reserve",
    "memory_reserve",
]


@dataclass(frozen=True, slots=True)
class Room:
    """So much there is of one thing, so much is free, so much is to stay free: bytes."""

    total: int
    free: int
    reserve: int

    def less(self, amount: int) -> Room:
        """After ``amount`` bytes were taken."""
        return replace(self, free=self.free - amount)

    @property
    def headroom(self) -> float:
        """The share of the whole that is free beyond the reserve; negative below it."""
        return (self.free - self.reserve) / self.total if self.total else -1.0


@dataclass(frozen=True, slots=True)
class HostRooms:
    """A destination: memory and volumes ("E:"). ``system`` is the volume of Windows: nothing is placed there."""

    host: str
    memory: Room
    volumes: Mapping[str, Room]
    system: str = "C:"

    def less(self, memory: int, disks: Mapping[str, int]) -> HostRooms:
        """After an arrival."""
        volumes = dict(self.volumes)
        for volume, amount in disks.items():
            if volume in volumes:
                volumes[volume] = volumes[volume].less(amount)
        return replace(self, memory=self.memory.less(memory), volumes=volumes)


@dataclass(frozen=True, slots=True)
class Option:
    """A destination that a VM may go to, and what it would take there: bytes of memory, bytes by volume."""

    destination: str
    memory: int
    disks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """A VM and where it may go. ``blocked``: reasons, one a destination, of those it may not."""

    vm_id: str
    vm_name: str
    source: str
    options: tuple[Option, ...]
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a VM goes and why there; ``option`` is what it takes."""

    wish: Wish
    option: Option
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A VM that goes nowhere, and why: one reason a destination."""

    wish: Wish
    reasons: tuple[str, ...]
