"""The phases of a live migration, and what percentage its job shows in each. Ours: no page maps phases to percent."""

from __future__ import annotations

PHASES = ("negotiate", "storage", "mirror", "memory", "blackout", "cleanup")
#: Percent at which a phase begins, with storage and without.
_BEGINS = {
    True: {"negotiate": 0, "storage": 5, "mirror": 75, "memory": 78, "blackout": 98, "cleanup": 99},
    False: {"negotiate": 0, "storage": 5, "mirror": 5, "memory": 5, "blackout": 97, "cleanup": 99},
}


def percent_in(phase: str, share: float, *, storage: bool) -> int:
    """The percentage when ``share`` (0 to 1) of that phase is done; 99 at most, which is not yet the end."""
    begins = _BEGINS[storage]
    order = [*(begins[each] for each in PHASES), 99]
    low, high = order[PHASES.index(phase) :][:2]
    return min(99, int(low + (high - low) * share))
