"""Reads CLIXML that a client sent into the engine's values.

What PowerShell would rebuild as a live object of its type comes as that type; the rest keeps the note that it was
deserialized in its type names, as it would on Windows.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from winmigrate.lab.engine.values import (
    Byte,
    Char,
    EnumValue,
    Int16,
    Int32,
    Int64,
    Integer,
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

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?")
_DEEPEST = 100
LOCAL = "Local"
#: Types that PowerShell rebuilds from their properties.
REHYDRATED = frozenset({
    "System.Net.Mail.MailAddress", "System.Management.Automation.SwitchParameter", "System.Globalization.CultureInfo",
    "System.Net.IPAddress", "System.Security.Cryptography.X509Certificates.X509Certificate2",
})


class MalformedClixml(ValueError):
    """What came is no CLIXML; the text says what is wrong."""


class ReadList(list[Any]):
    """A collection as it came: ``type_names`` most derived first, ``container`` the element it is written as (LST,
    STK, QUE; an enumerable comes back as a list)."""

    def __init__(self, type_names: tuple[str, ...], container: str, items: list[Any]) -> None:
        super().__init__(items)
        self.type_names = type_names
        self.container = container
        self.properties: dict[str, Any] = {}


class ReadDictionary(dict[Any, Any]):
    """A dictionary as it came, with its type names."""

    def __init__(self, type_names: tuple[str, ...], pairs: list[tuple[Any, Any]]) -> None:
        super().__init__(pairs)
        self.type_names = type_names


class XmlText(str):
    """System.Xml.XmlDocument, as its text."""


class ScriptBlockText(str):
    """A script block that came as a parameter's value: text by the time a cmdlet sees it."""


def read(text: str, secrets: Callable[[str], str]) -> Any:
    """The one value of a CLIXML fragment. ``secrets`` opens a SecureString (base64 in, plain text out)."""
    if "<!" in text:
        raise MalformedClixml("declarations have no place in CLIXML")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise MalformedClixml(str(error)) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag == "Objs":
        if not len(root):
            return None
        root = root[0]
    return _Reading(secrets).value(root, 0)


def unescape(text: str) -> str:
    if "_x" not in text and "_X" not in text:
        return text
    decoded = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return decoded.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


class _Reading:
    def __init__(self, secrets: Callable[[str], str]) -> None:
        self.secrets = secrets
        self.types: dict[str, tuple[str, ...]] = {}
        self.references: dict[str, Any] = {}

    def value(self, element: ElementTree.Element, depth: int) -> Any:
        if depth > _DEEPEST:
            raise MalformedClixml("nested too deeply")
        tag = element.tag
        if tag == "Obj":
            return self.object(element, depth)
        if tag == "Ref":
            try:
                return self.references[element.get("RefId", "")]
            except KeyError:
                raise MalformedClixml(f"no object {element.get('RefId')} before its reference") from None
        text = element.text or ""
        if tag == "S":
            return unescape(text)
        if tag == "Nil":
            return None
        if tag == "SS":
            return SecureString(self.secrets(text))
        try:
            return _PRIMITIVES[tag](text)
        except KeyError:
            raise MalformedClixml(f"unknown element {tag}") from None
        except (ValueError, ArithmeticError) as error:
            raise MalformedClixml(f"{tag}: {text!r}: {error}") from error

    def object(self, element: ElementTree.Element, depth: int) -> Any:
        names: tuple[str, ...] = ()
        to_string: str | None = None
        properties: dict[str, Any] = {}
        notes: dict[str, Any] = {}
        inner: Any = None
        has_inner = False
        for child in element:
            tag = child.tag
            if tag == "TN":
                names = tuple(unescape(item.text or "") for item in child)
                self.types[child.get("RefId", "")] = names
            elif tag == "TNRef":
                names = self.types.get(child.get("RefId", ""), ())
            elif tag == "ToString":
                to_string = unescape(child.text or "")
            elif tag in ("Props", "MS"):
                continue
            elif tag == "DCT":
                inner, has_inner = self.dictionary(element, names, child, depth), True
            elif tag in ("LST", "STK", "QUE", "IE"):
                inner, has_inner = self.list(element, names, child, depth), True
            else:
                inner, has_inner = self.value(child, depth + 1), True
        made = PSObject(_deserialized(names), properties, notes, to_string)
        if not has_inner:
            self.references[element.get("RefId", "")] = made
        for child in element:
            if child.tag in ("Props", "MS"):
                into = properties if child.tag == "Props" else notes
                for item in child:
                    into[unescape(item.get("N", ""))] = self.value(item, depth + 1)
        result = self.shaped(names, to_string, properties, notes, inner, has_inner, made)
        self.references[element.get("RefId", "")] = result
        return result

    def shaped(self, names: tuple[str, ...], to_string: str | None, properties: dict[str, Any], notes: dict[str, Any],
               inner: Any, has_inner: bool, made: PSObject) -> Any:
        if has_inner:
            if "System.Enum" in names and isinstance(inner, Integer):
                return EnumValue("Deserialized." + names[0], to_string or str(int(inner)), int(inner), type(inner))
            if notes and not isinstance(inner, ReadList | ReadDictionary):
                return Noted(inner, notes)
            if isinstance(inner, ReadList):
                inner.properties = {**properties, **notes}
            return inner
        if names[:1] == ("System.Management.Automation.PSCredential",):
            password = properties.get("Password")
            secure = password if isinstance(password, SecureString) else SecureString("")
            return PSCredential(str(properties.get("UserName", "")), secure)
        if "System.Net.IPAddress" in names and to_string is not None:
            notes["IPAddressToString"] = to_string  # PowerShell's own types.ps1xml has it as a script property
        if names[:1] == ("System.Management.Automation.SwitchParameter",):
            return Switch(bool(properties.get("IsPresent")))
        return made

    def dictionary(self, element: ElementTree.Element, names: tuple[str, ...], child: ElementTree.Element,
                   depth: int) -> ReadDictionary:
        made = ReadDictionary(_deserialized(names), [])
        self.references[element.get("RefId", "")] = made
        for entry in child:
            parts = {item.get("N"): item for item in entry}
            if set(parts) != {"Key", "Value"}:
                raise MalformedClixml("a dictionary entry is a Key and a Value")
            made[self.value(parts["Key"], depth + 1)] = self.value(parts["Value"], depth + 1)
        return made

    def list(self, element: ElementTree.Element, names: tuple[str, ...], child: ElementTree.Element,
             depth: int) -> ReadList:
        made = ReadList(_deserialized(names), "LST" if child.tag == "IE" else child.tag, [])
        self.references[element.get("RefId", "")] = made
        made.extend(self.value(item, depth + 1) for item in child)
        return made


def _deserialized(names: tuple[str, ...]) -> tuple[str, ...]:
    for place, name in enumerate(names):
        if name in REHYDRATED:
            return names[place:]
    return tuple(name if name.startswith("Deserialized.") else "Deserialized." + name for name in names)


def read_datetime(text: str) -> dt.datetime:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7})\d*)?(Z|[+-]\d\d:\d\d)?", text)
    if match is None:
        raise ValueError("no date and time")
    made = dt.datetime.fromisoformat(match[1])
    if match[2]:
        made = made.replace(microsecond=int(match[2].ljust(7, "0")[:6]))
    if match[3] == "Z":
        return made.replace(tzinfo=dt.timezone.utc)
    if match[3]:
        hours, minutes = int(match[3][1:3]), int(match[3][4:6])
        offset = dt.timedelta(hours=hours, minutes=minutes) * (-1 if match[3][0] == "-" else 1)
        return made.replace(tzinfo=dt.timezone(offset, LOCAL))
    return made


def read_timespan(text: str) -> TimeSpan:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("no duration")
    sign, days, hours, minutes, seconds, fraction = match.groups()
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    ticks = whole * 10_000_000 + int((fraction or "0").ljust(7, "0")[:7])
    return TimeSpan(-ticks if sign else ticks)


def _double(text: str) -> float:
    return {"INF": float("inf"), "-INF": float("-inf"), "NaN": float("nan")}.get(text) or float(
        text if text not in ("INF", "-INF", "NaN") else text.replace("INF", "inf"))


_PRIMITIVES: dict[str, Callable[[str], Any]] = {
    "SBK": lambda text: ScriptBlockText(unescape(text)),
    "C": lambda text: Char(chr(int(text))),
    "B": lambda text: text.lower() == "true",
    "DT": read_datetime,
    "TS": read_timespan,
    "By": lambda text: Byte(text),
    "SB": lambda text: SByte(text),
    "U16": lambda text: UInt16(text),
    "I16": lambda text: Int16(text),
    "U32": lambda text: UInt32(text),
    "I32": lambda text: Int32(text),
    "U64": lambda text: UInt64(text),
    "I64": lambda text: Int64(text),
    "Sg": lambda text: Single(_double(text)),
    "Db": _double,
    "D": lambda text: Decimal(text),
    "BA": lambda text: base64.b64decode(text, validate=True),
    "G": lambda text: uuid.UUID(text),
    "URI": lambda text: Uri(unescape(text)),
    "Version": lambda text: Version(text),
    "XD": lambda text: XmlText(unescape(text)),
}
