"""The shapes of the objects that commands give out: properties in order with their .NET types, read when asked for.

winmigrate.facts.types names the properties of one build of the Hyper-V module. A reader gives a property's value from
the thing in the fabric; a property that no reader is given for has its .NET type's default, which is what a fresh
virtual machine shows for most of them. SINCE leaves out what older modules did not have; no capture of the 2012 and
2012 R2 modules is known, so that table follows the release notes and parameters of those versions.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from winmigrate.facts import types
from winmigrate.facts.versions import at_least
from winmigrate.lab.engine import values as net

Reader: TypeAlias = "Callable[[Any], Any]"

HYPERV = "Microsoft.HyperV.PowerShell."

_ELSEWHERE = {
    "VhdFormat": "Microsoft.Vhd.PowerShell.VhdFormat",
    "VhdType": "Microsoft.Vhd.PowerShell.VhdType",
    "VirtualHardDisk": "Microsoft.Vhd.PowerShell.VirtualHardDisk",
    "VirtualHardDiskPmemAddressAbstractionType":
        "Microsoft.Virtualization.Client.Management.VirtualHardDiskPmemAddressAbstractionType",
    "SecureBootTemplate": "Microsoft.Virtualization.Client.Management.SecureBootTemplate",
    "CimInstance": "Microsoft.Management.Infrastructure.CimInstance",
}

#: The bases of a class, as their own captured properties show; the rest derives from VirtualizationObject.
_BASES = {
    "VirtualMachine": ("VirtualMachineBase", "VirtualizationObject"),
    "VMSnapshot": ("VirtualMachineBase", "VirtualizationObject"),
    "VMNetworkAdapter": ("VMNetworkAdapterBase", "VMDevice", "VMComponentObject", "VirtualizationObject"),
    "HardDiskDrive": ("Drive", "VMDevice", "VMComponentObject", "VirtualizationObject"),
    "DvdDrive": ("Drive", "VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMProcessor": ("VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMMemory": ("VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMIntegrationComponent": ("VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMFloppyDiskDrive": ("VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMGpuPartitionAdapter": ("VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMRemoteFx3DVideoAdapter": ("VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMFibreChannelHba": ("VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMAssignedDevice": ("VMDevice", "VMComponentObject", "VirtualizationObject"),
    "VMBios": ("VMComponentObject", "VirtualizationObject"),
    "VMFirmware": ("VMComponentObject", "VirtualizationObject"),
    "VMCompatibilityReport": (),
    "VMCompatibilityError": (),
    "VirtualHardDisk": (),
}

#: class -> version -> the properties that came with it.
SINCE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "*": {"2016": ("CimSession",)},
    "VirtualMachine": {
        "2012R2": ("Generation", "Version", "IntegrationServicesState"),
        "2016": ("AutomaticCriticalErrorAction", "AutomaticCriticalErrorActionTimeout", "CheckpointType", "Groups",
                 "VirtualMachineType", "VirtualMachineSubType", "GuestControlledCacheTypes", "LowMemoryMappedIoSpace",
                 "HighMemoryMappedIoSpace", "LockOnDisconnect", "EnhancedSessionTransportType"),
        "2019": ("AutomaticCheckpointsEnabled", "BatteryPassthroughEnabled"),
    },
    "VMSnapshot": {
        "2012R2": ("Generation", "Version"),
        "2016": ("GuestControlledCacheTypes", "LowMemoryMappedIoSpace", "HighMemoryMappedIoSpace", "LockOnDisconnect"),
        "2019": ("IsAutomaticCheckpoint", "BatteryPassthroughEnabled"),
    },
    "VMHost": {
        "2012R2": ("EnableEnhancedSessionMode", "VirtualMachineMigrationPerformanceOption"),
        "2016": ("SupportedVmVersions", "SecureBootTemplates", "HostNumaStatus"),
    },
    "HardDiskDrive": {
        "2012R2": ("MaximumIOPS", "MinimumIOPS", "SupportPersistentReservations"),
        "2016": ("QoSPolicyID", "WriteHardeningMethod"),
    },
    "VMProcessor": {
        "2016": ("HwThreadCountPerCore", "ExposeVirtualizationExtensions", "EnableHostResourceProtection",
                 "OperationalStatus", "StatusDescription"),
        "2019": ("EnablePerfmonPmu", "EnablePerfmonLbr", "EnablePerfmonPebs", "EnablePerfmonIpt",
                 "EnableLegacyApicMode", "AllowACountMCount"),
        "2025": ("CompatibilityForMigrationMode",),
    },
    "VMFirmware": {"2016": ("SecureBootTemplate", "SecureBootTemplateId", "ConsoleMode", "PauseAfterBootFailure")},
    "VMSecurity": {"2019": ("BindToHostTpm",)},
    "VMNetworkAdapter": {
        "2012R2": ("IsolationSetting", "RoutingDomainList", "CurrentIsolationMode"),
        "2016": ("DeviceNaming", "AllowPacketDirect", "NumaAwarePlacement", "PacketDirectNumProcs", "FixSpeed10G",
                 "PacketDirectModerationCount", "PacketDirectModerationInterval", "InterruptModeration", "MediaType"),
    },
    "VMGpuPartitionAdapter": {"2025": ("SupportsOutgoingLiveMigration",)},
    "VMSwitch": {"2016": ("PacketDirectEnabled", "EmbeddedTeamingEnabled", "NetAdapterInterfaceDescriptions",
                          "NetAdapterInterfaceGuid", "PacketDirectInUse"),
                 "2019": ("SoftwareRscEnabled",)},
    "VirtualHardDisk": {"2019": ("IsPMEMCompatible", "AddressAbstractionType")},
}

#: What the module's types file adds: alias -> property; on 2012 R2 and before only the first two of a machine.
ALIASES: Mapping[str, Mapping[str, str]] = {
    "VirtualMachine": {"VMName": "Name", "VMId": "Id", "CheckpointFileLocation": "SnapshotFileLocation",
                       "ParentCheckpointId": "ParentSnapshotId", "ParentCheckpointName": "ParentSnapshotName"},
    "VMSnapshot": {"ParentCheckpointId": "ParentSnapshotId", "ParentCheckpointName": "ParentSnapshotName"},
    "VMCompatibilityReport": {"CheckpointPath": "SnapshotPath"},
    "*": {"VMCheckpointId": "VMSnapshotId", "VMCheckpointName": "VMSnapshotName"},
}
_OLD_ALIASES = ("VMName", "VMId")


#: A class of which the capture holds no properties; these are from use.
_FROM_USE = {"VMCompatibilityError": {"Message": "String", "MessageId": "Int32", "Source": "Object"}}

#: Properties that came after the capture, from the pages of the cmdlets that give the class.
FROM_PAGES = {
    "VMGpuPartitionAdapter": {"SupportsOutgoingLiveMigration": "Boolean"},
    # An enumeration of which no numbers are known, so its names are given out as text.
    "VMProcessor": {"CompatibilityForMigrationMode": "String"},
}


@cache
def _enums() -> Mapping[str, Mapping[str, int]]:
    return types.enums("Hyper-V")


@cache
def _classes() -> Mapping[str, Mapping[str, str]]:
    """Class -> property -> .NET type without its namespace, in the module's order."""
    captured = {**types.document("Hyper-V")["classes"], **_FROM_USE}
    captured |= {name: {**captured[name], **more} for name, more in FROM_PAGES.items()}
    return {
        name: {prop: re.sub(r"\w+\.", "", kind) for prop, kind in properties.items()}
        for name, properties in captured.items()
    }


@cache
def enum(type_name: str, member: str | int) -> net.EnumValue:
    """A member of a Hyper-V enumeration by its name (in any case) or number. Raises KeyError where there is none."""
    full = _ELSEWHERE.get(type_name, HYPERV + type_name)
    for name, number in _enums()[type_name].items():
        if member == number or (isinstance(member, str) and member.lower() == name.lower()):
            return net.EnumValue(full, name, number)
    raise KeyError(f"{full} has no member {member!r}")


def class_properties(name: str, version: str) -> dict[str, str]:
    """Property -> .NET type of a class as the module of ``version`` has it, in order."""
    newer = {
        prop
        for table in (SINCE["*"], SINCE.get(name, {}))
        for since, props in table.items()
        if not at_least(version, since)
        for prop in props
    }
    return {prop: kind for prop, kind in _classes()[name].items() if prop not in newer}


_PLAIN: Mapping[str, Reader] = {
    "Boolean": bool, "Int32": net.Int32, "Int64": net.Int64, "UInt16": net.UInt16, "UInt32": net.UInt32,
    "UInt64": net.UInt64, "Byte": net.Byte,
}


@cache
def converter(kind: str) -> Reader:
    """Makes a fabric's value one of the .NET type ``kind`` (in the notation of facts.types)."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if match := re.fullmatch(r"Nullable<(.*)>", kind):
        inner = converter(match.group(1))
        return lambda value: None if value is None else inner(value)
    if kind.endswith("[]"):
        element = converter(kind[:-2])
        return lambda value: None if value is None else [element(one) for one in value]
    if match := re.fullmatch(r"(List|IReadOnlyList|IList)<(.*)>", kind):
        element = converter(match.group(2))
        names = _list_types(match.group(2))
        return lambda value: None if value is None else net.NetList(names, [element(one) for one in value])
    if kind in _enums():
        return lambda value: value if isinstance(value, net.EnumValue) else enum(kind, value)
    named: dict[str, Reader] = {"Guid": _guid, "Version": _version, "TimeSpan": _time_span}
    return named.get(kind, _same)


def default_of(kind: str) -> Any:
    """What a .NET field of this type holds when nothing was put into it."""
    if kind in _PLAIN:
        return 0
    if kind.endswith("[]") or "List<" in kind:
        return []
    if kind in _enums():
        numbers = _enums()[kind].values()
        return 0 if 0 in numbers else min(numbers)
    return {"Guid": uuid.UUID(int=0), "TimeSpan": 0, "DateTime": dt.datetime(1601, 1, 1)}.get(kind)


def _list_types(element: str) -> tuple[str, ...]:
    if element in ("String", "Int32"):
        inner = f"System.{element}, mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"
    else:
        full = _ELSEWHERE.get(element, HYPERV + element)
        inner = (f"{full}, Microsoft.HyperV.PowerShell.Objects, Version=10.0.0.0, Culture=neutral, "
                 "PublicKeyToken=31bf3856ad364e35")
    return (f"System.Collections.Generic.List`1[[{inner}]]", "System.Object")


def _guid(value: Any) -> Any:
    return value if isinstance(value, uuid.UUID) or value is None else uuid.UUID(str(value))


def _version(value: Any) -> Any:
    return None if value is None else net.Version(value)


def _time_span(value: Any) -> Any:
    return value if isinstance(value, net.TimeSpan) else net.TimeSpan.of(value)


def _same(value: Any) -> Any:
    return value


class Lazy(Mapping[str, Any]):
    """The properties of one thing, each read when it is asked for."""

    __slots__ = ("_readers", "_subject")

    def __init__(self, readers: Mapping[str, Reader], subject: Any) -> None:
        self._readers = readers
        self._subject = subject

    def __getitem__(self, name: str) -> Any:
        return self._readers[name](self._subject)

    def __contains__(self, name: object) -> bool:
        return name in self._readers

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


@dataclass(frozen=True, slots=True)
class Shape:
    """One class as one version of Windows has it: makes the object that shows a subject."""

    type_names: tuple[str, ...]
    readers: Mapping[str, Reader]
    aliases: Mapping[str, str]
    text: Callable[[Any], str] | None = None

    def show(self, subject: Any, live: Any = None) -> net.PSObject:
        readers = self.readers
        notes = {alias: readers[of](subject) for alias, of in self.aliases.items()}
        text = self.text(subject) if self.text is not None else None
        return net.PSObject(self.type_names, Lazy(readers, subject), notes, text, subject if live is None else live)


_DECLARED: dict[str, tuple[Mapping[str, Reader], Callable[[Any], str] | None]] = {}


def declare(name: str, readers: Mapping[str, Reader], text: Callable[[Any], str] | None = None) -> None:
    """Says how the properties of a Hyper-V class are read from its subject, and what ToString() gives (2016 and later;
    older modules give the type's name). Raises KeyError for a property that no version has.
    """
    unknown = readers.keys() - _classes()[name].keys()
    if unknown:
        raise KeyError(f"{name} has no {', '.join(sorted(unknown))}")
    _DECLARED[name] = (readers, text)


@cache
def shape_of(name: str, version: str) -> Shape:
    """The shape of a declared Hyper-V class on that version of Windows."""
    readers, text = _DECLARED[name]
    properties = class_properties(name, version)
    made = {prop: _reader(kind, readers.get(prop)) for prop, kind in properties.items()}
    full = _ELSEWHERE.get(name, HYPERV + name)
    bases = tuple(HYPERV + base for base in _BASES.get(name, ("VirtualizationObject",)))
    aliases = ALIASES.get(name, ALIASES["*"])
    modern = at_least(version, "2016")
    kept = {alias: of for alias, of in aliases.items() if of in made and (modern or alias in _OLD_ALIASES)}
    return Shape((full, *bases, "System.Object"), made, kept, text if modern else None)


def _reader(kind: str, raw: Reader | None) -> Reader:
    convert = converter(kind)
    if raw is None:
        value = convert(default_of(kind)) if default_of(kind) is not None else None
        return lambda subject: value
    if convert is _same:
        return raw
    return lambda subject: convert(raw(subject))
