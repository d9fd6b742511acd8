"""Commands typed as a person would: in a process of their own, in a folder, without a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

#: No command of these tests takes nearly as long; past it something hangs: seconds.
LONGEST = 120.0


def environment(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command: its home and its temporary files are below the test's folder."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("WINMIGRATE_")}
    for name, place in (("HOME", "home"), ("TMPDIR", "tmp")):
        (folder / place).mkdir(exist_ok=True)
        found[name] = str(folder / place)
    return {**found, "COLUMNS": "200", **(more or {})}


def started(
    folder: Path, *words: str, env: Mapping[str, str] | None = None, stdout: int = subprocess.PIPE, own: bool = True
) -> subprocess.Popen[str]:
    """A command that has just been started."""

    def heed_interrupts() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        [sys.executable, "-m", "winmigrate", *words],
        cwd=folder,
        env=environment(folder, env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=own,
        preexec_fn=heed_interrupts,
    )


def typed(
    folder: Path, *words: str, env: Mapping[str, str] | None = None, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """A command and what became of it. ``given``: what stands on its standard input; None: nothing."""
    return subprocess.run(
        [sys.executable, "-m", "winmigrate", *words],
        cwd=folder,
        env=environment(folder, env),
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def run_id(folder: Path) -> str:
    """The id of the newest run."""
    return sorted(path.name for path in (folder / "runs").iterdir())[-1]
