"""Documents on disk.

A document is one JSON object: ``winmigrate`` (its kind), ``version``, ``digest``, ``body``. The digest is SHA-256 over
the canonical JSON of the other three, so that an accident or a hand shows; it is no signature. A file is written
beside its place, synced, and put there in one step: a reader sees the old document or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, TypeVar

from winmigrate.documents.codec import Kind, from_json, to_data
from winmigrate.documents.folder import RunFolder
from winmigrate.errors import DocumentError

T = TypeVar("T")

#: Bytes of a document that is read. A survey of 10,000 VMs has a third of it.
LARGEST = 256 * 2**20
_CONTROL = re.compile("[\x7f-\x9f]")
_ENVELOPE = ("winmigrate", "version", "digest", "body")


def digest_of(kind: Kind[T], noun: T) -> str:
    """``sha256:...`` of the document that this noun would be written as."""
    return _digest(kind.name, kind.version, _body(kind, noun))


def document_text(kind: Kind[T], noun: T) -> str:
    """The document as JSON text, indented, ending in a newline. Raises DocumentError: no place in JSON."""
    body = _body(kind, noun)
    envelope = {
        "winmigrate": kind.name,
        "version": kind.version,
        "digest": _digest(kind.name, kind.version, body),
        "body": body,
    }
    return json_text(envelope)


def json_text(data: Any) -> str:
    """JSON for files, tools and terminals: indented, names as they are, but nothing that a terminal would obey."""
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    # JSON itself escapes all below U+0020. The C1 controls are what else a terminal acts on.
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def write_document(folder: RunFolder | Path, name: str, kind: Kind[T], noun: T) -> Path:
    """Writes ``name``.json into a folder, whole or not at all. Raises DocumentError: no place in JSON, disk full."""
    path = _path(folder, name)
    write_atomically(path, document_text(kind, noun).encode("utf-8"))
    return path


def read_document(folder: RunFolder | Path, name: str, kind: Kind[T]) -> T:
    """Reads a document back, upgrading older versions.

    Raises DocumentError: missing, huge, no JSON, another kind, a newer version, another digest, another shape.
    """
    path = _path(folder, name)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DocumentError(f"{path}: no file, but a device or a pipe: not written by winmigrate")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise DocumentError(f"{path}: larger than {LARGEST // 2**20} MiB: not written by winmigrate")
    version, body = _opened(path, kind, data)
    body = _upgraded(path, kind, version, body)
    try:
        noun = from_json(kind, json.dumps(body, ensure_ascii=False))
        again = to_data(kind, noun)
    except (ValueError, RecursionError, UnicodeError) as error:
        raise DocumentError(f"{path}: not a {kind.name} of version {kind.version}: {error}") from error
    if again != body:
        raise DocumentError(f"{path}: holds what a {kind.name} of version {kind.version} has no place for")
    return noun


def write_atomically(path: Path, data: bytes) -> None:
    """Puts ``data`` at ``path`` in one step, mode 0600, synced. Raises DocumentError; the old file then stays."""
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise DocumentError(f"{path}: cannot be written: {error.strerror or error}") from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows has no handle on a folder to flush; NTFS journals the rename itself
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _path(folder: RunFolder | Path, name: str) -> Path:
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise DocumentError(f'"{name}" is no name of a document')
    base = folder.path if isinstance(folder, RunFolder) else folder
    return base / (name if name.endswith(".json") else f"{name}.json")


def _body(kind: Kind[T], noun: T) -> Any:
    try:
        body = to_data(kind, noun)
        json.dumps(body, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, TypeError, RecursionError) as error:
        raise DocumentError(f"this {kind.name} cannot be written as JSON: {error}") from error
    return body


def _digest(name: str, version: int, body: Any) -> str:
    whole = {"winmigrate": name, "version": version, "body": body}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _opened(path: Path, kind: Kind[Any], data: bytes) -> tuple[int, Any]:
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise DocumentError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{path}: not JSON that can be read: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("winmigrate"), str):
        raise DocumentError(f"{path}: not a document of winmigrate")
    if document["winmigrate"] != kind.name:
        raise DocumentError(f'{path}: a "{document["winmigrate"][:40]}"; wanted: a "{kind.name}"')
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise DocumentError(f"{path}: has no version")
    if version > kind.version:
        message = f"{path}: {kind.name} of version {version}; this winmigrate knows up to {kind.version}"
        raise DocumentError(message, hint="read it with the winmigrate that wrote it, or a newer one")
    if sorted(document) != sorted(_ENVELOPE):
        raise DocumentError(f"{path}: other keys than {', '.join(_ENVELOPE)}: changed by hand")
    try:
        digest = _digest(kind.name, version, document["body"])
    except RecursionError as error:
        raise DocumentError(f"{path}: nested too deep: not written by winmigrate") from error
    if document["digest"] != digest:
        message = f"{path}: its digest does not fit what it holds: changed by hand, or damaged"
        raise DocumentError(message, hint="make it anew with the command that wrote it")
    return version, document["body"]


def _upgraded(path: Path, kind: Kind[Any], version: int, body: Any) -> Any:
    for step in range(version, kind.version):
        upgrade = kind.upgrades.get(step)
        if upgrade is None:
            raise DocumentError(f"{path}: {kind.name} of version {step}, from which there is no way to {kind.version}")
        try:
            body = upgrade(body)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise DocumentError(f"{path}: not a {kind.name} of version {step}: {error!r}") from error
    return body
