"""A small engine with scripted commands, and what every test of the wire stands on."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.wire import Account, WireClock
from winmigrate.request import Secret

PASSWORD = "Cana:ry-Päss/7"
OPS = Account("LAB", "ops", Secret(PASSWORD), "lab.example")
OTHER = Account("LAB", "other", Secret("another"))

_COMMAND = re.compile(r'<S N="Cmd">([^<]*)</S>')
_SEALED = re.compile(r'<SS N="V">([^<]*)</SS>|<SS>([^<]*)</SS>')
_TEXTS = re.compile(r'<S N="V">([^<]*)</S>')


def state(number: int, error: str | None = None) -> str:
    extra = ""
    if error is not None:
        extra = (
            '<Obj N="ExceptionAsErrorRecord" RefId="1"><TN RefId="0"><T>System.Management.Automation.ErrorRecord</T>'
            f"<T>System.Object</T></TN><ToString>{error}</ToString><MS>"
            '<Obj N="Exception" RefId="2"><TN RefId="1"><T>System.Exception</T><T>System.Object</T></TN>'
            f'<ToString>{error}</ToString><Props><S N="Message">{error}</S></Props></Obj><Nil N="TargetObject" />'
            '<S N="FullyQualifiedErrorId">Scripted</S><Nil N="InvocationInfo" /><I32 N="ErrorCategory_Category">0</I32>'
            '<S N="ErrorCategory_Activity"></S><S N="ErrorCategory_Reason"></S><S N="ErrorCategory_TargetName"></S>'
            '<S N="ErrorCategory_TargetType"></S><S N="ErrorCategory_Message"></S>'
            '<B N="SerializeExtendedInfo">false</B></MS></Obj>'
        )
    return f'<Obj RefId="0"><MS><I32 N="PipelineState">{number}</I32>{extra}</MS></Obj>'


def _informational(text: str) -> str:
    return (
        f'<Obj RefId="0"><ToString>{text}</ToString><MS><S N="InformationalRecord_Message">{text}</S>'
        '<B N="InformationalRecord_SerializeInvocationInfo">false</B></MS></Obj>'
    )


def _error(text: str) -> str:
    whole = state(5, text)
    return whole[whole.index("<Obj N=") : whole.rindex("</MS></Obj>")].replace(' N="ExceptionAsErrorRecord"', "", 1)


PROGRESS = (
    '<Obj RefId="0"><MS><S N="Activity">Moving</S><I32 N="ActivityId">1</I32><S N="StatusDescription">half</S>'
    '<Nil N="CurrentOperation" /><I32 N="ParentActivityId">-1</I32><I32 N="PercentComplete">50</I32>'
    '<Obj N="Type" RefId="1"><TN RefId="0"><T>System.Management.Automation.ProgressRecordType</T><T>System.Enum</T>'
    "<T>System.ValueType</T><T>System.Object</T></TN><ToString>Processing</ToString><I32>0</I32></Obj>"
    '<I32 N="SecondsRemaining">-1</I32></MS></Obj>'
)


class ScriptedEngine:
    """What the first command's name says: see the methods. ``began`` and ``ended`` count pipelines."""

    def __init__(self, clock: WireClock) -> None:
        self.clock = clock
        self.began: list[str] = []
        self.ended: list[str] = []
        self.gate = threading.Event()
        self.said = 0  # by Many

    def open_gate(self) -> None:
        self.gate.set()
        self.clock.changed()

    def run(
        self,
        create_pipeline: str,
        context: Any,
        stopping: Callable[[], bool],
        secrets: Callable[[str], str],
        input_objects: Iterator[str] | None = None,
        answers: Callable[[int], str | None] | None = None,
    ) -> Iterator[Message | Wait]:
        name = _COMMAND.findall(create_pipeline)[0]
        self.began.append(name)
        try:
            yield from getattr(self, "_" + name.lower().replace("-", "_"))(
                create_pipeline, context, stopping, secrets, input_objects, answers
            )
            if stopping():
                yield Message("PIPELINE_STATE", state(3, "The pipeline has been stopped."), "Stopped")
            elif name not in {"Fail", "Crash", "Forget"}:
                yield Message("PIPELINE_STATE", state(4), "Completed")
        finally:
            self.ended.append(name)

    def _whoami(self, _text: str, context: Any, *_rest: Any) -> Iterator[Message | Wait]:
        yield _output(f"{context.user}|{context.protocol}|{context.delegated}|{context.host}")

    def _echo(self, text: str, *_rest: Any) -> Iterator[Message | Wait]:
        for value in _TEXTS.findall(text):
            yield Message("PIPELINE_OUTPUT", f"<S>{value}</S>")

    def _length(self, text: str, *_rest: Any) -> Iterator[Message | Wait]:
        yield _output(str(len(_TEXTS.findall(text)[0])))

    def _secret(self, text: str, _context: Any, _stopping: Any, secrets: Any, *_rest: Any) -> Iterator[Message | Wait]:
        for pair in _SEALED.findall(text):
            yield _output(secrets(pair[0] or pair[1]))

    def _slow(self, *_rest: Any) -> Iterator[Message | Wait]:
        yield _output("begun")
        yield Wait(deadline=self.clock.monotonic() + 3600, interruptible=True)
        yield _output("ended")

    def _deaf(self, *_rest: Any) -> Iterator[Message | Wait]:
        yield Wait(ready=self.gate.is_set)

    def _count(self, *_rest: Any) -> Iterator[Message | Wait]:
        for number in range(12):
            yield _output(str(number))
            yield Wait(deadline=self.clock.monotonic() + 30, interruptible=True)

    def _big(self, *_rest: Any) -> Iterator[Message | Wait]:
        yield _output("äx" * 2_500_000)

    def _many(self, *_rest: Any) -> Iterator[Message | Wait]:
        for number in range(2000):
            self.said += 1
            yield _output(f"{number:06d}" + "y" * 1000)

    def _streams(self, *_rest: Any) -> Iterator[Message | Wait]:
        yield _output("one")
        yield Message("ERROR_RECORD", _error("not good"))
        for kind in ("WARNING_RECORD", "VERBOSE_RECORD", "DEBUG_RECORD"):
            yield Message(kind, _informational(kind.split("_")[0].lower()))
        yield Message("PROGRESS_RECORD", PROGRESS)
        yield _output("two")

    def _input(
        self, _text: str, _context: Any, _stopping: Any, _secrets: Any, input_objects: Any, *_rest: Any
    ) -> Iterator[Message | Wait]:
        for clixml in input_objects:
            yield Message("PIPELINE_OUTPUT", clixml)

    def _fail(self, *_rest: Any) -> Iterator[Message | Wait]:
        yield Message("PIPELINE_STATE", state(5, "it broke"), "Failed")

    def _crash(self, *_rest: Any) -> Iterator[Message | Wait]:
        yield _output("before")
        raise KeyError("a defect")

    def _forget(self, *_rest: Any) -> Iterator[Message | Wait]:
        yield _output("no end")

    def _remember(self, _text: str, context: Any, *_rest: Any) -> Iterator[Message | Wait]:
        context.state["n"] = context.state.get("n", 0) + 1
        yield _output(str(context.state["n"]))

    def _ask(
        self, _text: str, _context: Any, _stopping: Any, _secrets: Any, _input: Any, answers: Any
    ) -> Iterator[Message | Wait]:
        yield Message(
            "PIPELINE_HOST_CALL",
            '<Obj RefId="0"><MS><I64 N="ci">7</I64><Obj N="mi" RefId="1"><TN RefId="0">'
            "<T>System.Management.Automation.Remoting.RemoteHostMethodId</T><T>System.Enum</T><T>System.ValueType</T>"
            "<T>System.Object</T></TN><ToString>ReadLine</ToString><I32>11</I32></Obj>"
            '<Obj N="mp" RefId="2"><TN RefId="1"><T>System.Collections.ArrayList</T><T>System.Object</T></TN><LST />'
            "</Obj></MS></Obj>",
        )
        yield Wait(ready=lambda: answers(7) is not None, interruptible=True)
        found = re.search(r'<S N="mr">([^<]*)</S>', answers(7))
        yield _output("heard " + (found.group(1) if found else "nothing"))


def _output(text: str) -> Message:
    return Message("PIPELINE_OUTPUT", f"<S>{escape(text)}</S>")
