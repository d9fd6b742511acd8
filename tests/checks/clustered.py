"""The healthy world as a cluster: hv01 and hv02 are the nodes of clu1, web01 is a role on its Volume1."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.checks.world import WEB, Change, Row, World
from winmigrate.facts import types
from winmigrate.playbook.types import StorageWish
from winmigrate.remoting.clixml.values import EnumValue

CLUSTER = "Get-Cluster"
NODES = "Get-ClusterNode"
QUORUM = "Get-ClusterQuorum"
VOLUMES = "Get-ClusterSharedVolume"
PATHS = "Get-ClusterSharedVolume | expand SharedVolumeInfo"
STATES = "Get-ClusterSharedVolumeState"
GROUPS = "Get-ClusterGroup"
RESOURCES = "Get-ClusterResource"
POSSIBLE = "Get-ClusterResource | Where-Object | Get-ClusterOwnerNode"
PREFERRED = "Get-ClusterGroup | Get-ClusterOwnerNode"
IDS = "Get-ClusterResource | Where-Object | Get-ClusterParameter"
NETWORKS = "Get-ClusterNetwork"
INTERFACES = "Get-ClusterNetworkInterface"
PARAMETERS = "Get-ClusterResourceType | Get-ClusterParameter"
RULES = "Get-ClusterAffinityRule"

#: Of networks, as MigrationExcludeNetworks has them.
MANAGEMENT, LIVE = "aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"
_FILE_SYSTEM = "ClusterSharedVolumeFileSystemRedirectedIOReasons"
_KIND = {"web01": "Virtual Machine web01", "config": "Virtual Machine Configuration web01"}


def of(kind: str, name: str) -> EnumValue:
    """A value of an enumeration of failover clusters."""
    return EnumValue(name, types.enums("FailoverClusters")[kind][name])


def node(name: str, number: int, **more: Any) -> Row:
    return {
        "Name": name, "Id": str(number), "State": of("ClusterNodeState", "Up"),
        "StatusInformation": of("ClusterNodeStatusInformation", "Normal"),
        "DrainStatus": of("ClusterNodeDrainStatus", "NotInitiated"), "DynamicWeight": 1, "NodeWeight": 1,
        "MajorVersion": 10, "MinorVersion": 0, "BuildNumber": 17763, **more,
    }  # fmt: skip


def group(name: str, owner: str, **more: Any) -> Row:
    return {
        "Name": name, "State": of("ClusterGroupState", "Online"), "OwnerNode": owner,
        "GroupType": of("GroupType", "VirtualMachine"), "StatusInformation": EnumValue("0", 0),
        "AutoFailbackType": 0, "AntiAffinityClassNames": [], **more,
    }  # fmt: skip


def resource(name: str, group: str, kind: str, owner: str = "HV01", **more: Any) -> Row:
    return {
        "Name": name, "State": of("ClusterResourceState", "Online"), "OwnerGroup": group, "OwnerNode": owner,
        "ResourceType": kind, **more,
    }  # fmt: skip


def network(name: str, identity: str, **more: Any) -> Row:
    return {
        "Name": name, "Id": identity, "State": of("ClusterNetworkState", "Up"),
        "Role": of("ClusterNetworkRole", "ClusterAndClient"), "Address": "10.20.0.0", **more,
    }  # fmt: skip


def interface(node: str, network: str, **more: Any) -> Row:
    return {
        "Name": f"{node} - {network}", "Node": node, "Network": network, "Address": "10.20.0.11",
        "State": of("ClusterNetworkInterfaceState", "Up"), **more,
    }  # fmt: skip


def csv_state(volume: str, node: str, **more: Any) -> Row:
    return {
        "Name": volume, "Node": node, "StateInfo": of("ClusterSharedVolumeState", "Direct"),
        "FileSystemRedirectedIOReason": of(_FILE_SYSTEM, "NotFileSystemRedirected"),
        "BlockRedirectedIOReason": of("ClusterSharedVolumeBlockRedirectedIOReason", "NotBlockRedirected"), **more,
    }  # fmt: skip


def _answers() -> dict[str, list[Row]]:
    machine, config = _KIND["web01"], _KIND["config"]
    return {
        CLUSTER: [
            {
                "Name": "clu1", "Domain": "corp.example", "ClusterFunctionalLevel": 10,
                "MaximumParallelMigrations": None,
                "AdministrativeAccessPoint": of("AdminAccessPoint", "ActiveDirectoryAndDns"),
            }
        ],
        NODES: [node("HV01", 1), node("HV02", 2)],
        QUORUM: [{"QuorumResource": "Witness", "QuorumType": of("ClusterQuorumType", "Majority")}],
        VOLUMES: [{"Name": "Cluster Disk 1", "State": of("ClusterResourceState", "Online"), "OwnerNode": "HV01"}],
        PATHS: [{"SharedVolume": "Cluster Disk 1", "FriendlyVolumeName": "C:\\ClusterStorage\\Volume1"}],
        STATES: [csv_state("Cluster Disk 1", "HV01"), csv_state("Cluster Disk 1", "HV02")],
        GROUPS: [
            group("web01", "HV01"),
            group("Cluster Group", "HV02", GroupType=of("GroupType", "Cluster")),
        ],
        RESOURCES: [
            resource(machine, "web01", "Virtual Machine"),
            resource(config, "web01", "Virtual Machine Configuration"),
            resource("Witness", "Cluster Group", "File Share Witness", "HV02"),
        ],
        POSSIBLE: [{"ClusterObject": name, "OwnerNodes": ["HV01", "HV02"]} for name in (machine, config)],
        PREFERRED: [{"ClusterObject": name, "OwnerNodes": []} for name in ("web01", "Cluster Group")],
        IDS: [{"ClusterObject": machine, "Value": str(WEB)}],
        NETWORKS: [network("Management", MANAGEMENT), network("Live", LIVE)],
        INTERFACES: [interface(each, net) for each in ("HV01", "HV02") for net in ("Management", "Live")],
        PARAMETERS: [
            {"Name": "MigrationExcludeNetworks", "Value": MANAGEMENT},
            {"Name": "MigrationNetworkOrder", "Value": LIVE},
        ],
    }  # fmt: skip


def clustered(world: World) -> None:
    """hv01 and hv02 become the nodes of a healthy cluster, and the wish a move inside it."""
    for name, answers in world.answers.items():
        answers["Win32_Service"].append({"Name": "ClusSvc", "State": "Running", "StartMode": "Auto"})
        answers["Get-WindowsFeature"].append({"Name": "Failover-Clustering", "InstallState": "Installed"})
        answers.update(_answers())
        world.hosts[name] = replace(world.hosts[name], auth="credssp")
    on_volume(world, "C:\\ClusterStorage\\Volume1\\web01")
    world.put("hv01", "Get-VM", IsClustered=True)
    world.kind = "cluster"
    world.storage = StorageWish()


def on_volume(world: World, folder: str) -> None:
    """web01 lies in another folder."""
    disk = f"{folder}\\web01.vhdx"
    world.put("hv01", "Get-VM", Path=folder, ConfigurationLocation=folder, SnapshotFileLocation=folder)
    world.put("hv01", "Get-VM | Get-VMHardDiskDrive", Path=disk)
    chain = world.answers["hv01"]["Get-VHD"]
    row = next(iter(chain.rows.values()))
    row["Path"] = disk
    chain.rows = {disk.lower(): row}


def but(*changes: Change) -> Change:
    """The healthy cluster, but."""

    def change(world: World) -> None:
        clustered(world)
        for each in changes:
            each(world)

    return change


def told(statement: str, index: int = 0, **cells: Any) -> Change:
    """Cells of one row of what both nodes say of their cluster."""

    def change(world: World) -> None:
        for answers in world.answers.values():
            answers[statement][index].update(cells)

    return change


def added(statement: str, *rows: Row) -> Change:
    """Rows more of what both nodes say."""

    def change(world: World) -> None:
        for answers in world.answers.values():
            answers.setdefault(statement, []).extend(dict(row) for row in rows)

    return change


def says(statement: str, *rows: Any) -> Change:
    """All that both nodes say."""

    def change(world: World) -> None:
        for host in world.answers:
            world.set(host, statement, *rows)

    return change


def refuses(*statements: str) -> Change:
    """Access denied on both nodes."""

    def change(world: World) -> None:
        for host in world.answers:
            world.refuse(host, *statements)

    return change


def version(name: str, level: int, build: int) -> Change:
    """Another Windows on both nodes."""

    def change(world: World) -> None:
        for host in world.answers:
            world.version(host, name)
        told(CLUSTER, ClusterFunctionalLevel=level)(world)
        told(NODES, 0, BuildNumber=build)(world)
        told(NODES, 1, BuildNumber=build)(world)

    return change


def host(name: str, statement: str, **cells: Any) -> Change:
    """Cells of the first row of one host's answer."""
    return lambda world: world.put(name, statement, **cells)


def entry(name: str, **more: Any) -> Change:
    """Something else in the inventory."""

    def change(world: World) -> None:
        world.hosts[name] = replace(world.hosts[name], **more)

    return change


def service(name: str, **cells: Any) -> Change:
    """The cluster service of one host."""

    def change(world: World) -> None:
        row: dict[str, Any] = next(row for row in world.answers[name]["Win32_Service"] if row["Name"] == "ClusSvc")
        row.update(cells)

    return change


OTHER = uuid.UUID("77777777-2222-3333-4444-555555555555")
Make = Callable[..., Change]
