"""Figures with their targets, as they are printed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. ``target`` None: there is none, it is told for its own sake.

    ``better`` is "at most" or "at least": which side of the target is the good one.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    better: str = "at most"

    @property
    def reached(self) -> bool:
        if self.target is None:
            return True
        return self.value <= self.target if self.better == "at most" else self.value >= self.target

    def __str__(self) -> str:
        line = f"  {self.name:62} {shown(self.value):>9} {self.unit}"
        if self.target is None:
            return line
        verdict = "reached" if self.reached else "NOT REACHED"
        return f"{line:88}{self.better} {shown(self.target)}: {verdict}"


def shown(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def say(text: str) -> None:
    """A line between the figures, at once."""
    print(text, flush=True)


def show(figures: Sequence[Figure]) -> None:
    for figure in figures:
        say(str(figure))


def load() -> str:
    """How busy this machine is: its load average of the last minute over its processors."""
    processors = os.cpu_count() or 1
    now = os.getloadavg()[0]
    busy = "" if now < 0.6 * processors else "; others work on it: the times below are longer than on an idle one"
    return f"load average {now:.1f} on {processors} processors{busy}"


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median_of(times: int, work: Callable[[], object]) -> float:
    """The median of several timed calls."""
    return median(timed(work) for _ in range(times))
