"""Why a destination cannot take a virtual machine: what negotiation refuses and what Compare-VM lists."""

from __future__ import annotations

from dataclasses import dataclass

from winmigrate.lab.fabric import failures, fittings
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.files import letter_of
from winmigrate.lab.fabric.layout import Layout, MoveSettings, lay_out
from winmigrate.lab.fabric.world import VM, Adapter, Device, Disk, Dvd, FibreChannel, Host, VSwitch


@dataclass(frozen=True, slots=True)
class Problem:
    """``failure`` is what a move ends with, ``message`` what Compare-VM says of it, ``item`` the thing it is about."""

    failure: MigrationFailure
    message: str
    item: VM | Adapter | Disk | Dvd | Device | FibreChannel

    @property
    def message_id(self) -> int:
        return self.failure.message_id


#: The memory of such a machine holds what its guest saw of the processor, also while it is saved.
_WITH_MEMORY = ("Running", "Paused", "Saved")


def switch_for(adapter: Adapter, destination: Host, settings: MoveSettings) -> tuple[str | None, VSwitch | None]:
    """The name of the switch the adapter asks for at the destination, and that switch if it is there."""
    name = settings.switches.get(adapter.id, adapter.switch_name)
    return name, destination.switch(name) if name is not None else None


def problems(source: Host, vm: VM, destination: Host, settings: MoveSettings) -> list[Problem]:
    """All of them, in the order in which negotiation would meet them. Memory is asked last: :func:`fits_memory`."""
    found: list[Problem] = []

    def no(cause: str, item: VM | Adapter | Disk | Dvd | Device | FibreChannel, number: int, slug: str) -> None:
        failure = failures.incompatible(vm, destination, cause, message_id=number, slug=slug)
        found.append(Problem(failure, f"{failures.not_compatible(vm, destination)} {cause}", item))

    if vm.id in destination.vms:
        failure = failures.same_id(vm, destination)
        found.append(Problem(failure, failure.message.rpartition("\n\n")[2], vm))
    if vm.version not in {version for version, _, _ in destination.supported_versions}:
        # No published text was found.
        no(f"Virtual machine configuration version '{vm.version}' is not supported.", vm, failures.VERSION, "version")
    if source.processor.manufacturer != destination.processor.manufacturer:
        failure = failures.hardware(vm, destination)
        found.append(Problem(failure, failures.HARDWARE, vm))
    elif (vm.state in _WITH_MEMORY and not vm.processor.compatibility
          and source.processor.features - destination.processor.features):
        failure = failures.features(vm, destination)
        found.append(Problem(failure, failure.message.rpartition("\n\n")[2], vm))
    for adapter in vm.adapters:
        name, switch = switch_for(adapter, destination, settings)
        if name is not None and switch is None:
            no(failures.switch_missing(name), adapter, failures.SWITCH_MISSING, "switch")
    for disk in vm.disks:
        # Known: unsupported between stand-alone hosts. The words are ours.
        if disk.pass_through:
            no(f"Physical disk {disk.number} cannot be moved with the virtual machine.", disk, failures.STORAGE,
               "pass-through")
    for dvd in vm.dvds:
        if dvd.path is not None and not dvd.path.startswith("\\\\") and dvd.path not in destination.files:
            no(f"'{vm.name}' failed to add device 'Virtual CD/DVD Disk'. Failed to open attachment '{dvd.path}'. "
               "Error: 'A virtual disk support provider for the specified file was not found.' (0xC03A0014).", dvd,
               failures.DEVICE, "iso")
    for device in vm.devices:
        no(f"The device '{device.name}' at '{device.location_path}' is assigned to the virtual machine and cannot be "
           "moved.", device, failures.DEVICE, "dda")
    for hba in vm.fibre_channel:
        if destination.san(hba.san_name) is None:
            no(f"Could not find Fibre Channel virtual SAN '{hba.san_name}'.", hba, failures.DEVICE, "san")
    with_storage = settings.include_storage or settings.storage_path is not None
    for cause, item, slug in fittings.refusals(vm, source, destination, with_storage=with_storage):
        no(cause, item, failures.DEVICE, slug)
    found.extend(_storage(source, vm, destination, settings, lay_out(source, vm, settings)))
    return found


def _storage(source: Host, vm: VM, destination: Host, settings: MoveSettings, layout: Layout) -> list[Problem]:
    found: list[Problem] = []
    folders = [layout.config, layout.snapshots, layout.paging, *(copy.target for copy in layout.copies)]
    missing: set[str] = set()
    for path in folders:
        letter = letter_of(path)
        if not path.startswith("\\\\") and (letter is None or letter not in destination.volumes):
            where = path[:3]
            if where not in missing:
                missing.add(where)
                failure = failures.bad_path(vm, destination, path)
                found.append(Problem(failure, failure.message.rpartition("\n\n")[2], vm))
    moved = {id(copy.source) for copy in layout.copies}
    for disk in vm.disks:
        if disk.path is None or disk.shared or disk.path.startswith("\\\\"):
            continue
        entry = source.files.get(disk.path)
        if (entry is None or id(entry) not in moved) and disk.path not in destination.files:
            cause = f"Failed to open attachment '{disk.path}'. Error: 'The system cannot find the file specified.' " \
                    "(0x80070002)."
            failure = failures.incompatible(vm, destination, cause, message_id=failures.STORAGE, slug="disk-missing")
            found.append(Problem(failure, f"{failures.not_compatible(vm, destination)} {cause}", disk))
    return found


def fits_memory(vm: VM, destination: Host) -> bool:
    """Has the destination the memory that is assigned to the VM?"""
    return vm.memory.assigned <= destination.memory_free()
