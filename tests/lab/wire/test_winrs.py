"""The Windows Remote Shell, as clients that are not ours speak it: pywinrm and pypsrp, unmodified."""

from __future__ import annotations

import base64
import importlib
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import winrm
from pypsrp.client import Client
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan
from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError, WSManFaultError
from winrm.protocol import Protocol

from tests.lab.console.things import console_engine
from tests.lab.wire.scripted import OPS, OTHER, PASSWORD
from winmigrate.lab.wire import Accounts, Limits, RealClock, WireServer

UNKNOWN_SHELL = 2150858843


@dataclass
class Served:
    server: WireServer
    log: list[dict[str, Any]] = field(default_factory=list)

    def options(self, transport: str, scheme: str, **more: Any) -> tuple[str, dict[str, Any]]:
        port = self.server.http_port if scheme == "http" else self.server.https_port
        named = {"transport": transport, "server_cert_validation": "ignore", "proxy": None, **more}
        return f"{scheme}://127.0.0.1:{port}/wsman", named

    def session(self, transport: str = "ntlm", scheme: str = "http", password: str = PASSWORD, **more: Any) -> Any:
        url, named = self.options(transport, scheme, **more)
        return winrm.Session(url, auth=("LAB\\ops", password), **named)

    def protocol(self, **more: Any) -> Any:
        url, named = self.options("ntlm", "http", **more)
        return Protocol(url, username="LAB\\ops", password=PASSWORD, **named)


@pytest.fixture(scope="module")
def served(users: str) -> Iterator[Served]:
    clock = RealClock()
    log: list[dict[str, Any]] = []
    server = WireServer(
        "HV01", console_engine(clock.monotonic), Accounts([OPS, OTHER], "HV01"), clock, log=log.append,
        limits=Limits(shells_per_user=5), build="10.0.17763.5122",
        schemes=("negotiate", "credssp", "basic"),
    )
    server.start()
    yield Served(server, log)
    assert server.service.count() == 0  # every test has closed what it opened
    server.stop()


#: requests-credssp comes with the extra "credssp".
TRANSPORTS = [
    ("ntlm", "http"), ("ntlm", "https"), ("ssl", "https"),
    pytest.param("credssp", "http", marks=pytest.mark.long), pytest.param("credssp", "https", marks=pytest.mark.long),
]


@pytest.mark.parametrize(("transport", "scheme"), TRANSPORTS)
def test_pywinrm(served: Served, transport: str, scheme: str) -> None:
    session = served.session(transport, scheme)
    done = session.run_cmd("whoami")
    assert (done.status_code, done.std_out, done.std_err) == (0, b"lab\\ops\r\n", b"")
    done = session.run_cmd("echo", ["one", "two"])
    assert done.std_out == b"one two\r\n"
    done = session.run_cmd("fake")
    assert done.status_code == 1
    assert done.std_err.startswith(b"'fake' is not recognized")
    done = session.run_ps("Get-Thing | Select-Object Name; exit 4")
    assert done.status_code == 4
    assert done.std_out.split() == [b"Name", b"----", b"one", b"two"]
    done = session.run_ps("fake cmdlet")
    assert done.status_code == 1
    assert done.std_err.startswith(b"fake : The term 'fake' is not recognized")
    assert done.std_err.endswith(b"+ FullyQualifiedErrorId : CommandNotFoundException")


@pytest.mark.parametrize(("transport", "scheme"), TRANSPORTS)
def test_wrong_password(served: Served, transport: str, scheme: str) -> None:
    refused: tuple[type[Exception], ...] = (InvalidCredentialsError,)
    if transport == "credssp":
        refused = (importlib.import_module("requests_credssp.exceptions").NTStatusException,)
    with pytest.raises(refused):
        served.session(transport, scheme, "wrong").run_cmd("whoami")


def test_the_wire_is_sealed_over_http(served: Served) -> None:
    with pytest.raises(winrm.exceptions.WinRMTransportError) as caught:
        served.session("ntlm", "http", message_encryption="never").run_cmd("whoami")
    assert caught.value.code == 500


def test_a_command_that_outlasts_the_operation_timeout(served: Served) -> None:
    session = served.session(operation_timeout_sec=1, read_timeout_sec=3)
    before = len(served.log)
    done = session.run_ps("Get-Later -Seconds 2.5")
    assert (done.status_code, done.std_out) == (0, b"done\r\n")
    timed_out = [each for each in served.log[before:] if each.get("fault") == 2150858793]
    assert len(timed_out) == 2


def test_a_script_of_20_kB(served: Served) -> None:
    """What pywinrm's users meet (diyan/pywinrm#184): cmd.exe takes 8,191 characters."""
    done = served.session().run_ps("Write-Output '" + "x" * 20000 + "'")
    assert (done.status_code, done.std_out, done.std_err) == (1, b"", b"The command line is too long.\r\n")


def test_much_output_comes_whole(served: Served) -> None:
    done = served.session().run_ps("Get-Much -Count 5000")
    lines = done.std_out.decode().splitlines()
    assert len(lines) == 5000
    assert [int(line[:6]) for line in lines] == list(range(5000))


def test_standard_input(served: Served) -> None:
    protocol = served.protocol()
    shell = protocol.open_shell(codepage=65001)
    command = protocol.run_command(shell, "powershell", ["-Command", "-"], console_mode_stdin=False)
    protocol.send_command_input(shell, command, "Write-Output 'zwölf'".encode(), end=False)
    protocol.send_command_input(shell, command, b"\nWrite-Output 13\n", end=True)
    assert protocol.get_command_output(shell, command) == ("zwölf\r\n13\r\n".encode(), b"", 0)
    with pytest.raises(WSManFaultError):
        protocol.send_command_input(shell, command, b"more", end=True)
    protocol.cleanup_command(shell, command)
    with pytest.raises(WSManFaultError) as caught:
        protocol.get_command_output_raw(shell, command)
    assert caught.value.wsman_fault_code == UNKNOWN_SHELL
    protocol.close_shell(shell)
    with pytest.raises(WSManFaultError) as caught:
        protocol.run_command(shell, "whoami")
    assert caught.value.wsman_fault_code == UNKNOWN_SHELL


def test_codepage_environment_and_folder(served: Served) -> None:
    protocol = served.protocol()
    shell = protocol.open_shell(codepage=437, env_vars={"COLOUR": "grün"}, working_directory="D:\\work",
                                idle_timeout="PT3600S", noprofile=True)
    command = protocol.run_command(shell, "echo %COLOUR% & cd & chcp")
    out, _, _ = protocol.get_command_output(shell, command)
    assert out.decode("cp437").splitlines() == ["grün ", "D:\\work", "Active code page: 437"]
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)
    for wrong in (0, 99999):
        with pytest.raises(WSManFaultError):
            protocol.open_shell(codepage=wrong)


def test_shells_are_counted(served: Served) -> None:
    protocol = served.protocol()
    shells = [protocol.open_shell() for _ in range(5)]
    with pytest.raises(WSManFaultError) as caught:
        protocol.open_shell()
    assert caught.value.wsman_fault_code == 2150859173
    for shell in shells:
        protocol.close_shell(shell, close_session=False)


@pytest.mark.parametrize(("signal", "code"), [(SignalCode.CTRL_C, 0xC000013A), (SignalCode.TERMINATE, None)])
def test_a_running_command_is_stopped(served: Served, signal: str, code: int | None) -> None:
    wsman = WSMan("127.0.0.1", port=served.server.http_port, ssl=False, auth="ntlm", username="LAB\\ops",
                  password=PASSWORD, no_proxy=True)
    with wsman, WinRS(wsman) as shell:
        process = Process(shell, "powershell", ["-Command", "Get-Later -Seconds 60"])
        process.begin_invoke()
        begun = time.monotonic()
        process.signal(signal)
        if code is None:
            with pytest.raises(Exception, match=str(UNKNOWN_SHELL)):
                process.poll_invoke(timeout=1)
        else:
            process.end_invoke()
            assert process.rc & 0xFFFFFFFF == code
            process.signal(SignalCode.TERMINATE)
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize("ssl", [False, True])
@pytest.mark.parametrize("auth", ["ntlm", "negotiate", pytest.param("credssp", marks=pytest.mark.long)])
def test_pypsrp(served: Served, ssl: bool, auth: str) -> None:
    port = served.server.https_port if ssl else served.server.http_port
    with Client("127.0.0.1", port=port, ssl=ssl, cert_validation=False, auth=auth, username="LAB\\ops",
                password=PASSWORD, no_proxy=True) as client:
        assert client.execute_cmd("whoami & exit 3") == ("lab\\ops\r\n", "", 3)
        script = base64.b64encode("Get-Thing -Name nope".encode("utf-16-le")).decode()
        out, err, code = client.execute_cmd(f"powershell -EncodedCommand {script}")
        assert (out, code) == ("", 1)
        assert client.sanitise_clixml(err).startswith("Get-Thing : no such thing\r\nAt line:1 char:1\r\n")


def test_pypsrp_passes_input_and_sees_the_shell(served: Served) -> None:
    wsman = WSMan("127.0.0.1", port=served.server.http_port, ssl=False, auth="ntlm", username="LAB\\ops",
                  password=PASSWORD, no_proxy=True)
    with wsman, WinRS(wsman, codepage=65001, environment={"X": "y"}, idle_time_out=600) as shell:
        assert shell.resource_uri.endswith("/cmd")
        process = Process(shell, "powershell.exe", ["-NonInteractive", "-"], no_shell=True)
        process.begin_invoke()
        process.send(b"Get-Thing -Name 'dr\xc3\xbcben'\n", end=True)
        process.end_invoke()
        assert "drüben" in process.stdout.decode()
        assert process.rc == 0
        process.signal(SignalCode.CTRL_C)


def test_a_reader_that_waits_is_woken(served: Served) -> None:
    """A Receive without output waits for it, and comes back with Running."""
    protocol = served.protocol(operation_timeout_sec=10, read_timeout_sec=20)
    shell = protocol.open_shell(codepage=65001)
    command = protocol.run_command(shell, "powershell", ["-"], console_mode_stdin=False)
    later = served.protocol()
    timer = threading.Timer(0.3, lambda: later.send_command_input(shell, command, b"Write-Output x", end=True))
    timer.start()
    begun = time.monotonic()
    out, err, code, done = protocol.get_command_output_raw(shell, command)
    assert 0.2 < time.monotonic() - begun < 5
    assert (out, err) == (b"x\r\n", b"")
    while not done:
        _, _, code, done = protocol.get_command_output_raw(shell, command)
    assert code == 0
    timer.join()
    protocol.cleanup_command(shell, command)
    protocol.close_shell(shell)


def test_what_was_said_while_it_runs_comes_at_once(served: Served) -> None:
    protocol = served.protocol(operation_timeout_sec=1, read_timeout_sec=5)
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "echo first & powershell -Command Get-Later -Seconds 30")
    assert protocol.get_command_output_raw(shell, command) == (b"first \r\n", b"", -1, False)
    with pytest.raises(WinRMOperationTimeoutError):
        protocol.get_command_output_raw(shell, command)
    protocol.close_shell(shell)  # the process ends with its shell


def test_another_user_sees_no_foreign_shell(served: Served) -> None:
    protocol = served.protocol()
    shell = protocol.open_shell()
    url, named = served.options("ntlm", "http")
    other = Protocol(url, username="LAB\\other", password="another", **named)
    for known in (shell, str(uuid.uuid4())):
        with pytest.raises(WSManFaultError) as caught:
            other.run_command(known, "whoami")
        assert caught.value.wsman_fault_code == UNKNOWN_SHELL
    protocol.close_shell(shell)
