"""For tests, ours and those of whoever builds on winmigrate: hosts that are not there (docs/transcripts.md).

``winmigrate.testing.plugin`` is the pytest plugin with the fixtures `replay`, `lab` and `fabric`. What they give stands
in the other modules and needs no pytest; names are imported when they are first used, since pytest loads the plugin
wherever winmigrate is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from winmigrate.testing.fabrics import Fabric
    from winmigrate.testing.replays import Replay
    from winmigrate.testing.serving import lab, lab_clock, played
    from winmigrate.testing.sites import Site, site

_HOME_OF = {
    "Fabric": "fabrics",
    "Replay": "replays",
    "Site": "sites",
    "lab": "serving",
    "lab_clock": "serving",
    "played": "serving",
    "site": "sites",
}

__all__ = ["Fabric", "Replay", "Site", "lab", "lab_clock", "played", "site"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
