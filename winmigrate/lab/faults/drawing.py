"""Faults drawn by a seed: the same seed and fabric, the same faults."""

from __future__ import annotations

import random
from typing import Any

from winmigrate.lab.fabric.cluster import Cluster, cluster_of
from winmigrate.lab.fabric.phases import PHASES
from winmigrate.lab.fabric.world import VM, Host, World
from winmigrate.lab.faults.cluster_strikes import CLUSTER_STRIKES
from winmigrate.lab.faults.strikes import STRIKES

#: Never drawn: what a fabric does not recover from, so that nothing after it would be met.
LASTING = frozenset({"expire-password", "refuse-migrations"})
WIRE = ("drop", "lose-reply", "truncate", "http-error", "loss")


def draw(world: World, count: int, seed: int) -> list[dict[str, Any]]:
    """``count`` faults as a fabric file would write them, each at a phase of a VM's move; none without a VM."""
    dice = random.Random(f"{seed}/faults")
    places = [(host, vm) for host in world.hosts.values() for vm in host.vms.values()]
    return [_one(world, dice, *dice.choice(places)) for _ in range(count)] if places else []


def _one(world: World, dice: random.Random, home: Host, vm: VM) -> dict[str, Any]:
    kinds = [*WIRE, *(name for name in STRIKES if name not in LASTING)]
    cluster = cluster_of(world, home)
    if cluster is not None:
        kinds += [name for name in CLUSTER_STRIKES if cluster.volumes or "csv" not in name]
    kind = dice.choice(kinds)
    others = [host for host in world.hosts.values() if host is not home] or [home]
    away = dice.choice(others)
    either = dice.choice([home, away]).key
    phase = dice.choice(PHASES)
    lasts = dice.choice([5, 20, 60, 300])
    own: dict[str, dict[str, Any]] = {
        "backup": {"host": home.key, "lasts": lasts}, "crash": {"host": either, "down": lasts},
        "break-move": {"how": dice.choice(["reset", "timeout", "disk-full", "memory"]), "leave": dice.random() < 0.5},
        "fill-disk": {"host": away.key, "volume": dice.choice(list(away.volumes)), "free": "1 GB"},
        "leftover-planned": {"host": away.key}, "leftover-file": {}, "slow": {"host": either, "rate": "100 Mbit"},
        "restart-vmms": {"host": either}, "stall": {"host": either, "lasts": 5, "every": 10, "times": 5},
        "split": {"host": home.key, "lasts": lasts, **({"other": away.key} if away is not home else {})},
        "take-memory": {"host": away.key, "free": "1 GB", "lasts": lasts},
        "rename-vm": {"host": home.key, "to": f"{vm.name} renamed"},
        "change-vm": {"host": home.key, "what": dice.choice(["notes", "checkpoint", "disconnect"])},
        "finish-move": {}, "stick-job": {"lasts": lasts}, "forget-job": {}, "no-domain": {"lasts": lasts},
        "clock-jump": {"host": either, "seconds": dice.choice([-3600, 3600])},
        "http-error": {"host": either, "status": 503}, "loss": {"host": either, "nth": 5, "milliseconds": 20},
    }  # fmt: skip
    if cluster is not None:
        own |= _of_cluster(dice, cluster, home, lasts)
    mine = own.get(kind, {"host": either})
    at = {"vm": str(vm.id), "phase": phase} if kind != "leftover-planned" else {"vm": str(vm.id), "phase": "negotiate"}
    return {"kind": kind, **mine, **at, "after": dice.choice([0, 0, 1, 5])}


def _of_cluster(dice: random.Random, cluster: Cluster, home: Host, lasts: int) -> dict[str, dict[str, Any]]:
    volume = dice.choice(cluster.volumes).leaf if cluster.volumes else ""
    node = dice.choice(list(cluster.nodes))
    return {
        "fail-over": {}, "pause-node": {"host": node, "drain": dice.random() < 0.5, "lasts": lasts},
        "fill-csv": {"volume": volume, "free": "1 GB"}, "csv-offline": {"volume": volume, "lasts": lasts},
        "redirect-csv": {"volume": volume, "host": node, "lasts": lasts},
        "lose-quorum": {"cluster": cluster.key, "lasts": lasts},
    }  # fmt: skip
