"""Our winrs transport against the lab's Windows Remote Shell: reads, refusals, broken lines."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.console.things import console_engine
from tests.remoting.host import ADMIN, CREDENTIAL
from winmigrate.errors import (
    AuthenticationFailed,
    CannotConnect,
    ConnectionLost,
    HostError,
    ProtocolError,
    Refused,
    TimedOut,
    UsageError,
)
from winmigrate.facts import Unreadable
from winmigrate.lab.wire import (
    Accounts,
    Disruption,
    Limits,
    RealClock,
    ScriptedFaults,
    WireServer,
    install_user_file,
)
from winmigrate.remoting.batch import Answer, Read, ask_batch
from winmigrate.remoting.clixml import dumps, loads
from winmigrate.remoting.connect import connector
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.reads import read_batch
from winmigrate.remoting.records import record_of
from winmigrate.remoting.winrs import WinrsSession
from winmigrate.request import (
    Credential,
    PipelineState,
    Request,
    Secret,
    Statement,
    Stream,
    SystemClock,
    Ticket,
    Typed,
    command,
    request,
    select,
    statement,
)


@dataclass
class Host:
    server: WireServer
    faults: ScriptedFaults
    log: list[dict[str, Any]]

    def endpoint(self, **changes: Any) -> Endpoint:
        scheme = changes.get("scheme", "http")
        port = self.server.http_port if scheme == "http" else self.server.https_port
        settings = {"address": "127.0.0.1", "port": port, "scheme": scheme, "auth": "ntlm", "credential": CREDENTIAL,
                    "connect_timeout": 5.0, "read_timeout": 8.0, "operation_timeout": 5, "kind": "winrs"}
        return Endpoint(**{**settings, **changes})

    def session(self, **changes: Any) -> WinrsSession:
        return WinrsSession("hv01", self.endpoint(**changes), SystemClock())

    def asked(self, action: str) -> int:
        return sum(each.get("action") == action for each in self.log)


@contextmanager
def serving(**more: Any) -> Iterator[Host]:
    clock = RealClock()
    before = os.environ.get("NTLM_USER_FILE")
    path = install_user_file([ADMIN])
    faults = ScriptedFaults()
    log: list[dict[str, Any]] = []
    server = WireServer("HV01", console_engine(clock.monotonic), Accounts([ADMIN], "HV01"), clock, faults=faults,
                        log=log.append, schemes=("negotiate", "credssp"), **more)
    server.start()
    try:
        yield Host(server, faults, log)
    finally:
        server.stop()
        os.unlink(path)
        if before is not None:
            os.environ["NTLM_USER_FILE"] = before


@pytest.fixture(scope="module")
def served() -> Iterator[Host]:
    with serving() as host:
        yield host


@pytest.fixture
def host(served: Host) -> Iterator[Host]:
    served.log.clear()
    yield served
    assert served.server.service.count() == 0  # whatever happened, no shell is left behind


@pytest.fixture
def session(host: Host) -> Iterator[WinrsSession]:
    one = host.session()
    yield one
    one.close()


def get(*names: str) -> Statement:
    return statement(command("Get-Thing", Name=list(names)))


THING = get("one")


def outputs(reply: Any) -> list[Any]:
    return [loads(event.clixml) for event in reply.events if event.stream is Stream.OUTPUT]


WAYS = [
    {"auth": "ntlm"}, {"auth": "negotiate"}, {"auth": "ntlm", "scheme": "https", "verify": False},
    pytest.param({"auth": "credssp"}, marks=pytest.mark.long),
    pytest.param({"auth": "credssp", "scheme": "https", "verify": False}, marks=pytest.mark.long),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_read(host: Host, way: dict[str, Any]) -> None:
    session = host.session(**way)
    reply = session.ask(request(statement(command("Get-Thing"), select("Name", "Size"))))
    assert reply.state is PipelineState.COMPLETED
    assert [each.properties for each in outputs(reply)] == [{"Name": "one", "Size": 3}, {"Name": "two", "Size": 3}]
    assert session.last_reply is reply
    session.close()
    session.close()
    assert not session.left_behind
    with pytest.raises(ProtocolError):
        session.open()


@pytest.mark.parametrize("way", WAYS)
def test_wrong_password(host: Host, way: dict[str, Any]) -> None:
    session = host.session(**way, credential=Credential("LAB\\admin", Secret("wrong")))
    with pytest.raises(AuthenticationFailed) as caught:
        session.open()
    assert "LAB\\admin" in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_certificates(host: Host, tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    pem.write_bytes(host.server.certificate.pem)
    for good in ({"pinned_sha256": host.server.certificate.sha256}, {"ca": pem}):
        session = host.session(scheme="https", **good)
        assert outputs(session.ask(request(THING)))
        session.close()
    for bad in ({"pinned_sha256": "0" * 64}, {}):
        with pytest.raises(CannotConnect, match="certificate"):
            host.session(scheme="https", **bad).open()


def test_values_arrive_as_they_were_sent(session: WinrsSession) -> None:
    texts = ["it's “quoted” ‘’‚‛ `$(x) 100% & | ; @{} 😀", "", " \t ", "ü" * 5000]
    for text in texts:
        (echo,) = outputs(session.ask(request(statement(command("Get-Echo", A=text)))))
        assert echo.properties == {"Name": "A", "Value": text}
    sent = {"A": 2**40, "B": Typed("U16", 4), "C": uuid.UUID(int=7)}
    got = outputs(session.ask(request(statement(command("Get-Echo", **sent)))))
    assert [each.properties["Value"] for each in got] == [2**40, 4, uuid.UUID(int=7)]


def test_a_command_line_never_grows_with_what_is_asked(session: WinrsSession, host: Host) -> None:
    names = [f"thing{number:05d}" for number in range(8_000)]
    reply = session.ask(request(get(*names)))
    assert [each.properties["Name"] for each in outputs(reply)] == names
    assert host.asked("Send") > 1


def test_streams(session: WinrsSession) -> None:
    reply = session.ask(request(get("one", "nope", "two")))
    assert reply.state is PipelineState.COMPLETED
    assert [each.properties["Name"] for each in outputs(reply)] == ["one", "two"]
    (error,) = [record_of(each.clixml) for each in reply.events if each.stream is Stream.ERROR]
    assert (error.message, error.error_id, error.category, error.target) == (
        "no such thing", "NotThere", "ObjectNotFound", "nope",
    )
    reply = session.ask(request(statement(command("Get-Told"))))
    assert {each.stream for each in reply.events} == {Stream.OUTPUT, Stream.WARNING}


def test_an_error_that_ends_a_read(session: WinrsSession) -> None:
    reply = session.ask(request(statement(command("Get-Broken")), THING))
    assert reply.state is PipelineState.FAILED
    assert outputs(reply) == ["half"]
    assert reply.error is not None
    record = record_of(reply.error)
    assert (record.message, record.error_id, record.category) == ("it broke", "Broken", "ResourceUnavailable")
    reply = session.ask(request(statement(command("Get-NoSuchThing"))))
    assert reply.error is not None
    assert record_of(reply.error).fqeid == "CommandNotFoundException"


def test_a_batch(session: WinrsSession, host: Host) -> None:
    reads = [
        Read("first", THING), Read("broken", statement(command("Get-Broken"))), Read("half", get("nope", "two")),
        Read("none", statement(command("Get-Nothing"))), Read("who", statement(command("whoami.exe"))),
    ]
    answers = ask_batch(session, reads)
    assert list(answers) == [each.name for each in reads]
    assert answers["who"] == Answer(["lab\\admin"])
    assert isinstance(answers["broken"], Unreadable)
    assert "it broke" in answers["broken"].reason
    assert isinstance(answers["none"], Unreadable)
    half = answers["half"]
    assert isinstance(half, Answer)
    assert [each.properties["Name"] for each in half.objects] == ["two"]
    assert [each.message for each in half.errors] == ["no such thing"]
    assert host.asked("Command") == len(reads)  # a marker starts no process


REFUSED = [
    statement(command("Move-VM", Name="x")),
    statement(command("Get-Thing"), command("Remove-Thing")),
    statement(command("Get-VMHost", Credential=CREDENTIAL)),
    statement(command("Get-Thing", Name="a\nb")),
]


@pytest.mark.parametrize("asked", REFUSED)
def test_what_is_no_read_never_leaves(host: Host, asked: Statement) -> None:
    session = host.session()
    with pytest.raises(Refused) as caught:
        session.ask(Request((THING, asked)))
    assert caught.value.hint == "transport: {kind: psrp}"
    assert CREDENTIAL.password.reveal() not in str(caught.value)
    assert not host.log  # not even a shell was opened
    session.close()


def test_nothing_is_started_or_looked_for(host: Host) -> None:
    session = host.session()
    ticket = Ticket("A", "B")
    for act in (lambda: session.start(request(THING)), lambda: session.alive(ticket), lambda: session.retire(ticket)):
        with pytest.raises(Refused, match="winrs") as caught:
            act()
        assert caught.value.hint
    assert not host.log


def test_a_long_read_and_one_that_is_too_long(host: Host) -> None:
    session = host.session(operation_timeout=1)
    assert outputs(session.ask(request(statement(command("Get-Later", Seconds=1.2))))) == ["done"]
    with pytest.raises(TimedOut):
        session.ask(request(statement(command("Get-Later", Seconds=60.0))), timeout=1.1)
    with pytest.raises(ConnectionLost, match="of no more use"):
        session.ask(request(THING))
    session.close()


@pytest.mark.parametrize("action", ["Command", "Send", "Receive"])
def test_a_line_that_breaks(host: Host, action: str) -> None:
    session = host.session()
    session.open()
    host.faults.add("reply", Disruption("drop"), action=action)
    with pytest.raises(HostError) as caught:
        session.ask(request(THING))
    assert isinstance(caught.value, ConnectionLost)
    with pytest.raises(ConnectionLost, match="of no more use"):
        session.ask(request(THING))
    session.close()


def test_reads_are_asked_again(host: Host) -> None:
    connect = connector({"hv01": host.endpoint()}, SystemClock())
    host.faults.add("reply", Disruption("drop"), action="Receive")
    answers = read_batch(connect, "hv01", [Read("it", THING)], SystemClock())
    assert isinstance(answers["it"], Answer)
    assert host.asked("Create") == 2


def test_an_idle_line_is_made_anew() -> None:
    with serving(limits=Limits(idle_close=0.2)) as host:
        session = host.session()
        session.open()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("winmigrate.remoting.winrs._IDLE", 0.0)
            for _ in range(2):
                SystemClock().sleep(0.4)
                assert outputs(session.ask(request(THING)))
        SystemClock().sleep(0.4)
        session.close()


def test_a_shell_that_is_gone(host: Host) -> None:
    session = host.session()
    session.open()
    host.server.service.end_all()
    with pytest.raises(HostError, match="no such shell"):
        session.ask(request(THING))
    session.close()


def test_what_is_not_there() -> None:
    nowhere = Endpoint("127.0.0.1", 1, "http", "ntlm", CREDENTIAL, kind="winrs")
    with pytest.raises(CannotConnect):
        WinrsSession("hv01", nowhere, SystemClock()).open()
    with pytest.raises(AuthenticationFailed, match="user name"):
        WinrsSession("hv01", Endpoint("127.0.0.1", 1, "http", "ntlm", kind="winrs"), SystemClock()).open()
    with pytest.raises(AuthenticationFailed, match="no ticket"):
        WinrsSession("h", Endpoint("127.0.0.1", 1, "http", "kerberos", CREDENTIAL, kind="winrs"), SystemClock()).open()
    with pytest.raises(UsageError, match="no transport"):
        Endpoint("127.0.0.1", 1, "http", "ntlm", kind="ssh")


@pytest.mark.parametrize(("auth", "flag"), [("kerberos", "HAVE_KERBEROS"), ("credssp", "HAVE_CREDSSP")])
def test_an_extra_that_is_missing(host: Host, monkeypatch: pytest.MonkeyPatch, auth: str, flag: str) -> None:
    monkeypatch.setattr(f"winrm.transport.{flag}", False)
    credential = None if auth == "kerberos" else CREDENTIAL
    with pytest.raises(AuthenticationFailed, match="not installed") as caught:
        host.session(auth=auth, credential=credential).open()
    assert caught.value.hint == f"pip install 'winmigrate[{auth}]'"


def test_the_environment_decides_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    for way in ({}, {"scheme": "https", "verify": False}):
        session = host.session(**way)
        assert outputs(session.ask(request(THING)))
        session.close()


def test_a_written_literal_is_answered_here(session: WinrsSession, host: Host) -> None:
    reply = session.ask(request(statement(command("Write-Output", InputObject="a marker"))))
    assert [event.clixml for event in reply.events] == [dumps("a marker")]
    assert host.asked("Command") == 0
