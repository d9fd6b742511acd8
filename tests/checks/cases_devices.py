"""Cases of devices, protection and memory layout: what a VM has of its host beside disks and adapters."""

from __future__ import annotations

from typing import Any

from tests.checks.case import Case, drop, put, refused, rows, unchanged
from tests.checks.world import (
    DISKS,
    MEMORY,
    PROCESSORS,
    SECURITY,
    VM,
    WEB,
    Chains,
    Change,
    World,
    adapter,
    drive,
    enum,
    memory,
    processor,
    security,
    vhd,
)
from tests.survey.hosts import Failure
from winmigrate.checks import Outcome, Severity

P, F, U, S, W = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP, Outcome.PENDING

_DISK = "D:\\VMs\\web01\\web01.vhdx"
FLOPPY = "Get-VM | Where-Object | Get-VMFloppyDiskDrive"
GPU = "Get-VM | Get-VMGpuPartitionAdapter"
REMOTE_FX = "Get-VM | Get-VMRemoteFx3dVideoAdapter"
HBA = "Get-VM | Get-VMFibreChannelHba"
CERTIFICATES = "Get-ChildItem"
LINKS = "Get-ChildItem | Where-Object"
HGS = "Get-HgsClientConfiguration"
NUMA = "Get-VMHostNumaNode"
POOLS = "Get-VMResourcePool"


def both(*changes: Change) -> Change:
    """One after the other."""

    def change(world: World) -> None:
        for one in changes:
            one(world)

    return change


def version(host: str, name: str) -> Change:
    return lambda world: world.version(host, name)


# --- disks -----------------------------------------------------------------------------------------------------------


def _disk(path: str, **more: Any) -> Change:
    def change(world: World) -> None:
        world.answers["hv01"][DISKS].append(drive(WEB, path, 1, **more))
        world.answers["hv01"]["Get-VHD"] = Chains(vhd(_DISK), vhd(path))

    return change


_UPD = "D:\\UPD\\UVHD-S-1-5-21-1-2-3-1107.vhdx"


# --- floppy, graphics ------------------------------------------------------------------------------------------------


def _first_generation(path: str | None) -> Change:
    return both(put("hv01", VM, Generation=1), rows("hv01", FLOPPY, {"VMId": WEB, "VMName": "web01", "Path": path}))


def _gpu(*supports: bool, **vm: Any) -> Change:
    found = [{"VMId": WEB, "VMName": "web01", "SupportsOutgoingLiveMigration": one} for one in supports]
    return both(rows("hv01", GPU, *found), put("hv01", VM, **vm))


_BOTH_2025 = both(version("hv01", "2025"), version("hv02", "2025"))


def _remote_fx(**cells: Any) -> Change:
    return rows("hv01", REMOTE_FX, {"VMId": WEB, "VMName": "web01", "MaximumMonitors": 1, **cells})


# --- Fibre Channel ---------------------------------------------------------------------------------------------------


def hba(**more: Any) -> dict[str, Any]:
    return {
        "Id": "1",
        "VMId": WEB,
        "VMName": "web01",
        "SanName": "Production",
        "WorldWideNodeNameSetA": "C003FF0000FFFF00",
        "WorldWidePortNameSetA": "C003FF5778E50002",
        "WorldWideNodeNameSetB": "C003FF0000FFFF00",
        "WorldWidePortNameSetB": "C003FF5778E50003",
        **more,
    }


def _hba(**more: Any) -> Change:
    return rows("hv01", HBA, hba(**more))


def _sans(*names: str) -> Change:
    return rows("hv02", "Get-VMSan", *({"Name": name} for name in names))


# --- protection ------------------------------------------------------------------------------------------------------


def _secured(**cells: Any) -> Change:
    return rows("hv01", SECURITY, security(**cells))


_TPM = _secured(TpmEnabled=True)
_SHIELDED = _secured(TpmEnabled=True, Shielded=True)
_NO_STORE = Failure(
    "Cannot find path 'Cert:\\LocalMachine\\Shielded VM Local Certificates' because it does not exist.",
    "PathNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand",
    13,
)


def keys(host: str, *prints: str, key: bool = True) -> Change:
    return rows(
        host,
        CERTIFICATES,
        *({"Thumbprint": one, "HasPrivateKey": key, "Subject": f"CN=Shielded VM {one} (hv01)"} for one in prints),
    )


def _guarded(host: str, url: str = "https://hgs.corp.example/Attestation", **cells: Any) -> Change:
    return rows(host, HGS, {"IsHostGuarded": True, "AttestationServerUrl": url, "AttestationStatus": "Passed", **cells})


_URL = "https://hgs.corp.example/Attestation"


# --- pools and NUMA --------------------------------------------------------------------------------------------------


def _processor(**more: Any) -> Change:
    return rows("hv01", PROCESSORS, processor(WEB, **more))


def _memory(**more: Any) -> Change:
    return rows("hv01", MEMORY, memory(WEB, **more))


def _pool(kind: str, name: str) -> Change:
    return rows("hv02", POOLS, {"Name": name, "ResourcePoolType": enum("VMResourcePoolType", kind)})


_NO_SPANNING = put("hv02", "Get-VMHost", NumaSpanningEnabled=False)


def _nodes(*free: int, processors: int = 8) -> Change:
    found = [
        {"NodeId": node, "ProcessorsAvailability": [100] * processors, "MemoryAvailable": mib, "MemoryTotal": 32 * 1024}
        for node, mib in enumerate(free)
    ]
    return both(_NO_SPANNING, rows("hv02", NUMA, *found))


# --- links -----------------------------------------------------------------------------------------------------------


def _link(host: str, path: str, kind: str | None = "SymbolicLink") -> Change:
    return rows(host, LINKS, {"FullName": path, "LinkType": kind})


def _old_link(world: World) -> None:
    world.version("hv01", "2012R2")
    world.set("hv01", LINKS, {"FullName": "D:\\VMs\\web01\\old"})


CASES: list[Case] = [
    Case("disk-rds-upd", P, unchanged, "none of 1 disk"),
    Case("disk-rds-upd", F, _disk(_UPD), _UPD, "have the user of UVHD-S-1-5-21-1-2-3-1107.vhdx sign out"),
    Case("disk-rds-upd", F, _disk("D:\\UPD\\uvhd-template.VHDX"), "uvhd-template"),
    Case("disk-rds-upd", P, _disk("D:\\UPD\\UVHD-notes.vhdx"), "none of 2 disks"),
    Case("disk-rds-upd", U, refused("hv01", DISKS), "the disks of web01 cannot be read"),
    Case("disk-rds-upd", U, drop("hv01", DISKS, "Path"), "the disks of web01"),
    Case("floppy-host-media", P, unchanged, "generation 2 has no such drive"),
    Case("floppy-host-media", P, _first_generation(None), "empty"),
    Case("floppy-host-media", F, _first_generation("D:\\boot.vfd"), "web01 has D:\\boot.vfd of hv01",
         "Get-VMFloppyDiskDrive | Set-VMFloppyDiskDrive -Path $null"),
    Case("floppy-host-media", U, put("hv01", VM, Generation=1), "the host answered nothing for a VM of generation 1"),
    Case("floppy-host-media", U, drop("hv01", VM, "Generation"), "the generation of web01"),
    Case("floppy-host-media", U, refused("hv01", FLOPPY), "the floppy disk drive of web01"),
    Case("vfc-san-name", P, unchanged, "no virtual Fibre Channel adapter"),
    Case("vfc-san-name", P, both(_hba(), _sans("PRODUCTION", "Backup")), '"Production" on hv02'),
    Case("vfc-san-name", F, both(_hba(), _sans("Backup")), 'hv02 has no virtual SAN "Production" for web01; it has '
         '"Backup"', "New-VMSan -Name 'Production'"),
    Case("vfc-san-name", F, _hba(), "it has none"),
    Case("vfc-san-name", P, _hba(SanName=None), "none on hv02"),
    Case("vfc-san-name", U, refused("hv01", HBA), "the Fibre Channel adapters of web01"),
    Case("vfc-san-name", U, both(_hba(), refused("hv02", "Get-VMSan")), "the virtual SANs of hv02 cannot be read",
         needs="Hyper-V Administrators on hv02"),
    Case("vfc-san-name", U, both(_hba(), drop("hv01", HBA, "SanName")), "the Fibre Channel adapters of web01"),
    Case("vfc-wwn-both-sets", P, unchanged, "no virtual Fibre Channel adapter"),
    Case("vfc-wwn-both-sets", W, _hba(), "both sets are there (C003FF5778E50002, C003FF5778E50003)"),
    Case("vfc-wwn-both-sets", F, _hba(WorldWidePortNameSetB="C003ff5778e50002"), "has C003FF5778E50002 in both sets",
         "Set-VMFibreChannelHba -GenerateWwn"),
    Case("vfc-wwn-both-sets", F, _hba(WorldWidePortNameSetB="0000000000000000"), "lacks names"),
    Case("vfc-wwn-both-sets", F, _hba(WorldWideNodeNameSetB=""), "B -/C003FF5778E50003"),
    Case("vfc-wwn-both-sets", W, refused("hv01", HBA), "the Fibre Channel adapters of web01 cannot be read"),
    Case("vfc-wwn-both-sets", W, both(_hba(), drop("hv01", HBA, "WorldWidePortNameSetB")), "cannot be read"),
    Case("dev-gpu-partition", P, unchanged, "no GPU partition"),
    Case("dev-gpu-partition", P, version("hv01", "2012R2"), "Windows Server 2012R2 has no such adapters"),
    Case("dev-gpu-partition", F, _gpu(True), "web01 has 1 GPU partition of hv01: hv01 has Windows Server 2019",
         "Remove-VMGpuPartitionAdapter"),
    Case("dev-gpu-partition", F, both(version("hv01", "2025"), _gpu(True, Version="12.0")), "hv02 has Windows Server"),
    Case("dev-gpu-partition", F, both(_BOTH_2025, _gpu(True, False, Version="12.0")), "does not support it"),
    Case("dev-gpu-partition", F, both(_BOTH_2025, _gpu(True, Version="9.0")), "its configuration version is 9.0"),
    Case("dev-gpu-partition", W, both(_BOTH_2025, _gpu(True, Version="12.0")), "hv01 can move it"),
    Case("dev-gpu-partition", W, refused("hv01", GPU), "the GPU partitions of web01 cannot be read"),
    Case("dev-gpu-partition", W, both(_BOTH_2025, _gpu(True, Version="12.0"),
                                      drop("hv01", GPU, "SupportsOutgoingLiveMigration")), "cannot be read"),
    Case("dev-remotefx", P, unchanged, "none"),
    Case("dev-remotefx", F, _remote_fx(), "web01 has a RemoteFX 3D video adapter of hv01",
         "Remove-VMRemoteFx3dVideoAdapter"),
    Case("dev-remotefx", S, both(version("hv01", "2022"), _remote_fx()), "not on Windows Server 2022"),
    Case("dev-remotefx", U, refused("hv01", REMOTE_FX), "the RemoteFX adapter of web01 cannot be read"),
    Case("dev-pmem", P, unchanged, "none"),
    Case("dev-pmem", F, _disk("D:\\VMs\\web01\\log.vhdpmem", ControllerType=enum("ControllerType", "PMEM")),
         "web01 has persistent memory: D:\\VMs\\web01\\log.vhdpmem", "Get-VMHardDiskDrive -ControllerType PMEM"),
    Case("dev-pmem", U, refused("hv01", DISKS), "the disks of web01"),
    Case("dev-pmem", U, drop("hv01", DISKS, "ControllerType"), "the disks of web01"),
    Case("dev-pmem", S, version("hv01", "2016"), "not on Windows Server 2016"),
    Case("sec-vtpm-keys", P, unchanged, "no virtual TPM"),
    Case("sec-vtpm-keys", P, version("hv01", "2012R2"), "has no virtual TPM"),
    Case("sec-vtpm-keys", P, both(_TPM, keys("hv01", "AA", "BB"), keys("hv02", "bb", "aa", "CC")),
         "hv02 has 2 certificates of hv01"),
    Case("sec-vtpm-keys", F, both(_TPM, keys("hv01", "AA", "BB"), keys("hv02", "CC")),
         'hv02 has none of the certificates of hv01 that can protect it: "CN=Shielded VM AA (hv01)", "CN=Shield',
         "certutil -exportPFX"),
    Case("sec-vtpm-keys", F, both(_TPM, keys("hv01", "AA"), rows("hv02", CERTIFICATES, _NO_STORE)), "hv02 has none"),
    Case("sec-vtpm-keys", F, both(_TPM, keys("hv01", "AA"), keys("hv02", "AA", key=False)), "hv02 has none"),
    Case("sec-vtpm-keys", F, both(_TPM, keys("hv01", "AA"), _guarded("hv01")), "hv02 has none"),
    Case("sec-vtpm-keys", W, both(_TPM, keys("hv01", "AA", "BB"), keys("hv02", "AA")),
         'hv02 lacks "CN=Shielded VM BB (hv01)" of hv01 and has the others'),
    Case("sec-vtpm-keys", W, both(_TPM, rows("hv01", CERTIFICATES, _NO_STORE)), "hv01 itself has no certificate"),
    Case("sec-vtpm-keys", W, both(_TPM, keys("hv01", "AA", key=False)), "hv01 itself has no certificate"),
    Case("sec-vtpm-keys", W, both(_TPM, keys("hv01", "AA"), _guarded("hv01"), _guarded("hv02")), "one guarded fabric"),
    Case("sec-vtpm-keys", W, both(_TPM, keys("hv01", "AA"), refused("hv02", CERTIFICATES)),
         "the certificates of hv02 in 'Shielded VM Local Certificates' cannot be read"),
    Case("sec-vtpm-keys", W, both(_TPM, keys("hv01", "AA"), drop("hv01", CERTIFICATES, "HasPrivateKey")), "of hv01 in"),
    Case("sec-vtpm-keys", W, rows("hv01", SECURITY), "the security settings of web01 cannot be read"),
    Case("sec-vtpm-keys", W, drop("hv01", SECURITY, "TpmEnabled"), "the security settings of web01"),
    Case("sec-vtpm-keys", W, both(_TPM, keys("hv01", "AA"), refused("hv01", HGS)), "the guardian client of hv01"),
    Case("sec-shielded", P, unchanged, "not shielded"),
    Case("sec-shielded", P, version("hv01", "2012"), "Windows Server 2012 shields no VM"),
    Case("sec-shielded", P, both(_SHIELDED, _guarded("hv01"), _guarded("hv02", _URL.upper() + "/")),
         "hv02 is guarded by https://hgs.corp.example/attestation, as hv01 is"),
    Case("sec-shielded", F, both(_SHIELDED, _guarded("hv01")), "web01 is shielded, and hv02 is no guarded host",
         f"Set-HgsClientConfiguration -AttestationServerUrl '{_URL}'"),
    Case("sec-shielded", F, both(_SHIELDED, _guarded("hv01"), _guarded("hv02", "https://other.example/A")),
         "hv02 is guarded by https://other.example/a, hv01 by https://hgs.corp.example/attestation"),
    Case("sec-shielded", F, both(_SHIELDED, rows("hv01", HGS, {"IsHostGuarded": False, "AttestationServerUrl": None})),
         "hv02 is no guarded host", "-AttestationServerUrl <url>"),
    Case("sec-shielded", U, both(_SHIELDED, _guarded("hv01"), refused("hv02", HGS)), "the guardian client of hv02"),
    Case("sec-shielded", U, both(_SHIELDED, _guarded("hv01"), drop("hv02", HGS, "IsHostGuarded")), "cannot be read"),
    Case("sec-shielded", U, drop("hv01", SECURITY, "Shielded"), "the security settings of web01"),
    Case("sec-encrypted-traffic", P, unchanged, "not encrypted"),
    Case("sec-encrypted-traffic", F, _secured(EncryptStateAndVmMigrationTraffic=True), "the migration traffic of web01",
         "Set-VMSecurity -EncryptStateAndVmMigrationTraffic $false", severity=Severity.INFORMS),
    Case("sec-encrypted-traffic", U, refused("hv01", SECURITY), "the security settings of web01"),
    Case("sec-encrypted-traffic", U, rows("hv01", SECURITY), "the host answered nothing"),
    Case("sec-encrypted-traffic", S, version("hv01", "2012R2"), "not on Windows Server 2012R2"),
    Case("resource-pools", P, unchanged, "Primordial"),
    Case("resource-pools", P, both(_processor(ResourcePoolName="Gold"), _pool("Processor", "gold")), '"Gold" on hv02'),
    Case("resource-pools", F, _processor(ResourcePoolName="Gold"), "hv02 has no resource pool Processor 'Gold' of web",
         "New-VMResourcePool -Name 'Gold' -ResourcePoolType Processor"),
    Case("resource-pools", F, both(_memory(ResourcePoolName="Gold"), _pool("Processor", "Gold")), "Memory 'Gold'"),
    Case("resource-pools", F, _disk("E:\\a.vhdx", PoolName="Fast"), "VHD 'Fast'"),
    Case("resource-pools", F, rows("hv01", "Get-VM | Get-VMNetworkAdapter", adapter(WEB, "External", PoolName="DMZ")),
         "Ethernet 'DMZ'"),
    Case("resource-pools", U, both(_processor(ResourcePoolName="Gold"), refused("hv02", POOLS)), "pools of hv02"),
    Case("resource-pools", U, refused("hv01", PROCESSORS), "the resource pools of web01"),
    Case("resource-pools", U, rows("hv01", MEMORY), "the host answered nothing of its memory"),
    Case("resource-pools", U, drop("hv01", DISKS, "PoolName"), "the resource pools of web01"),
    Case("mem-numa", P, unchanged, "may span"),
    Case("mem-numa", P, _nodes(30 * 1024, 30 * 1024), "1 virtual NUMA node of 2 processors and 4 GiB"),
    Case("mem-numa", F, _nodes(3 * 1024, 2 * 1024), "web01 has 1 virtual NUMA node of 2 processors and 4 GiB, and hv02"
         ", whose VMs may not span nodes, has node 0 with 8 processors and 3 GiB free, node 1",
         "Set-VMHost -NumaSpanningEnabled $true"),
    Case("mem-numa", P, both(_memory(MaximumPerNumaNode=2048), _nodes(3 * 1024, 2 * 1024)),
         "2 virtual NUMA nodes of 1 processor and 2 GiB"),
    Case("mem-numa", F, both(_memory(MaximumPerNumaNode=2048, DynamicMemoryEnabled=True), _nodes(3 * 1024, 2 * 1024)),
         "1 virtual NUMA node"),
    Case("mem-numa", F, both(_processor(Count=16), put("hv01", VM, ProcessorCount=16), _nodes(30 * 1024)),
         "of 16 processors"),
    Case("mem-numa", P, both(_processor(Count=16, MaximumCountPerNumaNode=8), put("hv01", VM, ProcessorCount=16),
                             _nodes(30 * 1024)), "2 virtual NUMA nodes of 8 processors"),
    Case("mem-numa", P, both(put("hv01", VM, MemoryAssigned=0), _nodes(1024)), "no memory is assigned"),
    Case("mem-numa", U, both(_NO_SPANNING, refused("hv02", NUMA)), "the NUMA nodes of hv02"),
    Case("mem-numa", U, both(_NO_SPANNING, rows("hv02", NUMA)), "the host answered none"),
    Case("mem-numa", U, both(_nodes(30 * 1024), drop("hv02", NUMA, "ProcessorsAvailability")), "NUMA nodes of hv02"),
    Case("mem-numa", U, both(_nodes(30 * 1024), rows("hv01", MEMORY)), "the memory settings of web01"),
    Case("mem-numa", U, drop("hv02", "Get-VMHost", "NumaSpanningEnabled"), "NUMA spanning of hv02"),
    Case("loopback-leftover-symlinks", P, unchanged, "none in "),
    Case("loopback-leftover-symlinks", F, _link("hv01", "D:\\VMs\\web01\\copy.vhdx"),
         "D:\\VMs\\web01\\copy.vhdx on hv01 is a SymbolicLink, in a folder of web01",
         "Remove-Item -LiteralPath 'D:\\VMs\\web01\\copy.vhdx'"),
    Case("loopback-leftover-symlinks", F, _link("hv02", "D:\\VMs\\web01\\Virtual Hard Disks", "Junction"),
         "on hv02 is a Junction"),
    Case("loopback-leftover-symlinks", P, _link("hv01", _DISK, None), "none in "),
    Case("loopback-leftover-symlinks", U, refused("hv02", LINKS), "on hv02 cannot be read",
         needs="Administrators on hv02"),
    Case("loopback-leftover-symlinks", U, _old_link, "not on this build"),
    Case("loopback-leftover-symlinks", U, refused("hv01", DISKS), "the files of web01"),
]

