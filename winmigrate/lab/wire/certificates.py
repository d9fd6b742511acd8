"""The self-signed certificate of a lab host, and certificates of users; made when the lab starts."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

#: szOID_NT_PRINCIPAL_NAME: the otherName that holds whom a client certificate is for.
_UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8_STRING = 0x0C


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key. ``pem`` is the certificate alone (what a client may trust)."""

    pem: bytes
    der: bytes
    key: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The fingerprint, hex, as a client pins it."""
        return hashlib.sha256(self.der).hexdigest()

    def channel_bindings(self) -> bytes:
        """tls-server-end-point of RFC 5929 (these certificates are signed with SHA-256)."""
        return b"tls-server-end-point:" + hashlib.sha256(self.der).digest()

    def server_context(self, clients: bytes | None = None) -> ssl.SSLContext:
        """A TLS context for a server. The key is on disk (0600) only while OpenSSL reads it.

        ``clients``: PEM of the authority whose client certificates are taken, where one is presented. OpenSSL ends the
        handshake of another's; Windows' http.sys ends it too, or answers 403, by how the listener was set up.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        descriptor, path = tempfile.mkstemp(prefix="winmigrate-lab-", suffix=".pem")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.key + self.pem)
            context.load_cert_chain(path)
        finally:
            os.unlink(path)
        if clients is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=clients.decode("ascii"))
        return context


def make_certificate(
    host_name: str, names: Sequence[str] = (), *, days: int = 365, not_after: dt.datetime | None = None
) -> Certificate:
    """Makes one for ``host_name``, ``names``, localhost and 127.0.0.1; ``not_after`` may be past."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.timezone.utc)
    end = not_after if not_after is not None else now + dt.timedelta(days=days)
    begin = min(now, end) - dt.timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_name[:64])])
    known: list[x509.GeneralName] = [x509.DNSName(name) for name in dict.fromkeys([host_name, *names, "localhost"])]
    known.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        certificate.public_bytes(serialization.Encoding.PEM),
        certificate.public_bytes(serialization.Encoding.DER),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


class ClientAuthority:
    """Who vouches for the client certificates of one lab: an authority of its own, gone with it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "winmigrate lab clients")])
        built = _builder(self._name, self._name, self._key.public_key())
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.pem = built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, user: str) -> bytes:
        """A certificate for ``user@localhost`` and its key, PEM in one: what a client proves itself by."""
        key = ec.generate_private_key(ec.SECP256R1())
        principal = f"{user}@localhost".encode()
        if len(principal) > 127:
            raise ValueError(f"{user!r} is too long a name for a certificate of the lab")
        other = x509.OtherName(_UPN, bytes([_UTF8_STRING, len(principal)]) + principal)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user[:64])])
        built = _builder(subject, self._name, key.public_key())
        built = built.add_extension(x509.SubjectAlternativeName([other]), critical=False)
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        certificate = built.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def principal_of(der: bytes) -> str | None:
    """The user principal name in a client certificate (``ops@localhost``); None where it has none."""
    certificate = x509.load_der_x509_certificate(der)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    for name in names.get_values_for_type(x509.OtherName):
        if name.type_id == _UPN and name.value[:1] == bytes([_UTF8_STRING]) and len(name.value) == name.value[1] + 2:
            return name.value[2:].decode("utf-8", "replace")
    return None


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365))
    )
