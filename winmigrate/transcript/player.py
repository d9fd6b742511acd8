"""Playing transcripts: a session that answers what was recorded, and a book that keeps what is used up.

Laws: an entry answers once; the same request asked again gets the next entry that matches. What was not recorded is a
TranscriptError that shows the nearest entry and what differs. A book that is not strict gives the last match again
when all are used up (polls), and never asks whether all were used.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from winmigrate.errors import ConnectionLost, TranscriptError, did_you_mean
from winmigrate.request import Clock, Event, Reply, Request, Ticket
from winmigrate.transcript.data import request_text, request_to_data
from winmigrate.transcript.format import Entry, Transcript, TransportFault
from winmigrate.transcript.matching import differences, key_of, match, nearest


@dataclass(frozen=True, slots=True)
class Answer:
    """An entry with the placeholders of its events filled in; ``number`` counts the host's entries from 1."""

    number: int
    entry: Entry


class Book:
    """The transcripts of several hosts, played together. One book is one run: sessions share what is used up."""

    def __init__(self, transcripts: Sequence[Transcript], *, strict: bool = True, name: str = "transcripts") -> None:
        self.name = name
        self.strict = strict
        self._lock = threading.Lock()
        self._hosts: dict[str, Transcript] = {}
        self._used: dict[str, list[bool]] = {}
        self._bound: dict[str, Any] = {}
        self._by_key: dict[str, dict[str, list[int]]] = {}
        self._open: dict[str, list[int]] = {}
        self._missed: list[str] = []
        #: Told of every miss, in the thread that asked, before it is raised.
        self.on_miss: Callable[[TranscriptError], None] | None = None
        for one in transcripts:
            host = one.header.host.casefold()
            if host in self._hosts:
                raise TranscriptError(f'{name}: two transcripts of the host "{one.header.host}"')
            self._hosts[host] = one
            self._used[host] = [False] * len(one.entries)
            keyed = self._by_key.setdefault(host, {})
            left_open = self._open.setdefault(host, [])
            for index, entry in enumerate(one.entries):
                key = key_of(entry.request)
                if key is None:
                    left_open.append(index)
                else:
                    keyed.setdefault(key, []).append(index)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts' aliases, as written."""
        return tuple(one.header.host for one in self._hosts.values())

    @property
    def missed(self) -> tuple[str, ...]:
        """What was asked and not recorded, as the TranscriptErrors said it: also those that somebody swallowed."""
        with self._lock:
            return tuple(self._missed)

    def began(self) -> dt.datetime | None:
        """When the recording began: the earliest that a header says, None if none does."""
        found = [dt.datetime.fromisoformat(one.header.at) for one in self._hosts.values() if one.header.at]
        return min(found, default=None)

    def transcript(self, host: str) -> Transcript:
        """One host's. Raises TranscriptError: not in this book."""
        found = self._hosts.get(host.casefold())
        if found is None:
            raise TranscriptError(f'{self.name}: no transcript of the host "{host}"{did_you_mean(host, self.hosts)}')
        return found

    def answer(self, host: str, asked: Request) -> Answer:
        """The next entry that matches. Raises TranscriptError with the nearest entry if none is left."""
        return self.answer_data(host, request_to_data(asked))

    def answer_data(self, host: str, asked: dict[str, Any]) -> Answer:
        """The same for a request that is data already."""
        entries = self.transcript(host).entries
        with self._lock:
            used = self._used[host.casefold()]
            matching = sorted(self._matching(host.casefold(), entries, asked, used))
            for index in matching:
                if not used[index]:
                    fresh = match(entries[index].request, asked, self._bound)
                    used[index] = True
                    self._bound.update(fresh or {})
                    return Answer(index + 1, _filled(entries[index], self._bound))
            if matching and not self.strict:
                return Answer(matching[-1] + 1, _filled(entries[matching[-1]], self._bound))
            missed = self._miss(host, entries, asked, len(matching))
            self._missed.append(missed)
        error = TranscriptError(missed)
        if self.on_miss is not None:
            self.on_miss(error)
        raise error

    def opening(self, host: str) -> Entry | None:
        """What came of opening a session this time; None where the recording says nothing of it: it opens."""
        entries = self.transcript(host).entries
        with self._lock:
            used = self._used[host.casefold()]
            for index, entry in enumerate(entries):
                if entry.opening and not used[index]:
                    used[index] = True
                    return entry
        return None

    def _matching(
        self, host: str, entries: Sequence[Entry], asked: dict[str, Any], used: list[bool]
    ) -> Iterator[int]:
        """The entries of this very request; of those with placeholders, the ones whose placeholders fit."""
        key = key_of(asked)
        if key is not None:
            same = self._by_key[host].get(key, [])
            fresh = [index for index in same if not used[index]][:1] if self.strict else []
            yield from fresh or same
        for index in self._open[host]:
            if match(entries[index].request, asked, self._bound) is not None:
                yield index

    def _miss(self, host: str, entries: Sequence[Entry], asked: dict[str, Any], matched: int) -> str:
        text = request_text(asked)
        if matched:
            return f"{host}: recorded {matched} times, asked once more: {text}"
        index = nearest([entry.request for entry in entries], asked, self._bound)
        if index is None:
            return f"{host}: nothing is recorded; asked: {text}"
        recorded = entries[index].request
        differs = differences(recorded, asked, self._bound)
        more = f" (and {len(differs) - 5} more)" if len(differs) > 5 else ""
        lines = [
            f"{host}: not recorded: {text}",
            f"nearest is entry {index + 1}: {request_text(recorded)}",
            *(f"differs in {one}" for one in differs[:5]),
        ]
        return "\n  ".join(lines) + more

    def unused(self) -> tuple[str, ...]:
        """The entries that nobody asked for, each as "hv01, entry 3: Get-VM -Id ..."."""
        with self._lock:
            return tuple(
                f"{one.header.host}, entry {index + 1}: {request_text(one.entries[index].request, 120)}"
                for host, one in self._hosts.items()
                for index, used in enumerate(self._used[host])
                if not used and not one.entries[index].opening
            )

    def close(self) -> None:
        """Ends the run. Raises TranscriptError in a strict book of which something is left."""
        left = self.unused()
        if left and self.strict:
            more = f"\n  and {len(left) - 10} more" if len(left) > 10 else ""
            raise TranscriptError(f"{self.name}: recorded and never asked:\n  " + "\n  ".join(left[:10]) + more)

    def connector(self, clock: Clock | None = None) -> Players:
        """A connector: a fresh session for a host's name. With a ``clock``, answers take the time they took."""
        return Players(self, clock)


@dataclass(frozen=True, slots=True)
class Players:
    """A connector to the hosts of a book."""

    book: Book
    clock: Clock | None = None

    def __call__(self, host_name: str) -> Player:
        """A fresh session; a host that is not in the book is told when it opens, or asks."""
        return Player(self.book, host_name, self.clock)


class Player:
    """Implements request.Session on a book. A recorded fault is raised as it was. Time passes if there is a clock."""

    def __init__(self, book: Book, host: str, clock: Clock | None = None) -> None:
        self.host = host
        self._book = book
        self._clock = clock
        self._last: Reply | None = None
        self._tickets = 0

    def open(self) -> None:
        """Opens, or fails as it did when it was recorded; a host that is not in the book is told here."""
        entry = self._book.opening(self.host)
        if entry is not None and isinstance(entry.end, TransportFault):
            raise entry.end.error(self.host)

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        """The recorded reply; ``timeout`` means nothing here."""
        entry = self._book.answer(self.host, asked).entry
        reply = entry.reply()
        self._pass(reply.seconds if reply is not None else 0.0, 0.0)
        if reply is None:
            self._break(entry)
        assert reply is not None
        self._last = reply
        return reply

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        """The recorded events, then the recorded end."""
        answer = self._book.answer(self.host, asked)
        self._tickets += 1
        if on_ticket is not None:
            on_ticket(Ticket(f"{self.host}-played", f"entry-{answer.number}-{self._tickets}"))
        return self._events(answer.entry)

    def _events(self, entry: Entry) -> Iterator[Event]:
        passed = 0.0
        for event in entry.events:
            passed = self._pass(event.at, passed)
            yield event
        reply = entry.reply()
        self._pass(reply.seconds if reply is not None else 0.0, passed)
        if reply is None:
            self._break(entry)
        self._last = reply

    def _pass(self, at: float, passed: float) -> float:
        if self._clock is not None and at > passed:
            self._clock.sleep(at - passed)
        return max(at, passed)

    def _break(self, entry: Entry) -> None:
        if isinstance(entry.end, TransportFault):
            raise entry.end.error(self.host)
        raise ConnectionLost(self.host, "the recording has no end to this request: whoever asked went away")

    @property
    def last_reply(self) -> Reply | None:
        return self._last

    def alive(self, ticket: Ticket) -> bool:
        """No played command outlives its session."""
        return False

    def retire(self, ticket: Ticket) -> None:
        """Nothing was left behind."""

    def close(self) -> None:
        """Nothing to close. What was left is for :meth:`Book.close` to tell."""


def _filled(entry: Entry, bound: dict[str, Any]) -> Entry:
    """``{any:NAME}`` in the events and the error, filled with what NAME was bound to."""
    texts = {f"{{any:{name}}}": escape(_scalar(value)) for name, value in bound.items()}
    if not any(mark in text for mark in texts for text in _texts(entry)):
        return entry

    def fill(text: str) -> str:
        for mark, value in texts.items():
            text = text.replace(mark, value)
        return text

    events = tuple(Event(event.at, event.stream, fill(event.clixml)) for event in entry.events)
    error = None if entry.error is None else fill(entry.error)
    return Entry(entry.request, events, entry.end, error, entry.seconds)


def _texts(entry: Entry) -> Iterator[str]:
    yield from (event.clixml for event in entry.events)
    if entry.error is not None:
        yield entry.error


def _scalar(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        return str(next(iter(value.values())))
    return value if isinstance(value, str) else json.dumps(value)
