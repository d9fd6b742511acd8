"""How fast CLIXML is read: ours, pypsrp's and psrpcore's reader on the same text, in one run.

10,000 objects of 40 properties as a projection sends them, each by itself, as they come in PIPELINE_OUTPUT messages.
Ours reads all; the others, slow as they are, the first 400; each three times in turn, the median.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from statistics import median

from psrpcore._crypto import PSRemotingCrypto
from psrpcore.types import deserialize
from pypsrp.serializer import Serializer

from benchmarks.figures import Figure, say, timed
from winmigrate.remoting.clixml import load_all

PROPERTIES = 40

_ENUM = "<T>System.Enum</T><T>System.ValueType</T><T>System.Object</T>"


def one(number: int) -> str:
    """One row as a projection of Get-VM sends it: 14 texts, 8 long and 4 short numbers, 4 flags, 2 each of ids, dates,
    spans, enumerations and nulls."""
    members = [
        f'<S N="Text{index}">C:\\ClusterStorage\\Volume{index}\\VM {number}\\disk.vhdx</S>' for index in range(13)
    ]
    members.append(f'<S N="Notes">number {number}, R&amp;D</S>')
    members += [f'<I64 N="Memory{index}">{4294967296 + number * 1000 + index}</I64>' for index in range(8)]
    members += [f'<I32 N="Count{index}">{number % 64 + index}</I32>' for index in range(4)]
    members += [f'<B N="Enabled{index}">{"true" if index % 2 else "false"}</B>' for index in range(4)]
    members += [f'<G N="Id{index}">2342037{index}-deea-9c96-e300-{number:012x}</G>' for index in range(2)]
    members += [f'<DT N="Time{index}">2026-11-0{index + 1}T22:46:41.{number % 9 + 1:07}Z</DT>' for index in range(2)]
    members += [f'<TS N="Uptime{index}">P{index}DT5H{number % 60}M38.1034115S</TS>' for index in range(2)]
    members += [
        f'<Obj N="State{index}" RefId="{index + 1}"><TN RefId="{index + 1}"><T>HyperV.E{index}</T>{_ENUM}</TN>'
        f"<ToString>Running</ToString><I32>{index + 2}</I32></Obj>"
        for index in range(2)
    ]
    members += [f'<Nil N="Nothing{index}" />' for index in range(2)]
    types = (
        '<TN RefId="0"><T>Selected.Microsoft.HyperV.PowerShell.VirtualMachine</T>'
        "<T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN>"
    )
    assert len(members) == PROPERTIES
    return f'<Obj RefId="0">{types}<MS>{"".join(members)}</MS></Obj>'


def measure(count: int = 10_000, sample: int = 400) -> list[Figure]:
    rows = [one(number) for number in range(count)]
    # Each is read in thirds, turn by turn, so that a moment when the machine is busy strikes all of them.
    serializer, cipher = Serializer(), PSRemotingCrypto()
    readers: dict[str, tuple[Callable[[str], object], list[str]]] = {
        "winmigrate": (load_all, rows),
        "pypsrp": (serializer.deserialize, rows[:sample]),
        "psrpcore": (lambda text: deserialize(ET.fromstring(text), cipher), rows[:sample]),
    }
    spent: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(3):
        for name, (read, some) in readers.items():
            spent[name].append(timed(lambda read=read, some=some: _read(read, some)) / len(some))  # type: ignore[misc]
    rates = {name: 1 / median(seconds) for name, seconds in spent.items()}
    say(f"  {count} objects of {PROPERTIES} properties, {sum(map(len, rows)) / 1e6:.1f} MB; the others read {sample}")
    return [
        *(Figure(name, rate, "objects/s") for name, rate in rates.items()),
        Figure("times as fast as pypsrp (the goal is 20)", rates["winmigrate"] / rates["pypsrp"], "x", 12, "at least"),
        Figure("times as fast as psrpcore", rates["winmigrate"] / rates["psrpcore"], "x"),
    ]


def _read(read: Callable[[str], object], rows: list[str]) -> None:
    for row in rows:
        read(row)
