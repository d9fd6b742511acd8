"""Overhead of a move: from the moment a step begins until its outcome, less the lab's own move.

The lab's own move is what lies between "move-started" and "move-ended" in its log; the rest is ours and the protocol's:
both hosts read anew, expectations, fingerprint, the session and its log-on, Move-VM until the host begins, hearing of
its end, a look at both hosts, verification. The VMs move one after another, so that nothing overlaps, each rehearsed
beforehand as `run` does it.

Measured twice, since the fabric's time can leap. On a clock that runs as ours does, the figure is plain seconds, work
and waiting together; it is split where the journal and the lab's log have a time. On a clock that leaps over waits
("fabric"), only waiting costs time: what is left beside the moves is Compare-VM, which the lab lets take 1.5 s a VM,
and how long we wait for nothing. Both with 20 ms of round trip too. HTTP with NTLM and message encryption.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from statistics import median

from benchmarks.figures import Figure, say
from benchmarks.labs import Site, fabric, served
from winmigrate import verbs
from winmigrate.execution.journal import Entry, Kind, read_journal
from winmigrate.execution.states import Status

TARGET = 2.0
MOVES = 4
PLAYBOOK = r"""
winmigrate: 1
inventory: inventory.yml
migrations:
  - {choose: {from: hv01}, to: hv02, storage: {path: 'D:\Moved\{vm}'}}
limits: {run: 1}
"""


@dataclass(frozen=True, slots=True)
class Move:
    """Seconds of one move, in the time of the fabric: of the lab's own, and of what lies around it."""

    own: float
    before_intent: float
    until_started: float
    until_outcome: float

    @property
    def overhead(self) -> float:
        return self.before_intent + self.until_started + self.until_outcome


@dataclass(frozen=True, slots=True)
class Measured:
    """A whole run: its moves; real seconds of it, processor seconds of ours and of the lab, fabric seconds of it."""

    moves: tuple[Move, ...]
    real: float
    ours: float
    lab: float
    fabric: float

    def per_move(self, seconds: float) -> float:
        return seconds / len(self.moves)


def measure(moves: int = MOVES) -> list[Figure]:
    figures: list[Figure] = []
    for milliseconds in (0, 20):
        plain = _run(moves, milliseconds, "real")
        at = f"at {milliseconds} ms"
        figures += [
            Figure(f"{at}: overhead per move, median", median(one.overhead for one in plain.moves), "s", TARGET),
            Figure(f"{at}:   worst of {moves}", max(one.overhead for one in plain.moves), "s"),
            Figure(f"{at}:   reading and checking, before the intent", _mid(plain, "before_intent"), "s"),
            Figure(f"{at}:   from the intent until the host begins", _mid(plain, "until_started"), "s"),
            Figure(f"{at}:   from its end until the outcome (verified)", _mid(plain, "until_outcome"), "s"),
            Figure(f"{at}:   the lab's own move", _mid(plain, "own"), "s"),
            Figure(f"{at}: processor time per move, winmigrate", plain.per_move(plain.ours), "s"),
            Figure(f"{at}: processor time per move, lab", plain.per_move(plain.lab), "s"),
        ]
        leapt = _run(moves, milliseconds, "leap")
        beside = leapt.per_move(leapt.fabric - sum(one.own for one in leapt.moves))
        figures += [
            Figure(f"{at}: fabric seconds per move beside the lab's own", beside, "s", TARGET),
            Figure(f"{at}: real seconds per move when fabric time leaps", leapt.per_move(leapt.real), "s"),
        ]
    say(f"  {moves} moves one after another, from hv01 to hv02; the run's figures include its start and its rehearsals")
    return figures


def _mid(measured: Measured, part: str) -> float:
    return median(getattr(one, part) for one in measured.moves)


def _run(moves: int, milliseconds: int, clock: str) -> Measured:
    with served(fabric(2, moves, full=1, used="500 MB"), clock=clock, http=True) as site:
        (site.folder / "playbook.yml").write_text(PLAYBOOK, encoding="utf-8")
        ground = site.ground(own_clock=clock == "real")
        planned = verbs.plan(site.folder / "playbook.yml", ground=ground)
        if len(planned.plan.steps) != moves:
            raise ValueError(f"not all VMs are in the plan: {planned.plan.refusals}")
        site.round_trip(milliseconds)
        ours, lab = time.process_time(), site.cpu()
        began, began_there = time.perf_counter(), ground.clock.monotonic()
        result = verbs.run(planned.folder, ground=ground)
        real, there = time.perf_counter() - began, ground.clock.monotonic() - began_there
        if any(state.status is not Status.DONE for state in result.states.values()):
            raise ValueError(f"a move failed: {[state.outcome for state in result.states.values()]}")
        entries = read_journal(planned.folder.path)
        found = tuple(_move(site, planned.plan.step(name).move.vm_id, name, entries) for name in result.states)
        return Measured(found, real, time.process_time() - ours, site.cpu() - lab, there)


def _move(site: Site, vm_id: str, step: str, entries: list[Entry]) -> Move:
    """One move, from the journal and the lab's log. Both date by the fabric's clock."""
    mine = [entry for entry in entries if entry.step == step]
    at = {kind: next(entry.at for entry in mine if entry.kind is kind) for kind in (Kind.INTENT, Kind.OUTCOME)}
    started = next(entry for entry in site.log("move-started") if str(entry["vm"]).lower() == vm_id)
    ended = next(entry for entry in site.log("move-ended") if entry["job"] == started["job"])
    begun = _begun(entries, step, at[Kind.INTENT])
    origin = _origin(site)
    return Move(
        own=ended["at"] - started["at"],
        before_intent=(at[Kind.INTENT] - begun).total_seconds(),
        until_started=started["at"] - (at[Kind.INTENT] - origin).total_seconds(),
        until_outcome=(at[Kind.OUTCOME] - origin).total_seconds() - ended["at"],
    )


def _begun(entries: list[Entry], step: str, intent: dt.datetime) -> dt.datetime:
    """When the step was started: it is alone, so at the outcome of the one before, or when the rehearsals were done."""
    before = [
        entry.at
        for entry in entries
        if entry.at <= intent and entry.kind in (Kind.REHEARSED, Kind.OUTCOME, Kind.RUN) and entry.step != ""
    ]
    return max(before)


def _origin(site: Site) -> dt.datetime:
    """The date at fabric second 0."""
    now = site.control.ask("now")
    return dt.datetime.fromisoformat(now["date"]) - dt.timedelta(seconds=now["now"])
