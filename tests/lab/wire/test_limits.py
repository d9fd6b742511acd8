"""Windows' limits, each as a client that is not ours meets it. (Shells, commands, idle closing and idle shells:
test_pypsrp; the length of cmd's line: test_winrs and tests/lab/console.)"""

from __future__ import annotations

import base64
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import WinRMTransportError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import Process, WinRS
from pypsrp.wsman import NAMESPACES, WSMan

from tests.lab.console.things import console_engine
from tests.lab.wire.conftest import Host, ask, shell
from tests.lab.wire.scripted import OPS, PASSWORD
from winmigrate.lab.wire import Accounts, Limits, RealClock, WireServer

RSP = f"{{{NAMESPACES['rsp']}}}"
EVERYTHING = [f"{number:06d}" + "y" * 1000 for number in range(2000)]
#: Messages that a pipeline of the scripted engine has said before they are published (256 kB), and some.
PUBLISHED = 300


def until(look: Callable[[], bool]) -> None:
    waiter = threading.Event()
    for _ in range(2000):
        if look():
            return
        waiter.wait(0.005)
    raise AssertionError("it never came")


def refused(work: Callable[[], Any]) -> WSManFaultError:
    with pytest.raises(WSManFaultError) as caught:
        work()
    return caught.value


def test_concurrent_users(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(concurrent_users=1))
    with RunspacePool(host.wsman()), RunspacePool(host.wsman()):
        other = RunspacePool(host.wsman(user="LAB\\other", password="another"))
        fault = refused(other.open)
        assert (fault.code, "maximum number of users" in fault.reason) == (2150859179, True)
    with RunspacePool(host.wsman(user="LAB\\other", password="another")) as pool:
        assert ask(pool, "WhoAmI")


def test_concurrent_operations_of_a_user(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(operations_per_user=1))
    with RunspacePool(host.wsman()) as pool, RunspacePool(host.wsman()) as second:
        found = shell(pool, "Deaf")
        found.begin_invoke()
        reader = threading.Thread(target=found.end_invoke)
        reader.start()
        until(lambda: bool(host.server.service._operations["lab\\ops"]))
        fault = refused(lambda: ask(second, "WhoAmI"))
        assert (fault.code, "maximum number of 1 concurrent operations" in fault.reason) == (2150859174, True)
        with RunspacePool(host.wsman(user="LAB\\other", password="another")) as others:
            assert ask(others, "WhoAmI")
        host.engine.open_gate()
        reader.join(10)
        assert ask(second, "WhoAmI")


def test_processes_of_a_shell(users: str) -> None:
    clock = RealClock()
    server = WireServer("HV01", console_engine(clock.monotonic), Accounts([OPS], "HV01"), clock,
                        limits=Limits(processes_per_shell=2))
    server.start()
    wsman = WSMan("127.0.0.1", port=server.http_port, ssl=False, auth="ntlm", username="LAB\\ops", password=PASSWORD,
                  no_proxy=True)
    with wsman, WinRS(wsman) as console:
        first = Process(console, "powershell", ["-Command", "Get-Later -Seconds 60"])
        first.begin_invoke()
        fault = refused(Process(console, "echo", ["hi"]).begin_invoke)
        assert (fault.code, "Not enough quota" in fault.reason) == (1816, True)
        first.signal("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/ctrl_c")
        first.end_invoke()
        again = Process(console, "echo", ["hi"])
        again.invoke()
        assert again.stdout == b"hi\r\n"
    server.stop()


def test_memory_of_a_shell(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(memory_per_shell=52 * 1024**2))
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Many")
        found.begin_invoke()
        until(lambda: bool(host.actions("pipeline-ended")))
        assert int(pool.shell._get_shell()["MemoryUsed"].removesuffix("MB")) >= 52
        found.end_invoke()
        assert found.state == PSInvocationState.FAILED
        assert "OutOfMemoryException" in str(found.streams.error[-1])
        assert ask(pool, "WhoAmI")  # what was held has been fetched


def test_an_envelope_above_its_size(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(max_envelope=60_000))
    with RunspacePool(host.wsman()) as pool:
        pool.shell.wsman.update_max_payload_size(60_000)
        assert pool.shell.wsman.max_envelope_size == 60_000
        assert ask(pool, "WhoAmI")
        with pytest.raises(WinRMTransportError) as caught:
            pool.shell.send("stdin", b"x" * 60_000)
        assert caught.value.code == 413


def test_fragments_and_envelopes_are_no_larger_than_they_may_be(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(fragment=2000, max_envelope=20_000))
    sizes: list[int] = []
    with RunspacePool(host.wsman()) as pool:
        parse = pool._parse_responses

        def measured(data: bytes, *rest: Any) -> Any:
            sizes.append(len(data))
            return parse(data, *rest)

        pool._parse_responses = measured
        streams: list[int] = []
        receive = pool.shell.wsman.invoke

        def seen(*given: Any, **named: Any) -> Any:
            answer = receive(*given, **named)
            streams.extend(len(base64.b64decode(one.text or "")) for one in answer.iter(f"{RSP}Stream"))
            return answer

        pool.shell.wsman.invoke = seen
        assert ask(pool, "Many") == EVERYTHING
    assert max(streams) <= 2000
    assert max(sizes) < 20_000


# --- output that nobody fetches --------------------------------------------------------------------------------


def disconnect(pool: RunspacePool, mode: str) -> None:
    farewell = ET.Element(f"{RSP}Disconnect")
    ET.SubElement(farewell, f"{RSP}BufferMode").text = mode
    pool.shell.wsman.disconnect(pool.shell.resource_uri, farewell, selector_set=pool.shell._selector_set)


def reconnect(pool: RunspacePool) -> None:
    pool.shell.wsman.reconnect(pool.shell.resource_uri, selector_set=pool.shell._selector_set)


def produced(host: Host) -> int:
    return host.engine.said


@pytest.mark.parametrize("leaves", [False, True])
def test_a_full_buffer_stalls_the_command_until_somebody_fetches(make_host: Callable[..., Host], leaves: bool) -> None:
    host = make_host(limits=Limits(output_buffer=100_000))
    with RunspacePool(host.wsman()) as pool, RunspacePool(host.wsman()) as second:
        found = shell(pool, "Many")
        found.begin_invoke()
        if leaves:
            disconnect(pool, "Block")
        until(lambda: produced(host) >= 200)
        for _ in range(20):  # time enough to say all
            assert ask(second, "Echo", "x") == ["x"]
        assert produced(host) < PUBLISHED
        assert not [one for one in host.log if one["event"] == "pipeline-ended" and one["command"] == found.id]
        if leaves:
            reconnect(pool)
        found.end_invoke()
        assert found.output == EVERYTHING
        assert found.state == PSInvocationState.COMPLETED


def test_drop_mode_drops_the_oldest_and_goes_on(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(output_buffer=100_000))
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Many")
        found.begin_invoke()
        disconnect(pool, "Drop")
        until(lambda: bool(host.actions("pipeline-ended")))
        reconnect(pool)
        assert pool.shell._get_shell()["BufferMode"] == "Drop"
        found.end_invoke()
    assert found.state == PSInvocationState.COMPLETED
    assert 50 < len(found.output) < 110
    assert found.output == EVERYTHING[-len(found.output) :]


def test_a_stalled_command_can_be_stopped(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(output_buffer=100_000))
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Many")
        found.begin_invoke()
        until(lambda: produced(host) >= 200)
        found.stop()
        until(lambda: bool(host.actions("pipeline-ended")))


# --- redelivery ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [False, True])
def test_what_was_fetched_last_comes_again_after_a_reconnect(make_host: Callable[..., Host], again: bool) -> None:
    host = make_host(limits=Limits(redelivery=again))
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Slow")
        found.begin_invoke()
        until(lambda: bool(host.engine.began))
        first = received(pool, found)
        assert b"begun" in first
        pool.shell.wsman.disconnect(pool.shell.resource_uri, ET.Element(f"{RSP}Disconnect"),
                                    selector_set=pool.shell._selector_set)
        reconnect(pool)
        if again:
            assert received(pool, found) == first
        fault = refused(lambda: pool.shell.receive("stdout", command_id=found.id, timeout=1))
        assert fault.code == 2150858793
        found.stop()


def received(pool: RunspacePool, found: PowerShell) -> bytes:
    _, _, buffer = pool.shell.receive("stdout", command_id=found.id, timeout=5)
    return bytes(buffer["stdout"])
