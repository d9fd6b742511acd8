"""The words of findings: sizes with units, names as people read them, text as PowerShell reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from winmigrate.checks.finding import Remedy, RemedyKind
from winmigrate.marked import shown

_PLAIN = re.compile(r"[\w.@+-]+(?: [\w.@+-]+)*", re.UNICODE)
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
#: PowerShell takes each of these for a single quote, inside a text in single quotes too; doubled it is itself.
_SINGLE_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")
_MOST_NAMED = 5


def size(amount: int) -> str:
    """Bytes with a unit: ``"37 GiB"``, ``"4.5 GiB"``. What is compared must differ in print: two decimals at most."""
    value, unit = float(abs(amount)), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    text = f"{value:.1f}".removesuffix(".0") if value < 100 else f"{value:.0f}"
    return f"{'-' if amount < 0 else ''}{text} {_UNITS[unit]}"


@lru_cache(maxsize=1024)
def name(text: str) -> str:
    """A name of a VM as it is, or in double quotes, what cannot be seen escaped, where it holds anything odd."""
    return text if _PLAIN.fullmatch(text) else shown(text)


def listed(items: Iterable[str], none: str = "none") -> str:
    """``"a", "b"``, the first five and how many more."""
    return several([shown(item) for item in items], none)


def several(items: Iterable[str], none: str = "none") -> str:
    """``a, b``, the first five and how many more."""
    words = list(items)
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return ", ".join(words[:_MOST_NAMED]) + more if words else none


def count(number: int, thing: str, things: str = "") -> str:
    """``1 checkpoint``, ``3 checkpoints``."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def quoted(text: str) -> str:
    """Text as a PowerShell literal in single quotes: nothing in it is expanded, typographic quotes do not end it."""
    return "'" + _SINGLE_QUOTES.sub(r"\1\1", text) + "'"


def vm(vm_id: str) -> str:
    """The PowerShell that gets a VM by its Id, for the head of a remedy."""
    return f"Get-VM -Id {vm_id}"


def powershell(text: str, who: str, in_force: str = "at once") -> Remedy:
    """A remedy in PowerShell; it is checked against the facts as our own commands are."""
    return Remedy(RemedyKind.POWERSHELL, text, who, in_force)


def by_hand(text: str, who: str, in_force: str = "at once") -> Remedy:
    """A remedy in words."""
    return Remedy(RemedyKind.BY_HAND, text, who, in_force)


def native(text: str, who: str, in_force: str = "at once") -> Remedy:
    """A remedy by a program of Windows."""
    return Remedy(RemedyKind.NATIVE, text, who, in_force)


def administrator(host: str) -> str:
    """Who: the local administrators."""
    return f"administrator on {host}"


def hyper_v_administrator(host: str) -> str:
    """Who: the Hyper-V administrators, administrators among them."""
    return f"Hyper-V administrator on {host}"


#: Who mends what stands in the operator's own files.
OPERATOR = "whoever writes the playbook"
OPERATOR_OF_INVENTORY = "whoever writes the inventory"
