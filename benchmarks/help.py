"""`winmigrate --help`: how long a person waits for the first words.

A process of its own each time, seven times, the median; beside it an interpreter that does nothing.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.figures import Figure, median_of

TARGET = 0.25


def _run(*words: str) -> None:
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)


def measure(times: int = 7) -> list[Figure]:
    _run("-m", "winmigrate", "--help")  # once unmeasured: compiled files are written, pages are read
    bare = median_of(times, lambda: _run("-c", ""))
    ours = median_of(times, lambda: _run("-m", "winmigrate", "--help"))
    return [
        Figure("an interpreter that does nothing", bare, "s"),
        Figure("python -m winmigrate --help", ours, "s", TARGET),
    ]
