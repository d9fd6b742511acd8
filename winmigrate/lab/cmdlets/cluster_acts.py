"""Cmdlets that change what a cluster holds: roles added and removed, started and stopped, owners, parameters, rules."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from winmigrate.lab.cmdlets.cluster_desk import (
    command,
    in_whole_session,
    live_seat,
    not_running,
    refusal,
    seated,
)
from winmigrate.lab.cmdlets.cluster_moving import asked_groups, node_named
from winmigrate.lab.cmdlets.cluster_objects import Seat
from winmigrate.lab.cmdlets.cluster_reads import groups_of, no_rule, nothing_named, resources_of, rules_of, show_rule
from winmigrate.lab.cmdlets.cluster_views import show_group
from winmigrate.lab.cmdlets.desk import Command, Desk, Work, each
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess, Wait
from winmigrate.lab.fabric import cluster as cl
from winmigrate.lab.fabric import cluster_moves
from winmigrate.lab.fabric.cluster import AffinityRule, Cluster, Group, Resource
from winmigrate.lab.fabric.world import VM, Host

#: ERROR_DIR_NOT_EMPTY, which the API documents for a group that still has resources.
NOT_EMPTY = 0x80070091
#: ERROR_CORE_RESOURCE.
CORE_RESOURCE = 0x800713BA


# --- roles -----------------------------------------------------------------------------------------------------------


@in_whole_session
def add_machine_role(seat: Seat, call: Call) -> Iterator[Effect]:
    """Add-ClusterVirtualMachineRole: makes a machine of any node a role; gives its group."""
    wanted = str(call.get("VMId") or call.get("VMName") or call.get("VirtualMachine") or "")
    with seat.world.lock:
        made = _add_role(seat, call, wanted)
    yield made if isinstance(made, Error) else Output(show_group(seat, made))


def _add_role(seat: Seat, call: Call, wanted: str) -> Group | Error:
    host, vm = next(_machines(seat, wanted), (None, None))
    if host is None or vm is None:
        # That it must be on a node is documented, the words are not published.
        return refusal(seat.desk, call, f"The virtual machine '{wanted}' was not found on any node of the cluster.", "",
                       category="ObjectNotFound")
    if seat.cluster.group_of(vm.id) is not None:
        # Nor are these.
        return refusal(seat.desk, call, f"The virtual machine '{vm.name}' is already configured for high "
                       "availability.", "", category="ResourceExists")
    name = str(call.get("Name") or vm.name)
    if seat.cluster.group(name) is not None:
        return _exists(seat, call, name)
    return cl.add_role(seat.world, seat.cluster, host, vm, name)


def _machines(seat: Seat, wanted: str) -> Iterator[tuple[Host, VM]]:
    folded = wanted.lower()
    for key in seat.cluster.nodes:
        host = seat.host(key)
        for vm in host.vms.values():
            if folded in (vm.name.lower(), str(vm.id)) and host.reachable:
                yield host, vm


def _exists(seat: Seat, call: Call, name: str) -> Error:
    return refusal(seat.desk, call, f"An error occurred creating cluster group '{name}'.",
                   "The object already exists", category="ResourceExists", code=0x80071392)


def add_group(seat: Seat, call: Call) -> Iterator[Effect]:
    """Add-ClusterGroup: empty groups, offline."""
    kind = call.get("GroupType")
    for given in each(call.bound["Name"]):
        name = str(given)
        group = Group(uuid.uuid5(seat.cluster.id, f"group/{name}/{seat.world.new_id()}"), name,
                      str(kind) if kind is not None else "Unknown", seat.desk.host.key, state="Offline")
        with seat.world.lock:
            taken = seat.cluster.group(name) is not None
            if not taken:
                seat.cluster.groups.append(group)
        yield _exists(seat, call, name) if taken else Output(show_group(seat, group))


def remove_group(seat: Seat, call: Call) -> Iterator[Effect]:
    """Remove-ClusterGroup: asks first unless -Force; a group with resources goes with -RemoveResources only.

    A machine whose role is removed runs on, and is clustered no more.
    """
    for group in asked_groups(seat, call):
        if isinstance(group, Error):
            yield group
            continue
        if not call.get("Force") and not (yield ShouldProcess(group.name, call.command, "High")):
            continue
        with seat.world.lock:
            why = _stays(seat, call, group)
            if why is None:
                cl.remove_role(seat.world, seat.cluster, group)
        if why is not None:
            yield refusal(seat.desk, call, f"An error occurred while removing the clustered role '{group.name}'.",
                          why[0], code=why[1])


def _stays(seat: Seat, call: Call, group: Group) -> tuple[str, int] | None:
    """What Windows says of a group that cannot be removed, and its code."""
    if group.core:
        return "The cluster resource is a core resource", CORE_RESOURCE
    if group.moving or group.queued:
        return ("The group is unable to accept the request since it is moving to another node", cluster_moves.MOVING)
    if seat.cluster.resources_of(group) and not call.get("RemoveResources"):
        return "The directory is not empty", NOT_EMPTY
    return None


def remove_resource(seat: Seat, call: Call) -> Iterator[Effect]:
    """Remove-ClusterResource; that of a machine leaves the machine unclustered, in an empty group."""
    behind = live_seat(call.get("InputObject"))
    if not call.get("Name") and (behind is None or isinstance(behind.item, Cluster)):
        yield nothing_named(seat, call)
        return
    for resource in list(resources_of(seat, call)):
        if isinstance(resource, Error):
            yield resource
            continue
        if not call.get("Force") and not (yield ShouldProcess(resource.name, call.command, "High")):
            continue
        with seat.world.lock:
            group = seat.cluster.group(resource.group)
            core = group is not None and group.core
            if group is not None and not core:
                _drop(seat, resource, group)
        if core:
            yield refusal(seat.desk, call, f"An error occurred while removing the resource '{resource.name}'.",
                          "The cluster resource is a core resource", code=CORE_RESOURCE)


def _drop(seat: Seat, resource: Resource, group: Group) -> None:
    seat.cluster.resources.remove(resource)
    if resource.type == "Virtual Machine":
        home = seat.cluster.home(seat.world, group)
        if home is not None:
            home[1].clustered = False
        group.vm_id, group.state = None, "Offline"


def start_group(seat: Seat, call: Call) -> Iterator[Effect]:
    """Start-ClusterGroup: its machine runs; a saved one goes on where it was."""
    for group in asked_groups(seat, call):
        if isinstance(group, Error):
            yield group
            continue
        home = seat.cluster.home(seat.world, group)
        outer = f"An error occurred while bringing the clustered role '{group.name}' online."
        if home is not None and home[1].state in ("Off", "Saved"):
            host, vm = home
            if vm.memory.startup > host.memory_free():
                # ERROR_NO_SYSTEM_RESOURCES and its sentence.
                yield refusal(seat.desk, call, outer, "Insufficient system resources exist to complete the requested "
                              "service", code=0x800705AA)
                continue
            vm.state = "Starting"
            yield Wait(seat.world.clock.monotonic() + cluster_moves.START)
            with seat.world.lock:
                if vm.state == "Starting":
                    cluster_moves.run(seat.world, vm)
        with seat.world.lock:
            group.state, group.persistent = "", True
        yield Output(show_group(seat, group))


def stop_group(seat: Seat, call: Call) -> Iterator[Effect]:
    """Stop-ClusterGroup: its machine is saved, which is what a machine's resource does where it is not told else."""
    for group in asked_groups(seat, call):
        if isinstance(group, Error):
            yield group
            continue
        home = seat.cluster.home(seat.world, group)
        if home is not None and home[1].running:
            vm = home[1]
            vm.state = "Saving"
            yield Wait(seat.world.clock.monotonic() + vm.memory.assigned / cluster_moves.SAVE_RATE)
            with seat.world.lock:
                if vm.state == "Saving":
                    vm.state, vm.memory.assigned = "Saved", 0
        with seat.world.lock:
            group.persistent = False
            if home is None:
                group.state = "Offline"
        yield Output(show_group(seat, group))


# --- owners and parameters -------------------------------------------------------------------------------------------


def set_owners(seat: Seat, call: Call) -> Iterator[Effect]:
    """Set-ClusterOwnerNode: a group's preferred owners in order, or a resource's possible ones."""
    owners: list[str] = []
    for name in each(call.bound["Owners"]):
        node = node_named(seat, call, str(name))
        if isinstance(node, Error):
            yield node
            return
        owners.append(node.host)
    behind = live_seat(call.get("InputObject"))
    items: Iterable[Any] = [behind.item] if behind is not None else []
    for parameter, finder in (("Group", groups_of), ("Resource", resources_of)):
        if call.get(parameter):
            own = Call(call.command, call.parameter_set, {"Name": call.bound[parameter]}, call.context)
            items = list(finder(seat, own))
    done = False
    for item in items:
        done = True
        if isinstance(item, Error):
            yield item
        elif isinstance(item, Group):
            with seat.world.lock:
                item.preferred = owners
        elif isinstance(item, Resource):
            with seat.world.lock:
                item.possible = None if set(owners) == set(seat.cluster.nodes) else owners
        else:
            done = False
    if not done:
        yield nothing_named(seat, call)


def set_parameter(seat: Seat, call: Call) -> Iterator[Effect]:
    """Set-ClusterParameter of a resource, of the cluster, or of the resource type Virtual Machine (networks)."""
    behind = live_seat(call.get("InputObject"))
    item = behind.item if behind is not None else None
    if not isinstance(item, str | Resource | Cluster):
        yield nothing_named(seat, call)
        return
    given = call.get("Multiple")
    pairs = {str(key): value for key, value in given.items()} if isinstance(given, Mapping) else {
        str(call.get("Name")): call.get("Value")}
    with seat.world.lock:
        problems = [_set_one(seat.cluster, item, name, value, bool(call.get("Delete")))
                    for name, value in pairs.items()]
    for problem in problems:
        if problem:
            yield refusal(seat.desk, call, problem, "", category="InvalidArgument")


def _set_one(cluster: Cluster, item: str | Resource | Cluster, name: str, value: Any, delete: bool) -> str:
    """What is wrong with it; "" where it has been set."""
    plain = value.value if isinstance(value, net.Noted) else value
    if isinstance(item, str):
        return _set_networks(cluster, name, str(plain if plain is not None else ""))
    if delete:
        item.parameters.pop(name, None)
    else:
        item.parameters[name] = plain
    return ""


def _set_networks(cluster: Cluster, name: str, text: str) -> str:
    """What is wrong with it; "" where it has been set."""
    ids = [one.strip().lower() for one in text.split(";") if one.strip()]
    folded = name.lower()
    if folded not in ("migrationexcludenetworks", "migrationnetworkorder"):
        return f"Unable to find parameter '{name}'."
    for network in cluster.networks:
        if folded == "migrationexcludenetworks":
            network.excluded = str(network.id) in ids
        else:
            network.order = ids.index(str(network.id)) + 1 if str(network.id) in ids else None
    return ""


# --- affinity rules --------------------------------------------------------------------------------------------------


def _over_cim(work: Any) -> Work:
    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        cluster = cl.cluster_of(desk.world, desk.host)
        if cluster is None or not cluster.quorate or not cl.runs(desk.host):
            yield not_running(desk, call)
        else:
            yield from work(desk, cluster, call)

    return act


def _new_rule(desk: Desk, cluster: Cluster, call: Call) -> Iterator[Effect]:
    rule = AffinityRule(str(call.bound["Name"]), str(call.get("RuleType") or "DifferentNode"), enabled=False)
    with desk.world.lock:
        cluster.rules.append(rule)
    yield Output(show_rule(desk, rule))


def _change_rules(change: Any) -> Any:
    def act(desk: Desk, cluster: Cluster, call: Call) -> Iterator[Effect]:
        for rule in list(rules_of(cluster, call)):
            if isinstance(rule, str):
                yield no_rule(rule)
                continue
            with desk.world.lock:
                change(cluster, rule, call)
            if call.get("PassThru"):
                yield Output(show_rule(desk, rule))

    return act


def _fill_rule(cluster: Cluster, rule: AffinityRule, call: Call) -> None:
    rule.groups += [str(one) for one in each(call.bound["Groups"]) if str(one) not in rule.groups]


def _set_rule(cluster: Cluster, rule: AffinityRule, call: Call) -> None:
    if call.get("Enabled") is not None:
        rule.enabled = bool(int(call.bound["Enabled"]))
    if call.get("RuleType") is not None:
        rule.type = str(call.bound["RuleType"])


def _drop_rule(cluster: Cluster, rule: AffinityRule, call: Call) -> None:
    cluster.rules.remove(rule)


COMMANDS: dict[str, Command] = {
    **{name: command(name, seated(work)) for name, work in {
        "Add-ClusterVirtualMachineRole": add_machine_role,
        "Add-ClusterGroup": add_group,
        "Remove-ClusterGroup": remove_group,
        "Remove-ClusterResource": remove_resource,
        "Start-ClusterGroup": start_group,
        "Stop-ClusterGroup": stop_group,
        "Set-ClusterOwnerNode": set_owners,
        "Set-ClusterParameter": set_parameter,
    }.items()},
    **{name: Command(_over_cim(work), name) for name, work in {
        "New-ClusterAffinityRule": _new_rule,
        "Add-ClusterGroupToAffinityRule": _change_rules(_fill_rule),
        "Set-ClusterAffinityRule": _change_rules(_set_rule),
        "Remove-ClusterAffinityRule": _change_rules(_drop_rule),
    }.items()},
}
