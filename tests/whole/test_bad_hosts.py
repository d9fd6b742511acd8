"""Hosts that do not answer as they should: a line each that says so, in time, and the others go on."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.whole.labs import site
from tests.whole.terminal import typed
from winmigrate import verbs
from winmigrate.remoting.connect import connector
from winmigrate.verbs import stand
from winmigrate.verbs.ground import endpoint_of

FABRIC = r"""
fabric: bad hosts
domain: corp.example
users: {ops: {password: "Spare key 0x2F!", administrator: true}}
delegation: {hv01: [hv02]}
hosts:
  hv01:
    version: 2022
    memory: 64 GB
    addresses: [10.20.0.11/24]
    volumes: {C: {size: 200 GB, used: 60 GB}, D: 2 TB}
    switches: [External]
    vms: {web01: {memory: 2 GB}, web02: {memory: 2 GB}}
  hv02:
    version: 2022
    memory: 64 GB
    addresses: [10.20.0.12/24]
    volumes: {C: {size: 200 GB, used: 60 GB}, D: 2 TB}
    switches: [External]
  pinned: {version: 2022}
  authority: {version: 2022}
  public: {version: 2022}
  password: {version: 2022}
"""

PLAYBOOK = r"""
winmigrate: 1
inventory: inventory.yml
migrations:
  - vm: web01
    to: [hv02, error500, password, pinned]
    storage: {path: 'D:\Moved\{vm}'}
"""

NOWHERE = r"""
  - vm: web02
    to: [error500, password]
    storage: {path: 'D:\Moved\{vm}'}
"""


class Peer:
    """Something on a port of loopback that is no WinRM: ``answer`` gets each connection, on a thread of its own."""

    def __init__(self, answer: Callable[[socket.socket], None], *, backlog: int = 16) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self._answer = answer
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._take, args=(connection,), daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        try:
            self._answer(connection)
        except OSError:
            connection.close()

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()


def silent(connection: socket.socket) -> None:
    """Takes what comes and says nothing."""
    while connection.recv(65536):
        pass


def http(status: str, body: bytes, headers: str = "") -> Callable[[socket.socket], None]:
    """Answers every request with the same page."""

    def answer(connection: socket.socket) -> None:
        while connection.recv(65536):
            head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
            connection.sendall(head.encode() + body)

    return answer


def ssh(connection: socket.socket) -> None:
    """Speaks first, as SSH does."""
    connection.sendall(b"SSH-2.0-OpenSSH_for_Windows_8.1\r\n")
    silent(connection)


def tls(folder: Path, *, days: int = 30, name: str = "127.0.0.1") -> tuple[Callable[[socket.socket], None], Path]:
    """A TLS server with a certificate of its own (the second value), valid until ``days`` from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"peer-{days}.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(pem)
    private = folder / f"peer-{days}.key"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            silent(wrapped)

    return answer, path


def full_backlog() -> tuple[socket.socket, list[socket.socket]]:
    """A port whose queue of connections is full: the kernel drops what else would connect, as a firewall does."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    return listener, fillers


@dataclass(slots=True)
class Ground:
    """A lab of two good hosts, and the bad ones that an inventory can add."""

    folder: Path
    inventory: dict[str, object]
    bad: dict[str, dict[str, object]] = field(default_factory=dict)

    def with_bad(self, *names: str) -> None:
        """Writes an inventory with these bad hosts."""
        good = {name: host for name, host in self.inventory["hosts"].items() if name.startswith("hv")}  # type: ignore
        hosts = {**good, **{name: self.bad[name] for name in names}}  # type: ignore[dict-item]
        # Without the lab's clock: a host that hangs holds up the fabric's time, as it should not here.
        given = {name: value for name, value in self.inventory.items() if name != "lab"}
        text = yaml.safe_dump({**given, "hosts": hosts}, sort_keys=False)
        (self.folder / "inventory.yml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("bad-hosts")
    with site(folder, FABRIC, http=False, playbook=PLAYBOOK):
        inventory = yaml.safe_load((folder / "inventory.yml").read_text("utf-8"))
        found = Ground(folder, inventory)
        there = {name: host["transport"] for name, host in inventory["hosts"].items()}
        plain = {"kind": "psrp", "scheme": "http"}
        (folder / "wrong.yml").write_text("username: CORP\\ops\npassword: not this one\n", encoding="utf-8")
        (folder / "wrong.yml").chmod(0o600)
        _, certificate = tls(folder)
        expired, old = tls(folder, days=-3)
        peers: dict[str, Peer] = {
            "silent": Peer(silent),
            "error500": Peer(http("500 Internal Server Error", b"")),
            "web": Peer(http("200 OK", b"<html><body>It works!</body></html>")),
            "notfound": Peer(http("404 Not Found", b"<html>no</html>")),
            "ssh": Peer(ssh),
            "sshs": Peer(ssh),
            "expired": Peer(expired),
        }
        listener, fillers = full_backlog()
        with socket.create_server(("127.0.0.1", 0)) as closed:
            shut = closed.getsockname()[1]

        def at(port: int, **transport: object) -> dict[str, object]:
            return {"address": "127.0.0.1", "transport": {**plain, "port": port, **transport}}

        secure = {"scheme": "https"}
        wrong = there["pinned"]["tls"][:-8] + "00000000"
        found.bad = {
            "silent": at(peers["silent"].port),
            "blackhole": at(listener.getsockname()[1]),
            "shut": at(shut),
            "error500": at(peers["error500"].port),
            "web": at(peers["web"].port),
            "notfound": at(peers["notfound"].port),
            "ssh": at(peers["ssh"].port),
            "sshs": at(peers["sshs"].port, **secure, tls="verified"),
            "pinned": at(there["pinned"]["port"], **secure, tls=wrong),
            "authority": at(there["authority"]["port"], **secure, tls="verified", ca=certificate.name),
            "public": at(there["public"]["port"], **secure, tls="verified"),
            "expired": at(peers["expired"].port, **secure, tls="verified", ca=old.name),
            "password": {"address": "127.0.0.1", "credential": "file:wrong.yml", "transport": there["password"]},
            "noname": {"address": "no-such-host.invalid", "transport": {**plain, "port": 5985}},
        }
        try:
            yield found
        finally:
            for peer in peers.values():
                peer.close()
            for each in (listener, *fillers):
                each.close()


#: What is said of each, in its one line.
SAID: dict[str, tuple[str, ...]] = {
    "shut": ("refuses connections", "Enable-PSRemoting"),
    "error500": ("answers HTTP 500", "Restart-Service WinRM"),
    "web": ("answered", "no WinRM", "right port"),
    "notfound": ("HTTP 404", "not WinRM"),
    "ssh": ("speaks no HTTP", "SSH-2.0"),
    "sshs": ("no TLS with", "is that port HTTPS?"),
    "pinned": ("the certificate of", "not the pinned one", "pinned is SHA-256"),
    "authority": ("the certificate of", "is not trusted", "trusted is"),
    "public": ("the certificate of", "is not trusted", "trusted are the public authorities"),
    "expired": ("the certificate of", "expired", "renew it"),
    "password": ("the host refused CORP\\ops with ntlm", "password"),
    "noname": ('the name "no-such-host.invalid" is not known',),
}


def said_by_host(text: str) -> dict[str, str]:
    """`hosts`: what is said of each, with the lines that a terminal's width made of it put together."""
    found: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if line.startswith(" "):
            found[last] += " " + line.strip()
        else:
            last, _, rest = line.partition(" ")
            found[last] = rest.strip()
    return found


def test_hosts_says_of_each_what_is_the_matter(ground: Ground) -> None:
    ground.with_bad(*SAID)
    begun = time.monotonic()
    done = typed(ground.folder, "hosts")
    assert time.monotonic() - begun < 30, "a bad host holds the others up"
    assert done.returncode == 1
    assert done.stderr == ""
    found = said_by_host(done.stdout)
    for host, parts in SAID.items():
        assert found[host].startswith("NOT REACHED"), host
        assert [part for part in parts if part not in found[host]] == [], (host, found[host])
        assert "Traceback" not in found[host]
    for host in ("hv01", "hv02"):
        assert "Windows Server 2022" in found[host]
        assert "as corp\\ops" in found[host]
    assert f"{len(SAID)} of {len(SAID) + 2} hosts not reached" in done.stdout


def test_hosts_as_json(ground: Ground) -> None:
    ground.with_bad("error500", "password")
    done = typed(ground.folder, "hosts", "--format", "json")
    assert done.returncode == 1
    entries = json.loads(done.stdout)["body"]["entries"]
    assert {name: entry["reached"] for name, entry in entries.items()} == {
        "hv01": True,
        "hv02": True,
        "error500": False,
        "password": False,
    }


@pytest.mark.parametrize(("more", "code"), [("", 0), (NOWHERE, 1)], ids=["one is left", "none is left"])
def test_check_and_plan_go_on_with_what_answers(ground: Ground, more: str, code: int) -> None:
    ground.with_bad("error500", "password", "pinned")
    (ground.folder / "playbook.yml").write_text(PLAYBOOK + more.lstrip("\n"), encoding="utf-8")
    checked = typed(ground.folder, "check", "playbook.yml")
    assert (checked.returncode, checked.stderr) == (code, "")
    assert "web01 > hv02       " in checked.stdout
    for host in ("error500", "password", "pinned"):
        assert any(f"web01 > {host}" in line and "BLOCKED" in line for line in checked.stdout.splitlines()), host
        [line] = [line for line in checked.stdout.splitlines() if line.startswith(f"{host}  NOT REACHED")]
        assert [part for part in SAID[host] if part not in line] == []
    planned = typed(ground.folder, "plan", "playbook.yml", "--format", "json")
    assert planned.returncode == code
    assert planned.stderr.count("NOT REACHED") == 3
    steps = json.loads(planned.stdout)["body"]["steps"]
    assert [(step["move"]["vm_name"], step["move"]["destination"]) for step in steps] == [("web01", "hv02")]


@pytest.mark.parametrize("bad", ["silent", "blackhole"])
def test_a_host_that_says_nothing_in_its_time(ground: Ground, bad: str) -> None:
    """As the command does, but with the bounds of its waits cut short."""
    ground.with_bad(bad)
    place = stand(str(ground.folder / "inventory.yml"))
    hosts = place.inventory.hosts.values()
    endpoints = {host.name: endpoint_of(host, place.credential_for) for host in hosts}
    endpoints[bad] = replace(endpoints[bad], connect_timeout=1.0, read_timeout=2.0, operation_timeout=1)
    begun = time.monotonic()
    roll = verbs.hosts(place.inventory, ground=replace(place, connector=connector(endpoints, place.clock)))
    assert time.monotonic() - begun < 15, "it was asked more than once"
    assert not roll.entries[bad].reached
    wanted = {"silent": "takes connections but did not answer", "blackhole": "no answer from 127.0.0.1:"}[bad]
    assert wanted in roll.entries[bad].why_not
    assert roll.entries["hv01"].reached
    assert roll.entries["hv02"].reached


@pytest.mark.long
def test_hosts_that_say_nothing_cost_one_bound_of_a_wait(ground: Ground) -> None:
    ground.with_bad("silent", "blackhole")
    begun = time.monotonic()
    done = typed(ground.folder, "hosts")
    assert time.monotonic() - begun < 75
    assert done.returncode == 1
    found = said_by_host(done.stdout)
    assert "takes connections but did not answer" in found["silent"]
    assert "within 10 s" in found["blackhole"]
    assert "Windows Server 2022" in found["hv01"]
