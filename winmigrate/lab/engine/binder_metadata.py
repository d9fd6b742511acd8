"""A command's definition, prepared for binding: sets as bits, names with their aliases and beginnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from winmigrate.lab.engine import binder_errors as errors
from winmigrate.lab.engine.conversion_types import ACTION_PREFERENCE, SYSTEM, NetType, TypeTable
from winmigrate.lab.engine.definitions import ALL_SETS, Definition, Parameter

EVERY: Final = 0xFFFFFFFF  # nothing is decided yet: any set, or a command without named sets


@dataclass(frozen=True, slots=True)
class SetData:
    """What one set says of a parameter. ``bit`` is 0 for the unnamed set that stands for all."""

    bit: int
    mandatory: bool
    position: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Bindable:
    """A parameter as the binder uses it. ``bits``: the named sets it is in; ``in_all``: it is in the unnamed set."""

    name: str
    type: NetType
    aliases: tuple[str, ...]
    bits: int
    in_all: bool
    sets: tuple[SetData, ...]
    by_value: bool
    by_property_name: bool
    mandatory: bool  # in some set
    source: Parameter | None  # None for PowerShell's own
    common: bool

    @property
    def piped(self) -> bool:
        return self.by_value or self.by_property_name

    def within(self, bits: int) -> bool:
        return self.in_all or self.bits & bits != 0

    def matching(self, bits: int) -> list[SetData]:
        """The data of those sets that are among ``bits``, and of the unnamed set."""
        return [each for each in self.sets if not each.bit or each.bit & bits]


_SWITCH = SYSTEM["System.Management.Automation.SwitchParameter"]
_STRING = SYSTEM["System.String"]
COMMON: Final[tuple[tuple[str, str, NetType], ...]] = (
    ("Verbose", "vb", _SWITCH),
    ("Debug", "db", _SWITCH),
    ("ErrorAction", "ea", ACTION_PREFERENCE),
    ("WarningAction", "wa", ACTION_PREFERENCE),
    ("InformationAction", "infa", ACTION_PREFERENCE),
    ("ErrorVariable", "ev", _STRING),
    ("WarningVariable", "wv", _STRING),
    ("InformationVariable", "iv", _STRING),
    ("OutVariable", "ov", _STRING),
    ("OutBuffer", "ob", SYSTEM["System.Int32"]),
    ("PipelineVariable", "pv", _STRING),
)
PROGRESS_ACTION: Final = ("ProgressAction", "proga", ACTION_PREFERENCE)  # of PowerShell 7.4 and later


class Metadata:
    """A definition as the binder needs it; made once per definition."""

    def __init__(self, definition: Definition, types: TypeTable, *, progress_action: bool = False) -> None:
        self.definition = definition
        self.set_names: list[str] = []
        self.default_bit = 1 << self._index(definition.default_set) if definition.default_set else 0
        self.default_name = definition.default_set or ALL_SETS
        self.parameters: list[Bindable] = [
            self._bindable(each, types) for each in definition.parameters
        ]
        self._own = {each.name.lower() for each in self.parameters}
        common = (*COMMON[:5], PROGRESS_ACTION, *COMMON[5:]) if progress_action else COMMON
        for name, alias, kind in common:
            if name.lower() not in self._own:
                self.parameters.append(
                    Bindable(name, kind, (alias,), 0, True, (SetData(0, False, None),), False, False, False, None, True)
                )
        self.all_bits = (1 << len(self.set_names)) - 1
        self.declared = 0
        for each in self.parameters:
            self.declared |= each.bits
        self.any_piped = any(each.piped for each in self.parameters)
        self._found: dict[str, Bindable | list[Bindable] | None] = {}

    def _index(self, name: str) -> int:
        if name not in self.set_names:
            self.set_names.append(name)
        return self.set_names.index(name)

    def _bindable(self, parameter: Parameter, types: TypeTable) -> Bindable:
        data = []
        bits = 0
        for set_name, place in parameter.sets.items():
            bit = 0 if set_name == ALL_SETS else 1 << self._index(set_name)
            bits |= bit
            data.append(SetData(bit, place.mandatory, place.position))
        return Bindable(
            name=parameter.name,
            type=types.resolve(parameter.type, parameter.values),
            aliases=parameter.aliases,
            bits=bits,
            in_all=any(not each.bit for each in data),
            sets=tuple(data),
            by_value=parameter.by_value,
            by_property_name=parameter.by_property_name,
            mandatory=any(each.mandatory for each in data),
            source=parameter,
            common=parameter.common,
        )

    def set_name(self, bits: int) -> str:
        """The set's name; the default's where nothing is decided; empty for several."""
        if bits in (EVERY, 0):
            return self.default_name
        index = (bits & -bits).bit_length() - 1
        if bits >> (index + 1) & 1:
            return ""
        return self.set_names[index] if index < len(self.set_names) else ""

    def find(self, name: str) -> Bindable | None:
        """The parameter of that name, alias or unambiguous beginning; None without one.

        Raises BindingFailure (AmbiguousParameter). The command's own parameters win over PowerShell's common ones.
        """
        key = name.lower().lstrip("-\u2013\u2014\u2015") if name[:1] in "-\u2013\u2014\u2015" else name.lower()
        if key not in self._found:
            self._found[key] = self._search(key)
        found = self._found[key]
        if isinstance(found, list):
            raise errors.ambiguous(name, [each.name for each in found])
        return found

    def _search(self, key: str) -> Bindable | list[Bindable] | None:
        matches: list[Bindable] = []
        for each in self.parameters:
            folded = each.name.lower()
            if folded == key:
                return each
            if folded.startswith(key):
                matches.append(each)
        for each in self.parameters:
            for alias in each.aliases:
                folded = alias.lower()
                if folded == key:
                    return each
                if folded.startswith(key) and each not in matches:
                    matches.append(each)
        if len(matches) > 1:
            own = [each for each in matches if not each.common]
            return own[0] if len(own) == 1 else matches
        return matches[0] if matches else None
