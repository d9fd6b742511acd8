"""Verifies a move on both hosts, and writes the outcome. Law of execution 2: success is an observation.

The VM's Id is on the destination in the state it was planned to have, and gone from the source; its disks and adapters
are as planned: the fingerprint after the move, held against the one before.
"""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from winmigrate.checks.after import run_after
from winmigrate.checks.aftermath import Aftermath
from winmigrate.checks.finding import Finding, Outcome, Severity
from winmigrate.errors import HostError
from winmigrate.execution import points
from winmigrate.execution.facts_now import fingerprint_from
from winmigrate.execution.journal import Kind
from winmigrate.execution.states import Status
from winmigrate.execution.together import together
from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Answer, Read, ask_batch
from winmigrate.survey import HostFacts, path_key
from winmigrate.survey.arriving import arrivals
from winmigrate.survey.fingerprint import Change, Fingerprint, PlannedChanges, difference, fingerprint
from winmigrate.survey.taking import read_host
from winmigrate.windows import event, storage
from winmigrate.windows.row import NOT_ASKED, rows

if TYPE_CHECKING:
    from winmigrate.execution.run import Run
    from winmigrate.planning.plan import Step
    from winmigrate.request import Session

_FINDINGS: TypeAdapter[tuple[Finding, ...]] = TypeAdapter(tuple[Finding, ...])
_CHANGES: TypeAdapter[tuple[Change, ...]] = TypeAdapter(tuple[Change, ...])

#: Looking for a host that does not answer while its VM is verified: so often, so many seconds apart.
_TRIES = 5
_APART = 30.0


def verify_step(run: Run, step: Step) -> bool:
    """Reads both hosts and writes VERIFIED and the OUTCOME: done, or failed with where the VM is and what differs.

    False: there is no outcome yet. What was to be verified cannot be read, or the VM is not (only) where it was seen
    a moment ago: then nobody knows where it is, and only looking leads on.
    """
    points.reach(points.VERIFYING)
    aftermath = read_aftermath(run, step)
    if aftermath.destination_vm is None or aftermath.source_vm is True:
        run.ledger.doubt(step.id)
        return False
    findings = (*run_after(aftermath), *_asked_for(step, aftermath))
    changes = () if isinstance(aftermath.changes, Unreadable) else aftermath.changes
    run.ledger.write(
        step.id,
        Kind.VERIFIED,
        findings=_FINDINGS.dump_python(findings, mode="json"),
        changes=_CHANGES.dump_python(changes, mode="json"),
        blackout=aftermath.blackout if isinstance(aftermath.blackout, float) else None,
        leftovers=[] if isinstance(aftermath.leftovers, Unreadable) else list(aftermath.leftovers),
    )
    against = [item for item in findings if item.severity is Severity.BLOCKS and item.outcome is not Outcome.PASS]
    unknown = any(item.outcome is Outcome.UNKNOWN for item in against)
    if unknown and not any(item.outcome is Outcome.FAIL for item in against):
        run.ledger.doubt(step.id)
        run.ledger.note(step.id, "; ".join(f"{item.requirement}: {item.evidence}" for item in against))
        return False
    where = f"on {step.move.destination}"
    if against:
        cause = "; ".join(f"{item.requirement}: {item.evidence}" for item in against)
        run.ledger.write(step.id, Kind.OUTCOME, status=Status.FAILED.value, where=where, cause=cause)
        return True
    run.ledger.write(step.id, Kind.OUTCOME, status=Status.DONE.value, where=where, cause="")
    return True


@dataclass(slots=True)
class _Seen:
    """What the two hosts said, each asked in a session of its own, both at once."""

    destination: HostFacts
    source_vm: bool | Unreadable
    leftovers: tuple[str, ...] | Unreadable
    blackouts: dict[str, float | Unreadable | None] = field(default_factory=dict)


def read_aftermath(run: Run, step: Step) -> Aftermath:
    """Both hosts after the move. What cannot be read stays Unreadable."""
    move = step.move
    state = run.ledger.state(step.id)
    seen = _Seen(HostFacts(move.destination), NOT_ASKED, NOT_ASKED)
    together(
        run.clock,
        lambda: _read_destination(run, step, state.intent_at, seen),
        lambda: _read_source(run, step, state.intent_at, seen),
        name=f"verify at {move.source}",
    )
    destination = seen.destination
    return Aftermath(
        vm_id=move.vm_id,
        vm_name=move.vm_name,
        source=move.source,
        destination=move.destination,
        planned_state=move.state,
        source_vm=seen.source_vm,
        destination_vm=destination.vm(move.vm_id),
        adapters=destination.adapters_of(move.vm_id),
        switches=move.switches,
        changes=_changes(step, state.before, destination),
        blackout=_blackout(seen.blackouts.get(move.source), seen.blackouts.get(move.destination)),
        leftovers=seen.leftovers,
    )


def _read_source(run: Run, step: Step, since: dt.datetime | None, seen: _Seen) -> None:
    """Is the VM gone, what is left of its files, and what the log says of the move."""
    move = step.move
    host = move.source
    session = run.connector(host)
    try:
        seen.source_vm = run.watchers[host].look().side(move.vm_id).present
        paths = [file.source for file in move.files]
        reads = [Read("files", storage.files(paths, run.versions[host])), *_events(since)]
        answers = ask_batch(session, reads)
        found = arrivals(paths, answers["files"], run.versions[host], host)
        unread = next((item for item in found.values() if isinstance(item, Unreadable)), None)
        left = tuple(path for path in paths if found.get(path_key(path)) is not None)
        seen.leftovers = left if unread is None else unread
        seen.blackouts[host] = _said(step, run.versions[host], answers)
    except HostError as error:
        unreached = Unreadable(str(error), needs=f"a connection to {host}")
        seen.source_vm = seen.leftovers = seen.blackouts[host] = unreached
    finally:
        session.close()
    side = run.watchers[host].view
    if side is None or side.silence:
        seen.source_vm = Unreadable(side.silence if side else "it was not asked", needs=f"a connection to {host}")


def _read_destination(run: Run, step: Step, since: dt.datetime | None, seen: _Seen) -> None:
    """The facts of the destination, asked again for a while if it does not answer, and what its log says."""
    host, vm_id = step.move.destination, step.move.vm_id
    error = ""
    for attempt in range(_TRIES):
        if attempt:
            run.clock.sleep(_APART)
        session = run.connector(host)
        try:
            seen.destination = read_host(host, run.versions[host], session, run.clock, secured=(vm_id,), only=vm_id)
            seen.blackouts[host] = _asked_events(run, step, host, session, since)
            return
        except HostError as found:
            error = str(found)
        finally:
            session.close()
    reason = Unreadable(error, needs=f"a connection to {host}")
    seen.destination = HostFacts(host, vms=reason, adapters=reason)
    seen.blackouts[host] = reason


def _changes(step: Step, before: object, destination: HostFacts) -> tuple[Change, ...] | Unreadable:
    if not isinstance(before, dict) or "facts" not in before:
        return Unreadable("no fingerprint was taken before the move")
    now = fingerprint(destination, step.move.vm_id)
    if isinstance(now, Unreadable):
        return now
    try:
        then: Fingerprint = fingerprint_from(before)
    except ValueError as error:
        return Unreadable(f"the fingerprint in the journal cannot be read: {error}")
    move = step.move
    paths = {file.source: file.destination for file in move.files}
    folders = {
        then.facts.get("folder/configuration_location"): move.config_path,
        then.facts.get("folder/path"): move.config_path,
        then.facts.get("folder/snapshot_file_location"): move.checkpoint_path,
        then.facts.get("folder/smart_paging_file_path"): move.paging_path,
    }
    paths |= {old: new for old, new in folders.items() if isinstance(old, str) and new}
    return difference(then, now, PlannedChanges(paths, dict(move.switches), move.storage_path))


def _blackout(source: float | Unreadable | None, destination: float | Unreadable | None) -> float | Unreadable | None:
    """Seconds that the VM stood still, by the event of either host; None if no event tells."""
    for told in (source, destination):
        if isinstance(told, float):
            return told
    return source if destination is None else destination


def _events(since: dt.datetime | None) -> list[Read]:
    """What asks a host's log for the end of a move that was asked for at ``since``."""
    ids = (event.COMPLETED, event.COMPLETED_LATE)
    return [] if since is None else [Read("events", event.event_properties(ids, since))]


def _asked_events(
    run: Run, step: Step, host: str, session: Session, since: dt.datetime | None
) -> float | Unreadable | None:
    try:
        return _said(step, run.versions[host], ask_batch(session, _events(since)))
    except HostError as error:
        return Unreadable(str(error), needs=f"a connection to {host}")


def _said(step: Step, version: str, answers: Mapping[str, Answer | Unreadable]) -> float | Unreadable | None:
    """The blackout that one host's log tells of."""
    answer = answers.get("events")
    if not isinstance(answer, Answer):
        return answer
    said = event.blackouts(rows(event.EventProperty, answer.objects, version))
    mine = [item for item in said if item.vm in (step.move.vm_name, step.move.vm_id, step.move.vm_id.upper())]
    if mine:
        try:
            return float(mine[-1].blackout.replace(",", "."))
        except ValueError:
            return Unreadable(f'the blackout reads "{mine[-1].blackout}"')
    if any(error.error_id != event.NO_EVENTS for error in answer.errors):
        return Unreadable(answer.errors[0].message)
    return None


def _asked_for(step: Step, aftermath: Aftermath) -> tuple[Finding, ...]:
    """What the playbook asks for beyond the facts of the hosts: heartbeat, a TCP port of the guest."""
    from winmigrate.checks.asked import heartbeat, tcp

    found = []
    for wish in step.verify:
        kind, _, rest = wish.partition(":")
        if kind == "heartbeat":
            found.append(heartbeat(aftermath))
        elif kind == "tcp":
            address, _, port = rest.rpartition(":")
            address = address.replace("{vm}", step.move.vm_name)
            found.append(tcp(aftermath, address, int(port), _reached(address, int(port))))
    return tuple(found)


def _reached(address: str, port: int) -> str:
    """Why the guest's port was not reached from here, or ""."""
    try:
        with socket.create_connection((address, port), timeout=10.0):
            return ""
    except (OSError, ValueError) as error:
        # ValueError: a name that cannot be one of the DNS (too long a label, a control character).
        return str(error)
