"""A recording that a test plays from, and what is to be said of it when the test has ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from winmigrate.errors import TranscriptError
from winmigrate.transcript import Book, load_book
from winmigrate.transcript.player import Players

if TYPE_CHECKING:
    from winmigrate.inventory import Inventory
    from winmigrate.verbs import Ground


class Replay:
    """A book for one test. ``unused``: "fail" (what nobody asked for fails the test) or "ignore".

    ``strict`` False: what is asked more often than recorded gets its last answer again, and nothing need be used.
    """

    def __init__(self, path: Path, *, strict: bool = True, unused: str = "fail") -> None:
        if unused not in ("fail", "ignore"):
            raise TranscriptError(f'"{unused}" is nothing to do with unused entries; wanted: fail or ignore')
        self.path = path
        self.book: Book = load_book(path, strict=strict)
        self._unused = unused if strict else "ignore"

    @property
    def connector(self) -> Players:
        """Host name -> a fresh session on the recording, on which no time passes."""
        return self.book.connector()

    def ground(self, inventory: Inventory | Path | str | None = None, *, run_dir: Path | str = "runs") -> Ground:
        """A ground for verbs, with the recording's clock. Without an inventory, the one beside the recording."""
        from winmigrate.verbs import stand

        if inventory is None:
            inventory = (self.path if self.path.is_dir() else self.path.parent) / "inventory.yml"
        return stand(inventory, replaying=self.book, run_dir=run_dir)

    def complaints(self) -> tuple[str, ...]:
        """What went otherwise than recorded: requests that were not recorded, entries that nobody asked for."""
        missed = self.book.missed
        if missed:
            return tuple(f"asked and not recorded: {one}" for one in missed)
        if self._unused == "ignore":
            return ()
        return tuple(f"recorded and never asked: {one}" for one in self.book.unused())
