"""Many reads in one request, told apart by markers.

Nothing on the wire says where one statement's output ends; so a marker statement stands between. A terminating error
ends the whole request: the read it struck is Unreadable, those after it are asked again in one more request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from winmigrate.errors import ClixmlError
from winmigrate.facts import Unreadable
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.records import ErrorRecord, record_of
from winmigrate.request import PipelineState, Reply, Request, Session, Statement, Stream, command, statement

# The bare name: a restricted endpoint that makes it visible admits it so (a real engine did, with markers like these).
_MARKER_COMMAND = "Write-Output"
_MARK = "winmigrate:"
#: Of one read: a host with the most VMs that Hyper-V takes (1,024), each with all it can have, stays far below.
MOST_OBJECTS = 100_000


@dataclass(frozen=True, slots=True)
class Read:
    """One question: a name, unique in its batch, and the statement that asks it. Must change nothing."""

    name: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Answer:
    """What one read put out: its objects in order, and the errors that did not end it."""

    objects: list[Any]
    errors: tuple[ErrorRecord, ...] = ()


@dataclass(slots=True)
class _Part:
    objects: list[Any] = field(default_factory=list)
    errors: list[ErrorRecord] = field(default_factory=list)
    fault: str = ""
    taken: int = 0

    def take(self, text: str) -> None:
        """Another object; too many are none."""
        if self.taken < MOST_OBJECTS:
            self.objects.append(loads(text))
        elif not self.fault:
            self.objects.clear()
            self.fault = f"the host answered more than {MOST_OBJECTS} objects: no host has so many"
        self.taken += 1

    def result(self) -> Answer | Unreadable:
        return Unreadable(self.fault) if self.fault else Answer(self.objects, tuple(self.errors))


def ask_batch(session: Session, reads: Sequence[Read], *, timeout: float = 60.0) -> dict[str, Answer | Unreadable]:
    """Every read's answer, by name, in the order asked. ``timeout`` (seconds of the clock) is that of each request.

    One request if nothing fails, one more for each terminating error. Raises the HostError tree.
    """
    results: dict[str, Answer | Unreadable] = {}
    waiting = list(reads)
    marked = True
    while waiting:
        now = waiting if marked else waiting[:1]
        reply = session.ask(Request(tuple(_statements(now))), timeout=timeout)
        parts, at_marker = _parts(now, reply)
        record = _terminating(reply)
        if record is None:
            done = len(now)
        elif at_marker and _is_about_marker(record):
            marked = False  # the endpoint does not admit the marker: one read a request
            continue
        else:
            done = len(parts)
            parts[-1].fault = record
        results.update((each.name, part.result()) for each, part in zip(now[:done], parts, strict=False))
        waiting = waiting[done:]
    return results


def _statements(reads: Sequence[Read]) -> Iterator[Statement]:
    for index, each in enumerate(reads):
        yield each.statement
        if index + 1 < len(reads):
            yield statement(command(_MARKER_COMMAND, InputObject=_MARK + each.name))


def _parts(reads: Sequence[Read], reply: Reply) -> tuple[list[_Part], bool]:
    """What each read said, those that were begun or all; and may it be the first marker that failed?"""
    parts = [_Part()]
    for event in reply.events:
        part = parts[-1]
        try:
            if event.stream is Stream.OUTPUT:
                if len(parts) < len(reads) and _is_marker(event.clixml, reads[len(parts) - 1].name):
                    parts.append(_Part())
                else:
                    part.take(event.clixml)
            elif event.stream is Stream.ERROR:
                part.errors.append(record_of(event.clixml))
        except ClixmlError as error:
            part.fault = f"the answer cannot be read: {error}"
    begun = parts + [_Part() for _ in range(len(reads) - len(parts))] if reply.state is _COMPLETED else parts
    return begun, len(parts) == 1 and len(reads) > 1


def _is_marker(text: str, name: str) -> bool:
    return _MARK in text and bool(loads(text) == _MARK + name)


_COMPLETED = PipelineState.COMPLETED


def _terminating(reply: Reply) -> str | None:
    if reply.state is _COMPLETED:
        return None
    if reply.error is None:
        return f"the pipeline ended as {reply.state.value} and gave no reason"
    try:
        record = record_of(reply.error)
    except ClixmlError as error:
        return f"the pipeline failed, and its error cannot be read: {error}"
    return record.message or record.fqeid or "the pipeline failed without a message"


def _is_about_marker(told: str) -> bool:
    return _MARKER_COMMAND in told
