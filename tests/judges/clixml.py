"""The judge of the CLIXML reader and writer: 1,500 values as a real PowerShell engine wrote and saw them.

Each line of the corpus has ``clixml`` and the ``value`` the engine had in hand (fixtures/engine/README.md).
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.judges import Verdict
from winmigrate.errors import ClixmlError
from winmigrate.remoting.clixml import EnumValue, PSObject, dumps, loads

CORPUS = Path(__file__).parents[2] / "fixtures" / "engine" / "clixml_corpus.jsonl.gz"


def lines(path: Path = CORPUS) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each pair of the corpus: the CLIXML, and the value as the engine saw it."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            yield entry["clixml"], entry["value"]


def expected(told: dict[str, Any]) -> Any:
    """The Python value that the engine's own account of a value stands for."""
    kind, value = told["t"], told.get("v")
    match kind:
        case "int":
            return int(value)
        case "float":
            return float(value)
        case "decimal":
            return Decimal(value)
        case "char":
            return chr(int(value))
        case "bytes":
            return bytes.fromhex(value)
        case "datetime_utc" | "datetime_naive":
            whole, _, fraction = value.partition(".")
            when = dt.datetime.fromisoformat(whole).replace(microsecond=int((fraction + "000000")[:6]))
            return when.replace(tzinfo=dt.timezone.utc) if kind == "datetime_utc" else when
        case "timespan_ticks":
            ticks = int(value)
            span = dt.timedelta(microseconds=abs(ticks) // 10)
            return -span if ticks < 0 else span
        case "guid":
            return uuid.UUID(value)
        case "enum":
            return EnumValue(told["name"], int(told["v"]))
        case "list":
            return [expected(item) for item in value]
        case "dict":
            return {key: expected(item) for key, item in value}
        case "object":
            return PSObject((told["type"],), None, {key: expected(item) for key, item in value})
        case "str" | "bool" | "null" | "version" | "uri":
            return value
    raise ValueError(f"the corpus has a kind of value this judge does not know: {kind}")


def same(read: Any, meant: Any) -> bool:
    """Equal in type and value; of objects the first type name, and the properties in order."""
    if isinstance(meant, PSObject):
        return (
            isinstance(read, PSObject)
            and read.type_names[:1] == meant.type_names
            and list(read.properties) == list(meant.properties)
            and all(same(read.properties[key], value) for key, value in meant.properties.items())
        )
    if type(read) is not type(meant):
        return False
    if isinstance(meant, list):
        return len(read) == len(meant) and all(map(same, read, meant))
    if isinstance(meant, dict):
        return read.keys() == meant.keys() and all(same(read[key], value) for key, value in meant.items())
    if isinstance(meant, float) and math.isnan(meant):
        return math.isnan(read)
    return bool(read == meant)


def judge(path: Path = CORPUS) -> Verdict:
    """Reads every value, compares it with the engine's account, and takes it through the writer and back."""
    verdict = Verdict(0, 0)
    for number, (clixml, told) in enumerate(lines(path), start=1):
        verdict.total += 1
        try:
            value = loads(clixml)
            again = loads(dumps(value))
        except ClixmlError as error:
            verdict.differences.append(("refused", f"line {number}: {error}"))
            continue
        if not same(value, expected(told)):
            verdict.differences.append(("read wrong", f"line {number}: read {value!r}, the engine had {told}"))
        elif repr(again) != repr(value):
            verdict.differences.append(("written wrong", f"line {number}: {value!r} came back as {again!r}"))
        else:
            verdict.agree += 1
    return verdict
