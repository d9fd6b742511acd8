"""What each fault of the fabric does when its moment has come. Called with the world's lock held."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from winmigrate.errors import LabError, did_you_mean
from winmigrate.lab.fabric import outage, troubles
from winmigrate.lab.fabric.moves import Move
from winmigrate.lab.fabric.world import Host, World

Given = Mapping[str, Any]


def _host(world: World, given: Given) -> Host:
    host: Host | None = world.hosts.get(given["host"])
    return host if host is not None else world.file_servers[given["host"]].host


def _moves(world: World, given: Given, job: str | None) -> list[Move]:
    """The move whose phase it was; at no phase, those on their way of ``vm`` (all without one)."""
    if job is not None:
        return [world.moves[job]]
    found = outage.moves_of(world, given["vm"] or "")
    if not found:
        raise LabError(f'no move of {given["vm"] or "any VM"} is on its way')
    return found


def _crash(world: World, given: Given, job: str | None) -> None:
    down = outage.REBOOT if given["down"] is None else float(given["down"])
    outage.crash(world, _host(world, given), back_after=down or None)


def _break(world: World, given: Given, job: str | None) -> None:
    for move in _moves(world, given, job):
        outage.break_move(world, move, given["how"] or "reset", leave=bool(given["leave"]))


def _fill(world: World, given: Given, job: str | None) -> None:
    outage.fill_disk(world, _host(world, given), given["volume"], given["free"] or 0)


def _leftover(world: World, given: Given, job: str | None) -> None:
    wanted = given["vm"].lower()
    for host in world.hosts.values():
        for vm in host.vms.values():
            if wanted in (vm.name.lower(), str(vm.id)) and host.key != given["host"]:
                planned = copy.deepcopy(vm)
                planned.planned, planned.planned_from, planned.state = True, host.name, "Off"
                planned.memory.assigned = 0
                _host(world, given).planned[vm.id] = planned
                return
    raise LabError(f'no VM "{given["vm"]}" on another host than {given["host"]}')


def _backup(world: World, given: Given, job: str | None) -> None:
    vm = troubles.vm_named(_host(world, given), given["vm"])
    vm.secondary_status = "BackingUpVirtualMachine"

    def over(_at: float) -> None:
        if vm.secondary_status == "BackingUpVirtualMachine":
            vm.secondary_status = None

    troubles.later(world, given["lasts"], over)


def _slow(world: World, given: Given, job: str | None) -> None:
    _host(world, given).nic_rate = given["rate"]
    world.links.reshare(world.clock.monotonic())


def _refuse(world: World, given: Given, job: str | None) -> None:
    _host(world, given).migration.listening = False


def _restart(world: World, given: Given, job: str | None) -> None:
    troubles.restart_vmms(world, _host(world, given), given["lasts"] or troubles.RESTART)


def _split(world: World, given: Given, job: str | None) -> None:
    other = world.hosts[given["other"]] if given["other"] is not None else None
    troubles.split(world, _host(world, given), other, given["lasts"])


def _stall(world: World, given: Given, job: str | None) -> None:
    lasts = float(given["lasts"])
    troubles.stall(world, _host(world, given), lasts, float(given["every"] or 2 * lasts), given["times"] or 1)


def _memory(world: World, given: Given, job: str | None) -> None:
    troubles.take_memory(world, _host(world, given), given["free"] or 0, given["lasts"])


def _rename(world: World, given: Given, job: str | None) -> None:
    troubles.rename(_host(world, given), given["vm"], given["to"])


def _change(world: World, given: Given, job: str | None) -> None:
    troubles.change(world, _host(world, given), given["vm"], given["what"])


def _finish(world: World, given: Given, job: str | None) -> None:
    for move in _moves(world, given, job):
        move.hurry(world.clock.monotonic())


def _stick(world: World, given: Given, job: str | None) -> None:
    for move in _moves(world, given, job):
        troubles.stick(world, move, given["lasts"])


def _forget(world: World, given: Given, job: str | None) -> None:
    for move in _moves(world, given, job):
        troubles.forget(move)


def _leftover_file(world: World, given: Given, job: str | None) -> None:
    for move in _moves(world, given, job):
        troubles.leftover_file(move.destination, move)


def _no_domain(world: World, given: Given, job: str | None) -> None:
    troubles.lose_domain(world, given["lasts"])


def _expire(world: World, given: Given, job: str | None) -> None:
    user = world.user(given["user"])
    if user is None:
        known = [one.qualified for one in world.users]
        raise LabError(f'no user "{given["user"]}" in this fabric{did_you_mean(given["user"], known)}')
    troubles.expire(user)


def _jump(world: World, given: Given, job: str | None) -> None:
    _host(world, given).clock_skew += given["seconds"]


#: Kind -> what it does, and the keys that it cannot do without.
STRIKES: Mapping[str, tuple[Callable[[World, Given, str | None], None], tuple[str, ...]]] = {
    "backup": (_backup, ("host", "vm", "lasts")),
    "crash": (_crash, ("host",)),
    "break-move": (_break, ("phase",)),
    "fill-disk": (_fill, ("host", "volume")),
    "leftover-planned": (_leftover, ("host", "vm")),
    "leftover-file": (_leftover_file, ("phase",)),
    "slow": (_slow, ("host", "rate")),
    "refuse-migrations": (_refuse, ("host",)),
    "restart-vmms": (_restart, ("host",)),
    "split": (_split, ("host",)),
    "stall": (_stall, ("host", "lasts")),
    "take-memory": (_memory, ("host",)),
    "rename-vm": (_rename, ("host", "vm", "to")),
    "change-vm": (_change, ("host", "vm", "what")),
    "finish-move": (_finish, ()),
    "stick-job": (_stick, ()),
    "forget-job": (_forget, ()),
    "no-domain": (_no_domain, ()),
    "expire-password": (_expire, ("user",)),
    "clock-jump": (_jump, ("host", "seconds")),
}
