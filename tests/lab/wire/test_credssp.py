"""CredSSP, by a small client of pyspnego's: the password itself is handed to the host."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Iterator

import pytest
import spnego

from tests.lab.wire.scripted import OPS, PASSWORD, ScriptedEngine
from tests.lab.wire.test_http import CREATE, IDENTIFY, POWERSHELL, SHELL, envelope
from winmigrate.lab.wire import Accounts, LogonContext, RealClock, WireServer, framing


@pytest.fixture
def seen() -> list[LogonContext]:
    return []


@pytest.fixture
def server(users: str, seen: list[LogonContext]) -> Iterator[WireServer]:
    clock = RealClock()

    def admits(context: LogonContext) -> bool:
        seen.append(context)
        return False

    made = WireServer(
        "HV01", ScriptedEngine(clock), Accounts([OPS], "HV01"), clock, schemes=("negotiate", "credssp"), admits=admits
    )
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_credssp(server: WireServer, seen: list[LogonContext], tls: bool, password: str) -> None:
    if tls:
        context = ssl.create_default_context(cadata=server.certificate.pem.decode())
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            "127.0.0.1", server.https_port, context=context, timeout=10
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port or 0, timeout=10)
    client = spnego.client("LAB\\ops", password, hostname="127.0.0.1", service="host", protocol="credssp")
    token = client.step()
    status = 0
    try:
        while token is not None:
            connection.request("POST", "/wsman", b"", {"Authorization": "CredSSP " + base64.b64encode(token).decode()})
            response = connection.getresponse()
            response.read()
            status = response.status
            answer = response.headers.get("WWW-Authenticate", "")
            assert answer.startswith("CredSSP ") or password == "wrong" or client.complete
            token = client.step(base64.b64decode(answer[8:])) if answer.startswith("CredSSP ") else None
    except spnego.exceptions.SpnegoError:
        status = 401
    if password == "wrong":
        assert status == 401
        connection.close()
        return
    assert status == 200
    long = f'<r:Shell xmlns:r="{SHELL}"/><!--{"x" * 40000}-->'
    for text, said in (
        (IDENTIFY, b"OS: 10.0.20348 "),
        (envelope(CREATE, body=long, resource=POWERSHELL), b'Code="5"'),
    ):
        content_type, body = framing.seal(client, framing.CREDSSP, text)
        connection.request("POST", "/wsman", body, {"Content-Type": content_type})
        response = connection.getresponse()
        assert said in framing.unseal(client, response.read())
    assert [(one.user, one.protocol, one.delegated) for one in seen] == [("LAB\\ops", "credssp", True)]
    connection.close()
