"""The journal and what follows from it, kept together while a run is driven.

Every entry goes to disk first, then into the states; whoever waits for news is woken, observers are told. Law of
execution 7: a failure of whoever only looks on never stops a move. It is noted once and then left alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from winmigrate.execution.journal import Entry, Journal, Kind
from winmigrate.execution.states import Status, StepState, apply, fold
from winmigrate.request import Clock

Observer = Callable[[Entry], None]


class Ledger:
    """States of all steps, true to the journal. Thread-safe."""

    def __init__(
        self, journal: Journal, steps: Iterable[str], clock: Clock, observers: Iterable[Observer] = ()
    ) -> None:
        self._journal = journal
        #: Held while an entry goes to disk, which may take a while; whoever only wants to know does not wait for it.
        self._writing = threading.RLock()
        self._guard = threading.RLock()
        self._states = fold(steps, journal.entries())
        self._observers = list(observers)
        #: Set whenever something was written; the run's loop waits on it.
        self.news = clock.event()

    def write(self, step: str, kind: Kind, **data: Any) -> Entry:
        """To disk, then to the states, then to the observers."""
        with self._writing:
            entry = self._journal.write(step, kind, **data)
            with self._guard:
                if step in self._states:
                    apply(self._states[step], entry)
                observers = list(self._observers)
        self.news.set()
        for observer in observers:
            self._tell(observer, entry)
        return entry

    def note(self, step: str, text: str) -> None:
        """Something worth knowing that changes nothing."""
        self.write(step, Kind.NOTE, text=text)

    def follow(self, step: str) -> None:
        """This process follows the step from now on (no entry: it is a fact of the process, not of the run)."""
        with self._guard:
            if not self._states[step].status.final:
                self._states[step].status = Status.MOVING
        self.news.set()

    def put_back(self, step: str) -> None:
        """It is not its time yet: the scheduler has it again."""
        with self._guard:
            if not self._states[step].status.final:
                self._states[step].status = Status.WAITING
        self.news.set()

    def doubt(self, step: str) -> None:
        """Nobody knows at the moment how the step stands."""
        with self._guard:
            if not self._states[step].status.final:
                self._states[step].status = Status.UNKNOWN
        self.news.set()

    def state(self, step: str) -> StepState:
        """A copy of the step's state."""
        with self._guard:
            return self._states[step].copy()

    def states(self) -> dict[str, StepState]:
        """A copy of all states."""
        with self._guard:
            return {name: state.copy() for name, state in self._states.items()}

    def statuses(self) -> dict[str, Status]:
        """Status of each step."""
        with self._guard:
            return {name: state.status for name, state in self._states.items()}

    def _tell(self, observer: Observer, entry: Entry) -> None:
        try:
            observer(entry)
        except Exception as error:
            # Law 7: whoever only looks on is dropped, the move goes on. The note says so once.
            with self._writing, self._guard:
                if observer in self._observers:
                    self._observers.remove(observer)
                    self._journal.write("", Kind.NOTE, text=f"an observer failed and is told no more: {error!r}")
