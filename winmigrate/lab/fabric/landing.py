"""What a switch-over changes on both hosts, what clean-up takes away, and the event-log entries of a move."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from winmigrate.lab.fabric.compatibility import switch_for
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.files import fold
from winmigrate.lab.fabric.world import Host, LogEvent

if TYPE_CHECKING:
    from winmigrate.lab.fabric.moves import Move

LOG = "Microsoft-Windows-Hyper-V-VMMS-Admin"


def land(move: Move) -> None:
    """The VM is registered at the destination under the same Id, and nowhere else."""
    vm, source, destination, layout = move.vm, move.source, move.destination, move.layout
    for entry in move.made:
        entry.partial = False
    del source.vms[vm.id]
    destination.planned.pop(vm.id, None)
    for disk in vm.all_disks():
        if disk.path is not None:
            disk.path = layout.target(disk.path)
    for adapter in vm.adapters:
        name, switch = switch_for(adapter, destination, move.settings)
        adapter.switch_name = switch.name if switch is not None else name
        adapter.switch_id = switch.id if switch is not None else None
    vm.path = vm.config_path = layout.config
    vm.snapshot_path, vm.paging_path = layout.snapshots, layout.paging
    for checkpoint in vm.checkpoints:
        checkpoint.path = layout.snapshots
    if vm.running:
        for hba in vm.fibre_channel:
            hba.active = "B" if hba.active == "A" else "A"
    destination.vms[vm.id] = vm


def clean_up(move: Move) -> None:
    """The source's files go, but for those that another VM there uses and parents that were asked to stay.

    Folders stay (reported from real hosts).
    """
    source = move.source
    used = {fold(entry.path) for vm in source.vms.values() for disk in vm.all_disks() if disk.path is not None
            for entry in source.files.chain(disk.path)}
    for way in (*move.layout.copies, *move.layout.system):
        path = way.source.path
        if fold(path) in used or (way.parent and move.settings.retain_vhds):
            continue
        source.files.remove(path)


def note(host: Host, when: dt.datetime, number: int, level: int, message: str, parameters: list[str],
         log: str = LOG, provider: str = LOG.removesuffix("-Admin")) -> None:
    """Writes into a host's event log."""
    host.next_record += 1
    host.events.append(LogEvent(log, number, when, level, message, parameters, host.next_record, provider))


def log_start(move: Move, at: float) -> None:
    vm = move.vm
    note(move.source, move.world.clock.date(at), 20413, 4,
         f"The Virtual Machine Management Service initiated the live migration of virtual machine '{vm.name}' to "
         f"destination host '{move.destination.name}' (VMID {vm.guid}).",
         [vm.name, vm.guid, move.destination.name])


def log_blackout(move: Move, at: float, seconds: float, *, long: bool) -> None:
    """20415, or 20417 after a long one; Parameter2 is the blackout in seconds.

    On both hosts, because no published source says on which.
    """
    vm = move.vm
    words = "an unexpectedly long" if long else "a"
    for host in (move.source, move.destination):
        note(host, move.world.clock.date(at), 20417 if long else 20415, 3 if long else 4,
             f"The Virtual Machine Management Service completed the live migration of virtual machine '{vm.name}' with "
             f"{words} blackout time of {seconds:.1f} seconds (VMID {vm.guid}).",
             [vm.name, vm.guid, f"{seconds:.1f}"])


def log_failure(move: Move, at: float, failure: MigrationFailure) -> None:
    note(move.source, move.world.clock.date(at), 21024, 2, failure.message, [move.vm.name, move.vm.guid])
