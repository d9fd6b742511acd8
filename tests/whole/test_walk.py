"""The whole way over real WinRM: check, plan, run, verify; and again, with things going wrong on the way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.whole.labs import FABRICS, Site, site
from winmigrate import verbs
from winmigrate.errors import DocumentError, PlanRefused
from winmigrate.execution.run import Run
from winmigrate.execution.states import Status

CHAOS = FABRICS / "chaos.yml"


def _moved(ground: Any, planned: verbs.Planned, **more: Any) -> dict[str, Status]:
    result = verbs.run(planned.folder, ground=ground, **more)
    return {planned.plan.step(name).move.vm_name: state.status for name, state in result.states.items()}


def _all_there(place: Site, planned: verbs.Planned) -> None:
    where = place.where()
    for step in planned.plan.steps:
        assert where[step.move.vm_name] == [step.move.destination]
    assert sum(map(len, where.values())) == 4
    assert not [vm for host in place.world().values() for vm in host["planned"]]
    starts = [entry["name"] for entry in place.log("move-started")]
    assert sorted(starts) == sorted({*starts}), "a move was sent twice"


@pytest.mark.parametrize("http", [True, False], ids=["http", "https"])
def test_four_vms_leave_a_host(tmp_path: Path, http: bool) -> None:
    with site(tmp_path, CHAOS, http=http) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        assert planned.exit_code == 0
        assert len(planned.plan.steps) == 4
        assert {step.move.destination for step in planned.plan.steps} == {"hv02", "hv03"}
        assert planned.plan.makespan >= planned.plan.lower_bound > 0
        assert place.log("move-started") == []
        statuses = _moved(ground, planned)
        assert set(statuses.values()) == {Status.DONE}
        _all_there(place, planned)
        # Every file arrived and none stayed; adapters are on the mapped switch with the same MAC.
        world = place.world()
        assert not [file for file in world["hv01"]["files"] if file["kind"] == "vhd"]
        for host in ("hv02", "hv03"):
            for vm in world[host]["vms"]:
                assert [adapter["switch"] for adapter in vm["adapters"]] == ["Ext"]
        # Run again: nothing is sent, nothing changes.
        assert set(_moved(ground, planned).values()) == {Status.DONE}
        again = verbs.plan(place.playbook, ground=ground)
        assert again.plan.steps == ()
        assert again.exit_code == 0
        assert len(place.log("move-started")) == 4


BREAKS: list[dict[str, Any]] = [
    {"kind": "drop", "host": "hv01", "vm": "sql01", "phase": "storage", "after": 10, "times": 3},
    {"kind": "drop", "host": "hv02", "vm": "sql01", "phase": "memory"},
    {"kind": "lose-reply", "host": "hv01", "vm": "sql01", "phase": "storage", "after": 10},
    {"kind": "lose-reply", "host": "hv01", "action": "Command", "nth": 12},
    {"kind": "truncate", "host": "hv01", "vm": "sql01", "phase": "mirror"},
    {"kind": "http-error", "host": "hv01", "vm": "sql01", "phase": "storage", "status": 503},
]


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, marks=[pytest.mark.long] if number else []) for number, fault in enumerate(BREAKS)],
    ids=[f"{fault['kind']}-{fault.get('phase', 'command')}-{fault['host']}" for fault in BREAKS],
)
def test_a_broken_line_loses_nothing(tmp_path: Path, fault: dict[str, Any]) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        place.fault(**fault)
        statuses = _moved(ground, planned)
        assert place.struck() == ["struck"]
        assert set(statuses.values()) == {Status.DONE}
        _all_there(place, planned)


def test_a_source_that_reboots_in_mid_move(tmp_path: Path) -> None:
    """The moves under way fail, nothing is lost, and the VMs are told where they are."""
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        place.fault(kind="crash", host="hv02", vm="sql01", phase="storage", after=5, down=120)
        result = verbs.run(planned.folder, ground=ground)
        assert place.struck() == ["struck"]
        assert result.exit_code == 3
        where = place.where()
        assert sum(map(len, where.values())) == 4
        for step in planned.plan.steps:
            state = result.states[step.id]
            # One that was put off while the host was silent was never sent, and nothing starts after a failure.
            assert state.status.final or state.ticket is None, "a location is not known"
            expected = step.move.destination if state.status is Status.DONE else step.move.source
            assert where[step.move.vm_name] == [expected]
            if state.status.final and state.status is not Status.DONE:
                assert state.outcome["cause"]
        # Who resumes knows what failed: what was never sent goes on.
        again = verbs.resume(planned.folder, ground=place.ground())
        left = [name for name, state in result.states.items() if not state.status.final]
        assert all(again.states[name].status is Status.DONE for name in left)


def test_cancelling_is_asking(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)

        def ask(entry: Any) -> None:
            if entry.kind.value == "progress" and entry.step.startswith(_id(planned, "sql01")):
                from winmigrate.execution.requests import ask_cancel

                ask_cancel(planned.folder.path, "sql01")
                ask_cancel(planned.folder.path, "web02")

        statuses = _moved(ground, planned, observers=(ask,))
        assert statuses["sql01"] is Status.CANCELLED
        assert statuses["app01"] is Status.DONE
        where = place.where()
        assert where["sql01"] == ["hv01"]
        assert not [vm for host in place.world().values() for vm in host["planned"]]


def test_stopping_starts_nothing_more_and_follows_what_runs(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        runs: list[Run] = []

        def stop(entry: Any) -> None:
            if entry.kind.value == "progress":
                threading.Thread(target=runs[0].stop).start()

        once = iter([stop])

        def first(entry: Any) -> None:
            if entry.kind.value == "progress":
                for act in once:
                    act(entry)

        result = verbs.run(planned.folder, ground=ground, observers=(first,), on_run=runs.append)
        statuses = [state.status for state in result.states.values()]
        assert statuses.count(Status.DONE) == 2
        assert statuses.count(Status.WAITING) == 2
        assert result.exit_code == 3
        # Resume starts what was left.
        assert set(_moved(place.ground(), planned).values()) == {Status.DONE}
        _all_there(place, planned)


def test_a_plan_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        path = planned.folder.path / "plan.json"
        path.write_text(path.read_text("utf-8").replace('"stop_after": 1', '"stop_after": 9'), "utf-8")
        with pytest.raises(DocumentError) as caught:
            verbs.run(planned.folder, ground=ground)
        assert caught.value.exit_code == 6
        assert place.log("move-started") == []


def test_an_old_plan_whose_expectations_no_longer_hold_is_refused(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        ground.clock.sleep(2 * 3600)
        place.fault(kind="fill-disk", host="hv02", volume="D", free=1024**3)
        with pytest.raises(PlanRefused, match="D: on hv02 has"):
            verbs.run(planned.folder, ground=ground)
        assert place.log("move-started") == []


def test_an_expectation_that_fails_refuses_its_step_only(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        place.fault(kind="fill-disk", host="hv02", volume="D", free=1024**3, vm="sql01", phase="storage")
        statuses = _moved(ground, planned)
        to_hv02 = {step.move.vm_name for step in planned.plan.steps if step.move.destination == "hv02"}
        assert place.struck() == ["struck"]
        where = place.where()
        assert sum(map(len, where.values())) == 4
        for name, status in statuses.items():
            if name in to_hv02:
                assert status in (Status.FAILED, Status.REFUSED, Status.WAITING)
                assert where[name] == ["hv01"]


def _id(planned: verbs.Planned, name: str) -> str:
    return next(step.move.vm_id for step in planned.plan.steps if step.move.vm_name == name)
