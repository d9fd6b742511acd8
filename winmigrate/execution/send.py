"""Sends a move: the intent is on disk, with shell id and command id, before the host hears of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from winmigrate.errors import ClixmlError, HostError
from winmigrate.execution import points
from winmigrate.execution.journal import Kind
from winmigrate.execution.reconcile import Knowledge
from winmigrate.kinds import kind_of
from winmigrate.remoting.records import record_of
from winmigrate.request import PipelineState, Stream, Ticket

if TYPE_CHECKING:
    from winmigrate.execution.run import Run
    from winmigrate.planning.plan import Step


class _Withheld(Exception):
    """It was stopped or cancelled in the last moment."""


def send(run: Run, step: Step) -> Knowledge | None:
    """Sends Move-VM and stays with it until its pipeline ends or is lost. What it says proves nothing.

    None: it was stopped or cancelled before the host heard of it, and is not sent.
    The session is this move's own and is closed at the end; on a lost connection the shell is left to the host.
    """
    from winmigrate.execution.step import withheld

    move = step.move
    kind = kind_of(move.kind)
    version = run.versions[move.source]
    asked = kind.start(move, version, run.credential_for(move.destination))
    session = run.connector(move.source)
    errors: list[str] = []
    try:
        session.open()
        points.reach(points.BEFORE_INTENT)
        views = [run.watchers[host].view for host in (move.source, move.destination)]

        def intend(ticket: Ticket) -> None:
            if withheld(run, step):
                raise _Withheld
            attempt = run.ledger.state(step.id).attempts + 1
            known = sorted({job for view in views if view is not None for job in view.ended_jobs(move.vm_id)})
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
                errors.append(_message(event.clixml))
            if run.detaching:
                break
        reply = session.last_reply
    except _Withheld:
        return None
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
        errors.append(_message(reply.error))
    text = "; ".join(dict.fromkeys(errors))
    if reply.state is not PipelineState.COMPLETED and not text:
        text = f"the pipeline ended {reply.state.value.lower()}"
    run.ledger.write(step.id, Kind.ENDED, state=reply.state.value, error=text, seconds=round(reply.seconds, 1))
    return Knowledge("ended", text)


def _message(clixml: str) -> str:
    """What an error says. One that cannot be read is an error too, and no reason to leave a move alone."""
    try:
        record = record_of(clixml)
    except ClixmlError as error:
        return f"an error that cannot be read: {error}"
    return record.message or record.fqeid or "an error without a message"
