"""Moves: what they do on both hosts, how long they take, why they fail and what they leave behind."""

from __future__ import annotations

import pytest

from tests.lab.fabric.worlds import CREDENTIAL, HEAD, TWO_HOSTS, move, ops, run, sleep, vm_of, world_of
from winmigrate.lab.fabric import outage
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.migration import current_jobs, request_state_change
from winmigrate.lab.fabric.moves import CLEAN_UP, CONNECT, PLAN, TIME_BEFORE_REMOVAL
from winmigrate.lab.fabric.world import GIB, World


def phases(world: World) -> list[str]:
    return [entry["phase"] for entry in world.log.read(kind="phase")]


def untouched(world: World) -> None:
    """The VM runs on hv01 as before, and hv02 has nothing of it."""
    vm = vm_of(world, "web01")
    target = world.hosts["hv02"]
    assert (vm.state, vm.secondary_status) == ("Running", None)
    assert vm.disks[0].path in world.hosts["hv01"].files
    assert not target.vms
    assert not target.planned
    assert not len(target.files)
    assert target.memory_pledged == 0
    assert all(switch.ports == 0 for switch in target.switches)


def test_a_move_takes_the_vm_and_its_files_across() -> None:
    with world_of(TWO_HOSTS) as world:
        vm = vm_of(world, "web01")
        mac = vm.adapters[0].mac
        job = move(world)
        assert (job.type, job.state, job.percent) == (306, 4, 0)
        run(world, job)
        assert (job.state, job.percent, job.failure) == (7, 100, None)
        assert world.where(vm.id) == [world.hosts["hv02"]]
        assert vm.disks[0].path == "D:\\VMs\\web01\\Virtual Hard Disks\\web01.vhdx"
        assert vm.adapters[0].mac == mac
        assert vm.adapters[0].switch_id == world.hosts["hv02"].switches[0].id
        assert not len(world.hosts["hv01"].files)
        assert {entry.partial for entry in world.hosts["hv02"].files} == {False}
        assert world.hosts["hv02"].memory_free() == world.hosts["hv02"].memory - 4 * GIB - 4 * GIB
        assert phases(world) == ["negotiate", "storage", "mirror", "memory", "blackout", "cleanup"]
        assert [event.id for event in world.hosts["hv01"].events] == [20413, 20415]


def test_time_follows_sizes_and_bandwidth() -> None:
    with world_of(TWO_HOSTS.replace("hv02: {", "hv02: {nic: 100 MB/s, ")) as world:
        job = move(world)
        run(world, job)
        rate = 100 * 1024**2
        dirty = 20 / 100
        expected = CONNECT + PLAN + CLEAN_UP + 10 * GIB / rate + 4 * GIB / rate * (1 / (1 - dirty))
        assert job.ended_at == pytest.approx(expected, rel=0.02)


def test_two_moves_share_a_link() -> None:
    second = "      web02: {memory: 4 GB, disks: [{path: 'E:\\web02.vhdx', used: 10 GB}]}\n"
    text = TWO_HOSTS.replace("  hv02:", second + "  hv02:")
    with world_of(text.replace("hv02: {", "hv02: {nic: 100 MB/s, ")) as world:
        alone = 10 * GIB / (100 * 1024**2)
        jobs = [move(world), move(world, "web02")]
        run(world, *jobs)
        ends = [entry["at"] for entry in world.log.read(kind="phase") if entry["phase"] == "mirror"]
        assert ends == pytest.approx([2 + 2 * alone] * 2, rel=0.02)


def test_percent_grows_and_a_job_is_forgotten_after_five_minutes() -> None:
    with world_of(TWO_HOSTS) as world:
        host = world.hosts["hv01"]
        job = move(world)
        seen = []
        while not job.ended:
            seen.append(current_jobs(world, host)[0].percent)
            sleep(world, 1.0)
        assert seen == sorted(seen)
        assert len(set(seen)) > 8
        assert max(seen) < 100
        sleep(world, TIME_BEFORE_REMOVAL - 5)
        assert current_jobs(world, host) == [job]
        sleep(world, 10)
        assert current_jobs(world, host) == []


#: fabric text to change, its replacement; then what the failure must hold
REFUSALS = {
    "switch": ("hv02: {", "hv02: {switches: [Ext], ", "Could not find Ethernet switch 'External'.", None),
    "no delegation": ("hv01: [hv02], ", "", "No credentials are available in the security package", 0x8009030E),
    "no transition": ("hv01: [hv02]", "hv01: {to: hv02, protocol_transition: false}", "(0x8009030E)", 0x8009030E),
    "no cifs": ("hv01: [hv02]", "hv01: {to: hv02, services: [migration]}", "Access is denied. (0x80070005)",
                0x80070005),
    "other authentication": ("hv02: {", "hv02: {migration: {authentication: CredSSP}, ", "(0x8009030D)", 0x8009030D),
    "not listening": ("hv02: {", "hv02: {migration: {listening: false}, ", "actively refused it", 0x8007274D),
    "memory": ("hv02: {", "hv02: {memory: 6 GB, ", "Insufficient system resources", 0x800705AA),
    "disk": ("D: 1 TB}}", "D: {size: 1 TB, used: 1020 GB}}}", "There is not enough space on the disk", 0x80070070),
    "file": ("D: 1 TB}}", "D: 1 TB}, files: {'D:\\VMs\\web01\\Virtual Hard Disks\\WEB01.vhdx': 1 MB}}", "0x80070050",
             0x80070050),
    "vendor": ("hv02: {", "hv02: {processor: {manufacturer: AuthenticAMD}, ", "The hardware on the destination", None),
    "features": ("hv01:\n    vol", "hv01:\n    processor: {features: [avx512]}\n    vol", "processor-specific", None),
    "version": ("hv02: {", "hv02: {version: 2016, ", "configuration version '9.0' is not supported", None),
    "volume": ("{D: 1 TB}}", "{X: 1 TB}}", "The system cannot find the path specified", 0x80070003),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_and_failures(case: str) -> None:
    old, new, words, code = REFUSALS[case]
    assert old in TWO_HOSTS
    with world_of(TWO_HOSTS.replace(old, new)) as world:
        before = {entry.path for entry in world.hosts["hv02"].files}
        job = move(world)
        run(world, job)
        assert (job.state, job.error_code) == (10, 32768)
        assert words in job.failure.message
        assert job.failure.hresult == code
        first, _, rest = job.failure.message.partition("\n\n")
        assert first.endswith(f"(Virtual machine ID {vm_of(world, 'web01').guid})")
        assert rest
        assert {entry.path for entry in world.hosts["hv02"].files} == before
        for path in before:
            world.hosts["hv02"].files.remove(path)
        untouched(world)


#: what the VM has, and what stands in the way
BURDENS = {
    "pass-through": ("disks: [{physical: 3}]", "Physical disk 3"),
    "iso": ("dvds: ['C:\\iso\\setup.iso']", "(0xC03A0014)"),
    "device": ("devices: [{name: GPU, location_path: 'PCIROOT(0)#PCI(0300)'}]", "PCIROOT(0)#PCI(0300)"),
    "san": ("fibre_channel: [Production SAN]", "Production SAN"),
}


@pytest.mark.parametrize("case", BURDENS)
def test_what_a_vm_cannot_take_along(case: str) -> None:
    burden, words = BURDENS[case]
    with world_of(HEAD + f"hosts: {{hv01: {{vms: {{web01: {{{burden}}}}}}}, hv02: {{}}}}") as world:
        job = move(world)
        run(world, job)
        assert words in job.failure.message


CMDLET = {
    "source off": ("hv01:\n    vol", "hv01:\n    migration: {enabled: false}\n    vol",
                   "The source host is not configured"),
    "destination off": ("hv02: {", "hv02: {migration: {enabled: false}, ", "The destination host is not configured"),
    "clustered": ("web01: {", "web01: {clustered: true, ", "is clustered"),
}


@pytest.mark.parametrize("case", CMDLET)
def test_what_the_cmdlet_refuses_makes_no_job(case: str) -> None:
    old, new, words = CMDLET[case]
    with world_of(TWO_HOSTS.replace(old, new)) as world:
        with pytest.raises(MigrationFailure, match=words):
            move(world)
        assert not world.hosts["hv01"].jobs
        assert not world.log.read(kind="move-started")


def test_a_limit_fails_at_once() -> None:
    vms = "".join(f"      vm{n}: {{memory: 1 GB, disks: [{{path: 'E:\\vm{n}.vhdx', used: 1 GB}}]}}\n" for n in range(3))
    with world_of(TWO_HOSTS.replace("  hv02:", vms + "  hv02:")) as world:
        jobs = [move(world, f"vm{n}") for n in range(3)]
        assert [job.ended for job in jobs] == [False, False, True]
        assert "because virtual machine migration limit '2' was reached, please wait for completion of an ongoing " \
               "migration operation" in jobs[2].failure.message
        run(world, *jobs)
        again = move(world, "vm2")
        run(world, again)
        assert again.failure is None


def test_equal_leaf_names_collide() -> None:
    disks = "disks: [{path: 'D:\\a\\data.vhdx', used: 1 GB}, {path: 'E:\\b\\DATA.vhdx', used: 1 GB}]"
    text = f"hosts: {{hv01: {{volumes: {{D: 1 TB, E: 1 TB}}, vms: {{web01: {{{disks}}}}}}}, hv02: {{}}}}"
    with world_of(HEAD + text) as w:
        job = move(w)
        run(w, job)
        assert "DATA.vhdx" in job.failure.message
        assert job.failure.hresult == 0x80070050
        assert not len(w.hosts["hv02"].files)


def test_vhds_go_where_they_are_sent() -> None:
    with world_of(TWO_HOSTS) as world:
        vm = vm_of(world, "web01")
        job = move(world, storage_path=None, include_storage=False, vm_path="D:\\Machines",
                   vhds=((vm.disks[0].path or "", "D:\\Fast\\w.vhdx"),))
        run(world, job)
        assert job.failure is None
        assert vm.disks[0].path == "D:\\Fast\\w.vhdx"
        assert vm.config_path == "D:\\Machines"


def test_checkpoints_come_along_with_their_chain() -> None:
    vm_text = "disks: [{path: 'D:\\web01.vhdx', used: 4 GB}], checkpoints: [one, two]"
    with world_of(HEAD + f"hosts: {{hv01: {{vms: {{web01: {{{vm_text}}}}}}}, hv02: {{}}}}") as world:
        vm = vm_of(world, "web01")
        assert len(world.hosts["hv01"].files.chain(vm.disks[0].path or "")) == 3
        job = move(world)
        run(world, job)
        chain = world.hosts["hv02"].files.chain(vm.disks[0].path or "")
        assert [entry.path.rpartition("\\")[0] for entry in chain] == ["D:\\VMs\\web01\\Virtual Hard Disks"] * 3
        assert chain[-1].path.endswith("\\web01.vhdx")
        assert [one.disks[0].path in world.hosts["hv02"].files for one in vm.checkpoints] == [True, True]
        assert not len(world.hosts["hv01"].files)


def test_a_parent_that_another_vm_uses_stays() -> None:
    disk = "{path: 'D:\\%s.vhdx', used: 1 GB, parent: 'D:\\base.vhdx'}"
    vms = ", ".join(f"{name}: {{memory: 1 GB, disks: [{disk % name}]}}" for name in ("web01", "web02"))
    with world_of(HEAD + f"hosts: {{hv01: {{vms: {{{vms}}}}}, hv02: {{}}}}") as world:
        job = move(world)
        run(world, job)
        assert "D:\\base.vhdx" in world.hosts["hv01"].files
        assert "D:\\VMs\\web01\\Virtual Hard Disks\\base.vhdx" in world.hosts["hv02"].files


def test_a_machine_that_is_off_moves_without_memory() -> None:
    with world_of(TWO_HOSTS.replace("web01: {", "web01: {state: 'Off', ")) as world:
        vm = vm_of(world, "web01")
        job = move(world)
        run(world, job)
        assert job.failure is None
        assert (vm.state, vm.memory.assigned) == ("Off", 0)
        assert "memory" not in phases(world)


@pytest.mark.parametrize(("seconds", "phase"), [(1.5, "negotiate"), (5.0, "storage"), (15.0, "memory")])
def test_cancelling(seconds: float, phase: str) -> None:
    with world_of(TWO_HOSTS) as world:
        job = move(world)
        sleep(world, seconds)
        assert job.phase == phase
        assert request_state_change(world, job, 4) == 4096
        run(world, job)
        assert job.state == 8
        untouched(world)
        assert request_state_change(world, job, 4) == 32775


def test_the_move_may_win_the_race() -> None:
    with world_of(TWO_HOSTS.replace("web01: {", "web01: {dirty_rate: 0 MB, ")) as world:
        job = move(world)
        sleep(world, 0.1)
        end = 2 + 10 * GIB / (800 * 1024**2) + 4 * GIB / 1.175e9
        sleep(world, end - world.clock.monotonic() - 0.05)
        assert job.phase == "memory"
        assert request_state_change(world, job, 4) == 4096
        run(world, job)
        assert job.state == 7
        assert world.where(job.vm_id) == [world.hosts["hv02"]]


@pytest.mark.parametrize("seconds", [1.5, 5.0, 15.0])
def test_the_destination_dies_before_the_switch_over(seconds: float) -> None:
    with world_of(TWO_HOSTS) as world:
        job = move(world)
        sleep(world, seconds)
        outage.crash(world, world.hosts["hv02"], back_after=60)
        assert job.state == 10
        assert job.failure.hresult == 0x80072746
        vm = vm_of(world, "web01")
        assert world.where(vm.id) == [world.hosts["hv01"]]
        assert vm.state == "Running"
        left = [entry for entry in world.hosts["hv02"].files if entry.partial and entry.kind == "vhd"]
        assert bool(left) == (seconds > 2)
        assert (vm.id in world.hosts["hv02"].planned) == (seconds > 1)
        assert world.hosts["hv02"].memory_pledged == 0
        sleep(world, 61)
        assert world.hosts["hv02"].reachable


def test_the_source_dies_on_the_way_and_starts_its_vm_again() -> None:
    with world_of(TWO_HOSTS) as world:
        job = move(world)
        sleep(world, 5)
        outage.crash(world, world.hosts["hv01"], back_after=60)
        vm = vm_of(world, "web01")
        assert vm.state == "Off"
        assert current_jobs(world, world.hosts["hv01"]) == []
        sleep(world, 61)
        assert (vm.state, vm.memory.assigned) == ("Running", 4 * GIB)
        assert vm.id in world.hosts["hv02"].planned
        assert job.ended


def test_the_source_dies_after_the_switch_over() -> None:
    with world_of(TWO_HOSTS) as world:
        job = move(world)
        with world.clock.parked():
            world.clock.wait(None, lambda: job.phase == "cleanup")
        outage.crash(world, world.hosts["hv01"], back_after=60)
        vm = vm_of(world, "web01", "hv02")
        sleep(world, 120)
        assert world.where(vm.id) == [world.hosts["hv02"]]
        assert vm.state == "Running"
        assert "D:\\VMs\\web01\\web01.vhdx" in world.hosts["hv01"].files


def test_a_second_move_of_one_vm_is_refused() -> None:
    with world_of(TWO_HOSTS) as world:
        job = move(world)
        with pytest.raises(MigrationFailure, match="current state"):
            move(world)
        run(world, job)
        assert len(world.log.read(kind="move-started")) == 1


HOPS = {
    ("ntlm", None): "0x8009030e",
    ("kerberos", None): "0x8009030e",
    ("credssp", None): None,
    ("ntlm", CREDENTIAL): None,
    ("ntlm", ("CORP\\ops", "wrong")): "The user name or password is incorrect",
    ("ntlm", ("CORP\\nobody", "x")): "The user name or password is incorrect",
}


@pytest.mark.parametrize(("protocol", "credential"), HOPS)
def test_hop_b(protocol: str, credential: tuple[str, str] | None) -> None:
    words = HOPS[protocol, credential]
    with world_of(TWO_HOSTS) as world:
        if words is None:
            assert not move(world, caller=ops(protocol), credential=credential).ended
        else:
            with pytest.raises(MigrationFailure, match=words):
                move(world, caller=ops(protocol), credential=credential)
            assert not world.hosts["hv01"].jobs


@pytest.mark.parametrize(("protocol", "guard", "works"), [("credssp", False, True), ("credssp", True, False),
                                                           ("ntlm", False, False)])
def test_hop_c_by_credssp(protocol: str, guard: bool, works: bool) -> None:
    text = TWO_HOSTS.replace("hv02: {", "hv02: {migration: {authentication: CredSSP}, ").replace(
        "hv01:\n", f"hv01:\n    migration: {{authentication: CredSSP}}\n    credential_guard: {str(guard).lower()}\n")
    with world_of(text) as world:
        job = move(world, caller=ops(protocol))
        run(world, job)
        assert (job.failure is None) == works
        if not works:
            assert job.failure.hresult == 0x8009030E


def test_resource_based_delegation_opens_hop_c() -> None:
    with world_of(TWO_HOSTS.replace("delegation: {hv01: [hv02], hv02: [hv01]}", "rbcd: {hv02: [hv01]}")) as world:
        job = move(world)
        run(world, job)
        assert job.failure is None


def test_a_user_who_cannot_be_delegated() -> None:
    with world_of(TWO_HOSTS.replace("ops: {", "ops: {delegatable: false, ")) as world:
        job = move(world)
        run(world, job)
        assert job.failure.hresult == 0x8009030E


def test_the_same_fabric_tells_the_same_story() -> None:
    def story() -> list[dict[str, object]]:
        vms = "".join(f"      vm{n}: {{memory: {n + 1} GB, dirty_rate: {n * 30} MB, write_rate: {n} MB, "
                      f"disks: [{{path: 'E:\\vm{n}.vhdx', used: {n + 1} GB}}]}}\n" for n in range(4))
        with world_of(TWO_HOSTS.replace("  hv02:", vms + "  hv02:")) as world:
            left = [f"vm{n}" for n in range(4)]
            started = []
            while left:
                started.append(move(world, left.pop(0)))
                with world.clock.parked():
                    world.clock.wait(None, lambda: sum(not job.ended for job in started) < 2)
            run(world, *started)
            return world.log.read()

    assert story() == story()


@pytest.mark.parametrize(("dirty", "number"), [("1 MB", 20415), ("20 GB", 20417)])
def test_memory_that_is_written_faster_than_sent_makes_a_long_blackout(dirty: str, number: int) -> None:
    with world_of(TWO_HOSTS.replace("web01: {memory: 4 GB", f"web01: {{dirty_rate: {dirty}, memory: 64 GB")) as world:
        job = move(world)
        run(world, job)
        (event,) = [one for one in world.hosts["hv02"].events if one.id in (20415, 20417)]
        assert event.id == number
        assert event.parameters[0] == "web01"
        assert float(event.parameters[2]) == pytest.approx(job.blackout, abs=0.06)
