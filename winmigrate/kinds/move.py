"""One move as its kind sees it: who, from where, to where, what goes along. Plain data, no facts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FileMove:
    """One file on its way: paths as Windows writes them, size in bytes (of the file, not of the virtual disk)."""

    source: str
    destination: str
    size: int


@dataclass(frozen=True, slots=True)
class Move:
    """A VM and its one destination.

    ``source`` and ``destination`` are inventory names; ``destination_fqdn`` is what the source calls the destination.
    ``storage_path``: one folder for everything (-DestinationStoragePath); else ``config_path``, ``checkpoint_path``,
    ``paging_path`` and ``disks`` say it file by file. ``files``: every file that should arrive, for verification.
    ``switches``: old name -> name at the destination, only where they differ. ``state``: the VM's state as planned.
    """

    vm_id: str
    vm_name: str
    source: str
    destination: str
    destination_fqdn: str
    kind: str
    route: str
    state: str
    storage_path: str = ""
    config_path: str = ""
    checkpoint_path: str = ""
    paging_path: str = ""
    disks: tuple[FileMove, ...] = ()
    files: tuple[FileMove, ...] = ()
    switches: dict[str, str] = field(default_factory=dict)

    @property
    def single_path(self) -> bool:
        """Does everything go into one folder?"""
        return bool(self.storage_path)
