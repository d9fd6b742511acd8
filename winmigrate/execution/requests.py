"""What another process asks of the one that drives a run: files in its folder, so that it works across crashes."""

from __future__ import annotations

import json
from pathlib import Path


def ask_cancel(folder: Path, vm: str) -> None:
    """Leaves word to cancel the move of ``vm`` (a name or an Id), or of all with ""."""
    place = folder / "requests"
    place.mkdir(mode=0o700, exist_ok=True)
    taken = {path.name for path in place.iterdir()}
    number = 1
    while f"cancel-{number}.json" in taken:
        number += 1
    target = place / f"cancel-{number}.json"
    partial = place / f".cancel-{number}.part"
    partial.write_text(json.dumps({"cancel": vm}), encoding="utf-8")
    partial.replace(target)


def cancellations(folder: Path) -> tuple[str, ...]:
    """The VMs that were asked to be cancelled so far, "" for all. What cannot be read is no request."""
    place = folder / "requests"
    if not place.is_dir():
        return ()
    found: list[str] = []
    for path in sorted(place.glob("cancel-*.json")):
        try:
            wanted = json.loads(path.read_text(encoding="utf-8"))["cancel"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(wanted, str):
            found.append(wanted)
    return tuple(found)
