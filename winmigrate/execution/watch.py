"""One watcher a host: it asks what moves there, for all moves at once, at a pace, and when it is poked.

A host that does not answer makes a view that says so; nothing else comes of it here. So does a failure of ours: a
watcher that died would leave its last view standing, and an old view taken for a new one is how a move is sent twice.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from winmigrate.errors import HostError
from winmigrate.execution.reconcile import ENDED_JOB_STATES, Side
from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Answer, Read, ask_batch
from winmigrate.request import Clock, ClockEvent, Session
from winmigrate.windows.host import VM_HOST
from winmigrate.windows.migration import MIGRATION_JOBS, PLANNED_VMS, MigrationJob
from winmigrate.windows.table import Table
from winmigrate.windows.watching import STATUSES, WATCHED, VMStatus

if TYPE_CHECKING:
    from winmigrate.remoting.connect import Connector

R = TypeVar("R")

#: Seconds between polls, and while something there is unknown.
PACE = 5.0
SLOW_PACE = 30.0

#: For a few polls after a move was sent a host is looked at every second: what fails, mostly fails then.
HURRY = (1.0, 8)

_FAILED_STATES = frozenset({8, 9, 10})
#: JobType: staging and checking, which Compare-VM does (msvm-migrationjob).
COMPARING = frozenset({300, 301, 302})


@dataclass(frozen=True, slots=True)
class View:
    """What one host said at one moment. ``silence`` not empty: it did not answer, since ``silent_since``."""

    host: str
    at: dt.datetime
    vms: Mapping[str, VMStatus] = field(default_factory=dict)
    jobs: tuple[MigrationJob, ...] = ()
    planned: frozenset[str] = frozenset()
    silence: str = ""
    silent_since: dt.datetime | None = None

    def running_jobs(self) -> tuple[MigrationJob, ...]:
        """The jobs that have not ended."""
        return tuple(job for job in self.jobs if job.job_state not in ENDED_JOB_STATES)

    def job_of(self, vm_id: str) -> MigrationJob | None:
        """The running job of that VM; else one that ended and is still seen; else None."""
        mine = [job for job in self.jobs if job.virtual_system_name == vm_id]
        return next((job for job in mine if job.job_state not in ENDED_JOB_STATES), mine[-1] if mine else None)

    def ended_jobs(self, vm_id: str) -> frozenset[str]:
        """InstanceIDs of the VM's migrations that have ended and are still seen."""
        return frozenset(str(job.instance_id) for job in self.jobs if job.virtual_system_name == vm_id and _ended(job))

    def side(self, vm_id: str, known: Collection[str] = ()) -> Side:
        """This host's word on one VM. ``known``: ended jobs seen before it was sent, which tell nothing of it."""
        if self.silence:
            return Side(self.host, False, self.silence)
        vm = self.vms.get(vm_id)
        mine = [job for job in self.jobs if job.virtual_system_name == vm_id]
        ended = [job for job in mine if _ended(job) and str(job.instance_id) not in known]
        failed = [job for job in ended if job.job_state in _FAILED_STATES]
        return Side(
            host=self.host,
            answered=True,
            present=vm is not None,
            state=_word(vm.state) if vm else "",
            status=(_word(vm.secondary_operational_status) or _word(vm.primary_operational_status)) if vm else "",
            planned=vm_id in self.planned,
            job_running=any(job.job_state not in ENDED_JOB_STATES for job in mine),
            job_failed=_failure(failed[-1]) if failed else "",
            job_ended=bool(ended),
        )


def _word(value: str | Unreadable | None) -> str:
    return value if isinstance(value, str) else ""


def _ended(job: MigrationJob) -> bool:
    """Has a migration ended? Job types 300 to 302 are Compare-VM's; one that cannot be read may be a migration."""
    return job.job_state in ENDED_JOB_STATES and job.job_type not in COMPARING


def _failure(job: MigrationJob) -> str:
    for text in (job.error_description, job.error_summary_description):
        if isinstance(text, str) and text:
            return text
    return f"the migration job ended in state {job.job_state}"


@dataclass(slots=True)
class _Waiter:
    """Who waits for a view that was asked for after its call."""

    looked: ClockEvent
    view: View | None = None


class Watcher:
    """The watcher of one host, in a thread of its own with a session of its own."""

    def __init__(
        self,
        host: str,
        version: str,
        connector: Connector,
        clock: Clock,
        on_view: Callable[[View], None],
    ) -> None:
        self.host = host
        self._version = version
        self._connector = connector
        self._clock = clock
        self._on_view = on_view
        self._poke = clock.event()
        self._guard = threading.Lock()
        self._waiters: list[_Waiter] = []
        self._view: View | None = None
        self._hurried = 0
        self._ended = False
        #: The newest failure of whoever is told of views, or "".
        self.trouble = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread. Raises nothing: what goes wrong is a view."""
        self._thread = self._clock.start(self._work, name=f"watch {self.host}")

    def stop(self, *, wait: bool = True) -> None:
        """Ends the thread, and waits for it unless told not to: a host that is silent may take a minute."""
        self._ended = True
        self._poke.set()
        if wait and self._thread is not None:
            self._clock.join(self._thread)

    @property
    def view(self) -> View | None:
        """The newest view, or None before the first."""
        return self._view

    def poke(self) -> None:
        """Look at once, and do not wait for it."""
        self._poke.set()

    def hurry(self) -> None:
        """Look at once, and every second for a little while."""
        self._hurried = HURRY[1]
        self._poke.set()

    def look(self) -> View:
        """A view that was asked for after this call; a silent one if nobody looks any more."""
        waiter = _Waiter(self._clock.event())
        with self._guard:
            if not self._ended:
                self._waiters.append(waiter)
            else:
                waiter.looked.set()
        self._poke.set()
        waiter.looked.wait()
        if waiter.view is None:
            now = self._clock.now()
            return View(self.host, now, silence="it is watched no more", silent_since=now)
        return waiter.view

    def _work(self) -> None:
        session: Session | None = None
        try:
            while not self._ended:
                self._poke.clear()
                with self._guard:
                    waiters, self._waiters = self._waiters, []
                try:
                    if session is None:
                        session = self._connector(self.host)
                    view = read_view(session, self.host, self._version, self._clock)
                except Exception as error:
                    # HostError, or whatever else: nothing was seen, and the next look begins with a new session.
                    if session is not None:
                        session.close()
                        session = None
                    view = self._silent(str(error).removeprefix(f"{self.host}: ") or repr(error))
                self._view = view
                for waiter in waiters:
                    waiter.view = view
                    waiter.looked.set()
                self._tell(view)
                self._poke.wait(HURRY[0] if self._hurried > 0 else PACE)
                self._hurried = max(0, self._hurried - 1)
        finally:
            with self._guard:
                self._ended = True
                waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                waiter.looked.set()
            if session is not None:
                session.close()

    def _tell(self, view: View) -> None:
        try:
            self._on_view(view)
        except Exception as error:
            # Law 7: what is made of a view (an entry that does not fit on the disk, say) stops no looking.
            self.trouble = repr(error)

    def _silent(self, reason: str) -> View:
        now = self._clock.now()
        before = self._view
        since = before.silent_since if before is not None and before.silent_since else now
        return View(self.host, now, silence=reason, silent_since=since)


def read_view(session: Session, host: str, version: str, clock: Clock) -> View:
    """One look at a host. Raises HostError if it does not answer, or not what is needed to judge by.

    No VM at all is not taken on Get-VM's word alone: it shows none, without an error, to an account that has lost its
    rights, and while VMMS starts. Get-VMHost fails then.
    """
    answers = ask_batch(session, [Read(table.name, table.statement(version)) for table in WATCHED])
    jobs = _table(MIGRATION_JOBS, answers, host, version)
    statuses = _table(STATUSES, answers, host, version)
    prepared = _table(PLANNED_VMS, answers, host, version)
    if not statuses:
        witness = ask_batch(session, [Read(VM_HOST.name, VM_HOST.statement(version))])
        if not _table(VM_HOST, witness, host, version):
            raise HostError(host, "it shows no VM, and Hyper-V says nothing of itself either")
    unread = next((vm.id for vm in statuses if isinstance(vm.id, Unreadable)), None)
    if unread is not None:
        raise HostError(host, f"a VM there has an Id that cannot be read: {unread.reason}")
    vms = {vm.id: vm for vm in statuses if isinstance(vm.id, str)}
    planned = frozenset(item.name for item in prepared if isinstance(item.name, str))
    return View(host, clock.now(), vms, jobs, planned)


def _table(table: Table[R], answers: Mapping[str, Answer | Unreadable], host: str, version: str) -> tuple[R, ...]:
    """What cannot be read whole is nothing to judge by: the host has not answered then."""
    answer = answers[table.name]
    if isinstance(answer, Unreadable):
        raise HostError(host, f"what moves there cannot be read: {answer.reason}")
    if answer.errors:
        raise HostError(host, f"what moves there cannot be read: {answer.errors[0].message}")
    return table.rows(answer.objects, version)
