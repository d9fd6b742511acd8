"""A case: a change of the healthy world, and what a requirement then says."""

from __future__ import annotations

from dataclasses import dataclass

from tests.checks.world import Change, World
from winmigrate.checks import Outcome, Severity


@dataclass(frozen=True)
class Case:
    """``evidence`` and ``remedy`` are fragments; ``on``: the host, for a requirement of hosts. None: not looked at."""

    requirement: str
    outcome: Outcome
    change: Change
    evidence: str = ""
    remedy: str | None = None
    on: str = ""
    severity: Severity | None = None
    hop: str | None = None
    place: str | None = None
    needs: str | None = None

    def __str__(self) -> str:
        return f"{self.requirement}: {self.outcome.value}: {self.evidence[:40]}"


def unchanged(world: World) -> None:
    """The healthy world."""


def refused(host: str, *statements: str) -> Change:
    return lambda world: world.refuse(host, *statements)


def put(host: str, statement: str, **cells: object) -> Change:
    return lambda world: world.put(host, statement, **cells)


def drop(host: str, statement: str, *names: str) -> Change:
    return lambda world: world.drop(host, statement, *names)


def rows(host: str, statement: str, *found: object) -> Change:
    return lambda world: world.set(host, statement, *found)
