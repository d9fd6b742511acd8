"""Compare-VM for the chosen pairs, journalled like a move: it writes a planned VM at the destination.

The planned VM is destroyed afterwards, unless a migration of that VM runs: then it is that migration's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from winmigrate.errors import WinmigrateError
from winmigrate.execution.journal import Kind
from winmigrate.execution.watch import read_view
from winmigrate.kinds import kind_of
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.records import record_of
from winmigrate.request import PipelineState, Stream, Ticket
from winmigrate.windows.migration import Incompatibility
from winmigrate.windows.row import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from winmigrate.execution.ledger import Ledger
    from winmigrate.kinds.move import Move
    from winmigrate.planning.plan import Step
    from winmigrate.remoting.connect import Connector
    from winmigrate.request import Clock, Credential

#: Compare-VM talks to both hosts and takes its time: seconds.
BOUND = 600.0


@dataclass(frozen=True, slots=True)
class Rehearsing:
    """What a rehearsal needs; a Run has all of it as well."""

    connector: Connector
    clock: Clock
    ledger: Ledger
    versions: Mapping[str, str]
    credential_for: Callable[[str], Credential | None]


def rehearse_step(run: Any, step: Step) -> dict[str, Any]:
    """Rehearses one step and returns its entry: ``outcome`` "pass", "fail" or "unknown"; ``incompatibilities`` texts.

    ``run`` is a Run or a Rehearsing. What a host, or its credential, does not let happen is an outcome and not raised.
    """
    incompatibilities: list[str] = []
    cause = perhaps = ""
    try:
        incompatibilities, cause = _compare(run, step)
        outcome = "fail" if incompatibilities or cause else "pass"
    except (WinmigrateError, ValueError) as error:
        # ValueError: this Windows has no such parameter. ClixmlError: an answer that cannot be read is no "pass".
        outcome, cause = "unknown", str(error)
        if run.ledger.state(step.id).open_rehearsal is not None:
            perhaps = f"Compare-VM may still make a planned VM on {step.move.destination}: {cause}"
    left = clean_up(run, step.move) or perhaps
    entry = {"outcome": outcome, "incompatibilities": incompatibilities, "cause": cause, "left_behind": left}
    run.ledger.write(step.id, Kind.REHEARSED, **entry)
    return entry


def _compare(run: Any, step: Step) -> tuple[list[str], str]:
    move = step.move
    kind = kind_of(move.kind)
    version = run.versions[move.source]
    asked = kind.rehearsal(move, version, run.credential_for(move.destination))
    session = run.connector(move.source)
    try:

        def intend(ticket: Ticket) -> None:
            run.ledger.write(step.id, Kind.REHEARSAL_INTENT, ticket=asdict(ticket))

        output, errors = [], []
        session.open()
        for event in session.start(asked, on_ticket=intend, timeout=BOUND):
            if event.stream is Stream.OUTPUT:
                output.append(loads(event.clixml))
            elif event.stream is Stream.ERROR:
                errors.append(record_of(event.clixml).message)
        reply = session.last_reply
    finally:
        session.close()
    if reply is not None and reply.error is not None:
        errors.append(record_of(reply.error).message)
    if not errors and (reply is None or reply.state is not PipelineState.COMPLETED):
        errors.append("Compare-VM did not come to its end")
    found = rows(Incompatibility, output, version)
    causes = [item for item in found if item.source_type != "VirtualMachine"]
    # Entries whose source is the VM itself repeat "incompatible" around a cause; alone they are the cause.
    texts = [_text(item) for item in (causes or found)]
    return texts, "; ".join(dict.fromkeys(errors))


def _text(item: Incompatibility) -> str:
    message = item.message if isinstance(item.message, str) else f"(text cannot be read: {item.message.reason})"
    number = f" ({item.message_id})" if isinstance(item.message_id, int) else ""
    return " ".join(message.split()) + number


def clean_up(run: Any, move: Move) -> str:
    """Destroys the planned VM that a rehearsal left. Returns why it is still there, or ""."""
    try:
        source = _view(run, move.source)
        session = run.connector(move.destination)
        try:
            view = read_view(session, move.destination, run.versions[move.destination], run.clock)
            if move.vm_id not in view.planned:
                return ""
            running = [*source.running_jobs(), *view.running_jobs()]
            if any(job.virtual_system_name == move.vm_id for job in running):
                return "a migration of it runs, the planned VM belongs to that"
            reply = session.ask(kind_of(move.kind).clean_up(move), timeout=BOUND)
        finally:
            session.close()
    except WinmigrateError as error:
        return str(error)
    errors = [record_of(event.clixml).message for event in reply.events if event.stream is Stream.ERROR]
    if reply.error is not None:
        errors.append(record_of(reply.error).message)
    return "; ".join(errors)


def _view(run: Any, host: str) -> Any:
    session = run.connector(host)
    try:
        return read_view(session, host, run.versions[host], run.clock)
    finally:
        session.close()
