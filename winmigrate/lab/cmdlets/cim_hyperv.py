"""CIM classes of Hyper-V (root/virtualization/v2) as far as migrations need them, and their methods."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from typing import Any

from winmigrate.lab.cmdlets.desk import Desk, vms_of
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, CimReader
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.values import UInt16, UInt32, UInt64
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.migration import current_jobs, destroy_planned, request_state_change
from winmigrate.lab.fabric.world import VM, Host, Job

VIRTUALIZATION = "root/virtualization/v2"

#: JobState -> JobStatus and the one status description. "Job is running" is from scripts that wait for it to go; the
#: other texts are not known.
_JOB_STATUS = {2: "Job is new", 3: "Job is starting", 4: "Job is running", 7: "Job is completed",
               8: "Job is terminated", 9: "Job is killed", 10: "Job failed", 32768: "Job is completed with warnings"}


def _elapsed(desk: Desk, job: Job) -> net.TimeSpan:
    end = job.ended_at if job.ended_at is not None else desk.world.clock.monotonic()
    return net.TimeSpan.of(end - job.started_at)


MIGRATION_JOB = CimClass(
    "Msvm_MigrationJob", VIRTUALIZATION, ("InstanceID",), {
        "InstanceID": lambda desk, job: job.id,
        "Caption": lambda desk, job: job.caption,
        "Description": lambda desk, job: job.caption,
        "ElementName": lambda desk, job: job.caption,
        "InstallDate": lambda desk, job: job.started,
        "Name": lambda desk, job: "Msvm_MigrationJob",
        "OperationalStatus": lambda desk, job: [UInt16(2)],
        "StatusDescriptions": lambda desk, job: [_JOB_STATUS.get(job.state, "")],
        "Status": lambda desk, job: "OK",
        "HealthState": lambda desk, job: UInt16(5),
        "DeleteOnCompletion": lambda desk, job: True,
        "ElapsedTime": _elapsed,
        "ErrorCode": lambda desk, job: UInt16(job.error_code),
        "ErrorDescription": lambda desk, job: job.error,
        "JobRunTimes": lambda desk, job: UInt32(1),
        "JobStatus": lambda desk, job: _JOB_STATUS.get(job.state, ""),
        "LocalOrUtcTime": lambda desk, job: UInt16(2),
        "Notify": lambda desk, job: "",
        "Owner": lambda desk, job: job.owner,
        "PercentComplete": lambda desk, job: UInt16(job.percent),
        "Priority": lambda desk, job: UInt32(0),
        "StartTime": lambda desk, job: job.started,
        "JobState": lambda desk, job: UInt16(job.state),
        "TimeBeforeRemoval": lambda desk, job: net.TimeSpan.of(300),
        "TimeOfLastStateChange": lambda desk, job: desk.world.clock.date(
            job.ended_at if job.ended_at is not None else job.started_at),
        "Cancellable": lambda desk, job: job.cancellable,
        "ErrorSummaryDescription": lambda desk, job: job.error_summary,
        "JobType": lambda desk, job: UInt16(job.type),
        "DestinationHost": lambda desk, job: job.destination,
        "MigrationType": lambda desk, job: UInt16(job.migration_type),
        "NewResourceSettingData": lambda desk, job: None,
        "NewSystemSettingData": lambda desk, job: None,
        "VirtualSystemName": lambda desk, job: job.guid,
    }, ("Msvm_ConcreteJob", "CIM_ConcreteJob", "CIM_Job", "CIM_LogicalElement", "CIM_ManagedSystemElement",
        "CIM_ManagedElement"))

#: VMState -> EnabledState.
_ENABLED = {"Running": 2, "Off": 3, "Saved": 6, "Paused": 9}


def _system(creation_class: str, bases: tuple[str, ...]) -> CimClass:
    """Msvm_ComputerSystem and Msvm_PlannedComputerSystem; a subject is a VM, or the host itself."""

    def of_vm(reader: Any, host_value: Any = None) -> CimReader:
        return lambda desk, item: reader(item) if isinstance(item, VM) else host_value

    return CimClass(creation_class, VIRTUALIZATION, ("CreationClassName", "Name"), {
        "InstanceID": lambda desk, item: None,
        "Caption": of_vm(lambda vm: "Virtual Machine", "Hosting Computer System"),
        "Description": of_vm(lambda vm: "Microsoft Virtual Machine", "Microsoft Hosting Computer System"),
        "ElementName": lambda desk, item: item.name,
        "InstallDate": of_vm(lambda vm: vm.created),
        "OperationalStatus": lambda desk, item: [UInt16(2)],
        "StatusDescriptions": lambda desk, item: ["Operating normally"],
        "Status": lambda desk, item: "OK",
        "HealthState": lambda desk, item: UInt16(5),
        "EnabledState": of_vm(lambda vm: UInt16(_ENABLED.get(vm.state, 2)), UInt16(2)),
        "OtherEnabledState": lambda desk, item: None,
        "RequestedState": lambda desk, item: UInt16(12),
        "EnabledDefault": lambda desk, item: UInt16(2),
        "CreationClassName": lambda desk, item: creation_class,
        "Name": lambda desk, item: item.guid if isinstance(item, VM) else item.name,
        "NameFormat": lambda desk, item: None,
        "OnTimeInMilliseconds": lambda desk, item: UInt64(0),
        "ReplicationState": lambda desk, item: UInt16(0),
    }, bases)


_SYSTEM_BASES = ("CIM_ComputerSystem", "CIM_System", "CIM_EnabledLogicalElement", "CIM_LogicalElement",
                 "CIM_ManagedSystemElement", "CIM_ManagedElement")
COMPUTER_SYSTEM = _system("Msvm_ComputerSystem", _SYSTEM_BASES)
PLANNED_SYSTEM = _system("Msvm_PlannedComputerSystem", _SYSTEM_BASES)

_SERVICE_BASES = ("CIM_VirtualSystemManagementService", "CIM_Service", "CIM_EnabledLogicalElement",
                  "CIM_LogicalElement", "CIM_ManagedSystemElement", "CIM_ManagedElement")


def listener_addresses(host: Host) -> list[str]:
    """Where VMMS takes migrations in: on its migration networks, or on every address if any network will do."""
    settings = host.migration
    if not settings.enabled:
        return []
    addresses = [address.ip for address in host.addresses if not address.ip.lower().startswith(("fe80:", "169.254.",
                                                                                               "127.", "::1"))]
    if settings.any_network:
        return addresses
    allowed = []
    for network in settings.networks:
        allowed += [ip for ip in addresses if _within(ip, network.subnet) and ip not in allowed]
    return allowed


def _within(ip: str, subnet: str) -> bool:
    try:
        return ipaddress.ip_address(ip) in ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return False


def _service(name: str, service_name: str, caption: str, more: Mapping[str, CimReader]) -> CimClass:
    return CimClass(name, VIRTUALIZATION, ("CreationClassName", "Name", "SystemCreationClassName", "SystemName"), {
        "InstanceID": lambda desk, host: None,
        "Caption": lambda desk, host: caption,
        "Description": lambda desk, host: caption,
        "ElementName": lambda desk, host: caption,
        "OperationalStatus": lambda desk, host: [UInt16(2)],
        "StatusDescriptions": lambda desk, host: ["Operating normally"],
        "Status": lambda desk, host: "OK",
        "HealthState": lambda desk, host: UInt16(5),
        "EnabledState": lambda desk, host: UInt16(5),
        "SystemCreationClassName": lambda desk, host: "Msvm_ComputerSystem",
        "SystemName": lambda desk, host: host.name,
        "CreationClassName": lambda desk, host: name,
        "Name": lambda desk, host: service_name,
        "Started": lambda desk, host: True,
        **more,
    }, _SERVICE_BASES)


MANAGEMENT_SERVICE = _service(
    "Msvm_VirtualSystemManagementService", "vmms", "Hyper-V Virtual System Management Service", {})
MIGRATION_SERVICE = _service(
    "Msvm_VirtualSystemMigrationService", "Microsoft Virtual System Migration Service",
    "Hyper-V Virtual System Migration Service", {
        "MigrationServiceListenerIPAddressList": lambda desk, host: listener_addresses(host),
        "ActiveStorageMigrationCount": lambda desk, host: UInt32(_running(desk, 306, 307)),
        "ActiveVirtualSystemMigrationCount": lambda desk, host: UInt32(_running(desk, 305, 306)),
    })


def _running(desk: Desk, *types: int) -> int:
    return sum(job.type in types and not job.ended for job in current_jobs(desk.world, desk.host))


def jobs(desk: Desk) -> list[Any]:
    """The migration jobs the host still knows, percentages as of now."""
    return current_jobs(desk.world, desk.host)


def planned(desk: Desk) -> list[Any]:
    """The planned VMs on the host."""
    with desk.world.lock:
        return list(desk.host.planned.values())


def systems(desk: Desk) -> list[Any]:
    """The host itself and its VMs."""
    return [desk.host, *vms_of(desk)]


# --- methods ---------------------------------------------------------------------------------------------------------


#: Of Msvm_VirtualSystemManagementService: what DestroySystem returns.
INVALID_PARAMETER = 32773
INVALID_STATE = 32775


def request_job_state(instance: CimInstance, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """RequestStateChange of a migration job: 4 and 5 ask it to end."""
    given = next((value for name, value in arguments.items() if str(name).lower() == "requestedstate"), None)
    if given is None:
        return {"ReturnValue": UInt32(INVALID_PARAMETER)}
    return {"ReturnValue": UInt32(request_state_change(instance.desk.world, instance.item, int(given)))}


def destroy_system(instance: CimInstance, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """DestroySystem of a planned VM (with its files) or of a VM that is off (whose disks stay)."""
    given = next((value for name, value in arguments.items() if str(name).lower() == "affectedsystem"), None)
    if isinstance(given, net.PSObject) and not isinstance(given.live, CimInstance):
        given = given.get("Value")  # [ref]
    live = given.live if isinstance(given, net.PSObject) else None
    if not isinstance(live, CimInstance) or not isinstance(live.item, VM):
        return {"Job": None, "ReturnValue": UInt32(INVALID_PARAMETER)}
    return {"Job": None, "ReturnValue": UInt32(destroy(live.desk, live.item.id))}


def destroy(desk: Desk, vm_id: uuid.UUID) -> int:
    """Destroys the planned VM of that id, or else the VM that is off. 0 once it is done: no job is needed."""
    world, host = desk.world, desk.host
    with world.lock:
        try:
            if destroy_planned(world, host, vm_id):
                return 0
        except MigrationFailure:
            return INVALID_STATE
        vm = host.vms.get(vm_id)
        if vm is None:
            return INVALID_PARAMETER
        if vm.state not in ("Off", "Saved"):
            return INVALID_STATE
        del host.vms[vm_id]
        return 0
