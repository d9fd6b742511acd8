"""Move-VM and Compare-VM.

From the decompiled module and posts (docs of the project name them): errors are written, not thrown; a stop ends the
watching and never the migration; the progress record's activity id is always 0 and its percentage 100 as soon as the
migration has ended in any way. How often the shipped cmdlet reports is not known.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, find_by_name, refusal, unknown_id, unknown_name, wildcard
from winmigrate.lab.cmdlets.hop import credential_of, desks, error_of
from winmigrate.lab.cmdlets.machine import Machine, show_part, show_vm
from winmigrate.lab.cmdlets.shapes import declare, shape_of
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, Progress, ShouldProcess, Terminate, Text, Wait
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.layout import MoveSettings, lay_out
from winmigrate.lab.fabric.migration import (
    COMPARE_SECONDS,
    Comparison,
    Incompatibility,
    compare,
    current_jobs,
    mended,
    start_migration,
)
from winmigrate.lab.fabric.world import Adapter, Device, Disk, Dvd, FibreChannel, Job

#: Seconds between two looks at a migration: at first, and as a share of the time it has taken already.
FIRST_LOOK = 1.0
LOOK_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Report:
    """A compatibility report: what the ``live`` of a VMCompatibilityReport is."""

    source: Machine
    destination: str
    comparison: Comparison


# --- the report as an object -----------------------------------------------------------------------------------------

_PART_CLASSES: tuple[tuple[type[Any], str], ...] = (
    (Adapter, "VMNetworkAdapter"), (Disk, "HardDiskDrive"), (Dvd, "DvdDrive"), (Device, "VMAssignedDevice"),
    (FibreChannel, "VMFibreChannelHba"),
)


def planned_machine(report: Report) -> Machine:
    """The planned VM at the destination."""
    return Machine(report.source.world, report.comparison.destination, report.comparison.planned)


def show_source(report: Report, item: Any) -> net.PSObject:
    """The object at fault of an incompatibility: the planned VM or one of its parts."""
    machine = planned_machine(report)
    for kind, class_name in _PART_CLASSES:
        if isinstance(item, kind):
            return show_part(class_name, machine, item)
    return show_vm(machine.world, machine.host, machine.vm)


def _show_incompatibility(report: Report, entry: Incompatibility) -> net.PSObject:
    return shape_of("VMCompatibilityError", report.source.host.version).show((report, entry))


declare("VMCompatibilityError", {
    "Message": lambda pair: pair[1].message,
    "MessageId": lambda pair: pair[1].message_id,
    "Source": lambda pair: show_source(pair[0], pair[1].source),
}, lambda pair: str(pair[1].message_id))


def _disk_folder(report: Report) -> str:
    path = report.comparison.settings.storage_path
    return f"{path}\\Virtual Hard Disks" if path else ""


def _layout(report: Report) -> Any:
    return lay_out(report.source.host, report.source.vm, report.comparison.settings)


declare("VMCompatibilityReport", {
    "VM": lambda report: show_source(report, report.comparison.planned),
    "OperationType": lambda report: ("MoveVirtualMachineAndStorage" if report.comparison.settings.moves_storage
                                     else "MoveVirtualMachine"),
    "Destination": lambda report: report.comparison.destination.name,
    "Path": lambda report: _layout(report).config,
    "SnapshotPath": lambda report: _layout(report).snapshots,
    "VhdDestinationPath": _disk_folder,
    "VhdSourcePath": lambda report: "",
    "Incompatibilities": lambda report: [_show_incompatibility(report, one)
                                         for one in report.comparison.incompatibilities],
}, lambda report: "Microsoft.HyperV.PowerShell.VMCompatibilityReport")


def show_report(report: Report) -> net.PSObject:
    """The VMCompatibilityReport object."""
    return shape_of("VMCompatibilityReport", report.source.host.version).show(report)


# --- what a call asks for --------------------------------------------------------------------------------------------


def settings_of(desk: Desk, given: Mapping[str, Any]) -> MoveSettings | Error:
    """The settings in a command's parameters, or what is wrong with its -VHDs."""
    vhds: list[tuple[str, str]] = []
    for item in each(given.get("Vhds")):
        pair = {str(key).lower(): str(value) for key, value in item.items()} if isinstance(item, Mapping) else {}
        origin, target = pair.get("sourcefilepath"), pair.get("destinationfilepath")
        if not origin or not target:
            # That both keys are needed is documented, the words of the refusal are not.
            return refusal(desk, "InvalidParameter", "Each entry of Vhds needs SourceFilePath and "
                           "DestinationFilePath.", None)
        vhds.append((origin, target))
    text = {name: str(given[name]) for name in ("DestinationStoragePath", "VirtualMachinePath", "SnapshotFilePath",
                                                "SmartPagingFilePath") if given.get(name)}
    return MoveSettings(
        include_storage=bool(given.get("IncludeStorage")),
        storage_path=text.get("DestinationStoragePath"),
        vm_path=text.get("VirtualMachinePath"),
        snapshot_path=text.get("SnapshotFilePath"),
        paging_path=text.get("SmartPagingFilePath"),
        vhds=tuple(vhds),
        retain_vhds=bool(given.get("RetainVhdCopiesOnSource")),
        remove_unmanaged=bool(given.get("RemoveSourceUnmanagedVhds")),
        credential=credential_of(given.get("DestinationCredential")),
    )


def _machine(desk: Desk, call: Call) -> Iterator[Machine | Error]:
    """The one VM of a call. -Name takes no wildcards."""
    if "VM" in call.bound:
        live = getattr(call.bound["VM"], "live", None)
        yield live if isinstance(live, Machine) else refusal(
            desk, "InvalidParameter", "The object is not a virtual machine of this host.", call.bound["VM"])
        return
    name = str(call.get("Name"))
    for there in desks(desk, call):
        if isinstance(there, Error):
            yield there
            continue
        found = unknown_name(there, name) if wildcard(name) else find_by_name(there, name)
        if isinstance(found, Error):
            yield found
        elif len(found) > 1:
            # That Move-VM takes one machine is documented; what it says to several of one name is not.
            yield refusal(there, "InvalidParameter", f'Hyper-V found more than one virtual machine with name "{name}".',
                          name)
        else:
            yield Machine(there.world, there.host, found[0])


def _destination(call: Call) -> str:
    session = call.get("DestinationCimSession")
    if session is not None:
        return str(session.get("ComputerName")) if isinstance(session, net.PSObject) else str(session)
    return str(call.get("DestinationHost"))


# --- Compare-VM ------------------------------------------------------------------------------------------------------


def compare_now(machine: Machine, destination: str, settings: MoveSettings,
                caller: Any) -> Generator[Effect, Any, Report | Error]:
    """Compares, which takes its time; gives the report, or why there is none."""
    world, host, vm = machine.world, machine.host, machine.vm
    desk = Desk(world, host)
    yield Wait(deadline=world.clock.monotonic() + COMPARE_SECONDS)
    with world.lock:
        if vm.id not in host.vms:
            return unknown_id(desk, vm.id)
        try:
            comparison = compare(world, host, vm.id, destination, settings, caller)
        except MigrationFailure as failure:
            return error_of(desk, failure)
        _connect_planned(comparison)
        return Report(machine, destination, comparison)


def _compared(machine: Machine, destination: str, settings: MoveSettings, caller: Any) -> Iterator[Effect]:
    report = yield from compare_now(machine, destination, settings, caller)
    yield report if isinstance(report, Error) else Output(show_report(report))


def _connect_planned(comparison: Comparison) -> None:
    """The planned VM's adapters are on the destination's switches: those of the mended report, else those of the
    name that the VM's own are on.
    """
    for adapter in comparison.planned.adapters:
        if adapter.id in comparison.settings.switches:
            adapter.switch_name = comparison.settings.switches[adapter.id]
        switch = comparison.destination.switch(adapter.switch_name) if adapter.switch_name else None
        adapter.switch_id = switch.id if switch is not None else None


def compare_vm(desk: Desk, call: Call) -> Iterator[Effect]:
    """Compare-VM for a move, or once more for a report that was mended."""
    if "Path" in call.bound:
        raise Terminate(Error("The lab imports no virtual machines.", "NotImplemented", "NotImplemented",
                              "System.NotImplementedException", call.bound["Path"]))
    if "CompatibilityReport" in call.bound:
        report = report_of(call.bound["CompatibilityReport"])
        if (yield ShouldProcess(report.source.vm.name, "Compare-VM")):
            yield from _compared(report.source, report.destination, mended(report.comparison), call.context)
        return
    settings = settings_of(desk, call.bound)
    if isinstance(settings, Error):
        yield settings
        return
    for machine in _machine(desk, call):
        if isinstance(machine, Error):
            yield machine
        elif (yield ShouldProcess(machine.vm.name, "Compare-VM")):
            yield from _compared(machine, _destination(call), settings, call.context)


def report_of(item: Any) -> Report:
    """What stands behind a VMCompatibilityReport. Raises Terminate for one that came back from elsewhere."""
    live = item.live if isinstance(item, net.PSObject) else None
    if not isinstance(live, Report):
        raise Terminate(Error("The object is not a compatibility report of this session.", "InvalidParameter",
                              "InvalidArgument", "Microsoft.HyperV.PowerShell.VirtualizationException", item))
    return live


# --- Move-VM ---------------------------------------------------------------------------------------------------------


def move_vm(desk: Desk, call: Call) -> Iterator[Effect]:
    """Move-VM by name, machine or report."""
    if "CompatibilityReport" in call.bound:
        report = report_of(call.bound["CompatibilityReport"])
        if (yield ShouldProcess(report.source.vm.name, "Move-VM")):
            yield from migrate(report.source, report.destination, mended(report.comparison), call)
        return
    settings = settings_of(desk, call.bound)
    if isinstance(settings, Error):
        yield settings
        return
    for machine in _machine(desk, call):
        if isinstance(machine, Error):
            yield machine
        elif (yield ShouldProcess(machine.vm.name, "Move-VM")):
            yield from migrate(machine, _destination(call), settings, call)


def migrate(machine: Machine, destination: str, settings: MoveSettings, call: Call) -> Iterator[Effect]:
    """Starts the migration and watches it to its end."""
    world, host, vm = machine.world, machine.host, machine.vm
    desk = Desk(world, host)
    if call.get("AsJob") and call.get("Passthru"):
        yield refusal(desk, "InvalidParameter", "The parameters AsJob and Passthru cannot be used together.")
        return
    try:
        job = start_migration(world, host, vm.id, destination, settings, call.context)
    except KeyError:
        yield unknown_id(desk, vm.id)
        return
    except MigrationFailure as failure:
        yield error_of(desk, failure)
        return
    if settings.storage_path is not None and not settings.vhds:
        for path in lay_out(host, vm, settings).skipped if not job.ended else ():
            # That it warns and skips is known, the words are not.
            yield Text("warning", f"The virtual hard disk '{path}' is shared and is not moved.")
    if call.get("AsJob"):
        yield Output(_background(job))
        return
    yield from watch(machine, job)
    if job.failure is not None:
        yield error_of(desk, job.failure)
    elif call.get("Passthru"):
        target = world.host(job.destination or destination)
        if target is not None and vm.id in target.vms:
            yield Output(show_vm(world, target, target.vms[vm.id]))


def watch(machine: Machine, job: Job) -> Iterator[Effect]:
    """Progress records until the migration has ended. A stop is noticed at the next look: the shipped cmdlet looks
    about every second, so the wait gives way to it.
    """
    world = machine.world
    last = -1
    while not job.ended:
        current_jobs(world, machine.host)
        if job.percent != last:
            last = job.percent
            yield Progress(job.caption, f"{last}%", last)
        now = world.clock.monotonic()
        pause = max(FIRST_LOOK, (now - job.started_at) * LOOK_SHARE)
        yield Wait(deadline=now + pause, ready=lambda: job.ended, interruptible=True)
    yield Progress(job.caption, "100%", 100)
    yield Progress(job.caption, "100%", 100, completed=True)


def _background(job: Job) -> net.PSObject:
    """The VMJob of -AsJob. It lives in its session; the migration goes on without it. Its properties are those of every
    job: the class's own are not known.
    """
    return net.PSObject(("Microsoft.HyperV.PowerShell.VMJob", "System.Management.Automation.Job", "System.Object"), {
        "State": net.EnumValue("System.Management.Automation.JobState", "Failed" if job.ended else "Running",
                               3 if job.ended else 1),
        "HasMoreData": False,
        "StatusMessage": "",
        "Location": ".",
        "Command": "Move-VM",
        "InstanceId": uuid.UUID(job.id),
        "Id": net.Int32(1),
        "Name": "Job1",
    }, to_string="Microsoft.HyperV.PowerShell.VMJob")


COMMANDS: dict[str, Command] = {
    "Move-VM": Command(move_vm),
    "Compare-VM": Command(compare_vm),
}
