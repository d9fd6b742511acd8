"""The cyclic garbage collector, held while very many objects without cycles are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Findings and plans of 10,000 VMs are millions of objects that refer to no later one: the collector would walk
    through all of them again and again, for a quarter of the time, and find nothing. What it did before, it does after.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
