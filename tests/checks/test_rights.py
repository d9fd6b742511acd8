"""Rights by a list of entries: tables of what Windows answers, and that no doubt is ever taken for an answer."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.checks.rights import Computer, Entry, held, of_folder, of_share
from winmigrate.facts import Unreadable
from winmigrate.windows.share import FULL, AclEntry, ShareAccess

ME, GROUP, OTHER, MAYBE = "CORP\\HV01$", "CORP\\Hosts", "CORP\\Others", "CORP\\Rack"
READ, CHANGE = 0x1200A9, 0x1301BF


def belongs(account: str) -> bool | None:
    return {ME: True, GROUP: True, OTHER: False}.get(account)


def allow(account: str, mask: int = FULL, *, inherited: bool = False) -> Entry:
    return Entry(account, True, mask, mask, inherited)


def deny(account: str, mask: int = FULL, *, inherited: bool = False) -> Entry:
    return Entry(account, False, mask, mask, inherited)


@pytest.mark.parametrize(
    ("entries", "full"),
    [
        ([], False),
        ([allow(ME)], True),
        ([allow(GROUP)], True),
        ([allow(OTHER)], False),
        ([allow(MAYBE)], None),
        ([allow(ME, CHANGE)], False),
        ([allow(ME, CHANGE), allow(GROUP, FULL & ~CHANGE)], True),
        ([allow(ME), deny(GROUP)], False),
        ([allow(ME), deny(GROUP, 0x1)], False),
        ([allow(ME), deny(OTHER)], True),
        ([allow(ME), deny(MAYBE)], None),
        ([allow(MAYBE), deny(ME)], False),
        ([allow(ME, CHANGE), allow(MAYBE, READ)], False),
        ([deny(ME, inherited=True), allow(ME)], True),
        ([deny(ME), allow(ME, inherited=True)], False),
        ([deny(MAYBE, inherited=True), allow(ME)], True),
        ([allow(ME, READ), deny(ME, FULL & ~READ, inherited=True), allow(ME, inherited=True)], False),
        ([Entry(ME, True, 0, FULL)], None),
        ([allow(ME), Entry(ME, False, 1, FULL)], False),
    ],
)
def test_full_rights(entries: list[Entry], full: bool | None) -> None:
    assert held(entries, belongs).full is full


def test_who_denies_and_who_decides() -> None:
    assert held([allow(ME), deny(GROUP), deny(OTHER)], belongs).denied_by == (GROUP,)
    assert held([allow(MAYBE), allow("CORP\\Readers", READ), deny(OTHER)], belongs).open == (MAYBE, "CORP\\Readers")
    assert held([allow(ME), deny(MAYBE, 1)], belongs).open == (MAYBE,)


_ACCOUNTS = ("a", "b", "c", "d")
_ENTRIES = st.lists(
    st.builds(
        lambda account, allows, least, extra, inherited: Entry(account, allows, least, least | extra, inherited),
        st.sampled_from(_ACCOUNTS),
        st.booleans(),
        st.sampled_from([0, 1, READ, CHANGE, FULL]),
        st.sampled_from([0, 0, FULL]),
        st.booleans(),
    ),
    max_size=6,
)


def _windows(entries: list[tuple[bool, int, bool]]) -> int:
    """The rights as Windows finds them: entry by entry in their order, each bit by the first that speaks of it."""
    order = sorted(entries, key=lambda one: (one[2], one[0]))
    decided = granted = 0
    for allows, mask, _ in order:
        granted |= mask & ~decided if allows else 0
        decided |= mask
    return granted


@given(_ENTRIES, st.fixed_dictionaries({name: st.sampled_from([True, False, None]) for name in _ACCOUNTS}))
def test_an_answer_holds_whatever_is_behind_the_doubt(entries: list[Entry], known: dict[str, bool | None]) -> None:
    found = held(entries, known.__getitem__).full
    seen = set()
    doubted = [name for name in _ACCOUNTS if known[name] is None]
    for choice in itertools.product([True, False], repeat=len(doubted)):
        members = {**known, **dict(zip(doubted, choice, strict=True))}
        mine = [entry for entry in entries if members[entry.account]]
        for most in itertools.product([True, False], repeat=len(mine)):
            pairs = zip(mine, most, strict=True)
            masks = [(one.allows, one.most if top else one.least, one.inherited) for one, top in pairs]
            seen.add(_windows(masks) == FULL)
    if found is not None:
        assert seen == {found}


HV01 = Computer("HV01", "CORP")


@pytest.mark.parametrize(
    ("account", "mine"),
    [
        ("CORP\\HV01$", True), ("corp\\hv01$", True), ("CORP\\HV02$", False), ("OTHER\\HV01$", None),
        ("OTHER\\HV02$", False), ("Everyone", True), ("NT AUTHORITY\\Authenticated Users", True),
        ("NT AUTHORITY\\SYSTEM", False), ("NT AUTHORITY\\Something", None), ("CREATOR OWNER", False), ("Jeder", None),
        ("CORP\\Domain Computers", True), ("CORP\\Domain Users", False), ("CORP\\Domain Admins", False),
        ("CORP\\Hosts", None), ("FS01\\Administrator", False), ("FS01\\Hosts", None), ("BUILTIN\\Users", None),
        ("BUILTIN\\Administrators", None), ("NT SERVICE\\TrustedInstaller", False), ("S-1-1-0", True),
        ("S-1-5-11", True), ("S-1-5-18", False), ("S-1-5-21-1-2-3-1105", None), ("S-1-5-21-1-2-3-513", False),
        ("S-1-5-32-545", None), ("", None),
    ],
)  # fmt: skip
def test_whom_a_name_means_when_no_directory_is_asked(account: str, mine: bool | None) -> None:
    assert HV01.belongs(account) is mine


@pytest.mark.parametrize(
    ("account", "mine"),
    [
        ("CORP\\Hosts", True), ("CORP\\Others", False), ("corp\\hosts", True), ("S-1-5-21-1-2-3-2101", True),
        ("S-1-5-21-1-2-3-2199", False), ("S-1-5-21-1-2-3-1601", True), ("S-1-5-21-1-2-3-515", True),
        ("CORP\\Domain Admins", False), ("BUILTIN\\Administrators", False), ("FS01\\Hosts", None),
    ],
)  # fmt: skip
def test_whom_a_name_means_when_the_groups_are_known(account: str, mine: bool | None) -> None:
    groups = frozenset({"corp\\hosts", "s-1-5-21-1-2-3-2101"})
    administrators = frozenset({"fs01\\administrator", "corp\\domain admins"})
    assert Computer("HV01", "CORP", "S-1-5-21-1-2-3-1601", groups, administrators).belongs(account) is mine


def test_administrators_of_the_server_are_looked_into() -> None:
    def mine(*members: str) -> bool | None:
        return Computer("HV01", "CORP", administrators=frozenset(members)).belongs("BUILTIN\\Administrators")

    assert mine("fs01\\administrator") is False
    assert mine("fs01\\administrator", "corp\\hv01$") is True
    assert mine("corp\\hosts") is None
    assert mine("builtin\\administrators") is False


def test_what_is_no_entry_is_unreadable() -> None:
    odd = Unreadable("odd")
    good = ShareAccess("vms", "*", ME, "Allow", "Full")
    assert of_share([good]) == (Entry(ME, True),)
    for wrong in (
        ShareAccess("vms", "*", odd, "Allow", "Full"), ShareAccess("vms", "*", ME, "Perhaps", "Full"),
        ShareAccess("vms", "*", ME, "Allow", "All"), ShareAccess("vms", "*", ME, odd, "Full"),
    ):  # fmt: skip
        assert isinstance(of_share([good, wrong]), Unreadable)
    folder = AclEntry("x::D:\\", ME, "Allow", FULL, False, ())
    assert of_folder([folder]) == (Entry(ME, True),)
    for entry in (
        AclEntry("x::D:\\", ME, "Perhaps", FULL, False, ()), AclEntry("x::D:\\", ME, "Allow", odd, False, ()),
        AclEntry("x::D:\\", ME, "Allow", FULL, odd, ()), AclEntry("x::D:\\", ME, "Allow", FULL, False, odd),
    ):  # fmt: skip
        assert isinstance(of_folder([folder, entry]), Unreadable)
