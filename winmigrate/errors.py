"""Every exception that winmigrate raises on purpose: one tree.

Each class carries the facts it was raised with as attributes, an ``exit_code`` (docs/interface.md, section 1)
and a ``hint`` that says what to do next. The sentence is built here, in one place a class.
Results (a failed check, a refused placement, a failed move) are values and not in this tree.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class WinmigrateError(Exception):
    """Root of the tree. ``str(error)`` is what was wanted and what is; ``hint`` is what to do."""

    exit_code: int = 70
    hint: str = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        if hint:
            self.hint = hint


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``' (did you mean "x"?)'`` for the nearest known word, or an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f' (did you mean "{near[0]}"?)' if near else ""


# --- what the operator wrote -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault in a file the operator wrote. ``line`` and ``column`` count from 1; 0 where there is no such place."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class UsageError(WinmigrateError):
    """The command line, or an argument of a verb, is wrong."""

    exit_code = 2


class InputFaults(UsageError):
    """A YAML or JSON file that cannot be used: all its faults at once, in the order of the file."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class DocumentError(WinmigrateError):
    """A document of a run's folder that cannot be read, is of an unknown version, or was changed by hand."""

    exit_code = 6


class RunLocked(WinmigrateError):
    """Another process drives this run."""

    exit_code = 5


# --- speaking with a host ----------------------------------------------------------------------------------------


class HostError(WinmigrateError):
    """Something about one host; ``host`` is its name in the inventory."""

    exit_code = 3

    def __init__(self, host: str, message: str, *, hint: str = "") -> None:
        self.host = host
        super().__init__(f"{host}: {message}", hint=hint)


class CannotConnect(HostError):
    """No TCP connection, or no TLS that we may trust. ``passing``: may it be otherwise in a few seconds?"""

    def __init__(self, host: str, message: str, *, passing: bool = True, hint: str = "") -> None:
        self.passing = passing
        super().__init__(host, message, hint=hint)


class AuthenticationFailed(HostError):
    """The host answered and refused the credential."""


class Refused(HostError):
    """The host answered with a WSMan fault or an HTTP status that is no answer; ``code`` is that code or status."""

    def __init__(self, host: str, message: str, *, code: int | None = None, hint: str = "") -> None:
        self.code = code
        super().__init__(host, message, hint=hint)


class ConnectionLost(HostError):
    """The connection broke and could not be recovered. What was asked may or may not have happened."""


class TimedOut(HostError):
    """A bound on a wait passed; the session was abandoned (and counts against the host's shell quota until it ends)."""


class ProtocolError(HostError):
    """The host answered something that is no PowerShell remoting."""


class CredentialUnavailable(UsageError):
    """A credential named in the inventory could not be had."""


class ParameterRefused(UsageError):
    """A value that has no place in a PowerShell request; names the parameter."""


class ClixmlError(WinmigrateError):
    """Bad CLIXML; ``position`` is (line, column), from 1, or None where the parser gives none."""

    exit_code = 3

    def __init__(self, message: str, position: tuple[int, int] | None = None) -> None:
        self.position = position
        super().__init__(f"line {position[0]}, column {position[1]}: {message}" if position else message)


# --- transcripts and the lab -------------------------------------------------------------------------------------


class TranscriptError(WinmigrateError):
    """A transcript that cannot be read, written or matched."""

    exit_code = 2


class SecretFound(TranscriptError):
    """Saving was refused because something in it looks like a secret; says where, never what."""


class LabError(WinmigrateError):
    """The lab cannot do what was asked of it."""

    exit_code = 2


class PlanRefused(WinmigrateError):
    """A plan refused before its first step: changed by hand, or its expectations no longer hold."""

    exit_code = 6
