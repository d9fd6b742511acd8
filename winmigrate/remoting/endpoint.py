"""Where and how one host is spoken to: everything a connection needs, checked when it is made."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from winmigrate.errors import UsageError
from winmigrate.request import Credential

AUTHENTICATIONS = ("kerberos", "negotiate", "ntlm", "credssp", "certificate")
KINDS = ("psrp", "winrs")
#: These seal the messages themselves, so that plain HTTP carries nothing readable.
_SEALING = frozenset({"kerberos", "negotiate", "ntlm", "credssp"})
_DEFAULT_PORTS = {"http": 5985, "https": 5986}
_DAY = 86_400
#: The session configuration that every host has.
DEFAULT_CONFIGURATION = "Microsoft.PowerShell"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One host's WinRM listener. All times are seconds.

    ``pinned_sha256`` is the SHA-256 of the certificate in hex (colons allowed) and stands in the place of a CA;
    ``verify=False`` trusts any certificate and must be asked for. ``credential`` None is the Kerberos ticket cache, or
    with ``certificate`` the client certificate. ``configuration`` names the session configuration (a JEA endpoint).
    ``idle_timeout`` is how long the host keeps a shell nobody asks about: a day, so that a move outlives a long outage
    of the line (Windows' default is two hours, and it runs even while a command
    does: about_Remote_Disconnected_Sessions).
    ``kerberos_name`` is the host's name in a ticket where the address is something else.
    ``kind``: "psrp", or "winrs" for reads over the Windows Remote Shell.
    ``max_shells`` bounds what one process opens there at once; Windows allows 30 a user.
    """

    address: str
    port: int = 0
    scheme: str = "https"
    auth: str = "negotiate"
    credential: Credential | None = None
    ca: Path | None = None
    pinned_sha256: str | None = None
    verify: bool = True
    second_hop: str = "none"
    configuration: str = DEFAULT_CONFIGURATION
    client_certificate: Path | None = None
    client_key: Path | None = None
    delegate: bool = False
    kerberos_name: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    open_timeout: float = 120.0
    operation_timeout: int = 20
    idle_timeout: int = _DAY
    max_shells: int = 24
    path: str = field(default="wsman")
    kind: str = "psrp"

    def __post_init__(self) -> None:
        if self.scheme not in _DEFAULT_PORTS:
            raise UsageError(f'{self.address}: the scheme is "http" or "https", not "{self.scheme}"')
        if self.kind not in KINDS:
            raise UsageError(f'{self.address}: no transport "{self.kind}" (there are {", ".join(KINDS)})')
        if self.auth not in AUTHENTICATIONS:
            known = ", ".join(AUTHENTICATIONS)
            raise UsageError(f'{self.address}: no authentication "{self.auth}" (there are {known})')
        if self.scheme == "http" and self.auth not in _SEALING:
            raise UsageError(
                f"{self.address}: {self.auth} over http would send everything readable",
                hint="use https, or one of kerberos, negotiate, ntlm, credssp, which seal the messages",
            )
        if self.pinned_sha256 is not None:
            object.__setattr__(self, "pinned_sha256", _fingerprint(self.address, self.pinned_sha256))
        if self.ca is not None and not Path(self.ca).exists():
            raise UsageError(f"{self.address}: there is no CA file {self.ca}")
        if self.auth == "certificate":
            _our_certificate(self.address, self.client_certificate, self.client_key)
        if not self.port:
            object.__setattr__(self, "port", _DEFAULT_PORTS[self.scheme])
        if self.read_timeout <= self.operation_timeout:
            raise UsageError(f"{self.address}: the read time-out must be longer than the operation time-out")

    @property
    def where(self) -> str:
        """``address:port``, as it stands in messages."""
        return f"{self.address}:{self.port}"

    @property
    def ticket_for(self) -> str:
        """The service principal that a ticket is asked for."""
        return f"host/{self.kerberos_name or self.address}"

    @property
    def whom(self) -> str:
        """As whom we come, for messages."""
        if self.credential is not None:
            return self.credential.username
        return "the client certificate" if self.auth == "certificate" else "the owner of the Kerberos ticket"


def _our_certificate(address: str, certificate: Path | None, key: Path | None) -> None:
    """Raises UsageError: the files of the client certificate are not there, or others may read its key."""
    if certificate is None:
        raise UsageError(f"{address}: auth certificate wants a client certificate and none is given")
    for file in (certificate, key or certificate):
        if not file.is_file():
            raise UsageError(f"{address}: there is no client certificate or key {file}")
    secret = key or certificate
    if os.name == "posix" and secret.stat().st_mode & 0o077:
        raise UsageError(f"{address}: others may read {secret}, which holds a key", hint=f"chmod 600 {secret}")


def _fingerprint(address: str, text: str) -> str:
    plain = re.sub(r"[:\s-]", "", text).lower()
    if not re.fullmatch("[0-9a-f]{64}", plain):
        raise UsageError(
            f"{address}: a pinned certificate is named by its SHA-256, 64 hexadecimal digits",
            hint="openssl x509 -in host.pem -noout -fingerprint -sha256",
        )
    return plain
