"""Which cluster a call of the FailoverClusters module means, whether the session may go there, and its refusals.

From posts of running systems: the sentence of a service that does not run, that of a name that leads nowhere, the
warning to who works remotely, and the form of the ids. A message is an outer sentence and, on a line of its own four
blanks further in, what Windows says of the code. Where the words or ids of a refusal are not published a comment says
so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, TypeVar

from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets.cluster_objects import NAMESPACE, Seat
from winmigrate.lab.cmdlets.desk import Command, Desk, Work, each, named, wildcard
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Text
from winmigrate.lab.fabric import cluster as cl
from winmigrate.lab.fabric.identity import acting, is_administrator, passes_on
from winmigrate.lab.fabric.world import Host

T = TypeVar("T")

REMOTELY = (
    "If you are running Windows PowerShell remotely, note that some failover clustering cmdlets do not work remotely. "
    "When possible, run the cmdlet locally and specify a remote computer as the target. To run the cmdlet remotely, "
    "try using the Credential Security Service Provider (CredSSP). All additional errors or warnings from this cmdlet "
    "might be caused by running it remotely.")

#: Cmdlets whose class is not called as they are; of Get-ClusterResource it is published, the others are by its analogy.
CLASSES = {"Get-ClusterResource": "GetResource", "Get-ClusterNode": "GetNode", "Get-ClusterGroup": "GetGroup",
           "Get-ClusterNetwork": "GetNetwork"}


def command(name: str, work: Work) -> Command:
    """A cmdlet of the module."""
    own = CLASSES.get(name)
    return Command(work, f"{NAMESPACE}{own}Command" if own is not None else "")


def refusal(desk: Desk, call: Call, outer: str, inner: str, *, error_id: str = "", category: str = "NotSpecified",
            code: int | None = None) -> Error:
    """An error of the module. Without an id it is the cmdlet's name, which 2012's module gives whatever happened."""
    old = not at_least(desk.host.version, "2012R2")
    return Error(f"{outer}\r\n    {inner}" if inner else outer, call.command if old or not error_id else error_id,
                 "NotSpecified" if old else category, f"{NAMESPACE}ClusterCmdletException", None, code,
                 inner=("System.ComponentModel.Win32Exception", inner) if inner else None)


def not_running(desk: Desk, call: Call) -> Error:
    """The cluster service does not run there, or the host is in no cluster."""
    return refusal(desk, call, "The cluster service is not running.  Make sure that the service is running on all "
                   "nodes in the cluster.", "There are no more endpoints available from the endpoint mapper",
                   error_id="ClusterEndpointNotRegistered", category="ConnectionError")


def unknown_cluster(desk: Desk, call: Call) -> Error:
    """A name that leads nowhere, or to hosts that do not answer."""
    return refusal(desk, call, "Check the spelling of the cluster name. Otherwise, there might be a problem with your "
                   "network. Make sure the cluster nodes are turned on and connected to the network or contact your "
                   "network administrator.", "The RPC server is unavailable", error_id="ClusterRpcConnection",
                   category="ConnectionError")


def access_denied(desk: Desk, call: Call) -> Error:
    """No right to manage it, or no credentials that reach there. The sentences are published, their id is not."""
    return refusal(desk, call, "You do not have administrative privileges on the cluster. Contact your network "
                   "administrator to request access.", "Access is denied", error_id="ClusterAccessDenied",
                   category="AuthenticationError", code=0x80070005)


#: What Windows says of a name that nothing has: ERROR_GROUP_NOT_FOUND and its like.
_NOT_FOUND = {
    "node": "The cluster node is not found", "group": "The cluster group could not be found",
    "resource": "The cluster resource could not be found", "network": "The cluster network is not found",
    "network interface": "The cluster network interface is not found",
    "resource type": "The cluster resource type could not be found",
    "shared volume": "The cluster resource could not be found",
}


def not_found(seat: Seat, call: Call, kind: str, name: str) -> Error:
    """Nothing of that name in the cluster. The outer sentence is not published."""
    return refusal(seat.desk, call, f"An error occurred opening cluster {kind} '{name}'.", _NOT_FOUND[kind],
                   error_id="ClusterObjectNotFound", category="ObjectNotFound")


# --- where -----------------------------------------------------------------------------------------------------------


def live_seat(value: Any) -> Seat | None:
    """What stands behind a cluster object that was handed on; None for anything else."""
    found = value.live if isinstance(value, net.PSObject) else None
    return found if isinstance(found, Seat) else None


def seat_of(desk: Desk, call: Call, name: str | None = None) -> Seat | Error:
    """The cluster of -Cluster (or ``name``), of the object handed on, or of the host itself; or why it is not reached.
    """
    handed = live_seat(call.get("InputObject"))
    wanted = name or str(call.get("Cluster") or "")
    if handed is not None and not wanted:
        cluster: cl.Cluster | None = handed.cluster
    elif wanted in ("", "."):
        cluster = cl.cluster_of(desk.world, desk.host)
    else:
        return _by_name(desk, call, wanted)
    with desk.world.lock:
        if cluster is None or not cluster.quorate or not cl.runs(desk.host):
            return not_running(desk, call)
        return _admitted(desk, call, cluster, desk.host)


def _by_name(desk: Desk, call: Call, wanted: str) -> Seat | Error:
    world = desk.world
    with world.lock:
        cluster = cl.cluster_named(world, wanted)
        if cluster is None:
            return unknown_cluster(desk, call)
        node = world.host(wanted)
        core = cluster.group(cl.CORE)
        key = node.key if node is not None else core.owner if core is not None else next(iter(cluster.nodes))
        if node is None and cluster.state(world, key) == "Down":
            key = next((one for one in cluster.nodes if cluster.state(world, one) != "Down"), key)
        host = world.hosts[key]
        if not host.reachable or world.apart(desk.host.key, host.key):
            return unknown_cluster(desk, call)
        if host is not desk.host and not passes_on(call.context):
            return access_denied(desk, call)
        if not cluster.quorate or not cl.runs(host):
            return not_running(desk, call)
        return _admitted(desk, call, cluster, host)


def _admitted(desk: Desk, call: Call, cluster: cl.Cluster, host: Host) -> Seat | Error:
    user = acting(desk.world, desk.host, call.context, host)
    if user is None or not is_administrator(desk.world, host, user):
        return access_denied(desk, call)
    return Seat(Desk(desk.world, desk.host), cluster, cluster)


def refused(error: Error, call: Call) -> Iterator[Effect]:
    """Writes an error, with the warning before it that a remote session without CredSSP gets."""
    if not passes_on(call.context):
        yield Text("warning", REMOTELY)
    yield error


def in_whole_session(work: Callable[[Seat, Call], Iterable[Effect]]) -> Callable[[Seat, Call], Iterator[Effect]]:
    """A cmdlet that "cannot be run remotely without CredSSP" is refused in a session that has nothing to pass on.

    That is Microsoft's note on its page; what it says then is taken to be what access without rights says.
    """

    @wraps(work)
    def act(seat: Seat, call: Call) -> Iterator[Effect]:
        if passes_on(call.context):
            yield from work(seat, call)
        else:
            yield from refused(access_denied(seat.desk, call), call)

    return act


def seated(work: Callable[[Seat, Call], Iterable[Effect]]) -> Work:
    """A command on the cluster that its call means."""

    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        seat = seat_of(desk, call)
        if isinstance(seat, Error):
            yield from refused(seat, call)
        else:
            yield from work(seat, call)

    return act


def found(seat: Seat, call: Call, items: Iterable[T], kind: str, name: Callable[[T], Iterable[str]],
          parameter: str = "Name") -> Iterator[T | Error]:
    """The items of -Name, with wildcards; all without it. ``name``: what an item goes by, its name first."""
    pool = list(items)
    patterns = [str(one) for one in each(call.get(parameter))]
    if not patterns:
        yield from pool
    for pattern in patterns:
        fitting = [item for item in pool if any(named([one], pattern, str) for one in name(item))]
        yield from fitting
        if not fitting and wildcard(pattern) is None:
            yield not_found(seat, call, kind, pattern)
