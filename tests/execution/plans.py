"""Plans as data for the tests of execution: nothing here speaks to anything."""

from __future__ import annotations

import datetime as dt

from winmigrate.kinds import Move
from winmigrate.planning import HostLimits, Plan, Step, Window

NOW = dt.datetime(2026, 3, 2, 22, 0, tzinfo=dt.timezone.utc)


def move(name: str, source: str = "hv01", destination: str = "hv02") -> Move:
    """A move of a VM whose Id is its name."""
    return Move(
        name, name, source, destination, f"{destination}.corp.example", "shared-nothing", "credential", "Running"
    )


def step(name: str, source: str = "hv01", destination: str = "hv02", minutes: float = 5, **more: object) -> Step:
    """A step whose id is its VM's name."""
    seconds = (minutes * 60, minutes * 60)
    return Step(name, move(name, source, destination), seconds=seconds, **more)  # type: ignore[arg-type]


def plan(*steps: Step, slots: int = 2, run: int = 8, window: Window | None = None, **more: object) -> Plan:
    """A plan of these steps with ``slots`` live and storage slots on every host."""
    hosts = {host for item in steps for host in (item.move.source, item.move.destination)}
    limits = {host: HostLimits(slots, slots) for host in sorted(hosts)}
    settings: dict[str, object] = {"stop_after": 1, "attempts": 1, **more}
    return Plan(
        NOW, "playbook.yml", "inventory.yml", tuple(steps), (), (), (), limits, run,
        lower_bound=0.0, makespan=0.0, window=window, **settings,  # type: ignore[arg-type]
    )  # fmt: skip
