"""A lab, or a book of transcripts, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winmigrate.errors import LabError

if TYPE_CHECKING:
    from winmigrate.inventory import Inventory
    from winmigrate.lab.clock import LabClock


@contextlib.contextmanager
def lab(
    fabric: Path,
    inventory: Path,
    *,
    clock: str = "leap",
    rate: float = 1.0,
    http: bool = False,
    auth: str = "ntlm",
    keytab: Path | None = None,
    ticket: bool = False,
) -> Iterator[dict[str, Any]]:
    """A lab in a process of its own, ended when this ends. Gives its ready line and ``process``. Raises LabError.

    ``auth``, ``http`` and ``ticket`` (the Kerberos cache instead of a password) are what the inventory says;
    ``keytab`` holds the keys of the fabric's hosts, which then take Kerberos too.
    """
    words = [str(fabric), "--inventory", str(inventory), "--clock", clock, "--rate", str(rate), "--auth", auth]
    words += ["--keytab", str(keytab)] if keytab is not None else []
    words += ["--ticket"] if ticket else []
    with _served("winmigrate.lab.server", [*words, *(["--http"] if http else [])]) as ready:
        yield ready


@contextlib.contextmanager
def played(
    book: Path, inventory: Path, *, http: bool = False, paced: bool = False, strict: bool = True
) -> Iterator[dict[str, Any]]:
    """A book of transcripts behind real WinRM, in the same way. ``paced``: messages come at the times they came."""
    words = [str(book), "--inventory", str(inventory)]
    words += [word for word, given in (("--http", http), ("--paced", paced), ("--loose", not strict)) if given]
    with _served("winmigrate.lab.book.server", words) as ready:
        yield ready


@contextlib.contextmanager
def _served(module: str, words: Sequence[str]) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", module, *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            said = process.stderr.read() if process.stderr else ""
            raise LabError(said.strip() or f"the lab ended with {process.wait()}")
        yield {**json.loads(line), "process": process}
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def lab_clock(inventory: Inventory) -> LabClock | None:
    """The fabric's clock, where the inventory is a lab's. Raises LabError: the lab is gone."""
    if inventory.lab is None:
        return None
    from winmigrate.lab.clock import LabClock

    return LabClock(inventory.lab.control, inventory.lab.token)
