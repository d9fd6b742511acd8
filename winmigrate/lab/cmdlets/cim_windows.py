"""CIM classes of Windows itself: root/cimv2 and root/Microsoft/Windows/DeviceGuard. Properties that people ask for; the
real classes have more.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from winmigrate.lab.cmdlets.desk import Desk
from winmigrate.lab.cmdlets.instances import CimClass, CimReader
from winmigrate.lab.engine.values import UInt16, UInt32, UInt64
from winmigrate.lab.fabric.world import Host

CIMV2 = "root/cimv2"
DEVICE_GUARD = "root/Microsoft/Windows/DeviceGuard"


def os_version(host: Host) -> str:
    """Win32_OperatingSystem.Version."""
    return f"{ {'2012': '6.2', '2012R2': '6.3'}.get(host.version, '10.0') }.{host.build}"


def _hypervisor(host: Host) -> bool:
    role = host.features.get("Hyper-V")
    return role is None or role.install_state == "Installed"


def _cores(host: Host) -> int:
    return host.processor.sockets * host.processor.logical


COMPUTER_SYSTEM = CimClass(
    "Win32_ComputerSystem", CIMV2, ("Name",), {
        "Caption": lambda desk, host: host.name,
        "Description": lambda desk, host: "AT/AT COMPATIBLE",
        "InstallDate": lambda desk, host: None,
        "Name": lambda desk, host: host.name,
        "Status": lambda desk, host: "OK",
        "CreationClassName": lambda desk, host: "Win32_ComputerSystem",
        "NameFormat": lambda desk, host: None,
        "PrimaryOwnerContact": lambda desk, host: None,
        "PrimaryOwnerName": lambda desk, host: "Windows User",
        "Roles": lambda desk, host: ["LM_Workstation", "LM_Server", "NT", "Server_NT"],
        "BootupState": lambda desk, host: "Normal boot",
        "CurrentTimeZone": lambda desk, host: None,
        "DNSHostName": lambda desk, host: host.name,
        "Domain": lambda desk, host: host.domain,
        "DomainRole": lambda desk, host: UInt16(3 if host.in_domain else 2),
        "HypervisorPresent": lambda desk, host: _hypervisor(host),
        "Manufacturer": lambda desk, host: host.manufacturer,
        "Model": lambda desk, host: host.model,
        "NumberOfLogicalProcessors": lambda desk, host: UInt32(_cores(host)),
        "NumberOfProcessors": lambda desk, host: UInt32(host.processor.sockets),
        "PartOfDomain": lambda desk, host: host.in_domain,
        "SystemType": lambda desk, host: "x64-based PC",
        "TotalPhysicalMemory": lambda desk, host: UInt64(host.memory),
        "UserName": lambda desk, host: None,
        "Workgroup": lambda desk, host: None if host.in_domain else host.domain,
    }, ("CIM_UnitaryComputerSystem", "CIM_ComputerSystem", "CIM_System", "CIM_LogicalElement",
        "CIM_ManagedSystemElement"))

OPERATING_SYSTEM = CimClass(
    "Win32_OperatingSystem", CIMV2, (), {
        "Status": lambda desk, host: "OK",
        "Name": lambda desk, host: f"{host.caption}|C:\\Windows|\\Device\\Harddisk0\\Partition4",
        "FreePhysicalMemory": lambda desk, host: UInt64(host.memory_free() // 1024),
        "FreeVirtualMemory": lambda desk, host: UInt64(host.memory_free() // 1024),
        "Caption": lambda desk, host: host.caption,
        "Description": lambda desk, host: "",
        "InstallDate": lambda desk, host: host.boot_time,
        "CreationClassName": lambda desk, host: "Win32_OperatingSystem",
        "CSCreationClassName": lambda desk, host: "Win32_ComputerSystem",
        "CSName": lambda desk, host: host.name,
        "CurrentTimeZone": lambda desk, host: None,
        "LastBootUpTime": lambda desk, host: host.boot_time,
        "LocalDateTime": lambda desk, host: desk.world.clock.now() + dt.timedelta(seconds=host.clock_skew),
        "NumberOfProcesses": lambda desk, host: UInt32(100 + len(host.vms)),
        "OSType": lambda desk, host: UInt16(18),
        "TotalVirtualMemorySize": lambda desk, host: UInt64(host.memory // 1024),
        "TotalVisibleMemorySize": lambda desk, host: UInt64(host.memory // 1024),
        "Version": lambda desk, host: os_version(host),
        "BootDevice": lambda desk, host: "\\Device\\HarddiskVolume2",
        "BuildNumber": lambda desk, host: str(host.build),
        "BuildType": lambda desk, host: "Multiprocessor Free",
        "CodeSet": lambda desk, host: "1252",
        "CountryCode": lambda desk, host: "1",
        "Locale": lambda desk, host: "0409",
        "Manufacturer": lambda desk, host: "Microsoft Corporation",
        "MUILanguages": lambda desk, host: ["en-US"],
        "OperatingSystemSKU": lambda desk, host: UInt32(8),
        "OSArchitecture": lambda desk, host: "64-bit",
        "OSLanguage": lambda desk, host: UInt32(1033),
        "ProductType": lambda desk, host: UInt32(host.product_type),
        "ServicePackMajorVersion": lambda desk, host: UInt16(0),
        "ServicePackMinorVersion": lambda desk, host: UInt16(0),
        "SystemDevice": lambda desk, host: "\\Device\\HarddiskVolume4",
        "SystemDirectory": lambda desk, host: f"{host.system_drive}\\Windows\\system32",
        "SystemDrive": lambda desk, host: host.system_drive,
        "WindowsDirectory": lambda desk, host: f"{host.system_drive}\\Windows",
    }, ("CIM_OperatingSystem", "CIM_LogicalElement", "CIM_ManagedSystemElement"))

# A subject is (host, number of the socket). Under a running hypervisor the three virtualization properties read False.
PROCESSOR = CimClass(
    "Win32_Processor", CIMV2, ("DeviceID",), {
        "Caption": lambda desk, cpu: "Intel64 Family 6" if "Intel" in cpu[0].processor.manufacturer else "AMD64 Family",
        "Description": lambda desk, cpu: "",
        "Name": lambda desk, cpu: cpu[0].processor.name,
        "Status": lambda desk, cpu: "OK",
        "DeviceID": lambda desk, cpu: f"CPU{cpu[1]}",
        "CreationClassName": lambda desk, cpu: "Win32_Processor",
        "SystemName": lambda desk, cpu: cpu[0].name,
        "AddressWidth": lambda desk, cpu: UInt16(64),
        "CurrentClockSpeed": lambda desk, cpu: UInt32(cpu[0].processor_speed_mhz),
        "LoadPercentage": lambda desk, cpu: UInt16(0),
        "MaxClockSpeed": lambda desk, cpu: UInt32(cpu[0].processor_speed_mhz),
        "Architecture": lambda desk, cpu: UInt16(9),
        "Manufacturer": lambda desk, cpu: cpu[0].processor.manufacturer,
        "NumberOfCores": lambda desk, cpu: UInt32(cpu[0].processor.cores),
        "NumberOfEnabledCore": lambda desk, cpu: UInt32(cpu[0].processor.cores),
        "NumberOfLogicalProcessors": lambda desk, cpu: UInt32(cpu[0].processor.logical),
        "SecondLevelAddressTranslationExtensions": lambda desk, cpu: not _hypervisor(cpu[0]),
        "SocketDesignation": lambda desk, cpu: f"CPU{cpu[1] + 1}",
        "VirtualizationFirmwareEnabled": lambda desk, cpu: not _hypervisor(cpu[0]),
        "VMMonitorModeExtensions": lambda desk, cpu: not _hypervisor(cpu[0]),
    }, ("CIM_Processor", "CIM_LogicalDevice", "CIM_LogicalElement", "CIM_ManagedSystemElement"))

SERVICE = CimClass(
    "Win32_Service", CIMV2, ("Name",), {
        "Name": lambda desk, service: service.name,
        "Status": lambda desk, service: "OK",
        "ExitCode": lambda desk, service: UInt32(0),
        "DesktopInteract": lambda desk, service: False,
        "ErrorControl": lambda desk, service: "Normal",
        "PathName": lambda desk, service: None,
        "ServiceType": lambda desk, service: "Own Process",
        "StartMode": lambda desk, service: service.start_mode,
        "Caption": lambda desk, service: service.display_name or service.name,
        "Description": lambda desk, service: None,
        "InstallDate": lambda desk, service: None,
        "CreationClassName": lambda desk, service: "Win32_Service",
        "Started": lambda desk, service: service.state == "Running",
        "SystemCreationClassName": lambda desk, service: "Win32_ComputerSystem",
        "SystemName": lambda desk, service: desk.host.name,
        "AcceptPause": lambda desk, service: False,
        "AcceptStop": lambda desk, service: service.state == "Running",
        "DisplayName": lambda desk, service: service.display_name or service.name,
        "ServiceSpecificExitCode": lambda desk, service: UInt32(0),
        "StartName": lambda desk, service: "LocalSystem",
        "State": lambda desk, service: service.state,
        "TagId": lambda desk, service: UInt32(0),
        "ProcessId": lambda desk, service: UInt32(1000 if service.state == "Running" else 0),
    }, ("Win32_BaseService", "CIM_Service", "CIM_LogicalElement", "CIM_ManagedSystemElement"))


def _numbers(name: str) -> CimReader:
    return lambda desk, host: [UInt32(number) for number in getattr(host, name)]


DEVICE_GUARD_CLASS = CimClass(
    "Win32_DeviceGuard", DEVICE_GUARD, ("InstanceIdentifier",), {
        "AvailableSecurityProperties": lambda desk, host: [UInt32(number) for number in (1, 2, 3)],
        "CodeIntegrityPolicyEnforcementStatus": lambda desk, host: UInt32(0),
        "InstanceIdentifier": lambda desk, host: "4ff40742-2649-41b8-bdd1-e80fad1cce80",
        "RequiredSecurityProperties": lambda desk, host: [UInt32(0)],
        "SecurityServicesConfigured": _numbers("security_services"),
        "SecurityServicesRunning": _numbers("security_services"),
        "UsermodeCodeIntegrityPolicyEnforcementStatus": lambda desk, host: UInt32(0),
        "Version": lambda desk, host: "1.0",
        "VirtualizationBasedSecurityStatus": lambda desk, host: UInt32(2 if host.security_services else 0),
    })


def processors(desk: Desk) -> list[Any]:
    """One subject of Win32_Processor a socket."""
    return [(desk.host, number) for number in range(desk.host.processor.sockets)]
