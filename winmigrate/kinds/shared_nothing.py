"""Shared-nothing live migration: storage, memory and all go from one stand-alone host to another while the VM runs.

The five steps of Windows Server 2012: storage is copied while the VM runs, writes are mirrored, memory is copied, the
VM is handed over, the source is deleted.
"""

from __future__ import annotations

from winmigrate.kinds.move import Move
from winmigrate.request import Credential, Request
from winmigrate.windows.migration import cancel
from winmigrate.windows.move import FileByFile, OneFolder, Storage, compare_vm, move_mended, move_vm, remove_planned_vm

#: Operational status of the VM on the source -> phase. By name: the numbers of some differ between sources.
_PHASE_OF = {
    "CheckingCompatibility": "negotiating",
    "MigratingPlannedVm": "negotiating",
    "StorageMigrationPhaseOne": "storage",
    "StorageMigrationPhaseTwo": "mirror",
    "MigratingVirtualMachine": "memory",
}

#: Percent of a migration job from which on it has left negotiation (troubleshoot-live-migration-issues.md).
_NEGOTIATED = 10


class SharedNothing:
    """The one kind of move between stand-alone hosts. Takes a live and a storage slot at both ends."""

    name = "shared-nothing"
    slots: tuple[int, int] = (1, 1)
    phases: tuple[str, ...] = ("negotiating", "storage", "mirror", "memory", "finishing")

    def rehearsal(self, move: Move, version: str, credential: Credential | None) -> Request:
        """Compare-VM with the storage, adapters connected to their mapped switches first."""
        return compare_vm(
            move.vm_id,
            move.destination_fqdn,
            _storage(move),
            version,
            credential=_passed(move, credential),
            switches=move.switches,
            define=_defines(move),
        )

    def clean_up(self, move: Move) -> Request:
        """Takes the planned VM away that a rehearsal leaves; sent to the destination."""
        return remove_planned_vm(move.vm_id)

    def start(self, move: Move, version: str, credential: Credential | None) -> Request:
        """Move-VM; with a mended report where a switch has another name at the destination."""
        storage, passed = _storage(move), _passed(move, credential)
        if move.switches:
            return move_mended(
                move.vm_id, move.destination_fqdn, storage, version, move.switches, credential=passed,
                define=_defines(move),
            )
        return Request((move_vm(move.vm_id, move.destination_fqdn, storage, version, credential=passed),))

    def cancel(self, instance_id: str) -> Request:
        """Asks VMMS on the source to end the job."""
        return Request((cancel(instance_id),))

    def phase(self, status: str, percent: int | None) -> str:
        """The phase, by the VM's operational status on the source; where that says nothing, by the job's percentage.

        Below ten percent the hosts still negotiate (Microsoft: what is configured wrongly fails there).
        """
        if status in _PHASE_OF:
            return _PHASE_OF[status]
        return "negotiating" if percent is not None and percent < _NEGOTIATED else "finishing"


def _storage(move: Move) -> Storage:
    if move.single_path:
        return OneFolder(move.storage_path)
    pairs = tuple((disk.source, disk.destination) for disk in move.disks)
    return FileByFile(move.config_path, move.checkpoint_path, move.paging_path, pairs)


def _defines(move: Move) -> bool:
    """Are functions sent with the request? A JEA endpoint has no language to define them in, and ships them."""
    return move.route != "jea"


def _passed(move: Move, credential: Credential | None) -> Credential | None:
    """Hop B by the route: only the credential route sends one."""
    return credential if move.route == "credential" else None
