"""A lab for a test: a fabric in a process of its own, and the ground to call verbs on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winmigrate.testing.serving import lab, lab_clock

if TYPE_CHECKING:
    from winmigrate.lab.clock import LabClock
    from winmigrate.lab.control_client import ControlClient
    from winmigrate.verbs import Ground


@dataclass(slots=True)
class Site:
    """A served fabric: its folder (inventory.yml, playbook.yml), its control socket, the ready line."""

    folder: Path
    control: ControlClient
    ready: dict[str, Any]
    _clock: LabClock | None = None

    @property
    def playbook(self) -> Path:
        return self.folder / "playbook.yml"

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yml"

    def ground(self, **more: Any) -> Ground:
        """A ground with a clock of its own, as a new process has. The one before it ends, else it is waited for.

        ``more`` goes to winmigrate.stand (``recording``).
        """
        from winmigrate.inventory import load_inventory
        from winmigrate.verbs import stand

        self.leave()
        loaded = load_inventory(self.inventory)
        self._clock = lab_clock(loaded)
        return stand(loaded, clock=self._clock, run_dir=self.folder / "runs", **more)

    def leave(self) -> None:
        """Ends the clock of the last ground."""
        if self._clock is not None:
            self._clock.close()
            self._clock = None

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
def site(folder: Path, fabric: Path | str, *, http: bool = True, playbook: str = "") -> Iterator[Site]:
    """Serves a fabric (a file, or its text) in ``folder`` while this lasts; ``playbook``: the text of playbook.yml."""
    from winmigrate.lab.control_client import ControlClient

    if isinstance(fabric, str):
        (folder / "fabric.yml").write_text(fabric, encoding="utf-8")
        fabric = folder / "fabric.yml"
    if playbook:
        (folder / "playbook.yml").write_text(playbook, encoding="utf-8")
    with lab(fabric, folder / "inventory.yml", http=http) as ready:
        control = ControlClient(ready["control"], ready["token"])
        place = Site(folder, control, ready)
        try:
            yield place
        finally:
            place.leave()
            control.close()
