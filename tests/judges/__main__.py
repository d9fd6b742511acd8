"""``python -m tests.judges clixml|binder|pipelines|recordings PATH``: exit code 0 if at least 99 % agree."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.judges import Verdict


def main(arguments: list[str]) -> int:
    here = Path(__file__).parent
    known = sorted(each.stem for each in here.glob("*.py") if not each.stem.startswith("_"))
    if len(arguments) != 2 or arguments[0] not in known:
        print(f"usage: python -m tests.judges {'|'.join(known)} PATH", file=sys.stderr)
        return 2
    name, path = arguments
    if not Path(path).exists():
        print(f"{path}: there is no such file or folder", file=sys.stderr)
        return 2
    verdict: Verdict = importlib.import_module(f"tests.judges.{name}").judge(Path(path))
    print(verdict.report())
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
