"""One step: from its expectations to its outcome, in a thread of its own. Laws of execution 1 to 6.

prepare -> send -> settle -> verify. A step whose move was asked for by an earlier process enters at settle: it looks
first, and adopts what runs.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from winmigrate.errors import HostError
from winmigrate.execution import points
from winmigrate.execution.journal import Kind
from winmigrate.execution.reconcile import SECOND_LOOK_AFTER, Knowledge, Location, Look, Next, judge, locate
from winmigrate.execution.rehearsal import rehearse_step
from winmigrate.execution.send import send
from winmigrate.execution.states import Status, StepState
from winmigrate.execution.verify import verify_step
from winmigrate.execution.watch import PACE, SLOW_PACE, View
from winmigrate.kinds import kind_of
from winmigrate.request import Ticket

if TYPE_CHECKING:
    from winmigrate.execution.run import Run
    from winmigrate.planning.plan import Step

#: When Windows' limit was reached, or a VM was busy, it is asked again after so many seconds.
ASK_AGAIN = 60.0

#: Operational statuses of a VM that is not to be moved now, and what they say of it.
_BUSY = {
    "BackingUpVirtualMachine": "is being backed up",
    "MergingDisks": "merges its disks",
    "CreatingSnapshot": "has a checkpoint made",
    "DeletingSnapshot": "has a checkpoint deleted",
    "ApplyingSnapshot": "has a checkpoint applied",
    "ExportingVirtualMachine": "is being exported",
}


def follow_step(run: Run, step_id: str) -> None:
    """Drives a step to its outcome, or until the run is left alone. Everything it learns is in the journal.

    One attempt at most: what may be sent again goes back to the scheduler, which knows of slots, windows and stops.
    """
    step = run.plan.step(step_id)
    if run.ledger.state(step_id).open_intent:
        again = settle(run, step, Knowledge("unseen"))
    elif _nothing_runs(run, step):
        knowledge = send(run, step) if prepare(run, step) and not withheld(run, step) else None
        again = knowledge is not None and settle(run, step, knowledge)
    else:
        again = step_id not in run.held and settle(run, step, Knowledge("gone"))
    if again:
        run.ledger.put_back(step_id)


def withheld(run: Run, step: Step) -> bool:
    """Was it stopped or cancelled since it was started, so that it is not sent? It then has its outcome, or waits."""
    if run.ledger.state(step.id).cancel_asked:
        _outcome(run, step, Status.CANCELLED, _where(run, step), "cancelled before it was sent")
        return True
    if run.stopping():
        run.ledger.put_back(step.id)
        return True
    return False


def _nothing_runs(run: Run, step: Step) -> bool:
    """Is the VM at rest on its source? A move of it that runs is adopted, whoever started it, if it goes where we
    would; one that has arrived there is looked at like a move of ours.

    A backup, a merge and the like is waited for, and a host that does not answer: the step is held, and the scheduler
    comes back to it.
    """
    run.held.pop(step.id, None)
    look = look_at(run, step)
    place = locate(look)
    busy = _BUSY.get(look.source.status)
    if place is Location.UNSEEN:
        silent = look.destination if look.source.answered else look.source
        return _hold(run, step, look, silent.describe())
    if place is Location.STAYED and busy is not None:
        return _hold(run, step, look, f"{step.move.vm_name} on {step.move.source} {busy}")
    if place is Location.ARRIVED:
        run.ledger.write(step.id, Kind.ADOPTED, says=look.describe())
        return False
    if place is not Location.RUNNING:
        return True
    view = run.watchers[step.move.source].view
    job = view.job_of(step.move.vm_id) if view is not None else None
    there = job.destination_host if job is not None else None
    if isinstance(there, str) and not _same_host(there, step.move.destination_fqdn):
        _outcome(run, step, Status.REFUSED, look.describe(), f"others move it to {there} at this moment")
        return False
    run.ledger.write(step.id, Kind.ADOPTED, says=look.describe())
    return False


def _hold(run: Run, step: Step, look: Look, why: str) -> bool:
    run.held[step.id] = run.clock.now() + dt.timedelta(seconds=ASK_AGAIN), why
    run.ledger.put_back(step.id)
    return False


def _same_host(one: str, other: str) -> bool:
    """Is it one host, by short or full name?"""
    first, second = one.casefold(), other.casefold()
    return first == second or first.partition(".")[0] == second.partition(".")[0]


def prepare(run: Run, step: Step) -> bool:
    """Expectations read again, fingerprint taken, rehearsed. False: refused, and the outcome says why."""
    from winmigrate.execution.facts_now import fingerprint_of, read_now
    from winmigrate.planning.expectations import unmet

    now = read_now(run, step)
    reasons = unmet(step, now)
    if reasons:
        run.ledger.write(step.id, Kind.REFUSED, reasons=list(reasons))
        _outcome(run, step, Status.REFUSED, _where(run, step), "; ".join(reasons))
        return False
    run.ledger.write(step.id, Kind.FINGERPRINT, before=fingerprint_of(now.hosts[step.move.source], step.move.vm_id))
    rehearsed = run.ledger.state(step.id).rehearsed
    if rehearsed is None or rehearsed.get("outcome") == "unknown":
        rehearsed = rehearse_step(run, step)
    if rehearsed.get("outcome") != "pass":
        cause = "; ".join(rehearsed.get("incompatibilities", [])) or str(rehearsed.get("cause", "rehearsal failed"))
        _outcome(run, step, Status.REFUSED, _where(run, step), f"Compare-VM: {cause}")
        return False
    return True


def settle(run: Run, step: Step, knowledge: Knowledge) -> bool:
    """Looks until it is known where the VM is. True: nothing came of it and it may be sent again."""
    if run.ledger.state(step.id).status.final:
        return False
    looks: list[Look] = []
    unknown_since: dt.datetime | None = None
    told = ""
    while not run.detaching:
        look = look_at(run, step)
        looks.append(look)
        state = run.ledger.state(step.id)
        knowledge = _command(run, step, state, knowledge, look)
        verdict = judge(tuple(looks), state, knowledge, run.plan.attempts)
        if look.describe() + verdict.next.value != told:
            told = look.describe() + verdict.next.value
            run.ledger.write(
                step.id,
                Kind.LOOK,
                says=look.describe(),
                location=verdict.location.value,
                next=verdict.next.value,
                reason=verdict.reason,
                never_started=verdict.never_started,
            )
        if verdict.next is Next.VERIFY and verify_step(run, step):
            return False
        if verdict.next is Next.FAILED:
            status = Status.CANCELLED if state.cancel_asked else Status.FAILED
            _outcome(run, step, status, look.describe(), verdict.reason)
            return False
        if verdict.next is Next.SEND:
            return True
        if verdict.next is Next.WAIT:
            _hold(run, step, look, f"Windows says: {verdict.reason}")
            return False
        if verdict.next is Next.RETIRE:
            _retire(run, step, state)
            looks.clear()
        if verdict.next is Next.FOLLOW:
            unknown_since = None
            if not state.seen_moving:
                run.ledger.write(step.id, Kind.ADOPTED, says=look.describe())
            run.ledger.follow(step.id)
            run.clock.sleep(PACE)
            continue
        unknown_since = unknown_since or look.at
        if verdict.location is not Location.STAYED:
            run.ledger.doubt(step.id)
        if (look.at - unknown_since).total_seconds() > run.plan.wait_limit:
            run.ledger.doubt(step.id)
            run.ledger.write(step.id, Kind.NOTE, text=f"still not known after an hour: {look.describe()}")
            return False
        # A second look that may count is due a minute after the first; while a host is silent, at the slow pace.
        first = looks[0].at if looks else look.at
        due = SECOND_LOOK_AFTER - (look.at - first).total_seconds()
        run.clock.sleep(min(SLOW_PACE, max(PACE, due)))
    return False


def look_at(run: Run, step: Step) -> Look:
    """Asks both hosts now. What a look says was asked for after this call."""
    source = run.watchers[step.move.source].look()
    destination = run.watchers[step.move.destination].look()
    if source.at > destination.at:
        # The source is looked at first: a VM that is handed over meanwhile is then seen twice, never nowhere.
        source, destination = source, run.watchers[step.move.destination].look()
    known = run.ledger.state(step.id).known_jobs
    at = min(source.at, destination.at)  # of the older one: two looks that are to be apart are so on both hosts
    return Look(at, source.side(step.move.vm_id, known), destination.side(step.move.vm_id, known))


def _command(run: Run, step: Step, state: StepState, before: Knowledge, look: Look) -> Knowledge:
    """What is known of the old command: asked of the source by WSMan Enumerate until it is seen to be gone."""
    if before.command in ("ended", "gone") or state.ticket is None:
        return before if before.command != "unseen" else Knowledge("gone")
    if not look.source.answered:
        return Knowledge("unseen", before.error)
    ticket = Ticket(state.ticket["shell_id"], state.ticket["command_id"])
    session = run.connector(step.move.source)
    try:
        return Knowledge("alive" if session.alive(ticket) else "gone", before.error)
    except HostError:
        return Knowledge("unseen", before.error)
    finally:
        session.close()


def _retire(run: Run, step: Step, state: StepState) -> None:
    """Deletes the shell of an old command of ours, when nothing runs and the VM is seen whole on the source."""
    if state.ticket is None:
        return
    run.ledger.write(step.id, Kind.RETIRED, ticket=state.ticket)
    session = run.connector(step.move.source)
    try:
        session.retire(Ticket(state.ticket["shell_id"], state.ticket["command_id"]))
    except HostError as error:
        run.ledger.write(step.id, Kind.NOTE, text=f"the old shell could not be deleted: {error}")
    finally:
        session.close()


def _where(run: Run, step: Step) -> str:
    """Where the VM is, by both hosts' word of this moment."""
    look = look_at(run, step)
    return f"on {step.move.source}" if locate(look) is Location.STAYED else look.describe()


def _outcome(run: Run, step: Step, status: Status, where: str, cause: str) -> None:
    run.ledger.write(step.id, Kind.OUTCOME, status=status.value, where=where, cause=cause)


def note_progress(run: Run, view: View) -> None:
    """What a view says of the moves that leave its host, into the journal: a phase that changed, or 5 % more."""
    for step in run.plan.steps:
        if step.move.source != view.host or view.silence:
            continue
        job = view.job_of(step.move.vm_id)
        state = run.ledger.state(step.id)
        if job is None or not state.open_intent or job not in view.running_jobs():
            continue
        percent = job.percent_complete if isinstance(job.percent_complete, int) else None
        phase = kind_of(step.move.kind).phase(view.side(step.move.vm_id).status, percent)
        moved = percent is not None and (state.percent is None or abs(percent - state.percent) >= 5)
        if phase != state.phase or moved:
            run.ledger.write(step.id, Kind.PROGRESS, phase=phase, percent=percent)
        points.reach(points.PHASE + phase)
