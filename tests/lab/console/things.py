"""An engine with a few commands, for consoles: in process and behind the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.lab.engine._requests import command, engine, row
from winmigrate.lab.engine.effects import (
    Call,
    Effect,
    Error,
    Implementation,
    Output,
    Progress,
    Terminate,
    Text,
    Wait,
)
from winmigrate.lab.engine.engine import Engine


def _things(call: Call) -> Iterator[Effect]:
    for name in call.get("Name") or ["one", "two"]:
        if name == "nope":
            yield Error("no such thing", "NotThere", "ObjectNotFound", target=name)
        else:
            yield Output(row(Name=name, Size=len(name), User=call.context.user))


def _broken(call: Call) -> Iterator[Effect]:
    yield Output("half")
    raise Terminate(Error("it broke", "Broken", "ResourceUnavailable", target="it"))


def _much(call: Call) -> Iterator[Effect]:
    for number in range(int(call.get("Count") or 1)):
        yield Output(f"{number:06d} " + "x" * 90)


def _echo(call: Call) -> Iterator[Effect]:
    for name, value in call.bound.items():
        yield Output(row(Name=name, Value=value))


def _told(call: Call) -> Iterator[Effect]:
    yield Progress("Telling", "half", 50)
    yield Text("warning", "careful")
    yield Output("said")


def _user(call: Call) -> Iterator[Effect]:
    if call.bound["Arguments"]:
        yield Error(f"ERROR: Invalid argument/option - '{call.bound['Arguments'][0]}'.", "NativeCommandError",
                    "NotSpecified")
    else:
        yield Output(call.context.user.lower())


def console_engine(now: Callable[[], float]) -> Engine:
    """``now`` is the clock's; Get-Later waits ``Seconds`` of it."""

    def later(call: Call) -> Iterator[Effect]:
        begun = now()
        yield Wait(deadline=begun + float(call.get("Seconds") or 1), interruptible=True)
        yield Output("done")

    text, number = {"type": "System.String"}, {"type": "System.Double"}
    return engine(
        command(_things, name="Get-Thing", parameters={"Name": {"type": "System.String[]"}}),
        command(_broken, name="Get-Broken"),
        command(_much, name="Get-Much", parameters={"Count": {"type": "System.Int32"}}),
        command(_echo, name="Get-Echo", parameters={each: {"type": "System.Object"} for each in ("A", "B", "C")}),
        command(_told, name="Get-Told", parameters={"Name": text}),
        command(later, name="Get-Later", parameters={"Seconds": number}),
        _native("whoami.exe", _user),
        _native("hostname.exe", lambda call: iter([Output("HV01")])),
    )


def _native(name: str, body: Any) -> tuple[str, Any]:
    return name, (None, Implementation(name, name, body))
