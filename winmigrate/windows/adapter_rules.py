"""Rows of what is ruled at a VM's adapters and at the switches below: ACLs, isolation, extensions of switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import command, renamed, select
from winmigrate.windows.row import BOOLEAN, GUID, INTEGER, TEXT, column, enumeration
from winmigrate.windows.table import Table


@dataclass(frozen=True, slots=True)
class Acl:
    """One of an adapter's AclList, as Get-VMNetworkAdapterAcl shows it; ``adapter_id`` and ``vm_id`` say whose."""

    adapter_id: str | Unreadable = column("AdapterId", TEXT)
    vm_id: str | Unreadable = column("OwnerId", GUID)
    action: str | Unreadable = column("Action", enumeration("VMNetworkAdapterAclAction"))
    direction: str | Unreadable = column("Direction", enumeration("VMNetworkAdapterAclDirection"))
    local_address: str | Unreadable | None = column("LocalAddress", TEXT, nullable=True)
    remote_address: str | Unreadable | None = column("RemoteAddress", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class ExtendedAcl:
    """One of an adapter's ExtendedAclList (2012 R2 and later), as Get-VMNetworkAdapterExtendedAcl shows it."""

    adapter_id: str | Unreadable = column("AdapterId", TEXT)
    vm_id: str | Unreadable = column("OwnerId", GUID)
    direction: str | Unreadable = column("Direction", enumeration("VMNetworkAdapterExtendedAclDirection"))
    action: str | Unreadable = column("Action", enumeration("VMNetworkAdapterExtendedAclAction"))
    local_ip_address: str | Unreadable | None = column("LocalIPAddress", TEXT, nullable=True)
    remote_ip_address: str | Unreadable | None = column("RemoteIPAddress", TEXT, nullable=True)
    local_port: str | Unreadable | None = column("LocalPort", TEXT, nullable=True)
    remote_port: str | Unreadable | None = column("RemotePort", TEXT, nullable=True)
    protocol: str | Unreadable | None = column("Protocol", TEXT, nullable=True)
    weight: int | Unreadable = column("Weight", INTEGER)
    stateful: bool | Unreadable = column("Stateful", BOOLEAN)
    idle_session_timeout: int | Unreadable = column("IdleSessionTimeout", INTEGER)
    isolation_id: int | Unreadable = column("IsolationID", INTEGER)


@dataclass(frozen=True, slots=True)
class Isolation:
    """An adapter's IsolationSetting (2012 R2 and later), as Get-VMNetworkAdapterIsolation shows it."""

    adapter_id: str | Unreadable = column("AdapterId", TEXT)
    vm_id: str | Unreadable = column("OwnerId", GUID)
    isolation_mode: str | Unreadable = column("IsolationMode", enumeration("VMNetworkAdapterIsolationMode"))
    allow_untagged_traffic: bool | Unreadable = column("AllowUntaggedTraffic", BOOLEAN)
    default_isolation_id: int | Unreadable = column("DefaultIsolationID", INTEGER)


@dataclass(frozen=True, slots=True)
class SwitchExtension:
    """Get-VMSwitchExtension: an extension that is installed on the host, and whether it is enabled on one switch."""

    id: str | Unreadable = column("Id", GUID)
    name: str | Unreadable = column("Name", TEXT)
    vendor: str | Unreadable | None = column("Vendor", TEXT, nullable=True)
    switch_name: str | Unreadable = column("SwitchName", TEXT)
    enabled: bool | Unreadable = column("Enabled", BOOLEAN)


_ADAPTERS = (command("Get-VM"), command("Get-VMNetworkAdapter"))


def _of_adapters(name: str, row: type[Any], property: str, *, since: str | None = None) -> Table[Any]:
    """What an adapter holds, with its and its VM's id under names that cannot collide. An empty list is no row."""
    expanded = select(renamed("AdapterId", "Id"), renamed("OwnerId", "VMId"), expand=property)
    return Table(name, row, (*_ADAPTERS, expanded), since=since)


ACLS = _of_adapters("acls", Acl, "AclList")
EXTENDED_ACLS = _of_adapters("extended_acls", ExtendedAcl, "ExtendedAclList", since="2012R2")
ISOLATIONS = _of_adapters("isolations", Isolation, "IsolationSetting", since="2012R2")
SWITCH_EXTENSIONS = Table(
    "switch_extensions", SwitchExtension, (command("Get-VMSwitch"), command("Get-VMSwitchExtension"))
)

TABLES: tuple[Table[Any], ...] = (ACLS, EXTENDED_ACLS, ISOLATIONS, SWITCH_EXTENSIONS)
