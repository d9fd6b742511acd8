"""The clusters of a fabric file: first what the machines stand on, then, once they are there, their groups."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from winmigrate.errors import Fault, did_you_mean
from winmigrate.facts.versions import at_least
from winmigrate.lab.fabric import cluster as cl
from winmigrate.lab.fabric import making
from winmigrate.lab.fabric.cluster import AffinityRule, Cluster, Group, Network, Node, Resource, SharedVolume
from winmigrate.lab.fabric.files import FileEntry
from winmigrate.lab.fabric.host import Feature, Host, Service, Space, Volume
from winmigrate.lab.fabric.world import World
from winmigrate.marked import Gathering, Marked, Misfit, shown

Given = Mapping[str, Any]
_WITNESSES = {"disk": ("Cluster Disk Witness", "Physical Disk"), "share": ("File Share Witness", "File Share Witness"),
              "cloud": ("Cloud Witness", "Cloud Witness")}
_UPGRADES = {"2016": 8, "2019": 3, "2022": 4, "2025": 4}


def populate(world: World, found: Mapping[str, Any]) -> list[Fault]:
    """The clusters, the machines on their hosts, and the machines' groups in the clusters."""
    faults: list[Fault] = []
    declined: set[uuid.UUID] = set()
    clusters = found["clusters"] or {}
    for key, given in clusters.items():
        try:
            form(world, key, given, found["hosts"])
        except Misfit as misfit:
            faults.extend(misfit.faults)
    for key, given in found["hosts"].items():
        for vm in (given["vms"] or []) if key in world.hosts else []:
            try:
                made = making.add_vm(world, world.hosts[key], vm)
            except Misfit as misfit:
                faults.extend(misfit.faults)
                continue
            if vm["clustered"] is False:
                declined.add(made.id)
    for key, given in clusters.items():
        if key in world.clusters:
            try:
                add_groups(world, given, world.clusters[key], declined)
            except Misfit as misfit:
                faults.extend(misfit.faults)
    return faults


def form(world: World, key: str, given: Given, hosts: Given) -> Cluster:
    """A cluster without groups; its volumes are attached to its nodes. ``hosts``: what the file says of every host.

    Raises Misfit.
    """
    at: Marked = given["_at"]
    name = (given["name"] or key).upper()
    made = Cluster(key, name, given["fqdn"] or f"{name.lower()}.{world.domain.name}", world.domain.name,
                   given["id"] or uuid.uuid5(uuid.UUID(int=world.seed), f"cluster/{key}"))
    gathering = Gathering()
    for number, (host, one) in enumerate(given["nodes"].items(), 1):
        place = one["_at"]
        if host not in world.hosts:
            gathering.faults.append(place.fault(
                f"no host {shown(host)} in this fabric{did_you_mean(host, world.hosts)}"))
            continue
        other = cl.cluster_of(world, world.hosts[host])
        if other is not None:
            gathering.faults.append(place.fault(f"{host} is a node of {other.key} already"))
        made.nodes[host] = _node(made, number, host, one)
        _install(world.hosts[host], one, hosts[host])
    gathering.settle()
    nodes = [world.hosts[host] for host in made.nodes]
    oldest = min(nodes, key=lambda host: cl.LEVELS[host.version]).version
    made.level = given["functional_level"] or cl.LEVELS[oldest]
    made.upgrade_version = _UPGRADES.get(oldest, 0) if given["upgrade_version"] is None else given["upgrade_version"]
    made.parallel = given["parallel_migrations"] or 1
    made.smb_limit = 0 if given["smb_limit"] is False else 1
    made.smb_factor = 2500 if given["smb_factor"] is None else given["smb_factor"]
    in_domain = all(host.in_domain for host in nodes)
    made.access_point = given["access_point"] or ("ActiveDirectoryAndDns" if in_domain else "Dns")
    made.domain = world.domain.name if in_domain else ""
    made.address = _cluster_address(given["address"], nodes)
    made.networks = _networks(made, given["networks"], nodes)
    for number, (folder, one) in enumerate((given["csv"] or {}).items(), 1):
        try:
            made.volumes.append(_volume(made, number, folder, one, nodes))
        except Misfit as misfit:
            gathering.faults.extend(misfit.faults)
    _core(made, given["quorum"] or {}, nodes, at)
    gathering.settle()
    world.clusters[key] = made
    return made


def _node(cluster: Cluster, number: int, host: str, given: Given) -> Node:
    made = Node(host, number, given.get("id") or uuid.uuid5(cluster.id, f"node/{host}"), given.get("state") or "Up")
    made.status = set(given.get("status") or ())
    if given.get("weight") is not None:
        made.weight = given["weight"]
    made.drain = given.get("drain") or "NotInitiated"
    if made.drain != "NotInitiated":
        made.status.add({"InProgress": "DrainInProgress", "Completed": "DrainCompleted", "Failed": "DrainFailed"}[
            made.drain])
        made.state = given.get("state") or "Paused"
    return made


def _install(host: Host, node: Given, given: Given) -> None:
    """The feature and the service, unless the file says otherwise of this host."""
    if cl.FEATURE not in (given["features"] or {}):
        host.features[cl.FEATURE] = Feature(cl.FEATURE, "Installed", "Failover Clustering")
        host.features["RSAT-Clustering-PowerShell"] = Feature(
            "RSAT-Clustering-PowerShell", "Installed", "Failover Cluster Module for Windows PowerShell")
    service = host.services.setdefault(cl.SERVICE, Service(cl.SERVICE))
    service.display_name, service.start_mode = "Cluster Service", "Auto"
    if cl.SERVICE not in (given["services"] or {}):
        service.state = node.get("service") or ("Stopped" if node.get("state") == "Down" else "Running")


def _cluster_address(given: str | None, nodes: list[Host]) -> str:
    if given is not None:
        return given.partition("/")[0]
    first = next((one for one in nodes[0].addresses if one.family == "IPv4"), None)
    if first is None:
        return ""
    network = ipaddress.ip_network(f"{first.ip}/{first.prefix}", strict=False)
    taken = {one.ip for host in nodes for one in host.addresses}
    return next((str(one) for one in reversed(list(network.hosts())[-200:]) if str(one) not in taken), "")


def _networks(cluster: Cluster, given: Mapping[str, Given] | None, nodes: list[Host]) -> list[Network]:
    found: list[Network] = []
    if given is None:
        seen = {(network := ipaddress.ip_network(f"{one.ip}/{one.prefix}", strict=False)).compressed: network
                for host in nodes for one in host.addresses if one.family == "IPv4"}
        for number, network in enumerate(seen.values(), 1):
            name = f"Cluster Network {number}"
            found.append(Network(uuid.uuid5(cluster.id, f"network/{name}"), name, str(network.network_address),
                                 network.prefixlen, metric=70240 + 144 * number))
        return found
    for number, (name, one) in enumerate(given.items(), 1):
        place: Marked = one["_at"]
        try:
            subnet = ipaddress.ip_network(one["subnet"], strict=False)
        except ValueError:
            raise Misfit((place.child("subnet") or place).fault(
                f"{shown(one['subnet'])} is no subnet; wanted: such as 10.0.0.0/24")) from None
        role = one.get("role") or "ClusterAndClient"
        metric = one["metric"] if one.get("metric") is not None else (
            {"Cluster": 30240, "None": 80240}.get(role, 70240) + 144 * number)
        made = Network(one.get("id") or uuid.uuid5(cluster.id, f"network/{name}"), name, str(subnet.network_address),
                       subnet.prefixlen, role, one.get("state") or "Up", metric)
        made.order = one["migration"] if isinstance(one.get("migration"), int) else None
        made.excluded = one.get("migration") == "exclude"
        _check(place, "unreachable", one.get("unreachable") or (), cluster.nodes)
        made.down = set(one.get("unreachable") or ())
        found.append(made)
    return found


def _check(place: Marked, key: str, names: Iterable[str], nodes: Mapping[str, Any]) -> None:
    for name in names:
        if name not in nodes:
            raise Misfit((place.child(key) or place).fault(
                f"{shown(name)} is no node of this cluster{did_you_mean(name, nodes)}"))


def _volume(cluster: Cluster, number: int, folder: str, given: Given, nodes: list[Host]) -> SharedVolume:
    place: Marked = given["_at"]
    owner = given.get("owner") or nodes[0].key
    _check(place, "owner", [owner], cluster.nodes)
    _check(place, "nodes", given.get("nodes") or (), cluster.nodes)
    identity = given.get("id") or uuid.uuid5(cluster.id, f"csv/{folder}")
    volume = Volume("", given["size"], given.get("used") or 0, given.get("file_system") or "NTFS", folder,
                    id=str(uuid.uuid5(identity, "volume")))
    for field, key in (("read_rate", "read"), ("write_rate", "write")):
        if given.get(key) is not None:
            setattr(volume, field, given[key])
    space = Space(f"{cluster.key}/{folder}", f"{cl.ROOT}\\{folder}", volume, owner=owner)
    made = SharedVolume(identity, given.get("name") or f"Cluster Disk {number}", space, given.get("state") or "Online",
                        bool(given.get("maintenance")))
    for host in nodes:
        host.attach(space)
    for path, size in (given.get("files") or {}).items():
        if not cl.holds(made, path):
            raise Misfit(place.fault(f"{shown(path)} is not below {space.root}"))
        space.files.add(FileEntry(path, size, "iso" if path.lower().endswith(".iso") else "file"))
    for host_key, one in (given.get("nodes") or {}).items():
        reach(made, host_key, one["state"], one.get("reason"))
    return made


def reach(volume: SharedVolume, host: str, state: str, reason: str | None) -> None:
    """Says how a node reaches a volume: Direct, or otherwise for a reason."""
    volume.reasons.pop(host, None)
    volume.space.redirected.discard(host)
    if state == "Direct":
        return
    block = state == "BlockRedirected"
    default = "NoDiskConnectivity" if block else "UserRequest" if state == "FileSystemRedirected" else ""
    why = reason or default
    volume.reasons[host] = (state, "NotFileSystemRedirected" if block or not why else why,
                            why if block else "NotBlockRedirected")
    if state in ("FileSystemRedirected", "BlockRedirected"):
        volume.space.redirected.add(host)


def _core(cluster: Cluster, quorum: Given, nodes: list[Host], at: Marked) -> None:
    """The groups and resources that every cluster has, and its witness."""
    first = nodes[0].key
    for name, kind in ((cl.CORE, "Cluster"), (cl.STORAGE, "AvailableStorage")):
        cluster.groups.append(Group(uuid.uuid5(cluster.id, f"group/{name}"), name, kind, first,
                                    window=(cl.NO_WINDOW, cl.NO_WINDOW)))

    def add(name: str, kind: str, **parameters: Any) -> Resource:
        made = Resource(uuid.uuid5(cluster.id, f"resource/{name}"), name, kind, cl.CORE, parameters=parameters)
        cluster.resources.append(made)
        return made

    if cluster.access_point != "None":
        add("Cluster IP Address", "IP Address", Address=cluster.address)
        add("Cluster Name", "Network Name", Name=cluster.name, DnsName=cluster.name)
    if at_least(nodes[0].version, "2016"):
        add("Storage Qos Resource", "Storage QoS Policy Manager")
        add("Virtual Machine Cluster WMI", "Virtual Machine Cluster WMI")
    kind = quorum.get("witness") or ("none" if len(nodes) % 2 else "disk")
    cluster.quorum_type = quorum.get("type") or "Majority"
    if kind != "none":
        name, resource_type = _WITNESSES[kind]
        path = {"SharePath": quorum.get("path") or f"\\\\fs01.{cluster.domain}\\witness"} if kind == "share" else {}
        made = add(name, resource_type, **path)
        made.state = quorum.get("state") or ""
        cluster.witness = name
    if quorum.get("weight") is not None:
        cluster.witness_weight = quorum["weight"]
    elif kind == "none" or (quorum.get("state") or "Online") != "Online":
        cluster.witness_weight = 0


# --- groups ----------------------------------------------------------------------------------------------------------


def add_groups(world: World, given: Given, cluster: Cluster, declined: set[uuid.UUID]) -> None:
    """The groups: of every machine that says so or has files on a CSV (but ``declined`` ones), and those of the file.

    Raises Misfit.
    """
    gathering = Gathering()
    for key, one in (given["csv"] or {}).items():
        volume = cluster.volume(key)
        if volume is not None and volume.space.volume.other + volume.space.files.total() > volume.space.volume.size:
            gathering.faults.append(one["_at"].fault(f"{volume.space.root} is full with the files on it"))
    for host_key in cluster.nodes:
        host = world.hosts[host_key]
        for vm in host.vms.values():
            if vm.id not in declined and (vm.clustered or cluster.volumes_of(vm)):
                cl.add_role(world, cluster, host, vm)
    for name, one in (given["groups"] or {}).items():
        try:
            _settle_group(world, cluster, name, one)
        except Misfit as misfit:
            gathering.faults.extend(misfit.faults)
    for name, one in (given["affinity"] or {}).items():
        unknown = next((each for each in one["groups"] if cluster.group(each) is None), None)
        if unknown is not None:
            gathering.faults.append(one["_at"].fault(f"no group {shown(unknown)} in this cluster"))
        cluster.rules.append(AffinityRule(name, one.get("type") or "DifferentNode", list(one["groups"]),
                                          one.get("enabled") is not False))
    for volume in cluster.volumes:
        volume.space.files.online = volume.state == "Online"
    gathering.settle()


def _settle_group(world: World, cluster: Cluster, name: str, given: Given) -> None:
    place: Marked = given["_at"]
    for key in ("preferred", "possible", "possible_configuration"):
        _check(place, key, given[key] or (), cluster.nodes)
    if given["owner"] is not None:
        _check(place, "owner", [given["owner"]], cluster.nodes)
    group = cluster.group(name) or _make_group(world, cluster, name, given)
    owner = cluster.owner(world, group)
    if given["owner"] is not None and given["owner"] != owner:
        if group.vm_id is not None:
            raise Misfit((place.child("owner") or place).fault(
                f"the machine of {shown(name)} stands on {owner}: that node owns it"))
        group.owner = given["owner"]
    group.state = given["state"] or ""
    group.preferred = list(given["preferred"] or ())
    group.failback = int(bool(given["failback"]))
    group.window = given["window"] or group.window
    if given["priority"] is not None:
        group.priority = given["priority"]
    group.classes = list(given["anti_affinity"] or ())
    group.locked, group.queued = bool(given["locked"]), bool(given["queued"])
    group.status = set(given["status"] or ())
    group.id = given["id"] or group.id
    for resource in cluster.resources_of(group):
        only = given["possible_configuration"] if resource.type.endswith("Configuration") else None
        wanted = only or given["possible"]
        resource.possible = list(wanted) if wanted is not None else None


def _make_group(world: World, cluster: Cluster, name: str, given: Given) -> Group:
    """A group that no machine has made: of a machine on local disks, or of something else."""
    place: Marked = given["_at"]
    wanted = given["vm"] or (name if given["type"] in (None, "VirtualMachine") else None)
    for key in cluster.nodes:
        host = world.hosts[key]
        for vm in host.vm(wanted) if wanted is not None else ():
            if cluster.group_of(vm.id) is None:
                return cl.add_role(world, cluster, host, vm, name)
    if given["type"] in (None, "VirtualMachine"):
        raise Misfit(place.fault(f"no machine {shown(wanted or name)} on a node of this cluster, and no type of group"))
    made = Group(uuid.uuid5(cluster.id, f"group/{name}"), name, given["type"],
                 given["owner"] or next(iter(cluster.nodes)))
    cluster.groups.append(made)
    return made
