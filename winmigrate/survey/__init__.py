"""The roll; facts of all hosts, VMs and pairs concerned, gathered from all hosts at once."""

from winmigrate.survey.candidates import Candidate, Candidates, Settled, Unmatched
from winmigrate.survey.facts_of_clusters import ClusterFacts
from winmigrate.survey.facts_of_hosts import HostFacts, path_key, same_path
from winmigrate.survey.facts_of_servers import FileServerFacts
from winmigrate.survey.finding import find_candidates
from winmigrate.survey.fingerprint import Change, Fingerprint, PlannedChanges, difference, fingerprint
from winmigrate.survey.hops import probe_pairs
from winmigrate.survey.nouns import HopB, PairFacts, Roll, RollEntry, RollVM, Survey, pair_key
from winmigrate.survey.roll import call_roll
from winmigrate.survey.taking import read_host, take_survey
from winmigrate.survey.wishes import files_of, storage_of

__all__ = [
    "Candidate",
    "Candidates",
    "Change",
    "ClusterFacts",
    "FileServerFacts",
    "Fingerprint",
    "HopB",
    "HostFacts",
    "PairFacts",
    "PlannedChanges",
    "Roll",
    "RollEntry",
    "RollVM",
    "Settled",
    "Survey",
    "Unmatched",
    "call_roll",
    "difference",
    "files_of",
    "find_candidates",
    "fingerprint",
    "pair_key",
    "path_key",
    "probe_pairs",
    "read_host",
    "same_path",
    "storage_of",
    "take_survey",
]
