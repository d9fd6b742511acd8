"""The fault plan: each entry waits for its moment, strikes, and says so in the fabric's log.

The moment is a phase of a VM's move (``vm``, ``phase``, ``after`` seconds); without a phase it is at once, or ``after``
seconds from when it was planned. What strikes on the wire then takes the ``nth`` exchange from there on that fits
(``host``, ``action``), ``times`` times over. docs/lab.md has the table of all kinds.

Kinds on the wire: drop (connection reset), lose-reply (done, but never told), truncate (half a reply, then reset), hang
(no answer, connection open), http-error (``status`` instead of an answer). From its moment on: latency (every
connection to ``host`` and every exchange there takes ``milliseconds`` of real time more) and loss (each ``nth`` of
them does, as a packet that is sent again).
Kinds in the fabric are those of :mod:`winmigrate.lab.faults.strikes`, and in its clusters those of
:mod:`winmigrate.lab.faults.cluster_strikes`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from winmigrate.errors import LabError, did_you_mean
from winmigrate.lab.fabric import failures, shapes, troubles
from winmigrate.lab.fabric.phases import PHASES
from winmigrate.lab.fabric.world import World
from winmigrate.lab.faults import cluster_strikes
from winmigrate.lab.faults.cluster_strikes import CLUSTER_STRIKES
from winmigrate.lab.faults.drawing import draw
from winmigrate.lab.faults.strikes import STRIKES as HOST_STRIKES
from winmigrate.lab.wire.faults import Disruption, Exchange, Point
from winmigrate.marked import Key, Marked, Misfit, choice, load_marked, shown, truth, whole, words

WIRE_KINDS: Mapping[str, tuple[Point, Literal["drop", "hang", "answer", "truncate"]]] = {
    "drop": ("request", "drop"), "lose-reply": ("reply", "drop"), "truncate": ("reply", "truncate"),
    "hang": ("request", "hang"), "http-error": ("request", "answer"),
}
#: What strikes in the fabric.
STRIKES = {**HOST_STRIKES, **CLUSTER_STRIKES}
#: Exchanges of a host that take longer: each, or one in some.
LATENCY, LOSS = "latency", "loss"
#: One exchange in so many, where a loss says nothing else.
ONE_IN = 10

FAULT = shapes.table(
    "a fault such as {kind: drop, host: hv01, vm: web01, phase: storage}",
    kind=Key(choice(*WIRE_KINDS, LATENCY, LOSS, *STRIKES), True), id=words(), host=words(), other=words(),
    vm=shapes.FREE, phase=choice(*PHASES), after=whole(0, 10**6), action=words(), nth=whole(1, 10**6),
    times=whole(1, 10**6), status=whole(400, 599), down=whole(0, 10**7), how=choice(*failures.BY_NAME), leave=truth(),
    volume=words(), free=shapes.SIZE, rate=shapes.RATE, lasts=whole(1, 10**6), every=whole(1, 10**6),
    milliseconds=whole(1, 60_000), to=shapes.FREE, what=choice(*troubles.CHANGES), user=words(),
    seconds=whole(-10**9, 10**9), cluster=words(), drain=truth(), reason=choice(*cluster_strikes.REASONS),
)

#: In the place of a list of faults.
RANDOM = shapes.table("a mapping such as {random: 10, seed: 4}", random=Key(whole(1, 10_000), True),
                      seed=whole(0, 2**31 - 1))

_NEEDS = {LATENCY: ("milliseconds",), LOSS: ("milliseconds",), **{kind: needs for kind, (_, needs) in STRIKES.items()}}


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
    for key in ("host", "other"):
        known: dict[str, Any] = {**world.hosts, **(world.file_servers if found["kind"] == "crash" else {})}
        if found[key] is not None and found[key] not in known:
            raise shapes.unknown_host(marked.child(key) or marked, found[key], known)
    if found["kind"] in CLUSTER_STRIKES:
        cluster_strikes.check(world, found, marked)
    elif found["volume"] is not None and found["host"] is not None:
        letters = world.hosts[found["host"]].volumes
        if found["volume"].upper().rstrip(":") not in letters:
            raise Misfit((marked.child("volume") or marked).fault(
                f"no volume {shown(found['volume'])} on {found['host']}{did_you_mean(found['volume'], letters)}"))
    return found


class FaultPlan:
    """The plan of one fabric. It hears of phases from the world and is asked by the wire at each exchange."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._faults: list[PlannedFault] = []
        world.watchers.append(self._heard)

    def add(self, given: Mapping[str, Any]) -> PlannedFault:
        """Adds an entry as :func:`read_fault` gives it. One without a phase has its moment now, or ``after`` seconds
        later. Raises LabError where it cannot strike now.
        """
        with self._lock:
            taken = {fault.id for fault in self._faults}
            name = given["id"] or next(f"fault-{n}" for n in range(1, len(taken) + 2) if f"fault-{n}" not in taken)
            if name in taken:
                raise LabError(f'there is a fault "{name}" already')
            fault = PlannedFault(name, given["kind"], given)
            self._faults.append(fault)
        if given["phase"] is None and given["after"]:
            troubles.later(self._world, given["after"], lambda _at: self._try(fault, None))
        elif given["phase"] is None:
            try:
                self._moment(fault, None)
            except LabError:
                with self._lock:
                    self._faults.remove(fault)
                raise
        return fault

    def add_json(self, given: Mapping[str, Any]) -> PlannedFault:
        """The same from a JSON value, as the control socket has it. Raises LabError or InputFaults."""
        marked = load_marked(json.dumps(given, ensure_ascii=False), "fault")
        try:
            return self.add(read_fault(marked, self._world))
        except Misfit as misfit:
            raise LabError("; ".join(f"{fault.path}: {fault.message}" if fault.path else fault.message
                                     for fault in misfit.faults)) from misfit

    def add_random(self, count: int, seed: int | None = None) -> list[PlannedFault]:
        """Adds faults as :func:`winmigrate.lab.faults.drawing.draw` gives them; without a seed by the fabric's."""
        found = draw(self._world, count, self._world.seed if seed is None else seed)
        return [self.add_json(one) for one in found]

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
        if host is not None and self._world.apart(host.key):
            return Disruption("drop")
        if point != "reply":
            time.sleep(self._late(exchange) / 1000)
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

    def _late(self, exchange: Exchange) -> int:
        """By how much this exchange takes longer, milliseconds of real time."""
        late = 0
        with self._lock:
            for fault in self._faults:
                if fault.kind not in (LATENCY, LOSS) or fault.state != "armed" or not self._fits(fault, exchange):
                    continue
                fault.seen += 1
                if fault.kind == LATENCY or fault.seen % (fault.given["nth"] or ONE_IN) == 0:
                    fault.struck += 1
                    late += fault.given["milliseconds"]
        return late

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
            self._try(fault, job)
            return

        def come(_at: float) -> None:
            move = self._world.moves.get(job)
            if move is None or move.over or move.phase != fault.given["phase"]:
                self._missed(fault, "the phase was over")
            else:
                self._try(fault, job)

        troubles.later(self._world, after, come)

    def _missed(self, fault: PlannedFault, why: str) -> None:
        fault.state = "missed"
        self._world.log.write("fault-missed", id=fault.id, why=why)

    def _try(self, fault: PlannedFault, job: str | None) -> None:
        """Its moment has come by itself: nobody is there to be told what it cannot do."""
        try:
            self._moment(fault, job)
        except LabError as error:
            self._missed(fault, str(error))

    def _moment(self, fault: PlannedFault, job: str | None) -> None:
        if fault.kind not in STRIKES:
            fault.state = "armed"
            return
        strike, _ = STRIKES[fault.kind]
        with self._world.lock:
            strike(self._world, fault.given, job)
            self._world.log.write("fault", id=fault.id, what=fault.kind, host=fault.given["host"] or "")
            self._world.clock.changed()
        fault.state = "struck"
        fault.struck += 1
