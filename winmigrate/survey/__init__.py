"""The roll; facts of all hosts, VMs and pairs concerned, gathered from all hosts at once."""

from winmigrate.survey.candidates import Candidate, Candidates, StorageWish, Unmatched
from winmigrate.survey.nouns import (
    HopB,
    HostFacts,
    PairFacts,
    Roll,
    RollEntry,
    RollVM,
    Survey,
    pair_key,
    path_key,
    same_path,
)

__all__ = [
    "Candidate",
    "Candidates",
    "HopB",
    "HostFacts",
    "PairFacts",
    "Roll",
    "RollEntry",
    "RollVM",
    "StorageWish",
    "Survey",
    "Unmatched",
    "pair_key",
    "path_key",
    "same_path",
]
