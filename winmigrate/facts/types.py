"""Enum numbers, and properties of one version of the Hyper-V and FailoverClusters modules (2019-2020), by module.

Numbers of enumerations that the captured versions lack, and of other modules, are the ones that the binder corpus of
fixtures/engine was made with (enums.json.gz).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from winmigrate.facts.cmdlets import read_packed


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    document: dict[str, Any] = read_packed("types")
    return document


@lru_cache(maxsize=1)
def _further_enums() -> dict[str, dict[str, dict[str, int]]]:
    found: dict[str, dict[str, dict[str, int]]] = read_packed("enums")
    return found


@lru_cache(maxsize=64)
def enums(module: str) -> dict[str, dict[str, int]]:
    """Enum type's short name -> member -> number; empty for a module that is not known."""
    captured: dict[str, dict[str, int]] = _document().get(module, {}).get("enums", {})
    return _further_enums().get(module, {}) | captured


def document(module: str) -> dict[str, Any]:
    """Everything that is known of a module's types, as captured."""
    found: dict[str, Any] = _document().get(module, {})
    return found
