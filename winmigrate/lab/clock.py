"""The fabric's clock as a client process has it: implements winmigrate.request.Clock over the control socket.

Every thread made by :meth:`LabClock.start`, and the one that made the LabClock, is a participant: the fabric's time
leaps only when all of them wait. A wait is told to the lab before the thread sleeps; an event that is set here takes
its waiters out of the lab's book, acknowledged, before it wakes them; and who ends wakes those who join it before it
leaves. Another thread is a participant only while it waits.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from winmigrate.errors import LabError
from winmigrate.lab.control_client import ControlClient


class _Waiter:
    """One thread's one wait."""

    __slots__ = ("participant", "woken")

    def __init__(self, participant: int) -> None:
        self.participant = participant
        self.woken = threading.Event()


class LabEvent:
    """An event whose waits the lab's clock knows of."""

    def __init__(self, clock: LabClock) -> None:
        self._clock = clock
        self._set = False
        self._waiters: list[_Waiter] = []

    def is_set(self) -> bool:
        return self._set

    def clear(self) -> None:
        self._set = False

    def set(self) -> None:
        """Sets it; when it returns, the clock counts all who waited for it as working."""
        clock = self._clock
        with clock.lock:
            self._set = True
            waiters, self._waiters = self._waiters, []
            pending = [] if clock.gone else [clock.client.send("unwait", participant=w.participant) for w in waiters]
        for one in pending:
            one.answer()
        for waiter in waiters:
            waiter.woken.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits at most ``timeout`` seconds of the fabric; gives whether it is set."""
        if self._set:
            return True
        if timeout is not None and timeout <= 0:
            return False
        clock = self._clock
        with clock.taking_part() as participant:
            waiter = _Waiter(participant)
            try:
                with clock.lock:
                    if self._set:
                        return True
                    clock.check()
                    self._waiters.append(waiter)
                    clock.waiters[participant] = waiter
                    pending = clock.client.send("wait", participant=participant, seconds=timeout)
                pending.answer()
                waiter.woken.wait()
            finally:
                self._forget(waiter)
            clock.check()
        return self._set

    def _forget(self, waiter: _Waiter) -> None:
        clock = self._clock
        with clock.lock:
            clock.waiters.pop(waiter.participant, None)
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                # The clock woke it, or the thread was interrupted; unwait is right for both.
                pending = None if clock.gone else clock.client.send("unwait", participant=waiter.participant)
            else:
                pending = None
        if pending is not None and not clock.gone:
            pending.answer()


class LabClock:
    """The clock of a lab at ``control`` ("127.0.0.1:PORT"). Raises LabError when the lab is not there or goes away."""

    def __init__(self, control: str, token: str, *, name: str = "main") -> None:
        self.lock = threading.RLock()
        self.waiters: dict[int, _Waiter] = {}
        self.gone = False
        self._here = threading.local()
        self._finished: WeakKeyDictionary[threading.Thread, LabEvent] = WeakKeyDictionary()
        self.client = ControlClient(control, token, self._woken, self._lost)
        self._here.participant = int(self.client.ask("join", name=name)["participant"])

    def now(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.client.ask("now")["date"])

    def monotonic(self) -> float:
        return float(self.client.ask("now")["now"])

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            LabEvent(self).wait(seconds)

    def event(self) -> LabEvent:
        return LabEvent(self)

    def start(self, function: Callable[[], None], *, name: str) -> threading.Thread:
        """Starts a daemon thread; it is a participant from before it runs until it has ended."""
        participant = int(self.client.ask("join", name=name)["participant"])
        finished = LabEvent(self)

        def run() -> None:
            self._here.participant = participant
            try:
                function()
            finally:
                self._leave(participant, finished)

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self.lock:
            self._finished[thread] = finished
        try:
            thread.start()
        except RuntimeError:
            self._leave(participant, finished)
            raise
        return thread

    def join(self, thread: threading.Thread) -> None:
        """Waits for the end of a thread that :meth:`start` made. LabError for any other."""
        with self.lock:
            finished = self._finished.get(thread)
        if finished is None:
            if thread.is_alive():
                raise LabError(f"the thread {thread.name} was not started by this clock")
            return
        finished.wait()
        thread.join()
        with self.lock:
            self._finished.pop(thread, None)

    def close(self) -> None:
        """Leaves the lab; the fabric's time waits for this process no more."""
        self.client.close()

    def advance(self, seconds: float) -> float:
        """Step mode: lets fabric time pass while this thread counts as waiting. Gives the new time."""
        participant = getattr(self._here, "participant", None)
        return float(self.client.ask("advance", seconds=seconds, participant=participant)["now"])

    # --- for the events ----------------------------------------------------------------------------------------------

    @contextmanager
    def taking_part(self) -> Iterator[int]:
        """This thread's participant; one for the moment where it has none."""
        own = getattr(self._here, "participant", None)
        if own is not None:
            yield own
            return
        made = int(self.client.ask("join", name=threading.current_thread().name)["participant"])
        try:
            yield made
        finally:
            if not self.gone:
                self.client.ask("leave", participant=made)

    def check(self) -> None:
        """Raises LabError when the lab is gone."""
        if self.gone:
            raise LabError("the lab's control connection broke")

    def _leave(self, participant: int, finished: LabEvent) -> None:
        finished.set()
        if not self.gone:
            self.client.ask("leave", participant=participant)

    def _woken(self, participant: int) -> None:
        with self.lock:
            waiter = self.waiters.get(participant)
        if waiter is not None:
            waiter.woken.set()

    def _lost(self) -> None:
        with self.lock:
            self.gone = True
            waiters = list(self.waiters.values())
        for waiter in waiters:
            waiter.woken.set()
