"""Hosts that answer nonsense: the answers of a world with something else where a fact should be.

What is decisive for a requirement is taken from its own cases: what a failing case answers otherwise than the healthy
world does is what the requirement looks at. Nonsense in that place may be unknown, or still a failure; never a pass.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.checks.case import Case
from tests.checks.world import World
from tests.survey.hosts import FakeConnector, FakeHost, name_of
from tests.survey.test_roll import QuickClock
from winmigrate.remoting.clixml.values import EnumValue, PSObject
from winmigrate.request import Statement
from winmigrate.survey import Survey, call_roll, take_survey

#: (host, statement): the rows of its answers, in the order in which they came.
Heard = dict[tuple[str, str], list[Any]]


@dataclass(frozen=True)
class Spot:
    """A place in the answers: a row, or one cell of it. ``row`` counts over all answers to that statement."""

    host: str
    statement: str
    row: int
    cell: str | None = None


@dataclass
class Odd:
    """What stands at some spots instead; GONE: the property is missing."""

    at: dict[Spot, Any] = field(default_factory=dict)
    heard: Heard = field(default_factory=dict)

    def changed(self, host: str, statement: str, answer: list[Any]) -> list[Any]:
        heard = self.heard.setdefault((host, statement), [])
        found = []
        for item in answer:
            spot = Spot(host, statement, len(heard))
            heard.append(item)
            if spot in self.at:
                found.append(self.at[spot])
                continue
            if isinstance(item, dict):
                item = {
                    name: self.at.get(Spot(host, statement, spot.row, name), value) for name, value in item.items()
                }
                item = {name: value for name, value in item.items() if value is not GONE}
            found.append(item)
        return found


GONE = object()


class OddHost(FakeHost):
    """A host whose answers pass an :class:`Odd`."""

    odd: Odd

    def answer(self, asked: Statement) -> list[Any]:
        return self.odd.changed(self.name, name_of(asked), super().answer(asked))


class OddWorld(World):
    """A world whose hosts answer so."""

    def __init__(self, odd: Odd | None = None) -> None:
        super().__init__()
        self.odd = odd or Odd()

    def survey(self) -> Survey:
        hosts: dict[str, FakeHost] = {}
        for name, answers in self.answers.items():
            host = OddHost(name, answers, self.down.get(name))
            host.odd = self.odd
            hosts[name] = host
        connector, clock = FakeConnector(hosts), QuickClock()
        roll = call_roll(self.inventory(), connector, clock)
        return take_survey(
            self.inventory(), self.candidates(), roll, connector, clock, credentials=lambda _: self.credential
        )


# --- where a case differs from the healthy world -----------------------------------------------------------------


def heard_in(case: Case | None) -> Heard:
    """All that the hosts answer in the world of a case; None: in the healthy one."""
    world = OddWorld()
    if case is not None:
        case.change(world)
    world.survey()
    return world.odd.heard


def decisive(case: Case, others: Iterable[Heard]) -> list[Spot]:
    """The spots where the case's world answers otherwise than the nearest of worlds in which the requirement passes."""
    mine = heard_in(case)
    return min((_spots(mine, other) for other in others), key=len)


def _spots(mine: Heard, other: Heard) -> list[Spot]:
    spots = []
    for (host, statement), rows in mine.items():
        before = other.get((host, statement), [])
        for index, row in enumerate(rows):
            if _steady(row) in map(_steady, before):
                continue
            old = before[index] if len(before) == len(rows) else None
            if isinstance(row, dict) and isinstance(old, dict):
                spots += [
                    Spot(host, statement, index, name)
                    for name, value in row.items()
                    if name not in old or _steady(old[name]) != _steady(value)
                ]
            else:
                spots.append(Spot(host, statement, index))
    return spots


def _steady(value: Any) -> Any:
    """The same whenever it is asked: a clock that goes right is none."""
    if isinstance(value, dict):
        return {name: _steady(cell) for name, cell in value.items()}
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return None if abs(value - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=1) else value
    return value


# --- nonsense ----------------------------------------------------------------------------------------------------

_LIST: list[Any] = [1, "two", [3]]
_OBJECT = PSObject(("System.Nonsense",), None, {"Nonsense": [None]})
#: A row; an empty list would be no row.
_ROWS: tuple[Any, ...] = ("nonsense", 17, None, {}, _LIST, PSObject((), "nonsense", {}), b"\0\1", 2.5)


def instead_of(value: Any) -> list[Any]:
    """What is no such value, whatever the property: another kind of thing, or nothing."""
    always: list[Any] = [_OBJECT, _LIST, b"\0\xff", GONE]
    if isinstance(value, bool):
        return [*always, "perhaps", 2, dt.timedelta(1)]
    if isinstance(value, EnumValue):
        return [*always, "Nonsense", True, EnumValue("Nonsense", 4711), 4711]
    if isinstance(value, int):
        return [*always, "many", "", float("nan"), True]
    if isinstance(value, uuid.UUID):
        return [*always, "no-guid", 5]
    if isinstance(value, dt.datetime | dt.timedelta):
        return [*always, "yesterday", 20260101]
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        return [*always, "many", "1e9", True]
    return [*always, True, dt.timedelta(1)]


def _instead_of_row(row: Any) -> list[Any]:
    return [odd for odd in _ROWS if isinstance(row, dict) or type(odd) is not type(row)]


def variants(spots: list[Spot], rows: Heard) -> Iterator[dict[Spot, Any]]:
    """Each kind of nonsense at all of the spots at once, then at each one alone."""
    kinds: dict[Spot, list[Any]] = {}
    for spot in spots:
        row = rows[spot.host, spot.statement][spot.row]
        kinds[spot] = _instead_of_row(row) if spot.cell is None else instead_of(row[spot.cell])
    most = max((len(found) for found in kinds.values()), default=0)
    for number in range(most):
        yield {spot: found[number % len(found)] for spot, found in kinds.items()}
    if len(spots) > 1:
        for spot, found in kinds.items():
            for value in found:
                yield {spot: value}
