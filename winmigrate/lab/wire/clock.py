"""How the wire waits: the seam between the servers and whatever clock the fabric keeps.

Every thread of the wire that lets time pass does so in :meth:`WireClock.wait`, so that a clock that leaps knows when
nothing is left to do. Everything else a request does happens inside :meth:`WireClock.working`.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class WireClock(Protocol):
    """The fabric's clock, as the wire uses it. Times are seconds of :meth:`monotonic`."""

    def monotonic(self) -> float: ...

    def wait(self, deadline: float | None, ready: Callable[[], bool] | None) -> bool:
        """Blocks until ``ready()`` is true or ``deadline`` has come; returns the last ``ready()``.

        ``ready`` takes no locks and may be called from any thread, also while the clock holds its own lock.
        Within :meth:`working` the thread does not count as working while it waits.
        """

    def changed(self) -> None:
        """Something that a ``ready()`` looks at has changed: look again. Called from any thread, with no lock held."""

    def at(self, when: float, action: Callable[[float], None]) -> object:
        """Lets ``action(when)`` happen once at that time (at once if it is past), on any thread, with no lock held."""

    def parked(self) -> AbstractContextManager[None]:
        """Around the wait of a Receive: a client sits at the other end and waits for what this host will say."""

    def working(self) -> AbstractContextManager[None]:
        """Around the work on a request, and around a running pipeline: time does not leap meanwhile."""


def _never() -> bool:
    return False


class RealClock:
    """The machine's clock; used where no fabric stands behind the wire."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sleepers: dict[threading.Event, Callable[[], bool]] = {}
        self._timed = threading.Condition()
        self._actions: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = itertools.count()
        self._timer: threading.Thread | None = None

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, deadline: float | None, ready: Callable[[], bool] | None) -> bool:
        look = ready if ready is not None else _never
        woken = threading.Event()
        with self._lock:
            if look():
                return True
            self._sleepers[woken] = look
        try:
            woken.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        finally:
            with self._lock:
                del self._sleepers[woken]
        return woken.is_set() or look()

    def changed(self) -> None:
        with self._lock:
            for woken, look in self._sleepers.items():
                if look():
                    woken.set()

    def at(self, when: float, action: Callable[[float], None]) -> None:
        with self._timed:
            heapq.heappush(self._actions, (when, next(self._numbers), action))
            if self._timer is None:
                self._timer = threading.Thread(target=self._run_actions, name="timed actions", daemon=True)
                self._timer.start()
            self._timed.notify()

    def _run_actions(self) -> None:
        while True:
            with self._timed:
                while not self._actions or self._actions[0][0] > time.monotonic():
                    self._timed.wait(max(0.0, self._actions[0][0] - time.monotonic()) if self._actions else None)
                when, _, action = heapq.heappop(self._actions)
            action(when)

    @contextmanager
    def parked(self) -> Iterator[None]:
        yield

    @contextmanager
    def working(self) -> Iterator[None]:
        yield
