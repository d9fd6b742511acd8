"""The .NET exceptions that errors carry: their base classes and the HRESULT each has when nothing else is said."""

from __future__ import annotations

_AUTOMATION = "System.Management.Automation."
_BASES: dict[str, str] = {
    "System.SystemException": "System.Exception",
    "System.ArgumentException": "System.SystemException",
    "System.ArgumentNullException": "System.ArgumentException",
    "System.ArgumentOutOfRangeException": "System.ArgumentException",
    "System.InvalidOperationException": "System.SystemException",
    "System.InvalidCastException": "System.SystemException",
    "System.FormatException": "System.SystemException",
    "System.NotSupportedException": "System.SystemException",
    "System.NotImplementedException": "System.SystemException",
    "System.UnauthorizedAccessException": "System.SystemException",
    "System.IO.IOException": "System.SystemException",
    "System.IO.FileNotFoundException": "System.IO.IOException",
    "System.IO.DirectoryNotFoundException": "System.IO.IOException",
    "System.ComponentModel.Win32Exception": "System.SystemException",
    "System.Management.Automation.RuntimeException": "System.SystemException",
    _AUTOMATION + "CommandNotFoundException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ParameterBindingException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ParameterBindingValidationException": _AUTOMATION + "ParameterBindingException",
    _AUTOMATION + "ParameterBindingArgumentTransformationException": _AUTOMATION + "ParameterBindingException",
    _AUTOMATION + "PipelineStoppedException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ActionPreferenceStopException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "CmdletInvocationException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ParentContainsErrorRecordException": "System.SystemException",
    _AUTOMATION + "ParseException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "SessionStateException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "ItemNotFoundException": _AUTOMATION + "SessionStateException",
    _AUTOMATION + "DriveNotFoundException": _AUTOMATION + "SessionStateException",
    _AUTOMATION + "PSArgumentException": "System.ArgumentException",
    _AUTOMATION + "PSArgumentNullException": "System.ArgumentNullException",
    _AUTOMATION + "PSInvalidOperationException": "System.InvalidOperationException",
    _AUTOMATION + "PSInvalidCastException": "System.InvalidCastException",
    _AUTOMATION + "PSNotSupportedException": "System.NotSupportedException",
    _AUTOMATION + "PSSecurityException": _AUTOMATION + "RuntimeException",
    _AUTOMATION + "Host.HostException": _AUTOMATION + "RuntimeException",
    "Microsoft.PowerShell.Commands.WriteErrorException": "System.SystemException",
}
_HRESULTS: dict[str, int] = {
    "System.Exception": -2146233088,
    "System.SystemException": -2146233087,
    "System.ArgumentException": -2147024809,
    "System.ArgumentNullException": -2147467261,
    "System.ArgumentOutOfRangeException": -2146233086,
    "System.InvalidOperationException": -2146233079,
    "System.InvalidCastException": -2147467262,
    "System.FormatException": -2146233033,
    "System.NotSupportedException": -2146233067,
    "System.NotImplementedException": -2147467263,
    "System.UnauthorizedAccessException": -2147024891,
    "System.IO.IOException": -2146232800,
    "System.IO.FileNotFoundException": -2147024894,
    "System.IO.DirectoryNotFoundException": -2147024893,
    "System.ComponentModel.Win32Exception": -2147467259,
}
_AUTOMATION_RECORDS = (_AUTOMATION, "Microsoft.PowerShell.Commands.")


def chain(name: str) -> tuple[str, ...]:
    """Type names of an exception, most derived first. An unknown one derives from System.Exception."""
    names = [name]
    while names[-1] != "System.Exception":
        names.append(_BASES.get(names[-1], "System.Exception"))
    return (*names, "System.Object")


def default_hresult(name: str) -> int:
    for each in chain(name):
        if each in _HRESULTS:
            return _HRESULTS[each]
    return _HRESULTS["System.Exception"]


def holds_record(name: str) -> bool:
    """Has the exception a property ErrorRecord of its own (IContainsErrorRecord)?"""
    return name.startswith(_AUTOMATION_RECORDS) and name in _BASES


CATEGORIES: tuple[str, ...] = (
    "NotSpecified", "OpenError", "CloseError", "DeviceError", "DeadlockDetected", "InvalidArgument", "InvalidData",
    "InvalidOperation", "InvalidResult", "InvalidType", "MetadataError", "NotImplemented", "NotInstalled",
    "ObjectNotFound", "OperationStopped", "OperationTimeout", "SyntaxError", "ParserError", "PermissionDenied",
    "ResourceBusy", "ResourceExists", "ResourceUnavailable", "ReadError", "WriteError", "FromStdErr", "SecurityError",
    "ProtocolError", "ConnectionError", "AuthenticationError", "LimitsExceeded", "QuotaExceeded", "NotEnabled",
)
