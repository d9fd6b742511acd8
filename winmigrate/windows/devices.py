"""Rows of what a VM has beside disks and adapters, and of what hosts hold for it: SANs, pools, NUMA nodes, keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import SWITCH, Statement, command
from winmigrate.windows.row import BOOLEAN, GUID, INTEGER, TEXT, Kind, column, enumeration, projection
from winmigrate.windows.table import Table


def _count(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return 1  # a list of one may come as its one item
    raise ValueError


#: A list of which only the length is of interest.
COUNT = Kind("a list", _count)


@dataclass(frozen=True, slots=True)
class FloppyDrive:
    """Get-VMFloppyDiskDrive: the one of a VM of generation 1. ``path`` is None while it is empty."""

    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    path: str | Unreadable | None = column("Path", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class GpuPartition:
    """Get-VMGpuPartitionAdapter: a part of a GPU of the host. The pages of 2025 say whether it may be migrated."""

    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    supports_outgoing_live_migration: bool | Unreadable | None = column(
        "SupportsOutgoingLiveMigration", BOOLEAN, since="2025", nullable=True
    )


@dataclass(frozen=True, slots=True)
class RemoteFx:
    """Get-VMRemoteFx3dVideoAdapter: a share of the host's graphics, up to 2019."""

    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    maximum_monitors: int | Unreadable = column("MaximumMonitors", INTEGER)
    maximum_screen_resolution: str | Unreadable | None = column("MaximumScreenResolution", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class San:
    """Get-VMSan: a virtual SAN of the host."""

    name: str | Unreadable = column("Name", TEXT)


@dataclass(frozen=True, slots=True)
class ResourcePool:
    """Get-VMResourcePool: a pool of the host, of one type. Every type has the pool "Primordial"."""

    name: str | Unreadable = column("Name", TEXT)
    resource_pool_type: str | Unreadable = column("ResourcePoolType", enumeration("VMResourcePoolType"))


@dataclass(frozen=True, slots=True)
class NumaNode:
    """Get-VMHostNumaNode. ``memory_available`` and ``memory_total`` in MiB, ``processors``: how many are in it."""

    node_id: int | Unreadable = column("NodeId", INTEGER)
    processors: int | Unreadable = column("ProcessorsAvailability", COUNT)
    memory_available: int | Unreadable = column("MemoryAvailable", INTEGER)
    memory_total: int | Unreadable = column("MemoryTotal", INTEGER)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of the host that can protect VMs (the store "Shielded VM Local Certificates")."""

    thumbprint: str | Unreadable = column("Thumbprint", TEXT)
    has_private_key: bool | Unreadable = column("HasPrivateKey", BOOLEAN)
    subject: str | Unreadable | None = column("Subject", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class GuardianClient:
    """Get-HgsClientConfiguration (2016 and later): is the host one of a guarded fabric, and of which?"""

    is_host_guarded: bool | Unreadable = column("IsHostGuarded", BOOLEAN)
    attestation_server_url: str | Unreadable | None = column("AttestationServerUrl", TEXT, nullable=True)
    attestation_status: str | Unreadable | None = column("AttestationStatus", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class Link:
    """A file or folder with the attribute ReparsePoint.

    ``link_type`` as in "SymbolicLink", "Junction"; None for what is no link (a file of a deduplicated volume, say).
    """

    full_name: str | Unreadable = column("FullName", TEXT)
    link_type: str | Unreadable | None = column("LinkType", TEXT, since="2016", nullable=True)


_VM = command("Get-VM")
_KNOWN = "2016"
#: Of generation 1, and all of Windows Server 2012, which has no generations.
_OLD_GENERATION = command("Where-Object", Property="Generation", NE=SWITCH, Value=2)
_GUARDIANS = "Cert:\\LocalMachine\\Shielded VM Local Certificates"

FLOPPY_DRIVES = Table(
    "floppy_drives",
    FloppyDrive,
    (_VM, _OLD_GENERATION, command("Get-VMFloppyDiskDrive")),
    class_known_from=_KNOWN,
)
GPU_PARTITIONS = Table(
    "gpu_partitions", GpuPartition, (_VM, command("Get-VMGpuPartitionAdapter")), since="2016", class_known_from="2025"
)
REMOTE_FX = Table(
    "remote_fx",
    RemoteFx,
    (_VM, command("Get-VMRemoteFx3dVideoAdapter")),
    class_known_from=_KNOWN,
    until="2019",
)
SANS = Table("sans", San, (command("Get-VMSan"),))
RESOURCE_POOLS = Table("resource_pools", ResourcePool, (command("Get-VMResourcePool"),))
NUMA_NODES = Table("numa_nodes", NumaNode, (command("Get-VMHostNumaNode"),))
# A host that never had a guardian of its own has not even the store.
CERTIFICATES = Table(
    "certificates",
    Certificate,
    (command("Get-ChildItem", Path=_GUARDIANS),),
    since="2016",
    absent="PathNotFound",
)
GUARDIAN_CLIENT = Table(
    "guardian_client", GuardianClient, (command("Get-HgsClientConfiguration"),), since="2016", single=True
)

TABLES: tuple[Table[Any], ...] = (
    FLOPPY_DRIVES,
    GPU_PARTITIONS,
    REMOTE_FX,
    SANS,
    RESOURCE_POOLS,
    NUMA_NODES,
    CERTIFICATES,
    GUARDIAN_CLIENT,
)


def links(folders: Sequence[str], version: str) -> Statement:
    """What stands in these folders themselves and is a reparse point, as rows of :class:`Link`.

    A folder that is not there is a non-terminating PathNotFound.
    """
    return Statement(
        (
            command("Get-ChildItem", LiteralPath=list(folders), Force=SWITCH),
            command("Where-Object", Property="Attributes", Match=SWITCH, Value="ReparsePoint"),
            projection(Link, version),
        )
    )
