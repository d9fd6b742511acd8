"""Requests as JSON data.

``{"statements": [[{"command": "Get-VM", "parameters": [["Id", {"G": "..."}]]}, ...], ...]}``; a function definition
has ``script`` in the place of ``command``; a positional argument has null for its name. Text, booleans and null stand
for themselves, a list for a list; all else is a mapping with one key that says what it is: ``{"I32": 5}`` (and the
other integers), ``{"Db": "1.5"}``, ``{"D": "1.5"}``, ``{"BA": base64}``, ``{"G": guid}``, ``{"DT": ISO 8601}``,
``{"TS": microseconds}``, ``{"switch": true}``, ``{"dict": [[key, value], ...]}``, ``{"typed": [tag, value]}``,
``{"secret": true}``, ``{"credential": username}``, and ``{"any": name}``: a placeholder. Secrets never stand in it.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from winmigrate.errors import ParameterRefused, TranscriptError
from winmigrate.request import SWITCH, Command, Credential, Request, Secret, Statement, Typed

Data: TypeAlias = "str | int | float | bool | list[Data] | dict[str, Data] | None"

_INTEGERS = ("SB", "By", "I16", "U16", "I32", "U32", "I64", "U64")
_DEEPEST = 40


def request_to_data(asked: Request) -> dict[str, Any]:
    """A request as data for JSON. Secrets and passwords are left out; a user's name stays (redaction sees to it)."""
    return {"statements": [[_command(one) for one in statement.commands] for statement in asked.statements]}


def _command(one: Command) -> dict[str, Any]:
    head = {"script" if one.is_script else "command": one.name}
    if not one.parameters:
        return head
    return {**head, "parameters": [[name, value_to_data(value)] for name, value in one.parameters]}


def value_to_data(value: Any) -> Any:
    """A parameter's value as data. Raises ParameterRefused for what no request holds."""
    if value is None or isinstance(value, bool | str):
        return value
    if value is SWITCH:
        return {"switch": True}
    if isinstance(value, Typed):
        if value.tag in _INTEGERS:
            return {value.tag: value.value}
        return {"typed": [value.tag, value_to_data(value.value)]}
    for kind, tag, write in _WRITERS:
        if isinstance(value, kind):
            return {tag: write(value)}
    if isinstance(value, Mapping):
        return {"dict": [[key, value_to_data(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [value_to_data(item) for item in value]
    raise ParameterRefused(f"a {type(value).__name__} has no place in a transcript")


_WRITERS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (Secret, "secret", lambda _: True),
    (Credential, "credential", lambda value: value.username),
    (int, "int", int),
    (float, "Db", repr),
    (Decimal, "D", str),
    (bytes, "BA", lambda value: base64.b64encode(value).decode("ascii")),
    (uuid.UUID, "G", str),
    (dt.datetime, "DT", lambda value: value.isoformat()),
    (dt.timedelta, "TS", lambda value: value // dt.timedelta(microseconds=1)),
)


def data_to_request(data: Any) -> Request:
    """The request that :func:`request_to_data` wrote, with empty secrets. Raises TranscriptError: no request."""
    statements = data.get("statements") if isinstance(data, dict) else None
    if not isinstance(statements, list) or set(data) != {"statements"}:
        raise TranscriptError('no request: wanted {"statements": [...]}')
    found = []
    for statement in statements:
        if not isinstance(statement, list) or not statement:
            raise TranscriptError("no request: a statement is a list of commands")
        found.append(Statement(tuple(_read_command(one) for one in statement)))
    return Request(tuple(found))


def _read_command(one: Any) -> Command:
    if not isinstance(one, dict) or set(one) - {"parameters"} not in ({"command"}, {"script"}):
        raise TranscriptError("no request: a command has `command` or `script`, and `parameters`")
    name = one.get("command", one.get("script"))
    parameters = one.get("parameters", [])
    if not isinstance(name, str) or not isinstance(parameters, list):
        raise TranscriptError("no request: a command's name is text, its parameters a list")
    pairs = []
    for pair in parameters:
        if not isinstance(pair, list) or len(pair) != 2 or not (pair[0] is None or isinstance(pair[0], str)):
            raise TranscriptError(f"no request: a parameter of {name[:60]} is no pair of name and value")
        pairs.append((pair[0], data_to_value(pair[1])))
    return Command(name, tuple(pairs), "script" in one)


def data_to_value(data: Any, depth: int = 0) -> Any:
    """A value from its data; a placeholder stays as the dictionary it is. Raises TranscriptError."""
    if depth > _DEEPEST:
        raise TranscriptError(f"no value: nested deeper than {_DEEPEST} levels")
    if data is None or isinstance(data, bool | str):
        return data
    if isinstance(data, list):
        return [data_to_value(item, depth + 1) for item in data]
    if isinstance(data, dict) and len(data) == 1:
        [(tag, inner)] = data.items()
        if tag in _READERS:
            try:
                return _READERS[tag](inner, depth)
            except (ValueError, TypeError, KeyError, OverflowError, InvalidOperation, binascii.Error) as error:
                raise TranscriptError(f"no value of the tag {tag}: {str(error)[:120]}") from error
        if tag in _INTEGERS and isinstance(inner, int) and not isinstance(inner, bool):
            return Typed(tag, inner)
    raise TranscriptError("no value: wanted text, true, false, null, a list, or a mapping with one known tag")


def _typed(inner: Any, depth: int) -> Typed:
    tag, value = inner
    return Typed(str(tag), data_to_value(value, depth + 1))


def _dictionary(inner: Any, depth: int) -> dict[str, Any]:
    return {str(key): data_to_value(value, depth + 1) for key, value in inner}


_READERS: dict[str, Callable[[Any, int], Any]] = {
    "secret": lambda inner, _: Secret(""),
    "credential": lambda inner, _: Credential(str(inner), Secret("")),
    "int": lambda inner, _: int(inner),
    "Db": lambda inner, _: float(inner),
    "D": lambda inner, _: Decimal(inner),
    "BA": lambda inner, _: base64.b64decode(inner, validate=True),
    "G": lambda inner, _: uuid.UUID(inner),
    "DT": lambda inner, _: dt.datetime.fromisoformat(inner),
    "TS": lambda inner, _: dt.timedelta(microseconds=inner),
    "switch": lambda inner, _: SWITCH,
    "any": lambda inner, _: {"any": str(inner)},
    "dict": _dictionary,
    "typed": _typed,
}


# --- for people --------------------------------------------------------------------------------------------------


def request_text(data: dict[str, Any], longest: int = 300) -> str:
    """A request as one would type it, cut to ``longest`` characters; for messages only."""
    statements = [" | ".join(_command_text(one) for one in statement) for statement in data["statements"]]
    text = "; ".join(statements) or "(the opening of a session)"
    return text if len(text) <= longest else text[: longest - 4] + " ..."


def command_names(data: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The names of the commands by statement, lower case; a script's name is the word it defines."""
    return tuple(tuple(_name(one).lower() for one in statement) for statement in data["statements"])


def _name(one: dict[str, Any]) -> str:
    if "script" not in one:
        return str(one["command"])
    defined = re.search(r"(?i)\bfunction\s+([\w-]+)", str(one["script"]))
    return f"function {defined[1]}" if defined else "script"


def _command_text(one: dict[str, Any]) -> str:
    words = [_name(one)]
    for name, value in one.get("parameters", []):
        if value == {"switch": True}:
            words.append(f"-{name}")
        else:
            words.append(f"-{name} {value_text(value)}" if name is not None else value_text(value))
    return " ".join(words)


def value_text(value: Any) -> str:
    """A value's data as one would read it."""
    if isinstance(value, dict) and len(value) == 1:
        [(tag, inner)] = value.items()
        if tag == "any":
            return f"<{inner}>"
        if tag in ("secret", "credential"):
            return "<secret>" if tag == "secret" else f"<credential of {inner}>"
        if tag == "dict":
            return "@{" + "; ".join(f"{key}={value_text(item)}" for key, item in inner) + "}"
        return str(inner[1]) if tag == "typed" else str(inner)
    if isinstance(value, list):
        return ",".join(value_text(item) for item in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
