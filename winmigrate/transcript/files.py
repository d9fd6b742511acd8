"""Transcripts on disk: JSON lines, plain or gzipped (``.jsonl.gz``); a book is a folder of them, one a host."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from winmigrate.documents import write_atomically
from winmigrate.errors import DocumentError, SecretFound, TranscriptError
from winmigrate.request import Event, PipelineState, Stream
from winmigrate.transcript.data import data_to_request
from winmigrate.transcript.format import FAULT_KINDS, ORIGINS, Entry, Header, Transcript, TransportFault
from winmigrate.transcript.player import Book
from winmigrate.transcript.scan import find_secrets

VERSION = 1
#: Bytes of a transcript, unpacked.
LARGEST = 256 * 2**20
_SUFFIXES = (".jsonl", ".jsonl.gz")


def transcript_text(transcript: Transcript) -> str:
    """The lines of a transcript."""
    header = transcript.header
    head = {
        "winmigrate": "transcript",
        "version": VERSION,
        "origin": header.origin,
        "recorder": header.recorder,
        "host": header.host,
        "build": header.build,
        "culture": header.culture,
        "redacted": header.redacted,
        **({"at": header.at} if header.at else {}),
    }
    lines = [head, *(_entry_data(entry) for entry in transcript.entries)]
    return "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)


def save_transcript(transcript: Transcript, path: Path | str, *, canaries: Iterable[str] = ()) -> None:
    """Writes a transcript, whole or not at all; a name that ends in .gz is packed.

    ``canaries`` are secrets that may not stand in it in any spelling. Raises SecretFound, which says where and never
    what; TranscriptError: cannot be written, or an origin, host or entry that no reader would take.
    """
    place = Path(path)
    try:
        text = transcript_text(transcript)
        data = text.encode("utf-8")
    except (ValueError, TypeError, RecursionError) as error:
        raise TranscriptError(f"{place}: this transcript cannot be written as JSON: {error}") from error
    _read(str(place), data)
    found = find_secrets(text, canaries)
    if found:
        hint = "redact it, or take the entry out; nothing was written"
        raise SecretFound(f"{place}: not saved: {'; '.join(found[:5])}", hint=hint)
    try:
        write_atomically(place, gzip.compress(data, mtime=0) if place.suffix == ".gz" else data)
    except DocumentError as error:
        raise TranscriptError(str(error)) from error


def load_transcript(path: Path | str) -> Transcript:
    """Reads a transcript. Raises TranscriptError with file and line: missing, huge, broken, of another version."""
    place = Path(path)
    try:
        with place.open("rb") as file:
            data = file.read(LARGEST + 1)
        if data[:2] == b"\x1f\x8b":
            unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
            data = unpacking.decompress(data, LARGEST + 1)
            if not unpacking.eof and len(data) <= LARGEST:
                raise TranscriptError(f"{place}: not gzip: cut off")
    except OSError as error:
        raise TranscriptError(f"{place}: cannot be read: {error.strerror or error}") from error
    except zlib.error as error:
        raise TranscriptError(f"{place}: not gzip: {error}") from error
    if len(data) > LARGEST:
        raise TranscriptError(f"{place}: larger than {LARGEST // 2**20} MiB: no transcript")
    return _read(str(place), data)


def load_book(path: Path | str, *, strict: bool = True) -> Book:
    """The transcripts of a folder (or one file), to play from. Raises TranscriptError: none, or two of a host."""
    place = Path(path)
    if place.is_dir():
        files = sorted(one for one in place.iterdir() if one.name.endswith(_SUFFIXES))
        if not files:
            raise TranscriptError(f"{place}: no transcript in it (a file that ends in {' or '.join(_SUFFIXES)})")
    else:
        files = [place]
    return Book([load_transcript(file) for file in files], strict=strict, name=str(place))


# --- reading -----------------------------------------------------------------------------------------------------


def _read(name: str, data: bytes) -> Transcript:
    lines = data.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    elif lines:
        raise TranscriptError(f"{name}:{len(lines)}: ends in the middle of a line: cut off")
    if not lines:
        raise TranscriptError(f"{name}: empty; wanted: a header line, then an entry a line")
    header = _header(f"{name}:1", _json(f"{name}:1", lines[0]))
    entries = [_entry(f"{name}:{number}", _json(f"{name}:{number}", line)) for number, line in enumerate(lines[1:], 2)]
    return Transcript(header, tuple(entries))


def _json(where: str, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TranscriptError(f"{where}: not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"{where}: not JSON: {str(error)[:120]}") from error
    if not isinstance(found, dict):
        raise TranscriptError(f"{where}: wanted: a JSON object")
    return found


def _take(where: str, found: dict[str, Any], key: str, kinds: Any, what: str) -> Any:
    value = found.get(key)
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise TranscriptError(f'{where}: "{key}" wants {what}')
    return value


def _header(where: str, found: dict[str, Any]) -> Header:
    if found.get("winmigrate") != "transcript":
        raise TranscriptError(f"{where}: no transcript of winmigrate")
    version = found.get("version")
    if version != VERSION or isinstance(version, bool):
        hint = "read it with the winmigrate that wrote it, or a newer one"
        raise TranscriptError(f"{where}: of version {str(version)[:20]}; this winmigrate reads {VERSION}", hint=hint)
    _only(where, found, ("winmigrate", "version", "origin", "recorder", "host", "build", "culture", "redacted", "at"))
    origin = _take(where, found, "origin", str, " | ".join(ORIGINS))
    if origin not in ORIGINS:
        raise TranscriptError(f'{where}: "origin" wants {" | ".join(ORIGINS)}')
    redacted = _take(where, found, "redacted", dict, "a mapping from kinds to numbers")
    if not all(isinstance(one, int) for one in redacted.values()):
        raise TranscriptError(f'{where}: "redacted" wants a mapping from kinds to numbers')
    host = _take(where, found, "host", str, "the host's alias")
    if not host:
        raise TranscriptError(f'{where}: "host" wants the host\'s alias')
    build = found.get("build")
    if build is not None:
        build = _take(where, found, "build", int, "a build number or null")
    recorder = _take(where, found, "recorder", str, "text")
    at = _take(where, found, "at", str, _MOMENT) if "at" in found else ""
    if at and not _is_moment(at):
        raise TranscriptError(f'{where}: "at" wants {_MOMENT}')
    return Header(origin, recorder, host, build, _take(where, found, "culture", str, "text"), redacted, at)


_MOMENT = "a moment such as 2026-03-02T08:00:00+00:00"


def _is_moment(text: str) -> bool:
    try:
        return dt.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _only(where: str, found: dict[str, Any], known: tuple[str, ...]) -> None:
    other = sorted(set(found) - set(known))
    if other:
        raise TranscriptError(f'{where}: unknown key "{other[0][:40]}"; known here: {", ".join(known)}')


def _entry(where: str, found: dict[str, Any]) -> Entry:
    _only(where, found, ("request", "events", "end"))
    request = _take(where, found, "request", dict, "a request")
    try:
        data_to_request(request)
    except (TranscriptError, RecursionError) as error:
        raise TranscriptError(f"{where}: {error}") from error
    events = tuple(_event(where, one) for one in _take(where, found, "events", list, "a list of [at, stream, CLIXML]"))
    end = found.get("end")
    if end is None and "end" in found:
        return Entry(request, events, None)
    end = _take(where, found, "end", dict, "a state, a fault or null")
    if "fault" in end:
        _only(where, end, ("fault", "message", "code"))
        kind = _take(where, end, "fault", str, " | ".join(FAULT_KINDS))
        if kind not in FAULT_KINDS:
            raise TranscriptError(f'{where}: "fault" wants {" | ".join(FAULT_KINDS)}')
        code = _take(where, end, "code", int, "a number") if "code" in end else None
        return Entry(request, events, TransportFault(kind, _take(where, end, "message", str, "text"), code))
    _only(where, end, ("state", "error", "seconds"))
    states = [state.value for state in PipelineState]
    state = _take(where, end, "state", str, " | ".join(states))
    if state not in states:
        raise TranscriptError(f'{where}: "state" wants {" | ".join(states)}')
    problem = _take(where, end, "error", str, "CLIXML") if "error" in end else None
    seconds = float(_take(where, end, "seconds", int | float, "a number")) if "seconds" in end else 0.0
    return Entry(request, events, PipelineState(state), problem, seconds)


def _event(where: str, one: Any) -> Event:
    streams = {stream.value: stream for stream in Stream}
    if isinstance(one, list) and len(one) == 3:
        at, stream, clixml = one
        timed = isinstance(at, int | float) and not isinstance(at, bool)
        if timed and isinstance(stream, str) and stream in streams and isinstance(clixml, str):
            return Event(float(at), streams[stream], clixml)
    raise TranscriptError(f"{where}: an event wants [seconds, {' | '.join(streams)}, CLIXML]")


def _entry_data(entry: Entry) -> dict[str, Any]:
    events = [[round(event.at, 6), event.stream.value, event.clixml] for event in entry.events]
    end: dict[str, Any] | None
    if entry.end is None:
        end = None
    elif isinstance(entry.end, TransportFault):
        end = {"fault": entry.end.kind, "message": entry.end.message}
        if entry.end.code is not None:
            end["code"] = entry.end.code
    else:
        end = {"state": entry.end.value, "seconds": round(entry.seconds, 6)}
        if entry.error is not None:
            end["error"] = entry.error
    return {"request": entry.request, "events": events, "end": end}


def transcript_schema() -> dict[str, Any]:
    """The JSON Schema of one line of a transcript: the header, or an entry."""
    text, number = {"type": "string"}, {"type": "number"}
    header = {
        "winmigrate": {"const": "transcript"},
        "version": {"const": VERSION},
        "origin": {"enum": list(ORIGINS)},
        "recorder": text,
        "host": {"type": "string", "minLength": 1},
        "build": {"type": ["integer", "null"]},
        "culture": text,
        "redacted": {"type": "object", "additionalProperties": {"type": "integer"}},
        "at": {"type": "string", "format": "date-time"},
    }
    needed = [name for name in header if name != "at"]
    pair = {"type": "array", "prefixItems": [{"type": ["string", "null"]}, True], "minItems": 2, "maxItems": 2}
    command = {
        "type": "object",
        "properties": {"command": text, "script": text, "parameters": {"type": "array", "items": pair}},
        "oneOf": [{"required": ["command"]}, {"required": ["script"]}],
        "additionalProperties": False,
    }
    statements = {"type": "array", "items": {"type": "array", "items": command, "minItems": 1}}
    stream = {"enum": [one.value for one in Stream]}
    event = {"type": "array", "prefixItems": [number, stream, text], "minItems": 3, "maxItems": 3}
    state = {"state": {"enum": [one.value for one in PipelineState]}, "seconds": number, "error": text}
    fault = {"fault": {"enum": list(FAULT_KINDS)}, "message": text, "code": {"type": "integer"}}
    end = {"anyOf": [_closed(state, ["state"]), _closed(fault, ["fault", "message"]), {"type": "null"}]}
    request = _closed({"statements": statements}, ["statements"])
    entry = {"request": request, "events": {"type": "array", "items": event}, "end": end}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a line of a winmigrate transcript",
        "oneOf": [_closed(header, needed), _closed(entry, list(entry))],
    }


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
