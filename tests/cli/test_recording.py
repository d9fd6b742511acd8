"""`winmigrate record` and `--replay`, as they are typed: a lab's answers are recorded, redacted, and played again."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.whole.labs import FABRICS, Site, site
from winmigrate.cli import main

PASSWORD = "Kanarienvogel 0x2F!"
FABRIC = f"""\
fabric: record
domain: corp.example
users: {{ops: {{password: '{PASSWORD}', administrator: true}}}}
delegation: {{hvprod1: [hvprod2]}}
hosts:
  hvprod1:
    version: 2019
    addresses: [172.16.4.11/24]
    switches: [External]
    vms:
      payroll-db:
        memory: 4 GB
        notes: NOTES
        disks: [{{path: 'D:\\VMs\\payroll-db\\a.vhdx', size: 20 GB, used: 4 GB}}]
      payroll-web: {{memory: 2 GB, disks: [{{path: 'D:\\VMs\\payroll-web\\a.vhdx', size: 20 GB, used: 4 GB}}]}}
      intranet: {{memory: 2 GB}}
  hvprod2: {{version: 2022, addresses: [172.16.4.12/24], switches: [External]}}
"""
PLAYBOOK = r"""
winmigrate: 1
inventory: inventory.yml
migrations:
  - choose: {from: hvprod1, name: 'payroll-*', except: [payroll-web]}
    to: hvprod2
    storage: {path: 'D:\In\{vm}'}
accept:
  - {id: vm-replica-state, vm: payroll-db, reason: 'Frau Meier of payroll wants it', until: 2099-01-31}
"""


def winmigrate(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "winmigrate", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def here(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The same in this process, for commands that ask no lab and so leave no clock of one behind."""
    out, err, before = io.StringIO(), io.StringIO(), Path.cwd()
    os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(words))
    finally:
        os.chdir(before)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("record")
    with site(folder, FABRIC.replace("NOTES", "'the database'"), playbook=PLAYBOOK) as served:
        yield served


@pytest.fixture(scope="module")
def checked(place: Site) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A check that was recorded, and the folder of the recording."""
    done = winmigrate("record", "playbook.yml", "--out", "checked", "--format", "json", cwd=place.folder)
    return done, place.folder / "checked"


def outcomes(findings: str) -> Counter[Any]:
    found = json.loads(findings)
    return Counter((one["requirement"], one["outcome"]) for one in found["body"]["all"])


def test_a_check_is_recorded_and_names_nobody(checked: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, folder = checked
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == [
        "host1.jsonl", "host2.jsonl", "inventory.yml", "playbook.yml",
    ]  # fmt: skip
    assert folder.stat().st_mode & 0o777 == 0o700
    text = "".join(path.read_text("utf-8") for path in folder.iterdir()).lower()
    for name in ("hvprod", "payroll", "172.16", PASSWORD.lower(), "meier", '"corp'):
        assert name not in text, name
    header = json.loads((folder / "host1.jsonl").read_text("utf-8").splitlines()[0])
    assert (header["origin"], header["build"]) == ("lab", 17763)
    assert header["at"].startswith("20")


def test_who_was_never_there_sees_the_same(checked: tuple[subprocess.CompletedProcess[str], Path], place: Site) -> None:
    recorded, folder = checked
    again = here("check", "playbook.yml", "--replay", ".", "--format", "json", cwd=folder)
    assert again.returncode == recorded.returncode, again.stderr
    assert outcomes(again.stdout) == outcomes(recorded.stdout)
    assert "not asked" not in again.stderr
    # what was recorded by check is all that plan asks
    assert here("plan", "playbook.yml", "--replay", ".", cwd=folder).returncode == 0


def test_hosts_are_recorded_and_what_is_left_over_is_told(place: Site) -> None:
    recorded = winmigrate("record", "--out", "roll", "--", "hosts", cwd=place.folder)
    again = here("hosts", "--pairs", "--replay", "roll", cwd=place.folder)
    assert again.returncode == recorded.returncode == 0, recorded.stderr + again.stderr
    assert "host1 > host2  proven by credential" in again.stdout
    assert "not asked" not in again.stderr
    with (place.folder / "roll" / "host1.jsonl").open("r+", encoding="utf-8") as file:
        file.write(file.readlines()[-1])
    more = here("hosts", "--pairs", "--replay", "roll", cwd=place.folder)
    assert more.returncode == 0
    assert "not asked this time, 1 requests:\n  host1, entry" in more.stderr


def test_replaying_is_strict(checked: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    folder = checked[1]
    other = folder.parent / "other.yml"
    text = (folder / "playbook.yml").read_text("utf-8").replace(r"D:\In", r"D:\Elsewhere")
    other.write_text(text.replace("inventory: inventory.yml", "inventory: checked/inventory.yml"), "utf-8")
    done = here("check", "other.yml", "--replay", "checked", cwd=folder.parent)
    assert done.returncode == 2
    assert "nearest is entry" in done.stderr
    assert r"D:\\In\\vm" in done.stderr


def test_a_recording_is_served_to_any_client(checked: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    folder = checked[1].parent
    words = [sys.executable, "-m", "winmigrate", "lab", "serve", "--book", "checked", "--inventory", "played.yml"]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        while "try it" not in (line := process.stdout.readline()):
            assert line, "it ended"
        done = winmigrate("hosts", "-i", "played.yml", cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "domain1" in done.stdout
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)
        process.stdout.close()
    assert here("lab", "serve", cwd=folder).returncode == 2


def test_a_run_is_recorded_and_played_again(place: Site) -> None:
    done = winmigrate("record", "--out", "moved", "--", "run", "playbook.yml", "--yes", cwd=place.folder)
    assert done.returncode == 0, done.stderr
    assert place.where()["payroll-db"] == ["hvprod2"]
    again = here("run", "playbook.yml", "--yes", "--replay", ".", cwd=place.folder / "moved")
    assert again.returncode == 0, again.stderr
    assert "payroll" not in again.stdout + again.stderr
    assert len(place.log("move-started")) == 1
    # Without what the watchers asked, the run ends at once, and says why.
    for file in (place.folder / "moved").glob("*.jsonl"):
        lines = file.read_text("utf-8").splitlines(keepends=True)
        file.write_text("".join(line for line in lines if "Msvm_PlannedComputerSystem" not in line), "utf-8")
    broken = here("run", "playbook.yml", "--yes", "--replay", ".", cwd=place.folder / "moved")
    assert broken.returncode == 2
    assert "not recorded: Get-CimInstance" in broken.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["record"], "nothing to record"),
        (["record", "--", "lab", "demo"], "asks no host"),
        (["record", "--", "init", "hv01"], "has no inventory yet"),
        (["record", "--out", "empty", "--", "schema", "playbook"], "asked no host: nothing was recorded"),
        (["record", "--out", "full", "playbook.yml"], "full is not empty"),
        (["hosts", "--replay", "full"], "no transcript in it"),
    ],
)
def test_what_cannot_be_recorded(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "inventory.yml").write_text("winmigrate: 1\nhosts: {hv01: }\n")
    done = here(*words, cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_host_that_could_not_be_reached_is_as_dead_in_the_replay(tmp_path: Path) -> None:
    wishes = PLAYBOOK.replace("to: hvprod2", "to: [hvprod2, hvdead3]")
    with site(tmp_path, FABRIC.replace("NOTES", "x") + "  hvdead3: {reachable: false}\n", playbook=wishes):
        recorded = winmigrate("record", "playbook.yml", "--format", "json", cwd=tmp_path)
    assert recorded.returncode == 0, recorded.stderr
    again = here("check", "playbook.yml", "--replay", ".", "--format", "json", cwd=tmp_path / "transcripts")
    assert again.returncode == 0, again.stderr
    assert outcomes(again.stdout) == outcomes(recorded.stdout)
    assert "refuses connections" in again.stdout


def test_what_looks_like_a_secret_is_not_saved(tmp_path: Path) -> None:
    with site(tmp_path, FABRIC.replace("NOTES", "'sa password: hunter2-xyz'"), playbook=PLAYBOOK):
        done = winmigrate("record", "playbook.yml", cwd=tmp_path)
    assert done.returncode == 2
    assert "a password beside its name" in done.stderr
    assert "hunter2" not in done.stderr
    assert not list((tmp_path / "transcripts").glob("*1*"))


def test_schemas_of_files_that_only_the_lab_and_the_player_read(tmp_path: Path) -> None:
    for kind in ("transcript", "fabric"):
        schema = json.loads(here("schema", kind, cwd=tmp_path).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        examples = sorted(FABRICS.glob("*.yml")) if kind == "fabric" else []
        for file in examples:
            jsonschema.validate(yaml.safe_load(file.read_text("utf-8")), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"hosts": {"hv01": {"vms": {"web01": {"memory": ["4 GB"]}}}}}, schema)
