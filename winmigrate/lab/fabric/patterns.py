"""Many of a kind in few lines: a host or VM of a fabric file with ``count`` stands for so many, ``{n}`` for its number.

``{n}`` counts from 1, ``{n:03}`` with leading zeros; within a counted VM it is the VM's own number, and ``{host}`` the
name of its host. Only what has a ``count`` is written anew: braces in the names and notes of others mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from winmigrate.errors import Fault
from winmigrate.marked import Marked, Misfit, shown

MOST = 10_000
_NUMBER = re.compile(r"\{n(?::(\d{1,2}))?\}")
_HOST = "{host}"


def expand(fabric: Marked) -> Marked:
    """The fabric with everything that is counted written out. What is no mapping is left for the shapes to refuse.

    Raises Misfit: a counted thing whose name has no ``{n}``, or a name that comes twice.
    """
    hosts = fabric.child("hosts")
    if not isinstance(fabric.value, dict) or hosts is None or not isinstance(hosts.value, dict):
        return fabric
    faults: list[Fault] = []
    made: dict[str, Marked] = {}
    for key, host in hosts.value.items():
        for name, one in _written_out(key, host, faults):
            if name in made:
                faults.append(one.key_fault(f"the name {shown(name)} comes twice"))
            made[name] = _host(name, one, faults)
    if faults:
        raise Misfit(*faults)
    return replace(fabric, value={**fabric.value, "hosts": replace(hosts, value=made)})


def _host(name: str, host: Marked, faults: list[Fault]) -> Marked:
    vms = host.child("vms")
    if not isinstance(host.value, dict) or vms is None:
        return host
    if isinstance(vms.value, dict):
        found: dict[str, Marked] = {}
        for key, vm in vms.value.items():
            for own, one in _written_out(key, vm, faults, name):
                if own in found:
                    faults.append(one.key_fault(f"the name {shown(own)} comes twice"))
                found[own] = one
        return replace(host, value={**host.value, "vms": replace(vms, value=found)})
    if isinstance(vms.value, list):
        many = [one for vm in vms.value for _, one in _written_out(_name_of(vm), vm, faults, name)]
        return replace(host, value={**host.value, "vms": replace(vms, value=many)})
    return host


def _name_of(vm: Marked) -> str:
    name = vm.child("name")
    return name.text if name is not None else ""


def _written_out(key: str, item: Marked, faults: list[Fault], host: str | None = None) -> Iterable[tuple[str, Marked]]:
    count = item.child("count")
    number = count.value if count is not None else None
    if count is None or not isinstance(item.value, dict) or isinstance(number, bool) or not isinstance(number, int):
        return [(key, item)]
    if not 0 <= number <= MOST:
        faults.append(count.fault(f"{number} is out of range; wanted: a whole number from 0 to {MOST}"))
        return []
    if _NUMBER.search(key) is None:
        faults.append(item.key_fault(f"{shown(key)} is counted; wanted: a name with {{n}} in it, such as web{{n:02}}"))
        return []
    rest = replace(item, value={name: one for name, one in item.value.items() if name != "count"})
    return [(_text(key, n, host), _filled(rest, n, host)) for n in range(1, number + 1)]


def _text(text: str, number: int, host: str | None) -> str:
    filled = _NUMBER.sub(lambda match: format(number, f"0{match[1]}d" if match[1] else "d"), text)
    return filled if host is None else filled.replace(_HOST, host)


def _filled(item: Marked, number: int, host: str | None) -> Marked:
    """A copy with the numbers in it. A counted VM within a counted host keeps its own for later."""
    value = item.value
    if isinstance(value, dict):
        return replace(item, value={
            key: one if host is None and key == "vms" else _filled(one, number, host) for key, one in value.items()})
    if isinstance(value, list):
        return replace(item, value=[_filled(one, number, host) for one in value])
    if isinstance(value, str) and "{" in value:
        text = _text(value, number, host)
        return replace(item, value=text, text=text)
    return item
