"""Extensions of virtual switches: those that Windows brings, and those of a fabric's switches."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets.desk import Command, Desk, Work, each, named, refusal, wildcard
from winmigrate.lab.cmdlets.hop import desks
from winmigrate.lab.cmdlets.hosts import Fixture, unknown_switch
from winmigrate.lab.cmdlets.machine import cim_session
from winmigrate.lab.cmdlets.shapes import Reader, declare, shape_of
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess
from winmigrate.lab.fabric.world import VSwitch


@dataclass(frozen=True, slots=True)
class Extension:
    """``switch`` None: as the host has it installed, on no switch."""

    id: str
    name: str
    vendor: str
    kind: str
    desk: Desk
    switch: VSwitch | None = None
    enabled: bool = False


#: (id, name, kind, enabled on a new switch, since): what Get-VMSwitchExtension lists on a fresh host.
_OWN = (
    ("EA24CD6C-D17A-4348-9190-09F0D5BE83DD", "Microsoft NDIS Capture", "Monitoring", False, "2012"),
    ("E7C3B2F0-F3C5-48DF-AF2B-10FED6D72E7A", "Microsoft Windows Filtering Platform", "Filter", True, "2012"),
    ("E9B59CFA-2BE1-4B21-828F-B6FBDBDDC017", "Microsoft Azure VFP Switch Extension", "Forwarding", False, "2016"),
)
_THEIRS = uuid.UUID("7c7d3f55-6a1b-4d0e-8a4e-3a1f6b7f6c11")


def _of_switch(desk: Desk, switch: VSwitch | None) -> list[Extension]:
    """Windows' own first. On a switch those that it has; without one those that are installed, by any switch's word."""
    found = [Extension(id, name, "Microsoft", kind, desk, switch,
                       switch.extensions.get(name, enabled) if switch is not None else False)
             for id, name, kind, enabled, since in _OWN if at_least(desk.host.version, since)]  # fmt: skip
    own = {one.name for one in found}
    names = switch.extensions if switch is not None else {
        name: False for one in desk.host.switches for name in one.extensions}
    found += [Extension(str(uuid.uuid5(_THEIRS, name)).upper(), name, "", "Filter", desk, switch, enabled)
              for name, enabled in names.items() if name not in own]
    return found


_BASE: dict[str, Reader] = {
    "Id": lambda e: e.id,
    "Name": lambda e: e.name,
    "Vendor": lambda e: e.vendor,
    "Version": lambda e: f"10.0.{e.desk.host.build}.1",
    "ExtensionType": lambda e: e.kind,
    "CimSession": lambda e: cim_session(e.desk.host),
    "ComputerName": lambda e: e.desk.host.name,
}
declare("VMSystemSwitchExtension", _BASE)
declare("VMSwitchExtension", {
    **_BASE,
    "ParentExtensionId": lambda e: "",
    "ParentExtensionName": lambda e: "",
    "SwitchId": lambda e: str(e.switch.id).upper(),
    "SwitchName": lambda e: e.switch.name,
    "Enabled": lambda e: e.enabled,
    "Running": lambda e: e.enabled,
})


def _switches(desk: Desk, call: Call) -> Iterator[tuple[Desk, VSwitch] | Error]:
    for item in each(call.get("VMSwitch")):
        live = getattr(item, "live", None)
        if isinstance(live, Fixture) and isinstance(live.item, VSwitch):
            yield live.desk, live.item
        else:
            yield refusal(desk, "InvalidParameter", "The object is not a virtual switch of this host.", item)
    for there in desks(desk, call) if "VMSwitchName" in call.bound else ():
        if isinstance(there, Error):
            yield there
            continue
        for name in each(call.bound["VMSwitchName"]):
            found = named(there.host.switches, str(name), lambda one: one.name)
            yield from ((there, switch) for switch in found)
            if not found and wildcard(str(name)) is None:
                yield unknown_switch(there, str(name))


def _wanted(call: Call, found: list[Extension]) -> list[Extension]:
    names = [str(one) for one in each(call.get("Name"))]
    return found if not names else [one for name in names for one in named(found, name, lambda it: it.name)]


def _get(desk: Desk, call: Call) -> Iterator[Effect]:
    for at in _switches(desk, call):
        if isinstance(at, Error):
            yield at
            continue
        there, switch = at
        shape = shape_of("VMSwitchExtension", there.host.version)
        yield from (Output(shape.show(one)) for one in _wanted(call, _of_switch(there, switch)))


def _get_installed(desk: Desk, call: Call) -> Iterator[Effect]:
    for there in desks(desk, call):
        if isinstance(there, Error):
            yield there
            continue
        shape = shape_of("VMSystemSwitchExtension", there.host.version)
        yield from (Output(shape.show(one)) for one in _wanted(call, _of_switch(there, None)))


def _turn(on: bool) -> Work:
    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        for at in _switches(desk, call):
            if isinstance(at, Error):
                yield at
                continue
            there, switch = at
            found = _wanted(call, _of_switch(there, switch))
            if not found:
                # The words of this refusal are not known.
                text = f"Hyper-V was unable to find a switch extension with name \"{each(call.get('Name'))[0]}\"."
                yield refusal(there, "InvalidParameter", text, call.get("Name"))
            for one in found:
                if (yield ShouldProcess(one.name, call.command)):
                    with there.world.lock:
                        switch.extensions[one.name] = on
                    shape = shape_of("VMSwitchExtension", there.host.version)
                    now = next(each_ for each_ in _of_switch(there, switch) if each_.name == one.name)
                    yield Output(shape.show(now))

    return act


COMMANDS: dict[str, Command] = {
    "Get-VMSwitchExtension": Command(_get),
    "Get-VMSystemSwitchExtension": Command(_get_installed),
    "Enable-VMSwitchExtension": Command(_turn(True)),
    "Disable-VMSwitchExtension": Command(_turn(False)),
}
