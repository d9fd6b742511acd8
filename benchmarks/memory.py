"""Memory for 200 moves that are followed at once: 40 hosts, five moves from each to the next.

A process of its own drives the run on this machine's clock, and tells its resident memory when its plan stands and when
all 200 move; the difference over 200 is what a followed move costs: a thread, a session with its runspace, the step's
state, and its part of the watchers. For ten seconds more it only follows; what that takes of a processor is told too.
Then it leaves the run to itself. The lab's limits and the playbook's are raised so that all may run at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.labs import fabric, served

HOSTS, EACH = 40, 5
#: All of 200 moves, with what was there before, in a process that a small ops box can bear: MB.
TARGET = 256.0
#: So many seconds all of them are only followed.
FOLLOWED = 10.0


def measure(hosts: int = HOSTS, each: int = EACH) -> list[Figure]:
    world = fabric(hosts, each, limit=2 * each, used="400 GB", memory="256 GB")
    for host in world["hosts"].values():
        host["nic"] = "1 Gbit"  # hours: none is done before the last one has begun
    moves = hosts * each
    with served(world, clock="real", http=True) as site:
        (site.folder / "playbook.yml").write_text(_playbook(list(world["hosts"]), each), encoding="utf-8")
        before = site.cpu()
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", str(site.folder)], stdout=subprocess.PIPE, check=True, text=True
        )
        found = json.loads(told.stdout)
        lab = site.cpu() - before
        started = len(site.log("move-started"))
    if found["moving"] != moves or started != moves:
        raise ValueError(f"{found['moving']} of {moves} were followed at once, {started} begun: {found['outcomes']}")
    return [
        Figure("resident when the plan stands", found["before"], "MB"),
        Figure(f"resident while {moves} moves are followed", found["during"], "MB", TARGET),
        Figure("  per followed move", (found["during"] - found["before"]) * 1000 / moves, "kB"),
        Figure(f"  threads then ({moves} moves, {hosts} watchers)", found["threads"], ""),
        Figure("processor time of following them, of one processor", found["share"] * 100, "%"),
        Figure("from the plan until all are under way", found["seconds"], "s"),
        Figure("  of it, processor time of winmigrate, per move", found["cpu"] / moves, "s"),
        Figure("  of it, processor time of the lab, per move", lab / moves, "s"),
    ]


def _playbook(hosts: list[str], each: int) -> str:
    wishes = [
        {"choose": {"from": name, "name": f"vm{name[2:]}-*"}, "to": hosts[(index + 1) % len(hosts)],
         "storage": {"path": "D:\\Moved\\{vm}"}}
        for index, name in enumerate(hosts)
    ]  # fmt: skip
    limits = {"live": 2 * each, "storage": 2 * each, "run": len(hosts) * each}
    return json.dumps({"winmigrate": 1, "inventory": "inventory.yml", "migrations": wishes, "limits": limits})


def resident() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def follow(folder: Path) -> dict[str, Any]:
    """Drives the run of a folder until all of its moves are under way, then leaves it."""
    from winmigrate import verbs
    from winmigrate.execution.run import Run, Snapshot
    from winmigrate.execution.states import Status
    from winmigrate.verbs.ground import stand

    ground = stand(folder / "inventory.yml", run_dir=folder / "runs")
    planned = verbs.plan(folder / "playbook.yml", ground=ground)
    found: dict[str, Any] = {"before": resident(), "moving": 0}
    began, worked = time.perf_counter(), time.process_time()
    runs: list[Run] = []
    newest: list[Snapshot] = []

    def look(now: Snapshot) -> None:
        newest[:] = [now]

    def leave() -> None:
        while True:
            time.sleep(0.2)
            states = newest[0].states.values() if newest else ()
            moving = sum(state.status is Status.MOVING and state.seen_moving for state in states)
            over = [state.outcome for state in states if state.status.final]
            if (states and moving == len(states)) or over:
                break
        worked_then = time.process_time()
        found.update(moving=moving, outcomes=over, seconds=time.perf_counter() - began, cpu=worked_then - worked)
        time.sleep(FOLLOWED)
        found.update(share=(time.process_time() - worked_then) / FOLLOWED, during=resident(),
                     threads=threading.active_count() - 1)  # fmt: skip
        runs[0].stop()
        runs[0].stop()

    threading.Thread(target=leave, daemon=True).start()
    verbs.run(planned.folder, ground=ground, on_snapshot=look, on_run=runs.append)
    return found


if __name__ == "__main__":
    print(json.dumps(follow(Path(sys.argv[1]))), flush=True)
    # The moves go on at the hosts; the threads that followed them are not waited for.
    os._exit(0)
