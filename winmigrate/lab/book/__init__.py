"""Transcripts behind real WinRM: any client that asks what was recorded gets the recorded messages, verbatim."""

from winmigrate.lab.book.engine import BookEngine, request_data

__all__ = ["BookEngine", "request_data"]
