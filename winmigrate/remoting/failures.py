"""What went wrong on the wire, in one clear line each: the exceptions of pypsrp, requests and spnego, translated."""

from __future__ import annotations

import hashlib
import importlib
import re
import socket
import ssl
import xml.etree.ElementTree as ET
from http.client import BadStatusLine, RemoteDisconnected

import requests
from cryptography import x509
from cryptography.x509.oid import NameOID
from pypsrp.exceptions import AuthenticationError, FragmentError, WinRMError, WinRMTransportError, WSManFaultError
from spnego.exceptions import SpnegoError

from winmigrate.errors import (
    AuthenticationFailed,
    CannotConnect,
    ConnectionLost,
    HostError,
    ProtocolError,
    Refused,
    TimedOut,
)
from winmigrate.remoting import kerberos
from winmigrate.remoting.endpoint import Endpoint

#: The host had nothing to say within the operation time-out: ask again.
OPERATION_TIMED_OUT = 2150858793
#: The shell or command is not known (any more).
UNKNOWN_SELECTORS = 2150858843
ACCESS_DENIED = 5

# Codes: WSMan error constants as Windows' headers have them (wsmerror.h); the texts are ours.
_FAULTS: dict[int, tuple[str, str]] = {
    ACCESS_DENIED: (
        "access denied",
        "the account needs to be in Administrators or Remote Management Users there, or the endpoint must admit it",
    ),
    UNKNOWN_SELECTORS: ("the host knows no such shell or command", "it was closed or the host restarted; look first"),
    2150859173: (
        "the host has all the shells it admits (MaxShellsPerUser)",
        "close other sessions of this account there: Get-WSManInstance -ResourceURI Shell -Enumerate",
    ),
    2150859174: (
        "this account may not run more operations there at once (MaxConcurrentOperationsPerUser)",
        "close other sessions of this account, or wait",
    ),
    2150859175: (
        "this account may not run more operations there (MaxConcurrentOperationsPerUser)",
        "close other sessions of this account, or wait",
    ),
    2150859179: (
        "the host has all the users it admits (MaxConcurrentUsers)",
        "wait, or raise WSMan:\\localhost\\Shell\\MaxConcurrentUsers there",
    ),
    2150859204: ("the shell is disconnected", "reconnect before asking"),
    2150859206: ("the shell belongs to another client session", ""),
    2150859213: ("the shell is connected to another client", "wait until the host marks it disconnected"),
    2150859230: ("the command's stream is disconnected", "reconnect before asking"),
}
_STATUS: dict[int, tuple[str, str]] = {
    400: ("Bad Request", "the connection's sealing context is not the host's any more"),
    403: ("Forbidden", "a proxy or filter stands between; WinRM itself does not answer so"),
    404: ("Not Found", "something answers there that is not WinRM (or its path is not /wsman)"),
    413: (
        "Request Entity Too Large: more than MaxEnvelopeSizekb there",
        "on the host: Set-Item WSMan:\\localhost\\MaxEnvelopeSizekb 500",
    ),
    500: ("Internal Server Error, without a WSMan fault", "on the host: Restart-Service WinRM; see its event log"),
    503: ("Service Unavailable", "the WinRM service is starting or overloaded; try again"),
}
#: HTTP answers after which the connection is worth making anew: a stale seal, a service that restarts.
_PASSING_STATUS = frozenset({400, 500, 502, 503, 504})


def _credssp_errors() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """What the extra "credssp" raises, where it is installed: a broken dance, and the host's own word of refusal."""
    try:
        found = importlib.import_module("requests_credssp.exceptions")
    except ImportError:
        return (), ()
    return (found.AuthenticationException,), (found.NTStatusException,)


_CREDSSP_ERRORS, _CREDSSP_REFUSALS = _credssp_errors()

#: Everything the libraries below raise for what a host, or the way to it, can do to us.
WIRE_ERRORS: tuple[type[Exception], ...] = (
    *_CREDSSP_ERRORS,
    *_CREDSSP_REFUSALS,
    *kerberos.KERBEROS_ERRORS,
    ImportError,  # an extra that is not installed is missed only when the host asks for that kind of logon
    WinRMError,
    requests.exceptions.RequestException,
    SpnegoError,
    ET.ParseError,
    OSError,
    ValueError,
    KeyError,
    AttributeError,
)


def fault_code(error: BaseException) -> int | None:
    """The code of a WSMan fault; None for anything else."""
    if isinstance(error, WSManFaultError) and isinstance(error.code, int):
        return error.code
    return None


def is_passing(error: BaseException) -> bool:
    """May a new connection go on where this one stopped? (The shell lives on the host, not in the connection.)"""
    if isinstance(error, requests.exceptions.SSLError):
        return False
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout | SpnegoError):
        return True
    if isinstance(error, requests.exceptions.ChunkedEncodingError | AuthenticationError | ConnectionError):
        return True
    if isinstance(error, WinRMTransportError):
        return error.code in _PASSING_STATUS
    if isinstance(error, WSManFaultError):
        return not isinstance(error.code, int)  # a page of HTML that happens to be XML
    return type(error) is WinRMError or isinstance(error, _CREDSSP_ERRORS)


def never_connected(error: BaseException) -> bool:
    """Was there no connection at all, so that nothing can have been sent?"""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    return any(isinstance(each, ConnectionRefusedError | socket.gaierror) for each in _chain(error))


def is_refused(error: BaseException) -> bool:
    """Did the host refuse the credential?"""
    refusals = (*_CREDSSP_ERRORS, *_CREDSSP_REFUSALS, *kerberos.KERBEROS_ERRORS)
    return isinstance(error, (AuthenticationError, SpnegoError, *refusals))


def translate(host: str, endpoint: Endpoint, error: Exception, doing: str, *, sent: bool = False) -> HostError:
    """The error of the tree for one of :data:`WIRE_ERRORS`.

    ``doing`` is what we were about ("opening a shell"). With ``sent`` a request may already run on the host: then all
    that breaks is ConnectionLost, for nobody here can say whether it happened.
    """
    if isinstance(error, HostError):
        return error
    found = _found(host, endpoint, error, doing)
    if sent and not isinstance(found, ConnectionLost | TimedOut):
        reason = str(found).removeprefix(f"{host}: ")
        return ConnectionLost(host, f"lost while {doing}: {reason}", hint=found.hint)
    return found


def _found(host: str, endpoint: Endpoint, error: Exception, doing: str) -> HostError:
    if isinstance(error, WSManFaultError) and not isinstance(error.__context__, WinRMTransportError):
        return _fault(host, error, doing)
    if isinstance(error, WSManFaultError) and (isinstance(error.code, int) or error.reason):
        return _fault(host, error, doing)
    if isinstance(error, WSManFaultError):
        error = error.__context__  # pypsrp took a page of HTML that happens to be XML for a fault
    if isinstance(error, WinRMTransportError):
        name, hint = _STATUS.get(error.code, ("no answer WinRM would give", ""))
        told = f"{endpoint.where} answers HTTP {error.code} ({name}) to {doing}"
        return Refused(host, told, code=error.code, hint=hint)
    if isinstance(error, FragmentError):
        return ConnectionLost(host, f"a piece of what the host sent while {doing} was lost on the way")
    if is_refused(error) or isinstance(error, ImportError):
        return _authentication(host, endpoint, error)
    if isinstance(error, requests.exceptions.SSLError):
        message, hint = _certificate(endpoint, error)
        return CannotConnect(host, message, hint=hint, passing=False)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return CannotConnect(
            host,
            f"no answer from {endpoint.where} within {endpoint.connect_timeout:g} s",
            hint="is it up, and the port open?",
            passing=False,
        )
    if isinstance(error, requests.exceptions.ReadTimeout):
        return CannotConnect(
            host,
            f"{endpoint.where} takes connections but did not answer while {doing}",
            hint="is WinRM hung there, or another program on that port?",
            passing=False,
        )
    if isinstance(error, requests.exceptions.ConnectionError | OSError):
        return _connection(host, endpoint, error)
    if isinstance(error, ValueError) and "auth protocol" in str(error):
        return _authentication(host, endpoint, error)
    # A KeyError's text is a key of ours, which tells nobody anything.
    said = "" if isinstance(error, KeyError | AttributeError) else f": {one_line(error)}"
    return ProtocolError(
        host, f"{endpoint.where} answered {doing} with what is no WinRM{said}", hint="is it the right port?"
    )


def _fault(host: str, error: WSManFaultError, doing: str) -> HostError:
    code = error.code if isinstance(error.code, int) else None
    told = error.provider_fault or error.reason
    if code == OPERATION_TIMED_OUT:
        return TimedOut(host, f"the host did not finish {doing} in time")
    what, hint = _FAULTS.get(code or 0, ("the host refused", ""))
    said = f" ({one_line(told)})" if told else ""
    return Refused(host, f"{what}, {doing}, WSMan fault {error.code}{said}", code=code, hint=hint)


def _authentication(host: str, endpoint: Endpoint, error: Exception) -> AuthenticationFailed:
    text = one_line(error)
    if isinstance(error, ImportError):
        extra = "credssp" if endpoint.auth == "credssp" else "kerberos"
        return AuthenticationFailed(
            host,
            f"{endpoint.auth} needs a package that is not installed ({text})",
            hint=f"pip install 'winmigrate[{extra}]'" + (f" ({kerberos.BUILDING})" if extra == "kerberos" else ""),
        )
    known = kerberos.explained(endpoint, error)
    if known is not None:
        return AuthenticationFailed(host, f"{known.message} (auth {endpoint.auth})", hint=known.hint)
    if "did not response " in text or "auth protocol" in text:
        return AuthenticationFailed(
            host,
            f"the host does not offer {endpoint.auth} ({text.rsplit('actual:', 1)[-1].strip()})",
            hint="allow it under WSMan:\\localhost\\Service\\Auth there, or choose another `auth`",
        )
    detail = "" if isinstance(error, AuthenticationError) else f" ({text})"
    return AuthenticationFailed(
        host,
        f"the host refused {endpoint.whom} with {endpoint.auth}{detail}",
        hint="check user name (DOMAIN\\user or user@domain) and password; a locked account is refused like a wrong one",
    )


def _connection(host: str, endpoint: Endpoint, error: Exception) -> CannotConnect | ProtocolError:
    chain = _chain(error)
    strange = next((each for each in chain if isinstance(each, BadStatusLine)), None)
    if strange is not None and not isinstance(strange, RemoteDisconnected):
        return ProtocolError(
            host,
            f"{endpoint.where} speaks no HTTP, and so is no WinRM: it says {one_line(strange)!r}",
            hint="is it the right port?",
        )
    if any(isinstance(each, ConnectionRefusedError) for each in chain):
        return CannotConnect(
            host, f"{endpoint.where} refuses connections", hint="on the host: Enable-PSRemoting; is it the right port?"
        )
    if any(isinstance(each, socket.gaierror) or type(each).__name__ == "NameResolutionError" for each in chain):
        return CannotConnect(
            host,
            f'the name "{endpoint.address}" is not known',
            hint="check DNS, or give an address",
            passing=False,
        )
    return CannotConnect(host, f"the connection to {endpoint.where} broke ({one_line(chain[-1])})")


def _chain(error: BaseException) -> list[BaseException]:
    """The error, what it carries in its arguments, and what caused it: where urllib3 hides the errno."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(chain) < 20:
        each = waiting.pop(0)
        if each is None or each in chain:
            continue
        chain.append(each)
        waiting += [argument for argument in each.args if isinstance(argument, BaseException)]
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None)]
        waiting = [found for found in waiting if isinstance(found, BaseException)]
    return chain


def _certificate(endpoint: Endpoint, error: Exception) -> tuple[str, str]:
    """(message, hint) about a certificate: what was presented against what was expected."""
    if endpoint.pinned_sha256 is not None:
        wanted = f"pinned is SHA-256 {endpoint.pinned_sha256}"
    else:
        wanted = f"trusted is {endpoint.ca}" if endpoint.ca is not None else "trusted are the public authorities"
    try:
        pem = ssl.get_server_certificate((endpoint.address, endpoint.port), timeout=endpoint.connect_timeout)
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    except (OSError, ValueError):
        reason = re.sub(r"^\[[^]]*\] | \(_ssl\.c:\d+\)$", "", _tls_reason(error))
        return f"no TLS with {endpoint.where}: {reason}", "is that port HTTPS?"
    hint = "if that is the host's own, pin its SHA-256 (tls: pinned), or name the CA that issued it (ca:)"
    if "expired" in _tls_reason(error):
        hint = "renew it on the host, or pin its SHA-256 (tls: pinned) until then"
    shown = f'"{_name(certificate.subject)}", issued by "{_name(certificate.issuer)}", SHA-256 {digest}'
    return (
        f"the certificate of {endpoint.where} is not trusted ({_tls_reason(error)}): it presents {shown}; {wanted}",
        hint,
    )


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _tls_reason(error: Exception) -> str:
    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return each.verify_message
        if "Fingerprints did not match" in str(each) and len(each.args) == 1:
            return "not the pinned one"
    return one_line(_chain(error)[-1])


def one_line(told: object) -> str:
    """Text on one line, and not too long for one."""
    text = re.sub(r"\s+", " ", str(told)).strip() or type(told).__name__
    return text if len(text) <= 300 else text[:297] + "..."
