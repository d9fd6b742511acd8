"""Sessions over PSRP against the lab's wire: what is sent, what comes back, and everything that breaks in between."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.remoting.host import CREDENTIAL, Host, bare, record, serving
from winmigrate.errors import (
    AuthenticationFailed,
    CannotConnect,
    ConnectionLost,
    HostError,
    ParameterRefused,
    ProtocolError,
    Refused,
    TimedOut,
)
from winmigrate.lab.wire import Disruption, Limits
from winmigrate.remoting import psrp
from winmigrate.remoting.clixml import PSObject, loads
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.remoting.records import record_of
from winmigrate.request import (
    SWITCH,
    Command,
    Credential,
    PipelineState,
    Reply,
    Request,
    Secret,
    Stream,
    SystemClock,
    Ticket,
    Typed,
    command,
    request,
    script,
    statement,
)

DROP = Disruption("drop")


@pytest.fixture(scope="module")
def calm() -> Iterator[Host]:
    """A host on which nothing breaks."""
    with serving() as host:
        yield host


@pytest.fixture
def host() -> Iterator[Host]:
    with serving() as host:
        yield host


def session_to(host: Host, **changes: Any) -> PsrpSession:
    return PsrpSession("hv01", host.endpoint(**changes), SystemClock())


def count(to: int, every: float = 0.0) -> Request:
    return request(statement(command("Count", To=to, Every=every)))


def outputs(reply: Reply | None) -> list[Any]:
    assert reply is not None
    return [loads(event.clixml) for event in reply.events if event.stream is Stream.OUTPUT]


# --- asking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
def test_a_request_goes_there_and_its_events_come_back_in_order(calm: Host, scheme: str, auth: str) -> None:
    pin = calm.server.certificate.sha256
    session = session_to(calm, scheme=scheme, auth=auth, pinned_sha256=pin if scheme == "https" else None)
    reply = session.ask(
        request(
            statement(command("Write-Output", InputObject="é \U0001f61f <&>")),
            statement(command("Write-Error", Message="not so good")),
            statement(command("Count", To=2)),
        )
    )
    session.close()
    assert [event.stream for event in reply.events] == [Stream.OUTPUT, Stream.ERROR, Stream.OUTPUT, Stream.OUTPUT]
    assert outputs(reply) == ["é \U0001f61f <&>", 0, 1]
    assert (reply.state, reply.error) == (PipelineState.COMPLETED, None)
    assert session.last_reply is reply


def test_parameters_arrive_with_their_types(calm: Host) -> None:
    identity = uuid.uuid4()
    when = dt.datetime(2026, 11, 25, 2, 30, tzinfo=dt.timezone.utc)
    session = session_to(calm)
    sent: dict[str, Any] = {
        "Small": 1,
        "Large": 2**40,
        "Nothing": None,
        "Bare": SWITCH,
        "No": False,
        "List": [{"SourceFilePath": "a", "DestinationFilePath": "b"}, None],
        "Id": identity,
        "When": when,
        "Span": dt.timedelta(hours=1),
        "State": Typed("U16", 4),
    }
    got = {row.properties["Name"]: row.properties["Value"] for row in outputs(session.ask(_echo(sent)))}
    session.close()
    assert got == {**sent, "Bare": True, "State": 4}
    assert '<I64 N="V">1099511627776</I64>' in calm.engine.pipelines[-1]
    assert '<U16 N="V">4</U16>' in calm.engine.pipelines[-1]


def _echo(sent: dict[str, Any]) -> Request:
    return request(statement(command("Echo", **sent)))


def test_a_credential_goes_sealed(calm: Host) -> None:
    session = session_to(calm)
    got = outputs(session.ask(_echo({"Credential": Credential("CORP\\ops", Secret("geheim-ß-9"))})))
    session.close()
    assert got[0].properties["Value"] == "CORP\\ops"
    assert calm.engine.opened[-1] == "geheim-ß-9"
    assert "geheim" not in calm.engine.pipelines[-1]


def test_a_script_is_sent_as_one(calm: Host) -> None:
    session = session_to(calm)
    reply = session.ask(request(statement(script("function x { 1 }")), statement(command("Count", To=1))))
    session.close()
    assert reply.state is PipelineState.FAILED  # these few commands know no scripts
    assert '<S N="Cmd">function x { 1 }</S><B N="IsScript">true</B>' in calm.engine.pipelines[-1]


def test_what_cannot_be_sent_is_refused_by_name_and_the_session_lives(calm: Host) -> None:
    session = session_to(calm)
    bad = Request((statement(Command("Echo", (("When", object()),))),))
    with pytest.raises(ParameterRefused, match="When"):
        session.ask(bad)
    assert outputs(session.ask(count(1))) == [0]
    session.close()


def test_a_terminating_error_is_in_the_reply(calm: Host) -> None:
    session = session_to(calm)
    reply = session.ask(request(statement(command("Count", To=1)), statement(command("Fail", Message="it broke"))))
    session.close()
    assert reply.state is PipelineState.FAILED
    assert outputs(reply) == [0]
    assert reply.error is not None
    assert reply.error in bare(PSObject((), None, {"PipelineState": 5, "ExceptionAsErrorRecord": record("it broke")}))
    told = record_of(reply.error)
    assert (told.message, told.error_id, told.category) == ("it broke", "Broken", "InvalidArgument")
    assert (told.exception_type, told.hresult, told.target) == ("System.Exception", 0x80131500, "it")


def test_a_question_is_refused_and_does_not_hang(calm: Host) -> None:
    session = session_to(calm)
    reply = session.ask(request(statement(command("Ask"))), timeout=10)
    session.close()
    assert [event.stream for event in reply.events] == [Stream.HOST_CALL, Stream.OUTPUT]
    assert outputs(reply) == ["Prompt was asked of a client that has nobody to ask"]
    for flag in ("_isHostNull", "_isHostUINull", "_isHostRawUINull"):
        assert f'<B N="{flag}">true</B>' in calm.engine.pipelines[-1]


def test_large_requests_and_large_answers(calm: Host) -> None:
    session = session_to(calm)
    text = "x" * 900_000 + "é"
    assert outputs(session.ask(request(statement(command("Write-Output", InputObject=text))))) == [text]
    session.close()


def test_a_silent_command_outlasts_many_operation_time_outs(calm: Host) -> None:
    session = session_to(calm, operation_timeout=1, read_timeout=4.0)
    assert outputs(session.ask(count(2, every=1.6))) == [0, 1]
    session.close()


def test_two_sessions_in_two_threads_do_not_mix(calm: Host) -> None:
    found: dict[int, list[Any]] = {}

    def run(number: int) -> None:
        session = session_to(calm)
        replies = [session.ask(request(statement(command("Write-Output", InputObject=number)))) for _ in range(5)]
        found[number] = [value for reply in replies for value in outputs(reply)]
        session.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == {number: [number] * 5 for number in range(4)}


# --- starting and looking ----------------------------------------------------------------------------------------


def test_the_ticket_is_known_before_the_host_hears_of_it(host: Host) -> None:
    session = session_to(host)
    session.open()
    seen: list[tuple[Ticket, int]] = []
    events = session.start(count(3, every=0.2), on_ticket=lambda ticket: seen.append((ticket, host.asked("Command"))))
    next(events)
    ticket, commands = seen[0]
    assert commands == 0
    assert session.alive(ticket)
    assert not session.alive(Ticket(ticket.shell_id, str(uuid.uuid4())))
    assert not session.alive(Ticket(str(uuid.uuid4()).upper(), ticket.command_id))
    assert len(list(events)) == 2
    assert session.last_reply is not None
    assert session.last_reply.state is PipelineState.COMPLETED
    assert not session.alive(ticket)
    session.close()


def test_a_session_that_is_left_does_not_end_its_command(host: Host) -> None:
    session = session_to(host)
    tickets: list[Ticket] = []
    next(session.start(count(3, every=0.3), on_ticket=tickets.append))
    session.close()
    assert session.left_behind
    assert host.asked("Disconnect") == 1
    assert host.asked("Delete") == 0
    assert session.alive(tickets[0])
    session.retire(tickets[0])
    assert not session.alive(tickets[0])
    session.retire(tickets[0])


def test_one_request_at_a_time(host: Host) -> None:
    session = session_to(host)
    next(session.start(count(2, every=0.2)))
    with pytest.raises(ProtocolError, match="still runs"):
        session.ask(count(1))
    session.close()


def test_the_shell_outlives_a_long_outage(host: Host) -> None:
    session = session_to(host)
    session.open()
    assert session._pool is not None
    assert session._pool.shell.idle_time_out in {"PT86400S", "PT86400.000S"}
    session.close()
    assert host.asked("Delete") == 1


# --- broken lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_three_drops_in_one_pipeline_lose_nothing(host: Host, scheme: str) -> None:
    pin = host.server.certificate.sha256 if scheme == "https" else None
    session = session_to(host, scheme=scheme, pinned_sha256=pin)
    events = session.start(count(8, every=0.15))
    seen = []
    for event in events:
        seen.append(loads(event.clixml))
        if len(seen) in (2, 4, 6):
            host.server.drop_all()
    session.close()
    assert seen == list(range(8))
    assert host.engine.ran == ["Count"]
    assert host.asked("Command") == 1


def test_a_reply_lost_amid_a_read_is_said_and_not_passed_over(host: Host) -> None:
    lost = iter([False, True])
    host.faults.add("reply", DROP, action="Receive", picks=lambda exchange: bool(exchange.command_id) and next(lost))
    session = session_to(host)
    with pytest.raises(ConnectionLost, match="gap"):
        session.ask(count(6, every=0.15))
    session.close()
    assert host.engine.ran == ["Count"]


def test_a_reply_lost_amid_a_started_request_costs_only_what_it_held(host: Host) -> None:
    lost = iter([False, True])
    host.faults.add("reply", DROP, action="Receive", picks=lambda exchange: bool(exchange.command_id) and next(lost))
    session = session_to(host)
    seen = [loads(event.clixml) for event in session.start(count(6, every=0.15))]
    session.close()
    assert seen[0] == 0
    assert seen[-1] == 5
    assert len(seen) == 5
    assert session.last_reply is not None


def test_a_lost_end_is_said_to_be_lost(host: Host) -> None:
    host.faults.add("reply", DROP, action="Receive", picks=lambda exchange: exchange.done)
    session = session_to(host, operation_timeout=1, read_timeout=4.0)
    begun = time.monotonic()
    with pytest.raises(ConnectionLost, match=r"lost on the way|no longer knows"):
        list(session.start(count(2)))
    session.close()
    assert time.monotonic() - begun < 10
    assert host.engine.ran == ["Count"]


def test_a_torn_message_is_a_lost_connection(host: Host) -> None:
    picked = iter([True])
    host.faults.add(
        "reply", DROP, action="Receive", picks=lambda exchange: bool(exchange.command_id) and next(picked, False)
    )
    session = session_to(host, operation_timeout=1, read_timeout=4.0)
    with pytest.raises(ConnectionLost):
        session.ask(request(statement(command("Write-Output", InputObject="x" * 2_000_000))), timeout=20)
    session.close()


def test_a_command_whose_answer_was_lost_runs_once_and_is_followed(host: Host) -> None:
    host.faults.add("reply", DROP, action="Command")
    session = session_to(host)
    assert outputs(session.ask(count(3))) == [0, 1, 2]
    session.close()
    assert host.engine.ran == ["Count"]


def test_a_command_that_never_arrived_is_not_sent_again(host: Host) -> None:
    host.faults.add("request", DROP, action="Command")
    session = session_to(host)
    with pytest.raises(ConnectionLost, match="does not know the request"):
        session.ask(count(3))
    session.close()
    assert host.engine.ran == []


def test_an_idle_connection_that_the_host_closed_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(limits=Limits(idle_close=0.3)) as host:
        session = session_to(host)
        assert outputs(session.ask(count(1))) == [0]
        _wait_until(lambda: host.server.drop_all() == 0)
        monkeypatch.setattr("winmigrate.remoting.psrp._IDLE", 0.0)
        assert outputs(session.ask(count(2))) == [0, 1]
        session.close()


def test_a_connection_closed_unseen_costs_the_request_but_never_sends_it_twice() -> None:
    with serving(limits=Limits(idle_close=0.3)) as host:
        session = session_to(host)
        session.ask(count(1))
        _wait_until(lambda: host.server.drop_all() == 0)
        with pytest.raises(ConnectionLost, match="does not know the request"):
            session.ask(count(2))
        session.close()
        assert host.engine.ran == ["Count"]


def _wait_until(true: Any) -> None:
    give_up = time.monotonic() + 10
    while not true():
        assert time.monotonic() < give_up
        threading.Event().wait(0.02)


def test_a_shell_marked_disconnected_is_reconnected() -> None:
    with serving(limits=Limits(disconnect_after=0.0)) as host:
        session = session_to(host)
        seen = []
        for event in session.start(count(4, every=0.2)):
            seen.append(loads(event.clixml))
            if len(seen) == 2:
                host.server.drop_all()
        session.close()
        assert seen == [0, 1, 2, 3]


def test_a_rebooted_host_is_a_lost_connection(host: Host) -> None:
    session = session_to(host)
    events = session.start(count(50, every=0.1))
    next(events)
    host.server.reboot()
    host.server.come_up()
    with pytest.raises(ConnectionLost, match="knows no such shell"):
        list(events)
    session.close()


def test_a_host_that_rebooted_between_two_requests(host: Host) -> None:
    session = session_to(host)
    session.ask(count(1))
    host.server.reboot()
    host.server.come_up()
    with pytest.raises(ConnectionLost) as caught:
        session.ask(count(1))
    session.close()
    assert "gone" in str(caught.value) or "knows no such shell" in str(caught.value)
    assert host.engine.ran == ["Count"]


def test_a_credential_that_cannot_be_sealed_is_not_sent(host: Host) -> None:
    session = session_to(host)
    session.open()
    host.faults.add("request", Disruption("answer", 500), action="Send", times=None)
    with pytest.raises(HostError, match="exchanging session keys"):
        session.ask(_echo({"Credential": CREDENTIAL}))
    session.close()
    assert host.engine.ran == []


def test_out_of_reach_for_good_ends_after_our_patience(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winmigrate.remoting.recovery.PATIENCE", 1.0)
    session = session_to(host)
    events = session.start(count(50, every=0.1))
    next(events)
    host.server.go_down("refuse")
    with pytest.raises(ConnectionLost, match=r"out of reach .*refuses connections"):
        list(events)
    session.close()
    assert session.left_behind


# --- bounds and clear words --------------------------------------------------------------------------------------


def test_past_its_bound_a_request_is_given_up_and_left_alone(host: Host) -> None:
    session = session_to(host)
    with pytest.raises(TimedOut, match="may still run"):
        session.ask(count(60, every=0.5), timeout=1.2)
    with pytest.raises(ConnectionLost, match="of no more use"):
        session.ask(count(1))
    session.close()
    assert session.left_behind
    assert host.asked("Signal") == 0
    assert host.asked("Delete") == 0


def test_a_host_that_stops_answering_is_bounded_too(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_to(host)
    session.open()
    monkeypatch.setattr("winmigrate.remoting.psrp._SLACK", 0.5)
    monkeypatch.setattr("winmigrate.remoting.psrp._FAREWELL", 0.5)
    host.faults.add("request", Disruption("hang"), times=None)
    begun = time.monotonic()
    with pytest.raises(HostError):
        session.ask(count(1), timeout=1.0)
    assert time.monotonic() - begun < 15
    session.close()


def raised(session: PsrpSession) -> HostError:
    with pytest.raises(HostError) as caught:
        session.open()
    session.close()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("hv01: ")
    return caught.value


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = Endpoint("127.0.0.1", port, "http", "ntlm", CREDENTIAL)
    error = raised(PsrpSession("hv01", endpoint, SystemClock()))
    assert isinstance(error, CannotConnect)
    assert f"127.0.0.1:{port} refuses connections" in str(error)


def test_a_host_that_never_answers(host: Host) -> None:
    host.server.go_down("ignore")
    error = raised(session_to(host, operation_timeout=1, read_timeout=1.5))
    assert isinstance(error, CannotConnect)
    assert "takes connections but did not answer while opening a shell" in str(error)


@pytest.mark.parametrize("point", ["request", "reply"])
def test_a_line_that_breaks_while_the_shell_is_made_leaves_none_behind(host: Host, point: Any) -> None:
    host.faults.add(point, DROP, action="Create")
    error = raised(session_to(host))
    assert isinstance(error, CannotConnect)
    assert "broke" in str(error)
    assert host.server.service.count() == 0


def test_http_500_without_a_word_of_wsman(host: Host) -> None:
    host.faults.add("request", Disruption("answer", 500, b"<html>no</html"), times=None)
    error = raised(session_to(host))
    assert isinstance(error, Refused)
    assert error.code == 500
    assert "HTTP 500" in str(error)


def test_a_wrong_password(calm: Host) -> None:
    error = raised(session_to(calm, credential=Credential("LAB\\admin", Secret("wrong"))))
    assert isinstance(error, AuthenticationFailed)
    assert "refused LAB\\admin with ntlm" in str(error)
    assert "wrong" not in str(error).replace("wrong password", "")


@pytest.mark.parametrize("auth", ["kerberos", "credssp"])
def test_a_logon_the_host_does_not_offer_or_we_have_no_package_for(calm: Host, auth: str) -> None:
    error = raised(session_to(calm, auth=auth))
    assert isinstance(error, AuthenticationFailed)
    # With the extras installed the library itself looks for a domain controller first, and finds none here.
    told = ("not installed", "does not offer", "refused", "no domain controller is known")
    assert any(words in str(error) for words in told), str(error)


def test_a_password_that_is_no_longer_right_is_not_tried_on(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_to(host)
    events = session.start(count(50, every=0.1))
    next(events)
    monkeypatch.setenv("NTLM_USER_FILE", "/dev/null")
    host.server.drop_all()
    with pytest.raises(ConnectionLost, match=r"refused LAB\\admin"):
        list(events)
    session.close()


@pytest.mark.parametrize(
    ("changes", "said"),
    [({}, "trusted are the public authorities"), ({"pinned_sha256": "AB:" * 31 + "AB"}, "pinned is SHA-256 abab")],
)
def test_a_certificate_nobody_vouches_for(calm: Host, changes: dict[str, Any], said: str) -> None:
    error = raised(session_to(calm, scheme="https", **changes))
    assert isinstance(error, CannotConnect)
    assert f"SHA-256 {calm.server.certificate.sha256}" in str(error)
    assert said in str(error)


def test_a_certificate_of_a_ca_we_were_told_and_none_if_spelled_out(
    calm: Host, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(calm.server.certificate.pem)
    for changes in ({"ca": ca}, {"verify": False}):
        session = session_to(calm, scheme="https", **changes)
        assert outputs(session.ask(count(1))) == [0]
        session.close()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca))
    assert "is not trusted" in str(raised(session_to(calm, scheme="https")))


def test_proxies_of_the_environment_are_not_used(calm: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    session = session_to(calm)
    assert outputs(session.ask(count(1))) == [0]
    session.close()


def test_a_full_quota_is_told_apart() -> None:
    with serving(limits=Limits(shells_per_user=1)) as host:
        first = session_to(host)
        first.open()
        error = raised(session_to(host))
        first.close()
        assert isinstance(error, Refused)
        assert error.code == 2150859173
        assert "MaxShellsPerUser" in str(error)
        assert error.hint


def test_no_such_endpoint(calm: Host) -> None:
    error = raised(session_to(calm, configuration="Not.There"))
    assert isinstance(error, Refused)
    assert error.code is not None


def test_something_else_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        endpoint = Endpoint("127.0.0.1", server.getsockname()[1], "http", "ntlm", CREDENTIAL)
        error = raised(PsrpSession("hv01", endpoint, SystemClock()))
        thread.join(5)
    assert isinstance(error, CannotConnect | ProtocolError)


def test_many_followed_at_once_lose_nothing_when_every_line_breaks() -> None:
    """Every line breaks while nothing is on it: what is lost on its way is lost, in this protocol (no OperationID)."""
    with serving(limits=Limits(shells_per_user=100)) as host:
        counts: list[int] = []
        halfway = threading.Semaphore(0)

        def follow() -> None:
            session = session_to(host)
            seen = 0
            for _ in session.start(request(statement(command("Count", To=6, Gate=3)))):
                seen += 1
                if seen == 3:
                    halfway.release()
            counts.append(seen)
            session.close()

        threads = [threading.Thread(target=follow) for _ in range(40)]
        for thread in threads:
            thread.start()
        assert all(halfway.acquire(timeout=60) for _ in threads)
        assert host.server.drop_all() > 0
        host.engine.gate.set()
        for thread in threads:
            thread.join(120)
        assert counts == [6] * 40
        assert host.engine.ran.count("Count") == 40


def test_an_answer_without_end_is_given_up(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psrp, "MOST_EVENTS", 40)
    session = PsrpSession("hv01", host.endpoint(), SystemClock())
    with pytest.raises(ProtocolError, match=r"it answers without end \(41 objects in 0 MiB\)"):
        session.ask(request(statement(command("Count", To=100))))
    with pytest.raises(HostError, match="answers without end"):
        session.ask(request(statement(command("Count", To=1))))
    session.close()
