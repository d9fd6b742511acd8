"""What two healthy hosts answer about their registry, policies, ports and names, and changes of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from tests.survey.hosts import Failure
from winmigrate.request import Statement

REGISTRY = "Get-ItemProperty"
LISTENERS = "Get-NetTCPConnection | Where-Object"
RIGHTS = "RSOP_UserPrivilegeRight"
POL = "Get-Content"
HKLM = "Microsoft.PowerShell.Core\\Registry::HKEY_LOCAL_MACHINE\\"
ADDRESSES = {"hv01.corp.example": "10.20.0.11", "hv02.corp.example": "10.20.0.12"}
NO_POL = Failure("Cannot find path 'Registry.pol'", "PathNotFound,GetContentCommand", 13)


def number(value: Any) -> int:
    return int(getattr(value, "value", value))


class Ports:
    """Test-NetConnection: all ports answer but those shut, by (address or name, port)."""

    def __init__(self, *shut: tuple[str, int]) -> None:
        self.shut = set(shut)

    def __call__(self, asked: Statement) -> Iterator[Any]:
        first = asked.commands[0]
        key = (first.parameter("ComputerName"), number(first.parameter("Port")))
        yield {"TcpTestSucceeded": key not in self.shut}


class Names:
    """Resolve-DnsName."""

    def __init__(self, **found: Iterable[str]) -> None:
        self.found: dict[str, list[str]] = {name: [address] for name, address in ADDRESSES.items()}
        self.found |= {f"{name}.corp.example": list(addresses) for name, addresses in found.items()}

    def __call__(self, asked: Statement) -> Iterator[Any]:
        name = asked.commands[0].parameter("Name")
        addresses = self.found.get(name, [])
        for address in addresses:
            yield {"Name": name, "IPAddress": address}
        if not addresses:
            yield Failure(f"{name} : DNS name does not exist", "DNS_ERROR_RCODE_NAME_ERROR,Resolve", 17, name)


def registry_rows() -> list[dict[str, Any]]:
    empty = {"UBR": None, "Update Revision": None, "FeatureSettingsOverride": None,
             "FeatureSettingsOverrideMask": None, "ComputerName": None}
    named: list[tuple[str, dict[str, Any]]] = [
        ("SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", {"UBR": 7558}),
        ("HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0", {"Update Revision": bytes.fromhex("00000000EA000000")}),
        ("SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management", {}),
        ("SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName", {"ComputerName": "HV01"}),
    ]
    return [{"PSPath": HKLM + path, **empty, **values} for path, values in named]


def now(seconds: float = 0) -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=seconds)


def answers() -> dict[str, Any]:
    """Of a healthy host."""
    return {
        REGISTRY: registry_rows(),
        LISTENERS: [{"LocalAddress": "::", "LocalPort": 6600, "State": "Listen"}],
        RIGHTS: [],
        POL: [NO_POL],
        "Get-MpPreference": [{"ExclusionPath": None, "ExclusionProcess": None, "DisableAutoExclusions": False,
                              "DisableRealtimeMonitoring": False}],
        "Get-Module": [{"Name": "Hyper-V", "Version": "2.0.0.0"}],
        "Get-NetAdapter": [{"Name": "NIC1", "InterfaceDescription": "Ethernet", "Status": "Up", "Speed": 10**10}],
        "Get-SmbClientNetworkInterface": [{"FriendlyName": "NIC1", "IpAddresses": ["10.30.0.11"], "RdmaCapable": False,
                                           "LinkSpeed": 10**10}],
        "Get-SmbBandwidthLimit": [],
        "Test-NetConnection": Ports(),
        "Test-WSMan | expand ProductVersion": ["OS: 0.0.0 SP: 0.0 Stack: 3.0"],
        "Resolve-DnsName": Names(),
    }
