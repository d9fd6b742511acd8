"""What is kept free at a destination: the inventory's word, else the larger of a fixed amount and a share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from winmigrate.inventory import Inventory

GIB = 1024**3

#: Kept free at a destination where the inventory says nothing: the larger of both (docs/interface.md, section 4).
MEMORY_RESERVE = (8 * GIB, 0.10)
DISK_RESERVE = (50 * GIB, 0.15)


def memory_reserve(total: int) -> int:
    """Bytes of memory kept free on a host with ``total`` bytes."""
    return max(MEMORY_RESERVE[0], int(total * MEMORY_RESERVE[1]))


def disk_reserve(total: int) -> int:
    """Bytes kept free on a volume of ``total`` bytes."""
    return max(DISK_RESERVE[0], int(total * DISK_RESERVE[1]))


def memory_kept(inventory: Inventory, host: str, total: int) -> int:
    """Bytes of memory kept free on a host of the inventory."""
    entry = inventory.hosts.get(host)
    wished = None if entry is None else entry.reserve.memory
    return memory_reserve(total) if wished is None else wished


def disk_kept(inventory: Inventory, host: str, letter: str, total: int) -> int:
    """Bytes kept free on a volume (by its drive letter) of a host of the inventory."""
    entry = inventory.hosts.get(host)
    wished = {} if entry is None else entry.reserve.disks
    return wished.get(letter.upper(), disk_reserve(total))
