"""The words of findings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.commands import literals
from winmigrate.checks.reserves import GIB, disk_kept, disk_reserve, memory_kept, memory_reserve
from winmigrate.checks.words import count, listed, name, quoted, several, size
from winmigrate.inventory.types import Host, Inventory, Reserve


@given(st.text(st.sampled_from("'\u2018\u2019\u201a\u201b\"`$(){}[];|& \nab\u00e4\U0001f600"), max_size=20) | st.text())
def test_a_literal_is_the_text_and_nothing_else(text: str) -> None:
    pieces = list(literals(f"x {quoted(text)} y"))
    assert pieces == [("x ", None), ("", text), (" y", None)]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (GIB, "1 GiB"),
        (int(4.5 * GIB), "4.5 GiB"),
        (173 * GIB, "173 GiB"),
        (2048 * GIB, "2 TiB"),
        (-3 * GIB, "-3 GiB"),
    ],
)
def test_sizes(amount: int, text: str) -> None:
    assert size(amount) == text


def test_names() -> None:
    assert name("web01") == "web01"
    assert name("web 01") == "web 01"
    assert name('a"b\nc') == '"a"b\\nc"'
    assert listed(["a", "b"]) == '"a", "b"'
    assert listed([], "nothing") == "nothing"
    assert several(str(number) for number in range(7)) == "0, 1, 2, 3, 4 and 2 more"
    assert (count(1, "disk"), count(2, "disk"), count(2, "copy", "copies")) == ("1 disk", "2 disks", "2 copies")


def test_reserves() -> None:
    assert memory_reserve(64 * GIB) == 8 * GIB
    assert memory_reserve(200 * GIB) == 20 * GIB
    assert disk_reserve(100 * GIB) == 50 * GIB
    assert disk_reserve(1000 * GIB) == 150 * GIB
    inventory = Inventory("i", {"a": Host("a", "a", reserve=Reserve(GIB, {"E": 2 * GIB})), "b": Host("b", "b")})
    assert memory_kept(inventory, "a", 64 * GIB) == GIB
    assert memory_kept(inventory, "b", 64 * GIB) == 8 * GIB
    assert memory_kept(inventory, "c", 64 * GIB) == 8 * GIB
    assert disk_kept(inventory, "a", "e", 1000 * GIB) == 2 * GIB
    assert disk_kept(inventory, "a", "D", 1000 * GIB) == 150 * GIB
