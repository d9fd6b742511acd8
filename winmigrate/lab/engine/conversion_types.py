"""The .NET types that parameters have: what they are called, and what counts as an instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from winmigrate.lab.engine import values as v
from winmigrate.lab.engine.text import type_name


class Kind(Enum):
    """How a type takes part in conversion."""

    STRING = auto()
    SWITCH = auto()
    BOOLEAN = auto()
    INTEGER = auto()
    REAL = auto()
    DECIMAL = auto()
    CHAR = auto()
    GUID = auto()
    VERSION = auto()
    DATETIME = auto()
    TIMESPAN = auto()
    URI = auto()
    CULTURE = auto()
    HASHTABLE = auto()
    DICTIONARY = auto()  # the interface IDictionary
    CREDENTIAL = auto()
    SECURE_STRING = auto()
    OBJECT = auto()
    PSOBJECT = auto()
    ENUM = auto()
    CLASS = auto()
    ARRAY = auto()
    COLLECTION = auto()  # StringCollection, an IList of strings
    NULLABLE = auto()


VALUE_KINDS = frozenset({
    Kind.SWITCH, Kind.BOOLEAN, Kind.INTEGER, Kind.REAL, Kind.DECIMAL, Kind.CHAR, Kind.GUID, Kind.DATETIME,
    Kind.TIMESPAN, Kind.ENUM,
})


@dataclass(frozen=True, slots=True)
class NetType:
    """A .NET type. ``element``: of an array its elements', of a Nullable the underlying type. ``numbers``: of an
    enumeration, member -> number. ``python``: the class whose instances stand for its values, where there is one.
    ``from_text``: a class that takes its name or id as text (Parse, a constructor, a cast)."""

    kind: Kind
    name: str
    element: NetType | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    python: type[Any] | None = None
    from_text: bool = False

    @property
    def is_value(self) -> bool:
        """Is null no value of it?"""
        return self.kind in VALUE_KINDS

    @property
    def is_collection(self) -> bool:
        return self.kind in (Kind.ARRAY, Kind.COLLECTION)


_INTEGERS: tuple[type[v.Integer], ...] = (
    v.SByte, v.Byte, v.Int16, v.UInt16, v.Int32, v.UInt32, v.Int64, v.UInt64
)
SYSTEM: dict[str, NetType] = {each.type_name: NetType(Kind.INTEGER, each.type_name, python=each) for each in _INTEGERS}
SYSTEM |= {
    each.name: each
    for each in (
        NetType(Kind.STRING, "System.String"),
        NetType(Kind.SWITCH, "System.Management.Automation.SwitchParameter"),
        NetType(Kind.BOOLEAN, "System.Boolean"),
        NetType(Kind.REAL, "System.Double", python=float),
        NetType(Kind.REAL, "System.Single", python=v.Single),
        NetType(Kind.DECIMAL, "System.Decimal"),
        NetType(Kind.CHAR, "System.Char"),
        NetType(Kind.GUID, "System.Guid"),
        NetType(Kind.VERSION, "System.Version"),
        NetType(Kind.DATETIME, "System.DateTime"),
        NetType(Kind.TIMESPAN, "System.TimeSpan"),
        NetType(Kind.URI, "System.Uri"),
        NetType(Kind.CULTURE, "System.Globalization.CultureInfo"),
        NetType(Kind.HASHTABLE, "System.Collections.Hashtable"),
        NetType(Kind.DICTIONARY, "System.Collections.IDictionary"),
        NetType(Kind.CREDENTIAL, "System.Management.Automation.PSCredential"),
        NetType(Kind.SECURE_STRING, "System.Security.SecureString"),
        NetType(Kind.OBJECT, "System.Object"),
        NetType(Kind.PSOBJECT, "System.Management.Automation.PSObject"),
        NetType(Kind.COLLECTION, "System.Collections.Specialized.StringCollection"),
    )
}
_SHORT = {name.rpartition(".")[2]: each for name, each in SYSTEM.items()} | {
    "Int": SYSTEM["System.Int32"],
    "Switch": SYSTEM["System.Management.Automation.SwitchParameter"],
    "System.Diagnostics.Switch": SYSTEM["System.Management.Automation.SwitchParameter"],
}
_FOLDED = {name.lower(): each for name, each in (_SHORT | SYSTEM).items()}

ACTION_PREFERENCE = NetType(
    Kind.ENUM,
    "System.Management.Automation.ActionPreference",
    numbers={"SilentlyContinue": 0, "Stop": 1, "Continue": 2, "Inquire": 3, "Ignore": 4, "Suspend": 5},
)

# Classes that a text converts to, by a Parse method, a constructor or a cast of their own.
FROM_TEXT = frozenset({
    "SecurityIdentifier", "NTAccount", "WildcardPattern", "IPAddress", "MailAddress", "ModuleSpecification", "Type",
    "X509Certificate", "X509Certificate2", "CmsMessageRecipient", "Encoding", "Regex", "XmlDocument",
    "LocalUser", "LocalGroup", "LocalPrincipal",
})


@dataclass(slots=True)
class TypeTable:
    """Turns the type names of definitions into types.

    ``enums``: full name -> member -> number. ``enum_prefix``, ``class_prefix``: what goes before a short name.
    ``values_make_enums``: only a parameter that lists its values has an enumeration, others of the same short name a
    class. ``numbered``: makes an enumeration out of listed values where ``enums`` has none, numbered from 0.
    ``exact``: system types are spelled as they are. ``elsewhere``: classes and enumerations of other namespaces, short
    -> full name.
    """

    enums: Mapping[str, Mapping[str, int]]
    enum_prefix: str = ""
    class_prefix: str = ""
    values_make_enums: bool = False
    numbered: bool = True
    exact: bool = False
    from_text: Callable[[str], bool] = FROM_TEXT.__contains__
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    _known: dict[tuple[str, tuple[str, ...]], NetType] = field(default_factory=dict)

    def resolve(self, text: str, listed: tuple[str, ...] = ()) -> NetType:
        """The type written ``text`` of a parameter that lists these values."""
        key = (text, listed)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._resolve(text.strip(), listed)
        return found

    def _resolve(self, text: str, listed: tuple[str, ...]) -> NetType:
        if text.endswith("[]"):
            element = self.resolve(text[:-2], listed)
            return NetType(Kind.ARRAY, element.name + "[]", element)
        inner = _nullable(text)
        if inner:
            under = self.resolve(inner, listed)
            return NetType(Kind.NULLABLE, f"System.Nullable`1[{under.name}]", under)
        system = SYSTEM.get(text) or _SHORT.get(text)
        if system is None and not self.exact:
            system = _FOLDED.get(text.lower())
        if system is not None:
            return system
        if text.rpartition(".")[2] == "ActionPreference":
            return ACTION_PREFERENCE
        return self._of_module(text, listed)

    def _of_module(self, text: str, listed: tuple[str, ...]) -> NetType:
        short = text.rpartition(".")[2]
        full = self.enum_prefix + short
        for name in (text, full, self.elsewhere.get(short, full)):
            if name in self.enums and (listed or not self.values_make_enums):
                return NetType(Kind.ENUM, name, numbers=self.enums[name])
        if listed and self.numbered:
            return NetType(Kind.ENUM, full, numbers={member: number for number, member in enumerate(listed)})
        name = text if "." in text and not self.values_make_enums else self.class_prefix + short
        name = self.elsewhere.get(short, name)
        return NetType(Kind.CLASS, name, from_text=self.from_text(short))


def _nullable(text: str) -> str | None:
    for opening, closing in (("System.Nullable`1[[", "]]"), ("System.Nullable`1[", "]"), ("Nullable`1[", "]"),
                             ("System.Nullable<", ">"), ("Nullable<", ">")):
        if text.startswith(opening) and text.endswith(closing):
            return text[len(opening):-len(closing)]
    return None


def type_of(value: Any) -> str:
    """The full .NET type name of a value that is not null; an array's with ``[]``."""
    if isinstance(value, v.NetArray):
        return value.type_name
    if isinstance(value, int) and not isinstance(value, (bool, v.Integer)):
        return "System.Int32" if v.Int32.low <= value <= v.Int32.high else "System.Int64"
    return type_name(value) or "System.Object"


def is_ilist(value: Any) -> bool:
    """Is it a .NET IList (an array or a list), to be bound element by element?"""
    return isinstance(value, (list, tuple, bytes, v.NetList))


def items_of(value: Any) -> list[Any]:
    """The elements of an IList."""
    if isinstance(value, v.NetList):
        return list(value.items)
    if isinstance(value, bytes):
        return [v.Byte(each) for each in value]
    return list(value)


def has_class(value: v.PSObject, name: str) -> bool:
    """Is it of that class or derived from it? ``name`` may be full or the last part; deserialized objects never are."""
    last = name.rpartition(".")[2]
    for each in value.type_names:
        plain = each.partition("#")[0]
        if plain == name or (plain.rpartition(".")[2] == last and not plain.startswith("Deserialized.")):
            return True
    return False


def is_instance(value: Any, target: NetType) -> bool:
    """Can a value that is not null be assigned to the type as it is? Noted counts as what it wraps."""
    kind = target.kind
    if kind is Kind.OBJECT:
        return True
    if kind is Kind.PSOBJECT:
        return isinstance(value, (v.PSObject, v.Noted))
    if isinstance(value, v.Noted):
        return is_instance(value.value, target)
    if isinstance(value, v.PSObject):
        return kind is Kind.CLASS and has_class(value, target.name)
    if kind is Kind.NULLABLE and target.element is not None:
        return is_instance(value, target.element)
    if kind is Kind.DICTIONARY:
        return isinstance(value, dict)
    if kind is Kind.ARRAY and target.element is not None:
        return type_of(value) == target.name or (
            isinstance(value, list) and not isinstance(value, v.NetArray) and target.element.kind is Kind.OBJECT
        )
    return type_of(value) == target.name
