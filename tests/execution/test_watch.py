"""A look is of now or it is none; and an empty list of VMs is not taken on its own word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.execution.rig import QuickClock
from winmigrate.errors import HostError
from winmigrate.execution.watch import View, Watcher, read_view
from winmigrate.facts import Unreadable
from winmigrate.remoting.clixml import dumps
from winmigrate.remoting.clixml.values import PSObject
from winmigrate.request import Event, PipelineState, Reply, Request, Stream, Ticket

ID = "11111111-2222-3333-4444-555555555555"


class Told:
    """A session that answers each command of a batch with what is given for it."""

    host = "hv01"
    last_reply: Reply | None = None

    def __init__(self, **answers: list[Any]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def open(self) -> None: ...

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        events = []
        for statement in asked.statements:
            first = statement.commands[0]
            name = str(first.parameter("ClassName", first.name)).replace("-", "_")
            self.asked.append(name)
            answer = [first.parameter("InputObject")] if name == "Write_Output" else self._answers.get(name, [])
            if isinstance(answer, str):
                return Reply(tuple(events), PipelineState.FAILED)
            events += [Event(0.0, Stream.OUTPUT, dumps(item)) for item in answer]
        return Reply(tuple(events), PipelineState.COMPLETED)

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        raise AssertionError("a watcher starts nothing")

    def alive(self, ticket: Ticket) -> bool:
        return False

    def retire(self, ticket: Ticket) -> None: ...

    def close(self) -> None: ...


def row(**properties: Any) -> PSObject:
    return PSObject((), None, properties)


VM = row(Id=ID, Name="web01", State="Running", PrimaryOperationalStatus="Ok", SecondaryOperationalStatus=None)


def test_a_list_with_vms_needs_no_witness() -> None:
    session = Told(Get_VM=[VM])
    view = read_view(session, "hv01", "2019", QuickClock())
    assert view.side(ID).present
    assert "Get_VMHost" not in session.asked


def test_an_empty_host_says_that_hyper_v_is_there() -> None:
    view = read_view(Told(Get_VMHost=[row(Name="HV01")]), "hv01", "2019", QuickClock())
    assert view.silence == ""
    assert not view.side(ID).present


@pytest.mark.parametrize("answer", [[], "refused"], ids=["nothing", "an error"])
def test_an_empty_list_is_no_answer_where_hyper_v_says_nothing_of_itself(answer: Any) -> None:
    """VMMS starts, or the account has lost its rights: Get-VM shows nothing then, without an error."""
    with pytest.raises(HostError):
        read_view(Told(Get_VMHost=answer), "hv01", "2019", QuickClock())


def test_a_vm_whose_id_cannot_be_read_may_be_the_one_that_is_looked_for() -> None:
    with pytest.raises(HostError, match="an Id that cannot be read"):
        read_view(Told(Get_VM=[VM, row(Id=None, Name="app01")]), "hv01", "2019", QuickClock())


def watched(answers: Iterator[View | Exception], monkeypatch: pytest.MonkeyPatch, **more: Any) -> Watcher:
    clock = QuickClock()

    def read(session: Any, host: str, version: str, clock: Any) -> View:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr("winmigrate.execution.watch.read_view", read)
    made = Watcher("hv01", "2019", lambda host: Told(), clock, more.get("on_view", lambda view: None))
    made.start()
    return made


def test_who_looks_after_the_end_gets_no_old_view(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = QuickClock()
    made = watched(iter(View("hv01", clock.now()) for _ in range(10**6)), monkeypatch)
    assert made.look().silence == ""
    made.stop()
    assert made.look().silence == "it is watched no more"


def test_an_error_of_ours_is_silence_and_the_watcher_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = QuickClock()

    def answers() -> Iterator[View | Exception]:
        yield ValueError("odd")
        while True:
            yield View("hv01", clock.now())

    heard: list[str] = []

    def hear(view: View) -> None:
        heard.append(view.silence)
        raise OSError("no space left on device")

    made = watched(answers(), monkeypatch, on_view=hear)
    for _ in range(3):
        last = made.look()
    made.stop()
    assert heard[0] == "odd"
    assert last.silence == ""
    assert "no space left" in made.trouble


def test_an_unreadable_word_is_no_state() -> None:
    view = read_view(Told(Get_VM=[row(Id=ID, Name="web01", State=None)]), "hv01", "2019", QuickClock())
    assert isinstance(view.vms[ID].state, Unreadable)
    assert view.side(ID).state == ""
