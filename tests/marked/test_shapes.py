from __future__ import annotations

import pytest

from winmigrate.marked import (
    Key,
    Misfit,
    choice,
    entries,
    fields,
    listing,
    load_marked,
    one_or_more,
    truth,
    whole,
    words,
)
from winmigrate.marked.wording import shown

SHAPE = fields(
    {
        "name": Key(words("a name"), required=True),
        "count": Key(whole(1, 9), default=1),
        "sure": Key(truth(), default=False),
        "mode": Key(choice("fast", "slow")),
        "tags": Key(listing(words("a tag")), default=()),
        "to": Key(one_or_more(words("a host"), "a host, or a list of hosts"), default=()),
        "maps": Key(entries(words("a switch"), "a mapping of hosts to switches"), default={}),
    },
    "a mapping with a name",
    lambda marked, found: found,
)


def said(text: str) -> list[str]:
    with pytest.raises(Misfit) as caught:
        SHAPE.read(load_marked(text, "x.yml"))
    return [str(fault) for fault in sorted(caught.value.faults)]


def test_values_and_defaults() -> None:
    found = SHAPE.read(load_marked("name: 0012\nto: hv01\nmaps: {a: 12}\nsure: true\n", "x.yml"))
    assert found == {
        "name": "0012", "count": 1, "sure": True, "mode": None, "tags": (), "to": ("hv01",), "maps": {"a": "12"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("nam: x\n", ['x.yml:1:1: the key "name" is missing', 'x.yml:1:1: nam: unknown key (did you mean "name"?)']),
        ("name: x\ncount: 10\n", ["x.yml:2:8: count: 10 is out of range; wanted: a whole number from 1 to 9"]),
        ("name: x\ncount: '1'\n", ['x.yml:2:8: count: "1" is text; wanted: a whole number from 1 to 9']),
        ("name: x\nsure: no\n", [
            'x.yml:2:7: sure: "no" is text; wanted: true or false (no is read as text; write false)',
        ]),
        ("name: x\nmode: fsat\n", ['x.yml:2:7: mode: "fsat" is none of fast | slow (did you mean "fast"?)']),
        ("name: [x]\n", ["x.yml:1:7: name: this is a list; wanted: a name"]),
        ("name:\n", ["x.yml:1:6: name: this is nothing; wanted: a name"]),
        ("name: '  '\n", ["x.yml:1:7: name: empty; wanted: a name"]),
        ('name: "a\\nb"\n', ["x.yml:1:7: name: the control character U+000A in text; wanted: a name, on one line"]),
        ("name: x\ntags: x\n", ['x.yml:2:7: tags: "x" is text; wanted: a list']),
        ("name: x\nto: []\n", ["x.yml:2:5: to: an empty list; wanted: a host, or a list of hosts"]),
        ("name: x\npassword: hunter2\n", [
            "x.yml:2:1: password: a secret has no place in a file: "
            "name it (credential: keyring:NAME, env:NAME, file:PATH, prompt)",
        ]),
        ("name: x\ntags: [[], a, {}]\ncount: 0\n", [
            "x.yml:2:8: tags[0]: this is a list; wanted: a tag",
            "x.yml:2:15: tags[2]: this is a mapping; wanted: a tag",
            "x.yml:3:8: count: 0 is out of range; wanted: a whole number from 1 to 9",
        ]),
    ],
)  # fmt: skip
def test_all_faults_at_once_each_in_its_place(text: str, faults: list[str]) -> None:
    assert said(text) == faults


def test_text_is_shown_on_one_line_and_short() -> None:
    assert shown('a"b\n\u202e\\') == '"a"b\\n\\u202e\\"'
    assert len(shown("x" * 500)) < 70
