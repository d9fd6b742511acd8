"""Mutants of every requirement, run on its own cases: ``python -m tests.mutation [ID ...]``.

A mutant that no case notices is a gap in the cases. What is done to a requirement:

- inverted: what passes fails, and what fails passes;
- blind: what cannot be read is taken for well;
- emptied: what cannot be read looks as if there were nothing: all facts at once, then each fact alone that the
  requirement stands on;
- dropped: every fact is gone, and then each alone that it stands on; where all are gone, nothing may pass.

Facts are the fields of what was surveyed (hosts, pairs, clusters, file servers, the directory); what a requirement
stands on is found out by taking each of them away where it passes.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tests.checks.case import Case
from tests.checks.cases_after import CASES as AFTER_CASES
from tests.checks.cases_after import AfterCase, Moved
from tests.checks.test_requirements import CASES
from tests.checks.world import World
from tests.facts_edited import FACTS, Edit, Fact, cells, dropped, edited, emptied
from winmigrate.checks import Finding, Outcome, load_all, run_checks
from winmigrate.checks import after as after_checks
from winmigrate.checks.aftermath import Aftermath
from winmigrate.checks.frame import REGISTRY, Ground, Unread, Verdict, passed
from winmigrate.survey import Survey

#: What a check raises that is given what its facts never hold.
RAISED = (AttributeError, TypeError, ValueError, KeyError, IndexError, AssertionError)
_UNSEEN = (Outcome.UNKNOWN, Outcome.PENDING)
_SWAP = {Outcome.PASS: Outcome.FAIL, Outcome.FAIL: Outcome.PASS}

#: Settled by the files of the operator alone, or said of every move: with no fact at all they pass rightly.
WITHOUT_FACTS = {
    "dst-path-given": "what the playbook says",
    "cl-remote-credssp": "how the inventory says that sessions are opened",
}


# --- a case, and whether it holds ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Surveyed:
    """A case with what its hosts said."""

    case: Case
    world: World
    survey: Survey
    kind: str

    def finding(self, survey: Survey | None = None) -> Finding | None:
        """What its requirement says of a survey; None where it is not one finding."""
        world = copy.copy(self.world)
        if survey is not None:
            world.kind = self.kind  # of a move whose files nobody could see, the kind cannot be told
        found = run_checks(
            survey or self.survey, world.candidates(), world.playbook(), world.inventory(), world.now,
            only=(self.case.requirement,),
        )  # fmt: skip
        mine = [item for item in found.of(found.candidates[0]) if item.requirement == self.case.requirement]
        mine = [item for item in mine if not self.case.on or item.subject.source == self.case.on]
        return mine[0] if len(mine) == 1 else None

    def holds(self, survey: Survey | None = None) -> bool:
        """As its test has it. What raises does not hold."""
        try:
            found = self.finding(survey)
        except RAISED:
            return False
        case = self.case
        if found is None or found.outcome is not case.outcome or case.evidence not in found.evidence:
            return False
        if case.remedy is not None and (found.remedy is None or case.remedy not in found.remedy.text):
            return False
        if case.severity is not None and found.severity is not case.severity:
            return False
        return all(
            getattr(case, name) is None or getattr(found, name) == getattr(case, name)
            for name in ("hop", "place", "needs")
        )


def _kind(world: World, survey: Survey) -> str:
    found = run_checks(
        survey, world.candidates(), world.playbook(), world.inventory(), world.now, only=("vm-exists-unique",)
    )
    return found.candidates[0].kind


@cache
def surveyed(case: Case) -> Surveyed:
    world = World()
    case.change(world)
    survey = world.survey()
    return Surveyed(case, world, survey, _kind(world, survey))


# --- mutants ---------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """``made`` and ``noticed`` by sort of mutant; ``gaps``: those that no case noticed."""

    made: dict[str, int] = field(default_factory=dict)
    noticed: dict[str, int] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def count(self, sort: str, what: str, noticed: bool) -> None:
        self.made[sort] = self.made.get(sort, 0) + 1
        self.noticed[sort] = self.noticed.get(sort, 0) + noticed
        if not noticed:
            self.gaps.append(f"{what}: {sort}")


def inverted(check: Callable[[Any], Verdict]) -> Callable[[Any], Verdict]:
    def mutant(ground: Any) -> Verdict:
        verdict = check(ground)
        return verdict._replace(outcome=_SWAP.get(verdict.outcome, verdict.outcome))

    return mutant


def blind(check: Callable[[Any], Verdict]) -> Callable[[Any], Verdict]:
    def mutant(ground: Any) -> Verdict:
        try:
            verdict = check(ground)
        except Unread:
            return passed()
        return passed() if verdict.outcome in _UNSEEN else verdict

    return mutant


def _with(id: str, mutant: Callable[[Callable[[Ground], Verdict]], Callable[[Ground], Verdict]]) -> Iterator[None]:
    kept = REGISTRY[id]
    REGISTRY[id] = replace(kept, check=mutant(kept.check))
    try:
        yield
    finally:
        REGISTRY[id] = kept


def _noticed(mine: list[Surveyed], edit: Edit | None = None, facts: Iterable[Fact] = ()) -> bool:
    chosen = tuple(facts)
    return any(not one.holds(edited(one.survey, edit, chosen) if edit is not None else None) for one in mine)


@dataclass(frozen=True)
class Lacking:
    """A case that passes, without one fact that it stands on, and what is said then."""

    one: Surveyed
    survey: Survey
    fact: Fact
    found: Finding | None

    @property
    def unseen(self) -> bool:
        """Is it said to be unknown, or left to a later resolver?"""
        return self.found is not None and self.found.outcome in _UNSEEN

    def told_from_nothing(self, facts: Iterable[Fact]) -> bool | None:
        """Is something else said where there is nothing in the place of the fact? None: the same, that it is unknown:
        then to take the one for the other does no harm.
        """
        try:
            other = self.one.finding(edited(self.survey, emptied, facts))
        except RAISED:
            return True
        if other is None or self.found is None:
            return True
        if (other.outcome, other.evidence) != (self.found.outcome, self.found.evidence):
            return True
        return None if self.unseen else False


def stands_on(mine: list[Surveyed]) -> dict[Fact, Lacking]:
    """The facts without which a case that passes does not, each with the first such case; tables, then columns."""
    found: dict[Fact, Lacking] = {}
    for one in mine:
        if one.case.outcome is Outcome.PASS:
            tables = _lacking(one, FACTS, found)
            for table in tables:
                _lacking(one, cells(one.survey, table), found)
    return found


def _lacking(one: Surveyed, facts: Iterable[Fact], found: dict[Fact, Lacking]) -> list[Fact]:
    """Of these facts the ones that this case stands on; in ``found`` what is said without them."""
    needed = []
    for fact in facts:
        survey = edited(one.survey, dropped, (fact,))
        finding = one.finding(survey)
        if finding is None or finding.outcome is not Outcome.PASS:
            needed.append(fact)
            found.setdefault(fact, Lacking(one, survey, fact, finding))
    return needed


def mutate(id: str, tally: Tally) -> None:
    """All mutants of one requirement."""
    mine = [surveyed(case) for case in CASES if case.requirement == id]
    if not mine:
        return
    without = stands_on(mine)
    if {one.case.outcome for one in mine} & set(_SWAP):
        for _ in _with(id, inverted):
            tally.count("inverted", id, _noticed(mine))
        for _ in _with(id, blind):
            tally.count("blind", id, _noticed(mine))
        seen = any(lacking.told_from_nothing(FACTS) for lacking in without.values())
        tally.count("emptied", id, seen or _noticed(mine, emptied, FACTS))
    passing = [one for one in mine if one.case.outcome is Outcome.PASS]
    for one in passing:
        found = one.finding(edited(one.survey, dropped, FACTS))
        still = found is not None and found.outcome is Outcome.PASS and id not in WITHOUT_FACTS
        tally.count("nothing known passes", str(one.case), not still)
    for fact, lacking in without.items():
        tally.count(f"dropped {fact}", id, lacking.unseen)
        told = lacking.told_from_nothing((fact,))
        if told is not None:
            tally.count(f"emptied {fact}", id, told or _noticed(mine, emptied, (fact,)))


def mutate_after(id: str, tally: Tally) -> None:
    """The mutants of a requirement that the move settles, on its cases of the aftermath."""
    mine = [case for case in AFTER_CASES if case.requirement == id]
    kept = after_checks._AFTER[id]
    for sort, mutant in (("inverted", inverted), ("blind", blind)):
        after_checks._AFTER[id] = mutant(kept)
        try:
            tally.count(sort, id, any(not _after_holds(case) for case in mine))
        finally:
            after_checks._AFTER[id] = kept


@cache
def _aftermath(case: AfterCase) -> Aftermath:
    moved = Moved()
    case.change(moved)
    return moved.aftermath()


def _after_holds(case: AfterCase) -> bool:
    found = next(item for item in after_checks.run_after(_aftermath(case)) if item.requirement == case.requirement)
    return found.outcome is case.outcome and case.evidence in found.evidence


def run(ids: Iterable[str] = ()) -> Tally:
    """The mutants of these requirements; of all, where none is named."""
    load_all()
    tally = Tally()
    for id in ids or tuple(REGISTRY):
        mutate(id, tally)
        if id in after_checks._AFTER:
            mutate_after(id, tally)
    return tally


def main(ids: list[str]) -> int:
    began = time.monotonic()
    tally = run(ids)
    sorts: dict[str, list[int]] = {}
    for sort, made in tally.made.items():
        word, _, fact = sort.partition(" ")
        counted = sorts.setdefault(f"{word}, one fact" if "." in fact else sort, [0, 0])
        counted[0] += made
        counted[1] += tally.noticed[sort]
    for sort, (made, noticed) in sorts.items():
        print(f"{sort:<24} {made:>5} mutants, {noticed:>5} noticed")
    for gap in tally.gaps:
        print(f"  not noticed: {gap}")
    print(f"{len(ids) or len(REGISTRY)} requirements, {len(CASES)} cases, {time.monotonic() - began:.0f} s")
    return 1 if tally.gaps else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
