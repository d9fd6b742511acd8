"""Plans: order, bound to facts, with expectations that are read again before each step."""

from winmigrate.planning.make import make_plan
from winmigrate.planning.plan import Capacity, Expectation, ExpectationKind, HostLimits, Plan, Refusal, Step, Window

__all__ = [
    "Capacity",
    "Expectation",
    "ExpectationKind",
    "HostLimits",
    "Plan",
    "Refusal",
    "Step",
    "Window",
    "make_plan",
]
