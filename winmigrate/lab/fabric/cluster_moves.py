"""Roles on their way between nodes: live, by a saved state, or by turning the machine off; queued where a node is busy.

The cluster service moves a machine in its own name, so no delegation and no credentials are asked for, and its networks
carry it, not those of Get-VMMigrationNetwork. Ours: how long saving and starting take, and that a node which is full
lets the first in the queue go as soon as a move has ended. Everything here is called with the world's lock held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from winmigrate.lab.fabric import cluster as cl
from winmigrate.lab.fabric import failures, landing
from winmigrate.lab.fabric.cluster import Cluster, Group
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.identity import Logon
from winmigrate.lab.fabric.layout import MoveSettings
from winmigrate.lab.fabric.moves import Move
from winmigrate.lab.fabric.world import MIB, VM, Host, Job, World

HIGH_AVAILABILITY = "Microsoft-Windows-Hyper-V-High-Availability-Admin"
#: Seconds: a machine that does not run changes its node, starts, or shuts down.
REGISTER, START, SHUTDOWN = 1.0, 3.0, 30.0
#: Bytes a second at which memory is saved to disk and read again.
SAVE_RATE = 500 * MIB

NOT_POSSIBLE = 0x80071398
NO_NETWORK = 0x800713AB
NODE_PAUSED = 0x80070046
NODE_DOWN = 0x8007138D
MOVING = 0x80071714
LOCKED = 0x80071748


def _no(slug: str, message: str, code: int) -> MigrationFailure:
    return MigrationFailure(message, hresult=code, slug=slug)


def not_possible() -> MigrationFailure:
    return _no("not-possible-owner", "The operation failed because either the specified cluster node is not the owner "
               "of the group, or the node is not a possible owner of the group", NOT_POSSIBLE)


def no_network(destination: Host) -> MigrationFailure:
    return _no("no-cluster-network", f'Failed to get the network address for the destination node "{destination.name}":'
               " A cluster network is not available for this operation. (0x000013AB).", NO_NETWORK)


@dataclass(slots=True, eq=False)
class Operation:
    """A role that is to change its node. ``state``: queued, moving, ended; ``failure`` is None after success.

    ``then`` is called once at the end.
    """

    cluster: Cluster
    group: Group
    kind: str
    source: Host
    destination: Host
    user: str
    state: str = "queued"
    failure: MigrationFailure | None = None
    move: Move | None = None
    then: list[Callable[[float], None]] = field(default_factory=list)
    given_up: bool = False

    @property
    def ended(self) -> bool:
        return self.state == "ended"


class ClusterMove(Move):
    """A live migration that the cluster service has started."""

    def __init__(self, operation: Operation, world: World, job: Job, vm: VM) -> None:
        super().__init__(world, job, vm, operation.source, operation.destination, MoveSettings(), Logon(job.owner))
        self.operation = operation

    def no_slot(self) -> MigrationFailure | None:
        return None  # its turn has come

    def not_admitted(self) -> MigrationFailure | None:
        operation = self.operation
        if usable_networks(operation.cluster, operation.source, operation.destination):
            return None
        return no_network(operation.destination)


def usable_networks(cluster: Cluster, source: Host, destination: Host) -> list[cl.Network]:
    """The networks that live migration may take between two nodes, the first choice first."""
    fit = [one for one in cluster.networks if one.state == "Up" and one.role != "None" and not one.excluded
           and not one.down & {source.key, destination.key}]
    return sorted(fit, key=lambda one: (one.order is None, one.order or 0, one.metric))


def best_node(world: World, cluster: Cluster, group: Group, without: set[str]) -> Host | None:
    """Where a role goes that is told no node: a preferred one that is up, else the one with the most free memory."""
    fit = [key for key in cluster.possible(group) if key not in without and cluster.is_up(world, key)]
    first = next((key for key in group.preferred if key in fit), None)
    if first is None and fit:
        first = max(fit, key=lambda key: world.hosts[key].memory_free())
    return world.hosts[first] if first is not None else None


# --- beginning -------------------------------------------------------------------------------------------------------


def start(world: World, cluster: Cluster, group: Group, node: str | None, kind: str | None, user: str, *,
          ignore_locked: bool = False) -> Operation:
    """Begins to move a role to a node (key), or to the best one. ``kind``: Live, Quick, TurnOff, Shutdown,
    ShutdownForce; None: as the machine's state allows it, Live if it runs.

    The operation may be queued, and ended already. Raises MigrationFailure where the cluster refuses it at once.
    """
    found = cluster.home(world, group)
    source = found[0] if found is not None else world.hosts[group.owner]
    if group.moving or group.queued:
        raise _no("moving", "The group is unable to accept the request since it is moving to another node", MOVING)
    if group.locked and not ignore_locked:
        # That a locked group is refused is documented (-IgnoreLocked), the words are not.
        raise _no("locked", "The group is locked and cannot be moved", LOCKED)
    target = _target(world, cluster, group, source, node)
    running = found is not None and found[1].state in ("Running", "Paused")
    chosen = kind if running and kind is not None else "Live" if running else "Quick"
    operation = Operation(cluster, group, chosen, source, target, user)
    if target is source:
        operation.state = "ended"
        return operation
    if chosen == "Live" and not usable_networks(cluster, source, target):
        raise no_network(target)
    if found is None:
        group.owner = target.key
        operation.state = "ended"
        return operation
    if chosen == "Live" and not _free(world, cluster, operation):
        cluster.queue.append(operation)
        group.queued = True
        world.tell("cluster-queued", cluster=cluster.key, group=group.name, source=source.key, destination=target.key)
    else:
        _begin(world, operation, found[1])
    return operation


def _target(world: World, cluster: Cluster, group: Group, source: Host, node: str | None) -> Host:
    if node is None:
        best = best_node(world, cluster, group, {source.key})
        if best is None:
            raise _no("no-node", "A cluster node is not available for this operation", NODE_DOWN)
        return best
    state = cluster.state(world, node)
    if state in ("Down", "Joining"):
        raise _no("node-down", "A cluster node is not available for this operation", NODE_DOWN)
    if state == "Paused" and node != source.key:
        raise _no("node-paused", "The remote server has been paused or is in the process of being started",
                  NODE_PAUSED)
    if node not in cluster.possible(group):
        raise not_possible()
    return world.hosts[node]


def _free(world: World, cluster: Cluster, operation: Operation) -> bool:
    """Has each of the two nodes a move to spare?"""
    going = [move for move in world.moves.values() if not move.over]
    return all(sum(host in (move.source, move.destination) for move in going) < cl.limit_of(cluster, host)
               for host in (operation.source, operation.destination))


def _begin(world: World, operation: Operation, vm: VM) -> None:
    group = operation.group
    group.queued, group.moving = False, True
    operation.state = "moving"
    if operation.kind != "Live":
        _Offline(world, operation, vm).begin()
        return
    at = world.clock.monotonic()
    job = Job(id=str(world.new_id()).upper(), vm_id=vm.id, vm_name=vm.name, type=305, migration_type=32768,
              source=operation.source.name, destination=operation.destination.name, started=world.clock.date(at),
              started_at=at, owner=operation.user, caption="Moving virtual machine")
    operation.source.jobs.append(job)
    move = ClusterMove(operation, world, job, vm)
    operation.move = move
    world.moves[job.id] = move
    world.tell("move-started", job=job.id, vm=job.guid, name=vm.name, source=operation.source.key,
               destination=operation.destination.key, user=operation.user)
    landing.log_start(move, at)
    move.begin(at)


def finish(world: World, operation: Operation, failure: MigrationFailure | None) -> None:
    """An operation has ended; what waits may go on."""
    if operation.ended:
        return
    group = operation.group
    operation.state, operation.failure = "ended", failure
    group.moving = False
    operation.cluster.owner(world, group)
    at = world.clock.monotonic()
    if failure is not None:
        note_failure(world, operation, failure, at)
    world.tell("cluster-moved", cluster=operation.cluster.key, group=group.name, owner=group.owner,
               error=failure.slug if failure is not None else "")
    for act in operation.then:
        act(at)
    world.clock.changed()


def note_failure(world: World, operation: Operation, failure: MigrationFailure, at: float) -> None:
    """Event 21502 of the node that had the role."""
    found = operation.cluster.home(world, operation.group)
    name = f"Virtual Machine {found[1].name if found is not None else operation.group.name}"
    landing.note(operation.source, world.clock.date(at), 21502, 2,
                 f"Live migration of '{name}' failed.\n\n{failure.message}", [name, failure.message],
                 log=HIGH_AVAILABILITY, provider=HIGH_AVAILABILITY.removesuffix("-Admin"))


def heard(world: World, what: str, facts: dict[str, Any]) -> None:
    """A move of the world has ended: perhaps an operation's own, perhaps one that others waited for."""
    if what != "move-ended":
        return
    move = world.moves.get(facts["job"])
    if isinstance(move, ClusterMove):
        finish(world, move.operation, move.job.failure if not move.landed else None)
    for cluster in world.clusters.values():
        pump(world, cluster)


def pump(world: World, cluster: Cluster) -> None:
    """Lets those in the queue go whose turn has come, in order."""
    for operation in list(cluster.queue):
        found = cluster.home(world, operation.group)
        if found is None or found[0] is not operation.source or cluster.state(world, operation.destination.key) != "Up":
            cluster.queue.remove(operation)
            operation.group.queued = False
            finish(world, operation, _no("node-down", "A cluster node is not available for this operation", NODE_DOWN))
        elif _free(world, cluster, operation):
            cluster.queue.remove(operation)
            _begin(world, operation, found[1])


def cancel(world: World, cluster: Cluster, group: Group) -> bool:
    """Takes a role out of the queue, or asks its live migration to end. False where there is nothing to cancel."""
    for operation in list(cluster.queue):
        if operation.group is group:
            cluster.queue.remove(operation)
            group.queued = False
            found = cluster.home(world, group)
            if found is not None:
                finish(world, operation, failures.cancelled(found[1], operation.source))
            return True
    if group.queued:  # the file says so
        group.queued = False
        return True
    for move in world.moves.values():
        if isinstance(move, ClusterMove) and move.operation.group is group and not move.over and move.job.cancellable:
            move.cancel(world.clock.monotonic())
            return True
    return False


# --- without live migration ------------------------------------------------------------------------------------------


class _Offline:
    """A machine that is saved, turned off or shut down, changes its node, and runs again there if it ran."""

    def __init__(self, world: World, operation: Operation, vm: VM) -> None:
        self.world, self.operation, self.vm = world, operation, vm
        self.ran = vm.state in ("Running", "Paused")

    def begin(self) -> None:
        vm, kind = self.vm, self.operation.kind
        if not self.ran:
            self._later(REGISTER, self._register)
        elif kind == "Quick":
            vm.state = "Saving"
            self._later(self._memory_seconds(), self._register)
        elif kind == "TurnOff":
            vm.state, vm.memory.assigned = "Off", 0
            self._later(REGISTER, self._register)
        else:
            vm.state = "Stopping"
            self._later(SHUTDOWN if kind == "Shutdown" else SHUTDOWN / 2, self._register)

    def _memory_seconds(self) -> float:
        return REGISTER + max(self.vm.memory.assigned, self.vm.memory.startup) / SAVE_RATE

    def _later(self, seconds: float, step: Callable[[], None]) -> None:
        def run(_at: float) -> None:
            with self.world.lock:
                if not self.operation.ended:
                    step()
                self.world.clock.changed()

        self.world.clock.at(self.world.clock.monotonic() + seconds, run)

    def _register(self) -> None:
        operation, vm = self.operation, self.vm
        source, destination = operation.source, operation.destination
        if vm.id not in source.vms or source.vms[vm.id] is not vm:
            finish(self.world, operation, failures.connection_reset(vm, source))
            return
        quick = operation.kind == "Quick" and self.ran
        if self.ran:
            vm.state, vm.memory.assigned = ("Saved" if quick else "Off"), 0
        reason = cannot_run(operation.cluster, destination, vm)
        if operation.cluster.state(self.world, destination.key) != "Up" or reason is not None:
            self._again(source, reason or _no("node-down", "A cluster node is not available for this operation",
                                              NODE_DOWN))
            return
        relocate(source, destination, vm)
        if self.ran:
            vm.state = "Starting"
            self._later(START if not quick else self._memory_seconds(), self._run)
        else:
            finish(self.world, operation, None)

    def _run(self) -> None:
        vm, destination = self.vm, self.operation.destination
        if vm.memory.startup > destination.memory_free():
            vm.state = "Off"
            self.operation.group.state = "Failed"
            finish(self.world, self.operation, failures.memory_missing(vm, destination))
            return
        run(self.world, vm)
        finish(self.world, self.operation, None)

    def _again(self, source: Host, reason: MigrationFailure) -> None:
        """Back to what it was, on its own node."""
        if self.ran and source.reachable:
            run(self.world, self.vm)
        finish(self.world, self.operation, reason)


def cannot_run(cluster: Cluster, host: Host, vm: VM) -> MigrationFailure | None:
    """Why a node cannot have the machine: it does not see its files."""
    for disk in vm.disks:
        if disk.path is not None and not disk.path.startswith("\\\\") and disk.path not in host.files:
            cause = f"Failed to open attachment '{disk.path}'. Error: 'The system cannot find the file specified.' " \
                    "(0x80070002)."
            return failures.incompatible(vm, host, cause, message_id=failures.STORAGE, slug="disk-missing")
    return None


def relocate(source: Host, destination: Host, vm: VM) -> None:
    """Registers a machine that does not run on another node."""
    source.vms.pop(vm.id, None)
    for adapter in vm.adapters:
        switch = destination.switch(adapter.switch_name) if adapter.switch_name is not None else None
        adapter.switch_id = switch.id if switch is not None else None
    destination.vms[vm.id] = vm


def run(world: World, vm: VM) -> None:
    """The machine runs from now on."""
    vm.state, vm.started_at = "Running", world.clock.monotonic()
    vm.memory.assigned = vm.memory.startup
    vm.extra.pop("state before the crash", None)
