"""Commands as data, and the clock.

A request is a list of statements; a statement is a pipeline of commands; a command is a name and typed parameters.
Nothing is ever pasted into text. All values pass :func:`convert`, which refuses what has no place on the wire.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol, TypeAlias

from winmigrate.errors import ParameterRefused

# --- values ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Typed:
    """A value with its CLIXML tag where the default would be wrong: ``Typed("U16", 4)``."""

    tag: str
    value: Any


class Secret:
    """Text that is never shown: ``repr`` and ``str`` hide it, equality compares it, pickling is refused."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; call it only where it goes on the wire."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and its password; goes to a host as PSCredential, sealed with the session key."""

    username: str
    password: Secret


class _Switch(Enum):
    SWITCH = "switch"

    def __repr__(self) -> str:
        return "SWITCH"


#: The value of a switch parameter that is just named (``-IncludeStorage``).
SWITCH = _Switch.SWITCH

Value: TypeAlias = Any

_INTEGER_TAGS = {
    "SB": (-(2**7), 2**7 - 1),
    "By": (0, 2**8 - 1),
    "I16": (-(2**15), 2**15 - 1),
    "U16": (0, 2**16 - 1),
    "I32": (-(2**31), 2**31 - 1),
    "U32": (0, 2**32 - 1),
    "I64": (-(2**63), 2**63 - 1),
    "U64": (0, 2**64 - 1),
}


def convert(name: str, value: Any) -> Value:
    """The value as it may travel: ints become ``Typed("I32"|"I64")``, enums their names, mappings plain dicts.

    Strings, bools, None, floats, Decimals, bytes, UUIDs, aware or naive datetimes, timedeltas, Secrets, Credentials,
    SWITCH, Typed, and lists and dicts of these pass. Raises ParameterRefused, naming the parameter, for the rest.
    """
    if value is None or value is SWITCH or isinstance(value, bool | str | Secret | Credential):
        if isinstance(value, str) and type(value) is not str:
            return value.value if isinstance(value, Enum) else str(value)
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Typed):
        return _checked(name, value)
    if isinstance(value, int):
        value = int(value)
        for tag in ("I32", "I64", "U64"):
            low, high = _INTEGER_TAGS[tag]
            if low <= value <= high:
                return Typed(tag, value)
        raise ParameterRefused(f"parameter {name}: {value} fits no integer type of PowerShell (at most 64 bits)")
    if isinstance(value, float | Decimal | bytes | uuid.UUID | dt.datetime | dt.timedelta):
        return value
    if isinstance(value, Mapping):
        return {_key(name, key): convert(f"{name}.{key}", item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytearray | memoryview):
        return [convert(f"{name}[{index}]", item) for index, item in enumerate(value)]
    raise ParameterRefused(f"parameter {name}: a {type(value).__name__} cannot be sent to PowerShell")


def _checked(name: str, value: Typed) -> Typed:
    limits = _INTEGER_TAGS.get(value.tag)
    if limits is not None:
        if isinstance(value.value, bool) or not isinstance(value.value, int):
            raise ParameterRefused(f"parameter {name}: {value.tag} wants an int, not {type(value.value).__name__}")
        if not limits[0] <= value.value <= limits[1]:
            raise ParameterRefused(f"parameter {name}: {value.value} does not fit {value.tag}")
        return value
    if value.tag not in {"S", "C", "Sg", "Db", "D", "G", "DT", "TS", "Version", "URI", "XD", "SBK", "BA", "B"}:
        raise ParameterRefused(f'parameter {name}: "{value.tag}" is no CLIXML tag that can be sent')
    return value


def _key(name: str, key: Any) -> str:
    if not isinstance(key, str):
        raise ParameterRefused(f"parameter {name}: a key must be text, not {type(key).__name__}")
    return key


# --- requests ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """A command and its parameters, in order. ``name`` is the script's text if ``is_script`` (function definitions).

    A parameter with name None is positional (arguments of native commands such as whoami.exe).
    """

    name: str
    parameters: tuple[tuple[str | None, Value], ...] = ()
    is_script: bool = False

    def parameter(self, name: str, default: Value = None) -> Value:
        """The value of a named parameter, or ``default``."""
        for key, value in self.parameters:
            if key is not None and key.lower() == name.lower():
                return value
        return default


@dataclass(frozen=True, slots=True)
class Statement:
    """One pipeline: what one command puts out goes into the next."""

    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What one PowerShell pipeline invocation is sent: statements in order."""

    statements: tuple[Statement, ...]


def command(name: str, /, *arguments: Value, **parameters: Value) -> Command:
    """``command("Get-VM", Id=vm_id)``; SWITCH for a bare switch; positional arguments are for native commands."""
    given = [(None, convert(f"{name} argument {index}", item)) for index, item in enumerate(arguments)]
    named = [(key, convert(key, value)) for key, value in parameters.items()]
    return Command(name, (*given, *named))


def script(text: str) -> Command:
    """A function definition (windows/functions), sent as a script block of its own; never built from values."""
    return Command(text, (), True)


def statement(*commands: Command) -> Statement:
    """A pipeline of commands."""
    return Statement(tuple(commands))


def request(*statements: Statement) -> Request:
    """A request of statements."""
    return Request(tuple(statements))


UTILITY = "Microsoft.PowerShell.Utility\\"


def select(*properties: str | Mapping[str, str], expand: str | None = None) -> Command:
    """``Select-Object`` by its qualified name (restricted endpoints shadow the bare one)."""
    named: dict[str, Value] = {"Property": list(properties)}
    if expand is not None:
        named = {"ExpandProperty": expand, **named}
    return command(UTILITY + "Select-Object", **named)


def renamed(name: str, source: str) -> dict[str, str]:
    """A calculated property without a script: column ``name`` from property ``source``."""
    return {"Name": name, "Expression": source}


# --- what comes back ---------------------------------------------------------------------------------------------


class Stream(str, Enum):
    """The streams of a PowerShell pipeline."""

    OUTPUT = "output"
    ERROR = "error"
    WARNING = "warning"
    VERBOSE = "verbose"
    DEBUG = "debug"
    INFORMATION = "information"
    PROGRESS = "progress"
    HOST_CALL = "host_call"


class PipelineState(str, Enum):
    """How a pipeline ended. A lost connection is an exception and no state."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class Event:
    """One message of a pipeline, in true order. ``at`` is seconds since it was sent; ``clixml`` is verbatim."""

    at: float
    stream: Stream
    clixml: str


@dataclass(frozen=True, slots=True)
class Reply:
    """All that one request brought back. ``error`` is the CLIXML of the terminating ErrorRecord, if there is one."""

    events: tuple[Event, ...]
    state: PipelineState
    error: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where a request runs on its host: enough for another process to look for it (WSMan Enumerate)."""

    shell_id: str
    command_id: str


class Session(Protocol):
    """PowerShell on one host. Owned by one thread. Implementations: remoting.psrp, remoting.winrs, transcript.Player.

    Errors: the HostError tree. A failed pipeline is a Reply and no exception.
    """

    host: str

    def open(self) -> None:
        """Connects and opens the shell; the first call opens if it was not called."""

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        """Sends a request and waits for its end, at most ``timeout`` seconds of the clock. Never repeats it."""

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        """Sends a request and yields its events as they come; the last word is in :attr:`last_reply`.

        Without ``timeout`` (seconds of the clock) it has no bound, and events that got lost with a broken connection
        are not worth the request; with one every event counts, and TimedOut or ConnectionLost says that some may lack.
        ``on_ticket`` is called with the ids before the host hears of the request (laws of execution, 1).
        """

    @property
    def last_reply(self) -> Reply | None:
        """The reply of the last request that came to its end on this session."""

    def alive(self, ticket: Ticket) -> bool:
        """Does this host still know that command? (WSMan Enumerate). Raises HostError if it cannot be asked."""

    def retire(self, ticket: Ticket) -> None:
        """Deletes the shell of a command that an earlier session of ours left behind. Raises HostError."""

    def close(self) -> None:
        """Closes; never raises."""


# --- the clock ---------------------------------------------------------------------------------------------------


class ClockEvent(Protocol):
    """Like threading.Event, but its waits are known to the clock. Made by :meth:`Clock.event`."""

    def set(self) -> None: ...
    def clear(self) -> None: ...
    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class Clock(Protocol):
    """The one clock of a run: everything that waits or dates asks it. Against the lab it is the fabric's."""

    def now(self) -> dt.datetime:
        """Aware, UTC."""

    def monotonic(self) -> float:
        """Seconds; only differences mean anything."""

    def sleep(self, seconds: float) -> None: ...

    def event(self) -> ClockEvent: ...

    def start(self, function: Callable[[], None], *, name: str) -> threading.Thread:
        """Starts a daemon thread that the clock counts among those that may wait. Also all joins go through it."""

    def join(self, thread: threading.Thread) -> None: ...


@dataclass
class _SystemEvent:
    _event: threading.Event = field(default_factory=threading.Event)

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._event.clear()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._event.wait(timeout)


class SystemClock:
    """The clock of the machine."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.timezone.utc)

    def monotonic(self) -> float:
        import time

        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        import time

        time.sleep(max(0.0, seconds))

    def event(self) -> ClockEvent:
        return _SystemEvent()

    def start(self, function: Callable[[], None], *, name: str) -> threading.Thread:
        thread = threading.Thread(target=function, name=name, daemon=True)
        thread.start()
        return thread

    def join(self, thread: threading.Thread) -> None:
        thread.join()
