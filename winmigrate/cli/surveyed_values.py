"""What the parts of ``lab from`` share: values of a survey that may not have been read, and remarks on them."""

from __future__ import annotations

from typing import Any, Protocol

from winmigrate.facts import Unreadable


class Remarks(Protocol):
    """Takes sentences on what is assumed."""

    def add(self, sentence: str) -> None: ...


def read(found: Any) -> Any:
    """A value, or None where it was not read."""
    return None if isinstance(found, Unreadable) else found


def read_rows(found: Any) -> tuple[Any, ...]:
    """The rows of a table, none where it was not read."""
    return () if found is None or isinstance(found, Unreadable) else tuple(found)


def compact(found: dict[str, Any]) -> dict[str, Any]:
    """Without what has no value."""
    return {key: value for key, value in found.items() if value is not None and not isinstance(value, Unreadable)}


def filled(found: dict[str, Any]) -> dict[str, Any]:
    """Without what has no value or holds nothing."""
    empty: tuple[Any, ...] = ({}, [], ())
    return {key: value for key, value in compact(found).items() if value not in empty}
