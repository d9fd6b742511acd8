"""How clusters, nodes, groups, resources, networks and shared volumes look to the FailoverClusters module.

Values of settings that the fabric does not hold are the defaults that clusters of those versions are printed with.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets.cluster_objects import Seat, declare, flags, show
from winmigrate.lab.cmdlets.shapes import Reader
from winmigrate.lab.engine import values as net
from winmigrate.lab.fabric.cluster import Group, Network

_STRINGS = "System.Collections.Specialized.StringCollection"


def strings(items: list[str]) -> net.NetList:
    """A StringCollection."""
    return net.NetList((_STRINGS, "System.Object"), list(items))


def show_cluster(seat: Seat) -> net.PSObject:
    return show("Cluster", seat.of(seat.cluster))


def show_node(seat: Seat, key: str) -> net.PSObject:
    return show("ClusterNode", seat.of(seat.cluster.nodes[key]))


def show_group(seat: Seat, group: Group) -> net.PSObject:
    return show("ClusterGroup", seat.of(group))


def _fixed(**values: Any) -> dict[str, Reader]:
    def reader(value: Any) -> Reader:
        return lambda seat: value

    return {name: reader(value) for name, value in values.items()}


def _threshold(seat: Seat) -> int:
    return 20 if at_least(seat.version, "2016") else 10 if at_least(seat.version, "2012R2") else 5


declare("Cluster", {
    **_fixed(AddEvictDelay=60, ClusSvcHangTimeout=60, ClusSvcRegroupStageTimeout=15, CsvBalancer=1,
             ClusSvcRegroupTickInMilliseconds=300, ClusterGroupWaitDelay=120, ClusterLogLevel=3, ClusterLogSize=1500,
             CrossSiteDelay=1000, CrossSiteThreshold=20, CrossSubnetDelay=1000, DefaultNetworkRole=3,
             DrainOnShutdown=1, DynamicQuorum=1, EnableSharedVolumes="Enabled", HangRecoveryAction=3,
             MessageBufferLength=50, MinimumNeverPreemptPriority=3000, MinimumPreemptorPriority=1, NetftIPSecEnabled=1,
             QuarantineDuration=7200, QuarantineThreshold=3, QuorumArbitrationTimeMax=20, RequestReplyTimeout=60,
             ResiliencyDefaultPeriod=240, ResiliencyLevel="AlwaysIsolate", RouteHistoryLength=40, SameSubnetDelay=1000,
             SecurityLevel=1, SharedVolumesRoot="C:\\ClusterStorage", SharedVolumeVssWriterOperationTimeout=1800,
             ShutdownTimeoutInMinutes=20, WitnessDatabaseWriteTimeout=300, WitnessRestartInterval=15,
             AutoBalancerMode=2, AutoBalancerLevel=1),
    "CrossSubnetThreshold": _threshold,
    "SameSubnetThreshold": _threshold,
    "BlockCacheSize": lambda s: 1024 if at_least(s.version, "2019") else 512 if at_least(s.version, "2012R2") else 0,
    "AdministrativeAccessPoint": lambda s: s.cluster.access_point,
    "ClusterFunctionalLevel": lambda s: s.cluster.level,
    "ClusterUpgradeVersion": lambda s: s.cluster.upgrade_version,
    "Domain": lambda s: s.cluster.domain,
    "Id": lambda s: str(s.cluster.id),
    "MaximumParallelMigrations": lambda s: s.cluster.parallel,
    "Name": lambda s: s.cluster.name,
    "SetSMBBandwidthLimit": lambda s: s.cluster.smb_limit,
    "SMBBandwidthLimitFactor": lambda s: s.cluster.smb_factor,
    "WitnessDynamicWeight": lambda s: s.cluster.witness_weight,
    "SharedVolumeCompatibleFilters": lambda s: strings([]),
    "SharedVolumeIncompatibleFilters": lambda s: strings([]),
}, lambda s: s.cluster.name)


# --- nodes -----------------------------------------------------------------------------------------------------------


def _kernel(seat: Seat) -> tuple[int, int]:
    return {"2012": (6, 2), "2012R2": (6, 3)}.get(seat.host(seat.item.host).version, (10, 0))


def _node_status(seat: Seat) -> net.EnumValue:
    return flags("ClusterNodeStatusInformation", seat.item.status, "Normal")


def _dynamic(seat: Seat) -> int:
    return seat.item.weight if seat.cluster.state(seat.world, seat.item.host) != "Down" else 0


declare("ClusterNode", {
    "BuildNumber": lambda s: s.host(s.item.host).build,
    "Cluster": show_cluster,
    "DrainStatus": lambda s: s.item.drain,
    "DrainTarget": lambda s: 0xFFFFFFFF,
    "DynamicWeight": _dynamic,
    "FaultDomain": lambda s: strings([]),
    "Id": lambda s: str(s.item.number),
    "MajorVersion": lambda s: _kernel(s)[0],
    "MinorVersion": lambda s: _kernel(s)[1],
    "Name": lambda s: s.host(s.item.host).name,
    "NodeName": lambda s: s.host(s.item.host).name,
    "NodeHighestVersion": lambda s: s.cluster.level << 16 | 9,
    "NodeLowestVersion": lambda s: s.cluster.level << 16 | 8,
    "NodeInstanceID": lambda s: f"00000000-0000-0000-0000-{s.item.number:012d}",
    "NodeWeight": lambda s: s.item.weight,
    "Model": lambda s: s.host(s.item.host).model,
    "Manufacturer": lambda s: s.host(s.item.host).manufacturer,
    "State": lambda s: s.cluster.state(s.world, s.item.host),
    "StatusInformation": _node_status,
    "Type": lambda s: "Node",
    "UniqueID": lambda s: str(s.item.id),
}, lambda s: s.host(s.item.host).name)


# --- groups and resources --------------------------------------------------------------------------------------------


def group_status(group: Group) -> set[str]:
    """The members of its StatusInformation."""
    return group.status | ({"Locked"} if group.locked else set()) | ({"Queued"} if group.queued else set())


declare("ClusterGroup", {
    "AntiAffinityClassNames": lambda s: strings(s.item.classes),
    "AutoFailbackType": lambda s: s.item.failback,
    "Cluster": show_cluster,
    "ColdStartSetting": lambda s: 0,
    "DefaultOwner": lambda s: s.cluster.nodes[s.item.preferred[0]].number if s.item.preferred else 0xFFFFFFFF,
    "FailbackWindowEnd": lambda s: s.item.window[1],
    "FailbackWindowStart": lambda s: s.item.window[0],
    "FailoverPeriod": lambda s: 6,
    "FailoverThreshold": lambda s: 0xFFFFFFFF,
    "GroupType": lambda s: s.item.type,
    "Id": lambda s: str(s.item.id),
    "IsCoreGroup": lambda s: s.item.core,
    "LockedFromMoving": lambda s: int(s.item.locked),
    "Name": lambda s: s.item.name,
    "OwnerNode": lambda s: show_node(s, s.cluster.owner(s.world, s.item)),
    "PersistentState": lambda s: int(s.item.persistent),
    "Priority": lambda s: s.item.priority,
    "PreferredSite": lambda s: None,
    "State": lambda s: s.cluster.group_state(s.world, s.item),
    "StatusInformation": lambda s: flags("ClusterApplicationStatusInformation", group_status(s.item)),
}, lambda s: s.item.name)


def _group(seat: Seat) -> Group:
    found = seat.cluster.group(seat.item.group)
    assert found is not None, seat.item.group  # resources go with their group
    return found


def _resource_status(seat: Seat) -> net.EnumValue:
    locked = {"Locked"} if _group(seat).locked else set()
    return flags("ClusterResourceStatusInformation", locked)


def show_type(seat: Seat, name: str) -> net.PSObject:
    return show("ClusterResourceType", seat.of(name))


declare("ClusterResource", {
    "Cluster": show_cluster,
    "DeadlockTimeout": lambda s: 300000,
    "EmbeddedFailureAction": lambda s: 2,
    "Id": lambda s: str(s.item.id),
    "IsAlivePollInterval": lambda s: 0xFFFFFFFF,
    "LooksAlivePollInterval": lambda s: 0xFFFFFFFF,
    "IsCoreResource": lambda s: _group(s).core and s.item.type in ("IP Address", "Network Name"),
    "IsNetworkClassResource": lambda s: s.item.type in ("IP Address", "Network Name"),
    "IsStorageClassResource": lambda s: s.item.type == "Physical Disk",
    "Characteristics": lambda s: flags("ClusterResourceAndResourceTypeCharacteristics", set()),
    "Name": lambda s: s.item.name,
    "OwnerGroup": lambda s: show_group(s, _group(s)),
    "OwnerNode": lambda s: show_node(s, s.cluster.owner(s.world, _group(s))),
    "PendingTimeout": lambda s: 600000 if s.item.type == "Virtual Machine" else 180000,
    "PersistentState": lambda s: int(_group(s).persistent),
    "ResourceType": lambda s: show_type(s, s.item.type),
    "RestartAction": lambda s: 2,
    "RestartDelay": lambda s: 500,
    "RestartPeriod": lambda s: 900000,
    "RestartThreshold": lambda s: 1,
    "RetryPeriodOnFailure": lambda s: 3600000,
    "State": lambda s: s.cluster.resource_state(s.world, s.item),
    "StatusInformation": _resource_status,
}, lambda s: s.item.name)

#: Resource types that a cluster shows, with the DLL that serves them.
RESOURCE_TYPES = {
    "Cloud Witness": "clusres.dll", "DHCP Service": "clnetres.dll", "File Server": "clusres2.dll",
    "File Share Witness": "clusres.dll", "Generic Application": "clusres.dll", "Generic Script": "clusres.dll",
    "Generic Service": "clusres.dll", "IP Address": "clusres.dll", "IPv6 Address": "clusres.dll",
    "Network Name": "clusres.dll", "Physical Disk": "clusres.dll", "Scale Out File Server": "clusres.dll",
    "Storage QoS Policy Manager": "clusres.dll", "Virtual Machine": "vmclusres.dll",
    "Virtual Machine Cluster WMI": "wmiclusres.dll", "Virtual Machine Configuration": "vmclusres.dll",
    "Virtual Machine Replication Broker": "vmclusres.dll",
}
#: The first version that has them.
TYPES_SINCE = {"Cloud Witness": "2016", "Storage QoS Policy Manager": "2016", "Virtual Machine Cluster WMI": "2016"}

declare("ClusterResourceType", {
    "Characteristics": lambda s: flags("ClusterResourceAndResourceTypeCharacteristics", set()),
    "Cluster": show_cluster,
    "DeadlockTimeout": lambda s: 300000,
    "DisplayName": lambda s: s.item,
    "DllName": lambda s: RESOURCE_TYPES.get(s.item, "clusres.dll"),
    "Id": lambda s: s.item,
    "IsAlivePollInterval": lambda s: 60000,
    "LooksAlivePollInterval": lambda s: 5000,
    "Name": lambda s: s.item,
    "PendingTimeout": lambda s: 180000,
}, lambda s: str(s.item))


# --- networks --------------------------------------------------------------------------------------------------------


def show_network(seat: Seat, network: Network) -> net.PSObject:
    return show("ClusterNetwork", seat.of(network))


def _mask(network: Network) -> str:
    return str(ipaddress.ip_network(f"{network.address}/{network.prefix}").netmask) if _v4(network) else ""


def _v4(network: Network) -> bool:
    return ":" not in network.address


def _network_state(seat: Seat) -> str:
    """Partitioned where nodes that are there do not reach each other."""
    there = [key for key in seat.cluster.nodes if seat.cluster.state(seat.world, key) != "Down"]
    if seat.item.state == "Up" and any(seat.world.apart(one, other) for one in there for other in there):
        return "Partitioned"
    return str(seat.item.state)


declare("ClusterNetwork", {
    "Address": lambda s: s.item.address,
    "AddressMask": lambda s: _mask(s.item),
    "AutoMetric": lambda s: True,
    "Cluster": show_cluster,
    "Id": lambda s: str(s.item.id),
    "Ipv4Addresses": lambda s: strings([s.item.address] if _v4(s.item) else []),
    "Ipv4PrefixLengths": lambda s: strings([str(s.item.prefix)] if _v4(s.item) else []),
    "Ipv6Addresses": lambda s: strings([] if _v4(s.item) else [s.item.address]),
    "Ipv6PrefixLengths": lambda s: strings([] if _v4(s.item) else [str(s.item.prefix)]),
    "Metric": lambda s: s.item.metric,
    "Name": lambda s: s.item.name,
    "Role": lambda s: s.item.role,
    "State": _network_state,
}, lambda s: s.item.name)


def _interface_address(seat: Seat) -> str:
    """The node's address on the network: its own where the fabric knows one."""
    network, key = seat.item
    subnet = ipaddress.ip_network(f"{network.address}/{network.prefix}")
    for one in seat.host(key).addresses:
        if ipaddress.ip_address(one.ip) in subnet:
            return one.ip
    return str(subnet.network_address + 10 + seat.cluster.nodes[key].number)


def _interface_state(seat: Seat) -> str:
    network, key = seat.item
    if seat.cluster.state(seat.world, key) == "Down":
        return "Unavailable"
    if key in network.down or _network_state(seat.of(network)) == "Partitioned":
        return "Unreachable"
    return "Failed" if network.state == "Down" else str(network.state)


def _interface_name(seat: Seat) -> str:
    network, key = seat.item
    return f"{seat.host(key).name} - {network.name}"


declare("ClusterNetworkInterface", {
    "Adapter": lambda s: "Hyper-V Virtual Ethernet Adapter",
    "Address": _interface_address,
    "Cluster": show_cluster,
    "Ipv4Addresses": lambda s: strings([_interface_address(s)] if _v4(s.item[0]) else []),
    "Ipv6Addresses": lambda s: strings([] if _v4(s.item[0]) else [_interface_address(s)]),
    "Id": lambda s: f"{s.item[0].id}-{s.cluster.nodes[s.item[1]].number}",
    "Name": _interface_name,
    "Network": lambda s: show_network(s, s.item[0]),
    "Node": lambda s: s.host(s.item[1]).name,
    "State": _interface_state,
}, _interface_name)
