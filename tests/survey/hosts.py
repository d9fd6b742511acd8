"""Hosts made of answers: a Session that puts out, as CLIXML text, what its table says for a statement."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from winmigrate.errors import HostError
from winmigrate.facts.versions import BUILDS
from winmigrate.inventory.types import Host, Inventory, SecondHop
from winmigrate.remoting import clixml
from winmigrate.remoting.clixml.values import EnumValue, PSObject
from winmigrate.request import Event, PipelineState, Reply, Request, Session, Statement, Stream, Ticket


@dataclass(frozen=True)
class Failure:
    """An ErrorRecord; one that ends the request if ``terminating``."""

    message: str
    fqeid: str = "Failed,Test"
    category: int = 0
    target: str = ""
    terminating: bool = False

    def text(self) -> str:
        exception = PSObject(("System.Exception",), None, {"Message": self.message})
        record = {
            "Exception": exception,
            "FullyQualifiedErrorId": self.fqeid,
            "ErrorCategory_Category": self.category,
            "ErrorCategory_TargetName": self.target,
        }
        return clixml.dumps(PSObject(("System.Management.Automation.ErrorRecord",), self.message, record))


PERMISSION_DENIED = 18
Row = dict[str, Any]


def name_of(asked: Statement) -> str:
    """The commands of a statement, without projections: "Get-VM | Get-VMNetworkAdapter"; CIM with its class."""
    parts = []
    for item in asked.commands:
        name = item.name.rpartition("\\")[2]
        if name == "Get-CimInstance":
            name = str(item.parameter("ClassName"))
        if name == "whoami.exe":
            name = f"whoami {item.parameters[0][1]}"
        if name == "Select-Object" and item.parameter("ExpandProperty"):
            name = f"expand {item.parameter('ExpandProperty')}"
        if name not in {"Select-Object", "ConvertFrom-Csv"}:
            parts.append(name)
    return " | ".join(parts)


@dataclass
class FakeHost:
    """``answers``: name of a statement -> rows, a function of the statement that gives them, or failures among them."""

    name: str
    answers: dict[str, Any]
    down: HostError | None = None
    requests: list[Request] = field(default_factory=list)

    def answer(self, asked: Statement) -> list[Any]:
        found = self.answers.get(name_of(asked), [])
        if isinstance(found, Failure):
            return [found]
        return list(found(asked)) if callable(found) else list(found)


class FakeSession:
    def __init__(self, host: FakeHost) -> None:
        self.host = host.name
        self._host = host

    def open(self) -> None:
        if self._host.down is not None:
            raise self._host.down

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        self.open()
        self._host.requests.append(asked)
        events: list[Event] = []
        for statement in asked.statements:
            first = statement.commands[0]
            if first.name == "Write-Output":
                events.append(Event(0.0, Stream.OUTPUT, clixml.dumps(first.parameter("InputObject"))))
                continue
            for item in self._host.answer(statement):
                if isinstance(item, Failure) and item.terminating:
                    return Reply(tuple(events), PipelineState.FAILED, item.text())
                if isinstance(item, Failure):
                    events.append(Event(0.0, Stream.ERROR, item.text()))
                else:
                    value = PSObject(("Selected.Test",), None, item) if isinstance(item, dict) else item
                    events.append(Event(0.0, Stream.OUTPUT, clixml.dumps(value)))
        return Reply(tuple(events), PipelineState.COMPLETED)

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        raise AssertionError("a survey changes nothing, and needs no stream")

    @property
    def last_reply(self) -> Reply | None:
        return None

    def alive(self, ticket: Ticket) -> bool:
        return False

    def retire(self, ticket: Ticket) -> None:
        raise AssertionError("a survey leaves no shell behind")

    def close(self) -> None:
        pass


class FakeConnector:
    """Sessions to fake hosts; counts those that were made."""

    def __init__(self, hosts: dict[str, FakeHost]) -> None:
        self.hosts = hosts
        self.made: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, host_name: str) -> Session:
        with self._lock:
            self.made.append(host_name)
        return FakeSession(self.hosts[host_name])


def identify(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


def running(number: int, name: str, **more: Any) -> Row:
    """A VM as Get-VM's projection has it."""
    return {
        "Id": identify(number),
        "Name": name,
        "State": EnumValue("Running", 2),
        "Version": "9.0",
        "ConfigurationLocation": f"C:\\VMs\\{name}",
        "SnapshotFileLocation": f"C:\\VMs\\{name}",
        "MemoryAssigned": 4 << 30,
        "Generation": 2,
        **more,
    }


def drive(number: int, path: str | None, **more: Any) -> Row:
    return {
        "Id": f"Microsoft:{identify(number)}\\0",
        "VMId": identify(number),
        "VMName": "x",
        "Path": path,
        "DiskNumber": None,
        "ControllerType": EnumValue("SCSI", 1),
        "ControllerNumber": 0,
        "ControllerLocation": 0,
        **more,
    }


def disks(*chain: tuple[str, str, int]) -> Callable[[Statement], Iterator[Any]]:
    """Get-VHD over (path, parent path or "", bytes)."""
    known = {path.lower(): (path, parent, size) for path, parent, size in chain}

    def answer(asked: Statement) -> Iterator[Any]:
        for wanted in asked.commands[0].parameter("Path"):
            if wanted.lower() in known:
                path, parent, size = known[wanted.lower()]
                yield {"Path": path, "ParentPath": parent, "FileSize": size, "Size": size * 2, "Attached": True}
            else:
                yield Failure(f"Failed to open {wanted}", "InvalidParameter,GetVHD", 6, wanted)

    return answer


def host(name: str, version: str = "2019", admin: bool = True, **answers: Any) -> FakeHost:
    """A host of a domain; ``answers`` by statement name, with `` | `` as ``__`` and ``-`` as ``_``."""
    given = {key.replace("__", " | ").replace("_", "-"): value for key, value in answers.items()}
    return FakeHost(
        name,
        {
            "Win32_OperatingSystem": [{"BuildNumber": str(BUILDS[version]), "Version": "10.0", "ProductType": 3}],
            "Win32_ComputerSystem": [
                {"Name": name.upper(), "DNSHostName": name, "Domain": "corp.example", "PartOfDomain": True}
            ],
            "whoami /user": [{"User": "corp\\ops", "Sid": "S-1-5-21-1-2-3-1105"}],
            "whoami /groups": [
                {"Sid": "S-1-5-32-545", "Attributes": ""},
                *([{"Sid": "S-1-5-32-544", "Attributes": "Enabled"}] if admin else []),
            ],
            "Get-VMHost": [{"Name": name.upper(), "MaximumVirtualMachineMigrations": 2}],
            **given,
        },
    )


def inventory(*names: str, hop: str = "credssp") -> Inventory:
    return Inventory(
        "inventory.yml",
        {name: Host(name, f"{name}.example", tags=("rack-a",), second_hop=SecondHop(hop)) for name in names},
    )
