"""What Compare-VM lists is compare-vm's finding; some of it is also the answer to a requirement that waited for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from winmigrate.checks.finding import Finding, Outcome, Remedy
from winmigrate.checks.words import hyper_v_administrator, powershell
from winmigrate.checks.words import vm as get_vm


@dataclass(frozen=True, slots=True)
class _Speaks:
    """``words``: of an English system. On any other compare-vm alone tells it, and the requirement stays pending."""

    words: tuple[str, ...]
    wanted: str
    remedy: Callable[[Finding], Remedy]


def _compatibility(finding: Finding) -> Remedy:
    one = get_vm(finding.subject.vm_id)
    return powershell(
        f"{one} | Stop-VM; {one} | Set-VMProcessor -CompatibilityForMigrationEnabled $true; {one} | Start-VM",
        f"{hyper_v_administrator(finding.subject.source)}, with a down-time",
        "once it has started again",
    )


_SPEAKS = {
    "cpu-features": _Speaks(
        ("processor-specific features", "hardware on the destination computer is not compatible"),
        "processors with all that the VM was shown, or a VM with processor compatibility",
        _compatibility,
    ),
}


def against(finding: Finding, said: Sequence[str]) -> Finding | None:
    """A finding that waited for the rehearsal, by what was said against the move; None: nothing of it speaks of this.

    ``said`` is one text an incompatibility, as Windows wrote it.
    """
    if finding.requirement == "compare-vm":
        return replace(finding, outcome=Outcome.FAIL, pending_on=None, evidence="; ".join(said))
    speaks = _SPEAKS.get(finding.requirement)
    mine = [text for text in said if speaks is not None and any(word in text for word in speaks.words)]
    if speaks is None or not mine:
        return None
    return replace(
        finding,
        outcome=Outcome.FAIL,
        pending_on=None,
        evidence="; ".join(mine),
        wanted=speaks.wanted,
        remedy=speaks.remedy(finding),
    )
