"""What is just before a step starts: both hosts read anew, the places of its files looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from winmigrate.errors import HostError
from winmigrate.execution.states import Status
from winmigrate.execution.together import together
from winmigrate.facts import Unreadable
from winmigrate.planning.expectations import Now
from winmigrate.planning.plan import ExpectationKind
from winmigrate.remoting.batch import Read, ask_batch
from winmigrate.survey import HostFacts
from winmigrate.survey.arriving import arrivals
from winmigrate.survey.fingerprint import Fingerprint, fingerprint
from winmigrate.survey.taking import read_host
from winmigrate.windows import storage
from winmigrate.windows.paths import volume

if TYPE_CHECKING:
    from winmigrate.execution.run import Run
    from winmigrate.planning.plan import Step
    from winmigrate.request import Session
    from winmigrate.windows.storage import FileItem

_FINGERPRINT: TypeAdapter[Fingerprint] = TypeAdapter(Fingerprint)


def read_now(run: Run, step: Step) -> Now:
    """Facts of both hosts. One that does not answer is missing in ``hosts``: no expectation on it holds then."""
    hosts: dict[str, HostFacts] = {}
    files: dict[str, FileItem | Unreadable | None] = {}

    def read(host: str) -> None:
        session = run.connector(host)
        try:
            hosts[host] = _facts(run, step, host, session)
            if host == step.move.destination:
                files.update(_places(run, step, session))
        except HostError as error:
            run.ledger.note(step.id, f"could not be read just before the start: {error}")
        finally:
            session.close()

    source, destination = step.move.source, step.move.destination
    together(run.clock, lambda: read(source), lambda: read(destination), name=f"read {destination}")
    return Now(hosts, files, _in_flight(run, step))


def _facts(run: Run, step: Step, host: str, session: Session) -> HostFacts:
    """The host, and of its VMs this one alone: on the destination the answer is that it is not there."""
    vm_id = step.move.vm_id
    secured = (vm_id,) if host == step.move.source else ()
    return read_host(host, run.versions[host], session, run.clock, secured=secured, only=vm_id)


def _places(run: Run, step: Step, session: Session) -> dict[str, FileItem | Unreadable | None]:
    """What lies at the destination where the step's files would be written."""
    host = step.move.destination
    wanted = [item.subject for item in step.expectations if item.kind is ExpectationKind.FILES_ABSENT]
    if not wanted:
        return {}
    answers = ask_batch(session, [Read("files", storage.files(wanted, run.versions[host]))])
    return arrivals(wanted, answers["files"], run.versions[host], host)


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
