"""WS-Management envelopes: a request read, a response and a fault written."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from winmigrate.lab.wire.logon import Limits

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "wsmid": "http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd",
    "ps": "http://schemas.microsoft.com/powershell",
    "cfg": "http://schemas.microsoft.com/wbem/wsman/1/config",
}
SHELL = NS["rsp"]
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
ADDRESSING_FAULT_ACTION = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"

_DECLARED = " ".join(f'xmlns:{prefix}="{NS[prefix]}"' for prefix in ("s", "a", "x", "n", "w", "p", "rsp"))
_DURATION = re.compile(
    r"\A(-?)P(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+(?:\.\d+)?)S)?)?\Z",
)


class BadEnvelope(Exception):
    """No SOAP at all: HTTP 400."""


class WSManFault(Exception):
    """A fault to answer with; HTTP status 500.

    ``detail`` is the WSMan FaultDetail's last word, ``provider`` (name, path) wraps the message as a shell's own fault.
    ``code`` None leaves the WSManFault element out, as some quota faults of Windows do (jborean93/pypsrp#148).
    """

    def __init__(
        self,
        code: int | None,
        subcode: str,
        message: str,
        *,
        sender: bool = True,
        reason: str | None = None,
        detail: str | None = None,
        provider: tuple[str, str] | None = None,
        action: str = FAULT_ACTION,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.message = message
        self.sender = sender
        self.reason = reason if reason is not None else message
        self.detail = detail
        self.provider = provider
        self.action = action


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request. ``timeout`` is the operation time-out in seconds or None; ``body`` the first element of the body."""

    action: str
    message_id: str
    resource: str
    to: str
    session_id: str
    timeout: float | None
    max_size: int | None
    options: Mapping[str, str]
    selectors: Mapping[str, str]
    body: ElementTree.Element | None = field(compare=False)
    locale: str = "en-US"
    data_locale: str = "en-US"

    @property
    def verb(self) -> str:
        return self.action.rsplit("/", 1)[-1]


def seconds_of(text: str) -> float:
    """An XML duration in seconds; raises ValueError. Negative parts are read (Windows then refuses the number)."""
    match = _DURATION.match(text.strip())
    if match is None or text.strip().rstrip("T") in {"P", "-P"}:
        raise ValueError(text)
    sign, days, hours, minutes, seconds = match.groups()
    total = (
        float(days or 0) * 86400 + float(hours or 0) * 3600 + float(minutes or 0) * 60 + float(seconds or 0)
    )
    return -total if sign else total


def duration(seconds: float) -> str:
    """As Windows writes a shell's run time: whole seconds, P0DT0H0M9S."""
    whole = max(0, int(seconds))
    return f"P{whole // 86400}DT{whole // 3600 % 24}H{whole // 60 % 60}M{whole % 60}S"


def parse(text: bytes) -> Envelope:
    """Reads a request. Raises BadEnvelope, or WSManFault for a header that Windows refuses."""
    if b"<!DOCTYPE" in text[:4096] or b"<!ENTITY" in text:
        raise BadEnvelope("document types are refused")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadEnvelope(str(error)) from error
    if root.tag != f"{{{NS['s']}}}Envelope":
        raise BadEnvelope(f"{root.tag} is no SOAP envelope")
    body = root.find("s:Body", NS)
    first = next(iter(body), None) if body is not None else None

    def header(path: str) -> str:
        return (root.findtext(f"s:Header/{path}", "", NS) or "").strip()

    def named(path: str) -> dict[str, str]:
        return {item.get("Name", ""): item.text or "" for item in root.findall(f"s:Header/{path}", NS)}

    given = header("w:OperationTimeout")
    timeout: float | None = None
    if given:
        try:
            timeout = seconds_of(given)
        except ValueError:
            timeout = -1.0
        if timeout < 0:
            raise WSManFault(
                2150858767,
                "a:InvalidMessageInformationHeader",
                "The WS-Management service cannot process the request. The XML contains an invalid timeout field in "
                f"the SOAP header: {given}. ",
                reason="The WS-Management service cannot process the request. The request contains one or more "
                "invalid SOAP headers. ",
                action=ADDRESSING_FAULT_ACTION,
            )
    size = header("w:MaxEnvelopeSize")
    locale = root.find("s:Header/w:Locale", NS)
    data_locale = root.find("s:Header/p:DataLocale", NS)
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    return Envelope(
        action=header("a:Action"),
        message_id=header("a:MessageID"),
        resource=header("w:ResourceURI"),
        to=header("a:To"),
        session_id=header("p:SessionId").upper(),
        timeout=timeout,
        max_size=int(size) if size.isdigit() else None,
        options=named("w:OptionSet/w:Option"),
        selectors=named("w:SelectorSet/w:Selector"),
        body=first,
        locale=(locale.get(lang, "en-US") if locale is not None else "en-US"),
        data_locale=(data_locale.get(lang, "en-US") if data_locale is not None else "en-US"),
    )


def message_id_of(text: bytes) -> str:
    """The MessageID of a request whose header could not be read whole; empty if there is none."""
    match = re.search(rb"MessageID[^>]*>\s*([^<]*?)\s*<", text)
    return match.group(1).decode("ascii", "replace") if match else ""


def response(action: str, relates_to: str, body: str) -> bytes:
    """A response envelope around ``body`` (XML text)."""
    return (
        f'<s:Envelope xml:lang="en-US" {_DECLARED}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<p:ActivityId>{str(uuid.uuid4()).upper()}</p:ActivityId>"
        "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def fault(error: WSManFault, relates_to: str, machine: str) -> bytes:
    """The envelope of a fault."""
    detail = f"<w:FaultDetail>{FAULT_ACTION}Detail/{error.detail}</w:FaultDetail>" if error.detail else ""
    if error.code is not None:
        opened = (
            '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
            f'Code="{error.code}" Machine={quoteattr(machine)}><f:Message>'
        )
        inner = escape(error.message)
        if error.provider is not None:
            name, path = error.provider
            inner = (
                f"<f:ProviderFault provider={quoteattr(name)} path={quoteattr(path)}>{opened}{inner}</f:Message>"
                "</f:WSManFault></f:ProviderFault>"
            )
        detail += f"{opened}{inner}</f:Message></f:WSManFault>"
    return response(
        error.action,
        relates_to,
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if error.sender else 'Receiver'}</s:Value><s:Subcode><s:Value>"
        f'{error.subcode}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">{escape(error.reason)}'
        f"</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>",
    )


def config(limits: Limits) -> str:
    """The part of winrm/config that clients read."""
    size = limits.max_envelope // 1024
    return (
        f'<cfg:Config xmlns:cfg="{NS["cfg"]}"><cfg:MaxEnvelopeSizekb>{size}</cfg:MaxEnvelopeSizekb>'
        "<cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms><cfg:MaxBatchItems>32000</cfg:MaxBatchItems>"
        "<cfg:MaxProviderRequests>4294967295</cfg:MaxProviderRequests><cfg:Service>"
        f"<cfg:MaxConcurrentOperationsPerUser>{limits.operations_per_user}</cfg:MaxConcurrentOperationsPerUser>"
        "<cfg:EnumerationTimeoutms>240000</cfg:EnumerationTimeoutms><cfg:MaxConnections>300</cfg:MaxConnections>"
        "<cfg:AllowUnencrypted>false</cfg:AllowUnencrypted></cfg:Service><cfg:Winrs>"
        f"<cfg:IdleTimeout>{int(limits.shell_idle_timeout * 1000)}</cfg:IdleTimeout>"
        f"<cfg:MaxConcurrentUsers>{limits.concurrent_users}</cfg:MaxConcurrentUsers>"
        f"<cfg:MaxProcessesPerShell>{limits.processes_per_shell}</cfg:MaxProcessesPerShell>"
        f"<cfg:MaxMemoryPerShellMB>{limits.memory_per_shell // 1024**2}</cfg:MaxMemoryPerShellMB>"
        f"<cfg:MaxShellsPerUser>{limits.shells_per_user}</cfg:MaxShellsPerUser></cfg:Winrs></cfg:Config>"
    )


def timed_out() -> WSManFault:
    return WSManFault(
        2150858793,
        "w:TimedOut",
        "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  ",
        sender=False,
    )


def unknown_shell(shell_id: str) -> WSManFault:
    return WSManFault(
        2150858843,
        "w:InvalidSelectors",
        f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the shell was not found on "
        "the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the "
        "server. Provide the correct ShellId or create a new shell and retry the operation. ",
        reason="The WS-Management service cannot process the request because the request contained invalid selectors "
        "for the resource. ",
        detail="UnexpectedSelectors",
    )


def unknown_shell_selectors() -> WSManFault:
    """What Get answers for a shell that is not there (recorded: pypsrp's test_psrp_is_alive_invalid_selectors)."""
    return WSManFault(
        2150858843,
        "w:InvalidSelectors",
        "The WS-Management service cannot process the request because the request contained invalid selectors for the "
        "resource. ",
        detail="UnexpectedSelectors",
        provider=("Shell provider", r"%systemroot%\system32\WsmSvc.dll"),
    )


def unknown_command() -> WSManFault:
    return WSManFault(
        2150858843,
        "w:InvalidSelectors",
        "The Windows Remote Shell received a request to perform an operation on a command identifier that does not "
        "exist. Either the command has completed execution or the client specified an invalid command identifier. ",
        reason="The WS-Management service cannot process the request because the request contained invalid selectors "
        "for the resource. ",
        detail="UnexpectedSelectors",
    )


def unknown_resource(uri: str) -> WSManFault:
    return WSManFault(
        2150858811,
        "a:DestinationUnreachable",
        f"The WS-Management service cannot process the request. The resource URI ({uri}) was not found in the "
        "WS-Management catalog. The catalog contains the metadata that describes resources, or logical endpoints. ",
        detail="InvalidResourceURI",
    )


def shell_disconnected() -> WSManFault:
    """2150859204 (0x803381C4), WINRS_SHELL_DISCONNECTED; the sentence is ours."""
    return WSManFault(
        2150859204,
        "w:InvalidSelectors",
        "The shell is disconnected. Reconnect or connect to it before sending further requests. ",
    )


def wrong_session() -> WSManFault:
    """2150859206 (0x803381C6), SHELL_CLIENTSESSIONID_MISMATCH; the sentence is ours."""
    return WSManFault(
        2150859206,
        "w:InvalidSelectors",
        "The session identifier of the client does not match the one with which the shell was created. ",
    )


def connected_elsewhere() -> WSManFault:
    """2150859213 (0x803381CD), SHELL_CONNECTED_TO_DIFFERENT_CLIENT (MS-WSMV 3.1.4.17); the sentence is ours."""
    return WSManFault(
        2150859213,
        "w:InvalidSelectors",
        "The shell is connected to a different client. Disconnect it there before connecting to it. ",
    )


def too_many_shells(limit: int) -> WSManFault:
    return WSManFault(
        2150859173,
        "w:QuotaLimit",
        f"The WS-Management service cannot process the request. This user is allowed a maximum number of {limit} "
        "concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user. ",
    )


def too_many_users() -> WSManFault:
    """2150859179 (0x803381AB), QUOTA_MAX_SHELLUSERS (MaxConcurrentUsers)."""
    return WSManFault(
        2150859179,
        "w:QuotaLimit",
        "The WS-Management service cannot process the request. The maximum number of users executing shell operations "
        "has been exceeded. Retry after sometime or raise the quota for concurrent shell users. ",
    )


def too_many_operations(limit: int) -> WSManFault:
    """2150859174 (0x803381A6), QUOTA_MAX_OPERATIONS (MaxConcurrentOperationsPerUser; WinRb/winrm-fs#15)."""
    return WSManFault(
        2150859174,
        "w:QuotaLimit",
        f"The WS-Management service cannot process the request. This user is allowed a maximum number of {limit} "
        "concurrent operations, which has been exceeded. Close existing operations for this user, or raise the quota "
        "for this user. ",
    )


def too_many_processes() -> WSManFault:
    """ERROR_NOT_ENOUGH_QUOTA (1816), as Windows refuses a process that its job object has no room for
    (MaxProcessesPerShell)."""
    return WSManFault(1816, "w:InternalError", "Not enough quota is available to process this command. ", sender=False)


def too_many_commands() -> WSManFault:
    """Also for commands that have ended but were never terminated (jborean93/pypsrp#148)."""
    return WSManFault(
        None,
        "w:InternalError",
        "The WS-Management service cannot process the request. The maximum number of concurrent commands per shell has "
        "been exceeded. Retry the request later or raise the Maximum Commands per Shell quota. ",
        sender=False,
    )


def access_denied() -> WSManFault:
    """Code 5 under w:AccessDenied, as Windows' clients print it."""
    return WSManFault(5, "w:AccessDenied", "Access is denied. ")


def bad_parameter() -> WSManFault:
    return WSManFault(87, "w:InternalError", "The parameter is incorrect. ", sender=False)


def unknown_action(action: str) -> WSManFault:
    """No recording of this was found: it carries no code, and the sentence is ours."""
    return WSManFault(
        None,
        "a:ActionNotSupported",
        f"The WS-Management service cannot process the request. The action {action} is not supported. ",
    )
