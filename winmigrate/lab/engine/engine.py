"""The engine of one host: runs the statements of a CREATE_PIPELINE and says how the pipeline ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

from winmigrate.facts.types import enums
from winmigrate.lab.engine.binder import NO_VALUE, Binder, BindingFailure
from winmigrate.lab.engine.builtin import OWN_ENUMS, builtin_table
from winmigrate.lab.engine.conversion_types import TypeTable
from winmigrate.lab.engine.definitions import Definition
from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Call, Error, Implementation, Message, Wait
from winmigrate.lab.engine.objects.discovery import get_command
from winmigrate.lab.engine.pipeline import BindingError, Failure, Flow, Run, Stage, Stopped, run_stages
from winmigrate.lab.engine.preferences import BadPreference, split_common
from winmigrate.lab.engine.reader import MalformedClixml, read
from winmigrate.lab.engine.records import ErrorRecord, Invocation, array_list, error_value
from winmigrate.lab.engine.restricted import RestrictedTable, Restriction, Table
from winmigrate.lab.engine.scripts import Leaving, parse_literal, split_exit
from winmigrate.lab.engine.statements import NO_ARGUMENT, CommandCall, read_pipeline
from winmigrate.lab.engine.table import CommandTable, Twin, layered, script_digest
from winmigrate.lab.engine.values import Int32, PSObject
from winmigrate.lab.engine.writer import write

_Statements: TypeAlias = "tuple[tuple[CommandCall, ...], ...]"
_STATES = {"Stopped": 3, "Completed": 4, "Failed": 5}
_AUTOMATION = "System.Management.Automation."


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


_ENUM_PREFIXES = {
    "Hyper-V": "Microsoft.HyperV.PowerShell.",
    "FailoverClusters": "Microsoft.FailoverClusters.PowerShell.",
}


def known_types(further: Mapping[str, Mapping[str, int]] | None = None) -> TypeTable:
    """The enumerations that the facts know, PowerShell's own, and ``further`` ones, by their full names."""
    found: dict[str, Mapping[str, int]] = {prefix + name: members for module, prefix in _ENUM_PREFIXES.items()
             for name, members in enums(module).items()}
    return TypeTable({**found, **OWN_ENUMS, **(further or {})})


def restricted_table(everything: CommandTable, restriction: Restriction, edition: Edition) -> RestrictedTable:
    """The endpoint's commands; its Get-Command sees no others."""
    table = RestrictedTable(everything, restriction)
    table.replace_body("Get-Command", Implementation("Get-Command", "Get-Command", get_command((table,), edition)))
    return table


class Engine:
    """``edition``: which PowerShell it answers as. ``table``: the host's commands beside PowerShell's own. ``types``:
    what the binder knows of .NET types. ``user``, ``computer`` and ``now`` go into information records.
    ``restriction`` makes it a restricted endpoint's.
    """

    def __init__(
        self,
        edition: Edition,
        table: CommandTable,
        types: Any = None,
        *,
        user: str = "",
        computer: str = "",
        now: Callable[[], dt.datetime] = _utc_now,
        restriction: Restriction | None = None,
    ) -> None:
        self.edition = edition
        self.types = known_types() if types is None else types
        self.user = user
        self.computer = computer
        self.now = now
        self.table: Table = layered([table, builtin_table(edition, table)])
        self._binders: dict[int, tuple[Definition, Binder]] = {}
        self.no_language = restriction is not None
        if restriction is not None:
            self.table = restricted_table(layered([table, builtin_table(edition, table)]), restriction, edition)

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
        run = Run(self.edition, context, stopping, answers, created.has_host, self.user, self.computer, self.now)
        functions: dict[str, Twin] = {}
        piped: Iterable[Any] | None = None
        if not created.no_input and input_objects is not None:
            piped = (read(each, secrets) for each in input_objects)
        try:
            for number, statement in enumerate(created.statements):
                if stopping():
                    raise Stopped
                if self.no_language and any(each.is_script for each in statement):
                    yield from self._refuse_script(statement, alone=len(created.statements) == 1)
                else:
                    yield from self._statement(run, statement, functions, piped if number == 0 else None)
        except Failure as failure:
            yield self._state("Failed", failure.record)
        except Stopped:
            yield self._state("Stopped", ErrorRecord(
                Error("The pipeline has been stopped.", "PipelineStopped", "OperationStopped",
                      _AUTOMATION + "PipelineStoppedException"), None, None))
        else:
            yield self._state("Completed", None)

    def _state(self, state: str, record: ErrorRecord | None) -> Message:
        notes: dict[str, Any] = {"PipelineState": Int32(_STATES[state])}
        if record is not None:
            notes["ExceptionAsErrorRecord"] = error_value(record, self.edition)
        return Message("PIPELINE_STATE", write(PSObject((), {}, notes)), state)

    def _refuse_script(self, statement: tuple[CommandCall, ...], *, alone: bool) -> Flow:
        """No script runs without a language: alone it fails the request, among statements it is one error of many."""
        text = next(each.name for each in statement if each.is_script)
        name = _AUTOMATION + ("ParseException" if alone else "ParentContainsErrorRecordException")
        record = ErrorRecord(Error(
            "The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.",
            "ScriptsNotAllowed", "ParserError", name, text), None, None)
        if alone:
            raise Failure(record)
        yield Message("ERROR_RECORD", write(error_value(record, self.edition)))

    def _statement(
        self, run: Run, commands: tuple[CommandCall, ...], functions: dict[str, Twin], piped: Iterable[Any] | None,
    ) -> Flow:
        literal = self._literal(commands)
        if literal is not None:
            yield from self._script(run, *literal, functions)
            return
        stages: list[Stage] = []
        for position, called in enumerate(commands):
            found = self._find(called, functions)
            if found is None:  # a function's definition: nothing to run
                if len(commands) == 1:
                    return
                raise _unknown_script(called)
            stage = yield from self._stage(run, position, called, *found, position > 0 or piped is not None)
            stages.append(stage)
        for stage, after in pairwise(stages):
            stage.after = after
        yield from run_stages(stages, piped)

    def _literal(self, commands: tuple[CommandCall, ...]) -> tuple[_Statements, Leaving | None] | None:
        """The statements of a script that stands alone, has no twin and is made of commands with literals, and how it
        leaves."""
        called = commands[0]
        if len(commands) != 1 or not called.is_script or called.arguments:
            return None
        if self.table.twin(script_digest(called.name)):
            return None
        body, leaving = split_exit(called.name)
        statements = () if leaving is not None and not body.strip() else parse_literal(body)
        return None if statements is None else (statements, leaving)

    def _script(
        self, run: Run, statements: _Statements, leaving: Leaving | None, functions: dict[str, Twin]
    ) -> Flow:
        """In a script a terminating error ends its statement and is written like any other, unless Stop was asked for.
        Its ``exit`` is told to the client's host.

        Windows would also say the line and column in InvocationInfo; the lab does not.
        """
        last_program = 0
        for statement in statements:
            failed = False
            try:
                for item in self._statement(run, statement, functions, None):
                    failed = failed or (isinstance(item, Message) and item.kind == "ERROR_RECORD")
                    yield item
            except Failure as failure:
                if failure.wanted:
                    raise
                failure.record.written = True
                yield Message("ERROR_RECORD", write(error_value(failure.record, self.edition)))
                continue
            found = self.table.find(statement[-1].name)
            if found is not None and found[0] is None:
                last_program = int(failed)
        if leaving is not None:
            yield from run.host("SetShouldExit", [Int32(last_program if leaving.code is None else leaving.code)])

    def _find(self, called: CommandCall, functions: dict[str, Twin]) -> tuple[Definition | None, Implementation] | None:
        if called.is_script:
            twin = self.table.twin(script_digest(called.name))
            if twin is None:
                raise _unknown_script(called)
            if twin.defines:
                functions[twin.definition.name.lower()] = twin
                return None
            return twin.definition, twin.implementation
        defined = functions.get(called.name.lower())
        if defined is not None:
            return defined.definition, defined.implementation
        found = self.table.find(called.name)
        if found is None:
            raise Failure(ErrorRecord(
                Error(self.edition.unknown_command.format(called.name), "CommandNotFoundException", "ObjectNotFound",
                      _AUTOMATION + "CommandNotFoundException", called.name),
                None, None, extras={"CommandName": called.name}))
        return found

    def _stage(
        self, run: Run, position: int, called: CommandCall, definition: Definition | None,
        implementation: Implementation, piped: bool,
    ) -> Generator[Message | Wait, None, Stage]:
        name = definition.name if definition is not None else implementation.name
        declared = frozenset(each.name.lower() for each in definition.parameters) if definition else frozenset()
        try:
            preferences, arguments = split_common(called.arguments, declared)
        except BadPreference as bad:
            raise Failure(ErrorRecord(
                Error(f"Cannot bind parameter '{bad.parameter}'. Cannot convert value \"{bad.value}\" to type "
                      f"\"{_AUTOMATION}ActionPreference\".", "CannotConvertArgumentNoMessage", "InvalidArgument",
                      _AUTOMATION + "ParameterBindingException"),
                implementation.class_name, Invocation(name, ""))) from bad
        call = Call(name, "", {}, run.context, piped=piped)
        stage = Stage(run, position, called, name, implementation, call, None, preferences)
        if definition is None:
            call.bound = {"Arguments": [value for _, value in called.arguments]}
            return stage
        bound = yield from self._bind(stage, definition, arguments, piped)
        stage.bound = bound
        call.parameter_set, call.bound = bound.parameter_set, bound.bound
        stage.takes_input_object_only = piped and _takes_anything(definition, call.bound)
        return stage

    def _bind(
        self, stage: Stage, definition: Definition, arguments: list[tuple[str | None, Any]], piped: bool,
    ) -> Generator[Message | Wait, None, _Bound]:
        binder = self._binder(definition)
        given = [(name, NO_VALUE if value is NO_ARGUMENT else value) for name, value in arguments]
        while True:
            try:
                return _Bound(binder.bind_command_line(given, piped), piped)
            except BindingFailure as refused:
                error = binding_error(refused)
                missing = _missing(refused)
                if not missing or not stage.run.can_ask:
                    raise Failure(stage.record(error, called="")) from refused
                answer = yield from stage.run.ask("Prompt", self._prompt(stage, definition, missing))
                if not isinstance(answer, dict):
                    raise Failure(stage.record(error, called="")) from refused
                given = [*given, *((name, answer.get(name)) for name in missing)]

    def _binder(self, definition: Definition) -> Binder:
        known = self._binders.get(id(definition))
        if known is None:
            made = Binder(definition, self.types, terse_set_errors=self.edition.terse_set_errors,
                          progress_action=not self.edition.windows_powershell)
            # the definition is kept beside it, so that its id stays its own
            known = self._binders[id(definition)] = (definition, made)
        return known[1]

    def _prompt(self, stage: Stage, definition: Definition, missing: list[str]) -> list[Any]:
        fields: list[Any] = []
        for name in missing:
            parameter = definition.parameter(name)
            kind = parameter.type if parameter is not None else "System.String"
            fields.append(PSObject((), {}, {
                "name": name,
                "label": f"&{name}",
                "parameterTypeName": kind.rpartition(".")[2],
                "parameterTypeFullName": kind,
                "parameterAssemblyFullName": f"{kind}, {self.edition.prompt_assembly}",
                "helpMessage": "",
                "isMandatory": True,
                "metadata": array_list([]),
                "modifiedByRemotingProtocol": False,
                "isFromRemoteHost": False,
            }))
        caption = f"cmdlet {stage.name} at command pipeline position {stage.position + 1}"
        return [caption, "Supply values for the following parameters:", array_list(fields)]


class _Bound:
    """A binding, with the binder's refusals as errors of the engine."""

    def __init__(self, binding: Any, piped: bool) -> None:
        self.binding = binding
        self.parameter_set: str = ""
        self.bound: dict[str, Any] = {}
        if piped:
            self.bound = dict(getattr(binding, "bound", {}))
            self.parameter_set = getattr(binding, "parameter_set", "") or ""
        else:
            self.parameter_set, self.bound = binding.finish()

    def bind_pipeline(self, value: Any) -> tuple[str, dict[str, Any]]:
        try:
            result: tuple[str, dict[str, Any]] = self.binding.bind_pipeline(value)
        except BindingFailure as refused:
            raise BindingError(binding_error(refused, value)) from refused
        return result

    def finish(self) -> tuple[str, dict[str, Any]]:
        return self.parameter_set, self.bound


def binding_error(refused: BindingFailure, target: Any = None) -> Error:
    """The binder's refusal as an error; ``target``: the piped object that it is about."""
    name = refused.exception_type
    if "." not in name:
        name = _AUTOMATION + name
    wrapped = target is not None
    aimed = target if wrapped else refused.target
    return Error(refused.message, refused.error_id, refused.category, name, aimed, wrapped=wrapped)


def _missing(refused: BindingFailure) -> list[str]:
    if refused.error_id != "MissingMandatoryParameter":
        return []
    _, colon, names = refused.message.rpartition(": ")
    return names.rstrip(".").split(" ") if colon else []


def _takes_anything(definition: Definition, bound: dict[str, Any]) -> bool:
    """Is InputObject all that the pipeline binds, and does it take whatever comes?"""
    piped = [each for each in definition.parameters if each.by_value or each.by_property_name]
    return (
        len(piped) == 1
        and piped[0].name == "InputObject"
        and piped[0].type.rpartition(".")[2].lower() in ("psobject", "object")
        and "InputObject" not in bound
    )


def _unknown_script(called: CommandCall) -> Failure:
    digest = script_digest(called.name)
    return Failure(ErrorRecord(
        Error(f"The lab runs no script text: the script with SHA-256 {digest} has no Python twin.", "ScriptHasNoTwin",
              "NotImplemented", _AUTOMATION + "RuntimeException", called.name), None, None))


__all__ = ["Engine", "MalformedClixml"]
