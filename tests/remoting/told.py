"""What was said: a session that answers from a script, and the recordings of a real engine."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.remoting.host import bare, record
from winmigrate.errors import HostError
from winmigrate.remoting.clixml import loads
from winmigrate.request import Event, PipelineState, Reply, Request, Stream, Ticket


def said(*values: object, error: str | None = None, stopped: bool = False) -> Reply:
    """A reply with these outputs; an Exception among them is a non-terminating error."""
    events = tuple(
        Event(0.0, Stream.ERROR, bare(record(str(each))))
        if isinstance(each, Exception)
        else Event(0.0, Stream.OUTPUT, bare(each))
        for each in values
    )
    if stopped:
        return Reply(events, PipelineState.STOPPED)
    if error is not None:
        return Reply(events, PipelineState.FAILED, bare(record(error)))
    return Reply(events, PipelineState.COMPLETED)


class Told:
    """request.Session from a list of replies and errors; ``asked`` has what was asked."""

    host = "hv01"

    def __init__(self, *ends: Reply | HostError) -> None:
        self._ends = list(ends)
        self.asked: list[Request] = []
        self.opened = 0
        self.closed = 0
        self.last_reply: Reply | None = None

    def open(self) -> None:
        self.opened += 1

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        self.asked.append(asked)
        end = self._ends.pop(0)
        if isinstance(end, HostError):
            raise end
        self.last_reply = end
        return end

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        self.asked.append(asked)
        end = self._ends.pop(0)
        if isinstance(end, HostError):
            raise end
        yield from end.events
        self.last_reply = end

    def alive(self, ticket: Ticket) -> bool:
        return False

    def retire(self, ticket: Ticket) -> None:
        """There is nothing to retire."""

    def close(self) -> None:
        self.closed += 1


def outputs(events: Sequence[Event]) -> list[object]:
    return [loads(event.clixml) for event in events if event.stream is Stream.OUTPUT]


def recordings() -> Iterator[dict[str, Any]]:
    """Each recording of fixtures/engine (its README tells the form)."""
    with tarfile.open(Path(__file__).parents[2] / "fixtures" / "engine" / "recordings.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file is not None:
                recording = json.load(file)
                if "events" in recording:
                    yield recording
