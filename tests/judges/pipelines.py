"""The judge of the object cmdlets: pipelines over rows, as a real PowerShell engine ran them.

Each line has ``rows``, ``pipeline`` and ``outcome`` (fixtures/engine/README.md). Output is compared whole: types, order
and values of properties; errors by id, category, exception and message.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.judges import Verdict
from winmigrate.lab.engine.binder import Binder
from winmigrate.lab.engine.builtin import builtin_table
from winmigrate.lab.engine.conversion_types import TypeTable
from winmigrate.lab.engine.editions import POWERSHELL_7_6
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.objects.casting import items_of, learn_enum
from winmigrate.lab.engine.objects.members import members
from winmigrate.lab.engine.pipeline import Failure, Run, Stage, run_stages
from winmigrate.lab.engine.statements import NO_ARGUMENT, CommandCall
from winmigrate.lab.engine.table import CommandTable
from winmigrate.lab.engine.text import CUSTOM_OBJECT, double_text, is_custom, type_name
from winmigrate.lab.engine.values import EnumValue, Int32, Int64, Noted, PSObject, Single, TimeSpan

CORPUS = Path(__file__).parents[2] / "fixtures" / "engine" / "pipeline_corpus.jsonl.gz"
ENUM = "P+VMState"
MEMBERS = {"Other": 1, "Running": 2, "Off": 3, "Stopping": 4, "Saved": 6, "Paused": 9}


def lines(path: Path = CORPUS) -> Iterator[dict[str, Any]]:
    """The corpus, case by case."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def value_of(told: dict[str, Any] | None) -> Any:
    """The engine's value for the corpus's account of one."""
    if told is None:
        return NO_ARGUMENT
    kind: str = told["t"]
    value: Any = told.get("v")
    match kind:
        case "enum":
            return EnumValue(ENUM, value, MEMBERS[value])
        case "int":
            return Int32(value)
        case "long":
            return Int64(value)
        case "double":
            return float(value)
        case "guid":
            return uuid.UUID(value)
        case "datetime":
            return dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
        case "list":
            return [value_of(item) for item in value]
        case "dict":
            return {key: value_of(item) for key, item in value}
        case "str" | "bool" | "null":
            return value
    raise ValueError(f"the corpus has a kind of value this judge does not know: {kind}")


def told(value: Any, depth: int = 0) -> Any:
    """A value as the corpus's outcomes tell it, which is no deeper than five levels."""
    if depth > 4:
        return None
    if isinstance(value, Noted):
        value = value.value if not value.notes else value
    name = type_name(value)
    if is_custom(value) and value.to_string == "":
        return {"type": name, "v": ""}
    if isinstance(value, PSObject | Noted):
        return {"type": name, "properties": [[key, told(item, depth + 1)] for key, item in members(value)]}
    items = items_of(value)
    if items is not None:
        return {"type": name, "v": [told(item, depth + 1) for item in items]}
    if value is None:
        return {"type": None}
    if isinstance(value, bool):
        return {"type": name, "v": value}
    if isinstance(value, Int64 | Int32):
        return {"type": name, "v": int(value)}
    if isinstance(value, Single | float):
        return {"type": name, "v": double_text(value)}
    if isinstance(value, dt.datetime):
        text = value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond:06d}0"
        return {"type": name, "v": text + ("Z" if value.tzinfo is dt.timezone.utc else "")}
    if isinstance(value, TimeSpan):
        return {"type": name, "v": value.ticks}
    if isinstance(value, Decimal | EnumValue | uuid.UUID | str):
        return {"type": name, "v": str(value)}
    return {"type": name, "v": str(value)}


class Bench:
    """The object cmdlets alone, run over rows without any wire."""

    def __init__(self) -> None:
        learn_enum(ENUM, MEMBERS)
        self.table = builtin_table(POWERSHELL_7_6, CommandTable({}))
        self.engine = Engine(POWERSHELL_7_6, CommandTable({}), TypeTable({}))
        self.binders: dict[str, Binder] = {}

    def outcome(self, case: dict[str, Any]) -> dict[str, Any]:
        rows = [PSObject((CUSTOM_OBJECT, "System.Object"), {}, {name: value_of(item) for name, item in row})
                for row in case["rows"]]
        output: list[Any] = []
        errors: list[dict[str, Any]] = []
        run = Run(POWERSHELL_7_6, None, lambda: False, None, False, "", "", dt.datetime.now)
        try:
            stages = self._stages(run, case["pipeline"], output, errors)
            for _ in run_stages(stages, rows or None):
                pass
        except Failure as failure:
            return {"terminating": _error(failure.record)}
        result: dict[str, Any] = {"output": [told(value) for value in output]}
        if errors:
            result["errors"] = errors
        return result

    def _stages(self, run: Run, pipeline: list[dict[str, Any]], output: list[Any],
                errors: list[dict[str, Any]]) -> list[Stage]:
        stages: list[Stage] = []
        for position, command in enumerate(pipeline):
            called = CommandCall(command["cmdlet"], False, tuple(
                (name, value_of(value)) for name, value in command["parameters"]))
            found = self.table.find(called.name)
            assert found is not None
            making = self.engine._stage(run, position, called, *found, True)
            try:
                while True:
                    next(making)
            except StopIteration as made:
                stage = made.value
            stages.append(_Watched(stage, output, errors))
        for stage, after in pairwise(stages):
            stage.after = after
        return stages


class _Watched(Stage):
    """A stage that keeps what leaves it as values."""

    def __init__(self, stage: Stage, output: list[Any], errors: list[dict[str, Any]]) -> None:
        super().__init__(stage.run, stage.position, stage.called, stage.name, stage.implementation, stage.call,
                         stage.bound, stage.preferences, None, stage.takes_input_object_only)
        self.output = output
        self.errors = errors

    def emit(self, value: Any) -> Any:
        if self.after is None:
            self.output.append(value)
            return iter(())
        return self.after.process(value)

    def error(self, error: Any, called: str | None = None) -> Any:
        self.errors.append(_error(self.record(error, called)))
        return iter(())


def _error(record: Any) -> dict[str, Any]:
    return {
        "fullyQualifiedErrorId": record.full_id,
        "category": record.error.category,
        "exception": record.error.exception.rpartition(".")[2],
        "message": record.text,
    }


def cause(case: dict[str, Any], got: dict[str, Any]) -> str:
    """A few words for what differs."""
    names = " | ".join(command["cmdlet"] for command in case["pipeline"])
    meant = case["outcome"]
    if ("terminating" in meant) != ("terminating" in got):
        return f"{names}: terminating"
    if meant.get("errors") != got.get("errors"):
        return f"{names}: errors"
    if len(meant.get("output", ())) != len(got.get("output", ())):
        return f"{names}: number of objects"
    return f"{names}: objects"


def judge(path: Path = CORPUS) -> Verdict:
    """Runs every pipeline over its rows."""
    bench = Bench()
    total = agree = 0
    differences: list[tuple[str, str]] = []
    for number, case in enumerate(lines(path), start=1):
        total += 1
        got = bench.outcome(case)
        if got == case["outcome"]:
            agree += 1
        else:
            text = f"line {number}: {json.dumps(case['pipeline'])[:300]}: got {got}"
            differences.append((cause(case, got), text[:1500]))
    return Verdict(agree, total, differences)
