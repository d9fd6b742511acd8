"""A lab for a test: a fabric in a process of its own, and the ground to call verbs on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winmigrate.cli.clocks import ground_for
from winmigrate.cli.labs import lab
from winmigrate.lab.clock import LabClock
from winmigrate.lab.control_client import ControlClient
from winmigrate.verbs.ground import Ground

FABRICS = Path(__file__).parent.parent.parent / "fixtures" / "fabrics"

PLAYBOOK = r"""
winmigrate: 1
inventory: inventory.yml
migrations:
  - choose: {from: hv01}
    to: [hv02, hv03]
    storage: {path: 'D:\VMs\{vm}'}
    networks: {External: Ext}
"""


@dataclass(slots=True)
class Site:
    """A served fabric: its folder (inventory.yml, playbook.yml), its control socket, the ready line."""

    folder: Path
    control: ControlClient
    ready: dict[str, Any]
    _ground: Ground | None = None

    @property
    def playbook(self) -> Path:
        return self.folder / "playbook.yml"

    def ground(self) -> Ground:
        """A ground with a clock of its own, as a new process has. The one before it ends, else it is waited for."""
        if self._ground is not None:
            assert isinstance(self._ground.clock, LabClock)
            self._ground.clock.close()
        self._ground = ground_for(str(self.folder / "inventory.yml"), str(self.folder / "runs"))
        return self._ground

    def fault(self, **given: Any) -> None:
        """Plans a fault (winmigrate.lab.faults.plan)."""
        self.control.ask("fault.add", fault=given)

    def struck(self) -> list[str]:
        """States of the planned faults."""
        return [fault["state"] for fault in self.control.ask("fault.list")["faults"]]

    def world(self) -> dict[str, Any]:
        """The fabric's hosts as the lab itself knows them."""
        hosts: dict[str, Any] = self.control.ask("snapshot")["world"]["hosts"]
        return hosts

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Entries of the fabric's log."""
        entries: list[dict[str, Any]] = self.control.ask("log", kind=kind)["entries"]
        return entries

    def where(self) -> dict[str, list[str]]:
        """VM name -> the hosts it is registered on."""
        found: dict[str, list[str]] = {}
        for host, facts in self.world().items():
            for vm in facts["vms"]:
                found.setdefault(vm["name"], []).append(host)
        return found


@contextlib.contextmanager
def site(folder: Path, fabric: Path | str, *, http: bool = True, playbook: str = PLAYBOOK) -> Iterator[Site]:
    """Serves a fabric (a file, or its text) while the test runs."""
    if isinstance(fabric, str):
        (folder / "fabric.yml").write_text(fabric, encoding="utf-8")
        fabric = folder / "fabric.yml"
    (folder / "playbook.yml").write_text(playbook, encoding="utf-8")
    with lab(fabric, folder / "inventory.yml", http=http) as ready:
        control = ControlClient(ready["control"], ready["token"])
        try:
            yield Site(folder, control, ready)
        finally:
            control.close()
