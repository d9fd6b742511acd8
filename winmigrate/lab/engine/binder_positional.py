"""Positional arguments: which parameter takes which, before it is certain which parameter set is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from winmigrate.lab.engine import binder_errors as errors
from winmigrate.lab.engine.binder_errors import BindingFailure
from winmigrate.lab.engine.binder_mandatory import SetState
from winmigrate.lab.engine.binder_metadata import Bindable, SetData

Argument = tuple["str | None", Any]  # (name, or None for a positional one; value)
Bind = Callable[[Bindable, Any, bool], bool]  # (parameter, value, may it be coerced) -> was it bound
_Positions = dict[int, list[tuple[Bindable, list[SetData]]]]


def bind_positional(
    arguments: list[Argument], unbound: Iterable[Bindable], state: SetState, default: int, bind: Bind
) -> tuple[list[Argument], BindingFailure | None]:
    """Binds what it can; returns what is left over, and the failure of the last attempt.

    At each position the default set (``default``, 0 for none) is tried without coercion, then all sets without, then
    the default set with coercion, then all sets with. Raises BindingFailure for a value that a parameter refuses.
    """
    positions = _positions(unbound, state.current)
    if not positions:
        return arguments, None
    valid = state.current
    leftover: list[Argument] = []
    failure: BindingFailure | None = None
    index = 0
    for position in sorted(positions):
        if not positions[position]:
            continue
        index = _skip_named(arguments, index, leftover)
        if index >= len(arguments):
            break
        argument = arguments[index]
        index += 1
        done, failure = _bind_one(positions[position], argument[1], valid, default, bind)
        if not done:
            leftover.append(argument)
        elif valid != state.current:
            valid = state.current
            _narrow(positions, valid)
    return leftover + arguments[index:], failure


def _positions(unbound: Iterable[Bindable], current: int) -> _Positions:
    found: _Positions = {}
    for parameter in unbound:
        if not parameter.within(current):
            continue
        for data in parameter.matching(current):
            if data.position is None:
                continue
            here = found.setdefault(data.position, [])
            own = None
            for other, others in here:
                if other is parameter:
                    own = others
                elif any(each.bit == data.bit for each in others):
                    raise errors.ambiguous_position()
            if own is None:
                here.append((parameter, [data]))
            else:
                own.append(data)
    return found


def _bind_one(
    candidates: list[tuple[Bindable, list[SetData]]], value: Any, valid: int, default: int, bind: Bind
) -> tuple[bool, BindingFailure | None]:
    failure: BindingFailure | None = None
    for coerce in (False, True):
        for bits in (default, valid) if default and valid & default else (valid,):
            done, failure = _bind_in(candidates, value, bits, coerce, bind)
            if done:
                return True, failure
    return False, failure


def _bind_in(
    candidates: list[tuple[Bindable, list[SetData]]], value: Any, bits: int, coerce: bool, bind: Bind
) -> tuple[bool, BindingFailure | None]:
    done = False
    failure: BindingFailure | None = None
    for parameter, places in candidates:
        for data in places:
            if data.bit and not data.bit & bits:
                continue
            try:
                bound = bind(parameter, value, coerce)
            except BindingFailure as error:
                if error.exception_type != errors.BINDING:
                    raise
                bound, failure = False, error
            if bound:
                done = True
                break
    return done, failure


def _skip_named(arguments: list[Argument], index: int, leftover: list[Argument]) -> int:
    """Sets aside unknown named arguments, each with the value that may follow it; the index of the next positional."""
    while index < len(arguments) and arguments[index][0] is not None:
        leftover.append(arguments[index])
        index += 1
        if index < len(arguments) and arguments[index][0] is None:
            leftover.append(arguments[index])
            index += 1
    return index


def _narrow(positions: _Positions, valid: int) -> None:
    for position, candidates in positions.items():
        kept = [
            (parameter, [data for data in places if not data.bit or data.bit & valid])
            for parameter, places in candidates
        ]
        positions[position] = [each for each in kept if each[1]]
