"""The engine that plays a book: what clients send as request data, time, and ends that are no answer."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest

from winmigrate.lab.book import BookEngine, request_data
from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.engine.statements import NO_ARGUMENT, CommandCall, CreatedPipeline, read_pipeline
from winmigrate.lab.engine.values import EnumValue, Int64, PSObject, Switch, Uri, Version
from winmigrate.remoting.messages import create_pipeline
from winmigrate.request import (
    SWITCH,
    Credential,
    Event,
    PipelineState,
    Request,
    Secret,
    Stream,
    Typed,
    command,
    request,
    script,
    statement,
)
from winmigrate.transcript import Book, Entry, Header, Transcript, TransportFault, request_to_data
from winmigrate.transcript.matching import match

VALUES: dict[str, Any] = {
    "text": "a_x0041_ <&> 🎈",
    "nothing": None,
    "yes": True,
    "switch": SWITCH,
    "small": 5,
    "large": 2**40,
    "unsigned": Typed("U16", 4),
    "half": 0.5,
    "decimal": Decimal("1.50"),
    "bytes": b"\x00\xff",
    "guid": uuid.UUID(int=7),
    "typed-guid": Typed("G", uuid.UUID(int=8)),
    "typed-text": Typed("S", "x"),
    "aware": dt.datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=dt.timezone.utc),
    "offset": dt.datetime(2026, 3, 2, 8, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    "naive": dt.datetime(2026, 3, 2, 8),
    "duration": dt.timedelta(days=-1, microseconds=7),
    "secret": Secret("x"),
    "credential": Credential("CORP\\ops", Secret("x")),
    "list": ["a", 1, None, ["b"]],
    "mapping": {"Name": "a", "Expression": ["b", 2]},
    "version": Typed("Version", "1.2"),
}


def sent(asked: Request) -> str:
    return create_pipeline(asked, (2, 3), lambda secret: secret.reveal())


@pytest.mark.parametrize("name", VALUES)
def test_what_we_send_is_what_we_recorded(name: str) -> None:
    asked = request(
        statement(script("function Get-It {}"), command("Get-It", "positional", Value=VALUES[name])),
        statement(command("Module\\Get-Other")),
    )
    arrived = request_data(read_pipeline(sent(asked), lambda sealed: sealed))
    assert match(request_to_data(asked), arrived, {}) == {}
    other = request_data(read_pipeline(sent(request(*asked.statements[:1])), lambda sealed: sealed))
    assert match(request_to_data(asked), other, {}) is None


def test_what_other_clients_send_is_data_too() -> None:
    values = [
        *[NO_ARGUMENT, Switch(True), EnumValue("A.B", "Live", 3), Version("1.2"), Uri("http://x"), Int64(9)],
        PSObject(("A.B",)),
    ]
    call = CommandCall("Get-It", False, tuple((f"p{number}", value) for number, value in enumerate(values)))
    found = request_data(CreatedPipeline(((call,),), no_input=True, has_host=False))
    assert [value for _, value in found["statements"][0][0]["parameters"]] == [
        *[True, True, "Live", {"typed": ["Version", "1.2"]}, {"typed": ["URI", "http://x"]}, {"I64": 9}],
        {"typed": ["Obj", "PSObject"]},
    ]


class Watch:
    """A clock that tells what it is told."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time


def play(entry: Entry, *, clock: Any = None, stop_after: int = 99) -> list[Message | Wait]:
    book = Book([Transcript(Header("invented", "", "hv01"), (entry,))])
    engine = BookEngine(book, "hv01", clock)
    got: list[Message | Wait] = []
    for item in engine.run(sent(request(statement(command("Go")))), None, lambda: len(got) >= stop_after, str):
        got.append(item)
        if isinstance(item, Wait):
            assert item.deadline is not None
            clock.time = item.deadline
    return got


EVENTS = tuple(Event(at, Stream.OUTPUT, f"<S>{at}</S>") for at in (0.0, 5.0, 5.0, 60.0))
GO = request_to_data(request(statement(command("go"))))


def test_messages_come_at_once_or_when_they_came() -> None:
    entry = Entry(GO, EVENTS, seconds=61.5)
    at_once = play(entry)
    assert [item.kind for item in at_once if isinstance(item, Message)] == ["PIPELINE_OUTPUT"] * 4 + ["PIPELINE_STATE"]
    assert len(at_once) == 5
    paced = play(entry, clock=Watch())
    assert [item.deadline for item in paced if isinstance(item, Wait)] == [105.0, 160.0, 161.5]
    assert [item for item in paced if isinstance(item, Message)] == at_once


def test_a_client_that_stops_is_told_so() -> None:
    *_, last = play(Entry(GO, EVENTS), stop_after=2)
    assert isinstance(last, Message)
    assert (last.kind, last.state) == ("PIPELINE_STATE", "Stopped")


@pytest.mark.parametrize(
    ("entry", "state", "said"),
    [
        (Entry(GO, end=TransportFault("Refused", "quota <5>", 7)), "Failed", "recorded: Refused: quota &lt;5&gt;"),
        (Entry(GO, end=None), "Failed", "whoever asked went away"),
        (Entry(GO, end=PipelineState.STOPPED), "Stopped", "PipelineState"),
        (Entry(request_to_data(request(statement(command("Other"))))), "Failed", "nearest is entry 1: Other"),
    ],
)
def test_ends(entry: Entry, state: str, said: str) -> None:
    [end] = play(entry)
    assert isinstance(end, Message)
    assert end.state == state
    assert said in end.clixml
