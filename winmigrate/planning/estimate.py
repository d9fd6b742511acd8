"""How long a move may take, as a range: before anything was measured on this pair of hosts.

Model: a fixed cost, the files over the storage rate, the memory over the memory rate. The low end takes a 10 Gbit/s
link with fast disks, the high end one of 1 Gbit/s and a guest that keeps writing (memory goes over twice).
"""

from __future__ import annotations

MIB = 1024**2

#: Seconds that every move costs: connection, compatibility check, planned VM, hand-over, clean-up.
FIXED = (5.0, 30.0)
#: Bytes a second that disks go over: (fast, slow).
STORAGE_RATE = (600 * MIB, 90 * MIB)
#: Bytes a second that memory goes over: (fast, slow).
MEMORY_RATE = (900 * MIB, 100 * MIB)
#: How often memory goes over: (once, with dirty pages sent again).
PASSES = (1.0, 2.0)


def seconds_for(storage: int, memory: int) -> tuple[float, float]:
    """(low, high) seconds for so many bytes of files and of assigned memory."""
    low = FIXED[0] + storage / STORAGE_RATE[0] + PASSES[0] * memory / MEMORY_RATE[0]
    high = FIXED[1] + storage / STORAGE_RATE[1] + PASSES[1] * memory / MEMORY_RATE[1]
    return round(low, 1), round(high, 1)
