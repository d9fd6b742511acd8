"""The CLIXML reader and writer: the engine's corpus, the traps of XML, and anything hypothesis can think of."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.judges.clixml import judge
from tests.remoting.told import recordings
from winmigrate.errors import ClixmlError
from winmigrate.remoting.clixml import EnumValue, PSObject, SealedText, dumps, load_all, loads
from winmigrate.remoting.clixml.reader import read_all
from winmigrate.remoting.clixml.rows import document
from winmigrate.request import Secret, Typed

UTC = dt.timezone.utc


def test_the_corpus_of_a_real_engine_is_read_right_to_the_last_value() -> None:
    verdict = judge()
    assert (verdict.agree, verdict.total) == (1500, 1500), verdict.report()


@pytest.mark.parametrize(
    ("clixml", "value"),
    [
        ("<S>_xD83D__xDE1F_</S>", "\U0001f61f"),
        ("<S>_x005F_x000A_</S>", "_x000A_"),
        ("<S>a_x000D__X000a_b</S>", "a\r\nb"),
        ("<S>_xD83D_</S>", "\ud83d"),
        ("<S/>", ""),
        ("<C>65</C>", "A"),
        ("<SB>-5</SB>", -5),
        ("<U64>18446744073709551615</U64>", 2**64 - 1),
        ("<Sg>1.5</Sg>", 1.5),
        ("<Db>INF</Db>", float("inf")),
        ("<D>-1.10</D>", Decimal("-1.10")),
        ("<BA/>", b""),
        ("<Nil/>", None),
        (
            "<DT>2026-01-02T03:04:05.1234567+02:00</DT>",
            dt.datetime(2026, 1, 2, 3, 4, 5, 123456, dt.timezone(dt.timedelta(hours=2))),
        ),
        ("<DT>2026-01-02T03:04:05</DT>", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("<TS>-PT0.0000019S</TS>", -dt.timedelta(microseconds=1)),
        ("<TS>P1DT2H</TS>", dt.timedelta(days=1, hours=2)),
        ("<Version>10.0.17763.1</Version>", "10.0.17763.1"),
        ("<SS>c2VhbGVk</SS>", SealedText("c2VhbGVk")),
        ('<Obj RefId="0"><QUE><I32>1</I32></QUE></Obj>', [1]),
        ('<Obj RefId="0"><STK><I32>1</I32></STK></Obj>', [1]),
        ('<Obj RefId="0"><IE><I32>1</I32><Nil/></IE></Obj>', [1, None]),
        ('<Obj RefId="0"><S>text with notes</S><MS><S N="PSPath">x</S></MS></Obj>', "text with notes"),
        (
            '<Obj RefId="0"><TN RefId="7"><T>Deserialized.A.B</T><T>System.Object</T></TN><ToString>b</ToString>'
            '<Props><I32 N="x_x005F_x">1</I32></Props><MS><Obj N="c" RefId="1"><TNRef RefId="7"/></Obj></MS></Obj>',
            PSObject(("A.B", "System.Object"), "b", {"x_x": 1, "c": PSObject(("A.B", "System.Object"))}),
        ),
    ],
)
def test_what_each_element_means(clixml: str, value: object) -> None:
    read = loads(clixml)
    assert read == value
    assert type(read) is type(value)


def test_a_reference_is_the_object_itself_and_a_cycle_only_its_type() -> None:
    first, second = load_all('<Objs><Obj RefId="0"><LST/></Obj><Ref RefId="0"/></Objs>')
    assert first is second
    value = loads('<Obj RefId="0"><TN RefId="0"><T>T</T></TN><MS><Ref N="self" RefId="0"/></MS></Obj>')
    assert value.properties["self"] == PSObject(("T",))


@pytest.mark.parametrize(
    ("clixml", "said"),
    [
        ("", "no element found"),
        ("<S>", "no element found"),
        ("<S>\x00</S>", "not well-formed"),
        ("<X/>", "<X> inside <nothing>"),
        ("<I32>1_0</I32>", "no integer"),
        ("<I32></I32>", "no integer"),
        ("<I64>" + "9" * 10_000 + "</I64>", "no integer"),
        ("<B>True</B>", "neither true nor false"),
        ("<D>1E+999999999</D>", "no decimal number"),
        ("<Db>1_0</Db>", "no floating-point number"),
        ("<DT>yesterday</DT>", "no date"),
        ("<DT>2026-13-02T03:04:05</DT>", "month must be"),
        ("<TS>P</TS>", "no time span"),
        ("<BA>abc</BA>", "no base64"),
        ("<G>nonsense</G>", "badly formed"),
        ("<C>65536</C>", "no UTF-16"),
        ("<S><S/></S>", "inside a scalar"),
        ("<MS/>", "<MS> inside <nothing>"),
        ("<Objs><LST/></Objs>", "<LST> inside <Objs>"),
        ('<Obj RefId="0"><MS><S>1</S></MS></Obj>', "a property without a name"),
        ('<Obj RefId="0"><I32>1</I32><I32>2</I32></Obj>', "two values"),
        ('<Obj RefId="0"><DCT><En><S N="Key">k</S></En></DCT></Obj>', "without Key and Value"),
        (
            '<Obj RefId="0"><DCT><En><Obj N="Key" RefId="1"><LST/></Obj><Nil N="Value"/></En></DCT></Obj>',
            "cannot be one",
        ),
        ('<Obj RefId="0"><TNRef RefId="9"/></Obj>', "a TNRef to nothing"),
        ('<Objs><Ref RefId="9"/></Objs>', "a Ref to nothing"),
        ("<Objs/>", "0 values"),
        ("<S>\ud800</S>", "half of a surrogate pair"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><S>&a;</S>', "document type or entity"),
        ("<!DOCTYPE x SYSTEM 'file:///etc/passwd'><S/>", "document type or entity"),
        ("<Obj><LST>" * 10_000, "nested more than"),
    ],
)
def test_bad_input_is_refused_with_its_reason(clixml: str, said: str) -> None:
    with pytest.raises(ClixmlError, match=re.escape(said)):
        loads(clixml)


def test_the_position_is_that_of_the_fault() -> None:
    with pytest.raises(ClixmlError) as caught:
        loads('<Objs>\n  <Obj RefId="0"><LST>\n<I32>1</I32><I32>x</I32></LST></Obj></Objs>')
    assert caught.value.position is not None
    assert caught.value.position[0] == 3


def test_standard_error_of_powershell_is_read_past_its_first_line() -> None:
    assert load_all('#< CLIXML\r\n<Objs><S S="Error">a</S><S S="Error">b</S></Objs>') == ["a", "b"]


def test_huge_text_takes_time_in_proportion() -> None:
    text = "x&amp;_x0041_" * 400_000
    assert len(loads(f"<S>{text}</S>")) == 3 * 400_000


def test_secrets_are_neither_shown_nor_written() -> None:
    assert "c2Vh" not in repr(loads("<SS>c2VhbGVk</SS>"))
    with pytest.raises(ClixmlError, match="session key"):
        dumps([Secret("geheim")])


@pytest.mark.parametrize("value", [object(), 2**64, {1, 2}, Decimal("NaN"), Decimal("1E+40"), 1j])
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(ClixmlError):
        dumps(value)


def test_a_deep_value_is_refused_and_no_recursion_error() -> None:
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(ClixmlError, match="nested"):
        dumps(value)


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        (Typed("U16", 4), 4),
        (Typed("C", "A"), "A"),
        (Typed("DT", dt.datetime(2026, 1, 2, tzinfo=UTC)), dt.datetime(2026, 1, 2, tzinfo=UTC)),
        (Typed("Version", "1.2.3"), "1.2.3"),
        (Typed("B", True), True),
        (Typed("G", "23420371-deea-9c96-e300-aeeec060a237"), uuid.UUID("23420371-deea-9c96-e300-aeeec060a237")),
        (Typed("TS", dt.timedelta(seconds=90)), dt.timedelta(seconds=90)),
    ],
)
def test_typed_values_are_written_with_their_tag(typed: Typed, value: object) -> None:
    written = dumps(typed)
    assert f"<{typed.tag}>" in written
    assert loads(written) == value


_TEXT = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["_x000A_", "_X0041", "a\r\nb", "\ud800", "&<>\"'"]
)
_ZONES = st.none() | st.timedeltas(dt.timedelta(hours=-14), dt.timedelta(hours=14)).map(
    lambda span: dt.timezone(dt.timedelta(minutes=span // dt.timedelta(minutes=1)))
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.decimals(-(10**12), 10**12, places=6)
    | _TEXT
    | st.binary()
    | st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9998, 12, 30), timezones=_ZONES)
    | st.timedeltas(dt.timedelta(days=-10675199), dt.timedelta(days=10675199))
    | st.uuids()
    | st.builds(EnumValue, _TEXT, st.integers(-(2**31), 2**31 - 1))
)
_TYPE_NAMES = st.lists(_TEXT.filter(lambda name: not name.startswith("Deserialized.")), max_size=3).map(tuple)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_TEXT, inner, max_size=4)
        | st.builds(PSObject, _TYPE_NAMES, st.none() | _TEXT, st.dictionaries(_TEXT, inner, max_size=4))
    ),
    max_leaves=12,
)


@given(_VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert loads(dumps(value)) == value


_TAGS = st.sampled_from(
    [
        "Obj",
        "Objs",
        "MS",
        "Props",
        "LST",
        "DCT",
        "En",
        "TN",
        "T",
        "TNRef",
        "Ref",
        "ToString",
        "S",
        "I32",
        "DT",
        "TS",
        "D",
        "G",
        "BA",
        "B",
        "Nil",
        "SS",
        "X",
    ]
)
_SOUP = st.recursive(
    st.sampled_from(["", "1", "true", "x", "_x0", "&amp;"]),
    lambda inner: st.builds(
        lambda tag, attributes, content: f"<{tag}{attributes}>{''.join(content)}</{tag}>",
        _TAGS,
        st.sampled_from(["", ' N="Key"', ' N="Value"', ' RefId="0"', ' N="a" RefId="1"']),
        st.lists(inner, max_size=4),
    ),
    max_leaves=15,
)


@given(_SOUP | st.text(max_size=60))
def test_any_other_text_gives_values_or_a_clixml_error(text: str) -> None:
    with contextlib.suppress(ClixmlError):
        assert isinstance(load_all(text), list)


# --- the short way for rows --------------------------------------------------------------------------------------

_ROW = (
    '<Obj RefId="0"><TN RefId="0"><T>Deserialized.Selected.VM</T><T>System.Object</T></TN><ToString>a&amp;b</ToString>'
    '<MS><S N="Name">web01 &lt;&amp;lt;_x0041_</S><I32 N="Count_x0041_">-4</I32><Nil N="None" /><B N="On">true</B>'
    '<Obj N="State" RefId="1"><TN RefId="1"><T>VMState</T><T>System.Enum</T></TN><ToString>Running</ToString>'
    '<I32>2</I32></Obj><Obj N="Last" RefId="2"><TNRef RefId="1" /><ToString>Off &amp; on</ToString><I32>3</I32></Obj>'
    '<DT N="Time">2026-11-25T02:54:25.1234567Z</DT><G N="Id">23420371-deea-9c96-e300-aeeec060a237</G></MS></Obj>'
)


def test_the_short_way_is_taken_and_gives_the_same() -> None:
    (taken,) = document(_ROW) or [None]
    assert [taken] == read_all(_ROW)
    assert taken is not None
    assert taken.properties["Name"] == "web01 <&lt;A"
    assert taken.properties["Last"] == EnumValue("Off & on", 3)


def agree(text: str) -> None:
    """The short way says nothing, or what the reader proper says."""
    try:
        taken = document(text)
    except (ValueError, ArithmeticError):
        with pytest.raises(ClixmlError):
            read_all(text)
        return
    if taken is not None:
        assert read_all(text) == taken


def test_both_ways_agree_on_all_that_a_real_engine_said() -> None:
    texts = [event["clixml"] for each in recordings() for event in each["events"] if event.get("clixml")]
    assert len(texts) > 600
    taken = [text for text in texts if document(text) is not None]
    assert len(taken) > 200
    for text in taken:
        assert document(text) == read_all(text)
    for text in texts:
        assert len(read_all(text)) == 1


_ROWS = f'<Objs>{_ROW}<Obj RefId="3"><TNRef RefId="0" /><MS><I32 N="a">1</I32></MS></Obj>{_ROW}</Objs>'


def test_many_rows_in_one_document_take_it_too() -> None:
    assert document(_ROWS) == read_all(_ROWS)
    assert len(document(_ROWS) or []) == 3


@given(st.lists(st.tuples(_TEXT, _SCALARS), max_size=6), st.none() | _TEXT, _TYPE_NAMES)
def test_both_ways_agree_on_rows(members: list[tuple[str, Any]], told: str | None, types: tuple[str, ...]) -> None:
    agree(dumps(PSObject(types, told, dict(members))).split(">", 1)[1].removesuffix("</Objs>"))


_PIECES = st.sampled_from(
    ["<", ">", "&", "&amp;", "&#65;", "]]>", '"', "'", " ", "/", "\n", "é", "\x85", "1", "_x0041_", "<S>", "</S>", "N",
     "</MS>", "<MS>", "</Obj>", "<!--x-->", "<![CDATA[x]]>", "<?x?>", ""]
)  # fmt: skip


@given(
    st.sampled_from([_ROW, _ROWS]),
    st.lists(st.tuples(st.integers(0, len(_ROWS)), st.integers(0, 12), _PIECES), min_size=1, max_size=3),
)
@settings(max_examples=600)
def test_both_ways_agree_on_rows_that_were_tampered_with(text: str, cuts: list[tuple[int, int, str]]) -> None:
    for at, length, piece in cuts:
        text = text[:at] + piece + text[at + length :]
    agree(text)
