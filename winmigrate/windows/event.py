"""Rows of the event log."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from winmigrate.facts import Unreadable
from winmigrate.windows.row import DATE, INTEGER, TEXT, column


@dataclass(frozen=True, slots=True)
class LogEvent:
    """Get-WinEvent. ``record_id`` is unique in its log on one host."""

    record_id: int | Unreadable = column("RecordId", INTEGER)
    id: int | Unreadable = column("Id", INTEGER)
    time_created: dt.datetime | Unreadable = column("TimeCreated", DATE)
    provider_name: str | Unreadable | None = column("ProviderName", TEXT, nullable=True)
    log_name: str | Unreadable | None = column("LogName", TEXT, nullable=True)
    machine_name: str | Unreadable | None = column("MachineName", TEXT, nullable=True)
    message: str | Unreadable | None = column("Message", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class EventProperty:
    """One of an event's Properties, in order, with the event's record id (renamed on the way)."""

    event_record_id: int | Unreadable = column("EventRecordId", INTEGER)
    event_id: int | Unreadable = column("EventId", INTEGER)
    value: str | Unreadable | None = column("Value", TEXT, nullable=True)
