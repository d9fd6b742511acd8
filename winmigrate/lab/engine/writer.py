"""Writes the engine's values as CLIXML, the way PowerShell's serializer does for remoting (depth 1).

Rules (read off the project's recordings, fixtures/engine): the properties of an object lie one level below it, its note
properties on its own level; containers cost no level; what is no primitive at level 0 becomes its ToString.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from winmigrate.lab.engine.reader import ReadDictionary, ReadList, ScriptBlockText, XmlText
from winmigrate.lab.engine.text import (
    decimal_text,
    is_custom,
    object_text,
    single_text,
    xml_datetime,
    xml_double,
    xml_timespan,
)
from winmigrate.lab.engine.values import (
    Byte,
    Char,
    EnumValue,
    Int16,
    Int32,
    Int64,
    NetArray,
    NetList,
    Noted,
    PSCredential,
    PSObject,
    SByte,
    SecureString,
    Single,
    Switch,
    TimeSpan,
    UInt16,
    UInt32,
    UInt64,
    Uri,
    Version,
)

_SPECIAL = re.compile("[&<>\x00-\x1f\x7f-\x9f\ud800-\udfff\U00010000-\U0010ffff]|_(?=[xX])")
_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ARRAY = ("System.Object[]", "System.Array", "System.Object")
_HASHTABLE = ("System.Collections.Hashtable", "System.Object")
_ENUM = ("System.Enum", "System.ValueType", "System.Object")
_SWITCH = ("System.Management.Automation.SwitchParameter", "System.ValueType", "System.Object")
_CREDENTIAL = ("System.Management.Automation.PSCredential", "System.Object")
#: Objects that are written with their properties at any level: what was read, and CIM instances.
_AT_LEAST_ONE = ("Deserialized.", "Microsoft.Management.Infrastructure.CimInstance")


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char in _XML:
        return _XML[char]
    code = ord(char)
    if code > 0xFFFF:
        code -= 0x10000
        return f"_x{0xD800 + (code >> 10):04X}__x{0xDC00 + (code & 0x3FF):04X}_"
    return f"_x{code:04X}_"


def escape(text: str) -> str:
    """Text as CLIXML has it: _xHHHH_ for control characters, surrogates and an underscore before x; XML entities."""
    return _SPECIAL.sub(_escaped, text)


@lru_cache(maxsize=4096)
def _attribute(name: str) -> str:
    return f' N="{escape(name).replace(chr(34), "&quot;")}"'


@lru_cache(maxsize=1024)
def _type_elements(names: tuple[str, ...]) -> str:
    return "".join(f"<T>{escape(name)}</T>" for name in names)


@lru_cache(maxsize=256)
def _array_names(name: str) -> tuple[str, ...]:
    return (name, "System.Array", "System.Object") if name.endswith("[]") else (name, "System.Object")


def write(value: Any, depth: int = 1) -> str:
    """One value as a CLIXML fragment, without the Objs element around it; PIPELINE_OUTPUT of nothing is no text."""
    return _Document().write(value, depth)


class _Document:
    __slots__ = ("add", "parts", "references", "seen", "types")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.add = self.parts.append
        self.types: dict[tuple[str, ...], int] = {}
        self.references = 0
        # With the value, which lives as long as its number: properties are made when they are read, and gone after.
        self.seen: dict[int, tuple[int, Any]] = {}

    def write(self, value: Any, depth: int) -> str:
        self.one(value, "", depth)
        return "".join(self.parts)

    def one(self, value: Any, name: str, depth: int) -> None:
        kind = type(value)
        simple = _SIMPLE.get(kind)
        if simple is not None:
            self.add(simple(value, name))
        elif kind is PSObject:
            self.object(value, name, depth)
        elif kind is EnumValue:
            self.enum(value, name, depth)
        elif kind is list:
            self.container(value, _ARRAY, "LST", value, name, depth)
        elif kind is NetList:
            self.container(value, value.type_names, "LST", value.items, name, depth)
        elif kind is NetArray:
            self.container(value, _array_names(value.type_name), "LST", value, name, depth)
        elif kind is ReadList:
            self.container(value, value.type_names, value.container, value, name, depth)
        elif kind is ReadDictionary:
            self.dictionary(value, value.type_names, name, depth)
        elif kind is Noted:
            self.noted(value, name, depth)
        elif kind is Switch:
            self.switch(value, name)
        elif kind is PSCredential:
            self.credential(value, name)
        elif isinstance(value, Mapping):
            self.dictionary(value, getattr(value, "type_names", _HASHTABLE), name, depth)
        elif isinstance(value, list | tuple):
            self.container(value, getattr(value, "type_names", _ARRAY), "LST", value, name, depth)
        else:
            self.by_base(value, name)

    def by_base(self, value: Any, name: str) -> None:
        for base in type(value).__mro__[1:]:
            simple = _SIMPLE.get(base)
            if simple is not None:
                self.add(simple(value, name))
                return
        raise TypeError(f"a {type(value).__name__} has no place in CLIXML")

    def open(self, name: str, names: tuple[str, ...], identity: Any = None) -> None:
        reference = self.references
        self.references = reference + 1
        if identity is not None:
            self.seen[id(identity)] = reference, identity
        if not names:
            self.add(f'<Obj{name} RefId="{reference}">')
            return
        known = self.types.get(names)
        if known is not None:
            self.add(f'<Obj{name} RefId="{reference}"><TNRef RefId="{known}" />')
        else:
            number = self.types[names] = len(self.types)
            self.add(f'<Obj{name} RefId="{reference}"><TN RefId="{number}">{_type_elements(names)}</TN>')

    def already(self, value: Any, name: str) -> bool:
        known = self.seen.get(id(value))
        if known is None:
            return False
        self.add(f'<Ref{name} RefId="{known[0]}" />')
        return True

    def object(self, value: PSObject, name: str, depth: int) -> None:
        names = value.type_names
        custom = is_custom(value)
        if depth <= 0 and names[:1] and names[0].startswith(_AT_LEAST_ONE):
            depth = 1
        if depth <= 0 and names:
            self.add(f"<S{name}>{escape(object_text(value))}</S>")
            return
        if self.already(value, name):
            return
        self.open(name, names, value)
        add = self.add
        if names and not (custom and value.to_string is None):
            add(f"<ToString>{escape(object_text(value))}</ToString>")
        properties = value.properties
        notes = value.notes
        if custom and properties:
            notes = {**properties, **notes}
        elif properties:
            add("<Props>")
            self.members(properties, depth - 1)
            add("</Props>")
        if notes:
            add("<MS>")
            self.members(notes, depth)
            add("</MS>")
        add("</Obj>")

    def members(self, members: Mapping[str, Any], depth: int) -> None:
        add = self.add
        for key, item in members.items():
            simple = _SIMPLE.get(type(item))
            if simple is not None:
                add(simple(item, _attribute(key)))
            else:
                self.one(item, _attribute(key), depth)

    def enum(self, value: EnumValue, name: str, depth: int) -> None:
        deserialized = value.type_name.startswith("Deserialized.")
        if depth <= 0 and not deserialized:
            self.add(f"<S{name}>{escape(value.name)}</S>")
            return
        names = (value.type_name, *(("Deserialized." + base for base in _ENUM) if deserialized else _ENUM))
        self.open(name, names)
        tag = value.underlying.tag
        self.add(f"<ToString>{escape(value.name)}</ToString><{tag}>{value.value}</{tag}></Obj>")

    def container(self, identity: Any, names: tuple[str, ...], tag: str, items: Any, name: str, depth: int) -> None:
        if self.already(identity, name):
            return
        self.open(name, names, identity)
        if items:
            self.add(f"<{tag}>")
            for item in items:
                self.one(item, "", depth)
            self.add(f"</{tag}>")
        else:
            self.add(f"<{tag} />")
        properties = getattr(identity, "properties", None)
        if properties and depth > 0:
            self.add("<Props>")
            self.members(properties, depth - 1)
            self.add("</Props>")
        self.add("</Obj>")

    def dictionary(self, value: Mapping[Any, Any], names: tuple[str, ...], name: str, depth: int) -> None:
        if self.already(value, name):
            return
        self.open(name, names, value)
        if value:
            self.add("<DCT>")
            for key, item in value.items():
                self.add("<En>")
                self.one(key, ' N="Key"', depth)
                self.one(item, ' N="Value"', depth)
                self.add("</En>")
            self.add("</DCT></Obj>")
        else:
            self.add("<DCT /></Obj>")

    def noted(self, value: Noted, name: str, depth: int) -> None:
        if isinstance(value.value, list | NetList | EnumValue) or not value.notes:
            self.one(value.value, name, depth)
            return
        self.open(name, ())
        self.one(value.value, "", depth)
        self.add("<MS>")
        self.members(value.notes, depth)
        self.add("</MS></Obj>")

    def switch(self, value: Switch, name: str) -> None:
        self.open(name, _SWITCH)
        text = "True" if value.present else "False"
        self.add(f'<ToString>{text}</ToString><Props><B N="IsPresent">{text.lower()}</B></Props></Obj>')

    def credential(self, value: PSCredential, name: str) -> None:
        """The name only: no answer of the lab carries a password."""
        self.open(name, _CREDENTIAL)
        self.add(f"<ToString>{_CREDENTIAL[0]}</ToString><Props>")
        self.members({"UserName": value.username}, 0)
        self.add("</Props></Obj>")


def _element(tag: str, text: Callable[[Any], str] = str) -> Callable[[Any, str], str]:
    opening, closing = f"<{tag}", f"</{tag}>"
    return lambda value, name: f"{opening}{name}>{text(value)}{closing}"


def _integer(tag: str) -> Callable[[Any, str], str]:
    opening, closing = f"<{tag}", f"</{tag}>"
    return lambda value, name: f"{opening}{name}>{int(value)}{closing}"


def _string(value: str, name: str) -> str:
    if _SPECIAL.search(value):
        value = _SPECIAL.sub(_escaped, value)
    return f"<S{name}>{value}</S>"


def _plain_int(value: int, name: str) -> str:
    tag = "I32" if -(2**31) <= value < 2**31 else "I64" if -(2**63) <= value < 2**63 else "U64"
    return f"<{tag}{name}>{value}</{tag}>"


def _secure(value: SecureString, name: str) -> str:
    raise TypeError("a SecureString is never written")


_SIMPLE: dict[type, Callable[[Any, str], str]] = {
    type(None): lambda _, name: f"<Nil{name} />",
    str: _string,
    bool: lambda value, name: f"<B{name}>true</B>" if value else f"<B{name}>false</B>",
    int: _plain_int,
    float: _element("Db", xml_double),
    Single: _element("Sg", lambda value: xml_double(value) if math.isinf(value) else single_text(value)),
    Decimal: _element("D", decimal_text),
    Char: _element("C", lambda value: str(ord(value))),
    bytes: lambda value, name: (
        f"<BA{name}>{base64.b64encode(value).decode('ascii')}</BA>" if value else f"<BA{name} />"
    ),
    uuid.UUID: _element("G"),
    dt.datetime: _element("DT", xml_datetime),
    TimeSpan: _element("TS", xml_timespan),
    Version: _element("Version", lambda value: escape(str(value))),
    Uri: _element("URI", lambda value: escape(str(value))),
    XmlText: _element("XD", lambda value: escape(str(value))),
    ScriptBlockText: _string,
    SecureString: _secure,
    **{kind: _integer(kind.tag) for kind in (SByte, Byte, Int16, UInt16, Int32, UInt32, Int64, UInt64)},
}
