"""Hosts that answer nonsense: unknown with a reason, never a pass, never a stack trace; over every requirement."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.checks.case import Case
from tests.checks.nonsense import Heard, Odd, OddWorld, Spot, decisive, heard_in, instead_of, variants
from tests.checks.test_requirements import CASES
from tests.survey.hosts import FakeConnector, FakeHost, FakeSession
from tests.survey.test_roll import QuickClock
from winmigrate.checks import Finding, Findings, Outcome, load_all
from winmigrate.checks.frame import REGISTRY
from winmigrate.request import Event, Reply, Request, Session
from winmigrate.survey import Survey, call_roll, take_survey

P, F, S = Outcome.PASS, Outcome.FAIL, Outcome.SKIP

#: Where a fact stands in two places, nonsense in one of them is mended by the other.
_TWICE = {
    "cl-same": "of a node that does not say its cluster, the other nodes of the cluster say it",
}
#: What the inventory or the playbook decides, or what a host does not say: there is no answer to make nonsense of.
_ELSEWHERE = ("cl-remote-credssp", "credssp-needs-source-logon", "smb-third-party-nas")
#: What hangs on another VM too: one whose files nobody knows is not placed itself, and so is in nobody's way.
_OF_OTHERS = ("dst-files-absent",)
#: What such a move has no requirement of: a VM whose files nobody knows is taken for one that moves with its files.
_OTHER_KIND = "not for a move of kind"


def failing(requirement: str) -> list[Case]:
    return [case for case in CASES if case.requirement == requirement and case.outcome is F]


@cache
def passing(requirement: str, most: int) -> tuple[Heard, ...]:
    found = [case for case in CASES if case.requirement == requirement and case.outcome is P]
    return tuple(heard_in(case) for case in found[:most])


def looked_at(case: Case, most: int) -> list[Spot]:
    """What decides in a case; nothing where it is in the playbook, the inventory or in what the host does not say."""
    others = passing(case.requirement, most)
    return decisive(case, others) if others else []


def findings_with(case: Case, odd: dict[Spot, Any]) -> Findings:
    world = OddWorld(Odd(odd))
    case.change(world)
    return world.findings()


def is_told(case: Case, odd: dict[Spot, Any]) -> None:
    """No requirement passes on nonsense, and no candidate is let through by it."""
    found = findings_with(case, odd)
    for candidate in found.candidates[:1]:
        mine = [item for item in found.of(candidate) if item.requirement == case.requirement]
        for item in mine:
            if (case.on and item.subject.source != case.on) or item.outcome not in (P, S):
                continue
            assert item.evidence.startswith(_OTHER_KIND), f"{case} with {shown(odd)}: {item.outcome}: {item.evidence}"
            assert not found.may_be_placed(candidate), f"{case} with {shown(odd)} may be placed"
    sound(found)


def sound(found: Findings) -> None:
    """Whatever is not known says why."""
    for item in found.all:
        if item.outcome in (Outcome.UNKNOWN, Outcome.PENDING):
            assert item.evidence, f"{item.requirement} does not say why it is not known"


def shown(odd: dict[Spot, Any]) -> str:
    places = [f"{spot.host}: {spot.statement}[{spot.row}].{spot.cell} = {value!r:.40}" for spot, value in odd.items()]
    return "; ".join(places[:4])


def _ids() -> list[str]:
    load_all()
    return [id for id in REGISTRY if failing(id) and id not in _TWICE]


@pytest.mark.parametrize("requirement", _ids())
def test_no_requirement_passes_on_nonsense(requirement: str) -> None:
    draw = random.Random(f"quick {requirement}")
    cases = failing(requirement)
    draw.shuffle(cases)
    for case in cases:
        spots = looked_at(case, 1)
        if spots:
            every = [odd for odd in variants(spots, heard_in(case)) if len(odd) == len(spots)]
            for odd in draw.sample(every, 1):
                is_told(case, odd)
            return
    assert requirement in _ELSEWHERE, f"no case of {requirement} is decided by what a host answers"


@pytest.mark.long
@pytest.mark.parametrize("requirement", _ids())
def test_no_requirement_passes_on_any_nonsense(requirement: str) -> None:
    draw = random.Random(f"long {requirement}")
    for case in failing(requirement):
        spots = looked_at(case, 99)
        every = list(variants(spots, heard_in(case))) if spots else []
        together = [odd for odd in every if len(odd) == len(spots)]
        alone = [odd for odd in every if len(odd) < len(spots) and requirement not in _OF_OTHERS]
        for odd in [*together, *draw.sample(alone, min(12, len(alone)))]:
            is_told(case, odd)


# --- anything anywhere -------------------------------------------------------------------------------------------


def _anywhere(draw: random.Random, heard: Heard) -> dict[Spot, Any]:
    """Nonsense in some rows and cells of all that was heard, whatever they are for."""
    share = draw.choice([0.01, 0.05, 0.3])
    odd: dict[Spot, Any] = {}
    for (host, statement), rows in heard.items():
        for number, row in enumerate(rows):
            if draw.random() < share / 4:
                odd[Spot(host, statement, number)] = draw.choice(["nonsense", 17, None, {}, [1, [2]], 2.5, b"\0", True])
            for name, value in row.items() if isinstance(row, dict) else ():
                if draw.random() < share:
                    odd[Spot(host, statement, number, name)] = draw.choice(instead_of(value))
    return odd


def _tried(seed: int) -> None:
    draw = random.Random(seed)
    case = draw.choice(CASES)
    sound(findings_with(case, _anywhere(draw, heard_in(case))))


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_nonsense_anywhere_is_no_stack_trace(start: int) -> None:
    for seed in range(start, start + 10):
        _tried(seed)


@pytest.mark.long
@pytest.mark.parametrize("start", range(1000, 3000, 250))
def test_nonsense_anywhere_is_no_stack_trace_however_often(start: int) -> None:
    for seed in range(start, start + 250):
        _tried(seed)


def test_many_rows_where_one_is_meant() -> None:
    """Every table answered a hundred times over: known or unknown, but told, and in no more time than it takes."""
    world = OddWorld()
    world.survey()
    for host, answers in world.answers.items():
        for statement, rows in list(answers.items()):
            if isinstance(rows, list):
                world.set(host, statement, *(rows * 100))
    sound(world.findings())


# --- text that is no CLIXML --------------------------------------------------------------------------------------


class _Garbling(FakeSession):
    """Some of what the host says is cut off, or has other characters in it."""

    def __init__(self, host: FakeHost, draw: random.Random) -> None:
        super().__init__(host)
        self._draw = draw

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        reply = super().ask(asked, timeout=timeout)
        events = (Event(each.at, each.stream, self._garbled(each.clixml)) for each in reply.events)
        return Reply(tuple(events), reply.state, reply.error)

    def _garbled(self, text: str) -> str:
        if self._draw.random() > 0.1 or not text:
            return text
        at = self._draw.randrange(len(text))
        head, tail = text[:at], text[at:]
        return self._draw.choice([head, f"{head}<>{tail[1:]}", "", "\0", f"{head}&x;{tail}"])


class _GarbledWorld(OddWorld):
    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draw = random.Random(seed)

    def survey(self) -> Survey:
        hosts = {name: FakeHost(name, answers) for name, answers in self.answers.items()}
        whole = FakeConnector(hosts)

        def garbled(host: str) -> Session:
            return _Garbling(hosts[host], self.draw)

        clock = QuickClock()
        roll = call_roll(self.inventory(), whole, clock)
        return take_survey(self.inventory(), self.candidates(), roll, garbled, clock)


def _unread(found: Findings) -> Iterator[Finding]:
    return (item for item in found.all if item.outcome is Outcome.UNKNOWN)


def test_what_is_no_clixml_is_unknown() -> None:
    seen = 0
    for seed in range(25):
        found = _GarbledWorld(seed).findings()
        sound(found)
        seen += sum(1 for _ in _unread(found))
    assert seen > 50


