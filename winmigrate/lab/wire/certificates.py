"""The self-signed certificate of a lab host, made when it starts."""

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
from cryptography.x509.oid import NameOID


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

    def server_context(self) -> ssl.SSLContext:
        """A TLS context for a server. The key is on disk (0600) only while OpenSSL reads it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        descriptor, path = tempfile.mkstemp(prefix="winmigrate-lab-", suffix=".pem")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.key + self.pem)
            context.load_cert_chain(path)
        finally:
            os.unlink(path)
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
