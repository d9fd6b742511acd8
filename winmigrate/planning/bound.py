"""How long a plan must take at least, and how long ours will: both from the steps' estimates and the slots."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from winmigrate.planning.plan import HostLimits, Step


def lower_bound(steps: Sequence[Step], limits: Mapping[str, HostLimits]) -> float:
    """Seconds: no schedule is shorter than the busiest host's work over its slots, or the longest step."""
    work: dict[str, float] = {}
    for step in steps:
        for host in (step.move.source, step.move.destination):
            work[host] = work.get(host, 0.0) + step.estimate
    per_host = (total / _slots(limits[host]) for host, total in work.items())
    return max([*per_host, *(step.estimate for step in steps)], default=0.0)


def makespan(steps: Sequence[Step], limits: Mapping[str, HostLimits], run_limit: int) -> float:
    """Seconds that the schedule takes if the estimates hold: busiest host first, longest first, no barriers."""
    left = {step.id: step for step in steps}
    taken: dict[str, int] = {}
    running: list[tuple[float, str]] = []
    done: set[str] = set()
    now = 0.0
    while left or running:
        for step in _order(list(left.values()), limits):
            hosts = (step.move.source, step.move.destination)
            if len(running) >= run_limit or not set(step.after) <= done:
                continue
            if any(taken.get(host, 0) >= _slots(limits[host]) for host in hosts):
                continue
            for host in hosts:
                taken[host] = taken.get(host, 0) + 1
            heapq.heappush(running, (now + step.estimate, step.id))
            del left[step.id]
        if not running:
            return float("inf")  # what is left waits for something that is not in the plan
        now, ended = heapq.heappop(running)
        done.add(ended)
        for step in steps:
            if step.id == ended:
                for host in (step.move.source, step.move.destination):
                    taken[host] -= 1
    return now


def _order(steps: list[Step], limits: Mapping[str, HostLimits]) -> list[Step]:
    load: dict[str, float] = {}
    for step in steps:
        for host in (step.move.source, step.move.destination):
            load[host] = load.get(host, 0.0) + step.estimate / _slots(limits[host])
    return sorted(
        steps,
        key=lambda step: (-step.priority, -max(load[step.move.source], load[step.move.destination]), -step.estimate),
    )


def _slots(limits: HostLimits) -> int:
    """A live move with storage takes one of each."""
    return max(1, min(limits.live, limits.storage))
