"""Rows of the event log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from winmigrate.facts import Unreadable
from winmigrate.request import Command, Statement, command, renamed, select
from winmigrate.windows.row import DATE, INTEGER, TEXT, column, projection


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


VMMS_ADMIN = "Microsoft-Windows-Hyper-V-VMMS-Admin"
#: 20413 a migration was initiated; 20415 it completed; 20417 it completed with an unexpectedly long blackout;
#: 21024 it failed (a summary).
INITIATED, COMPLETED, COMPLETED_LATE, FAILED = 20413, 20415, 20417, 21024
#: What Get-WinEvent answers, as a non-terminating error, when nothing matches.
NO_EVENTS = "NoMatchingEventsFound"


@dataclass(frozen=True, slots=True)
class Blackout:
    """How long a VM stood still, as event 20415 or 20417 tells it; ``blackout`` verbatim, its unit is the host's."""

    record_id: int
    event_id: int
    vm: str
    blackout: str


def events(ids: Sequence[int], since: dt.datetime) -> Statement:
    """Events of VMMS since a moment (aware), as rows of :class:`LogEvent`."""
    return Statement((_get(ids, since), projection(LogEvent, "2012")))


def event_properties(ids: Sequence[int], since: dt.datetime) -> Statement:
    """The properties of those events, in order, as rows of :class:`EventProperty`."""
    expand = select(renamed("EventRecordId", "RecordId"), renamed("EventId", "Id"), expand="Properties")
    return Statement((_get(ids, since), expand, projection(EventProperty, "2012")))


def _get(ids: Sequence[int], since: dt.datetime) -> Command:
    return command("Get-WinEvent", FilterHashtable={"LogName": VMMS_ADMIN, "Id": list(ids), "StartTime": since})


def blackouts(properties: Iterable[EventProperty]) -> tuple[Blackout, ...]:
    """The blackouts in the properties of events: Parameter0 is the VM, Parameter2 the blackout."""
    by_record: dict[tuple[int, int], list[str]] = {}
    for item in properties:
        if isinstance(item.event_record_id, int) and isinstance(item.event_id, int):
            value = item.value if isinstance(item.value, str) else ""
            by_record.setdefault((item.event_record_id, item.event_id), []).append(value)
    return tuple(
        Blackout(record, event, values[0], values[2])
        for (record, event), values in by_record.items()
        if event in (COMPLETED, COMPLETED_LATE) and len(values) > 2
    )
