"""winmigrate moves running Hyper-V virtual machines between Windows hosts, with their storage.

The API: one function a verb, and the nouns they take and give. ``winmigrate.check("evacuate.yml")`` does what
``winmigrate check evacuate.yml`` does, but prints nothing, exits never, and gives what it found (docs/api.md).
A name is imported when it is first used, so that ``import winmigrate`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from winmigrate.checks import CandidateFindings, Finding, Findings, Outcome, Remedy, Severity, Subject
    from winmigrate.errors import HostError, InputFaults, PlanRefused, RunLocked, UsageError, WinmigrateError
    from winmigrate.execution.run import RunResult, Snapshot
    from winmigrate.execution.states import Status, StepState
    from winmigrate.facts import Unreadable
    from winmigrate.inventory import Host, Inventory, load_inventory
    from winmigrate.planning.plan import Capacity, Expectation, Plan, Refusal, Step
    from winmigrate.playbook import Migration, Playbook, Selector, StorageWish, Target, load_playbook
    from winmigrate.request import Clock, Credential, Secret
    from winmigrate.survey import Candidate, Candidates, HostFacts, PairFacts, Roll, RollEntry, Survey
    from winmigrate.verbs import (
        Checked,
        Ground,
        Planned,
        Recording,
        RunStatus,
        Written,
        cancel,
        changed_since,
        check,
        explain,
        hosts,
        init,
        plan,
        rehearse,
        report,
        resume,
        run,
        schema,
        stand,
        status,
    )

__version__ = "0.1.0"

#: Where each public name lives.
_HOMES = {
    "winmigrate.checks": ("CandidateFindings", "Finding", "Findings", "Outcome", "Remedy", "Severity", "Subject"),
    "winmigrate.errors": ("HostError", "InputFaults", "PlanRefused", "RunLocked", "UsageError", "WinmigrateError"),
    "winmigrate.execution.run": ("RunResult", "Snapshot"),
    "winmigrate.execution.states": ("Status", "StepState"),
    "winmigrate.facts": ("Unreadable",),
    "winmigrate.inventory": ("Host", "Inventory", "load_inventory"),
    "winmigrate.planning.plan": ("Capacity", "Expectation", "Plan", "Refusal", "Step"),
    "winmigrate.playbook": ("Migration", "Playbook", "Selector", "StorageWish", "Target", "load_playbook"),
    "winmigrate.request": ("Clock", "Credential", "Secret"),
    "winmigrate.survey": ("Candidate", "Candidates", "HostFacts", "PairFacts", "Roll", "RollEntry", "Survey"),
    "winmigrate.verbs": (
        *("Checked", "Ground", "Planned", "Recording", "RunStatus", "Written", "cancel", "changed_since"),
        *("check", "explain", "hosts", "init", "plan", "rehearse", "report", "resume", "run", "schema", "stand"),
        "status",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Candidate",
    "CandidateFindings",
    "Candidates",
    "Capacity",
    "Checked",
    "Clock",
    "Credential",
    "Expectation",
    "Finding",
    "Findings",
    "Ground",
    "Host",
    "HostError",
    "HostFacts",
    "InputFaults",
    "Inventory",
    "Migration",
    "Outcome",
    "PairFacts",
    "Plan",
    "PlanRefused",
    "Planned",
    "Playbook",
    "Recording",
    "Refusal",
    "Remedy",
    "Roll",
    "RollEntry",
    "RunLocked",
    "RunResult",
    "RunStatus",
    "Secret",
    "Selector",
    "Severity",
    "Snapshot",
    "Status",
    "Step",
    "StepState",
    "StorageWish",
    "Subject",
    "Survey",
    "Target",
    "Unreadable",
    "UsageError",
    "WinmigrateError",
    "Written",
    "cancel",
    "changed_since",
    "check",
    "explain",
    "hosts",
    "init",
    "load_inventory",
    "load_playbook",
    "plan",
    "rehearse",
    "report",
    "resume",
    "run",
    "schema",
    "stand",
    "status",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
