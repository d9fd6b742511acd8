"""The facts of failover clusters: which cluster a host is a node of, and what each cluster is, asked once on one node.

A host is asked for its cluster only where its cluster service runs: elsewhere the cmdlets may not even be there, and
each of them would end the request it stands in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Read, ask_batch
from winmigrate.request import Session
from winmigrate.survey.facts_of_hosts import HostFacts
from winmigrate.survey.reading import Reader, needed_right
from winmigrate.windows import cluster
from winmigrate.windows.cluster import (
    AffinityRule,
    Cluster,
    Group,
    MachineId,
    MigrationParameter,
    Network,
    NetworkInterface,
    Node,
    Owners,
    Quorum,
    Resource,
    SharedVolume,
    SharedVolumePath,
    SharedVolumeState,
)
from winmigrate.windows.host import SERVICES
from winmigrate.windows.row import NOT_ASKED

T = TypeVar("T")

_SERVICE = "clussvc"
#: A service that is to start by itself and does not run has stopped; one that is not was never made to.
_BY_ITSELF = "auto"


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What a node said of its whole cluster. ``asked_on``: that node, by its inventory name; "" where none was asked.

    Every table is a tuple of rows, or Unreadable with the reason. Nodes go by their names in the cluster.
    """

    name: str
    asked_on: str = ""
    nodes: tuple[Node, ...] | Unreadable = NOT_ASKED
    quorum: Quorum | Unreadable = NOT_ASKED
    shared_volumes: tuple[SharedVolume, ...] | Unreadable = NOT_ASKED
    shared_volume_paths: tuple[SharedVolumePath, ...] | Unreadable = NOT_ASKED
    shared_volume_states: tuple[SharedVolumeState, ...] | Unreadable = NOT_ASKED
    groups: tuple[Group, ...] | Unreadable = NOT_ASKED
    resources: tuple[Resource, ...] | Unreadable = NOT_ASKED
    possible_owners: tuple[Owners, ...] | Unreadable = NOT_ASKED
    preferred_owners: tuple[Owners, ...] | Unreadable = NOT_ASKED
    machine_ids: tuple[MachineId, ...] | Unreadable = NOT_ASKED
    networks: tuple[Network, ...] | Unreadable = NOT_ASKED
    network_interfaces: tuple[NetworkInterface, ...] | Unreadable = NOT_ASKED
    migration_parameters: tuple[MigrationParameter, ...] | Unreadable = NOT_ASKED
    affinity_rules: tuple[AffinityRule, ...] | Unreadable = NOT_ASKED


def cluster_of(facts: HostFacts, session: Session, *, timeout: float) -> Cluster | Unreadable | None:
    """The cluster that this host is a node of, None for none: one request where its cluster service runs, else none.

    ``facts``: of the host itself, its services read.
    """
    runs = _service_runs(facts)
    if not isinstance(runs, bool):
        return runs
    if not runs:
        return None
    version = str(facts.version)
    asked = [Read(cluster.CLUSTER.name, cluster.CLUSTER.statement(version))]
    found = Reader(facts.host, version, ask_batch(session, asked, timeout=timeout)).one(cluster.CLUSTER)
    return _by_right(found, facts.host)


def membership(
    host: str, version: str, session: Session, *, timeout: float
) -> tuple[str | Unreadable | None, tuple[str, ...] | Unreadable]:
    """The name of a host's cluster, None for none, and those of the cluster's nodes."""
    answers = ask_batch(session, [Read(SERVICES.name, SERVICES.statement(version))], timeout=timeout)
    found = cluster_of(
        HostFacts(host, version, services=Reader(host, version, answers).table(SERVICES)), session, timeout=timeout
    )
    if not isinstance(found, Cluster):
        return found, () if found is None else found
    asked = ask_batch(session, [Read(cluster.NODES.name, cluster.NODES.statement(version))], timeout=timeout)
    nodes = Reader(host, version, asked).table(cluster.NODES)
    if isinstance(nodes, Unreadable):
        return found.name, nodes
    return found.name, tuple(node.name for node in nodes if isinstance(node.name, str))


def _service_runs(facts: HostFacts) -> bool | Unreadable:
    """Does the cluster service run? A stopped one is no answer to which cluster it belongs to."""
    if isinstance(facts.services, Unreadable):
        return facts.services
    for service in facts.services:
        if isinstance(service.name, Unreadable):
            return service.name
        if service.name.casefold() == _SERVICE:
            if isinstance(service.state, Unreadable):
                return service.state
            if service.state == "Running":
                return True
            if isinstance(service.start_mode, str) and service.start_mode.casefold() == _BY_ITSELF:
                state = service.state.lower()
                return Unreadable(
                    f"the cluster service of {facts.host} is {state}", needs=f"the cluster service on {facts.host}"
                )
    gap = facts.gap("services")
    return False if gap is None else gap


def name_of(facts: HostFacts) -> str | Unreadable | None:
    """The name of the host's cluster; None for one in no cluster."""
    found = facts.cluster
    return found.name if isinstance(found, Cluster) else found


def live_limit(facts: HostFacts) -> int | Unreadable:
    """Live migrations at once: the host's own limit, or its cluster's where that is less (2022 with its updates).

    https://learn.microsoft.com/powershell/module/hyper-v/set-vmhost
    """
    if isinstance(facts.vm_host, Unreadable):
        return facts.vm_host
    own, found = facts.vm_host.maximum_virtual_machine_migrations, facts.cluster
    limit = found.maximum_parallel_migrations if isinstance(found, Cluster) else None
    return min(own, limit) if isinstance(own, int) and isinstance(limit, int) else own


def speakers(hosts: Iterable[HostFacts]) -> dict[str, str]:
    """Cluster -> the first of its nodes among these hosts: the one that is asked for the whole of it."""
    found: dict[str, str] = {}
    for facts in hosts:
        name = name_of(facts)
        if isinstance(name, str):
            found.setdefault(name, facts.host)
    return found


def cluster_reads(version: str) -> list[Read]:
    """Everything that is asked of a cluster, for the batch of one of its nodes."""
    return [Read(_read(table.name), table.statement(version)) for table in cluster.TABLES if table.exists(version)]


def _read(table: str) -> str:
    return f"cluster: {table}"


def cluster_facts(name: str, reader: Reader) -> ClusterFacts:
    """The facts of a cluster from the answers of one node. A table that came with errors beside it is Unreadable.

    Of a cluster too much depends on what is not there to go by part of a table.
    """
    found: dict[str, Any] = {}
    plain = Reader(
        reader.host,
        reader.version,
        {read.removeprefix(_read("")): answer for read, answer in reader.answers.items() if read.startswith(_read(""))},
    )
    for table in cluster.TABLES:
        found[table.name] = plain.one(table) if table.single else plain.table(table)
    found |= {table: Unreadable(f"part of it could not be read: {why}") for table, why in plain.incomplete.items()}
    return ClusterFacts(name, reader.host, **{table: _by_right(rows, reader.host) for table, rows in found.items()})


def _by_right(found: T, host: str) -> T | Unreadable:
    """A cluster tells its nodes' administrators; those of Hyper-V it does not know."""
    if isinstance(found, Unreadable) and found.needs == needed_right(host, hyper_v=True):
        return Unreadable(found.reason, needs=needed_right(host, hyper_v=False))
    return found


def unread_cluster(name: str, host: str, why: Unreadable) -> ClusterFacts:
    """A cluster whose node could not be asked."""
    tables: dict[str, Any] = {table.name: why for table in cluster.TABLES}
    return ClusterFacts(name, host, **tables)
