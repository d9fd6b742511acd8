"""Live migrations on the fabric's clock: negotiation, storage, mirror, memory, switch-over, clean-up.

The phases, what can be seen in them and what a failure leaves behind follow published pages as far as they go. Ours:
the fixed seconds below, the threshold of a long blackout, and that a move with storage takes both a
live and a storage slot.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from winmigrate.lab.fabric import failures, fibre, landing, opening, routes, slots, surroundings
from winmigrate.lab.fabric.clock import Timer
from winmigrate.lab.fabric.compatibility import fits_memory, problems, switch_for
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.files import FileEntry
from winmigrate.lab.fabric.fluid import Flow, Resource
from winmigrate.lab.fabric.identity import Caller, hop_c
from winmigrate.lab.fabric.layout import Copy, Layout, MoveSettings, lay_out
from winmigrate.lab.fabric.phases import percent_in
from winmigrate.lab.fabric.planned import destroy_planned
from winmigrate.lab.fabric.world import MIB, VM, Host, Job, World

#: Seconds.
CONNECT = 1.0
PLAN = 1.0
RESUME = 0.3
CLEAN_UP = 1.5
CANCEL = 0.5
TIME_BEFORE_REMOVAL = 300.0
LONG_BLACKOUT = 10.0
#: Memory passes: at most so many, and no further one when what is left takes less than this.
PASSES = 5
SHORT_ENOUGH = 0.2

_STATUS = {"storage": "StorageMigrationPhaseOne", "mirror": "StorageMigrationPhaseTwo",
           "memory": "MigratingVirtualMachine", "blackout": "MigratingVirtualMachine"}


class Move:
    """One move on its way. Every method runs under the world's lock."""

    def __init__(self, world: World, job: Job, vm: VM, source: Host, destination: Host, settings: MoveSettings,
                 caller: Caller) -> None:
        self.world = world
        self.job = job
        self.vm = vm
        self.source = source
        self.destination = destination
        self.settings = settings
        self.caller = caller
        self.layout: Layout = lay_out(source, vm, settings).apart_from(destination)
        self.over = False
        self.made: list[FileEntry] = []
        self.landed = False
        self._flow: Flow | None = None
        self._timer: Timer | None = None
        self._step: Callable[[float], None] | None = None
        self._wait = 0.0
        self._holds = 0
        self._hurried = False
        self._pledged = 0
        self._ports: list[Any] = []
        self._copied = 0.0
        self._storage_began = 0.0
        self._pass = 0
        self._left = 0.0

    @property
    def phase(self) -> str:
        return self.job.phase

    # --- going on ----------------------------------------------------------------------------------------------------

    def begin(self, at: float) -> None:
        """Takes the slots, or fails at once, as Windows does when a limit is reached."""
        if not self._enter("negotiate"):
            return
        refusal = self.no_slot()
        if refusal is not None:
            self.fail(at, refusal)
            return
        self._later(at + CONNECT, self._connect)

    def no_slot(self) -> MigrationFailure | None:
        """Why it may not begin now, or None."""
        return slots.refusal(self)

    def not_admitted(self) -> MigrationFailure | None:
        """Why VMMS of the destination does not let VMMS of the source in, or None."""
        return hop_c(self.world, self.vm, self.source, self.destination, self.caller)

    def _connect(self, at: float) -> None:
        vm, source, destination = self.vm, self.source, self.destination
        met = surroundings.answer(self.world, source, destination, surroundings.MIGRATION)
        if met != "open":
            fault = failures.no_answer if met == "silent" else failures.refused
            return self.fail(at, fault(vm, source, destination))
        refusal = self.not_admitted()
        if refusal is not None:
            return self.fail(at, refusal)
        found = problems(source, vm, destination, self.settings)
        found += opening.at_destination(self.world, vm, source, destination, self.settings)
        if found:
            return self.fail(at, found[0].failure)
        if not fits_memory(vm, destination):
            return self.fail(at, failures.memory_missing(vm, destination))
        unseen = fibre.refusal(self.world, vm, destination)
        if unseen is not None:
            return self.fail(at, unseen)
        self._plan(at)
        return None

    def _plan(self, at: float) -> None:
        destroy_planned(self.world, self.destination, self.vm.id)
        planned = copy.deepcopy(self.vm)
        planned.planned, planned.planned_from = True, self.source.name
        planned.state, planned.secondary_status = "Off", "MigratingPlannedVm"
        planned.config_path = self.layout.config
        self.destination.planned[self.vm.id] = planned
        for way in self.layout.system:
            self._make(way)
        self._pledged = self.vm.memory.assigned
        self.destination.memory_pledged += self._pledged
        for adapter in self.vm.adapters:
            _, switch = switch_for(adapter, self.destination, self.settings)
            if switch is not None:
                switch.ports += 1
                self._ports.append(switch)
        self._later(at + PLAN, self._storage)

    def _make(self, way: Copy) -> FileEntry:
        entry = FileEntry(way.target, way.source.size, way.source.kind, copy.copy(way.source.vhd), partial=True)
        if entry.vhd is not None and entry.vhd.parent is not None:
            entry.vhd.parent = self.layout.target(entry.vhd.parent)
        self.destination.files.add(entry)
        self.made.append(entry)
        return entry

    def _storage(self, at: float) -> None:
        if not self.layout.copies:
            return self._memory(at)
        if not self._enter("storage"):
            return None
        self._storage_began = at
        local = next((way.target for way in self.layout.copies if not way.target.startswith("\\\\")), None)
        if local and surroundings.keeps_out(self.source, self.destination, surroundings.SMB):
            return self.fail(at, failures.no_network_path(self.vm, self.destination, local))
        for way in self.layout.copies:
            if not opening.may_write(self.world, self.source, self.destination, self.caller, way.target):
                return self.fail(at, failures.share_denied(self.vm, self.source, way.target, self.destination))
        self._copy(at, 0)
        return None

    def _copy(self, at: float, index: int) -> None:
        if index == len(self.layout.copies):
            return self._mirror(at)
        way = self.layout.copies[index]
        if way.target in self.destination.files:
            return self.fail(at, failures.file_exists(self.vm, self.destination, way.target))
        room = self.destination.room(way.target)
        if room is not None and room < way.source.size:
            return self.fail(at, failures.disk_full(self.vm, self.source, way.target))
        self._make(way)

        def arrived(when: float) -> None:
            self._flow = None
            self._copied += way.source.size
            self._copy(when, index + 1)

        self._send(at, way.source.size, routes.disk(self.source, self.destination, way), arrived)
        return None

    def _mirror(self, at: float) -> None:
        if not self._enter("mirror"):
            return
        total = sum(way.source.size for way in self.layout.copies)
        rate = self.vm.load.write_rate
        bandwidth = max(1.0, total / max(at - self._storage_began, 1e-6))
        delta = min(float(total), rate * (at - self._storage_began) / max(0.1, 1.0 - rate / bandwidth))
        route = routes.disk(self.source, self.destination, self.layout.copies[-1])
        self._send(at, max(delta, 1.0 * MIB), route, self._memory)

    def _memory(self, at: float) -> None:
        self._flow = None
        if not self.vm.running:
            return self._blackout(at)
        if not self._enter("memory"):
            return None
        self._left = float(self.vm.memory.assigned)
        self._pass_on(at)
        return None

    def _pass_on(self, at: float) -> None:
        self._flow = None
        route = routes.memory(self.source, self.destination)
        bandwidth = min(self.world.links.capacity(key) for key in route)
        if self._pass >= PASSES or (self._pass > 0 and self._left / bandwidth <= SHORT_ENOUGH):
            return self._blackout(at)
        self._pass += 1
        began = at

        def passed(when: float) -> None:
            dirtied = self.vm.load.dirty_rate * (when - began)
            self._left = min(float(self.vm.memory.assigned), dirtied)
            self._pass_on(when)

        self._send(at, self._left, route, passed)
        return None

    def _blackout(self, at: float) -> None:
        if not self._enter("blackout"):
            return
        self.job.cancellable = False
        if not self.vm.running:
            self._later(at + RESUME, lambda when: self._switch_over(when, 0.0))
            return

        def passed(when: float) -> None:
            self._flow = None
            self._later(when + RESUME, lambda then: self._switch_over(then, then - at))

        self._send(at, self._left, routes.memory(self.source, self.destination), passed)

    def _switch_over(self, at: float, blackout: float) -> None:
        self.job.blackout = blackout
        self._release()
        landing.land(self)
        self.landed = True
        if self.vm.running:
            landing.log_blackout(self, at, blackout, long=blackout > LONG_BLACKOUT)
        if not self._enter("cleanup"):
            return
        self._later(at + CLEAN_UP, self._clean_up)

    def _clean_up(self, at: float) -> None:
        landing.clean_up(self)
        self._end(at, 7)
        self.job.percent = 100

    # --- ending ------------------------------------------------------------------------------------------------------

    def fail(self, at: float, failure: MigrationFailure, *, leave: bool = False) -> None:
        """Ends it before the switch-over: the VM stays as it was on the source. ``leave``: so do the files made at the
        destination and the planned VM (a crash, a lost network).
        """
        if self.over or self.landed:
            return
        self._stop(at)
        self._release()
        if not leave:
            for entry in self.made:
                self.destination.files.remove(entry.path)
            self.destination.planned.pop(self.vm.id, None)
        elif self.vm.id in self.destination.planned:
            self.destination.planned[self.vm.id].secondary_status = None
        self.job.failure = failure
        self.job.error_code, self.job.error = 32768, failure.message
        self.job.error_summary = failure.message.split("\n\n", 1)[0]
        self._end(at, 8 if failure.slug == "cancelled" else 10)
        landing.log_failure(self, at, failure)

    def crash(self, at: float, host: Host) -> None:
        """One of its hosts has died."""
        if self.over:
            return
        if self.landed:
            if host is self.source:
                self._stop(at)
                self._end(at, 10)
        else:
            self.fail(at, failures.connection_reset(self.vm, self.source), leave=True)
        if host is self.source and self.job in self.source.jobs:
            self.source.jobs.remove(self.job)

    def cancel(self, at: float) -> None:
        """Asks it to end: half a second later it does, unless the switch-over has begun meanwhile."""
        self.job.cancel_asked = True

        def end(when: float) -> None:
            with self.world.lock:
                if not self.over and not self.landed and self.phase != "blackout":
                    self.fail(when, failures.cancelled(self.vm, self.source))

        self.world.clock.at(at + CANCEL, end)

    def hold(self, at: float) -> None:
        """It stands still, at its percentage, until as many :meth:`go_on`; it can be cancelled and fail meanwhile."""
        self._holds += 1
        if self._holds > 1 or self.over:
            return
        if self._flow is not None:
            self.world.links.hold(at, self._flow, True)
        elif self._timer is not None:
            self._timer.cancel()
            self._wait = max(0.0, self._timer.when - at)

    def go_on(self, at: float) -> None:
        """Ends one :meth:`hold`."""
        self._holds -= 1
        if self._holds or self.over:
            return
        if self._flow is not None:
            self.world.links.hold(at, self._flow, False)
        elif self._step is not None:
            self._later(at + self._wait, self._step)

    def hurry(self, at: float) -> None:
        """All that is left takes no time."""
        self._hurried = True
        if self.over or self._holds:
            return
        if self._flow is not None:
            flow, self._flow = self._flow, None
            self.world.links.stop(at, flow)
            flow.done(at)
        elif self._timer is not None and self._step is not None:
            self._timer.cancel()
            self._later(at, self._step)

    def _end(self, at: float, state: int) -> None:
        self.over = True
        self.vm.secondary_status = None
        self.refresh(at)
        job = self.job
        job.state, job.ended_at, job.remove_at = state, at, at + TIME_BEFORE_REMOVAL
        job.cancellable = False
        self.world.tell("move-ended", job=job.id, vm=job.guid, name=job.vm_name, source=self.source.key,
                        destination=self.destination.key, state=state, phase=job.phase,
                        error=job.failure.slug if job.failure is not None else "", blackout=job.blackout)
        self.world.clock.changed()

    # --- within ------------------------------------------------------------------------------------------------------

    def _enter(self, phase: str) -> bool:
        """Goes into a phase and says so; False if a listener ended the move there."""
        self.job.phase = phase
        status = _STATUS.get(phase)
        if status is not None:
            self.vm.secondary_status = status
        self.world.tell("phase", job=self.job.id, vm=self.job.guid, name=self.job.vm_name, phase=phase,
                        source=self.source.key, destination=self.destination.key)
        return not self.over

    def _later(self, when: float, step: Callable[[float], None]) -> None:
        def run(at: float) -> None:
            with self.world.lock:
                if not self.over:
                    self._timer = self._step = None
                    step(at)

        self._step = step
        if self._holds:
            self._wait = max(0.0, when - self.world.clock.monotonic())
            return
        self._timer = self.world.clock.at(self.world.clock.monotonic() if self._hurried else when, run)

    def _send(self, at: float, size: float, route: list[Resource], done: Callable[[float], None]) -> None:
        self._flow = self.world.links.start(at, 0.0 if self._hurried else size, route, done)
        if self._holds:
            self.world.links.hold(at, self._flow, True)

    def _stop(self, at: float) -> None:
        if self._flow is not None:
            self.world.links.stop(at, self._flow)
            self._flow = None
        if self._timer is not None:
            self._timer.cancel()

    def _release(self) -> None:
        self.destination.memory_pledged -= self._pledged
        self._pledged = 0
        for switch in self._ports:
            switch.ports -= 1
        self._ports.clear()

    def refresh(self, at: float) -> None:
        """Brings the job's percentage up to that time."""
        if self.job.ended:
            return
        self.world.links.settle(at)
        share = 0.0
        if self.phase == "storage":
            total = sum(way.source.size for way in self.layout.copies) or 1
            moving = self._flow.size - self._flow.remaining if self._flow is not None else 0.0
            share = (self._copied + moving) / total
        elif self.phase == "memory" and self._pass == 1 and self._flow is not None:
            share = 0.9 * self._flow.share
        elif self.phase == "memory":
            share = 0.9
        percent = percent_in(self.phase, share, storage=bool(self.layout.copies))
        self.job.percent = max(self.job.percent, percent)
