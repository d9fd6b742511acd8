"""ConvertFrom-Csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from winmigrate.lab.engine.effects import Call, Effect, Output
from winmigrate.lab.engine.objects.casting import items_of
from winmigrate.lab.engine.text import CUSTOM_OBJECT, to_text
from winmigrate.lab.engine.values import PSObject


def csv_process(call: Call) -> Iterator[Effect]:
    value = call.bound.get("InputObject")
    items = items_of(value)
    lines = call.state.setdefault("lines", [])
    lines.extend(to_text(each) for each in (items if items is not None else [value]) if each is not None)
    return iter(())


def csv_end(call: Call) -> Iterator[Effect]:
    delimiter = to_text(call.bound.get("Delimiter")) or ","
    text = "\n".join(line.rstrip("\r\n") for line in call.state.get("lines", ()) if line.strip())
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    header = [to_text(each) for each in items_of(call.bound.get("Header")) or ()]
    if rows and rows[0] and rows[0][0].startswith("#TYPE"):
        rows = rows[1:]
    if not header and rows:
        header, rows = rows[0], rows[1:]
    for row in rows:
        notes: dict[str, Any] = {
            name: row[place] if place < len(row) else None for place, name in enumerate(header)
        }
        yield Output(PSObject((CUSTOM_OBJECT, "System.Object"), {}, notes))
