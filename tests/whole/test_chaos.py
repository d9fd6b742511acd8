"""Runs killed with SIGKILL at named points, resumed, and judged by the lab's own log. `make chaos` kills 200."""

from __future__ import annotations

import pytest

from tests.chaos import POINTS, Trial, choose, histogram, judge, run_trials, trial


@pytest.mark.parametrize(("point", "number"), [("between-intent-and-send", 2)])
def test_a_killed_run_is_resumed(point: str, number: int) -> None:
    done = trial(point, number)
    assert done.killed
    assert done.faults == []


@pytest.mark.long
def test_forty_kills() -> None:
    trials = run_trials(40, seed=40)
    print(histogram(trials))
    assert [item for item in trials if item.faults] == []
    assert all(item.killed for item in trials), histogram(trials)
    assert {item.point for item in trials} == set(POINTS)


def test_every_point_is_chosen_as_often() -> None:
    chosen = [point for point, _ in choose(200, 1)]
    assert all(chosen.count(point) >= 20 for point in POINTS)
    assert choose(200, 1) == choose(200, 1)
    assert choose(200, 1) != choose(200, 2)


def test_the_judge_sees_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that finds nothing is worth nothing: a lost, a doubled, a twice sent VM, a planned one left."""
    step = {"move": {"vm_id": "a", "vm_name": "web01", "destination": "hv02"}}
    vm = {"id": "A", "name": "web01", "state": "Running", "disks": ["D:\\a.vhdx"]}
    files = [{"path": "d:\\A.vhdx", "partial": False}]
    empty = {"vms": [], "planned": [], "files": []}

    def said(world: dict[str, object], log: list[dict[str, object]]) -> list[str]:
        answers = {"snapshot": {"world": {"hosts": world}}, "log": {"entries": log}}

        class Control:
            def __init__(self, *_: object) -> None: ...
            def ask(self, op: str) -> dict[str, object]:
                return answers[op]

            def close(self) -> None: ...

        monkeypatch.setattr("tests.chaos.ControlClient", Control)
        return judge({"steps": [step]}, {"control": "", "token": ""})

    started, ended = {"kind": "move-started", "vm": "A"}, {"kind": "move-ended", "vm": "A", "state": 7}
    there = {"hv01": empty, "hv02": {"vms": [vm], "planned": [], "files": files}}
    assert said(there, [started, ended]) == []
    assert "sent 2 times" in said(there, [started, started, ended])[0]
    assert "is on None" in said({"hv01": empty, "hv02": empty}, [started, ended])[0]
    doubled = {"hv01": {**empty, "vms": [vm], "files": files}, "hv02": there["hv02"]}
    assert "is on ['hv01', 'hv02']" in said(doubled, [started, ended])[0]
    left = {**there, "hv01": {**empty, "planned": [vm]}}
    assert "planned VM web01 left on hv01" in said(left, [started, ended])
    lost_file = {"hv01": empty, "hv02": {"vms": [vm], "planned": [], "files": []}}
    assert "is not on hv02" in said(lost_file, [started, ended])[0]
    assert Trial("p", 1).faults == []
