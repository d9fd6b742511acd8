"""A run is not alone: other people's moves, limits that change, plans that have aged."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.whole.labs import FABRICS, Site, site
from winmigrate import verbs
from winmigrate.execution.journal import Kind, read_journal
from winmigrate.execution.states import Status
from winmigrate.request import Request, Typed, command, statement
from winmigrate.windows.move import OneFolder, move_mended

CHAOS = FABRICS / "chaos.yml"


def _statuses(ground: Any, planned: verbs.Planned, **more: Any) -> dict[str, Status]:
    result = verbs.run(planned.folder, ground=ground, **more)
    return {planned.plan.step(name).move.vm_name: state.status for name, state in result.states.items()}


def _kinds(planned: verbs.Planned, name: str) -> list[Kind]:
    step = next(item for item in planned.plan.steps if item.move.vm_name == name)
    return [entry.kind for entry in read_journal(planned.folder.path) if entry.step == step.id]


def _start_elsewhere(ground: Any, planned: verbs.Planned, name: str, destination: str) -> threading.Thread:
    """Somebody else moves a VM of ours: Move-VM in a session of their own."""
    move = next(item.move for item in planned.plan.steps if item.move.vm_name == name)
    session = ground.connector("hv01")
    session.open()
    folder = OneFolder(f"D:\\VMs\\{name}")
    passed = ground.credential_for("hv02")
    asked = move_mended(move.vm_id, destination, folder, "2019", {"External": "Ext"}, credential=passed)
    begun = session.start(asked)

    def follow() -> None:
        for _ in begun:
            pass
        session.close()

    return ground.clock.start(follow, name="somebody else")  # type: ignore[no-any-return]


def _settled(place: Site, count: int) -> None:
    where = place.where()
    assert sum(map(len, where.values())) == count


def test_a_move_that_others_started_is_adopted(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        move = next(item.move for item in planned.plan.steps if item.move.vm_name == "sql01")
        thread = _start_elsewhere(ground, planned, "sql01", move.destination_fqdn)
        ground.clock.sleep(5)
        statuses = _statuses(ground, planned)
        ground.clock.join(thread)
        assert set(statuses.values()) == {Status.DONE}
        assert Kind.ADOPTED in _kinds(planned, "sql01")
        assert Kind.INTENT not in _kinds(planned, "sql01")
        assert [entry["name"] for entry in place.log("move-started")].count("sql01") == 1
        _settled(place, 4)


@pytest.mark.long
def test_a_move_of_others_to_somewhere_else_is_left_alone(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        move = next(item.move for item in planned.plan.steps if item.move.vm_name == "sql01")
        other = "hv03.corp.example" if move.destination == "hv02" else "hv02.corp.example"
        thread = _start_elsewhere(ground, planned, "sql01", other)
        ground.clock.sleep(5)
        statuses = _statuses(ground, planned)
        ground.clock.join(thread)
        assert statuses.pop("sql01") is Status.REFUSED
        assert set(statuses.values()) == {Status.DONE}
        assert place.where()["sql01"] == [other.partition(".")[0]]


@pytest.mark.long
def test_a_limit_that_windows_reaches_is_a_wait(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        session = ground.connector("hv01")
        lower = command("Set-VMHost", MaximumVirtualMachineMigrations=Typed("U32", 1), Confirm=False)
        assert session.ask(Request((statement(lower),))).error is None
        session.close()
        assert set(_statuses(ground, planned).values()) == {Status.DONE}
        refused = [entry for entry in place.log("move-ended") if "limit" in entry["error"]]
        assert refused, "the limit was never met"
        _settled(place, 4)


def test_what_changed_since_the_plan_is_told(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        assert verbs.changed_since(planned.folder, ground=ground) == ()
        place.fault(kind="fill-disk", host="hv02", volume="D", free=1024**3)
        told = verbs.changed_since(planned.folder, ground=ground)
        to_hv02 = [step.move.vm_name for step in planned.plan.steps if step.move.destination == "hv02"]
        assert sorted(line.partition(":")[0] for line in told) == sorted(to_hv02)
        assert all("would go to hv03 now, stays planned for hv02" in line for line in told)


@pytest.mark.long
def test_a_backup_is_waited_for(tmp_path: Path) -> None:
    """A VM that is backed up is not moved meanwhile, and its wait has a name."""
    with site(tmp_path, CHAOS) as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        move = next(item.move for item in planned.plan.steps if item.move.vm_name == "web01")
        waits: set[str] = set()

        def seen(snapshot: Any) -> None:
            waits.update(item.reason for item in snapshot.waiting if item.step.startswith(move.vm_id))

        place.fault(kind="backup", host="hv01", vm="web01", lasts=200)
        assert set(_statuses(ground, planned, on_snapshot=seen).values()) == {Status.DONE}
        assert "web01 on hv01 is being backed up" in waits
        started = next(entry["at"] for entry in place.log("move-started") if entry["name"] == "web01")
        assert started >= 200
