"""run and resume before they touch anything: hosts that went, plans that were only rehearsed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from tests.execution.plans import plan, step
from tests.execution.rig import BEGIN, QuickClock
from winmigrate import verbs
from winmigrate.documents import RunFolder, create_run_folder, write_document
from winmigrate.errors import CannotConnect, DocumentError, PlanRefused, UsageError
from winmigrate.execution.journal import Journal, Kind
from winmigrate.inventory import Host, Inventory
from winmigrate.planning.plan import Expectation, ExpectationKind
from winmigrate.request import Session
from winmigrate.survey import Candidates, Roll, RollEntry
from winmigrate.verbs.ground import Ground

HOSTS = ("hv01", "hv02")
HERE = Expectation(ExpectationKind.VM_ON_SOURCE, "hv01", "a")


def nobody(host_name: str) -> Session:
    raise CannotConnect(host_name, "nobody is there")


def ground(folder: Path, *hosts: str) -> Ground:
    inventory = Inventory("inventory.yml", {name: Host(name, name) for name in hosts})
    return Ground(inventory, QuickClock(), nobody, lambda host: None, folder)


def folder_of(base: Path, *, age: dt.timedelta = dt.timedelta(), versions: tuple[str, ...] = HOSTS) -> RunFolder:
    folder = create_run_folder(base, BEGIN)
    write_document(folder, "plan", verbs.PLAN, replace(plan(step("a", expectations=(HERE,))), made_at=BEGIN - age))
    entries = {name: RollEntry(name, True, version="2019") for name in versions}
    write_document(folder, "roll", verbs.ROLL, Roll(BEGIN, entries))
    write_document(folder, "candidates", verbs.CANDIDATES, Candidates((), (), ()))
    return folder


def test_a_host_that_left_the_inventory_is_told_before_anything_is_touched(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with pytest.raises(UsageError, match=r"hv02 of this run is no longer in inventory\.yml"):
        verbs.run(folder, ground=ground(tmp_path, "hv01"))
    assert not (folder.path / "journal.sqlite").exists()


def test_a_roll_without_a_host_of_the_plan(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, versions=("hv01",))
    with pytest.raises(DocumentError, match="which Windows hv02 has"):
        verbs.run(folder, ground=ground(tmp_path, *HOSTS))


def test_an_old_plan_that_was_only_rehearsed_is_surveyed_again(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, age=dt.timedelta(hours=5))
    place = ground(tmp_path, *HOSTS)
    with Journal(folder.path, place.clock) as journal:
        journal.write("a", Kind.REHEARSED, outcome="pass", incompatibilities=[], cause="", left_behind="")
    with pytest.raises(PlanRefused, match="the plan is 300 min old"):
        verbs.run(folder, ground=place)
    assert not verbs.status(folder).started
