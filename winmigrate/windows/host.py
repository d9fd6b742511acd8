"""Rows of a host: the computer, its system, its Hyper-V, and who we are there."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from winmigrate.facts import Unreadable
from winmigrate.windows.row import BOOLEAN, DATE, INTEGER, NOT_ASKED, TEXT, column, enumeration


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
