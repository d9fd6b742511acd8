"""What hangs on the adapters of VMs and on the switches they are plugged into: isolation, ACLs, extensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import command, renamed, select
from winmigrate.windows.row import BOOLEAN, GUID, INTEGER, TEXT, column, enumeration
from winmigrate.windows.table import Table


@dataclass(frozen=True, slots=True)
class AdapterIsolation:
    """An adapter's IsolationSetting (2012 R2 and later): network virtualization, or VLANs in the guest's own hand."""

    adapter_id: str | Unreadable = column("AdapterId", TEXT)
    vm_id: str | Unreadable = column("OwnerId", GUID)
    isolation_mode: str | Unreadable = column("IsolationMode", enumeration("VMNetworkAdapterIsolationMode"))
    default_isolation_id: int | Unreadable | None = column("DefaultIsolationID", INTEGER, nullable=True)
    allow_untagged_traffic: bool | Unreadable | None = column("AllowUntaggedTraffic", BOOLEAN, nullable=True)


@dataclass(frozen=True, slots=True)
class AdapterAcl:
    """An entry of an adapter's AclList (Get-VMNetworkAdapterAcl)."""

    adapter_id: str | Unreadable = column("AdapterId", TEXT)
    vm_id: str | Unreadable = column("OwnerId", GUID)
    direction: str | Unreadable = column("Direction", enumeration("VMNetworkAdapterAclDirection"))
    action: str | Unreadable = column("Action", enumeration("VMNetworkAdapterAclAction"))
    local_address: str | Unreadable | None = column("LocalAddress", TEXT, nullable=True)
    remote_address: str | Unreadable | None = column("RemoteAddress", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class AdapterExtendedAcl:
    """An entry of an adapter's ExtendedAclList (Get-VMNetworkAdapterExtendedAcl, 2012 R2 and later)."""

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


@dataclass(frozen=True, slots=True)
class SwitchExtension:
    """Get-VMSwitchExtension: an extension of a switch; ``enabled`` on that switch, ``running`` at this moment."""

    id: str | Unreadable = column("Id", TEXT)
    name: str | Unreadable = column("Name", TEXT)
    switch_name: str | Unreadable = column("SwitchName", TEXT)
    extension_type: str | Unreadable = column("ExtensionType", enumeration("VMSwitchExtensionType"))
    enabled: bool | Unreadable = column("Enabled", BOOLEAN)
    running: bool | Unreadable = column("Running", BOOLEAN)


_OF_VMS = (command("Get-VM"), command("Get-VMNetworkAdapter"))


def _below(name: str, row: type[Any], what: str, since: str | None = None) -> Table[Any]:
    """The rows of a list that adapters carry: the adapter's and the VM's id under names that cannot collide."""
    expanded = select(renamed("AdapterId", "Id"), renamed("OwnerId", "VMId"), expand=what)
    return Table(name, row, (*_OF_VMS, expanded), since=since)


ISOLATION = _below("isolation", AdapterIsolation, "IsolationSetting", "2012R2")
ACLS = _below("acls", AdapterAcl, "AclList")
EXTENDED_ACLS = _below("extended_acls", AdapterExtendedAcl, "ExtendedAclList", "2012R2")
SWITCH_EXTENSIONS = Table(
    "switch_extensions", SwitchExtension, (command("Get-VMSwitch"), command("Get-VMSwitchExtension"))
)

TABLES: tuple[Table[Any], ...] = (ISOLATION, ACLS, EXTENDED_ACLS, SWITCH_EXTENSIONS)
