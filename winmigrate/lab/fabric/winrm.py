"""What a fabric file says of a host's WinRM: its limits, and its session configurations beside the default one.

Limits are named as Windows' settings are, the values go to :class:`winmigrate.lab.wire.Limits`. A session configuration
is a JEA endpoint: which commands are visible, which functions it ships, who may open it and as whom its sessions run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from winmigrate.errors import Fault, did_you_mean
from winmigrate.lab.fabric.host import Host
from winmigrate.lab.fabric.world import World
from winmigrate.marked import Marked, Misfit, shown

#: Key of a fabric file -> field of winmigrate.lab.wire.Limits.
LIMITS = {
    "envelope": "max_envelope", "fragment": "fragment", "shells_per_user": "shells_per_user",
    "users": "concurrent_users", "processes_per_shell": "processes_per_shell", "memory_per_shell": "memory_per_shell",
    "operations_per_user": "operations_per_user", "commands_per_shell": "commands_per_shell",
    "idle_close": "idle_close", "disconnect_after": "disconnect_after", "shell_idle_timeout": "shell_idle_timeout",
    "operation_timeout": "default_operation_timeout", "output_buffer": "output_buffer", "redelivery": "redelivery",
}
#: Smallest values that make sense, bytes. The envelope's is Windows' own.
_LEAST = {"envelope": 8192, "fragment": 128, "output_buffer": 1, "memory_per_shell": 1}
#: The account that Windows makes for each session of an endpoint with RunAsVirtualAccount.
VIRTUAL = "virtual"
_BUILTIN = ("BUILTIN\\Administrators", "BUILTIN\\Remote Management Users")


@dataclass(frozen=True, slots=True)
class SessionConfiguration:
    """A restricted endpoint (JEA). ``visible``: command -> its parameters -> the values each takes (none: any), or None
    for all parameters. ``functions``: those of winmigrate that it ships. ``run_as``: "virtual" or DOMAIN\\name.
    ``allow``: users and groups that may open it; empty: administrators. ``at``: its place in the file.
    """

    name: str
    visible: tuple[tuple[str, Mapping[str, tuple[str, ...]] | None], ...]
    functions: tuple[str, ...]
    run_as: str
    allow: tuple[str, ...]
    at: Marked


def _place(at: Marked, key: str) -> Marked:
    return at.child(key) or at


def limits_of(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The limits that a file sets, by field. Raises Misfit."""
    if given is None:
        return {}
    at: Marked = given["_at"]
    wrong = [
        _place(at, key).fault(f"too small; wanted: at least {least} bytes")
        for key, least in _LEAST.items()
        if given[key] is not None and given[key] < least
    ]
    found = {field: given[key] for key, field in LIMITS.items() if given[key] is not None}
    envelope = found.get("max_envelope", 500 * 1024)
    # in base64, and with the envelope around it
    if found.get("fragment", 0) * 4 // 3 + 2500 > envelope:
        message = f"a fragment of that size does not fit an envelope of {envelope} bytes"
        wrong.append(_place(at, "fragment").fault(message))
    if wrong:
        raise Misfit(*wrong)
    return found


def configurations_of(given: Mapping[str, Mapping[str, Any]] | None) -> dict[str, SessionConfiguration]:
    """A host's session configurations by name, lower case."""
    made = {}
    for name, one in (given or {}).items():
        visible = tuple((each["name"], _parameters(each.get("parameters"))) for each in one["visible"] or ())
        made[name.lower()] = SessionConfiguration(
            name, visible, tuple(one["functions"] or ()), one["run_as"] or VIRTUAL, tuple(one["allow"] or ()),
            one["_at"])
    return made


def _parameters(given: Mapping[str, Any] | None) -> Mapping[str, tuple[str, ...]] | None:
    return None if given is None else {name: tuple(values) for name, values in given.items()}


def name_faults(world: World, host: Host) -> list[Fault]:
    """What is wrong with the accounts that a host's session configurations name."""
    users = [user.qualified for user in world.users]
    named = {group for user in world.users for group in user.groups}
    groups = sorted({*named, *(one.qualified for one in world.groups)})
    found = []
    for one in host.configurations.values():
        if one.run_as != VIRTUAL and world.user(one.run_as) is None:
            message = f'{shown(one.run_as)} is neither "virtual" nor a user of this fabric'
            found.append(_place(one.at, "run_as").fault(message + did_you_mean(one.run_as, users)))
        known = {name.lower() for name in (*users, *groups, *_BUILTIN)}
        for name in one.allow:
            if name.lower() not in known:
                message = f"no user or group {shown(name)} in this fabric"
                found.append(_place(one.at, "allow").fault(message + did_you_mean(name, [*users, *groups])))
    return found
