"""Values to CLIXML, so that ``loads(dumps(v)) == v``; and the parameters of requests, secrets sealed on the way."""

from __future__ import annotations

import binascii
import datetime as dt
import math
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from winmigrate.errors import ClixmlError
from winmigrate.remoting.clixml.reader import MAX_NESTING
from winmigrate.remoting.clixml.values import EnumValue, PSObject, SealedText
from winmigrate.request import SWITCH, Credential, Secret, Typed

_NAMESPACE = "http://schemas.microsoft.com/powershell/2004/04"
# What XML cannot hold, what its parsers change (CR), the C1 range that PowerShell escapes too, and "_x", which
# would read as an escape.
_MUST_ESCAPE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U00010000-\U0010ffff]|_(?=[xX])")
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_MARKUP_PATTERN = re.compile('[&<>"]')

ARRAY = ("System.Object[]", "System.Array", "System.Object")
HASHTABLE = ("System.Collections.Hashtable", "System.Object")
ENUM = ("System.Enum", "System.ValueType", "System.Object")
CREDENTIAL = ("System.Management.Automation.PSCredential", "System.Object")

_INTEGERS = (("I32", -(2**31), 2**31 - 1), ("I64", -(2**63), 2**63 - 1), ("U64", 0, 2**64 - 1))
_LARGEST_DECIMAL = 2**96 - 1

#: Seals the text of a secret with the session key, to base64.
Seal = Callable[[Secret], str]


def escaped(text: str) -> str:
    """Text as it stands between tags or in an attribute."""
    if _MUST_ESCAPE.search(text):
        text = _MUST_ESCAPE.sub(_units, text)
    if _MARKUP_PATTERN.search(text):
        text = _MARKUP_PATTERN.sub(lambda match: _MARKUP[match[0]], text)
    return text


def _units(match: re.Match[str]) -> str:
    raw = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"_x{raw[index]:02X}{raw[index + 1]:02X}_" for index in range(0, len(raw), 2))


def _date(value: dt.datetime) -> str:
    offset = value.utcoffset()
    if offset is not None and offset % dt.timedelta(minutes=1):
        value = value.astimezone(dt.timezone.utc)
    return value.isoformat()


def _span(value: dt.timedelta) -> str:
    sign = "-" if value < dt.timedelta(0) else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}P{value.days}DT{hours}H{minutes}M{seconds}.{value.microseconds:06}S"


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("INF" if value > 0 else "-INF")


def _decimal(value: Decimal) -> str:
    if not value.is_finite() or value.adjusted() > 28 or value.adjusted() < -28:
        raise ClixmlError(f"{value} is no System.Decimal")
    return format(value, "f")


def _base64(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


class Writer:
    """Writes one document. References are never written; each object has a RefId and its type names in full."""

    def __init__(self, seal: Seal | None = None) -> None:
        self._seal = seal
        self._parts: list[str] = []
        self._objects = 0
        self._types: dict[tuple[str, ...], int] = {}
        self._depth = 0

    def document(self) -> str:
        """What was written so far."""
        return "".join(self._parts)

    def write(self, value: Any, name: str | None = None) -> None:
        """Adds one value, as the member ``name`` if given. Raises ClixmlError for what CLIXML has no form for."""
        if value is None:
            self._parts.append("<Nil/>" if name is None else f'<Nil N="{escaped(name)}"/>')
        elif isinstance(value, str) and type(value) is str:
            self._scalar("S", escaped(value), name)
        elif isinstance(value, bool) or value is SWITCH:
            self._scalar("B", "true" if value else "false", name)
        elif type(value) is int:
            self._scalar(_integer_tag(value), str(value), name)
        elif isinstance(value, Typed):
            self._typed(value, name)
        elif isinstance(value, PSObject):
            self.open(value.type_names, name, value.to_string)
            if value.properties:
                self._parts.append("<MS>")
                for key, item in value.properties.items():
                    self.write(item, key)
                self._parts.append("</MS>")
            self.close()
        elif isinstance(value, list | tuple):
            self.open(ARRAY, name)
            self._parts.append("<LST>")
            for item in value:
                self.write(item)
            self._parts.append("</LST>")
            self.close()
        elif isinstance(value, Mapping):
            self._dictionary(value, name)
        else:
            self._rarer(value, name)

    def open(self, types: tuple[str, ...], name: str | None, to_string: str | None = None) -> None:
        """Starts an object; its content and :meth:`close` follow."""
        self._depth += 1
        if self._depth * 2 >= MAX_NESTING:
            raise ClixmlError(f"nested more than {MAX_NESTING // 2} deep")
        named = "" if name is None else f' N="{escaped(name)}"'
        self._parts.append(f'<Obj{named} RefId="{self._objects}">')
        self._objects += 1
        if types in self._types:
            self._parts.append(f'<TNRef RefId="{self._types[types]}"/>')
        elif types:
            number = self._types[types] = len(self._types)
            self._parts.append(f'<TN RefId="{number}">')
            self._parts.extend(f"<T>{escaped(type_name)}</T>" for type_name in types)
            self._parts.append("</TN>")
        if to_string is not None:
            self._parts.append(f"<ToString>{escaped(to_string)}</ToString>")

    def close(self) -> None:
        """Ends the object that was started last."""
        self._depth -= 1
        self._parts.append("</Obj>")

    def raw(self, markup: str) -> None:
        """Adds markup as it stands."""
        self._parts.append(markup)

    def _scalar(self, tag: str, text: str, name: str | None) -> None:
        self._parts.append(f"<{tag}>{text}</{tag}>" if name is None else f'<{tag} N="{escaped(name)}">{text}</{tag}>')

    def _dictionary(self, value: Mapping[Any, Any], name: str | None) -> None:
        self.open(HASHTABLE, name)
        self._parts.append("<DCT>")
        for key, item in value.items():
            self._parts.append("<En>")
            self.write(key, "Key")
            self.write(item, "Value")
            self._parts.append("</En>")
        self._parts.append("</DCT>")
        self.close()

    def _rarer(self, value: Any, name: str | None) -> None:
        if isinstance(value, float):
            self._scalar("Db", _float(value), name)
        elif isinstance(value, Decimal):
            self._scalar("D", _decimal(value), name)
        elif isinstance(value, bytes):
            self._scalar("BA", _base64(value), name)
        elif isinstance(value, dt.datetime):
            self._scalar("DT", _date(value), name)
        elif isinstance(value, dt.timedelta):
            self._scalar("TS", _span(value), name)
        elif isinstance(value, uuid.UUID):
            self._scalar("G", str(value), name)
        elif isinstance(value, EnumValue):
            self.open(ENUM, name, value.name)
            self.write(value.value)
            self.close()
        elif isinstance(value, SealedText):
            self._scalar("SS", escaped(value.sealed), name)
        elif isinstance(value, Secret):
            self._scalar("SS", self._sealed(value), name)
        elif isinstance(value, Credential):
            self.open(CREDENTIAL, name, "System.Management.Automation.PSCredential")
            self._parts.append("<Props>")
            self.write(value.username, "UserName")
            self.write(value.password, "Password")
            self._parts.append("</Props>")
            self.close()
        else:
            raise ClixmlError(f"a {type(value).__name__} has no form in CLIXML")

    def _sealed(self, secret: Secret) -> str:
        if self._seal is None:
            raise ClixmlError("a secret is written only where a session key seals it")
        return self._seal(secret)

    def _typed(self, typed: Typed, name: str | None) -> None:
        tag, value = typed.tag, typed.value
        if value is None:
            self.write(None, name)
        elif isinstance(value, dt.datetime):
            self._scalar(tag, _date(value), name)
        elif isinstance(value, dt.timedelta):
            self._scalar(tag, _span(value), name)
        elif isinstance(value, bytes):
            self._scalar(tag, _base64(value), name)
        elif tag == "C" and isinstance(value, str):
            self._scalar(tag, str(ord(value)), name)
        elif isinstance(value, bool):
            self._scalar(tag, "true" if value else "false", name)
        elif isinstance(value, float):
            self._scalar(tag, _float(value), name)
        elif isinstance(value, Decimal):
            self._scalar(tag, _decimal(value), name)
        elif isinstance(value, int | uuid.UUID | str):
            self._scalar(tag, escaped(str(value)), name)
        else:
            raise ClixmlError(f"a {type(value).__name__} has no form as {tag}")


def _integer_tag(value: int) -> str:
    for tag, low, high in _INTEGERS:
        if low <= value <= high:
            return tag
    raise ClixmlError(f"{value} fits no integer type (64 bits at most)")


def dumps(value: Any) -> str:
    """A value as a CLIXML document with the root ``Objs``. Raises ClixmlError for what has no form there.

    None, bool, int (of 64 bits), float, Decimal, str, bytes, datetime, timedelta, UUID, list, dict, EnumValue,
    PSObject, SealedText, Typed. A :class:`~winmigrate.request.Secret` is refused: nothing here could seal it.
    """
    writer = Writer()
    writer.raw(f'<Objs Version="1.1.0.1" xmlns="{_NAMESPACE}">')
    writer.write(value)
    writer.raw("</Objs>")
    return writer.document()
