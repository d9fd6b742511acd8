"""Examples served, the big one's start, an hour of a hundred moves, and a fabric that repeats itself byte for byte."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from winmigrate import verbs
from winmigrate.cli.clocks import ground_for
from winmigrate.inventory import load_inventory
from winmigrate.lab.clock import LabClock
from winmigrate.lab.control_client import ControlClient
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.request import SWITCH, ClockEvent, Credential, Secret, command, request, select, statement
from winmigrate.testing.serving import lab

FABRICS = Path(__file__).parents[2] / "fixtures" / "fabrics"
OPS = Credential("CORP\\ops", Secret("Spare key 0x2F!"))


def processor_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("name", sorted(path.name for path in FABRICS.glob("*.yml")))
def test_every_example_is_served_and_answers(tmp_path: Path, name: str) -> None:
    before = time.monotonic()
    with lab(FABRICS / name, tmp_path / "inventory.yml", http=True) as ready:
        took, used = time.monotonic() - before, processor_seconds(ready["pid"])
        print(f"{name}: {len(ready['hosts'])} hosts, ready after {took:.2f} s, {used:.2f} s of a processor")
        assert used < 3.0
        control = ControlClient(ready["control"], ready["token"])
        world = control.ask("snapshot")["world"]["hosts"]
        control.close()
        if name == "fleet.yml":
            assert (len(world), sum(len(host["vms"]) for host in world.values())) == (40, 600)
        roll = verbs.hosts(tmp_path / "inventory.yml",
                           ground=ground_for(str(tmp_path / "inventory.yml"), str(tmp_path / "runs")))
        assert len(roll.reached()) == len(load_inventory(tmp_path / "inventory.yml").hosts) == len(world)


# --- an hour ---------------------------------------------------------------------------------------------------------

#: What leaves each of five hosts: 20 machines, one after another, over a slow network: an hour.
SOURCES, EACH = 5, 20


@pytest.mark.long
def test_an_hour_of_a_hundred_moves_passes_in_a_minute(tmp_path: Path) -> None:
    """Five sources, each with a mover and a watcher that looks at its jobs every 15 s.

    The lab and its client take turns, so what both use of a processor is what it takes where nothing else runs; that,
    and no loaded machine's time, is held against the minute.
    """
    fleet = (FABRICS / "fleet.yml").read_text("utf-8")
    fabric = tmp_path / "fabric.yml"
    slower = fleet.replace("version: 2016", "version: 2016\n    nic: 1 Gbit").replace("used: 12 GB", "used: 18 GB")
    fabric.write_text(slower, encoding="utf-8")
    with lab(fabric, tmp_path / "inventory.yml", http=True) as ready:
        clock = LabClock(ready["control"], ready["token"])
        control = ControlClient(ready["control"], ready["token"])
        before = time.monotonic(), processor_seconds(ready["pid"]), time.process_time()
        looks: list[int] = []

        def session(host: str) -> PsrpSession:
            return PsrpSession(host, Endpoint("127.0.0.1", ready["hosts"][host]["http"], "http", "ntlm", OPS), clock)

        def mover(n: int) -> None:
            with closing(session(f"old{n:02}")) as one:
                for vm in (f"old{n:02}-web{number:02}" for number in range(1, EACH + 1)):
                    move = command("Move-VM", Name=vm, DestinationHost=f"new{n:02}", DestinationCredential=OPS,
                                   Confirm=False, IncludeStorage=SWITCH, DestinationStoragePath=f"D:\\VMs\\{vm}")
                    list(one.start(request(statement(move))))

        def watcher(n: int, over: ClockEvent) -> None:
            asked = request(statement(
                command("Get-CimInstance", Namespace="root/virtualization/v2", ClassName="Msvm_MigrationJob"),
                select("VirtualSystemName", "JobState", "PercentComplete")))
            with closing(session(f"old{n:02}")) as one:
                while not over.wait(15.0):
                    looks.append(len(one.ask(asked).events))

        over = clock.event()
        watchers = [clock.start(partial(watcher, n, over), name=f"watch {n}") for n in range(1, SOURCES + 1)]
        for thread in [clock.start(partial(mover, n), name=f"move {n}") for n in range(1, SOURCES + 1)]:
            clock.join(thread)
        over.set()
        for thread in watchers:
            clock.join(thread)
        passed, took = clock.monotonic(), time.monotonic() - before[0]
        used, ours = processor_seconds(ready["pid"]) - before[1], time.process_time() - before[2]
        ended = control.ask("log", kind="move-ended")["entries"]
        control.close()
        clock.close()
    print(f"{len(ended)} moves and {len(looks)} looks at jobs: {passed:.0f} s of the fabric in {took:.1f} s; "
          f"{used:.1f} s of a processor in the lab, {ours:.1f} s in the client")
    assert [one["state"] for one in ended] == [7] * SOURCES * EACH
    assert passed >= 3600
    assert used + ours < 60


# --- the same again --------------------------------------------------------------------------------------------------

GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def night(folder: Path, fabric: Path) -> bytes:
    """A few moves by one client on the step clock, with faults on the way; the fabric's log with its ids aliased."""
    with lab(fabric, folder / "inventory.yml", clock="step", http=True) as ready:
        clock = LabClock(ready["control"], ready["token"])
        control = ControlClient(ready["control"], ready["token"])
        session = PsrpSession("hv01", Endpoint("127.0.0.1", ready["hosts"]["hv01"]["http"], "http", "ntlm", OPS), clock)
        done = clock.event()

        def work() -> None:
            for name in ("web01", "web02", "app01"):
                move = command("Move-VM", Name=name, DestinationHost="hv02", DestinationCredential=OPS, Confirm=False,
                               IncludeStorage=SWITCH, DestinationStoragePath=f"D:\\VMs\\{name}")
                list(session.start(request(statement(move))))
                session.ask(request(statement(command("Get-VM"), select("Name"))))
            session.close()
            done.set()

        thread = clock.start(work, name="night")
        while not done.is_set():
            clock.advance(10.0)
        clock.join(thread)
        entries: list[dict[str, Any]] = control.ask("log")["entries"]
        assert control.ask("log", kind="request")["entries"]
        control.close()
        clock.close()
    known: dict[str, str] = {}
    text = "\n".join(json.dumps(entry, sort_keys=True) for entry in entries)
    return GUID.sub(lambda match: known.setdefault(match[0].lower(), f"id-{len(known) + 1}"), text).encode()


def test_stepped_by_one_client_the_fabric_repeats_itself(tmp_path: Path) -> None:
    fabric = tmp_path / "fabric.yml"
    faults = ("faults:\n  - {kind: stall, host: hv01, lasts: 3, every: 7, times: 5, vm: web01, phase: storage}\n"
              "  - {kind: break-move, vm: web02, phase: memory, how: reset, leave: true}\n")
    chaos = (FABRICS / "chaos.yml").read_text("utf-8").replace("switches: [Ext]", "switches: [External]")
    fabric.write_text(chaos + faults, encoding="utf-8")
    logs = []
    for run in ("one", "two", "three"):
        (tmp_path / run).mkdir()
        logs.append(night(tmp_path / run, fabric))
    assert logs[0].count(b"move-ended") == 3
    assert logs[0].count(b'"kind": "fault"') == 2
    assert logs[0] == logs[1] == logs[2]
    print(f"{logs[0].count(bytes([10])) + 1} entries, {len(logs[0])} bytes, three times the same")
