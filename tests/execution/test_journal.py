"""The journal: on disk when written, whole after any crash, one writer, and honest about what it cannot read."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winmigrate.errors import DocumentError, RunLocked
from winmigrate.execution.journal import Entry, Journal, Kind, driver_of, read_journal
from winmigrate.execution.ledger import Ledger
from winmigrate.execution.states import Status, fold
from winmigrate.request import SystemClock

CLOCK = SystemClock()
TICKET = {"shell_id": "S", "command_id": "C"}


def test_what_was_written_is_read_in_order(tmp_path: Path) -> None:
    with Journal(tmp_path, CLOCK) as journal:
        journal.write("a", Kind.INTENT, attempt=1, ticket=TICKET, route="credential")
        journal.write("ünï \n name", Kind.NOTE, text='quote " and \\ and \0')
        assert [entry.seq for entry in journal.entries()] == [1, 2]
        # Another process reads it while it is written.
        assert read_journal(tmp_path) == journal.entries()
    found = read_journal(tmp_path)
    assert found[0].data["ticket"] == TICKET
    assert found[1].step == "ünï \n name"
    assert found[1].data["text"] == 'quote " and \\ and \0'


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert read_journal(tmp_path) == ()
    assert driver_of(tmp_path) is None


def test_one_writer_and_the_lock_names_it(tmp_path: Path) -> None:
    with Journal(tmp_path, CLOCK):
        assert str(os.getpid()) in (driver_of(tmp_path) or "")
        with pytest.raises(RunLocked, match=f"process {os.getpid()}") as caught:
            Journal(tmp_path, CLOCK)
        assert caught.value.exit_code == 5
    assert driver_of(tmp_path) is None


def test_whoever_looks_whether_a_run_is_driven_keeps_nobody_from_driving_it(tmp_path: Path) -> None:
    Journal(tmp_path, CLOCK).close()
    text = (tmp_path / "journal.lock").read_text("utf-8")
    ended = threading.Event()
    seen: list[str | None] = []

    def look() -> None:
        while not ended.is_set():
            seen.append(driver_of(tmp_path))

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for thread in lookers:
        thread.start()
    try:
        for _ in range(50):
            Journal(tmp_path, CLOCK).close()
    finally:
        ended.set()
        for thread in lookers:
            thread.join()
    assert seen
    assert (tmp_path / "journal.lock").read_text("utf-8") == text


def test_a_killed_writer_leaves_every_entry_and_no_lock(tmp_path: Path) -> None:
    script = f"""
import os, signal, sys
from pathlib import Path
from winmigrate.execution.journal import Journal, Kind
from winmigrate.request import SystemClock
journal = Journal(Path({str(tmp_path)!r}), SystemClock())
for number in range(50):
    journal.write("a", Kind.NOTE, text=str(number))
    print(number, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    said = [int(line) for line in done.stdout.split()]
    with Journal(tmp_path, CLOCK) as journal:
        assert [int(entry.data["text"]) for entry in journal.entries()] == said


def _written(folder: Path, count: int) -> None:
    with Journal(folder, CLOCK) as journal:
        for number in range(count):
            journal.write("a", Kind.NOTE, text=str(number))


@pytest.mark.parametrize(
    "content", [b"", b"not a database, but text that is long enough to be read" * 20, os.urandom(8192)]
)
def test_a_file_that_is_no_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.sqlite").write_bytes(content)
    if not content:
        assert read_journal(tmp_path) == ()  # an empty file is how SQLite begins
        return
    with pytest.raises(DocumentError, match="no journal that can be read"):
        read_journal(tmp_path)
    with pytest.raises(DocumentError):
        Journal(tmp_path, CLOCK)
    assert (tmp_path / "journal.sqlite").read_bytes() == content, "what cannot be read was changed"
    assert driver_of(tmp_path) is None, "the lock was kept"


@given(cut=st.integers(0, 20000), flips=st.lists(st.tuples(st.integers(0, 20000), st.integers(1, 255)), max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_damaged_journal_is_read_or_refused_never_more(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flips: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    _written(folder, 5)
    path = folder / "journal.sqlite"
    content = bytearray(path.read_bytes())[: max(1, cut)]
    for place, change in flips:
        if place < len(content):
            content[place] ^= change
    path.write_bytes(bytes(content))
    for extra in ("-wal", "-shm"):
        Path(str(path) + extra).unlink(missing_ok=True)
    with contextlib.suppress(DocumentError):
        assert all(isinstance(entry, Entry) for entry in read_journal(folder))
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("column", "value"), [("data", "{broken"), ("data", "[1]"), ("kind", "no-such-kind"), ("at", "yesterday")]
)
def test_an_entry_that_makes_no_sense_is_named(tmp_path: Path, column: str, value: str) -> None:
    _written(tmp_path, 3)
    base = sqlite3.connect(tmp_path / "journal.sqlite")
    with base:
        base.execute(f"UPDATE entries SET {column} = ? WHERE seq = 2", (value,))
    base.close()
    with pytest.raises(DocumentError, match="entry 2"):
        read_journal(tmp_path)


def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    _written(tmp_path, 1)
    base = sqlite3.connect(tmp_path / "journal.sqlite")
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(DocumentError, match="version 99"):
        Journal(tmp_path, CLOCK)


def _entry(seq: int, kind: Kind, step: str = "a", **data: object) -> Entry:
    return Entry(seq, CLOCK.now(), step, kind, json.loads(json.dumps(data)))


INTENT = (Kind.INTENT, {"attempt": 1, "ticket": TICKET})


@pytest.mark.parametrize(
    ("entries", "status", "attempts", "open_intent"),
    [
        ([], Status.WAITING, 0, False),
        ([(Kind.REHEARSED, {"outcome": "pass"})], Status.WAITING, 0, False),
        ([INTENT], Status.UNKNOWN, 1, True),
        ([INTENT, (Kind.PROGRESS, {"phase": "storage", "percent": 5})], Status.UNKNOWN, 1, True),
        ([INTENT, (Kind.ENDED, {"state": "Completed", "error": ""})], Status.UNKNOWN, 1, True),
        ([INTENT, (Kind.LOOK, {"never_started": True})], Status.WAITING, 0, False),
        ([INTENT, (Kind.LOOK, {"never_started": False})], Status.UNKNOWN, 1, True),
        ([INTENT, (Kind.OUTCOME, {"status": "done"})], Status.DONE, 1, False),
        ([INTENT, (Kind.OUTCOME, {"status": "failed"})], Status.FAILED, 1, False),
        ([(Kind.OUTCOME, {"status": "refused"})], Status.REFUSED, 0, False),
    ],
)
def test_what_the_journal_says_of_a_step(
    entries: list[tuple[Kind, dict[str, object]]], status: Status, attempts: int, open_intent: bool
) -> None:
    made = [_entry(number, kind, **data) for number, (kind, data) in enumerate(entries, 1)]
    state = fold(["a"], made)["a"]
    assert (state.status, state.attempts, state.open_intent) == (status, attempts, open_intent)


def test_a_failing_observer_is_dropped_and_noted(tmp_path: Path) -> None:
    told: list[Kind] = []

    def broken(entry: Entry) -> None:
        raise ValueError("the screen is gone")

    with Journal(tmp_path, CLOCK) as journal:
        ledger = Ledger(journal, ["a"], CLOCK, [broken, lambda entry: told.append(entry.kind)])
        ledger.write("a", Kind.INTENT, attempt=1, ticket=TICKET)
        ledger.write("a", Kind.OUTCOME, status="done")
        notes = [entry for entry in journal.entries() if entry.kind is Kind.NOTE]
    assert told == [Kind.INTENT, Kind.OUTCOME]
    assert len(notes) == 1
    assert "the screen is gone" in notes[0].data["text"]
    assert ledger.state("a").status is Status.DONE
