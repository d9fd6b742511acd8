"""Comparisons: the report, the planned VM that stays, and moving with the mended report."""

from __future__ import annotations

import pytest

from tests.lab.fabric.worlds import HEAD, TWO_HOSTS, move, ops, run, settings, vm_of, world_of
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.migration import Comparison, compare, destroy_planned, mended, start_migration
from winmigrate.lab.fabric.world import Adapter, World


def compared(world: World) -> Comparison:
    return compare(world, world.hosts["hv01"], vm_of(world, "web01").id, "hv02", settings(), ops())


def test_a_clean_report_still_leaves_a_planned_vm() -> None:
    with world_of(TWO_HOSTS) as world:
        report = compared(world)
        assert report.incompatibilities == ()
        assert world.hosts["hv02"].planned[vm_of(world, "web01").id] is report.planned
        assert not world.hosts["hv02"].vms
        assert [job.type for job in world.hosts["hv01"].jobs] == [300]
        assert destroy_planned(world, world.hosts["hv02"], report.planned.id)
        assert not destroy_planned(world, world.hosts["hv02"], report.planned.id)


def test_a_missing_switch_is_named_beside_the_wrappers_and_mended() -> None:
    with world_of(TWO_HOSTS.replace("hv02: {", "hv02: {switches: [Ext], ")) as world:
        report = compared(world)
        numbers = [entry.message_id for entry in report.incompatibilities]
        assert len(numbers) == 3
        entry = report.incompatibilities[numbers.index(33012)]
        assert entry.message == "The virtual machine 'web01' is not compatible with physical computer 'HV02'. " \
                                "Could not find Ethernet switch 'External'."
        assert isinstance(entry.source, Adapter)
        assert entry.source is report.planned.adapters[0]
        entry.source.switch_name = "Ext"
        vm = vm_of(world, "web01")
        assert vm.adapters[0].switch_name == "External"
        job = start_migration(world, world.hosts["hv01"], vm.id, "hv02", mended(report), ops())
        run(world, job)
        assert job.failure is None
        assert vm.adapters[0].switch_name == "Ext"
        assert vm.adapters[0].switch_id == world.hosts["hv02"].switches[0].id
        assert not world.hosts["hv02"].planned


def test_all_problems_are_listed() -> None:
    text = HEAD + """
hosts:
  hv01: {vms: {web01: {disks: [{physical: 1}], dvds: ['C:\\a.iso'], adapters: [External, External]}}}
  hv02: {switches: [], processor: {manufacturer: AuthenticAMD}, memory: 5 GB}
"""
    with world_of(text) as world:
        messages = " ".join(entry.message for entry in compared(world).incompatibilities)
        for words in ("Physical disk 1", "a.iso", "The hardware on the destination", "Insufficient system resources"):
            assert words in messages
        assert messages.count("Could not find Ethernet switch") == 2


def test_no_planned_vm_can_be_made_without_hop_c() -> None:
    with world_of(TWO_HOSTS.replace("hv01: [hv02], ", "")) as world:
        with pytest.raises(MigrationFailure, match="No credentials are available in the security package") as caught:
            compared(world)
        assert caught.value.hresult == 0x8009030E
        assert not world.hosts["hv02"].planned


def test_a_planned_vm_of_a_running_move_is_not_destroyed() -> None:
    with world_of(TWO_HOSTS) as world:
        job = move(world)
        with world.clock.parked():
            world.clock.wait(None, lambda: job.phase == "storage")
        with pytest.raises(MigrationFailure):
            destroy_planned(world, world.hosts["hv02"], job.vm_id)
        run(world, job)
        assert job.failure is None


@pytest.mark.parametrize(("state", "compatible", "refused"), [
    ("Running", False, True), ("Saved", False, True), ("Saved", True, False), ("Off", False, False),
])
def test_a_processor_with_less_takes_no_memory_that_saw_more(state: str, compatible: bool, refused: bool) -> None:
    text = HEAD + f"""
hosts:
  hv01:
    processor: {{features: [sse, avx512]}}
    vms: {{web01: {{state: '{state}', processors: {{compatibility: {str(compatible).lower()}}}}}}}
  hv02: {{processor: {{features: [sse]}}}}
"""
    with world_of(text) as world:
        messages = " ".join(entry.message for entry in compared(world).incompatibilities)
        assert ("processor-specific features" in messages) is refused
