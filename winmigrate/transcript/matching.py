"""Does an asked request answer to a recorded one? With placeholders bound; and where not, what differs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from winmigrate.transcript.data import command_names, request_text, value_text

#: More entries than this are not compared word by word to find the nearest.
_MOST_COMPARED = 200


def key_of(request: Mapping[str, Any]) -> str | None:
    """What is the same for all requests that match this one; None where a placeholder leaves that open."""
    try:
        return json.dumps([[_command_key(one) for one in each] for each in request["statements"]], ensure_ascii=False)
    except _Open:
        return None


class _Open(Exception):
    """There is a placeholder."""


def _command_key(one: Mapping[str, Any]) -> list[Any]:
    parameters = {name.lower(): _value_key(value) for name, value in _numbered(one.get("parameters", []))}
    what = ["script", one["script"]] if "script" in one else ["command", str(one["command"]).lower()]
    return [*what, sorted(parameters.items())]


def _value_key(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, list):
        return [_value_key(item) for item in value]
    if isinstance(value, dict) and len(value) == 1:
        [(tag, inner)] = value.items()
        if tag == "any":
            raise _Open
        if tag in ("secret", "credential"):
            return {tag: True}
        if tag == "dict":
            return {tag: [[key, _value_key(item)] for key, item in inner]}
    return value


def _plain(value: Any) -> Any:
    """A value as a host sees it: a bare switch arrives as true, and a tag that says what is clear anyway is gone."""
    if isinstance(value, dict) and len(value) == 1:
        [(tag, inner)] = value.items()
        if tag == "switch":
            return True
        if tag == "typed" and (inner[0] == "S" or (isinstance(inner[1], dict) and list(inner[1]) == [inner[0]])):
            return inner[1]
    return value


def match(recorded: Mapping[str, Any], asked: Mapping[str, Any], bound: Mapping[str, Any]) -> dict[str, Any] | None:
    """The placeholders that this match binds anew, or None if the two do not match. Names without regard to case."""
    if command_names(dict(recorded)) != command_names(dict(asked)):
        return None
    fresh: dict[str, Any] = {}
    return fresh if next(_differences(recorded, asked, bound, fresh), None) is None else None


def differences(recorded: Mapping[str, Any], asked: Mapping[str, Any], bound: Mapping[str, Any]) -> list[str]:
    """What differs, each as "statement 1, Get-VM -Id: asked A, recorded B"; empty if they match."""
    names_recorded, names_asked = command_names(dict(recorded)), command_names(dict(asked))
    if names_recorded != names_asked:
        return [f"other commands: asked {_names(names_asked)}, recorded {_names(names_recorded)}"]
    return list(_differences(recorded, asked, bound, {}))


def _names(names: tuple[tuple[str, ...], ...]) -> str:
    text = "; ".join(" | ".join(statement) for statement in names)
    return text if len(text) <= 200 else text[:196] + " ..."


def _differences(
    recorded: Mapping[str, Any], asked: Mapping[str, Any], bound: Mapping[str, Any], fresh: dict[str, Any]
) -> Iterator[str]:
    pairs = zip(recorded["statements"], asked["statements"], strict=True)
    for number, (statement_recorded, statement_asked) in enumerate(pairs, 1):
        for one, other in zip(statement_recorded, statement_asked, strict=True):
            where = f"statement {number}, {other.get('command', 'script')}"
            if one.get("script") != other.get("script"):
                yield f"{where}: another text of the function"
            yield from _parameters(where, one.get("parameters", []), other.get("parameters", []), bound, fresh)


def _parameters(
    where: str, recorded: list[Any], asked: list[Any], bound: Mapping[str, Any], fresh: dict[str, Any]
) -> Iterator[str]:
    """Named parameters by name, in any order; positional ones in theirs."""
    left = {name.lower(): (name, value) for name, value in _numbered(recorded)}
    right = {name.lower(): (name, value) for name, value in _numbered(asked)}
    for key, (name, value) in right.items():
        if key not in left:
            yield f"{where} -{name}: asked {_short(value)}, not recorded"
        elif not same_value(left[key][1], value, bound, fresh):
            yield f"{where} -{name}: asked {_short(value)}, recorded {_short(left[key][1])}"
    for key, (name, value) in left.items():
        if key not in right:
            yield f"{where} -{name}: recorded {_short(value)}, not asked"


def _numbered(parameters: list[Any]) -> Iterator[tuple[str, Any]]:
    position = 0
    for name, value in parameters:
        if name is None:
            position += 1
            yield f"argument {position}", value
        else:
            yield name, value


def _short(value: Any) -> str:
    text = value_text(value)
    return text if len(text) <= 80 else text[:76] + " ..."


def same_value(recorded: Any, asked: Any, bound: Mapping[str, Any], fresh: dict[str, Any]) -> bool:
    """Equal, or a placeholder that is free or bound to this. Any secret matches any secret, text never another text."""
    recorded, asked = _plain(recorded), _plain(asked)
    if isinstance(recorded, dict) and len(recorded) == 1:
        [(tag, inner)] = recorded.items()
        if tag == "any":
            known = bound if inner in bound else fresh
            return bool(known[inner] == asked) if inner in known else fresh.setdefault(inner, asked) is asked
        if not isinstance(asked, dict) or list(asked) != [tag]:
            return False
        if tag in ("secret", "credential"):
            return True
        if tag == "dict":
            theirs = asked[tag]
            return len(inner) == len(theirs) and all(
                key == other and same_value(value, given, bound, fresh)
                for (key, value), (other, given) in zip(inner, theirs, strict=True)
            )
        return bool(inner == asked[tag])
    if isinstance(recorded, list):
        return (
            isinstance(asked, list)
            and len(recorded) == len(asked)
            and all(same_value(one, other, bound, fresh) for one, other in zip(recorded, asked, strict=True))
        )
    return type(recorded) is type(asked) and bool(recorded == asked)


def _distance(found: list[str]) -> int:
    """Another value is nearer than another parameter."""
    return sum(2 if one.endswith(("not recorded", "not asked")) else 1 for one in found)


def nearest(recorded: list[Mapping[str, Any]], asked: Mapping[str, Any], bound: Mapping[str, Any]) -> int | None:
    """The index of the recorded request that is most like the one asked; None if there is none at all."""
    names = command_names(dict(asked))
    same = [index for index, one in enumerate(recorded) if command_names(dict(one)) == names]
    if same:
        return min(same, key=lambda index: _distance(differences(recorded[index], asked, bound)))
    text = request_text(dict(asked), 2000)
    scored = [
        (difflib.SequenceMatcher(None, text, request_text(dict(one), 2000), autojunk=False).ratio(), -index)
        for index, one in enumerate(recorded[:_MOST_COMPARED])
    ]
    return -max(scored)[1] if scored else None
