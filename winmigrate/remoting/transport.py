"""The HTTP below: pypsrp's transport with our rules about proxies, certificates and time-outs.

Two seams of pypsrp 0.9.1 are used here, pinned and tested: ``_TransportHTTP._build_session`` and ``WSMan.transport``.
Nothing of the process environment decides whom we trust or through whom we speak: neither HTTP(S)_PROXY nor
REQUESTS_CA_BUNDLE nor a netrc file.
"""

from __future__ import annotations

import logging
import ssl
from typing import Any

import requests
from pypsrp.wsman import WSMan, _TransportHTTP
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.kerberos import principal_of

# Without a handler of its own, logging would print pypsrp's account of every lost connection on standard error.
logging.getLogger("pypsrp").addHandler(logging.NullHandler())


class PinnedAdapter(HTTPAdapter):
    """HTTPS to the one host whose certificate has this SHA-256."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        # Without a context of ours urllib3 reads all the system's authorities for every connection, to check nothing
        # by them: 30 ms and 1 MB each. Not shared: a client certificate is loaded into it.
        context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
        super().init_poolmanager(*arguments, assert_fingerprint=self._fingerprint, ssl_context=context, **named)


class _Transport(_TransportHTTP):  # type: ignore[misc]
    """pypsrp's transport for one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        credential = endpoint.credential
        extras: dict[str, Any] = {}
        if endpoint.auth == "certificate":
            extras = {
                "certificate_pem": str(endpoint.client_certificate),
                "certificate_key_pem": str(endpoint.client_key or endpoint.client_certificate),
            }
        elif endpoint.auth in ("kerberos", "negotiate"):
            extras = {
                "negotiate_delegate": endpoint.delegate,
                "negotiate_hostname_override": endpoint.kerberos_name,
            }
        super().__init__(
            server=endpoint.address,
            port=endpoint.port,
            username=_name_of(endpoint),
            password=credential.password.reveal() if credential else None,
            ssl=endpoint.scheme == "https",
            path=endpoint.path,
            auth=endpoint.auth,
            cert_validation=endpoint.verify and endpoint.pinned_sha256 is None,
            connection_timeout=endpoint.connect_timeout,
            read_timeout=endpoint.read_timeout,
            no_proxy=True,
            **extras,
        )
        self._winmigrate_endpoint = endpoint

    def _build_session(self) -> requests.Session:
        endpoint = self._winmigrate_endpoint
        session: requests.Session = super()._build_session()
        session.trust_env = False
        session.proxies = {}
        if endpoint.pinned_sha256 is not None:
            session.verify = False  # the fingerprint is checked instead, by urllib3, before a byte is sent
            session.mount("https://", PinnedAdapter(endpoint.pinned_sha256))
        else:
            session.verify = str(endpoint.ca) if endpoint.ca is not None and endpoint.verify else endpoint.verify
        return session


def _name_of(endpoint: Endpoint) -> str | None:
    """As whom the libraries below are told to come; Kerberos has a spelling of its own."""
    if endpoint.credential is None:
        return None
    if endpoint.auth != "kerberos":
        return endpoint.credential.username
    return principal_of(endpoint.credential.username, endpoint.kerberos_name or endpoint.address)


class Wire(WSMan):  # type: ignore[misc]
    """WSMan to one endpoint. Owned by one thread."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(
            endpoint.address,
            port=endpoint.port,
            ssl=endpoint.scheme == "https",
            auth=endpoint.auth,
            operation_timeout=endpoint.operation_timeout,
        )
        self.transport = _Transport(endpoint)

    def reset(self) -> None:
        """Forgets the connection and its sealing context; the next request makes both anew."""
        self.transport.close()
        self.transport.session = None
        self.transport.encryption = None

    def bound(self, operation: float, read: float) -> None:
        """Sets how long the host may think (seconds of its clock) and how long the socket may be silent."""
        self.operation_timeout = f"{operation:.3f}".rstrip("0").rstrip(".")
        self.transport.read_timeout = read
