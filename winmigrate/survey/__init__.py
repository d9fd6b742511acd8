"""The roll; facts of all hosts, VMs and pairs concerned, gathered from all hosts at once."""

from winmigrate.survey.nouns import (
    Candidate,
    Candidates,
    HopB,
    HostFacts,
    PairFacts,
    Roll,
    RollEntry,
    RollVM,
    Survey,
    Unmatched,
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
    "Survey",
    "Unmatched",
    "pair_key",
    "path_key",
    "same_path",
]
