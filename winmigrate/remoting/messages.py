"""PSRP messages: the request we send, and the pieces of what comes back. MS-PSRP 2.2.

A pipeline's messages are kept as they came: their CLIXML goes on verbatim, to be read, recorded and replayed.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

from pypsrp.exceptions import FragmentError

from winmigrate.errors import ClixmlError
from winmigrate.remoting.clixml import EnumValue, PSObject, Writer, dumps, loads
from winmigrate.remoting.clixml.writer import Seal
from winmigrate.request import Command, Credential, PipelineState, Request, Secret, Statement, Stream, Typed, convert

CREATE_PIPELINE = 0x00021006
PIPELINE_STATE = 0x00041006
HOST_CALL = 0x00041100
HOST_RESPONSE = 0x00041101

STREAMS = {
    0x00041004: Stream.OUTPUT,
    0x00041005: Stream.ERROR,
    0x00041007: Stream.DEBUG,
    0x00041008: Stream.VERBOSE,
    0x00041009: Stream.WARNING,
    0x00041010: Stream.PROGRESS,
    0x00041011: Stream.INFORMATION,
    HOST_CALL: Stream.HOST_CALL,
}
_ENDS = {3: PipelineState.STOPPED, 4: PipelineState.COMPLETED, 5: PipelineState.FAILED}

_FRAGMENT = struct.Struct(">QQBI")
_START, _END = 1, 2
_SERVER = 2
_BOM = b"\xef\xbb\xbf"

_LIST_TYPES = (
    "System.Collections.Generic.List`1[[System.Management.Automation.PSObject, System.Management.Automation, "
    "Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
    "System.Object",
)
_RESULT_TYPES = (
    "System.Management.Automation.Runspaces.PipelineResultTypes",
    "System.Enum",
    "System.ValueType",
    "System.Object",
)
_APARTMENT = ("System.Threading.ApartmentState", "System.Enum", "System.ValueType", "System.Object")
_STREAM_OPTIONS = (
    "System.Management.Automation.RemoteStreamOptions",
    "System.Enum",
    "System.ValueType",
    "System.Object",
)
_METHOD = (
    "System.Management.Automation.Remoting.RemoteHostMethodId",
    "System.Enum",
    "System.ValueType",
    "System.Object",
)


# --- out ---------------------------------------------------------------------------------------------------------


def has_secret(asked: Request) -> bool:
    """Does anything in it have to be sealed, so that session keys are needed first?"""

    def within(value: object) -> bool:
        if isinstance(value, Secret | Credential):
            return True
        if isinstance(value, dict):
            return any(map(within, value.values()))
        return isinstance(value, list | tuple) and any(map(within, value))

    commands: list[Command] = [each for statement in asked.statements for each in statement.commands]
    return any(within(value) for each in commands for _, value in each.parameters)


def create_pipeline(asked: Request, protocol: tuple[int, ...], seal: Seal | None = None) -> str:
    """The CLIXML of CREATE_PIPELINE for a request, for a host of that PSRP version.

    There is no host on our side (HostInfo all null), so that a question (a missing mandatory parameter, a
    confirmation) becomes an error there and waits for nobody. Raises ParameterRefused, ClixmlError.
    """
    if not asked.statements or not all(each.commands for each in asked.statements):
        raise ClixmlError("a request has at least one command in each of its statements")
    writer = Writer(seal)
    writer.open((), None)
    writer.raw("<MS>")
    writer.open((), "PowerShell")
    writer.raw("<MS>")
    if len(asked.statements) > 1:
        with _List(writer, "ExtraCmds"):
            for each in asked.statements:
                writer.open((), None)
                writer.raw("<MS>")
                _statement(writer, each, protocol)
                writer.raw("</MS>")
                writer.close()
    _statement(writer, asked.statements[0], protocol)
    writer.write(False, "IsNested")
    writer.write(None, "History")
    writer.write(True, "RedirectShellErrorOutputPipe")
    writer.raw("</MS>")
    writer.close()
    writer.write(True, "NoInput")
    _enumeration(writer, "ApartmentState", _APARTMENT, "Unknown", 2)
    _enumeration(writer, "RemoteStreamOptions", _STREAM_OPTIONS, "0", 0)
    writer.write(False, "AddToHistory")
    writer.open((), "HostInfo")
    writer.raw("<MS>")
    for flag in ("_isHostNull", "_isHostUINull", "_isHostRawUINull", "_useRunspaceHost"):
        writer.write(True, flag)
    writer.raw("</MS>")
    writer.close()
    writer.write(False, "IsNested")
    writer.raw("</MS>")
    writer.close()
    return writer.document()


class _List:
    def __init__(self, writer: Writer, name: str) -> None:
        self._writer = writer
        self._name = name

    def __enter__(self) -> None:
        self._writer.open(_LIST_TYPES, self._name)
        self._writer.raw("<LST>")

    def __exit__(self, *_: object) -> None:
        self._writer.raw("</LST>")
        self._writer.close()


def _enumeration(writer: Writer, name: str, types: tuple[str, ...], text: str, number: int) -> None:
    writer.open(types, name, text)
    writer.write(number)
    writer.close()


def _statement(writer: Writer, asked: Statement, protocol: tuple[int, ...]) -> None:
    with _List(writer, "Cmds"):
        for each in asked.commands:
            writer.open((), None)
            writer.raw("<MS>")
            _command(writer, each, protocol)
            writer.raw("</MS>")
            writer.close()


def _command(writer: Writer, asked: Command, protocol: tuple[int, ...]) -> None:
    writer.write(asked.name, "Cmd")
    writer.write(asked.is_script, "IsScript")
    writer.write(None, "UseLocalScope")
    merges = ["MergeMyResult", "MergeToResult", "MergePreviousResults"]
    if protocol >= (2, 2):
        merges += ["MergeError", "MergeWarning", "MergeVerbose", "MergeDebug"]
    if protocol >= (2, 3):
        merges.append("MergeInformation")
    for merge in merges:
        _enumeration(writer, merge, _RESULT_TYPES, "None", 0)
    with _List(writer, "Args"):
        for index, (name, value) in enumerate(asked.parameters):
            writer.open((), None)
            writer.raw("<MS>")
            writer.write(name, "N")
            writer.write(convert(name or f"{asked.name} argument {index}", value), "V")
            writer.raw("</MS>")
            writer.close()


def packed(kind: int, pool: str, pipeline: str, clixml: str) -> bytes:
    """A message to the server, whole."""
    ids = uuid.UUID(pool).bytes_le + uuid.UUID(pipeline).bytes_le
    return struct.pack("<II", _SERVER, kind) + ids + clixml.encode("utf-8")


def fragments(object_id: int, message: bytes, size: int) -> Iterator[bytes]:
    """A message in fragments of at most ``size`` bytes of content."""
    for number, begin in enumerate(range(0, len(message), size)):
        piece = message[begin : begin + size]
        marks = (_START if begin == 0 else 0) | (_END if begin + size >= len(message) else 0)
        yield _FRAGMENT.pack(object_id, number, marks, len(piece)) + piece


def host_refusal(call: str) -> str | None:
    """The answer to a host call that wants one: there is no host. None for calls that want none (ci is negative)."""
    value = loads(call)
    if not isinstance(value, PSObject):
        return None
    number, method = value.properties.get("ci"), value.properties.get("mi")
    if not isinstance(number, int) or number < 0 or not isinstance(method, EnumValue):
        return None
    writer = Writer()
    writer.open((), None)
    writer.raw("<MS>")
    writer.write(Typed("I64", number), "ci")
    _enumeration(writer, "mi", _METHOD, method.name, method.value)
    message = f"{method.name} was asked of a client that has nobody to ask"
    record = PSObject(
        ("System.Management.Automation.ErrorRecord", "System.Object"),
        message,
        {
            "Exception": PSObject(
                ("System.Management.Automation.Host.HostException", "System.Exception", "System.Object"),
                message,
                {"Message": message},
            ),
            "TargetObject": None,
            "FullyQualifiedErrorId": "NoHost",
            "InvocationInfo": None,
            "ErrorCategory_Category": 21,
            "ErrorCategory_Activity": "",
            "ErrorCategory_Reason": "HostException",
            "ErrorCategory_TargetName": "",
            "ErrorCategory_TargetType": "",
            "ErrorCategory_Message": message,
            "SerializeExtendedInfo": False,
        },
    )
    writer.write(record, "me")
    writer.raw("</MS>")
    writer.close()
    return writer.document()


# --- in ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One whole message: its kind (MS-PSRP 2.2.1), its CLIXML, the bytes it was, and its number on the host."""

    kind: int
    clixml: str
    raw: bytes
    number: int


class Reassembly:
    """The fragments of one stream, to messages in order. What was whole before is not given twice.

    A host may deliver again what a broken connection took with it (seen in recordings of Windows). A gap raises
    FragmentError: what lay in it is gone.
    """

    def __init__(self) -> None:
        self._parts: dict[int, list[bytes]] = {}
        self._done: set[int] = set()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that ``data`` completes. Raises FragmentError."""
        view = memoryview(data)
        while view:
            if len(view) < _FRAGMENT.size:
                raise FragmentError("a fragment shorter than its head")
            object_id, number, marks, length = _FRAGMENT.unpack_from(view)
            piece = bytes(view[_FRAGMENT.size : _FRAGMENT.size + length])
            view = view[_FRAGMENT.size + length :]
            if len(piece) != length:
                raise FragmentError("a fragment shorter than it says")
            if object_id in self._done:
                continue
            parts = self._parts.setdefault(object_id, [])
            if number < len(parts):
                continue
            if number > len(parts):
                raise FragmentError(f"fragment {number} of object {object_id} came, {len(parts)} was due")
            parts.append(piece)
            if marks & _END:
                del self._parts[object_id]
                self._done.add(object_id)
                yield _message(object_id, b"".join(parts))


def _message(number: int, raw: bytes) -> Message:
    if len(raw) < 40:
        raise FragmentError("a message shorter than its head")
    body = raw[40:].removeprefix(_BOM)
    try:
        return Message(struct.unpack_from("<I", raw, 4)[0], body.decode("utf-8"), raw, number)
    except UnicodeDecodeError as error:
        raise FragmentError("a message that is no UTF-8") from error


def refragmented(message: Message) -> bytes:
    """The message as one fragment, as pypsrp reads it."""
    return _FRAGMENT.pack(1, 0, _START | _END, len(message.raw)) + message.raw


def ended(clixml: str) -> tuple[PipelineState, str | None] | None:
    """(how the pipeline ended, the CLIXML of the error that ended it), or None if that state is no end.

    Raises ClixmlError.
    """
    value = loads(clixml)
    state = value.properties.get("PipelineState") if isinstance(value, PSObject) else None
    if not isinstance(state, int):
        raise ClixmlError("a pipeline state without a number")
    if state not in _ENDS:
        return None
    record = value.properties.get("ExceptionAsErrorRecord")
    return _ENDS[state], None if record is None else _member(clixml, "ExceptionAsErrorRecord", record)


def _member(clixml: str, name: str, value: object) -> str:
    """The markup of one member as it stands; written anew if it leans on what stands outside of it."""
    parser = expat.ParserCreate("utf-8")
    span: list[int] = []
    depth = 0
    inside = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, inside
        depth += 1
        if not span and tag == "Obj" and attributes.get("N") == name:
            span.append(parser.CurrentByteIndex)
            inside = depth

    def end(tag: str) -> None:
        nonlocal depth
        if depth == inside and len(span) == 1:
            span.append(parser.CurrentByteIndex + len(f"</{tag}>"))
        depth -= 1

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    data = clixml.encode("utf-8")
    parser.Parse(data, True)
    if len(span) == 2:
        text = data[span[0] : span[1]].decode("utf-8")
        try:
            if loads(text) == value:
                return text
        except ClixmlError:
            return dumps(value)
    return dumps(value)
