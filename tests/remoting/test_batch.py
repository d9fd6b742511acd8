"""Batches: whose output is whose, what a terminating error costs, and endpoints that admit no marker."""

from __future__ import annotations

import time

import pytest

from tests.remoting.host import serving
from tests.remoting.told import Told, recordings, said
from winmigrate.errors import ConnectionLost
from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Answer, Read, ask_batch
from winmigrate.remoting.clixml import PSObject, dumps
from winmigrate.remoting.messages import ended
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.remoting.records import ErrorRecord, record_of
from winmigrate.request import Event, PipelineState, Reply, Stream, SystemClock, command, statement

READS = [Read(name, statement(command("Get-It", Name=name))) for name in ("a", "b", "c")]


def names(session: Told) -> list[list[str]]:
    """What each request asked: a read's name, or "-" for a marker."""
    return [
        [
            "-" if each.commands[0].name == "Write-Output" else each.commands[0].parameter("Name")
            for each in asked.statements
        ]
        for asked in session.asked
    ]


def objects(answers: dict[str, Answer | Unreadable]) -> dict[str, object]:
    return {
        name: answer.objects if isinstance(answer, Answer) else f"unreadable: {answer.reason}"
        for name, answer in answers.items()
    }


@pytest.mark.parametrize(
    ("ends", "asked", "found"),
    [
        (
            [said(1, 2, "winmigrate:a", "winmigrate:b", 3)],
            [["a", "-", "b", "-", "c"]],
            {"a": [1, 2], "b": [], "c": [3]},
        ),
        ([said("winmigrate:a", "winmigrate:b")], [["a", "-", "b", "-", "c"]], {"a": [], "b": [], "c": []}),
        (
            [said(1, "winmigrate:a", 2, error="b broke"), said(3)],
            [["a", "-", "b", "-", "c"], ["c"]],
            {"a": [1], "b": "unreadable: b broke", "c": [3]},
        ),
        (
            [said(error="a broke"), said(error="b broke"), said(error="c broke")],
            [["a", "-", "b", "-", "c"], ["b", "-", "c"], ["c"]],
            {name: f"unreadable: {name} broke" for name in "abc"},
        ),
        (
            [said("winmigrate:a", "winmigrate:b", 1, error="c broke")],
            [["a", "-", "b", "-", "c"]],
            {"a": [], "b": [], "c": "unreadable: c broke"},
        ),
        (
            [said(1, error="The term 'Write-Output' is not recognized"), said(1), said(2), said(error="c broke")],
            [["a", "-", "b", "-", "c"], ["a"], ["b"], ["c"]],
            {"a": [1], "b": [2], "c": "unreadable: c broke"},
        ),
        (
            [said(1, stopped=True), said(2, "winmigrate:b", 3)],
            [["a", "-", "b", "-", "c"], ["b", "-", "c"]],
            {"a": "unreadable: the pipeline ended as Stopped and gave no reason", "b": [2], "c": [3]},
        ),
    ],
)
def test_each_read_gets_its_own(ends: list[Reply], asked: list[list[str]], found: dict[str, object]) -> None:
    session = Told(*ends)
    answers = ask_batch(session, READS)
    assert names(session) == asked
    assert objects(answers) == found
    assert list(answers) == ["a", "b", "c"]


def test_errors_that_do_not_end_it_are_kept_with_their_read() -> None:
    answers = ask_batch(Told(said(1, "winmigrate:a", ValueError("part of b"), 2, "winmigrate:b")), READS)
    read = answers["b"]
    assert isinstance(read, Answer)
    assert (read.objects, [error.message for error in read.errors]) == ([2], ["part of b"])


def test_an_answer_that_is_no_clixml_spoils_only_its_read() -> None:
    good = said("winmigrate:a", 1, "winmigrate:b", 2)
    broken = Reply(
        tuple(type(e)(e.at, e.stream, "<I32>x</I32>") if e.clixml == "<I32>1</I32>" else e for e in good.events),
        good.state,
    )
    found = objects(ask_batch(Told(broken), READS))
    assert found["a"] == []
    assert str(found["b"]).startswith("unreadable: the answer cannot be read")
    assert found["c"] == [2]


def test_a_lost_connection_is_no_answer() -> None:
    with pytest.raises(ConnectionLost):
        ask_batch(Told(ConnectionLost("hv01", "gone")), READS)


def test_no_reads_ask_nothing() -> None:
    session = Told()
    assert ask_batch(session, []) == {}
    assert session.asked == []


def test_over_the_wire() -> None:
    reads = [
        Read("two", statement(command("Count", To=2))),
        Read("none", statement(command("Count", To=0))),
        Read("bad", statement(command("Get-Nothing"))),
        Read("one", statement(command("Count", To=1))),
    ]
    with serving() as host:
        session = PsrpSession("hv01", host.endpoint(), SystemClock())
        found = objects(ask_batch(session, reads))
        session.close()
    assert found == {
        "two": [0, 1],
        "none": [],
        "bad": "unreadable: The term 'Get-Nothing' is not recognized",
        "one": [0],
    }


# --- error records -----------------------------------------------------------------------------------------------


def _recorded() -> dict[str, str]:
    """The first error of each recording of a real engine, by the recording's name."""
    found: dict[str, str] = {}
    for recording in recordings():
        for event in recording.get("events", []):
            error = event.get("clixml") if event.get("message") == "ERROR_RECORD" else None
            if event.get("message") == "PIPELINE_STATE":
                end = ended(event["clixml"])
                error = end[1] if end is not None else None
            if error is not None:
                found.setdefault(recording["name"], error)
    return found


def test_error_records_of_a_real_engine() -> None:
    """Every error of the recordings: nothing that matters is empty, and a few are known whole."""
    told = {name: record_of(clixml) for name, clixml in _recorded().items()}
    assert len(told) == 30
    for record in told.values():
        assert record.message
        assert record.fqeid
        assert record.exception_type
        assert record.hresult is not None
    refused = told["move_fails_0x8009030E"]
    assert (refused.error_id, refused.hresult) == ("OperationFailed", 0x8009030E)
    assert refused.target.startswith("VirtualMachine (Name = 'web01')")
    unknown = told["jea_invisible_cmdlet"]
    assert (unknown.error_id, unknown.category) == ("CommandNotFoundException", "ObjectNotFound")


def test_an_error_that_is_mere_text() -> None:
    assert record_of("<S>it broke</S>") == ErrorRecord("it broke", raw="<S>it broke</S>")


def test_a_million_objects_are_no_answer_and_take_bounded_time() -> None:
    endless = Event(0.0, Stream.OUTPUT, dumps(PSObject(("Selected.Test",), None, {"Id": 1, "Name": "x" * 500})))
    mark = [Event(0.0, Stream.OUTPUT, dumps(f"winmigrate:{name}")) for name in ("a", "b")]
    one = Event(0.0, Stream.OUTPUT, dumps("one"))
    session = Told(Reply((one, mark[0], *(endless,) * 1_000_000, mark[1], one), PipelineState.COMPLETED))
    began = time.monotonic()
    found = ask_batch(session, READS)
    assert time.monotonic() - began < 30
    assert objects(found) == {
        "a": ["one"],
        "b": "unreadable: the host answered more than 100000 objects: no host has so many",
        "c": ["one"],
    }
