"""A broken connection made good: the shell and its commands live on the host, only the line to them was lost.

Measured on pypsrp 0.9.1 (it does none of this): after a closed connection it seals with the old context, and the host
answers HTTP 400 for ever. So: forget connection and context, ask for the shell (which authenticates anew), reconnect
it if the host has marked it disconnected, and go on receiving. Nothing that changes anything is sent twice: Get and
Reconnect are all that goes out here (MS-WSMV 3.1.4.16: Reconnect from the same session is ignored if not needed).
"""

from __future__ import annotations

from pypsrp.powershell import RunspacePool

from winmigrate.errors import ConnectionLost, TimedOut
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.enumeration import selectors_of
from winmigrate.remoting.failures import WIRE_ERRORS, fault_code, is_passing, is_refused, translate
from winmigrate.remoting.transport import Wire
from winmigrate.request import Clock

#: How long a host may be out of reach before a running request counts as lost. Seconds of the clock.
PATIENCE = 180.0
_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0)


def recover(
    host: str,
    endpoint: Endpoint,
    wire: Wire,
    pool: RunspacePool,
    clock: Clock,
    cause: Exception,
    deadline: float | None,
) -> None:
    """Makes the line to an open shell good again, or raises.

    ConnectionLost: the shell is gone, or the host stayed out of reach for :data:`PATIENCE` seconds. TimedOut: the
    deadline (of ``clock.monotonic()``) passed first.
    """
    give_up = clock.monotonic() + PATIENCE
    attempt = 0
    while True:
        pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
        attempt += 1
        if deadline is not None and clock.monotonic() + pause >= deadline:
            raise TimedOut(host, f"out of time while the connection was lost ({_reason(host, endpoint, cause)})")
        if pause:
            clock.sleep(pause)
        wire.reset()
        read = endpoint.read_timeout
        if deadline is not None:
            read = min(read, max(1.0, deadline - clock.monotonic()) + 5)
        wire.bound(min(endpoint.operation_timeout, max(1.0, read - 5)), read)
        try:
            state = pool.shell._get_shell().get("State")
            if state == "Disconnected":
                wire.reconnect(pool.shell.resource_uri, selector_set=selectors_of(pool.shell.id))
            return
        except WIRE_ERRORS as error:
            # a refusal on a fresh connection is meant so: asking on would lock the account
            if fault_code(error) is not None or is_refused(error) or not is_passing(error):
                told = _reason(host, endpoint, error)
                raise ConnectionLost(
                    host,
                    f"the connection was lost and the shell cannot be reached again: {told}",
                    hint="what was asked may or may not have happened: look before asking again",
                ) from error
            if clock.monotonic() >= give_up:
                told = _reason(host, endpoint, error)
                raise ConnectionLost(
                    host,
                    f"out of reach for {PATIENCE:g} s: {told}",
                    hint="what was asked may or may not have happened: look before asking again",
                ) from error


def _reason(host: str, endpoint: Endpoint, error: Exception) -> str:
    return str(translate(host, endpoint, error, "recovering the connection")).removeprefix(f"{host}: ")
