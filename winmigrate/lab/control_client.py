"""One connection to a lab's control socket: JSON lines over TCP on loopback, many threads, answers by number."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from winmigrate.errors import LabError


class ControlClient:
    """``address`` is "127.0.0.1:PORT". ``woken(participant)`` is called, on the reading thread, when one is woken.

    Raises LabError when the lab is not there, does not know the token, refuses, or goes away.
    """

    def __init__(self, address: str, token: str, woken: Callable[[int], None] | None = None,
                 lost: Callable[[], None] | None = None) -> None:
        host, _, port = address.rpartition(":")
        try:
            self._socket = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
        except (OSError, ValueError) as error:
            raise LabError(f"no lab answers at {address}: {error}", hint="start it: winmigrate lab serve") from error
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._woken = woken
        self._lost = lost
        # Re-entrant: a signal's handler may set an event in the middle of a wait of the same thread.
        self._lock = threading.RLock()
        self._serial = 0
        self._pending: dict[int, Pending] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._read, name="lab-control", daemon=True)
        self._reader.start()
        self.ask("hello", token=token)

    def send(self, op: str, **facts: Any) -> Pending:
        """Sends a request; ``.answer()`` of what comes back waits for its answer."""
        pending = Pending()
        with self._lock:
            if self._gone:
                raise LabError("the lab's control connection is closed")
            self._serial += 1
            number = self._serial
            self._pending[number] = pending
            try:
                self._socket.sendall(json.dumps({"op": op, "n": number, **facts}).encode("utf-8") + b"\n")
            except OSError as error:
                self._pending.pop(number, None)
                raise LabError(f"the lab's control connection broke: {error}") from error
        return pending

    def ask(self, op: str, **facts: Any) -> dict[str, Any]:
        """Sends a request and gives its answer."""
        return self.send(op, **facts).answer()

    def close(self) -> None:
        """Closes the connection; the lab then forgets the participants that joined over it."""
        with self._lock:
            self._gone = True
        with suppress(OSError):  # the lab may have closed it first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _read(self) -> None:
        with suppress(OSError, ValueError), self._socket.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                self._take(json.loads(line))
        with self._lock:
            self._gone = True
            pending = list(self._pending.values())
            self._pending.clear()
        for one in pending:
            one.settle(None)
        if self._lost is not None:
            self._lost()

    def _take(self, message: dict[str, Any]) -> None:
        if "wake" in message:
            if self._woken is not None:
                self._woken(int(message["wake"]))
            return
        with self._lock:
            pending = self._pending.pop(int(message["n"]), None)
        if pending is not None:
            pending.settle(message)


class Pending:
    """An answer that is on its way."""

    __slots__ = ("_come", "_message")

    def __init__(self) -> None:
        self._come = threading.Event()
        self._message: dict[str, Any] | None = None

    def settle(self, message: dict[str, Any] | None) -> None:
        self._message = message
        self._come.set()

    def answer(self) -> dict[str, Any]:
        self._come.wait()
        if self._message is None:
            raise LabError("the lab's control connection broke")
        if not self._message.get("ok"):
            raise LabError(str(self._message.get("error", "refused")))
        return self._message
