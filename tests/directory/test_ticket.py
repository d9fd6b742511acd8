"""A bind by ticket: the TLS channel it is tied to (RFC 5929), and the talk of SASL's GSSAPI (RFC 4752)."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from spnego.exceptions import SpnegoError

from winmigrate.directory import ticket
from winmigrate.directory.ticket import NoTicket, bind, end_point


def certificate(key: Any, algorithm: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dc01.corp.example")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, algorithm)
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("key", "algorithm", "digest"),
    [
        (ec.generate_private_key(ec.SECP256R1()), hashes.SHA256(), hashlib.sha256),
        (ec.generate_private_key(ec.SECP256R1()), hashes.SHA384(), hashlib.sha384),
        (ed25519.Ed25519PrivateKey.generate(), None, hashlib.sha256),
    ],
    ids=["sha256", "sha384", "ed25519"],
)
def test_a_channel_is_known_by_its_certificate(key: Any, algorithm: Any, digest: Any) -> None:
    der = certificate(key, algorithm)
    channel: Any = SimpleNamespace(getpeercert=lambda binary_form: der)
    assert end_point(channel) == b"tls-server-end-point:" + digest(der).digest()


class Context:
    """A security context of two steps."""

    def __init__(self, offered: bytes = b"\x07\x00\x00\x00", fails: bool = False) -> None:
        self.offered = offered
        self.fails = fails
        self.complete = False

    def step(self, token: bytes | None = None) -> bytes | None:
        if self.fails:
            raise SpnegoError(7, context_msg="no ticket")
        self.complete = token is not None
        return b"first" if token is None else None

    def unwrap(self, token: bytes) -> Any:
        assert token == b"layers"
        return SimpleNamespace(data=self.offered)

    def wrap(self, data: bytes, encrypt: bool) -> Any:
        assert not encrypt
        return SimpleNamespace(data=b"wrapped " + data)


class Controller:
    """Answers bind requests in turn, and keeps what it was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, context: Context, *answers: tuple[int, bytes]) -> None:
        self.sent: list[bytes] = []
        self.answers = list(answers)
        self.socket = SimpleNamespace(getpeercert=lambda binary_form: certificate(
            ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))
        self.asked: dict[str, Any] = {}
        sasl = importlib.import_module("ldap3.protocol.sasl.sasl")
        monkeypatch.setattr(sasl, "send_sasl_negotiation", lambda one, controls, token: self.answer(token))
        monkeypatch.setattr(ticket.spnego, "client", lambda **given: self.asked.update(given) or context)

    def answer(self, token: bytes) -> dict[str, Any]:
        self.sent.append(token)
        code, data = self.answers.pop(0)
        return {"result": code, "saslCreds": data}


def test_it_asks_for_no_layer_inside_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    for offered in (b"\x07\x00\x00\x00", b"\x01\x00\x00\x00"):
        there = Controller(monkeypatch, Context(offered), (14, b"second"), (14, b"layers"), (0, b""))
        assert bind(there, "dc01.corp.example")["result"] == 0
        assert there.sent == [b"first", b"", b"wrapped \x01\x00\x00\x00"]
        assert (there.asked["service"], there.asked["hostname"]) == ("ldap", "dc01.corp.example")
        assert there.asked["channel_bindings"].application_data.startswith(b"tls-server-end-point:")


def test_a_layer_that_must_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Controller(monkeypatch, Context(b"\x06\x00\x00\x00"), (14, b"second"), (14, b"layers"))
    with pytest.raises(NoTicket, match="a layer of its own"):
        bind(there, "dc01")


def test_what_the_controller_refuses_is_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bind(Controller(monkeypatch, Context(), (49, b"")), "dc01")["result"] == 49


def test_without_a_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoTicket, match="no ticket"):
        bind(Controller(monkeypatch, Context(fails=True)), "dc01")
