"""Remove-VMSnapshot: the checkpoint is gone at once, its disks are merged afterwards, as on a running machine.

A checkpoint's disk is the parent of the disk that was written since. Merging puts that one into its parent and takes it
away; where another checkpoint hangs on the same parent, both stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from winmigrate.lab.cmdlets.desk import Desk, each, find_machines, named, part_of, refusal, wildcard
from winmigrate.lab.cmdlets.hop import desks, error_of
from winmigrate.lab.cmdlets.machine import Machine, Part, show_checkpoint
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess
from winmigrate.lab.fabric import failures
from winmigrate.lab.fabric.files import FileEntry, fold, letter_of
from winmigrate.lab.fabric.migration import busy
from winmigrate.lab.fabric.world import Checkpoint

#: Seconds that a merge takes at least; beyond that it is the disk's size at the volume's speed.
LEAST = 2.0


def remove_checkpoints(desk: Desk, call: Call) -> Iterator[Effect]:
    """Remove-VMSnapshot by name or object, with -IncludeAllChildSnapshots."""
    for part in _checkpoints(desk, call):
        if isinstance(part, Error):
            yield part
            continue
        machine, point = part.machine, part.item
        if busy(machine.world, machine.vm.id):
            yield error_of(desk, failures.in_its_state(machine.vm))
            continue
        if not (yield ShouldProcess(point.name, "Remove-VMSnapshot")):
            continue
        doomed = [*_descendants(machine, point), point] if call.get("IncludeAllChildSnapshots") else [point]
        shown = show_checkpoint(machine, point)
        with machine.world.lock:
            for one in doomed:
                _remove(machine, one)
        if call.get("Passthru"):
            yield Output(shown)


def _checkpoints(desk: Desk, call: Call) -> Iterator[Part | Error]:
    if "VMSnapshot" in call.bound:
        yield from (part_of(item) for item in each(call.bound["VMSnapshot"]))
        return
    patterns = [str(name) for name in each(call.get("Name"))] or ["*"]
    for machine in find_machines(desk, call, desks):
        if isinstance(machine, Error):
            yield machine
            continue
        for pattern in patterns:
            found = named(list(machine.vm.checkpoints), pattern, lambda one: one.name)
            yield from (Part(machine, point, point) for point in found)
            if not found and wildcard(pattern) is None:
                yield refusal(desk, "InvalidParameter", "Hyper-V was unable to find a checkpoint with the name "
                              f'"{pattern}".', pattern)


def _descendants(machine: Machine, point: Checkpoint) -> list[Checkpoint]:
    """Those below it, deepest first."""
    found: list[Checkpoint] = []
    for child in machine.vm.checkpoints:
        if child.parent == point.id:
            found += [*_descendants(machine, child), child]
    return found


def _remove(machine: Machine, point: Checkpoint) -> None:
    vm, world = machine.vm, machine.world
    if point not in vm.checkpoints:
        return
    vm.checkpoints.remove(point)
    for child in vm.checkpoints:
        if child.parent == point.id:
            child.parent = point.parent
    if vm.parent_checkpoint == point.id:
        vm.parent_checkpoint = point.parent
    written = [entry for disk in point.disks if disk.path is not None for entry in _written_since(machine, disk.path)]
    if not written:
        return
    vm.secondary_status = "MergingDisks"
    rates = [machine.host.volumes[letter].write_rate for letter in {letter_of(entry.path) for entry in written}
             if letter in machine.host.volumes]
    seconds = max(LEAST, sum(entry.size for entry in written) / min(rates, default=float("inf")))

    def merged(at: float) -> None:
        with world.lock:
            if vm.secondary_status == "MergingDisks":
                vm.secondary_status = None
            for entry in written:
                _merge(machine, entry)

    world.clock.at(world.clock.monotonic() + seconds, merged)


def _written_since(machine: Machine, parent: str) -> list[FileEntry]:
    """The one disk that hangs on ``parent``; none where nothing does, or more than one, or a checkpoint needs it."""
    held = {fold(disk.path) for point in machine.vm.checkpoints for disk in point.disks if disk.path is not None}
    children = [entry for entry in machine.host.files
                if entry.vhd is not None and entry.vhd.parent is not None and fold(entry.vhd.parent) == fold(parent)]
    return children if len(children) == 1 and fold(parent) not in held else []


def _merge(machine: Machine, child: FileEntry) -> None:
    files = machine.host.files
    if child.vhd is None or child.vhd.parent is None:
        return
    parent = files.get(child.vhd.parent)
    if parent is None or files.get(child.path) is not child:
        return
    parent.size += child.size
    for entry in files:
        if entry.vhd is not None and entry.vhd.parent is not None and fold(entry.vhd.parent) == fold(child.path):
            entry.vhd.parent = parent.path
    for disk in machine.vm.all_disks():
        if disk.path is not None and fold(disk.path) == fold(child.path):
            disk.path = parent.path
    files.remove(child.path)
