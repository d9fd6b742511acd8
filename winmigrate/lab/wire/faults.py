"""Where a fault can strike on the wire, and what it can do there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

#: "connect": a TCP connection was accepted. "request": a request was read and authenticated, nothing is done yet.
#: "reply": it was processed, nothing is sent yet (a drop here is a lost reply).
Point = Literal["connect", "request", "reply"]


@dataclass(frozen=True, slots=True)
class Disruption:
    """What happens instead of going on.

    "drop" resets the TCP connection. "hang" says nothing more on this connection, which stays open. "answer" sends
    ``status`` and ``body`` instead (at "request" the request is not processed). "truncate" (at "reply") sends half of
    the reply, then resets the connection.
    """

    kind: Literal["drop", "hang", "answer", "truncate"]
    status: int = 500
    body: bytes = b""
    content_type: str = "text/html"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The request a fault may pick by: ``action`` is the last word of WSMan's ("Receive"), empty before any request."""

    host: str
    action: str = ""
    user: str = ""
    shell_id: str = ""
    command_id: str = ""
    size: int = 0
    done: bool = False  # at "reply": does this reply carry the end of a command?


class WireFaults(Protocol):
    """Consulted at each point of each exchange, from the connection's own thread; None lets it go on."""

    def strike(self, point: Point, exchange: Exchange) -> Disruption | None: ...


class NoFaults:
    """All goes well."""

    def strike(self, point: Point, exchange: Exchange) -> Disruption | None:
        return None


@dataclass(slots=True)
class _Rule:
    point: Point
    disruption: Disruption
    picks: Callable[[Exchange], bool]
    times: int | None


class ScriptedFaults:
    """Faults by rule: the first rule that picks an exchange strikes, ``times`` times (None: for ever)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(
        self,
        point: Point,
        disruption: Disruption,
        *,
        action: str | None = None,
        picks: Callable[[Exchange], bool] | None = None,
        times: int | None = 1,
    ) -> None:
        """Adds a rule; ``action`` and ``picks`` must both agree where given."""

        def agrees(exchange: Exchange) -> bool:
            return (action is None or exchange.action == action) and (picks is None or picks(exchange))

        with self._lock:
            self._rules.append(_Rule(point, disruption, agrees, times))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def strike(self, point: Point, exchange: Exchange) -> Disruption | None:
        with self._lock:
            for rule in self._rules:
                if rule.point == point and rule.times != 0 and rule.picks(exchange):
                    if rule.times is not None:
                        rule.times -= 1
                    return rule.disruption
        return None
