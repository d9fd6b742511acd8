"""The small languages of both files: sizes, names, credentials, addresses; and what is refused anywhere in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

from winmigrate.errors import Fault
from winmigrate.inventory.types import CredentialRef, SecondHop
from winmigrate.marked import Marked, shown

UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]*)")
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_IPV6 = re.compile(r"\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%\w]*\]?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TAG = re.compile(r"[\w.-]{1,60}")


def parse_size(text: str) -> int:
    """Bytes of ``16 GiB`` (or B, KB, MB, GB, TB, KiB, MiB, TiB). Raises ValueError: no unit, no number."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{shown(text)} is no size; wanted: such as 16 GiB or 500 MiB")
    number, unit = match.groups()
    if not unit:
        raise ValueError(f"{shown(text)} has no unit; wanted: such as {number} GiB or {number} MiB")
    factor = {name.casefold(): size for name, size in UNITS.items()}.get(unit.casefold())
    if factor is None:
        raise ValueError(f"{shown(unit)} is no unit of size; wanted: one of {', '.join(UNITS)}")
    return int(Decimal(number) * factor)


def parse_credential(text: str, base: Path) -> CredentialRef:
    """A reference to a credential; a path is taken from ``base``. Raises ValueError, which never shows the text."""
    if text in ("prompt", "ticket"):
        return CredentialRef(text)
    source, colon, name = text.partition(":")
    wanted = "keyring:NAME | env:NAME | file:PATH | prompt | ticket"
    if not colon or source not in ("keyring", "env", "file"):
        raise ValueError(f"this names no credential; wanted: {wanted} (never the secret itself)")
    if not name or name != name.strip():
        raise ValueError(f"{source}: names nothing; wanted: {wanted}")
    if source == "env" and re.fullmatch(r"[A-Za-z_]\w*", name) is None:
        raise ValueError("env: wants the name of an environment variable: letters, digits and _")
    return CredentialRef(source, str(base / name) if source == "file" else name)


def parse_second_hop(text: str) -> SecondHop:
    """``credssp``, ``credential``, ``jea:ENDPOINT`` or ``none``."""
    if text in ("credssp", "credential", "none"):
        return SecondHop(text)
    kind, _, endpoint = text.partition(":")
    if kind == "jea" and re.fullmatch(r"[\w.-]+", endpoint):
        return SecondHop("jea", endpoint)
    raise ValueError(f"{shown(text)} is none of credssp | credential | jea:ENDPOINT | none")


def parse_tls(text: str) -> tuple[str, str | None]:
    """``verified``, ``unverified`` or ``pinned SHA256`` as (word, pin)."""
    if text in ("verified", "unverified"):
        return text, None
    word, _, pin = text.partition(" ")
    digits = pin.replace(":", "").strip().lower()
    if word == "pinned" and _SHA256.fullmatch(digits):
        return "pinned", digits
    if word == "pinned":
        raise ValueError("pinned wants the SHA-256 of the host's certificate: 64 hex digits")
    raise ValueError(f"{shown(text)} is none of verified | pinned SHA256 | unverified")


def name_fault(text: str) -> str | None:
    """What is wrong with a host's or cluster's name."""
    if _HOST_NAME.fullmatch(text) is None:
        return f"{shown(text)} is no name of a host; wanted: letters, digits, dots, hyphens"
    if text in ("default", "all", "none"):
        return f"{shown(text)} is a word of this file; call the host by another name"
    return None


def address_fault(text: str) -> str | None:
    """What is wrong with an address: a DNS name or an IP address, nothing more."""
    if "://" in text or "/" in text:
        return f"{shown(text)} is a URL; wanted: a DNS name or IP address (the port stands in transport)"
    if "@" in text:
        return "an address with a user in it; wanted: a DNS name or IP address (and a credential by name)"
    if text.count(":") == 1:
        return f"{shown(text)} has a port; wanted: a DNS name or IP address (the port stands in transport)"
    if _HOST_NAME.fullmatch(text) is None and _IPV6.fullmatch(text) is None:
        return f"{shown(text)} is no DNS name or IP address"
    return None


def tag_fault(text: str) -> str | None:
    """What is wrong with a tag."""
    return None if _TAG.fullmatch(text) else f"{shown(text)} is no tag; wanted: letters, digits, dots, hyphens"


# --- what no text of either file may hold ------------------------------------------------------------------------

_JINJA = re.compile(r"\{\{|\{%|\{#")
_POWERSHELL = re.compile(r"\$\(|\$\{|\$env:|\$_\b|^\s*&\s|`", re.IGNORECASE)
_SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:password|passwd|pwd)\s*=\s*\S", re.IGNORECASE)


def foreign_faults(root: Marked, is_name: Callable[[Marked], bool]) -> Iterator[Fault]:
    """Secrets and Jinja anywhere, and PowerShell where no name of Windows stands (names may hold ``$( )``)."""
    if isinstance(root.value, dict):
        for child in root.value.values():
            yield from foreign_faults(child, is_name)
    elif isinstance(root.value, list):
        for child in root.value:
            yield from foreign_faults(child, is_name)
    elif _SECRET.search(root.text):
        yield root.fault("this looks like a secret; name it (credential: keyring:NAME, env:NAME, file:PATH, prompt)")
    elif _JINJA.search(root.text):
        yield root.fault("Jinja is not read here: write the value out (a VM with such a name is chosen by id:GUID)")
    elif not is_name(root) and _POWERSHELL.search(root.text):
        yield root.fault("PowerShell is not read here: write the value out")
