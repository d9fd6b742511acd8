"""Words of the language whose effect this version does not have: read, checked, and refused, never ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from winmigrate.errors import Fault
from winmigrate.marked import Marked

_ENTRY = r"(?:migrations\[\d+\]|evacuate)"

#: What is refused: "path" or "path=text" as a regular expression, and what to do until then.
NOT_YET: dict[str, str] = {
    rf"{_ENTRY}\.kind=(?:storage|offline)": "wanted: auto, shared-nothing, or for checks alone cluster or shared-smb",
    rf"{_ENTRY}\.storage\..*=\\\\.*": "wanted: a path on a drive of the destination",
    rf"{_ENTRY}\.vlans": "until then set them on the adapter after the move",
    rf"{_ENTRY}\.dvd=eject": "until then eject by hand: Set-VMDvdDrive -Path $null",
    rf"{_ENTRY}\.cluster_role=remove": "until then take the role out by hand",
    rf"{_ENTRY}\.fallback": "until then such a VM is left where it is, and said so",
    rf"{_ENTRY}\.networks.*=disconnect": "until then map the switch to one of the destination",
    r"evacuate\.pause_node=true": "until then: Suspend-ClusterNode",
    r"rules": "until then say it by `to` and `except`",
    r"wait_for": "until then a VM that is backed up or merged is a finding",
    r"return": "until then: winmigrate return RUN",
    r"notify": "until then look at the exit code and the report",
    r"hooks": "until then run them around `winmigrate run`",
}


def not_yet_faults(root: Marked, table: Mapping[str, str]) -> Iterator[Fault]:
    """A fault for each value that a pattern of the table meets."""
    if root.path:
        text = f"{root.path}={root.text}"
        for pattern, until in table.items():
            if re.fullmatch(pattern, root.path) or re.fullmatch(pattern, text):
                yield root.fault(f"not yet in this version; {until}")
                return
    if isinstance(root.value, dict):
        for child in root.value.values():
            yield from not_yet_faults(child, table)
    elif isinstance(root.value, list):
        for child in root.value:
            yield from not_yet_faults(child, table)
