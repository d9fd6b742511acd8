"""Named points of a run, where an observer may look and a chaos test may kill the process.

``reach`` costs a dictionary look-up. WINMIGRATE_KILL_AT="NAME:N" kills the process with SIGKILL the N-th time that it
comes to NAME: the moments between two acts that matter cannot be hit by the clock.
"""

from __future__ import annotations

import os
import signal
import threading

BEFORE_INTENT = "before-intent"
INTENT_WRITTEN = "between-intent-and-send"
SENT = "between-send-and-reply"
PHASE = "phase-"  # followed by the phase's name
VERIFYING = "verification"

_count: dict[str, int] = {}
_lock = threading.Lock()


def reach(name: str) -> None:
    """The run has come to this point."""
    wanted = os.environ.get("WINMIGRATE_KILL_AT")
    if not wanted:
        return
    point, _, number = wanted.rpartition(":")
    if point != name:
        return
    with _lock:
        _count[name] = _count.get(name, 0) + 1
        if _count[name] == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
