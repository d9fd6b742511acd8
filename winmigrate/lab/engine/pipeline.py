"""A pipeline at work: each command's blocks, object by object, with what happens to its streams on the way.

Rules (fixtures/engine, recordings): a non-terminating error is a message in order with the output; a terminating one
leaves the pipeline as :class:`Failure`; a stop is seen at the next thing a command does, and no sooner.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import (
    Body,
    Call,
    Error,
    Implementation,
    Information,
    Message,
    Output,
    Progress,
    ShouldProcess,
    Terminate,
    Text,
    Thrown,
    Wait,
)
from winmigrate.lab.engine.preferences import Preferences
from winmigrate.lab.engine.records import (
    ErrorRecord,
    Invocation,
    array_list,
    error_value,
    host_call,
    information_value,
    informational_value,
    progress_value,
)
from winmigrate.lab.engine.statements import CommandCall, host_answer
from winmigrate.lab.engine.text import to_text
from winmigrate.lab.engine.values import Int32, Int64, PSObject
from winmigrate.lab.engine.writer import write

Flow = Iterator[Message | Wait]


class Failure(Exception):
    """A terminating error on its way out of the pipeline. ``wanted``: by a preference of Stop, so that it ends a
    script too, where any other ends its statement alone.
    """

    def __init__(self, record: ErrorRecord, *, wanted: bool = False) -> None:
        super().__init__(record.text)
        self.record = record
        self.wanted = wanted


class Stopped(Exception):
    """The client asked to stop, and a command came to a point where it notices."""


class StopUpstream(Exception):
    """A command wants no more input (Select-Object -First): those before it end without their end blocks."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class HasHadEnough(Exception):
    """Raised by a command's process block once it wants no more input."""


class Bound(Protocol):
    """A command line bound to a command; the pipeline's objects are bound one by one."""

    def bind_pipeline(self, value: Any) -> tuple[str, dict[str, Any]]: ...

    def finish(self) -> tuple[str, dict[str, Any]]: ...


class BindingError(Exception):
    """What the binder refused, as an error of the command."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(slots=True)
class Run:
    """One CREATE_PIPELINE: whom it answers and what it may ask."""

    edition: Edition
    context: Any
    stopping: Callable[[], bool]
    answers: Callable[[int], str | None] | None
    has_host: bool
    user: str
    computer: str
    now: Callable[[], dt.datetime]
    calls: int = 0
    always: set[str] = field(default_factory=set)

    def host(self, method: str, parameters: list[Any]) -> Iterator[Message]:
        """A host call that wants no answer; none to a client without a host."""
        if self.has_host:
            yield Message("PIPELINE_HOST_CALL", write(host_call(-100, method, parameters)))

    def ask(self, method: str, parameters: list[Any]) -> Generator[Message | Wait, None, Any]:
        """A host call, and its answer."""
        self.calls += 1
        call_id = self.calls
        yield Message("PIPELINE_HOST_CALL", write(host_call(call_id, method, parameters)))
        answers = self.answers
        if answers is None:
            return None
        yield Wait(ready=lambda: answers(call_id) is not None, interruptible=True)
        answer = answers(call_id)
        if answer is None:
            raise Stopped
        return host_answer(answer)

    @property
    def can_ask(self) -> bool:
        return self.has_host and self.answers is not None


@dataclass(slots=True)
class Stage:
    """One command in its pipeline. ``after`` is the next one, None where the output leaves for the client."""

    run: Run
    position: int
    called: CommandCall
    name: str
    implementation: Implementation
    call: Call
    bound: Bound | None
    preferences: Preferences
    after: Stage | None = None
    takes_input_object_only: bool = False

    def begin(self) -> Flow:
        if self.implementation.begin is not None:
            yield from self.drive(self.implementation.begin)

    def process(self, value: Any) -> Flow:
        """One object from the command before."""
        if self.takes_input_object_only:
            self.call.bound["InputObject"] = value
        elif self.bound is not None:
            try:
                self.call.parameter_set, self.call.bound = self.bound.bind_pipeline(value)
            except BindingError as refused:
                yield from self.error(refused.error, called="")
                return
        yield from self.drive(self.implementation.process)

    def process_once(self) -> Flow:
        """The process block of a command that stands first in its pipeline."""
        if self.bound is not None:
            try:
                self.call.parameter_set, self.call.bound = self.bound.finish()
            except BindingError as refused:
                raise Failure(self.record(refused.error, called="")) from refused
        yield from self.drive(self.implementation.process)

    def end(self) -> Flow:
        if self.implementation.end is not None:
            yield from self.drive(self.implementation.end)

    def drive(self, body: Body) -> Flow:
        """Runs one block, passing on what it puts out and turning the rest into messages."""
        effects = iter(body(self.call))
        answering = effects if isinstance(effects, Generator) else None
        answer: Any = None
        try:
            while True:
                try:
                    effect = answering.send(answer) if answering is not None else next(effects)
                except StopIteration:
                    return
                answer = None
                if isinstance(effect, Wait):
                    yield effect
                    if effect.interruptible and self.run.stopping():
                        raise Stopped
                    continue
                if self.run.stopping():
                    raise Stopped
                if isinstance(effect, Output):
                    yield from self.emit(effect.value)
                elif isinstance(effect, ShouldProcess):
                    answer = yield from self.should_process(effect)
                else:
                    yield from self.other(effect)
        except HasHadEnough:
            raise StopUpstream(self.position) from None
        except Thrown as thrown:  # CmdletInvocationException takes the record's id and category from the exception
            error = replace(thrown.error, error_id=thrown.error.exception, category="NotSpecified")
            raise Failure(self.record(error)) from thrown
        except Terminate as terminated:
            raise Failure(self.record(terminated.error)) from terminated
        finally:
            if answering is not None:
                answering.close()

    def emit(self, value: Any) -> Flow:
        if self.after is not None:
            yield from self.after.process(value)
        else:
            yield Message("PIPELINE_OUTPUT", "" if value is None else write(value))

    def other(self, effect: Any) -> Flow:
        if isinstance(effect, Error):
            yield from self.error(effect)
        elif isinstance(effect, Text):
            yield from self.text(effect.stream, effect.message)
        elif isinstance(effect, Progress):
            if self.preferences.progress not in ("SilentlyContinue", "Ignore"):
                value = progress_value(effect)
                yield Message("PROGRESS_RECORD", write(value))
                yield from self.run.host("WriteProgress", [Int64(effect.source_id), progress_value(effect)])
        elif isinstance(effect, Information):
            yield from self.information(effect)
        else:
            raise TypeError(f"{self.name} yielded a {type(effect).__name__}")

    # --- streams ---

    def record(self, error: Error, called: str | None = None, written: bool = False) -> ErrorRecord:
        if error.origin is not None:
            command, class_name = error.origin
            return ErrorRecord(error, class_name, Invocation(command, command) if command else None, written)
        invocation = Invocation(self.name, self.called.name if called is None else called)
        return ErrorRecord(error, self.implementation.class_name, invocation, written)

    def error(self, error: Error, called: str | None = None) -> Flow:
        action = self.preferences.error
        if action == "Stop":
            raise Failure(self.record(error, called), wanted=True)
        if action in ("Ignore", "SilentlyContinue"):
            return
        # Inquire, Suspend and Break go on as Continue does: no recording shows what a remote host makes of them
        record = error_value(self.record(error, called, written=True), self.run.edition)
        if self.called.merge_errors:
            yield from self.emit(record)
        else:
            yield Message("ERROR_RECORD", write(record))

    def text(self, stream: str, message: str) -> Flow:
        action = getattr(self.preferences, stream)
        if action in ("SilentlyContinue", "Ignore"):
            return
        kind = stream.capitalize()
        yield Message(f"{stream.upper()}_RECORD", write(informational_value(stream, message)))
        yield from self.run.host(f"Write{kind}Line", [message])
        if action == "Stop":
            raise Failure(self.record(Error(
                f'The running command stopped because the preference variable "{kind}Preference" or common parameter '
                f"is set to Stop: {message}",
                "ActionPreferenceStop", "OperationStopped",
                "System.Management.Automation.ActionPreferenceStopException",
            )), wanted=True)

    def information(self, effect: Information) -> Flow:
        action = self.preferences.information
        if action == "Ignore":
            return
        run = self.run
        value = information_value(effect, run.edition, run.user, run.computer, run.now())
        yield Message("INFORMATION_RECORD", write(value))
        if "PSHOST" in effect.tags and isinstance(effect.value, PSObject):
            yield from self.host_text(effect.value)
        elif action == "Continue":
            yield from run.host("WriteLine2", [to_text(effect.value)])

    def host_text(self, message: PSObject) -> Flow:
        foreground, background = message.get("ForegroundColor"), message.get("BackgroundColor")
        if foreground is None and background is None:
            yield from self.run.host("WriteLine2", [message.get("Message")])
            return
        colours = [Int32(foreground.value if foreground else 7), Int32(background.value if background else 0)]
        yield from self.run.host("WriteLine3", [*colours, message.get("Message")])

    # --- confirmation ---

    def should_process(self, effect: ShouldProcess) -> Generator[Message | Wait, None, bool]:
        sentence = f'Performing the operation "{effect.action}" on target "{effect.target}".'
        bound = self.call.bound
        if bound.get("WhatIf"):
            yield from self.run.host("WriteLine2", [f"What if: {sentence}"])
            return False
        confirm = bound.get("Confirm")
        if self.name in self.run.always or (confirm is not None and not confirm):
            yield from self.text("verbose", sentence)
            return True
        if confirm or effect.confirm_impact == "High":
            return (yield from self.confirmed(sentence))
        yield from self.text("verbose", sentence)
        return True

    def confirmed(self, sentence: str) -> Generator[Message | Wait, None, bool]:
        if not self.run.can_ask:
            raise Failure(self.record(Error(
                "A command that prompts the user failed because the host program or the command type does not support "
                "user interaction. The host was attempting to request confirmation with the following message: "
                + sentence,
                "InvalidOperation", "InvalidOperation", "System.Management.Automation.Host.HostException",
            )))
        question = "Are you sure you want to perform this action?"
        choices = array_list([PSObject((), {}, {"label": label, "helpMessage": text}) for label, text in _CHOICES])
        answer = yield from self.run.ask("PromptForChoice", ["Confirm", f"{question}\n{sentence}", choices, Int32(0)])
        if answer == 1:
            self.run.always.add(self.name)
        return answer in (0, 1)


_CHOICES = (
    ("&Yes", "Continue with only the next step of the operation."),
    ("Yes to &All", "Continue with all the steps of the operation."),
    ("&No", "Skip this operation and proceed with the next operation."),
    ("No to A&ll", "Skip this operation and all subsequent operations."),
)


def run_stages(stages: list[Stage], piped: Iterable[Any] | None) -> Flow:
    """Runs a bound pipeline to its end: begin blocks, then objects, then end blocks, each in the pipeline's order."""
    for stage in stages:
        yield from stage.begin()
    ended = 0
    try:
        if piped is None:
            yield from stages[0].process_once()
        else:
            for value in piped:
                yield from stages[0].process(value)
    except StopUpstream as enough:
        ended = enough.position
    while ended < len(stages):
        try:
            yield from stages[ended].end()
        except StopUpstream as enough:
            ended = max(ended + 1, enough.position)
            continue
        ended += 1
