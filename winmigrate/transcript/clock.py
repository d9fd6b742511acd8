"""The clock of a transcript: it begins when the recording began, and time passes only where everybody waits for it.

Implements request.Clock in one process. Every thread that :meth:`PlayedClock.start` made, and the one that made the
clock, is a participant: time leaps to the earliest wait when all of them wait. Another one takes part while it waits.
The clock ends with the replay: once something was asked that is not recorded, every wait says so.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from winmigrate.errors import TranscriptError, UsageError


@dataclass(slots=True, eq=False)
class _Waiter:
    until: float | None
    woken: threading.Event = field(default_factory=threading.Event)


class PlayedEvent:
    """An event whose waits the clock knows of."""

    def __init__(self, clock: PlayedClock) -> None:
        self._clock = clock
        self._set = False
        self._waiters: list[_Waiter] = []

    def is_set(self) -> bool:
        return self._set

    def clear(self) -> None:
        self._set = False

    def set(self) -> None:
        """Sets it; when it returns, the clock counts all who waited for it as working."""
        with self._clock.lock:
            self._set = True
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                self._clock.wake(waiter)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits at most ``timeout`` seconds of the transcript; gives whether it is set. Raises what ended a replay."""
        if timeout is not None and timeout <= 0:
            return self._set
        clock = self._clock
        with clock.lock:
            if self._set:
                return True
            clock.check()
            waiter = clock.begin_wait(timeout)
            self._waiters.append(waiter)
            clock.leap_if_idle()
        try:
            waiter.woken.wait()
        finally:
            with clock.lock:
                clock.end_wait(waiter)
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        if not self._set:
            clock.check()
        return self._set


class PlayedClock:
    """``began``: aware. No time passes while anybody works, so a replay takes as long as its work does."""

    def __init__(self, began: dt.datetime) -> None:
        self.lock = threading.RLock()
        self._began = began.astimezone(dt.timezone.utc)
        self._elapsed = 0.0
        self._working = 1
        self._waiters: list[_Waiter] = []
        self._here = threading.local()
        self._here.takes_part = True
        self._finished: WeakKeyDictionary[threading.Thread, PlayedEvent] = WeakKeyDictionary()
        self._failure: TranscriptError | None = None

    def now(self) -> dt.datetime:
        with self.lock:
            return self._began + dt.timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        with self.lock:
            return self._elapsed

    def sleep(self, seconds: float) -> None:
        PlayedEvent(self).wait(seconds)

    def event(self) -> PlayedEvent:
        return PlayedEvent(self)

    def start(self, function: Callable[[], None], *, name: str) -> threading.Thread:
        """Starts a daemon thread; it is a participant from before it runs until it has ended."""
        finished = PlayedEvent(self)

        def run() -> None:
            self._here.takes_part = True
            try:
                function()
            finally:
                self._leave(finished)

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self.lock:
            self._working += 1
            self._finished[thread] = finished
        try:
            thread.start()
        except RuntimeError:
            self._leave(finished)
            raise
        return thread

    def join(self, thread: threading.Thread) -> None:
        """Waits for the end of a thread that :meth:`start` made. Raises UsageError for any other."""
        with self.lock:
            finished = self._finished.get(thread)
        if finished is None:
            raise UsageError(f"the thread {thread.name} was not started by this clock")
        finished.wait()
        thread.join()

    def fail(self, why: TranscriptError) -> None:
        """Ends the replay: whoever waits is woken with this error, and so is whoever would."""
        with self.lock:
            self._failure = self._failure or why
            for waiter in list(self._waiters):
                self.wake(waiter)

    def check(self) -> None:
        """Raises TranscriptError once the replay has failed."""
        if self._failure is not None:
            raise TranscriptError(str(self._failure)) from self._failure

    def _leave(self, finished: PlayedEvent) -> None:
        with self.lock:
            finished.set()
            self._working -= 1
            self.leap_if_idle()

    # --- for the events, with the lock held --------------------------------------------------------------------------

    def begin_wait(self, timeout: float | None) -> _Waiter:
        waiter = _Waiter(None if timeout is None else self._elapsed + timeout)
        self._waiters.append(waiter)
        if getattr(self._here, "takes_part", False):
            self._working -= 1
        return waiter

    def end_wait(self, waiter: _Waiter) -> None:
        """The thread works again, unless it was counted so when it was woken."""
        if waiter in self._waiters:  # it was interrupted
            self.wake(waiter)
        if not getattr(self._here, "takes_part", False):
            self._working -= 1
            self.leap_if_idle()

    def wake(self, waiter: _Waiter) -> None:
        """Counted as working from now on, before it runs."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            self._working += 1
            waiter.woken.set()

    def leap_if_idle(self) -> None:
        """Nobody works: time is the earliest wait's, and all whose time has come are woken."""
        if self._working > 0:
            return
        times = [waiter.until for waiter in self._waiters if waiter.until is not None]
        if not times:
            return
        self._elapsed = max(self._elapsed, min(times))
        for waiter in list(self._waiters):
            if waiter.until is not None and waiter.until <= self._elapsed:
                self.wake(waiter)
