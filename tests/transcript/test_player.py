from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.errors import (
    AuthenticationFailed,
    CannotConnect,
    ConnectionLost,
    HostError,
    Refused,
    SecretFound,
    TranscriptError,
)
from winmigrate.request import (
    Credential,
    Event,
    PipelineState,
    Reply,
    Request,
    Secret,
    Stream,
    command,
    request,
    statement,
)
from winmigrate.transcript import (
    Book,
    Entry,
    Header,
    Player,
    Transcript,
    TransportFault,
    load_book,
    load_transcript,
    request_to_data,
    save_transcript,
    transcript_schema,
    transcript_text,
)

ROW = Event(0.25, Stream.OUTPUT, '<Obj RefId="0"><S>web01 & "x" 🎈</S></Obj>')
OOPS = Event(0.5, Stream.ERROR, "<Obj><S>oops</S></Obj>")


def ask(name: str, **parameters: Any) -> Request:
    return request(statement(command(name, **parameters)))


def entry(asked: Request, *events: Event, **more: Any) -> Entry:
    return Entry(request_to_data(asked), events, **more)


def transcript(*entries: Entry, host: str = "hv01") -> Transcript:
    return Transcript(Header("invented", "a test", host, 17763, "en-US", {"hosts": 1}), entries)


FULL = transcript(
    entry(ask("Get-VM"), ROW, OOPS, seconds=0.75),
    entry(ask("Get-VM", Id="a"), end=PipelineState.FAILED, error="<Obj>no</Obj>"),
    entry(ask("Get-VM", Id="b"), ROW, end=TransportFault("ConnectionLost", "the line went dead")),
    entry(ask("Get-VM", Id="c"), end=TransportFault("Refused", "quota", 2150859174)),
    entry(ask("Get-VM", Id="d"), ROW, end=None),
    entry(ask("Move-VM", Confirm=False), ROW, end=PipelineState.STOPPED),
)


@pytest.mark.parametrize("name", ["hv01.jsonl", "hv01.jsonl.gz"])
def test_a_transcript_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    save_transcript(FULL, tmp_path / name)
    assert load_transcript(tmp_path / name) == FULL


def test_every_line_fits_the_schema() -> None:
    schema = transcript_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for line in transcript_text(FULL).splitlines():
        jsonschema.validate(json.loads(line), schema)
    for bad in (
        {},
        {"winmigrate": "transcript"},
        {"request": {"statements": []}, "events": [[0, "x", ""]], "end": None},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_a_session_answers_as_the_host_did() -> None:
    book = Book([FULL])
    session = Player(book, "hv01")
    session.open()
    reply = session.ask(ask("Get-VM"))
    assert reply == Reply((ROW, OOPS), PipelineState.COMPLETED, None, 0.75)
    assert session.last_reply == reply
    failed = session.ask(ask("get-vm", ID="a"))
    assert (failed.state, failed.error) == (PipelineState.FAILED, "<Obj>no</Obj>")
    with pytest.raises(ConnectionLost, match="hv01: the line went dead"):
        session.ask(ask("Get-VM", Id="b"))
    with pytest.raises(Refused) as caught:
        session.ask(ask("Get-VM", Id="c"))
    assert caught.value.code == 2150859174
    with pytest.raises(ConnectionLost, match="the recording has no end"):
        session.ask(ask("Get-VM", Id="d"))
    tickets: list[Any] = []
    events = session.start(ask("Move-VM", Confirm=False), on_ticket=tickets.append)
    assert len(tickets) == 1
    assert not session.alive(tickets[0])
    assert list(events) == [ROW]
    assert session.last_reply is not None
    assert session.last_reply.state is PipelineState.STOPPED
    session.close()
    book.close()


def test_events_come_before_the_fault() -> None:
    book = Book([transcript(entry(ask("A"), ROW, end=TransportFault("AuthenticationFailed", "who?")))])
    events = Player(book, "hv01").start(ask("A"))
    assert next(events) == ROW
    with pytest.raises(AuthenticationFailed):
        next(events)


def test_the_same_request_gets_the_next_entry_and_sessions_share_the_book() -> None:
    rows = [Event(0.0, Stream.OUTPUT, str(number)) for number in range(3)]
    book = Book([transcript(*(entry(ask("Poll"), row) for row in rows), entry(ask("Other")))])
    first, second = book.connector()("hv01"), book.connector()("HV01")
    assert [one.ask(ask("Poll")).events[0].clixml for one in (first, second, first)] == ["0", "1", "2"]
    with pytest.raises(TranscriptError, match="hv01: recorded 3 times, asked once more: Poll"):
        first.ask(ask("Poll"))
    assert book.unused() == ("hv01, entry 4: Other",)
    with pytest.raises(TranscriptError, match="recorded and never asked:\n  hv01, entry 4: Other"):
        book.close()


def test_a_book_that_is_not_strict_repeats_the_last_and_does_not_mind_what_is_left() -> None:
    book = Book([transcript(entry(ask("Poll"), ROW), entry(ask("Poll"), OOPS), entry(ask("Other")))], strict=False)
    session = Player(book, "hv01")
    assert [session.ask(ask("Poll")).events for _ in range(4)] == [(ROW,), (OOPS,), (OOPS,), (OOPS,)]
    book.close()
    with pytest.raises(TranscriptError, match="not recorded"):
        session.ask(ask("Nothing"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            ask("Get-VM", Id="z"),
            'entry 2: Get-VM -Id "a"\n  differs in statement 1, Get-VM -Id: asked "z", recorded "a"',
        ),
        (ask("Get-VM", Id="a", Name="b"), 'differs in statement 1, Get-VM -Name: asked "b", not recorded'),
        (ask("Move-VM"), "differs in statement 1, Move-VM -Confirm: recorded False, not asked"),
        (ask("Move-VMStorage", Confirm=False), "entry 6: Move-VM -Confirm False\n  differs in other commands"),
        (ask("Move-VM", Confirm="False"), 'asked "False", recorded False'),
    ],
)
def test_a_miss_shows_the_nearest_entry_and_what_differs(asked: Request, said: str) -> None:
    with pytest.raises(TranscriptError) as caught:
        Player(Book([FULL]), "hv01").ask(asked)
    assert said in str(caught.value)


def test_a_host_that_is_not_in_the_book() -> None:
    for act in (lambda one: one.open(), lambda one: one.ask(ask("Get-VM"))):
        with pytest.raises(TranscriptError, match=r'no transcript of the host "hv1" \(did you mean "hv01"\?\)'):
            act(Player(Book([FULL]), "hv1"))
    with pytest.raises(TranscriptError, match="nothing is recorded"):
        Player(Book([transcript()]), "hv01").ask(ask("Get-VM"))
    with pytest.raises(TranscriptError, match="two transcripts of the host"):
        Book([FULL, transcript(host="HV01")])


def test_placeholders_hold_together_and_fill_the_answer() -> None:
    since, vm = {"any": "since"}, {"any": "vm"}
    recorded = Entry(
        {"statements": [[{"command": "Look", "parameters": [["Since", since], ["Id", vm]]}]]},
        (Event(0.0, Stream.OUTPUT, "<S>{any:vm}</S>"),),
        error="{any:vm}",
    )
    again = Entry({"statements": [[{"command": "Again", "parameters": [["Id", vm], ["Not", vm]]}]]})
    book = Book([transcript(recorded, again, again)])
    session = Player(book, "hv01")
    reply = session.ask(ask("Look", Since=dt.datetime(2026, 1, 1), Id="a<b"))
    assert (reply.events[0].clixml, reply.error) == ("<S>a&lt;b</S>", "a&lt;b")
    with pytest.raises(TranscriptError, match='Again -Id: asked "other", recorded <vm>'):
        session.ask(ask("Again", Id="other", Not="other"))
    session.ask(ask("Again", Id="a<b", Not="a<b"))
    unbound = Player(Book([transcript(again)]), "hv01")
    with pytest.raises(TranscriptError, match="Again -Not"):
        unbound.ask(ask("Again", Id="x", Not="y"))
    unbound.ask(ask("Again", Id=None, Not=None))


def test_any_password_answers_to_any_and_no_text_does() -> None:
    one = ask("Move", Credential=Credential("CORP\\ops", Secret("first")), Word=Secret("first"))
    book = Book([transcript(entry(one), entry(one))])
    session = Player(book, "hv01")
    session.ask(ask("Move", Credential=Credential("other", Secret("second")), Word=Secret("second")))
    with pytest.raises(TranscriptError) as caught:
        session.ask(ask("Move", Credential="first", Word=Secret("second")))
    assert "second" not in str(caught.value)


GOOD = transcript_text(FULL).splitlines()


def entry_line(**change: Any) -> str:
    return json.dumps({**json.loads(GOOD[1]), **change})


def header_line(**change: Any) -> str:
    return json.dumps({**json.loads(GOOD[0]), **change})


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ":1: not JSON"),
        (["{}"], ":1: no transcript of winmigrate"),
        (["[]"], ":1: wanted: a JSON object"),
        ([header_line(version=2)], ":1: of version 2; this winmigrate reads 1"),
        ([header_line(version=True)], "of version True"),
        ([header_line(origin="heard")], '"origin" wants recorded | lab | documented | invented'),
        ([header_line(host="")], '"host" wants the host\'s alias'),
        ([header_line(build="x")], '"build" wants a build number or null'),
        ([header_line(redacted=[])], '"redacted" wants'),
        ([header_line(redacted={"a": "b"})], '"redacted" wants'),
        ([header_line(more=1)], 'unknown key "more"'),
        ([GOOD[0], "x"], ":2: not JSON"),
        ([GOOD[0], "[" * 100_000], ":2: not JSON"),
        ([GOOD[0], ""], ":2: not JSON"),
        ([GOOD[0], GOOD[1], entry_line(request=1)], ":3: \"request\" wants a request"),
        ([GOOD[0], entry_line(request={})], ":2: no request"),
        ([GOOD[0], entry_line(events={})], '"events" wants a list'),
        ([GOOD[0], entry_line(events=[[0, "shout", "x"]])], ":2: an event wants [seconds, output | error"),
        ([GOOD[0], entry_line(events=[[True, "output", "x"]])], "an event wants"),
        ([GOOD[0], entry_line(events=[[0, "output"]])], "an event wants"),
        ([GOOD[0], entry_line(end=1)], '"end" wants a state, a fault or null'),
        ([GOOD[0], entry_line(end={"state": "Done"})], '"state" wants Completed | Failed | Stopped'),
        ([GOOD[0], entry_line(end={"state": "Failed", "error": 1})], '"error" wants CLIXML'),
        ([GOOD[0], entry_line(end={"fault": "SystemExit", "message": ""})], '"fault" wants HostError'),
        ([GOOD[0], entry_line(end={"fault": "Refused", "message": "", "code": "x"})], '"code" wants a number'),
        ([GOOD[0], entry_line(extra=1)], 'unknown key "extra"'),
    ],
)  # fmt: skip
def test_a_broken_file_is_one_clear_error(tmp_path: Path, lines: list[str], said: str) -> None:
    path = tmp_path / "hv01.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(TranscriptError, match=r"hv01\.jsonl") as caught:
        load_transcript(path)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", b"", "empty; wanted: a header line"),
        ("a.jsonl", "\n".join(GOOD).encode(), "ends in the middle of a line: cut off"),
        ("a.jsonl", GOOD[0].encode() + b"\n\xff\n", "a.jsonl:2: not UTF-8 at byte 0"),
        ("a.jsonl.gz", gzip.compress("\n".join(GOOD).encode())[:-9], "not gzip: cut off"),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00rubbish!!", "not gzip"),
    ],
)
def test_files_that_are_no_transcripts(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TranscriptError) as caught:
        load_transcript(tmp_path / name)
    assert said in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winmigrate.transcript.files.LARGEST", 2**20)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"x" * 2**24))
    with pytest.raises(TranscriptError, match="larger than 1 MiB"):
        load_transcript(tmp_path / "a.jsonl.gz")


def test_books_are_folders(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="cannot be read"):
        load_book(tmp_path / "none")
    with pytest.raises(TranscriptError, match="no transcript in it"):
        load_book(tmp_path)
    save_transcript(FULL, tmp_path / "a.jsonl")
    save_transcript(transcript(host="hv02"), tmp_path / "b.jsonl.gz")
    assert load_book(tmp_path).hosts == ("hv01", "hv02")
    assert load_book(tmp_path / "a.jsonl", strict=False).hosts == ("hv01",)


def test_what_no_reader_would_take_is_not_written(tmp_path: Path) -> None:
    for bad in (
        Transcript(Header("heard", "", "hv01"), ()),
        Transcript(Header("lab", "", ""), ()),
        transcript(Entry({"statements": 1})),
        transcript(entry(ask("a"), seconds=float("nan"))),
        transcript(entry(ask("\ud800"))),
    ):
        with pytest.raises(TranscriptError):
            save_transcript(bad, tmp_path / "x.jsonl")
    with pytest.raises(TranscriptError, match="cannot be written"):
        save_transcript(FULL, tmp_path / "no" / "x.jsonl")
    with pytest.raises(SecretFound, match=r"line 2: secret number 1, plain"):
        save_transcript(FULL, tmp_path / "x.jsonl", canaries=["web01"])
    assert list(tmp_path.iterdir()) == []


def loaded(path: Path) -> Transcript | str:
    try:
        return load_transcript(path)
    except TranscriptError as error:
        return str(error)


@given(st.binary(max_size=40), st.integers(0, 5000), st.integers(0, 30))
def test_any_damage_is_a_transcript_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int, lost: int
) -> None:
    whole = transcript_text(FULL).encode()
    at %= len(whole)
    path = tmp_path_factory.getbasetemp() / "damaged.jsonl"
    path.write_bytes(whole[:at] + junk + whole[at + lost :])
    found = loaded(path)
    assert isinstance(found, Transcript) or "damaged.jsonl" in found


def test_sessions_open_as_they_did() -> None:
    opening: dict[str, Any] = {"statements": []}
    fault = TransportFault("CannotConnect", "refused")
    book = Book([transcript(Entry(opening, end=fault), Entry(opening), Entry(opening, end=fault), entry(ask("A")))])
    for fails in (True, False, True, False, False):
        session = Player(book, "hv01")
        if fails:
            with pytest.raises(CannotConnect, match="hv01: refused"):
                session.open()
        else:
            session.open()
    session.ask(ask("A"))
    book.close()


def test_an_opening_that_nobody_wanted_is_nothing_left_over() -> None:
    opening: dict[str, Any] = {"statements": []}
    Book([transcript(Entry(opening, end=TransportFault("CannotConnect", "refused")))]).close()


def test_a_host_error_is_what_a_fault_becomes() -> None:
    assert isinstance(TransportFault("TimedOut", "x").error("hv01"), HostError)
