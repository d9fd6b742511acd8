"""How requirements are run: once in their scope, for the hosts they speak of, and what a person may accept."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.checks.world import DB, DISKS, GIB, LISTENER, NOW, VM, WEB, World, denied
from winmigrate.checks import Finding, Findings, Outcome, Resolver, Scope, Severity, load_all, run_checks, settle
from winmigrate.checks.frame import REGISTRY
from winmigrate.errors import CannotConnect
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import Host, Inventory
from winmigrate.playbook.types import Accept, Migration, Playbook, Selector, StorageWish, Target
from winmigrate.survey import (
    Candidate,
    Candidates,
    HostFacts,
    PairFacts,
    Roll,
    RollEntry,
    RollVM,
    Survey,
    Unmatched,
    find_candidates,
    pair_key,
)
from winmigrate.survey.nouns import HopB, NameAsked, PortProbe
from winmigrate.windows.network import Switch
from winmigrate.windows.storage import VHD, HardDisk
from winmigrate.windows.vm import VM as VMRow
from winmigrate.windows.vm import Adapter, Security

TODAY = NOW.date()


def accept(id: str, vm: str = "", until: dt.date = TODAY) -> Accept:
    return Accept(id, vm, "CHG0031337", "db team", until)


def two_vms() -> World:
    world = World()
    world.add_vm()
    world.moves.append((DB, "db01"))
    return world


def test_what_concerns_a_host_or_a_pair_stands_once() -> None:
    findings = two_vms().findings()
    load_all()
    seen = [(item.requirement, item.subject) for item in findings.all]
    assert len(seen) == len(set(seen))
    first, second = findings.candidates
    shared = set(first.indexes) & set(second.indexes)
    assert {findings.all[index].subject.scope for index in shared} == {Scope.HOST, Scope.PAIR, Scope.KIND}
    assert {item.requirement for item in findings.of(first)} == set(REGISTRY)


def test_a_host_answers_for_its_part_in_the_candidate() -> None:
    world = World()
    world.pairs = [("hv01", "hv02"), ("hv02", "hv01")]
    world.set("hv01", LISTENER)
    findings = world.findings()
    there, back = (
        [item for item in findings.of(each) if item.requirement == "migration-listener-addresses"]
        for each in findings.candidates
    )
    assert [(item.subject.source, item.outcome) for item in there] == [("hv02", Outcome.PASS)]
    assert [(item.subject.source, item.outcome) for item in back] == [("hv01", Outcome.FAIL)]


def test_a_healthy_world_has_nothing_against_a_move() -> None:
    findings = World().findings()
    assert findings.may_be_placed(findings.candidates[0])
    assert findings.without_destination() == ()
    outcomes = {item.outcome for item in findings.all}
    assert outcomes == {Outcome.PASS, Outcome.SKIP, Outcome.PENDING}


def test_unknown_blocks_where_nothing_later_settles_it() -> None:
    world = World()
    world.refuse("hv02", "Get-Volume")
    findings = world.findings()
    assert not findings.may_be_placed(findings.candidates[0])
    assert findings.without_destination() == (str(WEB),)
    blocking = {item.requirement for item in findings.all if item.blocks}
    assert blocking == {"dst-path-usable", "disk-free"}


def test_a_dead_host_makes_unknowns_with_one_need_and_no_exception() -> None:
    world = two_vms()
    world.down["hv02"] = CannotConnect("hv02", "it does not answer")
    findings = world.findings()
    unknown = [item for item in findings.all if item.outcome is Outcome.UNKNOWN]
    assert {item.needs for item in unknown} == {"a connection to hv02"}
    assert not any(item.outcome is Outcome.PASS and item.subject.source == "hv02" for item in findings.all)
    assert findings.without_destination() == (str(WEB), str(DB))


def test_only_and_skip() -> None:
    world = World()
    survey, book, inventory = world.survey(), world.playbook(), world.inventory()

    def ids(**chosen: object) -> set[str]:
        found = run_checks(survey, world.candidates(), book, inventory, NOW, **chosen)  # type: ignore[arg-type]
        return {item.requirement for item in found.all}

    assert ids(only=["mem-free"]) == {"mem-free"}
    assert ids(skip=["mem-free"]) == set(REGISTRY) - {"mem-free"}


def _blocked(finding: str, *accepts: Accept, change: Callable[[World], None], now: dt.datetime = NOW) -> bool:
    world = World()
    change(world)
    world.accept, world.now = accepts, now
    found = world.finding(finding)
    assert found.outcome in (Outcome.FAIL, Outcome.UNKNOWN)
    return found.blocks


def _clustered(world: World) -> None:
    world.put("hv01", VM, IsClustered=True)


@pytest.mark.parametrize(
    ("word", "blocks"),
    [
        (accept("vm-clustered-for-host-move"), False),
        (accept("vm-clustered-for-host-move", until=TODAY - dt.timedelta(days=1)), True),
        (accept("vm-clustered-for-host-move", until=TODAY + dt.timedelta(days=1)), False),
        (accept("vm-clustered-for-host-move", "web01"), False),
        (accept("vm-clustered-for-host-move", "WEB01"), False),
        (accept("vm-clustered-for-host-move", str(WEB)), False),
        (accept("vm-clustered-for-host-move", "web02"), True),
        (accept("vm-state"), True),
    ],
)
def test_a_person_may_accept_a_finding(word: Accept, blocks: bool) -> None:
    assert _blocked("vm-clustered-for-host-move", word, change=_clustered) is blocks


def test_what_was_accepted_stays_to_be_seen() -> None:
    world = World()
    _clustered(world)
    world.accept = (accept("vm-clustered-for-host-move"),)
    found = world.finding("vm-clustered-for-host-move")
    assert found.outcome is Outcome.FAIL
    assert found.accepted is not None
    assert (found.accepted.reason, found.accepted.who) == ("CHG0031337", "db team")


def _no_memory(world: World) -> None:
    world.put("hv02", "Win32_OperatingSystem", FreePhysicalMemory=GIB // 1024)


def _no_space(world: World) -> None:
    world.answers["hv02"]["Get-Volume"][1].update(SizeRemaining=GIB)


def _gone(world: World) -> None:
    world.set("hv01", VM)


def _workgroup(world: World) -> None:
    world.put("hv02", "Win32_ComputerSystem", PartOfDomain=False, Domain="WORKGROUP")


@pytest.mark.parametrize(
    ("id", "change"),
    [
        ("mem-free", _no_memory),
        ("disk-free", _no_space),
        ("vm-exists-unique", _gone),
        ("same-or-trusted-domain", _workgroup),
    ],
)
def test_identity_memory_and_space_may_not_be_accepted(id: str, change: Callable[[World], None]) -> None:
    assert _blocked(id, accept(id), change=change)


def test_that_memory_is_not_known_may_be_accepted() -> None:
    assert not _blocked(
        "mem-free", accept("mem-free"), change=lambda world: world.refuse("hv02", "Win32_OperatingSystem")
    )


def test_a_hosts_finding_is_not_accepted_for_one_vm_alone() -> None:
    def change(world: World) -> None:
        world.put("hv02", "Get-VMHost", VirtualMachineMigrationEnabled=False)

    world = World()
    change(world)
    world.accept = (accept("migration-enabled", "web01"),)
    assert world.finding("migration-enabled", "hv02").blocks


# --- wishes ------------------------------------------------------------------------------------------------------


def _wishes(vm: Selector, entry: RollEntry) -> Findings:
    roll = Roll(NOW, {"hv01": entry})
    inventory = Inventory("inventory.yml", {name: Host(name, name) for name in ("hv01", "hv02")})
    playbook = Playbook("playbook.yml", (Migration(vm, (Target("host", "hv02"),)),))
    candidates = find_candidates(playbook, inventory, roll)
    return run_checks(Survey(NOW, {}, {}), candidates, playbook, inventory, NOW)


_NAMED = Selector(name="web01")
_CHOICE = Selector(source=Target("host", "hv01"), pattern="web*")
_EMPTY = RollEntry("hv01", True, vms=())
_DEAD = RollEntry("hv01", False, "it does not answer")


@pytest.mark.parametrize(
    ("vm", "entry", "severity"),
    [
        (_NAMED, _EMPTY, Severity.BLOCKS),
        (_NAMED, _DEAD, Severity.BLOCKS),
        (_CHOICE, _EMPTY, Severity.INFORMS),
        (_CHOICE, _DEAD, Severity.BLOCKS),
    ],
)
def test_a_selection_that_finds_nothing(vm: Selector, entry: RollEntry, severity: Severity) -> None:
    findings = _wishes(vm, entry)
    assert [item.severity for item in findings.wishes] == [severity]
    assert findings.wishes_stand() is (severity is Severity.INFORMS)


def test_a_selection_that_finds_its_vm_says_nothing() -> None:
    findings = _wishes(_NAMED, RollEntry("hv01", True, vms=(RollVM(str(WEB), "web01", "Running"),)))
    assert findings.wishes == ()


def test_wishes_cite_their_place() -> None:
    world = World()
    world.unmatched = (Unmatched('"web0"', "no host that answered has it", 0, "playbook.yml:9:5"),)
    (wish,) = world.findings().wishes
    assert wish.place == "playbook.yml:9:5"
    assert wish.evidence == '"web0": no host that answered has it'


# --- settling ----------------------------------------------------------------------------------------------------


def test_a_rehearsal_settles_its_own_candidates_alone() -> None:
    world = two_vms()
    world.put("hv02", "Win32_ComputerSystem", Domain="west.example")
    world.directory = None
    findings = world.findings()
    settled = settle(findings, {(str(WEB), "hv02"): ()})
    web, db = ({item.requirement: item for item in settled.of(one)} for one in settled.candidates)
    assert web["compare-vm"].outcome is Outcome.PASS
    assert web["same-or-trusted-domain"].outcome is Outcome.PASS
    assert db["compare-vm"].pending_on is Resolver.REHEARSE
    assert web["post-running"].pending_on is Resolver.AFTER


def test_what_compare_vm_says_of_processors_settles_their_requirement_too() -> None:
    findings = World().findings()

    def cpu(*said: str) -> Finding:
        settled = settle(findings, {(str(WEB), "hv02"): said})
        return next(item for item in settled.all if item.requirement == "cpu-features")

    assert cpu().outcome is Outcome.PASS
    assert cpu("no switch (33012)").pending_on is Resolver.REHEARSE
    words = "Virtual machine 'web01' is using processor-specific features not supported on host 'HV02'."
    failed = cpu("no switch (33012)", words)
    assert (failed.outcome, failed.evidence, failed.pending_on, failed.blocks) == (Outcome.FAIL, words, None, True)
    assert failed.wanted
    assert failed.remedy is not None
    assert f"Get-VM -Id {WEB} | Set-VMProcessor -CompatibilityForMigrationEnabled $true" in failed.remedy.text


# --- errors beside rows ------------------------------------------------------------------------------------------


def test_a_table_that_is_not_whole_says_nothing_of_a_vm_without_rows() -> None:
    world = two_vms()
    world.answers["hv01"][DISKS] = [world.answers["hv01"][DISKS][1], denied("Not this one.")]
    findings = world.findings()
    outcomes = {item.subject.vm_name: item.outcome for item in findings.all if item.requirement == "disk-passthrough"}
    assert outcomes == {"web01": Outcome.UNKNOWN, "db01": Outcome.PASS}


# --- size --------------------------------------------------------------------------------------------------------


def _fleet(hosts: int, vms: int, destinations: int) -> tuple[Survey, Candidates, Playbook, Inventory]:
    """Hosts with as many VMs each, every one of which may go to some of the next hosts."""
    names = [f"hv{number:03}" for number in range(hosts)]
    facts: dict[str, HostFacts] = {}
    pairs: dict[str, PairFacts] = {}
    candidates: list[Candidate] = []
    model = World().survey().host("hv02")
    assert not isinstance(model.listener_addresses, Unreadable)
    address = model.listener_addresses[0]
    ports = tuple(PortProbe(address, port, True) for port in (6600, 445, 5985))
    found = NameAsked("another", (address,))
    for index, host in enumerate(names):
        rows, disks, chains, adapters, security = [], [], [], [], []
        for number in range(vms):
            vm_id = f"00000000-0000-0000-{index:04x}-{number:012x}"
            name = f"vm{index}-{number}"
            path = f"D:\\VMs\\{name}\\disk.vhdx"
            folder = f"D:\\VMs\\{name}"
            rows.append(
                VMRow(
                    vm_id,
                    name,
                    "Running",
                    "9.0",
                    2,
                    folder,
                    folder,
                    folder,
                    folder,
                    GIB,
                    processor_count=2,
                    is_clustered=False,
                    primary_operational_status="Ok",
                    secondary_operational_status=None,
                )
            )
            disks.append(HardDisk("d", vm_id, name, path, None, "SCSI", 0, 0, support_persistent_reservations=False))
            chains.append(VHD(path, file_size=GIB, size=GIB, parent_path=None))
            adapters.append(Adapter("a", vm_id, name, "A", "External"))
            security.append(Security(vm_id, False, False, False))
            for step in range(1, destinations + 1):
                to = names[(index + step) % hosts]
                wish = StorageWish(path="D:\\VMs\\{vm}")
                candidates.append(Candidate(vm_id, name, "Running", host, to, 0, "playbook.yml:3:5", wish))
                pair = pairs.setdefault(
                    pair_key(host, to),
                    PairFacts(host, to, (HopB("credential", True),), {}, ports, found, found),
                )
                pair.destination_files[f"{folder}\\Virtual Hard Disks\\disk.vhdx"] = None
                pair.destination_files[f"{folder}\\Virtual Machines\\{vm_id.upper()}.vmcx"] = None
        facts[host] = replace(
            model, host=host, vms=tuple(rows), hard_disks=tuple(disks), vhds=tuple(chains), adapters=tuple(adapters),
            checkpoints=(), checkpoint_disks=(), dvd_drives=(), assignable_devices=(),
            switches=(Switch(name="External"),), security=tuple(security),
        )  # fmt: skip
    world = World()
    entry = world.hosts["hv02"]
    inventory = Inventory("inventory.yml", {name: replace(entry, name=name) for name in names})
    playbook = Playbook("playbook.yml", (Migration(Selector(pattern="*"), (Target("tag", "all"),)),))
    return Survey(NOW, facts, pairs), Candidates(tuple(candidates)), playbook, inventory


def _seconds(hosts: int, vms: int) -> float:
    survey, candidates, playbook, inventory = _fleet(hosts, vms, 2)
    start = time.process_time()  # what others do on the machine is not counted
    findings = run_checks(survey, candidates, playbook, inventory, NOW)
    spent = time.process_time() - start
    assert len(findings.candidates) == hosts * vms * 2
    blocking = {item.requirement for item in findings.all if item.blocks}
    assert not blocking
    return spent


def test_time_grows_no_faster_than_the_fleet() -> None:
    small, large = _seconds(10, 25), _seconds(40, 50)  # eight times as many VMs
    assert large < 24 * small
    assert large < 15.0
