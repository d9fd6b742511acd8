"""Checks of a site: a lab of 40 hosts and 600 VMs surveyed and checked over WinRM; 10,000 VMs on 200 hosts in memory.

The first part is `winmigrate check` as an API call against the lab, which runs beside it on this machine: requests are
counted by the lab, by host; the same is asked with a tenth of the VMs, and the requests a host gets must be as many.
The second part is run_checks alone over copied facts (see planning), in a process of its own, so that what is resident
is its own: seconds of its processor, and the resident memory that the findings took on top of the facts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures import Figure, say
from benchmarks.labs import fabric, served
from benchmarks.memory import resident

HOSTS, EACH = 40, 30
SITES: tuple[tuple[int, int], ...] = ((2_500, 50), (5_000, 100), (10_000, 200))
#: Time for twice as many VMs that still counts as near linear; megabytes that a small ops box can bear.
NEAR_LINEAR, BEARABLE = 2.4, 2000.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One check over WinRM: seconds, requests of the busiest host by their action, findings, candidates."""

    seconds: float
    requests: int
    most: int
    findings: int
    candidates: int
    resident: float


def measure(hosts: int = HOSTS, each: int = EACH, sites: tuple[tuple[int, int], ...] = SITES) -> list[Figure]:
    few = _told("site", hosts, max(1, each // 10))
    many = _told("site", hosts, each)
    vms = hosts // 2 * each
    of = f"{hosts} hosts, {vms} VMs over WinRM"
    figures = [
        Figure(f"{of}: survey and check", many["seconds"], "s"),
        Figure(f"  requests in all (pipelines: {many['requests']})", float(many["requests"]), ""),
        Figure("  pipelines of the busiest host", float(many["most"]), "", float(few["most"])),
        Figure(f"  findings of {many['candidates']} candidates", float(many["findings"]), ""),
        Figure("  resident in the end", many["resident"], "MB"),
    ]
    taken: dict[int, float] = {}
    for vms, count in sites:
        found = _told("memory", vms, count)
        taken[vms] = found["seconds"]
        figures += [
            Figure(f"{vms:,} VMs, {count} hosts: run_checks ({found['findings']:,} findings)", found["seconds"], "s"),
            Figure("  resident: facts", found["facts"], "MB"),
            Figure("  resident: facts and findings", found["resident"], "MB", BEARABLE),
        ]
    for less, more in zip(list(taken), list(taken)[1:], strict=False):
        figures.append(Figure(f"growth from {less:,} to {more:,} VMs", taken[more] / taken[less], "x", NEAR_LINEAR))
    say("  the busiest host is held against the same site with a tenth of its VMs")
    return figures


def _told(part: str, *numbers: int) -> dict[str, Any]:
    asked = [sys.executable, "-m", "benchmarks.checks", part, *map(str, numbers)]
    told = subprocess.run(asked, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def site(hosts: int, each: int) -> Asked:
    """A check of a lab whose first half of hosts has ``each`` VMs that may go to either of two others."""
    from winmigrate import verbs

    half = hosts // 2
    with served(fabric(hosts, each, full=half, disks=2), clock="real", http=True) as lab:
        names = [f"hv{number:02}" for number in range(1, hosts + 1)]
        wishes = [
            {"choose": {"from": name}, "to": sorted({names[half + (index + step) % half] for step in range(2)}),
             "storage": {"path": "D:\\Moved\\{vm}"}}
            for index, name in enumerate(names[:half])
        ]  # fmt: skip
        (lab.folder / "playbook.yml").write_text(
            json.dumps({"winmigrate": 1, "inventory": "inventory.yml", "migrations": wishes}), encoding="utf-8"
        )
        ground = lab.ground(own_clock=True)
        began = time.perf_counter()
        found = verbs.check(lab.folder / "playbook.yml", ground=ground)
        seconds = time.perf_counter() - began
        asked = Counter(entry["host"] for entry in lab.log("request") if str(entry.get("action")) == "Command")
    findings = found.findings
    return Asked(
        seconds, sum(asked.values()), max(asked.values()), len(findings.all), len(findings.candidates), resident()
    )


def memory(vms: int, hosts: int) -> dict[str, float]:
    """run_checks over facts in memory."""
    from benchmarks import planning
    from winmigrate.checks import run_checks

    made = planning.made(*planning.template(), vms, hosts)
    facts = resident()
    began = time.process_time()
    findings = run_checks(made.survey, made.candidates, made.playbook, made.inventory, made.now)
    seconds = time.process_time() - began
    return {"seconds": seconds, "facts": facts, "resident": resident(), "findings": len(findings.all)}


if __name__ == "__main__":
    part, numbers = sys.argv[1], [int(each) for each in sys.argv[2:]]
    print(json.dumps(asdict(site(*numbers)) if part == "site" else memory(*numbers)), flush=True)
