"""What VMMS offers: start a migration, compare, cancel, list the jobs, destroy a planned VM."""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.fabric import failures, landing, opening
from winmigrate.lab.fabric.compatibility import fits_memory, problems
from winmigrate.lab.fabric.identity import Caller, hop_b, hop_c
from winmigrate.lab.fabric.layout import MoveSettings, lay_out
from winmigrate.lab.fabric.moves import TIME_BEFORE_REMOVAL, Move
from winmigrate.lab.fabric.planned import destroy_planned
from winmigrate.lab.fabric.world import VM, Host, Job, World

#: How long a comparison takes, seconds; whoever calls :func:`compare` lets them pass first.
COMPARE_SECONDS = 1.5

_TYPES = {False: (305, 32768), True: (306, 32771)}


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """An entry of a compatibility report; ``source`` is the fabric's own thing: of ``planned``, the VM at the
    destination, or its adapter, disk and so on.
    """

    message: str
    message_id: int
    source: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """What Compare-VM puts together. ``planned``: the planned VM that it leaves at the destination."""

    planned: VM
    destination: Host
    settings: MoveSettings
    incompatibilities: tuple[Incompatibility, ...]


def find_destination(world: World, source: Host, name: str, settings: MoveSettings, caller: Caller) -> Host:
    """The destination as the cmdlet contacts it itself (hop B). Raises MigrationFailure."""
    destination = world.host(name)
    if destination is None:
        raise failures.unknown_host(name)
    hop_b(world, source, destination, caller, settings.credential)
    return destination


def _admit(world: World, source: Host, vm: VM, destination: Host, settings: MoveSettings) -> None:
    if not source.reachable:
        raise failures.unreachable(source.name)  # it died while the cmdlet ran
    if not source.migration.enabled:
        raise failures.source_not_enabled()
    if not destination.migration.enabled:
        raise failures.destination_not_enabled()
    if vm.clustered and (settings.moves_storage or settings.vm_path or settings.snapshot_path or settings.paging_path):
        raise failures.clustered(vm)
    named = {path.lower() for path, _ in settings.vhds}
    for disk in vm.disks:
        if disk.shared and disk.path is not None and disk.path.lower() in named:
            raise failures.shared_disk(vm, disk.path)
    if source is destination or busy(world, vm.id):
        raise failures.in_its_state(vm)


def busy(world: World, vm_id: uuid.UUID) -> bool:
    """Is a move of that VM on its way?"""
    return any(not move.over and move.vm.id == vm_id for move in world.moves.values())


def start_migration(world: World, source: Host, vm_id: uuid.UUID, destination: str, settings: MoveSettings,
                    caller: Caller) -> Job:
    """Move-VM's start. The job is on the source's list; it may have failed already (limits).

    ``destination`` as the cmdlet was given it. Raises MigrationFailure where the cmdlet refuses without a job, KeyError
    where the source has no such VM. When it ends, ``job.ended`` is true and the clock looks at all ``ready`` again;
    ``job.failure`` is then None or a MigrationFailure.
    """
    with world.lock:
        vm = source.vms[vm_id]
        target = find_destination(world, source, destination, settings, caller)
        _admit(world, source, vm, target, settings)
        at = world.clock.monotonic()
        kind, migration_type = _TYPES[settings.moves_storage]
        job = Job(id=str(world.new_id()).upper(), vm_id=vm_id, vm_name=vm.name, type=kind,
                  migration_type=migration_type, source=source.name, destination=target.name,
                  started=world.clock.date(at), started_at=at, owner=caller.user,
                  caption="Moving virtual machine and storage" if kind == 306 else "Moving virtual machine")
        source.jobs.append(job)
        move = Move(world, job, vm, source, target, settings, caller)
        world.moves[job.id] = move
        world.tell("move-started", job=job.id, vm=job.guid, name=vm.name, source=source.key, destination=target.key,
                   user=caller.user)
        landing.log_start(move, at)
        move.begin(at)
        return job


def current_jobs(world: World, host: Host) -> list[Job]:
    """The migration jobs that host still knows, with their percentage as of now."""
    with world.lock:
        at = world.clock.monotonic()
        host.jobs[:] = [job for job in host.jobs if job.remove_at is None or job.remove_at > at]
        for job in host.jobs:
            move = world.moves.get(job.id)
            if move is not None:
                move.refresh(at)
        return list(host.jobs)


#: What RequestStateChange returns.
ACCEPTED = 4096
INVALID_STATE = 32775
NOT_SUPPORTED = 32770


def request_state_change(world: World, job: Job, state: int) -> int:
    """RequestStateChange on a migration job: 4 (Terminate) asks it to end; KillJob's 5 does as much.

    Returns 4096 (accepted: wait for the job's end, it may still win the race), 32775 where it cannot be cancelled.
    """
    with world.lock:
        if state not in (4, 5):
            return NOT_SUPPORTED
        move = world.moves.get(job.id)
        if move is None or job.ended or not job.cancellable:
            return INVALID_STATE
        move.cancel(world.clock.monotonic())
        return ACCEPTED


def compare(world: World, source: Host, vm_id: uuid.UUID, destination: str, settings: MoveSettings,
            caller: Caller) -> Comparison:
    """Compare-VM: makes a planned VM at the destination, leaves it there, and lists what stands in the way.

    Raises MigrationFailure where no planned VM can be made (both hops, settings, host down), KeyError for no such VM.
    Beside each cause stand the two wrappers that real reports show, whose source is the VM.
    """
    with world.lock:
        vm = source.vms[vm_id]
        target = find_destination(world, source, destination, settings, caller)
        _admit(world, source, vm, target, settings)
        at = world.clock.monotonic()
        job = Job(id=str(world.new_id()).upper(), vm_id=vm_id, vm_name=vm.name, type=300, migration_type=32770,
                  source=source.name, destination=target.name, started=world.clock.date(at - COMPARE_SECONDS),
                  started_at=at - COMPARE_SECONDS, owner=caller.user, caption="Creating planned virtual machine",
                  ended_at=at, remove_at=at + TIME_BEFORE_REMOVAL, cancellable=False)
        refusal = (failures.refused(vm, source, target) if not target.migration.listening
                   else hop_c(world, vm, source, target, caller))
        if refusal is not None:
            job.state, job.error_code, job.error, job.failure = 10, 32768, refusal.message, refusal
            source.jobs.append(job)
            raise refusal
        found = problems(source, vm, target, settings) + opening.at_destination(world, vm, source, target, settings)
        job.state, job.percent = 7, 100
        source.jobs.append(job)
        destroy_planned(world, target, vm_id)
        planned = copy.deepcopy(vm)
        planned.planned, planned.planned_from, planned.state = True, source.name, "Off"
        planned.secondary_status = None
        planned.memory.assigned = 0
        planned.config_path = planned.path = lay_out(source, vm, settings).config
        target.planned[vm_id] = planned
        world.tell("compared", vm=job.guid, source=source.key, destination=target.key, found=len(found),
                   user=caller.user)
        entries = [Incompatibility(problem.message, problem.message_id, _twin(vm, planned, problem.item))
                   for problem in found]
        if vm.running and not fits_memory(vm, target):
            failure = failures.memory_missing(vm, target)
            entries.append(Incompatibility(failure.message.rpartition("\n\n")[2], failure.message_id, planned))
        if entries:
            entries[:0] = [
                Incompatibility(f"Virtual machine migration operation for '{vm.name}' failed at migration destination "
                                f"'{target.name}'. (Virtual machine ID {vm.guid})", failures.WRAPPER_FAILED, planned),
                Incompatibility(failures.not_compatible(vm, target), failures.WRAPPER_INCOMPATIBLE, planned),
            ]
        return Comparison(planned, target, settings, tuple(entries))


def _twin(vm: VM, planned: VM, item: Any) -> Any:
    """The planned VM's own adapter (disk, ...) for one of the VM."""
    for name in ("adapters", "disks", "dvds", "devices", "fibre_channel"):
        for ours, theirs in zip(getattr(vm, name), getattr(planned, name), strict=True):
            if ours is item:
                return theirs
    return planned


def mended(comparison: Comparison) -> MoveSettings:
    """The settings of a move with this report: where the planned VM's adapters are connected now counts."""
    settings = comparison.settings
    return MoveSettings(
        settings.include_storage, settings.storage_path, settings.vm_path, settings.snapshot_path,
        settings.paging_path, settings.vhds, settings.retain_vhds, settings.remove_unmanaged,
        {adapter.id: adapter.switch_name for adapter in comparison.planned.adapters}, settings.credential)


__all__ = [
    "ACCEPTED", "COMPARE_SECONDS", "INVALID_STATE", "Comparison", "Incompatibility", "MoveSettings", "busy", "compare",
    "current_jobs", "destroy_planned", "find_destination", "lay_out", "mended", "request_state_change",
    "start_migration",
]
