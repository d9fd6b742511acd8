"""The session configurations of a lab host: the default one, and its JEA endpoints, each with an engine of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from winmigrate.errors import Fault, InputFaults, did_you_mean
from winmigrate.lab.cmdlets import command_table, type_table
from winmigrate.lab.command_log import logged
from winmigrate.lab.engine.editions import WINDOWS_POWERSHELL_5_1
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.restricted import Restriction, Visible
from winmigrate.lab.engine.table import CommandTable
from winmigrate.lab.fabric.directory import is_protected
from winmigrate.lab.fabric.identity import is_allowed, may_log_on
from winmigrate.lab.fabric.winrm import SessionConfiguration
from winmigrate.lab.fabric.world import Host, World
from winmigrate.lab.wire import LogonContext
from winmigrate.marked import Marked, shown

DEFAULT = "Microsoft.PowerShell"


def engines(world: World, host: Host) -> Mapping[str, Engine]:
    """An engine for each session configuration of a host, by name."""
    table = logged(command_table(world, host), world, host)
    make = partial(Engine, WINDOWS_POWERSHELL_5_1, table, type_table(), computer=host.name, now=world.clock.now)
    made = {DEFAULT: make()}
    for configuration in host.configurations.values():
        made[configuration.name] = make(restriction=_restriction(configuration, table))
    return made


def check_functions(world: World) -> None:
    """Raises InputFaults for functions that an endpoint of the fabric ships and nobody here knows."""
    wrong: list[Fault] = []
    for host in world.hosts.values():
        if not host.configurations:
            continue
        known = sorted(twin.definition.name for twin in command_table(world, host).twins() if twin.defines)
        for configuration in host.configurations.values():
            for item, name in zip(_listed(configuration), configuration.functions, strict=True):
                if name.lower() not in {one.lower() for one in known}:
                    wrong.append(item.fault(f"no function {shown(name)} of winmigrate{did_you_mean(name, known)}"))
    if wrong:
        raise InputFaults(wrong)


def _listed(configuration: SessionConfiguration) -> list[Marked]:
    functions = configuration.at.child("functions")
    return functions.value if functions is not None and isinstance(functions.value, list) else []


def _restriction(configuration: SessionConfiguration, table: CommandTable) -> Restriction:
    wanted = {name.lower() for name in configuration.functions}
    functions = {
        twin.definition.name: (twin.definition, twin.implementation)
        for twin in table.twins()
        if twin.defines and twin.definition.name.lower() in wanted
    }
    return Restriction(tuple(Visible(name, parameters) for name, parameters in configuration.visible), functions)


def admits(world: World, host: Host, context: LogonContext) -> bool:
    """May this user open a session of that configuration?"""
    with world.lock:
        user = world.user(context.user)
        if user is None or (context.protocol in ("ntlm", "basic") and is_protected(world, user)):
            return False  # members of Protected Users come by Kerberos alone
        configuration = host.configurations.get(context.endpoint.lower())
        if configuration is not None:
            return is_allowed(world, host, user, configuration)
        return may_log_on(world, host, user)


def run_as(host: Host) -> Callable[[str], str]:
    """As whom the sessions of a configuration run; empty: as their users."""

    def of(endpoint: str) -> str:
        configuration = host.configurations.get(endpoint.lower())
        return "" if configuration is None else str(configuration.run_as)

    return of
