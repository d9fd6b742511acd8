"""Every command that a host runs goes into the fabric's log, by a table around its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from winmigrate.lab.engine.effects import Call, Effect, Implementation
from winmigrate.lab.engine.table import CommandTable, layered
from winmigrate.lab.engine.values import PSCredential, PSObject, SecureString, Switch
from winmigrate.lab.fabric.world import Host, World


def logged(table: CommandTable, world: World, host: Host) -> CommandTable:
    """The same commands; each writes an entry "command" (host, command, user, parameters) when it begins."""
    wrapped = {}
    for name in list(table.names()):
        found = table.find(name)
        if found is not None:
            definition, implementation = found
            wrapped[name] = (definition, _telling(implementation, name, world, host))
    return layered([CommandTable(wrapped), table])


def _telling(implementation: Implementation, name: str, world: World, host: Host) -> Implementation:
    def begin(call: Call) -> Iterator[Effect]:
        world.log.write("command", host=host.key, command=name, user=str(getattr(call.context, "user", "")),
                        parameters={key: shown(value) for key, value in call.bound.items()})
        if implementation.begin is not None:
            yield from implementation.begin(call)

    return replace(implementation, begin=begin)


def shown(value: Any) -> Any:
    """A parameter's value as JSON; secrets never."""
    if isinstance(value, SecureString):
        return "***"
    if isinstance(value, PSCredential):
        return {"username": value.username}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Switch):
        return value.present
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dict):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    if isinstance(value, PSObject):
        return value.type_names[0]
    return str(value)
