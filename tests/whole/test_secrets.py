"""A canary for a password goes the whole way, also where it goes wrong: it is nowhere to be found afterwards."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.whole.labs import FABRICS, Site, site
from tests.whole.terminal import environment, run_id, typed
from winmigrate import verbs
from winmigrate.errors import SecretFound
from winmigrate.remoting.recording import recorded
from winmigrate.transcript import Recorder, Redactor, save_transcript

#: Odd characters for every kind of quoting on the way; nothing else holds its words.
CANARY = "Kanarie$(vogel)'\"&<>%41 ü€🐤\\n;{x}=="
WRONG = "Verkeerd`wachtwoord`#[7] é"


def spellings(secret: str) -> dict[str, bytes]:
    """Every way in which a secret may stand in a file without looking like itself."""
    found: dict[str, bytes] = {}
    for name, encoding in (("plain", "utf-8"), ("UTF-16LE", "utf-16-le"), ("UTF-16BE", "utf-16-be")):
        data = secret.encode(encoding)
        found[name] = data
        found[f"hex of {name}"] = data.hex().encode()
        for shift in range(3):
            # What is certain of it whatever stands before and after: whole groups of three bytes.
            coded = base64.b64encode(bytes(shift) + data)
            found[f"base64 of {name}, {shift} bytes in"] = coded[4 if shift else 0 : len(coded) - 4]
    found["URL"] = urllib.parse.quote(secret, safe="").encode()
    found["URL with +"] = urllib.parse.quote_plus(secret).encode()
    found["escaped in JSON"] = json.dumps(secret)[1:-1].encode()
    found["a distinct piece"] = secret[:16].encode()
    return found


def scan(data: bytes, secrets: Sequence[str]) -> list[str]:
    """The spellings of these secrets that stand in some bytes; hex in either case."""
    lower = data.lower()
    found = []
    for secret in secrets:
        for name, spelled in spellings(secret).items():
            there = spelled.lower() in lower if name.startswith(("hex", "URL")) else spelled in data
            if there:
                found.append(f"{secret[:4]}... {name}")
    return found


def files_with(folder: Path, secrets: Sequence[str], *, but: Sequence[Path] = ()) -> dict[str, list[str]]:
    """Files below a folder that hold a secret, packed ones unpacked, databases also row by row."""
    found: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        if not path.is_file() or path in but:
            continue
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        if data[:15] == b"SQLite format 3":
            base = sqlite3.connect(path)
            data += "\n".join(base.iterdump()).encode()
            base.close()
        told = scan(data, secrets) + scan(str(path).encode(), secrets)
        if told:
            found[str(path.relative_to(folder))] = told
    return found


@pytest.mark.parametrize("name", spellings(CANARY))
@pytest.mark.parametrize("place", ["file", "packed", "database"])
def test_the_scan_finds_what_is_planted(tmp_path: Path, name: str, place: str) -> None:
    spelled = spellings(CANARY)[name]
    if name.startswith("base64"):
        shift = int(name.split()[-3])
        text = {"plain": "utf-8", "UTF-16LE": "utf-16-le", "UTF-16BE": "utf-16-be"}[name.split()[2].rstrip(",")]
        spelled = base64.b64encode(b"abcdef"[: shift or 3] + CANARY.encode(text) + b"after it")
    data = b"something before " + spelled + b" and after"
    if place == "database":
        base = sqlite3.connect(tmp_path / "x.sqlite")
        with base:
            base.execute("CREATE TABLE t (x)")
            value: Any = data if b"\x00" in data else data.decode("utf-8", "surrogateescape")
            base.execute("INSERT INTO t VALUES (?)", (value,))
        base.close()
    else:
        (tmp_path / "x").write_bytes(gzip.compress(data) if place == "packed" else data)
    assert files_with(tmp_path, [CANARY])
    assert files_with(tmp_path, ["another secret"]) == {}


class Arguments:
    """Watches the command lines of all processes while it is entered."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.seen: set[bytes] = set()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    self.seen.add((process / "cmdline").read_bytes())
                except OSError:
                    continue

    def __enter__(self) -> Arguments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@dataclass(slots=True)
class Walked:
    place: Site
    said: dict[str, str] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    arguments: set[bytes] = field(default_factory=set)

    def took(self, name: str, done: subprocess.CompletedProcess[str]) -> None:
        self.said[name] = done.stdout + done.stderr
        self.codes[name] = done.returncode


def fabric() -> str:
    text = (FABRICS / "chaos.yml").read_text("utf-8")
    given = yaml.safe_load(text)
    given["users"]["ops"]["password"] = CANARY
    given["hosts"]["hv04"] = {"version": 2022}
    return yaml.safe_dump(given, allow_unicode=True, sort_keys=False)


#: A fault of ours at the worst place: what is told of it holds the endpoint, and that the credential.
CRASH = """
import sys
from winmigrate.cli import main
from winmigrate.remoting.endpoint import Endpoint

def crash(self):
    raise RuntimeError(f"{self} {self!r} {vars(type(self))} {self.credential}")

Endpoint.__post_init__ = crash
sys.exit(main(["check", "playbook.yml", "-v"]))
"""


def crashing(folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CRASH],
        cwd=folder,
        env=environment(folder, env),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("secrets")
    with site(folder, fabric()) as place, Arguments() as watching:
        found = Walked(place)
        inventory = yaml.safe_load((folder / "inventory.yml").read_text("utf-8"))
        inventory["hosts"]["hv04"]["credential"] = "file:wrong.yml"
        for host in ("hv01", "hv02", "hv03"):
            inventory["hosts"][host]["credential"] = "env:CANARY"
        (folder / "inventory.yml").write_text(yaml.safe_dump(inventory, allow_unicode=True), encoding="utf-8")
        (folder / "wrong.yml").write_text(
            yaml.safe_dump({"username": "CORP\\ops", "password": WRONG}), encoding="utf-8"
        )
        (folder / "wrong.yml").chmod(0o600)
        env = {"CANARY_USERNAME": "CORP\\ops", "CANARY_PASSWORD": CANARY, "PYTHONFAULTHANDLER": "1"}
        found.took("hosts", typed(folder, "hosts", "-v", env=env))
        for form in ("text", "json"):
            found.took(f"check {form}", typed(folder, "check", "playbook.yml", "-v", "--format", form, env=env))
        found.took("plan", typed(folder, "plan", "playbook.yml", "--rehearse", "-v", env=env))
        run = run_id(folder)
        place.fault(kind="drop", host="hv01", vm="sql01", phase="storage", after=10)
        place.fault(kind="break-move", vm="web01", phase="storage")
        killed = typed(folder, "run", run, "--yes", "-v", env={**env, "WINMIGRATE_KILL_AT": "phase-mirror:1"})
        found.took("killed", killed)
        found.took("crash", crashing(folder, env))
        found.took("resume", typed(folder, "resume", run, "-v", "--format", "json", env=env))
        found.took("status", typed(folder, "status", run, "-v", env=env))
        found.took("report", typed(folder, "report", run, env=env))
        place.fault(kind="http-error", host="hv01", status=500, nth=1)
        found.took("after 500", typed(folder, "check", "playbook.yml", "-v", env=env))
        found.arguments = watching.seen
        yield found


def test_it_went_the_ways_that_it_should(walked: Walked) -> None:
    assert walked.codes["hosts"] == 1, "one host refuses its password"
    assert "refused CORP\\ops" in walked.said["hosts"]
    assert walked.codes["killed"] == -9
    assert walked.codes["crash"] == 70
    assert walked.codes["resume"] == 3, "one move failed"
    assert {"struck"} == set(walked.place.struck()[:2])


def test_no_file_holds_it(walked: Walked) -> None:
    folder = walked.place.folder
    given = [folder / name for name in ("fabric.yml", "wrong.yml", "inventory.credential.yml")]
    assert files_with(folder, [CANARY, WRONG], but=given) == {}
    assert set(files_with(folder, [CANARY, WRONG])) >= {"fabric.yml"}, "where it was given it is found"


def test_nothing_that_was_said_holds_it(walked: Walked) -> None:
    found = {name: scan(text.encode(), [CANARY, WRONG]) for name, text in walked.said.items()}
    assert {name: told for name, told in found.items() if told} == {}


def test_no_process_was_started_with_it(walked: Walked) -> None:
    assert any(b"winmigrate" in line and b"resume" in line for line in walked.arguments)
    assert [line for line in walked.arguments if scan(line, [CANARY, WRONG])] == []


def test_the_log_of_the_lab_does_not_hold_it(walked: Walked) -> None:
    entries = walked.place.control.ask("log")["entries"]
    assert any(entry["kind"] == "move-started" for entry in entries)
    assert scan(repr(entries).encode(), [CANARY, WRONG]) == []
    assert scan(repr(walked.place.control.ask("snapshot")).encode(), [CANARY, WRONG]) == []


def test_no_transcript_of_it_does(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A survey with its probes of the second hop, which send the credential, recorded."""
    monkeypatch.setenv("CANARY_USERNAME", "CORP\\ops")
    monkeypatch.setenv("CANARY_PASSWORD", CANARY)
    folder = walked.place.folder
    for origin, redactor in (("lab", None), ("recorded", Redactor())):
        ground = walked.place.ground()
        recorder = Recorder(origin, redactor)
        ground.connector = recorded(ground.connector, recorder)
        verbs.check(walked.place.playbook, ground=ground)
        paths = recorder.save(folder / f"transcripts-{origin}", packed=origin == "lab")
        assert len(paths) >= 3
        assert files_with(folder / f"transcripts-{origin}", [CANARY, WRONG]) == {}
        answered = next(found for found in recorder.transcripts() if found.entries[0].events)
        with pytest.raises(SecretFound) as caught:
            save_transcript(answered, folder / "never.jsonl", canaries=["Get-CimInstance"])
        assert "Get-CimInstance" not in str(caught.value)
        assert not (folder / "never.jsonl").exists()
