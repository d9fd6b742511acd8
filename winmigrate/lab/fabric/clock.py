"""The fabric's clock: one time for the world, the wire and every client that joined it.

Laws:
1. Time never leaps while somebody works. Somebody works: a request that is not a parked Receive, a pipeline outside a
   Wait, a participant (a client's thread) that is neither waiting nor behind a parked Receive, an event of the world.
2. Who is woken counts as working from the very instant at which the clock decides to wake him, not when he runs.
3. Events happen in order of (time, sequence of being set); at one time events come before those who wait for it.
4. Time never goes back, also when the mode changes.

Modes: "real" (machine time times ``rate``), "leap" (jump to the next thing that anyone waits for, once nobody works and
somebody waits), "step" (time moves only by :meth:`advance`).

Lock order: the world's lock, then the clock's. Events run with no lock held. ``ready`` functions run with the clock's
lock held, so they take none.
"""

from __future__ import annotations

import datetime as dt
import heapq
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from winmigrate.errors import LabError
from winmigrate.lab.fabric.attendance import Attendance, Participant, Sleeper, Timer

__all__ = ["MODES", "FabricClock", "Timer"]

MODES = ("real", "leap", "step")


class _Thread(threading.local):
    def __init__(self) -> None:
        self.working = 0
        self.parked = 0
        self.alive: Callable[[], bool] | None = None


class FabricClock:
    """See the module. Implements what the wire asks of a clock (monotonic, wait, changed, parked, working)."""

    def __init__(self, *, mode: str = "leap", rate: float = 1.0, start: dt.datetime | None = None) -> None:
        self._condition = threading.Condition(threading.RLock())
        self._start = start if start is not None else dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.timezone.utc)
        self._mode = "step"
        self._rate = 1.0
        self._base = 0.0
        self._real_base = time.monotonic()
        self._target = 0.0
        self._serial = 0
        self._there = Attendance()
        self._closed = False
        self._stirred = time.monotonic()
        self._defect: BaseException | None = None
        self._here = _Thread()
        self.set_mode(mode, rate)
        self._pump = threading.Thread(target=self._run, name="fabric-clock", daemon=True)
        self._pump.start()

    # --- reading -----------------------------------------------------------------------------------------------------

    def monotonic(self) -> float:
        """Seconds since the fabric began."""
        with self._condition:
            return self._now()

    def now(self) -> dt.datetime:
        """Aware, UTC."""
        return self.date(self.monotonic())

    def date(self, when: float) -> dt.datetime:
        """The date of a time of this clock."""
        return self._start + dt.timedelta(seconds=when)

    @property
    def mode(self) -> str:
        return self._mode

    def state(self) -> dict[str, object]:
        """Who works and who waits: what to look at when time stands still."""
        with self._condition:
            return {
                "now": self._now(), "date": self.date(self._now()).isoformat(), "mode": self._mode, "rate": self._rate,
                "working": self._there.busy, "parked": self._there.parked,
                "timers": sum(not timer.cancelled for timer in self._there.timers), "next": self._there.next(),
                "participants": [
                    {"number": p.number, "name": p.name, "waiting": p.waiting, "until": p.until}
                    for p in self._there.participants.values()
                ],
                "defect": repr(self._defect) if self._defect is not None else None,
            }

    # --- events of the world -----------------------------------------------------------------------------------------

    def at(self, when: float, action: Callable[[float], None]) -> Timer:
        """Lets ``action(when)`` happen at that time, or at once if it is past. From any thread, also from an event."""
        with self._condition:
            timer = Timer(when, self._next_sequence(), action)
            heapq.heappush(self._there.timers, timer)
            self._stir()
            return timer

    # --- the wire's side ---------------------------------------------------------------------------------------------

    def wait(self, deadline: float | None, ready: Callable[[], bool] | None) -> bool:
        """Blocks until ``ready()`` or ``deadline``; gives the last ``ready()``. A closed clock ends every wait."""
        with self._condition:
            self._check()
            if ready is not None and ready():
                return True
            if self._closed or (deadline is not None and deadline <= self._now()):
                return False
            here = self._here
            sleeper = Sleeper(deadline, ready, here.working > 0, here.parked > 0, self._next_sequence(), here.alive)
            self._there.sleepers[sleeper.sequence] = sleeper
            self._there.busy -= sleeper.works
            self._there.parked += sleeper.parked
            self._stir()
        try:
            sleeper.event.wait()
        finally:
            with self._condition:
                self._wake(sleeper, False)
        self._check()
        return sleeper.result

    def changed(self) -> None:
        """Something that a ``ready()`` looks at has changed."""
        with self._condition:
            self._look()

    @contextmanager
    def parked(self, alive: Callable[[], bool] | None = None) -> Iterator[None]:
        """A client sits behind the waits within. ``alive`` tells whether he still does: a dead one's wait counts for
        nothing. It is asked with the clock's lock held, whenever time is about to leap.
        """
        self._here.parked += 1
        before, self._here.alive = self._here.alive, alive
        try:
            yield
        finally:
            self._here.parked -= 1
            self._here.alive = before

    @contextmanager
    def working(self) -> Iterator[None]:
        """This thread works (but for its waits). May be nested."""
        outermost = self._here.working == 0
        self._here.working += 1
        if outermost:
            with self._condition:
                self._there.busy += 1
                self._stir()
        try:
            yield
        finally:
            self._here.working -= 1
            if outermost:
                with self._condition:
                    self._there.busy -= 1
                    self._look()

    def hold(self) -> None:
        """Work begins that another thread will do; it ends with :meth:`release`."""
        with self._condition:
            self._there.busy += 1
            self._stir()

    def release(self) -> None:
        """The work of one :meth:`hold` is done."""
        with self._condition:
            self._there.busy -= 1
            self._look()

    # --- the participants' side --------------------------------------------------------------------------------------

    def join(self, name: str, wake: Callable[[float], None]) -> int:
        """A client's thread takes part, working. ``wake(now)`` is called under the clock's lock and must not block."""
        with self._condition:
            number = self._next_sequence()
            self._there.participants[number] = Participant(number, name, wake)
            self._stir()
            return number

    def leave(self, number: int, *, lost: bool = False) -> None:
        """It takes part no more, whatever it was doing. An unknown number is none of our business.

        ``lost``: its process is gone without a word, and one of the parked Receives may have been its own.
        """
        with self._condition:
            gone = self._there.participants.pop(number, None)
            if gone is not None:
                self._there.waiting -= gone.waiting
                if lost:
                    self._there.doubt()
                self._stir()

    def begin_wait(self, number: int, until: float | None) -> None:
        """It waits from now on, till that time or till :meth:`end_wait`."""
        with self._condition:
            participant = self._there.participants.get(number)
            if participant is None:
                raise LabError(f"the clock knows no participant {number}")
            if participant.waiting:
                raise LabError(f"participant {participant.name} waits already")
            participant.waiting, participant.until = True, until
            participant.sequence = self._next_sequence()
            self._there.waiting += 1
            self._stir()

    def end_wait(self, number: int) -> bool:
        """It waits no more (somebody woke it on its own side). False if the clock had woken it before."""
        with self._condition:
            participant = self._there.participants.get(number)
            if participant is None or not participant.waiting:
                return False
            participant.waiting, participant.until = False, None
            self._there.waiting -= 1
            self._stir()
            return True

    # --- driving -----------------------------------------------------------------------------------------------------

    def set_mode(self, mode: str, rate: float = 1.0) -> None:
        """Changes the mode; the time goes on from where it is."""
        if mode not in MODES:
            raise LabError(f'the clock has no mode "{mode}" (one of {", ".join(MODES)})')
        if not rate > 0:
            raise LabError(f"the clock's rate must be above 0, not {rate:g}")
        with self._condition:
            self._base = self._now()
            self._real_base = time.monotonic()
            self._mode, self._rate = mode, rate
            self._target = self._base
            self._stir()

    def advance(self, seconds: float, *, patience: float = 30.0) -> float:
        """Step mode: lets that much time pass, event by event, each once nobody works. Gives the new time.

        Raises LabError when somebody still works after ``patience`` real seconds, with the names.
        """
        if seconds < 0:
            raise LabError(f"time does not go back ({seconds:g} s)")
        with self._condition:
            self._check()
            if self._mode != "step":
                raise LabError(f'the clock is in mode "{self._mode}"; only "step" is advanced by hand')
            self._target = target = max(self._target, self._now()) + seconds
            self._stir()
            end = time.monotonic() + patience
            while self._base < target and not self._closed and self._mode == "step":
                left = end - time.monotonic()
                if left <= 0:
                    self._target = self._base
                    names = [p.name for p in self._there.participants.values() if not p.waiting]
                    raise LabError(f"the clock stands at {self._base:g} s: {self._there.busy} requests or pipelines "
                                   f"work, and of the participants {', '.join(names) or 'none'}")
                self._condition.wait(min(left, 1.0))
            self._check()
            return self._base

    def close(self) -> None:
        """Ends every wait and the clock's thread."""
        with self._condition:
            self._closed = True
            for sleeper in list(self._there.sleepers.values()):
                self._wake(sleeper, sleeper.ready() if sleeper.ready is not None else False)
            self._condition.notify_all()
        if threading.current_thread() is not self._pump:
            self._pump.join()

    # --- within the lock ---------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._defect is not None:
            raise LabError(f"an event of the fabric failed: {self._defect!r}") from self._defect

    def _now(self) -> float:
        if self._mode == "real":
            return self._base + (time.monotonic() - self._real_base) * self._rate
        return self._base

    def _next_sequence(self) -> int:
        self._serial += 1
        return self._serial

    def _stir(self) -> None:
        self._stirred = time.monotonic()
        self._condition.notify_all()

    def _wake(self, sleeper: Sleeper, result: bool) -> None:
        if self._there.sleepers.pop(sleeper.sequence, None) is None:
            return
        self._there.busy += sleeper.works
        self._there.parked -= sleeper.parked
        sleeper.result = result
        sleeper.event.set()
        self._stir()

    def _look(self) -> None:
        for sleeper in list(self._there.sleepers.values()):
            if sleeper.ready is not None and sleeper.ready():
                self._wake(sleeper, True)
        self._stir()

    def _wake_due(self, now: float) -> bool:
        due = self._there.due(now)
        for waiter in due:
            if isinstance(waiter, Sleeper):
                self._wake(waiter, waiter.ready() if waiter.ready is not None else False)
            else:
                waiter.waiting, waiter.until = False, None
                self._there.waiting -= 1
                waiter.wake(now)
        return bool(due)

    def _choose(self) -> tuple[Timer | None, float | None]:
        """The event to run now; or how long to sleep, in real seconds (None: until something stirs)."""
        while True:
            now = self._now()
            upcoming = self._there.next()
            if self._there.timers and self._there.timers[0].when <= now:
                return heapq.heappop(self._there.timers), None
            if self._wake_due(now):
                continue
            if self._mode == "real":
                return None, None if upcoming is None else max(0.0, (upcoming - now) / self._rate)
            if not self._there.is_still():
                return None, None
            if self._mode == "leap":
                self._there.bury()
                if upcoming is None or not self._there.waiting + self._there.parked or not self._there.is_still():
                    return None, None
                left = self._there.stillness() - (time.monotonic() - self._stirred)
                if left > 0:
                    return None, left
                self._base = upcoming
            else:
                if self._target <= now:
                    return None, None
                self._base = self._target if upcoming is None else min(upcoming, self._target)
                self._condition.notify_all()

    def _run(self) -> None:
        with self._condition:
            while not self._closed:
                timer, pause = self._choose()
                if timer is None:
                    self._condition.wait(pause)
                    continue
                self._there.firing = True
                self._condition.release()
                try:
                    timer.action(timer.when)
                except BaseException as defect:
                    self._defect = defect
                    self._closed = True
                    raise
                finally:
                    self._condition.acquire()
                    self._there.firing = False
                    self._look()
                    if self._defect is not None:
                        for sleeper in list(self._there.sleepers.values()):
                            self._wake(sleeper, False)
