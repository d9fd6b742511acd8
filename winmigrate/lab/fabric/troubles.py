"""What else goes wrong in a fabric: services, networks, the domain, other people. See :mod:`winmigrate.lab.faults`.

Every function here is called with the world's lock held. What lasts for a while ends by itself on the fabric's clock.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from winmigrate.errors import LabError
from winmigrate.lab.fabric import failures
from winmigrate.lab.fabric.files import FileEntry, Vhd, folder_of, join, leaf
from winmigrate.lab.fabric.layout import lay_out
from winmigrate.lab.fabric.machine import MIB
from winmigrate.lab.fabric.moves import Move
from winmigrate.lab.fabric.world import VM, Checkpoint, Host, User, World

#: Seconds that VMMS needs to come back, and that a connection is silent before Windows gives it up.
RESTART = 15.0
SILENCE = 21.0
#: What a network card carries while it is stalled; none at all would divide by zero.
NOTHING = 1.0


def later(world: World, seconds: float, act: Callable[[float], None]) -> None:
    """Does something under the world's lock, that many seconds of the fabric from now."""

    def run(at: float) -> None:
        with world.lock:
            act(at)
            world.clock.changed()

    world.clock.at(world.clock.monotonic() + seconds, run)


def vm_named(host: Host, wanted: str) -> VM:
    """The VM of that name or Id on a host. Raises LabError where there is none."""
    folded = wanted.lower()
    found = next((vm for vm in host.vms.values() if folded in (vm.name.lower(), str(vm.id))), None)
    if found is None:
        raise LabError(f'no VM "{wanted}" on {host.key}')
    return found


# --- services and networks -------------------------------------------------------------------------------------------


def restart_vmms(world: World, host: Host, lasts: float = RESTART) -> None:
    """VMMS of a host ends and comes back. Its VMs go on; its jobs are forgotten, and moves that had not landed fail."""
    service = host.services["vmms"]
    if service.state != "Running":
        return
    service.state = "Stopped"
    at = world.clock.monotonic()
    for move in list(world.moves.values()):
        if not move.over and host in (move.source, move.destination):
            move.crash(at, host)
    host.jobs.clear()

    def back(_at: float) -> None:
        service.state = "Running"

    later(world, lasts, back)


def split(world: World, host: Host, other: Host | None, lasts: float | None) -> None:
    """Nothing passes between two hosts, or between a host and who asks from outside (``other`` None).

    Moves between them stand still; where the network is not back in time, they fail as connections that time out.
    """
    pair = frozenset((host.key, other.key if other is not None else ""))
    world.splits.add(pair)
    ends = {"host": host.key, "other": other.key if other is not None else ""}
    world.tell("network-split", **ends)

    def joined(_at: float) -> None:
        world.splits.discard(pair)
        world.tell("network-joined", **ends)

    if lasts is not None:
        later(world, lasts, joined)
    if other is None:
        return
    for move in list(world.moves.values()):
        if not move.over and not move.landed and {move.source.key, move.destination.key} == pair:
            _silence(world, move, min(SILENCE, lasts) if lasts is not None else SILENCE)


def _silence(world: World, move: Move, seconds: float) -> None:
    move.hold(world.clock.monotonic())

    def end(at: float) -> None:
        if world.apart(move.source.key, move.destination.key):
            move.fail(at, failures.timed_out(move.vm, move.destination), leave=True)
        else:
            move.go_on(at)

    later(world, seconds, end)


def stall(world: World, host: Host, lasts: float, every: float, times: int) -> None:
    """Lost packets: a host's network card stands still for ``lasts`` of every ``every`` seconds, ``times`` times."""
    rate = host.nic_rate

    def stop(at: float, left: int) -> None:
        host.nic_rate = NOTHING
        world.links.reshare(at)
        later(world, lasts, lambda when: go(when, left))

    def go(at: float, left: int) -> None:
        host.nic_rate = rate
        world.links.reshare(at)
        if left > 1:
            later(world, max(every - lasts, 0.0), lambda when: stop(when, left - 1))

    stop(world.clock.monotonic(), times)


def take_memory(world: World, host: Host, leave: int, lasts: float | None) -> None:
    """Something else takes a host's memory, but for ``leave`` bytes; it gives it back after ``lasts`` seconds."""
    taken = max(0, host.memory_free() - leave)
    host.memory_reserved += taken

    def back(_at: float) -> None:
        host.memory_reserved -= taken

    if lasts is not None:
        later(world, lasts, back)


# --- the domain ------------------------------------------------------------------------------------------------------


def lose_domain(world: World, lasts: float | None) -> None:
    """No domain controller answers, of any domain: no log-on of a domain's user, and no delegation. Sessions that are
    open go on.
    """
    lost = [domain for domain in world.domains if domain.reachable]
    for domain in lost:
        domain.reachable = False

    def back(_at: float) -> None:
        for domain in lost:
            domain.reachable = True

    if lasts is not None:
        later(world, lasts, back)


def expire(user: User) -> None:
    """A password is too old from now on: no further log-on with it. Sessions that are open go on."""
    user.expired = True


# --- other people ----------------------------------------------------------------------------------------------------


def rename(host: Host, wanted: str, name: str) -> None:
    vm_named(host, wanted).name = name


def _note(world: World, host: Host, vm: VM) -> None:
    vm.notes = f"{vm.notes}\nchanged meanwhile".strip()


def _disconnect(world: World, host: Host, vm: VM) -> None:
    for adapter in vm.adapters:
        adapter.switch_name = adapter.switch_id = None


def _turn_off(world: World, host: Host, vm: VM) -> None:
    vm.state, vm.memory.assigned = "Off", 0


def _remove(world: World, host: Host, vm: VM) -> None:
    del host.vms[vm.id]


def _checkpoint(world: World, host: Host, vm: VM) -> None:
    point = Checkpoint(world.new_id(), "taken meanwhile", vm.parent_checkpoint, world.clock.now(),
                       copy.deepcopy(vm.disks), path=vm.snapshot_path)
    number = str(world.new_id()).upper()
    for disk in vm.disks:
        entry = host.files.get(disk.path) if disk.path is not None else None
        if entry is None or entry.vhd is None:
            continue
        path = join(folder_of(entry.path), f"{leaf(entry.path).rpartition('.')[0]}_{number}.avhdx")
        host.files.add(FileEntry(path, 4 * MIB, "vhd", Vhd(
            entry.vhd.size, "Differencing", entry.vhd.format, entry.path, world.new_id())))
        disk.path = path
    vm.checkpoints.append(point)
    vm.parent_checkpoint = point.id


CHANGES: dict[str, Callable[[World, Host, VM], None]] = {
    "notes": _note, "disconnect": _disconnect, "off": _turn_off, "remove": _remove, "checkpoint": _checkpoint,
}


def change(world: World, host: Host, wanted: str, what: str) -> None:
    """Another administrator does something to a VM. Raises LabError where VMMS would refuse him: it is being moved."""
    vm = vm_named(host, wanted)
    if what != "notes" and any(not move.over and move.vm is vm for move in world.moves.values()):
        raise LabError(f'"{vm.name}" is on its way: Hyper-V refuses to change it')
    CHANGES[what](world, host, vm)


# --- jobs ------------------------------------------------------------------------------------------------------------


def stick(world: World, move: Move, lasts: float | None) -> None:
    """A move stays at its percentage, for ``lasts`` seconds or until it is cancelled."""
    move.hold(world.clock.monotonic())
    if lasts is not None:
        later(world, lasts, move.go_on)


def forget(move: Move) -> None:
    """The source knows of the job no more, whatever becomes of the move."""
    if move.job in move.source.jobs:
        move.source.jobs.remove(move.job)


def leftover_file(host: Host, move: Move) -> None:
    """A file lies where the move's first disk is to go."""
    layout = lay_out(move.source, move.vm, move.settings)
    for way in layout.copies[:1]:
        if way.target not in host.files:
            host.files.add(FileEntry(way.target, way.source.size, "file"))
