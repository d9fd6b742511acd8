"""What can go wrong between a client and a host, done to a real client."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

import pytest
import requests.exceptions
from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import WinRMTransportError, WSManFaultError
from pypsrp.powershell import RunspacePool

from tests.lab.wire.conftest import Host, ask, shell
from winmigrate.lab.fabric.clock import FabricClock
from winmigrate.lab.wire import Disruption

LOST = (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)


def recover(pool: RunspacePool) -> None:
    """A new connection for a pool whose old one died."""
    transport = pool.connection.transport
    transport.close()
    transport.session = transport.encryption = None


@pytest.mark.parametrize("ssl", [False, True])
def test_dropped_request_is_not_processed(host: Host, ssl: bool) -> None:
    with RunspacePool(host.wsman(ssl=ssl)) as pool:
        host.faults.add("request", Disruption("drop"), action="Command")
        with pytest.raises(LOST):
            ask(pool, "WhoAmI")
        assert host.engine.began == []
        recover(pool)
        assert ask(pool, "WhoAmI")


@pytest.mark.parametrize("ssl", [False, True])
@pytest.mark.parametrize("kind", ["drop", "truncate"])
def test_lost_reply_was_processed(host: Host, ssl: bool, kind: str) -> None:
    with RunspacePool(host.wsman(ssl=ssl)) as pool:
        host.faults.add("reply", Disruption(kind), action="Command")  # type: ignore[arg-type]
        found = shell(pool, "WhoAmI")
        with pytest.raises(LOST):
            found.begin_invoke()
        assert host.engine.began == ["WhoAmI"]
        recover(pool)
        found._command_id = found.id
        found.state = PSInvocationState.RUNNING
        assert found.end_invoke() == ["LAB\\ops|ntlm|False|HV01"]


def test_lost_receive_is_lost_data(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        host.faults.add("reply", Disruption("drop"), action="Receive", picks=lambda exchange: exchange.done)
        found = shell(pool, "WhoAmI")
        with pytest.raises(LOST):
            found.invoke()
        recover(pool)
        found.poll_invoke()
        assert found.output == []
        assert found.state == PSInvocationState.RUNNING  # its end was in the lost reply: pypsrp would ask for ever
        found.state = PSInvocationState.STOPPED


def test_drop_all_loses_nothing(host: Host) -> None:
    pool = RunspacePool(host.wsman())
    pool.open()
    found = shell(pool, "Deaf")
    found.begin_invoke()
    ended: list[BaseException] = []

    def read() -> None:
        try:
            found.poll_invoke()
        except LOST as error:
            ended.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    _until(lambda: _parked(host))
    assert host.server.drop_all() == 1
    reader.join(5)
    assert len(ended) == 1
    host.engine.open_gate()
    recover(pool)
    found.end_invoke()
    assert found.state == PSInvocationState.COMPLETED
    pool.close()


def _parked(host: Host) -> bool:
    with host.server.service._lock:
        return any(one.requests for one in host.server.service._shells.values())


def _until(look: Callable[[], bool]) -> None:
    waiter = threading.Event()
    for _ in range(1000):
        if look():
            return
        waiter.wait(0.005)
    raise AssertionError("it never came")


def test_client_that_goes_away_takes_nothing_along(host: Host) -> None:
    pool = RunspacePool(host.wsman())
    pool.open()
    found = shell(pool, "Deaf")
    found.begin_invoke()
    pool.connection.transport.read_timeout = 0.2
    with pytest.raises((requests.exceptions.ReadTimeout, WSManFaultError)):
        pool.connection.invoke(
            "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive",
            pool.shell.resource_uri,
            _receive_of(found.id),
            selector_set=pool.shell._selector_set,
        )
    recover(pool)
    host.engine.open_gate()
    pool.connection.transport.read_timeout = 30
    found.end_invoke()
    assert found.state == PSInvocationState.COMPLETED
    pool.close()


def _receive_of(command_id: str) -> object:
    from xml.etree import ElementTree

    namespace = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
    receive = ElementTree.Element(f"{{{namespace}}}Receive")
    ElementTree.SubElement(receive, f"{{{namespace}}}DesiredStream", CommandId=command_id).text = "stdout"
    return receive


@pytest.mark.parametrize("ssl", [False, True])
def test_killed_client_is_noticed_at_once(make_host: Callable[..., Host], ssl: bool) -> None:
    clock = FabricClock(mode="step")  # its time stands still: no time-out can end the Receive
    host = make_host(clock)
    pool = RunspacePool(host.wsman(ssl=ssl))
    pool.open()
    found = shell(pool, "Deaf")
    found.begin_invoke()
    pool.connection.transport.read_timeout = 0.2
    with pytest.raises(requests.exceptions.ReadTimeout):
        pool.connection.invoke(
            "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive",
            pool.shell.resource_uri,
            _receive_of(found.id),
            selector_set=pool.shell._selector_set,
        )
    _until(lambda: not _parked(host))
    assert clock.state()["parked"] == 0
    host.engine.open_gate()
    clock.close()


def test_answer_instead(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        for status in (500, 503):
            host.faults.add("request", Disruption("answer", status, b"busy"), action="Command")
            with pytest.raises(WinRMTransportError) as caught:
                ask(pool, "WhoAmI")
            assert (caught.value.code, caught.value.response_text) == (status, "busy")
        assert host.engine.began == []
        host.faults.add("reply", Disruption("answer", 500), action="Command")
        with pytest.raises(WinRMTransportError):
            ask(pool, "WhoAmI")
        assert host.engine.began == ["WhoAmI"]


@pytest.mark.parametrize("point", ["connect", "request", "reply"])
def test_hang_ends_when_the_client_gives_up(host: Host, point: str) -> None:
    host.faults.add(point, Disruption("hang"), times=None)  # type: ignore[arg-type]
    with pytest.raises(requests.exceptions.RequestException):
        RunspacePool(host.wsman(read_timeout=0.2)).open()
    host.faults.clear()
    with RunspacePool(host.wsman()) as pool:
        assert ask(pool, "WhoAmI")
    pool.connection.close()
    _until(lambda: not [one for one in threading.enumerate() if "process_request" in one.name or "hung" in one.name])


def test_hang_does_not_hold_fabric_time(make_host: Callable[..., Host]) -> None:
    clock = FabricClock(mode="leap")
    host = make_host(clock)
    clock.join("hung client", lambda now: None)
    waiting = clock.join("other client", lambda now: woken.set())
    woken = threading.Event()
    host.server.go_down("ignore")
    with contextlib.closing(socket.create_connection(("127.0.0.1", host.server.http_port or 0), timeout=5)):
        clock.begin_wait(waiting, 1000.0)
        assert woken.wait(5)
        assert clock.monotonic() == 1000.0
    clock.close()


def test_down_and_up(host: Host) -> None:
    pool = RunspacePool(host.wsman())
    pool.open()
    ports = (host.server.http_port, host.server.https_port)
    host.server.go_down()
    with pytest.raises(requests.exceptions.ConnectionError):
        ask(pool, "WhoAmI")
    recover(pool)
    with pytest.raises(requests.exceptions.ConnectionError, match="refused"):
        ask(pool, "WhoAmI")
    host.server.come_up()
    assert (host.server.http_port, host.server.https_port) == ports
    recover(pool)
    assert ask(pool, "WhoAmI")
    host.server.go_down("ignore")
    recover(pool)
    pool.connection.transport.read_timeout = 0.2
    with pytest.raises(requests.exceptions.ReadTimeout):
        ask(pool, "WhoAmI")
    host.server.come_up()
    recover(pool)
    pool.connection.transport.read_timeout = 30
    assert ask(pool, "WhoAmI")
    pool.close()


def test_reboot_ends_shells_and_pipelines(host: Host) -> None:
    pool = RunspacePool(host.wsman())
    pool.open()
    found = shell(pool, "Deaf")
    found.begin_invoke()
    host.server.reboot()
    _until(lambda: host.engine.ended == ["Deaf"])
    host.server.come_up()
    recover(pool)
    with pytest.raises(WSManFaultError) as caught:
        found.poll_invoke()
    assert caught.value.code == 2150858843
    with RunspacePool(host.wsman()) as fresh:
        assert ask(fresh, "WhoAmI")
