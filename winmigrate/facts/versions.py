"""Windows Server versions by name and build.

Builds: 2012 to 2019 from published release tables; 2022 and 2025 as in facts/requirements.yaml.
"""

from __future__ import annotations

BUILDS: dict[str, int] = {"2012": 9200, "2012R2": 9600, "2016": 14393, "2019": 17763, "2022": 20348, "2025": 26100}
VERSIONS: tuple[str, ...] = tuple(BUILDS)


def version_of_build(build: int) -> str | None:
    """The newest version whose build is not above ``build``; None below 2012."""
    known = [name for name, number in BUILDS.items() if number <= build]
    return known[-1] if known else None


def at_least(version: str, floor: str) -> bool:
    """Is ``version`` the same as ``floor`` or newer?"""
    return VERSIONS.index(version) >= VERSIONS.index(floor)
