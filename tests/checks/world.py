"""A healthy world of two hosts and one VM, as answers in CLIXML; a case is a change of it.

``World.findings`` goes the whole way: the roll and the survey ask the hosts, rows are parsed, requirements evaluated.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from tests.checks import surroundings
from tests.checks.domain import Domain
from tests.survey.hosts import PERMISSION_DENIED, Failure, FakeConnector, FakeHost
from tests.survey.test_roll import QuickClock
from winmigrate.checks import Finding, Findings, run_checks
from winmigrate.errors import HostError
from winmigrate.facts import types
from winmigrate.facts.versions import BUILDS
from winmigrate.inventory.types import Directory, FileServer, Host, Inventory, SecondHop
from winmigrate.playbook.types import Accept, Migration, Playbook, Selector, StorageWish, Target
from winmigrate.remoting.clixml.values import EnumValue
from winmigrate.request import Credential, Secret, Statement
from winmigrate.survey import Candidate, Candidates, Survey, Unmatched, call_roll, take_survey

NOW = dt.datetime(2026, 5, 4, 1, 30, tzinfo=dt.timezone.utc)
GIB = 1024**3

WEB = uuid.UUID("11111111-2222-3333-4444-555555555555")
DB = uuid.UUID("99999999-2222-3333-4444-555555555555")

VM = "Get-VM"
ADAPTERS = "Get-VM | Get-VMNetworkAdapter"
DISKS = "Get-VM | Get-VMHardDiskDrive"
CHECKPOINTS = "Get-VM | Get-VMSnapshot"
CHECKPOINT_DISKS = "Get-VM | Get-VMSnapshot | Get-VMHardDiskDrive"
DVDS = "Get-VM | Get-VMDvdDrive"
DEVICES = "Get-VM | Get-VMAssignableDevice"
PROCESSORS = "Get-VM | Get-VMProcessor"
MEMORY = "Get-VM | Get-VMMemory"
SECURITY = "Get-VM | Get-VMSecurity"
SERVICES = "Get-VM | Get-VMIntegrationService"
VLANS = ADAPTERS + " | expand VlanSetting"
ISOLATION = ADAPTERS + " | expand IsolationSetting"
ACLS = ADAPTERS + " | expand AclList"
EXTENDED_ACLS = ADAPTERS + " | expand ExtendedAclList"
EXTENSIONS = "Get-VMSwitch | Get-VMSwitchExtension"
LISTENER = "Msvm_VirtualSystemMigrationService | expand MigrationServiceListenerIPAddressList"
GUARD = "Win32_DeviceGuard | expand SecurityServicesRunning"

Row = dict[str, Any]


def enum(kind: str, name: str) -> EnumValue:
    """A value of one of Hyper-V's enumerations, as a host sends it."""
    return EnumValue(name, types.enums("Hyper-V")[kind][name])


def vm_row(vm_id: uuid.UUID, name: str, **more: Any) -> Row:
    folder = f"D:\\VMs\\{name}"
    return {
        "Id": vm_id,
        "Name": name,
        "State": enum("VMState", "Running"),
        "Version": "9.0",
        "Generation": 2,
        "Path": folder,
        "ConfigurationLocation": folder,
        "SnapshotFileLocation": folder,
        "SmartPagingFilePath": folder,
        "MemoryAssigned": 4 * GIB,
        "ProcessorCount": 2,
        "IsClustered": False,
        "PrimaryOperationalStatus": enum("VMOperationalStatus", "Ok"),
        "SecondaryOperationalStatus": None,
        "Heartbeat": enum("VMHeartbeatStatus", "OkApplicationsHealthy"),
        "ReplicationMode": enum("VMReplicationMode", "None"),
        "ReplicationState": enum("VMReplicationState", "Disabled"),
        "ReplicationHealth": enum("VMReplicationHealthState", "NotApplicable"),
        **more,
    }


def adapter(vm_id: uuid.UUID, switch: str | None, **more: Any) -> Row:
    known = {"Id": f"Microsoft:{vm_id}\\A", "VMId": vm_id, "Name": "Network Adapter", "PoolName": "", "IovWeight": 0}
    known |= {"VMName": "web01" if vm_id == WEB else "db01", "MacAddress": f"00155D{vm_id.hex[:6].upper()}"}
    return {**known, "SwitchName": switch, **more}


def vlan(vm_id: uuid.UUID, mode: str = "Untagged", **more: Any) -> Row:
    return {
        "AdapterId": f"Microsoft:{vm_id}\\A",
        "OwnerId": vm_id,
        "OperationMode": enum("VMNetworkAdapterVlanMode", mode),
        **more,
    }


def isolation(vm_id: uuid.UUID, mode: str = "None", **more: Any) -> Row:
    return {
        "AdapterId": f"Microsoft:{vm_id}\\A",
        "OwnerId": vm_id,
        "IsolationMode": enum("VMNetworkAdapterIsolationMode", mode),
        "DefaultIsolationID": 0,
        "AllowUntaggedTraffic": False,
        **more,
    }


def service(vm_id: uuid.UUID, name: str, status: str = "Ok", **more: Any) -> Row:
    return {
        "Id": f"Microsoft:{vm_id}\\{name}",
        "VMId": vm_id,
        "Name": name,
        "Enabled": True,
        "PrimaryOperationalStatus": enum("VMIntegrationComponentOperationalStatus", status),
        **more,
    }


def switch(name: str, kind: str = "External", **more: Any) -> Row:
    return {
        "Id": uuid.uuid5(uuid.NAMESPACE_DNS, name),
        "Name": name,
        "SwitchType": enum("VMSwitchType", kind),
        "NetAdapterInterfaceDescription": "Intel X520" if kind == "External" else None,
        "IovEnabled": False,
        **more,
    }


def extension(name: str, enabled: bool = True, switch: str = "External", **more: Any) -> Row:
    return {
        "Id": "EA24CD6C-D17A-4348-9190-09F0D5BE83DD",
        "Name": name,
        "SwitchName": switch,
        "ExtensionType": enum("VMSwitchExtensionType", "Filter"),
        "Enabled": enabled,
        "Running": enabled,
        **more,
    }


def drive(vm_id: uuid.UUID, path: str | None, location: int = 0, **more: Any) -> Row:
    return {
        "Id": f"Microsoft:{vm_id}\\{location}",
        "VMId": vm_id,
        "VMName": "web01" if vm_id == WEB else "db01",
        "Path": path,
        "DiskNumber": None,
        "ControllerType": enum("ControllerType", "SCSI"),
        "ControllerNumber": 0,
        "ControllerLocation": location,
        "SupportPersistentReservations": False,
        "PoolName": "Primordial",
        **more,
    }


def processor(vm_id: uuid.UUID, **more: Any) -> Row:
    return {
        "VMId": vm_id,
        "VMName": "web01" if vm_id == WEB else "db01",
        "Count": 2,
        "ExposeVirtualizationExtensions": False,
        "CompatibilityForMigrationEnabled": False,
        "CompatibilityForOlderOperatingSystemsEnabled": False,
        "Reserve": 0,
        "Maximum": 100,
        "RelativeWeight": 100,
        "MaximumCountPerNumaNode": 16,
        "MaximumCountPerNumaSocket": 1,
        "ResourcePoolName": "Primordial",
        **more,
    }


def memory(vm_id: uuid.UUID, **more: Any) -> Row:
    return {
        "VMId": vm_id,
        "VMName": "web01" if vm_id == WEB else "db01",
        "Startup": 4 * GIB,
        "Minimum": 1 * GIB,
        "Maximum": 8 * GIB,
        "DynamicMemoryEnabled": False,
        "Buffer": 20,
        "Priority": 50,
        "MaximumPerNumaNode": 32 * 1024,
        "ResourcePoolName": "Primordial",
        **more,
    }


def security(**more: Any) -> Row:
    return {"TpmEnabled": False, "Shielded": False, "EncryptStateAndVmMigrationTraffic": False, **more}


def vhd(path: str, gib: int = 20, parent: str = "") -> Row:
    return {"Path": path, "ParentPath": parent, "FileSize": gib * GIB, "Size": 2 * gib * GIB, "Attached": True}


def volume(letter: str, size: int, free: int, **more: Any) -> Row:
    return {
        "DriveLetter": letter,
        "FileSystem": "NTFS",
        "FileSystemLabel": "",
        "Size": size * GIB,
        "SizeRemaining": free * GIB,
        "HealthStatus": "Healthy",
        "DriveType": "Fixed",
        "Path": None,
        **more,
    }


def job(vm_id: uuid.UUID, **more: Any) -> Row:
    return {
        "InstanceID": f"Microsoft:{vm_id}",
        "VirtualSystemName": str(vm_id).upper(),
        "ElementName": "Moving",
        "JobState": 4,
        "JobType": 306,
        "PercentComplete": 42,
        "DestinationHost": "hv09",
        **more,
    }


class AbsentExcept:
    """Get-Item: an error for every path but those that are there."""

    def __init__(self, *there: str) -> None:
        self.there = {path.lower() for path in there}

    def __call__(self, asked: Statement) -> Iterator[Any]:
        for path in asked.commands[0].parameter("LiteralPath"):
            if path.lower() in self.there:
                yield {"FullName": path, "Length": 1, "CreationTime": NOW, "LastWriteTime": NOW}
            else:
                yield Failure(f"Cannot find path '{path}'", "PathNotFound,GetItemCommand", 13, path)


class Chains:
    """Get-VHD over rows; a path it does not know is an error."""

    def __init__(self, *rows: Row) -> None:
        self.rows = {row["Path"].lower(): row for row in rows}

    def __call__(self, asked: Statement) -> Iterator[Any]:
        for path in asked.commands[0].parameter("Path"):
            if path.lower() in self.rows:
                yield self.rows[path.lower()]
            else:
                yield Failure(f"Failed to open {path}", "InvalidParameter,GetVHD", 6, path)


class HostAnswers:
    """Get-VMHost, of the host itself and, with -ComputerName, of another: hop B."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.hop: list[Any] = [{"Name": "HV02"}]
        self.own: list[Any] | None = None

    def __call__(self, asked: Statement) -> Iterator[Any]:
        if asked.commands[0].parameter("ComputerName"):
            return iter(self.hop)
        return iter([self.row] if self.own is None else self.own)


def denied(what: str = "Access is denied.") -> Failure:
    return Failure(what, "AccessDenied,Test", PERMISSION_DENIED)


class World:
    """Two hosts by their answers; ``hv01`` has the VM web01, which is to go to ``hv02``."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {"hv01": _host("hv01", 11), "hv02": _host("hv02", 12)}
        self.down: dict[str, HostError] = {}
        self.hosts = {
            name: Host(name, f"{name}.corp.example", auth="ntlm", second_hop=SecondHop("credential"))
            for name in self.answers
        }
        self.storage = StorageWish(path="D:\\VMs\\{vm}")
        self.networks: dict[str, str] = {}
        self.kind = "auto"
        self.accept: tuple[Accept, ...] = ()
        self.credential: Credential | None = Credential("corp\\ops", Secret("x"))
        self.moves: list[tuple[uuid.UUID, str]] = [(WEB, "web01")]
        self.pairs: list[tuple[str, str]] = [("hv01", "hv02")]
        self.unmatched: tuple[Unmatched, ...] = ()
        self.file_servers: dict[str, FileServer] = {}
        self.playbook_more: dict[str, Any] = {}
        self.now = NOW
        self.domain = Domain()
        self.directory: Directory | None = Directory(via="hv01")
        self.answers["hv01"].update(self.domain.answers())
        self._put_vm("hv01", WEB, "web01")

    def _put_vm(self, host: str, vm_id: uuid.UUID, name: str) -> None:
        there = self.answers[host]
        disk = f"D:\\VMs\\{name}\\{name}.vhdx"
        there[VM] = [*there.get(VM, ()), vm_row(vm_id, name)]
        there[ADAPTERS] = [*there.get(ADAPTERS, ()), adapter(vm_id, "External")]
        there[DISKS] = [*there.get(DISKS, ()), drive(vm_id, disk)]
        there[PROCESSORS] = [*there.get(PROCESSORS, ()), processor(vm_id)]
        there[VLANS] = [*there.get(VLANS, ()), vlan(vm_id)]
        there[ISOLATION] = [*there.get(ISOLATION, ()), isolation(vm_id)]
        there[SERVICES] = [*there.get(SERVICES, ()), service(vm_id, "Heartbeat"), service(vm_id, "VSS")]
        there[MEMORY] = [*there.get(MEMORY, ()), memory(vm_id)]
        there.setdefault(SECURITY, [security()])
        known = there["Get-VHD"].rows if "Get-VHD" in there else {}
        there["Get-VHD"] = Chains(*known.values(), vhd(disk))

    # --- changes -------------------------------------------------------------------------------------------------

    def add_vm(self, host: str = "hv01", vm_id: uuid.UUID = DB, name: str = "db01") -> None:
        """Another VM, like web01."""
        self._put_vm(host, vm_id, name)

    def set(self, host: str, statement: str, *rows: Any) -> None:
        """Replaces an answer. Rows are copied: a case may be set up again."""
        self.answers[host][statement] = [dict(row) if isinstance(row, dict) else row for row in rows]

    def put(self, host: str, statement: str, **cells: Any) -> None:
        """Changes cells of the first row of an answer."""
        if statement == "Get-VMHost":
            self.answers[host][statement].row.update(cells)
        else:
            self.answers[host][statement][0].update(cells)

    def drop(self, host: str, statement: str, *names: str) -> None:
        """Takes properties out of the first row of an answer, as a build does that lacks them."""
        answer = self.answers[host][statement]
        row = answer.row if isinstance(answer, HostAnswers) else answer[0]
        for name in names:
            del row[name]

    def refuse(self, host: str, *statements: str) -> None:
        """Access denied."""
        for statement in statements:
            if statement == "Get-VMHost":
                self.answers[host][statement].own = [denied()]
            else:
                self.answers[host][statement] = [denied()]

    def rename(self, name: str) -> None:
        """Another name for web01."""
        self.moves = [(WEB, name)]
        self.put("hv01", VM, Name=name)

    def version(self, host: str, version: str) -> None:
        """Another Windows."""
        self.put(host, "Win32_OperatingSystem", BuildNumber=str(BUILDS[version]))

    # --- the way to findings -------------------------------------------------------------------------------------

    def inventory(self) -> Inventory:
        return Inventory("inventory.yml", self.hosts, file_servers=self.file_servers, directory=self.directory)

    def playbook(self) -> Playbook:
        target = (Target("host", "hv02"),)
        migrations = tuple(
            Migration(Selector(name=name), target, self.kind, storage=self.storage, networks=self.networks)
            for _, name in self.moves
        )
        return Playbook("playbook.yml", migrations, accept=self.accept, **self.playbook_more)

    def candidates(self) -> Candidates:
        return Candidates(
            tuple(
                Candidate(str(vm_id), name, "Running", source, to, index, f"playbook.yml:{4 + index}:5", self.storage)
                for index, (vm_id, name) in enumerate(self.moves)
                for source, to in self.pairs
            ),
            self.unmatched,
        )

    def survey(self) -> Survey:
        """What the survey reads of the hosts, as CLIXML all of it."""
        hosts = {name: FakeHost(name, answers, self.down.get(name)) for name, answers in self.answers.items()}
        connector, clock = FakeConnector(hosts), QuickClock()
        roll = call_roll(self.inventory(), connector, clock)
        return take_survey(
            self.inventory(), self.candidates(), roll, connector, clock, credentials=lambda _: self.credential
        )

    def findings(self) -> Findings:
        return run_checks(self.survey(), self.candidates(), self.playbook(), self.inventory(), self.now)

    def finding(self, requirement: str, host: str = "") -> Finding:
        """The finding of the first candidate on a requirement; of a host's, the one on this host."""
        findings = self.findings()
        found = [item for item in findings.of(findings.candidates[0]) if item.requirement == requirement]
        if host:
            found = [item for item in found if item.subject.source == host]
        assert len(found) == 1, f"{len(found)} findings of {requirement}"
        return found[0]


Change = Callable[[World], None]


def _host(name: str, last: int) -> dict[str, Any]:
    return {
        "Win32_ComputerSystem": [
            {
                "Name": name.upper(),
                "DNSHostName": name,
                "Domain": "corp.example",
                "PartOfDomain": True,
                "HypervisorPresent": True,
            }
        ],
        "Win32_OperatingSystem": [
            {
                "BuildNumber": str(BUILDS["2019"]),
                "ProductType": 3,
                "FreePhysicalMemory": 60 * GIB // 1024,
                "TotalVisibleMemorySize": 64 * GIB // 1024,
                "SystemDrive": "C:",
                "LocalDateTime": surroundings.now(),
            }
        ],
        "Win32_Processor": [{"DeviceID": "CPU0", "Manufacturer": "GenuineIntel", "Name": "Xeon"}],
        "Win32_Service": [{"Name": "vmms", "State": "Running", "StartMode": "Auto"}],
        "Get-WindowsFeature": [{"Name": "Hyper-V", "InstallState": "Installed"}],
        "Get-VMHost": HostAnswers(
            {
                "Name": name.upper(),
                "LogicalProcessorCount": 16,
                "VirtualMachineMigrationEnabled": True,
                "VirtualMachineMigrationAuthenticationType": enum("MigrationAuthenticationType", "Kerberos"),
                "VirtualMachineMigrationPerformanceOption": enum("VMMigrationPerformance", "Compression"),
                "MaximumVirtualMachineMigrations": 2,
                "MaximumStorageMigrations": 2,
                "UseAnyNetworkForMigration": False,
                "NumaSpanningEnabled": True,
                "MacAddressMinimum": f"00155D0A{last:02X}00",
                "MacAddressMaximum": f"00155D0A{last:02X}FF",
            }
        ),
        "Get-VMHostSupportedVersion": [{"Version": version} for version in ("5.0", "8.0", "9.0")],
        GUARD: [0, 2],
        LISTENER: [f"10.30.0.{last}"],
        "Get-VMHostNumaNode": [
            {"NodeId": node, "ProcessorsAvailability": [100] * 8, "MemoryAvailable": 30 << 10, "MemoryTotal": 32 << 10}
            for node in (0, 1)
        ],
        "Get-VMResourcePool": [
            {"Name": "Primordial", "ResourcePoolType": enum("VMResourcePoolType", kind)}
            for kind in ("Memory", "Processor", "Ethernet", "VHD")
        ],
        "Get-HgsClientConfiguration": [
            {"IsHostGuarded": False, "AttestationServerUrl": "", "AttestationStatus": "NotConfigured"}
        ],
        "Get-VMMigrationNetwork": [{"Subnet": "10.30.0.0/24", "Priority": 0}],
        "Get-NetIPAddress": [
            {"IPAddress": f"10.{net}.0.{last}", "PrefixLength": 24, "AddressFamily": 2} for net in (20, 30)
        ],
        "Get-VMSwitch": [switch("External")],
        EXTENSIONS: [extension("Microsoft NDIS Capture", False), extension("Microsoft Windows Filtering Platform")],
        "Get-Volume": [volume("C", 200, 120), volume("D", 1000, 600)],
        "Get-SmbConnection": [],
        "Get-SmbClientConfiguration": [{"RequireSecuritySignature": False, "RequireEncryption": False}],
        **surroundings.answers(),
        "Msvm_MigrationJob": [],
        "Msvm_PlannedComputerSystem": [],
        "Get-Item": AbsentExcept(),
        "whoami /user": [{"User": "corp\\ops", "Sid": "S-1-5-21-1-2-3-1105"}],
        "whoami /groups": [{"Sid": "S-1-5-32-544", "Attributes": "Enabled"}],
        VM: [],
    }
