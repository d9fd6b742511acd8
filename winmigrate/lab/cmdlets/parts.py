"""The parts of virtual machines as objects: adapters, drives, processor, memory, firmware, security, devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winmigrate.lab.cmdlets.machine import Part, cim_session, show_part
from winmigrate.lab.cmdlets.shapes import Reader, declare, shape_of
from winmigrate.lab.engine import values as net
from winmigrate.lab.fabric.fittings import numa_nodes
from winmigrate.lab.fabric.machine import Adapter
from winmigrate.lab.fabric.world import ZERO_ID


def on_off(value: Any) -> str:
    """OnOffState's name."""
    return "On" if value else "Off"


_OWNER: dict[str, Reader] = {
    "VMId": lambda p: p.machine.vm.id,
    "VMName": lambda p: p.machine.vm.name,
    "VMSnapshotId": lambda p: p.checkpoint.id if p.checkpoint else ZERO_ID,
    "VMSnapshotName": lambda p: p.checkpoint.name if p.checkpoint else "",
    "CimSession": lambda p: cim_session(p.machine.host),
    "ComputerName": lambda p: p.machine.host.name,
}

#: The numbers that Hyper-V ends the ids of a machine's own devices with; not known, so the same for all versions.
_DEVICE_ID = "Microsoft:{}\\b637f346-6a0e-4dec-af52-bd70cb80a21d\\0"
_MEMORY_ID = "Microsoft:{}\\4764334d-e001-4176-82ee-5594ec9b530e"


# --- network ---------------------------------------------------------------------------------------------------------


def _adapter_status(part: Part) -> list[str]:
    return ["Ok"] if part.machine.vm.running and part.item.connected else []


def _vlan(part: Part) -> net.PSObject:
    return shape_of("VMNetworkAdapterVlanSetting", part.machine.host.version).show(part)


def _isolation(part: Part) -> net.PSObject:
    return shape_of("VMNetworkAdapterIsolationSetting", part.machine.host.version).show(part)


def _isolation_mode(adapter: Adapter) -> str:
    if adapter.isolation != "None":
        return adapter.isolation
    return "None" if adapter.vlan.mode == "Untagged" else "Vlan"


def _acls(part: Part) -> list[net.PSObject]:
    shape = shape_of("VMNetworkAdapterAclSetting", part.machine.host.version)
    return [shape.show(_Entry(part, entry)) for entry in part.item.acls]


def _extended_acls(part: Part) -> list[net.PSObject]:
    shape = shape_of("VMNetworkAdapterExtendedAclSetting", part.machine.host.version)
    return [shape.show(_Entry(part, entry)) for entry in part.item.extended_acls]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry in a list of an adapter."""

    part: Part
    item: Any


_ENTRY: dict[str, Reader] = {
    "ParentAdapter": lambda e: show_part("VMNetworkAdapter", e.part.machine, e.part.item, e.part.checkpoint),
    "CimSession": lambda e: cim_session(e.part.machine.host),
    "ComputerName": lambda e: e.part.machine.host.name,
    "Direction": lambda e: e.item.direction,
    "Action": lambda e: e.item.action,
}


def _kind_of(address: str) -> str:
    if address == "ANY":
        return "WildcardBoth"
    return "IPv6" if ":" in address else "IPv4"


declare("VMNetworkAdapterAclSetting", {
    **_ENTRY,
    "LocalAddress": lambda e: e.item.local,
    "LocalAddressType": lambda e: _kind_of(e.item.local),
    "RemoteAddress": lambda e: e.item.remote,
    "RemoteAddressType": lambda e: _kind_of(e.item.remote),
})
declare("VMNetworkAdapterExtendedAclSetting", {
    **_ENTRY,
    "LocalIPAddress": lambda e: e.item.local,
    "RemoteIPAddress": lambda e: e.item.remote,
    "LocalPort": lambda e: e.item.port,
    "RemotePort": lambda e: "ANY",
    "Protocol": lambda e: e.item.protocol,
    "Weight": lambda e: e.item.weight,
    "Stateful": lambda e: e.item.stateful,
})
declare("VMNetworkAdapterIsolationSetting", {
    "IsolationMode": lambda p: p.item.isolation,
    "AllowUntaggedTraffic": lambda p: False,
    "DefaultIsolationID": lambda p: p.item.isolation_id,
    "ParentAdapter": lambda p: show_part("VMNetworkAdapter", p.machine, p.item, p.checkpoint),
    "CimSession": lambda p: cim_session(p.machine.host),
    "ComputerName": lambda p: p.machine.host.name,
})

declare("VMNetworkAdapter", {
    **_OWNER,
    "ClusterMonitored": lambda p: p.item.cluster_monitored,
    "MacAddress": lambda p: p.item.mac,
    "DynamicMacAddressEnabled": lambda p: p.item.dynamic_mac,
    "InterruptModeration": lambda p: True,
    "IsLegacy": lambda p: p.item.legacy,
    "IsSynthetic": lambda p: not p.item.legacy,
    "IPAddresses": lambda p: p.item.ip_addresses if p.machine.vm.running else [],
    "DeviceNaming": lambda p: on_off(p.item.device_naming),
    "IovWeight": lambda p: p.item.iov_weight,
    "IovQueuePairsRequested": lambda p: 1,
    "PoolName": lambda p: p.machine.vm.fittings.pools.get("Ethernet", ""),
    "Connected": lambda p: p.item.connected,
    "SwitchName": lambda p: p.item.switch_name,
    "AdapterId": lambda p: p.item.id.rpartition("\\")[2],
    "TestReplicaPoolName": lambda p: "",
    "TestReplicaSwitchName": lambda p: "",
    "StatusDescription": lambda p: ["OK"] if _adapter_status(p) else [],
    "Status": _adapter_status,
    "Id": lambda p: p.item.id,
    "SwitchId": lambda p: p.item.switch_id,
    "AclList": _acls,
    "ExtendedAclList": _extended_acls,
    "IsolationSetting": _isolation,
    "VlanSetting": _vlan,
    "CurrentIsolationMode": lambda p: _isolation_mode(p.item),
    "MacAddressSpoofing": lambda p: on_off(p.item.mac_spoofing),
    "DhcpGuard": lambda p: on_off(p.item.dhcp_guard),
    "RouterGuard": lambda p: on_off(p.item.router_guard),
    "PortMirroringMode": lambda p: p.item.port_mirroring,
    "IeeePriorityTag": lambda p: "Off",
    "AllowTeaming": lambda p: on_off(p.item.allow_teaming),
    "FixSpeed10G": lambda p: "Off",
    "VMQWeight": lambda p: 100,
    "IPsecOffloadMaxSA": lambda p: 512,
    "VrssVmbusChannelAffinityPolicy": lambda p: "Strong",
    "VrssVmbusChannelAffinityPolicyRequested": lambda p: "Strong",
    "Name": lambda p: p.item.name,
    "IsDeleted": lambda p: p.item not in p.machine.vm.adapters,
})


def _ranges(numbers: list[int]) -> str:
    """VLAN ids as Windows writes a list of them: "1-3,7"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _secondary(part: Part) -> list[int]:
    vlan = part.item.vlan
    return [vlan.secondary] if vlan.mode == "Private" and vlan.secondary else []


declare("VMNetworkAdapterVlanSetting", {
    "OperationMode": lambda p: p.item.vlan.mode,
    "AccessVlanId": lambda p: p.item.vlan.access,
    "NativeVlanId": lambda p: p.item.vlan.native,
    "AllowedVlanIdList": lambda p: p.item.vlan.allowed,
    "AllowedVlanIdListString": lambda p: _ranges(p.item.vlan.allowed),
    "PrivateVlanMode": lambda p: p.item.vlan.private_mode,
    "PrimaryVlanId": lambda p: p.item.vlan.primary,
    "SecondaryVlanId": lambda p: p.item.vlan.secondary,
    "SecondaryVlanIdList": _secondary,
    "SecondaryVlanIdListString": lambda p: _ranges(_secondary(p)),
    "ParentAdapter": lambda p: show_part("VMNetworkAdapter", p.machine, p.item, p.checkpoint),
    "CimSession": _OWNER["CimSession"],
    "ComputerName": _OWNER["ComputerName"],
})


# --- drives ----------------------------------------------------------------------------------------------------------


def _drive(kind: str, pool: str) -> dict[str, Reader]:
    return {
        **_OWNER,
        "ControllerLocation": lambda p: p.item.controller_location,
        "ControllerNumber": lambda p: p.item.controller_number,
        "ControllerType": lambda p: p.item.controller_type,
        "Name": lambda p: (f"{kind} on {p.item.controller_type} controller number {p.item.controller_number} "
                           f"at location {p.item.controller_location}"),
        "PoolName": lambda p: p.machine.vm.fittings.pool(pool),
        "Id": lambda p: p.item.id,
    }


declare("HardDiskDrive", {
    **_drive("Hard Drive", "VHD"),
    "Path": lambda p: p.item.path if p.item.number is None else f"Disk {p.item.number}",
    "DiskNumber": lambda p: p.item.number,
    "MaximumIOPS": lambda p: p.item.maximum_iops,
    "MinimumIOPS": lambda p: p.item.minimum_iops,
    "QoSPolicyID": lambda p: ZERO_ID,
    "SupportPersistentReservations": lambda p: p.item.shared,
    "WriteHardeningMethod": lambda p: "Default",
    "IsDeleted": lambda p: p.item not in (p.checkpoint.disks if p.checkpoint else p.machine.vm.disks),
})

declare("DvdDrive", {
    **_drive("DVD Drive", "ISO"),
    "DvdMediaType": lambda p: "PassThrough" if p.item.media == "Physical" else p.item.media,
    "Path": lambda p: p.item.path,
    "IsDeleted": lambda p: p.item not in p.machine.vm.dvds,
})


# --- the machine itself ----------------------------------------------------------------------------------------------

#: The templates that Windows ships, by name.
TEMPLATE_IDS = {
    "MicrosoftWindows": "1734c6e8-3154-4dda-ba5f-a874cc483422",
    "MicrosoftUEFICertificateAuthority": "272e7447-90a4-4563-a4b9-8e4ab00526ce",
    "OpenSourceShieldedVM": "4292ae2b-ee2c-42b5-a969-dd8f8689f6f3",
}

declare("VMProcessor", {
    **_OWNER,
    "ResourcePoolName": lambda p: p.machine.vm.fittings.pool("Processor"),
    "Count": lambda p: p.item.count,
    "CompatibilityForMigrationEnabled": lambda p: p.item.compatibility,
    "CompatibilityForMigrationMode": lambda p: p.item.mode,
    "HwThreadCountPerCore": lambda p: 0,
    "ExposeVirtualizationExtensions": lambda p: p.item.nested,
    "Maximum": lambda p: p.item.maximum,
    "Reserve": lambda p: p.item.reserve,
    "RelativeWeight": lambda p: p.item.weight,
    "MaximumCountPerNumaNode": lambda p: p.item.max_per_numa_node,
    "MaximumCountPerNumaSocket": lambda p: p.item.max_per_numa_socket,
    "OperationalStatus": lambda p: ["Ok"],
    "StatusDescription": lambda p: ["OK"],
    "Name": lambda p: "Processor",
    "Id": lambda p: _DEVICE_ID.format(p.machine.vm.guid),
})

declare("VMMemory", {
    **_OWNER,
    "ResourcePoolName": lambda p: p.machine.vm.fittings.pool("Memory"),
    "Buffer": lambda p: p.item.buffer,
    "DynamicMemoryEnabled": lambda p: p.item.dynamic,
    "Maximum": lambda p: p.item.maximum,
    "MaximumPerNumaNode": lambda p: max(node.memory for node in numa_nodes(p.machine.host)) // 1024**2,
    "Minimum": lambda p: p.item.minimum,
    "Priority": lambda p: p.item.priority,
    "Startup": lambda p: p.item.startup,
    "Name": lambda p: "Memory",
    "Id": lambda p: _MEMORY_ID.format(p.machine.vm.guid),
})

declare("VMFirmware", {
    **_OWNER,
    "BootOrder": lambda p: [],
    "PreferredNetworkBootProtocol": lambda p: "IPv4",
    "SecureBoot": lambda p: on_off(p.item.secure_boot),
    "SecureBootTemplateId": lambda p: TEMPLATE_IDS.get(p.item.template),
    "SecureBootTemplate": lambda p: p.item.template,
    "ConsoleMode": lambda p: "Default",
    "PauseAfterBootFailure": lambda p: "Off",
})

declare("VMBios", {
    **_OWNER,
    "NumLockEnabled": lambda p: False,
    "StartupOrder": lambda p: ["CD", "IDE", "LegacyNetworkAdapter", "Floppy"],
})

# The class has no VMId: which machine it is of can be told only by the pipeline's order.
declare("VMSecurity", {
    "TpmEnabled": lambda p: p.item.tpm,
    "Shielded": lambda p: p.item.shielded,
    "EncryptStateAndVmMigrationTraffic": lambda p: p.item.encrypt_traffic,
    "CimSession": _OWNER["CimSession"],
    "ComputerName": _OWNER["ComputerName"],
})


def _integration_status(part: Part) -> str:
    if not part.item.enabled:
        return "Disabled"
    if not part.machine.vm.running:
        return "NoContact"
    return "Ok" if part.item.status.upper() == "OK" else str(part.item.status)


declare("VMIntegrationComponent", {
    **_OWNER,
    "Enabled": lambda p: p.item.enabled,
    "OperationalStatus": lambda p: [_integration_status(p)],
    "PrimaryOperationalStatus": _integration_status,
    "PrimaryStatusDescription": lambda p: "OK" if _integration_status(p) == "Ok" else _integration_status(p),
    "SecondaryStatusDescription": lambda p: "",
    "StatusDescription": lambda p: ["OK"] if _integration_status(p) == "Ok" else [_integration_status(p)],
    "Name": lambda p: p.item.name,
    "Id": lambda p: p.item.id,
})

declare("VMAssignedDevice", {
    **_OWNER,
    "InstanceID": lambda p: p.item.instance_id,
    "LocationPath": lambda p: p.item.location_path,
    "ResourcePoolName": lambda p: "Primordial",
    "Name": lambda p: p.item.name,
    "Id": lambda p: f"Microsoft:{p.machine.vm.guid}\\{p.item.instance_id}",
})

declare("VMFibreChannelHba", {
    **_OWNER,
    "SanName": lambda p: p.item.san_name,
    "WorldWideNodeNameSetA": lambda p: p.item.wwnn_a,
    "WorldWidePortNameSetA": lambda p: p.item.wwpn_a,
    "WorldWideNodeNameSetB": lambda p: p.item.wwnn_b,
    "WorldWidePortNameSetB": lambda p: p.item.wwpn_b,
    "Name": lambda p: p.item.name,
    "Id": lambda p: p.item.id,
})
