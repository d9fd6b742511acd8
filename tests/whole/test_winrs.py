"""Hosts over winrs: looked at like any other, never moved from or to."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

import pytest
import yaml

from tests.whole.labs import FABRICS, Site, site
from winmigrate import verbs
from winmigrate.facts import Unreadable
from winmigrate.survey import HostFacts

CHAOS = FABRICS / "chaos.yml"


def over_winrs(place: Site, hosts: Collection[str]) -> None:
    given = yaml.safe_load(place.inventory.read_text(encoding="utf-8"))
    for name, host in given["hosts"].items():
        host["transport"]["kind"] = "winrs" if name in hosts else "psrp"
    place.inventory.write_text(yaml.safe_dump(given), encoding="utf-8")


def told(facts: HostFacts) -> dict[str, object]:
    """What a survey knows of a host but for what moves with the clock."""
    fields = {each.name: getattr(facts, each.name) for each in dataclasses.fields(facts)}
    for passing in ("asked_from", "asked_at", "operating_system", "vms", "migration_jobs", "vm_memory"):
        fields.pop(passing, None)
    return fields


@pytest.mark.parametrize("http", [True, pytest.param(False, marks=pytest.mark.long)], ids=["http", "https"])
def test_both_transports_see_the_same(tmp_path: Path, http: bool) -> None:
    with site(tmp_path, CHAOS, http=http) as place:
        by_psrp = verbs.check(place.playbook, ground=place.ground())
        over_winrs(place, ["hv01", "hv02", "hv03"])
        ground = place.ground()
        roll = verbs.hosts(ground.inventory, ground=ground)
        assert all(entry.reached for entry in roll.entries.values())
        by_winrs = verbs.check(place.playbook, ground=ground)
        assert by_winrs.candidates == by_psrp.candidates
        for name in ("hv01", "hv02", "hv03"):
            here, there = by_psrp.survey.host(name), by_winrs.survey.host(name)
            assert told(there) == told(here)
            assert not isinstance(there.vms, Unreadable)
            assert not isinstance(here.vms, Unreadable)
            assert [vm.id for vm in there.vms] == [vm.id for vm in here.vms]
        assert {entry["command"] for entry in place.log("command")} >= {"Get-VM", "Get-VHD", "whoami.exe"}


def test_a_plan_moves_nothing_over_winrs(tmp_path: Path) -> None:
    with site(tmp_path, CHAOS) as place:
        for hosts in (["hv01"], ["hv02", "hv03"]):
            over_winrs(place, hosts)
            planned = verbs.plan(place.playbook, ground=place.ground())
            assert planned.exit_code == 1
            assert planned.plan.steps == ()
            assert len(planned.plan.refusals) == 4
            for refusal in planned.plan.refusals:
                reasons = str(refusal)
                assert "winrs, which only reads; moves go by psrp" in reasons
                assert "hv02: " in reasons
                assert "hv03: " in reasons
        over_winrs(place, ["hv02"])
        planned = verbs.plan(place.playbook, ground=place.ground())
        assert planned.plan.steps
        assert {step.move.destination for step in planned.plan.steps} == {"hv03"}
