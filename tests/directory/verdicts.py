"""What our requirements say of a domain: may hv01 migrate to hv02 in an operator's name, may it copy files there?"""

from __future__ import annotations

import dataclasses

from tests.checks.world import World
from winmigrate.checks import Finding, Outcome, run_checks
from winmigrate.directory import DirectoryFacts


def verdict(facts: DirectoryFacts, user: str, sid: str) -> tuple[bool, bool]:
    """(migration service, files) as our requirements say."""
    world = World()
    world.set("hv01", "whoami /user", {"User": f"CORP\\{user}", "Sid": sid})
    survey = dataclasses.replace(world.survey(), directory=facts)
    findings = run_checks(survey, world.candidates(), world.playbook(), world.inventory(), world.now)
    found = {item.requirement: item for item in findings.of(findings.candidates[0])}

    def passes(*ids: str) -> bool:
        return all(_decided(found[id]) for id in ids)

    both = ("kcd-protocol-transition", "operator-delegatable")
    return passes("kcd-migration-service", *both), passes("kcd-cifs", *both)


def _decided(found: Finding) -> bool:
    assert found.outcome in (Outcome.PASS, Outcome.FAIL), found
    return found.outcome is Outcome.PASS
