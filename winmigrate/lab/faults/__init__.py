"""Faults of the lab: what goes wrong where and when, planned in the fabric file or added while it runs."""

from winmigrate.lab.faults.plan import FAULT, RANDOM, FaultPlan, PlannedFault, read_fault

__all__ = ["FAULT", "RANDOM", "FaultPlan", "PlannedFault", "read_fault"]
