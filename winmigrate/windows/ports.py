"""Rows of the ways between hosts: adapters and their speed, listeners, names, and connections that are tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import SWITCH, Statement, command
from winmigrate.windows.policy import TEXTS
from winmigrate.windows.row import BOOLEAN, INTEGER, TEXT, column, projection
from winmigrate.windows.table import Table, select_names

MIGRATION = 6600
SMB = 445
WINRM = 5985


@dataclass(frozen=True, slots=True)
class NetAdapter:
    """Get-NetAdapter -Physical. ``status`` as in "Up", "Disconnected"; ``speed`` in bits a second."""

    name: str | Unreadable = column("Name", TEXT)
    interface_description: str | Unreadable | None = column("InterfaceDescription", TEXT, nullable=True)
    status: str | Unreadable | None = column("Status", TEXT, nullable=True)
    speed: int | Unreadable | None = column("Speed", INTEGER, nullable=True)


@dataclass(frozen=True, slots=True)
class Listener:
    """Get-NetTCPConnection: a connection, or an address and port that something listens on (``state`` "Listen")."""

    local_address: str | Unreadable = column("LocalAddress", TEXT)
    local_port: int | Unreadable = column("LocalPort", INTEGER)
    state: str | Unreadable = column("State", TEXT)


@dataclass(frozen=True, slots=True)
class SmbInterface:
    """Get-SmbClientNetworkInterface. ``link_speed`` in bits a second."""

    friendly_name: str | Unreadable | None = column("FriendlyName", TEXT, nullable=True)
    ip_addresses: tuple[str, ...] | Unreadable | None = column("IpAddresses", TEXTS, nullable=True)
    rdma_capable: bool | Unreadable = column("RdmaCapable", BOOLEAN)
    link_speed: int | Unreadable | None = column("LinkSpeed", INTEGER, nullable=True)


@dataclass(frozen=True, slots=True)
class SmbLimit:
    """Get-SmbBandwidthLimit (2012 R2 and later)."""

    bytes_per_second: int | Unreadable = column("BytesPerSecond", INTEGER)


@dataclass(frozen=True, slots=True)
class Connected:
    """Test-NetConnection (2012 R2 and later): was a port reached?"""

    tcp_test_succeeded: bool | Unreadable = column("TcpTestSucceeded", BOOLEAN)


@dataclass(frozen=True, slots=True)
class Resolved:
    """Resolve-DnsName: a record of the answer. ``ip_address`` is None for those that are no address."""

    name: str | Unreadable | None = column("Name", TEXT, nullable=True)
    ip_address: str | Unreadable | None = column("IPAddress", TEXT, nullable=True)


NET_ADAPTERS = Table("net_adapters", NetAdapter, (command("Get-NetAdapter", Physical=SWITCH),))
# Asked for the port itself, Windows answers an error where nothing listens on it, whose id differs between versions.
LISTENERS = Table(
    "listeners",
    Listener,
    (
        command("Get-NetTCPConnection"),
        command("Where-Object", Property="LocalPort", EQ=SWITCH, Value=MIGRATION),
    ),
)
SMB_INTERFACES = Table("smb_interfaces", SmbInterface, (command("Get-SmbClientNetworkInterface"),))
SMB_LIMITS = Table(
    "smb_limits",
    SmbLimit,
    (command("Get-SmbBandwidthLimit", Category="LiveMigration"),),
    since="2012R2",
    # ERROR_SERVICE_DOES_NOT_EXIST: without the feature FS-SMBBW there is nothing that limits.
    absent="Windows System Error 1060",
)

TABLES: tuple[Table[Any], ...] = (NET_ADAPTERS, LISTENERS, SMB_INTERFACES, SMB_LIMITS)


def probe_port(address: str, port: int) -> Statement:
    """A connection that is tried from the host to this address and port; a row of :class:`Connected` (2012 R2+).

    Windows gives up on a port that says nothing after some twenty seconds.
    """
    return Statement((command("Test-NetConnection", ComputerName=address, Port=port), projection(Connected, "2012R2")))


def probe_winrm(computer: str) -> Statement:
    """WinRM of another host, asked without credentials which it is: a text, or an error where it is not reached."""
    return Statement((command("Test-WSMan", ComputerName=computer), select_names("ProductVersion")))


def resolve(name: str) -> Statement:
    """The addresses of a name as the host finds them, by DNS and whatever else it asks; rows of :class:`Resolved`."""
    return Statement((command("Resolve-DnsName", Name=name), projection(Resolved, "2012")))
