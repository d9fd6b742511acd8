"""Small worlds for tests, and a way to let their moves run to the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from winmigrate.lab.fabric.identity import Logon
from winmigrate.lab.fabric.layout import MoveSettings
from winmigrate.lab.fabric.loading import make_world, read_fabric
from winmigrate.lab.fabric.migration import start_migration
from winmigrate.lab.fabric.world import VM, Job, World

SECRET = "Blue door 41"
CREDENTIAL = ("CORP\\ops", SECRET)

HEAD = f"""
users: {{ops: {{password: {SECRET}}}}}
delegation: {{hv01: [hv02], hv02: [hv01]}}
"""

TWO_HOSTS = HEAD + """
hosts:
  hv01:
    volumes: {D: 1 TB, E: 1 TB}
    vms:
      web01: {memory: 4 GB, disks: [{path: 'D:\\VMs\\web01\\web01.vhdx', used: 10 GB}]}
  hv02: {volumes: {D: 1 TB}}
"""


@contextmanager
def world_of(text: str, mode: str = "leap") -> Iterator[World]:
    world = make_world(read_fabric(text, "fabric.yml"), mode=mode)
    try:
        yield world
    finally:
        world.clock.close()


def vm_of(world: World, name: str, host: str = "hv01") -> VM:
    (vm,) = world.hosts[host].vm(name)
    return vm


def ops(protocol: str = "ntlm", host: str = "hv01", user: str = "CORP\\ops") -> Logon:
    return Logon(user, protocol, protocol == "credssp", host)


def settings(name: str = "web01", **more: Any) -> MoveSettings:
    usual: dict[str, Any] = {
        "include_storage": True, "storage_path": f"D:\\VMs\\{name}", "credential": CREDENTIAL}
    return MoveSettings(**{**usual, **more})


def move(world: World, name: str = "web01", to: str = "hv02", *, source: str = "hv01", **more: Any) -> Job:
    """Starts a move as ops."""
    caller = more.pop("caller", ops())
    vm = vm_of(world, name, source)
    return start_migration(world, world.hosts[source], vm.id, to, settings(name, **more), caller)


def run(world: World, *jobs: Job) -> None:
    """Lets time leap until all jobs have ended."""
    with world.clock.parked():
        world.clock.wait(None, lambda: all(job.ended for job in jobs))


def sleep(world: World, seconds: float) -> None:
    """Lets that much fabric time pass."""
    with world.clock.parked():
        world.clock.wait(world.clock.monotonic() + seconds, None)
