"""Every fault of the lab, as a client of its WinRM meets it. Each test ends by saying that its fault was met."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from winmigrate.errors import HostError, LabError
from winmigrate.lab.clock import LabClock
from winmigrate.lab.control_client import ControlClient
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.request import SWITCH, Command, Credential, Secret, Stream, command, request, select, statement
from winmigrate.testing.serving import lab as served

OPS = Credential("CORP\\ops", Secret("Spare key 0x2F!"))
FABRIC = r"""
seed: 5
users: {ops: {password: 'Spare key 0x2F!'}}
delegation: {hv01: [hv02]}
hosts:
  hv01:
    volumes: {D: 1 TB}
    nic: 1 Gbit
    vms: {web01: {memory: 4 GB, disks: [{path: 'D:\VMs\web01\web01.vhdx', used: 10 GB}]}}
  hv02: {volumes: {D: 1 TB}}
"""


class Seen:
    """A served fabric with one running VM, and what its clients see."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self._ready = ready
        self.clock = LabClock(ready["control"], ready["token"])
        self.control = ControlClient(ready["control"], ready["token"])
        self._sessions: list[PsrpSession] = []

    def session(self, host: str = "hv01") -> PsrpSession:
        endpoint = Endpoint("127.0.0.1", self._ready["hosts"][host]["http"], "http", "ntlm", OPS)
        made = PsrpSession(host, endpoint, self.clock)
        self._sessions.append(made)
        return made

    def ask(self, *commands: Command, host: str = "hv01", session: PsrpSession | None = None) -> tuple[list[Any], str]:
        """The objects' properties, and the text of the errors."""
        return read_events((session or self.session(host)).ask(request(statement(*commands))).events)

    def vms(self, host: str = "hv01", **more: Any) -> list[dict[str, Any]]:
        found, errors = self.ask(command("Get-VM"), select("Id", "Name", "State", "Notes"), host=host, **more)
        assert errors == ""
        return found

    def jobs(self) -> list[dict[str, Any]]:
        return self.ask(command("Get-CimInstance", Namespace="root/virtualization/v2", ClassName="Msvm_MigrationJob"),
                        select("JobState", "PercentComplete", "ErrorCode"))[0]

    def start(self, session: PsrpSession | None = None) -> Iterator[Any]:
        return (session or self.session()).start(request(statement(
            command("Get-VM"), command("Move-VM", DestinationHost="hv02", DestinationCredential=OPS,
                                       IncludeStorage=SWITCH, DestinationStoragePath="D:\\VMs\\web01",
                                       Confirm=False))))

    def move(self, session: PsrpSession | None = None) -> str:
        """What Move-VM says against it; empty: it came through."""
        return read_events(list(self.start(session)))[1]

    def fault(self, kind: str, **given: Any) -> None:
        self.control.ask("fault.add", fault={"kind": kind, **given})

    def met(self, *kinds: str) -> None:
        faults = self.control.ask("fault.list")["faults"]
        assert {fault["kind"] for fault in faults} == set(kinds)
        assert all(fault["struck"] for fault in faults)
        print(*(f"met: {kind}" for kind in kinds), sep="\n")

    def at(self) -> list[str]:
        hosts = self.control.ask("snapshot")["world"]["hosts"]
        return [f"{vm['name']}@{name}" for name, host in hosts.items() for vm in host["vms"]]

    def close(self) -> None:
        for session in self._sessions:
            session.close()
        self.control.close()
        self.clock.close()


def read_events(events: Any) -> tuple[list[Any], str]:
    output = [loads(event.clixml).properties for event in events if event.stream is Stream.OUTPUT]
    errors = [loads(event.clixml) for event in events if event.stream is Stream.ERROR]
    return output, "\n".join(str(error.properties["Exception"].properties["Message"]) for error in errors)


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Seen]:
    fabric = tmp_path / "fabric.yml"
    fabric.write_text(FABRIC, encoding="utf-8")
    with served(fabric, tmp_path / "inventory.yml", http=True) as ready:
        made = Seen(ready)
        yield made
        made.close()


def meanwhile(seen: Seen, look: Callable[[], None], seconds: float) -> str:
    """Moves on a thread of its own, and looks once after so many seconds; what Move-VM said."""
    said: list[str] = []
    mover = seen.clock.start(lambda: said.append(seen.move()), name="mover")
    seen.clock.sleep(seconds)
    look()
    seen.clock.join(mover)
    return said[0]


# --- what ends a move, and in which words ----------------------------------------------------------------------------

#: (fault, what Move-VM says, what is left behind at the destination)
ENDS: list[tuple[dict[str, Any], str, bool]] = [
    ({"kind": "break-move", "vm": "web01", "phase": "memory", "how": "reset", "leave": True}, "0x80072746", True),
    ({"kind": "split", "host": "hv01", "other": "hv02", "vm": "web01", "phase": "storage"}, "0x800705B4", True),
    ({"kind": "split", "host": "hv02", "other": "hv01"}, "within the time specified", False),
    ({"kind": "fill-disk", "host": "hv02", "volume": "D", "free": "1 GB"}, "0x80070070", False),
    ({"kind": "take-memory", "host": "hv02", "free": "1 GB"}, "0x800705AA", False),
    ({"kind": "leftover-file", "vm": "web01", "phase": "negotiate"}, "The file exists", False),
    ({"kind": "refuse-migrations", "host": "hv02"}, "0x8007274D", False),
    ({"kind": "no-domain", "vm": "web01", "phase": "negotiate"}, "0x8009030E", False),
    ({"kind": "no-domain"}, "0x8007051f", False),
    ({"kind": "expire-password", "user": "CORP\\ops"}, "0x80070532", False),
    ({"kind": "restart-vmms", "host": "hv02", "vm": "web01", "phase": "storage"}, "0x80072746", True),
    ({"kind": "crash", "host": "hv02", "vm": "web01", "phase": "storage"}, "0x80072746", True),
]


@pytest.mark.parametrize(("fault", "words", "left"), ENDS, ids=[f"{one['kind']}-{word}" for one, word, _ in ENDS])
def test_a_fault_that_ends_a_move(seen: Seen, fault: dict[str, Any], words: str, left: bool) -> None:
    session = seen.session()
    assert [vm["Name"] for vm in seen.vms(session=session)] == ["web01"]
    seen.control.ask("fault.add", fault=fault)
    assert words in seen.move(session)
    assert seen.at() == ["web01@hv01"]
    assert [vm["State"].name for vm in seen.vms(session=session)] == ["Running"]
    there = seen.control.ask("snapshot")["world"]["hosts"]["hv02"]
    assert bool(there["planned"]) == left
    seen.met(fault["kind"])


# --- what a move outlives --------------------------------------------------------------------------------------------

#: (fault, fabric seconds that the move then takes at least)
OUTLIVED: list[tuple[dict[str, Any], float]] = [
    ({"kind": "split", "host": "hv01", "other": "hv02", "lasts": 15, "vm": "web01", "phase": "storage"}, 145),
    ({"kind": "stall", "host": "hv01", "lasts": 5, "every": 10, "times": 6, "vm": "web01", "phase": "storage"}, 155),
    ({"kind": "slow", "host": "hv02", "rate": "500 Mbit"}, 240),
    ({"kind": "stick-job", "lasts": 60, "vm": "web01", "phase": "memory", "after": 3}, 185),
    ({"kind": "backup", "host": "hv02", "vm": "web01", "lasts": 9, "phase": "cleanup"}, 120),
    ({"kind": "leftover-planned", "host": "hv02", "vm": "web01"}, 120),
    ({"kind": "loss", "host": "hv01", "nth": 3, "milliseconds": 30}, 120),
    ({"kind": "latency", "host": "hv01", "milliseconds": 10}, 120),
]


@pytest.mark.parametrize(("fault", "least"), OUTLIVED, ids=[one["kind"] for one, _ in OUTLIVED])
def test_a_fault_that_a_move_outlives(seen: Seen, fault: dict[str, Any], least: float) -> None:
    seen.control.ask("fault.add", fault=fault)
    began = seen.clock.monotonic()
    assert seen.move() == ""
    assert seen.at() == ["web01@hv02"]
    assert seen.clock.monotonic() - began >= least
    seen.met(fault["kind"])


def test_how_long_a_move_takes_without_a_fault(seen: Seen) -> None:
    assert seen.move() == ""
    assert 120 <= seen.clock.monotonic() < 140


def test_loss_on_the_wire_takes_our_time(seen: Seen) -> None:
    session = seen.session()
    seen.vms(session=session)
    seen.fault("loss", host="hv01", nth=1, milliseconds=300)
    before = time.monotonic()
    seen.vms(session=session)
    assert time.monotonic() - before >= 0.3
    seen.met("loss")


# --- VMMS and jobs ---------------------------------------------------------------------------------------------------


def test_vmms_restarts_and_knows_of_no_job(seen: Seen) -> None:
    seen.fault("restart-vmms", host="hv01", vm="web01", phase="storage", after=5, lasts=20)

    def look() -> None:
        found, errors = seen.ask(command("Get-VM"))
        assert found == []
        assert "Verify that the Virtual Machine Management service on the computer is running" in errors
        assert seen.jobs() == []

    assert "0x80072746" in meanwhile(seen, look, 12.0)
    seen.clock.sleep(30.0)
    assert [vm["State"].name for vm in seen.vms()] == ["Running"]
    assert seen.jobs() == []
    seen.met("restart-vmms")


def test_a_job_stuck_at_a_percentage_can_be_cancelled(seen: Seen) -> None:
    seen.fault("stick-job", vm="web01", phase="storage", after=30)
    percents: list[int] = []

    def look() -> None:
        for _ in range(4):
            percents.append(seen.jobs()[0]["PercentComplete"])
            seen.clock.sleep(600.0)
        seen.ask(command("Get-CimInstance", Namespace="root/virtualization/v2", ClassName="Msvm_MigrationJob"),
                 command("Invoke-CimMethod", MethodName="RequestStateChange", Arguments={"RequestedState": 4}))

    assert "cancel" in meanwhile(seen, look, 40.0)
    assert len(set(percents)) == 1
    assert 5 < percents[0] < 75
    assert seen.at() == ["web01@hv01"]
    seen.met("stick-job")


def test_a_job_that_is_forgotten_before_its_end(seen: Seen) -> None:
    seen.fault("forget-job", vm="web01", phase="memory")

    def look() -> None:
        assert seen.jobs() == []

    assert meanwhile(seen, look, 100.0) == ""
    assert seen.at() == ["web01@hv02"]
    assert seen.jobs() == []
    seen.met("forget-job")


def test_a_job_that_finishes_while_nobody_looks(seen: Seen) -> None:
    seen.fault("finish-move", vm="web01", phase="storage", after=10)
    seen.fault("split", host="hv01", vm="web01", phase="storage", after=8, lasts=30)
    with suppress(HostError):  # a client may find back to its pipeline, or give up
        seen.move()
    assert seen.clock.monotonic() > 30
    seen.clock.sleep(60.0)
    (job,) = seen.jobs()
    assert (int(job["JobState"]), int(job["PercentComplete"]), int(job["ErrorCode"])) == (7, 100, 0)
    assert seen.at() == ["web01@hv02"]
    (ended,) = seen.control.ask("log", kind="move-ended")["entries"]
    assert ended["at"] < 20
    seen.clock.sleep(300.0)
    assert seen.jobs() == []
    seen.met("finish-move", "split")


# --- networks, the domain, clocks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["split", "crash"])
def test_a_host_that_cannot_be_reached_for_a_while(seen: Seen, kind: str) -> None:
    session = seen.session()
    seen.vms(session=session)
    seen.fault(kind, host="hv01", **({"lasts": 60} if kind == "split" else {"down": 60}))
    with pytest.raises(HostError):
        seen.session().open()
    assert [vm["Name"] for vm in seen.vms("hv02")] == []
    seen.clock.sleep(61.0)
    assert [vm["Name"] for vm in seen.vms()] == ["web01"]
    seen.met(kind)


@pytest.mark.parametrize("fault", [{"kind": "no-domain", "lasts": 60}, {"kind": "expire-password", "user": "ops"}])
def test_nobody_new_comes_in_and_who_is_in_stays(seen: Seen, fault: dict[str, Any]) -> None:
    session = seen.session()
    seen.vms(session=session)
    seen.control.ask("fault.add", fault=fault)
    with pytest.raises(HostError):
        seen.session().open()
    assert [vm["Name"] for vm in seen.vms(session=session)] == ["web01"]
    seen.clock.sleep(61.0)
    if fault["kind"] == "no-domain":
        assert [vm["Name"] for vm in seen.vms()] == ["web01"]
    else:
        with pytest.raises(HostError):
            seen.session().open()
    seen.met(fault["kind"])


def test_a_clock_that_jumps(seen: Seen) -> None:
    def now(host: str) -> Any:
        asked = command("Get-CimInstance", ClassName="Win32_OperatingSystem")
        return seen.ask(asked, select("LocalDateTime"), host=host)[0][0]["LocalDateTime"]

    assert abs((now("hv01") - now("hv02")).total_seconds()) < 60
    seen.fault("clock-jump", host="hv01", seconds=7200)
    assert 7100 < (now("hv01") - now("hv02")).total_seconds() < 7300
    seen.met("clock-jump")


# --- other people ----------------------------------------------------------------------------------------------------


def test_a_vm_renamed_on_its_way(seen: Seen) -> None:
    seen.fault("rename-vm", host="hv01", vm="web01", to="web01-old", phase="storage", after=10)
    assert meanwhile(seen, lambda: None, 30.0) == ""
    assert [vm["Name"] for vm in seen.vms("hv02")] == ["web01-old"]
    seen.met("rename-vm")


def _notes(seen: Seen) -> Any:
    return seen.vms()[0]["Notes"]


def _switch(seen: Seen) -> Any:
    return seen.ask(command("Get-VM"), command("Get-VMNetworkAdapter"), select("Connected"))[0][0]["Connected"]


def _checkpoints(seen: Seen) -> Any:
    return [point["Name"] for point in seen.ask(command("Get-VM"), command("Get-VMSnapshot"), select("Name"))[0]]


CHANGES: list[tuple[str, Callable[[Seen], Any], Any]] = [
    ("notes", _notes, "changed meanwhile"), ("off", lambda seen: seen.vms()[0]["State"].name, "Off"),
    ("disconnect", _switch, False), ("remove", lambda seen: seen.vms(), []),
    ("checkpoint", _checkpoints, ["taken meanwhile"]),
]


@pytest.mark.parametrize(("what", "look", "expected"), CHANGES, ids=[what for what, _, _ in CHANGES])
def test_a_vm_changed_by_another_administrator(seen: Seen, what: str, look: Callable[[Seen], Any],
                                               expected: Any) -> None:
    seen.fault("change-vm", host="hv01", vm="web01", what=what, after=100)
    assert look(seen) != expected
    seen.clock.sleep(101.0)
    assert look(seen) == expected
    seen.met("change-vm")


# --- how they are given ----------------------------------------------------------------------------------------------


def test_a_change_that_hyperv_refuses_is_missed(seen: Seen) -> None:
    seen.fault("change-vm", host="hv01", vm="web01", what="off", phase="storage", after=5)
    assert seen.move() == ""
    (fault,) = seen.control.ask("fault.list")["faults"]
    assert (fault["state"], fault["struck"]) == ("missed", 0)
    (entry,) = seen.control.ask("log", kind="fault-missed")["entries"]
    assert "on its way" in entry["why"]


#: What the control socket says against a fault.
REFUSED = [
    ({"kind": "splt", "host": "hv01"}, 'did you mean "split"'), ({"kind": "split"}, "split needs host"),
    ({"kind": "split", "host": "hv1"}, 'did you mean "hv01"'), ({"kind": "expire-password", "user": "op"}, "no user"),
    ({"kind": "fill-disk", "host": "hv01", "volume": "X"}, "no volume"), ({"kind": "finish-move"}, "on its way"),
    ({"kind": "rename-vm", "host": "hv01", "vm": "x", "to": "y"}, 'no VM "x"'),
    ({"kind": "drop", "hots": "hv01"}, 'did you mean "host"'),
]


def test_faults_that_make_no_sense(seen: Seen) -> None:
    for fault, words in REFUSED:
        with pytest.raises(LabError, match=re.escape(words)):
            seen.control.ask("fault.add", fault=fault)
    assert seen.control.ask("fault.list")["faults"] == []


def test_faults_drawn_by_a_seed(seen: Seen) -> None:
    def drawn(seed: int) -> list[dict[str, Any]]:
        seen.control.ask("fault.clear")
        found: list[dict[str, Any]] = seen.control.ask("fault.random", random=40, seed=seed)["faults"]
        return found

    first, again, other = drawn(1), drawn(1), drawn(2)
    assert first == again
    assert first != other
    assert len({fault["kind"] for fault in first}) > 10
    assert all(fault["phase"] for fault in first)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_a_fabric_with_random_faults_loses_no_vm(tmp_path: Path, seed: int) -> None:
    fabric = tmp_path / "fabric.yml"
    fabric.write_text(FABRIC + f"faults: {{random: 6, seed: {seed}}}\n", encoding="utf-8")
    with served(fabric, tmp_path / "inventory.yml", http=True) as ready:
        seen = Seen(ready)
        try:
            seen.move()
        except HostError as error:
            print(error)
        seen.clock.sleep(1200.0)
        faults = seen.control.ask("fault.list")["faults"]
        assert any(fault["struck"] for fault in faults)
        assert len(seen.at()) == 1
        assert seen.clock.monotonic() > 1200
        print(*(f"{fault['kind']}: {fault['state']}" for fault in faults), sep="\n")
        seen.close()
