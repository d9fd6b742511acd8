"""``python -m winmigrate.checks [FILE]``: the catalogue of requirements, printed or written to FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from winmigrate.checks.catalogue import page


def main(arguments: list[str]) -> int:
    """Exit code 2 for more than one argument."""
    if len(arguments) > 1:
        print("usage: python -m winmigrate.checks [FILE]", file=sys.stderr)
        return 2
    if arguments:
        Path(arguments[0]).write_text(page(), encoding="utf-8", newline="\n")
    else:
        print(page(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
