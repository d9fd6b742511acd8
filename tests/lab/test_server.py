"""The lab as a process: real WinRM, the inventory that leads to it, faults on the way, and its end."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from winmigrate.errors import AuthenticationFailed, HostError
from winmigrate.inventory import load_inventory
from winmigrate.lab.clock import LabClock
from winmigrate.lab.control_client import ControlClient
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.request import SWITCH, Credential, Request, Secret, Stream, command, request, select, statement

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "fixtures" / "fabrics" / "demo.yml"
PASSWORD = "Spare key 0x2F!"
OPS = Credential("CORP\\ops", Secret(PASSWORD))


class Served:
    """A lab's process, its clock and its control socket."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.clock = LabClock(ready["control"], ready["token"])
        self.control = ControlClient(ready["control"], ready["token"])

    def session(self, host: str, scheme: str = "http", credential: Credential = OPS) -> PsrpSession:
        at = self.ready["hosts"][host]
        pin = at["sha256"] if scheme == "https" else None
        endpoint = Endpoint("127.0.0.1", at[scheme], scheme, "ntlm", credential, pinned_sha256=pin)
        return PsrpSession(host, endpoint, self.clock)

    def world(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control.ask("snapshot")["world"]
        return found

    def log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control.ask("log", kind=kind)["entries"]
        return found

    def close(self) -> None:
        self.control.close()
        self.clock.close()
        self.process.terminate()
        assert self.process.wait(20) == 0


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def served(*arguments: str) -> Iterator[Served]:
    process = subprocess.Popen([sys.executable, "-m", "winmigrate.lab.server", str(DEMO), *arguments], text=True,
                               stdout=subprocess.PIPE, env=environment())
    assert process.stdout is not None
    try:
        lab = Served(process, json.loads(process.stdout.readline()))
    except BaseException:
        process.kill()
        raise
    try:
        yield lab
    finally:
        lab.close()
        process.stdout.close()


@pytest.fixture
def lab() -> Iterator[Served]:
    with served() as one:
        yield one


GET_VMS = request(statement(command("Get-VM"), select("Id", "Name", "State")))


def names(session: PsrpSession) -> dict[str, Any]:
    reply = session.ask(GET_VMS)
    objects = [loads(event.clixml) for event in reply.events if event.stream is Stream.OUTPUT]
    return {one.properties["Name"]: one.properties["Id"] for one in objects}


def move(vm_id: Any, name: str, to: str) -> Request:
    return request(statement(
        command("Get-VM", Id=vm_id),
        command("Move-VM", DestinationHost=to, DestinationCredential=OPS, IncludeStorage=SWITCH,
                DestinationStoragePath=f"D:\\VMs\\{name}", Confirm=False)))


def where(world: dict[str, Any], name: str) -> list[str]:
    return [key for key, host in world["hosts"].items() for vm in host["vms"] if vm["name"] == name]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_move_over_real_winrm(lab: Served, scheme: str) -> None:
    session = lab.session("hv01", scheme)
    ids = names(session)
    assert list(ids) == ["sql01", "app01", "web01", "files01"]
    events = list(session.start(move(ids["app01"], "app01", "hv03")))
    session.close()
    assert [event for event in events if event.stream is Stream.ERROR] == []
    assert {event.stream for event in events} == {Stream.PROGRESS}
    world = lab.world()
    assert where(world, "app01") == ["hv03"]
    (moved,) = world["hosts"]["hv03"]["vms"]
    assert moved["state"] == "Running"
    assert not [file for file in world["hosts"]["hv01"]["files"] if "app01" in file["path"]]
    assert [entry["state"] for entry in lab.log("move-ended")] == [7]
    assert 40 < lab.clock.monotonic() < 100
    assert PASSWORD not in json.dumps(lab.control.ask("log"))
    (asked,) = [entry for entry in lab.log("command") if entry["command"] == "Move-VM"]
    assert asked["parameters"]["DestinationCredential"] == {"username": "CORP\\ops"}
    assert (asked["host"], asked["user"], asked["parameters"]["IncludeStorage"]) == ("hv01", "CORP\\ops", True)


def test_two_moves_at_once_and_a_watcher(lab: Served) -> None:
    clock = lab.clock
    first = lab.session("hv01")
    ids = names(first)
    first.close()
    done: dict[str, float] = {}
    percents: list[int] = []
    stop = clock.event()

    def mover(name: str, to: str) -> None:
        session = lab.session("hv01")
        assert [e for e in session.start(move(ids[name], name, to)) if e.stream is Stream.ERROR] == []
        session.close()
        done[name] = clock.monotonic()

    def watcher() -> None:
        session = lab.session("hv01")
        asked = request(statement(
            command("Get-CimInstance", Namespace="root/virtualization/v2", ClassName="Msvm_MigrationJob"),
            select("VirtualSystemName", "JobState", "PercentComplete")))
        while not stop.wait(5.0):
            for event in session.ask(asked).events:
                if event.stream is Stream.OUTPUT:
                    percents.append(loads(event.clixml).properties["PercentComplete"])
        session.close()

    watching = clock.start(watcher, name="watcher")
    moving = [clock.start(lambda name=name, to=to: mover(name, to), name=name)  # type: ignore[misc]
              for name, to in (("sql01", "hv02"), ("app01", "hv03"))]
    for thread in moving:
        clock.join(thread)
    stop.set()
    clock.join(watching)
    assert done["app01"] < done["sql01"] < 400
    assert len(set(percents)) > 10
    world = lab.world()
    assert (where(world, "sql01"), where(world, "app01")) == (["hv02"], ["hv03"])


@pytest.mark.parametrize("kind", ["drop", "lose-reply", "truncate", "http-error"])
def test_a_connection_that_breaks_does_not_stop_the_move(lab: Served, kind: str) -> None:
    session = lab.session("hv01")
    ids = names(session)
    lab.control.ask("fault.add", fault={"kind": kind, "host": "hv01", "vm": "app01", "phase": "storage", "status": 503,
                                        "action": "Receive"})
    try:
        list(session.start(move(ids["app01"], "app01", "hv03")))
    except HostError:
        # a client may give up on what it has lost; the host goes on
        lab.clock.sleep(600.0)
    session.close()
    assert [fault["state"] for fault in lab.control.ask("fault.list")["faults"]] == ["struck"]
    assert len(lab.log("move-started")) == 1
    assert [entry["state"] for entry in lab.log("move-ended")] == [7]
    assert where(lab.world(), "app01") == ["hv03"]


def test_a_crash_ends_sessions_and_comes_to_an_end(lab: Served) -> None:
    lab.control.ask("fault.add", fault={"kind": "crash", "host": "hv01", "vm": "app01", "phase": "memory", "down": 120})
    session = lab.session("hv01")
    ids = names(session)
    with pytest.raises(HostError):
        list(session.start(move(ids["app01"], "app01", "hv03")))
    session.close()
    lab.clock.sleep(600.0)
    again = lab.session("hv01")
    assert "app01" in names(again)
    again.close()
    world = lab.world()
    assert where(world, "app01") == ["hv01"]
    assert [vm["name"] for vm in world["hosts"]["hv03"]["planned"]] == ["app01"]
    assert any(file["partial"] for file in world["hosts"]["hv03"]["files"])


CLIENT = """
import json, sys
from tests.lab.test_server import Served, move, names
class Known: pass
lab = Served(Known(), json.loads(sys.argv[1]))
session = lab.session("hv01")
ids = names(session)
for event in session.start(move(ids["app01"], "app01", "hv03")):
    print("event", flush=True)
"""


def test_a_killed_client_leaves_its_move_running_and_no_one_waits_for_it(lab: Served) -> None:
    # this process takes part no more; the other one is the only client
    lab.clock.close()
    lab.control.ask("mode", mode="step")
    command_line = [sys.executable, "-c", CLIENT, json.dumps(lab.ready)]
    with subprocess.Popen(command_line, text=True, stdout=subprocess.PIPE, env=environment(), cwd=ROOT) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "event\n"
        lab.control.ask("advance", seconds=10.0)
        client.kill()
    lab.control.ask("mode", mode="leap")
    clock = LabClock(lab.ready["control"], lab.ready["token"])
    lab.clock = clock
    assert clock.monotonic() == 10.0
    assert lab.world()["hosts"]["hv01"]["jobs"][0]["phase"] == "storage"
    assert clock.monotonic() == 10.0
    clock.sleep(600.0)
    assert [entry["state"] for entry in lab.log("move-ended")] == [7]
    assert where(lab.world(), "app01") == ["hv03"]
    assert len(lab.log("move-started")) == 1


def test_a_wrong_password_is_refused(lab: Served) -> None:
    session = lab.session("hv01", credential=Credential("CORP\\ops", Secret("wrong")))
    with pytest.raises(AuthenticationFailed):
        session.open()


def test_the_inventory_is_private_and_loads(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    with served("--inventory", str(path), "--http") as lab:
        inventory = load_inventory(path)
        assert list(inventory.hosts) == ["hv01", "hv02", "hv03"]
        assert inventory.lab is not None
        assert (inventory.lab.control, inventory.lab.token) == (lab.ready["control"], lab.ready["token"])
        assert inventory.hosts["hv02"].transport.port == lab.ready["hosts"]["hv02"]["http"]
        for written in (path, tmp_path / "inventory.credential.yml"):
            assert stat.S_IMODE(written.stat().st_mode) == 0o600
        assert PASSWORD not in path.read_text()


@pytest.mark.parametrize(("text", "code", "words"), [
    ("hosts: {hv01: {memory: much}}", 2, ":1:24: "), ("hosts: {hv01: {}}\nfaults: [{kind: flood}]", 2, "flood"),
    (None, 2, "No such file"),
])
def test_a_fabric_that_cannot_be_served(tmp_path: Path, text: str | None, code: int, words: str) -> None:
    path = tmp_path / "fabric.yml"
    if text is not None:
        path.write_text(text)
    command_line = [sys.executable, "-m", "winmigrate.lab.server", str(path)]
    ended = subprocess.run(command_line, text=True, capture_output=True, env=environment(), timeout=60, check=False)
    assert ended.returncode == code
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [["--inventory", "no/such/folder/inventory.yml"],
                                       ["--inventory", "inventory.yml", "--user", "nobody"]])
def test_an_inventory_that_cannot_be_written(tmp_path: Path, arguments: list[str]) -> None:
    command_line = [sys.executable, "-m", "winmigrate.lab.server", str(DEMO), *arguments]
    ended = subprocess.run(command_line, text=True, capture_output=True, env=environment(), timeout=60, check=False,
                           cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_asked_over_the_socket() -> None:
    with served() as lab:
        lab.control.ask("shutdown")
        assert lab.process.wait(20) == 0


def test_it_ends_with_its_parent() -> None:
    """A parent that is killed leaves no lab behind."""
    script = ("import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-m', 'winmigrate.lab.server', "
              f"{str(DEMO)!r}]); time.sleep(60)")
    command_line = [sys.executable, "-c", script]
    with subprocess.Popen(command_line, text=True, stdout=subprocess.PIPE, env=environment()) as parent:
        assert parent.stdout is not None
        assert json.loads(parent.stdout.readline())["ready"]
        os.kill(parent.pid, signal.SIGKILL)
        # the pipe ends when the last process that holds it has ended
        reader = threading.Thread(target=parent.stdout.read)
        reader.start()
        reader.join(20)
        assert not reader.is_alive()
