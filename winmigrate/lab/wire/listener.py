"""HTTP/1.1 on one port of loopback: one thread and one handler a TCP connection, so that what belongs to a connection
(its logon, its seal, its faults) lives and dies with it."""

from __future__ import annotations

import selectors
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from winmigrate.lab.wire import framing
from winmigrate.lab.wire.auth import ConnectionLogon
from winmigrate.lab.wire.clock import WireClock
from winmigrate.lab.wire.connection import Connection, Watch
from winmigrate.lab.wire.faults import Disruption, Exchange, WireFaults
from winmigrate.lab.wire.shells import ReaderGone

#: Real seconds a TLS handshake may take.
_HANDSHAKE = 30.0
#: Bytes of a body that are read at all; Windows' http.sys refuses far smaller ones.
_MAX_BODY = 64 * 1024 * 1024


class Cut(Exception):
    """The connection ends here, by a fault or by its death."""


#: What the host does with a whole, opened request: (HTTP status, SOAP text of the answer, what it was about).
Process: TypeAlias = "Callable[[bytes, Handler], tuple[int, bytes, Exchange]]"


class Listener(ThreadingHTTPServer):
    """One port. ``process`` is the host's; ``tls`` its context or None."""

    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        *,
        host: str,
        clock: WireClock,
        faults: WireFaults,
        process: Process,
        logon: Callable[[], ConnectionLogon],
        report: Callable[[dict[str, Any]], None],
        idle_close: float,
        max_body: int,
        watch: Watch,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.host = host
        self.clock = clock
        self.faults = faults
        self.process = process
        self.logon = logon
        self.report = report
        self.idle_close = idle_close
        self.max_body = max_body
        self.watch = watch
        self.tls = tls
        self.ignoring = False
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self._sweeping = False
        self._halt_reader, self._halt_writer = socket.socketpair()
        self._halted = threading.Event()
        super().__init__(address, Handler)

    # the base class asks the name service for its own address here
    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.host, int(self.server_address[1])

    def serve(self) -> None:
        """Takes connections until :meth:`halt`; sleeps meanwhile (serve_forever would look around all the time)."""
        self.socket.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._halt_reader, selectors.EVENT_READ)
            while True:
                if any(key.fileobj is self._halt_reader for key, _ in selector.select()):
                    break
                with suppress(OSError):  # it was reset before it was taken
                    request, address = self.get_request()
                    self.process_request(request, address)
        self.server_close()
        self._halt_reader.close()
        self._halted.set()

    def halt(self) -> None:
        """Refuses connections from now on and cuts those there are; returns once the port is free."""
        with suppress(OSError):
            self._halt_writer.send(b".")
        self._halted.wait()
        self._halt_writer.close()
        self.cut_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connection troubles are no news; anything else is the lab's own defect, told to the log."""
        if isinstance(sys.exc_info()[1], OSError | Cut | ReaderGone):
            return
        self.report({"event": "defect", "host": self.host, "traceback": traceback.format_exc()})

    def add(self, connection: Connection) -> None:
        with self._lock:
            self._connections.add(connection)

    def remove(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)

    def cut_all(self) -> int:
        """Resets every connection; gives their number."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.cut()
        self.clock.changed()
        return len(connections)

    def went_idle(self, connection: Connection) -> None:
        connection.idle_since = self.clock.monotonic()
        with self._lock:
            if self._sweeping:
                return
            self._sweeping = True
        self.clock.at(connection.idle_since + self.idle_close, self._sweep)

    def _sweep(self, _when: float) -> None:
        """Closes what has been idle too long, and sets the next sweep while anything is idle."""
        now = self.clock.monotonic()
        upcoming: float | None = None
        with self._lock:
            connections = list(self._connections)
            self._sweeping = False
        for connection in connections:
            since = connection.idle_since
            if since is None:
                continue
            if now - since >= self.idle_close - 1e-6:
                connection.cut(reset=False)
            elif upcoming is None or since < upcoming:
                upcoming = since
        if upcoming is not None:
            with self._lock:
                again = not self._sweeping
                self._sweeping = True
            if again:
                self.clock.at(upcoming + self.idle_close, self._sweep)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 16 * 1024
    rbufsize = 16 * 1024
    server: Listener

    def setup(self) -> None:
        self.connection_state = Connection(self.request, self.server.watch)
        self.server.add(self.connection_state)
        try:
            if self.server.ignoring:
                self._end(Disruption("hang"))
            self._strike("connect", Exchange(self.server.host))
            if self.server.tls is not None:
                self.request.settimeout(_HANDSHAKE)
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
                self.request.settimeout(None)
                self.connection_state.sock = self.request
        except (OSError, Cut):  # ssl.SSLError is an OSError
            self.server.remove(self.connection_state)
            self.request.close()
            raise Cut from None
        super().setup()
        self.logon = self.server.logon()
        if isinstance(self.request, ssl.SSLSocket):
            self.logon.presented = self.request.getpeercert(binary_form=True)

    def handle(self) -> None:
        with suppress(OSError, Cut, ReaderGone):
            self.server.went_idle(self.connection_state)
            super().handle()

    def finish(self) -> None:
        self.server.remove(self.connection_state)
        self.connection_state.forget()
        with suppress(OSError, ValueError):
            super().finish()
        with suppress(OSError):
            self.request.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing goes to stderr; the host's log has every request."""

    def do_POST(self) -> None:
        self.connection_state.idle_since = None
        with self.server.clock.working():
            self._post()
            self.wfile.flush()
        self.server.went_idle(self.connection_state)

    def handle_expect_100(self) -> bool:
        """The base class answers into a buffer that nobody would flush."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def do_GET(self) -> None:
        self.connection_state.idle_since = None
        self.reply(405, b"", "text/html")
        self.server.went_idle(self.connection_state)

    def _post(self) -> None:
        body = self._body()
        if body is None:
            return
        if self.path.split("?", 1)[0].rstrip("/").lower() not in {"/wsman", "/wsman-anon/identify"}:
            self.reply(404, b"", "text/html")
            return
        authorization = self.headers.get("Authorization")
        token: str | None = None
        if authorization is not None and not self._keeps_logon(authorization):
            done, token = self.logon.step(authorization)
            if not done:
                self._unauthorized([token] if token else self.logon.challenge())
                return
            if self.logon.identity is None:
                scheme = authorization.split(" ", 1)[0][:20]
                self.server.report({"event": "logon-refused", "scheme": scheme, "client": self.client_address[0]})
        anonymous = self.headers.get("WSMANIDENTIFY", "").lower() == "unauthenticated"
        if self.logon.identity is None and not anonymous:
            self._unauthorized([token] if token else self.logon.challenge())
            return
        if not body:
            # an empty request that was sent for the sake of the logon alone
            self.reply(200, b"", "application/soap+xml;charset=UTF-8", token)
            return
        sealed = framing.is_sealed(self.headers.get("Content-Type", ""))
        if sealed:
            try:
                body = self.logon.unseal(body)
            except framing.BadSeal:
                self.reply(400, b"", "text/html")
                return
        elif self.server.tls is None and not anonymous:
            # AllowUnencrypted is false
            self.reply(500, b"", "text/html")
            return
        status, text, exchange = self.server.process(body, self)
        if status == 413:  # nothing was sealed for it, and the connection's seal goes on
            self.reply(status, b"", "text/html")
            return
        content_type = "application/soap+xml;charset=UTF-8"
        disruption = self.server.faults.strike("reply", exchange)
        if disruption is not None:
            self._disrupt(disruption, status, text, content_type, sealed)
            return
        if sealed:
            content_type, text = self.logon.seal(text)
        self.reply(status, text, content_type, token)

    def _keeps_logon(self, authorization: str) -> bool:
        """Basic comes with every request; once it was right it need not be looked at again."""
        identity = self.logon.identity
        return identity is not None and identity.protocol == "basic" and authorization == self._last_basic()

    def _last_basic(self) -> str:
        previous, self._basic = getattr(self, "_basic", ""), self.headers.get("Authorization", "")
        return previous

    def strike_request(self, exchange: Exchange) -> tuple[int, bytes] | None:
        """Consults the faults when a request was read: raises Cut, or gives what to answer instead."""
        disruption = self._strike("request", exchange)
        return None if disruption is None else (disruption.status, disruption.body)

    def _strike(self, point: Any, exchange: Exchange) -> Disruption | None:
        disruption = self.server.faults.strike(point, exchange)
        if disruption is None or disruption.kind == "answer":
            return disruption if point == "request" else None
        self._end(disruption)
        return None

    def _end(self, disruption: Disruption) -> None:
        if disruption.kind == "hang":
            threading.Thread(target=self._await_close, name="hung connection", daemon=True).start()
            with self.server.clock.parked():  # a client at the other end waits: fabric time may go on
                self.server.clock.wait(None, self.connection_state.is_lost)
        self.connection_state.cut()
        raise Cut

    def _await_close(self) -> None:
        """Notices that the client of a hung connection has given up, whatever it had said before."""
        with suppress(OSError):
            while socket.socket.recv(self.connection_state.sock, 4096):
                pass
        self.connection_state.forget()
        self.server.clock.changed()

    def _disrupt(self, disruption: Disruption, status: int, text: bytes, content_type: str, sealed: bool) -> None:
        if disruption.kind == "answer":
            self.reply(disruption.status, disruption.body, disruption.content_type)
            return
        if disruption.kind == "truncate":
            if sealed:
                content_type, text = self.logon.seal(text)
            self.reply(status, text, content_type, send=len(text) // 2)
            self.wfile.flush()
        self._end(disruption)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") is not None or not length.isdigit():
            self.close_connection = True
            self.reply(411, b"", "text/html")
            return None
        if int(length) > _MAX_BODY:
            raise Cut
        if int(length) > self.server.max_body:
            self.rfile.read(int(length))  # so that the client reads the answer and does not die while it writes
            self.close_connection = True
            self.reply(413, b"", "text/html")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Cut
        return body

    def _unauthorized(self, headers: list[str]) -> None:
        self.send_response_only(401)
        for header in headers:
            self.send_header("WWW-Authenticate", header)
        self.send_header("Server", self.server_version)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def reply(
        self, status: int, body: bytes, content_type: str, token: str | None = None, *, send: int | None = None
    ) -> None:
        """Sends a response; ``send`` bytes of the body only where a fault wants it so."""
        self.send_response_only(status)
        if token:
            self.send_header("WWW-Authenticate", token)
        if body:
            self.send_header("Content-Type", content_type)
        self.send_header("Server", self.server_version)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body if send is None else body[:send])
