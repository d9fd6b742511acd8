"""The cases notice it when a requirement is turned round, or takes what it could not see for well."""

from __future__ import annotations

import pytest

from tests import mutation
from tests.checks.case import Case, unchanged
from tests.checks.test_requirements import CASES
from winmigrate.checks import Outcome, load_all
from winmigrate.checks.after import _AFTER
from winmigrate.checks.frame import REGISTRY

#: Of each scope one or two, and one that the move settles.
A_FEW = ("migration-enabled", "vm-state", "dev-dda", "sec-vtpm-keys", "mem-numa", "post-running")


def test_a_few() -> None:
    tally = mutation.run(A_FEW)
    assert tally.gaps == []
    assert tally.noticed["inverted"] == len(A_FEW)
    assert sum(tally.made.values()) > 40


@pytest.mark.long
def test_all() -> None:
    tally = mutation.run()
    assert tally.gaps == []
    settled = {case.requirement for case in CASES if case.outcome in (Outcome.PASS, Outcome.FAIL)}
    assert tally.made["inverted"] == len(settled) + len(_AFTER)
    assert set(REGISTRY) - settled - set(_AFTER) == {"compare-vm"}, "the rehearsal alone settles that one"


def test_a_mutant_that_nobody_notices_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    load_all()
    monkeypatch.setattr(mutation, "CASES", [Case("vm-state", Outcome.PASS, unchanged, "running")])
    tally = mutation.Tally()
    mutation.mutate("vm-state", tally)
    assert "vm-state: blind" in tally.gaps
    assert "vm-state: inverted" not in tally.gaps
    assert REGISTRY["vm-state"].check.__name__ == "vm_state", "a mutant stayed"
