"""What tests of findings over real WinRM share: a wish for a VM, and what a check said of it."""

from __future__ import annotations

from winmigrate.checks import Finding
from winmigrate.playbook import Migration, Selector, Target
from winmigrate.playbook.types import StorageWish
from winmigrate.verbs import Checked


def wish(chosen: Selector, to: str) -> Migration:
    """The VM goes to that host, into a folder of its own."""
    return Migration(chosen, (Target("host", to),), storage=StorageWish(path="D:\\VMs\\{vm}"))


def finding(checked: Checked, requirement: str, vm: str) -> Finding:
    """What the first candidate of that VM is found to be."""
    of = next(item for item in checked.findings.candidates if item.vm_name == vm)
    return next(item for item in checked.findings.of(of) if item.requirement == requirement)
