"""run, resume, status, cancel: a plan becomes moves, and is never lost sight of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from winmigrate.documents import RunFolder, digest_of, read_document
from winmigrate.errors import DocumentError, PlanRefused, UsageError, did_you_mean
from winmigrate.execution.journal import Entry, Kind, driver_of, read_journal
from winmigrate.execution.requests import ask_cancel
from winmigrate.execution.run import Run, RunResult, Snapshot, StopMode, execute
from winmigrate.execution.standing import RunStatus
from winmigrate.execution.states import Status, fold
from winmigrate.planning.expectations import Now, unmet
from winmigrate.planning.plan import Plan
from winmigrate.survey import Candidates, Roll, call_roll, take_survey
from winmigrate.verbs.ground import CANDIDATES, PLAN, ROLL, Ground, open_folder, stand, versions_of

#: A plan older than this is surveyed again before it runs: seconds.
STALE_AFTER = 3600.0

Observers = tuple[Callable[[Entry], None], ...]


def run(
    run: str | Path | RunFolder,
    *,
    ground: Ground | None = None,
    run_dir: Path | str = "runs",
    observers: Observers = (),
    on_snapshot: Callable[[Snapshot], None] | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> RunResult:
    """Executes a reviewed plan, or goes on with one that was begun. Every step has an outcome, or is unknown, after it.

    Raises PlanRefused, DocumentError (changed by hand), RunLocked. ``on_run`` gets the Run, whose stop() may be called
    from another thread; ``on_snapshot`` how things stand, whenever something happens.
    """
    folder = run if isinstance(run, RunFolder) else open_folder(run, run_dir)
    plan = read_document(folder, "plan", PLAN)
    roll = read_document(folder, "roll", ROLL)
    place = ground or stand(plan.inventory, run_dir=folder.path.parent)
    _still_known(plan, place, versions_of(roll))
    # A plan that was only rehearsed was not begun.
    if not any(entry.kind is Kind.RUN for entry in read_journal(folder.path)):
        refuse_if_stale(plan, folder, roll, place)
    return execute(
        plan,
        folder.path,
        place.inventory,
        place.connector,
        place.clock,
        versions=versions_of(roll),
        credential_for=place.credential_for,
        observers=observers,
        on_snapshot=on_snapshot,
        on_run=on_run,
        digest=digest_of(PLAN, plan),
    )


def _still_known(plan: Plan, place: Ground, versions: Mapping[str, str]) -> None:
    """Raises UsageError if a host of the plan can no longer be spoken to: its moves could not be followed then."""
    hosts = {host for step in plan.steps for host in (step.move.source, step.move.destination)}
    missing = sorted(hosts - set(place.inventory.hosts))
    if missing:
        raise UsageError(
            f"{', '.join(missing)} of this run is no longer in {place.inventory.file}",
            hint="put it back there, or give the inventory of that time with --inventory",
        )
    unsaid = sorted(hosts - set(versions))
    if unsaid:
        raise DocumentError(f"the roll of this run does not say which Windows {', '.join(unsaid)} has")


#: To go on with a run is to run it: the journal says what is left, the hosts what happened meanwhile.
resume = run


def changed_since(
    run: str | Path | RunFolder, *, ground: Ground | None = None, run_dir: Path | str = "runs"
) -> tuple[str, ...]:
    """What is left of a begun run, surveyed and planned anew: a sentence for each difference to its plan.

    Raises InputFaults if the playbook can no longer be read.
    """
    from winmigrate.planning import make_plan
    from winmigrate.planning.difference import difference
    from winmigrate.playbook import load_playbook
    from winmigrate.verbs.looking import check

    folder = run if isinstance(run, RunFolder) else open_folder(run, run_dir)
    old = read_document(folder, "plan", PLAN)
    states = fold((step.id for step in old.steps), read_journal(folder.path))
    left = {name for name, state in states.items() if state.status is Status.WAITING}
    if not left:
        return ()
    place = ground or stand(old.inventory, run_dir=folder.path.parent)
    checked = check(load_playbook(old.playbook, place.inventory), ground=place)
    new = make_plan(
        checked.survey,
        checked.candidates,
        checked.findings,
        checked.roll,
        checked.playbook,
        place.inventory,
        place.clock.now(),
    )
    return difference(old, new, left)


def refuse_if_stale(plan: Plan, folder: RunFolder, roll: Roll, place: Ground) -> None:
    """A plan older than an hour is surveyed again. Raises PlanRefused where its expectations no longer hold."""
    age = (place.clock.now() - plan.made_at).total_seconds()
    if age <= STALE_AFTER:
        return
    candidates: Candidates = read_document(folder, "candidates", CANDIDATES)
    fresh = call_roll(place.inventory, place.connector, place.clock)
    survey = take_survey(
        place.inventory, candidates, fresh, place.connector, place.clock, credentials=place.credential_for
    )
    against: list[str] = []
    for step in plan.steps:
        files = survey.pair(step.move.source, step.move.destination).destination_files
        against += [f"{step.move.vm_name}: {text}" for text in unmet(step, Now(survey.hosts, files))]
    if against:
        raise PlanRefused(
            f"the plan is {age / 60:.0f} min old, and what it expects no longer holds:\n  " + "\n  ".join(against),
            hint="make a new plan: winmigrate plan " + plan.playbook,
        )


def status(run: str | Path | RunFolder, *, run_dir: Path | str = "runs") -> RunStatus:
    """How a run stands, from its folder alone: no host is asked. Works while another process drives it."""
    folder = run if isinstance(run, RunFolder) else open_folder(run, run_dir)
    plan = read_document(folder, "plan", PLAN)
    entries = read_journal(folder.path)
    driver = driver_of(folder.path)
    states = fold((step.id for step in plan.steps), entries)
    if driver is not None:
        for state in states.values():
            if state.status is Status.UNKNOWN and state.seen_moving:
                state.status = Status.MOVING
    return RunStatus(folder, plan, states, driver, any(entry.kind is Kind.RUN for entry in entries))


def cancel(
    run: str | Path | RunFolder,
    vm: str = "",
    *,
    ground: Ground | None = None,
    run_dir: Path | str = "runs",
    on_snapshot: Callable[[Snapshot], None] | None = None,
) -> RunStatus:
    """Asks that the move of ``vm`` (a name or an Id; "" for all) be cancelled. "The move won the race" is an outcome.

    If a process drives the run, it is asked; else the moves under way are asked from here and followed to their end.
    Raises UsageError if the plan has no such VM.
    """
    folder = run if isinstance(run, RunFolder) else open_folder(run, run_dir)
    plan = read_document(folder, "plan", PLAN)
    known = {name for step in plan.steps for name in (step.move.vm_name, step.move.vm_id, step.id)}
    if vm and vm not in known:
        names = [step.move.vm_name for step in plan.steps]
        raise UsageError(f'run {folder.run_id} has no VM "{vm}"{did_you_mean(vm, names)}')
    status(folder)  # a run whose journal cannot be read is left as it is
    ask_cancel(folder.path, vm)
    if driver_of(folder.path) is None:

        def no_more(running: Run) -> None:
            running.stop_mode, running.stop_reason = StopMode.STOP, "only cancelling"

        resume(folder, ground=ground, on_snapshot=on_snapshot, on_run=no_more)
    return status(folder)
