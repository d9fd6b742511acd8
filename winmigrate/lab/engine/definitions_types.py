"""The types and binders of a Windows host's own modules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from winmigrate.facts import types as facts
from winmigrate.lab.engine.binder import Binder
from winmigrate.lab.engine.conversion_types import FROM_TEXT, TypeTable
from winmigrate.lab.engine.definitions import Definition, definition_of

_NAMESPACES = {
    "Hyper-V": "Microsoft.HyperV.PowerShell.",
    "FailoverClusters": "Microsoft.FailoverClusters.PowerShell.",
    "CimCmdlets": "Microsoft.Management.Infrastructure.CimCmdlets.",
    "ActiveDirectory": "Microsoft.ActiveDirectory.Management.",
}
_ELSEWHERE = {
    "CimInstance": "Microsoft.Management.Infrastructure.CimInstance",
    "CimClass": "Microsoft.Management.Infrastructure.CimClass",
    "CimSession": "Microsoft.Management.Infrastructure.CimSession",
    "CimSessionOptions": "Microsoft.Management.Infrastructure.Options.CimSessionOptions",
    "ScriptBlock": "System.Management.Automation.ScriptBlock",
    "PSSession": "System.Management.Automation.Runspaces.PSSession",
    "Job": "System.Management.Automation.Job",
}
_GENERATED = "Microsoft.PowerShell.Cmdletization.GeneratedTypes."


@lru_cache(maxsize=64)
def types_of(module: str) -> TypeTable:
    """The types that the parameters of one Windows module have."""
    prefix = _NAMESPACES.get(module, f"{_GENERATED}{module}.")
    enums = {prefix + short: numbers for short, numbers in facts.enums(module).items()}
    return TypeTable(enums, prefix, prefix, from_text=named_by_text, elsewhere=_ELSEWHERE)


def named_by_text(short: str) -> bool:
    """Does a class take text for itself? Active Directory's objects are named by text wherever one is asked for."""
    return short in FROM_TEXT or (short.startswith("AD") and short[2:3].isupper())


def types_with(enums: Mapping[str, Mapping[str, int]], prefix: str) -> TypeTable:
    """The types of commands that are no Windows module's: ``enums`` by full name, short names under ``prefix``."""
    return TypeTable(enums, prefix, prefix)


def binder_for(definition: Definition, **options: Any) -> Binder:
    """A binder with the types of the definition's own module; ``options`` as of :class:`Binder`."""
    return Binder(definition, types_of(definition.module), **options)


@lru_cache(maxsize=4096)
def host_binder(name: str, version: str) -> Binder | None:
    """The binder of a host's command, as Windows PowerShell 5.1 answers; None where the version has no such command."""
    definition = definition_of(name, version)
    return binder_for(definition, terse_set_errors=True) if definition else None
