"""The values that the lab's engine works on: .NET's types as light Python ones.

Int32 and friends are ints that know their .NET type, so that binding, comparing and writing CLIXML can tell them apart.
bool is System.Boolean, str is System.String, float is System.Double, None is $null, bytes is System.Byte[],
decimal.Decimal, uuid.UUID and datetime.datetime (aware: Utc kind, naive: Unspecified) stand for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


class Integer(int):
    """A .NET integer; ``type_name`` and ``tag`` (CLIXML) are of the class."""

    type_name = "System.Int32"
    tag = "I32"
    low = -(2**31)
    high = 2**31 - 1


class Int32(Integer):
    pass


class SByte(Integer):
    type_name, tag, low, high = "System.SByte", "SB", -(2**7), 2**7 - 1


class Byte(Integer):
    type_name, tag, low, high = "System.Byte", "By", 0, 2**8 - 1


class Int16(Integer):
    type_name, tag, low, high = "System.Int16", "I16", -(2**15), 2**15 - 1


class UInt16(Integer):
    type_name, tag, low, high = "System.UInt16", "U16", 0, 2**16 - 1


class UInt32(Integer):
    type_name, tag, low, high = "System.UInt32", "U32", 0, 2**32 - 1


class Int64(Integer):
    type_name, tag, low, high = "System.Int64", "I64", -(2**63), 2**63 - 1


class UInt64(Integer):
    type_name, tag, low, high = "System.UInt64", "U64", 0, 2**64 - 1


class Single(float):
    """System.Single; plain float is System.Double."""


class Char(str):
    """System.Char: one UTF-16 code unit."""


class Version(str):
    """System.Version, as its text."""


class Uri(str):
    """System.Uri, as its text."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """System.TimeSpan in ticks of 100 ns."""

    ticks: int

    @classmethod
    def of(cls, seconds: float) -> TimeSpan:
        return cls(round(seconds * 10_000_000))


@dataclass(frozen=True, slots=True)
class Switch:
    """System.Management.Automation.SwitchParameter."""

    present: bool

    def __bool__(self) -> bool:
        return self.present


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A value of a .NET enumeration: full type name, member name, number (of underlying type Int32 unless said)."""

    type_name: str
    name: str
    value: int
    underlying: type[Integer] = Int32

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class SecureString:
    """System.Security.SecureString; its text is never written anywhere but to the key exchange."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PSCredential:
    """System.Management.Automation.PSCredential."""

    username: str
    password: SecureString


@dataclass(eq=False, slots=True)
class PSObject:
    """An object with properties. ``type_names`` most derived first. ``properties`` are the adapted (.NET) ones in
    order, ``notes`` the note properties. ``to_string`` is what ToString() gives; None where it is the type's name or
    the custom object's ``@{...}``. ``live`` may hold the fabric's own thing, so that a cmdlet gets back what it gave
    out.
    ``properties`` may be any mapping: lazy ones are read only where a pipeline asks for them.
    """

    type_names: tuple[str, ...]
    properties: Any = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    to_string: str | None = None
    live: Any = None

    def get(self, name: str) -> Any:
        """The property's value by its name in any case, or None."""
        for source in (self.notes, self.properties):
            if name in source:
                return source[name]
        folded = name.lower()
        for source in (self.notes, self.properties):
            for key in source:
                if key.lower() == folded:
                    return source[key]
        return None


@dataclass(eq=False, slots=True)
class NetList:
    """A .NET collection that is not a plain array; ``type_names`` most derived first. A plain list is Object[]."""

    type_names: tuple[str, ...]
    items: list[Any]


class NetArray(list[Any]):
    """A typed array or collection, such as System.String[]: a list that knows its .NET type."""

    __slots__ = ("type_name",)

    def __init__(self, type_name: str, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self.type_name = type_name


@dataclass(eq=False, slots=True)
class Noted:
    """A primitive that note properties were added to (Select-Object -ExpandProperty of strings, say)."""

    value: Any
    notes: dict[str, Any]
