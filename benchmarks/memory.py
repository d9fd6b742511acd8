"""Memory for 200 moves that are followed at once, on 40 hosts (20 that send, 20 that receive, ten moves each).

A process of its own drives the run, and tells its resident memory when its plan stands and when all 200 move; the
difference over 200 is what a followed move costs: a thread, a session with its runspace, the step's journal. Then it
leaves the run to itself. The lab's limits and the playbook's are raised so that all may run at once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.labs import fabric, served

PAIRS, EACH = 20, 10
#: All of 200 moves, with what was there before, in a process that a small ops box can bear: MB.
TARGET = 256.0


def measure(pairs: int = PAIRS, each: int = EACH) -> list[Figure]:
    world = fabric(2 * pairs, each, full=pairs, limit=each, used="200 GB", memory="256 GB")
    for host in world["hosts"].values():
        host["nic"] = "1 Gbit"  # hours: none is done before the last one has begun
    with served(world) as site:
        (site.folder / "playbook.yml").write_text(_playbook(pairs, each), encoding="utf-8")
        before = site.cpu()
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", str(site.folder)], stdout=subprocess.PIPE, check=True, text=True
        )
        found = json.loads(told.stdout)
        lab = site.cpu() - before
        started = len(site.log("move-started"))
    moves = pairs * each
    if found["moving"] != moves or started != moves:
        raise ValueError(f"{found['moving']} of {moves} were followed at once, {started} begun; {found['outcomes']}")
    return [
        Figure("resident when the plan stands", found["before"], "MB"),
        Figure(f"resident while {moves} moves are followed", found["during"], "MB", TARGET),
        Figure("per followed move", (found["during"] - found["before"]) * 1000 / moves, "kB"),
        Figure(f"threads then ({moves} moves, {2 * pairs} watchers)", found["threads"], ""),
        Figure("from nothing to all of them followed", found["seconds"], "s"),
        Figure("  of it, processor time of winmigrate", found["cpu"], "s"),
        Figure("  of it, processor time of the lab", lab, "s"),
    ]


def _playbook(pairs: int, each: int) -> str:
    wishes = [
        {"choose": {"from": f"hv{n:02}"}, "to": f"hv{n + pairs:02}", "storage": {"path": "D:\\Moved\\{vm}"}}
        for n in range(1, pairs + 1)
    ]
    limits = {"live": each, "storage": each, "run": pairs * each}
    return json.dumps({"winmigrate": 1, "inventory": "inventory.yml", "migrations": wishes, "limits": limits})


def resident() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    import os

    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def follow(folder: Path) -> dict[str, Any]:
    """Drives the run of a folder until all of its moves are under way, then leaves it."""
    from winmigrate import verbs
    from winmigrate.cli.clocks import ground_for
    from winmigrate.execution.run import Run, Snapshot
    from winmigrate.execution.states import Status

    ground = ground_for(str(folder / "inventory.yml"), str(folder / "runs"))
    planned = verbs.plan(folder / "playbook.yml", ground=ground)
    found: dict[str, Any] = {"before": resident(), "moving": 0}
    began = time.perf_counter()
    runs: list[Run] = []

    def look(now: Snapshot) -> None:
        moving = sum(state.status is Status.MOVING and state.open_intent for state in now.states.values())
        found["moving"] = max(found["moving"], moving)
        over = [state.outcome for state in now.states.values() if state.status.final]
        if (moving == len(now.states) and "during" not in found) or over:
            found.update(during=resident(), threads=threading.active_count(), seconds=time.perf_counter() - began,
                         cpu=time.process_time(), outcomes=over)  # fmt: skip
            runs[0].stop()
            runs[0].stop()

    verbs.run(planned.folder, ground=ground, on_snapshot=look, on_run=runs.append)
    return found


if __name__ == "__main__":
    print(json.dumps(follow(Path(sys.argv[1]))), flush=True)
    sys.stdout.flush()
    # The moves go on at the hosts; the threads that followed them are not waited for.
    import os

    os._exit(0)
