"""Requests as no good client would send them, over plain sockets; and what the wire refuses to be."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import stat
import struct
from pathlib import Path

import pytest

from tests.lab.wire.conftest import Host, ask
from tests.lab.wire.scripted import OPS, PASSWORD, ScriptedEngine
from winmigrate.errors import LabError
from winmigrate.lab.wire import Account, Accounts, RealClock, WireServer, install_user_file, make_certificate
from winmigrate.request import Secret

IDENTIFY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    b'xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd"><s:Header/><s:Body>'
    b"<wsmid:Identify/></s:Body></s:Envelope>"
)


def post(
    host: Host, body: bytes, headers: dict[str, str] | None = None, path: str = "/wsman", *, ssl: bool = False
) -> tuple[int, bytes, http.client.HTTPResponse]:
    if ssl:
        import ssl as tls

        context = tls.create_default_context(cadata=host.server.certificate.pem.decode())
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            "localhost", host.server.https_port, context=context, timeout=5
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", host.server.http_port or 0, timeout=5)
    connection.request("POST", path, body, headers or {})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, text, response


def basic(password: str = PASSWORD) -> dict[str, str]:
    token = base64.b64encode(f"LAB\\ops:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}", "Content-Type": "application/soap+xml;charset=UTF-8"}


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "", "::", "::1"])
def test_serves_on_loopback_only(address: str) -> None:
    with pytest.raises(LabError, match="loopback"):
        WireServer("H", ScriptedEngine(RealClock()), Accounts([]), RealClock(), address=address)


def test_without_a_logon(host: Host) -> None:
    status, body, response = post(host, b"<x/>")
    assert (status, body) == (401, b"")
    assert response.headers.get_all("WWW-Authenticate") == ["Negotiate"]  # Basic is for TLS alone
    _, _, response = post(host, b"<x/>", ssl=True)
    assert response.headers.get_all("WWW-Authenticate") == ["Negotiate", 'Basic realm="WSMAN"']


@pytest.mark.parametrize(
    "headers",
    [
        basic(),
        {"Authorization": "Negotiate " + base64.b64encode(b"NTLMSSP\0garbage").decode()},
        {"Authorization": "Negotiate ***"},
        {"Authorization": "Negotiate "},
        {"Authorization": "Kerberos " + base64.b64encode(os.urandom(64)).decode()},
        {"Authorization": "nonsense"},
    ],
)
def test_bad_logons_over_http(host: Host, headers: dict[str, str]) -> None:
    assert post(host, b"<x/>", headers)[0] == 401
    assert not host.actions("defect")


def test_wrong_basic(host: Host) -> None:
    assert post(host, IDENTIFY, basic("wrong"), ssl=True)[0] == 401


def test_identify(host: Host) -> None:
    status, body, _ = post(host, IDENTIFY, {"WSMANIDENTIFY": "unauthenticated"})
    assert status == 200
    assert b"OS: 0.0.0 SP: 0.0 Stack: 3.0" in body
    status, body, _ = post(host, IDENTIFY, basic(), ssl=True)
    assert status == 200
    assert b"<wsmid:ProductVersion>OS: 10.0.20348 SP: 0.0 Stack: 3.0" in body
    # nothing else is open to strangers
    assert post(host, b"<x/>", {"WSMANIDENTIFY": "unauthenticated"})[0] == 400
    assert post(host, envelope("Get"), {"WSMANIDENTIFY": "unauthenticated"})[0] == 401


def envelope(action: str, *, timeout: str = "PT20S", body: str = "", resource: str = "shell") -> bytes:
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>'
        f"<a:Action>{action}</a:Action><a:MessageID>uuid:1</a:MessageID><w:OperationTimeout>{timeout}"
        f"</w:OperationTimeout><w:ResourceURI>{resource}</w:ResourceURI></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
CREATE = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create"
POWERSHELL = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"no xml", 400, b""),
        (b"<a/>", 400, b""),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><s:Envelope/>', 400, b""),
        (envelope("Nonsense"), 500, b"a:ActionNotSupported"),
        (envelope(SHELL + "/Receive", timeout="PT-1S"), 500, b'Code="2150858767"'),
        (envelope(SHELL + "/Receive", timeout="soon"), 500, b'Code="2150858767"'),
        (envelope(SHELL + "/Receive"), 500, b'Code="87"'),
        (envelope(SHELL + "/Receive", body=f'<r:Receive xmlns:r="{SHELL}"/>'), 500, b'Code="2150858843"'),
        (envelope(CREATE, body=f'<r:Shell xmlns:r="{SHELL}"/>'), 500, b'Code="2150858811"'),
        (envelope(CREATE, body=f'<r:Shell ShellId="x" xmlns:r="{SHELL}"/>', resource=POWERSHELL), 500, b'Code="87"'),
        (
            envelope(
                CREATE,
                body=f'<r:Shell xmlns:r="{SHELL}"><creationXml xmlns="http://schemas.microsoft.com/powershell">AAAA'
                "</creationXml></r:Shell>",
                resource=POWERSHELL,
            ),
            500,
            b'Code="87"',
        ),
        (envelope("x" * 600_000), 413, b""),
        (b"x" * 3_000_000, 413, b""),
    ],
)
def test_bad_requests(host: Host, body: bytes, status: int, said: bytes) -> None:
    found, text, _ = post(host, body, basic(), ssl=True)
    assert (found, said in text) == (status, True)
    assert not host.actions("defect")


def test_paths_and_methods(host: Host) -> None:
    assert post(host, b"", path="/elsewhere")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", host.server.http_port or 0, timeout=5)
    connection.request("GET", "/wsman")
    assert connection.getresponse().status == 405
    connection.close()


def test_a_client_that_asks_before_it_sends(host: Host) -> None:
    with socket.create_connection(("127.0.0.1", host.server.http_port or 0), timeout=5) as client:
        client.sendall(
            b"POST /wsman HTTP/1.1\r\nExpect: 100-continue\r\nWSMANIDENTIFY: unauthenticated\r\n"
            b"Content-Length: " + str(len(IDENTIFY)).encode() + b"\r\n\r\n"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        client.sendall(IDENTIFY)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_rude_clients_leave_no_trace(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    from pypsrp.powershell import RunspacePool

    for port in (host.server.http_port, host.server.https_port):
        for said in (b"", b"POST /wsman HTTP/1.1\r\nContent-Le", b"POST /wsman HTTP/1.1\r\nContent-Length: 99\r\n\r\nx",
                     b"\x16\x03\x01\x00\x05hello", os.urandom(300) + b"\r\n\r\n", b"POST /wsman HTTP/9.9\r\n\r\n",
                     b"POST /wsman HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                     b"POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
            for reset in (False, True):
                client = socket.create_connection(("127.0.0.1", port or 0), timeout=5)
                if reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(said)
                client.close()
    with RunspacePool(host.wsman()) as pool:
        assert ask(pool, "WhoAmI")
    captured = capfd.readouterr()
    assert captured.err == ""
    assert not host.actions("defect")


def test_unencrypted_body_over_http_is_refused(host: Host) -> None:
    wsman = host.wsman(encryption="never")
    from pypsrp.exceptions import WinRMTransportError
    from pypsrp.powershell import RunspacePool

    with pytest.raises(WinRMTransportError) as caught:
        RunspacePool(wsman).open()
    assert caught.value.code == 500
    assert host.server.service.count() == 0


def test_certificate_is_trusted_by_name_and_pin(host: Host) -> None:
    import hashlib
    import ssl

    context = ssl.create_default_context(cadata=host.server.certificate.pem.decode())
    for name in ("localhost", "HV01", "127.0.0.1"):
        raw = socket.create_connection(("127.0.0.1", host.server.https_port or 0), timeout=5)
        with context.wrap_socket(raw, server_hostname=name) as client:
            der = client.getpeercert(binary_form=True) or b""
            assert hashlib.sha256(der).hexdigest() == host.server.certificate.sha256
    other = ssl.create_default_context(cadata=make_certificate("HV01").pem.decode())
    with socket.create_connection(("127.0.0.1", host.server.https_port or 0), timeout=5) as raw, pytest.raises(
        ssl.SSLCertVerificationError
    ):
        other.wrap_socket(raw, server_hostname="HV01")


def test_user_file_holds_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTLM_USER_FILE", "before")
    path = Path(install_user_file([OPS], str(tmp_path)))
    assert os.environ["NTLM_USER_FILE"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    for form in (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), PASSWORD.encode("utf-16-le").hex()):
        assert form.lower() not in text.lower()
    with pytest.raises(LabError, match="colons"):
        install_user_file([Account("LAB", "a:b", Secret("x"))], str(tmp_path))


def test_log_holds_no_secret_and_is_json(host: Host) -> None:
    from pypsrp.powershell import RunspacePool

    with RunspacePool(host.wsman()) as pool:
        ask(pool, "Echo", PASSWORD)
    text = json.dumps(host.log)
    assert PASSWORD not in text
    assert {"Create", "Receive", "Command", "Delete"} <= set(host.actions())
    assert all(entry["host"] == "HV01" for entry in host.log)
