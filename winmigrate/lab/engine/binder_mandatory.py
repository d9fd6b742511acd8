"""Which mandatory parameters are missing, and which set that decides for, when piped objects may still bring some.

The order of these decisions is PowerShell's own (CmdletParameterBinderController); it is what settles ties between
parameter sets, so it is kept step by step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from winmigrate.lab.engine import binder_errors as errors
from winmigrate.lab.engine.binder_metadata import EVERY, Bindable, Metadata


@dataclass(slots=True)
class SetState:
    """The sets still possible (``current``), and the one that piped objects try first (``first``, 0 for none)."""

    current: int = EVERY
    first: int = 0


@dataclass(slots=True)
class _Lacking:
    """The missing mandatory parameters of one set (``bit``; EVERY: of the unnamed one)."""

    bit: int
    is_default: bool
    from_command_line: list[Bindable] = field(default_factory=list)
    piped: bool = False
    by_value: bool = False
    by_property_name: bool = False

    @property
    def for_all(self) -> bool:
        return self.bit == EVERY

    def concerns(self, bits: int) -> bool:
        return self.for_all or self.bit & bits != 0


def count_sets(bits: int) -> int:
    """How many sets these bits are; nothing decided counts as one."""
    return 1 if bits == EVERY else bits.bit_count()


def drop_sets(state: SetState, bits: int, metadata: Metadata) -> None:
    """These sets are no longer possible."""
    if bits:
        base = metadata.all_bits if state.current == EVERY else state.current
        state.current = base & ~bits


def missing_without_pipeline(unbound: Iterable[Bindable], current: int) -> list[Bindable]:
    """The mandatory parameters of the sets still possible that nothing was given for."""
    return [
        each for each in unbound if each.mandatory and any(data.mandatory for data in each.matching(current))
    ]


class MandatoryCheck:
    """The check of one command line that expects piped objects."""

    def __init__(self, metadata: Metadata, state: SetState, unbound: Iterable[Bindable], terse: bool) -> None:
        self._metadata = metadata
        self._state = state
        self._terse = terse
        self._lacking: dict[int, _Lacking] = {}
        self._sets_lacking = 0
        self._all_lack = False
        default = metadata.default_bit
        for parameter in unbound:
            if parameter.mandatory:
                for data in parameter.matching(state.current):
                    if data.mandatory:
                        self._note(parameter, data.bit or EVERY, default)

    def _note(self, parameter: Bindable, bit: int, default: int) -> None:
        lacking = self._lacking.get(bit)
        if lacking is None:
            lacking = self._lacking[bit] = _Lacking(bit, bool(default & bit))
        if parameter.piped:
            lacking.piped = True
            lacking.by_value |= parameter.by_value
            lacking.by_property_name |= parameter.by_property_name
        else:
            lacking.from_command_line.append(parameter)
        if bit == EVERY:
            self._all_lack = True
        else:
            self._sets_lacking |= self._state.current & bit

    def missing(self, valid_sets: int) -> list[Bindable]:
        """The parameters to complain of; narrows the state. Raises BindingFailure (AmbiguousParameterSet)."""
        if not self._lacking:
            return []
        state, default = self._state, self._metadata.default_bit
        mandatory = self._sets_lacking or state.current
        if self._all_lack:
            mandatory = state.current & (self._metadata.all_bits or EVERY)
        if (
            valid_sets > 1 and default and not default & mandatory and default & state.current
            and not self._another_is_piped(default)
        ):
            mandatory = state.current & ~mandatory
            state.current = mandatory
            if state.current != default:
                state.first = default
        count = count_sets(mandatory)
        if count == 0:
            raise errors.ambiguous_set(self._terse)
        if count == 1:
            return self._from_command_line(mandatory)
        if state.first:
            return []
        if default and mandatory & default and self._latches_on_default():
            state.current = default
            return self._from_command_line(default)
        return self._choose_piped(mandatory)

    def _another_is_piped(self, default: int) -> bool:
        return any(
            each.piped and not each.for_all and each.bit & self._state.current and not each.bit & default
            for each in self._lacking.values()
        )

    def _from_command_line(self, bits: int) -> list[Bindable]:
        return [
            parameter for each in self._lacking.values() if each.concerns(bits) for parameter in each.from_command_line
        ]

    def _latches_on_default(self) -> bool:
        others = [each for each in self._lacking.values() if not each.for_all and not each.is_default]
        another = any(each.piped and not each.from_command_line for each in others)
        another_by_name = any(each.by_property_name for each in others)
        own = self._lacking.get(self._metadata.default_bit)
        if own is not None and own.by_property_name and not another_by_name:
            return True
        if not another:
            return True
        for_all = self._lacking.get(EVERY)
        return for_all is not None and bool(for_all.from_command_line)

    def _choose_piped(self, mandatory: int) -> list[Bindable]:
        """No default to fall back on: the one set that a piped object can complete, if there is just one."""
        sets = [each for each in self._lacking.values() if not each.for_all and each.bit & mandatory]
        by_value = [each.bit for each in sets if each.by_value]
        by_name = [each.bit for each in sets if each.by_property_name]
        value_bit = by_value[0] if len(by_value) == 1 else 0
        name_bit = by_name[0] if len(by_name) == 1 else 0
        chosen = 0
        if by_value and by_name:
            chosen = value_bit if value_bit == name_bit else 0
        elif by_value or by_name:
            chosen = value_bit or name_bit
        if chosen:
            return self._latch(chosen)
        wanting = [each for each in self._lacking.values() if each.concerns(mandatory) and each.from_command_line]
        if not wanting:
            return []
        if value_bit:
            return self._latch(value_bit)
        if len(by_value) < 2 and len(by_name) < 2:
            raise errors.ambiguous_set(self._terse)
        self._drop(sum(each.bit for each in wanting if not each.for_all))
        if self._state.current == 0:
            raise errors.ambiguous_set(self._terse)
        return []

    def _latch(self, bit: int) -> list[Bindable]:
        """That set it is; sets that lack nothing mandatory of their own stay possible beside it."""
        own = self._lacking.get(bit)
        if own is not None and own.from_command_line:
            self._state.current = bit
        else:
            self._drop(sum(each.bit for each in self._lacking.values() if not each.concerns(bit)))
            if self._state.current != bit:
                self._state.first = bit
        return self._from_command_line(bit)

    def _drop(self, bits: int) -> None:
        drop_sets(self._state, bits, self._metadata)
