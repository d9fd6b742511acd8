"""The facts of a cluster, looked up by host, by VM and by path. What could not be read is Unreadable, never absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from winmigrate.facts import Unreadable
from winmigrate.survey import ClusterFacts, HostFacts, path_key
from winmigrate.windows.cluster import (
    CONFIGURATION,
    MACHINE,
    AffinityRule,
    Group,
    Node,
    Owners,
    Resource,
    SharedVolume,
    SharedVolumeState,
)
from winmigrate.windows.row import NOT_ON_THIS_BUILD

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Role:
    """A VM as a role: its group, the resource of the VM itself, and those of both types that go with it."""

    group: Group
    name: str
    resources: tuple[Resource, ...]

    def names(self, *types: str) -> tuple[str, ...]:
        """The names of its resources of these types."""
        return tuple(item.name for item in self.resources if item.resource_type in types and isinstance(item.name, str))


@dataclass(frozen=True, slots=True)
class Csv:
    r"""A cluster shared volume and where it appears (``C:\ClusterStorage\Volume1``)."""

    volume: SharedVolume
    name: str
    path: str


class ClusterIndex:
    """``facts`` of one cluster and quick ways into its tables."""

    __slots__ = (
        "_by_vm", "_groups", "_nodes", "_on", "_possible", "_preferred", "_reached", "_rules", "_volumes", "facts",
    )  # fmt: skip

    def __init__(self, facts: ClusterFacts) -> None:
        self.facts = facts
        self._by_vm: dict[str, Role] | Unreadable | None = None
        self._nodes: dict[str, Node] | Unreadable | None = None
        self._groups: dict[str, Group] | Unreadable | None = None
        self._possible: dict[str, Owners] | Unreadable | None = None
        self._preferred: dict[str, Owners] | Unreadable | None = None
        self._volumes: tuple[Csv, ...] | Unreadable | None = None
        self._on: dict[str, list[Group]] | Unreadable | None = None
        self._reached: dict[str, dict[str, SharedVolumeState]] | Unreadable | None = None
        self._rules: dict[str, list[AffinityRule]] | Unreadable | None = None

    @property
    def name(self) -> str:
        """The name the cluster gives itself."""
        return self.facts.name

    def node(self, host: HostFacts) -> Node | Unreadable | None:
        """The node that this host is; None if the cluster has no such node."""
        names = names_of(host)
        if isinstance(names, Unreadable):
            return names
        if self._nodes is None:
            self._nodes = _by(self.facts.nodes, "name")
        found = self._nodes
        return found if isinstance(found, Unreadable) else next((found[name] for name in names if name in found), None)

    def role(self, vm_id: str) -> Role | Unreadable | None:
        """The VM of this Id as a role; None if the cluster has none of it."""
        if self._by_vm is None:
            self._by_vm = self._roles()
        return self._by_vm if isinstance(self._by_vm, Unreadable) else self._by_vm.get(vm_id.lower())

    def group(self, name: str) -> Group | Unreadable | None:
        """The group of this name."""
        if self._groups is None:
            self._groups = _by(self.facts.groups, "name")
        return self._groups if isinstance(self._groups, Unreadable) else self._groups.get(name.casefold())

    def groups_on(self, node: str) -> tuple[Group, ...] | Unreadable:
        """The groups that a node owns."""
        if self._on is None:
            self._on = _many(self.facts.groups, lambda group: ("" if group.owner_node is None else group.owner_node,))
        return self._on if isinstance(self._on, Unreadable) else tuple(self._on.get(node.casefold(), ()))

    def rules_of(self, group: str) -> tuple[AffinityRule, ...] | Unreadable:
        """The affinity rules in force that name a group. Windows before 2022 has none."""
        if self._rules is None:
            table = self.facts.affinity_rules
            rules = _many(() if table == NOT_ON_THIS_BUILD else table, _groups_of)
            self._rules = rules
        return self._rules if isinstance(self._rules, Unreadable) else tuple(self._rules.get(group.casefold(), ()))

    def reached(self, node: str) -> dict[str, SharedVolumeState] | Unreadable:
        """How a node reaches each shared volume, by the volume's name."""
        if self._reached is None:
            by_node = _many(self.facts.shared_volume_states, lambda row: (row.node,))
            self._reached = by_node if isinstance(by_node, Unreadable) else {
                each: {str(row.name): row for row in rows} for each, rows in by_node.items()
            }  # fmt: skip
        return self._reached if isinstance(self._reached, Unreadable) else self._reached.get(node.casefold(), {})

    def possible_owners(self, resource: str) -> tuple[str, ...] | Unreadable | None:
        """The nodes that may have a resource; None if nothing was said of it."""
        if self._possible is None:
            self._possible = _by(self.facts.possible_owners, "of")
        return _nodes(self._possible, resource)

    def preferred_owners(self, group: str) -> tuple[str, ...] | Unreadable | None:
        """The nodes that a group is best on, the best first."""
        if self._preferred is None:
            self._preferred = _by(self.facts.preferred_owners, "of")
        return _nodes(self._preferred, group)

    def volumes(self) -> tuple[Csv, ...] | Unreadable:
        """Every shared volume with its path."""
        if self._volumes is None:
            self._volumes = self._paths()
        return self._volumes

    def volume(self, path: str) -> Csv | Unreadable | None:
        """The shared volume that a path is on; None for a path on none."""
        found = self.volumes()
        if isinstance(found, Unreadable):
            return found
        key = path_key(path)
        fits = [item for item in found if key == path_key(item.path) or key.startswith(path_key(item.path) + "\\")]
        return max(fits, key=lambda item: len(item.path), default=None)

    def _paths(self) -> tuple[Csv, ...] | Unreadable:
        volumes = _by(self.facts.shared_volumes, "name")
        if isinstance(volumes, Unreadable):
            return volumes
        if isinstance(self.facts.shared_volume_paths, Unreadable):
            return self.facts.shared_volume_paths
        found = []
        for row in self.facts.shared_volume_paths:
            if isinstance(row.shared_volume, Unreadable):
                return row.shared_volume
            if isinstance(row.path, Unreadable):
                return row.path
            volume = volumes.get(row.shared_volume.casefold())
            if volume is not None:
                found.append(Csv(volume, row.shared_volume, row.path))
        return tuple(found)

    def _roles(self) -> dict[str, Role] | Unreadable:
        resources = _by(self.facts.resources, "name")
        for table in (resources, self.facts.machine_ids, self.facts.groups):
            if isinstance(table, Unreadable):
                return table
        assert not isinstance(resources, Unreadable)
        assert not isinstance(self.facts.machine_ids, Unreadable)
        members: dict[str, list[Resource]] = {}
        for item in resources.values():
            if isinstance(item.owner_group, Unreadable):
                return item.owner_group
            members.setdefault(item.owner_group.casefold(), []).append(item)
        found: dict[str, Role] = {}
        for row in self.facts.machine_ids:
            for fact in (row.resource, row.vm_id):
                if isinstance(fact, Unreadable):
                    return fact
            resource = resources.get(str(row.resource).casefold())
            group = None if resource is None else self.group(str(resource.owner_group))
            if isinstance(group, Unreadable):
                return group
            if group is not None and isinstance(group.name, str):
                mine = members[group.name.casefold()]
                found[str(row.vm_id).strip("{}").lower()] = Role(group, group.name, tuple(mine))
        return found


def names_of(host: HostFacts) -> tuple[str, ...] | Unreadable:
    """What a host is called as a node, without regard to case: its own name for itself."""
    system = host.computer_system
    if isinstance(system, Unreadable):
        return system
    known = [name.casefold() for name in (system.name, system.dns_host_name) if isinstance(name, str)]
    if not known:
        return Unreadable(f"{host.host} does not say what it is called")
    return tuple(dict.fromkeys([*known, *(name.partition(".")[0] for name in known)]))


def with_node(host: HostFacts, clusters: Mapping[str, ClusterIndex]) -> ClusterIndex | None:
    """The cluster that names this host among its nodes, whatever the host itself says."""
    return next((one for one in clusters.values() if isinstance(one.node(host), Node)), None)


def _by(table: tuple[R, ...] | Unreadable, key: str) -> dict[str, R] | Unreadable:
    """Rows by a name of theirs. One without a name may be anything: what the table says of any name is not known."""
    if isinstance(table, Unreadable):
        return table
    found: dict[str, R] = {}
    for row in table:
        name = getattr(row, key)
        if isinstance(name, Unreadable):
            return name
        found.setdefault(str(name).casefold(), row)
    return found


def _many(
    table: tuple[R, ...] | Unreadable, keys: Callable[[R], tuple[str | Unreadable, ...] | Unreadable]
) -> dict[str, list[R]] | Unreadable:
    """Rows by names that several may share."""
    if isinstance(table, Unreadable):
        return table
    found: dict[str, list[R]] = {}
    for row in table:
        names = keys(row)
        if isinstance(names, Unreadable):
            return names
        for name in names:
            if isinstance(name, Unreadable):
                return name
            found.setdefault(name.casefold(), []).append(row)
    return found


def _groups_of(rule: AffinityRule) -> tuple[str, ...] | Unreadable:
    """The groups that a rule binds: none where it is not in force."""
    if isinstance(rule.enabled, Unreadable):
        return rule.enabled
    return rule.groups if rule.enabled and rule.groups is not None else ()


def _nodes(owners: dict[str, Owners] | Unreadable, name: str) -> tuple[str, ...] | Unreadable | None:
    if isinstance(owners, Unreadable):
        return owners
    row = owners.get(name.casefold())
    if row is None:
        return None
    return () if row.nodes is None else row.nodes


def among(name: str, names: Iterable[str]) -> bool:
    """Is this node one of these? Without regard to case."""
    return name.casefold() in {other.casefold() for other in names}


#: The resources of a VM's role that its nodes must be possible owners of, both.
OF_MACHINES = (MACHINE, CONFIGURATION)
