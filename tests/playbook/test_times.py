from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.playbook.paths import name_in_path_fault, parse_path
from winmigrate.playbook.times import Moment, Window, parse_duration, parse_moment

BERLIN = ZoneInfo("Europe/Berlin")
WEEKEND = Window(parse_moment("Sat 20:00"), parse_moment("Sun 20:00"))
ONCE = Window(parse_moment("2026-11-28 22:00"), parse_moment("06:00"))
NIGHT = Window(parse_moment("22:00"), parse_moment("06:00"))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("window", "now", "span"),
    [
        (NIGHT, "2026-11-25 12:00", ("2026-11-25 22:00", "2026-11-26 06:00")),
        (NIGHT, "2026-11-25 22:00", ("2026-11-25 22:00", "2026-11-26 06:00")),
        (NIGHT, "2026-11-26 02:00", ("2026-11-25 22:00", "2026-11-26 06:00")),
        (NIGHT, "2026-11-26 06:00", ("2026-11-26 22:00", "2026-11-27 06:00")),
        (WEEKEND, "2026-11-25 12:00", ("2026-11-28 20:00", "2026-11-29 20:00")),
        (WEEKEND, "2026-11-29 19:59", ("2026-11-28 20:00", "2026-11-29 20:00")),
        (ONCE, "2026-11-25 12:00", ("2026-11-28 22:00", "2026-11-29 06:00")),
        (ONCE, "2026-11-30 12:00", None),
        (NIGHT, "2026-10-24 23:00", ("2026-10-24 22:00", "2026-10-25 06:00")),
    ],
)  # fmt: skip
def test_windows(window: Window, now: str, span: tuple[str, str] | None) -> None:
    expected = None if span is None else (at(span[0]), at(span[1]))
    assert window.span(at(now), BERLIN) == expected
    assert window.span(at(now).astimezone(dt.timezone.utc), BERLIN) == expected


def test_a_window_over_the_change_of_the_clocks_is_an_hour_longer() -> None:
    span = NIGHT.span(at("2026-10-24 23:00"), BERLIN)
    assert span is not None
    assert span[1].timestamp() - span[0].timestamp() == 9 * 3600


_MOMENTS = st.builds(
    Moment, st.times().map(lambda t: t.replace(second=0, microsecond=0)), st.none() | st.integers(0, 6)
)


@given(_MOMENTS, st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.timezone.utc)))
def test_moments_come_and_came_within_a_week_and_a_bit(moment: Moment, now: dt.datetime) -> None:
    ahead, back = moment.next(now, BERLIN), moment.last(now, BERLIN)
    assert ahead is not None
    assert back is not None
    assert dt.timedelta(0) <= ahead - now <= dt.timedelta(days=8, hours=2)
    assert dt.timedelta(0) <= now - back <= dt.timedelta(days=8, hours=2)
    assert parse_moment(str(moment)) == moment


@pytest.mark.parametrize(("text", "seconds"), [("90 s", 90), ("10min", 600), ("1.5 h", 5400), ("2 d", 172800)])
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("d:\\VMs\\", "D:\\VMs"),
        ("E:\\", "E:\\"),
        ("\\\\sofs\\vms\\{vm}", "\\\\sofs\\vms\\{vm}"),
        ("D:\\a b\\.x", "D:\\a b\\.x"),
    ],
)
def test_paths(text: str, path: str) -> None:
    assert parse_path(text) == path


def path_or_complaint(text: str) -> tuple[str, str]:
    try:
        return parse_path(text), ""
    except ValueError as error:
        return "", str(error)


@given(
    st.text(max_size=20) | st.lists(st.sampled_from([*"D:\\/{}. $a?", "{vm}", "\\\\", "con", "..", "d$"])).map("".join)
)
def test_any_text_is_a_path_or_a_complaint(text: str) -> None:
    path, complaint = path_or_complaint(text)
    assert complaint or (parse_path(path) == path and path[1:3] == ":\\") or path.startswith("\\\\")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *[("web01", None), ("Größe 🎈 [x]", None), ("a:b", "cannot stand"), ("a\\b", "cannot stand")],
        *[
            ("a\nb", "cannot stand"),
            ("x.", "dot"),
            (" x", "space"),
            ("NUL", "device"),
            ("com1.x", "device"),
            ("", "space"),
        ],
    ],
)
def test_which_names_can_stand_in_a_path(name: str, said: str | None) -> None:
    fault = name_in_path_fault(name)
    assert fault is None if said is None else fault is not None and said in fault
