"""Requirements that only a move can settle: where the VM is, what it is, what was left behind."""

from __future__ import annotations

from collections.abc import Callable

from winmigrate.checks.aftermath import Aftermath
from winmigrate.checks.finding import Finding, Remedy, RemedyKind, Resolver, Scope, Severity, Subject
from winmigrate.checks.frame import (
    REGISTRY,
    Ground,
    Unread,
    Verdict,
    failed,
    known,
    passed,
    pending,
    requirement,
    unknown,
)
from winmigrate.checks.words import quoted

#: A blackout longer than this is named: seconds (docs/interface.md, section 4).
LONG_BLACKOUT = 2.0

_AFTER: dict[str, Callable[[Aftermath], Verdict]] = {}
_PAGE = "https://learn.microsoft.com/windows-server/virtualization/hyper-v/manage/live-migration-overview"


def _settled_after(
    id: str, title: str, severity: Severity, *, kinds: tuple[str, ...] = ("cluster", "shared-smb", "shared-nothing"),
    read_by: str, may_be_accepted: bool = True,
) -> Callable[[Callable[[Aftermath], Verdict]], Callable[[Aftermath], Verdict]]:  # fmt: skip
    """Registers a requirement that is pending until the move, and the function that settles it then."""

    def register(settle: Callable[[Aftermath], Verdict]) -> Callable[[Aftermath], Verdict]:
        @requirement(
            id, title, severity, Scope.CANDIDATE, resolvers=(Resolver.AFTER,), kinds=kinds, read_by=read_by,
            page=_PAGE, may_be_accepted=may_be_accepted,
        )  # fmt: skip
        def wait(ground: Ground) -> Verdict:
            return pending(Resolver.AFTER, "only the move can settle it")

        _AFTER[id] = settle
        return settle

    return register


def run_after(after: Aftermath) -> tuple[Finding, ...]:
    """What was pending on the move, settled by what both hosts say now."""
    subject = Subject(Scope.CANDIDATE, after.vm_id, after.vm_name, after.source, after.destination)
    findings = []
    for id, settle in _AFTER.items():
        item = REGISTRY[id]
        try:
            verdict = settle(after)
        except Unread as unread:
            verdict = unknown(f"{unread.what} cannot be read: {unread.fact.reason}", needs=unread.fact.needs)
        findings.append(
            Finding(
                id, item.title, verdict.severity or item.severity, subject, verdict.outcome, verdict.evidence,
                verdict.wanted, verdict.remedy, needs=verdict.needs, page=item.page,
            )
        )
    return tuple(findings)


@_settled_after(
    "post-running",
    "The VM is on the destination under the same Id, in the state it was planned to have",
    Severity.BLOCKS,
    read_by="Get-VM on the destination: Id, State",
    may_be_accepted=False,
)
def post_running(after: Aftermath) -> Verdict:
    vm = known(after.destination_vm, f"the VMs of {after.destination}")
    if vm is None:
        return failed(
            f"{after.destination} has no VM with the Id {after.vm_id}",
            wanted=f"{after.vm_name} on {after.destination}",
        )
    state = known(vm.state, f"the state of {after.vm_name}")
    if state.casefold() != after.planned_state.casefold():
        return failed(
            f"{after.vm_name} is {state.lower()} on {after.destination}",
            wanted=after.planned_state.lower(),
            severity=Severity.RISKS,
            remedy=Remedy(
                RemedyKind.BY_HAND,
                f"look at {after.vm_name} on {after.destination}: it arrived and changed its state since",
                f"Hyper-V administrator on {after.destination}",
            ),
        )
    return passed(f"{state.lower()} on {after.destination}")


@_settled_after(
    "post-source-gone",
    "The VM is no longer registered on the source",
    Severity.BLOCKS,
    read_by="Get-VM on the source: Id",
    may_be_accepted=False,
)
def post_source_gone(after: Aftermath) -> Verdict:
    if known(after.source_vm, f"the VMs of {after.source}"):
        return failed(
            f"{after.vm_name} is still registered on {after.source}",
            remedy=Remedy(
                RemedyKind.BY_HAND,
                f"do not start it on {after.source}; compare its disks on both hosts before anything is removed",
                f"Hyper-V administrator on {after.source}",
            ),
        )
    return passed(f"not on {after.source}")


@_settled_after(
    "post-network",
    "Adapters, VLANs, disks and settings are as they were, but for what the plan changes",
    Severity.RISKS,
    read_by="fingerprint of the VM before and after the move",
)
def post_network(after: Aftermath) -> Verdict:
    adapters = known(after.adapters, f"the adapters of {after.vm_name} on {after.destination}")
    loose = [
        str(adapter.name)
        for adapter in adapters
        if known(adapter.switch_name, f"a switch of {after.vm_name}") in after.switches
    ]
    if loose:
        return failed(f"{', '.join(loose)} of {after.vm_name} is on the switch it should have left")
    changes = [change for change in known(after.changes, f"what changed on {after.vm_name}") if not change.expected]
    if changes:
        shown = "; ".join(f"{item.what}: {_fact(item.before)} > {_fact(item.after)}" for item in changes[:5])
        more = f"; and {len(changes) - 5} more" if len(changes) > 5 else ""
        return failed(
            shown + more,
            wanted="as before the move",
            remedy=Remedy(
                RemedyKind.BY_HAND,
                f"set it back on {after.destination}; the report lists every difference",
                f"Hyper-V administrator on {after.destination}",
            ),
        )
    return passed("as before, but for what the plan changes")


def _fact(value: object) -> str:
    text = getattr(value, "reason", value)
    return str(text) or "nothing"


@_settled_after(
    "post-blackout",
    "The VM stood still for no longer than two seconds",
    Severity.INFORMS,
    read_by="events 20415 and 20417 of Microsoft-Windows-Hyper-V-VMMS-Admin on either host",
)
def post_blackout(after: Aftermath) -> Verdict:
    blackout = known(after.blackout, f"the blackout of {after.vm_name}")
    if blackout is None:
        return unknown("no event on either host tells how long it stood still")
    if blackout > LONG_BLACKOUT:
        return failed(f"{blackout:.1f} s", wanted=f"at most {LONG_BLACKOUT:.0f} s", severity=Severity.RISKS)
    return passed(f"{blackout:.1f} s")


@_settled_after(
    "post-leftovers-source",
    "No file of the VM is left on the source",
    Severity.INFORMS,
    kinds=("shared-nothing",),
    read_by="Get-Item of every moved file's old path on the source",
)
def post_leftovers_source(after: Aftermath) -> Verdict:
    left = known(after.leftovers, f"the old files of {after.vm_name} on {after.source}")
    if not left:
        return passed(f"nothing on {after.source}")
    return failed(
        f"{len(left)} left on {after.source}: {', '.join(left[:3])}{', ...' if len(left) > 3 else ''}",
        wanted="none",
        remedy=Remedy(
            RemedyKind.POWERSHELL,
            f"Remove-Item -LiteralPath {', '.join(map(quoted, left))} -Confirm",
            f"administrator on {after.source}, once {after.vm_name} is known to be well on {after.destination}",
        ),
    )
