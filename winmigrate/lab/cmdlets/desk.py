"""Where a command runs, what it can find there, and how Hyper-V words its refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets.machine import Machine, Part
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Terminate
from winmigrate.lab.fabric.world import VM, Host, World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """A host of the fabric, where a command was called or which it asks over ``-ComputerName``."""

    world: World
    host: Host

    @property
    def modern(self) -> bool:
        """Has it module 2.0 (2016 and later)?"""
        return at_least(self.host.version, "2016")


Work: TypeAlias = "Callable[[Desk, Call], Iterable[Effect]]"


@dataclass(frozen=True, slots=True)
class Command:
    """What a command does. ``class_name``: what follows the comma of its error ids; "" where the module rules it."""

    process: Work
    class_name: str = ""


def hyperv_class(name: str, version: str) -> str:
    """Microsoft.HyperV.PowerShell.Commands.GetVM; with "Command" behind it up to 2012 R2."""
    return "Microsoft.HyperV.PowerShell.Commands." + name.replace("-", "") + (
        "" if at_least(version, "2016") else "Command")


#: error id -> (category, what the exception was called up to 2012 R2).
_KINDS = {
    "InvalidParameter": ("InvalidArgument", "VirtualizationInvalidArgumentException"),
    "ObjectNotFound": ("ObjectNotFound", "VirtualizationOperationFailedException"),
    "AccessDenied": ("PermissionDenied", "VirtualizationOperationFailedException"),
    "InvalidState": ("InvalidOperation", "VirtualizationOperationFailedException"),
    "OperationFailed": ("NotSpecified", "VirtualizationOperationFailedException"),
    "ObjectInUse": ("ResourceBusy", "VirtualizationOperationFailedException"),
}


def refusal(desk: Desk, error_id: str, message: str, target: Any = None, hresult: int | None = None) -> Error:
    """An error of a Hyper-V cmdlet. Ids and exceptions as posted from running systems for InvalidParameter,
    AccessDenied and OperationFailed; the category of the rest is from their names.
    """
    category, old = _KINDS[error_id]
    exception = "VirtualizationException" if desk.modern else old
    return Error(message, error_id, category, f"Microsoft.HyperV.PowerShell.{exception}", target, hresult)


def unknown_name(desk: Desk, name: str) -> Error:
    """No VM of that name."""
    return refusal(desk, "InvalidParameter", f'Hyper-V was unable to find a virtual machine with name "{name}".', name)


def unknown_id(desk: Desk, wanted: object) -> Error:
    """No VM of that id. The wording is quoted from memory by others; no verbatim answer is known."""
    text = f'Hyper-V was unable to find a virtual machine with id "{wanted}".'
    return refusal(desk, "InvalidParameter", text, wanted)


def each(value: Any) -> list[Any]:
    """The elements of a parameter that may be one value, a list, or nothing."""
    if value is None:
        return []
    if isinstance(value, net.NetList):
        return list(value.items)
    return list(value) if isinstance(value, list | tuple) else [value]


@lru_cache(maxsize=1024)
def wildcard(pattern: str) -> re.Pattern[str] | None:
    """PowerShell's wildcards * ? [a-z] with ` before a character meant as it is; None for text without any."""
    if not any(sign in pattern for sign in "*?["):
        return None
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        end = pattern.find("]", at + 2)
        if char == "`" and at + 1 < len(pattern):
            at += 1
            out.append(re.escape(pattern[at]))
        elif char == "*":
            out.append(".*")
        elif char == "?":
            out.append(".")
        elif char == "[" and end > 0:
            out.append("[" + re.sub(r"([\\^\[])", r"\\\1", pattern[at + 1:end]) + "]")
            at = end
        else:
            out.append(re.escape(char))
        at += 1
    try:
        return re.compile("".join(out), re.IGNORECASE | re.DOTALL)
    except re.error:  # a range the wrong way round; PowerShell refuses the pattern
        return None


def named(items: Iterable[T], pattern: str, name: Callable[[T], str]) -> list[T]:
    """The items whose name fits, in any case."""
    compiled = wildcard(pattern)
    if compiled is None:
        folded = pattern.lower()
        return [item for item in items if name(item).lower() == folded]
    return [item for item in items if compiled.fullmatch(name(item))]


def vms_of(desk: Desk) -> list[VM]:
    """The VMs registered on the host; planned ones are never among them."""
    with desk.world.lock:
        return list(desk.host.vms.values())


def find_by_name(desk: Desk, pattern: str) -> list[VM] | Error:
    """The VMs of that name; an error where a name without wildcards fits none."""
    found = named(vms_of(desk), pattern, lambda vm: vm.name)
    return found if found or wildcard(pattern) else unknown_name(desk, pattern)


def find_machines(desk: Desk, call: Call, desks: Callable[[Desk, Call], Iterable[Desk | Error]],
                  name_parameter: str = "VMName") -> Iterator[Machine | Error]:
    """The VMs that a call means by -VM or by name (on -ComputerName); all of the host where it names none."""
    if "VM" in call.bound:
        for item in each(call.bound["VM"]):
            yield machine_of(item)
        return
    for there in desks(desk, call):
        if isinstance(there, Error):
            yield there
            continue
        patterns = each(call.get(name_parameter))
        if not patterns:
            yield from (Machine(there.world, there.host, vm) for vm in vms_of(there))
        for pattern in patterns:
            found = find_by_name(there, str(pattern))
            if isinstance(found, Error):
                yield found
            else:
                yield from (Machine(there.world, there.host, vm) for vm in found)


def machine_of(item: Any) -> Machine:
    """The machine behind a VirtualMachine object. Raises Terminate for an object that came back from elsewhere."""
    live = item.live if isinstance(item, net.PSObject) else None
    if not isinstance(live, Machine):
        raise Terminate(Error("The object is not a virtual machine of this host.", "InvalidParameter",
                              "InvalidArgument", "Microsoft.HyperV.PowerShell.VirtualizationException", item))
    return live


def part_of(item: Any) -> Part:
    """What stands behind an object of a VM's part. Raises Terminate for an object that came back from elsewhere."""
    live = item.live if isinstance(item, net.PSObject) else None
    if not isinstance(live, Part):
        raise Terminate(Error("The object is not part of a virtual machine of this host.", "InvalidParameter",
                              "InvalidArgument", "Microsoft.HyperV.PowerShell.VirtualizationException", item))
    return live
