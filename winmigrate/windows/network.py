"""Rows of a host's networks: virtual switches, migration networks, addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import Statement, command
from winmigrate.windows.row import BOOLEAN, GUID, INTEGER, TEXT, column, enumeration
from winmigrate.windows.table import VIRTUALIZATION, Table, cim, select_names


@dataclass(frozen=True, slots=True)
class Switch:
    """Get-VMSwitch."""

    id: str | Unreadable = column("Id", GUID)
    name: str | Unreadable = column("Name", TEXT)
    switch_type: str | Unreadable = column("SwitchType", enumeration("VMSwitchType"))
    allow_management_os: bool | Unreadable = column("AllowManagementOS", BOOLEAN)
    net_adapter_interface_description: str | Unreadable | None = column(
        "NetAdapterInterfaceDescription", TEXT, nullable=True
    )
    iov_enabled: bool | Unreadable = column("IovEnabled", BOOLEAN)


@dataclass(frozen=True, slots=True)
class MigrationNetwork:
    """Get-VMMigrationNetwork: an address or a subnet in CIDR form that migrations may arrive on."""

    subnet: str | Unreadable = column("Subnet", TEXT)
    priority: int | Unreadable | None = column("Priority", INTEGER, nullable=True)


@dataclass(frozen=True, slots=True)
class IPAddress:
    """Get-NetIPAddress; ``address_family`` "IPv4" or "IPv6"."""

    ip_address: str | Unreadable = column("IPAddress", TEXT)
    prefix_length: int | Unreadable = column("PrefixLength", INTEGER)
    interface_alias: str | Unreadable | None = column("InterfaceAlias", TEXT, nullable=True)
    address_family: str | Unreadable = column("AddressFamily", enumeration("AddressFamily"))


SWITCHES = Table("switches", Switch, (command("Get-VMSwitch"),), class_known_from="2016")
MIGRATION_NETWORKS = Table("migration_networks", MigrationNetwork, (command("Get-VMMigrationNetwork"),))
ADDRESSES = Table("addresses", IPAddress, (command("Get-NetIPAddress"),))

TABLES: tuple[Table[Any], ...] = (SWITCHES, MIGRATION_NETWORKS, ADDRESSES)


def listener_addresses() -> Statement:
    """The addresses VMMS takes migrations on: what Move-VM reads from a destination first."""
    listener = cim("Msvm_VirtualSystemMigrationService", namespace=VIRTUALIZATION)
    return Statement((listener, select_names("MigrationServiceListenerIPAddressList")))
