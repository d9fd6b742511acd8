"""What happened in the fabric, in order: one JSON object an entry. The judge of chaos tests reads it.

What the wire was asked stands in a sequence of its own: how many Receives a client needs, and whether one comes before
or after what its pipeline does in the same instant, is between two processes, and no event of the fabric.
Every entry has ``n`` (from 1, without gaps in its sequence), ``at`` (fabric seconds) and ``kind``; the rest is the
kind's own:
"request" (the wire's sequence), "command" (host, name, parameters), "move-started" (host, vm, destination, job),
"phase" (job, phase), "move-ended" (job, state, error), "fault" (id, what struck), "host-down", "host-up".
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


class FabricLog:
    """Entries in memory and, where ``path`` is given, in a JSON-lines file as well (mode 0600)."""

    def __init__(self, now: Callable[[], float], path: Path | None = None) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._requests: list[dict[str, Any]] = []
        self._file: IO[str] | None = None
        if path is not None:
            path.touch(mode=0o600)
            self._file = path.open("a", encoding="utf-8")

    def write(self, kind: str, **facts: Any) -> None:
        """Adds an entry. ``facts`` must be JSON values; no secrets."""
        at = round(self._now(), 6)
        with self._lock:
            sequence = self._sequence(kind)
            entry = {"n": len(sequence) + 1, "at": at, "kind": kind, **facts}
            sequence.append(entry)
            if self._file is not None and sequence is self._entries:
                self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
                self._file.flush()

    def read(self, after: int = 0, kind: str | None = None) -> list[dict[str, Any]]:
        """The entries with ``n`` above ``after``, of one kind if asked. "request" reads the wire's sequence."""
        with self._lock:
            return [entry for entry in self._sequence(kind)[after:] if kind is None or entry["kind"] == kind]

    def _sequence(self, kind: str | None) -> list[dict[str, Any]]:
        return self._requests if kind == "request" else self._entries

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
