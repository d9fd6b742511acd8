"""Message encryption over HTTP: the multipart/encrypted body of MS-WSMV 2.2.9.1."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple, Protocol

BOUNDARY = "Encrypted Boundary"
#: CredSSP seals at most this much at once (TLS records inside).
CREDSSP_CHUNK = 16384

SPNEGO = "application/HTTP-SPNEGO-session-encrypted"
KERBEROS = "application/HTTP-Kerberos-session-encrypted"
CREDSSP = "application/HTTP-CredSSP-session-encrypted"

_PARTS = re.compile(rb"--\s*" + re.escape(BOUNDARY.encode()) + rb"(?:--)?\r\n")
_LENGTH = re.compile(rb"OriginalContent:.*?;Length=(\d+)", re.IGNORECASE)
_OCTETS = re.compile(rb"\A\s*Content-Type: application/octet-stream\r\n", re.IGNORECASE)


class Wrapped(NamedTuple):
    header: bytes
    data: bytes
    padding_length: int


class Sealer(Protocol):
    """The part of pyspnego's context that seals; one context belongs to one TCP connection."""

    def wrap_winrm(self, data: bytes) -> Wrapped: ...

    def unwrap_winrm(self, header: bytes, data: bytes) -> bytes: ...


class BadSeal(Exception):
    """A body that is not sealed for this connection, or not sealed at all: Windows answers HTTP 400."""


def is_sealed(content_type: str) -> bool:
    return content_type.lower().startswith(("multipart/encrypted", "multipart/x-multi-encrypted"))


def unseal(sealer: Sealer, body: bytes) -> bytes:
    """The SOAP text in a sealed body; whatever pyspnego or struct says against it becomes BadSeal."""
    parts = [part for part in _PARTS.split(body) if part]
    if len(parts) < 2 or len(parts) % 2:
        raise BadSeal("the body has no pairs of parts")
    text = []
    for index in range(0, len(parts), 2):
        length = _LENGTH.search(parts[index])
        octets = _OCTETS.match(parts[index + 1])
        if length is None or octets is None:
            raise BadSeal("a part lacks its headers")
        payload = parts[index + 1][octets.end() :]
        if len(payload) < 4:
            raise BadSeal("a part is cut off")
        (size,) = struct.unpack("<I", payload[:4])
        if size > len(payload) - 4:
            raise BadSeal("a signature is cut off")
        plain = sealer.unwrap_winrm(payload[4 : 4 + size], payload[4 + size :])
        if len(plain) != int(length.group(1)):
            raise BadSeal("the length is not what was announced")
        text.append(plain)
    return b"".join(text)


def seal(sealer: Sealer, protocol: str, text: bytes) -> tuple[str, bytes]:
    """(content type, body) of ``text`` sealed for the connection."""
    size = CREDSSP_CHUNK if protocol == CREDSSP else max(len(text), 1)
    chunks = [text[start : start + size] for start in range(0, max(len(text), 1), size)]
    body = bytearray()
    for chunk in chunks:
        wrapped = sealer.wrap_winrm(chunk)
        body += (
            f"--{BOUNDARY}\r\n"
            f"\tContent-Type: {protocol}\r\n"
            "\tOriginalContent: type=application/soap+xml;charset=UTF-8;"
            f"Length={len(chunk) + wrapped.padding_length}\r\n"
            f"--{BOUNDARY}\r\n"
            "\tContent-Type: application/octet-stream\r\n"
        ).encode()
        body += struct.pack("<I", len(wrapped.header)) + wrapped.header + wrapped.data
    body += f"--{BOUNDARY}--\r\n".encode()
    kind = "multipart/encrypted" if len(chunks) == 1 else "multipart/x-multi-encrypted"
    return f'{kind};protocol="{protocol}";boundary="{BOUNDARY}"', bytes(body)
