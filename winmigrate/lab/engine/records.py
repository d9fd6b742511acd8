"""Error, warning, progress and information records as the values that PowerShell's remoting writes for them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Error, Information, Progress
from winmigrate.lab.engine.exceptions import CATEGORIES, chain, default_hresult, holds_record
from winmigrate.lab.engine.text import bare_name, to_text, type_name
from winmigrate.lab.engine.values import EnumValue, Int32, Int64, NetList, PSObject, UInt32

_OBJECT = "System.Object"
ERROR_RECORD = ("System.Management.Automation.ErrorRecord", _OBJECT)


class NetDictionary(dict[Any, Any]):
    """A .NET dictionary that is no Hashtable."""

    def __init__(self, type_names: tuple[str, ...]) -> None:
        super().__init__()
        self.type_names = type_names


@dataclass(frozen=True, slots=True)
class Invocation:
    """Which command an error comes from: its name, and the name it was called by ("" before it is bound)."""

    command: str
    called: str


@dataclass(slots=True)
class ErrorRecord:
    """An error on its way to the client. ``class_name`` is None where the error id has no second part."""

    error: Error
    class_name: str | None
    invocation: Invocation | None
    written: bool = False  # by WriteError; such records carry PSMessageDetails
    activity: str | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def full_id(self) -> str:
        return self.error.error_id if self.class_name is None else f"{self.error.error_id},{self.class_name}"

    @property
    def text(self) -> str:
        return self.error.details or self.error.message


def error_value(record: ErrorRecord, edition: Edition) -> PSObject:
    """The record with its notes in the order of ErrorRecord.ToPSObjectForRemoting."""
    error = record.error
    category = error.category if error.category in CATEGORIES else "NotSpecified"
    reason = error.exception.rpartition(".")[2].rpartition("+")[2]
    activity = record.activity
    if activity is None:
        activity = record.invocation.command if record.invocation else ""
    target = to_text(error.target) if error.target is not None else ""
    target_type = "PSObject" if error.wrapped and error.target is not None else _short_type(error.target)
    shown = _ellipsis(target, edition)
    notes: dict[str, Any] = {
        "Exception": exception_value(error, record),
        "TargetObject": error.target,
        "FullyQualifiedErrorId": record.full_id,
        "InvocationInfo": invocation_value(record.invocation, edition) if record.invocation else None,
        "ErrorCategory_Category": Int32(CATEGORIES.index(category)),
        "ErrorCategory_Activity": activity,
        "ErrorCategory_Reason": reason,
        "ErrorCategory_TargetName": target,
        "ErrorCategory_TargetType": target_type,
        "ErrorCategory_Message": f"{category}: ({shown}:{target_type}) [{activity}], {reason}",
    }
    if error.details is not None:
        notes["ErrorDetails_Message"] = error.details
        notes["ErrorDetails_RecommendedAction"] = error.recommended_action or ""
    elif error.recommended_action is not None:
        notes["ErrorDetails_Message"] = error.message
        notes["ErrorDetails_RecommendedAction"] = error.recommended_action
    notes["SerializeExtendedInfo"] = False
    if record.written:
        notes["PSMessageDetails"] = None
    return PSObject(ERROR_RECORD, {}, notes, record.text)


def _short_type(target: Any) -> str:
    name = type_name(target)
    return bare_name(name).partition("#")[0].rpartition(".")[2] if name else ""


def _ellipsis(text: str, edition: Edition) -> str:
    if len(text) <= 40:
        return text
    kept = 15 if edition.windows_powershell else 19
    return f"{text[:kept]}{'...' if edition.windows_powershell else '…'}{text[-kept:]}"


def exception_value(error: Error, record: ErrorRecord | None = None) -> PSObject:
    """The exception: what its class adds, then what every exception has. The lab's exceptions have no stack trace."""
    inner = None
    if error.inner is not None:
        inner = exception_value(Error(error.inner[1], "", "NotSpecified", error.inner[0]))
    properties: dict[str, Any] = {}
    if record is not None and holds_record(error.exception):
        properties = {"ErrorRecord": error.message, **record.extras, "WasThrownFromThrowStatement": False}
    hresult = default_hresult(error.exception) if error.hresult is None else error.hresult
    properties |= {
        "TargetSite": None,
        "Message": error.message,
        "Data": NetDictionary(("System.Collections.ListDictionaryInternal", _OBJECT)),
        "InnerException": inner,
        "HelpLink": None,
        "Source": None,
        "HResult": Int32(hresult if hresult < 2**31 else hresult - 2**32),
        "StackTrace": None,
    }
    text = f"{error.exception}: {error.message}"
    if error.inner is not None:
        text += f"\n ---> {error.inner[0]}: {error.inner[1]}\n   --- End of inner exception stack trace ---"
    return PSObject(chain(error.exception), properties, {}, text)


def invocation_value(invocation: Invocation, edition: Edition) -> PSObject:
    core = edition.core_library
    bound = f"System.Collections.Generic.Dictionary`2[[System.String, {core}],[System.Object, {core}]]"
    properties: dict[str, Any] = {
        "MyCommand": invocation.command,
        "BoundParameters": NetDictionary((bound, _OBJECT)),
        "UnboundArguments": NetList((f"System.Collections.Generic.List`1[[System.Object, {core}]]", _OBJECT), []),
        "ScriptLineNumber": Int32(0),
        "OffsetInLine": Int32(0),
        "HistoryId": Int64(1),
        "ScriptName": "",
        "Line": "",
        "Statement": "",
        "PositionMessage": "",
        "PSScriptRoot": "",
        "PSCommandPath": None,
        "InvocationName": invocation.called,
        "PipelineLength": Int32(0),
        "PipelinePosition": Int32(0),
        "ExpectingInput": False,
        "CommandOrigin": "Internal",
        "DisplayScriptPosition": None,
    }
    if not edition.records_statement:
        del properties["Statement"]
    name = "System.Management.Automation.InvocationInfo"
    return PSObject((name, _OBJECT), properties, {}, name)


def informational_value(stream: str, message: str) -> PSObject:
    """A warning, verbose or debug record; ``stream`` is the effect's."""
    name = f"System.Management.Automation.{stream.capitalize()}Record"
    names = (name, "System.Management.Automation.InformationalRecord", _OBJECT)
    notes = {"InformationalRecord_Message": message, "InformationalRecord_SerializeInvocationInfo": False}
    return PSObject(names, {}, notes, message)


def progress_value(progress: Progress) -> PSObject:
    kind = "Completed" if progress.completed else "Processing"
    return PSObject((), {}, {
        "Activity": progress.activity,
        "ActivityId": Int32(progress.activity_id),
        "StatusDescription": progress.status,
        "CurrentOperation": progress.current_operation,
        "ParentActivityId": Int32(progress.parent_id),
        "PercentComplete": Int32(progress.percent),
        "Type": EnumValue("System.Management.Automation.ProgressRecordType", kind, int(progress.completed)),
        "SecondsRemaining": Int32(progress.seconds_remaining),
    })


def information_value(effect: Information, edition: Edition, user: str, computer: str, now: dt.datetime) -> PSObject:
    """An information record. The process and thread numbers are the lab's own and mean nothing."""
    tags = NetList((f"System.Collections.Generic.List`1[[System.String, {edition.core_library}]]", _OBJECT),
                   list(effect.tags))
    return PSObject((), {}, {
        "MessageData": effect.value,
        "Source": effect.source,
        "TimeGenerated": now,
        "Tags": tags,
        "User": user,
        "Computer": computer,
        "ProcessId": UInt32(4096),
        "NativeThreadId": UInt32(4100),
        "ManagedThreadId": UInt32(7),
    })


HOST_METHODS = {
    "SetShouldExit": 6, "WriteLine2": 16, "WriteLine3": 17, "WriteProgress": 20, "WriteVerboseLine": 21,
    "WriteWarningLine": 22, "Prompt": 23, "PromptForChoice": 26, "WriteErrorLine": 18, "WriteDebugLine": 19,
}
_ARRAY_LIST = ("System.Collections.ArrayList", _OBJECT)


def array_list(items: list[Any]) -> NetList:
    return NetList(_ARRAY_LIST, items)


def host_call(call_id: int, method: str, parameters: list[Any]) -> PSObject:
    """A call of the client's host: ``call_id`` is -100 where no answer is wanted."""
    return PSObject((), {}, {
        "ci": Int64(call_id),
        "mi": EnumValue("System.Management.Automation.Remoting.RemoteHostMethodId", method, HOST_METHODS[method]),
        "mp": array_list(parameters),
    })
