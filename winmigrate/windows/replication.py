"""Rows of Hyper-V Replica: what a VM is to another host that keeps a copy of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import command
from winmigrate.windows.row import GUID, TEXT, column, enumeration
from winmigrate.windows.table import Table


@dataclass(frozen=True, slots=True)
class Replication:
    """Get-VMReplication: one relationship of a VM. A VM that is extended further has two."""

    vm_id: str | Unreadable = column("VMId", GUID)
    vm_name: str | Unreadable = column("VMName", TEXT)
    replication_mode: str | Unreadable = column("ReplicationMode", enumeration("VMReplicationMode"))
    replication_state: str | Unreadable = column("ReplicationState", enumeration("VMReplicationState"))
    replication_health: str | Unreadable = column("ReplicationHealth", enumeration("VMReplicationHealthState"))
    primary_server_name: str | Unreadable | None = column("PrimaryServerName", TEXT, nullable=True)
    replica_server_name: str | Unreadable | None = column("ReplicaServerName", TEXT, nullable=True)


#: Asked without a VM: of one that is not replicated the cmdlet would make an error.
REPLICATIONS = Table("replications", Replication, (command("Get-VMReplication"),))

TABLES: tuple[Table[Any], ...] = (REPLICATIONS,)
