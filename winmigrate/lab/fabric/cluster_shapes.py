"""What may stand below ``clusters`` in a fabric file; :mod:`winmigrate.lab.fabric.cluster_making` builds it."""

from __future__ import annotations

from typing import Any

from winmigrate.facts import types
from winmigrate.lab.fabric.primitives import FREE, GUID, NUMBER, RATE, SIZE, either, table
from winmigrate.marked import Key, Marked, Misfit, Shape, choice, entries, listing, one_or_more, truth, whole, words

_ENUMS = types.enums("FailoverClusters")


def _members(name: str, *without: str) -> Shape[str]:
    return choice(*(member for member in _ENUMS[name] if member not in ("Unknown", *without)))


_HOSTS = one_or_more(words(), "hosts")

NODE = either("state", _members("ClusterNodeState"), table(
    "a state such as Up, or a mapping such as {state: Paused, drain: Completed}",
    state=_members("ClusterNodeState"), drain=_members("ClusterNodeDrainStatus"), weight=whole(0, 1),
    status=one_or_more(_members("ClusterNodeStatusInformation", "Normal"), "status information"), id=GUID,
    service=choice("Running", "Stopped"),
))


def _nodes(marked: Marked) -> dict[str, dict[str, Any]]:
    if isinstance(marked.value, list):
        blank = NODE.read(Marked({}, marked.place, marked.path))
        return {name: {**blank, "_at": marked} for name in listing(words(), "hosts", 1).read(marked)}
    many = entries(Shape(lambda one: NODE.read(Marked({}, one.place, one.path) if one.value is None else one),
                         NODE.schema), "a list of hosts, or a mapping from hosts to states", least=1)
    return many.read(marked)


NODES: Shape[dict[str, dict[str, Any]]] = Shape(_nodes, {"anyOf": [
    {"type": "array", "items": {"type": "string"}, "minItems": 1},
    {"type": "object", "additionalProperties": {"anyOf": [NODE.schema, {"type": "null"}]}, "minProperties": 1}]})

QUORUM = either("witness", choice("disk", "share", "cloud", "none"), table(
    "a witness (disk, share, cloud, none), or a mapping such as {type: Majority, witness: disk}",
    type=_members("ClusterQuorumType"), witness=choice("disk", "share", "cloud", "none"), path=FREE,
    state=_members("ClusterResourceState"), weight=whole(0, 1),
))


def _use(marked: Marked) -> int | str:
    return marked.text if marked.text == "exclude" else whole(1, 64, "a place in the order, or exclude").read(marked)


NETWORK = either("subnet", words("a subnet such as 10.0.0.0/24"), table(
    "a subnet, or a mapping such as {subnet: 10.0.0.0/24, role: Cluster, migration: 1}",
    subnet=Key(words("a subnet such as 10.0.0.0/24"), True), role=_members("ClusterNetworkRole"),
    state=_members("ClusterNetworkState"), metric=NUMBER, id=GUID,
    migration=Shape(_use, {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "exclude"}]}),
    unreachable=_HOSTS,
))

CSV_NODE = either("state", _members("ClusterSharedVolumeState"), table(
    "a state such as Direct, or a mapping such as {state: FileSystemRedirected, reason: IncompatibleFileSystemFilter}",
    state=Key(_members("ClusterSharedVolumeState"), True), reason=choice(
        *(name for kind in ("ClusterSharedVolumeFileSystemRedirectedIOReasons",
                            "ClusterSharedVolumeBlockRedirectedIOReason")
          for name in _ENUMS[kind] if not name.startswith("Not"))),
))

CSV = either("size", SIZE, table(
    "a size, or a mapping such as {size: 10 TB, owner: hv01}",
    size=Key(SIZE, True), used=SIZE, name=FREE, owner=words(), state=_members("ClusterResourceState"),
    nodes=entries(CSV_NODE, "a mapping from hosts to how they reach it"), maintenance=truth(), id=GUID,
    file_system=choice("NTFS", "ReFS"), read=RATE, write=RATE,
    files=entries(SIZE, "a mapping from paths to sizes"),
))

_WINDOW = Shape(
    lambda marked: _hours(marked), {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 23}})


def _hours(marked: Marked) -> tuple[int, int]:
    found = listing(whole(0, 23), "two hours such as [22, 4]", 2).read(marked)
    if len(found) != 2:
        raise Misfit(marked.fault("wanted: two hours such as [22, 4]"))
    return found[0], found[1]


GROUP = table(
    "a mapping such as {preferred: [hv01], failback: true}",
    vm=FREE, type=_members("GroupType"), state=_members("ClusterGroupState"), owner=words(), preferred=_HOSTS,
    possible=_HOSTS, possible_configuration=_HOSTS, failback=truth(), window=_WINDOW,
    priority=Shape(whole(0, 3000).read, {"type": "integer"}), anti_affinity=one_or_more(FREE, "names"),
    locked=truth(), queued=truth(), id=GUID,
    status=one_or_more(_members("ClusterApplicationStatusInformation"), "status information"),
)

RULE = either("groups", one_or_more(FREE, "groups"), table(
    "groups, or a mapping such as {type: DifferentNode, groups: [a, b]}",
    type=_members("RuleType"), groups=Key(one_or_more(FREE, "groups"), True), enabled=truth(),
))


def _filled(shape: Shape[dict[str, Any]]) -> Shape[dict[str, Any]]:
    return Shape(lambda one: shape.read(Marked({}, one.place, one.path) if one.value is None else one),
                 {"anyOf": [shape.schema, {"type": "null"}]})


CLUSTER = table(
    "a mapping such as {nodes: [hv01, hv02], csv: {Volume1: 10 TB}}",
    name=words(), fqdn=words(), address=words("an address such as 10.0.0.50/24"), nodes=Key(NODES, True),
    quorum=QUORUM, networks=entries(NETWORK, "a mapping from names to networks"),
    csv=entries(CSV, "a mapping from folder names (Volume1) to cluster shared volumes"),
    groups=entries(_filled(GROUP), "a mapping from groups to their settings"), functional_level=whole(1, 255),
    upgrade_version=whole(0, 1000), parallel_migrations=whole(1, 1000), smb_limit=truth(),
    smb_factor=whole(0, 10000), access_point=_members("AdminAccessPoint"),
    affinity=entries(RULE, "a mapping from rules to their groups"), id=GUID,
)
