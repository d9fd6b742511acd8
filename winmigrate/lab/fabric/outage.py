"""Hosts that die and come back, and networks that break under a move."""

from __future__ import annotations

from winmigrate.errors import LabError
from winmigrate.lab.fabric import failures
from winmigrate.lab.fabric.layout import lay_out
from winmigrate.lab.fabric.moves import Move
from winmigrate.lab.fabric.world import VM, Host, World

#: Seconds from power off to answering again.
REBOOT = 180.0


def crash(world: World, host: Host, *, back_after: float | None = REBOOT) -> None:
    """The host is gone at once; ``back_after`` seconds later it is up again (None: never by itself).

    Moves to it end at their source with a reset connection, files and planned VMs stay behind. Moves from it are
    forgotten; their VMs, unless they had landed, are the source's when it is back.
    """
    with world.lock:
        if not host.reachable:
            return
        at = world.clock.monotonic()
        host.reachable = False
        world.tell("host-down", host=host.key)
        for move in list(world.moves.values()):
            if host in (move.source, move.destination):
                move.crash(at, host)
        host.jobs.clear()
        _shares_gone(world, host, at)
        for vm in host.vms.values():
            if vm.state in ("Running", "Paused", "Starting", "Stopping"):
                vm.extra["state before the crash"] = vm.state
                vm.state = "Off"
                vm.memory.assigned = 0
        if back_after is not None:
            world.clock.at(at + back_after, lambda when: restore(world, host, when))
        world.clock.changed()


def restore(world: World, host: Host, at: float) -> None:
    """The host is back. VMs that ran, and may start by themselves, run again."""
    with world.lock:
        if host.reachable:
            return
        host.reachable = True
        host.boot_time = world.clock.date(at)
        _shares_back(world, host)
        for vm in host.vms.values():
            before = vm.extra.pop("state before the crash", None)
            if before is not None and vm.automatic_start_action != "Nothing":
                vm.state, vm.started_at = "Running", at
                vm.memory.assigned = vm.memory.startup
        world.tell("host-up", host=host.key)
        world.clock.changed()


def _standing_on(world: World, host: Host) -> list[tuple[Host, VM]]:
    """The machines elsewhere whose files are on shares of that host or file server."""
    roots = [f"{root.lower()}\\" for server in world.file_servers.values() if server.host is host
             for share in server.shares for root in (share.space.root, *share.space.aliases)]
    return [(other, vm) for other in world.hosts.values() if other is not host for vm in other.vms.values()
            if any(disk.path is not None and disk.path.lower().startswith(root)
                   for disk in vm.disks for root in roots)]


def _shares_gone(world: World, host: Host, at: float) -> None:
    """Hyper-V pauses running machines that have lost their storage; their migrations end."""
    for server in world.file_servers.values():
        if server.host is host:
            server.settle()
    for _, vm in _standing_on(world, host):
        for move in moves_of(world, vm.guid.lower()):
            if not move.landed:
                move.fail(at, failures.storage_lost(vm, move.source))
        if vm.running:
            vm.state = "PausedCritical"


def _shares_back(world: World, host: Host) -> None:
    for server in world.file_servers.values():
        if server.host is host:
            server.settle()
    for _, vm in _standing_on(world, host):
        if vm.state == "PausedCritical":
            vm.state = "Running"


def moves_of(world: World, vm: str) -> list[Move]:
    """The moves on their way of VMs of that name or Id (any VM for an empty text)."""
    wanted = vm.lower()
    return [move for move in world.moves.values()
            if not move.over and (not wanted or wanted in (move.vm.name.lower(), str(move.vm.id)))]


def break_move(world: World, move: Move, how: str, *, leave: bool) -> bool:
    """Lets a move fail now. ``how``: one of failures.BY_NAME. False if it has landed or ended.

    Raises LabError for an unknown way.
    """
    with world.lock:
        if move.over or move.landed or move.phase == "cleanup":
            return False
        layout = lay_out(move.source, move.vm, move.settings)
        path = layout.copies[-1].target if layout.copies else layout.config
        try:
            failure = failures.by_name(how, move.vm, move.source, move.destination, path)
        except KeyError:
            raise LabError(f'a move cannot break by "{how}" (one of {", ".join(failures.BY_NAME)})') from None
        move.fail(world.clock.monotonic(), failure, leave=leave)
        world.clock.changed()
        return True


def fill_disk(world: World, host: Host, letter: str, leave_free: int = 0) -> None:
    """Something else fills a volume, but for ``leave_free`` bytes. Raises LabError where there is no such volume."""
    with world.lock:
        volume = host.volumes.get(letter.upper().rstrip(":"))
        if volume is None:
            raise LabError(f"host {host.key} has no volume {letter}")
        volume.other += max(0, host.free(volume.letter) - leave_free)
