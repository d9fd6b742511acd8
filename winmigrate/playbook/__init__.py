"""The playbook: which VMs go where, when and how. YAML in, typed values out."""

from winmigrate.playbook.reading import load_playbook, playbook_schema, read_playbook
from winmigrate.playbook.times import Moment, Window
from winmigrate.playbook.types import (
    Accept,
    Evacuate,
    Hooks,
    Migration,
    Playbook,
    Rule,
    RunLimits,
    Selector,
    StorageWish,
    Target,
    Verify,
)

__all__ = [
    "Accept",
    "Evacuate",
    "Hooks",
    "Migration",
    "Moment",
    "Playbook",
    "Rule",
    "RunLimits",
    "Selector",
    "StorageWish",
    "Target",
    "Verify",
    "Window",
    "load_playbook",
    "playbook_schema",
    "read_playbook",
]
