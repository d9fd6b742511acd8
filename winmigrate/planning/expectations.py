"""Expectations read against facts: pure. Law of execution 6.

A step carries what must hold when it starts. One that does not hold refuses this step and what depends on it; one that
cannot be read does too, for a move is never started on a guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from winmigrate.facts import Unreadable
from winmigrate.planning.plan import Expectation, ExpectationKind, Step
from winmigrate.survey import HostFacts, path_key
from winmigrate.windows.storage import FileItem

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Now:
    """What is at the moment. ``files``: what lies at the paths asked, by path_key, None for nothing.

    ``in_flight``: bytes that moves of this run which are under way will still take, by (host, "memory" or volume).
    """

    hosts: Mapping[str, HostFacts]
    files: Mapping[str, FileItem | Unreadable | None] = field(default_factory=dict)
    in_flight: Mapping[tuple[str, str], int] = field(default_factory=dict)


def unmet(step: Step, now: Now) -> tuple[str, ...]:
    """A sentence for each expectation of the step that does not hold, or cannot be read; empty if all hold."""
    return tuple(text for item in step.expectations if (text := _unmet(step, item, now)))


def disks_digest(paths: Iterable[str]) -> str:
    """What stays the same as long as a VM stands on the same files."""
    text = "\n".join(sorted(path.casefold() for path in paths))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _unmet(step: Step, item: Expectation, now: Now) -> str:
    facts = now.hosts.get(item.host)
    if facts is None:
        return f"{item.host} could not be read just before the start"
    return _READ[item.kind](step, item, facts, now)


def _vm_on_source(step: Step, item: Expectation, facts: HostFacts, now: Now) -> str:
    vm = facts.vm(item.subject)
    if isinstance(vm, Unreadable):
        return f"the VMs of {item.host} cannot be read: {vm.reason}"
    return "" if vm is not None else f"{step.move.vm_name} is no longer on {item.host}"


def _vm_state(step: Step, item: Expectation, facts: HostFacts, now: Now) -> str:
    vm_id, _, wanted = item.subject.partition("=")
    vm = facts.vm(vm_id)
    if vm is None:
        return ""  # told by VM_ON_SOURCE
    if isinstance(vm, Unreadable):
        return f"the state of {step.move.vm_name} cannot be read: {vm.reason}"
    if isinstance(vm.state, Unreadable):
        return f"the state of {step.move.vm_name} cannot be read: {vm.state.reason}"
    return "" if vm.state == wanted else f"{step.move.vm_name} was planned {wanted.lower()} and is {vm.state.lower()}"


def _vm_absent(step: Step, item: Expectation, facts: HostFacts, now: Now) -> str:
    vm = facts.vm(item.subject)
    if isinstance(vm, Unreadable):
        return f"the VMs of {item.host} cannot be read: {vm.reason}"
    return "" if vm is None else f"a VM with the Id of {step.move.vm_name} is on {item.host} already"


def _free_memory(step: Step, item: Expectation, facts: HostFacts, now: Now) -> str:
    system = facts.operating_system
    free = system if isinstance(system, Unreadable) else system.free_physical_memory
    if isinstance(free, Unreadable):
        return f"the free memory of {item.host} cannot be read: {free.reason}"
    left = free * 1024 - now.in_flight.get((item.host, "memory"), 0)
    if left >= item.amount:
        return ""
    return f"{item.host} has {_gib(left)} of memory free, {_gib(item.amount)} were expected"


def _free_disk(step: Step, item: Expectation, facts: HostFacts, now: Now) -> str:
    volume = facts.volume_of(item.subject + "\\")
    if volume is None:
        return f"{item.host} has no volume {item.subject}"
    left = volume if isinstance(volume, Unreadable) else volume.size_remaining
    if isinstance(left, Unreadable):
        return f"the free space of {item.subject} on {item.host} cannot be read: {left.reason}"
    left -= now.in_flight.get((item.host, item.subject), 0)
    if left >= item.amount:
        return ""
    return f"{item.subject} on {item.host} has {_gib(left)} free, {_gib(item.amount)} were expected"


def _switch_exists(step: Step, item: Expectation, facts: HostFacts, now: Now) -> str:
    if isinstance(facts.switches, Unreadable):
        return f"the switches of {item.host} cannot be read: {facts.switches.reason}"
    names = [switch.name for switch in facts.switches if isinstance(switch.name, str)]
    if any(name.casefold() == item.subject.casefold() for name in names):
        return ""
    return f'{item.host} no longer has a switch "{item.subject}" (it has {", ".join(sorted(names)) or "none"})'


def _files_absent(step: Step, item: Expectation, facts: HostFacts, now: Now) -> str:
    key = path_key(item.subject)
    if key not in now.files:
        return f"nobody could look whether {item.subject} exists on {item.host}"
    found = now.files[key]
    if isinstance(found, Unreadable):
        return f"nobody could look whether {item.subject} exists on {item.host}: {found.reason}"
    return "" if found is None else f"{item.subject} exists on {item.host} already"


def _disks_unchanged(step: Step, item: Expectation, facts: HostFacts, now: Now) -> str:
    chain = facts.chain_of(step.move.vm_id)
    if isinstance(chain, Unreadable):
        return f"the disks of {step.move.vm_name} cannot be read: {chain.reason}"
    paths = [vhd.path for vhd in chain if isinstance(vhd.path, str)]
    if disks_digest(paths) == item.subject:
        return ""
    return f"the disks of {step.move.vm_name} are not those that were planned (a disk, or a checkpoint, came or went)"


_READ = {
    ExpectationKind.VM_ON_SOURCE: _vm_on_source,
    ExpectationKind.VM_STATE: _vm_state,
    ExpectationKind.VM_ABSENT: _vm_absent,
    ExpectationKind.FREE_MEMORY: _free_memory,
    ExpectationKind.FREE_DISK: _free_disk,
    ExpectationKind.SWITCH_EXISTS: _switch_exists,
    ExpectationKind.FILES_ABSENT: _files_absent,
    ExpectationKind.DISKS_UNCHANGED: _disks_unchanged,
}


def _gib(amount: int) -> str:
    return f"{amount / GIB:.1f} GiB"
