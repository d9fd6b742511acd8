"""What is just before a step starts: both hosts read anew, the places of its files looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from winmigrate.errors import HostError
from winmigrate.execution.states import Status
from winmigrate.facts import Unreadable
from winmigrate.planning.expectations import Now
from winmigrate.planning.plan import ExpectationKind
from winmigrate.remoting.batch import Read, ask_batch
from winmigrate.survey import HostFacts
from winmigrate.survey.fingerprint import Fingerprint, fingerprint
from winmigrate.survey.taking import arrivals, read_host
from winmigrate.windows import storage
from winmigrate.windows.paths import volume

if TYPE_CHECKING:
    from winmigrate.execution.run import Run
    from winmigrate.planning.plan import Step
    from winmigrate.windows.storage import FileItem

_FINGERPRINT: TypeAdapter[Fingerprint] = TypeAdapter(Fingerprint)


def read_now(run: Run, step: Step) -> Now:
    """Facts of both hosts. One that does not answer is missing in ``hosts``: no expectation on it holds then."""
    move = step.move
    hosts: dict[str, HostFacts] = {}
    files: dict[str, FileItem | Unreadable | None] = {}
    for host in (move.source, move.destination):
        session = run.connector(host)
        try:
            # On the source the VM alone matters; on the destination that it is not there, so all are read.
            mine = move.vm_id if host == move.source else None
            secured = (move.vm_id,) if mine else ()
            hosts[host] = read_host(host, run.versions[host], session, run.clock, secured=secured, only=mine)
            if host == move.destination:
                wanted = [item.subject for item in step.expectations if item.kind is ExpectationKind.FILES_ABSENT]
                if wanted:
                    answers = ask_batch(session, [Read("files", storage.files(wanted, run.versions[host]))])
                    files = arrivals(wanted, answers["files"], run.versions[host], host)
        except HostError as error:
            run.ledger.note(step.id, f"could not be read just before the start: {error}")
        finally:
            session.close()
    return Now(hosts, files, _in_flight(run, step))


def fingerprint_of(facts: HostFacts, vm_id: str) -> dict[str, Any]:
    """The fingerprint of a VM, as the journal keeps it."""
    found = fingerprint(facts, vm_id)
    if isinstance(found, Unreadable):
        return {"unreadable": found.reason}
    data: dict[str, Any] = _FINGERPRINT.dump_python(found, mode="json")
    return data


def fingerprint_from(data: dict[str, Any]) -> Fingerprint:
    """Back from the journal."""
    return _FINGERPRINT.validate_python(data)


def _in_flight(run: Run, step: Step) -> dict[tuple[str, str], int]:
    """Bytes that moves under way will still take of the same destination's volumes. Memory is reserved at once."""
    taken: dict[tuple[str, str], int] = {}
    states = run.ledger.states()
    for other in run.plan.steps:
        if other.id == step.id or other.move.destination != step.move.destination:
            continue
        if states[other.id].status not in (Status.MOVING, Status.UNKNOWN):
            continue
        percent = states[other.id].percent or 0
        for file in other.move.files:
            place = (other.move.destination, volume(file.destination))
            taken[place] = taken.get(place, 0) + int(file.size * (100 - percent) / 100)
    return taken
