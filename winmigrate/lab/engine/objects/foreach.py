"""ForEach-Object -MemberName: a property's value, or what a method gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.engine.objects.casting import base, items_of
from winmigrate.lab.engine.objects.members import get_member, has_wildcard, property_names, wildcard
from winmigrate.lab.engine.text import bare_name, is_custom, to_text, type_name
from winmigrate.lab.engine.values import Int32

_PS = "System.Management.Automation."


def foreach_process(call: Call) -> Iterator[Effect]:
    value = call.bound.get("InputObject")
    name = str(call.bound.get("MemberName", ""))
    if value is None:
        yield Output(None)
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and key.lower() == name.lower():
                yield from unrolled(item)
                return
    arguments = call.bound.get("ArgumentList")
    matching = _matching(property_names(value), name) if arguments is None else []
    methods = _matching(list(_METHODS), name)
    if has_wildcard(name) and len(matching) + len(methods) > 1:
        yield Error(f"The name '{name}' is ambiguous: it fits more than one member.", "AmbiguousPropertyOrMethodName",
                    "InvalidOperation", _PS + "PSInvalidOperationException", value, wrapped=True)
    elif matching:
        yield from unrolled(get_member(value, matching[0]))
    elif methods:
        yield from unrolled(_METHODS[methods[0]](value, items_of(arguments) or []))
    elif arguments is None:
        yield Output(None)
    else:
        yield Error(f"Method invocation failed because [{bare_name(type_name(value) or '')}] does not contain a method "
                    f"named '{name}'.", "MethodNotFound", "InvalidOperation", _PS + "PSInvalidOperationException",
                    value, wrapped=True)


def _matching(names: list[str], pattern: str) -> list[str]:
    if has_wildcard(pattern):
        expression = wildcard(pattern)
        return [name for name in names if expression.fullmatch(name)]
    return [name for name in names if name.lower() == pattern.lower()]


def unrolled(value: Any) -> Iterator[Effect]:
    """As WriteObject with enumeration: a collection goes out element by element."""
    items = items_of(value)
    if items is None:
        yield Output(value)
        return
    for item in items:
        yield Output(item)


def _to_string(value: Any, arguments: list[Any]) -> Any:
    return "" if is_custom(value) else to_text(base(value))


def _text(method: Callable[[str, list[str]], Any]) -> Callable[[Any, list[Any]], Any]:
    return lambda value, arguments: method(to_text(value), [to_text(each) for each in arguments])


def _substring(text: str, arguments: list[str]) -> str:
    start = int(arguments[0])
    return text[start:start + int(arguments[1])] if len(arguments) > 1 else text[start:]


_METHODS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "ToString": _to_string,
    "GetType": lambda value, arguments: None if is_custom(value) else type_name(value),
    "ToUpper": _text(lambda text, arguments: text.upper()),
    "ToLower": _text(lambda text, arguments: text.lower()),
    "Trim": _text(lambda text, arguments: text.strip()),
    "Replace": _text(lambda text, arguments: text.replace(arguments[0], arguments[1])),
    "Split": _text(lambda text, arguments: text.split(arguments[0] if arguments else None)),
    "Substring": _text(_substring),
    "StartsWith": _text(lambda text, arguments: text.startswith(arguments[0])),
    "EndsWith": _text(lambda text, arguments: text.endswith(arguments[0])),
    "Contains": _text(lambda text, arguments: arguments[0] in text),
    "IndexOf": _text(lambda text, arguments: Int32(text.find(arguments[0]))),
}
