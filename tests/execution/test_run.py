"""A run that is driven, without hosts: what it starts, what it does not, and what it says of what goes wrong."""

from __future__ import annotations

import datetime as dt
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.execution.plans import plan, step
from tests.execution.rig import BEGIN, Rig, World, job
from winmigrate.errors import ConnectionLost, UsageError
from winmigrate.execution.journal import Journal, Kind
from winmigrate.execution.requests import ask_cancel
from winmigrate.execution.states import Status
from winmigrate.planning import Window


@pytest.fixture
def world() -> World:
    made = World({"hv01": {"a", "b"}, "hv02": set()})
    made.on_send = made.move
    return made


@pytest.fixture
def rig(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(tmp_path, world, monkeypatch)


def statuses(result: Any) -> dict[str, Status]:
    return {name: state.status for name, state in result.states.items()}


def test_two_moves(rig: Rig, world: World) -> None:
    result = rig.drive(plan(step("a"), step("b")))
    assert statuses(result) == {"a": Status.DONE, "b": Status.DONE}
    assert sorted(world.sent) == ["a", "b"]


def test_what_is_stopped_while_it_is_prepared_is_not_sent(rig: Rig, world: World) -> None:
    def stop(vm: str) -> None:
        world.runs[0].stop()

    world.on_prepare = stop
    result = rig.drive(plan(step("a"), step("b"), slots=1))
    assert statuses(result) == {"a": Status.WAITING, "b": Status.WAITING}
    assert world.sent == []
    assert result.exit_code == 3
    world.on_prepare = lambda vm: None
    assert set(statuses(rig.drive(plan(step("a"), step("b")))).values()) == {Status.DONE}


def test_what_is_cancelled_while_it_is_prepared_is_not_sent(rig: Rig, world: World) -> None:
    def prepare(vm: str) -> None:
        if vm == "a":
            ask_cancel(rig.folder, "a")
            world.clock.sleep(20)

    world.on_prepare = prepare
    result = rig.drive(plan(step("a"), step("b"), slots=1))
    assert statuses(result) == {"a": Status.CANCELLED, "b": Status.DONE}
    assert world.sent == ["b"]
    assert result.states["a"].outcome["where"] == "on hv01"


def test_a_job_that_is_not_there_yet_is_cancelled_when_it_comes(rig: Rig, world: World) -> None:
    def send(vm: str) -> None:
        ask_cancel(rig.folder, "a")
        world.clock.sleep(30)
        world.jobs["hv01"] = [job("a")]
        for _ in range(100):
            world.clock.sleep(5)
            if world.cancelled:
                break
        world.jobs["hv01"] = [job("a", 8)]

    world.on_send = send
    result = rig.drive(plan(step("a")))
    assert len(world.cancelled) == 1
    assert "job-a" in world.cancelled[0]
    assert statuses(result) == {"a": Status.CANCELLED}


def test_nothing_is_sent_again_after_a_stop(rig: Rig, world: World) -> None:
    """Looked at until it is known that it never started; sent again only when the scheduler lets it."""

    def die(vm: str) -> None:
        world.runs[-1].stop()
        raise ConnectionLost("hv01", "gone")

    world.on_send = die
    result = rig.drive(plan(step("a")))
    assert statuses(result) == {"a": Status.WAITING}
    assert world.sent == ["a"]
    assert result.states["a"].attempts == 0
    world.on_send = world.move
    assert statuses(rig.drive(plan(step("a")))) == {"a": Status.DONE}
    assert world.sent == ["a", "a"]


def test_a_window_that_closes_ends_the_run(rig: Rig, world: World) -> None:
    past = Window(BEGIN - dt.timedelta(hours=2), BEGIN - dt.timedelta(hours=1), fit=True)
    result = rig.drive(plan(step("a"), step("b", after=("a",)), window=past))
    assert statuses(result) == {"a": Status.WAITING, "b": Status.WAITING}
    assert result.exit_code == 3
    assert result.waiting[0].reason == "the window closed at 2026-03-02 21:00"


def test_a_move_that_stays_unknown_keeps_its_slots_and_the_run_still_ends(rig: Rig, world: World) -> None:
    """stop_after lets others start; the slot that b would need is never given back."""

    def vanish(vm: str) -> None:
        world.places["hv01"].discard(vm)

    world.on_send = vanish
    result = rig.drive(plan(step("a"), step("b"), slots=1, stop_after=9, wait_limit=100.0))
    assert len(world.sent) == 1
    assert sorted(state.status.value for state in result.states.values()) == ["unknown", "waiting"]
    assert result.exit_code == 4


def test_moves_of_planned_vms_that_others_make_take_slots(rig: Rig, world: World) -> None:
    """b is moved by somebody else while a is to start: the slot is theirs."""
    world.places["hv01"] = {"a", "b"}
    world.jobs["hv01"] = [job("b", to="hv02")]
    seen: set[str] = set()

    def look(snapshot: Any) -> None:
        seen.update(item.reason for item in snapshot.waiting)
        if "hv01 has 1 of 1 live moves (a move of others (b))" in seen:
            world.jobs["hv01"] = []

    made = plan(step("a"), step("b", after=("a",)), slots=1)
    assert statuses(rig.drive(made, on_snapshot=look)) == {"a": Status.DONE, "b": Status.DONE}
    assert "hv01 has 1 of 1 live moves (a move of others (b))" in seen


def test_a_vm_that_is_there_already_is_done_and_nothing_is_sent(rig: Rig, world: World) -> None:
    world.move("a")
    result = rig.drive(plan(step("a"), step("b", after=("a",))))
    assert statuses(result) == {"a": Status.DONE, "b": Status.DONE}
    assert world.sent == ["b"]


def test_a_host_that_is_silent_at_the_start_is_waited_for(rig: Rig, world: World) -> None:
    """Its newest view was good; the look before the start is not. That refuses nobody."""
    real = world.view
    asked = {"hv02": 0}

    def view(host: str) -> Any:
        if host == "hv02":
            asked["hv02"] += 1
            if asked["hv02"] in (2, 3):
                raise ConnectionLost("hv02", "a moment")
        return real(host)

    world.view = view  # type: ignore[method-assign]
    assert statuses(rig.drive(plan(step("a")))) == {"a": Status.DONE}


def test_a_backup_that_never_ends_is_waited_for_an_hour(rig: Rig, world: World) -> None:
    world.statuses["a"] = "BackingUpVirtualMachine"
    result = rig.drive(plan(step("a"), wait_limit=300.0))
    assert statuses(result) == {"a": Status.REFUSED}
    assert "waited 5 min in vain: a on hv01 is being backed up" in result.states["a"].outcome["cause"]


@pytest.mark.parametrize("error", [UsageError("no credential"), ValueError("odd"), KeyError("hv09")])
def test_an_error_of_ours_before_anything_is_sent_refuses_the_step(rig: Rig, world: World, error: Exception) -> None:
    def prepare(vm: str) -> None:
        if vm == "a":
            raise error

    world.on_prepare = prepare
    result = rig.drive(plan(step("a"), step("b")))
    assert statuses(result) == {"a": Status.REFUSED, "b": Status.DONE}
    assert "nothing was sent" in result.states["a"].outcome["cause"]
    assert result.exit_code == 3


def test_an_error_of_ours_after_it_was_sent_loses_sight_of_nothing(rig: Rig, world: World) -> None:
    def send(vm: str) -> None:
        world.move(vm)
        raise ValueError("an error of ours")

    world.on_send = send
    result = rig.drive(plan(step("a")))
    assert statuses(result) == {"a": Status.DONE}
    assert world.sent == ["a"]
    assert "an error of ours" in rig.entries("a", Kind.NOTE)[0].data["text"]


def test_a_full_disk_sends_nothing(rig: Rig, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Journal.write

    def full(self: Journal, step: str, kind: Kind, **data: Any) -> Any:
        if kind is not Kind.RUN:
            raise sqlite3.OperationalError("database or disk is full")
        return write(self, step, kind, **data)

    monkeypatch.setattr(Journal, "write", full)
    result = rig.drive(plan(step("a"), step("b")))
    assert world.sent == []
    assert statuses(result) == {"a": Status.WAITING, "b": Status.WAITING}
    assert "disk is full" in world.runs[0].stop_reason


def test_a_disk_that_fills_while_a_vm_moves_starts_nothing_more(
    rig: Rig, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write

    def full(self: Journal, step: str, kind: Kind, **data: Any) -> Any:
        if world.sent:
            raise sqlite3.OperationalError("database or disk is full")
        return write(self, step, kind, **data)

    monkeypatch.setattr(Journal, "write", full)
    result = rig.drive(plan(step("a"), step("b"), slots=1))
    assert world.sent == ["a"]
    assert statuses(result) == {"a": Status.UNKNOWN, "b": Status.WAITING}
    assert result.exit_code == 4
    monkeypatch.undo()


def test_whoever_looks_on_and_fails_stops_nothing(rig: Rig, world: World) -> None:
    def broken(snapshot: Any) -> None:
        raise ValueError("the screen is gone")

    assert statuses(rig.drive(plan(step("a")), on_snapshot=broken)) == {"a": Status.DONE}
    assert "the screen is gone" in rig.entries("", Kind.NOTE)[0].data["text"]


def test_a_watcher_outlives_errors_that_are_none_of_a_host(rig: Rig, world: World) -> None:
    """A dead watcher's last view would be taken for a new one."""
    world.silent["hv02"] = UsageError("the keyring is locked")

    def send(vm: str) -> None:
        world.move(vm)

    world.on_send = send
    told: list[str] = []

    def look(snapshot: Any) -> None:
        told.extend(view.silence for view in snapshot.views.values() if view.silence)
        if told:
            world.silent.clear()

    assert statuses(rig.drive(plan(step("a")), on_snapshot=look)) == {"a": Status.DONE}
    assert "the keyring is locked" in told


def test_what_a_killed_rehearsal_left_is_taken_away_even_if_nothing_is_to_start(
    rig: Rig, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(rig.folder, world.clock) as journal:
        journal.write("a", Kind.REHEARSAL_INTENT, ticket={"shell_id": "s", "command_id": "c"})
    cleaned: list[str] = []

    def clean(run: Any, move: Any) -> str:
        cleaned.append(move.vm_id)
        return ""

    monkeypatch.setattr("winmigrate.execution.rehearsal.clean_up", clean)
    result = rig.drive(plan(step("a"), step("b")), stopped=True)
    assert cleaned == ["a"]
    assert statuses(result) == {"a": Status.WAITING, "b": Status.WAITING}
    assert result.states["a"].open_rehearsal is None


def test_a_rehearsal_that_did_not_pass_is_asked_again_by_who_resumes(
    rig: Rig, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(rig.folder, world.clock) as journal:
        journal.write(
            "a", Kind.REHEARSED, outcome="fail", incompatibilities=["no such switch"], cause="", left_behind=""
        )
        journal.write("b", Kind.REHEARSED, outcome="pass", incompatibilities=[], cause="", left_behind="")
    asked: list[str] = []

    def rehearse(run: Any, step: Any) -> dict[str, Any]:
        asked.append(step.id)
        return {"outcome": "pass"}

    monkeypatch.setattr("winmigrate.execution.rehearsal.rehearse_step", rehearse)
    rig.drive(plan(step("a"), step("b")))
    assert asked == ["a"]


def test_an_error_of_ours_in_a_rehearsal_holds_nobody_up(
    rig: Rig, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rehearse(run: Any, step: Any) -> dict[str, Any]:
        raise KeyError("odd")

    monkeypatch.setattr("winmigrate.execution.rehearsal.rehearse_step", rehearse)
    assert statuses(rig.drive(plan(step("a")))) == {"a": Status.DONE}
    assert "KeyError" in rig.entries("", Kind.NOTE)[0].data["text"]


def test_old_jobs_of_either_host_tell_nothing_of_a_new_move(rig: Rig, world: World) -> None:
    """a came from hv02 a moment ago, and an earlier try to move it on had failed."""
    world.jobs["hv01"] = [job("a", 10)]
    world.jobs["hv02"] = [replace(job("a", 8), instance_id="job-there")]

    def die(vm: str) -> None:
        world.runs[-1].stop()
        raise ConnectionLost("hv01", "gone")

    world.on_send = die
    result = rig.drive(plan(step("a")))
    assert rig.entries("a", Kind.INTENT)[0].data["known_jobs"] == ["job-a", "job-there"]
    assert statuses(result) == {"a": Status.WAITING}
