"""pypsrp, unmodified, over real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from pypsrp.complex_objects import PSInvocationState, RunspacePoolState
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.host import PSHost, PSHostUserInterface
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import NAMESPACES

from tests.lab.wire.conftest import Host, ask, shell
from winmigrate.lab.fabric.clock import FabricClock
from winmigrate.lab.wire import Limits


def code_of(act: Callable[[], Any]) -> int | str:
    with pytest.raises(WSManFaultError) as caught:
        act()
    return caught.value.code


@pytest.mark.parametrize(
    ("auth", "ssl", "user", "more"),
    [
        ("ntlm", False, "LAB\\ops", {}),
        ("negotiate", False, "LAB\\ops", {}),
        ("negotiate", False, "lab.example\\OPS", {}),
        ("ntlm", False, "ops@lab.example", {}),
        ("ntlm", False, "ops", {}),
        ("ntlm", True, "LAB\\ops", {}),
        ("negotiate", True, "LAB\\ops", {}),
        ("negotiate", True, "LAB\\ops", {"encryption": "always"}),
        ("basic", True, "LAB\\ops", {}),
    ],
)
def test_logs_on(host: Host, auth: str, ssl: bool, user: str, more: dict[str, Any]) -> None:
    with RunspacePool(host.wsman(auth, ssl=ssl, user=user, **more)) as pool:
        protocol = "basic" if auth == "basic" else "ntlm"
        assert ask(pool, "WhoAmI") == [f"LAB\\ops|{protocol}|False|HV01"]
    assert host.server.service.count() == 0
    assert not host.actions("defect")


@pytest.mark.parametrize(
    ("auth", "ssl", "more"),
    [
        ("ntlm", False, {"password": "wrong"}),
        ("negotiate", False, {"password": "wrong"}),
        ("negotiate", True, {"password": "wrong"}),
        ("basic", True, {"password": "wrong"}),
        ("ntlm", False, {"user": "LAB\\nobody"}),
        ("ntlm", False, {"user": "ELSEWHERE\\ops"}),
        ("ntlm", True, {"negotiate_send_cbt": False}),
        ("negotiate", True, {"negotiate_send_cbt": False}),
    ],
)
def test_refuses(host: Host, auth: str, ssl: bool, more: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError):
        RunspacePool(host.wsman(auth, ssl=ssl, **more)).open()
    assert host.server.service.count() == 0
    assert host.actions("logon-refused")
    assert not host.actions("defect")


def test_admits_only_whom_the_fabric_admits(make_host: Callable[..., Host]) -> None:
    host = make_host(admits=lambda context: context.user != "LAB\\other")
    with RunspacePool(host.wsman()) as pool:
        assert ask(pool, "WhoAmI")
    assert code_of(RunspacePool(host.wsman(user="LAB\\other", password="another")).open) == 5


def test_unknown_configuration(host: Host) -> None:
    assert code_of(RunspacePool(host.wsman(), configuration_name="Nope").open) == 2150858811


@pytest.mark.parametrize("ssl", [False, True])
def test_large_output_and_input(host: Host, ssl: bool) -> None:
    wsman = host.wsman(ssl=ssl)
    sizes: list[int] = []
    receive = wsman.transport.send

    def counted(message: bytes, **more: Any) -> bytes:
        answer = receive(message, **more)
        sizes.append(len(answer))
        return answer

    wsman.transport.send = counted
    with RunspacePool(wsman) as pool:
        assert ask(pool, "Big") == ["äx" * 2_500_000]
        assert max(sizes) <= wsman.max_envelope_size == 500 * 1024
        wsman.max_envelope_size = 153600
        sizes.clear()
        assert ask(pool, "Big") == ["äx" * 2_500_000]
        assert 100_000 < max(sizes) <= 153600
        assert [line[:6] for line in ask(pool, "Many")] == [f"{number:06d}" for number in range(2000)]
        assert ask(pool, "Length", "z" * 2_000_000) == ["2000000"]
        wsman.update_max_payload_size()
        assert wsman.max_envelope_size == 500 * 1024
        assert ask(pool, "Length", "z" * 2_000_000) == ["2000000"]


def test_awkward_text(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        text = "old's \"vm\" [x] $(x) ü \u2028 😀 &<>"
        assert ask(pool, "Echo", text) == [text]


def test_streams(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Streams")
        assert found.invoke() == ["one", "two"]
        assert [str(record) for record in found.streams.error] == ["not good"]
        assert [record.message for record in found.streams.warning] == ["warning"]
        assert [record.message for record in found.streams.verbose] == ["verbose"]
        assert [record.message for record in found.streams.debug] == ["debug"]
        assert [record.percent_complete for record in found.streams.progress] == [50]
        failed = shell(pool, "Fail")
        failed.invoke()
        assert failed.had_errors
        assert [str(record) for record in failed.streams.error] == ["it broke"]


def test_secure_string(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        pool.exchange_keys()
        assert ask(pool, "Secret", pool.serialize("Cana ry\U0001f600", _secure())) == ["Cana ry\U0001f600"]
    assert "Cana ry" not in str(host.log)


def _secure() -> Any:
    from pypsrp.complex_objects import ObjectMeta

    return ObjectMeta("SS")


def test_pool(host: Host) -> None:
    pool = RunspacePool(host.wsman(), max_runspaces=2)
    pool.open({"a": "b"})
    assert pool.get_available_runspaces() == 2
    pool.max_runspaces = 5
    pool.min_runspaces = 2
    assert pool.get_available_runspaces() == 5
    pool.reset_runspace_state()
    assert pool.is_alive()
    assert pool.application_private_data is not None
    assert pool.protocol_version == "2.3"
    assert [ask(pool, "Remember"), ask(pool, "Remember")] == [["1"], ["2"]]
    with pytest.raises(Exception, match="Failed to set maximum runspaces"):
        pool.max_runspaces = -1
    pool.close()


def test_pipeline_input(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Input")
        assert found.invoke(text for text in "abc") == ["a", "b", "c"]


def test_host_call(host: Host) -> None:
    class Interface(PSHostUserInterface):
        def ReadLine(self, runspace: Any, pipeline: Any) -> str:
            return "the answer"

    with RunspacePool(host.wsman(), host=PSHost(None, None, False, "h", None, Interface(), "1.0")) as pool:
        assert ask(pool, "Ask") == ["heard the answer"]


def test_defect_of_the_engine_is_told(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        for name in ("Crash", "Forget"):
            found = shell(pool, name)
            found.invoke()
            assert found.had_errors
            assert "defect of the lab" in str(found.streams.error[0])
        assert ask(pool, "WhoAmI")
    assert len(host.actions("defect")) == 2


def test_silent_pipeline_outlives_operation_timeouts(make_host: Callable[..., Host]) -> None:
    clock = FabricClock(mode="leap")
    host = make_host(clock)
    number = clock.join("client", lambda now: None)
    started = clock.monotonic()
    with RunspacePool(host.wsman(operation_timeout=60)) as pool:
        assert ask(pool, "Slow") == ["begun", "ended"]
    assert clock.monotonic() - started == pytest.approx(3600, abs=1)
    assert sum(entry.get("fault") == 2150858793 for entry in host.log) in range(58, 61)
    clock.leave(number)
    clock.close()


def test_stop(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Slow")
        found.begin_invoke()
        found.poll_invoke()
        assert found.output == ["begun"]
        found.stop()
        _until(lambda: host.engine.ended == ["Slow"])
    assert [entry["state"] for entry in host.log if entry["event"] == "pipeline-ended"] == ["Stopped"]


def test_stopped_state_is_read(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Slow")
        found.begin_invoke()
        found.runspace_pool.shell.signal("powershell/signal/crtl_c", found._command_id)
        found.end_invoke()
        assert found.state == PSInvocationState.STOPPED
        found.close()


def test_terminate_of_what_does_not_stop(host: Host) -> None:
    wsman = host.wsman()
    with RunspacePool(wsman) as pool:
        found = shell(pool, "Deaf")
        found.begin_invoke()
        pool.shell.signal("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/Terminate", found._command_id)
        assert code_of(found.poll_invoke) == 2150858843
        # still there for those who look, until it has really ended
        (same,) = RunspacePool.get_runspace_pools(host.wsman())
        assert list(same.pipelines) == [found.id]
        host.engine.open_gate()
        _until(lambda: host.engine.ended == ["Deaf"])
        _until(lambda: not RunspacePool.get_runspace_pools(host.wsman())[0].pipelines)


def _until(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not look():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_unknown_shell_and_command(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "WhoAmI")
        found.invoke()
        found.close()
        assert code_of(lambda: pool.shell.receive("stdout", command_id=found.id)) == 2150858843
        stranger = RunspacePool(host.wsman(user="LAB\\other", password="another"))
        stranger.shell._selector_set = pool.shell._selector_set
        assert code_of(lambda: stranger.shell._get_shell()) == 2150858843
        host.server.service.end_all()
        assert not pool.is_alive()
        pool.state = RunspacePoolState.OPENED
        assert code_of(lambda: shell(pool, "WhoAmI").invoke()) == 2150858843
        pool.state = RunspacePoolState.CLOSED


def test_shell_quota(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(shells_per_user=3))
    pools = [RunspacePool(host.wsman()) for _ in range(3)]
    for pool in pools:
        pool.open()
    with pytest.raises(WSManFaultError, match="maximum number of 3 concurrent shells") as caught:
        RunspacePool(host.wsman()).open()
    assert caught.value.code == 2150859173
    with RunspacePool(host.wsman(user="LAB\\other", password="another")):
        assert len(RunspacePool.get_runspace_pools(host.wsman())) == 3
    pools[0].close()
    with RunspacePool(host.wsman()):
        assert host.server.service.count() == 3


def test_command_quota_counts_what_was_never_closed(make_host: Callable[..., Host]) -> None:
    host = make_host(limits=Limits(commands_per_shell=2))
    with RunspacePool(host.wsman()) as pool:
        first = shell(pool, "WhoAmI")
        first.invoke()
        ask(pool, "WhoAmI")
        with pytest.raises(WSManFaultError, match="maximum number of concurrent commands per shell"):
            ask(pool, "WhoAmI")
        first.close()
        assert ask(pool, "WhoAmI")


def test_disconnect_and_reconnect(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        found = shell(pool, "Deaf")
        found.begin_invoke()
        pool.disconnect()
        assert code_of(lambda: pool.shell.receive("stdout", command_id=found.id)) == 2150859204
        assert pool.shell._get_shell()["State"] == "Disconnected"
        pool.connect()
        assert pool.shell._get_shell()["State"] == "Connected"
        host.engine.open_gate()
        (again,) = pool.create_disconnected_power_shells()
        again.connect_async()
        again.end_invoke()
        assert again.state == PSInvocationState.COMPLETED


def test_second_client_connects(host: Host) -> None:
    first = RunspacePool(host.wsman())
    first.open()
    found = shell(first, "Deaf")
    found.begin_invoke()
    (second,) = RunspacePool.get_runspace_pools(host.wsman())
    assert code_of(second.connect) == 2150859213
    first.disconnect()
    (second,) = RunspacePool.get_runspace_pools(host.wsman())
    second.connect()
    assert second.protocol_version == "2.3"
    host.engine.open_gate()
    (again,) = second.create_disconnected_power_shells()
    again.connect_async()
    again.end_invoke()
    assert again.state == PSInvocationState.COMPLETED
    # the first one's session is nobody's now
    first.state = RunspacePoolState.OPENED
    assert code_of(lambda: shell(first, "WhoAmI").invoke()) == 2150859206
    second.state = RunspacePoolState.OPENED
    assert ask(second, "WhoAmI")
    second.close()


def test_pools_side_by_side(host: Host) -> None:
    answers: list[list[str]] = []

    def work(number: int) -> None:
        with RunspacePool(host.wsman(ssl=number % 2 == 0)) as pool:
            for turn in range(10):
                answers.append(ask(pool, "Echo", f"{number}.{turn}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted([f"{number}.{turn}"] for number in range(6) for turn in range(10))


def test_round_trip_is_quick(host: Host) -> None:
    with RunspacePool(host.wsman()) as pool:
        ask(pool, "WhoAmI")
        took = []
        for _ in range(20):
            began = time.perf_counter()
            ask(pool, "WhoAmI")
            took.append(time.perf_counter() - began)
    assert sorted(took)[10] < 0.05  # two round trips; about 5 ms on a free machine


class TestTime:
    """Idle things, on a clock that is stepped by hand."""

    def test_idle_connection_is_closed(self, make_host: Callable[..., Host]) -> None:
        clock = FabricClock(mode="step")
        host = make_host(clock)
        plain = RunspacePool(host.wsman())
        tls = RunspacePool(host.wsman(ssl=True))
        for pool in (plain, tls):
            pool.open()
        clock.advance(119)
        assert ask(plain, "WhoAmI")
        assert ask(tls, "WhoAmI")
        clock.advance(119)
        assert ask(plain, "WhoAmI")
        clock.advance(121)
        # the seal belongs to the connection that was closed
        with pytest.raises(WinRMTransportError) as caught:
            ask(plain, "WhoAmI")
        assert caught.value.code == 400
        assert ask(tls, "WhoAmI")
        plain.connection.transport.close()
        plain.connection.transport.session = plain.connection.transport.encryption = None
        assert ask(plain, "WhoAmI")
        clock.close()

    def test_unattended_shell_is_shown_as_disconnected(self, make_host: Callable[..., Host]) -> None:
        clock = FabricClock(mode="step")
        host = make_host(clock)
        first = RunspacePool(host.wsman(ssl=True))
        first.open()
        clock.advance(30)
        assert first.shell._get_shell()["State"] == "Connected"
        clock.advance(31)
        state = first.shell._get_shell()
        assert (state["State"], state["ShellInactivity"]) == ("Disconnected", "P0DT0H1M1S")
        assert ask(first, "WhoAmI")
        assert first.shell._get_shell()["State"] == "Connected"
        clock.advance(61)
        (second,) = RunspacePool.get_runspace_pools(host.wsman())
        second.connect()
        assert second.protocol_version == "2.3"
        clock.close()

    @pytest.mark.parametrize("disconnect", [False, True])
    def test_idle_shell_is_deleted(self, make_host: Callable[..., Host], disconnect: bool) -> None:
        clock = FabricClock(mode="step")
        host = make_host(clock)
        pool = RunspacePool(host.wsman(ssl=True), idle_timeout=600)
        pool.open()
        found = shell(pool, "Deaf")
        found.begin_invoke()
        clock.advance(599)
        found.runspace_pool.shell.signal("powershell/signal/ctrl_c", found.id)
        if disconnect:
            pool.disconnect()
        clock.advance(599)
        assert host.server.service.count() == 1
        clock.advance(2)
        assert host.server.service.count() == 0
        _until(lambda: host.engine.ended == ["Deaf"])
        assert len(host.actions("shell-idle-timeout")) == 1
        clock.close()

    def test_disconnect_sets_its_own_timeout(self, make_host: Callable[..., Host]) -> None:
        clock = FabricClock(mode="step")
        host = make_host(clock)
        pool = RunspacePool(host.wsman(ssl=True))
        pool.open()
        asked = ElementTree.Element(f"{{{NAMESPACES['rsp']}}}Disconnect")
        ElementTree.SubElement(asked, f"{{{NAMESPACES['rsp']}}}IdleTimeOut").text = "PT90S"
        ElementTree.SubElement(asked, f"{{{NAMESPACES['rsp']}}}BufferMode").text = "Drop"
        pool.connection.disconnect(pool.shell.resource_uri, asked, selector_set=pool.shell._selector_set)
        state = pool.shell._get_shell()
        assert (state["IdleTimeOut"], state["BufferMode"], state["State"]) == ("PT90.000S", "Drop", "Disconnected")
        clock.advance(89)
        assert host.server.service.count() == 1
        clock.advance(2)
        assert host.server.service.count() == 0
        clock.close()

    def test_idle_timeout_is_refused_out_of_bounds(self, host: Host) -> None:
        assert code_of(RunspacePool(host.wsman(), idle_timeout=5).open) == 87

    def test_stream_is_read_while_time_leaps(self, make_host: Callable[..., Host]) -> None:
        clock = FabricClock(mode="leap")
        host = make_host(clock)
        number = clock.join("client", lambda now: None)
        with RunspacePool(host.wsman(operation_timeout=20)) as pool:
            found: PowerShell = shell(pool, "Count")
            found.begin_invoke()
            seen: list[tuple[float, int]] = []
            while found.state == PSInvocationState.RUNNING:
                found.poll_invoke()
                if len(found.output) != (seen[-1][1] if seen else 0):
                    seen.append((clock.monotonic() - (seen[0][0] if seen else 0), len(found.output)))
        assert [count for _, count in seen] == list(range(1, 13))
        assert [when for when, _ in seen[1:]] == pytest.approx([30.0 * n for n in range(1, 12)], abs=0.5)
        clock.leave(number)
        clock.close()
