"""Faults of the lab: what goes wrong where and when, planned in the fabric file or added while it runs."""

from winmigrate.lab.faults.plan import FAULT, FaultPlan, PlannedFault, read_fault

__all__ = ["FAULT", "FaultPlan", "PlannedFault", "read_fault"]
