"""Write-Output, Out-Null and the cmdlets that write to the other streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Call, Effect, Error, Information, Output, Progress, Text
from winmigrate.lab.engine.objects.casting import items_of
from winmigrate.lab.engine.objects.foreach import unrolled
from winmigrate.lab.engine.text import to_text
from winmigrate.lab.engine.values import EnumValue, PSObject

COLOURS = (
    "Black", "DarkBlue", "DarkGreen", "DarkCyan", "DarkRed", "DarkMagenta", "DarkYellow", "Gray", "DarkGray", "Blue",
    "Green", "Cyan", "Red", "Magenta", "Yellow", "White",
)


def write_output(call: Call, edition: Edition) -> Iterator[Effect]:
    if "InputObject" not in call.bound:
        return
    value = call.bound["InputObject"]
    for each in (items_of(value) or [] if edition.windows_powershell and value is not None else [value]):
        if call.bound.get("NoEnumerate"):
            yield Output(each)
        else:
            yield from unrolled(each)


def nothing(call: Call) -> Iterator[Effect]:
    return iter(())


def write_error(call: Call) -> Iterator[Effect]:
    bound = call.bound
    record = bound.get("ErrorRecord")
    if isinstance(record, PSObject):
        error_id = to_text(record.get("FullyQualifiedErrorId")).partition(",")[0]
        yield Error(record.to_string or "", error_id, "NotSpecified", target=record.get("TargetObject"))
        return
    category = bound.get("Category")
    yield Error(
        to_text(bound.get("Message")),
        to_text(bound.get("ErrorId")) or "Microsoft.PowerShell.Commands.WriteErrorException",
        to_text(category) if category is not None else "NotSpecified",
        "Microsoft.PowerShell.Commands.WriteErrorException",
        bound.get("TargetObject"),
        recommended_action=bound.get("RecommendedAction"),
    )


def write_text(stream: str) -> Any:
    def process(call: Call) -> Iterator[Effect]:
        yield Text(stream, to_text(call.bound.get("Message")))

    return process


def write_information(call: Call) -> Iterator[Effect]:
    tags = tuple(to_text(each) for each in items_of(call.bound.get("Tags")) or ())
    yield Information(call.bound.get("MessageData"), "Write-Information", tags)


def write_host(call: Call) -> Iterator[Effect]:
    bound = call.bound
    separator = to_text(bound["Separator"]) if "Separator" in bound else " "
    value = bound.get("Object")
    items = items_of(value)
    text = to_text(value) if items is None else separator.join(to_text(each) for each in items)
    name = "System.Management.Automation.HostInformationMessage"
    message = PSObject((name, "System.Object"), {
        "Message": text,
        "NoNewLine": bool(bound.get("NoNewline")),
        "ForegroundColor": _colour(bound.get("ForegroundColor")),
        "BackgroundColor": _colour(bound.get("BackgroundColor")),
    }, {}, text)
    yield Information(message, "Write-Host", ("PSHOST",))


def _colour(value: Any) -> EnumValue | None:
    if value is None:
        return None
    name = next((each for each in COLOURS if each.lower() == to_text(value).lower()), "Gray")
    return EnumValue("System.ConsoleColor", name, COLOURS.index(name))


def write_progress(call: Call) -> Iterator[Effect]:
    bound = call.bound

    def number(name: str, default: int) -> int:
        return int(bound[name]) if bound.get(name) is not None else default

    yield Progress(
        to_text(bound.get("Activity")),
        to_text(bound["Status"]) if bound.get("Status") is not None else "Processing",
        number("PercentComplete", -1),
        number("Id", 0),
        number("ParentId", -1),
        number("SecondsRemaining", -1),
        bound.get("CurrentOperation"),
        bool(bound.get("Completed")),
        number("SourceId", 0),
    )
