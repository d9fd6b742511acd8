"""A bind by Kerberos ticket: SASL's GSSAPI (RFC 4752), tied to the TLS channel below it.

ldap3 has one of its own; it refuses a controller that offers no security layer (as is right below TLS), and hides what
went wrong behind its own abort.
"""

from __future__ import annotations

import importlib
import ssl
from typing import Any

import spnego
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

MECHANISM = "GSSAPI"

_NO_LAYER = 1
#: Result code saslBindInProgress (RFC 4511 section 4.1.9).
_GO_ON = 14


class NoTicket(Exception):
    """The cache has no ticket for the controller, or the controller's answer was no good."""


def bind(connection: Any, host_name: str) -> Any:
    """Binds an open connection of ldap3 with what the cache (on Windows the logon) holds. Raises NoTicket.

    What the controller says to it ldap3 raises itself.
    """
    send = importlib.import_module("ldap3.protocol.sasl.sasl").send_sasl_negotiation
    try:
        context = spnego.client(
            hostname=host_name,
            service="ldap",
            protocol="kerberos",
            channel_bindings=GssChannelBindings(application_data=end_point(connection.socket)),
        )
        token = context.step()
        result = send(connection, None, token)
        while not context.complete and result["result"] == _GO_ON:
            token = context.step(result["saslCreds"] or b"")
            result = send(connection, None, token or b"")
        if result["result"] != _GO_ON:
            return result
        offered = context.unwrap(result["saslCreds"] or b"").data
        if not offered or not offered[0] & _NO_LAYER:
            raise NoTicket("the controller wants a layer of its own inside TLS")
        return send(connection, None, context.wrap(bytes([_NO_LAYER, 0, 0, 0]), encrypt=False).data)
    except SpnegoError as error:
        raise NoTicket(" ".join(str(error).split())) from error
    except ImportError as error:
        raise NoTicket("Kerberos is not installed here: pip install 'winmigrate[kerberos]'") from error


def end_point(channel: ssl.SSLSocket) -> bytes:
    """The TLS channel by its certificate (RFC 5929 section 4.1)."""
    certificate = channel.getpeercert(binary_form=True) or b""
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return b"tls-server-end-point:" + digest.finalize()
