"""The command line: parse, call one verb (or the lab), render, exit code."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> int:
    """The `winmigrate` command. Exit codes: docs/interface.md, section 1."""
    from winmigrate.cli.commands import program
    from winmigrate.cli.running import guarded

    code = guarded(program, list(sys.argv[1:] if arguments is None else arguments))
    if arguments is None:
        sys.exit(code)
    return code
