"""The nodes of clusters whose nodes the inventory does not name, found by what its hosts say of themselves. Pure.

A cluster's own name leads to whichever node has its address, and says nothing of how that node is reached. So it is
the hosts of the inventory that are asked; one of them that is a node names all the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from winmigrate.facts import Unreadable
from winmigrate.inventory import Inventory
from winmigrate.inventory.types import Cluster
from winmigrate.playbook.types import Target
from winmigrate.survey.nouns import Roll, RollEntry


@dataclass(frozen=True, slots=True)
class NodesFound:
    """``inventory``: with the nodes that were found. ``missing``: cluster -> what is to be done about the rest."""

    inventory: Inventory
    missing: Mapping[str, str]

    def faults(self, targets: Iterable[Target]) -> list[str]:
        """What is not known of these targets' nodes."""
        names = dict.fromkeys(target.name for target in targets if target.kind == "cluster")
        return [self.missing[name] for name in names if name in self.missing]


def nodes_found(inventory: Inventory, roll: Roll) -> NodesFound:
    """The inventory with the nodes of every cluster, as far as they are hosts of it."""
    clusters, missing = dict(inventory.clusters), {}
    for name, cluster in inventory.clusters.items():
        if cluster.nodes is None:
            hosts, fault = _nodes(cluster, inventory, roll)
            clusters[name] = replace(cluster, nodes=hosts)
            if fault:
                missing[name] = fault
    return NodesFound(replace(inventory, clusters=clusters), missing)


def _nodes(cluster: Cluster, inventory: Inventory, roll: Roll) -> tuple[tuple[str, ...], str]:
    """The hosts that are its nodes, in the inventory's order, and what is to be done about those that are not there."""
    members = [entry for entry in roll.entries.values() if _is_member(entry, cluster)]
    told = next((entry.cluster_nodes for entry in members if not isinstance(entry.cluster_nodes, Unreadable)), ())
    if not members:
        silent = [
            f"whether {entry.host} is one is not known: {entry.why_not or entry.cluster.reason}"
            for entry in roll.entries.values()
            if isinstance(entry.cluster, Unreadable) and entry.host in inventory.hosts
        ]
        none = f"no host that answered is a node of {cluster.name}: add its nodes to {inventory.file} under hosts"
        return (), "; ".join([none, *silent])
    by_name = {name: host for host in inventory.hosts for name in _called(host, inventory, roll)}
    ours = {by_name[node.casefold()] for node in told if node.casefold() in by_name} | {entry.host for entry in members}
    strangers = [node for node in told if node.casefold() not in by_name]
    fault = (
        f"{', '.join(strangers)} of {cluster.name} cannot be reached: add them to {inventory.file} under hosts, or say "
        f"which nodes are meant under clusters.{cluster.name}.nodes"
        if strangers
        else ""
    )
    return tuple(host for host in inventory.hosts if host in ours), fault


def _is_member(entry: RollEntry, cluster: Cluster) -> bool:
    """Is the host a node of this cluster, by the name of the inventory or the first label of its address?"""
    names = (cluster.name.casefold(), cluster.address.partition(".")[0].casefold())
    return isinstance(entry.cluster, str) and entry.cluster.casefold() in names


def _called(host: str, inventory: Inventory, roll: Roll) -> set[str]:
    """What a node of that host may be called: a name without a domain, as clusters have them."""
    entry = roll.entries.get(host)
    names = [host, inventory.hosts[host].address]
    names += [] if entry is None else [name for name in (entry.computer, entry.fqdn) if isinstance(name, str)]
    return {name.partition(".")[0].casefold() for name in names}
