"""Security identifiers and security descriptors as the directory holds them, in bytes.

Layouts: [MS-DTYP] 2.4.2.2 (SID), 2.4.4 (ACE), 2.4.5 (ACL), 2.4.6 (security descriptor, self-relative).
https://learn.microsoft.com/openspecs/windows_protocols/ms-dtyp/7d4dac05-9cef-4563-a058-f108abecce1d
"""

from __future__ import annotations

import struct

EVERYONE = "S-1-1-0"

_DACL_PRESENT = 0x0004
_ALLOWED = frozenset({0x00, 0x05, 0x09, 0x0B})
_DENIED = frozenset({0x01, 0x06, 0x0A, 0x0C})
#: ACEs that may name object types between mask and SID.
_OF_OBJECTS = frozenset({0x05, 0x06, 0x0B, 0x0C})
#: An entry that is there for those below the object only says nothing about the object.
_INHERIT_ONLY = 0x08
#: ADS_RIGHT_DS_CONTROL_ACCESS, GENERIC_ALL: what a KDC looks for ([MS-SFU] 3.2.5.2.3).
_CONTROL_ACCESS = 0x00000100 | 0x10000000
_MOST_AUTHORITIES = 15


def sid_text(data: bytes) -> str:
    """``S-1-5-21-...`` of a SID in bytes; what stands behind it is passed over. Raises ValueError."""
    if len(data) < 8:
        raise ValueError(f"a SID of {len(data)} bytes")
    revision, count = data[0], data[1]
    if revision != 1 or count > _MOST_AUTHORITIES or len(data) < 8 + 4 * count:
        raise ValueError(f"no SID: revision {revision}, {count} parts in {len(data)} bytes")
    authority = int.from_bytes(data[2:8], "big")
    parts = struct.unpack_from(f"<{count}I", data, 8)
    shown = str(authority) if authority < 1 << 32 else f"0x{authority:012X}"
    return "-".join(["S", str(revision), shown, *(str(part) for part in parts)])


def sid_bytes(text: str) -> bytes:
    """The bytes of ``S-1-5-21-...``. Raises ValueError."""
    words = text.split("-")
    if len(words) < 3 or words[0] not in ("S", "s") or words[1] != "1" or len(words) - 3 > _MOST_AUTHORITIES:
        raise ValueError(f"no SID: {text}")
    authority = int(words[2], 16 if words[2][:2].lower() == "0x" else 10)
    parts = [int(word) for word in words[3:]]
    try:
        return bytes([1, len(parts)]) + authority.to_bytes(6, "big") + struct.pack(f"<{len(parts)}I", *parts)
    except (OverflowError, struct.error) as error:
        raise ValueError(f"no SID: {text}") from error


def trusted_sids(data: bytes) -> tuple[str, ...]:
    """Whom a descriptor of msDS-AllowedToActOnBehalfOfOtherIdentity lets in, as SIDs, each once and in order.

    One that is refused before it is let in is not among them; without any list everyone is let in. Raises ValueError.
    """
    if len(data) < 20 or data[0] != 1:
        raise ValueError(f"no security descriptor: {len(data)} bytes")
    control, start = struct.unpack_from("<H", data, 2)[0], struct.unpack_from("<I", data, 16)[0]
    if not control & _DACL_PRESENT or start == 0:
        return (EVERYONE,)
    allowed: dict[str, None] = {}
    denied: set[str] = set()
    for allows, sid in _entries(data, start):
        if allows and sid not in denied and EVERYONE not in denied:
            allowed[sid] = None
        elif not allows:
            denied.add(sid)
    return tuple(allowed)


def _entries(data: bytes, start: int) -> list[tuple[bool, str]]:
    if start + 8 > len(data):
        raise ValueError("a security descriptor whose list lies outside of it")
    _, _, size, count, _ = struct.unpack_from("<BBHHH", data, start)
    end = min(start + size, len(data))
    found: list[tuple[bool, str]] = []
    at = start + 8
    for _ in range(count):
        if at + 8 > end:
            raise ValueError(f"a list of {count} entries that ends after {len(found)}")
        kind, flags, length = struct.unpack_from("<BBH", data, at)
        if length < 8 or at + length > end:
            raise ValueError(f"an entry of {length} bytes")
        if kind in _ALLOWED | _DENIED and not flags & _INHERIT_ONLY:
            mask = struct.unpack_from("<I", data, at + 4)[0]
            sid = sid_text(data[_sid_start(data, at, kind, at + length) : at + length])
            if mask & _CONTROL_ACCESS:
                found.append((kind in _ALLOWED, sid))
        at += length
    return found


def _sid_start(data: bytes, at: int, kind: int, end: int) -> int:
    if kind not in _OF_OBJECTS:
        return at + 8
    if at + 12 > end:
        raise ValueError("an entry that ends before its object types")
    present = int.from_bytes(data[at + 8 : at + 12], "little")
    return at + 12 + 16 * (present & 1) + 16 * (present >> 1 & 1)
