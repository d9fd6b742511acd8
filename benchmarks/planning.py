"""Checks and plan of a whole site in memory: 600 VMs on 40 hosts, 10,000 VMs on 200 hosts, and how time grows.

Facts are those of one host and one VM that a lab was really asked for, through row parsing, copied to as many hosts and
VMs with names, Ids and paths of their own. Half of the hosts send, half receive, each VM may go to either of two. Timed
are run_checks and make_plan, nothing else, in processor seconds of their one thread, which on an idle machine are
seconds; 2,500, 5,000 and 10,000 VMs on hosts in the same proportion show how the time grows: linear is 2.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.figures import Figure, say
from benchmarks.labs import fabric, served
from winmigrate.checks import run_checks
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import Host, Inventory, SecondHop
from winmigrate.planning import make_plan
from winmigrate.playbook.types import Migration, Playbook, RunLimits, Selector, StorageWish, Target
from winmigrate.survey import (
    Candidates,
    HopB,
    HostFacts,
    PairFacts,
    Roll,
    RollEntry,
    RollVM,
    Survey,
    call_roll,
    find_candidates,
    pair_key,
    take_survey,
)
from winmigrate.survey.nouns import NameAsked, PortProbe

WISH = StorageWish(path="D:\\Moved\\{vm}")
#: VMs, hosts, seconds that INTERFACE.md allows.
SITES: tuple[tuple[int, int, float | None], ...] = (
    (600, 40, 2.0),
    (2_500, 50, None),
    (5_000, 100, None),
    (10_000, 200, 10.0),
)
#: Time for twice as many VMs that still counts as near linear.
NEAR_LINEAR = 2.4


@dataclass(frozen=True, slots=True)
class Site:
    """All that checks and plan are made of."""

    inventory: Inventory
    playbook: Playbook
    roll: Roll
    candidates: Candidates
    survey: Survey
    now: dt.datetime


def measure(sites: tuple[tuple[int, int, float | None], ...] = SITES) -> list[Figure]:
    figures: list[Figure] = []
    source, destination = template()
    taken: dict[int, float] = {}
    for vms, hosts, target in sites:
        site = made(source, destination, vms, hosts)
        checks, plan = spent(site, vms)
        taken[vms] = checks + plan
        of = f"{vms:,} VMs, {hosts} hosts"
        figures += [
            Figure(f"{of}: checks and plan", taken[vms], "s", target),
            Figure(f"{of}:   run_checks ({len(site.candidates.candidates):,} candidates)", checks, "s"),
            Figure(f"{of}:   make_plan", plan, "s"),
        ]
    for less, more in zip(list(taken)[1:], list(taken)[2:], strict=False):
        growth = taken[more] / taken[less]
        figures.append(Figure(f"growth from {less:,} to {more:,} VMs", growth, "x", NEAR_LINEAR))
    say("  facts made of a surveyed host and VM, through row parsing, copied")
    return figures


def spent(site: Site, vms: int) -> tuple[float, float]:
    """Processor seconds of run_checks and of make_plan. Raises ValueError if a VM was not placed (less work)."""
    began = time.process_time()
    findings = run_checks(site.survey, site.candidates, site.playbook, site.inventory, site.now)
    checked = time.process_time()
    plan = make_plan(site.survey, site.candidates, findings, site.roll, site.playbook, site.inventory, site.now)
    planned = time.process_time()
    if len(plan.steps) != vms:
        raise ValueError(f"{len(plan.steps)} of {vms} VMs were placed: {plan.refusals[:1]}")
    return checked - began, planned - checked


def template() -> tuple[HostFacts, HostFacts]:
    """The facts of a host with one VM, and of one without, as a survey of a lab brings them."""
    with served(fabric(2, 1, full=1, disks=2, memory="1 TB"), http=True, clock="real") as lab:
        ground = lab.ground(own_clock=True)
        roll = call_roll(ground.inventory, ground.connector, ground.clock)
        wish = Migration(Selector(source=Target("host", "hv01")), (Target("host", "hv02"),), storage=WISH)
        candidates = find_candidates(Playbook("bench.yml", (wish,)), ground.inventory, roll)
        survey = take_survey(
            ground.inventory, candidates, roll, ground.connector, ground.clock, credentials=ground.credential_for
        )
    return survey.host("hv01"), survey.host("hv02")


def made(source: HostFacts, destination: HostFacts, vms: int, hosts: int) -> Site:
    """A site of ``hosts`` hosts, the first half of them with ``vms`` VMs in all."""
    half = hosts // 2
    names = [f"hv{number:03}" for number in range(1, hosts + 1)]
    facts: dict[str, HostFacts] = {}
    for index, name in enumerate(names):
        there = range(index * vms // half, (index + 1) * vms // half) if index < half else range(0)
        facts[name] = _host(source if index < half else destination, source, name, index, there)
    inventory = Inventory(
        "inventory.yml",
        {name: Host(name, f"{name}.corp.example", auth="ntlm", second_hop=SecondHop("credential")) for name in names},
    )
    migrations = tuple(
        Migration(
            Selector(source=Target("host", name)),
            tuple(Target("host", names[half + (index + step) % half]) for step in range(2)),
            storage=WISH,
        )
        for index, name in enumerate(names[:half])
    )
    playbook = Playbook("bench.yml", migrations, limits=RunLimits(run=100))
    now = source.asked_at or dt.datetime.now(dt.timezone.utc)
    roll = Roll(now, {name: _entry(name, facts[name]) for name in names})
    candidates = find_candidates(playbook, inventory, roll)
    pairs = {pair_key(*pair): _pair(*pair, facts) for pair in candidates.pairs()}
    survey = Survey(now, facts, pairs)
    return Site(inventory, playbook, roll, candidates, _with_places(survey, candidates), now)


def _pair(source: str, destination: str, facts: dict[str, HostFacts]) -> PairFacts:
    """Hop B proven, every port open, each found by its name."""
    here, there = (_address(facts[name]) for name in (source, destination))
    ports = tuple(PortProbe(there, port, True) for port in (6600, 445, 5985))
    names = NameAsked(f"{destination}.corp.example", (there,)), NameAsked(f"{source}.corp.example", (here,))
    return PairFacts(source, destination, (HopB("credential", True),), {}, ports, *names)


def _address(facts: HostFacts) -> str:
    assert not isinstance(facts.listener_addresses, Unreadable)
    return facts.listener_addresses[0]


def _with_places(survey: Survey, candidates: Candidates) -> Survey:
    """Nothing lies where files would arrive."""
    from winmigrate.survey import files_of

    places: dict[str, dict[str, None]] = {key: {} for key in survey.pairs}
    for item in candidates.candidates:
        files = files_of(item, survey.host(item.source))
        if not isinstance(files, Unreadable):
            places[pair_key(item.source, item.destination)] |= dict.fromkeys(file.destination for file in files)
    pairs = {key: replace(pair, destination_files=dict(places[key])) for key, pair in survey.pairs.items()}
    return replace(survey, pairs=pairs)


def _host(facts: HostFacts, source: HostFacts, name: str, index: int, vms: range) -> HostFacts:
    """A host by another name and address, with so many copies of the source's one VM."""
    tables = {
        table: tuple(_copies(getattr(source, table), vms)) if isinstance(getattr(source, table), tuple) else
        getattr(source, table)
        for table in OF_VMS
    }  # fmt: skip
    address = f"10.20.{index // 250}.{index % 250 + 1}"
    system = facts.computer_system
    assert not isinstance(system, Unreadable)
    assert not isinstance(facts.addresses, Unreadable)
    return replace(
        facts,
        host=name,
        computer_system=replace(system, name=name.upper(), dns_host_name=name),
        addresses=tuple(
            replace(one, ip_address=address) if str(one.ip_address).startswith("10.20.") else one
            for one in facts.addresses
        ),
        listener_addresses=(address,),
        **tables,
    )


#: Tables whose rows belong to a VM.
OF_VMS = (
    "vms", "adapters", "vlans", "vm_processors", "vm_memory", "firmware", "security", "integration_services",
    "checkpoints", "dvd_drives", "hard_disks", "checkpoint_disks", "vhds", "isolation", "acls", "extended_acls",
)  # fmt: skip


def _copies(rows: tuple[Any, ...], vms: range) -> Iterator[Any]:
    for number in vms:
        vm_id, name = str(uuid.UUID(int=number + 1)), f"vm-{number:05}"
        for row in rows:
            yield replace(row, **_changed(row, vm_id, name))


def _changed(row: Any, vm_id: str, name: str) -> dict[str, Any]:
    """The fields of a row that say whose it is."""
    changes: dict[str, Any] = {}
    for field, value in (("vm_id", vm_id), ("vm_name", name)):
        if hasattr(row, field):
            changes[field] = value
    if type(row).__name__ == "VM":
        changes |= {"id": vm_id, "name": name}
    for field in type(row).__slots__:
        value = getattr(row, field)
        if isinstance(value, str) and "vm01-000" in value and field not in changes:
            changes[field] = value.replace("vm01-000", name)
    return changes


def _entry(name: str, facts: HostFacts) -> RollEntry:
    assert not isinstance(facts.vms, Unreadable)
    vms = tuple(RollVM(str(vm.id), str(vm.name), str(vm.state)) for vm in facts.vms)
    return RollEntry(name, True, "", name.upper(), f"{name}.corp.example", facts.version, 20348, facts.identity,
                     True, True, vms)  # fmt: skip
