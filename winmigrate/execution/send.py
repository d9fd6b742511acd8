"""Sends a move: the intent is on disk, with shell id and command id, before the host hears of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from winmigrate.errors import HostError
from winmigrate.execution import points
from winmigrate.execution.journal import Kind
from winmigrate.execution.reconcile import Knowledge
from winmigrate.kinds import kind_of
from winmigrate.remoting.records import record_of
from winmigrate.request import PipelineState, Stream, Ticket

if TYPE_CHECKING:
    from winmigrate.execution.run import Run
    from winmigrate.planning.plan import Step


def send(run: Run, step: Step) -> Knowledge:
    """Sends Move-VM and stays with it until its pipeline ends or is lost. What it says proves nothing.

    The session is this move's own and is closed at the end; on a lost connection the shell is left to the host.
    """
    move = step.move
    kind = kind_of(move.kind)
    version = run.versions[move.source]
    asked = kind.start(move, version, run.credential_for(move.destination))
    session = run.connector(move.source)
    errors: list[str] = []
    try:
        session.open()
        points.reach(points.BEFORE_INTENT)
        view = run.watchers[move.source].view

        def intend(ticket: Ticket) -> None:
            attempt = run.ledger.state(step.id).attempts + 1
            known = sorted(view.ended_jobs(move.vm_id)) if view is not None else []
            run.ledger.write(
                step.id, Kind.INTENT, attempt=attempt, ticket=asdict(ticket), route=move.route, known_jobs=known
            )
            run.ledger.follow(step.id)
            points.reach(points.INTENT_WRITTEN)

        events = session.start(asked, on_ticket=intend)
        points.reach(points.SENT)
        run.watchers[move.source].hurry()
        for event in events:
            if event.stream is Stream.ERROR:
                errors.append(record_of(event.clixml).message)
            if run.detaching:
                break
        reply = session.last_reply
    except HostError as error:
        if run.ledger.state(step.id).ticket is None:
            # It was never sent: the host was not reached, or refused the session.
            run.ledger.write(step.id, Kind.NOTE, text=f"not sent: {error}")
            return Knowledge("ended", str(error))
        run.ledger.write(step.id, Kind.LOST, reason=str(error))
        run.ledger.doubt(step.id)
        return Knowledge("unseen")
    finally:
        session.close()
        for host in (move.source, move.destination):
            run.watchers[host].poke()
    if reply is None:
        return Knowledge("unseen")
    if reply.error is not None:
        errors.append(record_of(reply.error).message)
    text = "; ".join(dict.fromkeys(errors))
    if reply.state is not PipelineState.COMPLETED and not text:
        text = f"the pipeline ended {reply.state.value.lower()}"
    run.ledger.write(step.id, Kind.ENDED, state=reply.state.value, error=text, seconds=round(reply.seconds, 1))
    return Knowledge("ended", text)
