"""Amounts in an inventory: what stays free at a destination, and how many moves there are at once."""

from __future__ import annotations

import re
from typing import Any

from winmigrate.errors import Fault, did_you_mean
from winmigrate.inventory import types
from winmigrate.inventory.words import parse_size
from winmigrate.marked import Key, Marked, Misfit, Shape, fields, whole
from winmigrate.marked.shapes import fitting, parsed

SIZE = parsed("a size such as 16 GiB", parse_size, pattern=r"^\s*[0-9]+(\.[0-9]+)?\s*([KMGT]i?)?B\s*$")


def _reserve(marked: Marked) -> types.Reserve:
    if not isinstance(marked.value, dict):
        raise fitting(marked, "a mapping such as {memory: 16 GiB, 'E:': 200 GiB}")
    memory = None
    disks: dict[str, int] = {}
    faults: list[Fault] = []
    for key, value in marked.value.items():
        letter = re.fullmatch(r"([A-Za-z]):?\\?", key)
        if key != "memory" and letter is None:
            message = f"neither memory nor a drive such as 'E:'{did_you_mean(key, ['memory'])}"
            faults.append(value.key_fault(message))
            continue
        try:
            size = SIZE.read(value)
        except Misfit as misfit:
            faults.extend(misfit.faults)
            continue
        if letter is None:
            memory = size
        elif letter[1].upper() in disks:
            faults.append(value.key_fault(f"drive {letter[1].upper()} stands twice"))
        else:
            disks[letter[1].upper()] = size
    if faults:
        raise Misfit(*faults)
    return types.Reserve(memory, disks)


RESERVE = Shape(_reserve, {"type": "object", "additionalProperties": SIZE.schema})


def _limits(marked: Marked, found: dict[str, Any]) -> types.Limits:
    return types.Limits(found["live"], found["storage"])


LIMITS = fields(
    {
        "live": Key(whole(1, 64), about="live migrations at once"),
        "storage": Key(whole(1, 64), about="storage migrations at once"),
    },
    "a mapping such as {live: 2, storage: 2}",
    _limits,
)
