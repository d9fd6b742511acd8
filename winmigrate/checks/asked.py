"""What a playbook's `verify` asks for after a move, as findings."""

from __future__ import annotations

from winmigrate.checks.aftermath import Aftermath
from winmigrate.checks.finding import Finding, Outcome, Scope, Severity, Subject
from winmigrate.facts import Unreadable

_HEALTHY = frozenset({"OkApplicationsUnknown", "OkApplicationsHealthy", "OkApplicationsCritical"})


def heartbeat(after: Aftermath) -> Finding:
    """The guest's heartbeat is seen on the destination."""
    vm = after.destination_vm
    title = "The guest's heartbeat is seen on the destination"
    if vm is None or isinstance(vm, Unreadable):
        reason = vm.reason if vm is not None else f"it is not on {after.destination}"
        return _finding("verify-heartbeat", title, after, Outcome.UNKNOWN, reason)
    if isinstance(vm.heartbeat, Unreadable):
        return _finding("verify-heartbeat", title, after, Outcome.UNKNOWN, vm.heartbeat.reason)
    good = vm.heartbeat in _HEALTHY
    said = f"the heartbeat of {after.vm_name} on {after.destination} is {vm.heartbeat or 'not there'}"
    return _finding("verify-heartbeat", title, after, Outcome.PASS if good else Outcome.FAIL, said)


def tcp(after: Aftermath, address: str, port: int, why_not: str) -> Finding:
    """The guest's port answers from here. ``why_not``: empty if it does."""
    title = "The guest answers on the port that the playbook names"
    said = f"{address}:{port} answers" if not why_not else f"{address}:{port} does not answer: {why_not}"
    return _finding("verify-tcp", title, after, Outcome.FAIL if why_not else Outcome.PASS, said)


def _finding(id: str, title: str, after: Aftermath, outcome: Outcome, evidence: str) -> Finding:
    subject = Subject(Scope.CANDIDATE, after.vm_id, after.vm_name, after.source, after.destination)
    return Finding(id, title, Severity.RISKS, subject, outcome, evidence)
