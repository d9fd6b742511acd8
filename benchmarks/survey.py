"""A survey of 4 hosts with 500 VMs each, against an honest loop over the VMs, host by host.

The loop is what one writes with pypsrp alone: one open pool a host, six cmdlets a VM by its name, each with a
Select-Object of the very columns that the survey reads, so that both bring the same of a VM home. It is measured on 25
VMs a host and scaled to 500; opening its pools is not counted against it. The survey is whole: roll, candidates,
every table of every host, chains of disks, second hops, places of files. Both speak HTTP with NTLM and message
encryption to the same lab in the same run; each once without and once with 20 ms of round trip. Client, lab and loop
share this machine's processors: without round trips it is mostly the lab that is measured.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.figures import Figure, say
from benchmarks.labs import PASSWORD, USER, Site, fabric, served
from winmigrate.playbook.types import Migration, Playbook, Selector, StorageWish, Target
from winmigrate.survey import Survey, call_roll, find_candidates, take_survey
from winmigrate.windows import storage, vm
from winmigrate.windows.table import Table

HOSTS, VMS, SAMPLE = 4, 500, 25
#: Round trips in milliseconds, and how many times faster than the loop the survey is to be there.
ROUND_TRIPS: tuple[tuple[int, float | None], ...] = ((0, None), (20, 20.0))

#: The six cmdlets of the loop: table of ours whose columns it reads, cmdlet, parameter that takes the VM's name.
LOOP: tuple[tuple[Table[Any], str, str], ...] = (
    (vm.VMS, "Get-VM", "Name"),
    (vm.ADAPTERS, "Get-VMNetworkAdapter", "VMName"),
    (storage.HARD_DISKS, "Get-VMHardDiskDrive", "VMName"),
    (vm.CHECKPOINTS, "Get-VMSnapshot", "VMName"),
    (vm.VM_PROCESSORS, "Get-VMProcessor", "VMName"),
    (vm.VM_MEMORY, "Get-VMMemory", "VMName"),
)


def measure(hosts: int = HOSTS, vms: int = VMS, sample: int = SAMPLE) -> list[Figure]:
    figures: list[Figure] = []
    with served(fabric(hosts, vms), clock="real", http=True) as site:
        for milliseconds, target in ROUND_TRIPS:
            site.round_trip(milliseconds)
            figures += _both(site, milliseconds, target, vms, sample)
    return figures


def _both(site: Site, milliseconds: int, target: float | None, vms: int, sample: int) -> list[Figure]:
    at = f"at {milliseconds} ms"
    mark, lab_before, ours_before = site.mark(), site.cpu(), time.process_time()
    began = time.perf_counter()
    survey = _survey(site)
    seconds = time.perf_counter() - began
    lab_cpu, our_cpu = site.cpu() - lab_before, time.process_time() - ours_before
    _must_be_whole(survey, vms)
    asked = Counter(entry["host"] for entry in site.log("request", mark))
    mark = site.mark()
    looped = sum(_loop(site, host, sample) for host in site.ready["hosts"]) * vms / sample
    loop_asked = len(site.log("request", mark)) * vms // sample
    say(f"  {at}: requests of the survey by host: {', '.join(f'{name} {n}' for name, n in sorted(asked.items()))};")
    say(f"  of the loop, in all: {loop_asked} (measured on {sample} VMs a host, scaled to {vms}, as its seconds are)")
    return [
        Figure(f"{at}: the loop, scaled", looped, "s"),
        Figure(f"{at}: the survey", seconds, "s"),
        Figure(f"{at}:   of it, processor time of winmigrate", our_cpu, "s"),
        Figure(f"{at}:   of it, processor time of the lab", lab_cpu, "s"),
        Figure(f"{at}: times as fast as the loop", looped / seconds, "x", target, "at least"),
    ]


def _survey(site: Site) -> Survey:
    ground = site.ground(own_clock=True)
    names = list(site.ready["hosts"])
    roll = call_roll(ground.inventory, ground.connector, ground.clock)
    wish = StorageWish(path="D:\\Moved\\{vm}")
    migrations = tuple(
        Migration(Selector(source=Target("host", name)), (Target("host", names[index - 1]),), storage=wish)
        for index, name in enumerate(names)
    )
    candidates = find_candidates(Playbook("bench.yml", migrations), ground.inventory, roll)
    return take_survey(
        ground.inventory, candidates, roll, ground.connector, ground.clock, credentials=ground.credential_for
    )


def _must_be_whole(survey: Survey, vms: int) -> None:
    """A survey that lost something would be quick and worth nothing. Raises ValueError."""
    for name, facts in survey.hosts.items():
        for table in (facts.vms, facts.adapters, facts.hard_disks, facts.vhds, facts.vm_memory):
            if not isinstance(table, tuple) or len(table) != vms or facts.incomplete:
                raise ValueError(f"the survey of {name} is not whole: {facts.incomplete or table}")


def _loop(site: Site, host: str, sample: int) -> float:
    """Seconds of the honest loop over the first VMs of a host, its pool already open."""
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.wsman import WSMan

    wsman = WSMan(
        "127.0.0.1", port=site.ready["hosts"][host]["http"], ssl=False, auth="ntlm", encryption="always",
        username=USER, password=PASSWORD,
    )  # fmt: skip
    world = site.control.ask("snapshot")["world"]["hosts"][host]
    names = [entry["name"] for entry in world["vms"][:sample]]
    with wsman, RunspacePool(wsman) as pool:
        began = time.perf_counter()
        for name in names:
            for table, cmdlet, parameter in LOOP:
                _ask(PowerShell(pool), cmdlet, parameter, name, table.properties)
        return time.perf_counter() - began


def _ask(shell: Any, cmdlet: str, parameter: str, name: str, columns: Sequence[str]) -> None:
    shell.add_cmdlet(cmdlet).add_parameter(parameter, name)
    shell.add_cmdlet("Select-Object").add_parameter("Property", list(columns))
    shell.invoke()
    if shell.had_errors:
        raise ValueError(f"{cmdlet} -{parameter} {name} failed: {shell.streams.error[0]}")
