"""Numbers with units, names that cannot do harm."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting.samples import HOSTILE, HOSTILE_SHOWN
from winmigrate.reporting.words import clock_time, duration, name, rate, size, span, visible


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (37 * 2**30, "37 GiB"), (1.5 * 2**40, "1.5 TiB"),
        (-(2**30), "-1 GiB"),
    ],
)
def test_sizes(amount: float, text: str) -> None:
    assert size(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.7, "0.7 s"), (42, "42 s"), (540, "9 min"), (12000, "3 h 20 min"), (187200, "2 d 4 h"), (-3, "0 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"), [(540, 720, "9-12 min"), (30, 240, "30 s - 4 min"), (60, 60, "1 min"), (3, 9, "3-9 s")]
)
def test_spans_have_one_unit_where_both_ends_have(low: float, high: float, text: str) -> None:
    assert span(low, high) == text


def test_rates_and_times() -> None:
    assert rate(180 * 2**20) == "180 MiB/s"
    at = dt.datetime(2026, 11, 25, 21, 2, tzinfo=dt.timezone.utc)
    assert clock_time(at, dt.timezone(dt.timedelta(hours=1))) == "22:02"


@pytest.mark.parametrize("plain", ["web01", "SQL Server 2019", "büro-1", "a.b@c+d"])
def test_plain_names_stay_as_they_are(plain: str) -> None:
    assert name(plain) == plain


def test_odd_names_are_quoted_and_escaped() -> None:
    assert name(HOSTILE) == HOSTILE_SHOWN


@given(st.text())
def test_what_is_shown_holds_nothing_that_a_terminal_acts_on(text: str) -> None:
    assert name(text).isprintable()
    assert visible(text).isprintable()


@given(st.text(st.characters(codec="utf-8")))
def test_different_names_are_shown_differently(text: str) -> None:
    assert name(text) != name(text + "\n")
