"""Rows of a failover cluster, as any of its nodes tells them: nodes, votes, shared volumes, roles, networks.

A role is a group of resources. That of a VM holds a resource of type "Virtual Machine", whose private property VmID is
the VM's Id, and one of type "Virtual Machine Configuration".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.remoting.clixml.values import EnumValue, PSObject
from winmigrate.request import SWITCH, Command, command, select
from winmigrate.windows.row import BOOLEAN, INTEGER, TEXT, Kind, column, enumeration
from winmigrate.windows.table import Table

#: The types of the two resources of a VM's role.
MACHINE = "Virtual Machine"
CONFIGURATION = "Virtual Machine Configuration"


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(_name(item) for item in (value if isinstance(value, list | tuple) else [value]))


def _name(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, PSObject) and value.to_string is not None:
        return value.to_string
    raise ValueError


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, EnumValue):
        return value.value != 0
    if isinstance(value, int):
        return value != 0
    return bool(BOOLEAN.parse(value))


def _enumeration(name: str) -> Kind:
    return enumeration(f"FailoverClusters.{name}")


#: A list of names; of objects that are named so where they are written as text.
NAMES = Kind("a list of names", _names)
#: True or false, or a number that is not 0 for true.
FLAG = Kind("true or false", _flag)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Get-Cluster. ``maximum_parallel_migrations`` came with the updates of 2022-09; None: not there."""

    name: str | Unreadable = column("Name", TEXT)
    domain: str | Unreadable | None = column("Domain", TEXT, nullable=True)
    functional_level: int | Unreadable | None = column("ClusterFunctionalLevel", INTEGER, since="2016", nullable=True)
    maximum_parallel_migrations: int | Unreadable | None = column(
        "MaximumParallelMigrations", INTEGER, since="2022", nullable=True
    )
    administrative_access_point: str | Unreadable | None = column(
        "AdministrativeAccessPoint", _enumeration("AdminAccessPoint"), since="2012R2", nullable=True
    )


@dataclass(frozen=True, slots=True)
class Node:
    """Get-ClusterNode. Weights are votes: ``node_weight`` as configured, ``dynamic_weight`` as they count now."""

    name: str | Unreadable = column("Name", TEXT)
    id: str | Unreadable = column("Id", TEXT)
    state: str | Unreadable = column("State", _enumeration("ClusterNodeState"))
    status_information: str | Unreadable | None = column(
        "StatusInformation", _enumeration("ClusterNodeStatusInformation"), since="2016", nullable=True
    )
    drain_status: str | Unreadable | None = column("DrainStatus", _enumeration("ClusterNodeDrainStatus"), nullable=True)
    dynamic_weight: int | Unreadable = column("DynamicWeight", INTEGER)
    node_weight: int | Unreadable = column("NodeWeight", INTEGER)
    major_version: int | Unreadable = column("MajorVersion", INTEGER)
    minor_version: int | Unreadable = column("MinorVersion", INTEGER)
    build_number: int | Unreadable = column("BuildNumber", INTEGER)


@dataclass(frozen=True, slots=True)
class Quorum:
    """Get-ClusterQuorum; ``resource`` is the witness, None without one."""

    resource: str | Unreadable | None = column("QuorumResource", TEXT, nullable=True)
    quorum_type: str | Unreadable = column("QuorumType", _enumeration("ClusterQuorumType"))


@dataclass(frozen=True, slots=True)
class SharedVolume:
    """Get-ClusterSharedVolume; ``name`` is that of its disk's resource."""

    name: str | Unreadable = column("Name", TEXT)
    state: str | Unreadable = column("State", _enumeration("ClusterResourceState"))
    owner_node: str | Unreadable | None = column("OwnerNode", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class SharedVolumePath:
    r"""Where the volumes of a CSV appear on every node (``C:\ClusterStorage\Volume1``)."""

    shared_volume: str | Unreadable = column("SharedVolume", TEXT)
    path: str | Unreadable = column("FriendlyVolumeName", TEXT)


@dataclass(frozen=True, slots=True)
class SharedVolumeState:
    """Get-ClusterSharedVolumeState: how one node reaches one CSV (2012 R2 and later)."""

    name: str | Unreadable = column("Name", TEXT)
    node: str | Unreadable = column("Node", TEXT)
    state_info: str | Unreadable = column("StateInfo", _enumeration("ClusterSharedVolumeState"))
    file_system_reason: str | Unreadable | None = column(
        "FileSystemRedirectedIOReason", _enumeration("ClusterSharedVolumeFileSystemRedirectedIOReasons"), nullable=True
    )
    block_reason: str | Unreadable | None = column(
        "BlockRedirectedIOReason", _enumeration("ClusterSharedVolumeBlockRedirectedIOReason"), nullable=True
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Get-ClusterGroup: a role.

    ``status_information`` "0" where there is nothing to say; ``auto_failback_type`` 1: it goes back by itself.
    """

    name: str | Unreadable = column("Name", TEXT)
    state: str | Unreadable = column("State", _enumeration("ClusterGroupState"))
    owner_node: str | Unreadable | None = column("OwnerNode", TEXT, nullable=True)
    group_type: str | Unreadable = column("GroupType", _enumeration("GroupType"))
    status_information: str | Unreadable | None = column(
        "StatusInformation", _enumeration("ClusterApplicationStatusInformation"), nullable=True
    )
    auto_failback_type: int | Unreadable = column("AutoFailbackType", INTEGER)
    anti_affinity_class_names: tuple[str, ...] | Unreadable | None = column(
        "AntiAffinityClassNames", NAMES, nullable=True
    )


@dataclass(frozen=True, slots=True)
class Resource:
    """Get-ClusterResource."""

    name: str | Unreadable = column("Name", TEXT)
    state: str | Unreadable = column("State", _enumeration("ClusterResourceState"))
    owner_group: str | Unreadable = column("OwnerGroup", TEXT)
    owner_node: str | Unreadable | None = column("OwnerNode", TEXT, nullable=True)
    resource_type: str | Unreadable = column("ResourceType", TEXT)


@dataclass(frozen=True, slots=True)
class Owners:
    """Get-ClusterOwnerNode: the possible owners of a resource, or a group's preferred owners, the first first."""

    of: str | Unreadable = column("ClusterObject", TEXT)
    nodes: tuple[str, ...] | Unreadable | None = column("OwnerNodes", NAMES, nullable=True)


@dataclass(frozen=True, slots=True)
class MachineId:
    """The private property VmID of a resource of type "Virtual Machine"."""

    resource: str | Unreadable = column("ClusterObject", TEXT)
    vm_id: str | Unreadable = column("Value", TEXT)


@dataclass(frozen=True, slots=True)
class Network:
    """Get-ClusterNetwork; ``role`` None: not for the cluster."""

    name: str | Unreadable = column("Name", TEXT)
    id: str | Unreadable = column("Id", TEXT)
    state: str | Unreadable = column("State", _enumeration("ClusterNetworkState"))
    role: str | Unreadable = column("Role", _enumeration("ClusterNetworkRole"))
    address: str | Unreadable | None = column("Address", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """Get-ClusterNetworkInterface: a node's foot in a network."""

    name: str | Unreadable = column("Name", TEXT)
    node: str | Unreadable = column("Node", TEXT)
    network: str | Unreadable = column("Network", TEXT)
    state: str | Unreadable = column("State", _enumeration("ClusterNetworkInterfaceState"))
    address: str | Unreadable | None = column("Address", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class MigrationParameter:
    """MigrationExcludeNetworks or MigrationNetworkOrder of "Virtual Machine": Ids of networks, ``;`` between."""

    name: str | Unreadable = column("Name", TEXT)
    value: str | Unreadable | None = column("Value", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class AffinityRule:
    """Get-ClusterAffinityRule (2022 and later); ``rule_type`` SameNode, DifferentNode, or of fault domains."""

    name: str | Unreadable = column("Name", TEXT, since="2022")
    rule_type: str | Unreadable = column("RuleType", _enumeration("RuleType"), since="2022")
    groups: tuple[str, ...] | Unreadable | None = column("Groups", NAMES, since="2022", nullable=True)
    enabled: bool | Unreadable = column("Enabled", FLAG, since="2022")


def _of_type(pattern: str) -> Command:
    """Resources of a type; -Like takes the type by its name, where -EQ would compare an object with a text."""
    return command("Where-Object", Property="ResourceType", Like=SWITCH, Value=pattern)


_RESOURCES = command("Get-ClusterResource")
_GROUPS = command("Get-ClusterGroup")
_OWNERS = command("Get-ClusterOwnerNode")
_PATHS = command(
    select().name,
    ExpandProperty="SharedVolumeInfo",
    Property=[{"Name": "SharedVolume", "Expression": "Name"}],
)

#: Asked on each host whose cluster service runs: of which cluster is it a node?
CLUSTER = Table("cluster", Cluster, (command("Get-Cluster"),), single=True)
NODES = Table("nodes", Node, (command("Get-ClusterNode"),))

#: Asked once a cluster, on one of its nodes.
TABLES: tuple[Table[Any], ...] = (
    NODES,
    Table("quorum", Quorum, (command("Get-ClusterQuorum"),), single=True),
    Table("shared_volumes", SharedVolume, (command("Get-ClusterSharedVolume"),)),
    Table("shared_volume_paths", SharedVolumePath, (command("Get-ClusterSharedVolume"), _PATHS)),
    Table("shared_volume_states", SharedVolumeState, (command("Get-ClusterSharedVolumeState"),), since="2012R2"),
    Table("groups", Group, (_GROUPS,)),
    Table("resources", Resource, (_RESOURCES,)),
    Table("possible_owners", Owners, (_RESOURCES, _of_type(MACHINE + "*"), _OWNERS)),
    Table("preferred_owners", Owners, (_GROUPS, _OWNERS)),
    Table(
        "machine_ids",
        MachineId,
        (_RESOURCES, _of_type(MACHINE), command("Get-ClusterParameter", Name=["VmID"])),
    ),
    Table("networks", Network, (command("Get-ClusterNetwork"),)),
    Table("network_interfaces", NetworkInterface, (command("Get-ClusterNetworkInterface"),)),
    Table(
        "migration_parameters",
        MigrationParameter,
        (
            command("Get-ClusterResourceType", Name=[MACHINE]),
            command("Get-ClusterParameter", Name=["MigrationExcludeNetworks", "MigrationNetworkOrder"]),
        ),
    ),
    Table("affinity_rules", AffinityRule, (command("Get-ClusterAffinityRule"),), since="2022"),
)
