"""The nouns of a transcript. A file is lines of JSON: the header, then an entry a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from winmigrate import errors
from winmigrate.errors import HostError
from winmigrate.request import Event, PipelineState, Reply

#: Where a transcript comes from: a real host, the lab, a page of documentation, somebody's head.
ORIGINS = ("recorded", "lab", "documented", "invented")

_FAULTS: dict[str, type[HostError]] = {
    one.__name__: one
    for one in (
        errors.HostError,
        errors.CannotConnect,
        errors.AuthenticationFailed,
        errors.Refused,
        errors.ConnectionLost,
        errors.TimedOut,
        errors.ProtocolError,
    )
}
FAULT_KINDS = tuple(_FAULTS)


@dataclass(frozen=True, slots=True)
class Header:
    """``host``: the alias it is played under. ``redacted``: how many names of each kind were replaced. ``at``: when the
    recording began (ISO 8601, UTC), empty where nobody knows: the clock of who replays it begins there."""

    origin: str
    recorder: str
    host: str
    build: int | None = None
    culture: str = ""
    redacted: dict[str, int] = field(default_factory=dict)
    at: str = ""


@dataclass(frozen=True, slots=True)
class TransportFault:
    """The connection's end in the place of a reply; ``kind`` is a class of the HostError tree."""

    kind: str
    message: str
    code: int | None = None

    def error(self, host: str) -> HostError:
        """The exception to raise for it."""
        if self.kind == "Refused":
            return errors.Refused(host, self.message, code=self.code)
        return _FAULTS[self.kind](host, self.message)


def fault_of(error: HostError) -> TransportFault:
    """A HostError as a fault; a class of somebody else's becomes the nearest of ours."""
    kind = next(one.__name__ for one in type(error).__mro__ if one.__name__ in _FAULTS)
    code = error.code if isinstance(error, errors.Refused) else None
    return TransportFault(kind, str(error).removeprefix(f"{error.host}: "), code)


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and what came. ``end`` None: whoever asked went away before the end.

    ``request`` is data (transcript.data), so that it can hold placeholders; without statements it stands for the
    opening of a session. ``end`` a Reply has no events of its own.
    """

    request: dict[str, Any]
    events: tuple[Event, ...] = ()
    end: PipelineState | TransportFault | None = PipelineState.COMPLETED
    error: str | None = None
    seconds: float = 0.0

    @property
    def opening(self) -> bool:
        """Is this no request, but a session that was opened or could not be?"""
        return not self.request.get("statements")

    def reply(self) -> Reply | None:
        """The reply, if it came to one."""
        if not isinstance(self.end, PipelineState):
            return None
        return Reply(self.events, self.end, self.error, self.seconds)


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that one host was asked."""

    header: Header
    entries: tuple[Entry, ...]
