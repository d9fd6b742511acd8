from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winmigrate.errors import Fault, InputFaults
from winmigrate.marked import load_marked, read_marked


def fault_of(text: str) -> str:
    with pytest.raises(InputFaults) as caught:
        load_marked(text, "x.yml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("22:00", "22:00"),
        ("0012", "0012"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1.10", "1.10"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("2027-01-31", "2027-01-31"),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("true", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        (r"D:\VMs\{vm}", r"D:\VMs\{vm}"),
        ("99999999999999999999999999", "99999999999999999999999999"),
        ("=", "="),
    ],
)
def test_only_what_everybody_reads_alike_is_no_text(written: str, value: object) -> None:
    root = load_marked(f"a: {written}\n", "x.yml")
    assert root.plain() == {"a": value}
    assert type(root.plain()["a"]) is type(value)


def test_every_value_and_key_has_its_place() -> None:
    root = load_marked("a:\n  - b: 1\n    ü c: [x, {d: y}]\n", "x.yml")
    inner = root.child("a")
    assert inner is not None
    assert isinstance(inner.value, list)
    last = inner.value[0].child("ü c")
    assert last is not None
    assert str(last.place) == "x.yml:3:10"
    assert str(last.key_place) == "x.yml:3:5"
    assert last.path == 'a[0]["ü c"]'
    assert isinstance(last.value, list)
    deepest = last.value[1].child("d")
    assert deepest is not None
    assert (str(deepest.place), deepest.path) == ("x.yml:3:18", 'a[0]["ü c"][1].d')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yml:3:1: a: the key stands twice (first in line 1): leave one"),
        ("a:\n\t- b\n", "x.yml:2:1: a tab in the indentation: YAML wants spaces"),
        ("a: !!python/object/apply:os.system [ls]\n", "x.yml:1:4: a: a tag"),
        ("a: {{ x }}\n", "x.yml:1:5: a: a mapping or list cannot be a key: {{ ... }} is Jinja"),
        ("{% for x in y %}\n", "Jinja is not read here"),
        ("a: &x [*x]\n", "refers to what it stands in"),
        ("a: *x\n", "refers to nothing"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "merge keys"),
        ("a: 1\n---\nb: 2\n", "x.yml:2:1: a second document"),
        ("a: 'b\n", "x.yml:2:1: not YAML: found unexpected end of stream"),
        ("a: b: c\n", "not YAML: mapping values are not allowed"),
        ("a: \x00b\n", "x.yml:1:4: not YAML: the control character U+0000"),
        ("x: 1\na: \x1bb\n", "x.yml:2:4: not YAML: the control character U+001B"),
        ('a: "\\ud800"\n', "x.yml:1:"),
        ('a: "' + "\ud800" + '"\n', "not YAML"),
        ('"a\\nb": 1\n', "the control character U+000A in a key"),
        ("'': 1\n", "a key without a name"),
        ("? [a]\n: 1\n", "cannot be a key"),
        ("[" * 60 + "]" * 60, "nested deeper than 40 levels"),
        ("[" * 300_000, "nested deeper than 40 levels"),
        ("{a: " * 5000, "nested deeper than 40 levels"),
        ("x" * (9 * 2**20), "larger than 8 MiB"),
    ],
)
def test_what_cannot_be_read_is_one_clear_fault(text: str, said: str) -> None:
    assert said in fault_of(text)


def test_references_without_end_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.perf_counter()
    assert "grow past" in fault_of("\n".join(lines))
    assert time.perf_counter() - started < 2


def test_a_reference_may_be_used_plainly() -> None:
    root = load_marked("a: &x {b: 1}\nc: *x\n", "x.yml")
    assert root.plain() == {"a": {"b": 1}, "c": {"b": 1}}


def test_duplicates_are_all_told() -> None:
    with pytest.raises(InputFaults) as caught:
        load_marked("a: 1\na: 2\nb: {c: 1, c: 2}\n", "x.yml")
    assert [(f.line, f.column) for f in caught.value.faults] == [(2, 1), (3, 11)]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: 1\nb: \xff\xfe\n", ":2:4: not UTF-8 (byte 0xff)"),
        ("a: 1".encode("utf-16"), "not UTF-8"),
        (b"x" * (8 * 2**20 + 1), "larger than 8 MiB"),
    ],
)
def test_files_that_are_no_text(tmp_path, data: bytes, said: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x.yml"
    path.write_bytes(data)
    with pytest.raises(InputFaults, match=r"x\.yml") as caught:
        read_marked(path)
    assert said in str(caught.value)


def test_a_byte_order_mark_is_no_fault_and_a_missing_file_is_one(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "x.yml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_marked(tmp_path / "x.yml").plain() == {"a": 1}
    for path in (tmp_path / "none.yml", tmp_path):
        with pytest.raises(InputFaults, match="cannot be read"):
            read_marked(path)


_values = st.recursive(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8)
    | st.integers(-(10**18), 10**18)
    | st.booleans()
    | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdü \"'", min_size=1), inner, max_size=3),
    max_leaves=12,
)


def outcome(text: str) -> tuple[object, tuple[Fault, ...]]:
    try:
        return load_marked(text, "x.yml").plain(), ()
    except InputFaults as faults:
        return None, faults.faults


@given(_values)
@settings(max_examples=150)
def test_json_reads_as_what_it_is(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    read, faults = outcome(text)
    odd = any(ord(char) > 126 for char in text) or "\\" in text
    assert (read == value and not faults) or (odd and faults)


@given(st.text(max_size=80))
@settings(max_examples=300)
def test_any_text_is_a_tree_or_faults(text: str) -> None:
    _, faults = outcome(text)
    assert all(fault.file == "x.yml" and fault.message for fault in faults)


_NOISE = [*"ab:-[]{}'|>!%#?\n\t\"\U0001f600", ": ", "  ", "- ", "&x ", "*x", "? ", "---", "..."]


@given(st.lists(st.sampled_from(_NOISE)).map("".join))
@settings(max_examples=400)
def test_yaml_noise_is_a_tree_or_faults(text: str) -> None:
    _, faults = outcome(text)
    assert all(fault.file == "x.yml" and fault.message for fault in faults)
