"""Files that are broken, huge, deep, binary, of another version or no files: one clear error each, no harm done."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.whole.labs import FABRICS, site
from winmigrate import verbs
from winmigrate.cli import main
from winmigrate.errors import TranscriptError
from winmigrate.lab import server
from winmigrate.transcript import load_transcript

#: Longer than any of these may take to be refused: seconds. A file is refused by its size before it is parsed.
LONGEST = 20.0

Maker = Callable[[Path], None]


def content(data: bytes) -> Maker:
    return lambda path: _put(path, data)


def _put(path: Path, data: bytes) -> None:
    _away(path)
    path.write_bytes(data)


def _away(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def folder_instead(path: Path) -> None:
    _away(path)
    path.mkdir()


def loop(path: Path) -> None:
    _away(path)
    other = path.with_name(path.name + ".loop")
    other.symlink_to(path)
    path.symlink_to(other)


def link_to(target: str) -> Maker:
    def make(path: Path) -> None:
        _away(path)
        path.symlink_to(target)

    return make


def fifo(path: Path) -> None:
    _away(path)
    os.mkfifo(path)


#: What no file of ours is, whatever it is for.
NO_FILE: dict[str, Maker] = {
    "missing": _away,
    "a folder": folder_instead,
    "a loop of links": loop,
    "cannot be read": link_to("/proc/self/mem"),
    "endless": link_to("/dev/zero"),
    "empty": content(b""),
    "binary": content(bytes(range(256)) * 64),
    "an executable": content(b"\x7fELF" + bytes(4096)),
    "UTF-16": content("winmigrate: 1\n".encode("utf-16")),
    "NULs": content(bytes(4096)),
}

DEEP = 100_000

YAML: dict[str, Maker] = {
    **NO_FILE,
    "no mapping": content(b"- just\n- a list\n"),
    "a bomb of aliases": content(
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 112))
    ),
    "nested deep": content(b"a: " + b"[" * DEEP + b"]" * DEEP),
    "nested deep in blocks": content(b"".join(b" " * n + b"a:\n" for n in range(3000))),
    "huge": content(b"winmigrate: 1\nhosts:\n" + b"  a: {address: b}\n" * 2_500_000),
    "one huge line": content(b"winmigrate: 1\nx: '" + b"y" * 40_000_000 + b"'\n"),
    "another version": content(b"winmigrate: 2\n"),
    "a newer one of text": content(b"winmigrate: next\n"),
    "cut off": content(b"winmigrate: 1\nhosts: {hv01: {address: 'abc"),
    "an object of Python": content(b"winmigrate: !!python/object/apply:os.system ['touch /tmp/pwned']\n"),
}


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str
    took: float


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def typed(*words: str) -> Said:
        capfd.readouterr()
        begun = time.monotonic()
        code = main(list(words))
        took = time.monotonic() - begun
        out, err = capfd.readouterr()
        return Said(code, out, err, took)

    return typed


def state_of(folder: Path) -> dict[str, str]:
    """Every file below a folder, by what it holds; what is no plain file by what it is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link to {os.readlink(path)}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "folder" if path.is_dir() else "special"
    return found


def is_one_clear_error(said: Said, code: int, path: Path) -> None:
    assert said.code == code, said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert "itself failed" not in said.err
    assert len(said.err) < 2000
    first, *rest = said.err.rpartition("Error: ")[2].splitlines()  # before it stand click's lines on usage
    assert path.name in first, said.err
    assert all(line.startswith(("  ", str(path))) for line in rest), said.err
    assert said.took < LONGEST, said.took


@pytest.mark.parametrize("what", YAML)
def test_a_bad_inventory(tmp_path: Path, say: Callable[..., Said], what: str) -> None:
    path = tmp_path / "inventory.yml"
    YAML[what](path)
    before = state_of(tmp_path)
    is_one_clear_error(say("hosts", "-i", str(path)), 2, path)
    assert state_of(tmp_path) == before


GOOD = b"winmigrate: 1\ndefaults: {credential: 'env:NONE'}\nhosts: {hv01: {address: 127.0.0.1}}\n"


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("what", YAML)
def test_a_bad_playbook(
    tmp_path: Path, say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, what: str, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory.yml").write_bytes(GOOD)
    path = tmp_path / "playbook.yml"
    YAML[what](path)
    before = state_of(tmp_path)
    is_one_clear_error(say(command, "playbook.yml"), 2, Path("playbook.yml"))
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("what", YAML)
def test_a_bad_fabric(tmp_path: Path, capfd: pytest.CaptureFixture[str], what: str) -> None:
    path = tmp_path / "fabric.yml"
    YAML[what](path)
    begun = time.monotonic()
    code = server.main([str(path)])
    out, err = capfd.readouterr()
    is_one_clear_error(Said(code, out, err, time.monotonic() - begun), 2, path)


# --- the folder of a run -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run that ended well, its lab still there."""
    folder = tmp_path_factory.mktemp("hostile")
    with site(folder, FABRICS / "chaos.yml") as place:
        ground = place.ground()
        planned = verbs.plan(place.playbook, ground=ground)
        result = verbs.run(planned.folder, ground=ground)
        assert result.exit_code == 0
        verbs.report(planned.folder)
        yield planned.folder.path


def altered(**changed: object) -> Maker:
    """The same document with other things in its envelope."""

    def make(path: Path) -> None:
        document = json.loads(path.read_text("utf-8"))
        document.update(changed)
        path.write_text(json.dumps(document), "utf-8")

    return make


def by_hand(path: Path) -> None:
    text = path.read_text("utf-8")
    path.write_text(text.replace("hv02", "hv03", 1), "utf-8")


JSON: dict[str, Maker] = {
    **NO_FILE,
    "a pipe": fifo,
    "not JSON": content(b"{"),
    "another JSON": content(b"[1, 2, 3]"),
    "nested deep": content(b"[" * DEEP + b"]" * DEEP),
    "nested deep in a document": content(
        b'{"winmigrate": "plan", "version": 1, "digest": "x", "body": ' + b"[" * DEEP + b"]" * DEEP + b"}"
    ),
    "huge": content(b'{"winmigrate": "' + b"x" * 40_000_000 + b'"}'),
    "a huge number": content(b'{"winmigrate": ' + b"9" * 100_000 + b"}"),
    "a newer version": altered(version=99),
    "an older one that never was": altered(version=0),
    "another kind": altered(winmigrate="transcript"),
    "another digest": altered(digest="sha256:" + "0" * 64),
    "more than it should": altered(more=1),
    "no body": altered(body=None),
    "changed by hand": by_hand,
}


@pytest.mark.parametrize("what", JSON)
@pytest.mark.parametrize(("name", "command"), [("plan", "status"), ("plan", "run"), ("findings", "report")])
def test_a_bad_document(
    tmp_path: Path, a_run: Path, say: Callable[..., Said], what: str, name: str, command: str
) -> None:
    folder = tmp_path / "runs" / a_run.name
    shutil.copytree(a_run, folder)
    path = folder / f"{name}.json"
    JSON[what](path)
    if name == "findings" and what == "changed by hand":
        path.write_text(path.read_text("utf-8").replace("hv01", "hv09", 1), "utf-8")
    before = state_of(folder)
    more = ["--yes"] if command == "run" else []
    is_one_clear_error(say(command, a_run.name, "--run-dir", str(tmp_path / "runs"), *more), 6, path)
    assert state_of(folder) == before


def database(*statements: str) -> Maker:
    def make(path: Path) -> None:
        base = sqlite3.connect(path)
        with base:
            for statement in statements:
                base.execute(statement)
        base.close()

    return make


def other_database(path: Path) -> None:
    _away(path)
    database("CREATE TABLE bookmarks (url TEXT)")(path)


def cut_off(path: Path) -> None:
    database("SELECT 1")(path)
    path.write_bytes(path.read_bytes()[:5000])


JOURNALS: dict[str, Maker] = {
    **{name: make for name, make in NO_FILE.items() if name not in ("missing", "empty", "endless")},
    "another database": other_database,
    "a newer version": database("PRAGMA user_version = 99"),
    "cut off": cut_off,
    "no JSON in it": database("UPDATE entries SET data = '{' WHERE seq = 3"),
    "a list in it": database("UPDATE entries SET data = '[]' WHERE seq = 3"),
    "deep JSON in it": database(f"UPDATE entries SET data = '{'[' * DEEP}' WHERE seq = 3"),
    "an unknown kind": database("UPDATE entries SET kind = 'dance' WHERE seq = 3"),
    "a date that is none": database("UPDATE entries SET at = 'yesterday' WHERE seq = 3"),
    "binary in it": database("UPDATE entries SET data = x'ff00ff' WHERE seq = 3"),
    "entries without columns": database("ALTER TABLE entries RENAME COLUMN data TO other"),
    "an outcome that is none": database("UPDATE entries SET data = '{}' WHERE kind = 'outcome'"),
    "an outcome of another world": database(
        """UPDATE entries SET data = '{"status": "exploded", "where": 5, "cause": []}' WHERE kind = 'outcome'"""
    ),
}


def rows_of(path: Path) -> object:
    """All that a database holds; what is none, as it lies there."""
    try:
        base = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return list(base.iterdump())
        finally:
            base.close()
    except sqlite3.DatabaseError:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else ""


@pytest.mark.parametrize("command", ["status", "run", "report", "cancel"])
@pytest.mark.parametrize("what", JOURNALS)
def test_a_bad_journal(tmp_path: Path, a_run: Path, say: Callable[..., Said], what: str, command: str) -> None:
    folder = tmp_path / "runs" / a_run.name
    shutil.copytree(a_run, folder)
    path = folder / "journal.sqlite"
    JOURNALS[what](path)
    before, held = state_of(folder), rows_of(path)
    more = ["--yes"] if command == "run" else []
    is_one_clear_error(say(command, a_run.name, "--run-dir", str(tmp_path / "runs"), *more), 6, path)
    after = {name: what for name, what in state_of(folder).items() if name.partition("-")[0] != "journal.sqlite"}
    kept = {name: what for name, what in before.items() if name.partition("-")[0] != "journal.sqlite"}
    assert {name for name in after if after[name] != kept.get(name)} <= {"journal.lock", "requests"}
    assert rows_of(path) == held, "the journal itself is left as it is"


# --- transcripts -------------------------------------------------------------------------------------------------

HEADER = (
    b'{"winmigrate": "transcript", "version": 1, "origin": "lab", "recorder": "x", "host": "h", "build": 1,'
    b' "culture": "", "redacted": {}}\n'
)

TRANSCRIPTS: dict[str, Maker] = {
    **NO_FILE,
    "not JSON": content(b"{\n"),
    "a newer version": content(HEADER.replace(b'"version": 1', b'"version": 9')),
    "nested deep": content(HEADER + b"[" * DEEP + b"]" * DEEP + b"\n"),
    "nested deep in an entry": content(HEADER + b'{"request": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}\n"),
    "cut off": content(HEADER + b'{"request": '),
    "gzip that is none": content(b"\x1f\x8b" + b"junk" * 10),
    "gzip that is cut off": content(gzip.compress(HEADER * 1000)[:60]),
    "gzip of very much": content(gzip.compress(bytes(300 * 2**20), 9)),
    "a huge line": content(HEADER + b'{"request": "' + b"x" * 40_000_000 + b'"}\n'),
}


@pytest.mark.parametrize("what", TRANSCRIPTS)
def test_a_bad_transcript(tmp_path: Path, what: str) -> None:
    path = tmp_path / "hv01.jsonl"
    TRANSCRIPTS[what](path)
    begun = time.monotonic()
    with pytest.raises(TranscriptError) as caught:
        load_transcript(path)
    assert time.monotonic() - begun < LONGEST
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert caught.value.exit_code == 2
