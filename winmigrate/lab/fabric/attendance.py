"""Who works and who waits on a clock, and for when: what it must know before time may leap. All under its lock."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

#: Real seconds of stillness asked for when more Receives are parked than clients can have (some client has died).
GRACE = 0.05
#: Real seconds of stillness asked for when the Receives that would make up the number may be those of a lost client.
DOUBT = 0.5


@dataclass(slots=True, order=True)
class Timer:
    """An event of the world. ``action`` gets the time it was set for."""

    when: float
    sequence: int
    action: Callable[[float], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(slots=True, eq=False)
class Sleeper:
    """A thread that waits within the server; ``works`` and ``parked``: what it is counted as."""

    deadline: float | None
    ready: Callable[[], bool] | None
    works: bool
    parked: bool
    sequence: int
    alive: Callable[[], bool] | None = None
    doubtful: bool = False
    event: threading.Event = field(default_factory=threading.Event)
    result: bool = False


@dataclass(slots=True, eq=False)
class Participant:
    """A client's thread. ``wake`` is called under the clock's lock."""

    number: int
    name: str
    wake: Callable[[float], None]
    waiting: bool = False
    until: float | None = None
    sequence: int = 0


@dataclass(slots=True)
class Attendance:
    """``busy``: what works; ``parked``: clients behind a Receive; ``waiting``: participants that wait; ``firing``: an
    event happens."""

    timers: list[Timer] = field(default_factory=list)
    sleepers: dict[int, Sleeper] = field(default_factory=dict)
    participants: dict[int, Participant] = field(default_factory=dict)
    busy: int = 0
    parked: int = 0
    waiting: int = 0
    firing: bool = False

    def next(self) -> float | None:
        """The earliest time for which anything is set or anybody waits."""
        while self.timers and self.timers[0].cancelled:
            heapq.heappop(self.timers)
        times = [sleeper.deadline for sleeper in self.sleepers.values() if sleeper.deadline is not None]
        times += [p.until for p in self.participants.values() if p.waiting and p.until is not None]
        if self.timers:
            times.append(self.timers[0].when)
        return min(times, default=None)

    def due(self, now: float) -> list[Sleeper | Participant]:
        """Whose time has come, in the order in which they are woken."""
        due: list[tuple[float, int, Sleeper | Participant]] = [
            (s.deadline, s.sequence, s) for s in self.sleepers.values() if s.deadline is not None and s.deadline <= now
        ]
        due += [
            (p.until, p.sequence, p)
            for p in self.participants.values()
            if p.waiting and p.until is not None and p.until <= now
        ]
        return [waiter for _, _, waiter in sorted(due, key=lambda row: row[:2])]

    def is_still(self) -> bool:
        """Does nobody work?"""
        return self.busy == 0 and not self.firing and self.waiting + self.parked >= len(self.participants)

    def doubt(self) -> None:
        """A client is gone without a word: any Receive that cannot tell whether its client lives may be its own."""
        for sleeper in self.sleepers.values():
            sleeper.doubtful = sleeper.parked and sleeper.alive is None

    def bury(self) -> None:
        """Those who wait for a client that is gone stand for nobody any more."""
        for sleeper in self.sleepers.values():
            if sleeper.parked and sleeper.alive is not None and not sleeper.alive():
                sleeper.parked = False
                self.parked -= 1

    def stillness(self) -> float:
        """How long nothing may stir before the number of those who wait is believed; real seconds."""
        wanted = len(self.participants)
        if not wanted:
            return 0.0
        waiting = self.waiting + self.parked
        doubtful = sum(sleeper.parked and sleeper.doubtful for sleeper in self.sleepers.values())
        if waiting - doubtful < wanted:
            return DOUBT
        return GRACE if waiting > wanted else 0.0
