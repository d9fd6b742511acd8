"""Requirements of the shared volumes that a VM of a cluster is on."""

from __future__ import annotations

import re

from winmigrate.checks.cluster_index import ClusterIndex, Csv
from winmigrate.checks.cluster_roles import is_role, role_of
from winmigrate.checks.clusters import KINDS, NOT_ONE, administrator_of, cluster_of, name_of, one_cluster
from winmigrate.checks.finding import Remedy, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, unknown
from winmigrate.checks.words import by_hand, hyper_v_administrator, name, powershell, quoted, several, vm
from winmigrate.facts import Unreadable
from winmigrate.marked import shown
from winmigrate.survey import path_key
from winmigrate.windows.cluster import SharedVolumeState
from winmigrate.windows.paths import is_unc
from winmigrate.windows.storage import VHD

#: What no folder's name may hold; a VM's may.
_NO_LEAF = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[ .]$')

_CLUSTERS = "https://learn.microsoft.com/windows-server/failover-clustering/"
_CMDLETS = "https://learn.microsoft.com/powershell/module/failoverclusters/"


def _places(ground: Ground) -> tuple[list[str], tuple[VHD, ...] | Unreadable]:
    """Every path the VM names, and the files that its disks stand on, which a volume that is lost does not show."""
    item, what = ground.candidate, f"where the files of {name(ground.candidate.vm_name)} are"
    machine = known(ground.source.vm(item.vm_id), what)
    gone = Unreadable(f"{ground.source.name} no longer has it")
    machine = known(gone if machine is None else machine, what)
    found = [known(place, what) for place in (machine.configuration_location, machine.snapshot_file_location)]
    for table in ("hard_disks", "checkpoint_disks"):
        for disk in known(ground.source.of(table, item.vm_id), what):
            if disk.disk_number is None or isinstance(disk.disk_number, Unreadable):
                found.append(known(disk.path, what))
    chain = ground.source.chain(item.vm_id)
    if not isinstance(chain, Unreadable):
        found += [known(row.path, what) for row in chain]
    return list({path_key(place): place for place in found if place}.values()), chain


def _plain(path: str) -> str:
    return path if path.isprintable() else shown(path)


@requirement(
    "cl-csv-online",
    "The VM is on shared volumes of the cluster that are online, or on shares",
    Severity.BLOCKS,
    Scope.VM,
    kinds=KINDS,
    read_by="Get-ClusterSharedVolume: State, SharedVolumeInfo; Get-VM, Get-VHD: paths",
    mend="Start-ClusterResource; Add-ClusterSharedVolume; Move-VMStorage to a shared volume",
    page=_CLUSTERS + "failover-cluster-csvs",
)
def cl_csv_online(ground: Ground) -> Verdict:
    item, cluster = ground.candidate, cluster_of(ground.source)
    if cluster is None:
        return skipped(f"{ground.source.name} is in no cluster: see cl-same")
    what = f"the shared volumes of {cluster.name}"
    used: dict[str, Csv] = {}
    elsewhere = []
    places, chain = _places(ground)
    for place in places:
        found = known(cluster.volume(place), what)
        if found is not None:
            used[found.name] = found
        elif not is_unc(place):
            elsewhere.append(place)
    states = {each.name: known(each.volume.state, what) for each in known(cluster.volumes(), what)}
    if elsewhere:
        return _elsewhere(ground, cluster, elsewhere, [each for each in states if states[each] == "Online"])
    bad = [each for each in used if states[each] != "Online"]
    if bad:
        said = several(f"{name(each)} ({_plain(used[each].path)}) is {states[each]}" for each in bad)
        return failed(
            f"{said} in {cluster.name}; {name(item.vm_name)} is on it",
            wanted="online",
            remedy=powershell(f"Start-ClusterResource -Name {quoted(bad[0])}", administrator_of(cluster)),
        )
    known(chain, f"what the disks of {name(item.vm_name)} stand on")
    return passed(
        several((f"{name(each)} ({_plain(used[each].path)}) is online" for each in used), "all its files are on shares")
    )


def _elsewhere(ground: Ground, cluster: ClusterIndex, places: list[str], online: list[str]) -> Verdict:
    item = ground.candidate
    if is_role(ground):
        disks = role_of(ground, cluster).names("Physical Disk")
        if disks:
            return unknown(
                f"{name(item.vm_name)} has {several(map(_plain, places))} on no shared volume; whether these are on "
                f"{several(map(name, disks))}, which go with its role, cannot be told"
            )
    paths = {each.name: each.path for each in known(cluster.volumes(), f"the shared volumes of {cluster.name}")}
    evidence = (
        f"{name(item.vm_name)} has {several(map(_plain, places))} on no shared volume of {cluster.name} and on no share"
    )
    wanted = "all its files on shared volumes or shares"
    if not online:
        return failed(
            evidence,
            wanted=wanted,
            remedy=powershell(
                "Get-ClusterAvailableDisk | Add-ClusterDisk | Add-ClusterSharedVolume, then Move-VMStorage",
                administrator_of(cluster),
            ),
        )
    leaf = item.vm_id if _NO_LEAF.search(item.vm_name) else item.vm_name
    folder = f"{paths[online[0]]}\\{leaf}"
    return failed(
        evidence,
        wanted=wanted,
        remedy=powershell(
            f"{vm(item.vm_id)} | Move-VMStorage -DestinationStoragePath {quoted(folder)}",
            hyper_v_administrator(ground.source.name),
            "once the storage has moved",
        ),
    )


@requirement(
    "cl-csv-direct",
    "The destination reaches the VM's shared volumes directly",
    Severity.RISKS,
    Scope.CANDIDATE,
    kinds=KINDS,
    since="2012R2",
    read_by="Get-ClusterSharedVolumeState: StateInfo and the reasons for redirection, on the destination",
    mend="Resume-ClusterResource; the path to the storage; wait for a backup",
    page=_CMDLETS + "get-clustersharedvolumestate",
)
def cl_csv_direct(ground: Ground) -> Verdict:
    cluster = one_cluster(ground)
    if cluster is None:
        return skipped(NOT_ONE)
    node = name_of(ground.destination, cluster)
    what = f"how {node} reaches the shared volumes of {cluster.name}"
    places, chain = _places(ground)
    used = [known(cluster.volume(place), what) for place in places]
    names = list(dict.fromkeys(each.name for each in used if each is not None))
    if not names and not isinstance(chain, Unreadable):
        return skipped("none of its files is on a shared volume")
    states = known(cluster.reached(node), what)
    missing = [each for each in names if each not in states]
    if missing:
        return unknown(f"{cluster.name} does not say how {node} reaches {several(map(name, missing))}")
    reached = {each: _reached(states[each], what) for each in names}
    bad = [each for each in names if reached[each]]
    if not bad:
        known(chain, f"what the disks of {name(ground.candidate.vm_name)} stand on")
        return passed(f"{node} reaches {several(map(name, names))} directly, or as their file system is meant to be")
    reason = reached[bad[0]]
    return failed(
        f"{node} reaches {several(f'{name(each)}: {reached[each]}' for each in bad)} (cluster {cluster.name})",
        wanted="Direct",
        remedy=_direct(bad[0], node, reason, administrator_of(cluster)),
    )


def _reached(row: SharedVolumeState, what: str) -> str:
    """How a node reaches a volume that it should reach directly; empty where all is well."""
    state = known(row.state_info, what)
    if state == "Direct":
        return ""
    if state == "FileSystemRedirected":
        known(row.file_system_reason, what)
    reasons = [
        str(reason)
        for reason in (row.file_system_reason, row.block_reason)
        if isinstance(reason, str) and reason not in ("0", "NotFileSystemRedirected", "NotBlockRedirected")
    ]
    # ReFS has its writes go through the owner of the volume always: it is no fault of any path.
    if state == "FileSystemRedirected" and reasons == ["FileSystemReFs"]:
        return ""
    return f"{state}{f' ({several(reasons)})' if reasons else ''}"


def _direct(volume: str, node: str, reason: str, who: str) -> Remedy:
    if "UserRequest" in reason or reason.startswith("Paused"):
        return powershell(f"Resume-ClusterResource -Name {quoted(volume)}", who)
    if "Filter" in reason:
        return by_hand(f"take the file system filter off that {name(volume)} does not go with (fltmc instances)", who)
    if "NoDiskConnectivity" in reason or reason.startswith("Unavailable"):
        return by_hand(f"mend the path from {node} to the disk of {name(volume)}: adapters, zoning, iSCSI, MPIO", who)
    return by_hand(f"wait for a backup of {name(volume)} to end, and look at the path from {node} to its disk", who)
