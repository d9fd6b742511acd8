"""Whatever is started, cancelled, broken or switched off: every VM is whole and in exactly one place."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab.fabric.worlds import CREDENTIAL, SECRET, ops, run, sleep, world_of
from winmigrate.lab.fabric import outage
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.layout import MoveSettings
from winmigrate.lab.fabric.migration import compare, destroy_planned, request_state_change, start_migration
from winmigrate.lab.fabric.world import GIB, VM, World

HOSTS = ("hv01", "hv02", "hv03")
FABRIC = f"""
users: {{ops: {{password: {SECRET}}}}}
delegation: {{hv01: [hv02, hv03], hv02: [hv01, hv03], hv03: [hv01, hv02]}}
hosts:
  hv01:
    memory: 24 GB
    vms:
      a: {{memory: 4 GB, disks: [{{path: 'D:\\a.vhdx', used: 8 GB}}], checkpoints: [one]}}
      b: {{memory: 6 GB, disks: [{{path: 'D:\\b.vhdx', used: 4 GB}}, {{path: 'D:\\b2.vhdx', used: 1 GB}}]}}
  hv02: {{memory: 16 GB, vms: {{c: {{memory: 2 GB, dirty_rate: 2 GB, disks: [{{path: 'D:\\c.vhdx', used: 2 GB}}]}}}}}}
  hv03: {{memory: 12 GB, volumes: {{D: 14 GB}}}}
"""

VMS = st.sampled_from(["a", "b", "c"])
HOST = st.sampled_from(HOSTS)
STEPS = st.one_of(
    st.tuples(st.just("move"), VMS, HOST),
    st.tuples(st.just("compare"), VMS, HOST),
    st.tuples(st.just("cancel"), VMS),
    st.tuples(st.just("sleep"), st.sampled_from([0.5, 1.2, 3.0, 8.0, 30.0])),
    st.tuples(st.just("break"), VMS, st.sampled_from(["reset", "timeout", "disk-full"]), st.booleans()),
    st.tuples(st.just("crash"), HOST),
    st.tuples(st.just("destroy"), VMS, HOST),
)


def find(world: World, name: str) -> tuple[Any, VM]:
    ((host, vm),) = [(host, vm) for host in world.hosts.values() for vm in host.vms.values() if vm.name == name]
    return host, vm


def do(world: World, step: tuple[Any, ...]) -> None:
    kind = step[0]
    if kind == "sleep":
        sleep(world, step[1])
    elif kind == "crash":
        outage.crash(world, world.hosts[step[1]], back_after=40)
    else:
        host, vm = find(world, step[1])
        if kind in ("move", "compare"):
            asked = MoveSettings(storage_path=f"D:\\VMs\\{world.serial}", credential=CREDENTIAL)
            act = start_migration if kind == "move" else compare
            with suppress(MigrationFailure):
                act(world, host, vm.id, step[2], asked, ops(host=host.key))
        elif kind == "cancel":
            for job in host.jobs:
                assert request_state_change(world, job, 4) in (4096, 32775)
        elif kind == "break":
            for move in outage.moves_of(world, vm.name):
                outage.break_move(world, move, step[2], leave=step[3])
        elif kind == "destroy":
            with suppress(MigrationFailure):
                destroy_planned(world, world.hosts[step[2]], vm.id)


def check(world: World, *, at_rest: bool) -> None:
    found = [vm.name for host in world.hosts.values() for vm in host.vms.values()]
    assert sorted(found) == ["a", "b", "c"]
    active = [move for move in world.moves.values() if not move.over]
    for host in world.hosts.values():
        for vm in host.vms.values():
            for disk in vm.all_disks():
                entry = host.files.get(disk.path or "")
                assert entry is not None
                assert not entry.partial
                assert host.files.chain(entry.path)[-1].vhd.kind == "Dynamic"  # type: ignore[union-attr]
        assert host.memory_pledged == sum(move.vm.memory.assigned for move in active if move.destination is host
                                          and not move.landed and move._pledged)
        assert sum(vm.memory.assigned for vm in host.vms.values()) + host.memory_pledged <= host.memory - 4 * GIB
        assert host.volumes["D"].other + host.files.used("D") <= host.volumes["D"].size
        here = [move for move in active if host in (move.source, move.destination)]
        assert len(here) <= host.migration.limit
        if at_rest:
            assert all(switch.ports == 0 for switch in host.switches)
            assert all(job.ended for job in host.jobs)
            assert {vm.secondary_status for vm in host.vms.values()} <= {None}
    if at_rest:
        assert not active
        assert all(find(world, name)[1].state == "Running" for name in "abc")


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=150, deadline=None)
def test_every_vm_is_whole_and_in_one_place(steps: list[tuple[Any, ...]]) -> None:
    with world_of(FABRIC) as world:
        for step in steps:
            do(world, step)
            check(world, at_rest=False)
        run(world, *[move.job for move in world.moves.values()])
        sleep(world, 100.0)
        check(world, at_rest=True)
        started = world.log.read(kind="move-started")
        ended = world.log.read(kind="move-ended")
        assert sorted(entry["job"] for entry in started) == sorted(entry["job"] for entry in ended)
