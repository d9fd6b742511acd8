"""The fabric that isn't there: the world, its clock, its moves."""

from winmigrate.lab.fabric.clock import FabricClock
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.loading import load_fabric
from winmigrate.lab.fabric.migration import MoveSettings, compare, current_jobs, request_state_change, start_migration
from winmigrate.lab.fabric.world import World

__all__ = [
    "FabricClock", "MigrationFailure", "MoveSettings", "World", "compare", "current_jobs", "load_fabric",
    "request_state_change", "start_migration",
]
