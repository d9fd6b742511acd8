"""Binds a command line and piped objects to a command's parameters as PowerShell's parameter binder does.

The steps and their order are those of CmdletParameterBinderController: named parameters, positional ones (the default
set first, without coercion before with), what is left over, sets, mandatory ones; then each piped object by value and
by property name, without coercion before with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from winmigrate.lab.engine import binder_errors as errors
from winmigrate.lab.engine import values as v
from winmigrate.lab.engine.binder_arguments import SKIPPED, argument_for
from winmigrate.lab.engine.binder_errors import BindingFailure
from winmigrate.lab.engine.binder_mandatory import (
    MandatoryCheck,
    SetState,
    count_sets,
    missing_without_pipeline,
)
from winmigrate.lab.engine.binder_metadata import EVERY, Bindable, Metadata
from winmigrate.lab.engine.binder_positional import Argument, bind_positional
from winmigrate.lab.engine.binder_properties import NO_VALUE, property_for
from winmigrate.lab.engine.conversion_types import Kind, TypeTable
from winmigrate.lab.engine.definitions import Definition
from winmigrate.lab.engine.text import to_text

__all__ = ["NO_VALUE", "Binder", "Binding", "BindingFailure", "Bound"]


class Bound(NamedTuple):
    """What a command is called with: the set's name, and full parameter names -> .NET values."""

    parameter_set: str
    values: dict[str, Any]


class Binder:
    """The parameter binder of one command; made once, used for every call.

    ``terse_set_errors``: Windows PowerShell 5.1's shorter AmbiguousParameterSet. ``enforce_values``: a parameter that
    lists its values and is no enumeration takes no others (ValidateSet). ``progress_action``: PowerShell 7.4's common
    parameter is there too.
    """

    def __init__(
        self, definition: Definition, types: TypeTable, *, terse_set_errors: bool = False, enforce_values: bool = True,
        progress_action: bool = False,
    ) -> None:
        self.definition = definition
        self.metadata = Metadata(definition, types, progress_action=progress_action)
        self.terse = terse_set_errors
        self.enforce_values = enforce_values

    def bind_command_line(self, parameters: Sequence[Argument], expecting_pipeline: bool) -> Binding:
        """Binds (name or None, value or NO_VALUE) in order; a None name is a positional argument.

        Raises BindingFailure, which ends the statement. ``expecting_pipeline``: objects may still be piped in.
        """
        binding = Binding(self, expecting_pipeline)
        binding._command_line(parameters)
        return binding


class Binding:
    """One call in the making: the command line is bound; then either finish(), or bind_pipeline() for each object."""

    def __init__(self, binder: Binder, expecting_pipeline: bool) -> None:
        self._binder = binder
        self._metadata = binder.metadata
        self._function = binder.definition.function
        self._expecting = expecting_pipeline
        self._state = SetState()
        self._set_name = self._metadata.default_name
        self._unbound: list[Bindable] = list(self._metadata.parameters)
        self._values: dict[str, Any] = {}
        self._piped: list[Bindable] = []
        self._before_pipeline = EVERY

    @property
    def bound(self) -> dict[str, Any]:
        """What is bound so far: full names -> values."""
        return self._values

    def finish(self) -> Bound:
        """The call when no objects are piped in."""
        return Bound(self._set_name, dict(self._values))

    def bind_pipeline(self, value: Any) -> Bound:
        """The call for one piped object. Raises BindingFailure, which is a non-terminating error about that object."""
        try:
            if not self._pipeline(value):
                raise errors.input_not_bound(value)
            missing = missing_without_pipeline(self._unbound, self._state.current)
            if missing:
                raise errors.input_lacks_mandatory(value, tuple(each.name for each in missing))
        except BindingFailure as failure:
            failure.target = value
            self._forget_piped()
            raise
        return Bound(self._set_name, dict(self._values))

    # The command line

    def _command_line(self, parameters: Sequence[Argument]) -> None:
        leftover = self._named(self._with_values(parameters))
        failure: BindingFailure | None = None
        if leftover:
            leftover, failure = bind_positional(
                leftover, self._unbound, self._state, self._metadata.default_bit, self._bind
            )
        self._validate_sets(before_pipeline=True, set_default=False)
        if leftover:
            self._refuse(leftover[0], failure)
        if self._expecting:
            valid = self._validate_sets(before_pipeline=True, set_default=False)
            if valid > 1:
                narrowed = self._sets_taking_input()
                if narrowed != self._state.current:
                    self._state.current = narrowed
                    valid = self._validate_sets(before_pipeline=True, set_default=False)
        else:
            valid = self._validate_sets(before_pipeline=False, set_default=True)
        self._check_mandatory(valid)
        if not self._expecting:
            self._verify_selected()
        self._before_pipeline = self._state.current

    def _with_values(self, parameters: Sequence[Argument]) -> list[Argument]:
        """Gives each parameter named without a value its value: true for a switch, else the argument after it."""
        if all(value is not NO_VALUE for _, value in parameters):
            return list(parameters)
        result: list[Argument] = []
        index = 0
        while index < len(parameters):
            name, value = parameters[index]
            index += 1
            if name is None or value is not NO_VALUE:
                result.append((name, value))
                continue
            found = self._metadata.find(name)
            if found is None:
                result.append((name, value))
            elif found.type.kind is Kind.SWITCH:
                result.append((name, v.Switch(True)))
            elif index < len(parameters) and parameters[index][0] is None:
                result.append((found.name, parameters[index][1]))
                index += 1
            else:
                raise errors.missing_argument(found.name, found.type.name)
        return result

    def _named(self, arguments: list[Argument]) -> list[Argument]:
        leftover = []
        for name, value in arguments:
            found = self._metadata.find(name) if name is not None else None
            if found is None:
                leftover.append((name, value))
                continue
            if found.name in self._values:
                raise errors.already_bound(found.name)
            self._bind(found, value, True)
        return leftover

    def _bind(self, parameter: Bindable, value: Any, coerce: bool, wrapped: bool = False) -> bool:
        if wrapped and not coerce and parameter.type.kind is Kind.PSOBJECT:
            coerce = True  # what comes down a pipeline is a PSObject already
        bindable = argument_for(
            parameter, value, coerce=coerce, function=self._function, enforce_values=self._binder.enforce_values
        )
        if bindable is SKIPPED:
            return False
        if parameter.bits:
            self._state.current &= parameter.bits
        if parameter in self._unbound:
            self._unbound.remove(parameter)
        self._values[parameter.name] = bindable
        return True

    def _refuse(self, argument: Argument, failure: BindingFailure | None) -> None:
        name, value = argument
        if name is not None:
            raise errors.not_found(name)
        if failure is not None:
            raise failure
        if value is None:
            raise errors.no_position("$null")
        raise errors.no_position("System.Object[]" if isinstance(value, list) else to_text(value))

    # Parameter sets

    def _validate_sets(self, *, before_pipeline: bool, set_default: bool) -> int:
        """How many sets are possible; settles on one where it must. Raises BindingFailure (AmbiguousParameterSet)."""
        current, default = self._state.current, self._metadata.default_bit
        if current == EVERY:
            return self._validate_undecided(before_pipeline, set_default)
        valid = count_sets(current)
        if valid == 0:
            raise errors.ambiguous_set(self._binder.terse)
        if valid == 1:
            self._set_name = self._metadata.set_name(current)
            return 1
        if default and current & default:
            self._set_name = self._metadata.set_name(default)
            if set_default:
                self._state.current = default
                return 1
            return valid
        if before_pipeline and self._input_possible(current):
            return valid
        return self._resolve_by_mandatory()

    def _validate_undecided(self, before_pipeline: bool, set_default: bool) -> int:
        valid = len(self._metadata.set_names) or 1
        default = self._metadata.default_bit
        if before_pipeline and self._input_possible(EVERY):
            pass  # a piped object may decide
        elif default:
            if set_default:
                self._state.current = default
                valid = 1
        elif valid > 1:
            valid = self._resolve_by_mandatory()
        self._set_name = self._metadata.set_name(self._state.current)
        return valid

    def _resolve_by_mandatory(self) -> int:
        """The one set that lacks no mandatory parameter, if there is just one."""
        remaining = self._state.current & self._metadata.declared
        for parameter in self._unbound:
            if parameter.mandatory:
                for data in parameter.sets:
                    if data.mandatory:
                        remaining &= ~data.bit
        if count_sets(remaining) != 1:
            raise errors.ambiguous_set(self._binder.terse)
        self._state.current = remaining
        self._set_name = self._metadata.set_name(remaining)
        return 1

    def _input_possible(self, bits: int) -> bool:
        return self._metadata.any_piped and any(
            each.piped and each.within(bits) for each in self._unbound
        )

    def _sets_taking_input(self) -> int:
        current = self._state.current
        taking = 0
        for each in self._unbound:
            if each.piped:
                for data in each.matching(current):
                    if not data.bit:
                        return current
                    taking |= data.bit
        return current & taking if taking else current

    def _check_mandatory(self, valid: int) -> None:
        if self._expecting:
            before = self._state.current
            missing = MandatoryCheck(self._metadata, self._state, self._unbound, self._binder.terse).missing(valid)
            if self._state.current != before and count_sets(self._state.current) == 1:
                self._set_name = self._metadata.set_name(self._state.current)
        else:
            missing = missing_without_pipeline(self._unbound, self._state.current)
        if missing:
            raise errors.missing_mandatory(tuple(dict.fromkeys(each.name for each in missing)))

    def _verify_selected(self) -> None:
        if len(self._metadata.set_names) > 1 and self._state.current == EVERY:
            if not self._metadata.default_bit:
                raise errors.ambiguous_set(self._binder.terse)
            self._state.current = self._metadata.default_bit

    # Piped objects

    def _forget_piped(self) -> None:
        for parameter in self._piped:
            self._values.pop(parameter.name, None)
            self._unbound.append(parameter)
        self._piped.clear()

    def _pipeline(self, value: Any) -> bool:
        self._forget_piped()
        state = self._state
        state.current = self._before_pipeline
        bound = False
        if state.first:
            bound = self._pipeline_steps(value, state.first, validate=False)
            if state.current != state.first:
                bound |= self._pipeline_steps(value, state.current & ~state.first, validate=True)
        else:
            bound = self._pipeline_steps(value, state.current, validate=True)
        self._validate_sets(before_pipeline=False, set_default=True)
        self._verify_selected()
        return bound

    def _pipeline_steps(self, value: Any, valid: int, *, validate: bool) -> bool:
        bound = False
        for coerce in (False, True):
            for by_value in (True, False):
                if self._pipeline_step(value, valid, by_value, coerce):
                    bound = True
                    if validate:
                        self._validate_sets(before_pipeline=True, set_default=True)
                        valid = self._state.current
        return bound

    def _pipeline_step(self, value: Any, valid: int, by_value: bool, coerce: bool) -> bool:
        default = self._metadata.default_bit
        if default and valid & default:
            if self._pipeline_bind(value, default, by_value, coerce):
                return True
            valid &= ~default
        return self._pipeline_bind(value, valid, by_value, coerce)

    def _pipeline_bind(self, value: Any, bits: int, by_value: bool, coerce: bool) -> bool:
        bound = False
        for parameter in reversed(tuple(self._unbound)):
            if not (parameter.by_value if by_value else parameter.by_property_name) or not parameter.within(bits):
                continue
            if by_value:
                offered = value
            else:
                offered = property_for(value, parameter)
                if offered is NO_VALUE:
                    continue
            if self._bind_piped(parameter, offered, by_value, coerce):
                bound = True
        return bound

    def _bind_piped(self, parameter: Bindable, offered: Any, by_value: bool, coerce: bool) -> bool:
        try:
            bound = self._bind(parameter, offered, coerce, by_value)
        except BindingFailure as failure:
            if failure.exception_type == errors.BINDING:
                return False
            if by_value and failure.exception_type == errors.TRANSFORMATION and failure.cast:
                return False
            raise
        if bound:
            self._piped.append(parameter)
        return bound
