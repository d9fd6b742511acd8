"""PowerShell's ErrorRecord, read from its CLIXML."""

from __future__ import annotations

from dataclasses import dataclass, field

from winmigrate.remoting.clixml import EnumValue, PSObject, loads

# System.Management.Automation.ErrorCategory, by number.
_CATEGORIES = [
    "NotSpecified",
    "OpenError",
    "CloseError",
    "DeviceError",
    "DeadlockDetected",
    "InvalidArgument",
    "InvalidData",
    "InvalidOperation",
    "InvalidResult",
    "InvalidType",
    "MetadataError",
    "NotImplemented",
    "NotInstalled",
    "ObjectNotFound",
    "OperationStopped",
    "OperationTimeout",
    "SyntaxError",
    "ParserError",
    "PermissionDenied",
    "ResourceBusy",
    "ResourceExists",
    "ResourceUnavailable",
    "ReadError",
    "WriteError",
    "FromStdErr",
    "SecurityError",
    "ProtocolError",
    "ConnectionError",
    "AuthenticationError",
    "LimitsExceeded",
    "QuotaExceeded",
    "NotEnabled",
]


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """An error as PowerShell tells it.

    ``fqeid`` is the FullyQualifiedErrorId ("InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM"); its part
    before the comma is :attr:`error_id`. ``hresult`` is unsigned (0x8009030E). ``raw`` is the CLIXML.
    """

    message: str
    fqeid: str = ""
    category: str = "NotSpecified"
    exception_type: str = ""
    hresult: int | None = None
    target: str = ""
    raw: str = field(default="", repr=False)

    @property
    def error_id(self) -> str:
        """The id without the command that wrote it."""
        return self.fqeid.partition(",")[0]


def record_of(clixml: str) -> ErrorRecord:
    """The record in the CLIXML of an ERROR_RECORD message or of a Reply's error. Raises ClixmlError for bad CLIXML."""
    value = loads(clixml)
    if not isinstance(value, PSObject):
        return ErrorRecord(_text(value), raw=clixml)
    members = value.properties
    exception = members.get("Exception")
    message, kind, hresult = "", "", None
    if isinstance(exception, PSObject):
        message = _text(exception.properties.get("Message"))
        kind = exception.type_names[0] if exception.type_names else ""
        number = exception.properties.get("HResult")
        hresult = number & 0xFFFFFFFF if isinstance(number, int) else None
    elif exception is not None:
        message = _text(exception)
    return ErrorRecord(
        message=_text(members.get("ErrorDetails_Message")) or message or value.to_string or "",
        fqeid=_text(members.get("FullyQualifiedErrorId")),
        category=_category(members.get("ErrorCategory_Category")),
        exception_type=kind,
        hresult=hresult,
        target=_text(members.get("TargetObject")) or _text(members.get("ErrorCategory_TargetName")),
        raw=clixml,
    )


def _category(value: object) -> str:
    if isinstance(value, EnumValue):
        return value.name
    if isinstance(value, int) and 0 <= value < len(_CATEGORIES):
        return _CATEGORIES[value]
    return "NotSpecified"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, PSObject):
        return value.to_string or ""
    return value if isinstance(value, str) else str(value)
