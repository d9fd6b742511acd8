"""The objects of the FailoverClusters module: properties in order with their .NET types, read when asked for.

The properties are those that a 2025 module was captured with; SINCE leaves out what older ones did not have, by the
release notes and parameters of those versions, because no capture of them is known. A property that no reader is given
for has its .NET type's default.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from winmigrate.facts import types
from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets import shapes
from winmigrate.lab.cmdlets.desk import Desk
from winmigrate.lab.cmdlets.shapes import Reader, Shape
from winmigrate.lab.engine import values as net
from winmigrate.lab.fabric.cluster import Cluster
from winmigrate.lab.fabric.host import Host
from winmigrate.lab.fabric.world import World

NAMESPACE = "Microsoft.FailoverClusters.PowerShell."


@dataclass(frozen=True, slots=True)
class Seat:
    """A cluster as it is seen from one of its nodes; ``item`` is a node, group, ... of it, or the cluster itself."""

    desk: Desk
    cluster: Cluster
    item: Any = None

    @property
    def world(self) -> World:
        return self.desk.world

    @property
    def version(self) -> str:
        return self.desk.host.version

    def of(self, item: Any) -> Seat:
        return Seat(self.desk, self.cluster, item)

    def host(self, key: str) -> Host:
        return self.world.hosts[key]


#: Not in the capture: known from scripts and lists of properties that people print.
_FROM_USE = {
    "ClusterSharedVolumeInfo": {"FaultState": "ClusterSharedVolumeFaultState", "FriendlyVolumeName": "String",
                                "PartitionNumber": "UInt32", "Partition": "Object", "VolumeOffset": "UInt64",
                                "MaintenanceMode": "Boolean", "RedirectedAccess": "Boolean"},
    "ClusterDiskPartitionInfo": {"DriveLetter": "String", "DriveLetterMask": "UInt32", "FileSystem": "String",
                                 "FreeSpace": "UInt64", "MountPoints": "Object", "Name": "String",
                                 "PartitionNumber": "UInt32", "PercentFree": "Single", "Size": "UInt64",
                                 "UsedSpace": "UInt64"},
}
#: From the decompiled management tools.
_ENUMS_FROM_USE = {"ClusterSharedVolumeFaultState": {"NoFaults": 0, "NoDirectIO": 1, "NoAccess": 2, "InMaintenance": 4}}

#: class -> version -> the properties that came with it.
SINCE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Cluster": {
        "2012R2": ("AdministrativeAccessPoint", "CsvBalancer", "LowerQuorumPriorityNodeId", "WitnessDynamicWeight",
                   "NetftIPSecEnabled", "MessageBufferLength"),
        "2016": ("AutoAssignNodeSite", "AutoBalancerMode", "AutoBalancerLevel", "ClusterFunctionalLevel",
                 "ClusterUpgradeVersion", "ClusterGroupWaitDelay", "CrossSiteDelay", "CrossSiteThreshold",
                 "GroupDependencyTimeout", "PlacementOptions", "PreferredSite", "QuarantineDuration",
                 "QuarantineThreshold", "ResiliencyDefaultPeriod", "ResiliencyLevel", "S2DBusTypes",
                 "S2DCacheBehavior", "S2DCacheDesiredState", "S2DCacheMetadataReserveBytes", "S2DCachePageSizeKBytes",
                 "S2DEnabled", "S2DIOLatencyThreshold", "S2DOptimizations", "EnabledEventLogs", "DumpPolicy"),
        "2019": ("DetectedCloudPlatform", "SecurityLevelForStorage", "UseRdmaForStorage",
                 "RdmaConnectionsPerInterfaceForStorage"),
        "2022": ("MaximumParallelMigrations", "SetSMBBandwidthLimit", "SMBBandwidthLimitFactor", "DetectManagedEvents",
                 "DetectManagedEventsThreshold"),
        "2025": ("WprSessionCount", "WprSessionCoolOffTime", "RolloutAudience", "DpcWatchdogProfileSingleDpcThreshold",
                 "DpcWatchdogProfileCumulativeDpcThreshold", "GlobalWprSessionConfig",
                 "AcceleratedNetworkingNodeReserve", "AcceleratedNetworkingEnabled"),
    },
    "ClusterNode": {
        "2016": ("StatusInformation", "FaultDomain", "Model", "Manufacturer", "SerialNumber", "Type", "UniqueID",
                 "FailbackStatus", "DrainErrorCode"),
        "2019": ("DetectedCloudPlatform",), "2022": ("HyperthreadingEnabled",),
    },
    "ClusterGroup": {
        "2016": ("ColdStartSetting", "FaultDomain", "LockedFromMoving", "PlacementOptions", "PreferredSite",
                 "ResiliencyPeriod", "UpdateDomain"),
    },
    "ClusterResourceType": {"2022": ("WprStartAfter", "WprProfiles")},
}


@cache
def _enums() -> Mapping[str, Mapping[str, int]]:
    return {**types.enums("FailoverClusters"), **_ENUMS_FROM_USE}


@cache
def _classes() -> Mapping[str, Mapping[str, str]]:
    captured = {**types.document("FailoverClusters")["classes"], **_FROM_USE}
    return {name: {prop: re.sub(r"(\w+\.)+", "", kind) for prop, kind in properties.items()}
            for name, properties in captured.items()}


def flags(type_name: str, members: set[str], none: str = "0") -> net.EnumValue:
    """The value of a flags enumeration with these members; without any it is ``none``."""
    numbers = _enums()[type_name]
    chosen = sorted(members, key=lambda name: numbers[name])
    return net.EnumValue(NAMESPACE + type_name, ", ".join(chosen) or none, sum(numbers[name] for name in chosen))


def member(type_name: str, name: str | int) -> net.EnumValue:
    """A member of an enumeration of the module, by name or number. Raises KeyError where there is none."""
    for each, number in _enums()[type_name].items():
        if name in (each, number):
            return net.EnumValue(NAMESPACE + type_name, each, number)
    raise KeyError(f"{type_name} has no member {name!r}")


def _converter(kind: str) -> Reader:
    inner = re.fullmatch(r"Nullable<(.*)>", kind)
    if inner is not None:
        under = _converter(inner.group(1))
        return lambda value: None if value is None else under(value)
    if kind in _enums():
        return lambda value: value if isinstance(value, net.EnumValue) else member(kind, value)
    if kind == "Single":
        return net.Single
    if kind.startswith("ICollection<"):
        full = NAMESPACE + kind[len("ICollection<"):-1]
        names = (f"System.Collections.ObjectModel.Collection`1[[{full}, Microsoft.FailoverClusters.PowerShell, "
                 "Version=2.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]", "System.Object")
        return lambda value: net.NetList(names, list(value))
    return shapes.converter(kind)


def _default(kind: str) -> Any:
    if kind in _enums():
        numbers = _enums()[kind].values()
        return 0 if 0 in numbers else min(numbers)
    if kind in ("Object", "String") or kind in _classes() or kind.startswith("Nullable<"):
        return "" if kind == "String" else None
    return {"DateTime": dt.datetime(1601, 1, 1, tzinfo=dt.timezone.utc), "Single": 0.0}.get(
        kind, shapes.default_of(kind))


_DECLARED: dict[str, tuple[Mapping[str, Reader], Callable[[Seat], str]]] = {}


def declare(name: str, readers: Mapping[str, Reader], text: Callable[[Seat], str]) -> None:
    """Says how the properties of a class are read from a :class:`Seat`, and what ToString() gives. Raises KeyError for
    a property that no version has.
    """
    unknown = readers.keys() - _classes()[name].keys()
    if unknown:
        raise KeyError(f"{name} has no {', '.join(sorted(unknown))}")
    _DECLARED[name] = (readers, text)


@cache
def shape_of(name: str, version: str) -> Shape:
    """The shape of a declared class on that version of Windows."""
    readers, text = _DECLARED[name]
    newer = {prop for since, props in SINCE.get(name, {}).items() if not at_least(version, since) for prop in props}
    made: dict[str, Reader] = {}
    for prop, kind in _classes()[name].items():
        if prop not in newer:
            made[prop] = _reader(kind, readers.get(prop))
    bases = () if name in _FROM_USE or name in ("ClusterParameter", "ClusterOwnerNodeList", "ClusterQuorumSettings",
                                               "ClusterSharedVolumeStateInfo") else (f"{NAMESPACE}ClusterObject",)
    return Shape((NAMESPACE + name, *bases, "System.Object"), made, {}, text)


def _reader(kind: str, raw: Reader | None) -> Reader:
    convert = _converter(kind)
    if raw is None:
        default = _default(kind)
        value = convert(default) if default is not None else None
        return lambda subject: value
    return lambda subject: convert(raw(subject))


def show(name: str, seat: Seat) -> net.PSObject:
    """The object of a class for what the seat holds."""
    return shape_of(name, seat.version).show(seat)
