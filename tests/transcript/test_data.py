from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.errors import TranscriptError
from winmigrate.request import (
    SWITCH,
    Command,
    Credential,
    Request,
    Secret,
    Statement,
    Typed,
    command,
    renamed,
    request,
    script,
    select,
    statement,
)
from winmigrate.transcript import data_to_request, request_text, request_to_data

GUID = uuid.UUID("6f1c1b2a-0d0e-4c9b-9d6b-0b4f1f6f7a11")
WHEN = dt.datetime(2026, 11, 25, 2, 11, tzinfo=dt.timezone.utc)
RICH = request(
    statement(script("function Move-Mended { param($Id) $Id }")),
    statement(
        command("Get-VM", Id=GUID),
        select("Id", renamed("OwnerId", "VMId"), expand="VlanSetting"),
    ),
    statement(command("whoami.exe", "/user", "/fo")),
    statement(
        command(
            "Move-VM",
            IncludeStorage=SWITCH,
            Confirm=False,
            Count=4,
            Big=2**40,
            Small=Typed("U16", 4),
            Text=Typed("S", "x"),
            Rate=1.5,
            Exact=Decimal("1.50"),
            Raw=b"\x00\xff",
            Since=WHEN,
            Span=dt.timedelta(seconds=-1.5),
            Vhds=[{"SourceFilePath": "D:\\a", "DestinationFilePath": "E:\\a"}],
            Nothing=None,
        )
    ),
)


def test_a_request_comes_back_as_it_was() -> None:
    assert data_to_request(json.loads(json.dumps(request_to_data(RICH)))) == RICH


def test_secrets_never_stand_in_data() -> None:
    asked = request(
        statement(
            command(
                "Move-VM", DestinationCredential=Credential("CORP\\ops", Secret("hunter22")), Word=Secret("hunter22")
            )
        )
    )
    text = json.dumps(request_to_data(asked))
    assert "hunter22" not in text
    assert request_to_data(asked)["statements"][0][0]["parameters"] == [
        ["DestinationCredential", {"credential": "CORP\\ops"}],
        ["Word", {"secret": True}],
    ]
    empty = data_to_request(json.loads(text)).statements[0].commands[0]
    assert empty.parameter("DestinationCredential") == Credential("CORP\\ops", Secret(""))


def test_a_request_reads_like_what_one_would_type() -> None:
    text = request_text(request_to_data(RICH), 2000)
    assert text.startswith(
        f"function Move-Mended; Get-VM -Id {GUID} | Microsoft.PowerShell.Utility\\Select-Object "
        '-ExpandProperty "VlanSetting" -Property "Id",@{Name="OwnerId"; Expression="VMId"}; whoami.exe "/user" "/fo"; '
        "Move-VM -IncludeStorage -Confirm False -Count 4"
    )
    assert len(request_text(request_to_data(RICH), 50)) == 50


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"statements": 1},
        {"statements": [[]]},
        {"statements": [], "more": 1},
        {"statements": [[1]]},
        {"statements": [[{"parameters": []}]]},
        {"statements": [[{"command": 1}]]},
        {"statements": [[{"command": "x", "script": "y"}]]},
        {"statements": [[{"command": "x", "parameters": [["a"]]}]]},
        {"statements": [[{"command": "x", "parameters": [[1, 2]]}]]},
        *(
            {"statements": [[{"command": "x", "parameters": [["a", value]]}]]}
            for value in (
                1,
                1.5,
                {"I32": "x"},
                {"I32": True},
                {"G": "x"},
                {"DT": "now"},
                {"D": "x"},
                {"BA": "?"},
                {"TS": "x"},
                {"nope": 1},
                {},
                {"a": 1, "b": 2},
                {"typed": [1]},
                {"typed": 5},
                {"dict": [1]},
                {"dict": 5},
                json.loads("[" * 60 + "]" * 60),
            )
        ),
    ],
)
def test_what_is_no_request_is_said(data: Any) -> None:
    with pytest.raises(TranscriptError, match=r"no (request|value)"):
        data_to_request(data)


_TEXT = st.text(max_size=6)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | _TEXT
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=5)
    | st.uuids()
    | st.datetimes(timezones=st.none() | st.just(dt.timezone.utc))
    | st.timedeltas()
    | st.just(SWITCH)
    | st.builds(Typed, st.sampled_from(["I32", "U64"]), st.integers(0, 2**31 - 1))
    | st.builds(Typed, st.just("S"), _TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_COMMANDS = st.builds(
    Command, _TEXT, st.lists(st.tuples(st.none() | _TEXT, _VALUES), max_size=3).map(tuple), st.booleans()
)
_REQUESTS = st.lists(st.lists(_COMMANDS, min_size=1, max_size=2).map(tuple), max_size=3).map(
    lambda found: Request(tuple(Statement(one) for one in found))
)


@given(_REQUESTS)
def test_any_request_comes_back(asked: Request) -> None:
    assert data_to_request(json.loads(json.dumps(request_to_data(asked)))) == asked
    assert len(request_text(request_to_data(asked))) <= 300
