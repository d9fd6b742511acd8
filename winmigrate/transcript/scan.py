"""Looking for secrets in what is about to be written: where, never what.

Two nets: known secrets (canaries) in every spelling that a Windows protocol or a log would give them; and shapes that
hold secrets whoever made them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote
from xml.sax.saxutils import escape

#: A canary shorter than this would be found everywhere.
SHORTEST = 4

_HIDDEN = r"(?:\*+|<[^<>]{0,200}>|\$\w+|null|None|true|false|Secret\()"
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a sealed SecureString", re.compile(r"<SS\b[^<>]{0,200}>(?!\*{3}<)[^<]+</SS>")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    (
        "a password beside its name",
        re.compile(
            rf"(?i)\b\w*(?:password|passwd|pwd|passphrase|secret|api[_-]?key|access[_-]?token)[\"']?\s*[=:]\s*[\"']?"
            rf"(?!{_HIDDEN})[^\s\"'<>;,{{}}\[\]\\]{{3,}}"
        ),
    ),
    (
        "a property that is called like a password",
        re.compile(r'(?i)<S N=\\?"[^"]*(?:password|passwd|passphrase|secret|apikey|token)\\?">(?!\*{3}<)[^<]+</S>'),
    ),
    ("a password on a command line", re.compile(r"(?i)\bConvertTo-SecureString\s+(?:-String\s+)?[\"'][^\"']+")),
    ("an authorization header", re.compile(r"(?i)\bAuthorization\\?\"?:\s*\\?\"?(?:Basic|Bearer)\s+\S{6,}")),
    ("a URL with a password", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/@:\"<>]+:[^\s/@:\"<>]+@")),
)


def find_secrets(text: str, canaries: Iterable[str] = ()) -> list[str]:
    """What looks like a secret, each as "line 3: a private key"; empty if nothing does."""
    found: list[tuple[int, str]] = []
    for what, shape in _SHAPES:
        found.extend((_line(text, match.start()), what) for match in shape.finditer(text))
    folded = text.lower()
    for number, canary in enumerate(canaries, 1):
        if len(canary) < SHORTEST:
            continue
        for spelling, written in spellings(canary):
            place = folded.find(written.lower()) if spelling == "hex" else text.find(written)
            if place >= 0:
                found.append((_line(text, place), f"secret number {number}, {spelling}"))
    return [f"line {line}: {what}" for line, what in dict.fromkeys(sorted(found))]


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def spellings(secret: str) -> Iterator[tuple[str, str]]:
    """The ways in which a secret could stand in text: (what it is called, the text)."""
    yield "plain", secret
    for quoted in (escape(secret), escape(secret, {'"': "&quot;", "'": "&apos;"}), json.dumps(secret)[1:-1]):
        if quoted != secret:
            yield "plain, escaped", quoted
            yield "plain, escaped", json.dumps(quoted, ensure_ascii=False)[1:-1]
    if json.dumps(secret, ensure_ascii=False)[1:-1] != secret:
        yield "plain, escaped", json.dumps(secret, ensure_ascii=False)[1:-1]
    if quote(secret, safe="") != secret:
        yield "plain, percent-encoded", quote(secret, safe="")
    yield "UTF-16", "\x00".join(secret)
    yield "UTF-16", json.dumps("\x00".join(secret), ensure_ascii=False)[1:-1]
    yield "UTF-16", "_x0000_".join(secret)
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        data = secret.encode(encoding, "surrogatepass")
        yield "hex", data.hex()
        yield "hex", data.hex("-")
        yield "hex", data.hex(" ")
        yield from (("base64", written) for written in _base64(data))


def _base64(data: bytes) -> Iterator[str]:
    """Base64 of the bytes wherever they begin in a longer text: three alignments, without the edges they share."""
    for shift in range(3):
        coded = base64.b64encode(b"\x00" * shift + data).decode("ascii").rstrip("=")
        start = (0, 2, 3)[shift]
        stop = len(coded) if (shift + len(data)) % 3 == 0 else len(coded) - 1
        if stop - start >= SHORTEST:
            yield coded[start:stop]
            yield coded[start:stop].replace("+", "-").replace("/", "_")
