"""Comparing text as .NET does under the invariant culture (the Unicode root collation).

Three levels: letters, then accents, then case (small before capital). Blanks and punctuation come before digits, digits
before letters. Only the order of ASCII's signs is written down here; further letters keep that of their code points.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_SIGNS = "\t\n\x0b\x0c\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_SIGN_ORDER = {sign: place for place, sign in enumerate(_SIGNS, start=1)}
_EXPANSIONS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i"}


@lru_cache(maxsize=65536)
def collation_key(text: str, ignore_case: bool) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """A key that sorts as the collation does; texts are equal where their keys are."""
    primary: list[int] = []
    secondary: list[int] = []
    tertiary: list[int] = []
    for char in unicodedata.normalize("NFD", text):
        if unicodedata.combining(char):
            secondary.append(len(primary) * 0x10000 + ord(char) % 0x10000)
            continue
        folded = char.lower()
        for letter in _EXPANSIONS.get(folded, folded):
            weight = _primary(letter)
            if weight:
                primary.append(weight)
                tertiary.append(0 if char == folded else 1)
    return tuple(primary), tuple(secondary), () if ignore_case else tuple(tertiary)


def _primary(char: str) -> int:
    sign = _SIGN_ORDER.get(char)
    if sign is not None:
        return sign
    if char.isdigit():
        return 0x2000 + int(unicodedata.digit(char, 0))
    if char.isalpha():
        return 0x3000 + ord(char)
    if unicodedata.category(char) in ("Cc", "Cf"):
        return 0
    return 0x1000 + ord(char) % 0x1000


def compare_text(left: str, right: str, ignore_case: bool) -> int:
    """-1, 0 or 1."""
    if left == right:
        return 0
    left_key, right_key = collation_key(left, ignore_case), collation_key(right, ignore_case)
    return (left_key > right_key) - (left_key < right_key)
