"""SIDs and security descriptors in bytes: what is written is read, and nothing odd gets out but ValueError."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.directory.descriptor import EVERYONE, sid_bytes, sid_text, trusted_sids

FULL = 0x000F01FF
READ = 0x00020094
ALLOW, DENY, ALLOW_OBJECT, AUDIT = 0x00, 0x01, 0x05, 0x02

sids = st.builds(
    lambda authority, parts: "-".join(["S", "1", str(authority), *map(str, parts)]),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 2**32 - 1), max_size=15),
)


def ace(kind: int, sid: str, mask: int = FULL, flags: int = 0, objects: int = 0) -> bytes:
    body = struct.pack("<I", mask)
    if kind in (0x05, 0x06):
        body += struct.pack("<I", objects) + b"\x11" * 16 * (objects & 1) + b"\x22" * 16 * (objects >> 1)
    body += sid_bytes(sid)
    return struct.pack("<BBH", kind, flags, 4 + len(body)) + body


def descriptor(*aces: bytes, owner: str = "S-1-5-32-544", group: str = "") -> bytes:
    entries = b"".join(aces)
    acl = struct.pack("<BBHHH", 4, 0, 8 + len(entries), len(aces), 0) + entries
    own = sid_bytes(owner)
    other = sid_bytes(group) if group else b""
    at = 20 + len(acl)
    return struct.pack("<BBHIIII", 1, 0, 0x8004, at, at + len(own) if group else 0, 0, 20) + acl + own + other


@given(sids)
def test_a_sid_is_read_as_it_was_written(sid: str) -> None:
    assert sid_text(sid_bytes(sid)) == sid


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("S-1-5-32-544", "01020000000000052000000020020000"),
        ("S-1-1-0", "010100000000000100000000"),
        ("S-1-5-21-1-2-3-1105", "0105000000000005150000000100000002000000030000005104 0000".replace(" ", "")),
        ("S-1-0x010000000000", "0100010000000000"),
    ],
)
def test_sids_as_windows_writes_them(text: str, data: str) -> None:
    assert sid_text(bytes.fromhex(data)) == text
    assert sid_bytes(text) == bytes.fromhex(data)


_TOO_LONG = "S-1-5-" + "1-" * 15 + "1"


@pytest.mark.parametrize("text", ["", "S-1", "S-2-5-1", "X-1-5-1", "S-1-5-x", "S-1-5-4294967296", _TOO_LONG])
def test_what_is_no_sid(text: str) -> None:
    with pytest.raises(ValueError):
        sid_bytes(text)


@given(st.lists(sids, max_size=6), st.sampled_from(["", "S-1-5-32-545"]))
def test_all_who_are_let_in_are_found(trusted: list[str], group: str) -> None:
    made = descriptor(*(ace(ALLOW, sid) for sid in trusted), group=group)
    assert trusted_sids(made) == tuple(dict.fromkeys(trusted))


_made = st.lists(sids, max_size=3).map(lambda those: descriptor(*(ace(ALLOW, one) for one in those)))


@given(st.binary(max_size=120) | _made, st.integers(0, 150), st.integers(0, 255))
def test_odd_bytes_are_refused_and_nothing_else(data: bytes, at: int, byte: int) -> None:
    changed = data[:at] + bytes([byte]) + data[at + 1 :]
    for odd in (data, changed, data[:at]):
        try:
            found = trusted_sids(odd)
        except ValueError:
            continue
        assert all(sid.startswith("S-1-") for sid in found)


HOST, OTHER = "S-1-5-21-1-2-3-1601", "S-1-5-21-1-2-3-1602"


@pytest.mark.parametrize(
    ("aces", "trusted"),
    [
        ([ace(ALLOW, HOST)], (HOST,)),
        ([ace(ALLOW_OBJECT, HOST, objects=objects) for objects in (0, 1, 2, 3)], (HOST,)),
        ([ace(ALLOW, HOST, READ)], ()),
        ([ace(ALLOW, HOST, 0x10000000)], (HOST,)),
        ([ace(AUDIT, HOST), ace(ALLOW, OTHER)], (OTHER,)),
        ([ace(DENY, HOST), ace(ALLOW, HOST), ace(ALLOW, OTHER)], (OTHER,)),
        ([ace(ALLOW, HOST), ace(DENY, HOST)], (HOST,)),
        ([ace(DENY, EVERYONE), ace(ALLOW, HOST)], ()),
        ([ace(ALLOW, HOST, flags=0x0B)], ()),
        ([], ()),
    ],
)
def test_who_is_let_in(aces: list[bytes], trusted: tuple[str, ...]) -> None:
    assert trusted_sids(descriptor(*aces)) == trusted


def test_a_descriptor_without_a_list_lets_everyone_in() -> None:
    assert trusted_sids(struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)) == (EVERYONE,)
