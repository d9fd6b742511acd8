"""Looking after a command, or its shell, over a connection of its own: from any thread, and for an earlier process."""

from __future__ import annotations

from contextlib import suppress

from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.enumeration import is_listed, selectors_of
from winmigrate.remoting.failures import UNKNOWN_SELECTORS, WIRE_ERRORS, fault_code, translate
from winmigrate.remoting.transport import Wire
from winmigrate.request import Ticket

#: Resource URI of a shell, without its session configuration.
_SHELLS = "http://schemas.microsoft.com/powershell"


def knows(host: str, endpoint: Endpoint, ticket: Ticket, seconds: float) -> bool:
    """Does the host know that command? Waits at most ``seconds``. Raises HostError."""
    wire = Wire(endpoint)
    wire.bound(min(seconds, endpoint.operation_timeout), seconds)
    try:
        return is_listed(wire, ticket)
    except WIRE_ERRORS as error:
        raise translate(host, endpoint, error, "asking for a command") from error
    finally:
        with suppress(*WIRE_ERRORS):
            wire.close()


def retire(host: str, endpoint: Endpoint, ticket: Ticket) -> None:
    """Deletes that command's shell; one that is gone is no error. Raises HostError."""
    wire = Wire(endpoint)
    try:
        wire.delete(f"{_SHELLS}/{endpoint.configuration}", selector_set=selectors_of(ticket.shell_id))
    except WIRE_ERRORS as error:
        if fault_code(error) != UNKNOWN_SELECTORS:
            raise translate(host, endpoint, error, "deleting an old shell") from error
    finally:
        with suppress(*WIRE_ERRORS):
            wire.close()
