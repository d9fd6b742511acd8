"""What a command of the lab does while it runs, and how it waits: the seam between engine, cmdlets, wire and fabric.

A command implementation yields effects. The engine passes its outputs down the pipeline and turns what leaves the
pipeline into messages. Wherever time must pass it yields a Wait, which the engine hands through to whoever drives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Output:
    value: Any


@dataclass(frozen=True, slots=True)
class Error:
    """A non-terminating error, as Cmdlet.WriteError takes it."""

    message: str
    error_id: str  # the part of FullyQualifiedErrorId before the comma
    category: str  # a member of ErrorCategory, such as "ObjectNotFound"
    exception: str = "System.Exception"
    target: Any = None
    hresult: int | None = None
    recommended_action: str | None = None
    details: str | None = None  # ErrorDetails.Message: shown in place of the exception's message
    inner: tuple[str, str] | None = None  # type and message of the exception inside
    wrapped: bool = False  # is the target handed on as a PSObject (a parameter of that type)? Its type shows as such
    origin: tuple[str, str | None] | None = None  # command and class (None: none) it is of, passed on by a function


class Terminate(Exception):
    """Raised by a command: ThrowTerminatingError. Any other Python exception of a command is a defect of the lab."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


class Thrown(Terminate):
    """A .NET exception that left the cmdlet by itself (error id is the exception's, category NotSpecified)."""


@dataclass(frozen=True, slots=True)
class Text:
    """Warning, verbose or debug text."""

    stream: str  # "warning" | "verbose" | "debug"
    message: str


@dataclass(frozen=True, slots=True)
class Information:
    value: Any
    source: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    activity: str
    status: str | None
    percent: int = -1
    activity_id: int = 0
    parent_id: int = -1
    seconds_remaining: int = -1
    current_operation: str | None = None
    completed: bool = False
    source_id: int = 1


@dataclass(frozen=True, slots=True)
class Wait:
    """Let fabric time pass: until ``ready()`` is true or ``deadline`` (fabric clock, seconds) has come. One is given.

    ``interruptible``: a stop of the pipeline ends this wait. Cmdlets that do not override StopProcessing say False.
    """

    deadline: float | None = None
    ready: Callable[[], bool] | None = None
    interruptible: bool = False


@dataclass(frozen=True, slots=True)
class ShouldProcess:
    """Asks -WhatIf/-Confirm; the engine sends back True or False (``go = yield ShouldProcess(...)``)."""

    target: str
    action: str
    confirm_impact: str = "Medium"


Effect: TypeAlias = "Output | Error | Text | Information | Progress | Wait | ShouldProcess"


@dataclass(slots=True)
class Call:
    """One invocation of a command. ``bound``: full parameter name -> .NET value (winmigrate.lab.engine.values).

    During ``process`` it holds the values bound from the pipeline object too. ``context`` is what the session runs as.
    """

    command: str
    parameter_set: str
    bound: dict[str, Any]
    context: Any
    state: dict[str, Any] = field(default_factory=dict)
    piped: bool = False  # does this command stand behind another in its pipeline?

    def get(self, name: str, default: Any = None) -> Any:
        return self.bound.get(name, default)


Body: TypeAlias = "Callable[[Call], Iterable[Effect]]"


@dataclass(frozen=True, slots=True)
class Implementation:
    """A command's three blocks. ``class_name`` is the part of FullyQualifiedErrorId after the comma."""

    name: str
    class_name: str
    process: Body
    begin: Body | None = None
    end: Body | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One PSRP message on its way to the client. ``kind``: "PIPELINE_OUTPUT", "ERROR_RECORD", "WARNING_RECORD",
    "VERBOSE_RECORD", "DEBUG_RECORD", "INFORMATION_RECORD", "PROGRESS_RECORD", "PIPELINE_HOST_CALL", "PIPELINE_STATE".
    PIPELINE_STATE is the last one: ``state`` is "Completed", "Failed" or "Stopped".
    """

    kind: str
    clixml: str
    state: str | None = None


class Engine(Protocol):
    """What the wire needs of an engine: one object per host (edition, table of commands and types inside)."""

    def run(self, create_pipeline: str, context: Any, stopping: Callable[[], bool], secrets: Callable[[str], str],
            input_objects: Iterator[str] | None = None,
            answers: Callable[[int], str | None] | None = None) -> Iterator[Message | Wait]:
        """Runs the pipeline of a CREATE_PIPELINE message (its CLIXML as text).

        ``stopping`` tells whether the client asked to stop. ``secrets`` opens a sealed SecureString of this session
        (base64 text in, plain text out). ``input_objects``: CLIXML of PIPELINE_INPUT messages until their end.
        ``answers``: the CLIXML of the PIPELINE_HOST_RESPONSE to a host call by its id (``ci``), None while there is
        none; a host call that wants an answer is followed by an interruptible Wait for it. Without ``answers`` the
        client counts as one that has no host.
        Yields messages in order, and Waits that the caller lets pass before it asks for more.
        """
