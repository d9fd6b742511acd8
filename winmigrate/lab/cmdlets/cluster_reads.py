"""The Get- cmdlets of the FailoverClusters module."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets.cluster_desk import (
    command,
    found,
    live_seat,
    not_found,
    not_running,
    refusal,
    refused,
    seat_of,
    seated,
)
from winmigrate.lab.cmdlets.cluster_objects import Seat, show
from winmigrate.lab.cmdlets.cluster_views import (
    RESOURCE_TYPES,
    TYPES_SINCE,
    show_cluster,
    show_group,
    show_network,
    show_node,
    show_type,
)
from winmigrate.lab.cmdlets.cluster_volumes import show_quorum
from winmigrate.lab.cmdlets.desk import Command, Desk, each, named, wildcard
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric import cluster as cl
from winmigrate.lab.fabric.cluster import AffinityRule, Cluster, Group, Network, Node, Resource, SharedVolume

T = TypeVar("T")


def _all(items: Iterable[T | Error], show_one: Callable[[T], net.PSObject]) -> Iterator[Effect]:
    for item in items:
        yield item if isinstance(item, Error) else Output(show_one(item))


def get_cluster(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-Cluster: this one, or those of -Name; -Domain lists the domain's."""
    if call.get("Domain"):
        for one in desk.world.clusters.values():
            if one.domain.lower() == str(call.bound["Domain"]).lower() and one.access_point == "ActiveDirectoryAndDns":
                yield Output(show_cluster(Seat(desk, one)))
        return
    for name in [str(one) for one in each(call.get("Name"))] or [""]:
        seat = seat_of(desk, call, name or None)
        if isinstance(seat, Error):
            yield from refused(seat, call)
        else:
            yield Output(show_cluster(seat))


# --- nodes, groups, resources ----------------------------------------------------------------------------------------


def nodes_of(seat: Seat, call: Call) -> Iterator[Node | Error]:
    """The nodes that a call means."""
    handed = _handed(call, Node)
    if handed is not None:
        yield handed
        return
    yield from found(seat, call, seat.cluster.nodes.values(), "node",
                     lambda one: (seat.host(one.host).name, seat.host(one.host).fqdn))


def _handed(call: Call, kind: type[T]) -> T | None:
    behind = live_seat(call.get("InputObject"))
    return behind.item if behind is not None and isinstance(behind.item, kind) else None


def groups_of(seat: Seat, call: Call) -> Iterator[Group | Error]:
    """The groups that a call means: of the object handed on, by -VMId or by -Name."""
    behind = live_seat(call.get("InputObject"))
    item = behind.item if behind is not None else None
    if isinstance(item, Group):
        yield item
        return
    pool = sorted(seat.cluster.groups, key=lambda one: one.name.lower())  # as the cluster lists them
    if isinstance(item, Node):
        pool = [one for one in pool if seat.cluster.owner(seat.world, one) == item.host]
    elif isinstance(item, Resource):
        pool = [one for one in pool if one.name == item.group]
    wanted = call.get("VMId")
    if wanted is not None:
        group = seat.cluster.group_of(uuid.UUID(str(wanted)))
        yield group if group is not None else not_found(seat, call, "group", str(wanted))
        return
    yield from found(seat, call, pool, "group", lambda one: (one.name, str(one.id)))


def resources_of(seat: Seat, call: Call) -> Iterator[Resource | Error]:
    """The resources that a call means: of the group or node handed on, by -VMId or by -Name."""
    behind = live_seat(call.get("InputObject"))
    item = behind.item if behind is not None else None
    if isinstance(item, Resource):
        yield item
        return
    pool = sorted(seat.cluster.resources, key=lambda one: one.name.lower())
    if isinstance(item, Group):
        pool = [one for one in pool if one.group == item.name]
    elif isinstance(item, Node):
        own = {one.name for one in seat.cluster.groups if seat.cluster.owner(seat.world, one) == item.host}
        pool = [one for one in pool if one.group in own]
    wanted = call.get("VMId")
    if wanted is not None:
        pool = [one for one in pool if one.parameters.get("VmID") == str(wanted).lower()]
    yield from found(seat, call, pool, "resource", lambda one: (one.name, str(one.id)))


def _get_nodes(seat: Seat, call: Call) -> Iterator[Effect]:
    return _all(nodes_of(seat, call), lambda one: show_node(seat, one.host))


def _get_groups(seat: Seat, call: Call) -> Iterator[Effect]:
    return _all(groups_of(seat, call), lambda one: show_group(seat, one))


def _get_resources(seat: Seat, call: Call) -> Iterator[Effect]:
    return _all(resources_of(seat, call), lambda one: show("ClusterResource", seat.of(one)))


def types_of(seat: Seat, call: Call) -> Iterator[str | Error]:
    """The resource types that a call means."""
    known = [one for one in RESOURCE_TYPES if at_least(seat.version, TYPES_SINCE.get(one, "2012"))]
    return found(seat, call, known, "resource type", lambda one: (one,))


def _get_types(seat: Seat, call: Call) -> Iterator[Effect]:
    return _all(types_of(seat, call), lambda one: show_type(seat, one))


# --- owners and parameters -------------------------------------------------------------------------------------------


def _get_owners(seat: Seat, call: Call) -> Iterator[Effect]:
    """A group's preferred owners (an empty list where none are set), a resource's or type's possible ones."""
    behind = live_seat(call.get("InputObject"))
    item = behind.item if behind is not None else None
    for name, finder in (("Group", groups_of), ("Resource", resources_of)):
        if call.get(name):
            own = Call(call.command, call.parameter_set, {"Name": call.bound[name]}, call.context)
            item = next(iter(finder(seat, own)), None)
            if isinstance(item, Error):
                yield item
                return
    if call.get("ResourceType"):
        item = str(call.bound["ResourceType"])
    every = list(seat.cluster.nodes)
    if isinstance(item, Group):
        shown, owners = show_group(seat, item), item.preferred
    elif isinstance(item, Resource):
        shown, owners = show("ClusterResource", seat.of(item)), every if item.possible is None else item.possible
    elif isinstance(item, str):
        shown, owners = show_type(seat, item), every
    else:
        yield nothing_named(seat, call)
        return
    yield Output(show("ClusterOwnerNodeList", seat.of((shown, owners))))


def nothing_named(seat: Seat, call: Call) -> Error:
    """A call that needs an object and has none."""
    return refusal(seat.desk, call, "No cluster object was specified.", "")


def network_lists(cluster: Cluster) -> dict[str, Any]:
    """The parameters of the resource type Virtual Machine: which networks live migration leaves out, and in what order
    it takes the others; ids with semicolons between.
    """
    ordered = sorted((one for one in cluster.networks if one.order is not None), key=lambda one: one.order or 0)
    return {"MigrationExcludeNetworks": ";".join(str(one.id) for one in cluster.networks if one.excluded),
            "MigrationNetworkOrder": ";".join(str(one.id) for one in ordered)}


def _get_parameters(seat: Seat, call: Call) -> Iterator[Effect]:
    behind = live_seat(call.get("InputObject"))
    item = behind.item if behind is not None else None
    if isinstance(item, str):
        shown, held = show_type(seat, item), network_lists(seat.cluster) if item == "Virtual Machine" else {}
    elif isinstance(item, Resource):
        shown, held = show("ClusterResource", seat.of(item)), item.parameters
    elif isinstance(item, Cluster):
        shown, held = show_cluster(seat), item.parameters
    elif isinstance(item, Group):
        shown, held = show_group(seat, item), {}
    else:
        yield nothing_named(seat, call)
        return
    names = [str(one) for one in each(call.get("Name"))]
    for name in names or ["*"]:
        fitting = named(list(held), name, str)
        yield from (Output(show("ClusterParameter", seat.of((shown, one, held[one])))) for one in fitting)
        if not fitting and names and wildcard(name) is None:
            # That an unknown name is an error is known from scripts, its words are not.
            yield refusal(seat.desk, call, f"Unable to find parameter '{name}'.", "", error_id="ClusterObjectNotFound",
                          category="ObjectNotFound")


# --- networks --------------------------------------------------------------------------------------------------------


def _get_networks(seat: Seat, call: Call) -> Iterator[Effect]:
    chosen = found(seat, call, seat.cluster.networks, "network", lambda one: (one.name, str(one.id)))
    return _all(chosen, lambda one: show_network(seat, one))


def _get_interfaces(seat: Seat, call: Call) -> Iterator[Effect]:
    behind = live_seat(call.get("InputObject"))
    item = behind.item if behind is not None else None
    pairs = [(network, key) for network in seat.cluster.networks for key in seat.cluster.nodes
             if (not isinstance(item, Network) or network is item) and (not isinstance(item, Node) or key == item.host)]
    for parameter, text in (("Node", lambda pair: seat.host(pair[1]).name), ("Network", lambda pair: pair[0].name)):
        wanted = [str(one) for one in each(call.get(parameter))]
        if wanted:
            pairs = [pair for pair in pairs if any(named([pair], one, text) for one in wanted)]
    chosen = found(seat, call, pairs, "network interface",
                   lambda pair: (f"{seat.host(pair[1]).name} - {pair[0].name}",))
    return _all(chosen, lambda pair: show("ClusterNetworkInterface", seat.of(pair)))


# --- quorum and storage ----------------------------------------------------------------------------------------------


def _get_quorum(seat: Seat, call: Call) -> Iterator[Effect]:
    yield Output(show_quorum(seat))


def volumes_of(seat: Seat, call: Call) -> Iterator[SharedVolume | Error]:
    """The shared volumes that a call means."""
    handed = _handed(call, SharedVolume)
    if handed is not None:
        yield handed
        return
    yield from found(seat, call, seat.cluster.volumes, "shared volume", lambda one: (one.name, str(one.id)))


def _get_volumes(seat: Seat, call: Call) -> Iterator[Effect]:
    return _all(volumes_of(seat, call), lambda one: show("ClusterSharedVolume", seat.of(one)))


def _get_states(seat: Seat, call: Call) -> Iterator[Effect]:
    wanted = [str(one) for one in each(call.get("Node"))]
    keys = [key for key in seat.cluster.nodes
            if not wanted or any(named([key], one, lambda each_key: seat.host(each_key).name) for one in wanted)]
    for volume in volumes_of(seat, call):
        if isinstance(volume, Error):
            yield volume
            continue
        yield from (Output(show("ClusterSharedVolumeStateInfo", seat.of((volume, key)))) for key in keys)


# --- affinity --------------------------------------------------------------------------------------------------------

_RULE = CimClass("MSCluster_AffinityRule", "root/MSCLUSTER", ("Name",), {
    "Name": lambda desk, rule: rule.name,
    "RuleType": lambda desk, rule: rule.type,
    "Groups": lambda desk, rule: list(rule.groups),
    "Enabled": lambda desk, rule: net.UInt32(int(rule.enabled)),
})


def rules_of(cluster: Cluster, call: Call) -> Iterator[AffinityRule | str]:
    """The rules of -Name; a name that fits none comes as text."""
    names = [str(one) for one in each(call.get("Name"))]
    for name in names or ["*"]:
        fitting = named(cluster.rules, name, lambda one: one.name)
        yield from fitting
        if not fitting and wildcard(name) is None:
            yield name


def _get_rules(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-ClusterAffinityRule, a function over CIM."""
    cluster = cl.cluster_of(desk.world, desk.host)
    if cluster is None or not cluster.quorate or not cl.runs(desk.host):
        yield not_running(desk, call)  # how the CIM server words it is not published
        return
    for rule in rules_of(cluster, call):
        if isinstance(rule, str):
            yield no_rule(rule)
        else:
            yield Output(show_rule(desk, rule))


def show_rule(desk: Desk, rule: AffinityRule) -> net.PSObject:
    return show_instance(CimInstance(desk, _RULE, rule))


def no_rule(name: str) -> Error:
    """No rule of that name, as every command over CIM says it."""
    return Error(f"No MSCluster_AffinityRule objects found with property 'Name' equal to '{name}'.  Verify the value "
                 "of the property and retry.", "CmdletizationQuery_NotFound_Name", "ObjectNotFound",
                 "Microsoft.PowerShell.Cmdletization.Cim.CimJobException", name)


COMMANDS: dict[str, Command] = {
    "Get-Cluster": command("Get-Cluster", get_cluster),
    "Get-ClusterAffinityRule": Command(_get_rules, "Get-ClusterAffinityRule"),
    **{name: command(name, seated(work)) for name, work in {
        "Get-ClusterNode": _get_nodes,
        "Get-ClusterGroup": _get_groups,
        "Get-ClusterResource": _get_resources,
        "Get-ClusterResourceType": _get_types,
        "Get-ClusterOwnerNode": _get_owners,
        "Get-ClusterParameter": _get_parameters,
        "Get-ClusterNetwork": _get_networks,
        "Get-ClusterNetworkInterface": _get_interfaces,
        "Get-ClusterQuorum": _get_quorum,
        "Get-ClusterSharedVolume": _get_volumes,
        "Get-ClusterSharedVolumeState": _get_states,
    }.items()},
}
