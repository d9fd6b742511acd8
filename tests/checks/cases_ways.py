"""Cases of what lies around two hosts: ports, names, clocks, updates, policies, how memory travels."""

from __future__ import annotations

from typing import Any

from tests.checks.case import Case, drop, put, refused, rows, unchanged
from tests.checks.surroundings import LISTENERS, NO_POL, POL, REGISTRY, RIGHTS, Names, Ports, now
from tests.checks.world import Change, World, denied, enum
from tests.survey.hosts import Failure
from winmigrate.checks import Outcome, Severity

P, F, U, S = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP
SYSTEM = "Win32_OperatingSystem"
WINRM = "Test-WSMan | expand ProductVersion"


def answers(host: str, statement: str, answer: Any) -> Change:
    def change(world: World) -> None:
        world.answers[host][statement] = answer

    return change


def both(*changes: Change) -> Change:
    def change(world: World) -> None:
        for each in changes:
            each(world)

    return change


def registry(host: str, row: int, **cells: Any) -> Change:
    return lambda world: world.answers[host][REGISTRY][row].update(cells)


def named(host: str, row: int, name: str, value: Any) -> Change:
    return lambda world: world.answers[host][REGISTRY][row].update({name: value})


def option(name: str, *hosts: str) -> Change:
    chosen = enum("VMMigrationPerformance", name)
    return both(*(put(host, "Get-VMHost", VirtualMachineMigrationPerformanceOption=chosen) for host in hosts))


def right(name: str, *accounts: str, precedence: int = 1) -> dict[str, Any]:
    return {"UserRight": name, "AccountList": list(accounts), "precedence": precedence}


def version(host: str, name: str) -> Change:
    return lambda world: world.version(host, name)


def kind(name: str) -> Change:
    def change(world: World) -> None:
        world.kind = name

    return change


SMB = option("SMB", "hv01", "hv02")
LOGON, LINKS = "SeServiceLogonRight", "SeCreateSymbolicLinkPrivilege"
MACHINES = "NT VIRTUAL MACHINE\\Virtual Machines"
MISSING = Failure("The term 'Get-MpPreference' is not recognized", "CommandNotFoundException", 13, terminating=True)
_FAULT = '<f:WSManFault Code="1"><f:Message>The client cannot connect to the\n destination. </f:Message></f:WSManFault>'
_BOTH_ADDRESSES = rows("hv02", "Msvm_VirtualSystemMigrationService | expand MigrationServiceListenerIPAddressList",
                       "10.30.0.12", "10.20.0.12")  # fmt: skip

PORTS = [
    Case("listener-6600", P, unchanged, "hv02 listens on [::]:6600", on="hv02"),
    Case("listener-6600", F, rows("hv02", LISTENERS), "nothing on hv02 listens", "Restart-Service", "hv02",
         Severity.BLOCKS),
    Case("listener-6600", F, rows("hv01", LISTENERS), "nothing on hv01", on="hv01", severity=Severity.RISKS),
    Case("listener-6600", F, put("hv02", LISTENERS, State="Established"), "nothing on hv02", on="hv02"),
    Case("listener-6600", U, refused("hv02", LISTENERS), "what hv02 listens on cannot be read", on="hv02",
         needs="Administrators on hv02"),
    Case("port-6600-reachable", P, unchanged, "hv01 reaches 10.30.0.12:6600"),
    Case("port-6600-reachable", F, answers("hv01", "Test-NetConnection", Ports(("10.30.0.12", 6600))),
         "hv01 does not reach 10.30.0.12:6600 of hv02", "on hv02: Enable-NetFirewallRule -DisplayGroup 'Hyper-V'",
         severity=Severity.BLOCKS),
    Case("port-6600-reachable", F,
         both(_BOTH_ADDRESSES, answers("hv01", "Test-NetConnection", Ports(("10.20.0.12", 6600)))),
         "does not reach 10.20.0.12:6600, but 10.30.0.12:6600", severity=Severity.RISKS),
    Case("port-6600-reachable", S,
         rows("hv02", "Msvm_VirtualSystemMigrationService | expand MigrationServiceListenerIPAddressList"),
         "takes migrations on no address"),
    Case("port-6600-reachable", U, refused("hv01", "Test-NetConnection"),
         "whether hv01 reaches 10.30.0.12:6600 of hv02 cannot be read: access denied", needs="Administrators on hv01"),
    Case("port-6600-reachable", U, version("hv01", "2012"), "Windows Server 2012 has no Test-NetConnection"),
    Case("port-6600-reachable", U, rows("hv01", "Test-NetConnection"), "said nothing about it"),
    Case("port-445-reachable", P, unchanged, "hv01 reaches hv02.corp.example:445"),
    Case("port-445-reachable", F, answers("hv01", "Test-NetConnection", Ports(("hv02.corp.example", 445))),
         "hv01 does not reach hv02.corp.example:445",
         "Enable-NetFirewallRule -DisplayGroup 'File and Printer Sharing'"),
    Case("port-445-reachable", U, rows("hv01", "Test-NetConnection", {"TcpTestSucceeded": "perhaps"}), "perhaps"),
    Case("port-445-reachable", S, kind("shared-smb"), "no file is copied"),
    Case("port-445-reachable", F,
         both(kind("shared-smb"), SMB, answers("hv01", "Test-NetConnection", Ports(("hv02.corp.example", 445)))),
         "does not reach"),
    Case("port-winrm-reachable", P, unchanged, "hv01 reaches hv02.corp.example:5985"),
    Case("port-winrm-reachable", F, rows("hv01", WINRM, Failure(_FAULT, "WsManError,Test", 9)),
         "hv01 does not reach hv02.corp.example:5985: The client cannot connect to the destination.",
         "Enable-NetFirewallRule -DisplayGroup 'Windows Remote Management'"),
    Case("port-winrm-reachable", U, refused("hv01", WINRM), "cannot be read: access denied"),
    Case("port-winrm-reachable", S, version("hv01", "2012R2"), "not on Windows Server 2012R2"),
    Case("migration-link-speed", P, unchanged, "hv02: NIC1 10 Gbit/s", on="hv02"),
    Case("migration-link-speed", F, put("hv02", "Get-NetAdapter", Speed=10**8),
         "migrations of hv02 go over NIC1 100 Mbit/s", "faster adapter", "hv02"),
    Case("migration-link-speed", U, refused("hv02", "Get-NetAdapter"), "the network adapters of hv02", on="hv02"),
    Case("migration-link-speed", U, put("hv02", "Get-NetAdapter", Status="Disconnected"), "no physical", on="hv02"),
]

NAMES = [
    Case("dns-forward-both", P, unchanged, "hv01 finds hv02.corp.example at 10.20.0.12, hv02 finds hv01"),
    Case("dns-forward-both", F, answers("hv01", "Resolve-DnsName", Names(hv02=[])), "hv01 finds no hv02.corp.example",
         "on hv02: Register-DnsClient; then on hv01: Clear-DnsClientCache", severity=Severity.BLOCKS),
    Case("dns-forward-both", F, answers("hv02", "Resolve-DnsName", Names(hv01=["10.9.9.9"])),
         "10.9.9.9 is no address of hv01, which has 10.20.0.11, 10.30.0.11", "delete the record 10.9.9.9",
         severity=Severity.BLOCKS),
    Case("dns-forward-both", F, answers("hv01", "Resolve-DnsName", Names(hv02=["10.20.0.12", "10.9.9.9"])),
         "10.9.9.9 is no address of hv02", severity=Severity.RISKS),
    Case("dns-forward-both", U, refused("hv02", "Resolve-DnsName"), "what hv02 finds for the other's name"),
    Case("dns-forward-both", U, rows("hv01", "Resolve-DnsName", Failure("timed out", "ERROR_TIMEOUT,Resolve")),
         "timed out"),
    Case("dns-forward-both", U, rows("hv01", "Resolve-DnsName"), "no address, and no error"),
    Case("dns-forward-both", U, refused("hv02", "Get-NetIPAddress"), "the addresses of hv02"),
]

ALIKE = [
    Case("hyperv-module-version", P, unchanged, "2.0.0.0 on hv02", on="hv02"),
    Case("hyperv-module-version", P, both(version("hv02", "2012R2"), put("hv02", "Get-Module", Version="1.1")), "1.1",
         on="hv02"),
    Case("hyperv-module-version", F, put("hv02", "Get-Module", Version="1.1"), "hv02 has 1.1",
         "Install-WindowsFeature -Name Hyper-V-PowerShell", "hv02"),
    Case("hyperv-module-version", F, rows("hv02", "Get-Module"), "no Hyper-V module", on="hv02"),
    Case("hyperv-module-version", U, refused("hv02", "Get-Module"), "the Hyper-V module of hv02", on="hv02"),
    Case("hyperv-module-version", U, put("hv02", "Get-Module", Version="old"), "old is no version", on="hv02"),
    Case("patch-level", P, unchanged, "build 17763.7558 on both"),
    Case("patch-level", S, version("hv02", "2022"), "run different Windows"),
    Case("patch-level", F, registry("hv01", 0, UBR=7314), "hv01 has build 17763.7314, hv02 has build 17763.7558",
         "install on hv01 the cumulative update that makes build 17763.7558"),
    Case("patch-level", U, refused("hv01", REGISTRY), "the updates of hv01 cannot be read"),
    Case("patch-level", U, registry("hv02", 0, UBR=None), "hv02 does not say which update"),
    Case("cpu-speculation-equal", P, unchanged, "microcode 00000000ea000000, FeatureSettingsOverride not set on both"),
    Case("cpu-speculation-equal", F, named("hv02", 1, "Update Revision", b"\0\0\0\0\xf0\0\0\0"),
         "hv01 runs microcode 00000000ea000000, hv02 00000000f0000000", "firmware"),
    Case("cpu-speculation-equal", F, registry("hv02", 2, FeatureSettingsOverride=3, FeatureSettingsOverrideMask=3),
         "FeatureSettingsOverride is not set on hv01, 3 (mask 3) on hv02", "set FeatureSettingsOverride"),
    Case("cpu-speculation-equal", P,
         both(put("hv02", "Win32_Processor", Name="Other"), named("hv02", 1, "Update Revision", b"\1")),
         "differ anyhow"),
    Case("cpu-speculation-equal", U, refused("hv02", REGISTRY), "hv02"),
    Case("cpu-speculation-equal", U, named("hv02", 1, "Update Revision", None), "hv02 does not say which microcode"),
    Case("cpu-speculation-equal", U, named("hv02", 1, "Update Revision", "x"), "expected binary data"),
    Case("time-skew", P, unchanged, "differ by less than 60 s"),
    Case("time-skew", U, drop("hv02", SYSTEM, "LocalDateTime"), "the clock of hv02 cannot be read"),
]


def skewed(**seconds: float) -> Change:
    def change(world: World) -> None:
        for host, ahead in seconds.items():
            world.put(host, SYSTEM, LocalDateTime=now(ahead))

    return change


CLOCKS = [
    Case("time-skew", P, skewed(hv02=40), "differ by less than 60 s"),
    Case("time-skew", F, skewed(hv02=400), "the clock of hv02 is", "w32tm /resync /rediscover on hv02",
         severity=Severity.BLOCKS),
    Case("time-skew", F, skewed(hv01=-900), "ahead of that of hv01", "w32tm /resync /rediscover on hv01",
         severity=Severity.BLOCKS),
    Case("time-skew", F, skewed(hv02=120), "the clock of hv02 is", severity=Severity.RISKS),
    Case("time-skew", F, skewed(hv01=900, hv02=900), "ahead of ours", "winmigrate", severity=Severity.RISKS),
    Case("time-skew", F, skewed(hv01=-900, hv02=-900), "behind ours", severity=Severity.RISKS),
    Case("time-skew", U, lambda world: world.put("hv01", SYSTEM, LocalDateTime=now().replace(tzinfo=None)),
         "the clock of hv01 cannot be read"),
]

POLICIES = [
    Case("gpo-logon-as-service", P, unchanged, "no group policy sets 'Log on as a service' on hv02", on="hv02"),
    Case("gpo-logon-as-service", P, rows("hv02", RIGHTS, right(LOGON, "*S-1-5-83-0")), "S-1-5-83-0", on="hv02"),
    Case("gpo-logon-as-service", P,
         rows("hv02", RIGHTS, right(LOGON, "CORP\\sql", precedence=2), right(LOGON, MACHINES)), "group policy gives",
         on="hv02"),
    Case("gpo-logon-as-service", F, rows("hv02", RIGHTS, right(LOGON, "CORP\\sql")),
         "group policy gives 'Log on as a service' on hv02 to \"CORP\\sql\", not to NT VIRTUAL MACHINE",
         "gpupdate /force", "hv02", Severity.BLOCKS),
    Case("gpo-logon-as-service", F,
         rows("hv02", RIGHTS, right(LOGON, "NT VIRTUAL MACHINE\\11111111-2222-3333-4444-555555555555")), "not to",
         on="hv02"),
    Case("gpo-logon-as-service", U, refused("hv02", RIGHTS), "the user rights that policies set on hv02", on="hv02",
         needs="Administrators on hv02"),
    Case("gpo-create-symbolic-links", P, rows("hv02", RIGHTS, right(LOGON, "x")), "no group policy sets", on="hv02"),
    Case("gpo-create-symbolic-links", P,
         rows("hv02", RIGHTS, right(LINKS, "VORDEFINIERT\\Administratoren", MACHINES)), "group policy gives",
         on="hv02"),
    Case("gpo-create-symbolic-links", F, rows("hv02", RIGHTS, right(LINKS, "*S-1-5-32-544")),
         "not to NT VIRTUAL MACHINE\\Virtual Machines", "Create symbolic links", "hv02"),
    Case("gpo-create-symbolic-links", F, rows("hv02", RIGHTS, right(LINKS)), "to nobody, not to Administrators and",
         on="hv02"),
    Case("gpo-create-symbolic-links", U, rows("hv02", RIGHTS, denied(), right(LOGON, "x")), "hv02", on="hv02"),
    Case("gpo-create-symbolic-links", U, rows("hv02", RIGHTS, {**right(LINKS, "x"), "precedence": None}), "precedence",
         on="hv02"),
    Case("registry-pol-intact", P, unchanged, "hv02 has none", on="hv02"),
    Case("registry-pol-intact", P, rows("hv02", POL, 80, 82, 101, 103), "begins with PReg", on="hv02"),
    Case("registry-pol-intact", F, rows("hv02", POL, 0, 0, 0, 0), "begins with 00 00 00 00", "gpupdate /force", "hv02"),
    Case("registry-pol-intact", F, rows("hv02", POL), "begins with nothing", on="hv02"),
    Case("registry-pol-intact", U, refused("hv02", POL), "Registry.pol of hv02 cannot be read", on="hv02"),
    Case("registry-pol-intact", U, both(put("hv02", SYSTEM, SystemDrive="E:"), rows("hv02", POL, NO_POL)),
         "Windows of hv02 is on E:", on="hv02"),
    Case("computername-uppercase", S, unchanged, "does not go over SMB (Compression)", on="hv01"),
    Case("computername-uppercase", P, SMB, "hv01 writes itself HV01", on="hv01"),
    Case("computername-uppercase", F, both(SMB, registry("hv01", 3, ComputerName="hv01")),
         "the registry of hv01 has hv01", "-Name ComputerName -Value HV01", "hv01"),
    Case("computername-uppercase", U, both(SMB, refused("hv01", REGISTRY)), "the name of hv01 in its registry",
         on="hv01"),
    Case("computername-uppercase", U, both(SMB, registry("hv01", 3, ComputerName=None)), "names no computer",
         on="hv01"),
    Case("computername-uppercase", S, version("hv01", "2022"), "not on Windows Server 2022", on="hv01"),
    Case("antivirus-exclusions", P, unchanged, "leaves out what the role has", on="hv02"),
    Case("antivirus-exclusions", P,
         put("hv02", "Get-MpPreference", DisableAutoExclusions=True,
             ExclusionProcess=["C:\\Windows\\System32\\VMMS.exe", "vmwp.exe"]), "leaves out vmms.exe and", on="hv02"),
    Case("antivirus-exclusions", P,
         put("hv02", "Get-MpPreference", DisableAutoExclusions=True, DisableRealtimeMonitoring=True), "does not look",
         on="hv02"),
    Case("antivirus-exclusions", F,
         put("hv02", "Get-MpPreference", DisableAutoExclusions=True, ExclusionProcess=["vmms.exe"]),
         "Defender of hv02 looks at what vmwp.exe opens", "Add-MpPreference -ExclusionProcess vmwp.exe", "hv02"),
    Case("antivirus-exclusions", U, rows("hv02", "Get-MpPreference", MISSING), "is not recognized", on="hv02"),
    Case("antivirus-exclusions", U,
         put("hv02", "Get-MpPreference", DisableAutoExclusions=True,
             ExclusionProcess=["N/A: Must be an administrator"]),
         "to administrators alone", on="hv02"),
]

MEMORY = [
    Case("perf-option-equal", P, unchanged, "Compression on both"),
    Case("perf-option-equal", F, option("SMB", "hv02"), "hv01 has Compression, hv02 has SMB: memory goes over TCP",
         "on hv02: Set-VMHost -VirtualMachineMigrationPerformanceOption Compression"),
    Case("perf-option-equal", U, refused("hv02", "Get-VMHost"), "the performance option of hv02"),
    Case("perf-rdma", S, unchanged, "does not go over SMB (Compression)", on="hv01"),
    Case("perf-rdma", F, SMB, "memory of hv01 goes over SMB; none of NIC1 has RDMA", "Enable-NetAdapterRdma", "hv01"),
    Case("perf-rdma", F, both(SMB, rows("hv01", "Get-SmbClientNetworkInterface")), "no interface for SMB", on="hv01"),
    Case("perf-rdma", P, both(SMB, put("hv01", "Get-SmbClientNetworkInterface", RdmaCapable=True)),
         "NIC1 of hv01 has RDMA", on="hv01"),
    Case("perf-rdma", U, both(SMB, refused("hv01", "Get-SmbClientNetworkInterface")), "the SMB interfaces of hv01",
         on="hv01"),
    Case("smb-bandwidth-cap", S, unchanged, "does not go over SMB", on="hv01"),
    Case("smb-bandwidth-cap", P, SMB, "hv01 limits no live migration", on="hv01"),
    Case("smb-bandwidth-cap", P,
         both(SMB, rows("hv01", "Get-SmbBandwidthLimit", Failure("no service", "Windows System Error 1060,Get-Smb"))),
         "hv01 limits no live migration", on="hv01"),
    Case("smb-bandwidth-cap", F, both(SMB, rows("hv01", "Get-SmbBandwidthLimit", {"BytesPerSecond": 250 << 20})),
         "hv01 limits live migrations over SMB to 250 MiB/s", "Remove-SmbBandwidthLimit -Category LiveMigration",
         "hv01"),
    Case("smb-bandwidth-cap", U, both(SMB, refused("hv01", "Get-SmbBandwidthLimit")), "the limits of SMB", on="hv01"),
]

CASES = [*PORTS, *NAMES, *ALIKE, *CLOCKS, *POLICIES, *MEMORY]
