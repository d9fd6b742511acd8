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
    """Seconds that the schedule takes if the estimates hold: busiest host first, longest first, no barriers.

    Infinite where steps wait for something that is not in the plan.
    """
    return _Simulation(steps, limits, run_limit).run()


#: Where a group of steps stands among the others: what sorts first starts first.
_Rank = tuple[int, float, float, int]


class _Simulation:
    """The schedule, event by event.

    Steps of one priority between the same two hosts are a group, longest first; only the first of a group can be next.
    Groups wait in a heap, or, while one of their hosts has no slot, with that host. A host's load only falls, so a
    group's rank only falls too: one that comes to the top with an old rank is put back with the true one. So the time
    is near linear in the steps, which a sort of all of them at each event is not.
    """

    def __init__(self, steps: Sequence[Step], limits: Mapping[str, HostLimits], run_limit: int) -> None:
        self._free = {host: _slots(limits[host]) for step in steps for host in _ends(step)}
        self._slots = dict(self._free)
        self._run_limit = run_limit
        self._load = dict.fromkeys(self._free, 0.0)
        self._left = len(steps)
        self._groups: dict[tuple[int, str, str], list[tuple[float, int, Step]]] = {}
        self._heap: list[tuple[_Rank, tuple[int, str, str]]] = []
        self._parked: dict[str, set[tuple[int, str, str]]] = {host: set() for host in self._free}
        self._missing: dict[str, set[str]] = {}
        self._followers: dict[str, list[tuple[int, Step]]] = {}
        self._running: list[tuple[float, str]] = []
        self._steps = {step.id: step for step in steps}
        for index, step in enumerate(steps):
            for host in _ends(step):
                self._load[host] += step.estimate / self._slots[host]
            if step.after:
                self._missing[step.id] = set(step.after)
                for before in step.after:
                    self._followers.setdefault(before, []).append((index, step))
        for index, step in enumerate(steps):
            if not step.after:
                self._ready(index, step)

    def run(self) -> float:
        now = 0.0
        while self._left or self._running:
            self._start(now)
            if not self._running:
                return float("inf")
            now, ended = heapq.heappop(self._running)
            self._end(self._steps[ended])
        return now

    def _ready(self, index: int, step: Step) -> None:
        key = (-step.priority, *_ends(step))
        group = self._groups.setdefault(key, [])
        heapq.heappush(group, (-step.estimate, index, step))
        heapq.heappush(self._heap, (self._rank(key), key))

    def _rank(self, key: tuple[int, str, str]) -> _Rank:
        longest, index, _ = self._groups[key][0]
        return key[0], -max(self._load[key[1]], self._load[key[2]]), longest, index

    def _start(self, now: float) -> None:
        """Starts what can start. Loads fall when all that starts at this moment has started."""
        started: list[Step] = []
        while self._heap and len(self._running) < self._run_limit:
            rank, key = heapq.heappop(self._heap)
            if not self._groups[key]:
                continue
            full = next((host for host in key[1:] if not self._free[host]), None)
            if full is not None:
                self._parked[full].add(key)
                continue
            true = self._rank(key)
            if rank < true:
                heapq.heappush(self._heap, (true, key))
                continue
            step = heapq.heappop(self._groups[key])[2]
            started.append(step)
            for host in _ends(step):
                self._free[host] -= 1
            heapq.heappush(self._running, (now + step.estimate, step.id))
            if self._groups[key]:
                heapq.heappush(self._heap, (self._rank(key), key))
        for step in started:
            self._left -= 1
            for host in _ends(step):
                self._load[host] -= step.estimate / self._slots[host]

    def _end(self, step: Step) -> None:
        for host in _ends(step):
            self._free[host] += 1
            for key in self._parked[host]:
                if self._groups[key]:
                    heapq.heappush(self._heap, (self._rank(key), key))
            self._parked[host].clear()
        for index, follower in self._followers.get(step.id, ()):
            self._missing[follower.id].discard(step.id)
            if not self._missing[follower.id]:
                self._ready(index, follower)


def _ends(step: Step) -> tuple[str, str]:
    return step.move.source, step.move.destination


def _slots(limits: HostLimits) -> int:
    """A live move with storage takes one of each."""
    return max(1, min(limits.live, limits.storage))
