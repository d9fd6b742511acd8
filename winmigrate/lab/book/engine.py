"""The player's second outlet: an engine for the wire (winmigrate.lab.engine.effects.Engine) that plays one host's part.

What a client sends is made into request data as a transcript has it, and answered by the same book that sessions in
process play from. What was not recorded fails the pipeline with the nearest entry and what differs. A recorded fault of
the connection cannot happen again at this place: the pipeline fails with its words.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from winmigrate.errors import TranscriptError
from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.engine.reader import ScriptBlockText, XmlText
from winmigrate.lab.engine.statements import NO_ARGUMENT, CommandCall, CreatedPipeline, read_pipeline
from winmigrate.lab.engine.values import (
    Char,
    EnumValue,
    Integer,
    PSCredential,
    SecureString,
    Single,
    Switch,
    TimeSpan,
    Uri,
    Version,
)
from winmigrate.lab.wire.clock import WireClock
from winmigrate.request import PipelineState, Stream
from winmigrate.transcript import Book, Entry, TransportFault

_KINDS = {
    Stream.OUTPUT: "PIPELINE_OUTPUT",
    Stream.ERROR: "ERROR_RECORD",
    Stream.WARNING: "WARNING_RECORD",
    Stream.VERBOSE: "VERBOSE_RECORD",
    Stream.DEBUG: "DEBUG_RECORD",
    Stream.INFORMATION: "INFORMATION_RECORD",
    Stream.PROGRESS: "PROGRESS_RECORD",
    Stream.HOST_CALL: "PIPELINE_HOST_CALL",
}
_STATES = {PipelineState.STOPPED: 3, PipelineState.COMPLETED: 4, PipelineState.FAILED: 5}
_MEMBER = "ExceptionAsErrorRecord"


class BookEngine:
    """One host of a book. With ``clock``, messages come at the times they came; else at once."""

    def __init__(self, book: Book, host: str, clock: WireClock | None = None) -> None:
        self._book = book
        self._host = host
        self._clock = clock

    def run(
        self,
        create_pipeline: str,
        context: Any,
        stopping: Callable[[], bool],
        secrets: Callable[[str], str],
        input_objects: Iterator[str] | None = None,
        answers: Callable[[int], str | None] | None = None,
    ) -> Iterator[Message | Wait]:
        """See :class:`winmigrate.lab.engine.effects.Engine`. Raises MalformedClixml for what is no CREATE_PIPELINE."""
        created = read_pipeline(create_pipeline, secrets)
        try:
            entry = self._book.answer_data(self._host, request_data(created)).entry
        except TranscriptError as error:
            yield _failed(str(error), "NotRecorded")
            return
        began = self._clock.monotonic() if self._clock is not None else 0.0
        for event in entry.events:
            yield from self._until(began + event.at)
            if stopping():
                yield Message("PIPELINE_STATE", _state(PipelineState.STOPPED, None), "Stopped")
                return
            yield Message(_KINDS[event.stream], event.clixml)
        yield from self._until(began + entry.seconds)
        yield _end(entry)

    def _until(self, moment: float) -> Iterator[Wait]:
        if self._clock is not None and moment > self._clock.monotonic():
            yield Wait(deadline=moment, interruptible=True)


def _end(entry: Entry) -> Message:
    if isinstance(entry.end, PipelineState):
        return Message("PIPELINE_STATE", _state(entry.end, entry.error), entry.end.value)
    if isinstance(entry.end, TransportFault):
        return _failed(f"recorded: {entry.end.kind}: {entry.end.message}", entry.end.kind)
    return _failed("the recording has no end to this request: whoever asked went away", "NoEnd")


def _state(state: PipelineState, error: str | None) -> str:
    """PIPELINE_STATE with the recorded error as it stands; its own numbers of objects do not meet the outer one."""
    inner = ""
    if error is not None:
        named = f' N="{_MEMBER}"'
        head = re.match(r"<Obj\b[^>]*>", error)
        inner = error if head is not None and named in head[0] else error.replace("<Obj", f"<Obj{named}", 1)
    return f'<Obj RefId="2147483000"><MS><I32 N="PipelineState">{_STATES[state]}</I32>{inner}</MS></Obj>'


def _failed(text: str, error_id: str) -> Message:
    said = escape(text)
    record = (
        '<Obj RefId="1"><TN RefId="0"><T>System.Management.Automation.ErrorRecord</T><T>System.Object</T></TN>'
        f"<ToString>{said}</ToString><MS>"
        '<Obj N="Exception" RefId="2"><TN RefId="1"><T>System.InvalidOperationException</T><T>System.Exception</T>'
        f'<T>System.Object</T></TN><ToString>{said}</ToString><Props><S N="Message">{said}</S></Props></Obj>'
        f'<Nil N="TargetObject" /><S N="FullyQualifiedErrorId">{escape(error_id)}</S><Nil N="InvocationInfo" />'
        '<I32 N="ErrorCategory_Category">7</I32><S N="ErrorCategory_Activity"></S>'
        '<S N="ErrorCategory_Reason">InvalidOperationException</S><S N="ErrorCategory_TargetName"></S>'
        f'<S N="ErrorCategory_TargetType"></S><S N="ErrorCategory_Message">{said}</S>'
        '<B N="SerializeExtendedInfo">false</B></MS></Obj>'
    )
    return Message("PIPELINE_STATE", _state(PipelineState.FAILED, record), "Failed")


# --- what a client sent, as a transcript has it -------------------------------------------------------------------


def request_data(created: CreatedPipeline) -> dict[str, Any]:
    """The statements of a CREATE_PIPELINE as request data (winmigrate.transcript.data). Secrets never stand in it."""
    return {"statements": [[_command(one) for one in each] for each in created.statements]}


def _command(call: CommandCall) -> dict[str, Any]:
    head = {"script" if call.is_script else "command": call.name}
    if not call.arguments:
        return head
    return {**head, "parameters": [[name, _data(value)] for name, value in call.arguments]}


def _data(value: Any) -> Any:
    """A value's data; what a request of ours never holds is told by its type, and matches nothing."""
    if value is NO_ARGUMENT:
        return True
    if value is None or isinstance(value, bool):
        return value
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    if isinstance(value, dict):
        return {"dict": [[str(key), _data(item)] for key, item in value.items()]}
    if isinstance(value, list):
        return [_data(item) for item in value]
    return {"typed": ["Obj", type(value).__name__]}


_WRITERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (Switch, bool),
    (SecureString, lambda _: {"secret": True}),
    (PSCredential, lambda value: {"credential": value.username}),
    (Integer, lambda value: {value.tag: int(value)}),
    (Single, lambda value: {"typed": ["Sg", {"Db": repr(float(value))}]}),
    (float, lambda value: {"Db": repr(value)}),
    (Decimal, lambda value: {"D": str(value)}),
    (bytes, lambda value: {"BA": base64.b64encode(value).decode("ascii")}),
    (uuid.UUID, lambda value: {"G": str(value)}),
    (dt.datetime, lambda value: {"DT": value.isoformat()}),
    (TimeSpan, lambda value: {"TS": value.ticks // 10}),
    (EnumValue, lambda value: value.name),
    (Version, lambda value: {"typed": ["Version", str(value)]}),
    (Uri, lambda value: {"typed": ["URI", str(value)]}),
    (Char, lambda value: {"typed": ["C", str(value)]}),
    (ScriptBlockText, lambda value: {"typed": ["SBK", str(value)]}),
    (XmlText, lambda value: {"typed": ["XD", str(value)]}),
    (str, str),
)
