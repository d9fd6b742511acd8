"""Parameter sets of whole modules by Windows version, from Microsoft's reference (sources and licence: :func:`meta`).

A raw definition is a dict: ``versions``; ``default`` (the default parameter set's name or None); ``sets``: set name ->
parameters in the page's order, each a name, then ``!`` if mandatory, then ``@n`` if positional; ``parameters``: name ->
``type`` and, where they apply, ``types`` (by set), ``pipeline``, ``aliases``, ``values``. A cmdlet with one unnamed set
calls it ``(only)``. Presence is trustworthy, absence after 2016 is not: :mod:`winmigrate.facts.since` corrects it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple


class Located(NamedTuple):
    """Where a cmdlet was found: ``module`` and ``name`` as the reference spells them; ``raw``: its definition."""

    module: str
    name: str
    raw: dict[str, Any]


def read_packed(name: str) -> Any:
    """The JSON document ``name``.json.gz that this package ships."""
    return json.loads(gzip.decompress((resources.files("winmigrate.facts") / f"{name}.json.gz").read_bytes()))


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    document: dict[str, Any] = read_packed("cmdlets")
    return document


@lru_cache(maxsize=1)
def _index() -> dict[str, tuple[tuple[str, str], ...]]:
    """Lower-case cmdlet name -> the (module, name) pairs that have it."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for module, cmdlets in _document()["modules"].items():
        for name in cmdlets:
            key = name.lower()
            found[key] = (*found.get(key, ()), (module, name))
    return found


def meta() -> dict[str, Any]:
    """Licence, sources by version, notation, and which PowerShell each Windows version ships (``powershell_of``)."""
    found: dict[str, Any] = _document()["meta"]
    return found


def modules() -> tuple[str, ...]:
    """The names of all modules."""
    return tuple(_document()["modules"])


def cmdlets(module: str, version: str) -> tuple[str, ...]:
    """The names of the module's cmdlets on this Windows version; none for a module that is not known."""
    return tuple(name for name in _document()["modules"].get(module, {}) if definitions(module, name, version))


def locate(name: str, version: str) -> Located | None:
    """The cmdlet by its name in any case, plain or as ``Module\\Name``, on a Windows version; None without one."""
    module, _, plain = name.rpartition("\\")
    for each_module, each_name in _index().get(plain.lower(), ()):
        if module and each_module.lower() != module.lower():
            continue
        raw = _of_version(each_module, each_name, version)
        if raw is not None:
            return Located(each_module, each_name, raw)
    return None


def find(name: str, version: str) -> dict[str, Any] | None:
    """The raw definition of a cmdlet of any module, PowerShell's own through the version that Windows ships."""
    located = locate(name, version)
    return located.raw if located else None


def definitions(module: str | None, name: str, version: str) -> dict[str, Any] | None:
    """The raw definition of a cmdlet of one module (None: any); ``version`` as in ``winmigrate.facts.VERSIONS``."""
    return find(f"{module}\\{name}" if module else name, version)


def _of_version(module: str, name: str, version: str) -> dict[str, Any] | None:
    document = _document()
    raws: list[dict[str, Any]] = document["modules"][module][name]
    powershell = document["meta"]["powershell_of"].get(version)
    for wanted in (version, f"PowerShell {powershell}"):
        for raw in raws:
            if wanted in raw["versions"]:
                return raw
    return None


def parameters_of(raw: Mapping[str, Any], set_name: str) -> Iterator[tuple[str, bool, int | None]]:
    """(name, mandatory, position) of each parameter of one set of a raw definition, in the page's order."""
    for entry in raw["sets"][set_name]:
        text, _, position = entry.partition("@")
        yield text.rstrip("!"), text.endswith("!"), int(position) if position else None
