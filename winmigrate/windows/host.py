"""Rows of a host: the computer, its system, its Hyper-V, and who we are there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.remoting.clixml.values import PSObject
from winmigrate.request import UTILITY, Credential, Statement, command, select
from winmigrate.windows.row import BOOLEAN, DATE, INTEGER, NOT_ASKED, TEXT, column, enumeration
from winmigrate.windows.table import Table, cim, select_names


@dataclass(frozen=True, slots=True)
class ComputerSystem:
    """Win32_ComputerSystem. ``domain`` is the workgroup's name where ``part_of_domain`` is False. Memory in bytes."""

    name: str | Unreadable = column("Name", TEXT)
    dns_host_name: str | Unreadable | None = column("DNSHostName", TEXT, nullable=True)
    domain: str | Unreadable | None = column("Domain", TEXT, nullable=True)
    part_of_domain: bool | Unreadable | None = column("PartOfDomain", BOOLEAN, nullable=True)
    hypervisor_present: bool | Unreadable | None = column("HypervisorPresent", BOOLEAN, nullable=True)
    total_physical_memory: int | Unreadable = column("TotalPhysicalMemory", INTEGER)
    number_of_logical_processors: int | Unreadable = column("NumberOfLogicalProcessors", INTEGER)
    manufacturer: str | Unreadable | None = column("Manufacturer", TEXT, nullable=True)
    model: str | Unreadable | None = column("Model", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """Win32_OperatingSystem.

    Both memory columns are KiB, as CIM counts them; ``product_type`` 1 client, 2 DC, 3 server.
    """

    caption: str | Unreadable | None = column("Caption", TEXT, nullable=True)
    version: str | Unreadable = column("Version", TEXT)
    build_number: int | Unreadable = column("BuildNumber", INTEGER)
    product_type: int | Unreadable = column("ProductType", INTEGER)
    free_physical_memory: int | Unreadable = column("FreePhysicalMemory", INTEGER)
    total_visible_memory_size: int | Unreadable = column("TotalVisibleMemorySize", INTEGER)
    local_date_time: dt.datetime | Unreadable = column("LocalDateTime", DATE)
    last_boot_up_time: dt.datetime | Unreadable = column("LastBootUpTime", DATE)
    system_drive: str | Unreadable = column("SystemDrive", TEXT)


@dataclass(frozen=True, slots=True)
class Processor:
    """Win32_Processor: one row a socket."""

    device_id: str | Unreadable = column("DeviceID", TEXT)
    manufacturer: str | Unreadable = column("Manufacturer", TEXT)
    name: str | Unreadable | None = column("Name", TEXT, nullable=True)
    number_of_cores: int | Unreadable = column("NumberOfCores", INTEGER)
    number_of_logical_processors: int | Unreadable = column("NumberOfLogicalProcessors", INTEGER)


@dataclass(frozen=True, slots=True)
class Service:
    """Win32_Service: a Windows service; ``state`` as in "Running", "Stopped"."""

    name: str | Unreadable = column("Name", TEXT)
    state: str | Unreadable = column("State", TEXT)
    start_mode: str | Unreadable = column("StartMode", TEXT)


@dataclass(frozen=True, slots=True)
class Feature:
    """Get-WindowsFeature; ``install_state`` as in "Installed", "Available", "Removed"."""

    name: str | Unreadable = column("Name", TEXT)
    install_state: str | Unreadable = column("InstallState", enumeration("InstallState"))


@dataclass(frozen=True, slots=True)
class VMHost:
    """Get-VMHost. ``memory_capacity`` in bytes."""

    name: str | Unreadable = column("Name", TEXT)
    fully_qualified_domain_name: str | Unreadable | None = column("FullyQualifiedDomainName", TEXT, nullable=True)
    logical_processor_count: int | Unreadable = column("LogicalProcessorCount", INTEGER)
    memory_capacity: int | Unreadable = column("MemoryCapacity", INTEGER)
    virtual_machine_migration_enabled: bool | Unreadable = column("VirtualMachineMigrationEnabled", BOOLEAN)
    virtual_machine_migration_authentication_type: str | Unreadable = column(
        "VirtualMachineMigrationAuthenticationType", enumeration("MigrationAuthenticationType")
    )
    virtual_machine_migration_performance_option: str | Unreadable = column(
        "VirtualMachineMigrationPerformanceOption", enumeration("VMMigrationPerformance"), since="2012R2"
    )
    maximum_virtual_machine_migrations: int | Unreadable = column("MaximumVirtualMachineMigrations", INTEGER)
    maximum_storage_migrations: int | Unreadable = column("MaximumStorageMigrations", INTEGER)
    use_any_network_for_migration: bool | Unreadable = column("UseAnyNetworkForMigration", BOOLEAN)
    virtual_hard_disk_path: str | Unreadable | None = column("VirtualHardDiskPath", TEXT, nullable=True)
    virtual_machine_path: str | Unreadable | None = column("VirtualMachinePath", TEXT, nullable=True)
    numa_spanning_enabled: bool | Unreadable = column("NumaSpanningEnabled", BOOLEAN)
    enable_enhanced_session_mode: bool | Unreadable = column("EnableEnhancedSessionMode", BOOLEAN, since="2012R2")
    mac_address_minimum: str | Unreadable | None = column("MacAddressMinimum", TEXT, nullable=True)
    mac_address_maximum: str | Unreadable | None = column("MacAddressMaximum", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class SupportedVersion:
    """Get-VMHostSupportedVersion (2016 and later): a VM configuration version the host can run."""

    version: str | Unreadable = column("Version", TEXT, since="2016")
    name: str | Unreadable | None = column("Name", TEXT, since="2016", nullable=True)
    is_default: bool | Unreadable = column("IsDefault", BOOLEAN, since="2016")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who our session is on a host: ``user`` as DOMAIN\\name, the SIDs of the groups in its token."""

    user: str | Unreadable = NOT_ASKED
    sid: str | Unreadable = NOT_ASKED
    groups: tuple[str, ...] | Unreadable = NOT_ASKED


COMPUTER_SYSTEM = Table("computer_system", ComputerSystem, (cim("Win32_ComputerSystem"),), single=True)
OPERATING_SYSTEM = Table("operating_system", OperatingSystem, (cim("Win32_OperatingSystem"),), single=True)
PROCESSORS = Table("processors", Processor, (cim("Win32_Processor"),))
SERVICES = Table("services", Service, (cim("Win32_Service", filter="Name='vmms' OR Name='ClusSvc' OR Name='WinRM'"),))
FEATURES = Table(
    "features",
    Feature,
    (command("Get-WindowsFeature", Name=["Hyper-V", "Hyper-V-PowerShell", "Failover-Clustering"]),),
)
VM_HOST = Table("vm_host", VMHost, (command("Get-VMHost"),), class_known_from="2016", single=True)
SUPPORTED_VERSIONS = Table(
    "supported_versions", SupportedVersion, (command("Get-VMHostSupportedVersion"),), since="2016"
)

TABLES: tuple[Table[Any], ...] = (
    COMPUTER_SYSTEM,
    OPERATING_SYSTEM,
    PROCESSORS,
    SERVICES,
    FEATURES,
    VM_HOST,
    SUPPORTED_VERSIONS,
)

#: S-1-5-32-544 Administrators, S-1-5-32-578 Hyper-V Administrators: the same on every Windows, whatever its language.
ADMINISTRATORS = "S-1-5-32-544"
HYPER_V_ADMINISTRATORS = "S-1-5-32-578"
#: Mandatory labels, S-1-16-8192 medium, S-1-16-12288 high: whoami lists them among the groups.
_INTEGRITY = "S-1-16-"
_HIGH = 12288


def security_services() -> Statement:
    """Numbers of the security services that run (1 Credential Guard, 2 memory integrity): Win32_DeviceGuard, 2016+."""
    guard = cim("Win32_DeviceGuard", namespace="root/Microsoft/Windows/DeviceGuard")
    return Statement((guard, select_names("SecurityServicesRunning")))


def identity_user() -> Statement:
    """Who the session is: rows of User and Sid. whoami gives the token's groups too, which no CIM class does."""
    return _whoami("/user", "User", "Sid")


def identity_groups() -> Statement:
    """The groups in the session's token: rows of Name, Type, Sid, Attributes. Names are localized, SIDs are not."""
    return _whoami("/groups", "Name", "Type", "Sid", "Attributes")


def _whoami(what: str, *header: str) -> Statement:
    native = command("whoami.exe", what, "/fo", "csv", "/nh")
    return Statement((native, command(UTILITY + "ConvertFrom-Csv", Header=list(header))))


def identity(users: Sequence[Any], groups: Sequence[Any]) -> Identity:
    """The identity of what the two whoami reads brought back, without groups that are there to deny only.

    That attribute is localized; :func:`administrator` does not rely on it alone.
    """
    user = _texts(users, "User", "Sid")
    if not user:
        missing = Unreadable("whoami.exe answered nothing")
        return Identity(missing, missing, missing)
    found = _texts(groups, "Sid", "Attributes")
    sids = tuple(sid for sid, attributes in found if sid.startswith("S-") and "deny" not in attributes.lower())
    return Identity(user[0][0], user[0][1], sids)


def administrator(who: Identity) -> bool | Unreadable:
    """Does the token hold the Administrators group, and is it not a filtered one (integrity level below high)?"""
    if isinstance(who.groups, Unreadable):
        return who.groups
    levels = [int(sid.removeprefix(_INTEGRITY)) for sid in who.groups if sid.startswith(_INTEGRITY)]
    return ADMINISTRATORS in who.groups and all(level >= _HIGH for level in levels)


def hyper_v_administrator(who: Identity) -> bool | Unreadable:
    """Does the token hold the Hyper-V Administrators group?"""
    return who.groups if isinstance(who.groups, Unreadable) else HYPER_V_ADMINISTRATORS in who.groups


def _texts(objects: Sequence[Any], *names: str) -> list[tuple[str, ...]]:
    return [
        tuple(str(item.properties.get(name) or "") for name in names) for item in objects if isinstance(item, PSObject)
    ]


def probe_host(computer: str, credential: Credential | None = None) -> Statement:
    """Hop B, tried: ``Get-VMHost -ComputerName`` from the source, which is how Move-VM itself reaches a destination.

    ``credential`` (2016 and later) is for the route of that name; without one the session's own identity must do.
    """
    given: dict[str, Any] = {"ComputerName": computer}
    if credential is not None:
        given["Credential"] = credential
    return Statement((command("Get-VMHost", **given), select("Name")))
