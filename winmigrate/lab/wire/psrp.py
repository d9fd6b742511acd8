"""PowerShell remoting within a shell: fragments, messages, and the runspace pool's own conversation.

psrpcore's server pool answers the pool's messages (capabilities, key exchange, counts of runspaces). Messages of
pipelines never pass it: their CLIXML goes through verbatim, both ways. Where psrpcore differs from Windows it is
corrected here; "recorded" means pypsrp's recordings of Windows hosts.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from psrpcore import (
    GetAvailableRunspacesEvent,
    PSRPCoreError,
    PSRPPayload,
    ResetRunspaceStateEvent,
    ServerRunspacePool,
    SetMaxRunspacesEvent,
    SetMinRunspacesEvent,
    StreamType,
)

SESSION_CAPABILITY = 0x00010002
CONNECT_RUNSPACEPOOL = 0x00010008
RUNSPACEPOOL_STATE = 0x00021005
CREATE_PIPELINE = 0x00021006
APPLICATION_PRIVATE_DATA = 0x00021009
GET_COMMAND_METADATA = 0x0002100A
RUNSPACEPOOL_INIT_DATA = 0x0002100B
PIPELINE_INPUT = 0x00041002
END_OF_PIPELINE_INPUT = 0x00041003
PIPELINE_STATE = 0x00041006
PIPELINE_HOST_RESPONSE = 0x00041101

#: The kinds of winmigrate.lab.engine.effects.Message.
KINDS = {
    "PIPELINE_OUTPUT": 0x00041004,
    "ERROR_RECORD": 0x00041005,
    "PIPELINE_STATE": PIPELINE_STATE,
    "DEBUG_RECORD": 0x00041007,
    "VERBOSE_RECORD": 0x00041008,
    "WARNING_RECORD": 0x00041009,
    "PROGRESS_RECORD": 0x00041010,
    "INFORMATION_RECORD": 0x00041011,
    "PIPELINE_HOST_CALL": 0x00041100,
}

_FRAGMENT = struct.Struct(">QQBI")
_NONE = uuid.UUID(int=0)
_BOM = b"\xef\xbb\xbf"
_MAX_MESSAGE = 64 * 1024 * 1024
_LOWER_CI = re.compile(rb'N="CI"')
#: What psrpcore raises at a pool message that is no such message.
_MALFORMED = (PSRPCoreError, ElementTree.ParseError, ValueError, KeyError, AttributeError, TypeError, struct.error)


class BadFragments(Exception):
    """Bytes that are no PowerShell remoting; a real host breaks the pool over them."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A whole message from the client. ``text`` is its CLIXML, empty for END_OF_PIPELINE_INPUT."""

    kind: int
    pool: uuid.UUID
    pipeline: uuid.UUID
    text: str


class Assembler:
    """Puts fragments together; one a stream of fragments (they may be split over requests at fragment borders only)."""

    def __init__(self) -> None:
        self._parts: dict[int, list[bytes]] = {}

    def feed(self, data: bytes) -> Iterator[Incoming]:
        """The messages that ``data`` completes, in order. Raises BadFragments."""
        at = 0
        while at < len(data):
            if len(data) - at < _FRAGMENT.size:
                raise BadFragments("a fragment's head is cut off")
            object_id, number, flags, length = _FRAGMENT.unpack_from(data, at)
            at += _FRAGMENT.size
            if length > len(data) - at:
                raise BadFragments("a fragment is cut off")
            part = data[at : at + length]
            at += length
            if flags & 1:
                self._parts[object_id] = []
            parts = self._parts.get(object_id)
            if parts is None or number != len(parts):
                raise BadFragments(f"object {object_id}: fragment {number} is out of order")
            parts.append(part)
            if sum(map(len, parts)) > _MAX_MESSAGE:
                raise BadFragments(f"object {object_id} is too large")
            if flags & 2:
                del self._parts[object_id]
                yield self._message(b"".join(parts))

    @staticmethod
    def _message(raw: bytes) -> Incoming:
        if len(raw) < 40:
            raise BadFragments("a message's head is cut off")
        _destination, kind = struct.unpack_from("<iI", raw)
        text = raw[40:]
        if text.startswith(_BOM):
            text = text[3:]
        try:
            clixml = text.decode("utf-8", "surrogatepass")
        except UnicodeError as error:
            raise BadFragments(str(error)) from error
        return Incoming(kind, uuid.UUID(bytes_le=raw[8:24]), uuid.UUID(bytes_le=raw[24:40]), clixml)


class PoolProtocol:
    """The server's end of one runspace pool. Not thread-safe: the shell's lock is held around every call.

    ``fragment_size`` is that of a whole fragment. Outgoing fragments are what one rsp:Stream element carries.
    """

    def __init__(self, private_data: str, fragment_size: int) -> None:
        self._pool = ServerRunspacePool()
        self._private_data = private_data
        self._size = fragment_size - _FRAGMENT.size
        self._next_object = 1
        self._assembler = Assembler()
        self.pool_id = _NONE
        self.busy = 0  # pipelines that run, for the count of free runspaces

    def feed(self, data: bytes) -> tuple[list[list[bytes]], list[Incoming]]:
        """Takes the client's bytes: (fragments of each answer of the pool, messages for pipelines).

        Raises BadFragments.
        """
        answers: list[list[bytes]] = []
        for_pipelines: list[Incoming] = []
        for message in self._assembler.feed(data):
            if message.pipeline != _NONE or message.kind in (CREATE_PIPELINE, GET_COMMAND_METADATA):
                for_pipelines.append(message)
            else:
                answers += [self._frame(kind, text) for kind, text in self._answer(message)]
        return answers, for_pipelines

    def connect(self, data: bytes) -> tuple[bytes, list[list[bytes]]]:
        """A new client connects: (what goes into connectResponseXml, fragments of what it is to read later).

        Windows puts SESSION_CAPABILITY and RUNSPACEPOOL_INIT_DATA into the response and APPLICATION_PRIVATE_DATA into
        the stream (recorded); psrpcore sends no capability here, and a RUNSPACEPOOL_STATE too many.
        """
        self._pool.begin_disconnect()
        self._pool.disconnect()
        self._pool.connect()
        self._pool.prepare_message(self._pool.our_capability)
        said: list[tuple[int, bytes]] = []
        # a client that connects counts its objects from 1 again
        for message in Assembler().feed(data):
            said += self._answer(message)
        at_once = b"".join(
            fragment
            for kind, text in said
            if kind in (SESSION_CAPABILITY, RUNSPACEPOOL_INIT_DATA)
            for fragment in self._frame(kind, text)
        )
        later = [self._frame(kind, text) for kind, text in said if kind == APPLICATION_PRIVATE_DATA]
        self._assembler = Assembler()
        return at_once, later

    def frame(self, kind: int, clixml: str, pipeline: uuid.UUID) -> list[bytes]:
        """The fragments of a pipeline's message; the CLIXML is not looked at."""
        return self._frame(kind, clixml.encode("utf-8", "surrogatepass"), pipeline)

    def open_secret(self, sealed: str) -> str:
        """The text of a SecureString that this pool's session key sealed (base64 in). Raises ValueError otherwise."""
        return str(self._pool._cipher.decrypt(sealed))

    def _answer(self, message: Incoming) -> list[tuple[int, bytes]]:
        text = message.text.encode("utf-8", "surrogatepass")
        # pypsrp writes CI where psrpcore reads ci; Windows takes either
        text = _LOWER_CI.sub(b'N="ci"', text)
        body = struct.pack("<iI", 2, message.kind) + message.pool.bytes_le + message.pipeline.bytes_le + text
        try:
            self._pool.receive_data(PSRPPayload(_FRAGMENT.pack(0, 0, 3, len(body)) + body, StreamType.default, None))
            event = self._pool.next_event()
            if isinstance(event, SetMaxRunspacesEvent | SetMinRunspacesEvent):
                self._pool.runspace_availability_response(event.ci, self._allowed(event))
            elif isinstance(event, ResetRunspaceStateEvent):
                self._pool.runspace_availability_response(event.ci, True)
            elif isinstance(event, GetAvailableRunspacesEvent):
                self._pool.runspace_availability_response(event.ci, max(0, self._pool.max_runspaces - self.busy))
        except _MALFORMED as error:
            raise BadFragments(str(error)) from error
        self.pool_id = self._pool.runspace_pool_id
        return list(self._said())

    def _allowed(self, event: SetMaxRunspacesEvent | SetMinRunspacesEvent) -> bool:
        if isinstance(event, SetMaxRunspacesEvent):
            return bool(event.count >= max(1, self._pool.min_runspaces))
        return bool(1 <= event.count <= self._pool.max_runspaces)

    def _said(self) -> Iterator[tuple[int, bytes]]:
        """What psrpcore wants to send: (kind, CLIXML). It merges fragments; its private data lacks Windows' types."""
        while (payload := self._pool.data_to_send()) is not None:
            data, at = payload.data, 0
            while at < len(data):
                length = _FRAGMENT.unpack_from(data, at)[3]
                at += _FRAGMENT.size
                (kind,) = struct.unpack_from("<I", data, at + 4)
                text = data[at + 40 : at + length]
                yield kind, self._private_data.encode() if kind == APPLICATION_PRIVATE_DATA else text
                at += length

    def _frame(self, kind: int, text: bytes, pipeline: uuid.UUID = _NONE) -> list[bytes]:
        object_id = self._next_object
        self._next_object += 1
        # recorded: the capability carries no pool id, and every message a byte order mark
        pool = _NONE if kind == SESSION_CAPABILITY else self.pool_id
        body = struct.pack("<iI", 1, kind) + pool.bytes_le + pipeline.bytes_le + _BOM + text
        chunks = [body[start : start + self._size] for start in range(0, len(body), self._size)]
        last = len(chunks) - 1
        return [
            _FRAGMENT.pack(object_id, number, (number == 0) | (2 * (number == last)), len(chunk)) + chunk
            for number, chunk in enumerate(chunks)
        ]


def begins(fragment: bytes) -> bool:
    """Is this a message's first fragment?"""
    return bool(fragment[16] & 1)


def private_data(build: str) -> str:
    """APPLICATION_PRIVATE_DATA of Windows PowerShell 5.1 on ``build`` ("10.0.20348.2113"), as Server 2016 sends it
    (recorded)."""
    version = escape("5.1." + build.split(".", 2)[-1])

    def entry(name: str, value: str) -> str:
        return f'<En><S N="Key">{name}</S>{value}</En>'

    compatible = "".join(f"<Version>{one}</Version>" for one in ("1.0", "2.0", "3.0", "4.0", "5.0", version))
    table = "".join(
        [
            entry("PSVersion", f'<Version N="Value">{version}</Version>'),
            entry("PSEdition", '<S N="Value">Desktop</S>'),
            entry(
                "PSCompatibleVersions",
                '<Obj N="Value" RefId="3"><TN RefId="1"><T>System.Version[]</T><T>System.Array</T>'
                f"<T>System.Object</T></TN><LST>{compatible}</LST></Obj>",
            ),
            entry("CLRVersion", '<Version N="Value">4.0.30319.42000</Version>'),
            entry("BuildVersion", f'<Version N="Value">{escape(build)}</Version>'),
            entry("WSManStackVersion", '<Version N="Value">3.0</Version>'),
            entry("PSRemotingProtocolVersion", '<Version N="Value">2.3</Version>'),
            entry("SerializationVersion", '<Version N="Value">1.1.0.1</Version>'),
        ]
    )
    return (
        '<Obj RefId="0"><MS><Obj N="ApplicationPrivateData" RefId="1"><TN RefId="0">'
        "<T>System.Management.Automation.PSPrimitiveDictionary</T><T>System.Collections.Hashtable</T>"
        f'<T>System.Object</T></TN><DCT>{entry("PSVersionTable", dictionary(table))}</DCT></Obj></MS></Obj>'
    )


def dictionary(entries: str) -> str:
    return f'<Obj N="Value" RefId="2"><TNRef RefId="0" /><DCT>{entries}</DCT></Obj>'


def failed_state(message: str, exception: str = "System.InvalidOperationException") -> str:
    """PIPELINE_STATE Failed for what is the lab's own defect, or beyond what it can do; or a process's own end."""
    text = escape(message)
    reason = exception.rpartition(".")[2]
    error_id = "LabDefect" if exception == "System.InvalidOperationException" else reason
    return (
        '<Obj RefId="0"><MS><I32 N="PipelineState">5</I32><Obj N="ExceptionAsErrorRecord" RefId="1"><TN RefId="0">'
        f"<T>System.Management.Automation.ErrorRecord</T><T>System.Object</T></TN><ToString>{text}</ToString><MS>"
        f'<Obj N="Exception" RefId="2"><TN RefId="1"><T>{exception}</T><T>System.Exception</T>'
        f'<T>System.Object</T></TN><ToString>{text}</ToString><Props><S N="Message">{text}</S>'
        f'</Props></Obj><Nil N="TargetObject" /><S N="FullyQualifiedErrorId">{error_id}</S><Nil N="InvocationInfo" />'
        '<I32 N="ErrorCategory_Category">7</I32><S N="ErrorCategory_Activity"></S>'
        f'<S N="ErrorCategory_Reason">{reason}</S><S N="ErrorCategory_TargetName"></S>'
        f'<S N="ErrorCategory_TargetType"></S><S N="ErrorCategory_Message">{text}</S>'
        '<B N="SerializeExtendedInfo">false</B></MS></Obj></MS></Obj>'
    )
