"""The live view: what it says on paper and on a screen, and that nothing it does can harm a run."""

from __future__ import annotations

import datetime as dt
import io
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.reporting.samples import AT, GIB, STEPS, plan, step
from winmigrate.execution.run import Snapshot
from winmigrate.execution.scheduler import Waiting
from winmigrate.execution.states import Status, StepState
from winmigrate.execution.watch import View
from winmigrate.planning.plan import Plan, Window
from winmigrate.reporting import live
from winmigrate.reporting.live import LiveView
from winmigrate.reporting.progress import Observer, Trail
from winmigrate.windows.migration import MigrationJob
from winmigrate.windows.watching import VMStatus

BERLIN = dt.timezone(dt.timedelta(hours=1), "CET")
_MOVES = (STEPS[0], step(2, "db02", "hv01", "hv03"), STEPS[2])
ONE, TWO, THREE = (replace(item, seconds=(60.0, 300.0)) for item in _MOVES)


class Stage:
    """Snapshots of a run, a change at a time."""

    def __init__(self, made: Plan) -> None:
        self.plan = made
        self.states = {item.id: StepState(item.id) for item in made.steps}
        self.waiting: dict[str, Waiting] = {}
        self.views: dict[str, View] = {}
        self.stopping = ""

    def set(self, step_id: str, **changes: Any) -> None:
        for key, value in changes.items():
            setattr(self.states[step_id], key, value)

    def job(self, at: float, host: str, vm_id: str, percent: int) -> None:
        job = MigrationJob(
            instance_id="J", virtual_system_name=vm_id, job_state=4, percent_complete=percent,
        )  # fmt: skip
        self.views[host] = View(host, moment(at), {}, (job,))

    def at(self, seconds: float) -> Snapshot:
        waiting = tuple(
            self.waiting.get(item.id, Waiting(item.id, "", "slots"))
            for item in self.plan.steps
            if self.states[item.id].status is Status.WAITING
        )
        states = {key: replace(state) for key, state in self.states.items()}
        return Snapshot(moment(seconds), self.plan, states, waiting, dict(self.views), self.stopping)


def moment(seconds: float) -> dt.datetime:
    return AT + dt.timedelta(seconds=seconds)


def two_slots() -> Stage:
    stage = Stage(plan(ONE, TWO, THREE, window=Window(AT, AT + dt.timedelta(hours=4), True)))
    stage.waiting[THREE.id] = Waiting(THREE.id, "hv02 has 2 of 2 storage moves (db02, web01)", "slots")
    return stage


def begin(stage: Stage, step_id: str, at: float) -> None:
    stage.set(
        step_id, status=Status.MOVING, started_at=moment(at), intent_at=moment(at),
        ticket={"shell_id": "A", "command_id": "B"}, attempts=1,
    )  # fmt: skip


def test_on_paper_a_line_a_minute_and_one_for_each_thing_that_happens() -> None:
    out = io.StringIO()
    stage = two_slots()
    with live.view(stage.plan, BERLIN, stream=out) as view:
        begin(stage, ONE.id, 0)
        begin(stage, TWO.id, 0)
        view.show(stage.at(0))
        for seconds in range(5, 180, 5):
            stage.set(ONE.id, phase="storage", percent=seconds // 3)
            stage.job(seconds, "hv01", ONE.move.vm_id, seconds // 3)
            if seconds == 90:
                stage.set(
                    TWO.id, status=Status.FAILED, ended_at=moment(90),
                    outcome={"where": "running on hv01; not on hv03", "cause": "no\ncredentials \x1b[2J"},
                )  # fmt: skip
            view.show(stage.at(seconds))
        stage.set(ONE.id, status=Status.DONE, ended_at=moment(180), outcome={"where": "on hv02"})
        view.show(stage.at(180))
    assert out.getvalue() == (
        "22:02  web01  hv01 > hv02  begins\n"
        "22:02  db02  hv01 > hv03  begins\n"
        "22:02  done 0  moving 2  waiting 1  failed 0  unknown 0   end 22:03-22:07, window to 02:02\n"
        "  web01  hv01 > hv02  asked for, not seen yet\n"
        "  db02   hv01 > hv03  asked for, not seen yet\n"
        "  db01   hv03 > hv02  waits: hv02 has 2 of 2 storage moves (db02, web01), since 22:02\n"
        "22:03  done 0  moving 2  waiting 1  failed 0  unknown 0   end 22:06-22:08, window to 02:02\n"
        "  web01  hv01 > hv02  storage 20 %  ~6.8 GiB of 34 GiB  ~120 MiB/s  3-4 min left\n"
        "  db02   hv01 > hv03  asked for, not seen yet\n"
        "  db01   hv03 > hv02  waits: hv02 has 2 of 2 storage moves (db02, web01), since 22:02\n"
        "22:03  db02  hv01 > hv03  FAILED: running on hv01; not on hv03; no credentials \\u001b[2J\n"
        "22:04  done 0  moving 1  waiting 1  failed 1  unknown 0   end 22:06-22:09, window to 02:02\n"
        "  web01  hv01 > hv02  storage 40 %  ~14 GiB of 34 GiB  ~118 MiB/s  3 min left\n"
        "  db01   hv03 > hv02  waits: hv02 has 2 of 2 storage moves (db02, web01), since 22:02\n"
        "22:05  web01  hv01 > hv02  done: on hv02 in 3 min\n"
        "22:05  done 1  moving 0  waiting 1  failed 1  unknown 0   end 22:07-22:08, window to 02:02\n"
        "  db01  hv03 > hv02  waits: hv02 has 2 of 2 storage moves (db02, web01), since 22:02\n"
    )


def test_a_silent_source_is_told_once_with_what_the_other_host_says() -> None:
    out = io.StringIO()
    stage = two_slots()
    begin(stage, ONE.id, 0)
    stage.set(ONE.id, phase="memory", percent=80)
    with live.view(stage.plan, BERLIN, stream=out) as view:
        for seconds in range(0, 600, 10):
            silent = View("hv01", moment(seconds), silence="connection reset", silent_since=moment(60))
            stage.views["hv01"] = silent if 60 <= seconds < 500 else View("hv01", moment(seconds))
            stage.views["hv02"] = View("hv02", moment(seconds), planned=frozenset({ONE.move.vm_id}))
            view.show(stage.at(seconds))
    text = out.getvalue()
    assert text.count("hv01  NO NEWS") == 1
    assert "22:08  hv01  NO NEWS 5 min: connection reset\n" in text
    assert "NO NEWS 6 min; hv02 answers: still migrating\n" in text
    assert text.count("hv01  answers again") == 1
    assert "NO NEWS" not in text.partition("answers again")[2]


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (None, "nobody else was asked"),
        (View("hv02", AT, silence="no route"), "hv02 does not answer either"),
        (View("hv02", AT), "hv02 answers: it is not there"),
        (
            View("hv02", AT, {ONE.move.vm_id: VMStatus(ONE.move.vm_id, "web01", "Running", None, None)}),
            "hv02 answers: it is there, running",
        ),
    ],
)
def test_what_the_other_host_says(other: View | None, word: str) -> None:
    stage = two_slots()
    begin(stage, ONE.id, 0)
    stage.views["hv01"] = View("hv01", moment(400), silence="reset", silent_since=moment(0))
    if other is not None:
        stage.views["hv02"] = other
    line = Observer(stage.plan, BERLIN).see(stage.at(400)).lines[0]
    assert line.text.endswith(f"NO NEWS 7 min; {word}")
    assert line.alarm


def test_unknown_is_an_alarm() -> None:
    stage = two_slots()
    begin(stage, ONE.id, 0)
    stage.set(ONE.id, status=Status.UNKNOWN, phase="memory", percent=80)
    web01 = VMStatus(ONE.move.vm_id, "web01", "Running", None, None)
    stage.views["hv01"] = View("hv01", AT, {ONE.move.vm_id: web01})
    stage.views["hv02"] = View("hv02", moment(600), silence="reset", silent_since=AT)
    picture = Observer(stage.plan, BERLIN).see(stage.at(600))
    assert picture.lines[0].alarm
    assert picture.lines[0].text == (
        "UNKNOWN: running on hv01; hv02 has not answered for 10 min; last seen: memory 80 %"
    )
    assert "end " not in picture.head
    del stage.views["hv02"]
    assert "hv02 was not asked yet" in Observer(stage.plan, BERLIN).see(stage.at(600)).lines[0].text


def test_a_wait_keeps_its_beginning_while_only_names_and_numbers_change() -> None:
    stage = two_slots()
    observer = Observer(stage.plan, BERLIN)
    observer.see(stage.at(0))
    stage.waiting[THREE.id] = Waiting(THREE.id, "hv02 has 2 of 2 live moves (x)", "slots")
    assert observer.see(stage.at(600)).lines[-1].text.endswith("since 22:02")
    stage.waiting[THREE.id] = Waiting(THREE.id, "comes after web01", "after")
    assert observer.see(stage.at(660)).lines[-1].text.endswith("since 22:13")


def test_the_end_comes_nearer_with_what_was_measured() -> None:
    stage = Stage(plan(ONE, THREE))
    observer = Observer(stage.plan, dt.timezone.utc)
    begin(stage, ONE.id, 0)
    before = observer.see(stage.at(0)).head
    stage.set(ONE.id, status=Status.DONE, ended_at=moment(60))
    after = observer.see(stage.at(60)).head
    assert before.endswith("end 21:03-21:07")
    assert after.endswith("end 21:03-21:04")


def test_what_will_not_start_any_more_is_not_reckoned_with() -> None:
    stage = two_slots()
    stage.stopping = "stopped by the operator"
    head = Observer(stage.plan, BERLIN).see(stage.at(0)).head
    assert head == "done 0  moving 0  waiting 3  failed 0  unknown 0   stopped by the operator"


def test_many_moves_are_reckoned_by_their_bound() -> None:
    steps = [replace(step(1, "a", "hv01", "hv02"), id=f"s{number}") for number in range(600)]
    stage = Stage(plan(*steps))
    assert "end " in Observer(stage.plan, BERLIN).see(stage.at(0)).head


@pytest.mark.parametrize(
    ("marks", "at", "low", "high"),
    [
        ([(0, 10)], 60, None, None),
        ([(0, 0), (100, 50)], 100, 90.0, 110.0),
        ([(0, 0), (100, 50)], 160, 30.0, 60.0),
        ([(0, 0), (100, 50), (200, 60)], 200, 120.0, 147.0),
        ([(0, 80), (60, 0), (160, 50)], 160, 90.0, 110.0),
        ([(0, 0), (1000, 10), (1100, 50)], 1100, 50 / (40 / 100) * 0.9, 50 / (50 / 1100) * 1.1),
    ],
)
def test_time_left_by_observed_progress(
    marks: list[tuple[int, int]], at: int, low: float | None, high: float | None
) -> None:
    trail = Trail(34 * GIB)
    for seconds, percent in marks:
        trail.see(moment(seconds), percent)
    left = trail.left(moment(at))
    if low is None or high is None:
        assert left is None
    else:
        assert left == pytest.approx((low, high), abs=1)


def test_on_a_screen_it_is_redrawn_and_what_happens_stays_above() -> None:
    out = Terminal()
    stage = two_slots()
    begin(stage, ONE.id, 0)
    stage.set(ONE.id, phase="storage", percent=40)
    with live.view(stage.plan, BERLIN, stream=out) as view:
        view.show(stage.at(0))
        view.say("stopping: nothing new starts")
        view.show(stage.at(1))
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
    assert "web01  hv01 > hv02  begins" in text
    assert "storage 40 %" in text
    assert "stopping: nothing new starts" in text
    assert "\x1b[" in out.getvalue()


def test_without_colours_a_screen_has_none() -> None:
    out = Terminal()
    stage = two_slots()
    begin(stage, ONE.id, 0)
    stage.set(ONE.id, status=Status.UNKNOWN)
    with live.view(stage.plan, BERLIN, stream=out, no_color=True) as view:
        view.show(stage.at(0))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", out.getvalue())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    """A stream that is gone after a few writes."""

    def __init__(self, writes: int, terminal: bool) -> None:
        super().__init__()
        self.left = writes
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(text)


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("writes", [0, 1, 2, 5])
def test_a_stream_that_is_gone_does_not_matter(writes: int, terminal: bool) -> None:
    stage = two_slots()
    begin(stage, ONE.id, 0)
    view: LiveView = live.view(stage.plan, BERLIN, stream=Broken(writes, terminal))
    with view:
        for seconds in range(0, 300, 60):
            view.show(stage.at(seconds))
            view.say("talk")


def test_a_failure_of_ours_is_said_once_and_the_run_goes_on() -> None:
    out = io.StringIO()
    stage = two_slots()
    with live.view(stage.plan, BERLIN, stream=out) as view:
        strange = replace(stage.at(0), states={})
        view.show(strange)
        view.show(stage.at(60))
        view.say("talk goes on")
    assert out.getvalue().count("the live view failed (KeyError") == 1
    assert out.getvalue().endswith("talk goes on\n")


def test_talk_from_within_a_drawing_does_not_hang() -> None:
    stage = two_slots()
    view: Any = None

    class Interrupted(io.StringIO):
        said = False

        def write(self, text: str) -> int:
            if not self.said:
                self.said = True
                view.say("from a signal handler")
            return super().write(text)

    out = Interrupted()
    view = live.view(stage.plan, BERLIN, stream=out)
    with view:
        view.show(stage.at(0))
    assert "from a signal handler" in out.getvalue()
    assert "waiting 3" in out.getvalue()


def test_a_screen_shows_no_more_than_it_has_room_for() -> None:
    from rich.console import Console

    steps = [replace(step(1, f"vm{number}", "hv01", "hv02"), id=f"s{number}") for number in range(100)]
    stage = Stage(plan(*steps))
    picture = Observer(stage.plan, BERLIN).see(stage.at(0))
    console = Console(file=io.StringIO(), width=120, height=24)
    console.print(live.screen_of(picture, 120, 24))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(text.splitlines()) <= 23
    assert "and 80 more" in text
