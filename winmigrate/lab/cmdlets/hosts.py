"""The host's own Hyper-V: Get-VMHost and its settings, switches, migration networks, supported versions."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, Work, each, named, refusal, wildcard
from winmigrate.lab.cmdlets.hop import desks
from winmigrate.lab.cmdlets.machine import cim_session
from winmigrate.lab.cmdlets.shapes import Reader, declare, shape_of
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess
from winmigrate.lab.fabric.fittings import numa_nodes
from winmigrate.lab.fabric.world import Host, MigrationNetwork, VSwitch


class Fixture:
    """A thing of a host where it stands: what the ``live`` of a VMSwitch, VMHost or VMMigrationNetwork is."""

    __slots__ = ("desk", "item")

    def __init__(self, desk: Desk, item: Any) -> None:
        self.desk = desk
        self.item = item

    @property
    def host(self) -> Host:
        return self.desk.host


OWN: dict[str, Reader] = {
    "CimSession": lambda f: cim_session(f.host),
    "ComputerName": lambda f: f.host.name,
}


def _versions(fixture: Fixture) -> list[str]:
    return [version for version, _, _ in fixture.host.supported_versions]


def _numa_nodes(fixture: Fixture) -> list[net.PSObject]:
    shape = shape_of("VMHostNumaNode", fixture.host.version)
    return [shape.show(Fixture(fixture.desk, node)) for node in enumerate(numa_nodes(fixture.host))]


declare("VMHost", {
    **OWN,
    "LogicalProcessorCount": lambda f: f.host.processor.sockets * f.host.processor.logical,
    "ResourceMeteringSaveInterval": lambda f: 3600,
    "HostNumaStatus": _numa_nodes,
    "IovSupportReasons": lambda f: None,
    "SupportedVmVersions": _versions,
    "EnableEnhancedSessionMode": lambda f: f.host.enhanced_session,
    "FibreChannelWwnn": lambda f: "C003FF0000FFFF00",
    "FibreChannelWwpnMaximum": lambda f: "C003FFFBEAE1FFFF",
    "FibreChannelWwpnMinimum": lambda f: "C003FFFBEAE10000",
    "MacAddressMaximum": lambda f: f.host.mac_pool[1],
    "MacAddressMinimum": lambda f: f.host.mac_pool[0],
    "NumaSpanningEnabled": lambda f: f.host.numa_spanning,
    "VirtualHardDiskPath": lambda f: f.host.default_vhd_path,
    "VirtualMachinePath": lambda f: f.host.default_vm_path,
    "FullyQualifiedDomainName": lambda f: f.host.fqdn if f.host.in_domain else f.host.name,
    "MemoryCapacity": lambda f: f.host.memory,
    "Name": lambda f: f.host.name,
    "MaximumStorageMigrations": lambda f: f.host.migration.storage_limit,
    "MaximumVirtualMachineMigrations": lambda f: f.host.migration.limit,
    "UseAnyNetworkForMigration": lambda f: f.host.migration.any_network,
    "VirtualMachineMigrationAuthenticationType": lambda f: f.host.migration.authentication,
    "VirtualMachineMigrationEnabled": lambda f: f.host.migration.enabled,
    "VirtualMachineMigrationPerformanceOption": lambda f: f.host.migration.performance,
})

declare("VMHostNumaNode", {
    **OWN,
    "NodeId": lambda f: f.item[0],
    "ProcessorsAvailability": lambda f: [100] * f.item[1].processors,
    "MemoryAvailable": lambda f: (f.item[1].free or 0) // 1024**2,
    "MemoryTotal": lambda f: f.item[1].memory // 1024**2,
})

declare("VMHostSupportedVersion", {
    **OWN,
    "Name": lambda f: f.item[1],
    "Version": lambda f: f.item[0],
    "IsDefault": lambda f: f.item[2],
})

declare("VMMigrationNetwork", {
    **OWN,
    "Subnet": lambda f: f.item.subnet,
    "Priority": lambda f: f.item.priority,
})


def _nics(fixture: Fixture) -> list[str]:
    return [fixture.item.nic] if fixture.item.nic else []


declare("VMSwitch", {
    **OWN,
    "Name": lambda f: f.item.name,
    "Id": lambda f: f.item.id,
    "Notes": lambda f: "",
    "BandwidthReservationMode": lambda f: "Absolute",
    "IovEnabled": lambda f: f.item.iov,
    "SwitchType": lambda f: f.item.kind,
    "AllowManagementOS": lambda f: f.item.allow_management_os,
    "NetAdapterInterfaceDescription": lambda f: f.item.nic,
    "NetAdapterInterfaceDescriptions": _nics,
    "NetAdapterInterfaceGuid": lambda f: [uuid.uuid5(f.item.id, nic) for nic in _nics(f)],
    "IovSupportReasons": lambda f: None,
    "IsDeleted": lambda f: f.item not in f.host.switches,
})


def show_host(desk: Desk) -> net.PSObject:
    """The VMHost object."""
    return shape_of("VMHost", desk.host.version).show(Fixture(desk, desk.host))


def show_switch(desk: Desk, switch: VSwitch) -> net.PSObject:
    """The VMSwitch object of a switch on its host."""
    return shape_of("VMSwitch", desk.host.version).show(Fixture(desk, switch))


def show_network(desk: Desk, network: MigrationNetwork) -> net.PSObject:
    """The VMMigrationNetwork object."""
    return shape_of("VMMigrationNetwork", desk.host.version).show(Fixture(desk, network))


def on_each(work: Work) -> Work:
    """A command that does the same on every host of -ComputerName."""

    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        for there in desks(desk, call):
            if isinstance(there, Error):
                yield there
            else:
                yield from work(there, call)

    return act


def _get_host(desk: Desk, call: Call) -> Iterator[Effect]:
    yield Output(show_host(desk))


def _get_numa_nodes(desk: Desk, call: Call) -> Iterator[Effect]:
    wanted = call.get("Id")
    for number, node in enumerate(_numa_nodes(Fixture(desk, desk.host))):
        if wanted is None or wanted == number:
            yield Output(node)


def _get_versions(desk: Desk, call: Call) -> Iterator[Effect]:
    shape = shape_of("VMHostSupportedVersion", desk.host.version)
    for row in list(desk.host.supported_versions):
        if row[2] or not call.get("Default"):
            yield Output(shape.show(Fixture(desk, row)))


def _get_networks(desk: Desk, call: Call) -> Iterator[Effect]:
    subnets = [str(subnet) for subnet in each(call.get("Subnet"))]
    priorities = each(call.get("Priority"))
    for network in list(desk.host.migration.networks):
        if subnets and not any(named([network], subnet, lambda one: one.subnet) for subnet in subnets):
            continue
        if not priorities or network.priority in priorities:
            yield Output(show_network(desk, network))


def _get_switches(desk: Desk, call: Call) -> Iterator[Effect]:
    kinds = {str(kind).lower() for kind in each(call.get("SwitchType"))}
    switches = [switch for switch in list(desk.host.switches) if not kinds or switch.kind.lower() in kinds]
    ids, names = each(call.get("Id")), each(call.get("Name"))
    for wanted in ids:
        found = [switch for switch in switches if switch.id == wanted]
        yield from (Output(show_switch(desk, switch)) for switch in found)
        if not found:
            yield refusal(desk, "InvalidParameter", f'Hyper-V was unable to find a virtual switch with id "{wanted}".',
                          wanted)
    for name in names:
        found = named(switches, str(name), lambda one: one.name)
        yield from (Output(show_switch(desk, switch)) for switch in found)
        if not found and wildcard(str(name)) is None:
            yield unknown_switch(desk, str(name))
    if not ids and not names:
        yield from (Output(show_switch(desk, switch)) for switch in switches)


def unknown_switch(desk: Desk, name: str) -> Error:
    """No switch of that name on the host that was asked."""
    return refusal(desk, "InvalidParameter", f'Hyper-V was unable to find a virtual switch with name "{name}".', name)


# --- settings --------------------------------------------------------------------------------------------------------


def _host_attribute(name: str) -> Callable[[Host, Any], None]:
    return lambda host, value: setattr(host, name, str(value))


def _migration_attribute(name: str, convert: Callable[[Any], Any]) -> Callable[[Host, Any], None]:
    return lambda host, value: setattr(host.migration, name, convert(value))


def _mac_pool(number: int) -> Callable[[Host, Any], None]:
    def put(host: Host, value: Any) -> None:
        pool = list(host.mac_pool)
        pool[number] = str(value).replace("-", "").upper()
        host.mac_pool = (pool[0], pool[1])

    return put


_SETTINGS: dict[str, Callable[[Host, Any], None]] = {
    "MaximumStorageMigrations": _migration_attribute("storage_limit", int),
    "MaximumVirtualMachineMigrations": _migration_attribute("limit", int),
    "VirtualMachineMigrationAuthenticationType": _migration_attribute("authentication", str),
    "VirtualMachineMigrationPerformanceOption": _migration_attribute("performance", str),
    "UseAnyNetworkForMigration": _migration_attribute("any_network", bool),
    "VirtualHardDiskPath": _host_attribute("default_vhd_path"),
    "VirtualMachinePath": _host_attribute("default_vm_path"),
    "MacAddressMinimum": _mac_pool(0),
    "MacAddressMaximum": _mac_pool(1),
    "NumaSpanningEnabled": lambda host, value: setattr(host, "numa_spanning", bool(value)),
    "EnableEnhancedSessionMode": lambda host, value: setattr(host, "enhanced_session", bool(value)),
}


def _set_host(desk: Desk, call: Call) -> Iterator[Effect]:
    if not (yield ShouldProcess(desk.host.name, "Set-VMHost")):
        return
    with desk.world.lock:
        for name, put in _SETTINGS.items():
            if call.get(name) is not None:
                put(desk.host, call.bound[name])
    if call.get("Passthru"):
        yield Output(show_host(desk))


def _switch_migration(enabled: bool) -> Work:
    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        if not (yield ShouldProcess(desk.host.name, call.command)):
            return
        with desk.world.lock:
            desk.host.migration.enabled = enabled
        if call.get("Passthru"):
            yield Output(show_host(desk))

    return act


def _subnet(text: str) -> str | None:
    """An address or a subnet as Hyper-V keeps it: with its prefix length. None for anything else."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return None


def _add_network(desk: Desk, call: Call) -> Iterator[Effect]:
    given = str(call.bound["Subnet"])
    subnet = _subnet(given)
    if subnet is None:
        # The words of this refusal are not known.
        yield refusal(desk, "InvalidParameter", f'"{given}" is not a valid IP address or subnet.', given)
        return
    if not (yield ShouldProcess(subnet, "Add-VMMigrationNetwork")):
        return
    network = MigrationNetwork(subnet, call.get("Priority"))
    with desk.world.lock:
        desk.host.migration.networks.append(network)
    if call.get("Passthru"):
        yield Output(show_network(desk, network))


def _remove_network(desk: Desk, call: Call) -> Iterator[Effect]:
    for given in each(call.bound["Subnet"]):
        wanted = _subnet(str(given)) or str(given)
        found = [one for one in list(desk.host.migration.networks)
                 if named([one], wanted, lambda it: _subnet(it.subnet) or it.subnet)]
        if not found and wildcard(str(given)) is None:
            yield refusal(desk, "InvalidParameter", "Hyper-V was unable to find a migration network with subnet "
                          f'"{given}".', given)
        for network in found:
            if (yield ShouldProcess(network.subnet, "Remove-VMMigrationNetwork")):
                with desk.world.lock:
                    desk.host.migration.networks.remove(network)
                if call.get("Passthru"):
                    yield Output(show_network(desk, network))


COMMANDS: dict[str, Command] = {
    name: Command(on_each(work))
    for name, work in {
        "Get-VMHost": _get_host,
        "Get-VMHostNumaNode": _get_numa_nodes,
        "Get-VMHostSupportedVersion": _get_versions,
        "Get-VMMigrationNetwork": _get_networks,
        "Get-VMSwitch": _get_switches,
        "Set-VMHost": _set_host,
        "Enable-VMMigration": _switch_migration(True),
        "Disable-VMMigration": _switch_migration(False),
        "Add-VMMigrationNetwork": _add_network,
        "Remove-VMMigrationNetwork": _remove_network,
    }.items()
}
