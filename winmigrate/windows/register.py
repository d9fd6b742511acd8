"""The register: every command the project sends on hosts, with the parameters it gives, by Windows version.

It is made by calling what makes the requests, so it cannot fall behind them. The JEA kit and the check against the
facts of each version stand on it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from winmigrate.facts.versions import at_least
from winmigrate.request import Credential, Secret, Statement
from winmigrate.windows import (
    adapters,
    cluster,
    devices,
    directory,
    event,
    host,
    migration,
    network,
    policy,
    ports,
    registry,
    share,
    storage,
    vm,
)
from winmigrate.windows.move import (
    FUNCTIONS,
    FileByFile,
    OneFolder,
    Storage,
    compare_vm,
    function_text,
    move_mended,
    move_vm,
    remove_planned_vm,
)
from winmigrate.windows.table import Table
from winmigrate.windows.watching import STATUSES

TABLES: tuple[Table[object], ...] = (
    *host.TABLES,
    *network.TABLES,
    *storage.TABLES,
    *vm.TABLES,
    *migration.TABLES,
    *share.TABLES,
    *devices.TABLES,
    *adapters.TABLES,
    *registry.TABLES,
    *policy.TABLES,
    *ports.TABLES,
)

#: What file servers are asked, beside who they are.
SERVER_TABLES: tuple[Table[object], ...] = (*share.SERVER_TABLES, share.ADMINISTRATORS)


@dataclass(frozen=True, slots=True)
class Registered:
    """A command as it is sent: its name without a module, and the names of the parameters given with it."""

    name: str
    parameters: frozenset[str]
    native: bool = False
    changes: bool = False


_EXAMPLE_ID = "00000000-0000-0000-0000-000000000001"
_EXAMPLE_SINCE = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)
_OWN = ("Compare-WinmigrateVM", "Move-WinmigrateVM", "Remove-WinmigratePlannedVM")
_CHANGING = ("Move-", "Connect-", "Invoke-CimMethod", "Remove-", "Compare-VM", "Compare-WinmigrateVM")


def statements(version: str) -> Iterator[Statement]:
    """One of each statement that a host of this version may be sent."""
    for table in (*TABLES, STATUSES, cluster.CLUSTER, *cluster.TABLES):
        if table.exists(version):
            yield table.statement(version)
            yield table.of(_EXAMPLE_ID).statement(version)
            members = table.members(version)
            if members is not None:
                yield members
    yield from (host.identity_user(), host.identity_groups(), vm.names_of_vms(), network.listener_addresses())
    yield from (vm.vm_by_id(_EXAMPLE_ID, version), storage.vhds(["C:\\a.vhdx"], version))
    yield from (storage.files(["C:\\a.vhdx"], version), host.probe_host("hv02"))
    yield from (event.events([1], _EXAMPLE_SINCE), event.event_properties([1], _EXAMPLE_SINCE))
    yield share.acls(["C:\\a"], version)
    yield devices.links(["C:\\a"], version)
    yield from (policy.registry_pol(), ports.resolve("hv02.example"), ports.probe_winrm("hv02.example"))
    if at_least(version, "2012R2"):
        yield ports.probe_port("hv02.example", ports.MIGRATION)
    yield migration.cancel(_EXAMPLE_ID)
    yield from directory.statements()
    credentials: tuple[Credential | None, ...] = (None,)
    if at_least(version, "2016"):
        yield from (host.security_services(), vm.security_of(_EXAMPLE_ID, version))
        credentials = (None, Credential("user", Secret("")))
        yield host.probe_host("hv02", credentials[1])
    forms: tuple[Storage, ...] = (None, OneFolder("C:\\a"), FileByFile("C:\\a", "C:\\a", "C:\\a", (("a", "b"),)))
    for form in forms:
        for credential in credentials:
            yield move_vm(_EXAMPLE_ID, "hv02", form, version, credential=credential)
            for asked in (
                compare_vm(_EXAMPLE_ID, "hv02", form, version, credential=credential, switches={"a": "b"}),
                move_mended(_EXAMPLE_ID, "hv02", form, version, {"a": "b"}, credential=credential),
            ):
                yield from asked.statements
    yield from remove_planned_vm(_EXAMPLE_ID).statements


def commands(version: str) -> tuple[Registered, ...]:
    """Every command with every combination of parameters it is sent with, each once, by name."""
    found = {
        Registered(
            each.name.rpartition("\\")[2],
            frozenset(name for name, _ in each.parameters if name is not None),
            native=each.name.lower().endswith(".exe"),
            changes=each.name.startswith(_CHANGING),
        )
        for asked in statements(version)
        for each in asked.commands
        if not each.is_script
    }
    return tuple(sorted(found, key=lambda item: (item.name, sorted(item.parameters))))


def functions() -> tuple[str, ...]:
    """The names of our own PowerShell functions."""
    return _OWN


_CALL = re.compile(r"(?<![\w$'-])(?P<name>[A-Z][A-Za-z]+-[A-Z][A-Za-z]+)(?P<rest>[^|\n(){}]*)")
_PARAMETER = re.compile(r"(?<=\s)-(?P<name>[A-Z][A-Za-z]+)")
_COMMENT = re.compile(r"^\s*#.*$|(?<=\s)#.*$", re.MULTILINE)
_OPERATORS = frozenset({"Not", "Eq", "Ne", "In"})


def commands_of_functions() -> tuple[Registered, ...]:
    """What the PowerShell functions call, as far as their text names it; splatted parameters are not seen."""
    return tuple(
        sorted(
            {call for name in FUNCTIONS for call in _calls(function_text(name))},
            key=lambda item: (item.name, sorted(item.parameters)),
        )
    )


def _calls(text: str) -> Iterable[Registered]:
    for call in _CALL.finditer(_COMMENT.sub("", text)):
        name = call["name"]
        if name not in _OWN:
            given = frozenset(item["name"] for item in _PARAMETER.finditer(call["rest"]))
            yield Registered(name, given - _OPERATORS, changes=name.startswith(_CHANGING))
