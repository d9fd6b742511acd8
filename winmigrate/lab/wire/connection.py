"""A TCP connection as others than its own thread see it: to be cut, and to be noticed when its client has gone."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from winmigrate.lab.wire.clock import WireClock

_RESET = struct.pack("ii", 1, 0)


class Connection:
    """One TCP connection. Its own thread reads and writes it; :meth:`cut` may be called from any."""

    def __init__(self, sock: socket.socket, watch: Watch) -> None:
        self.sock = sock
        self.idle_since: float | None = None
        self._watch = watch
        self._lost = False

    def is_lost(self) -> bool:
        """Was it cut, or seen to end? Takes no lock and asks no socket."""
        return self._lost

    def forget(self) -> None:
        """Nobody is at the other end any more."""
        self._lost = True

    def cut(self, *, reset: bool = True) -> None:
        """Ends it: with a reset, or politely as an idle connection is closed."""
        self._lost = True
        with suppress(OSError):
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            # the handler's thread closes the descriptor; shutting down wakes it from its read
            # not SSLSocket's: that one would strip the TLS off under the handler's feet
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def alive(self) -> bool:
        """Is the client still there? A client says nothing while it waits, so bytes to read mean a close or an end."""
        if self._lost:
            return False
        try:
            self.sock.settimeout(0)
            # below TLS, where any byte means its end
            waiting = socket.socket.recv(self.sock, 1, socket.MSG_PEEK)
            return bool(waiting) and not isinstance(self.sock, ssl.SSLSocket)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            with suppress(OSError):
                self.sock.settimeout(None)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While the connection's thread waits for something else: a client that goes away is noticed at once."""
        self._watch.add(self)
        try:
            yield
        finally:
            self._watch.remove(self)


class Watch:
    """One thread that notices the end of connections whose own threads are waiting (a client that was killed)."""

    def __init__(self, clock: WireClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._selector.register(self._reader, selectors.EVENT_READ)
        self._pending: dict[Connection, bool] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="connection watch", daemon=True)
        self._thread.start()

    def add(self, connection: Connection) -> None:
        self._tell(connection, True)

    def remove(self, connection: Connection) -> None:
        self._tell(connection, False)

    def close(self) -> None:
        self._closed = True
        self._wake()
        self._thread.join()

    def _tell(self, connection: Connection, wanted: bool) -> None:
        with self._lock:
            self._pending[connection] = wanted
            if not wanted:
                # at once: the descriptor may be another connection's soon
                with suppress(KeyError, ValueError):
                    self._selector.unregister(connection.sock)
                del self._pending[connection]
                return
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError, OSError):  # full: it is awake already
            self._writer.send(b".")

    def _run(self) -> None:
        while not self._closed:
            ended: list[Connection] = []
            events = self._selector.select()
            with suppress(BlockingIOError):
                self._reader.recv(4096)
            with self._lock:
                for key, _ in events:
                    connection = key.data
                    if connection is None or self._selector.get_map().get(key.fd) is not key:
                        continue
                    self._selector.unregister(key.fileobj)
                    if self._has_ended(connection):
                        ended.append(connection)
                for connection in self._pending:
                    with suppress(KeyError, ValueError, OSError):  # it is closed already: its thread finds out
                        self._selector.register(connection.sock, selectors.EVENT_READ, connection)
                self._pending.clear()
            for connection in ended:
                connection.forget()
            if ended:
                self._clock.changed()
        self._selector.close()
        self._reader.close()
        self._writer.close()

    @staticmethod
    def _has_ended(connection: Connection) -> bool:
        """It is readable: by its end, or (without TLS) by a next request that came early."""
        if isinstance(connection.sock, ssl.SSLSocket):
            return True
        try:
            return not connection.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return True
