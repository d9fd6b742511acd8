"""The command line as a person or a script meets it: exit codes, pure JSON, pipes that close, interrupts, help."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests.whole.labs import FABRICS, Site, site
from tests.whole.terminal import environment, run_id, started, typed
from winmigrate.cli import main
from winmigrate.cli.commands import program

#: Bytes on standard error of a run that is under way come within: seconds.
SOON = 60.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A lab whose VMs stay where they are: for all that only looks."""
    with site(tmp_path_factory.mktemp("cli"), FABRICS / "chaos.yml") as found:
        yield found


@pytest.fixture(scope="module")
def planned(place: Site) -> str:
    done = typed(place.folder, "plan", "playbook.yml")
    assert done.returncode == 0
    return run_id(place.folder)


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))


ALL = dict(commands(program))


# --- help, completion, colours -----------------------------------------------------------------------------------


def test_help_of_everything(place: Site) -> None:
    from click.testing import CliRunner

    for words, command in ALL.items():
        shown = CliRunner().invoke(program, [*words, "--help"])
        assert shown.exit_code == 0, words
        assert shown.output.startswith("Usage: "), words
        assert command.help, words
    overview = CliRunner().invoke(program, ["--help"]).output
    assert [words[0] for words in ALL if words[0] not in overview] == []
    assert typed(place.folder, "--help").returncode == 0
    assert typed(place.folder, "check", "-h").stdout.startswith("Usage: winmigrate check")


def test_version(place: Site) -> None:
    done = typed(place.folder, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"winmigrate, version \d+\.\S+\n", done.stdout)


def test_completion(place: Site) -> None:
    env = {"_WINMIGRATE_COMPLETE": "bash_complete", "COMP_WORDS": "winmigrate re", "COMP_CWORD": "1"}
    words = [sys.executable, "-c", "import sys; sys.argv[0] = 'winmigrate'; from winmigrate.cli import main; main()"]
    done = subprocess.run(
        words, cwd=place.folder, env=environment(place.folder, env), capture_output=True, text=True, check=False
    )
    assert {"plain,resume", "plain,report"} <= set(done.stdout.split()), done.stderr


def test_no_colours_where_none_are_wanted(place: Site, planned: str) -> None:
    for words in (("check", "playbook.yml"), ("status", planned)):
        for env, more in (({"NO_COLOR": "1"}, []), ({"FORCE_COLOR": "1"}, ["--no-color"])):
            done = typed(place.folder, *words, *more, env=env)
            assert "\x1b" not in done.stdout + done.stderr


# --- exit codes --------------------------------------------------------------------------------------------------

USAGE = {
    "no command": (),
    "an unknown command": ("chek",),
    "an unknown option": ("check", "playbook.yml", "--fast"),
    "nothing to check": ("check",),
    "no such playbook": ("check", "nothing.yml"),
    "no such inventory": ("hosts", "-i", "nothing.yml"),
    "no such run": ("status", "nothing"),
    "no such run to go on with": ("resume", "nothing"),
    "no such run to move": ("run", "nothing"),
    "no such run to cancel": ("cancel", "nothing"),
    "no such run to report": ("report", "nothing"),
    "no such requirement": ("check", "playbook.yml", "--only", "vm-stat"),
    "no such schema": ("schema", "plans"),
    "no such candidate": ("explain", "sql09", "--to", "hv02", "-p", "playbook.yml"),
    "no such fabric": ("lab", "serve", "nothing.yml"),
    "no such format": ("check", "playbook.yml", "--format", "xml"),
}


@pytest.mark.parametrize("what", USAGE)
def test_usage_is_2(
    place: Site, planned: str, what: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if what in ("no such requirement", "no such candidate"):  # these take part in the fabric's time: a process each
        done = typed(place.folder, *USAGE[what])
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        monkeypatch.chdir(place.folder)
        code = main(list(USAGE[what]))
        out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert err
    assert "Traceback" not in err


def test_what_is_said_of_a_wrong_word(place: Site, planned: str) -> None:
    for words, wanted in (
        (("status", "nothing"), 'no run "nothing" in runs'),
        (("check", "nothing.yml"), "nothing.yml: "),
        (("check", "playbook.yml", "--only", "vm-stat"), 'did you mean "vm-state"?'),
        (("cancel", planned, "sql09"), 'has no VM "sql09"'),
    ):
        done = typed(place.folder, *words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert wanted in done.stderr
        assert len(done.stderr.splitlines()) <= 2


def test_where_there_is_no_inventory_it_is_said(tmp_path: Path) -> None:
    done = typed(tmp_path, "hosts")
    assert (done.returncode, done.stdout) == (2, "")
    assert "inventory.yml" in done.stderr
    assert "Traceback" not in done.stderr


def test_looking_is_0_and_a_blocked_vm_is_1(place: Site) -> None:
    assert typed(place.folder, "hosts").returncode == 0
    assert typed(place.folder, "check", "playbook.yml").returncode == 0
    assert typed(place.folder, "explain", "sql01", "--to", "hv02", "-p", "playbook.yml").returncode == 0
    text = (place.folder / "playbook.yml").read_text("utf-8")
    (place.folder / "blocked.yml").write_text(text.replace("networks: {External: Ext}", "priority: 1"), "utf-8")
    for words in (("check", "blocked.yml"), ("plan", "blocked.yml"), ("run", "blocked.yml", "--yes")):
        assert typed(place.folder, *words).returncode == 1, words
    assert typed(place.folder, "explain", "sql01", "--to", "hv02", "-p", "blocked.yml").returncode == 1
    assert place.log("move-started") == []


def test_an_inventory_of_ones_own_goes_first(place: Site) -> None:
    (place.folder / "other.yml").write_text((place.folder / "inventory.yml").read_text("utf-8"), "utf-8")
    text = (place.folder / "playbook.yml").read_text("utf-8")
    (place.folder / "elsewhere.yml").write_text(text.replace("inventory.yml", "missing.yml"), "utf-8")
    assert typed(place.folder, "check", "elsewhere.yml").returncode == 2
    assert typed(place.folder, "check", "elsewhere.yml", "-i", "other.yml").returncode == 0


# --- JSON --------------------------------------------------------------------------------------------------------


def test_json_is_all_that_stands_on_standard_output(place: Site, planned: str) -> None:
    for words, kind in (
        (("hosts",), "roll"),
        (("check", "playbook.yml"), "findings"),
        (("plan", "playbook.yml", "--rehearse"), "plan"),
        (("explain", "sql01", "--to", "hv02", "-p", "playbook.yml"), None),
        (("status", planned), "status"),
        (("report", planned), "report"),
    ):
        done = typed(place.folder, *words, "--format", "json")
        found = json.loads(done.stdout)
        if kind is not None:
            assert found["winmigrate"] == kind
            assert found["version"] >= 1
    for kind in ("inventory", "playbook", "plan", "findings", "report"):
        assert json.loads(typed(place.folder, "schema", kind).stdout)


# --- pipes, devices, terminals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [("check", "playbook.yml"), ("schema", "playbook"), ("--help",)], ids=lambda words: words[0]
)
def test_who_reads_may_go_away(place: Site, words: tuple[str, ...]) -> None:
    """`winmigrate ... | head -1`, with a reader that goes before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    process = started(place.folder, *words, stdout=writer)
    os.close(writer)
    _, said = process.communicate(timeout=60)
    assert said == ""
    assert process.returncode in (0, 1)


def test_a_full_disk_is_said(place: Site) -> None:
    with open("/dev/full", "w") as full:
        process = started(place.folder, "check", "playbook.yml", stdout=full.fileno())
        _, said = process.communicate(timeout=60)
    assert process.returncode not in (0, 1)
    assert "No space left" in said
    assert "Traceback" not in said


def test_nobody_is_asked_where_there_is_no_terminal(place: Site) -> None:
    runs = place.folder / "runs"
    before = len(os.listdir(runs)) if runs.exists() else 0
    done = typed(place.folder, "run", "playbook.yml")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert place.log("move-started") == []
    assert len(os.listdir(place.folder / "runs")) == before + 1, "the plan is there to be run"


# --- moves -------------------------------------------------------------------------------------------------------


def follow(process: subprocess.Popen[str]) -> list[str]:
    """What it says on standard error, line by line, while it goes on."""
    said: list[str] = []

    def read() -> None:
        assert process.stderr is not None
        said.extend(iter(process.stderr.readline, ""))

    threading.Thread(target=read, daemon=True).start()
    return said


def until(holds: Any, process: subprocess.Popen[str], what: str) -> None:
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end, what
        if process.poll() is not None:
            assert holds(), f"it ended before: {what}"
            return
        time.sleep(0.02)


def moves(place: Site) -> int:
    return len(place.log("move-started"))


def everything_moved_once(place: Site) -> None:
    where = place.where()
    assert len(where) == 4
    assert all(hosts in (["hv02"], ["hv03"]) for hosts in where.values()), where
    assert moves(place) == 4
    assert [vm for host in place.world().values() for vm in host["planned"]] == []


@pytest.mark.long
def test_one_interrupt_and_a_second_process(tmp_path: Path) -> None:
    """Ctrl-C once: what runs is followed to its end, nothing new starts. Meanwhile nobody else may drive the run."""
    with site(tmp_path, FABRICS / "chaos.yml") as place:
        assert typed(tmp_path, "plan", "playbook.yml").returncode == 0
        run, suffix = run_id(tmp_path), run_id(tmp_path)[-4:]
        clock = place.ground().clock  # the fabric's time stands still while this one does not wait
        process = started(tmp_path, "run", run, "--yes")
        said = follow(process)
        until(lambda: clock.sleep(2.0) or moves(place) >= 2, process, "two moves run")
        for word in ("run", "resume"):
            other = typed(tmp_path, word, run)
            assert (other.returncode, other.stdout) == (5, "")
            assert f"process {process.pid} on" in other.stderr
        looked = typed(tmp_path, "status", suffix)
        assert looked.returncode == 0, "all is well so far"
        assert f"driven by process {process.pid}" in looked.stdout
        process.send_signal(signal.SIGINT)
        until(lambda: any("stopping" in line for line in said), process, "it says that it stops")
        clock.close()
        assert process.wait(SOON) == 3
        assert moves(place) == 2
        left = [vm for vm, hosts in place.where().items() if hosts == ["hv01"]]
        assert len(left) == 2, "what ran was followed to its end"
        assert typed(tmp_path, "status", suffix).returncode in (0, 3)
        done = typed(tmp_path, "resume", suffix, "--format", "json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["winmigrate"] == "report"
        everything_moved_once(place)
        again = typed(tmp_path, "run", suffix, "--yes")
        assert again.returncode == 0
        assert moves(place) == 4


@pytest.mark.long
def test_two_interrupts_leave_the_moves_alone(tmp_path: Path) -> None:
    with site(tmp_path, FABRICS / "chaos.yml") as place:
        assert typed(tmp_path, "plan", "playbook.yml").returncode == 0
        run = run_id(tmp_path)
        clock = place.ground().clock
        process = started(tmp_path, "run", run, "--yes")
        said = follow(process)
        until(lambda: clock.sleep(2.0) or moves(place) >= 2, process, "two moves run")
        process.send_signal(signal.SIGINT)
        until(lambda: any("stopping" in line for line in said), process, "it says that it stops")
        process.send_signal(signal.SIGINT)
        until(lambda: any("leaving" in line for line in said), process, "it says that it leaves")
        clock.close()
        assert process.wait(SOON) == 4
        assert any(f"winmigrate resume {run}" in line for line in said)
        assert not any("Traceback" in line for line in said)
        looked = typed(tmp_path, "status", run)
        assert looked.returncode == 4, "nobody drives it, and moves run"
        done = typed(tmp_path, "resume", run)
        assert done.returncode == 0, done.stderr
        everything_moved_once(place)


def test_a_failed_move_is_3_and_a_changed_plan_6(tmp_path: Path) -> None:
    with site(tmp_path, FABRICS / "chaos.yml") as place:
        assert typed(tmp_path, "plan", "playbook.yml").returncode == 0
        run = run_id(tmp_path)
        path = tmp_path / "runs" / run / "plan.json"
        kept = path.read_text("utf-8")
        path.write_text(kept.replace('"stop_after": 1', '"stop_after": 9'), "utf-8")
        done = typed(tmp_path, "run", run, "--yes")
        assert (done.returncode, done.stdout) == (6, "")
        assert "changed by hand" in done.stderr
        assert moves(place) == 0
        path.write_text(kept, "utf-8")
        place.fault(kind="break-move", vm="sql01", phase="storage")
        done = typed(tmp_path, "run", run, "--yes")
        assert done.returncode == 3
        assert "sql01" in done.stdout
        assert "FAILED" in done.stdout
        assert typed(tmp_path, "status", run).returncode == 3


@pytest.mark.long
def test_a_run_whose_readers_have_gone_goes_on(tmp_path: Path) -> None:
    """A failure of reporting never stops a move."""
    with site(tmp_path, FABRICS / "chaos.yml") as place:
        assert typed(tmp_path, "plan", "playbook.yml").returncode == 0
        reader, writer = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "winmigrate", "run", run_id(tmp_path), "--yes"],
            cwd=tmp_path, env=environment(tmp_path), stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
        )  # fmt: skip
        os.close(reader)
        os.close(writer)
        process.wait(SOON)
        everything_moved_once(place)
        assert typed(tmp_path, "status", run_id(tmp_path)).returncode == 0
