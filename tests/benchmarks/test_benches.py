"""The benches run, in small, and say honestly what was not reached."""

from __future__ import annotations

import pytest

from benchmarks import __main__ as all_of_them
from benchmarks import checks, clixml, help, memory, planning, survey
from benchmarks.figures import Figure, shown


@pytest.mark.parametrize(
    ("value", "target", "better", "verdict"),
    [
        (1.9, 2.0, "at most", "at most 2: reached"),
        (2.1, 2.0, "at most", "at most 2: NOT REACHED"),
        (30.5, 12.0, "at least", "at least 12: reached"),
        (11.9, 12.0, "at least", "at least 12: NOT REACHED"),
    ],
)
def test_a_figure_says_whether_its_target_was_reached(value: float, target: float, better: str, verdict: str) -> None:
    figure = Figure("overhead", value, "s", target, better)
    assert str(figure).endswith(verdict)
    assert figure.reached is ("NOT" not in verdict)


def test_a_figure_without_a_target_has_no_verdict() -> None:
    line = str(Figure("the loop", 812.0, "s"))
    assert line.split() == ["the", "loop", "812", "s"]


@pytest.mark.parametrize(("value", "text"), [(0.1234, "0.123"), (12.34, "12.3"), (512.4, "512"), (45678.9, "45,679")])
def test_numbers_are_shown_with_the_digits_that_count(value: float, text: str) -> None:
    assert shown(value) == text


def test_an_unknown_bench_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert all_of_them.main(["surveys"]) == 2
    assert "there are help, clixml" in capsys.readouterr().out


def test_clixml_and_help_in_small() -> None:
    figures = {figure.name: figure for figure in (*clixml.measure(30, 10), *help.measure(1))}
    assert figures["winmigrate"].value > figures["pypsrp"].value
    assert figures["python -m winmigrate --help"].value > 0


def test_a_survey_in_small_is_whole_and_counts_its_requests(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {figure.name: figure for figure in survey.measure(2, 3, 1)}
    assert set(figures) >= {f"at {n} ms: times as fast as the loop" for n in (0, 20)}
    said = capsys.readouterr().out
    assert "hv01 " in said
    assert "measured on 1 VMs a host, scaled to 3" in said


def test_planning_in_small_places_every_vm() -> None:
    source, destination = planning.template()
    site = planning.made(source, destination, 20, 4)
    assert len(site.candidates.candidates) == 40
    assert len({vm.name for facts in site.survey.hosts.values() for vm in facts.vms or ()}) == 20  # type: ignore[union-attr]
    checks, plan = planning.spent(site, 20)
    assert checks > 0 < plan


@pytest.mark.long
def test_checks_in_small_ask_as_much_whatever_the_number_of_vms() -> None:
    figures = checks.measure(4, 5, ((40, 4), (80, 4)))
    busiest = next(figure for figure in figures if "busiest host" in figure.name)
    assert busiest.value == busiest.target > 0
    assert any("growth from 40 to 80" in figure.name for figure in figures)


@pytest.mark.long
def test_following_in_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "FOLLOWED", 0.5)
    figures = {figure.name: figure for figure in memory.measure(2, 1)}
    assert figures["resident while 2 moves are followed"].value > 10
