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

from psrpcore.types import deserialize
from pypsrp.serializer import Serializer

from winmigrate.remoting.clixml import load_all

PROPERTIES = 40


def one(number: int) -> str:
    """One row: ten each of text, numbers, times and ids, and enums and flags."""
    columns = []
    for index in range(PROPERTIES // 4):
        columns.append(f'<S N="Text{index}">C:\\ClusterStorage\\Volume{index}\\VM {number}\\disk &amp; more.vhdx</S>')
        columns.append(f'<I64 N="Size{index}">{4294967296 + number * 1000 + index}</I64>')
        if index % 2:
            columns.append(f'<DT N="When{index}">2026-11-0{index % 9 + 1}T22:46:41.7438005Z</DT>')
            columns.append(f'<B N="Flag{index}">true</B>')
        else:
            columns.append(f'<G N="Id{index}">23420371-deea-9c96-e300-{number:012x}</G>')
            columns.append(f'<S N="State{index}">Running</S>')
    types = (
        '<TN RefId="0"><T>Selected.Microsoft.HyperV.PowerShell.VirtualMachine</T>'
        "<T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN>"
    )
    return f'<Obj RefId="0">{types}<MS>{"".join(columns)}</MS></Obj>'


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
