"""How fast CLIXML is read: ours, pypsrp's and psrpcore's reader on the same text, in one run.

    python -m benchmarks.clixml [OBJECTS] [SAMPLE]

OBJECTS objects (10,000) of 40 properties as a projection sends them. Ours reads all, the best of three; the others,
slow as they are, read SAMPLE objects (1,000), once. Printed: objects a second, and how many times faster ours is.
"""

from __future__ import annotations

import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable

from psrpcore._crypto import PSRemotingCrypto
from psrpcore.types import deserialize
from pypsrp.serializer import Serializer

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


def timed(read: Callable[[str], object], rows: list[str]) -> float:
    """Seconds to read each row by itself, as they come in PIPELINE_OUTPUT messages."""
    begin = time.perf_counter()
    for row in rows:
        read(row)
    return time.perf_counter() - begin


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    sample = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    rows = [one(number) for number in range(count)]
    few = rows[:sample]
    ours = count / min(timed(load_all, rows) for _ in range(3))
    print(f"{count} objects of {PROPERTIES} properties, {sum(map(len, rows)) / 1e6:.1f} MB")
    print(f"{'winmigrate':12}{ours:10.0f} objects/s")
    serializer, cipher = Serializer(), PSRemotingCrypto()
    for name, read in (
        ("pypsrp", serializer.deserialize),
        ("psrpcore", lambda text: deserialize(ET.fromstring(text), cipher)),
    ):
        rate = len(few) / timed(read, few)
        print(f"{name:12}{rate:10.0f} objects/s   ours is {ours / rate:.1f} times as fast")


if __name__ == "__main__":
    main()
