"""Transcripts: what was asked of a host and what came, message by message; recorded, redacted, replayed.

Laws:
- CLIXML is text here, kept verbatim but for redaction; what it means is not this room's business.
- Nothing is written before it is redacted; nothing that looks like a secret is written at all.
- The player matches on host, commands and parameters, consumes in order, and never answers what was not recorded.
"""

from winmigrate.transcript.clock import PlayedClock
from winmigrate.transcript.data import data_to_request, request_text, request_to_data
from winmigrate.transcript.files import load_book, load_transcript, save_transcript, transcript_schema, transcript_text
from winmigrate.transcript.format import ORIGINS, Entry, Header, Transcript, TransportFault
from winmigrate.transcript.player import Answer, Book, Player
from winmigrate.transcript.recorder import Recorder
from winmigrate.transcript.redaction import Redactor, Terms, terms_of
from winmigrate.transcript.scan import find_secrets

__all__ = [
    "ORIGINS",
    "Answer",
    "Book",
    "Entry",
    "Header",
    "PlayedClock",
    "Player",
    "Recorder",
    "Redactor",
    "Terms",
    "Transcript",
    "TransportFault",
    "data_to_request",
    "find_secrets",
    "load_book",
    "load_transcript",
    "request_text",
    "request_to_data",
    "save_transcript",
    "terms_of",
    "transcript_schema",
    "transcript_text",
]
