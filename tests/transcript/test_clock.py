from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest

from winmigrate.errors import TranscriptError, UsageError
from winmigrate.request import Event, PipelineState, Stream, command, request, statement
from winmigrate.transcript import (
    Book,
    Entry,
    Header,
    PlayedClock,
    Transcript,
    load_transcript,
    request_to_data,
    save_transcript,
)

BEGAN = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.timezone.utc)


def test_time_passes_only_where_all_wait() -> None:
    clock = PlayedClock(BEGAN)
    told: list[tuple[str, float]] = []
    go = clock.event()

    def poll() -> None:
        for _ in range(3):
            clock.sleep(5)
            told.append(("poll", clock.monotonic()))

    def wait() -> None:
        assert go.wait(60)
        told.append(("go", clock.monotonic()))

    threads = [clock.start(poll, name="poll"), clock.start(wait, name="wait")]
    clock.sleep(12)
    go.set()
    for thread in threads:
        clock.join(thread)
    assert sorted(told, key=lambda one: (one[1], one[0])) == [("poll", 5), ("poll", 10), ("go", 12), ("poll", 15)]
    assert clock.now() == BEGAN + dt.timedelta(seconds=15)


def test_waits_end_as_they_should() -> None:
    clock = PlayedClock(BEGAN.astimezone(dt.timezone(dt.timedelta(hours=2))))
    event = clock.event()
    assert not event.wait(0)
    assert not event.wait(3600)
    event.set()
    assert event.is_set()
    assert event.wait(3600)
    event.clear()
    assert not event.wait(1)
    assert clock.monotonic() == 3601
    with pytest.raises(UsageError, match="not started by this clock"):
        clock.join(threading.current_thread())


def test_a_thread_of_somebody_else_takes_part_while_it_waits() -> None:
    clock = PlayedClock(BEGAN)
    other = threading.Thread(target=clock.sleep, args=(7,))
    other.start()
    while other.is_alive():
        clock.sleep(1)
    assert clock.monotonic() >= 7
    before = clock.monotonic()
    clock.sleep(1)
    assert clock.monotonic() == before + 1


def asked(name: str) -> dict[str, object]:
    return request_to_data(request(statement(command(name))))


def test_answers_take_the_time_they_took(tmp_path: Path) -> None:
    events = tuple(Event(at, Stream.OUTPUT, "<S>x</S>") for at in (10.0, 30.0))
    move = Entry(asked("Move-VM"), events, PipelineState.COMPLETED, None, 60.0)
    entries = (Entry(asked("Get-VM"), seconds=2.5), move)
    transcript = Transcript(Header("invented", "a test", "hv01", at=BEGAN.isoformat()), entries)
    save_transcript(transcript, tmp_path / "hv01.jsonl")
    assert load_transcript(tmp_path / "hv01.jsonl") == transcript
    book = Book([transcript])
    began = book.began()
    assert began == BEGAN
    clock = PlayedClock(began)
    session = book.connector(clock)("hv01")
    session.ask(request(statement(command("Get-VM"))))
    assert clock.monotonic() == 2.5
    seen = [(event.at, clock.monotonic()) for event in session.start(request(statement(command("Move-VM"))))]
    assert seen == [(10.0, 12.5), (30.0, 32.5)]
    assert clock.monotonic() == 62.5
    book.close()


def test_a_header_says_when_or_nothing(tmp_path: Path) -> None:
    for moment in ("yesterday", "2026-03-02T08:00:00"):
        with pytest.raises(TranscriptError, match='"at" wants a moment'):
            save_transcript(Transcript(Header("invented", "", "hv01", at=moment), ()), tmp_path / "x.jsonl")
    assert Book([Transcript(Header("invented", "", "hv01"), ())]).began() is None


def test_a_miss_that_somebody_swallows_is_remembered() -> None:
    book = Book([Transcript(Header("invented", "", "hv01"), (Entry(asked("Get-VM")),))])
    session = book.connector()("hv01")
    with pytest.raises(TranscriptError):
        session.ask(request(statement(command("Get-VMHost"))))
    [missed] = book.missed
    assert "nearest is entry 1: Get-VM" in missed


def test_a_thousand_requests_are_answered_at_once() -> None:
    requests = [request(statement(command("Get-VM", Id=f"vm-{number}"))) for number in range(1000)]
    row = Event(0.1, Stream.OUTPUT, "<S>x</S>")
    entries = tuple(Entry(request_to_data(one), (row,)) for one in requests)
    book = Book([Transcript(Header("invented", "", "hv01"), entries)])
    session = book.connector()("hv01")
    started = dt.datetime.now()
    for one in reversed(requests):
        session.ask(one)
    took = (dt.datetime.now() - started).total_seconds()
    book.close()
    assert took < 1.0, f"{took:.2f} s"


def test_a_replay_that_failed_lets_nobody_wait_on() -> None:
    clock = PlayedClock(BEGAN)
    told: list[str] = []

    def wait_for_nothing() -> None:
        try:
            clock.event().wait()
        except TranscriptError as error:
            told.append(str(error))

    thread = clock.start(wait_for_nothing, name="waits")
    clock.fail(TranscriptError("hv01: not recorded: Get-VM"))
    with pytest.raises(TranscriptError, match="not recorded"):
        clock.sleep(1)
    thread.join(10)
    assert told == ["hv01: not recorded: Get-VM"]
