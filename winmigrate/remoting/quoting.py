"""Commands as PowerShell text, for the one transport that has no other form: reads only, each value quoted strictly.

Laws: text becomes a literal in single quotes and nothing else, so that no value is ever looked at by PowerShell. What
has no literal of its own, and every secret, script and act, is refused by name.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import uuid
from decimal import Decimal
from typing import Any

from winmigrate.errors import ParameterRefused
from winmigrate.request import SWITCH, Command, Credential, Secret, Statement, Typed

#: Cmdlets beside Get-… that change nothing.
_READS = frozenset({
    "compare-object", "convertfrom-csv", "convertto-json", "group-object", "measure-object", "select-object",
    "resolve-dnsname", "sort-object", "test-netconnection", "test-path", "test-wsman", "where-object", "write-output",
})
#: Native programs that change nothing.
_PROGRAMS = frozenset({"hostname.exe", "whoami.exe"})
_CMDLET = re.compile(r"(?:[A-Za-z][A-Za-z0-9.]*\\)?([A-Za-z]+-[A-Za-z][A-Za-z0-9]*)")
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9]*")
#: PowerShell takes any of these for a single quote (about_Quoting_Rules; System.Management.Automation's tokenizer).
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
#: A line end would be another one after standard input has split the script into lines; the rest has no business there.
_UNWRITABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")
_CASTS = {
    "SB": "sbyte", "By": "byte", "I16": "int16", "U16": "uint16", "I32": "int32", "U32": "uint32", "I64": "int64",
    "U64": "uint64", "Sg": "single", "Db": "double", "D": "decimal", "G": "guid", "DT": "datetime", "TS": "timespan",
    "Version": "version", "URI": "uri", "C": "char",
}
_MOST_DECIMAL = Decimal(2) ** 96


def text_of(statement: Statement) -> str:
    """A pipeline as one line of PowerShell. Raises ParameterRefused for what is no read or has no literal."""
    if not statement.commands:
        raise ParameterRefused("a statement without a command")
    return " | ".join(_command(each) for each in statement.commands)


def _command(command: Command) -> str:
    if command.is_script:
        raise ParameterRefused("winrs sends no scripts; only commands that read")
    name = command.name
    native = name.lower() in _PROGRAMS
    if not native:
        found = _CMDLET.fullmatch(name)
        if found is None:
            raise ParameterRefused(f"winrs does not send {name!r}: that is no cmdlet's name")
        if not found[1].lower().startswith("get-") and found[1].lower() not in _READS:
            raise ParameterRefused(f"winrs does not send {name}: over winrs hosts are only read")
    words = [name]
    for key, value in command.parameters:
        words += _parameter(name, key, value, native)
    return " ".join(words)


def _parameter(command: str, key: str | None, value: Any, native: bool) -> list[str]:
    if key is None:
        where = f"{command}: a positional value"
        if native and not (isinstance(value, str) and value and '"' not in value and not value.endswith("\\")):
            # Windows PowerShell 5.1 hands such text to a program in other words than these
            raise ParameterRefused(f"{where} is no plain text, which is all that a program is given")
        return [_literal(where, value)]
    where = f"parameter {key}"
    if native or _PARAMETER.fullmatch(key) is None:
        raise ParameterRefused(f"{where} of {command} is no parameter's name")
    if value is SWITCH:
        return [f"-{key}"]
    # with a colon a value is never taken for another parameter's, also where the parameter is a switch
    return [f"-{key}:{_literal(where, value)}"]


def _literal(where: str, value: Any) -> str:
    if value is None:
        return "$null"
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, str):
        return _quoted(where, value)
    if isinstance(value, Secret | Credential):
        raise ParameterRefused(f"{where}: a secret is never written into a script")
    if isinstance(value, Typed):
        return _typed(where, value.tag, value.value)
    for kind, tag in _TAGS:
        if isinstance(value, kind):
            return _typed(where, tag, value)
    if isinstance(value, dict):
        return _table(where, value)
    if isinstance(value, list | tuple):
        return _array(where, value)
    raise ParameterRefused(f"{where}: a {type(value).__name__} has no literal in PowerShell")


def _quoted(where: str, text: str) -> str:
    found = _UNWRITABLE.search(text)
    if found is not None:
        raise ParameterRefused(f"{where}: the character U+{ord(found[0]):04X} cannot be written into a script")
    return "'" + _QUOTES.sub(lambda quote: quote[0] * 2, text) + "'"


def _array(where: str, values: list[Any] | tuple[Any, ...]) -> str:
    if len(values) == 1 and isinstance(values[0], list | tuple):
        raise ParameterRefused(f"{where}: PowerShell takes a list with one list in it for that list")
    return "@(" + ",".join(_literal(f"{where}[{number}]", each) for number, each in enumerate(values)) + ")"


def _table(where: str, values: dict[str, Any]) -> str:
    if len({key.lower() for key in values}) != len(values):
        raise ParameterRefused(f"{where}: two keys differ in case alone")
    entries = [f"{_quoted(where, key)}={_literal(f'{where}.{key}', item)}" for key, item in values.items()]
    return "@{" + ";".join(entries) + "}"


_TAGS: tuple[tuple[type, str], ...] = (
    (int, "I64"), (float, "Db"), (Decimal, "D"), (uuid.UUID, "G"), (dt.datetime, "DT"), (dt.timedelta, "TS"),
)


def _typed(where: str, tag: str, value: Any) -> str:
    """A number as such where PowerShell gives it that very type, else text cast to the type."""
    if tag == "S":
        return _quoted(where, str(value))
    if tag == "B":
        return "$true" if value else "$false"
    if (tag == "I32" and value >= 0) or (tag == "I64" and value >= 2**31):
        return str(int(value))  # a minus sign could be taken for a parameter's
    kind = _CASTS.get(tag)
    if kind is None:
        raise ParameterRefused(f"{where}: {tag} has no literal in PowerShell")
    return f"([{kind}]{_quoted(where, _invariant(where, tag, value))})"


def _invariant(where: str, tag: str, value: Any) -> str:
    """The text that a cast reads, in the invariant culture."""
    if isinstance(value, str):
        if tag == "C" and len(value) != 1:
            raise ParameterRefused(f"{where}: {value!r} is not one character")
        return value
    if isinstance(value, bool):
        raise ParameterRefused(f"{where}: a bool is no {tag}")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return repr(value)
    if isinstance(value, Decimal):
        return _decimal(where, value)
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, dt.timedelta):
        return _span(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    raise ParameterRefused(f"{where}: a {type(value).__name__} is no {tag}")


def _decimal(where: str, value: Decimal) -> str:
    text = format(value, "f")
    if not value.is_finite() or abs(value) >= _MOST_DECIMAL or len(text.partition(".")[2]) > 28:
        raise ParameterRefused(f"{where}: {value} fits no System.Decimal")
    return text


def _span(value: dt.timedelta) -> str:
    """[-]d.hh:mm:ss.ffffff."""
    total = value // dt.timedelta(microseconds=1)
    seconds, micro = divmod(abs(total), 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{'-' if total < 0 else ''}{days}.{hour:02d}:{minute:02d}:{second:02d}.{micro:06d}"
