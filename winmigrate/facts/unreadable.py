"""A fact that could not be read, with the reason: never None, never a pass."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A fact that could not be read. ``reason`` is a clause: "access denied for CORP\\ops", "not on this build".

    ``needs`` names the one right or connection that would make it readable, to group by; empty where unknown.
    """

    unreadable: str
    needs: str = ""

    @property
    def reason(self) -> str:
        return self.unreadable

    def __bool__(self) -> bool:
        raise TypeError(f"an unreadable fact is neither true nor false ({self.unreadable})")
