"""The control socket, the client's clock on it, and the fault plan."""

from __future__ import annotations

import datetime as dt
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab.fabric.worlds import TWO_HOSTS, move, run, sleep, vm_of
from winmigrate.errors import LabError
from winmigrate.lab.clock import LabClock
from winmigrate.lab.control import Control
from winmigrate.lab.control_client import ControlClient
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.loading import make_world, read_fabric
from winmigrate.lab.fabric.world import World
from winmigrate.lab.faults import FaultPlan
from winmigrate.lab.wire.faults import Exchange

LONG = 10.0


class Bench:
    """A world with its control socket, and no wire."""

    def __init__(self, mode: str) -> None:
        self.world: World = make_world(read_fabric(TWO_HOSTS, "fabric.yml"), mode=mode)
        self.faults = FaultPlan(self.world)
        self.control = Control(self.world, self.faults)
        self.clocks: list[LabClock] = []

    def clock(self, name: str = "main") -> LabClock:
        made = LabClock(self.control.address, self.control.token, name=name)
        self.clocks.append(made)
        return made

    def client(self) -> ControlClient:
        return ControlClient(self.control.address, self.control.token)

    def close(self) -> None:
        for clock in self.clocks:
            clock.close()
        self.control.close()
        self.world.clock.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench("leap")
    yield made
    made.close()


@pytest.fixture
def stepped() -> Iterator[Bench]:
    made = Bench("step")
    yield made
    made.close()


def gone(bench: Bench, count: int) -> None:
    """Waits until only so many participants are left."""
    limit = threading.Event()
    for _ in range(1000):
        if len(bench.world.clock.state()["participants"]) == count:  # type: ignore[arg-type]
            return
        limit.wait(0.01)
    raise AssertionError(bench.world.clock.state())


# --- the clock -------------------------------------------------------------------------------------------------------


def test_sleeping_takes_fabric_time_and_no_other(bench: Bench) -> None:
    clock = bench.clock()
    before, date = clock.monotonic(), clock.now()
    clock.sleep(86400.0)
    assert clock.monotonic() - before == 86400.0
    assert clock.now() - date == dt.timedelta(days=1)
    clock.sleep(0)
    assert clock.monotonic() - before == 86400.0


def test_an_event_that_is_set_wakes_before_time_passes(bench: Bench) -> None:
    clock = bench.clock()
    event = clock.event()
    times: list[tuple[bool, float]] = []

    def worker() -> None:
        times.append((event.wait(1000.0), clock.monotonic()))

    thread = clock.start(worker, name="worker")
    clock.sleep(10.0)
    event.set()
    clock.join(thread)
    assert times == [(True, 10.0)]
    event.clear()
    assert not event.wait(5.0)
    assert clock.monotonic() == 15.0
    gone(bench, 1)


def test_threads_take_turns_over_fabric_time(bench: Bench) -> None:
    clock = bench.clock()
    log: list[tuple[float, str]] = []
    lock = threading.Lock()

    def walker(name: str, pause: float) -> Callable[[], None]:
        def walk() -> None:
            for _ in range(5):
                clock.sleep(pause)
                with lock:
                    log.append((clock.monotonic(), name))
        return walk

    threads = [clock.start(walker(name, pause), name=name) for name, pause in (("a", 2.0), ("b", 3.1), ("c", 10.7))]
    for thread in threads:
        clock.join(thread)
    assert log == sorted(log)
    assert [round(at, 6) for at, name in log if name == "b"] == [3.1, 6.2, 9.3, 12.4, 15.5]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_events_between_threads_never_lose_a_waiter(plan: list[tuple[int, int]]) -> None:
    """Pairs of threads: one waits for an event with a bound, the other sets it after a while."""
    bench = Bench("leap")
    try:
        clock = bench.clock()
        got: dict[int, tuple[bool, float]] = {}
        threads = []
        for index, (bound, delay) in enumerate(plan):
            event = clock.event()

            def wait(index: int = index, bound: int = bound, event: object = event) -> None:
                got[index] = (event.wait(float(bound)), clock.monotonic())  # type: ignore[attr-defined]

            def give(delay: int = delay, event: object = event) -> None:
                clock.sleep(float(delay))
                event.set()  # type: ignore[attr-defined]

            threads += [clock.start(wait, name=f"wait {index}"), clock.start(give, name=f"give {index}")]
        for thread in threads:
            clock.join(thread)
        for index, (bound, delay) in enumerate(plan):
            is_set, at = got[index]
            assert at == min(bound, delay)
            assert is_set or delay >= bound
        gone(bench, 1)
    finally:
        bench.close()


def test_a_thread_of_others_counts_only_while_it_waits(bench: Bench) -> None:
    clock = bench.clock()
    woken = threading.Event()

    def foreign() -> None:
        clock.sleep(5.0)
        woken.set()

    thread = threading.Thread(target=foreign)
    thread.start()
    clock.sleep(60.0)
    thread.join(LONG)
    assert woken.is_set()
    gone(bench, 1)


def test_a_thread_that_fails_leaves_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    clock = bench.clock()

    def broken() -> None:
        raise ZeroDivisionError

    clock.join(clock.start(broken, name="broken"))
    clock.sleep(5.0)
    gone(bench, 1)


def test_two_processes_wait_for_each_other_and_not_for_the_dead(bench: Bench) -> None:
    one, other = bench.clock("one"), bench.clock("other")
    done = threading.Event()

    def sleeping() -> None:
        one.sleep(5.0)
        done.set()

    inner = one.start(sleeping, name="sleeper")
    assert not done.wait(0.05)
    assert bench.world.clock.monotonic() == 0.0
    other.close()
    one.join(inner)
    assert one.monotonic() == 5.0
    assert done.is_set()


def test_a_broken_connection_ends_waits_with_an_error(bench: Bench) -> None:
    clock = bench.clock()
    errors: list[LabError] = []

    def wait() -> None:
        try:
            clock.event().wait()
        except LabError as error:
            errors.append(error)

    thread = clock.start(wait, name="waiting")
    while bench.world.clock.state()["participants"][1]["waiting"] is False:  # type: ignore[index]
        threading.Event().wait(0.005)
    bench.control.close()
    thread.join(LONG)
    assert len(errors) == 1
    with pytest.raises(LabError):
        clock.sleep(1.0)


def test_the_clock_may_run_by_itself(bench: Bench) -> None:
    clock = bench.clock()
    clock.client.ask("mode", mode="real", rate=500.0)
    before = clock.monotonic()
    clock.sleep(20.0)
    assert clock.monotonic() - before >= 20.0
    event = clock.event()
    thread = clock.start(lambda: event.set(), name="setter")
    assert event.wait(5000.0)
    clock.join(thread)
    assert clock.monotonic() - before < 5000.0


def test_joining_a_foreign_thread_is_refused(bench: Bench) -> None:
    clock = bench.clock()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    with pytest.raises(LabError, match="not started by this clock"):
        clock.join(thread)
    stop.set()
    thread.join(LONG)


def test_step_mode_from_a_participant(stepped: Bench) -> None:
    clock = stepped.clock()
    woke: list[float] = []

    def sleeper() -> None:
        clock.sleep(3.0)
        woke.append(clock.monotonic())

    thread = clock.start(sleeper, name="sleeper")
    assert clock.advance(2.0) == 2.0
    assert woke == []
    assert clock.advance(2.0) == 4.0
    clock.join(thread)
    assert woke == [3.0]


# --- the socket ------------------------------------------------------------------------------------------------------


def test_no_word_without_the_token(bench: Bench) -> None:
    with pytest.raises(LabError, match="wrong token"):
        ControlClient(bench.control.address, "guess")
    host, _, port = bench.control.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=LONG) as raw:
        raw.sendall(b'{"op": "snapshot", "n": 1}\n')
        lines = raw.makefile("rb")
        assert json.loads(lines.readline()) == {"n": 1, "ok": False, "error": "wrong token"}
        assert lines.readline() == b""


NONSENSE = [b"hello\n", b"[]\n", b'{"op": "now"}\n', b"\xff\xfe\n", b'{"n": "x", "op": "hello"}\n']


@pytest.mark.parametrize("line", NONSENSE)
def test_nonsense_ends_the_connection_only(bench: Bench, line: bytes) -> None:
    host, _, port = bench.control.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=LONG) as raw:
        raw.sendall(line)
        lines = raw.makefile("rb")
        assert json.loads(lines.readline())["ok"] is False
        assert lines.readline() == b""
    assert bench.client().ask("now")["now"] == 0.0


@pytest.mark.parametrize(("op", "facts", "words"), [
    ("dance", {}, "no operation"), ("wait", {"participant": 77}, "none of this connection"),
    ("mode", {"mode": "fast"}, "no mode"), ("mode", {}, "missing or unknown"), ("advance", {"seconds": 1}, '"leap"'),
    ("fault.add", {"fault": {"kind": "flood"}}, "flood"), ("fault.add", {"fault": {"kind": "crash"}}, "needs host"),
    ("fault.add", {"fault": {"kind": "drop", "host": "hv9"}}, "hv9"), ("host.up", {"host": "hv9"}, "hv9"),
])
def test_what_it_refuses(bench: Bench, op: str, facts: dict[str, object], words: str) -> None:
    client = bench.client()
    with pytest.raises(LabError, match=words):
        client.ask(op, **facts)
    client.close()


def test_snapshot_log_and_shutdown(bench: Bench) -> None:
    client = bench.client()
    run(bench.world, move(bench.world))
    world = client.ask("snapshot")["world"]
    assert [vm["name"] for vm in world["hosts"]["hv02"]["vms"]] == ["web01"]
    assert world["hosts"]["hv01"]["jobs"][0]["state"] == 7
    entries = client.ask("log", kind="move-ended")["entries"]
    assert [entry["state"] for entry in entries] == [7]
    assert client.ask("log", after=entries[0]["n"])["entries"] == []
    client.ask("shutdown")
    assert bench.control.asked_to_stop.is_set()
    client.close()


# --- faults ----------------------------------------------------------------------------------------------------------


def add(bench: Bench, **fault: object) -> None:
    bench.faults.add_json(fault)


def test_a_wire_fault_waits_for_its_phase_and_its_exchange(bench: Bench) -> None:
    add(bench, kind="drop", host="hv01", vm="web01", phase="storage", action="Receive", nth=2)
    receive = Exchange("HV01", "Receive")
    assert bench.faults.strike("request", receive) is None
    job = move(bench.world)
    sleep(bench.world, 3.0)
    assert job.phase == "storage"
    assert bench.faults.strike("request", Exchange("HV01", "Command")) is None
    assert bench.faults.strike("request", Exchange("HV02", "Receive")) is None
    assert bench.faults.strike("reply", receive) is None
    assert bench.faults.strike("request", receive) is None
    struck = bench.faults.strike("request", receive)
    assert struck is not None
    assert struck.kind == "drop"
    assert bench.faults.strike("request", receive) is None
    assert [fault.state for fault in bench.faults.faults()] == ["struck"]
    assert [entry["what"] for entry in bench.world.log.read(kind="fault")] == ["drop"]


def test_a_lost_reply_strikes_after_the_work(bench: Bench) -> None:
    add(bench, kind="lose-reply", action="Command", times=2)
    command = Exchange("HV01", "Command")
    assert bench.faults.strike("request", command) is None
    assert [getattr(bench.faults.strike("reply", command), "kind", None) for _ in range(3)] == ["drop", "drop", None]


def test_latency_is_real_time_and_only_of_its_host(bench: Bench) -> None:
    add(bench, kind="latency", host="hv01", milliseconds=200)

    def took(host: str) -> float:
        before = time.monotonic()
        assert bench.faults.strike("request", Exchange(host, "Receive")) is None
        assert bench.faults.strike("reply", Exchange(host, "Receive")) is None
        return time.monotonic() - before

    assert took("HV01") >= 0.2
    assert took("HV02") < 0.2
    bench.faults.clear()
    assert took("HV01") < 0.2


PHASE_FAULTS = ["negotiate", "storage", "mirror", "memory", "blackout", "cleanup"]


@pytest.mark.parametrize("phase", PHASE_FAULTS)
@pytest.mark.parametrize("host", ["hv01", "hv02"])
def test_a_host_dies_in_a_phase_and_the_vm_is_in_one_place(bench: Bench, phase: str, host: str) -> None:
    world = bench.world
    add(bench, kind="crash", host=host, vm="web01", phase=phase, down=60)
    vm = vm_of(world, "web01")
    job = move(world)
    run(world, job)
    sleep(world, 100.0)
    landed = phase == "cleanup"
    assert world.where(vm.id) == [world.hosts["hv02" if landed else "hv01"]]
    assert vm.state == "Running"
    assert all(one.reachable for one in world.hosts.values())
    assert world.hosts["hv02"].memory_pledged == 0
    paths = [disk.path for disk in vm.disks]
    assert all(path in world.where(vm.id)[0].files for path in paths)


@pytest.mark.parametrize(("phase", "how", "leave", "code"), [
    ("storage", "disk-full", False, 0x80070070), ("memory", "timeout", True, 0x800705B4),
    ("blackout", "reset", True, 0x80072746), ("negotiate", "memory", False, 0x8007000E),
])
def test_a_move_breaks_in_a_phase(bench: Bench, phase: str, how: str, leave: bool, code: int) -> None:
    add(bench, kind="break-move", vm="web01", phase=phase, how=how, leave=leave)
    job = move(bench.world)
    run(bench.world, job)
    assert (job.state, job.phase, job.failure.hresult) == (10, phase, code)
    assert bool(len(bench.world.hosts["hv02"].files)) == leave
    assert bool(bench.world.hosts["hv02"].planned) == leave
    assert vm_of(bench.world, "web01").state == "Running"


def test_a_dead_host_says_nothing(bench: Bench) -> None:
    add(bench, kind="crash", host="hv01", down=60)
    assert [getattr(bench.faults.strike(point, Exchange("HV01")), "kind", None)  # type: ignore[arg-type]
            for point in ("connect", "request", "reply")] == ["drop"] * 3
    assert bench.faults.strike("reply", Exchange("HV02")) is None
    with pytest.raises(MigrationFailure, match="HV01"):
        move(bench.world)
    sleep(bench.world, 61)
    assert bench.faults.strike("reply", Exchange("HV01")) is None


def test_other_faults_of_the_fabric(bench: Bench) -> None:
    world = bench.world
    target = world.hosts["hv02"]
    add(bench, kind="fill-disk", host="hv02", volume="D", free="1 GB")
    assert target.free("D") == 1024**3
    add(bench, kind="leftover-planned", host="hv02", vm="web01")
    assert [vm.name for vm in target.planned.values()] == ["web01"]
    add(bench, kind="slow", host="hv02", rate="1 MB/s")
    assert target.nic_rate == 1024**2
    add(bench, kind="refuse-migrations", host="hv02")
    job = move(world)
    run(world, job)
    assert job.failure.hresult == 0x8007274D
    assert [fault.id for fault in bench.faults.faults()] == ["fault-1", "fault-2", "fault-3", "fault-4"]
    with pytest.raises(LabError, match="already"):
        add(bench, kind="drop", id="fault-1")


def test_a_fault_that_comes_too_late_is_missed(bench: Bench) -> None:
    add(bench, kind="break-move", vm="web01", phase="mirror", after=60)
    job = move(bench.world)
    run(bench.world, job)
    sleep(bench.world, 100.0)
    assert job.state == 7
    assert [fault.state for fault in bench.faults.faults()] == ["missed"]
