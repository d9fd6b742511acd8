"""``python -m benchmarks [NAME...]``: the benches, all or those named, and at the end what was not reached.

Exit code 0 also where a target was missed: a slow machine is no fault of the code, and the lines say it. 2 for a name
that is none.
"""

from __future__ import annotations

import importlib
import sys
import time

from benchmarks.figures import Figure, load, say, show

#: In this order: what needs a quiet machine most comes first.
BENCHES = ("help", "clixml", "planning", "checks", "survey", "moves", "memory")


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        say(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
        return 2
    began = time.monotonic()
    missed: list[Figure] = []
    for name in names or BENCHES:
        bench = importlib.import_module(f"benchmarks.{name}")
        say(f"\n{name}: {(bench.__doc__ or '').splitlines()[0]}\n  ({load()})")
        started = time.monotonic()
        figures = bench.measure()
        show(figures)
        say(f"  ({time.monotonic() - started:.0f} s)")
        missed += [figure for figure in figures if not figure.reached]
    say(f"\n{time.monotonic() - began:.0f} s in all; {load()}")
    if not missed:
        say("every target was reached")
        return 0
    say(f"NOT REACHED: {len(missed)}")
    show(missed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
