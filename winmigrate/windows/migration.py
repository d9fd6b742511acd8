"""Rows of migrations: VMMS's jobs, planned VMs, incompatibilities."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import Statement, Typed, command
from winmigrate.windows.row import BOOLEAN, DATE, GUID, INTEGER, SPAN, TEXT, column
from winmigrate.windows.table import VIRTUALIZATION, Table, cim


@dataclass(frozen=True, slots=True)
class MigrationJob:
    """Msvm_MigrationJob. ``virtual_system_name`` is the VM's Id.

    ``job_state`` 2 new, 3 starting, 4 running, 7 completed, 8 terminated, 10 exception, 32768 completed with warnings.
    ``job_type`` 300 to 307; ``destination_host`` None for storage only. A finished job is gone after five minutes.
    """

    instance_id: str | Unreadable = column("InstanceID", TEXT)
    virtual_system_name: str | Unreadable = column("VirtualSystemName", GUID)
    element_name: str | Unreadable | None = column("ElementName", TEXT, nullable=True)
    job_state: int | Unreadable = column("JobState", INTEGER)
    job_type: int | Unreadable | None = column("JobType", INTEGER, nullable=True)
    migration_type: int | Unreadable | None = column("MigrationType", INTEGER, nullable=True)
    percent_complete: int | Unreadable = column("PercentComplete", INTEGER)
    destination_host: str | Unreadable | None = column("DestinationHost", TEXT, nullable=True)
    start_time: dt.datetime | Unreadable | None = column("StartTime", DATE, nullable=True)
    elapsed_time: dt.timedelta | Unreadable | None = column("ElapsedTime", SPAN, nullable=True)
    cancellable: bool | Unreadable | None = column("Cancellable", BOOLEAN, nullable=True)
    error_code: int | Unreadable | None = column("ErrorCode", INTEGER, nullable=True)
    error_description: str | Unreadable | None = column("ErrorDescription", TEXT, nullable=True)
    error_summary_description: str | Unreadable | None = column("ErrorSummaryDescription", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class PlannedVM:
    """Msvm_PlannedComputerSystem: a VM that a migration or Compare-VM prepared here.

    ``name`` is its Id, ``element_name`` what people call it.
    """

    name: str | Unreadable = column("Name", GUID)
    element_name: str | Unreadable | None = column("ElementName", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """What Compare-VM found, as functions/compare_vm.ps1 flattens it. ``source_type`` is the .NET type's short name."""

    message: str | Unreadable = column("Message", TEXT)
    message_id: int | Unreadable = column("MessageId", INTEGER)
    source_type: str | Unreadable | None = column("SourceType", TEXT, nullable=True)
    source_id: str | Unreadable | None = column("SourceId", TEXT, nullable=True)
    source_name: str | Unreadable | None = column("SourceName", TEXT, nullable=True)


MIGRATION_JOBS = Table("migration_jobs", MigrationJob, (cim("Msvm_MigrationJob", namespace=VIRTUALIZATION),))
PLANNED_VMS = Table("planned_vms", PlannedVM, (cim("Msvm_PlannedComputerSystem", namespace=VIRTUALIZATION),))

TABLES: tuple[Table[Any], ...] = (MIGRATION_JOBS, PLANNED_VMS)

#: Msvm_ConcreteJob: states of a job that has not ended.
RUNNING_STATES = frozenset({2, 3, 4, 5, 6})
#: RequestStateChange: 4 asks for an orderly end, and is what Hyper-V's own module sends. KillJob is not supported.
_TERMINATE = Typed("U16", 4)


def cancel(instance_id: str) -> Statement:
    """Asks VMMS, on the source, to end a migration. ReturnValue 0 or 4096 is "asked", not "ended": read the job.

    ``instance_id`` as read from a job. Raises ValueError for one that no job can have.
    """
    # The one filter made of a value: WQL has no parameters, so what is no InstanceID of VMMS never gets into it.
    if not instance_id or not all(letter.isalnum() or letter in "-:_{}\\" for letter in instance_id):
        raise ValueError(f"{instance_id!r} is no InstanceID of a migration job")
    quoted = instance_id.replace("\\", "\\\\")
    job = cim("Msvm_MigrationJob", namespace=VIRTUALIZATION, filter=f"InstanceID='{quoted}'")
    ask = command(
        "Invoke-CimMethod",
        MethodName="RequestStateChange",
        Arguments={"RequestedState": _TERMINATE},
        Confirm=False,
    )
    return Statement((job, ask))
