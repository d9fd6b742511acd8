"""What machines are fitted with: a destination that cannot take it refuses the move, and Compare-VM says why."""

from __future__ import annotations

import pytest

from tests.lab.fabric.worlds import HEAD, move, ops, run, settings, vm_of, world_of
from winmigrate.errors import InputFaults
from winmigrate.lab.fabric.migration import compare

WORLD = HEAD + """
hosts:
  hv01: {version: 2019, volumes: {D: 1 TB}, ON_SOURCE vms: {web01: {memory: 2 GB, MACHINE}}}
  hv02: {version: 2019, volumes: {D: 1 TB}, ON_TARGET}
"""
_KEYS = "The key protector for the virtual machine 'web01' could not be unwrapped. HostGuardianService returned: One or"


def fabric(machine: str, here: str = "", there: str = "") -> str:
    text = WORLD.replace("MACHINE", machine).replace("ON_SOURCE", f"{here}," if here else "")
    return text.replace(", ON_TARGET", f", {there}" if there else "")


PMEM = "disks: [{path: 'D:\\a.vhdpmem', controller: PMEM, size: 1 GB, used: 1 GB}]"
PROFILE = "disks: ['D:\\UVHD-S-1-5-21-1-2-3-1107.vhdx']"
HGS = "guarded: https://hgs1.corp.example/Attestation"


@pytest.mark.parametrize(
    ("machine", "here", "there", "words"),
    [
        ("generation: 1, floppy: 'D:\\boot.vfd'", "", "", "failed to add device 'Virtual Floppy Disk'"),
        ("gpu_partitions: [{migration: true}]", "", "", "GPU partition"),
        (PMEM, "", "", "persistent memory"),
        (PROFILE, "", "", "user profile disk"),
        ("pools: {Processor: Gold}", "", "pools: [{type: Memory, name: Gold}]", "find the resource pool 'Gold'"),
        ("tpm: true", "", "certificates: []", _KEYS),
        ("tpm: true", "certificates: [CN=Own]", "", _KEYS),
        ("tpm: true", "certificates: [CN=Own]", "certificates: [{subject: CN=Own, private_key: false}]", _KEYS),
        ("tpm: true", HGS, f"certificates: [], {HGS}2", _KEYS),
        ("tpm: true, shielded: true", HGS, "", "is not a guarded host of the same fabric"),
    ],
)
def test_a_destination_that_lacks_what_it_needs_refuses(machine: str, here: str, there: str, words: str) -> None:
    with world_of(fabric(machine, here, there)) as world:
        report = compare(world, world.hosts["hv01"], vm_of(world, "web01").id, "hv02", settings(), ops())
        assert words in " ".join(entry.message for entry in report.incompatibilities)
        job = move(world)
        run(world, job)
        assert job.failure is not None
        assert words in job.failure.message
        assert vm_of(world, "web01").running


@pytest.mark.parametrize(
    ("machine", "here", "there"),
    [
        ("generation: 1", "", ""),
        ("generation: 1, floppy: 'D:\\boot.vfd'", "", "files: {'D:\\boot.vfd': 1 MB}"),
        ("tpm: true, encrypt_traffic: true", "", ""),
        ("tpm: true, guardians: [CN=B]", "certificates: [CN=A, CN=B]", "certificates: [CN=B]"),
        ("tpm: true, shielded: true", HGS, f"certificates: [], {HGS}"),
        ("pools: {Processor: Gold}", "", "pools: [{type: Processor, name: gold}]"),
        ("remotefx: true", "", ""),
    ],
)
def test_one_that_has_it_takes_the_machine(machine: str, here: str, there: str) -> None:
    with world_of(fabric(machine, here, there)) as world:
        job = move(world)
        run(world, job)
        assert job.failure is None
        assert vm_of(world, "web01", "hv02").running


def test_hosts_of_2025_move_what_can_be_moved() -> None:
    text = fabric("gpu_partitions: [{migration: true}]").replace("version: 2019", "version: 2025")
    with world_of(text) as world:
        job = move(world)
        run(world, job)
        assert job.failure is None


@pytest.mark.parametrize(
    ("machine", "here", "fault"),
    [
        ("floppy: 'D:\\a.vfd'", "", "a machine of generation 2 has no floppy disk drive"),
        ("tpm: true, guardians: [CN=X]", "", 'the host has no certificate "CN=X"'),
        ("pools: {Gold: Processor}", "", "wanted: one of Memory, Processor"),
        ("remotefx: yes please", "", "fabric.yml:"),
        ("", "numa: [{free: 1 GB}]", "memory"),
    ],
)
def test_faults_have_their_place(machine: str, here: str, fault: str) -> None:
    with pytest.raises(InputFaults) as raised, world_of(fabric(machine, here)):
        pass
    assert fault in str(raised.value)
