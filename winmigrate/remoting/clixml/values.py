"""What CLIXML becomes that Python has no type of its own for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A .NET enumeration value: its name(s) as text and its number."""

    name: str
    value: int


@dataclass(slots=True)
class PSObject:
    """Any object with properties. ``type_names`` most derived first, without the "Deserialized." prefix.

    ``properties`` holds adapted and note properties in the order of the document, by their names as written.
    """

    type_names: tuple[str, ...] = ()
    to_string: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class SealedText:
    """The text of a SecureString as it was sent: sealed with a session key that is not ours to keep. Never shown."""

    sealed: str

    def __repr__(self) -> str:
        return "SealedText(***)"
