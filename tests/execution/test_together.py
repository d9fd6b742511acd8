"""Two parts at once: both are done when it returns, and what goes wrong in either is told."""

from __future__ import annotations

import threading

import pytest

from winmigrate.execution.together import together
from winmigrate.request import SystemClock


def test_both_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=5)
    met: list[str] = []

    def part(name: str) -> None:
        meeting.wait()
        met.append(name)

    together(SystemClock(), lambda: part("here"), lambda: part("beside"), name="test")
    assert sorted(met) == ["beside", "here"]


def _fails(text: str) -> None:
    raise ValueError(text)


@pytest.mark.parametrize(
    ("here", "beside", "told"), [("", "beside", "beside"), ("here", "", "here"), ("here", "beside", "here")]
)
def test_what_goes_wrong_is_raised_when_both_have_ended(here: str, beside: str, told: str) -> None:
    ended: list[str] = []

    def part(name: str, wrong: str) -> None:
        ended.append(name)
        if wrong:
            _fails(wrong)

    with pytest.raises(ValueError, match=told):
        together(SystemClock(), lambda: part("here", here), lambda: part("beside", beside), name="test")
    assert sorted(ended) == ["beside", "here"]
