"""Each requirement where it passes, where it fails, where its facts cannot be read: from CLIXML to the finding."""

from __future__ import annotations

from functools import cache

import pytest

from tests.checks import (
    cases_access,
    cases_after,
    cases_clusters,
    cases_destination,
    cases_devices,
    cases_directory,
    cases_hosts,
    cases_settings,
    cases_shares,
    cases_vms,
    cases_ways,
)
from tests.checks.case import Case
from tests.checks.cases_after import AfterCase, Moved
from tests.checks.commands import commands
from tests.checks.world import WEB, World
from winmigrate.checks import Finding, Outcome, Remedy, RemedyKind, load_all, settle
from winmigrate.checks.after import run_after
from winmigrate.checks.frame import REGISTRY
from winmigrate.facts import VERSIONS
from winmigrate.facts.cmdlets import find, parameters_of
from winmigrate.facts.requirement_ids import REQUIREMENT_IDS
from winmigrate.facts.since import first_version
from winmigrate.facts.versions import at_least

CASES: list[Case] = [
    *cases_hosts.CASES, *cases_shares.CASES,
    *cases_access.CASES, *cases_directory.CASES,
    *cases_vms.CASES, *cases_settings.CASES,
    *cases_devices.CASES,
    *cases_destination.CASES,
    *cases_ways.CASES,
    *cases_clusters.CASES,
]

#: Settled by the rehearsal alone: their cases are those of test_compare_vm, and of test_running.
_REHEARSED = {("compare-vm", Outcome.PASS), ("compare-vm", Outcome.FAIL), ("cpu-features", Outcome.FAIL)}


@cache
def found_of(case: Case) -> Finding:
    world = World()
    case.change(world)
    return world.finding(case.requirement, case.on)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    found = found_of(case)
    assert found.outcome is case.outcome, found
    assert case.evidence in found.evidence
    if case.remedy is not None:
        assert found.remedy is not None
        assert case.remedy in found.remedy.text
        assert found.remedy.who
    if case.severity is not None:
        assert found.severity is case.severity
    for attribute in ("hop", "place", "needs"):
        if getattr(case, attribute) is not None:
            assert getattr(found, attribute) == getattr(case, attribute)
    if case.outcome is Outcome.FAIL:
        assert found.wanted
        assert found.remedy is not None
        assert found.page.startswith("https://learn.microsoft.com/")


@pytest.mark.parametrize("case", cases_after.CASES, ids=str)
def test_after_the_move(case: AfterCase) -> None:
    moved = Moved()
    case.change(moved)
    found = next(item for item in run_after(moved.aftermath()) if item.requirement == case.requirement)
    assert found.outcome is case.outcome, found
    assert case.evidence in found.evidence
    if case.remedy:
        assert found.remedy is not None
        assert case.remedy in found.remedy.text
    if case.severity is not None:
        assert found.severity is case.severity


def test_compare_vm_is_settled_by_the_rehearsal() -> None:
    findings = World().findings()
    key = (str(WEB), "hv02")

    def outcome(rehearsed: dict[tuple[str, str], tuple[str, ...]]) -> Finding:
        settled = settle(findings, rehearsed)
        return next(item for item in settled.all if item.requirement == "compare-vm")

    assert outcome({}).outcome is Outcome.PENDING
    assert outcome({key: ()}).outcome is Outcome.PASS
    against = outcome({key: ("33012: no switch External", "32000: not enough memory")})
    assert against.outcome is Outcome.FAIL
    assert against.blocks
    assert against.evidence == "33012: no switch External; 32000: not enough memory"


def test_every_requirement_has_a_case_of_each_kind() -> None:
    load_all()
    shown = {(case.requirement, case.outcome) for case in CASES}
    shown |= {(case.requirement, case.outcome) for case in cases_after.CASES} | _REHEARSED
    for id in REGISTRY:
        assert (id, Outcome.PASS) in shown, f"{id} has no case where it passes"
        assert (id, Outcome.FAIL) in shown, f"{id} has no case where it fails"
        assert {(id, Outcome.UNKNOWN), (id, Outcome.PENDING)} & shown, f"{id} has no case with facts that are not read"


def test_ids_are_those_of_the_catalogue() -> None:
    load_all()
    assert set(REGISTRY) <= set(REQUIREMENT_IDS)
    assert len(REGISTRY) >= 44


def remedies() -> list[tuple[str, Remedy]]:
    load_all()
    found = [(case.requirement, found_of(case).remedy) for case in CASES if case.outcome is Outcome.FAIL]
    for case in cases_after.CASES:
        moved = Moved()
        case.change(moved)
        found += [(item.requirement, item.remedy) for item in run_after(moved.aftermath())]
    return [(id, remedy) for id, remedy in found if remedy is not None]


def test_remedies_in_powershell_are_commands_that_windows_has() -> None:
    checked = 0
    for id, remedy in remedies():
        if remedy.kind is not RemedyKind.POWERSHELL:
            continue
        named = list(commands(remedy.text))
        assert named, f"{id}: no command in {remedy.text}"
        for version in (item for item in REGISTRY[id].versions if item not in ("2012", "2012R2")):
            for cmdlet, parameters in named:
                assert _bindable(cmdlet, parameters, version), f"{id}: {cmdlet} {parameters} on {version}"
                checked += 1
    assert checked > 100


def _bindable(cmdlet: str, parameters: list[str], version: str) -> bool:
    """Is there a parameter set of the cmdlet, on that Windows, with all these parameters?"""
    # A version's page may lack a cmdlet that machines of it have: what machines showed is the better word.
    since = first_version("Hyper-V", cmdlet)
    later = [item for item in VERSIONS if since is not None and at_least(version, since) and at_least(item, version)]
    raw = next((raw for item in (version, *later) if (raw := find(cmdlet, item))), None)
    if raw is None:
        return False
    wanted = {name.lower() for name in parameters}
    return any(
        wanted <= {name.lower() for name, _, _ in parameters_of(raw, each)} | {"confirm", "whatif", "erroraction"}
        for each in raw["sets"]
    )
