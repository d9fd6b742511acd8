"""Wildcards and lists in parameters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winmigrate.lab.cmdlets.desk import each, named, wildcard
from winmigrate.lab.engine.values import Int32, NetList


@pytest.mark.parametrize(("pattern", "text", "fits"), [
    ("web*", "WEB01", True),
    ("web?1", "web01", True),
    ("web[0-4]1", "web01", True),
    ("web[5-9]1", "web01", False),
    ("a`*b", "a*b", True),
    ("*`?", "what?", True),
    ("old's \"vm\" [[]x]", "old's \"vm\" [x]", True),
    ("[x", "[x", True),
    ("[z-a]", "[z-a]", True),
    ("a.b", "axb", False),
    ("*.vhdx", "a.VHDX", True),
])
def test_names_fit_patterns(pattern: str, text: str, fits: bool) -> None:
    assert bool(named([text], pattern, str)) is fits


@settings(deadline=None)
@given(st.text())
def test_any_pattern_can_be_asked_for(pattern: str) -> None:
    found = named(["web01", pattern], pattern, str)
    assert wildcard(pattern) is not None or pattern in found


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="*?[`")))
def test_text_without_signs_is_meant_as_it_is(text: str) -> None:
    assert wildcard(text) is None
    assert named([text, text + "x"], text, str) == [text]


@pytest.mark.parametrize(("value", "elements"), [
    (None, []), ("a", ["a"]), (["a", "b"], ["a", "b"]), (NetList(("x",), [1]), [1]), (Int32(4), [4]),
])
def test_one_value_or_many(value: object, elements: list[object]) -> None:
    assert each(value) == elements
