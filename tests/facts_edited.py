"""Surveys with facts taken away, or with nothing in the place of what could not be read: for mutants of requirements.

Facts are the fields of what was surveyed (hosts, pairs, clusters, file servers, the directory), and the columns of the
rows in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from winmigrate.directory import DirectoryFacts
from winmigrate.facts import Unreadable
from winmigrate.survey import ClusterFacts, HostFacts, PairFacts, Survey
from winmigrate.survey.facts_of_servers import FileServerFacts

GONE = Unreadable("taken away")
_FACTS: tuple[type[Any], ...] = (HostFacts, PairFacts, ClusterFacts, FileServerFacts, DirectoryFacts)
#: Not read, but said by us: who was asked, when, and what went wrong.
_OURS = frozenset({"host", "name", "asked_on", "server", "source", "destination", "asked", "taken_at", "asked_at",
                   "incomplete", "domain", "netbios"})  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """A field of one kind of facts, on whatever host; ``name`` with a column behind a dot: that of all its rows."""

    of: str
    name: str

    def __str__(self) -> str:
        return f"{self.of}.{self.name}"


def _known_facts() -> Iterator[Fact]:
    for kind in _FACTS:
        for item in fields(kind):
            if item.name not in _OURS:
                yield Fact(kind.__name__, item.name)


FACTS = tuple(_known_facts())

# --- a survey with something else in it ------------------------------------------------------------------------------


def _without(value: Any, annotation: str) -> Any:
    whole, within = annotation.rpartition("]")[2], annotation.rpartition("]")[0]
    if "Unreadable" in whole or (not within and "Unreadable" in annotation):
        return GONE
    if isinstance(value, dict) and "Unreadable" in within:
        return dict.fromkeys(value, GONE)
    return tuple(_rowless(row) for row in value) if isinstance(value, tuple) else value


def _rowless(row: Any) -> Any:
    """A row of which nothing could be read that may be unreadable."""
    if not is_dataclass(row) or isinstance(row, type):
        return row
    return replace(row, **{item.name: GONE for item in fields(row) if "Unreadable" in str(item.type)})


def _nothing(annotation: str) -> Any:
    return () if annotation.startswith("tuple") else {} if annotation.startswith("dict") else None


def dropped(facts: Any, names: frozenset[str]) -> Any:
    """Facts of one kind without those of these names."""
    changes: dict[str, Any] = {}
    for item in fields(facts):
        value = getattr(facts, item.name)
        if item.name in names:
            changes[item.name] = _without(value, str(item.type))
        columns = {name.partition(".")[2] for name in names if name.startswith(f"{item.name}.")}
        if columns:
            changes[item.name] = _of_rows(value, frozenset(columns), GONE, every=True)
    return replace(facts, **changes)


def _of_rows(value: Any, columns: frozenset[str], put: Any, *, every: bool) -> Any:
    """Rows with something else in these columns: in all of them, or where they could not be read."""
    if isinstance(value, tuple):
        return tuple(_of_rows(row, columns, put, every=every) for row in value)
    if not is_dataclass(value) or isinstance(value, type | Unreadable):
        return value
    chosen = [name for name in columns if every or isinstance(getattr(value, name), Unreadable)]
    return replace(value, **dict.fromkeys(chosen, put))


def cells(survey: Survey, fact: Fact) -> tuple[Fact, ...]:
    """The columns of a table's rows that may be unreadable."""
    found: dict[Fact, None] = {}
    kinds = (survey.hosts, survey.pairs, survey.clusters, survey.file_servers, {"": survey.directory})
    for facts in (one for kind in kinds for one in kind.values() if type(one).__name__ == fact.of):
        value = getattr(facts, fact.name)
        for row in value if isinstance(value, tuple) else (value,):
            if is_dataclass(row) and not isinstance(row, type | Unreadable):
                for item in fields(row):
                    if "Unreadable" in str(item.type):
                        found[Fact(fact.of, f"{fact.name}.{item.name}")] = None
    return tuple(found)


def emptied(facts: Any, names: frozenset[str]) -> Any:
    """Facts of one kind where whatever could not be read of these looks like nothing."""
    changes: dict[str, Any] = {}
    for item in fields(facts):
        if item.name in names:
            changes[item.name] = _filled(getattr(facts, item.name), str(item.type))
        elif columns := {name.partition(".")[2] for name in names if name.startswith(f"{item.name}.")}:
            changes[item.name] = _of_rows(getattr(facts, item.name), frozenset(columns), None, every=False)
        elif item.name in ("incomplete", "unread"):
            changes[item.name] = {key: why for key, why in getattr(facts, item.name).items() if key not in names}
    return replace(facts, **changes)


def _filled(value: Any, annotation: str = "") -> Any:
    if isinstance(value, Unreadable):
        return _nothing(annotation)
    if isinstance(value, tuple):
        return tuple(_filled(item) for item in value)
    if isinstance(value, dict):
        return {key: _filled(item, annotation.partition(", ")[2]) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        cells = {item.name: (getattr(value, item.name), str(item.type)) for item in fields(value)}
        changes = {name: _filled(*cell) for name, cell in cells.items() if _odd(cell[0])}
        return replace(value, **changes) if changes else value
    return value


def _odd(value: Any) -> bool:
    return isinstance(value, Unreadable | tuple | dict) or (is_dataclass(value) and not isinstance(value, type))


Edit = Callable[[Any, frozenset[str]], Any]


def edited(survey: Survey, edit: Edit, facts: Iterable[Fact]) -> Survey:
    """A survey with an edit of these facts everywhere."""
    names: dict[str, set[str]] = {}
    for fact in facts:
        names.setdefault(fact.of, set()).add(fact.name)

    def of(value: Any) -> Any:
        chosen = names.get(type(value).__name__)
        return edit(value, frozenset(chosen)) if chosen else value

    return replace(
        survey,
        hosts={name: of(one) for name, one in survey.hosts.items()},
        pairs={name: of(one) for name, one in survey.pairs.items()},
        clusters={name: of(one) for name, one in survey.clusters.items()},
        file_servers={name: of(one) for name, one in survey.file_servers.items()},
        directory=of(survey.directory),
    )
