"""Recording: takes what passes between us and the hosts, and writes it redacted, when all of it is known.

Nothing is written until :meth:`Recorder.save`: a name may first be seen in the last entry, and has its alias in all.
The secrets that requests carried are remembered, only to be looked for in what is about to be written.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from winmigrate.errors import HostError, TranscriptError
from winmigrate.request import Credential, Event, Reply, Request, Secret
from winmigrate.transcript.data import request_to_data
from winmigrate.transcript.files import save_transcript
from winmigrate.transcript.format import ORIGINS, Entry, Header, Transcript, TransportFault, fault_of
from winmigrate.transcript.redaction import Redactor, unsealed


@dataclass(slots=True)
class _Heard:
    build: int | None = None
    culture: str = ""


class Recorder:
    """A sink: called with (host, request, events, end) once a request, from any thread.

    ``redactor`` None writes names as they are, which is for the lab and for invented transcripts. Secrets never stand
    in a transcript either way. ``moments`` False keeps the dates of requests; else they become placeholders, since a
    date such as "since" is another one in every run. ``began``: when, by the clock of who asks (aware).
    """

    def __init__(
        self,
        origin: str,
        redactor: Redactor | None,
        *,
        recorder: str = "winmigrate",
        canaries: Iterable[str] = (),
        moments: bool = True,
        began: dt.datetime | None = None,
    ) -> None:
        if origin not in ORIGINS:
            raise TranscriptError(f'"{origin}" is no origin; wanted: {" | ".join(ORIGINS)}')
        if redactor is None and origin == "recorded":
            raise TranscriptError("what is recorded from a real host is redacted; wanted: a Redactor")
        self._origin = origin
        self._redactor = redactor
        self._recorder = recorder
        self._canaries = list(canaries)
        self._moments = moments
        self._began = "" if began is None else began.astimezone(dt.timezone.utc).isoformat(timespec="seconds")
        self._lock = threading.Lock()
        self._entries: dict[str, list[Entry]] = {}
        self._hosts: dict[str, _Heard] = {}

    def __call__(self, host: str, asked: Request, events: tuple[Event, ...], end: Reply | HostError | None) -> None:
        data = request_to_data(asked)
        entry: Entry
        if isinstance(end, Reply):
            entry = Entry(data, events or end.events, end.state, end.error, end.seconds)
        else:
            entry = Entry(data, events, None if end is None else fault_of(end))
        with self._lock:
            self._canaries.extend(_secrets(asked))
            self._entries.setdefault(host, []).append(entry)
            self._hosts.setdefault(host, _Heard())

    def describe(self, host: str, *, build: int | None = None, culture: str = "") -> None:
        """What the header says of a host, once it is known."""
        with self._lock:
            self._hosts[host] = _Heard(build, culture)

    def beware(self, secret: Secret) -> None:
        """A secret that may not stand in what is written, whether or not a request carries it."""
        with self._lock:
            self._canaries.append(secret.reveal())

    def transcripts(self) -> tuple[Transcript, ...]:
        """What was recorded so far, redacted, one a host."""
        with self._lock:
            entries = {host: _without_plain_openings(found) for host, found in self._entries.items()}
            heard = dict(self._hosts)
        if self._redactor is not None:
            for host, found in entries.items():
                self._redactor.learn(f'<S N="ComputerName">{host}</S>')
                for text in _texts(found):
                    self._redactor.learn(text)
        made = []
        for index, (host, found) in enumerate(entries.items(), 1):
            written = [self._written(index, number, entry) for number, entry in enumerate(found, 1)]
            alias = host if self._redactor is None else self._redactor.redact(host)
            about = heard[host]
            header = Header(self._origin, self._recorder, alias, about.build, about.culture, at=self._began)
            made.append((header, written))
        redacted = {} if self._redactor is None else dict(sorted(self._redactor.counts.items()))
        return tuple(Transcript(replace(header, redacted=redacted), tuple(found)) for header, found in made)

    def save(self, folder: Path | str, *, packed: bool = False) -> tuple[Path, ...]:
        """Writes a file a host, named after its alias. Raises SecretFound, TranscriptError; see save_transcript."""
        place = Path(folder)
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise TranscriptError(f"{place}: cannot be made: {error.strerror or error}") from error
        paths = []
        for transcript in self.transcripts():
            name = re.sub(r"[^\w.-]", "_", transcript.header.host)
            path = place / (f"{name}.jsonl.gz" if packed else f"{name}.jsonl")
            save_transcript(transcript, path, canaries=self._canaries)
            paths.append(path)
        return tuple(paths)

    def _written(self, host: int, number: int, entry: Entry) -> Entry:
        request, end, redactor = entry.request, entry.end, self._redactor
        if self._moments:
            request = _without_moments(request, f"moment-{host}-{number}", {})
        if redactor is None:
            events = tuple(replace(event, clixml=unsealed(event.clixml)) for event in entry.events)
            error = None if entry.error is None else unsealed(entry.error)
            return Entry(request, events, end, error, entry.seconds)
        events = tuple(replace(event, clixml=redactor.redact_clixml(event.clixml)) for event in entry.events)
        error = None if entry.error is None else redactor.redact_clixml(entry.error)
        if isinstance(end, TransportFault):
            end = replace(end, message=redactor.redact(end.message))
        return Entry(_redacted_request(request, redactor), events, end, error, entry.seconds)


def _without_plain_openings(entries: list[Entry]) -> list[Entry]:
    """That a session opens goes without saying, but where one could not be: there all up to the last that failed."""
    failed = [index for index, entry in enumerate(entries) if entry.opening and isinstance(entry.end, TransportFault)]
    last = failed[-1] if failed else -1
    return [entry for index, entry in enumerate(entries) if index < last or not entry.opening or index in failed]


def _texts(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield from (event.clixml for event in entry.events)
        if entry.error is not None:
            yield entry.error
        yield from _user_names(entry.request)


def _user_names(data: Any) -> Iterator[str]:
    """The users of credentials in a request, as the property they are on the wire."""
    if isinstance(data, dict):
        if list(data) == ["credential"]:
            yield f'<S N="UserName">{data["credential"]}</S>'
        for value in data.values():
            yield from _user_names(value)
    elif isinstance(data, list):
        for item in data:
            yield from _user_names(item)


#: Parameters whose values are words of the program's own, whatever a VM may be called.
_OWN_WORDS = frozenset(
    ["property", "expandproperty", "excludeproperty", "classname", "namespace", "methodname", "membername", "header"]
)


def _redacted_request(request: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Values of parameters are redacted; commands, parameters' names and functions' texts are the program's own."""
    return {"statements": [[_redacted_command(one, redactor) for one in each] for each in request["statements"]]}


def _redacted_command(one: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    if "parameters" not in one:
        return one
    pairs = [
        [name, value if name is not None and name.lower() in _OWN_WORDS else redactor.redact_data(value)]
        for name, value in one["parameters"]
    ]
    return {**one, "parameters": pairs}


def _without_moments(data: Any, prefix: str, seen: dict[str, str]) -> Any:
    """Dates become placeholders; within a request the same date is the same one."""
    if isinstance(data, dict):
        if list(data) == ["DT"]:
            return {"any": seen.setdefault(data["DT"], f"{prefix}-{len(seen) + 1}")}
        return {key: _without_moments(value, prefix, seen) for key, value in data.items()}
    if isinstance(data, list):
        return [_without_moments(item, prefix, seen) for item in data]
    return data


def _secrets(asked: Request) -> Iterator[str]:
    for statement in asked.statements:
        for one in statement.commands:
            for _, value in one.parameters:
                yield from _secrets_in(value)


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, Credential):
        yield value.password.reveal()
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets_in(item)
