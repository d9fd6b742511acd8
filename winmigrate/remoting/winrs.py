"""Reading a host over the Windows Remote Shell, where PowerShell remoting is closed: pywinrm, powershell.exe, CLIXML.

Laws: only reads go out (remoting.quoting refuses the rest), so that a lost line loses nothing but an answer. Each
statement is a process of its own: what stands on its standard error is that statement's. The pipeline goes to its
standard input, for a command line holds 8,191 characters.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

import pypsrp.exceptions as psrp
import winrm.exceptions as winrm
from winrm.protocol import Protocol

from winmigrate.errors import (
    AuthenticationFailed,
    ClixmlError,
    ConnectionLost,
    HostError,
    ParameterRefused,
    ProtocolError,
    Refused,
    TimedOut,
)
from winmigrate.remoting.clixml import dumps, loads
from winmigrate.remoting.console import values
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.failures import one_line, translate
from winmigrate.remoting.quoting import text_of
from winmigrate.remoting.winrs_http import ERRORS, Http, as_pypsrp
from winmigrate.request import Clock, Event, PipelineState, Reply, Request, Statement, Stream, Ticket

#: Runs the pipeline that stands on standard input. PowerShell itself reads that (as $input, in lines); an error that
#: ends the pipeline becomes the last output, and the exit code says so.
BOOTSTRAP = """$ProgressPreference = 'SilentlyContinue'
try { & ([ScriptBlock]::Create((@($input) -join "`n"))) } catch { $_; exit 86 }
"""
_ENDED_BY_ERROR = 86
_ENCODED = base64.b64encode(BOOTSTRAP.encode("utf-16-le")).decode("ascii")
_ARGUMENTS = ("-NoLogo", "-NoProfile", "-NonInteractive", "-InputFormat", "Text", "-OutputFormat", "XML",
              "-EncodedCommand", _ENCODED)
_UTF8 = 65001
#: Bytes of standard input in one request: well below the least envelope that a host takes (150 kB), in base64.
_PIECE = 64 * 1024
_IDLE = 20.0
_SLACK = 5.0
_FAREWELL = 5.0
#: pywinrm asserts that an answer belongs to its question.
_CLOSING: tuple[type[Exception], ...] = (*ERRORS, AssertionError)
_STREAMS = {
    "output": Stream.OUTPUT, "error": Stream.ERROR, "progress": Stream.PROGRESS, "warning": Stream.WARNING,
    "verbose": Stream.VERBOSE, "debug": Stream.DEBUG, "information": Stream.INFORMATION,
}


class WinrsSession:
    """PowerShell on one host, for reads (implements request.Session). Owned by one thread.

    Errors: the HostError tree, each one line. A request that is no read is Refused before anything is sent.
    """

    def __init__(self, host: str, endpoint: Endpoint, clock: Clock) -> None:
        self.host = host
        self._endpoint = endpoint
        self._clock = clock
        self._http: Http | None = None
        self._protocol: Protocol | None = None
        self._shell = ""
        self._last: Reply | None = None
        self._dead = ""
        self._used = (0.0, 0.0)
        self._closed = False
        self._left = False

    @property
    def left_behind(self) -> bool:
        """Was a shell left on the host when this session was closed?"""
        return self._left

    @property
    def last_reply(self) -> Reply | None:
        """The reply of the last request that came to its end on this session."""
        return self._last

    # --- opening and closing -----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connects and opens the shell. Raises CannotConnect, AuthenticationFailed, Refused."""
        if self._shell:
            return
        if self._closed:
            raise ProtocolError(self.host, "the session is closed")
        endpoint = self._endpoint
        if endpoint.credential is None and endpoint.auth not in ("kerberos", "certificate"):
            raise AuthenticationFailed(
                self.host, f"{endpoint.auth} over winrs needs a user name and a password",
                hint="give the host a `credential`, or auth: kerberos",
            )
        if endpoint.credential is not None and endpoint.auth == "kerberos":
            raise AuthenticationFailed(
                self.host, f"kerberos over winrs gets no ticket for {endpoint.whom} by itself, it uses the cache's",
                hint="kinit, and credential: ticket; or auth: ntlm",
            )
        try:
            http = self._http = Http(endpoint)
            # Protocol makes a transport of its own, of a kind that asks for no password; ours takes its place
            protocol = Protocol(http.endpoint, transport="kerberos", **_BOUNDS)
            protocol.transport = http
            self._protocol = protocol
            self._bound(None)
            self._shell = protocol.open_shell(
                codepage=_UTF8, noprofile=True, idle_timeout=f"PT{endpoint.idle_timeout}S"
            )
        except ERRORS as error:
            self._drop()
            raise self._translated(error, "opening a shell") from error
        self._touch()

    def close(self) -> None:
        """Closes; never raises. What still runs in the shell ends with it: it only reads."""
        self._closed = True
        protocol, shell = self._protocol, self._shell
        self._shell = ""
        if protocol is not None and shell:
            self._http_bounds(_FAREWELL, _FAREWELL)
            if self._is_stale() or self._dead:
                self._reset()
            try:
                protocol.close_shell(shell)
            except _CLOSING:
                self._left = True
        self._drop()

    def _drop(self) -> None:
        if self._http is not None:
            with suppress(*ERRORS):
                self._http.reset()

    # --- asking ------------------------------------------------------------------------------------------------------

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        """Asks the statements of a request one after the other and waits for the last one's end, at most ``timeout``
        seconds of the clock in all; an error that ends one ends the request."""
        scripts = [_said(each) or self._script(each) for each in asked.statements]
        self.open()
        if self._dead:
            raise ConnectionLost(self.host, f"the session is of no more use: {self._dead}")
        begun = self._clock.monotonic()
        events: list[Event] = []
        state, record = PipelineState.COMPLETED, None
        for script in scripts:
            if isinstance(script, _Said):
                events.append(Event(self._clock.monotonic() - begun, Stream.OUTPUT, script.clixml))
                continue
            found, record = self._run(script, begun, begun + timeout)
            events += found
            if record is not None:
                state = PipelineState.FAILED
                break
        self._last = Reply(tuple(events), state, record, self._clock.monotonic() - begun)
        return self._last

    def start(
        self, asked: Request, *, on_ticket: Callable[[Ticket], None] | None = None, timeout: float | None = None
    ) -> Iterator[Event]:
        """Refused: what is started and followed is an act, and acts go by psrp."""
        self._refuse("nothing is started over winrs, it only reads")

    def alive(self, ticket: Ticket) -> bool:
        """Refused: only psrp starts what can be looked for."""
        self._refuse("over winrs no command can be looked for")

    def retire(self, ticket: Ticket) -> None:
        """Refused, as :meth:`alive`."""
        self._refuse("over winrs no shell of another session is deleted")

    def _refuse(self, told: str) -> NoReturn:
        raise Refused(self.host, told, hint="transport: {kind: psrp}")

    def _script(self, statement: Statement) -> str:
        try:
            return text_of(statement)
        except ParameterRefused as refused:
            raise Refused(self.host, str(refused), hint="transport: {kind: psrp}") from refused

    def _run(self, script: str, begun: float, deadline: float) -> tuple[list[Event], str | None]:
        """One process: (what it said, the CLIXML of the error that ended it)."""
        protocol = self._protocol
        assert protocol is not None
        if self._is_stale():
            self._reset()
        out, err = bytearray(), bytearray()
        try:
            self._bound(deadline)
            command = protocol.run_command(self._shell, "powershell.exe", _ARGUMENTS, console_mode_stdin=False)
            data = script.encode("utf-8") + b"\n"
            for start in range(0, len(data), _PIECE):
                last = start + _PIECE >= len(data)
                protocol.send_command_input(self._shell, command, data[start : start + _PIECE], end=last)
            done = False
            code = 0
            while not done:
                if self._clock.monotonic() >= deadline:
                    self._give_up(protocol, command)
                self._bound(deadline)
                with suppress(winrm.WinRMOperationTimeoutError):  # it had nothing to say yet
                    said, told, code, done = protocol.get_command_output_raw(self._shell, command)
                    out += said
                    err += told
            with suppress(winrm.WSManFaultError):
                protocol.cleanup_command(self._shell, command)
        except ERRORS as error:
            self._dead = "the connection broke while a read was asked"
            raise self._translated(error, "reading", sent=True) from error
        self._touch()
        return self._understood(bytes(out), bytes(err), code, self._clock.monotonic() - begun)

    def _give_up(self, protocol: Protocol, command: str) -> NoReturn:
        self._dead = "a read was given up"
        with suppress(*_CLOSING):
            self._http_bounds(_FAREWELL, _FAREWELL)
            protocol.cleanup_command(self._shell, command)
        raise TimedOut(self.host, "the request was not done in time; it was given up")

    def _understood(self, out: bytes, err: bytes, code: int, at: float) -> tuple[list[Event], str | None]:
        texts = []
        for data in (out, err):
            try:
                texts.append(data.decode("utf-8"))
            except UnicodeError as error:
                raise ProtocolError(self.host, f"powershell.exe wrote what is no UTF-8 ({error})") from error
        try:
            said = [(_STREAMS.get(name), clixml) for text in texts for name, clixml in values(text)]
        except ClixmlError as error:
            told = one_line(texts[1] or texts[0])
            raise ProtocolError(
                self.host, f"powershell.exe answered with exit code {code} and no CLIXML: {told}",
                hint="is powershell.exe allowed to this account, in a shell of the host?",
            ) from error
        if code not in (0, 1, _ENDED_BY_ERROR):
            raise ProtocolError(self.host, f"powershell.exe ended with exit code {code}: {one_line(texts[1])}")
        events = [Event(at, stream, clixml) for stream, clixml in _joined(said)]
        if code != _ENDED_BY_ERROR:
            return events, None
        last = max((index for index, each in enumerate(events) if each.stream is Stream.OUTPUT), default=None)
        if last is None:
            raise ProtocolError(self.host, "powershell.exe said that an error ended the read, but not which")
        return [*events[:last], *events[last + 1 :]], events[last].clixml

    # --- state -------------------------------------------------------------------------------------------------------

    def _bound(self, deadline: float | None) -> None:
        endpoint = self._endpoint
        operation, read = float(endpoint.operation_timeout), endpoint.read_timeout
        if deadline is not None:
            remaining = max(1.0, deadline - self._clock.monotonic())
            operation, read = min(operation, remaining), min(read, remaining + _SLACK)
        self._http_bounds(operation, read)

    def _http_bounds(self, operation: float, read: float) -> None:
        assert self._protocol is not None
        assert self._http is not None
        self._protocol.operation_timeout_sec = max(1, int(operation))
        self._http.read_timeout_sec = (self._endpoint.connect_timeout, read)

    def _is_stale(self) -> bool:
        clock, machine = self._used
        return self._clock.monotonic() - clock > _IDLE or time.monotonic() - machine > _IDLE

    def _reset(self) -> None:
        if self._http is not None:
            self._http.reset()

    def _touch(self) -> None:
        self._used = (self._clock.monotonic(), time.monotonic())

    def _translated(self, error: Exception, doing: str, *, sent: bool = False) -> HostError:
        if isinstance(error, winrm.WinRMError) and "not installed" in str(error):
            return AuthenticationFailed(
                self.host, f"{self._endpoint.auth} needs a package that is not installed ({one_line(error)})",
                hint=f"pip install 'winmigrate[{self._endpoint.auth}]'",
            )
        # by name: their package can be imported only where pykerberos is installed
        if type(error).__name__ in ("KerberosExchangeError", "MutualAuthenticationError"):
            return AuthenticationFailed(
                self.host, f"no logon by kerberos as {self._endpoint.whom} ({one_line(error)})",
                hint="klist shows which tickets there are; kinit gets one",
            )
        if isinstance(error, winrm.WinRMOperationTimeoutError):
            return TimedOut(self.host, f"the host did not finish {doing} in time")
        known = as_pypsrp(error)
        refused = isinstance(known, psrp.AuthenticationError)
        return translate(self.host, self._endpoint, known, doing, sent=sent and not refused)


class _Said:
    """A value that the statement itself spells out: no process is started to have it said again."""

    def __init__(self, text: str) -> None:
        self.clixml = dumps(text)


def _said(statement: Statement) -> _Said | None:
    """The text of a lone Write-Output: the markers between the reads of a batch."""
    if len(statement.commands) != 1 or statement.commands[0].name.lower() != "write-output":
        return None
    given = statement.commands[0].parameters
    if len(given) == 1 and given[0][0] == "InputObject" and isinstance(given[0][1], str):
        return _Said(given[0][1])
    return None


def _joined(said: list[tuple[Stream | None, str]]) -> Iterator[tuple[Stream, str]]:
    """Errors that the host of powershell.exe printed come as lines of text: those in a row are one error."""
    lines: list[str] = []
    for stream, clixml in [*said, (Stream.OUTPUT, "")]:
        if stream is Stream.ERROR and clixml.startswith("<S"):
            lines.append(str(loads(clixml)))
            continue
        if lines:
            yield Stream.ERROR, dumps("".join(lines).strip())
            lines = []
        if stream is not None and clixml:
            yield stream, clixml


_BOUNDS: dict[str, Any] = {"read_timeout_sec": 2, "operation_timeout_sec": 1}
