"""Many faults at once over real WinRM: one pass of check shows each of them, hides none, invents none beside them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from tests.whole.forty import FAULTS, PASSWORD, WELL, Fault, build
from tests.whole.labs import site
from winmigrate import verbs
from winmigrate.checks import CandidateFindings, Findings, Outcome
from winmigrate.verbs import Checked

FORTY = 40
_TOLD = (Outcome.FAIL, Outcome.UNKNOWN)


def drawn(seed: int) -> list[Fault]:
    """Forty of the table; each requirement once."""
    return random.Random(seed).sample(FAULTS, FORTY)


def checked(folder: Path, faults: Sequence[Fault]) -> tuple[Checked, dict[str, Fault]]:
    """One pass of check over a fabric with these faults; VM -> the fault of its lot."""
    fabric, playbook, lots, land = build(faults)
    text = yaml.safe_dump(fabric, sort_keys=False)
    with site(folder, text, playbook=yaml.safe_dump(playbook, sort_keys=False)) as place:
        inventory = yaml.safe_load(place.inventory.read_text(encoding="utf-8"))
        inventory["directory"] = {"via": "mgmt"}
        for server, settings in inventory["file_servers"].items():
            settings["kerberos_name"] = f"{server}.corp.example"
        for host, more in land.inventory.items():
            inventory["hosts"][host] |= more
        place.inventory.write_text(yaml.safe_dump(inventory, sort_keys=False), encoding="utf-8")
        pat = place.folder / "pat.yml"
        pat.write_text(yaml.safe_dump({"username": "PARTNER\\pat", "password": PASSWORD}), encoding="utf-8")
        pat.chmod(0o600)
        return verbs.check(place.playbook, ground=place.ground()), dict(zip(lots, faults, strict=True))


def told(findings: Findings, candidate: CandidateFindings) -> dict[str, Outcome]:
    """What fails on a candidate or is not known: requirement -> the worst outcome."""
    found: dict[str, Outcome] = {}
    for item in findings.of(candidate):
        if item.outcome in _TOLD and found.get(item.requirement) is not Outcome.FAIL:
            found[item.requirement] = item.outcome
    return found


def wrongs(result: Checked, faults: dict[str, Fault]) -> Iterator[str]:
    """What is not as the table says, in words."""
    findings = result.findings
    yield from (f"the playbook: {wish.evidence}" for wish in findings.wishes)
    seen = {candidate.vm_name: told(findings, candidate) for candidate in findings.candidates}
    yield from (f"{name} is no candidate" for name in (*WELL, *faults) if name not in seen)
    for name in WELL:
        yield from (f"{name} is healthy, and {id} is {found.value}" for id, found in seen.get(name, {}).items())
    for name, fault in faults.items():
        mine = seen.get(name, {})
        for id in (fault.requirement, *fault.also):
            if mine.pop(id, None) is not Outcome.FAIL:
                yield f"{name}: {id} does not fail"
        for id, found in mine.items():
            if not (fault.loud and found is Outcome.UNKNOWN):
                yield f"{name} ({fault.requirement}): {id} is {found.value} as well"


def test_forty_faults_are_forty_findings(tmp_path: Path) -> None:
    result, faults = checked(tmp_path, drawn(40))
    wrong = list(wrongs(result, faults))
    assert not wrong, "\n".join(wrong)
    found = {
        fault.requirement
        for candidate in result.findings.candidates
        if (fault := faults.get(candidate.vm_name)) and fault.requirement in told(result.findings, candidate)
    }
    assert len(found) == FORTY


@pytest.mark.long
def test_every_fault_of_the_table_is_shown_through_the_lab(tmp_path: Path) -> None:
    result, faults = checked(tmp_path, FAULTS)
    found = list(wrongs(result, faults))
    assert not found, "\n".join(found)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 9))
def test_any_forty_faults_are_forty_findings(tmp_path: Path, seed: int) -> None:
    result, faults = checked(tmp_path, drawn(seed))
    found = list(wrongs(result, faults))
    assert not found, "\n".join(found)


def test_the_table_names_each_requirement_once() -> None:
    ids = [fault.requirement for fault in FAULTS]
    assert len(ids) == len(set(ids)) > FORTY


