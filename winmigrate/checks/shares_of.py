"""The shares that the files of a candidate's VM lie on."""

from __future__ import annotations

from winmigrate.checks.index import HostIndex
from winmigrate.survey import Candidate
from winmigrate.survey.servers import unc_paths
from winmigrate.windows.share import share_of


def shares_of(candidate: Candidate, source: HostIndex) -> tuple[str, ...]:
    r"""``\\server\share``, each once, in the order of the VM's files."""
    found: dict[str, str] = {}
    for path in unc_paths(candidate, source.facts, planned=False):
        parts = share_of(path)
        if parts is not None:
            name = "\\\\" + "\\".join(parts)
            found.setdefault(name.casefold(), name)
    return tuple(found.values())
