"""The judge of the lab's parameter binder: calls as a real PowerShell engine's binder answered them.

A line of the corpus has the call (``version``, ``module``, ``cmdlet``, ``parameters``, ``arguments``, ``input``) and
its ``outcome`` (fixtures/engine/README.md). The cmdlets there are stand-ins compiled from the same facts as ours.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.judges import Verdict
from winmigrate.facts.cmdlets import definitions
from winmigrate.lab.engine import values as v
from winmigrate.lab.engine.binder import Binder, BindingFailure
from winmigrate.lab.engine.conversion_types import TypeTable, type_of
from winmigrate.lab.engine.definitions import parse_definition
from winmigrate.lab.engine.text import to_text

FOLDER = Path(__file__).parents[2] / "fixtures" / "engine"
CORPUS = FOLDER / "binder_corpus.jsonl.gz"


def rows(path: Path = CORPUS) -> Iterator[dict[str, Any]]:
    """The calls of a corpus, plain or gzipped."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


@cache
def _enums() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads((FOLDER / "binder_types.json").read_text("utf-8"))["enums"]
    return found


@cache
def types_of(module: str) -> TypeTable:
    """The types of a module's stand-ins: their own namespaces for what is not Hyper-V's."""
    if module == "Hyper-V":
        prefix = "Microsoft.HyperV.PowerShell."
        return TypeTable(_enums(), prefix, prefix, numbered=False, exact=True, from_text=_never)
    return TypeTable(
        _enums(), f"WinMigrate.Enums.{module}.", f"WinMigrate.Types.{module}.", values_make_enums=True, numbered=False,
        exact=True, from_text=_never,
    )


def _never(name: str) -> bool:
    return False


@cache
def binder_of(version: str, module: str, cmdlet: str) -> Binder:
    """The binder of one stand-in cmdlet."""
    raw = definitions(module, cmdlet, version)
    if raw is None:
        raise LookupError(f"no definition of {module}\\{cmdlet} for {version}")
    definition = parse_definition(cmdlet, raw, module=module, plain_should_process=True)
    return Binder(definition, types_of(module), enforce_values=False, progress_action=True)


def given(told: dict[str, Any]) -> Any:
    """The .NET value that the corpus names."""
    value = told.get("v")
    match told["t"]:
        case "str" | "bool" | "null":
            return value
        case "int":
            return v.Int32(value)
        case "long":
            return v.Int64(value)
        case "double":
            return float(value)
        case "guid":
            return uuid.UUID(value)
        case "version":
            return v.Version(value)
        case "datetime":
            return dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
        case "timespan":
            return v.TimeSpan(int(value))
        case "cred":
            return v.PSCredential(value, v.SecureString("x"))
        case "list":
            return [given(each) for each in value]
        case "dict":
            return {key: given(each) for key, each in value}
        case "new":
            return v.PSObject((value, "System.Object"))
    raise ValueError(f"the corpus has a kind of value this judge does not know: {told['t']}")


def shown(value: Any) -> dict[str, Any]:
    """A bound value as the corpus writes it."""
    if value is None:
        return {"type": None}
    kind = type_of(value)
    if isinstance(value, dict):
        return {"type": kind, "v": [[key, shown(value[key])] for key in sorted(value)]}
    if isinstance(value, list):
        return {"type": kind, "v": [shown(each) for each in value]}
    return {"type": kind, "v": _scalar(value)}


def _scalar(value: Any) -> Any:
    if isinstance(value, v.Switch):
        return value.present
    if isinstance(value, v.UInt64):
        return str(int(value))
    if isinstance(value, v.PSObject):
        return value.to_string if value.to_string is not None else value.type_names[0]
    if isinstance(value, v.PSCredential):
        return value.username
    if isinstance(value, v.TimeSpan):
        return value.ticks
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f0") + ("Z" if value.tzinfo else "")
    if isinstance(value, (bool, v.Integer)):
        return value
    return to_text(value)


def outcome_of(row: dict[str, Any]) -> dict[str, Any]:
    """What our binder makes of a call, in the corpus's words (error ids before the comma).

    PowerShell.AddParameter(name) gives a parameter without a value the value true.
    """
    binder = binder_of(row["version"], row["module"], row["cmdlet"])
    parameters = [(name, True if told is None else given(told)) for name, told in row["parameters"]]
    parameters += [(None, given(told)) for told in row.get("arguments", ())]
    piped = [given(told) for told in row.get("input") or ()]
    try:
        binding = binder.bind_command_line(parameters, bool(piped))
    except BindingFailure as failure:
        return {"terminating": [failure.error_id, failure.category, failure.exception_type.rpartition(".")[2]]}
    if not piped:
        return {"calls": [_call(binding.finish())], "errors": []}
    calls, failures = [], []
    for value in piped:
        try:
            calls.append(_call(binding.bind_pipeline(value)))
        except BindingFailure as failure:
            failures.append([failure.error_id, failure.category, failure.exception_type.rpartition(".")[2]])
    return {"calls": calls, "errors": failures}


def _call(bound: Any) -> dict[str, Any]:
    return {"set": bound.parameter_set, "bound": {name: shown(value) for name, value in bound.values.items()}}


def meant_by(outcome: dict[str, Any]) -> dict[str, Any]:
    """The engine's outcome in the form of :func:`outcome_of`."""
    if "terminating" in outcome:
        return {"terminating": _error(outcome["terminating"])}
    return {"calls": outcome["calls"], "errors": [_error(each) for each in outcome.get("errors", ())]}


def _error(told: dict[str, Any]) -> list[str]:
    return [told["fullyQualifiedErrorId"].partition(",")[0], told["category"], told["exception"]]


def _cause(ours: dict[str, Any], meant: dict[str, Any]) -> str:
    def brief(outcome: dict[str, Any]) -> str:
        if "terminating" in outcome:
            return str(outcome["terminating"][0])
        if outcome["errors"]:
            return f"{outcome['errors'][0][0]} of a piped object"
        return "bound"

    if brief(ours) != brief(meant):
        return f"{brief(meant)}, ours {brief(ours)}"
    if "terminating" in ours or len(ours["calls"]) != len(meant["calls"]):
        return f"{brief(meant)}, but otherwise"
    pairs = list(zip(ours["calls"], meant["calls"], strict=True))
    if any(mine["set"] != theirs["set"] for mine, theirs in pairs):
        return "another parameter set"
    if any(mine["bound"].keys() != theirs["bound"].keys() for mine, theirs in pairs):
        return "other parameters bound"
    return "other values"


def judge(path: Path = CORPUS, sample: int = 0, seed: int = 0) -> Verdict:
    """All calls of a corpus, or a seeded sample of them."""
    chosen = list(rows(path))
    if sample:
        chosen = random.Random(seed).sample(chosen, min(sample, len(chosen)))
    verdict = Verdict(0, len(chosen))
    for row in chosen:
        ours, meant = outcome_of(row), meant_by(row["outcome"])
        if ours == meant:
            verdict.agree += 1
            continue
        call = {key: row[key] for key in ("version", "cmdlet", "parameters", "arguments", "input") if key in row}
        text = json.dumps({"call": call, "engine": meant, "ours": ours}, ensure_ascii=False)
        verdict.differences.append((_cause(ours, meant), text))
    return verdict
