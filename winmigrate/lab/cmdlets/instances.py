"""CIM instances as PowerShell shows them: typed by namespace and class, with the properties of their class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from winmigrate.lab.cmdlets.desk import Desk
from winmigrate.lab.engine import values as net

CimReader: TypeAlias = "Callable[[Desk, Any], Any]"
_INSTANCE = "Microsoft.Management.Infrastructure.CimInstance"


@dataclass(frozen=True, slots=True)
class CimClass:
    """``readers`` give .NET values. ``bases``: the classes it derives from, nearest first."""

    name: str
    namespace: str
    keys: tuple[str, ...]
    readers: Mapping[str, CimReader]
    bases: tuple[str, ...] = ()
    type_names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        lineage = (self.name, *self.bases)
        object.__setattr__(self, "type_names", (
            *(f"{_INSTANCE}#{self.namespace}/{name}" for name in lineage),
            *(f"{_INSTANCE}#{name}" for name in lineage),
            _INSTANCE,
            "System.Object",
        ))


@dataclass(frozen=True, slots=True, eq=False)
class CimInstance(Mapping[str, Any]):
    """One instance: a thing of a host, read through its class. ``only``: the properties that were asked for (lower
    case); the rest is null, as a CIM server leaves it.
    """

    desk: Desk
    cim_class: CimClass
    item: Any
    only: frozenset[str] | None = None

    def __getitem__(self, name: str) -> Any:
        reader = self.cim_class.readers[name]
        if self.only is not None and name.lower() not in self.only and name not in self.cim_class.keys:
            return None
        return reader(self.desk, self.item)

    def __contains__(self, name: object) -> bool:
        return name in self.cim_class.readers

    def __iter__(self) -> Iterator[str]:
        return iter(self.cim_class.readers)

    def __len__(self) -> int:
        return len(self.cim_class.readers)


def _text(instance: CimInstance) -> str:
    """CimInstance.ToString(): class, caption and keys."""
    keys = ", ".join(f"{key} = {_quoted(instance[key])}" for key in instance.cim_class.keys)
    caption = instance.get("Caption")
    name = instance.cim_class.name
    if isinstance(caption, str) and caption:
        return f"{name}: {caption} ({keys})" if keys else f"{name}: {caption}"
    return f"{name} ({keys})" if keys else name


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def show_instance(instance: CimInstance) -> net.PSObject:
    """The object of an instance; it keeps the instance, so that Invoke-CimMethod gets back what it is called on.

    Windows also writes a note ``__ClassMetadata`` into a whole instance, from which PowerShell makes a CimInstance
    again at the other end; the lab does not, so a whole instance stays a property bag there.
    """
    return net.PSObject(instance.cim_class.type_names, instance, {"PSComputerName": None}, _text(instance), instance)
