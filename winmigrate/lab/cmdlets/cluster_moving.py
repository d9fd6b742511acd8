"""Cmdlets that move what a cluster owns: roles, shared volumes, everything off a node.

Move-ClusterVirtualMachineRole and Add-ClusterVirtualMachineRole are refused in a session without CredSSP (Microsoft's
pages); Move-ClusterGroup is not. How they word a refusal is published of Move-ClusterGroup.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winmigrate.lab.cmdlets.cluster_desk import (
    command,
    in_whole_session,
    live_seat,
    not_found,
    not_running,
    refusal,
    refused,
    seated,
)
from winmigrate.lab.cmdlets.cluster_objects import Seat, show
from winmigrate.lab.cmdlets.cluster_reads import groups_of, nodes_of, nothing_named, volumes_of
from winmigrate.lab.cmdlets.cluster_views import show_group, show_node
from winmigrate.lab.cmdlets.desk import Command, Desk
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess, Wait
from winmigrate.lab.fabric import cluster as cl
from winmigrate.lab.fabric import cluster_life, cluster_moves
from winmigrate.lab.fabric.cluster import Cluster, Group, Node
from winmigrate.lab.fabric.cluster_moves import Operation
from winmigrate.lab.fabric.failures import MigrationFailure


def asked_groups(seat: Seat, call: Call) -> list[Group | Error]:
    """The groups that a call names; an error where it names none."""
    behind = live_seat(call.get("InputObject"))
    handed = behind is not None and not isinstance(behind.item, Cluster)
    if not handed and not call.get("Name") and call.get("VMId") is None:
        return [nothing_named(seat, call)]
    return list(groups_of(seat, call))


def node_named(seat: Seat, call: Call, name: str) -> Node | Error:
    """The node of that name; not by wildcards."""
    folded = name.lower()
    for node in seat.cluster.nodes.values():
        host = seat.host(node.host)
        if folded in (host.name.lower(), host.fqdn.lower()):
            return node
    return not_found(seat, call, "node", name)


def moving_failed(seat: Seat, call: Call, group: Group, failure: MigrationFailure) -> Error:
    """A move that was refused, or that ended without success."""
    return refusal(seat.desk, call, f"An error occurred while moving the clustered role '{group.name}'.",
                   failure.message, code=failure.hresult)


@in_whole_session
def move_role(seat: Seat, call: Call) -> Iterator[Effect]:
    """Move-ClusterVirtualMachineRole; gives the group. Without -Wait it stays until the move has ended."""
    for group in asked_groups(seat, call):
        if isinstance(group, Error):
            yield group
        elif group.vm_id is None:
            # The words are not published.
            yield refusal(seat.desk, call, f"The clustered role '{group.name}' is not a virtual machine.", "",
                          category="InvalidArgument")
        elif call.get("Cancel"):
            yield from _cancel(seat, call, group)
        else:
            kind = call.get("MigrationType")
            yield from _move(seat, call, group, str(kind) if kind is not None else None)


def _cancel(seat: Seat, call: Call, group: Group) -> Iterator[Effect]:
    with seat.world.lock:
        done = cluster_moves.cancel(seat.world, seat.cluster, group)
        seat.world.clock.changed()
    if not done:
        # That there must be a move to cancel is plain, the words are not published.
        yield refusal(seat.desk, call, f"The live migration of the clustered role '{group.name}' could not be "
                      "canceled.", "The group or resource is not in the correct state to perform the requested "
                      "operation", code=0x8007139F)
        return
    yield Wait(seat.world.clock.monotonic() + 60.0, lambda: not group.moving and not group.queued)
    yield Output(show_group(seat, group))


def move_group(seat: Seat, call: Call) -> Iterator[Effect]:
    """Move-ClusterGroup: a role goes offline, changes its node, and comes online there; a running machine is saved."""
    for group in asked_groups(seat, call):
        if isinstance(group, Error):
            yield group
        else:
            yield from _move(seat, call, group, "Quick")


def _move(seat: Seat, call: Call, group: Group, kind: str | None) -> Iterator[Effect]:
    key: str | None = None
    if call.get("Node"):
        node = node_named(seat, call, str(call.bound["Node"]))
        if isinstance(node, Error):
            yield node
            return
        key = node.host
    with seat.world.lock:
        operation = _begin(seat, call, group, key, kind)
        seat.world.clock.changed()
    if isinstance(operation, MigrationFailure):
        yield moving_failed(seat, call, group, operation)
        return
    yield from _until(seat, call, operation)
    if operation.failure is not None:
        yield moving_failed(seat, call, group, operation.failure)
    else:
        yield Output(show_group(seat, group))


def _begin(seat: Seat, call: Call, group: Group, key: str | None, kind: str | None) -> Operation | MigrationFailure:
    try:
        return cluster_moves.start(seat.world, seat.cluster, group, key, kind, call.context.user,
                                   ignore_locked=bool(call.get("IgnoreLocked")))
    except MigrationFailure as failure:
        return failure


def _until(seat: Seat, call: Call, operation: Operation) -> Iterator[Effect]:
    """Lets pass what -Wait says: seconds, or all that it takes."""
    wait = call.get("Wait")
    if wait is not None and int(wait) == 0:
        return
    deadline = seat.world.clock.monotonic() + int(wait) if wait is not None and int(wait) > 0 else None
    yield Wait(deadline, lambda: operation.ended, interruptible=True)


# --- nodes -----------------------------------------------------------------------------------------------------------


def suspend_node(seat: Seat, call: Call) -> Iterator[Effect]:
    """Suspend-ClusterNode: pauses nodes (this one without a name), with -Drain moves their roles away."""
    target: str | None = None
    if call.get("TargetNode"):
        chosen = node_named(seat, call, str(call.bound["TargetNode"]))
        if isinstance(chosen, Error):
            yield chosen
            return
        target = chosen.host
    for node in _these(seat, call):
        if isinstance(node, Error):
            yield node
            continue
        if not (yield ShouldProcess(seat.host(node.host).name, call.command)):
            continue
        with seat.world.lock:
            cluster_life.suspend(seat.world, seat.cluster, node, drain=bool(call.get("Drain")), to=target)
            seat.world.clock.changed()
        if call.get("Wait"):
            yield Wait(None, _settled(node), interruptible=True)
        yield Output(show_node(seat, node.host))


def _settled(node: Node) -> Any:
    return lambda: node.drain != "InProgress"


def _these(seat: Seat, call: Call) -> Iterator[Node | Error]:
    behind = live_seat(call.get("InputObject"))
    if call.get("Name") or (behind is not None and isinstance(behind.item, Node)):
        yield from nodes_of(seat, call)
    else:
        yield seat.cluster.nodes[seat.desk.host.key] if seat.desk.host.key in seat.cluster.nodes else nothing_named(
            seat, call)


def resume_node(seat: Seat, call: Call) -> Iterator[Effect]:
    """Resume-ClusterNode: ends a pause; -Failback Immediate fetches back what the drain moved away."""
    for node in _these(seat, call):
        if isinstance(node, Error):
            yield node
            continue
        if node.state != "Paused":
            # The sentence is Windows' own for that code; what stands before it is not published.
            yield refusal(seat.desk, call, f"An error occurred resuming node '{seat.host(node.host).name}'.",
                          "The cluster node is not paused", code=0x800713B2)
            continue
        with seat.world.lock:
            cluster_life.resume(seat.world, seat.cluster, node, str(call.get("Failback") or "NoFailback"))
            seat.world.clock.changed()
        yield Output(show_node(seat, node.host))


@in_whole_session
def stop_node(seat: Seat, call: Call) -> Iterator[Effect]:
    """Stop-ClusterNode: ends the cluster service of nodes; their roles go to others. Not where votes would be missing.
    """
    for node in _these(seat, call):
        if isinstance(node, Error):
            yield node
            continue
        host = seat.host(node.host)
        if not (yield ShouldProcess(host.name, call.command)):
            continue
        there, every = seat.cluster.votes(seat.world)
        if (there - node.weight) * 2 <= every:
            # That it is not permitted is documented, the words are not published.
            yield refusal(seat.desk, call, f"An error occurred stopping node '{host.name}'.",
                          "The cluster does not have quorum without this node")
            continue
        with seat.world.lock:
            host.services[cl.SERVICE].state = "Stopped"
            cluster_life.hand_over(seat.world, seat.cluster, host)
            seat.world.clock.changed()
        yield Output(show_node(seat, node.host))


def start_node(desk: Desk, call: Call) -> Iterator[Effect]:
    """Start-ClusterNode: starts the cluster service of nodes; -ClearQuarantine lets a quarantined one back in."""
    cluster = cl.cluster_of(desk.world, desk.host)
    if cluster is None:
        yield from refused(not_running(desk, call), call)
        return
    yield from _start(Seat(desk, cluster, cluster), call)


@in_whole_session
def _start(seat: Seat, call: Call) -> Iterator[Effect]:
    for node in _these(seat, call):
        if isinstance(node, Error):
            yield node
            continue
        with seat.world.lock:
            seat.host(node.host).services[cl.SERVICE].state = "Running"
            node.state = "Up" if node.state == "Down" else node.state
            if call.get("ClearQuarantine"):
                node.status.discard("Quarantined")
            seat.world.clock.changed()
        yield Output(show_node(seat, node.host))


def move_volume(seat: Seat, call: Call) -> Iterator[Effect]:
    """Move-ClusterSharedVolume: another node coordinates it."""
    behind = live_seat(call.get("InputObject"))
    if not call.get("Name") and (behind is None or isinstance(behind.item, Cluster)):
        yield nothing_named(seat, call)
        return
    for volume in volumes_of(seat, call):
        if isinstance(volume, Error):
            yield volume
            continue
        up = [key for key in seat.cluster.nodes if seat.cluster.is_up(seat.world, key) and key != volume.space.owner]
        key = up[0] if up else volume.space.owner
        if call.get("Node"):
            node = node_named(seat, call, str(call.bound["Node"]))
            if isinstance(node, Error):
                yield node
                continue
            key = node.host
        if not seat.cluster.is_up(seat.world, key):
            yield refusal(seat.desk, call, f"An error occurred while moving the shared volume '{volume.name}'.",
                          "A cluster node is not available for this operation", code=cluster_moves.NODE_DOWN)
            continue
        with seat.world.lock:
            volume.space.owner = key
        yield Output(show("ClusterSharedVolume", seat.of(volume)))


COMMANDS: dict[str, Command] = {name: command(name, seated(work)) for name, work in {
    "Move-ClusterVirtualMachineRole": move_role,
    "Move-ClusterGroup": move_group,
    "Suspend-ClusterNode": suspend_node,
    "Resume-ClusterNode": resume_node,
    "Move-ClusterSharedVolume": move_volume,
    "Stop-ClusterNode": stop_node,
}.items()} | {"Start-ClusterNode": command("Start-ClusterNode", start_node)}
