"""The API: one function a verb. Nothing prints, nothing exits; nouns in, nouns out. Errors: winmigrate.errors."""

from __future__ import annotations

from winmigrate.execution.standing import RunStatus
from winmigrate.verbs.ground import CANDIDATES, FINDINGS, KINDS, PLAN, ROLL, SURVEY, Ground, stand
from winmigrate.verbs.looking import Checked, Planned, check, explain, hosts, plan
from winmigrate.verbs.moving import cancel, changed_since, resume, run, status
from winmigrate.verbs.papers import Written, init, rehearse, report, schema
from winmigrate.verbs.recording import Recording

__all__ = [
    "CANDIDATES",
    "FINDINGS",
    "KINDS",
    "PLAN",
    "ROLL",
    "SURVEY",
    "Checked",
    "Ground",
    "Planned",
    "Recording",
    "RunStatus",
    "Written",
    "cancel",
    "changed_since",
    "check",
    "explain",
    "hosts",
    "init",
    "plan",
    "rehearse",
    "report",
    "resume",
    "run",
    "schema",
    "stand",
    "status",
]
