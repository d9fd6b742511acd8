"""Reads asked again: only here, only reads, and each time in a fresh session.

A connection that was lost, or could not be made, is tried again up to three times in all. A refused credential is not
(a second try is how accounts get locked), nor is anything the host answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from winmigrate.errors import CannotConnect, ConnectionLost
from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Answer, Read, ask_batch
from winmigrate.remoting.connect import Connector
from winmigrate.request import Clock, Session

T = TypeVar("T")

ATTEMPTS = 3


def reading(
    connector: Connector, host: str, act: Callable[[Session], T], clock: Clock, *, attempts: int = ATTEMPTS
) -> T:
    """What ``act`` reads in a session of its own, which is closed after. ``act`` must change nothing on any host.

    Waits 1, then 2 seconds of the clock between attempts. What will not be otherwise in a few seconds (a certificate,
    a name, a host that says nothing) is not tried again. Raises the last attempt's error, of the HostError tree.
    """

    def once() -> T:
        session = connector(host)
        try:
            session.open()
            return act(session)
        finally:
            session.close()

    again = Retrying(
        stop=stop_after_attempt(attempts),
        wait=wait_exponential(multiplier=1, max=10),
        retry=retry_if_exception(_is_passing),
        sleep=lambda seconds: clock.sleep(float(seconds)),
        reraise=True,
    )
    return again(once)


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, ConnectionLost) or (isinstance(error, CannotConnect) and error.passing)


def read_batch(
    connector: Connector, host: str, reads: Sequence[Read], clock: Clock, *, timeout: float = 60.0
) -> dict[str, Answer | Unreadable]:
    """:func:`~winmigrate.remoting.batch.ask_batch` in a session of its own, tried again if the connection fails."""
    return reading(connector, host, lambda session: ask_batch(session, reads, timeout=timeout), clock)
