"""What winmigrate costs, measured: each figure beside its target, and beside what it is compared with, in one run.

``python -m benchmarks`` (``make bench``) runs all; ``python -m benchmarks NAME...`` some: clixml, survey, moves,
memory, planning, help.
"""
