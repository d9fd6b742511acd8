"""Placement: choose a destination for each VM, with reasons. Pure.

Laws:
- A VM goes only where nothing blocks it, and only where memory and every volume keep their reserve after all that was
  placed there before it.
- Among several destinations the one with the most headroom left wins; the headroom of a host is that of its scarcest
  thing. Ties go to the order in the playbook.
- The largest come first, since what is large fits in fewer places; a VM with one destination comes before those that
  have a choice.
- A VM that goes nowhere says why, for each destination. Nothing is ever placed on the system volume.
- What leaves a host is not counted as free there: it may fail to leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from winmigrate.placement.rooms import (
    GIB,
    HostRooms,
    Option,
    Placement,
    Refused,
    Room,
    Wish,
    disk_reserve,
    memory_reserve,
)

__all__ = [
    "HostRooms",
    "Option",
    "Placement",
    "Refused",
    "Room",
    "Wish",
    "disk_reserve",
    "memory_reserve",
    "place",
]


def place(
    wishes: Iterable[Wish], rooms: Mapping[str, HostRooms]
) -> tuple[tuple[Placement, ...], tuple[Refused, ...], dict[str, HostRooms]]:
    """Placements and refusals, each in the order of ``wishes``, and what is left of the rooms."""
    left = dict(rooms)
    order = list(wishes)
    placed: dict[int, Placement] = {}
    refused: dict[int, Refused] = {}
    for index in sorted(range(len(order)), key=lambda item: (_freedom(order[item]), -_bulk(order[item]), item)):
        wish = order[index]
        found = _best(wish, left)
        if isinstance(found, Placement):
            placed[index] = found
            host = found.option.destination
            left[host] = left[host].less(found.option.memory, found.option.disks)
        else:
            refused[index] = found
    return (
        tuple(placed[index] for index in sorted(placed)),
        tuple(refused[index] for index in sorted(refused)),
        left,
    )


def _freedom(wish: Wish) -> int:
    return min(len(wish.options), 2)


def _bulk(wish: Wish) -> int:
    return max((option.memory + sum(option.disks.values()) for option in wish.options), default=0)


def _best(wish: Wish, rooms: Mapping[str, HostRooms]) -> Placement | Refused:
    fitting: list[tuple[float, int, Option]] = []
    reasons = list(wish.blocked)
    headroom: dict[str, float] = {}
    for order, option in enumerate(wish.options):
        host = rooms.get(option.destination)
        if host is None:
            reasons.append(f"{option.destination}: what it has room for is not known")
            continue
        short = _shortage(option, host)
        if short:
            reasons.append(f"{option.destination}: {short}")
            continue
        share = _headroom(option, host)
        headroom[option.destination] = share
        fitting.append((-share, order, option))
    if not fitting:
        return Refused(wish, tuple(reasons) or ("the playbook names no destination for it",))
    option = min(fitting, key=lambda item: item[:2])[2]
    return Placement(wish, option, _why(option, headroom, reasons))


def _shortage(option: Option, host: HostRooms) -> str:
    after = host.less(option.memory, option.disks)
    if after.memory.free < after.memory.reserve:
        return (
            f"needs {_gib(option.memory)} of memory, {_gib(host.memory.free)} are free there with all that is planned, "
            f"and {_gib(host.memory.reserve)} stay free"
        )
    for volume, amount in option.disks.items():
        if volume.upper() == host.system.upper():
            return f"{volume} is the system volume, nothing is placed there"
        room = host.volumes.get(volume)
        if room is None:
            return f"there is no volume {volume}"
        if room.free - amount < room.reserve:
            return (
                f"needs {_gib(amount)} on {volume}, {_gib(room.free)} are free there with all that is planned, "
                f"and {_gib(room.reserve)} stay free"
            )
    return ""


def _headroom(option: Option, host: HostRooms) -> float:
    after = host.less(option.memory, option.disks)
    shares = [after.memory.headroom, *(after.volumes[volume].headroom for volume in option.disks)]
    return min(shares)


def _why(option: Option, headroom: Mapping[str, float], reasons: list[str]) -> tuple[str, ...]:
    mine = headroom[option.destination]
    others = [f"{host} {share:.0%}" for host, share in headroom.items() if host != option.destination]
    if others:
        return (f"most headroom: {mine:.0%} left, {', '.join(others)}",)
    if reasons:
        return ("the only destination left", *reasons)
    return ("the only destination",)


def _gib(amount: int) -> str:
    return f"{amount / GIB:.0f} GiB" if amount >= 10 * GIB or amount % GIB == 0 else f"{amount / GIB:.1f} GiB"
