"""Get-WinEvent over the fabric's event logs."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, named
from winmigrate.lab.cmdlets.shapes import Lazy, Reader
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric.world import ZERO_ID, LogEvent

#: Logs that a Hyper-V host has, whether or not anything was written to them.
KNOWN_LOGS = (
    "Application", "Security", "System", "Setup",
    "Microsoft-Windows-Hyper-V-VMMS-Admin", "Microsoft-Windows-Hyper-V-VMMS-Operational",
    "Microsoft-Windows-Hyper-V-VMMS-Networking", "Microsoft-Windows-Hyper-V-VMMS-Storage",
    "Microsoft-Windows-Hyper-V-Worker-Admin", "Microsoft-Windows-Hyper-V-Config-Admin",
    "Microsoft-Windows-Hyper-V-High-Availability-Admin", "Microsoft-Windows-FailoverClustering/Operational",
)
_LEVELS = {1: "Critical", 2: "Error", 3: "Warning", 4: "Information"}
_READER = "System.Diagnostics.Eventing.Reader."


@dataclass(frozen=True, slots=True)
class Entry:
    """An event on its host."""

    desk: Desk
    event: LogEvent


def _properties(entry: Entry) -> net.NetList:
    values = [net.PSObject((_READER + "EventProperty", "System.Object"), {"Value": value}, live=value)
              for value in entry.event.parameters]
    kind = f"{_READER}EventProperty, System.Core, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089"
    return net.NetList((f"System.Collections.Generic.List`1[[{kind}]]", "System.Object"), list(values))


_EVENT: dict[str, Reader] = {
    "Id": lambda e: net.Int32(e.event.id),
    "Version": lambda e: net.Byte(0),
    "Qualifiers": lambda e: None,
    "Level": lambda e: net.Byte(e.event.level),
    "Task": lambda e: net.Int32(0),
    "Opcode": lambda e: net.Int16(0),
    "Keywords": lambda e: net.Int64(-(2**63)),
    "RecordId": lambda e: net.Int64(e.event.record),
    "ProviderName": lambda e: e.event.provider,
    "ProviderId": lambda e: uuid.uuid5(ZERO_ID, e.event.provider),
    "LogName": lambda e: e.event.log,
    "ProcessId": lambda e: net.Int32(2000),
    "ThreadId": lambda e: net.Int32(2004),
    "MachineName": lambda e: e.desk.host.fqdn,
    "UserId": lambda e: None,
    "TimeCreated": lambda e: e.event.time,
    "ActivityId": lambda e: None,
    "RelatedActivityId": lambda e: None,
    "ContainerLog": lambda e: e.event.log,
    "MatchedQueryIds": lambda e: [],
    "Bookmark": lambda e: None,
    "LevelDisplayName": lambda e: _LEVELS.get(e.event.level, "Information"),
    "OpcodeDisplayName": lambda e: "Info",
    "TaskDisplayName": lambda e: None,
    "KeywordsDisplayNames": lambda e: [],
    "Properties": _properties,
}


def show(entry: Entry) -> net.PSObject:
    """The EventLogRecord, with the Message that the cmdlet adds."""
    types = (_READER + "EventLogRecord", _READER + "EventRecord", "System.Object")
    return net.PSObject(types, Lazy(_EVENT, entry), {"Message": entry.event.message},
                        _READER + "EventLogRecord", entry)


def get_events(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-WinEvent by log name or FilterHashtable, newest first; XML and XPath filters are refused."""
    for refused in ("FilterXml", "FilterXPath", "ListLog", "ListProvider"):
        if call.get(refused) is not None:
            yield Error(f"The lab answers no -{refused}.", "NotImplemented", "NotImplemented",
                        "System.NotImplementedException", refused)
            return
    filters = [item for item in each(call.get("FilterHashtable")) if isinstance(item, Mapping)]
    filters = filters or [{name: call.bound[name] for name in ("LogName", "ProviderName") if name in call.bound}]
    with desk.world.lock:
        events = list(desk.host.events)
    known = list(dict.fromkeys([*KNOWN_LOGS, *(event.log for event in events)]))
    found: dict[int, LogEvent] = {}
    for given in filters:
        wanted = {str(key).lower(): value for key, value in given.items()}
        missing = [name for name in map(str, each(wanted.get("logname"))) if not named(known, name, str)]
        for name in missing:
            yield Error(f'There is not an event log on the localhost computer that matches "{name}".',
                        "NoMatchingLogsFound", "ObjectNotFound", "System.Exception", name)
        if not missing:
            found.update({id(event): event for event in events if _fits(event, wanted)})
    ordered = sorted(found.values(), key=lambda event: (event.time, event.record), reverse=not call.get("Oldest"))
    most = call.get("MaxEvents")
    ordered = ordered if most is None or most < 0 else ordered[:int(most)]
    yield from (Output(show(Entry(desk, event))) for event in ordered)
    if not ordered:
        yield Error("No events were found that match the specified selection criteria.", "NoMatchingEventsFound",
                    "ObjectNotFound", "System.Exception")


def _fits(event: LogEvent, wanted: Mapping[str, Any]) -> bool:
    logs = [str(name) for name in each(wanted.get("logname"))]
    providers = [str(name) for name in each(wanted.get("providername"))]
    numbers = [int(number) for number in each(wanted.get("id"))]
    levels = [int(level) for level in each(wanted.get("level"))]
    start, end = _date(wanted.get("starttime")), _date(wanted.get("endtime"))
    data = [str(text) for text in each(wanted.get("data"))]
    return ((not logs or any(named([event.log], log, str) for log in logs))
            and (not providers or any(named([event.provider], one, str) for one in providers))
            and (not numbers or event.id in numbers)
            and (not levels or event.level in levels)
            and (start is None or event.time >= start)
            and (end is None or event.time <= end)
            and (not data or any(text in event.parameters for text in data)))


def _date(value: Any) -> dt.datetime | None:
    """A date of a filter; one without a kind is local time, which is UTC on lab hosts."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
    if not isinstance(value, dt.datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=dt.timezone.utc)


COMMANDS: dict[str, Command] = {"Get-WinEvent": Command(get_events)}

__all__ = ["COMMANDS", "KNOWN_LOGS", "get_events", "show"]
