"""Labs for the benches: fabrics that are generated, each served by a process of its own while it is measured."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from winmigrate.cli.clocks import ground_for
from winmigrate.cli.labs import lab
from winmigrate.lab.control_client import ControlClient
from winmigrate.verbs.ground import Ground, stand

PASSWORD = "Spare key 0x2F!"
USER = "CORP\\ops"

#: What every VM of a generated fabric is; small, so that a move of it takes few seconds.
VM = {"memory": "1 GB", "dirty_rate": "20 MB", "write_rate": "20 MB"}


def fabric(hosts: int, vms: int, *, full: int | None = None, limit: int = 2, memory: str = "2 TB",
           used: str = "2 GB", disks: int = 1, **vm: Any) -> dict[str, Any]:  # fmt: skip
    """``hosts`` hosts hv01, hv02, ...; the first ``full`` of them (all) with ``vms`` VMs each, of ``disks`` disks."""
    made: dict[str, Any] = {}
    for number in range(1, hosts + 1):
        there = vms if full is None or number <= full else 0
        made[f"hv{number:02}"] = {
            "version": "2022",
            "memory": memory,
            "nic": "10 Gbit",
            "addresses": [f"10.20.{number // 250}.{number % 250 + 1}/16"],
            "volumes": {"C": {"size": "200 GB", "used": "60 GB"}, "D": {"size": "200 TB"}},
            "switches": ["External"],
            "migration": {"limit": limit, "storage_limit": limit},
            "vms": {f"vm{number:02}-{index:03}": _vm(f"vm{number:02}-{index:03}", used, disks, vm)
                    for index in range(there)},
        }  # fmt: skip
    return {
        "fabric": "bench",
        "seed": 7,
        "domain": "corp.example",
        "users": {"ops": {"password": PASSWORD, "administrator": True}},
        "delegation": {name: [other for other in made if other != name] for name in made},
        "hosts": made,
    }


def _vm(name: str, used: str, disks: int, more: dict[str, Any]) -> dict[str, Any]:
    paths = [f"D:\\VMs\\{name}\\disk{index}.vhdx" for index in range(disks)]
    return {**VM, "disks": [{"path": path, "size": "40 GB", "used": used} for path in paths], **more}


@dataclass(slots=True)
class Site:
    """A served fabric: ``folder`` has its inventory.yml; ``ready`` the ports; ``pid`` the lab's process."""

    folder: Path
    control: ControlClient
    ready: dict[str, Any]
    pid: int

    def ground(self, *, own_clock: bool = False) -> Ground:
        """The ground of our verbs: on the fabric's clock, or on this machine's (``own_clock``)."""
        inventory, runs = self.folder / "inventory.yml", self.folder / "runs"
        return stand(inventory, run_dir=runs) if own_clock else ground_for(str(inventory), str(runs))

    def round_trip(self, milliseconds: int) -> None:
        """From now on every request and every new connection waits so long before it is looked at; 0: no more."""
        self.control.ask("fault.clear")
        if milliseconds:
            self.control.ask("fault.add", fault={"kind": "latency", "milliseconds": milliseconds})

    def log(self, kind: str, after: int = 0) -> list[dict[str, Any]]:
        """Entries of the lab's log, in order."""
        entries: list[dict[str, Any]] = self.control.ask("log", kind=kind, after=after)["entries"]
        return entries

    def mark(self) -> int:
        """Where the log ends now: for ``after``."""
        entries = self.control.ask("log")["entries"]
        return int(entries[-1]["n"]) if entries else 0

    def cpu(self) -> float:
        """Seconds of processor time that the lab has used."""
        words = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def served(world: dict[str, Any], *, clock: str = "leap", http: bool = False) -> Iterator[Site]:
    """Serves a fabric as :func:`fabric` makes it, from a temporary folder that is deleted afterwards."""
    with TemporaryDirectory(prefix="winmigrate-bench-") as name:
        folder = Path(name)
        file = folder / "fabric.yml"
        file.write_text(json.dumps(world), encoding="utf-8")  # JSON is YAML, and quicker to write
        with lab(file, folder / "inventory.yml", clock=clock, http=http) as ready:
            control = ControlClient(ready["control"], ready["token"])
            try:
                yield Site(folder, control, ready, int(ready["pid"]))
            finally:
                control.close()
