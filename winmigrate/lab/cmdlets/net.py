"""The ways between hosts: adapters, listeners, names, and connections that are tried."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, named
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, Text, Wait
from winmigrate.lab.fabric import surroundings
from winmigrate.lab.fabric.world import Host

#: Seconds until Windows gives up on a port that says nothing, and until it believes a refusal (it asks three times).
SILENT, REFUSED = 21.0, 2.0

# --- adapters --------------------------------------------------------------------------------------------------------


def _speed(host: Host, alias: str) -> int:
    return host.surroundings.link_speeds.get(alias.lower(), round(host.nic_rate * 8 / 0.94))


def _words(bits: int) -> str:
    for unit, size in (("Gbps", 10**9), ("Mbps", 10**6), ("Kbps", 10**3)):
        if bits >= size:
            return f"{bits / size:g} {unit}"
    return f"{bits} bps"


# A subject is (alias, description, number).
_ADAPTER = CimClass("MSFT_NetAdapter", "ROOT/StandardCimv2", ("CreationClassName", "DeviceID"), {
    "Name": lambda desk, one: one[0],
    "InterfaceDescription": lambda desk, one: one[1],
    "ifIndex": lambda desk, one: net.UInt32(one[2] + 2),
    "InterfaceIndex": lambda desk, one: net.UInt32(one[2] + 2),
    "Status": lambda desk, one: "Up",
    "LinkSpeed": lambda desk, one: _words(_speed(desk.host, one[0])),
    "Speed": lambda desk, one: net.UInt64(_speed(desk.host, one[0])),
    "ReceiveLinkSpeed": lambda desk, one: net.UInt64(_speed(desk.host, one[0])),
    "TransmitLinkSpeed": lambda desk, one: net.UInt64(_speed(desk.host, one[0])),
    "MediaConnectionState": lambda desk, one: net.UInt32(1),
    "Virtual": lambda desk, one: False,
    "HardwareInterface": lambda desk, one: True,
    "CreationClassName": lambda desk, one: "MSFT_NetAdapter",
    "DeviceID": lambda desk, one: f"{{{uuid.uuid5(uuid.UUID(int=one[2]), desk.host.key)}}}".upper(),
}, ("CIM_NetworkAdapter", "CIM_NetworkPort", "CIM_LogicalPort", "CIM_LogicalDevice", "CIM_LogicalElement",
    "CIM_ManagedSystemElement", "CIM_ManagedElement"))


def get_adapters(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-NetAdapter: one for each interface with an address, all of them physical."""
    aliases = list(dict.fromkeys(address.alias for address in desk.host.addresses))
    nics = [switch.nic for switch in desk.host.switches if switch.nic]
    patterns = [str(name) for name in each(call.get("Name"))] or ["*"]
    for number, alias in enumerate(aliases):
        described = nics[number] if number < len(nics) else f"Intel(R) Ethernet 10G 2P X520 Adapter #{number + 1}"
        if any(named([alias], pattern, str) for pattern in patterns):
            yield Output(show_instance(CimInstance(desk, _ADAPTER, (alias, described, number))))


# --- listeners -------------------------------------------------------------------------------------------------------

_STATE = "Microsoft.PowerShell.Cmdletization.GeneratedTypes.NetTCPConnection.State"
_CONNECTION = CimClass("MSFT_NetTCPConnection", "ROOT/StandardCimv2", ("InstanceID",), {
    "InstanceID": lambda desk, one: f"{one[0]}++{one[1]}++0.0.0.0++0",
    "LocalAddress": lambda desk, one: one[0],
    "LocalPort": lambda desk, one: net.UInt16(one[1]),
    "RemoteAddress": lambda desk, one: "::" if ":" in one[0] else "0.0.0.0",
    "RemotePort": lambda desk, one: net.UInt16(0),
    "State": lambda desk, one: net.EnumValue(_STATE, "Listen", 2, net.Byte),
    "OwningProcess": lambda desk, one: net.UInt32(4),
}, ("CIM_TCPProtocolEndpoint", "CIM_ProtocolEndpoint", "CIM_ServiceAccessPoint", "CIM_EnabledLogicalElement",
    "CIM_LogicalElement", "CIM_ManagedSystemElement", "CIM_ManagedElement"))


def get_connections(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-NetTCPConnection: what the host listens on. The lab keeps no connections that are made."""
    states = {str(one).lower() for one in each(call.get("State"))}
    ports = {int(one) for one in each(call.get("LocalPort"))}
    listening = [("::", port) for port in (surroundings.SMB, surroundings.WINRM, surroundings.MIGRATION)
                 if surroundings.listens(desk.host, port)]
    found = [one for one in listening if (not states or "listen" in states) and (not ports or one[1] in ports)]
    yield from (Output(show_instance(CimInstance(desk, _CONNECTION, one))) for one in found)
    if not found and len(ports) == 1 and not states:
        port = ports.pop()
        yield Error(f"No MSFT_NetTCPConnection objects found with property 'LocalPort' equal to '{port}'.  Verify the "
                    "value of the property and retry.", "CmdletizationQuery_NotFound_LocalPort", "ObjectNotFound",
                    "Microsoft.PowerShell.Cmdletization.Cim.CimJobException", port)
    elif not found and ports:
        # The id as in posts of such queries by several properties; the query's text is as they have it.
        yield Error("No matching MSFT_NetTCPConnection objects found by CIM query for instances of the "
                    "ROOT/StandardCimv2/MSFT_NetTCPConnection class on the  CIM server. Verify query parameters and "
                    "retry.", "CmdletizationQuery_NotFound", "ObjectNotFound",
                    "Microsoft.PowerShell.Cmdletization.Cim.CimJobException", "MSFT_NetTCPConnection")


# --- names -----------------------------------------------------------------------------------------------------------


def resolve(desk: Desk, call: Call) -> Iterator[Effect]:
    """Resolve-DnsName of a host, by its name or an address."""
    name = str(call.get("Name"))
    found = surroundings.addresses(desk.world, desk.host, name)
    kinds = {"a": ("A",), "aaaa": ("AAAA",)}.get(str(call.get("Type") or "A_AAAA").lower(), ("A", "AAAA"))
    for address in found:
        kind, number = ("AAAA", 28) if ":" in address else ("A", 1)
        if kind in kinds:
            yield Output(_record(name, kind, number, address))
    if not found:
        yield Error(f"{name} : DNS name does not exist", "DNS_ERROR_RCODE_NAME_ERROR", "ResourceUnavailable",
                    "System.ComponentModel.Win32Exception", name)


def _record(name: str, kind: str, number: int, address: str) -> net.PSObject:
    types = (f"Microsoft.DnsClient.Commands.DnsRecord_{kind}", "Microsoft.DnsClient.Commands.DnsRecord",
             "System.Object")
    record = net.EnumValue("Microsoft.DnsClient.Commands.RecordType", kind, number, net.UInt16)
    section = net.EnumValue("Microsoft.DnsClient.Commands.DnsSection", "Answer", 1)
    own = {"Address": address, "IPAddress": address, "QueryType": record, "Name": name, "Type": record,
           "CharacterSet": net.EnumValue("Microsoft.DnsClient.Commands.DnsCharset", "Unicode", 1), "Section": section,
           "DataLength": net.UInt16(16 if kind == "AAAA" else 4), "TTL": net.UInt32(1200)}
    return net.PSObject(types, own, {}, types[0])


# --- connections that are tried --------------------------------------------------------------------------------------


def test_connection(desk: Desk, call: Call) -> Iterator[Effect]:
    """Test-NetConnection -Port: a warning and False where the port is not reached. Without a port: a ping."""
    name = str(call.get("ComputerName") or "internetbeacon.msedge.net")
    port = call.get("Port")
    found = surroundings.addresses(desk.world, desk.host, name)
    there = surroundings.behind(desk.world, desk.host, name)
    state = "silent"
    if not found:
        yield Text("warning", f"Name resolution of {name} failed")
    else:
        if there is not None:
            state = surroundings.answer(desk.world, desk.host, there, int(port) if port else surroundings.SMB)
        wait = {"silent": SILENT, "refused": REFUSED}.get(state)
        if wait is not None:
            yield Wait(deadline=desk.world.clock.monotonic() + wait, interruptible=True)
        if port and state != "open":
            yield Text("warning", f"TCP connect to ({found[0]} : {int(port)}) failed")
    pinged = state != "silent"
    local = desk.host.addresses[0] if desk.host.addresses else None
    yield Output(net.PSObject(("TestNetConnectionResult", "System.Object"), {
        "ComputerName": name,
        "RemoteAddress": found[0] if found else None,
        "ResolvedAddresses": list(found),
        "PingSucceeded": bool(found) and pinged,
        "TcpClientSocket": None,
        "TcpTestSucceeded": bool(port) and state == "open",
        "RemotePort": net.UInt32(int(port) if port else 0),
        "InterfaceAlias": local.alias if local is not None else None,
        "NameResolutionSucceeded": bool(found),
    }, {}, "TestNetConnectionResult"))


_NO_HOST = "The WinRM client cannot process the request because the server name cannot be resolved."
_NO_WINRM = "The client cannot connect to the destination specified in the request. Verify that the service on the " \
            "destination is running and is accepting requests."
_SILENT = "WinRM cannot complete the operation. Verify that the specified computer name is valid, that the computer " \
          "is accessible over the network, and that a firewall exception for the WinRM service is enabled and allows " \
          "access from this computer."


def test_wsman(desk: Desk, call: Call) -> Iterator[Effect]:
    """Test-WSMan: an answer to anybody; the identify request asks no credentials."""
    name = str(call.get("ComputerName") or desk.host.name)
    if not surroundings.addresses(desk.world, desk.host, name):
        yield _wsman(_NO_HOST, 0x80338115, name)
        return
    there = surroundings.behind(desk.world, desk.host, name)
    state = "silent" if there is None else surroundings.answer(
        desk.world, desk.host, there, int(call.get("Port") or surroundings.WINRM))
    if state != "open":
        wait = SILENT if state == "silent" else REFUSED
        yield Wait(deadline=desk.world.clock.monotonic() + wait, interruptible=True)
        yield _wsman(_SILENT, 0x80338126, name) if state == "silent" else _wsman(_NO_WINRM, 0x80338012, name)
        return
    identity: dict[str, Any] = {
        "wsmid": "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd",
        "ProtocolVersion": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
        "ProductVendor": "Microsoft Corporation",
        "ProductVersion": "OS: 0.0.0 SP: 0.0 Stack: 3.0",
    }
    types = ("System.Xml.XmlElement#http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd#IdentifyResponse",
             "System.Xml.XmlElement", "System.Object")
    yield Output(net.PSObject(types, identity, {}, "IdentifyResponse"))


def _wsman(text: str, code: int, name: str) -> Error:
    fault = f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{code}" ' \
            f'Machine="{name}"><f:Message>{text} </f:Message></f:WSManFault>'
    return Error(fault, "WsManError", "InvalidOperation", "System.InvalidOperationException", name, code)


COMMANDS: dict[str, Command] = {
    "Get-NetAdapter": Command(get_adapters, class_name="Get-NetAdapter"),
    "Get-NetTCPConnection": Command(get_connections, class_name="Get-NetTCPConnection"),
    "Resolve-DnsName": Command(resolve, class_name="Microsoft.DnsClient.Commands.ResolveDnsName"),
    "Test-NetConnection": Command(test_connection),
    "Test-WSMan": Command(test_wsman, class_name="Microsoft.WSMan.Management.TestWSManCommand"),
}
