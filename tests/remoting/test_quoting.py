"""Commands as text: what the lab's parser of scripts reads back, and what is refused."""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.errors import ParameterRefused
from winmigrate.facts import VERSIONS
from winmigrate.lab.engine.scripts import parse_literal
from winmigrate.lab.engine.statements import NO_ARGUMENT, CommandCall
from winmigrate.lab.engine.values import TimeSpan
from winmigrate.remoting.quoting import text_of
from winmigrate.request import (
    SWITCH,
    Command,
    Credential,
    Secret,
    Statement,
    Typed,
    command,
    renamed,
    script,
    select,
    statement,
)
from winmigrate.windows.register import statements

ID = uuid.UUID("3ab7ee4f-7f96-5d33-b85d-97b5826a0a02")
WHEN = dt.datetime(2026, 1, 2, 3, 4, 5, 600, dt.timezone.utc)


@pytest.mark.parametrize(("asked", "text"), [
    (statement(command("Get-VM")), "Get-VM"),
    (statement(command("Get-VM", Id=ID)), f"Get-VM -Id:([guid]'{ID}')"),
    (statement(command("Get-VM", Name="it's"), select("Name", renamed("A", "B"))),
     "Get-VM -Name:'it''s' | Microsoft.PowerShell.Utility\\Select-Object "
     "-Property:@('Name',@{'Name'='A';'Expression'='B'})"),
    (statement(command("Get-Item", LiteralPath=["C:\\‘a’"], Force=SWITCH, Other=False)),
     "Get-Item -LiteralPath:@('C:\\‘‘a’’') -Force -Other:$false"),
    (statement(command("Get-X", A=5, B=-5, C=2**31, D=2**63, E=None, F=[], G={})),
     "Get-X -A:5 -B:([int32]'-5') -C:2147483648 -D:([uint64]'9223372036854775808') -E:$null -F:@() -G:@{}"),
    (statement(command("Get-WinEvent", FilterHashtable={"Id": [1, 2], "StartTime": WHEN})),
     "Get-WinEvent -FilterHashtable:@{'Id'=@(1,2);'StartTime'=([datetime]'2026-01-02T03:04:05.000600Z')}"),
    (statement(command("Get-X", A=Typed("U16", 4), B=1.5, C=Decimal("2.50"), D=dt.timedelta(days=-1, seconds=1))),
     "Get-X -A:([uint16]'4') -B:([double]'1.5') -C:([decimal]'2.50') -D:([timespan]'-0.23:59:59.000000')"),
    (statement(command("whoami.exe", "/user", "/fo", "csv"), command("ConvertFrom-Csv", Header=["A", "B"])),
     "whoami.exe '/user' '/fo' 'csv' | ConvertFrom-Csv -Header:@('A','B')"),
])
def test_written(asked: Statement, text: str) -> None:
    assert text_of(asked) == text


SECRET = Secret("can-ary")


@pytest.mark.parametrize("asked", [
    Statement(()),
    statement(script("function f { 1 }")),
    *(statement(command(name)) for name in (
        "Move-VM", "Compare-VM", "Set-VM", "Remove-Item", "Invoke-CimMethod", "Invoke-Expression", "Connect-X",
        "Compare-WinmigrateVM", "cmd.exe", "powershell.exe", "notepad.exe", "Get-VM; Stop-VM", "Get-VM\nx", "gvm", "",
        "Get-VM -Name x", "a\\b\\Get-VM", "Get-", "&Get-VM", ".\\Get-VM.exe", "Get-VM‘", "Out-File", "ForEach-Object",
    )),
    statement(command("Get-VM"), command("Stop-VM")),
    statement(command("Get-VMHost", Credential=Credential("u", SECRET))),
    statement(command("Get-X", A=SECRET)),
    statement(command("Get-X", A=[{"B": SECRET}])),
    statement(Command("Get-X", (("A b", 1),))),
    statement(Command("Get-X", (("A;B", 1),))),
    statement(Command("whoami.exe", (("user", 1),))),
    *(statement(command("Get-X", A=value)) for value in (
        "a\nb", "a\rb", "a\0", "\x1b[0m", "\ud800", "\ufeffx", b"bytes", [["a"]], {"a": 1, "A": 2}, {"a\n": 1},
        Decimal("1E+40"), Decimal("NaN"), Decimal("1E-40"), Typed("SBK", "1"), Typed("XD", "<a/>"), Typed("BA", b"x"),
        Typed("C", "ab"),
    )),
    *(statement(command("whoami.exe", value)) for value in ("a\"b", "a\\", "", 5)),
])
def test_refused(asked: Statement) -> None:
    with pytest.raises(ParameterRefused) as caught:
        text_of(asked)
    assert "can-ary" not in str(caught.value)


def read(text: str) -> list[CommandCall]:
    parsed = parse_literal(text)
    assert parsed is not None, text
    assert len(parsed) == 1
    return list(parsed[0])


def same(sent: Any, got: Any) -> bool:
    """Is what the parser read the value that was sent?"""
    if isinstance(sent, Typed):
        return bool(got.tag == sent.tag and int(got) == sent.value)
    if isinstance(sent, bool) or sent is None:
        return sent is got
    if isinstance(sent, float):
        return isinstance(got, float) and (got == sent or (math.isnan(sent) and math.isnan(got)))
    if isinstance(sent, dt.timedelta):
        return isinstance(got, TimeSpan) and got.ticks == sent // dt.timedelta(microseconds=1) * 10
    if isinstance(sent, dt.datetime):
        return isinstance(got, dt.datetime) and got == sent and (got.tzinfo is None) == (sent.tzinfo is None)
    if isinstance(sent, dict):
        return list(sent) == list(got) and all(same(sent[key], got[key]) for key in sent)
    if isinstance(sent, list):
        return isinstance(got, list) and len(sent) == len(got) and all(map(same, sent, got))
    return type(got) is type(sent) and bool(got == sent)


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\ufffe\uffff"), max_size=30)
QUOTES = st.text(st.sampled_from("'\u2018\u2019\u201a\u201b\"`$ab @(){};|,\\-\t"), max_size=12)
SCALARS = st.one_of(
    TEXT, QUOTES, st.booleans(), st.none(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.uuids(),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=3),
    st.timedeltas(min_value=dt.timedelta(days=-9999), max_value=dt.timedelta(days=9999)),
    st.datetimes(), st.datetimes(timezones=st.just(dt.timezone.utc)),
)
KEYS = st.text(st.sampled_from("abc'’ -"), min_size=1, max_size=5)
TABLES = st.dictionaries(KEYS, SCALARS, max_size=3).filter(lambda made: len({key.lower() for key in made}) == len(made))
VALUES = st.one_of(SCALARS, TABLES, st.lists(st.one_of(SCALARS, TABLES), max_size=4))


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Za-z0-9]{0,8}", fullmatch=True), VALUES, max_size=4), st.booleans())
def test_what_is_written_is_read_back(parameters: dict[str, Any], switch: bool) -> None:
    asked = command("Get-Thing", **({"Switch1": SWITCH} if switch else {}), **parameters)
    text = text_of(statement(asked, command("Select-Object", Property="x")))
    assert not re.search(r"[\r\n]", text)
    first, second = read(text)
    assert (first.name, second.name) == ("Get-Thing", "Select-Object")
    assert len(first.arguments) == len(asked.parameters)
    for (name, value), (got_name, got) in zip(asked.parameters, first.arguments, strict=True):
        assert got_name == name
        assert got is NO_ARGUMENT if value is SWITCH else same(value, got), (value, got)


@given(QUOTES)
def test_text_never_leaves_its_quotes(text: str) -> None:
    """The law itself, by a scanner that knows of PowerShell's quotes only that two in a row are one."""
    written = text_of(statement(command("Get-Thing", Name=text)))
    inside = written.removeprefix("Get-Thing -Name:'")
    assert inside.endswith("'")
    assert re.fullmatch("(?:[^'\u2018-\u201b]|['\u2018-\u201b]{2})*", inside[:-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_read_of_the_register_can_be_written(version: str) -> None:
    written = refused = 0
    for each in statements(version):
        try:
            text = text_of(each)
        except ParameterRefused:
            refused += 1
            continue
        written += 1
        assert [call.name for call in read(text)] == [one.name for one in each.commands]
    assert written >= 30
    assert refused >= 5
