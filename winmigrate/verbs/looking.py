"""hosts, check, explain, plan: they look, and write nothing on any host."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from winmigrate.checks import Findings, run_checks
from winmigrate.checks.vm_versions import VersionTable, version_table
from winmigrate.documents import RunFolder, digest_of, write_document
from winmigrate.errors import UsageError, did_you_mean
from winmigrate.inventory import Inventory, load_inventory
from winmigrate.planning import make_plan
from winmigrate.planning.plan import Plan
from winmigrate.playbook import Migration, Playbook, Selector, Target, load_playbook
from winmigrate.survey import Candidate, Candidates, Roll, Survey, call_roll, find_candidates, probe_pairs, take_survey
from winmigrate.verbs.ground import CANDIDATES, FINDINGS, PLAN, ROLL, SURVEY, Ground, stand


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found: the nouns of every stage up to the findings."""

    playbook: Playbook
    inventory: Inventory
    roll: Roll
    candidates: Candidates
    survey: Survey
    findings: Findings

    def versions(self) -> VersionTable:
        """Hosts by the VM configuration versions they run, and what cannot come back once moved or upgraded."""
        return version_table(self.survey, self.candidates)

    @property
    def exit_code(self) -> int:
        """0 if every VM has a candidate that may be placed, else 1."""
        return 0 if self.findings.wishes_stand() and not self.findings.without_destination() else 1


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan in its run's folder, with its digest."""

    checked: Checked
    plan: Plan
    folder: RunFolder
    digest: str

    @property
    def exit_code(self) -> int:
        """0 if every VM that was asked for is placed or where it should be, else 1."""
        return 0 if self.checked.findings.wishes_stand() and not self.plan.refusals else 1


def hosts(inventory: Inventory | Path | str, *, ground: Ground | None = None, pairs: bool = False) -> Roll:
    """Each host: reached, as whom, administrator, version, VMs.

    ``pairs``: the second hop from each host to each other as well, proven or not, and by which route.
    """
    place = ground or stand(inventory)
    roll = call_roll(place.inventory, place.connector, place.clock)
    if not pairs:
        return roll
    tried = probe_pairs(place.inventory, roll, place.connector, place.clock, credentials=place.credential_for)
    return replace(roll, pairs=tried)


def check(
    playbook: Playbook | Path | str,
    inventory: Inventory | Path | str | None = None,
    *,
    ground: Ground | None = None,
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> Checked:
    """Every finding for every VM and candidate. Raises InputFaults for what the files alone show."""
    place, book = _open(playbook, inventory, ground)
    _known_ids((*only, *skip))
    roll = call_roll(place.inventory, place.connector, place.clock)
    candidates = find_candidates(book, place.inventory, roll)
    survey = take_survey(
        place.inventory, candidates, roll, place.connector, place.clock,
        credentials=place.credential_for, ldap=place.ldap,
    )  # fmt: skip
    findings = run_checks(survey, candidates, book, place.inventory, place.clock.now(), only=only, skip=skip)
    return Checked(book, place.inventory, roll, candidates, survey, findings)


def explain(
    vm: str,
    to: str,
    playbook: Playbook | Path | str | None = None,
    inventory: Inventory | Path | str | None = None,
    *,
    ground: Ground | None = None,
) -> tuple[Checked, Candidate]:
    """One candidate in full: a VM (its name, or its Id, or ``id:GUID``) and a host.

    Without a playbook the wish is that VM to that host and nothing more. Raises UsageError if there is no such one.
    """
    if playbook is None:
        ground = ground or stand(inventory if inventory is not None else "inventory.yml")
        if to not in ground.inventory.hosts:
            known = ground.inventory.hosts
            raise UsageError(f'no host "{to}" in {ground.inventory.file}{did_you_mean(to, known)}')
        playbook = _wish(vm, to)
    checked = check(playbook, inventory, ground=ground)
    found = [item for item in checked.candidates.candidates if item.destination == to]
    mine = [item for item in found if vm in (item.vm_name, item.vm_id, f"id:{item.vm_id}")]
    if not mine:
        for wish in checked.findings.wishes:
            raise UsageError(f"{wish.evidence}")
        names = [item.vm_name for item in checked.candidates.candidates]
        raise UsageError(f'no candidate "{vm}" to {to} in {checked.playbook.file}{did_you_mean(vm, names)}')
    return checked, mine[0]


def _wish(vm: str, to: str) -> Playbook:
    """The playbook of somebody who just asks about one VM and one host."""
    word = vm.removeprefix("id:")
    try:
        selector = Selector(id=str(uuid.UUID(word)))
    except ValueError:
        selector = Selector(name=vm)
    return Playbook("(asked)", (Migration(selector, (Target("host", to),)),))


def plan(
    playbook: Playbook | Path | str,
    inventory: Inventory | Path | str | None = None,
    *,
    ground: Ground | None = None,
) -> Planned:
    """check, placement and steps; writes the run's folder, nothing on any host."""
    place, book = _open(playbook, inventory, ground)
    checked = check(book, ground=place)
    made = make_plan(
        checked.survey,
        checked.candidates,
        checked.findings,
        checked.roll,
        book,
        place.inventory,
        place.clock.now(),
    )
    folder = place.new_folder()
    write_document(folder, "roll", ROLL, checked.roll)
    write_document(folder, "candidates", CANDIDATES, checked.candidates)
    write_document(folder, "survey", SURVEY, checked.survey)
    write_document(folder, "findings", FINDINGS, checked.findings)
    write_document(folder, "plan", PLAN, made)
    return Planned(checked, made, folder, digest_of(PLAN, made))


def _open(
    playbook: Playbook | Path | str, inventory: Inventory | Path | str | None, ground: Ground | None
) -> tuple[Ground, Playbook]:
    known = ground.inventory if ground is not None else None
    if known is None and inventory is not None:
        known = inventory if isinstance(inventory, Inventory) else load_inventory(inventory)
    if not isinstance(playbook, Playbook):
        playbook = load_playbook(playbook, known)
    if ground is None:
        where = known if known is not None else playbook.inventory
        ground = stand(where if where is not None else "inventory.yml")
    return ground, playbook


def _known_ids(ids: Collection[str]) -> None:
    from winmigrate.checks import load_all
    from winmigrate.checks.frame import REGISTRY

    load_all()
    for item in ids:
        if item not in REGISTRY:
            raise UsageError(f'no requirement "{item}"{did_you_mean(item, REGISTRY)}')
