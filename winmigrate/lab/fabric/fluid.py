"""Bytes on their way: flows that share network cards and volumes fairly (max-min), on the fabric's clock.

A resource is a key: ("out", host), ("in", host), ("read", host, letter), ("write", host, letter), where host is the
fabric's key. What a resource carries in all is given by ``capacity`` (bytes a second) and may change between flows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias

from winmigrate.lab.fabric.clock import FabricClock, Timer

Resource: TypeAlias = tuple[str, ...]
#: Bytes that count as none: rates are floats.
DUST = 1e-3


@dataclass(slots=True, eq=False)
class Flow:
    """``size`` bytes over ``resources``; ``done(at)`` is called when the last one has passed."""

    size: float
    remaining: float
    resources: tuple[Resource, ...]
    done: Callable[[float], None]
    started: float
    rate: float = 0.0
    held: bool = False

    @property
    def share(self) -> float:
        """How much has passed, 0 to 1."""
        return 1.0 if self.size <= 0 else 1.0 - self.remaining / self.size


def fair_rates(routes: Sequence[Sequence[Resource]], capacity: Callable[[Resource], float]) -> list[float]:
    """The max-min fair rate of each route: nobody can get more but at the cost of one who has no more."""
    rates = [0.0] * len(routes)
    open_routes = set(range(len(routes)))
    left = {resource: capacity(resource) for route in routes for resource in route}
    while open_routes:
        crowd: dict[Resource, list[int]] = {}
        for index in sorted(open_routes):
            for resource in routes[index]:
                crowd.setdefault(resource, []).append(index)
        if not crowd:
            for index in open_routes:
                rates[index] = float("inf")
            break
        tightest = min(crowd, key=lambda resource: left[resource] / len(crowd[resource]))
        rate = left[tightest] / len(crowd[tightest])
        for index in crowd[tightest]:
            rates[index] = rate
            open_routes.discard(index)
            for resource in routes[index]:
                left[resource] = max(0.0, left[resource] - rate)
    return rates


class Links:
    """All flows of a fabric. Callers hold the world's lock; ``lock`` is taken by the clock's events."""

    def __init__(self, clock: FabricClock, capacity: Callable[[Resource], float],
                 lock: AbstractContextManager[bool]) -> None:
        self._clock = clock
        self._capacity = capacity
        self._lock = lock
        self._flows: list[Flow] = []
        self._settled = clock.monotonic()
        self._timer: Timer | None = None

    def start(self, at: float, size: float, resources: Sequence[Resource], done: Callable[[float], None]) -> Flow:
        """Begins a flow at the time ``at``."""
        self._settle(at)
        flow = Flow(size, size, tuple(resources), done, at)
        self._flows.append(flow)
        self._share(at)
        return flow

    def stop(self, at: float, flow: Flow) -> None:
        """Ends a flow early; its ``done`` is not called."""
        self._settle(at)
        if flow in self._flows:
            self._flows.remove(flow)
        self._share(at)

    def hold(self, at: float, flow: Flow, held: bool) -> None:
        """Lets a flow stand still (``held``), or go on; what it had is the others' meanwhile."""
        self._settle(at)
        flow.held = held
        self._share(at)

    def settle(self, at: float) -> None:
        """Brings every flow's ``remaining`` up to the time ``at``."""
        self._settle(at)

    def reshare(self, at: float) -> None:
        """After a change of capacity."""
        self._settle(at)
        self._share(at)

    def _settle(self, at: float) -> None:
        passed = at - self._settled
        if passed > 0:
            for flow in self._flows:
                flow.remaining = max(0.0, flow.remaining - flow.rate * passed)
            self._settled = at

    def _share(self, at: float) -> None:
        at = max(at, self._settled)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        going = [flow for flow in self._flows if not flow.held]
        for flow in self._flows:
            flow.rate = 0.0
        for flow, rate in zip(going, fair_rates([flow.resources for flow in going], self._capacity), strict=True):
            flow.rate = rate
        ends = [at + (flow.remaining / flow.rate if flow.remaining > DUST else 0.0)
                for flow in going if flow.rate > 0 or flow.remaining <= DUST]
        if ends:
            self._timer = self._clock.at(min(ends), self._arrive)

    def _arrive(self, at: float) -> None:
        with self._lock:
            self._settle(at)
            arrived = [flow for flow in self._flows if not flow.held and (
                       flow.remaining <= DUST or (flow.rate > 0 and flow.remaining / flow.rate < 1e-9))]
            self._flows = [flow for flow in self._flows if flow not in arrived]
            self._share(at)
            for flow in arrived:
                flow.remaining = 0.0
                flow.done(at)

    def capacity(self, resource: Resource) -> float:
        """What a resource carries in all, bytes a second."""
        return self._capacity(resource)
