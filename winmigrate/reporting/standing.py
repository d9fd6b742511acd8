"""How hosts and runs stand, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from winmigrate.checks.finding import Remedy, RemedyKind
from winmigrate.documents import Kind, document_text
from winmigrate.execution.states import Status, StepState
from winmigrate.facts import Unreadable
from winmigrate.planning.plan import Plan, Step
from winmigrate.reporting.text import columns, mend_lines, wrapped
from winmigrate.reporting.todo import PLANNED_THERE
from winmigrate.reporting.words import count, duration, name, visible
from winmigrate.survey import HopB, Roll, RollEntry

if TYPE_CHECKING:
    from winmigrate.execution.standing import RunStatus


def roll_text(roll: Roll) -> str:
    """What `hosts` prints: a line a host, how many were reached where not all were, what came of the second hops."""
    reached = iter(columns([_cells(entry) for entry in roll.entries.values() if entry.reached]))
    width = max((len(host) for host in roll.entries), default=0)
    lines = []
    for host, entry in roll.entries.items():
        if entry.reached:
            lines.append(f"{host:<{width}}  {next(reached)}")
        else:
            lines += wrapped(f"{host:<{width}}  NOT REACHED  ", entry.why_not.removeprefix(f"{host}: "), " " * 6)
    silent = sum(1 for entry in roll.entries.values() if not entry.reached)
    if silent:
        lines.append(f"{silent} of {count(len(roll.entries), 'host')} not reached")
    lines += _hops(roll)
    return "\n".join(lines) + ("\n" if lines else "")


#: Letters of the names of destinations that still make a column.
_MANY = 40


def _hops(roll: Roll) -> list[str]:
    """The second hops of each host that answered: a line for all its destinations of which the same is to be said."""
    said: dict[str, dict[str, list[str]]] = {}
    for pair in roll.pairs.values():
        entry = roll.entries.get(pair.source)
        if entry is not None and entry.reached:
            told = [_hop(hop) for hop in pair.hop_b] or ["no route: the inventory says second_hop: none"]
            for text in told:
                said.setdefault(pair.source, {}).setdefault(text, []).append(pair.destination)
    rows = [(source, ", ".join(there), text) for source, texts in said.items() for text, there in texts.items()]
    if not rows:
        return []
    first = max(len(source) for source, _, _ in rows)
    second = min(max(len(there) for _, there, _ in rows), _MANY)
    lines = ["", "second hop, from host to host:"]
    for source, there, text in rows:
        lines += wrapped(f"  {source:<{first}} > {there:<{second}}  ", text, " " * 6)
    return lines


def _hop(hop: HopB) -> str:
    if isinstance(hop.proven, Unreadable):
        return f"not known by {hop.route}: {visible(hop.proven.reason)}"
    return f"proven by {hop.route}" if hop.proven else f"REFUSED by {hop.route}: {visible(hop.said)}"


def _cells(entry: RollEntry) -> tuple[str, ...]:
    identity, vms = entry.identity, entry.vms
    if isinstance(vms, Unreadable):
        counted = f"VMs cannot be read: {vms.reason}"
    else:
        running = sum(1 for vm in vms if vm.state == "Running")
        counted = f"{count(len(vms), 'VM')}, {running} running"
    return (
        f"Windows Server {_said(entry.version)} ({_said(entry.build)})",
        f"as {_said(identity if isinstance(identity, Unreadable) else identity.user)}",
        visible(_rights(entry)),
        visible(counted),
    )


def _said(value: object) -> str:
    return visible(value.reason if isinstance(value, Unreadable) else str(value))


def _rights(entry: RollEntry) -> str:
    if entry.administrator is True:
        return "administrator"
    if entry.hyper_v_administrator is True:
        return "Hyper-V administrator"
    for right in (entry.administrator, entry.hyper_v_administrator):
        if isinstance(right, Unreadable):
            return f"rights unknown ({right.reason})"
    return "NOT an administrator"


_WORD = {
    Status.DONE: "done",
    Status.MOVING: "moving",
    Status.WAITING: "waiting",
    Status.UNKNOWN: "UNKNOWN",
    Status.FAILED: "FAILED",
    Status.REFUSED: "REFUSED",
    Status.CANCELLED: "cancelled",
}


def totals(states: Mapping[str, StepState]) -> str:
    """``done 9  moving 2  waiting 5  failed 0  unknown 0``; refused and cancelled only where there are any."""
    number = dict.fromkeys(Status, 0)
    for state in states.values():
        number[state.status] += 1
    shown = [Status.DONE, Status.MOVING, Status.WAITING, Status.FAILED, Status.UNKNOWN]
    shown += [status for status in (Status.REFUSED, Status.CANCELLED) if number[status]]
    return "  ".join(f"{status.value} {number[status]}" for status in shown)


def outcome_text(plan: Plan, states: Mapping[str, StepState]) -> str:
    """What `run` prints when it ends: a line a VM, below it the cause where there is one."""
    heads = columns([(name(step.move.vm_name), f"{step.move.source} > {step.move.destination}") for step in plan.steps])
    lines = [totals(states)]
    for step, head in zip(plan.steps, heads, strict=True):
        lines += step_lines(step, states[step.id], head)
    return "\n".join(lines) + "\n"


def step_lines(step: Step, state: StepState, head: str) -> list[str]:
    """How one VM stands: where it is, why, what was found after its move, what is left over and how to mend it."""
    took = ""
    if state.status is Status.DONE and state.started_at and state.ended_at:
        took = f"  in {duration((state.ended_at - state.started_at).total_seconds())}"
    where = str(state.outcome.get("where", ""))
    blackout = (state.verified or {}).get("blackout")
    still = f"  stood still for {blackout:.1f} s" if isinstance(blackout, float) else ""
    under_way = state.status in (Status.MOVING, Status.UNKNOWN) and state.phase
    phase = f"  {state.phase} {state.percent} %" if under_way else ""
    lines = wrapped(f"  {head}  {_WORD[state.status]}  ", where, "      ")
    lines[-1] += f"{took}{still}{phase}"
    cause = str(state.outcome.get("cause", ""))
    if cause:
        lines += wrapped("      cause: ", cause, " " * 13)
    for finding in (state.verified or {}).get("findings", ()):
        # What failed and blocks is the cause already.
        if finding["outcome"] in ("fail", "unknown") and finding["severity"] != "blocks":
            lines += wrapped("      ", f"{finding['requirement']}: {finding['evidence']}", " " * 8)
        remedy = finding.get("remedy")
        if finding["outcome"] == "fail" and remedy:
            found = Remedy(RemedyKind(remedy["kind"]), remedy["text"], remedy["who"])
            lines += mend_lines("        mend: ", found)
            lines += wrapped("        who:  ", found.who, " " * 14)
    why_left = (state.rehearsed or {}).get("left_behind")
    if state.status is not Status.DONE and (why_left or PLANNED_THERE in where):
        text = f"a planned VM on {step.move.destination}; the report has the command that removes it"
        lines += wrapped("      left over: ", text + (f" ({why_left})" if why_left else ""), " " * 17)
    for inverse in state.inverses:
        lines += wrapped("      not put back: ", str(inverse.get("change", "")), " " * 8)
    return lines


def status_text(status: RunStatus) -> str:
    """What `status` prints."""
    driver = f"driven by {status.driver}" if status.driver else "driven by nobody"
    begun = "" if status.started else ", not begun"
    return f"run {status.folder.run_id}, {driver}{begun}\n" + outcome_text(status.plan, status.states)


@dataclass(frozen=True, slots=True)
class StepStanding:
    """How one VM stands: ``where`` and ``cause`` are empty while nothing is known to say."""

    vm: str
    id: str
    source: str
    destination: str
    status: Status
    phase: str
    percent: int | None
    attempts: int
    where: str
    cause: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands. ``driver``: who drives it now. ``exit_code``: the run's own so far."""

    run: str
    driver: str | None
    exit_code: int
    steps: tuple[StepStanding, ...]


#: `winmigrate schema status`.
STATUS = Kind("status", Standing)


def status_json(status: RunStatus) -> str:
    """The same for tools: a document of kind status."""
    steps = tuple(_standing(step, status.states[step.id]) for step in status.plan.steps)
    return document_text(STATUS, Standing(status.folder.run_id, status.driver, status.exit_code, steps))


def _standing(step: Step, state: StepState) -> StepStanding:
    move = step.move
    return StepStanding(
        vm=move.vm_name,
        id=move.vm_id,
        source=move.source,
        destination=move.destination,
        status=state.status,
        phase=state.phase,
        percent=state.percent,
        attempts=state.attempts,
        where=str(state.outcome.get("where", "")),
        cause=str(state.outcome.get("cause", "")),
    )
