"""Virtual SANs of Hyper-V: Get-, New-, Set- and Remove-VMSan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, named, refusal, vms_of, wildcard
from winmigrate.lab.cmdlets.hosts import OWN, Fixture, on_each
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.cmdlets.shapes import declare, shape_of
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess
from winmigrate.lab.fabric.fibre_shapes import world_wide_name
from winmigrate.lab.fabric.host import San

#: What Get-InitiatorPort gives of an adapter. A subject is (node name, port name).
_PORT = CimClass("MSFT_InitiatorPort", "ROOT/Microsoft/Windows/Storage", ("ObjectId",), {
    "ConnectionType": lambda desk, port: "Fibre Channel",
    "InstanceName": lambda desk, port: f"PCI\\{port[1]}_0",
    "NodeAddress": lambda desk, port: port[0],
    "ObjectId": lambda desk, port: f"{desk.host.name}:{port[1]}",
    "OperationalStatus": lambda desk, port: "Online",
    "PortAddress": lambda desk, port: port[1],
    "PortType": lambda desk, port: "NPort",
})

declare("VMSan", {
    **OWN,
    "HBAs": lambda f: [show_instance(CimInstance(f.desk, _PORT, port)) for port in f.item.ports],
    "Note": lambda f: f.item.note,
    "Name": lambda f: f.item.name,
    "ParentName": lambda f: [],
    "ResourcePoolType": lambda f: "FibreChannelConnection",
    "IsDeleted": lambda f: f.item not in f.host.sans,
})


def _show(desk: Desk, san: San) -> Output:
    return Output(shape_of("VMSan", desk.host.version).show(Fixture(desk, san)))


def _unknown(desk: Desk, pattern: str) -> Error:
    text = f'Hyper-V was unable to find a virtual SAN with name "{pattern}".'
    return refusal(desk, "InvalidParameter", text, pattern)


def _found(desk: Desk, patterns: list[str]) -> Iterator[San | Error]:
    for pattern in patterns:
        found = named(list(desk.host.sans), pattern, lambda one: one.name)
        yield from found
        if not found and wildcard(pattern) is None:
            yield _unknown(desk, pattern)


def get_sans(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VMSan, all or by name."""
    for san in _found(desk, [str(name) for name in each(call.get("Name"))] or ["*"]):
        yield san if isinstance(san, Error) else _show(desk, san)


def _ports(desk: Desk, call: Call) -> list[tuple[str, str]] | Error | None:
    """The adapters that a call names, as objects or by their names; None where it names none."""
    adapters = each(call.get("HostBusAdapter"))
    if adapters:
        return [(str(one.get("NodeAddress")), str(one.get("PortAddress"))) for one in adapters]
    names = [each(call.get(name)) for name in ("WorldWideNodeName", "WorldWidePortName")]
    if not any(names):
        return None
    try:
        pairs: list[Any] = [(world_wide_name(str(node)), world_wide_name(str(port)))
                            for node, port in zip(*names, strict=True)]
    except ValueError as error:
        # That both lists are needed, with names of 16 digits, is documented; the words are not.
        return refusal(desk, "InvalidParameter", f"The world wide names are not valid: {error}.", None)
    return pairs


def new_san(desk: Desk, call: Call) -> Iterator[Effect]:
    """New-VMSan."""
    name = str(call.bound["Name"])
    ports = _ports(desk, call)
    if isinstance(ports, Error):
        yield ports
    elif desk.host.san(name) is not None:
        # The words of this refusal are not known.
        yield refusal(desk, "InvalidParameter", f'A virtual SAN with name "{name}" already exists.', name)
    elif (yield ShouldProcess(desk.host.name, "New-VMSan")):
        san = San(name, str(call.get("Note") or ""), ports or [])
        with desk.world.lock:
            desk.host.sans.append(san)
        yield _show(desk, san)


def set_san(desk: Desk, call: Call) -> Iterator[Effect]:
    """Set-VMSan: its adapters and its note."""
    ports = _ports(desk, call)
    if isinstance(ports, Error):
        yield ports
        return
    for san in _found(desk, [str(call.bound["Name"])]):
        if isinstance(san, Error):
            yield san
        elif (yield ShouldProcess(san.name, "Set-VMSan")):
            with desk.world.lock:
                san.ports = san.ports if ports is None else ports
                san.note = san.note if call.get("Note") is None else str(call.bound["Note"])
            if call.get("Passthru"):
                yield _show(desk, san)


def remove_san(desk: Desk, call: Call) -> Iterator[Effect]:
    """Remove-VMSan; one that a machine uses stays."""
    for san in _found(desk, [str(name) for name in each(call.bound["Name"])]):
        if isinstance(san, Error):
            yield san
            continue
        user = next((vm for vm in vms_of(desk) for hba in vm.fibre_channel
                     if hba.san_name.lower() == san.name.lower()), None)
        if user is not None:
            # That it is refused follows from resource pools in use; the words are not known.
            yield refusal(desk, "ObjectInUse", f'The virtual SAN "{san.name}" is in use by virtual machine '
                          f'"{user.name}".', san.name)
        elif (yield ShouldProcess(san.name, "Remove-VMSan")):
            shown = _show(desk, san)
            with desk.world.lock:
                desk.host.sans.remove(san)
            if call.get("Passthru"):
                yield shown


COMMANDS: dict[str, Command] = {
    name: Command(on_each(work))
    for name, work in {
        "Get-VMSan": get_sans, "New-VMSan": new_san, "Set-VMSan": set_san, "Remove-VMSan": remove_san,
    }.items()
}
