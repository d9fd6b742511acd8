"""Cluster shared volumes, quorum, owner lists and parameters as the FailoverClusters module shows them."""

from __future__ import annotations

from typing import Any

from winmigrate.lab.cmdlets.cluster_objects import Seat, declare, show
from winmigrate.lab.cmdlets.cluster_views import show_cluster, show_node, strings
from winmigrate.lab.engine import values as net
from winmigrate.lab.fabric.cluster import SharedVolume


def _fault(seat: Seat) -> str:
    volume: SharedVolume = seat.item
    if volume.maintenance:
        return "InMaintenance"
    if volume.state != "Online":
        return "NoAccess"
    return "NoDirectIO" if volume.space.redirected else "NoFaults"


def _path(seat: Seat) -> str:
    return f"\\\\?\\Volume{{{seat.item.space.volume.id}}}\\"


def _used(seat: Seat) -> int:
    space = seat.item.space
    return int(space.volume.size - space.free())


def _percent(seat: Seat) -> float:
    space = seat.item.space
    return round(100.0 * float(space.free()) / float(space.volume.size), 2)


declare("ClusterDiskPartitionInfo", {
    "FileSystem": lambda s: s.item.space.volume.file_system,
    "FreeSpace": lambda s: s.item.space.free(),
    "MountPoints": lambda s: strings([]),
    "Name": _path,
    "PartitionNumber": lambda s: 2,
    "PercentFree": _percent,
    "Size": lambda s: s.item.space.volume.size,
    "UsedSpace": _used,
}, _path)

declare("ClusterSharedVolumeInfo", {
    "FaultState": _fault,
    "FriendlyVolumeName": lambda s: s.item.space.root,
    "PartitionNumber": lambda s: 2,
    "Partition": lambda s: show("ClusterDiskPartitionInfo", s),
    "VolumeOffset": lambda s: 16777216,
    "MaintenanceMode": lambda s: s.item.maintenance,
    "RedirectedAccess": lambda s: bool(s.item.space.redirected),
}, lambda s: "Microsoft.FailoverClusters.PowerShell.ClusterSharedVolumeInfo")

declare("ClusterSharedVolume", {
    "Id": lambda s: str(s.item.id),
    "Name": lambda s: s.item.name,
    "OwnerNode": lambda s: show_node(s, s.item.space.owner),
    "SharedVolumeInfo": lambda s: [show("ClusterSharedVolumeInfo", s)],
    "State": lambda s: s.item.state,
}, lambda s: s.item.name)


def _reached(seat: Seat) -> tuple[str, str, str]:
    """StateInfo and the two reasons, as the node reaches the volume."""
    volume, key = seat.item
    if volume.state != "Online" or seat.cluster.state(seat.world, key) == "Down":
        return "Unavailable", "NotFileSystemRedirected", "NotBlockRedirected"
    found: tuple[str, str, str] = volume.reasons.get(key, ("Direct", "NotFileSystemRedirected", "NotBlockRedirected"))
    return found


declare("ClusterSharedVolumeStateInfo", {
    "StateInfo": lambda s: _reached(s)[0],
    "FileSystemRedirectedIOReason": lambda s: _reached(s)[1],
    "BlockRedirectedIOReason": lambda s: _reached(s)[2],
    "Name": lambda s: s.item[0].name,
    "Node": lambda s: s.host(s.item[1]).name,
    "VolumeFriendlyName": lambda s: s.item[0].leaf,
    "VolumeName": lambda s: _path(s.of(s.item[0])),
}, lambda s: str(s.item[0].name))


# --- quorum, owners, parameters --------------------------------------------------------------------------------------


def _witness(seat: Seat) -> net.PSObject | None:
    found = seat.cluster.resource(seat.cluster.witness) if seat.cluster.witness is not None else None
    return show("ClusterResource", seat.of(found)) if found is not None else None


declare("ClusterQuorumSettings", {
    "Cluster": show_cluster,
    "QuorumResource": _witness,
    "QuorumType": lambda s: s.cluster.quorum_type,
}, lambda s: "Microsoft.FailoverClusters.PowerShell.ClusterQuorumSettings")


def show_quorum(seat: Seat) -> net.PSObject:
    return show("ClusterQuorumSettings", seat.of(seat.cluster))


declare("ClusterOwnerNodeList", {
    "ClusterObject": lambda s: s.item[0],
    "OwnerNodes": lambda s: [show_node(s, key) for key in s.item[1]],
}, lambda s: "Microsoft.FailoverClusters.PowerShell.ClusterOwnerNodeList")

_PARAMETER_TYPES: dict[type, str] = {int: "UInt32", str: "String", net.NetList: "StringCollection"}


def _parameter_type(value: Any) -> str:
    return next((name for kind, name in _PARAMETER_TYPES.items() if isinstance(value, kind)), "Unknown")


declare("ClusterParameter", {
    "ClusterObject": lambda s: s.item[0],
    "Name": lambda s: s.item[1],
    "IsReadOnly": lambda s: False,
    "ParameterType": lambda s: _parameter_type(s.item[2]),
    "Value": lambda s: net.UInt32(s.item[2]) if isinstance(s.item[2], int) else s.item[2],
}, lambda s: str(s.item[1]))
