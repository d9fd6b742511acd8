"""What a watcher asks of a host at its pace: little, for every VM and move there at once."""

from __future__ import annotations

from dataclasses import dataclass

from winmigrate.facts import Unreadable
from winmigrate.request import command
from winmigrate.windows.migration import MIGRATION_JOBS, PLANNED_VMS
from winmigrate.windows.row import GUID, TEXT, column, enumeration
from winmigrate.windows.table import Table


@dataclass(frozen=True, slots=True)
class VMStatus:
    """Of Get-VM only what tells where a VM is and what it does."""

    id: str | Unreadable = column("Id", GUID)
    name: str | Unreadable = column("Name", TEXT)
    state: str | Unreadable = column("State", enumeration("VMState"))
    primary_operational_status: str | Unreadable | None = column(
        "PrimaryOperationalStatus", enumeration("VMOperationalStatus"), nullable=True
    )
    secondary_operational_status: str | Unreadable | None = column(
        "SecondaryOperationalStatus", enumeration("VMOperationalStatus"), nullable=True
    )


STATUSES = Table("statuses", VMStatus, (command("Get-VM"),))

#: What one look is made of.
WATCHED: tuple[Table[object], ...] = (MIGRATION_JOBS, STATUSES, PLANNED_VMS)
