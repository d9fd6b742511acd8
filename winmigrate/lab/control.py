"""The lab's control socket: JSON lines over TCP on loopback. Who has the token may drive the fabric.

A client's first line is ``{"op": "hello", "n": 1, "token": ...}``. Every request has a number ``n``; its answer carries
it, with ``ok`` true and the result's keys, or ``ok`` false and ``error``. ``{"wake": P, "now": T}`` comes unasked when
the clock wakes a participant of this connection. A connection that ends takes its participants with it.
"""

from __future__ import annotations

import hmac
import json
import queue
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from winmigrate.errors import WinmigrateError
from winmigrate.lab.fabric import outage
from winmigrate.lab.fabric.snapshot import snapshot
from winmigrate.lab.fabric.world import World
from winmigrate.lab.faults import FaultPlan

#: Bytes of a line; a longer one ends the connection.
LONGEST = 1_000_000


class Control:
    """Serves the socket. ``address`` and ``token`` go into the inventory; ``asked_to_stop`` is set by "shutdown"."""

    def __init__(self, world: World, faults: FaultPlan, *, token: str | None = None, port: int = 0) -> None:
        self.world = world
        self.faults = faults
        self.token = token if token is not None else secrets.token_urlsafe(24)
        self.asked_to_stop = threading.Event()
        self._lock = threading.Lock()
        self._open: set[_Connection] = set()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", port))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Closes the socket and every connection."""
        with self._lock:
            self._closed = True
            connections = list(self._open)
        with suppress(OSError):  # wakes the accepting thread on Linux
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in connections:
            connection.finish()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return  # closed
            connection = _Connection(self, accepted)
            with self._lock:
                if self._closed:
                    accepted.close()
                    return
                self._open.add(connection)
            connection.start()

    def forget(self, connection: _Connection) -> None:
        with self._lock:
            self._open.discard(connection)


class _Connection:
    def __init__(self, control: Control, accepted: socket.socket) -> None:
        self._control = control
        self._world = control.world
        self._socket = accepted
        self._out: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._mine: set[int] = set()
        self._known = False
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        self._writer = threading.Thread(target=self._write, name="control-out", daemon=True)
        self._writer.start()
        threading.Thread(target=self._read, name="control-in", daemon=True).start()

    def finish(self) -> None:
        """Says what is still to be said, and closes."""
        self._out.put(None)
        self._writer.join(2.0)
        self.hang_up()

    def hang_up(self) -> None:
        with suppress(OSError):  # the other side may have closed it
            self._socket.shutdown(socket.SHUT_RDWR)

    def _write(self) -> None:
        while (message := self._out.get()) is not None:
            try:
                self._socket.sendall(json.dumps(message).encode("utf-8") + b"\n")
            except OSError:
                break
        self.hang_up()

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as lines:
                while line := lines.readline(LONGEST):
                    if not self._take(line):
                        break
        except OSError:
            pass  # the same as its end
        finally:
            for number in self._mine:
                self._world.clock.leave(number, lost=True)
            self._out.put(None)
            self._control.forget(self)

    def _take(self, line: bytes) -> bool:
        """False ends the connection."""
        try:
            asked = json.loads(line)
            number, op = int(asked.pop("n")), str(asked.pop("op"))
        except (ValueError, KeyError, TypeError, AttributeError):
            self._out.put({"n": 0, "ok": False, "error": "not a request: wanted a JSON object with op and n"})
            return False
        if not self._known:
            token = asked.get("token")
            self._known = op == "hello" and isinstance(token, str) and hmac.compare_digest(
                token.encode("utf-8"), self._control.token.encode("utf-8"))
            if not self._known:
                self._out.put({"n": number, "ok": False, "error": "wrong token"})
                return False
            self._out.put({"n": number, "ok": True})
            return True
        if op == "advance":
            # On a thread of its own: the participants that it wakes speak over this very connection.
            threading.Thread(target=self._answer, args=(number, op, asked), name="advance", daemon=True).start()
            return True
        if op == "shutdown":
            self._out.put({"n": number, "ok": True})
            self._control.asked_to_stop.set()
            return True
        self._answer(number, op, asked)
        return True

    def _answer(self, number: int, op: str, asked: dict[str, Any]) -> None:
        action = _OPS.get(op)
        try:
            if action is None:
                raise ValueError(f'no operation "{op}"')
            result = action(self, asked)
        except (WinmigrateError, ValueError, KeyError, TypeError) as error:
            words = f"missing or unknown: {error}" if isinstance(error, KeyError) else str(error)
            self._out.put({"n": number, "ok": False, "error": words})
            return
        self._out.put({"n": number, "ok": True, **result})

    # --- operations --------------------------------------------------------------------------------------------------

    def join(self, asked: dict[str, Any]) -> dict[str, Any]:
        slot: list[int] = []

        def wake(now: float) -> None:
            self._out.put({"wake": slot[0], "now": now})

        slot.append(self._world.clock.join(str(asked.get("name", "")), wake))
        self._mine.add(slot[0])
        return {"participant": slot[0]}

    def _own(self, asked: dict[str, Any]) -> int:
        number = int(asked["participant"])
        if number not in self._mine:
            raise ValueError(f"participant {number} is none of this connection's")
        return number

    def leave(self, asked: dict[str, Any]) -> dict[str, Any]:
        number = self._own(asked)
        self._mine.discard(number)
        self._world.clock.leave(number)
        return {}

    def wait(self, asked: dict[str, Any]) -> dict[str, Any]:
        clock = self._world.clock
        seconds, until = asked.get("seconds"), asked.get("until")
        if seconds is not None:
            until = clock.monotonic() + float(seconds)
        clock.begin_wait(self._own(asked), None if until is None else float(until))
        return {}

    def unwait(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"waited": self._world.clock.end_wait(self._own(asked))}

    def now(self, asked: dict[str, Any]) -> dict[str, Any]:
        now = self._world.clock.monotonic()
        return {"now": now, "date": self._world.clock.date(now).isoformat()}

    def advance(self, asked: dict[str, Any]) -> dict[str, Any]:
        clock = self._world.clock
        own = None if asked.get("participant") is None else self._own(asked)
        if own is not None:
            clock.begin_wait(own, None)
        try:
            return {"now": clock.advance(float(asked["seconds"]), patience=float(asked.get("patience", 30.0)))}
        finally:
            if own is not None:
                clock.end_wait(own)

    def mode(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._world.clock.set_mode(str(asked["mode"]), float(asked.get("rate", 1.0)))
        return self._world.clock.state()

    def add_fault(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"fault": self._control.faults.add_json(asked["fault"]).as_json()}

    def draw_faults(self, asked: dict[str, Any]) -> dict[str, Any]:
        seed = None if asked.get("seed") is None else int(asked["seed"])
        return {"faults": [one.as_json() for one in self._control.faults.add_random(int(asked["random"]), seed)]}

    def list_faults(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"faults": [fault.as_json() for fault in self._control.faults.faults()]}

    def clear_faults(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._control.faults.clear()
        return {}

    def host_up(self, asked: dict[str, Any]) -> dict[str, Any]:
        outage.restore(self._world, self._world.machines()[asked["host"]], self._world.clock.monotonic())
        return {}

    def log(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"entries": self._world.log.read(int(asked.get("after", 0)), asked.get("kind"))}

    def look(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"world": snapshot(self._world)}


_OPS: dict[str, Callable[[_Connection, dict[str, Any]], dict[str, Any]]] = {
    "join": _Connection.join, "leave": _Connection.leave, "wait": _Connection.wait, "unwait": _Connection.unwait,
    "now": _Connection.now, "advance": _Connection.advance, "mode": _Connection.mode,
    "state": lambda connection, asked: connection._world.clock.state(),
    "snapshot": _Connection.look, "log": _Connection.log, "fault.add": _Connection.add_fault,
    "fault.random": _Connection.draw_faults, "fault.list": _Connection.list_faults,
    "fault.clear": _Connection.clear_faults, "host.up": _Connection.host_up,
}
