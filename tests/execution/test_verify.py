"""Verification writes what it saw: a VM that is not where it was a moment ago has no outcome yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.execution.plans import plan, step
from tests.execution.rig import QuickClock
from winmigrate.checks.aftermath import Aftermath
from winmigrate.execution.journal import Journal, Kind
from winmigrate.execution.ledger import Ledger
from winmigrate.execution.states import Status
from winmigrate.execution.verify import _reached, verify_step
from winmigrate.facts import Unreadable
from winmigrate.windows.vm import VM

THERE = VM(id="a", name="a", state="Running")
UNREAD = Unreadable("access denied")


class _Run:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger


@pytest.mark.parametrize(
    ("source", "destination", "status", "where"),
    [
        (False, THERE, Status.DONE, "on hv02"),
        # It is on both, or on none that answers so: nobody may say "on hv02", nor that it failed.
        (True, THERE, Status.UNKNOWN, None),
        (False, None, Status.UNKNOWN, None),
        (True, None, Status.UNKNOWN, None),
        # A side that cannot be read.
        (UNREAD, THERE, Status.UNKNOWN, None),
        (False, UNREAD, Status.UNKNOWN, None),
    ],
)
def test_an_outcome_is_an_observation(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: bool | Unreadable,
    destination: VM | Unreadable | None,
    status: Status,
    where: str | None,
) -> None:
    made = plan(step("a"))
    after = Aftermath(
        "a", "a", "hv01", "hv02", "Running", source, destination, (), {}, (), None, ()
    )  # fmt: skip
    monkeypatch.setattr("winmigrate.execution.verify.read_aftermath", lambda run, step: after)
    clock = QuickClock()
    with Journal(tmp_path, clock) as journal:
        ledger = Ledger(journal, ["a"], clock)
        ledger.write("a", Kind.INTENT, attempt=1, ticket={"shell_id": "s", "command_id": "c"})
        run: Any = _Run(ledger)
        assert verify_step(run, made.step("a")) is (where is not None)
        state = ledger.state("a")
    assert state.status is status
    assert state.outcome.get("where") == where


@pytest.mark.parametrize("name", ["x" * 64 + ".corp.example", "web..corp.example", "nul\0.example"])
def test_a_guest_whose_name_is_none_of_the_dns_is_not_reached_and_nothing_worse(name: str) -> None:
    assert _reached(name, 443)
