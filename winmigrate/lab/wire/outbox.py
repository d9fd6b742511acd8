"""What a pool or a pipeline has said and nobody has read yet, in fragments."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from winmigrate.lab.wire import psrp


class Outbox:
    """What waits to be read of a pool or a pipeline. ``done`` once no more will come."""

    def __init__(self) -> None:
        self.fragments: deque[bytes] = deque()
        self.done = False
        self.reader = 0
        self.waiting = 0  # bytes
        self.last: list[bytes] = []  # what was taken last

    def add(self, fragments: Iterable[bytes]) -> None:
        new = list(fragments)
        self.fragments.extend(new)
        self.waiting += sum(map(len, new))

    def put_back(self, fragments: Iterable[bytes]) -> None:
        """In front of all that waits."""
        again = list(fragments)
        self.fragments.extendleft(reversed(again))
        self.waiting += sum(map(len, again))

    def take(self, room: int) -> list[bytes]:
        """Fragments whose base64 text fits ``room`` bytes, at least one."""
        taken: list[bytes] = []
        while self.fragments:
            size = len(self.fragments[0]) * 4 // 3 + 200
            if taken and size > room:
                break
            room -= size
            taken.append(self.fragments.popleft())
        self.waiting -= sum(map(len, taken))
        self.last = taken or self.last
        return taken

    def drop_oldest(self, limit: int) -> int:
        """Drops whole messages, the oldest first, until what is left fits; gives their number. A message of which a
        part was taken stays whole, and so does the newest."""
        if self.waiting <= limit:
            return 0
        kept: deque[bytes] = deque()
        while self.fragments and not psrp.begins(self.fragments[0]):
            kept.append(self.fragments.popleft())
        dropped, whole = 0, sum(map(psrp.begins, self.fragments))
        while self.waiting > limit and dropped < whole - 1:
            dropped += 1
            self.waiting -= len(self.fragments.popleft())
            while not psrp.begins(self.fragments[0]):
                self.waiting -= len(self.fragments.popleft())
        self.fragments.extendleft(reversed(kept))
        return dropped
