"""Requirements of hosts, and of two hosts as such: role, services, Windows, processors."""

from __future__ import annotations

from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, surely, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import administrator, by_hand, hyper_v_administrator, native, powershell
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least

_DOCS = "https://learn.microsoft.com/windows-server/"
_SET_UP = _DOCS + "virtualization/hyper-v/deploy/set-up-hosts-for-live-migration-without-failover-clustering"

#: Win32_OperatingSystem.ProductType of a Windows that is no server.
_CLIENT = 1


@requirement(
    "hyperv-role",
    "The Hyper-V role is installed",
    Severity.BLOCKS,
    Scope.HOST,
    read_by="Get-WindowsFeature -Name Hyper-V: InstallState; where that is refused, that Get-VMHost answers",
    mend="Install-WindowsFeature -Name Hyper-V -IncludeManagementTools -Restart",
    page=_SET_UP,
)
def hyperv_role(ground: Ground) -> Verdict:
    host = ground.source
    features = host.facts.features
    if isinstance(features, Unreadable) and _answers(host):
        return passed(f"the Hyper-V of {host.name} answers")
    what = f"whether {host.name} has the Hyper-V role"
    for feature in known(features, what):
        if known(feature.name, what).casefold() == "hyper-v":
            state = known(feature.install_state, what)
            if state == "Installed":
                return passed(f"installed on {host.name}")
            return failed(
                f"the Hyper-V role is {state.lower()} on {host.name}, not installed",
                wanted="installed",
                remedy=powershell(
                    "Install-WindowsFeature -Name Hyper-V -IncludeManagementTools -Restart",
                    administrator(host.name),
                    "after the restart that it makes",
                ),
            )
    return unknown(f"Get-WindowsFeature on {host.name} named no Hyper-V")


def _answers(host: HostIndex) -> bool:
    return not isinstance(host.facts.vm_host, Unreadable)


@requirement(
    "vmms-running",
    "The Virtual Machine Management Service runs",
    Severity.BLOCKS,
    Scope.HOST,
    read_by="Win32_Service vmms: State; where that is refused, that Get-VMHost answers",
    mend="Start-Service -Name vmms",
    page="https://learn.microsoft.com/windows/win32/hyperv_v2/msvm-migrationjob",
)
def vmms_running(ground: Ground) -> Verdict:
    host = ground.source
    services = host.facts.services
    if isinstance(services, Unreadable) and _answers(host):
        return passed(f"the Hyper-V of {host.name} answers")
    what = f"the services of {host.name}"
    for service in known(services, what):
        if known(service.name, what).casefold() == "vmms":
            state = known(service.state, f"the state of vmms on {host.name}")
            if state == "Running":
                return passed(f"running on {host.name}")
            return failed(
                f"the service vmms is {state.lower()} on {host.name}",
                wanted="running",
                remedy=powershell("Start-Service -Name vmms", administrator(host.name)),
            )
    surely(host, "services", what)
    return failed(
        f"{host.name} has no service vmms",
        wanted="running",
        remedy=by_hand("install the Hyper-V role, see hyperv-role", administrator(host.name)),
    )


@requirement(
    "hypervisor-running",
    "The hypervisor is loaded",
    Severity.BLOCKS,
    Scope.HOST,
    read_by="Win32_ComputerSystem: HypervisorPresent",
    mend="VT-x or AMD-V and DEP in the firmware; bcdedit /set hypervisorlaunchtype auto; a restart",
    page=_DOCS + "virtualization/hyper-v/host-hardware-requirements",
)
def hypervisor_running(ground: Ground) -> Verdict:
    host = ground.source
    what = f"whether a hypervisor runs on {host.name}"
    present = known(known(host.facts.computer_system, what).hypervisor_present, what)
    if present is None:
        return unknown(f"{host.name} does not say whether a hypervisor runs")
    if present:
        return passed(f"loaded on {host.name}")
    return failed(
        f"no hypervisor is loaded on {host.name}",
        wanted="loaded",
        remedy=native(
            "switch on VT-x or AMD-V and DEP in the firmware, then: bcdedit /set hypervisorlaunchtype auto",
            administrator(host.name),
            "after a restart",
        ),
    )


@requirement(
    "os-version-floor",
    "Both hosts run a Windows Server that can exchange running VMs with the other",
    Severity.BLOCKS,
    Scope.PAIR,
    read_by="Win32_OperatingSystem: BuildNumber, ProductType",
    mend="upgrade the older host, or move offline (export and import)",
    page=_SET_UP,
)
def os_version_floor(ground: Ground) -> Verdict:
    hosts = (ground.source, ground.destination)
    for host in hosts:
        system = known(host.facts.operating_system, f"the Windows of {host.name}")
        if known(system.product_type, f"which kind of Windows {host.name} runs") == _CLIENT:
            return failed(
                f"{host.name} runs a client Windows, which has no live migration",
                wanted="Windows Server on both",
                remedy=by_hand("choose another destination, or export and import the VM", administrator(host.name)),
            )
    here, there = (known(host.facts.version, f"the Windows of {host.name}") for host in hosts)
    source, destination = ground.source.name, ground.destination.name
    shown = f"{source} runs Windows Server {here}, {destination} {there}"
    if here == there or (at_least(here, "2012R2") and at_least(there, "2012R2")) or (here, there) == ("2012", "2012R2"):
        return passed(shown)
    old = source if here == "2012" else destination
    return failed(
        shown,
        wanted="2012 R2 or newer on both, or the same on both",
        remedy=by_hand(f"upgrade {old}, or export and import the VM", administrator(old)),
    )


@requirement(
    "migration-enabled",
    "Live migration is enabled",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=("shared-smb", "shared-nothing"),
    read_by="Get-VMHost: VirtualMachineMigrationEnabled",
    mend="Enable-VMMigration",
    page=_SET_UP,
)
def migration_enabled(ground: Ground) -> Verdict:
    host = ground.source
    what = f"whether live migration is enabled on {host.name}"
    if known(known(host.facts.vm_host, what).virtual_machine_migration_enabled, what):
        return passed(f"enabled on {host.name}")
    return failed(
        f"live migration is not enabled on {host.name}",
        wanted="enabled",
        remedy=powershell("Enable-VMMigration", hyper_v_administrator(host.name)),
    )


@requirement(
    "cpu-vendor",
    "The processors of both hosts are of the same manufacturer",
    Severity.BLOCKS,
    Scope.PAIR,
    read_by="Win32_Processor: Manufacturer",
    mend="none for a running VM: shut it down and move it offline",
    page=_DOCS + "virtualization/hyper-v/manage/processor-compatibility-mode-hyper-v",
)
def cpu_vendor(ground: Ground) -> Verdict:
    here, there = (_vendor(host) for host in (ground.source, ground.destination))
    if here == there:
        return passed(f"{here} on both")
    return failed(
        f"{ground.source.name} has {here}, {ground.destination.name} has {there}",
        wanted="the same on both",
        remedy=by_hand(
            f"none while it runs: choose a destination with {here}, or shut the VM down and move it offline",
            "whoever owns the VM",
        ),
    )


def _vendor(host: HostIndex) -> str:
    what = f"the processors of {host.name}"
    surely(host, "processors", what)
    found = dict.fromkeys(known(item.manufacturer, what) for item in known(host.facts.processors, what))
    return known(" and ".join(found) if found else Unreadable("the host named none"), what)
