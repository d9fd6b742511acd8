"""The first Windows version of cmdlets and parameters, as machine captures showed it; corrects cmdlets.json."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from winmigrate.facts.cmdlets import read_packed


@lru_cache(maxsize=1)
def _document() -> dict[str, dict[str, dict[str, Any]]]:
    document: dict[str, dict[str, dict[str, Any]]] = read_packed("since")
    return document


def entry(module: str, cmdlet: str) -> dict[str, Any] | None:
    """``since`` (first version), ``params`` (later first versions by parameter), corrections; None where not known."""
    return _document().get(module, {}).get(cmdlet)


def first_version(module: str, cmdlet: str, parameter: str | None = None) -> str | None:
    """The first Windows version that has the cmdlet, or its parameter; None where not known."""
    found = entry(module, cmdlet)
    if found is None:
        return None
    first: str | None = found.get("params", {}).get(parameter, found.get("since")) if parameter else found.get("since")
    return first
