"""Machines on SMB shares: files that are there once, rights of shares and folders, and what they open and close."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.fabric.worlds import ops, run, sleep, vm_of, world_of
from winmigrate.errors import InputFaults
from winmigrate.lab.fabric import directory, opening, outage
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.layout import MoveSettings
from winmigrate.lab.fabric.loading import make_world, read_fabric
from winmigrate.lab.fabric.machine import GIB
from winmigrate.lab.fabric.migration import compare, start_migration
from winmigrate.lab.fabric.rights import MASKS, AccessRule, ShareAccess, text_of
from winmigrate.lab.fabric.share import Share, has_all, place_of, share_mask
from winmigrate.lab.fabric.world import Job, World
from winmigrate.lab.faults import FaultPlan, read_fault
from winmigrate.marked import Misfit

SHARE = (Path(__file__).parents[3] / "fixtures" / "fabrics" / "share.yml").read_text("utf-8")
CREDENTIAL = ("CORP\\ops", "Spare key 0x2F!")
LOOP = """
users: {ops: {password: p}}
delegation: all
hosts:
  hv01: {vms: {a: {path: '\\\\hv02\\VMs\\a', disks: ['\\\\hv02\\VMs\\a\\a.vhdx']}}}
  hv02: {shares: {VMs: {path: 'D:\\VMs'}}}
  hv03: {}
"""


def share(world: World, server: str = "fs01", name: str = "VMs") -> Share:
    found = world.file_servers[server].share(name)
    assert found is not None
    return found


def move(world: World, name: str, to: str, settings: MoveSettings | None = None, source: str = "hv01") -> Job:
    settings = settings or MoveSettings(credential=CREDENTIAL)
    job = start_migration(world, world.hosts[source], vm_of(world, name, source).id, to, settings, ops(host=source))
    run(world, job)
    return job


@pytest.mark.parametrize("name", ["web01", "db01", "nas01"])
def test_a_move_on_a_share_carries_memory_only_and_the_files_stay(name: str) -> None:
    with world_of(SHARE) as world:
        before = {entry.path: entry.size for one in ("VMs", "Library") for entry in share(world, name=one).space.files}
        vm = vm_of(world, name)
        paths = [disk.path for disk in vm.all_disks()]
        job = move(world, name, "hv02")
        assert job.failure is None
        assert (job.type, job.state, world.where(vm.id)) == (305, 7, [world.hosts["hv02"]])
        assert [disk.path for disk in vm.all_disks()] == paths
        assert {entry.path: entry.size for one in ("VMs", "Library")
                for entry in share(world, name=one).space.files} == before
        assert move(world, name, "hv01", source="hv02").failure is None


def test_files_are_accounted_on_the_share_once_however_they_are_spelled() -> None:
    with world_of(SHARE) as world:
        spellings = ["\\\\fs01\\VMs\\web01\\web01.vhdx", "\\\\FS01.corp.example\\vms\\web01\\WEB01.vhdx",
                     "\\\\10.0.1.10\\VMs\\web01\\web01.vhdx"]
        found = {id(world.hosts[key].files.get(path)) for key in ("hv01", "hv03") for path in spellings}
        assert len(found) == 1
        server = world.file_servers["fs01"].host
        entry = server.files.get("D:\\Shares\\VMs\\web01\\web01.vhdx")
        assert entry is not None
        assert id(entry) in found
        assert [one.path for one in world.hosts["hv02"].files.below("\\\\fs01.corp.example\\VMs\\db01")]
        taken = sum(one.space.files.total() for one in world.file_servers["fs01"].shares)
        assert server.free("D") == 13 * 1024 * GIB - taken
        assert share(world).space.free() == 9 * 1024 * GIB - share(world).space.files.total()
        assert world.hosts["hv01"].free("D") == 4096 * GIB - 10 * GIB  # mixed01's own disk


@pytest.mark.parametrize(("name", "to", "slug", "code"), [
    ("web01", "hv03", "share-denied", 0x80070005), ("locked01", "hv02", "share-denied", 0x80070005),
    ("mixed01", "hv02", "disk-missing", None), ("nas01", "hv03", "", None),
])
def test_what_the_destination_cannot_open_stops_the_move_and_the_comparison(
        name: str, to: str, slug: str, code: int | None) -> None:
    with world_of(SHARE) as world:
        vm = vm_of(world, name)
        found = compare(world, world.hosts["hv01"], vm.id, to, MoveSettings(credential=CREDENTIAL), ops())
        job = move(world, name, to)
        assert (job.failure.slug if job.failure else "") == slug
        assert bool(found.incompatibilities) is bool(slug)
        if code is not None:
            assert job.failure.hresult == code
            assert "0x80070005" in found.incompatibilities[-1].message
            assert world.where(vm.id) == [world.hosts["hv01"]]


def test_a_machine_does_not_start_from_a_share_that_its_host_may_not_open() -> None:
    with world_of(SHARE) as world:
        host, vm = world.hosts["hv01"], vm_of(world, "web01")
        assert opening.to_start(world, host, vm) is None
        share(world).access.append(ShareAccess("CORP\\HV01$", "Full", "Deny"))
        refusal = opening.to_start(world, host, vm)
        assert isinstance(refusal, MigrationFailure)
        assert refusal.hresult == 0x80070005
        assert "does not have permission to open attachment '\\\\fs01\\VMs\\web01\\web01.vhdx'" in refusal.message


@pytest.mark.parametrize(("server", "slug"), [
    ("signing: unsupported", "share-signing"), ("dialect: 2.1", "share-dialect"), ("dialect: 3.0", ""),
    ("reachable: false", "share-unreachable"), ("signing: required", ""),
])
def test_servers_that_a_host_of_2025_does_not_work_with(server: str, slug: str) -> None:
    text = SHARE.replace("dialect: 3.1.1", server) if "dialect" in server else SHARE.replace(
        "{kind: nas,", f"{{kind: nas, {server},")
    with world_of(text) as world:
        job = move(world, "nas01", "hv03")
        assert (job.failure.slug if job.failure else "") == slug


def test_a_share_on_a_host_does_not_serve_that_host() -> None:
    with world_of(LOOP) as world:
        settings = MoveSettings(credential=("CORP\\ops", "p"))
        assert move(world, "a", "hv02", settings).failure.slug == "share-loopback"
        assert move(world, "a", "hv03", settings).failure is None


def test_storage_goes_onto_a_share_and_off_it() -> None:
    with world_of(SHARE) as world:
        onto = MoveSettings(include_storage=True, storage_path="\\\\fs01\\VMs\\new", credential=CREDENTIAL)
        job = move(world, "mixed01", "hv02", onto)
        assert job.failure is None
        vm = vm_of(world, "mixed01", "hv02")
        assert vm.disks[0].path == "\\\\fs01\\VMs\\new\\Virtual Hard Disks\\mixed01.vhdx"
        assert vm.disks[0].path in world.hosts["hv01"].files
        assert world.hosts["hv01"].free("D") == 4096 * GIB
        off = MoveSettings(include_storage=True, storage_path="D:\\VMs\\mixed01", credential=CREDENTIAL)
        assert move(world, "mixed01", "hv01", off, source="hv02").failure is None
        assert not share(world).space.files.below("\\\\fs01\\VMs\\new\\Virtual Hard Disks")


def test_storage_goes_onto_a_share_only_by_delegation_to_its_server() -> None:
    onto = MoveSettings(include_storage=True, storage_path="\\\\fs01\\VMs\\new", credential=CREDENTIAL)
    with world_of(SHARE.replace("delegation: all", "delegation: {hv01: [hv02, fs01]}")) as world:
        assert move(world, "mixed01", "hv02", onto).failure is None
    with world_of(SHARE.replace("delegation: all", "delegation: {hv01: [hv02]}")) as world:
        failure = move(world, "mixed01", "hv02", onto).failure
        assert (failure.slug, failure.hresult) == ("cifs-delegation", 0x80070005)
        assert "to '\\\\fs01\\VMs\\new\\Virtual Hard Disks\\mixed01.vhdx'" in failure.message


def test_a_file_server_that_dies_takes_its_machines_storage_with_it() -> None:
    with world_of(SHARE) as world:
        server, vm = world.file_servers["fs01"], vm_of(world, "db01")
        job = start_migration(world, world.hosts["hv01"], vm.id, "hv02", MoveSettings(credential=CREDENTIAL), ops())
        sleep(world, 4.0)
        assert job.phase == "memory"
        outage.crash(world, server.host, back_after=120.0)
        assert (job.failure.slug, job.state, world.where(vm.id)) == ("storage-lost", 10, [world.hosts["hv01"]])
        assert [vm_of(world, name).state for name in ("web01", "db01", "mixed01", "nas01")] == [
            "PausedCritical", "PausedCritical", "Running", "Running"]
        disk = "\\\\fs01\\VMs\\db01\\db01.vhdx"
        assert disk not in world.hosts["hv01"].files
        assert move(world, "db01", "hv02").failure.hresult == 0x80070035
        sleep(world, 200.0)
        assert (vm.state, disk in world.hosts["hv01"].files) == ("Running", True)
        assert move(world, "db01", "hv02").failure is None


def test_the_plan_of_faults_knows_file_servers() -> None:
    with world_of(SHARE) as world:
        found = read_fault(read_fabric("{kind: crash, host: fs01, down: 60}", "f.yml"), world)
        FaultPlan(world).add(found)
        sleep(world, 1.0)
        with pytest.raises(Misfit):
            read_fault(read_fabric("{kind: slow, host: fs01, rate: 1 Gbit}", "f.yml"), world)


def test_a_full_share() -> None:
    with world_of(SHARE.replace("used: 1 TB", "used: 10230 GB")) as world:
        onto = MoveSettings(include_storage=True, storage_path="\\\\fs01\\VMs\\new", credential=CREDENTIAL)
        assert move(world, "mixed01", "hv02", onto).failure.hresult == 0x80070070


def test_rights_of_share_and_folders_both_count() -> None:
    with world_of(SHARE) as world:
        account = directory.account_of(world, world.hosts["hv02"])
        assert account is not None
        answers = []
        for below in ("", "web01", "locked", "locked\\deeper"):
            place = place_of(world, f"\\\\fs01\\VMs\\{below}")
            assert place is not None
            answers.append(has_all(world, place, account))
        assert answers == [True, True, False, False]
        assert [(rule.account, inherited) for rule, inherited in share(world).rules_of("web01")][:2] == [
            ("CORP\\Hyper-V Hosts", True), ("NT AUTHORITY\\SYSTEM", True)]


@pytest.mark.parametrize(("entries", "mask"), [
    ([("a", "Full", "Allow")], MASKS["Full"]), ([("a", "Change", "Allow")], MASKS["Change"]),
    ([("a", "Full", "Allow"), ("b", "Read", "Deny")], MASKS["Full"] & ~MASKS["Read"]),
    ([("a", "Full", "Allow"), ("b", "Change", "Deny")], MASKS["Full"] & ~MASKS["write"]),
    ([("a", "Full", "Allow"), ("c", "Full", "Deny")], MASKS["Full"]), ([], 0),
])
def test_a_denial_wins_on_a_share(entries: list[tuple[str, str, str]], mask: int) -> None:
    with world_of(SHARE) as world:
        one = share(world)
        one.access = [ShareAccess(*entry) for entry in entries]
        assert share_mask(one, {"a", "b"}) == mask


def test_the_nearer_folder_decides_and_denial_goes_first_in_it() -> None:
    with world_of(SHARE) as world:
        one = share(world)
        one.rules = {"": [AccessRule("a", MASKS["FullControl"], "Deny")],
                     "x": [AccessRule("a", MASKS["Modify"]), AccessRule("a", MASKS["Write"], "Deny", inherits=False)]}
        kinds = [(rule.kind, inherited) for rule, inherited in one.rules_of("x\\y")]
        assert kinds == [("Allow", True), ("Deny", True)]
        assert [(rule.kind, inherited) for rule, inherited in one.rules_of("x")] == [
            ("Deny", False), ("Allow", False), ("Deny", True)]


@pytest.mark.parametrize(("mask", "text"), [
    (0x1F01FF, "FullControl"), (0x1301BF, "Modify, Synchronize"), (0x1200A9, "ReadAndExecute, Synchronize"),
    (0x100116, "Write, Synchronize"), (0x10000000, "268435456"), (0, "0"), (0xA0000000, "-1610612736"),
])
def test_rights_as_windows_writes_them(mask: int, text: str) -> None:
    assert text_of(mask) == text


@pytest.mark.parametrize(("text", "said"), [
    ("file_servers: {f: {shares: {a: {path: '\\\\x\\y'}}}}\nhosts: {h: {}}", "wanted: a path on the server itself"),
    ("file_servers: {f: {shares: {a: {access: {CORP\\x: Full}}}}}\nhosts: {h: {}}", 'no account "CORP\\x"'),
    ("file_servers: {f: {shares: {a: {ntfs: {b: {rules: {CORP\\x: Read}}}}}}}\nhosts: {h: {}}", 'no account "CORP\\x"'),
    ("file_servers: {h: {}}\nhosts: {h: {}}", "is a host of this fabric"),
    ("file_servers: {f: {shares: [{name: a}, {name: A}]}}\nhosts: {h: {}}", "two shares of the name"),
    ("file_servers: {f: {domain: x.y}}\nhosts: {h: {}}", 'file_servers.f.domain: no domain "x.y"'),
])
def test_faults_have_their_place(text: str, said: str) -> None:
    with pytest.raises(InputFaults) as caught:
        make_world(read_fabric(text, "f.yml"))
    assert said in str(caught.value)
    assert str(caught.value).startswith("f.yml:1:")


@pytest.mark.parametrize(("option", "slower"), [("SMB", True), ("Compression", False)])
def test_a_limit_of_smb_holds_memory_back_that_goes_over_smb(option: str, slower: bool) -> None:
    text = SHARE.replace("  hv02: {", f"  hv02: {{migration: {{performance: {option}}}, ")
    text = text.replace("    memory: 128 GB\n", f"    memory: 128 GB\n    migration: {{performance: {option}}}\n"
                        "    smb: {limits: {LiveMigration: 50 MB/s}}\n", 1)
    with world_of(text) as world:
        job = move(world, "db01", "hv02")
        assert job.failure is None
        assert job.ended_at is not None
        assert (job.ended_at - job.started_at > 100) is slower
