"""Requirements of a live migration: pure functions, candidate in, finding out."""

from __future__ import annotations

import importlib

from winmigrate.checks.finding import (
    Acceptance,
    CandidateFindings,
    Finding,
    Findings,
    Outcome,
    Remedy,
    RemedyKind,
    Resolver,
    Scope,
    Severity,
    Subject,
)
from winmigrate.checks.run import run_checks, settle

__all__ = [
    "Acceptance",
    "CandidateFindings",
    "Finding",
    "Findings",
    "Outcome",
    "Remedy",
    "RemedyKind",
    "Resolver",
    "Scope",
    "Severity",
    "Subject",
    "load_all",
    "run_checks",
    "settle",
]

#: The modules that register requirements; their order is that of the findings.
SUBJECTS: tuple[str, ...] = (
    "hosts",
    "networks",
    "ports",
    "patches",
    "policy",
    "performance",
    "identity",
    "delegation",
    "accounts",
    "vms",
    "vm_settings",
    "adapters",
    "disks",
    "devices",
    "guarding",
    "destination",
    "shares",
    "share_rights",
    "clusters",
    "cluster_accounts",
    "cluster_networks",
    "cluster_roles",
    "cluster_volumes",
    "cluster_affinity",
    "capacity",
    "after",
)


def load_all() -> None:
    """Registers every requirement."""
    for subject in SUBJECTS:
        importlib.import_module(f"winmigrate.checks.{subject}")
