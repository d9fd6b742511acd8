"""The fault plan: each entry waits for its moment, strikes, and says so in the fabric's log.

The moment is a phase of a VM's move (``vm``, ``phase``, ``after`` seconds), or at once. What strikes on the wire then
takes the ``nth`` exchange from there on that fits (``host``, ``action``), ``times`` times over.

Kinds on the wire: drop (connection reset), lose-reply (done, but never told), truncate (half a reply, then reset), hang
(no answer, connection open), http-error (``status`` instead of an answer). And latency: from its moment on, every
connection to ``host`` and every exchange there takes ``milliseconds`` of real time more.
Kinds in the fabric: backup (``vm`` of ``host`` is backed up for ``lasts`` seconds, and says so), crash (``host`` dies,
back after ``down`` seconds; with ``down: 0`` it stays away), break-move (``how``, and ``leave`` for leftovers),
fill-disk (``host``, ``volume``, ``free``), leftover-planned (a planned VM of ``vm`` at ``host``), slow (``host``'s
network card has ``rate`` from now on), refuse-migrations (``host``'s port 6600 is shut).
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from winmigrate.errors import LabError
from winmigrate.lab.fabric import failures, outage, shapes
from winmigrate.lab.fabric.moves import PHASES
from winmigrate.lab.fabric.world import Host, World
from winmigrate.lab.wire.faults import Disruption, Exchange, Point
from winmigrate.marked import Key, Marked, Misfit, choice, load_marked, truth, whole, words

WIRE_KINDS: Mapping[str, tuple[Point, Literal["drop", "hang", "answer", "truncate"]]] = {
    "drop": ("request", "drop"), "lose-reply": ("reply", "drop"), "truncate": ("reply", "truncate"),
    "hang": ("request", "hang"), "http-error": ("request", "answer"),
}
FABRIC_KINDS = ("backup", "crash", "break-move", "fill-disk", "leftover-planned", "slow", "refuse-migrations")

LATENCY = "latency"

FAULT = shapes.table(
    "a fault such as {kind: drop, host: hv01, vm: web01, phase: storage}",
    kind=Key(choice(*WIRE_KINDS, LATENCY, *FABRIC_KINDS), True), id=words(), host=words(), vm=shapes.FREE,
    phase=choice(*PHASES), after=whole(0, 10**6), action=words(), nth=whole(1, 10**6), times=whole(1, 10**6),
    status=whole(400, 599), down=whole(0, 10**7), how=choice(*failures.BY_NAME), leave=truth(), volume=words(),
    free=shapes.SIZE, rate=shapes.RATE, lasts=whole(1, 10**6), milliseconds=whole(1, 60_000),
)

_NEEDS = {"backup": ("host", "vm", "lasts"), "crash": ("host",), "fill-disk": ("host", "volume"),
          "leftover-planned": ("host", "vm"),
          "slow": ("host", "rate"), "refuse-migrations": ("host",), "break-move": (),
          LATENCY: ("milliseconds",)}


@dataclass(slots=True, eq=False)
class PlannedFault:
    """An entry of the plan. ``state``: waiting (for its moment), armed (for an exchange), struck, missed."""

    id: str
    kind: str
    given: Mapping[str, Any]
    state: str = "waiting"
    seen: int = 0
    struck: int = 0

    def as_json(self) -> dict[str, Any]:
        facts = {key: value for key, value in self.given.items() if value is not None and key != "_at"}
        return {**facts, "id": self.id, "kind": self.kind, "state": self.state, "struck": self.struck}


def read_fault(marked: Marked, world: World) -> dict[str, Any]:
    """One entry, checked against the world. Raises Misfit."""
    found = FAULT.read(marked)
    missing = [key for key in _NEEDS.get(found["kind"], ()) if found[key] is None]
    if missing:
        raise Misfit(marked.fault(f"{found['kind']} needs {', '.join(missing)}"))
    if found["host"] is not None and found["host"] not in world.hosts:
        raise shapes.unknown_host(marked, found["host"], world.hosts)
    if found["kind"] == "break-move" and found["phase"] is None:
        raise Misfit(marked.fault("break-move needs phase"))
    return found


class FaultPlan:
    """The plan of one fabric. It hears of phases from the world and is asked by the wire at each exchange."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._faults: list[PlannedFault] = []
        world.watchers.append(self._heard)

    def add(self, given: Mapping[str, Any]) -> PlannedFault:
        """Adds an entry as :func:`read_fault` gives it. One without a phase has its moment now."""
        with self._lock:
            taken = {fault.id for fault in self._faults}
            name = given["id"] or next(f"fault-{n}" for n in range(1, len(taken) + 2) if f"fault-{n}" not in taken)
            if name in taken:
                raise LabError(f'there is a fault "{name}" already')
            fault = PlannedFault(name, given["kind"], given)
            self._faults.append(fault)
        if given["phase"] is None:
            self._moment(fault, None)
        return fault

    def add_json(self, given: Mapping[str, Any]) -> PlannedFault:
        """The same from a JSON value, as the control socket has it. Raises LabError or InputFaults."""
        marked = load_marked(json.dumps(given, ensure_ascii=False), "fault")
        try:
            return self.add(read_fault(marked, self._world))
        except Misfit as misfit:
            raise LabError("; ".join(f"{fault.path}: {fault.message}" if fault.path else fault.message
                                     for fault in misfit.faults)) from misfit

    def faults(self) -> list[PlannedFault]:
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        """Forgets every entry; what has struck stays as it is."""
        with self._lock:
            self._faults.clear()

    # --- the wire asks -----------------------------------------------------------------------------------------------

    def strike(self, point: Point, exchange: Exchange) -> Disruption | None:
        """See winmigrate.lab.wire.faults.WireFaults."""
        host = self._world.host(exchange.host)
        if host is not None and not host.reachable:
            return Disruption("drop")  # a dead host says nothing, also not what it had just worked out
        with self._lock:
            late = sum(fault.given["milliseconds"] for fault in self._faults
                       if fault.kind == LATENCY and fault.state == "armed" and self._fits(fault, exchange))
        if late and point != "reply":
            time.sleep(late / 1000)
        with self._lock:
            for fault in self._faults:
                kind = WIRE_KINDS.get(fault.kind)
                if fault.state != "armed" or kind is None or kind[0] != point or not self._fits(fault, exchange):
                    continue
                fault.seen += 1
                if fault.seen < (fault.given["nth"] or 1):
                    continue
                fault.struck += 1
                if fault.struck >= (fault.given["times"] or 1):
                    fault.state = "struck"
                self._world.log.write("fault", id=fault.id, what=fault.kind, point=point, action=exchange.action,
                                      host=host.key if host is not None else exchange.host)
                return Disruption(kind[1], fault.given["status"] or 500)
        return None

    def _fits(self, fault: PlannedFault, exchange: Exchange) -> bool:
        wanted = fault.given["host"]
        if wanted is not None and self._world.host(exchange.host) is not self._world.hosts[wanted]:
            return False
        action = fault.given["action"]
        return action is None or action.lower() == exchange.action.lower()

    # --- the world tells ---------------------------------------------------------------------------------------------

    def _heard(self, what: str, facts: Mapping[str, Any]) -> None:
        if what != "phase":
            return
        with self._lock:
            due = [fault for fault in self._faults
                   if fault.state == "waiting" and fault.given["phase"] == facts["phase"]
                   and (fault.given["vm"] or facts["name"]).lower() in (facts["name"].lower(), facts["vm"].lower())]
            for fault in due:
                fault.state = "due"
        for fault in due:
            self._later(fault, facts["job"])

    def _later(self, fault: PlannedFault, job: str) -> None:
        after = fault.given["after"] or 0
        if not after:
            self._moment(fault, job)
            return

        def come(at: float) -> None:
            with self._world.lock:
                move = self._world.moves.get(job)
                if move is None or move.over or move.phase != fault.given["phase"]:
                    fault.state = "missed"
                    self._world.log.write("fault-missed", id=fault.id)
                else:
                    self._moment(fault, job)

        self._world.clock.at(self._world.clock.monotonic() + after, come)

    def _moment(self, fault: PlannedFault, job: str | None) -> None:
        if fault.kind in WIRE_KINDS or fault.kind == LATENCY:
            fault.state = "armed"
            return
        fault.state = "struck"
        fault.struck += 1
        self._world.log.write("fault", id=fault.id, what=fault.kind, host=fault.given["host"] or "")
        with self._world.lock:
            _STRIKES[fault.kind](self._world, fault.given, job)


def _host(world: World, given: Mapping[str, Any]) -> Host:
    return world.hosts[given["host"]]


def _crash(world: World, given: Mapping[str, Any], job: str | None) -> None:
    down = outage.REBOOT if given["down"] is None else float(given["down"])
    outage.crash(world, _host(world, given), back_after=down or None)


def _break(world: World, given: Mapping[str, Any], job: str | None) -> None:
    move = world.moves[job] if job is not None else None
    if move is not None:
        outage.break_move(world, move, given["how"] or "reset", leave=bool(given["leave"]))


def _fill(world: World, given: Mapping[str, Any], job: str | None) -> None:
    outage.fill_disk(world, _host(world, given), given["volume"], given["free"] or 0)


def _leftover(world: World, given: Mapping[str, Any], job: str | None) -> None:
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


def _backup(world: World, given: Mapping[str, Any], job: str | None) -> None:
    wanted = given["vm"].lower()
    vm = next((vm for vm in _host(world, given).vms.values() if wanted in (vm.name.lower(), str(vm.id))), None)
    if vm is None:
        raise LabError(f'no VM "{given["vm"]}" on {given["host"]}')
    vm.secondary_status = "BackingUpVirtualMachine"

    def over(at: float) -> None:
        with world.lock:
            if vm.secondary_status == "BackingUpVirtualMachine":
                vm.secondary_status = None

    world.clock.at(world.clock.monotonic() + given["lasts"], over)


def _slow(world: World, given: Mapping[str, Any], job: str | None) -> None:
    _host(world, given).nic_rate = given["rate"]
    world.links.reshare(world.clock.monotonic())


def _refuse(world: World, given: Mapping[str, Any], job: str | None) -> None:
    _host(world, given).migration.listening = False


_STRIKES: Mapping[str, Callable[[World, Mapping[str, Any], str | None], None]] = {
    "backup": _backup, "crash": _crash, "break-move": _break, "fill-disk": _fill,
    "leftover-planned": _leftover, "slow": _slow,
    "refuse-migrations": _refuse,
}
