"""The HTTP below remoting.winrs: pywinrm's transport with our rules, and its errors as those of remoting.failures.

Seams of pywinrm used here and tested: ``Transport.build_session``, ``setup_encryption``, ``encryption``, ``session``
and ``read_timeout_sec``; ``Protocol.transport`` and ``operation_timeout_sec``.
"""

from __future__ import annotations

import logging
from typing import Any

import pypsrp.exceptions as psrp
import requests
import winrm.exceptions as winrm
from winrm.transport import Transport

from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.failures import WIRE_ERRORS
from winmigrate.remoting.transport import PinnedAdapter

# Without a handler of its own, logging would print every failed logon on standard error, traceback and all.
logging.getLogger("winrm").addHandler(logging.NullHandler())

#: pywinrm knows no Negotiate but Kerberos and NTLM by their names.
_AUTH = {"negotiate": "ntlm"}
#: Everything the libraries below raise; pywinrm looks for what an answer lacks with next().
ERRORS: tuple[type[Exception], ...] = (
    *WIRE_ERRORS, winrm.WinRMError, winrm.WinRMTransportError, winrm.WinRMOperationTimeoutError, StopIteration,
)


class Http(Transport):  # type: ignore[misc]
    """pywinrm's transport with our rules about proxies, certificates and time-outs (as remoting.transport)."""

    def __init__(self, endpoint: Endpoint) -> None:
        credential = endpoint.credential
        given: dict[str, Any] = {}
        if endpoint.auth == "certificate":
            given = {
                "cert_pem": str(endpoint.client_certificate),
                "cert_key_pem": str(endpoint.client_key or endpoint.client_certificate),
            }
        trusting = endpoint.verify and endpoint.pinned_sha256 is None
        super().__init__(
            endpoint=f"{endpoint.scheme}://{endpoint.address}:{endpoint.port}/{endpoint.path}",
            username=credential.username if credential else None,
            password=credential.password.reveal() if credential else None,
            auth_method=_AUTH.get(endpoint.auth, endpoint.auth),
            server_cert_validation="validate" if trusting else "ignore",
            message_encryption="always" if endpoint.scheme == "http" else "auto",
            kerberos_delegation=endpoint.delegate,
            kerberos_hostname_override=endpoint.kerberos_name,
            service="host",
            proxy=None,
            ca_trust_path=None,  # not the environment's; ours is set below
            **given,
        )
        self._winmigrate_endpoint = endpoint

    def build_session(self) -> requests.Session:
        session: requests.Session = super().build_session()
        self._configure(session)
        return session

    def setup_encryption(self, session: requests.Session) -> None:
        self._configure(session)  # it speaks before build_session returns
        super().setup_encryption(session)

    def _configure(self, session: requests.Session) -> None:
        endpoint = self._winmigrate_endpoint
        session.trust_env = False
        session.proxies = {}
        if endpoint.pinned_sha256 is not None:
            session.verify = False  # the fingerprint is checked instead, by urllib3, before a byte is sent
            if not isinstance(session.get_adapter("https://"), PinnedAdapter):
                session.mount("https://", PinnedAdapter(endpoint.pinned_sha256))
        else:
            session.verify = str(endpoint.ca) if endpoint.ca is not None and endpoint.verify else endpoint.verify

    def reset(self) -> None:
        """Forgets the connection and its sealing context, which pywinrm keeps too long."""
        self.close_session()
        self.encryption = None


def as_pypsrp(error: Exception) -> Exception:
    """pywinrm's errors as those that remoting.failures knows."""
    found = error
    if isinstance(error, winrm.AuthenticationError):
        found = psrp.AuthenticationError(str(error))
    elif isinstance(error, winrm.WSManFaultError):
        code = error.wsman_fault_code or error.fault_subcode or error.code
        found = psrp.WSManFaultError(code, "", error.reason, None, None, None)
    elif isinstance(error, winrm.WinRMTransportError):
        found = psrp.WinRMTransportError("http", error.code, error.response_text)
    elif isinstance(error, winrm.WinRMError | StopIteration):
        found = psrp.WinRMError(str(error) or "an answer without what was asked for")
    return found
