from __future__ import annotations

import datetime as dt
import json
import os
import stat
import uuid
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.documents import (
    Kind,
    create_run_folder,
    digest_of,
    document_text,
    json_schema,
    json_text,
    open_run_folder,
    read_document,
    run_folders,
    write_document,
)
from winmigrate.errors import DocumentError, UsageError
from winmigrate.facts import Unreadable

NOW = dt.datetime(2026, 11, 25, 2, 11, tzinfo=dt.timezone.utc)


class Mode(str, Enum):
    LIVE = "live"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class Disk:
    path: str | Unreadable
    size: int | Unreadable | None
    shared: bool | Unreadable = False


@dataclass(frozen=True, slots=True)
class Leaf:
    kind: str
    id: uuid.UUID | Unreadable
    at: dt.datetime
    took: dt.timedelta
    disks: tuple[Disk, ...]
    names: dict[str, tuple[str, ...]]
    ratio: float | None = None
    mode: Mode = Mode.LIVE
    nested: tuple[Leaf, ...] = ()
    groups: frozenset[str] = field(default_factory=frozenset)


KIND = Kind("leaf", Leaf)
LEAF = Leaf(
    kind='web "01" [x] 🎈\nnext',
    id=uuid.UUID(int=7),
    at=NOW,
    took=dt.timedelta(minutes=3, microseconds=5),
    disks=(
        Disk("D:\\a.vhdx", 5),
        Disk(Unreadable("access denied"), Unreadable("not on this build", "2019")),
        Disk("", None),
    ),
    names={"a": ("x", "y"), "": ()},
    ratio=0.1,
    nested=(Leaf("in", Unreadable("gone"), NOW, dt.timedelta(0), (), {}),),
)


def test_a_noun_comes_back_as_it_was(tmp_path: Path) -> None:
    path = write_document(tmp_path, "leaf", KIND, LEAF)
    assert path == tmp_path / "leaf.json"
    assert read_document(tmp_path, "leaf", KIND) == LEAF
    assert read_document(tmp_path, "leaf.json", KIND).at.tzinfo is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["leaf.json"]
    assert json.loads(path.read_text())["digest"] == digest_of(KIND, LEAF)


def test_the_digest_follows_the_content_only() -> None:
    assert digest_of(KIND, LEAF) == digest_of(KIND, replace(LEAF, names={"": (), "a": ("x", "y")}))
    assert digest_of(KIND, LEAF) != digest_of(KIND, replace(LEAF, kind="other"))
    assert digest_of(KIND, LEAF) != digest_of(Kind("leaf", Leaf, 2), LEAF)


def test_the_schema_describes_the_document() -> None:
    schema = json_schema(KIND)
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(document_text(KIND, LEAF))
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "version": 9}, schema)


def changed(document: dict[str, object], **body: object) -> str:
    return json.dumps({**document, "body": {**document["body"], **body}})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda d: "", "not JSON"),
        (lambda d: "{", "leaf.json:1:2: not JSON"),
        (lambda d: json.dumps(d)[:-40], "not JSON"),
        (lambda d: "[1]", "not a document of winmigrate"),
        (lambda d: "{}", "not a document of winmigrate"),
        (lambda d: json.dumps({**d, "winmigrate": "plan"}), 'a "plan"; wanted: a "leaf"'),
        (lambda d: json.dumps({**d, "version": 7}), "version 7; this winmigrate knows up to 1"),
        (lambda d: json.dumps({**d, "version": True}), "has no version"),
        (lambda d: json.dumps({**d, "version": 0}), "has no version"),
        (lambda d: json.dumps({**d, "extra": 1}), "changed by hand"),
        (lambda d: changed(d, kind="db01"), "its digest does not fit"),
        (lambda d: '{"winmigrate": "leaf", "version": 1, "digest": "", "body": NaN}', "no number of JSON"),
        (lambda d: '{"winmigrate": "leaf", "version": ' + "9" * 6000 + "}", "not JSON that can be read"),
        (lambda d: "[" * 200_000, "not JSON that can be read"),
        (lambda d: b"\xff\xfe{}", "not UTF-8 at byte 0"),
    ],
)
def test_what_is_no_sound_document_is_one_error(tmp_path: Path, make, said: str) -> None:  # type: ignore[no-untyped-def]
    text = make(json.loads(document_text(KIND, LEAF)))
    (tmp_path / "leaf.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DocumentError, match=r"leaf\.json") as caught:
        read_document(tmp_path, "leaf", KIND)
    assert said in str(caught.value)


@dataclass(frozen=True, slots=True)
class Other:
    kind: int
    more: str = ""


def test_another_shape_with_a_sound_digest_is_refused(tmp_path: Path) -> None:
    write_document(tmp_path, "leaf", Kind("leaf", Other), Other(1, "x"))
    with pytest.raises(DocumentError, match="not a leaf of version 1: kind: Input should be a valid string"):
        read_document(tmp_path, "leaf", KIND)


@dataclass(frozen=True, slots=True)
class Narrow:
    kind: int


def test_what_reading_would_drop_is_refused(tmp_path: Path) -> None:
    write_document(tmp_path, "x", Kind("leaf", Other), Other(1, "x"))
    with pytest.raises(DocumentError, match="has no place for"):
        read_document(tmp_path, "x", Kind("leaf", Narrow))


def test_older_versions_are_upgraded_step_by_step(tmp_path: Path) -> None:
    write_document(tmp_path, "x", Kind("leaf", Narrow, 1), Narrow(1))
    two = {1: lambda body: {**body, "more": "one"}, 2: lambda body: {**body, "more": body["more"] + "two"}}
    assert read_document(tmp_path, "x", Kind("leaf", Other, 3, two)) == Other(1, "onetwo")
    with pytest.raises(DocumentError, match="version 1, from which there is no way to 2"):
        read_document(tmp_path, "x", Kind("leaf", Other, 2))
    with pytest.raises(DocumentError, match="not a leaf of version 1"):
        read_document(tmp_path, "x", Kind("leaf", Other, 2, {1: lambda body: {"kind": body["none"]}}))


def test_missing_unwritable_and_misnamed(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read: No such file"):
        read_document(tmp_path, "none", KIND)
    with pytest.raises(DocumentError, match="cannot be written"):
        write_document(tmp_path / "nowhere", "x", KIND, LEAF)
    for name in ("../x", "a/b", "", ".x", "a\\b"):
        with pytest.raises(DocumentError, match="no name of a document"):
            read_document(tmp_path, name, KIND)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_no_number_of_json_is_refused_and_the_old_file_stays(tmp_path: Path, bad: float) -> None:
    write_document(tmp_path, "leaf", KIND, LEAF)
    with pytest.raises(DocumentError, match="cannot be written as JSON"):
        write_document(tmp_path, "leaf", KIND, replace(LEAF, nested=(replace(LEAF, ratio=bad),)))
    with pytest.raises(DocumentError, match="cannot be written as JSON"):
        write_document(tmp_path, "leaf", KIND, replace(LEAF, kind="\ud800"))
    assert read_document(tmp_path, "leaf", KIND) == LEAF


_PATHS = st.text(max_size=12) | st.builds(Unreadable, st.text(max_size=5))
_SIZES = st.none() | st.integers(0, 2**63) | st.builds(Unreadable, st.text(max_size=5), st.text(max_size=3))


@given(
    st.builds(
        Leaf,
        kind=st.text(max_size=10),
        id=st.uuids() | st.builds(Unreadable, st.text(max_size=5)),
        at=st.datetimes(timezones=st.just(dt.timezone.utc)),
        took=st.timedeltas(dt.timedelta(0), dt.timedelta(days=400)),
        disks=st.lists(st.builds(Disk, _PATHS, _SIZES), max_size=3).map(tuple),
        names=st.dictionaries(st.text(max_size=4), st.lists(st.text(max_size=3), max_size=2).map(tuple), max_size=3),
        ratio=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        mode=st.sampled_from(Mode),
        nested=st.just(()),
        groups=st.just(frozenset()),
    )
)
def test_any_noun_comes_back(tmp_path_factory: pytest.TempPathFactory, noun: Leaf) -> None:
    folder = tmp_path_factory.getbasetemp()
    write_document(folder, "any", KIND, noun)
    assert read_document(folder, "any", KIND) == noun


@given(st.binary(max_size=60), st.integers(0, 10_000))
def test_any_damage_is_a_document_error(tmp_path_factory: pytest.TempPathFactory, junk: bytes, position: int) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = document_text(KIND, LEAF).encode()
    cut = position % len(whole)
    (folder / "bad.json").write_bytes(whole[:cut] + junk + whole[cut + 1 :])
    try:
        noun = read_document(folder, "bad", KIND)
    except DocumentError:
        return
    assert noun == LEAF  # a byte put back as it was, or other white space


def test_run_folders(tmp_path: Path) -> None:
    base = tmp_path / "runs"
    old = os.umask(0)
    try:
        first = create_run_folder(base, NOW)
    finally:
        os.umask(old)
    second = create_run_folder(base, NOW + dt.timedelta(days=1))
    assert first.run_id.startswith("20261125-0211-")
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(base.stat().st_mode) == 0o700
    (base / "other").mkdir()
    assert run_folders(base) == (first, second)
    assert run_folders(tmp_path / "none") == ()
    assert open_run_folder(base, first.run_id) == first
    assert open_run_folder(base, "20261126") == second
    assert open_run_folder(base, first.run_id[-4:]) == first
    assert open_run_folder(tmp_path, str(second.path)).run_id == second.run_id
    with pytest.raises(UsageError, match="could be any of"):
        open_run_folder(base, "202611")
    with pytest.raises(UsageError, match="no run"):
        open_run_folder(base, "x")
    with pytest.raises(UsageError, match="did you mean"):
        open_run_folder(base, first.run_id[:-1] + "0")
    (tmp_path / "file").write_text("")
    with pytest.raises(DocumentError, match="no run folder can be made"):
        create_run_folder(tmp_path / "file" / "runs", NOW)


def test_a_run_folder_takes_documents(tmp_path: Path) -> None:
    folder = create_run_folder(tmp_path, NOW)
    write_document(folder, "plan", KIND, LEAF)
    assert read_document(folder, "plan", KIND) == LEAF


def test_json_holds_nothing_that_a_terminal_obeys() -> None:
    names = {"name": "\x1b[31m \x9b31m \x7f \x85 \u200b é 🐘"}
    text = json_text(names)
    assert [char for char in text if char < " " or "\x7f" <= char <= "\x9f"] == ["\n", "\n", "\n"]
    assert json.loads(text) == names
