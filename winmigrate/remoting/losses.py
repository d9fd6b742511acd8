"""What is said once nobody can say how a request ended, and what may be done about it."""

from __future__ import annotations

from winmigrate.errors import ConnectionLost
from winmigrate.remoting.failures import one_line

_LOOK = "look at what it was to do before asking again"


def shell_gone(host: str) -> ConnectionLost:
    """A request met a shell that the host does not know."""
    return ConnectionLost(
        host, "the shell is gone (the host was restarted?)", hint="the request was not started"
    )


def unknown_there(host: str, told: str) -> ConnectionLost:
    """The connection broke under a request, and the host lists no such command."""
    return ConnectionLost(
        host,
        f"the connection broke while a request was being sent ({told}); the host does not know the request",
        hint="it was most probably never started; look before sending it again",
    )


def end_missing(host: str) -> ConnectionLost:
    """WSMan says that the command is done; PSRP never said how."""
    return ConnectionLost(
        host, "the command is done, but the message that says how it ended was lost on the way", hint=_LOOK
    )


def no_longer_known(host: str) -> ConnectionLost:
    """The command ended behind a lost connection."""
    return ConnectionLost(
        host,
        "after a lost connection the host no longer knows the request; how it ended was lost on the way",
        hint=_LOOK,
    )


def gap(host: str) -> ConnectionLost:
    """Something that the host said is missing from an answer."""
    return ConnectionLost(
        host,
        "a reply was lost with a broken connection, so that the answer has a gap",
        hint="a read may be asked again; of anything else look first",
    )


def unanswered(host: str, error: Exception) -> ConnectionLost:
    """A host call that got no refusal would wait for ever."""
    return ConnectionLost(host, f"a question of the host could not be answered: {one_line(error)}")
