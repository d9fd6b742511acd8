"""Makes the plan: placement, then steps bound to facts, with routes, expectations and a lower bound. Pure."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from winmigrate.checks.collecting import nothing_collected
from winmigrate.checks.finding import CandidateFindings, Findings
from winmigrate.checks.kind_of_move import CLUSTER, SHARED_NOTHING
from winmigrate.checks.reserves import disk_kept, memory_kept
from winmigrate.facts import Unreadable
from winmigrate.kinds import FileMove, Move
from winmigrate.placement import HostRooms, Option, Refused, Room, Wish, place
from winmigrate.planning.bound import lower_bound, makespan
from winmigrate.planning.estimate import seconds_for
from winmigrate.planning.expectations import disks_digest
from winmigrate.planning.plan import Capacity, Expectation, ExpectationKind, HostLimits, Plan, Refusal, Step, Window
from winmigrate.survey import Candidate, Candidates, HostFacts, Roll, Survey
from winmigrate.survey.facts_of_clusters import live_limit
from winmigrate.survey.wishes import files_of, storage_of
from winmigrate.windows.move import FileByFile, OneFolder, Storage
from winmigrate.windows.paths import FileKind, PlannedFile, volume

if TYPE_CHECKING:
    from winmigrate.inventory import Inventory
    from winmigrate.playbook import Playbook

#: Slots of a host where neither the inventory nor the playbook says more (docs/interface.md, section 4).
DEFAULT_SLOTS = 2


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a candidate would bring to its destination: bytes of memory, and every file with its place and size."""

    candidate: Candidate
    storage: Storage
    memory: int
    files: tuple[PlannedFile, ...]

    def disks(self) -> dict[str, int]:
        """Bytes by volume. The configuration's volume takes a saved-state file as large as the memory."""
        found: dict[str, int] = {}
        for file in self.files:
            amount = file.size or 0
            if file.kind is FileKind.CONFIG:
                amount += self.memory
            found[volume(file.destination)] = found.get(volume(file.destination), 0) + amount
        return found

    def bytes_of_files(self) -> int:
        return sum(file.size or 0 for file in self.files)


@nothing_collected()
def make_plan(
    survey: Survey,
    candidates: Candidates,
    findings: Findings,
    roll: Roll,
    playbook: Playbook,
    inventory: Inventory,
    now: dt.datetime,
) -> Plan:
    """Placement and steps for every VM that has a candidate nothing stands against. Pure: facts in, plan out."""
    arrivals: dict[str, Arrival] = {}
    wishes: list[Wish] = []
    found = {(item.vm_id, item.destination): item for item in findings.candidates}
    by_vm: dict[str, list[Candidate]] = {}
    for item in candidates.candidates:
        by_vm.setdefault(item.vm_id, []).append(item)
    for mine in by_vm.values():
        wishes.append(_wish(mine, found, findings, survey, roll, inventory, arrivals))
    rooms = {name: room for name in survey.hosts if (room := _rooms(name, survey.host(name), inventory)) is not None}
    placements, refused, left = place(wishes, rooms)
    steps = [
        _step(arrivals[_key(item.wish.vm_id, item.option.destination)], item.reasons, survey, roll, playbook, inventory)
        for item in placements
    ]
    ordered = _bind_after(steps, candidates, playbook)
    limits = {name: _limits(name, survey.host(name), playbook, inventory) for name in survey.hosts}
    used = {item.option.destination for item in placements}
    return Plan(
        made_at=now,
        playbook=playbook.file,
        inventory=inventory.file,
        steps=tuple(ordered),
        refusals=tuple(_refusal(item) for item in refused),
        already_there=tuple(item.vm_name for item in candidates.settled),
        capacities=tuple(line for name in rooms if name in used for line in _capacities(rooms[name], left[name])),
        limits=limits,
        run_limit=playbook.limits.run,
        stop_after=playbook.stop_after,
        attempts=playbook.attempts,
        lower_bound=round(lower_bound(ordered, limits), 1),
        makespan=round(makespan(ordered, limits, playbook.limits.run), 1),
        window=_window(playbook, inventory, now),
    )


# --- placement ---------------------------------------------------------------------------------------------------


def _wish(
    mine: Sequence[Candidate],
    found: Mapping[tuple[str, str], CandidateFindings],
    findings: Findings,
    survey: Survey,
    roll: Roll,
    inventory: Inventory,
    arrivals: dict[str, Arrival],
) -> Wish:
    """What is wished for one VM: all its candidates, those that nothing blocks as options."""
    vm_id = mine[0].vm_id
    options: list[Option] = []
    blocked: list[str] = []
    for candidate in mine:
        unmoving = [name for name in (candidate.source, candidate.destination) if _only_reads(name, inventory)]
        if unmoving:
            who = " and ".join(unmoving)
            blocked.append(f"{candidate.destination}: {who} by transport winrs, which only reads; moves go by psrp")
            continue
        silent = roll.entries.get(candidate.destination)
        if silent is not None and not silent.reached:
            why = silent.why_not.removeprefix(f"{candidate.destination}: ")
            blocked.append(f"{candidate.destination}: not reached ({why})")
            continue
        item = found[vm_id, candidate.destination]
        if item.kind != SHARED_NOTHING:
            first = "with its role taken out of the cluster first, " if item.kind == CLUSTER else ""
            blocked.append(
                f"{candidate.destination}: this version checks moves of kind {item.kind} and does not make them yet; "
                f"{first}kind: shared-nothing moves the storage with the VM"
            )
            continue
        if not findings.may_be_placed(item):
            ids = [finding.requirement for finding in findings.of(item) if finding.blocks]
            blocked.append(f"{candidate.destination}: {', '.join(dict.fromkeys(ids))}")
            continue
        arrival = arrival_of(candidate, survey)
        if isinstance(arrival, Unreadable):
            blocked.append(f"{candidate.destination}: what it would bring there cannot be told ({arrival.reason})")
            continue
        arrivals[_key(vm_id, candidate.destination)] = arrival
        options.append(Option(candidate.destination, arrival.memory, arrival.disks()))
    return Wish(vm_id, mine[0].vm_name, mine[0].source, tuple(options), tuple(blocked))


def _only_reads(host: str, inventory: Inventory) -> bool:
    known = inventory.hosts.get(host)
    return known is not None and known.transport.kind == "winrs"


def arrival_of(candidate: Candidate, survey: Survey) -> Arrival | Unreadable:
    """What a candidate brings."""
    source = survey.host(candidate.source)
    vm = source.vm(candidate.vm_id)
    if vm is None:
        return Unreadable(f"{candidate.vm_name} is no longer on {candidate.source}")
    if isinstance(vm, Unreadable):
        return vm
    storage, files = storage_of(candidate, source), files_of(candidate, source)
    if isinstance(vm.memory_assigned, Unreadable):
        return vm.memory_assigned
    if isinstance(storage, Unreadable):
        return storage
    if isinstance(files, Unreadable):
        return files
    return Arrival(candidate, storage, vm.memory_assigned, files)


def _rooms(name: str, facts: HostFacts, inventory: Inventory) -> HostRooms | None:
    system = facts.operating_system
    if isinstance(system, Unreadable) or isinstance(facts.volumes, Unreadable):
        return None
    total, free = system.total_visible_memory_size, system.free_physical_memory
    if isinstance(total, Unreadable) or isinstance(free, Unreadable):
        return None
    kept = memory_kept(inventory, name, total * 1024)
    volumes = {}
    for item in facts.volumes:
        if not isinstance(item.drive_letter, str) or not isinstance(item.size, int):
            continue
        if not isinstance(item.size_remaining, int):
            continue
        letter = item.drive_letter.upper()
        volumes[f"{letter}:"] = Room(item.size, item.size_remaining, disk_kept(inventory, name, letter, item.size))
    drive = system.system_drive if isinstance(system.system_drive, str) else "C:"
    return HostRooms(name, Room(total * 1024, free * 1024, kept), volumes, drive.upper())


def _capacities(before: HostRooms, after: HostRooms) -> list[Capacity]:
    lines = []
    pairs = [("memory", before.memory, after.memory)]
    pairs += [(name, room, after.volumes[name]) for name, room in before.volumes.items()]
    for what, old, new in pairs:
        if old.free != new.free:
            lines.append(Capacity(before.host, what, old.total, old.free, new.free, old.reserve))
    return lines


def _refusal(item: Refused) -> Refusal:
    return Refusal(item.wish.vm_id, item.wish.vm_name, item.wish.source, item.reasons)


# --- steps -------------------------------------------------------------------------------------------------------


def _step(
    arrival: Arrival, reasons: tuple[str, ...], survey: Survey, roll: Roll, playbook: Playbook, inventory: Inventory
) -> Step:
    candidate = arrival.candidate
    migration = playbook.migrations[candidate.migration]
    source, destination = survey.host(candidate.source), survey.host(candidate.destination)
    entry = roll.entries[candidate.destination]
    fqdn = entry.fqdn if isinstance(entry.fqdn, str) else inventory.hosts[candidate.destination].address
    switches = _switches(candidate, source, playbook, inventory)
    storage = arrival.storage
    whole = isinstance(storage, OneFolder)
    files = tuple(FileMove(file.source, file.destination, file.size or 0) for file in arrival.files)
    move = Move(
        vm_id=candidate.vm_id,
        vm_name=candidate.vm_name,
        source=candidate.source,
        destination=candidate.destination,
        destination_fqdn=fqdn,
        kind=SHARED_NOTHING,
        route=inventory.hosts[candidate.source].second_hop.kind,
        state=candidate.state,
        storage_path=storage.path if isinstance(storage, OneFolder) else "",
        config_path=storage.config if isinstance(storage, FileByFile) else "",
        checkpoint_path=storage.checkpoints if isinstance(storage, FileByFile) else "",
        paging_path=storage.paging if isinstance(storage, FileByFile) else "",
        disks=() if whole else tuple(FileMove(old, new, _size(files, old)) for old, new in _disks(storage)),
        files=files,
        switches={old: new for old, new in switches.items() if old != new},
    )
    step = Step(
        id=f"{candidate.vm_id}@{candidate.destination}",
        move=move,
        priority=migration.priority,
        storage_bytes=arrival.bytes_of_files(),
        memory_bytes=arrival.memory,
        seconds=seconds_for(arrival.bytes_of_files(), arrival.memory),
        reasons=reasons,
        verify=tuple(
            item.kind if item.kind == "heartbeat" else f"{item.kind}:{item.address}:{item.port}"
            for item in playbook.verify
        ),
    )
    return replace(step, expectations=_expectations(step, arrival, switches, source, destination, inventory))


def _disks(storage: Storage) -> tuple[tuple[str, str], ...]:
    return storage.disks if isinstance(storage, FileByFile) else ()


def _size(files: tuple[FileMove, ...], path: str) -> int:
    return next((file.size for file in files if file.source == path), 0)


def _switches(candidate: Candidate, source: HostFacts, playbook: Playbook, inventory: Inventory) -> dict[str, str]:
    """Every switch the VM is on -> its name at the destination."""
    adapters = source.adapters_of(candidate.vm_id)
    migration = playbook.migrations[candidate.migration]
    found: dict[str, str] = {}
    for adapter in () if isinstance(adapters, Unreadable) else adapters:
        if isinstance(adapter.switch_name, str):
            there = migration.switch_for(inventory, candidate.source, adapter.switch_name, candidate.destination)
            found[adapter.switch_name] = there or adapter.switch_name
    return found


def _expectations(
    step: Step,
    arrival: Arrival,
    switches: dict[str, str],
    source: HostFacts,
    destination: HostFacts,
    inventory: Inventory,
) -> tuple[Expectation, ...]:
    move = step.move
    kinds = ExpectationKind
    found = [
        Expectation(kinds.VM_ON_SOURCE, move.source, move.vm_id),
        Expectation(kinds.VM_STATE, move.source, f"{move.vm_id}={move.state}"),
        Expectation(kinds.VM_ABSENT, move.destination, move.vm_id),
    ]
    chain = source.chain_of(move.vm_id)
    if not isinstance(chain, Unreadable):
        paths = [vhd.path for vhd in chain if isinstance(vhd.path, str)]
        found.append(Expectation(kinds.DISKS_UNCHANGED, move.source, disks_digest(paths)))
    rooms = _rooms(move.destination, destination, inventory)
    if rooms is not None:
        found.append(Expectation(kinds.FREE_MEMORY, move.destination, amount=arrival.memory + rooms.memory.reserve))
        for letter, amount in arrival.disks().items():
            kept = rooms.volumes[letter].reserve if letter in rooms.volumes else 0
            found.append(Expectation(kinds.FREE_DISK, move.destination, letter, amount + kept))
    found += [Expectation(kinds.SWITCH_EXISTS, move.destination, there) for there in dict.fromkeys(switches.values())]
    found += [Expectation(kinds.FILES_ABSENT, move.destination, file.destination) for file in arrival.files]
    return tuple(found)


def _bind_after(steps: list[Step], candidates: Candidates, playbook: Playbook) -> list[Step]:
    """Names in `after` become ids of steps. A VM that is there already holds nobody up."""
    by_name: dict[str, list[str]] = {}
    for step in steps:
        by_name.setdefault(step.move.vm_name.casefold(), []).append(step.id)
        by_name.setdefault(f"id:{step.move.vm_id}", []).append(step.id)
    migration_of = {(item.vm_id, item.destination): item.migration for item in candidates.candidates}
    bound = []
    for step in steps:
        words = playbook.migrations[migration_of[step.move.vm_id, step.move.destination]].after
        ids = [item for word in words for item in by_name.get(word.casefold(), ()) if item != step.id]
        bound.append(replace(step, after=tuple(dict.fromkeys(ids))))
    return bound


# --- limits and window -------------------------------------------------------------------------------------------


def _limits(name: str, facts: HostFacts, playbook: Playbook, inventory: Inventory) -> HostLimits:
    host = facts.vm_host
    own_storage = host if isinstance(host, Unreadable) else host.maximum_storage_migrations
    wished = inventory.hosts[name].limits
    asked = playbook.limits
    live = _limit(live_limit(facts), wished.live, asked.live)
    return HostLimits(live, _limit(own_storage, wished.storage, asked.storage))


def _limit(own: int | Unreadable, inventory: int | None, playbook: int | None) -> int:
    """The least of what is wished and what the host allows; without a wish never more than two."""
    wished = min((value for value in (inventory, playbook) if value is not None), default=DEFAULT_SLOTS)
    return min(wished, own) if isinstance(own, int) else min(wished, DEFAULT_SLOTS)


def _window(playbook: Playbook, inventory: Inventory, now: dt.datetime) -> Window | None:
    if playbook.window is None:
        return None
    span = playbook.window.span(now, zoneinfo.ZoneInfo(inventory.timezone))
    if span is None:
        return None
    return Window(span[0], span[1], playbook.window.stop_starting == "fit")


def _key(vm_id: str, destination: str) -> str:
    return f"{vm_id}@{destination}"
