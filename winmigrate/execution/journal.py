"""The journal of a run. Laws of execution 1, 2 and 8.

- It has the intent on disk, with shell id and command id, before the host hears of it.
- It says what was asked; what happened is only ever an observation of the hosts, written as such.
- What is changed on the way is written with its inverse first.

SQLite on a local disk, WAL, synchronous=FULL: a commit that returned survives the loss of power. Entries are only
ever appended. One writer, under a lock of the operating system that dies with its holder; the lock file names him.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from winmigrate.errors import DocumentError, RunLocked
from winmigrate.request import Clock

SCHEMA = 1


class Kind(str, Enum):
    """Kinds of entries. What ``data`` holds is said beside each."""

    RUN = "run"  # digest, pid, host, user: a process took up the run
    REHEARSAL_INTENT = "rehearsal-intent"  # ticket: Compare-VM is about to be sent
    REHEARSED = "rehearsed"  # outcome, incompatibilities
    REFUSED = "refused"  # reasons: an expectation did not hold, or rehearsal said no
    INTENT = "intent"  # attempt, ticket: Move-VM is about to be sent
    PROGRESS = "progress"  # phase, percent: seen on the host
    ENDED = "ended"  # state, error: the pipeline came to an end (proves nothing)
    LOST = "lost"  # reason: nobody knows
    LOOK = "look"  # what both hosts say: location, job, planned
    ADOPTED = "adopted"  # job: a move that already ran is followed
    RETIRED = "retired"  # ticket: the shell of an old command was deleted
    CANCEL = "cancel"  # asked by whom
    INVERSE = "inverse"  # change, inverse: about to be changed
    UNDONE = "undone"  # change: was put back
    FINGERPRINT = "fingerprint"  # before: the VM as it was
    VERIFIED = "verified"  # findings, changes, blackout, leftovers
    OUTCOME = "outcome"  # status, where, cause: the last word on a step
    NOTE = "note"  # text: something of ours failed that must not stop a move


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. ``seq`` counts from 1 without gaps; ``at`` is aware, UTC; ``step`` is "" for the run."""

    seq: int
    at: dt.datetime
    step: str
    kind: Kind
    data: dict[str, Any]


class Lock:
    """A lock of the operating system on a file that names its holder. Released when its process ends, however."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Raises RunLocked, with the holder's name, if another process has it."""
        file = open(self._path, "a+", encoding="utf-8")  # noqa: SIM115 (held for the life of the run)
        try:
            _patiently(file)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise RunLocked(
                f"the run is driven by {holder}", hint="wait for it, or look with `winmigrate status`"
            ) from None
        try:
            file.seek(0)
            file.truncate()
            file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            file.flush()
        except OSError:
            file.close()
            raise
        self._file = file

    def holder(self) -> str | None:
        """Who has it, or None. Writes nothing; a run that is started in this very moment waits for the answer."""
        try:
            file = open(self._path, "a+", encoding="utf-8")  # noqa: SIM115 (closed below; Windows locks what is written)
        except OSError:
            return None  # a folder that this account may only read
        with file:
            try:
                _lock_file(file)
            except OSError:
                file.seek(0)
                return file.read().strip() or "another process"
        return None

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform == "win32":  # pragma: no cover

    def _lock_file(file: IO[str]) -> None:
        import msvcrt

        file.seek(0x7FFFFFF0)  # beyond the text, so that others can read who holds it
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:

    def _lock_file(file: IO[str]) -> None:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _patiently(file: IO[str]) -> None:
    """Takes it, also past one who only looks whether it is taken: he has it for less than a moment."""
    for pause in (0.01, 0.02, 0.05, 0.1, 0.2):
        try:
            _lock_file(file)
        except OSError:
            time.sleep(pause)
        else:
            return
    _lock_file(file)


class Journal:
    """The writer. Thread-safe; every :meth:`write` is on disk when it returns."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._path = folder / "journal.sqlite"
        self._guard = threading.Lock()
        self._lock = Lock(folder / "journal.lock")
        self._lock.take()
        try:
            self._base = _open(self._path)
            with self._base:
                self._base.execute(
                    "CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, at TEXT NOT NULL,"
                    " step TEXT NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL)"
                )
                self._base.execute(f"PRAGMA user_version = {SCHEMA}")
        except (sqlite3.DatabaseError, DocumentError):
            self._lock.release()
            raise

    def write(self, step: str, kind: Kind, **data: Any) -> Entry:
        """Appends an entry; on disk when this returns. ``data`` must be JSON."""
        at = self._clock.now()
        text = json.dumps(data, ensure_ascii=False, sort_keys=True)
        with self._guard, self._base:
            cursor = self._base.execute(
                "INSERT INTO entries (at, step, kind, data) VALUES (?, ?, ?, ?)",
                (at.isoformat(), step, kind.value, text),
            )
            seq = cursor.lastrowid or 0
        return Entry(seq, at, step, kind, data)

    def entries(self) -> tuple[Entry, ...]:
        """All entries so far, in order."""
        with self._guard:
            return tuple(_rows(self._base))

    def close(self) -> None:
        with self._guard:
            self._base.close()
        self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_journal(folder: Path) -> tuple[Entry, ...]:
    """All entries of a run, without the lock: also while another process writes. Empty if nothing was journalled.

    Raises DocumentError if the file is no journal of ours.
    """
    path = folder / "journal.sqlite"
    if not os.path.lexists(path):
        return ()
    base = _open(path)
    try:
        return tuple(_rows(base))
    except sqlite3.DatabaseError as error:
        raise _broken(path, str(error)) from error
    finally:
        base.close()


def driver_of(folder: Path) -> str | None:
    """Who drives the run at this moment, or None."""
    path = folder / "journal.lock"
    return Lock(path).holder() if path.exists() else None


def _open(path: Path) -> sqlite3.Connection:
    try:
        base = sqlite3.connect(path, check_same_thread=False, timeout=30.0)
        version = base.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        raise _broken(path, str(error)) from error
    if version > SCHEMA:
        raise _broken(path, f"it is of version {version}, this winmigrate knows {SCHEMA}")
    if tables - {"entries"} or (version and "entries" not in tables):
        raise _broken(path, "it holds other tables than a journal's")
    try:
        base.execute("PRAGMA journal_mode = WAL")  # only now: another's database is left as it is
        base.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError as error:
        raise _broken(path, str(error)) from error
    return base


def _rows(base: sqlite3.Connection) -> Iterator[Entry]:
    if not base.execute("SELECT 1 FROM sqlite_master WHERE name = 'entries'").fetchone():
        return
    for seq, at, step, kind, data in base.execute("SELECT seq, at, step, kind, data FROM entries ORDER BY seq"):
        try:
            parsed = json.loads(data)
            if not isinstance(parsed, dict):
                raise ValueError("no mapping")
            yield Entry(int(seq), dt.datetime.fromisoformat(at), str(step), Kind(kind), parsed)
        except (ValueError, TypeError, RecursionError) as error:
            raise DocumentError(
                f"journal.sqlite: entry {seq} cannot be read: {error}", hint="restore the run's folder from a copy"
            ) from error


def _broken(path: Path, reason: str) -> DocumentError:
    return DocumentError(
        f"{path} is no journal that can be read: {reason}",
        hint="look at the hosts with `winmigrate check`; nothing was sent because of this error",
    )
