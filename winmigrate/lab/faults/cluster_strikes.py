"""What each fault of a failover cluster does when its moment has come. Called with the world's lock held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from winmigrate.errors import LabError, did_you_mean
from winmigrate.facts import types
from winmigrate.lab.fabric import cluster as cl
from winmigrate.lab.fabric import cluster_life, troubles
from winmigrate.lab.fabric.cluster import Cluster, SharedVolume
from winmigrate.lab.fabric.world import World
from winmigrate.marked import Marked, Misfit, shown

Given = Mapping[str, Any]

_ENUMS = types.enums("FailoverClusters")
#: Why a shared volume may be redirected.
REASONS = tuple(name for kind in ("ClusterSharedVolumeFileSystemRedirectedIOReasons",
                                  "ClusterSharedVolumeBlockRedirectedIOReason")
                for name in _ENUMS[kind] if not name.startswith("Not"))


def _clusters(world: World, given: Given) -> list[Cluster]:
    return [one for one in world.clusters.values() if given["cluster"] in (None, one.key)]


def check(world: World, given: Given, marked: Marked) -> None:
    """Are the cluster, the volume and the node of a fault there? Raises Misfit."""
    if given["cluster"] is not None and given["cluster"] not in world.clusters:
        raise Misfit((marked.child("cluster") or marked).fault(
            f"no cluster {shown(given['cluster'])} in this fabric{did_you_mean(given['cluster'], world.clusters)}"))
    if given["volume"] is not None and _volume(world, given) is None:
        known = [one.leaf for cluster in _clusters(world, given) for one in cluster.volumes]
        raise Misfit((marked.child("volume") or marked).fault(
            f"no cluster shared volume {shown(given['volume'])}{did_you_mean(given['volume'], known)}"))
    if given["host"] is not None and cl.cluster_of(world, world.hosts[given["host"]]) is None:
        raise Misfit((marked.child("host") or marked).fault(f"{given['host']} is no node of a cluster"))


def _volume(world: World, given: Given) -> tuple[Cluster, SharedVolume] | None:
    for cluster in _clusters(world, given):
        volume = cluster.volume(given["volume"])
        if volume is not None:
            return cluster, volume
    return None


def _its_volume(world: World, given: Given) -> tuple[Cluster, SharedVolume]:
    found = _volume(world, given)
    if found is None:
        raise LabError(f'no cluster shared volume "{given["volume"]}"')
    return found


def _fail_over(world: World, given: Given, job: str | None) -> None:
    for cluster in _clusters(world, given):
        for group in cluster.groups:
            home = cluster.home(world, group)
            if home is not None and given["vm"].lower() in (group.name.lower(), home[1].name.lower(), str(home[1].id)):
                cluster_life.fail_over(world, cluster, group, given["host"])
                return
    raise LabError(f'no role of a virtual machine "{given["vm"]}" in a cluster')


def _pause(world: World, given: Given, job: str | None) -> None:
    cluster = cl.cluster_of(world, world.hosts[given["host"]])
    if cluster is None:
        raise LabError(f"{given['host']} is no node of a cluster")
    node = cluster.nodes[given["host"]]
    cluster_life.suspend(world, cluster, node, drain=bool(given["drain"]))
    if given["lasts"] is not None:
        troubles.later(world, given["lasts"], lambda _at: cluster_life.resume(world, cluster, node))


def _fill(world: World, given: Given, job: str | None) -> None:
    cluster_life.fill(_its_volume(world, given)[1], given["free"] or 0)


def _redirect(world: World, given: Given, job: str | None) -> None:
    cluster, volume = _its_volume(world, given)
    cluster_life.redirect(world, cluster, volume, given["host"], given["reason"], given["lasts"])


def _offline(world: World, given: Given, job: str | None) -> None:
    cluster, volume = _its_volume(world, given)
    cluster_life.take_offline(world, cluster, volume, given["lasts"])


def _quorum(world: World, given: Given, job: str | None) -> None:
    found = _clusters(world, given)
    if not found:
        raise LabError("there is no cluster in this fabric")
    for cluster in found:
        cluster_life.lose_quorum(world, cluster, given["lasts"])


#: Kind -> what it does, and the keys that it cannot do without.
CLUSTER_STRIKES: Mapping[str, tuple[Callable[[World, Given, str | None], None], tuple[str, ...]]] = {
    "fail-over": (_fail_over, ("vm",)),
    "pause-node": (_pause, ("host",)),
    "fill-csv": (_fill, ("volume",)),
    "redirect-csv": (_redirect, ("volume",)),
    "csv-offline": (_offline, ("volume",)),
    "lose-quorum": (_quorum, ()),
}
