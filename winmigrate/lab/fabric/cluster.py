"""Failover clusters: nodes, networks, quorum, shared volumes, and the groups and resources of clustered machines.

A machine's group is where its machine is: its owner is the node that has the machine registered. Enumerations are
their .NET member names as text, hosts are keys of the fabric. Everything here is called with the world's lock held.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from winmigrate.facts.versions import at_least
from winmigrate.lab.fabric.host import Space
from winmigrate.lab.fabric.machine import VM

if TYPE_CHECKING:
    from winmigrate.lab.fabric.host import Host
    from winmigrate.lab.fabric.world import World

ROOT = "C:\\ClusterStorage"
SERVICE = "ClusSvc"
FEATURE = "Failover-Clustering"
#: What a Windows version's clusters call their functional level, from 2012 R2 on.
LEVELS = {"2012": 7, "2012R2": 8, "2016": 9, "2019": 10, "2022": 11, "2025": 12}
#: "Never": AutoFailback's window when none is set.
NO_WINDOW = 0xFFFFFFFF
CORE, STORAGE = "Cluster Group", "Available Storage"


@dataclass(slots=True, eq=False)
class Node:
    """A host as a node. ``state`` is what was asked of it (Up, Paused, Joining, Down): see :meth:`Cluster.state`.

    ``status``: members of ClusterNodeStatusInformation beyond Normal. ``took``: groups that a drain moved away.
    """

    host: str
    number: int
    id: uuid.UUID
    state: str = "Up"
    status: set[str] = field(default_factory=set)
    drain: str = "NotInitiated"
    weight: int = 1
    took: list[str] = field(default_factory=list)
    parted: bool = False  # the network between it and another has cost it its place


@dataclass(slots=True, eq=False)
class Network:
    """``order``: its place among the networks of live migration, None: none was given; ``excluded``: not for it."""

    id: uuid.UUID
    name: str
    address: str
    prefix: int
    role: str = "ClusterAndClient"
    state: str = "Up"
    metric: int = 70240
    order: int | None = None
    excluded: bool = False
    down: set[str] = field(default_factory=set)  # nodes whose interface on it is unreachable


@dataclass(slots=True, eq=False)
class SharedVolume:
    """A CSV. ``state``: Online, Offline, Failed, ... ``reasons``: node -> (StateInfo, file system reason, block reason)
    where it is not Direct.
    """

    id: uuid.UUID
    name: str
    space: Space
    state: str = "Online"
    maintenance: bool = False
    reasons: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    @property
    def leaf(self) -> str:
        return self.space.root.rpartition("\\")[2]


@dataclass(slots=True, eq=False)
class Resource:
    """``possible``: the nodes that may own it; None: all. ``state`` as of ClusterResourceState, "" for its group's."""

    id: uuid.UUID
    name: str
    type: str
    group: str
    possible: list[str] | None = None
    state: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Group:
    """A group, called a role by the tools. ``state``: what the file or an error made of it; "" follows the machine.

    ``moving``: pending until an operation has ended; ``queued``: waits for its turn to move.
    """

    id: uuid.UUID
    name: str
    type: str
    owner: str
    vm_id: uuid.UUID | None = None
    state: str = ""
    preferred: list[str] = field(default_factory=list)
    failback: int = 0
    window: tuple[int, int] = (NO_WINDOW, NO_WINDOW)
    priority: int = 2000
    classes: list[str] = field(default_factory=list)
    locked: bool = False
    queued: bool = False
    moving: bool = False
    status: set[str] = field(default_factory=set)
    persistent: bool = True

    @property
    def core(self) -> bool:
        return self.type in ("Cluster", "AvailableStorage")


@dataclass(slots=True, eq=False)
class AffinityRule:
    name: str
    type: str = "DifferentNode"
    groups: list[str] = field(default_factory=list)
    enabled: bool = True


@dataclass(slots=True, eq=False)
class Cluster:
    """A failover cluster. ``queue``: what waits to move, fabric.cluster_moves' own. ``quorate`` False: its service has
    stopped on every node for want of votes.
    """

    key: str
    name: str
    fqdn: str
    domain: str
    id: uuid.UUID
    nodes: dict[str, Node] = field(default_factory=dict)
    address: str = ""
    networks: list[Network] = field(default_factory=list)
    volumes: list[SharedVolume] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    rules: list[AffinityRule] = field(default_factory=list)
    quorum_type: str = "Majority"
    witness: str | None = None  # the resource's name
    witness_weight: int = 1
    level: int = 10
    upgrade_version: int = 3
    parallel: int = 1
    smb_limit: int = 1
    smb_factor: int = 2500
    access_point: str = "ActiveDirectoryAndDns"
    quorate: bool = True
    awaits_votes: bool = False  # not quorate, until enough nodes are back
    queue: list[Any] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)

    # --- nodes -------------------------------------------------------------------------------------------------------

    def state(self, world: World, key: str) -> str:
        """The node's state: Down where its host or its cluster service is, or where the others do not let it in."""
        if not self.quorate or not runs(world.hosts[key]) or self.nodes[key].status & {"Isolated", "Quarantined"}:
            return "Down"
        return self.nodes[key].state

    def is_up(self, world: World, key: str) -> bool:
        return self.state(world, key) == "Up"

    def votes(self, world: World) -> tuple[int, int]:
        """Votes that are there, and all votes, the witness' among them."""
        witness = self.witness_weight if self.witness is not None else 0
        weights = {key: node.weight for key, node in self.nodes.items()}
        there = sum(weight for key, weight in weights.items() if self.state(world, key) != "Down")
        return there + witness, sum(weights.values()) + witness

    # --- groups ------------------------------------------------------------------------------------------------------

    def group(self, name: str) -> Group | None:
        """The group of that name or id, in any case."""
        folded = name.lower()
        return next((one for one in self.groups if folded in (one.name.lower(), str(one.id))), None)

    def group_of(self, vm_id: uuid.UUID) -> Group | None:
        return next((one for one in self.groups if one.vm_id == vm_id), None)

    def home(self, world: World, group: Group) -> tuple[Host, VM] | None:
        """The node that has the group's machine registered, and the machine."""
        if group.vm_id is None:
            return None
        for key in self.nodes:
            host = world.hosts[key]
            if group.vm_id in host.vms:
                return host, host.vms[group.vm_id]
        return None

    def owner(self, world: World, group: Group) -> str:
        """The key of the node that owns the group."""
        found = self.home(world, group)
        if found is not None:
            group.owner = found[0].key
        return group.owner

    def group_state(self, world: World, group: Group) -> str:
        """ClusterGroupState: Pending while it moves, else as its machine runs."""
        if group.moving:
            return "Pending"
        if group.state:
            return group.state
        if group.type == "AvailableStorage":
            return "Offline"
        if group.vm_id is None:
            return "Online"
        found = self.home(world, group)
        if found is None:
            return "Offline"
        return {"Running": "Online", "Paused": "Online", "Starting": "Pending", "Stopping": "Pending",
                "Saving": "Pending"}.get(found[1].state, "Failed" if "Critical" in found[1].state else "Offline")

    def resources_of(self, group: Group) -> list[Resource]:
        return [one for one in self.resources if one.group == group.name]

    def resource(self, name: str) -> Resource | None:
        folded = name.lower()
        return next((one for one in self.resources if folded in (one.name.lower(), str(one.id))), None)

    def resource_state(self, world: World, resource: Resource) -> str:
        """ClusterResourceState. A machine's configuration stays online while the machine is off."""
        if resource.state:
            return resource.state
        group = self.group(resource.group)
        if group is None:
            return "Offline"
        state = self.group_state(world, group)
        if resource.type == "Virtual Machine Configuration" and state in ("Online", "Offline", "Pending"):
            return "Online" if self.home(world, group) is not None else "Offline"
        return {"Pending": "OnlinePending", "PartialOnline": "Online"}.get(state, state)

    def possible(self, group: Group) -> list[str]:
        """The nodes that may own every resource of the group."""
        every = [one.possible for one in self.resources_of(group) if one.possible is not None]
        return [key for key in self.nodes if all(key in one for one in every)]

    # --- storage -----------------------------------------------------------------------------------------------------

    def volume(self, wanted: str) -> SharedVolume | None:
        """The CSV of that resource name, folder name or path, in any case."""
        folded = wanted.lower().rstrip("\\")
        return next((one for one in self.volumes
                     if folded in (one.name.lower(), one.leaf.lower(), one.space.root.lower())), None)

    def volumes_of(self, vm: VM) -> list[SharedVolume]:
        """The CSVs that hold its configuration or a disk."""
        paths = [vm.config_path, *(disk.path for disk in vm.all_disks() if disk.path is not None)]
        return [one for one in self.volumes if any(holds(one, path) for path in paths)]


def holds(volume: SharedVolume, path: str) -> bool:
    return (path.lower() + "\\").startswith(volume.space.root.lower() + "\\")


def runs(host: Host) -> bool:
    """Does the cluster service of that host run?"""
    service = host.services.get(SERVICE)
    return host.reachable and service is not None and service.state == "Running"


def has_feature(host: Host) -> bool:
    """Is failover clustering installed there, and with it the module?"""
    feature = host.features.get(FEATURE)
    return feature is not None and feature.install_state == "Installed"


def cluster_of(world: World, host: Host) -> Cluster | None:
    """The cluster that a host is a node of."""
    found: Iterator[Cluster] = (one for one in world.clusters.values() if host.key in one.nodes)
    return next(found, None)


def cluster_named(world: World, name: str) -> Cluster | None:
    """The cluster of that name or FQDN, or of a node of that name, in any case."""
    folded = name.lower().rstrip(".")
    for cluster in world.clusters.values():
        if folded in (cluster.name.lower(), cluster.fqdn.lower(), cluster.key.lower()) or folded == cluster.address:
            return cluster
    host = world.host(name)
    return cluster_of(world, host) if host is not None else None


def clustered(world: World, vm_id: uuid.UUID) -> tuple[Cluster, Group] | None:
    """The group of a machine, in whatever cluster."""
    for cluster in world.clusters.values():
        group = cluster.group_of(vm_id)
        if group is not None:
            return cluster, group
    return None


def limit_of(cluster: Cluster, host: Host) -> int:
    """How many moves a node takes part in at once: the cluster's number from 2022 on, the host's own before."""
    return cluster.parallel if at_least(host.version, "2022") else host.migration.limit


# --- roles -----------------------------------------------------------------------------------------------------------


def add_role(world: World, cluster: Cluster, host: Host, vm: VM, name: str = "") -> Group:
    """Makes a group of a machine, with its two resources."""
    title = name or _free_name(cluster, vm.name)
    group = Group(uuid.uuid5(cluster.id, f"group/{vm.id}/{title}"), title, "VirtualMachine", host.key, vm.id)
    cluster.groups.append(group)
    machine = vm.name if name else title
    for kind in ("Virtual Machine", "Virtual Machine Configuration"):
        cluster.resources.append(Resource(uuid.uuid5(group.id, kind), f"{kind} {machine}", kind, title,
                                          parameters={"VmID": str(vm.id)}))
    vm.clustered = True
    return group


def _free_name(cluster: Cluster, name: str) -> str:
    """The name, with a number behind it where a group has it already (how Windows tells them apart is not published).
    """
    numbered = (f"{name} ({number})" for number in range(1, len(cluster.groups) + 2))
    return name if cluster.group(name) is None else next(one for one in numbered if cluster.group(one) is None)


def remove_role(world: World, cluster: Cluster, group: Group) -> None:
    """The group and its resources are gone; its machine stays where it is, and runs on."""
    found = cluster.home(world, group)
    if found is not None:
        found[1].clustered = False
    cluster.groups.remove(group)
    cluster.resources[:] = [one for one in cluster.resources if one.group != group.name]
    for rule in cluster.rules:
        rule.groups[:] = [name for name in rule.groups if name.lower() != group.name.lower()]
