"""Kills a run at named points, resumes it, and asks the lab's own log what happened.

``python -m tests.chaos --kills 200``: each trial starts a lab with four VMs to move, plans, runs, and is killed with
SIGKILL the n-th time it comes to a kill point (winmigrate.execution.points); then it is resumed. Judged by the lab:
every VM is once in the fabric, on its planned host, running, with all its files; no planned VM is left; no move was
started twice. Prints a histogram of the points at which runs were really killed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from winmigrate.cli.labs import lab
from winmigrate.lab.control_client import ControlClient

FABRIC = Path(__file__).parent.parent / "fixtures" / "fabrics" / "chaos.yml"

PLAYBOOK = r"""
winmigrate: 1
inventory: inventory.yml
migrations:
  - choose: {from: hv01}
    to: [hv02, hv03]
    storage: {path: 'D:\VMs\{vm}'}
    networks: {External: Ext}
"""

#: Kill points, and how often a run of four VMs comes to each at least.
POINTS: dict[str, int] = {
    "before-intent": 4,
    "between-intent-and-send": 4,
    "between-send-and-reply": 4,
    "phase-negotiating": 4,
    "phase-storage": 12,
    "phase-mirror": 4,
    "phase-memory": 6,
    "phase-finishing": 1,
    "verification": 4,
}


@dataclass(slots=True)
class Trial:
    """One kill and what became of it. ``faults`` empty: all is as it should be."""

    point: str
    number: int
    killed: bool = False
    faults: list[str] = field(default_factory=list)


def winmigrate(folder: Path, *words: str, kill_at: str = "") -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
    environment = dict(os.environ)
    environment.pop("WINMIGRATE_KILL_AT", None)
    if kill_at:
        environment["WINMIGRATE_KILL_AT"] = kill_at
    return subprocess.run(
        [sys.executable, "-m", "winmigrate", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def trial(point: str, number: int) -> Trial:
    """Kills one run the ``number``-th time it comes to ``point``, resumes it, and judges."""
    result = Trial(point, number)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "playbook.yml").write_text(PLAYBOOK, encoding="utf-8")
        with lab(FABRIC, folder / "inventory.yml", http=True) as ready:
            planned = winmigrate(folder, "plan", "playbook.yml")
            if planned.returncode != 0:
                result.faults.append(f"plan ended with {planned.returncode}: {planned.stderr}{planned.stdout}")
                return result
            run_id = next((folder / "runs").iterdir()).name
            run = winmigrate(folder, "run", run_id, "--yes", kill_at=f"{point}:{number}")
            result.killed = run.returncode == -9
            if result.killed:
                run = winmigrate(folder, "resume", run_id)
            if run.returncode != 0:
                result.faults.append(f"ended with {run.returncode}: {run.stderr[-1500:]}{run.stdout[-1500:]}")
            plan = json.loads((folder / "runs" / run_id / "plan.json").read_text("utf-8"))["body"]
            result.faults += judge(plan, ready)
    return result


def judge(plan: dict[str, Any], ready: dict[str, Any]) -> list[str]:
    """What is wrong, by the lab's own world and log."""
    control = ControlClient(ready["control"], ready["token"])
    try:
        world = control.ask("snapshot")["world"]["hosts"]
        log = control.ask("log")["entries"]
    finally:
        control.close()
    wrong: list[str] = []
    places: dict[str, list[str]] = {}
    for host, facts in world.items():
        wrong += [f"planned VM {vm['name']} left on {host}" for vm in facts["planned"]]
        for vm in facts["vms"]:
            places.setdefault(vm["id"].lower(), []).append(host)
            if vm["state"] != "Running":
                wrong.append(f"{vm['name']} is {vm['state']} on {host}")
            files = {file["path"].casefold() for file in facts["files"] if not file["partial"]}
            wrong += [f"{vm['name']}: {disk} is not on {host}" for disk in vm["disks"] if disk.casefold() not in files]
    starts = Counter(entry["vm"].lower() for entry in log if entry["kind"] == "move-started")
    ends = Counter(entry["vm"].lower() for entry in log if entry["kind"] == "move-ended" and entry["state"] == 7)
    for step in plan["steps"]:
        move = step["move"]
        vm, name = move["vm_id"], move["vm_name"]
        if places.get(vm) != [move["destination"]]:
            wrong.append(f"{name} is on {places.get(vm)}, planned on {move['destination']}")
        if starts[vm] != 1:
            wrong.append(f"{name} was sent {starts[vm]} times")
        if ends[vm] != 1:
            wrong.append(f"{name} ended well {ends[vm]} times")
    return wrong


def choose(kills: int, seed: int) -> list[tuple[str, int]]:
    """``kills`` (point, number), every point as often as the others, the numbers by the seed."""
    chance = random.Random(seed)
    points = list(POINTS)
    chosen = [points[index % len(points)] for index in range(kills)]
    return [(point, chance.randint(1, POINTS[point])) for point in chosen]


def run_trials(kills: int, seed: int, workers: int = 2) -> list[Trial]:
    """All trials; one that ended before its point came is tried again at the point's first time."""
    guard = threading.Lock()

    def one(wanted: tuple[str, int]) -> Trial:
        done = trial(*wanted)
        if not done.killed and not done.faults:
            done = trial(wanted[0], 1)
        with guard:
            if done.faults:
                print(f"{done.point}:{done.number}: " + "; ".join(done.faults), flush=True)
        return done

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, choose(kills, seed)))


def histogram(trials: list[Trial]) -> str:
    """Kills by point."""
    killed = Counter(item.point for item in trials if item.killed)
    lines = [f"  {point:<26} {killed[point]:>4}  {'#' * killed[point]}" for point in POINTS]
    return "\n".join([*lines, f"  {'in all':<26} {sum(killed.values()):>4}"])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    trials = run_trials(given.kills, given.seed, given.workers)
    print(histogram(trials))
    bad = [item for item in trials if item.faults or not item.killed]
    print(f"{len(trials) - len(bad)} of {len(trials)} resumed to the same end")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
