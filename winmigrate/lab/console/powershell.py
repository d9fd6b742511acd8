"""powershell.exe of Windows PowerShell 5.1: its arguments, scripts of literal commands, its two forms of output.

A script runs statement by statement: an error ends its statement and the script goes on. One script is known by the
hash of its text: the one by which winmigrate's WinRS transport has a pipeline read from standard input.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from winmigrate.lab.console.process import Out, Running, Surroundings
from winmigrate.lab.console.running import Ended, parsed, run_statement
from winmigrate.lab.console.streams import Document, error_lines, object_lines
from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.engine.scripts import parse_literal, split_exit
from winmigrate.lab.engine.statements import CommandCall
from winmigrate.lab.engine.table import script_digest
from winmigrate.lab.engine.text import to_text
from winmigrate.lab.engine.values import PSObject
from winmigrate.lab.engine.writer import escape

#: The script that runs what stands on standard input, puts out the error that ends it, and then exits with 86.
READS_STDIN = "ab2689f27be7794f9684fa9ceb772d934f38fd1e213452e69859213b57c9e064"
_ENDED_BY_ERROR = 86
#: Parameters: name, shortest form, has it a value?
_PARAMETERS = (
    ("encodedcommand", "e", True), ("ec", "ec", True), ("executionpolicy", "ex", True), ("ep", "ep", True),
    ("command", "c", False), ("file", "f", False), ("noprofile", "nop", False), ("nologo", "nol", False),
    ("noninteractive", "noni", False), ("noexit", "noe", False), ("outputformat", "o", True), ("of", "of", True),
    ("inputformat", "in", True), ("if", "if", True), ("version", "v", True), ("windowstyle", "w", True),
    ("sta", "s", False), ("mta", "mta", False),
)
_RECORDS = {"VERBOSE_RECORD": "verbose", "DEBUG_RECORD": "debug", "WARNING_RECORD": "warning"}
_PREPARING = (
    '<Obj RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN><MS>'
    '<I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules for first use.</AV><AI>0</AI><Nil /><PI>-1</PI>'
    "<PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj>"
)

_Said: TypeAlias = "Generator[Out | Wait, None, Ended]"


class BadArguments(Exception):
    """A command line that powershell.exe does not take; the text is what it says."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the command line asks for. ``script`` None: read it from standard input."""

    script: str | None
    output: str = "text"
    errors: str = "text"


def read_arguments(arguments: Sequence[str]) -> Invocation:
    """Raises BadArguments."""
    given: dict[str, str] = {}
    script: str | None = None
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word[:1] not in ("-", "/") or word == "-":
            script = " ".join([word, *waiting])
            break
        name, has_value = _parameter(word[1:].lower())
        if name == "command":
            script = " ".join(waiting)
            break
        if name == "file":
            path = waiting[0] if waiting else ""
            raise BadArguments(
                f"The argument '{path}' to the -File parameter does not exist. Provide the path to an existing "
                "'.ps1' file as an argument to the -File parameter."
            )
        if has_value:
            if not waiting:
                raise BadArguments(f"Missing argument for parameter {name}.")
            given[name] = waiting.pop(0)
        else:
            given[name] = ""
    encoded = given.get("encodedcommand")
    if encoded is not None:
        script = _decoded(encoded)
    output = given.get("outputformat")
    # ConsoleHost: an encoded command whose standard error is a pipe comes from another PowerShell, unless it says
    # what it wants
    errors = output or ("xml" if encoded is not None else "text")
    return Invocation(None if script in (None, "-", "") else script, (output or "text").lower(), errors.lower())


def _parameter(word: str) -> tuple[str, bool]:
    renamed = {"ec": "encodedcommand", "ep": "executionpolicy", "of": "outputformat", "if": "inputformat"}
    for name, shortest, has_value in _PARAMETERS:
        if name.startswith(word) and len(word) >= len(shortest) and word:
            return renamed.get(name, name), has_value
    raise BadArguments(
        f"The term '-{word}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
    )


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeError) as error:
        raise BadArguments(
            "Cannot process the command because the value specified with -EncodedCommand is not properly encoded. "
            "The value must be Base64 encoded."
        ) from error


def powershell(arguments: Sequence[str], around: Surroundings) -> Running:
    """powershell.exe with these arguments."""
    try:
        asked = read_arguments(arguments)
    except BadArguments as refused:
        yield Out("stderr", f"{refused}\r\n")
        return 1
    host = _Host(asked, around)
    try:
        if asked.script is not None and script_digest(asked.script) == READS_STDIN:
            return (yield from host.run_stdin())
        script = asked.script
        if script is None:
            script = yield from around.read_stdin()
        return (yield from host.run_script(script))
    finally:
        yield from host.end()


@dataclass(slots=True)
class _Host:
    """The console host of one powershell.exe."""

    asked: Invocation
    around: Surroundings
    script: str = ""
    output: Document = field(default_factory=lambda: Document("stdout"))
    errors: Document = field(default_factory=lambda: Document("stderr"))
    last_native: int = 0
    shows_progress: bool = True

    def end(self) -> Iterator[Out]:
        yield from self.output.end()
        yield from self.errors.end()

    def run_script(self, script: str) -> Running:
        """A script; the exit code is 1 where its last statement failed, or what its own ``exit`` says."""
        self.script = script
        body, leaving = split_exit(script)
        code = 0
        for commands in self._statements(body):
            if self.around.stopped():
                return 1
            ended = yield from self._statement(commands)
            if ended.error is not None:
                yield from self._error(ended.error)
            code = 1 if ended.had_errors or ended.state != "Completed" else 0
            if commands[-1].name.lower().endswith(".exe") or commands[-1].name.lower() in ("whoami", "hostname"):
                self.last_native = code
        if leaving is None:
            return code
        return self.last_native if leaving.code is None else leaving.code

    def _statements(self, body: str) -> tuple[tuple[CommandCall, ...], ...]:
        if not body.strip():
            return ()
        # what is no list of literal commands goes to the engine whole: it has a twin for it, or says that it has none
        return parse_literal(body) or ((CommandCall(body, True, ()),),)

    def run_stdin(self) -> Running:
        """The script that reads a pipeline from standard input: an error that ends it becomes its last output."""
        self.script = yield from self.around.read_stdin()
        self.shows_progress = False  # it sets $ProgressPreference
        for commands in self._statements(self.script):
            ended = yield from self._statement(commands)
            if ended.error is not None:
                yield from self._output(ended.error)
                return _ENDED_BY_ERROR
        return 0

    # --- what a statement says ---------------------------------------------------------------------------------------

    def _statement(self, commands: Sequence[CommandCall]) -> _Said:
        shown: list[Any] = []
        running = run_statement(commands, self.around)
        try:
            while True:
                try:
                    item = next(running)
                except StopIteration as done:
                    yield from self._lines(shown)
                    ended: Ended = done.value
                    return ended
                if isinstance(item, Wait):
                    yield item
                elif item.kind == "PIPELINE_OUTPUT" and self.asked.output != "xml":
                    value = parsed(item.clixml)
                    if isinstance(value, PSObject):
                        shown.append(value)
                    else:
                        yield from self._lines(shown)
                        shown = []
                        yield from self._lines([value])
                else:
                    if item.kind == "ERROR_RECORD":
                        yield from self._lines(shown)
                        shown = []
                    yield from self._message(item)
        finally:
            running.close()

    def _lines(self, values: list[Any]) -> Iterator[Out]:
        if values:
            yield Out("stdout", "".join(f"{line}\r\n" for line in object_lines(values)))

    def _output(self, clixml: str) -> Iterator[Out]:
        if self.asked.output == "xml":
            yield from self.output.add("Output", clixml)
        else:
            yield from self._lines([parsed(clixml)])

    def _message(self, message: Message) -> Iterator[Out]:
        kind = message.kind
        if kind == "PIPELINE_OUTPUT":
            yield from self._output(message.clixml)
        elif kind == "ERROR_RECORD":
            yield from self._error(message.clixml)
        elif kind in _RECORDS:
            yield from self._record(_RECORDS[kind], message.clixml)
        elif kind == "INFORMATION_RECORD":
            yield from self._information(message.clixml)
        elif kind == "PROGRESS_RECORD" and self.shows_progress and self.asked.errors == "xml":
            yield from self.errors.add("progress", _progress(message.clixml))

    def _error(self, clixml: str) -> Iterator[Out]:
        if self.asked.output == "xml":  # the object itself; the host prints nothing
            yield from self.errors.add("Error", clixml)
            return
        lines = error_lines(clixml, self.script)
        if self.asked.errors != "xml":
            yield Out("stderr", "".join(f"{line}\r\n" for line in lines))
            return
        if "CommandNotFoundException" in clixml:  # looking for it, modules are made ready, and that is told
            yield from self.errors.add("progress", _PREPARING)
        for line in lines:
            yield from self.errors.add_text("Error", f"{line}\r\n")

    def _record(self, kind: str, clixml: str) -> Iterator[Out]:
        record = parsed(clixml)
        text = record.to_string if isinstance(record, PSObject) else None
        if text is None:
            text = to_text(record.get("InformationalRecord_Message") if isinstance(record, PSObject) else record)
        if self.asked.errors == "xml":
            yield from self.errors.add_text(kind, text)
        else:
            yield Out("stdout", f"{kind.upper()}: {text}\r\n")

    def _information(self, clixml: str) -> Iterator[Out]:
        record = parsed(clixml)
        data = record.get("MessageData") if isinstance(record, PSObject) else record
        tags = record.get("Tags") if isinstance(record, PSObject) else None
        if self.asked.errors == "xml":
            yield from self.errors.add("information", clixml)
        if tags and "PSHOST" in [to_text(each) for each in tags]:
            text = data.get("Message") if isinstance(data, PSObject) else data
            unended = isinstance(data, PSObject) and bool(data.get("NoNewLine"))
            yield Out("stdout", to_text(text) + ("" if unended else "\r\n"))


def _progress(clixml: str) -> str:
    """A progress record as the console host writes it: a PR element in a custom object."""
    record = parsed(clixml)
    assert isinstance(record, PSObject)

    def number(name: str) -> str:
        return to_text(record.get(name))

    def text(tag: str, name: str) -> str:
        value = record.get(name)
        return "<Nil />" if value is None else f"<{tag}>{escape(to_text(value))}</{tag}>"

    return (
        '<Obj RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN><MS>'
        f'<I64 N="SourceId">1</I64><PR N="Record">{text("AV", "Activity")}<AI>{number("ActivityId")}</AI>'
        f'{text("S", "CurrentOperation")}<PI>{number("ParentActivityId")}</PI><PC>{number("PercentComplete")}</PC>'
        f'<T>{number("Type")}</T><SR>{number("SecondsRemaining")}</SR>{text("SD", "StatusDescription")}</PR></MS></Obj>'
    )
