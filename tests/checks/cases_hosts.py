"""Cases of hosts and of capacity."""

from __future__ import annotations

from dataclasses import replace

from tests.checks.case import Case, drop, put, refused, rows, unchanged
from tests.checks.world import DB, GIB, VM, WEB, Chains, Change, World, denied, job, vhd, volume
from winmigrate.checks import Outcome, Severity
from winmigrate.inventory import Limits, Reserve
from winmigrate.playbook.types import RunLimits

P, F, U = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN


def _limits(world: World) -> None:
    world.hosts["hv02"] = replace(world.hosts["hv02"], limits=Limits(live=4, storage=4))


def _playbook_limits(world: World) -> None:
    world.playbook_more["limits"] = RunLimits(live=3)


def _reserve(memory: int | None = None, **disks: int) -> Change:
    def change(world: World) -> None:
        world.hosts["hv02"] = replace(world.hosts["hv02"], reserve=Reserve(memory, disks))

    return change


def _free(gib: float) -> Change:
    return put("hv02", "Win32_OperatingSystem", FreePhysicalMemory=int(gib * GIB // 1024))


def _room(gib: int, size: int = 1000) -> Change:
    def change(world: World) -> None:
        world.answers["hv02"]["Get-Volume"][1].update(SizeRemaining=gib * GIB, Size=size * GIB)

    return change


def _system_volume(world: World) -> None:
    world.storage = replace(world.storage, path="C:\\VMs\\{vm}")


def _no_size(world: World) -> None:
    disk = vhd("D:\\VMs\\web01\\web01.vhdx")
    del disk["FileSize"]
    world.answers["hv01"]["Get-VHD"] = Chains(disk)


_C_ALONE = (volume("C", 200, 120),)

CASES = [
    Case("hyperv-role", P, unchanged, "installed on hv01", on="hv01"),
    Case("hyperv-role", P, refused("hv02", "Get-WindowsFeature"), "the Hyper-V of hv02 answers", on="hv02"),
    Case(
        "hyperv-role", F, put("hv02", "Get-WindowsFeature", InstallState="Available"),
        "the Hyper-V role is available on hv02, not installed", "Install-WindowsFeature -Name Hyper-V", on="hv02",
    ),
    Case(
        "hyperv-role", U, refused("hv02", "Get-WindowsFeature", "Get-VMHost"),
        "whether hv02 has the Hyper-V role cannot be read: access denied", on="hv02",
    ),
    Case("hyperv-role", U, rows("hv02", "Get-WindowsFeature"), "named no Hyper-V", on="hv02"),
    Case("vmms-running", P, unchanged, "running on hv02", on="hv02"),
    Case("vmms-running", P, refused("hv02", "Win32_Service"), "answers", on="hv02"),
    Case(
        "vmms-running", F, put("hv02", "Win32_Service", State="Stopped"), "the service vmms is stopped on hv02",
        "Start-Service -Name vmms", on="hv02",
    ),
    Case("vmms-running", F, rows("hv01", "Win32_Service"), "hv01 has no service vmms", "install", on="hv01"),
    Case("vmms-running", U, drop("hv01", "Win32_Service", "State"), "the state of vmms on hv01", on="hv01"),
    Case("hypervisor-running", P, unchanged, "loaded on hv01", on="hv01"),
    Case(
        "hypervisor-running", F, put("hv02", "Win32_ComputerSystem", HypervisorPresent=False),
        "no hypervisor is loaded on hv02", "bcdedit /set hypervisorlaunchtype auto", on="hv02",
    ),
    Case(
        "hypervisor-running", U, refused("hv02", "Win32_ComputerSystem"),
        "whether a hypervisor runs on hv02 cannot be read", on="hv02",
    ),
    Case(
        "hypervisor-running", U, put("hv02", "Win32_ComputerSystem", HypervisorPresent=None), "does not say",
        on="hv02",
    ),
    Case("os-version-floor", P, unchanged, "hv01 runs Windows Server 2019, hv02 2019"),
    Case("os-version-floor", P, lambda world: world.version("hv02", "2025"), "hv02 2025"),
    Case(
        "os-version-floor", U, put("hv02", "Win32_OperatingSystem", BuildNumber="7601"),
        "the Windows of hv02 cannot be read: build 7601 is older than Windows Server 2012",
    ),
    Case(
        "os-version-floor", F, lambda world: world.version("hv02", "2012"),
        "hv01 runs Windows Server 2019, hv02 2012", "upgrade hv02",
    ),
    Case(
        "os-version-floor", F, put("hv01", "Win32_OperatingSystem", ProductType=1),
        "hv01 runs a client Windows", "choose another destination",
    ),
    Case(
        "os-version-floor", U, refused("hv02", "Win32_OperatingSystem"), "the Windows of hv02 cannot be read",
    ),
    Case("migration-enabled", P, unchanged, "enabled on hv02", on="hv02"),
    Case(
        "migration-enabled", F, put("hv02", "Get-VMHost", VirtualMachineMigrationEnabled=False),
        "live migration is not enabled on hv02", "Enable-VMMigration", on="hv02",
    ),
    Case(
        "migration-enabled", U, refused("hv01", "Get-VMHost"),
        "whether live migration is enabled on hv01 cannot be read: access denied", on="hv01",
        needs="Hyper-V Administrators on hv01",
    ),
    Case("cpu-vendor", P, unchanged, "GenuineIntel on both"),
    Case(
        "cpu-vendor", F, put("hv02", "Win32_Processor", Manufacturer="AuthenticAMD"),
        "hv01 has GenuineIntel, hv02 has AuthenticAMD", "choose a destination with GenuineIntel",
    ),
    Case("cpu-vendor", U, refused("hv02", "Win32_Processor"), "the processors of hv02 cannot be read"),
    Case("cpu-vendor", U, rows("hv02", "Win32_Processor"), "the host named none"),
    Case("vmms-running", U, rows("hv01", "Win32_Service", {"Name": "WinRM"}, denied()), "the services", on="hv01"),
    # --- capacity
    Case("disk-free", U, rows("hv02", "Get-Volume", denied(), *_C_ALONE), "the volumes of hv02"),
    Case("slots-live", U, rows("hv01", "Msvm_MigrationJob", job(DB), denied()), "the migrations of hv01", on="hv01"),
    Case("mem-free", P, unchanged, "4 GiB of the 60 GiB free on hv02; 8 GiB are to stay free"),
    Case("mem-free", P, _free(12), "12 GiB free"),
    Case(
        "mem-free", F, _free(11.9),
        "web01 has 4 GiB of memory; hv02 has 11.9 GiB free, of which 8 GiB are to stay free",
        "free 102 MiB of memory on hv02",
    ),
    Case("mem-free", F, _reserve(57 * GIB), "of which 57 GiB are to stay free", "free 1 GiB"),
    Case("mem-free", P, _reserve(56 * GIB), "56 GiB are to stay free"),
    Case("mem-free", U, refused("hv02", "Win32_OperatingSystem"), "the free memory of hv02 cannot be read"),
    Case("mem-free", U, drop("hv01", VM, "MemoryAssigned"), "the memory of web01 cannot be read"),
    Case("vcpu-limit", P, unchanged, "2 of 16 on hv02"),
    Case(
        "vcpu-limit", F, put("hv01", VM, ProcessorCount=17),
        "web01 has 17 virtual processors; hv02 has 16 logical ones", f"Get-VM -Id {WEB} | Set-VMProcessor -Count 16",
    ),
    Case("vcpu-limit", U, drop("hv02", "Get-VMHost", "LogicalProcessorCount"), "the logical processors of hv02"),
    Case("disk-free", P, unchanged, "24 GiB of the 600 GiB free on D:"),
    Case("disk-free", P, _room(174), "24 GiB of the 174 GiB free"),
    Case(
        "disk-free", F, _room(173),
        "web01 needs 24 GiB on D:; hv02 has 173 GiB free there, of which 150 GiB are to stay free",
        "free 1 GiB on D: of hv02", place="playbook.yml:4:5",
    ),
    Case("disk-free", F, _room(73, size=100), "of which 50 GiB are to stay free", "free 1 GiB"),
    Case("disk-free", F, _reserve(D=577 * GIB), "of which 577 GiB are to stay free", "free 1 GiB"),
    Case(
        "disk-free", F, _system_volume, "C: is the system volume of hv02: nothing is put there", "another volume",
        place="playbook.yml:4:5",
    ),
    Case("disk-free", U, refused("hv02", "Get-Volume"), "the volumes of hv02 cannot be read"),
    Case("disk-free", U, _no_size, "the size of D:\\VMs\\web01\\web01.vhdx could not be read"),
    Case("slots-live", P, unchanged, "0 of 2 taken on hv01", on="hv01"),
    Case(
        "slots-live", F, put("hv02", "Get-VMHost", MaximumVirtualMachineMigrations=0),
        "hv02 allows no live migration at all", "Set-VMHost -MaximumVirtualMachineMigrations 2", on="hv02",
        severity=Severity.BLOCKS,
    ),
    Case(
        "slots-live", F, rows("hv01", "Msvm_MigrationJob", job(DB), job(DB, InstanceID="2"), job(WEB, JobState=7)),
        "2 of 2 live migrations run on hv01 now", "a slot is waited for", on="hv01", severity=Severity.INFORMS,
    ),
    Case("slots-live", P, rows("hv01", "Msvm_MigrationJob", job(DB, JobType=307), job(DB)), "1 of 2 taken", on="hv01"),
    Case(
        "slots-live", F, _limits, "the inventory asks for 4 live migrations at once on hv02, which allows 2",
        "Set-VMHost -MaximumVirtualMachineMigrations 4", on="hv02", severity=Severity.INFORMS,
    ),
    Case(
        "slots-live", F, _playbook_limits, "the playbook asks for 3 live migrations at once on hv01, which allows 2",
        "limits: {live: 2} in the playbook", on="hv01", severity=Severity.INFORMS,
    ),
    Case("slots-live", U, refused("hv01", "Msvm_MigrationJob"), "the migrations of hv01 cannot be read", on="hv01"),
    Case("slots-storage", P, unchanged, "0 of 2 taken on hv02", on="hv02"),
    Case(
        "slots-storage", F, put("hv02", "Get-VMHost", MaximumStorageMigrations=0),
        "hv02 allows no storage migration at all", "Set-VMHost -MaximumStorageMigrations 2", on="hv02",
        severity=Severity.BLOCKS,
    ),
    Case(
        "slots-storage", F,
        rows("hv01", "Msvm_MigrationJob", job(DB, JobType=307), job(DB, JobType=305), job(DB, JobType=None)),
        "2 of 2 storage migrations run on hv01 now", "waited for", on="hv01", severity=Severity.INFORMS,
    ),
    Case("slots-storage", U, drop("hv01", "Get-VMHost", "MaximumStorageMigrations"), "hv01 allows", on="hv01"),
    Case("slots-storage", F, _limits, "asks for 4 storage migrations", "Set-VMHost", on="hv02"),
]  # fmt: skip
