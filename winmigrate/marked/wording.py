"""How a value that an operator wrote is shown back: quoted, on one line, short."""

from __future__ import annotations

import json
import unicodedata

_LONGEST = 60


def shown(text: str) -> str:
    """``text`` in double quotes; what cannot be seen is escaped, what is long is cut."""
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    visible = "".join(_visible(char) for char in text.replace("\\", "\x00"))
    return '"' + visible.replace("\x00", "\\") + '"'


def _visible(char: str) -> str:
    if char in ("\x00", " "):
        return char
    if unicodedata.category(char)[0] in "CZ":
        return json.dumps(char)[1:-1] if char < "\x80" else f"\\u{ord(char):04x}"
    return char


def control_character(text: str) -> str | None:
    """The name of the first control character, line separator or lone surrogate in ``text``; None if there is none."""
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            return f"U+{ord(char):04X}"
    return None
