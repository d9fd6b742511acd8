"""The PowerShell in a remedy, taken apart: its cmdlets with the parameters that are named."""

from __future__ import annotations

import re
from collections.abc import Iterator

QUOTES = "'\u2018\u2019\u201a\u201b"

_CMDLET = re.compile(r"\b[A-Z][a-z]+-[A-Z][A-Za-z]+\b")
_PARAMETER = re.compile(r"\s-([A-Z]\w*)")
_END = re.compile(r"[|;,()]| or | and |: ")


def literals(text: str) -> Iterator[tuple[str, str | None]]:
    """Pieces of PowerShell: (text outside quotes, None) and ("", the value of a literal in single quotes).

    As PowerShell's tokenizer does it: any of five characters is a single quote, two in a row stand for one.
    """
    outside, position = "", 0
    while position < len(text):
        char = text[position]
        position += 1
        if char not in QUOTES:
            outside += char
            continue
        yield outside, None
        outside, value = "", ""
        while True:
            if position >= len(text):
                raise ValueError(f"a quote is not closed: {text}")
            char = text[position]
            position += 1
            if char in QUOTES:
                if position < len(text) and text[position] in QUOTES:
                    char = text[position]
                    position += 1
                else:
                    break
            value += char
        yield "", value
    yield outside, None


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """(cmdlet, names of parameters) in the order of the text; prose between them is passed over."""
    text = re.sub(r"\(networks: \{.*?\}\)", "", text)  # YAML has quotes of its own
    bare = "".join(piece if value is None else "''" for piece, value in literals(re.sub(r'"[^"]*"', "''", text)))
    found = list(_CMDLET.finditer(bare))
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(bare)
        part = bare[match.end() : end]
        stop = _END.search(part)
        yield match.group(), _PARAMETER.findall(part[: stop.start()] if stop else part)
