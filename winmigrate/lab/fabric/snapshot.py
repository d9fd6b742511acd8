"""The world as JSON: what a test, a judge or a person looks at."""

from __future__ import annotations

from typing import Any

from winmigrate.lab.fabric.cluster import Cluster
from winmigrate.lab.fabric.migration import current_jobs
from winmigrate.lab.fabric.world import VM, Host, Job, World


def snapshot(world: World) -> dict[str, Any]:
    """Hosts by key, each with what is free, its switches, VMs, planned VMs, jobs and files; clusters by key, with the
    files of their volumes; sizes in bytes.
    """
    with world.lock:
        return {"now": world.clock.monotonic(), "date": world.clock.now().isoformat(),
                "hosts": {key: _host(world, host) for key, host in world.hosts.items()},
                "clusters": {key: _cluster(world, cluster) for key, cluster in world.clusters.items()}}


def _cluster(world: World, cluster: Cluster) -> dict[str, Any]:
    return {
        "name": cluster.name, "quorate": cluster.quorate,
        "nodes": {key: cluster.state(world, key) for key in cluster.nodes},
        "groups": [{"name": group.name, "owner": cluster.owner(world, group),
                    "state": cluster.group_state(world, group), "queued": group.queued} for group in cluster.groups],
        "volumes": [{"name": volume.name, "path": volume.space.root, "owner": volume.space.owner,
                     "state": volume.state, "size": volume.space.volume.size, "free": volume.space.free(),
                     "redirected": sorted(volume.space.redirected),
                     "files": [{"path": entry.path, "size": entry.size} for entry in volume.space.files.own()]}
                    for volume in cluster.volumes],
    }


def _host(world: World, host: Host) -> dict[str, Any]:
    return {
        "name": host.name, "fqdn": host.fqdn, "version": host.version, "reachable": host.reachable,
        "memory_free": host.memory_free(), "memory_pledged": host.memory_pledged,
        "volumes": {letter: {"size": volume.size, "free": host.free(letter)}
                    for letter, volume in host.volumes.items()},
        "switches": [{"name": switch.name, "id": str(switch.id), "ports": switch.ports} for switch in host.switches],
        "vms": [_vm(vm) for vm in host.vms.values()], "planned": [_vm(vm) for vm in host.planned.values()],
        "jobs": [_job(job) for job in current_jobs(world, host)],
        "files": [{"path": entry.path, "size": entry.size, "kind": entry.kind, "partial": entry.partial,
                   "parent": entry.vhd.parent if entry.vhd is not None else None} for entry in host.files.own()],
        "events": [{"id": event.id, "time": event.time.isoformat(), "message": event.message,
                    "parameters": event.parameters} for event in host.events],
    }


def _vm(vm: VM) -> dict[str, Any]:
    return {
        "id": str(vm.id), "name": vm.name, "state": vm.state, "memory": vm.memory.assigned, "config": vm.config_path,
        "primary_status": vm.primary_status, "secondary_status": vm.secondary_status, "planned_from": vm.planned_from,
        "disks": [disk.path if disk.path is not None else f"physical:{disk.number}" for disk in vm.disks],
        "checkpoints": [{"id": str(one.id), "name": one.name, "disks": [disk.path for disk in one.disks]}
                        for one in vm.checkpoints],
        "adapters": [{"id": adapter.id, "mac": adapter.mac, "switch": adapter.switch_name, "vlan": adapter.vlan.access}
                     for adapter in vm.adapters],
    }


def _job(job: Job) -> dict[str, Any]:
    return {"id": job.id, "vm": job.guid, "type": job.type, "state": job.state, "percent": job.percent,
            "phase": job.phase, "destination": job.destination, "error": job.error}
