"""Logging on by Kerberos and CredSSP: what the lab takes and refuses, and what our side says when it does not work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.directory.conftest import OPS
from tests.directory.samba import DNS, PASSWORD, REALM, Directory
from tests.remoting.host import FewCommands
from winmigrate.errors import AuthenticationFailed
from winmigrate.lab.wire import Accounts, Door, LogonContext, RealClock, WireServer, install_user_file
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.request import Credential, Secret, Stream, SystemClock, command, request, statement

pytestmark = pytest.mark.long

NAME = f"hv01.{DNS}"
COUNT = request(statement(command("Count", To=3)))
WITH_PASSWORD = Credential(f"ops@{REALM}", Secret(PASSWORD))


class Served:
    """HV01 in this process, and who logged on there."""

    def __init__(self, schemes: tuple[str, ...], skew: float) -> None:
        clock = RealClock()
        self.seen: list[LogonContext] = []
        self.log: list[dict[str, Any]] = []
        self.server = WireServer(
            "HV01", FewCommands(clock), Accounts([OPS], "HV01"), clock, admits=self._admits, schemes=schemes,
            log=self.log.append,
            door=lambda: Door(frozenset({"hv01", NAME}), skew),
        )
        self.server.start()

    def is_whole(self) -> None:
        """Nothing that a client sent made the lab itself fail."""
        assert [entry for entry in self.log if entry["event"] == "defect"] == []

    def _admits(self, context: LogonContext) -> bool:
        self.seen.append(context)
        return True

    def endpoint(self, scheme: str = "http", auth: str = "kerberos", **more: Any) -> Endpoint:
        port = self.server.http_port if scheme == "http" else self.server.https_port
        pin = self.server.certificate.sha256 if scheme == "https" else None
        given: dict[str, Any] = {"kerberos_name": NAME, "pinned_sha256": pin, **more}
        return Endpoint("127.0.0.1", port or 0, scheme, auth, **given)

    def ask(self, endpoint: Endpoint) -> list[Any]:
        """Opens a session, asks for three objects, and closes it."""
        session = PsrpSession("hv01", endpoint, SystemClock())
        try:
            reply = session.ask(COUNT)
            return [event for event in reply.events if event.stream is Stream.OUTPUT]
        finally:
            session.close()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Served]]:
    with ExitStack() as stack:
        monkeypatch.setenv("NTLM_USER_FILE", "")
        stack.callback(os.unlink, install_user_file([OPS]))

        def make(schemes: tuple[str, ...] = ("negotiate", "kerberos"), skew: float = 0.0) -> Served:
            made = Served(schemes, skew)
            stack.callback(made.server.stop)
            stack.callback(lambda: made.is_whole())
            return made

        yield make


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("auth", ["kerberos", "negotiate"])
@pytest.mark.parametrize("delegate", [False, True])
def test_by_ticket(serve: Callable[..., Served], with_ticket: None, scheme: str, auth: str, delegate: bool) -> None:
    served = serve()
    assert len(served.ask(served.endpoint(scheme, auth, delegate=delegate))) == 3
    assert {(one.user, one.protocol, one.delegated) for one in served.seen} == {("CORP\\ops", "kerberos", delegate)}


@pytest.mark.parametrize("name", [f"ops@{REALM}", f"OPS@{DNS}", "CORP\\ops", "corp\\Ops"])
def test_by_password(serve: Callable[..., Served], in_domain: None, name: str) -> None:
    served = serve()
    assert len(served.ask(served.endpoint(credential=Credential(name, Secret(PASSWORD))))) == 3
    assert {(one.user, one.protocol) for one in served.seen} == {("CORP\\ops", "kerberos")}


@pytest.mark.parametrize("auth", ["kerberos", "negotiate"])
@pytest.mark.parametrize(("bindings", "passes"), [("right", True), ("missing", False), ("wrong", False)])
def test_channel_bindings(serve: Callable[..., Served], with_ticket: None, monkeypatch: pytest.MonkeyPatch, auth: str,
                          bindings: str, passes: bool) -> None:
    """A ticket that was caught on the way to another TLS endpoint opens nothing here."""
    from pypsrp.negotiate import HTTPNegotiateAuth

    served = serve()
    if bindings != "right":
        told = None if bindings == "missing" else b"tls-server-end-point:" + bytes(32)
        monkeypatch.setattr(HTTPNegotiateAuth, "_get_cbt_data", staticmethod(lambda _response: told))
    if passes:
        assert served.ask(served.endpoint("https", auth))
    else:
        with pytest.raises(AuthenticationFailed):
            served.ask(served.endpoint("https", auth))
        assert served.seen == []


@pytest.mark.parametrize("skew", [301.0, -3600.0])
@pytest.mark.parametrize("auth", ["kerberos", "negotiate"])
def test_a_clock_that_is_off(serve: Callable[..., Served], with_ticket: None, skew: float, auth: str) -> None:
    served = serve(skew=skew)
    with pytest.raises(AuthenticationFailed, match=r"clocks of this machine, 127\.0\.0\.1:\d+ and the domain differ"):
        served.ask(served.endpoint(auth=auth))
    assert served.seen == []


@pytest.mark.parametrize("skew", [299.0, -299.0])
def test_five_minutes_are_borne(serve: Callable[..., Served], with_ticket: None, skew: float) -> None:
    served = serve(skew=skew)
    assert served.ask(served.endpoint())


def test_a_host_of_another_name(serve: Callable[..., Served], with_ticket: None) -> None:
    """The keytab of the process holds HV02's key too; HV01 still has no business with a ticket for HV02."""
    served = serve()
    with pytest.raises(AuthenticationFailed, match=f"cannot open a ticket for host/hv02.{DNS}"):
        served.ask(served.endpoint(kerberos_name=f"hv02.{DNS}"))
    assert served.seen == []


def test_a_host_without_its_key(serve: Callable[..., Served], with_ticket: None, domain: Directory, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_KTNAME", f"FILE:{domain.keytab(tmp_path / 'keytab', f'host/hv02.{DNS}')}")
    served = serve()
    with pytest.raises(AuthenticationFailed):
        served.ask(served.endpoint())
    assert served.seen == []


# --- what our side says ----------------------------------------------------------------------------------------------


def failure(served: Served, endpoint: Endpoint) -> AuthenticationFailed:
    with pytest.raises(AuthenticationFailed) as caught:
        served.ask(endpoint)
    assert served.seen == []
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_no_ticket(serve: Callable[..., Served], in_domain: None) -> None:
    error = failure(served := serve(), served.endpoint())
    assert "there is no Kerberos ticket to use" in str(error)
    assert "kinit" in error.hint


def test_an_expired_ticket(serve: Callable[..., Served], domain: Directory, in_domain: None, tmp_path: Path,
                           monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    environment = domain.kinit("ops", cache, password=PASSWORD, lifetime=1)
    while subprocess.run(["klist", "-s", "-c", str(cache)], env=environment, check=False).returncode == 0:
        time.sleep(0.1)  # until klist says that it has expired
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{cache}")
    error = failure(served := serve(), served.endpoint())
    assert "the Kerberos ticket has expired" in str(error)


def test_a_name_that_the_domain_does_not_know(serve: Callable[..., Served], with_ticket: None) -> None:
    error = failure(served := serve(), served.endpoint(kerberos_name=None))
    assert 'the domain knows no service "host/127.0.0.1"' in str(error)
    assert "kerberos_name" in error.hint


@pytest.mark.parametrize(("name", "password", "told"), [
    (f"ops@{REALM}", "Not it 1!", "the domain refuses the password of ops@"),
    (f"nobody@{REALM}", "Not it 1!", "the domain knows no user nobody@"),
    (f"locked@{REALM}", PASSWORD, "disabled, locked or expired"),
    (f"outdated@{REALM}", PASSWORD, "the password of outdated@CORP.EXAMPLE has expired"),
    ("ops@elsewhere.example", PASSWORD, "no domain controller is known for the realm of ops@ELSEWHERE.EXAMPLE"),
    ("OTHER\\ops", PASSWORD, "no domain controller is known for the realm of ops@OTHER"),
])
def test_a_credential_that_gets_no_ticket(serve: Callable[..., Served], in_domain: None, name: str, password: str,
                                          told: str) -> None:
    error = failure(served := serve(), served.endpoint(credential=Credential(name, Secret(password))))
    assert told in str(error)
    assert password not in f"{error} {error.hint}"


def test_no_domain_controller(serve: Callable[..., Served], in_domain: None, domain: Directory, tmp_path: Path,
                              monkeypatch: pytest.MonkeyPatch) -> None:
    text = (domain.folder / "krb5.conf").read_text("utf-8").replace(f":{domain.kdc_port}", ":9")
    (tmp_path / "krb5.conf").write_text(text, encoding="utf-8")
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
    error = failure(served := serve(), served.endpoint(credential=WITH_PASSWORD))
    assert "no domain controller answers" in str(error)


def test_a_host_that_takes_no_kerberos(serve: Callable[..., Served], with_ticket: None) -> None:
    error = failure(served := serve(("credssp",)), served.endpoint())
    assert "the host does not offer kerberos" in str(error)


@pytest.mark.parametrize(("missing", "auth", "extra"), [
    ("gssapi", "kerberos", "winmigrate[kerberos]"), ("requests_credssp", "credssp", "winmigrate[credssp]"),
])
def test_a_package_that_is_not_installed(serve: Callable[..., Served], missing: str, auth: str, extra: str) -> None:
    served = serve(("negotiate", "kerberos", "credssp"))
    program = f"""
import sys
sys.modules["{missing}"] = None  # what an absent package looks like
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.request import Credential, Secret, SystemClock
credential = Credential("ops@{REALM}", Secret("x"))
session = PsrpSession("hv01", Endpoint("127.0.0.1", {served.server.http_port}, "http", "{auth}", credential),
                      SystemClock())
try:
    session.open()
except Exception as error:
    print(type(error).__name__, error, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"AuthenticationFailed hv01: {auth} needs a package that is not installed"), done
    assert f"pip install '{extra}'" in done.stdout


# --- CredSSP, by requests-credssp ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", ["CORP\\ops", f"ops@{DNS}"])
def test_credssp(serve: Callable[..., Served], scheme: str, name: str) -> None:
    served = serve(("negotiate", "credssp"))
    credential = Credential(name, Secret(PASSWORD))
    assert len(served.ask(served.endpoint(scheme, "credssp", credential=credential))) == 3
    assert {(one.user, one.protocol, one.delegated) for one in served.seen} == {("CORP\\ops", "credssp", True)}


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_credssp_with_a_wrong_password(serve: Callable[..., Served], scheme: str) -> None:
    error = failure(served := serve(("negotiate", "credssp")),
                    served.endpoint(scheme, "credssp", credential=Credential("CORP\\ops", Secret("wrong"))))
    assert "refused CORP\\ops with credssp" in str(error)


def test_credssp_where_it_is_not_offered(serve: Callable[..., Served]) -> None:
    error = failure(served := serve(("negotiate",)),
                    served.endpoint("http", "credssp", credential=Credential("CORP\\ops", Secret(PASSWORD))))
    assert "the host does not offer credssp" in str(error)
