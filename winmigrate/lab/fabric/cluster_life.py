"""What a cluster does by itself and what befalls it: failover, drain, failback, lost votes, shared volumes.

Called with the world's lock held. Ours: the seconds below.
"""

from __future__ import annotations

from typing import Any

from winmigrate.errors import LabError
from winmigrate.facts.versions import at_least
from winmigrate.lab.fabric import cluster as cl
from winmigrate.lab.fabric import cluster_moves, failures, troubles
from winmigrate.lab.fabric.cluster import Cluster, Group, Node, SharedVolume
from winmigrate.lab.fabric.cluster_making import reach
from winmigrate.lab.fabric.world import VM, Host, World

#: Seconds until the others know that a node is gone, and from its return to a failback.
DETECTION, FAILBACK = 20.0, 60.0
#: For so long machines of a node that is isolated run on (ResiliencyDefaultPeriod, 2016 and later).
RESILIENCY = 240.0
_BEFORE = "state before the crash"


def watch(world: World) -> None:
    """Lets the clusters hear of hosts that go and come, and of moves that end."""
    def hear(what: str, facts: dict[str, Any]) -> None:
        cluster_moves.heard(world, what, facts)
        if what in ("network-split", "network-joined") and facts["other"]:
            pair = [world.hosts[facts[key]] for key in ("host", "other")]
            cluster = cl.cluster_of(world, pair[0])
            if cluster is not None and cluster is cl.cluster_of(world, pair[1]):
                (parted if what == "network-split" else joined)(world, cluster, pair)
        if what in ("host-down", "host-up"):
            host = world.hosts[facts["host"]]
            cluster = cl.cluster_of(world, host)
            if cluster is not None and what == "host-down":
                node_lost(world, cluster, host)
            elif cluster is not None:
                node_back(world, cluster, host)

    world.watchers.append(hear)


def _account(cluster: Cluster) -> str:
    return f"{cluster.name}$"


# --- nodes that go and come ------------------------------------------------------------------------------------------


def node_lost(world: World, cluster: Cluster, host: Host) -> None:
    """A node is gone: some seconds later its roles start on others, or the rest has no quorum."""
    def known(_at: float) -> None:
        if cl.runs(host) or not cluster.quorate:
            return
        there, every = cluster.votes(world)
        if there * 2 <= every:
            lose_quorum(world, cluster, None)
            cluster.awaits_votes = True
            return
        hand_over(world, cluster, host)

    troubles.later(world, DETECTION, known)


def parted(world: World, cluster: Cluster, pair: list[Host]) -> None:
    """Two nodes do not hear each other: some seconds later the one that came last loses its place.

    From 2016 on it is isolated first: its machines run on, and are handed over when it does not come back in time.
    """
    host = max(pair, key=lambda one: cluster.nodes[one.key].number)
    node = cluster.nodes[host.key]

    def known(_at: float) -> None:
        if not world.apart(pair[0].key, pair[1].key) or cluster.state(world, host.key) == "Down":
            return
        there, every = cluster.votes(world)
        if (there - node.weight) * 2 <= every:
            lose_quorum(world, cluster, None)
            cluster.awaits_votes = True
            return
        node.parted = True
        if at_least(host.version, "2016"):
            node.status.add("Isolated")
            troubles.later(world, RESILIENCY, gone)
        else:
            gone(0.0)

    def gone(_at: float) -> None:
        if node.parted and world.apart(pair[0].key, pair[1].key) and cluster.quorate and host.reachable:
            node.status.discard("Isolated")
            host.services[cl.SERVICE].state = "Stopped"
            hand_over(world, cluster, host)

    troubles.later(world, DETECTION, known)


def joined(world: World, cluster: Cluster, pair: list[Host]) -> None:
    """They hear each other again: who had lost its place has it back."""
    for host in pair:
        node = cluster.nodes[host.key]
        if node.parted:
            node.parted = False
            node.status.discard("Isolated")
            if cluster.quorate:
                host.services[cl.SERVICE].state = "Running"
    if cluster.awaits_votes:
        node_back(world, cluster, pair[0])


def hand_over(world: World, cluster: Cluster, host: Host) -> None:
    """What a lost node owned goes to others; its machines start there anew."""
    up = [key for key in cluster.nodes if cluster.is_up(world, key)]
    for volume in cluster.volumes:
        if volume.space.owner == host.key and up:
            volume.space.owner = up[0]
    for group in cluster.groups:
        if cluster.owner(world, group) != host.key:
            continue
        if group.vm_id is None:
            group.owner = up[0] if up else group.owner
            continue
        fail_over(world, cluster, group, None)


def fail_over(world: World, cluster: Cluster, group: Group, to: str | None) -> None:
    """A machine stops where it is and starts on another node, unplanned: what it did is lost.

    Raises LabError where the group has no machine, or the node is not up.
    """
    found = cluster.home(world, group)
    if found is None:
        raise LabError(f'the group "{group.name}" has no machine')
    source, vm = found
    if to is not None and not cluster.is_up(world, to):
        raise LabError(f"{to} is not up")
    for move in list(world.moves.values()):
        if not move.over and move.vm is vm:
            move.fail(world.clock.monotonic(), failures.connection_reset(vm, source), leave=not source.reachable)
    target = world.hosts[to] if to is not None else cluster_moves.best_node(world, cluster, group, {source.key})
    ran = vm.state in ("Running", "Paused", "Starting") or vm.extra.get(_BEFORE) is not None
    vm.state, vm.memory.assigned = "Off", 0
    if target is None or cluster_moves.cannot_run(cluster, target, vm) is not None:
        group.state = "Failed"
        world.tell("failed-over", cluster=cluster.key, group=group.name, source=source.key, destination="")
        return
    vm.extra.pop(_BEFORE, None)
    cluster_moves.relocate(source, target, vm)
    group.owner, group.state = target.key, ""
    if ran and vm.memory.startup <= target.memory_free():
        cluster_moves.run(world, vm)
    elif ran:
        group.state = "Failed"
    world.tell("failed-over", cluster=cluster.key, group=group.name, source=source.key, destination=target.key)


def node_back(world: World, cluster: Cluster, host: Host) -> None:
    """A node is back: with it there may be votes enough; roles that prefer it come after a while, if they may."""
    if cluster.awaits_votes:
        witness = cluster.witness_weight if cluster.witness is not None else 0
        every = sum(node.weight for node in cluster.nodes.values()) + witness
        there = sum(node.weight for node in cluster.nodes.values() if world.hosts[node.host].reachable) + witness
        if there * 2 > every:
            regain_quorum(world, cluster)

    def back(_at: float) -> None:
        hour = world.clock.now().hour
        for group in cluster.groups:
            if not group.failback or not group.preferred or group.preferred[0] != host.key:
                continue
            first, last = group.window
            within = first == cl.NO_WINDOW or (first <= hour < last if first <= last else hour >= first or hour < last)
            if within and cluster.owner(world, group) != host.key:
                _try(world, cluster, group, host.key, None)

    troubles.later(world, FAILBACK, back)


def _try(world: World, cluster: Cluster, group: Group, to: str | None, kind: str | None) -> Any:
    """Begins a move of the cluster's own; None where it is refused."""
    try:
        return cluster_moves.start(world, cluster, group, to, kind, _account(cluster))
    except failures.MigrationFailure:
        return None


# --- pause and drain -------------------------------------------------------------------------------------------------


def suspend(world: World, cluster: Cluster, node: Node, *, drain: bool, to: str | None = None) -> None:
    """Pauses a node; ``drain`` moves its roles away, to ``to`` or to the best node each."""
    node.state = "Paused"
    if not drain:
        return
    node.drain = "InProgress"
    node.status = node.status - {"DrainCompleted", "DrainFailed"} | {"DrainInProgress"}
    node.took.clear()
    waiting: list[Any] = []
    failed = False
    for group in cluster.groups:
        if cluster.owner(world, group) != node.host:
            continue
        if group.vm_id is None:
            others = [key for key in cluster.nodes if cluster.is_up(world, key)]
            group.owner = to or (others[0] if others else group.owner)
            continue
        node.took.append(group.name)
        operation = _try(world, cluster, group, to, None)
        failed = failed or operation is None
        if operation is not None and not operation.ended:
            waiting.append(operation)

    def over(_at: float) -> None:
        if node.drain == "InProgress" and all(one.ended for one in waiting):
            bad = failed or any(one.failure is not None for one in waiting)
            node.drain = "Failed" if bad else "Completed"
            node.status = node.status - {"DrainInProgress"} | {"DrainFailed" if bad else "DrainCompleted"}
            world.tell("drained", cluster=cluster.key, node=node.host, state=node.drain)

    for operation in waiting:
        operation.then.append(over)
    over(0.0)


def resume(world: World, cluster: Cluster, node: Node, failback: str = "NoFailback") -> None:
    """Ends a pause. ``failback``: NoFailback, Immediate (what the drain took away comes back), Policy."""
    node.state, node.drain = "Up", "NotInitiated"
    node.status -= {"DrainInProgress", "DrainCompleted", "DrainFailed"}
    if failback == "Immediate":
        for name in node.took:
            group = cluster.group(name)
            if group is not None and cluster.owner(world, group) != node.host:
                _try(world, cluster, group, node.host, None)
    elif failback == "Policy":
        node_back(world, cluster, world.hosts[node.host])
    node.took.clear()


# --- votes and volumes -----------------------------------------------------------------------------------------------


def lose_quorum(world: World, cluster: Cluster, lasts: float | None) -> None:
    """The cluster service stops on every node: shared volumes are gone, and what ran on them stops."""
    cluster.quorate = False
    for key in cluster.nodes:
        host = world.hosts[key]
        host.services[cl.SERVICE].state = "Stopped"
        for vm in host.vms.values():
            if vm.clustered:
                _break_moves(world, vm, host)
                if vm.running:
                    vm.extra[_BEFORE], vm.state, vm.memory.assigned = vm.state, "Off", 0
    for volume in cluster.volumes:
        volume.space.files.online = False
    for operation in list(cluster.queue):
        cluster.queue.remove(operation)
        operation.group.queued = False
    world.tell("quorum-lost", cluster=cluster.key)
    if lasts is not None:
        troubles.later(world, lasts, lambda _at: regain_quorum(world, cluster))


def regain_quorum(world: World, cluster: Cluster) -> None:
    """The service runs again on every node that answers; machines that ran start again."""
    cluster.quorate, cluster.awaits_votes = True, False
    for volume in cluster.volumes:
        volume.space.files.online = volume.state == "Online"
    for key in cluster.nodes:
        host = world.hosts[key]
        host.services[cl.SERVICE].state = "Running"
        for vm in host.vms.values() if host.reachable else ():
            if vm.clustered and _BEFORE in vm.extra and cluster_moves.cannot_run(cluster, host, vm) is None:
                cluster_moves.run(world, vm)
    world.tell("quorum-back", cluster=cluster.key)


def _break_moves(world: World, vm: VM, host: Host) -> None:
    for move in list(world.moves.values()):
        if not move.over and move.vm is vm:
            move.fail(world.clock.monotonic(), failures.connection_reset(vm, host), leave=True)


def take_offline(world: World, cluster: Cluster, volume: SharedVolume, lasts: float | None) -> None:
    """A shared volume fails: its files are gone for every node, machines on it stand still and say so."""
    on_it = [(world.hosts[key], vm) for key in cluster.nodes for vm in list(world.hosts[key].vms.values())
             if volume in cluster.volumes_of(vm)]
    for host, vm in on_it:
        _break_moves(world, vm, host)
        if vm.running:
            vm.state = "PausedCritical"
    volume.state, volume.space.files.online = "Failed", False

    def back(_at: float) -> None:
        volume.state, volume.space.files.online = "Online", cluster.quorate
        for _, vm in on_it:
            if vm.state == "PausedCritical":
                vm.state = "Running"

    if lasts is not None:
        troubles.later(world, lasts, back)


def redirect(world: World, cluster: Cluster, volume: SharedVolume, node: str | None, reason: str | None,
             lasts: float | None) -> None:
    """A node (all of them without one) reaches a shared volume over the network only."""
    nodes = [node] if node is not None else list(cluster.nodes)
    before = {key: volume.reasons.get(key) for key in nodes}
    block = reason in ("NoDiskConnectivity", "StorageSpaceNotAttached", "VolumeReplicationEnabled")
    for key in nodes:
        reach(volume, key, "BlockRedirected" if block else "FileSystemRedirected", reason)

    def back(_at: float) -> None:
        for key in nodes:
            state, files, blocks = before[key] or ("Direct", "", "")
            reach(volume, key, state, blocks if state == "BlockRedirected" else files or None)

    if lasts is not None:
        troubles.later(world, lasts, back)


def fill(volume: SharedVolume, leave: int) -> None:
    """Something else fills a shared volume, but for ``leave`` bytes."""
    volume.space.volume.other += max(0, volume.space.free() - leave)
