"""One host's WinRM: its listeners, its shells, and what the fabric may do to it (down, up, reboot, drop)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from winmigrate.errors import LabError
from winmigrate.lab.engine.effects import Engine
from winmigrate.lab.wire import psrp, soap
from winmigrate.lab.wire.accounts import Account, Accounts
from winmigrate.lab.wire.auth import ConnectionLogon
from winmigrate.lab.wire.certificates import Certificate, make_certificate
from winmigrate.lab.wire.clock import WireClock
from winmigrate.lab.wire.connection import Watch
from winmigrate.lab.wire.faults import Exchange, NoFaults, WireFaults
from winmigrate.lab.wire.kerberos import Door
from winmigrate.lab.wire.listener import Handler, Listener
from winmigrate.lab.wire.logon import Limits, LogonContext
from winmigrate.lab.wire.service import Asker, Service

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
_IDENTIFY = f"{{{soap.NS['wsmid']}}}Identify"


def _own(_endpoint: str) -> str:
    return ""


class WireServer:
    """WinRM of one host on loopback.

    ``engine`` runs every pipeline of the default session configuration; a mapping gives one for each configuration by
    its name (any case). ``build`` is Windows' own ("10.0.20348.2113"). Port 0 takes a free one, None opens no such
    listener. ``schemes`` are offered to clients: "negotiate", "kerberos", "credssp", and "basic" over TLS.
    ``log`` gets a dict for every request and event, from many threads, and never a secret.
    ``run_as`` gives, for a session configuration, what LogonContext.run_as holds.
    ``door`` says, at each connection, what the host is called in Kerberos tickets and how far its clock is off; it is
    needed where the process has a keytab (KRB5_KTNAME).
    ``clients``: PEM of the authority of client certificates that it takes over TLS; ``mapped``: whose one is (DER).
    NTLM users come from :func:`winmigrate.lab.wire.accounts.install_user_file`, called before.
    """

    def __init__(
        self,
        host_name: str,
        engine: Engine | Mapping[str, Engine],
        accounts: Accounts,
        clock: WireClock,
        *,
        address: str = "127.0.0.1",
        http_port: int | None = 0,
        https_port: int | None = 0,
        certificate: Certificate | None = None,
        limits: Limits | None = None,
        faults: WireFaults | None = None,
        log: Callable[[dict[str, Any]], None] | None = None,
        admits: Callable[[LogonContext], bool] | None = None,
        build: str = "10.0.20348.2113",
        schemes: tuple[str, ...] = ("negotiate", "basic"),
        channel_bindings: bool = True,
        door: Callable[[], Door] | None = None,
        run_as: Callable[[str], str] = _own,
        clients: bytes | None = None,
        mapped: Callable[[bytes], Account | None] | None = None,
    ) -> None:
        if address not in LOOPBACK:
            raise LabError(f"the lab serves on loopback only, not on {address}")
        self.host_name = host_name
        self.limits = limits if limits is not None else Limits()
        self.certificate = certificate if certificate is not None else make_certificate(host_name)
        self._accounts = accounts
        self._address = "127.0.0.1" if address == "localhost" else address
        self._clock = clock
        self._faults: WireFaults = faults if faults is not None else NoFaults()
        self._log = log if log is not None else _nothing
        self._ports: dict[str, int | None] = {"http": http_port, "https": https_port}
        self._schemes = schemes
        self._channel_bindings = channel_bindings
        self._door = door
        self._clients, self._mapped = clients, mapped
        self._build = build
        self._listeners: dict[str, Listener] = {}
        self._watch: Watch | None = None
        self._lock = threading.RLock()
        self.service = Service(
            host_name,
            _engines(engine),
            clock,
            self.limits,
            psrp.private_data(build),
            self._report,
            admits if admits is not None else _everybody,
            build,
            run_as,
        )

    # --- life --------------------------------------------------------------------------------------------------------

    @property
    def http_port(self) -> int | None:
        return self._ports["http"]

    @property
    def https_port(self) -> int | None:
        return self._ports["https"]

    def start(self) -> None:
        """Opens the listeners; the ports are known afterwards, and stay the same over :meth:`go_down`."""
        with self._lock:
            for kind, port in self._ports.items():
                if port is not None and kind not in self._listeners:
                    self._open(kind, port)

    def stop(self) -> None:
        """Closes the listeners and every connection, and ends every shell."""
        self._close()
        self.service.end_all()
        with self._lock:
            watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    def go_down(self, how: Literal["refuse", "ignore"] = "refuse") -> None:
        """The host answers no more: connections are refused, or taken and never answered. Its shells go on."""
        with self._lock:
            if how == "refuse":
                self._close()
                return
            for listener in self._listeners.values():
                listener.ignoring = True
                listener.cut_all()

    def come_up(self) -> None:
        """The host answers again, on the same ports."""
        with self._lock:
            for listener in self._listeners.values():
                if listener.ignoring:
                    listener.ignoring = False
                    listener.cut_all()
            self.start()

    def reboot(self) -> None:
        """All shells and connections are gone, and connections refused until :meth:`come_up`."""
        self.go_down("refuse")
        self.service.end_all()

    def drop_all(self) -> int:
        """Resets every TCP connection; shells and pipelines go on. Gives the number of connections."""
        with self._lock:
            listeners = list(self._listeners.values())
        return sum(listener.cut_all() for listener in listeners)

    def _open(self, kind: str, port: int) -> None:
        if self._watch is None:
            self._watch = Watch(self._clock)
        tls = self.certificate.server_context(self._clients) if kind == "https" else None
        bindings = self.certificate.channel_bindings() if tls is not None and self._channel_bindings else None
        listener = Listener(
            (self._address, port),
            host=self.host_name,
            clock=self._clock,
            faults=self._faults,
            process=self._process,
            logon=lambda: ConnectionLogon(
                self._accounts, self._schemes, tls is not None, bindings, self._door() if self._door else None,
                self._mapped,
            ),
            report=self._report,
            idle_close=self.limits.idle_close,
            # with what a sealed body adds
            max_body=self.limits.max_envelope * 4,
            watch=self._watch,
            tls=tls,
        )
        self._ports[kind] = listener.server_port
        self._listeners[kind] = listener
        threading.Thread(target=listener.serve, name=f"{self.host_name} {kind}", daemon=True).start()

    def _close(self) -> None:
        with self._lock:
            listeners = list(self._listeners.values())
            self._listeners.clear()
        for listener in listeners:
            listener.halt()

    # --- requests ----------------------------------------------------------------------------------------------------

    def _report(self, event: dict[str, Any]) -> None:
        self._log({"host": self.host_name, **event})

    def _process(self, text: bytes, handler: Handler) -> tuple[int, bytes, Exchange]:
        """A whole, opened request: (HTTP status, SOAP text of the answer, what it was about)."""
        identity = handler.logon.identity
        user = identity.account.full_name if identity is not None else ""
        exchange = Exchange(self.host_name, user=user, size=len(text))
        relates_to = soap.message_id_of(text)
        try:
            if len(text) > self.limits.max_envelope:
                # no fault: http.sys' own answer, which Windows' client turns into 2150859025, "request too large"
                return 413, b"", exchange
            envelope = soap.parse(text)
        except soap.BadEnvelope:
            return 400, b"", exchange
        except soap.WSManFault as error:
            return 500, soap.fault(error, relates_to, self.host_name), exchange
        if envelope.body is not None and envelope.body.tag == _IDENTIFY:
            return 200, self._identify(known=identity is not None), exchange
        if identity is None:
            return 401, b"", exchange
        exchange = _exchange(self.host_name, user, envelope, len(text))
        instead = handler.strike_request(exchange)
        if instead is not None:
            return instead[0], instead[1], exchange
        context = LogonContext(
            user=user,
            protocol=identity.protocol,
            delegated=identity.delegated,
            host=self.host_name,
            client=str(handler.client_address[0]),
        )
        asker = Asker(context, handler.connection_state)
        facts: dict[str, Any] = {
            "event": "request",
            "action": exchange.action,
            "user": user,
            "shell": exchange.shell_id,
            "command": exchange.command_id,
        }
        try:
            answer = self.service.answer(envelope, asker)
        except soap.WSManFault as error:
            self._report({**facts, "fault": error.code if error.code is not None else error.subcode})
            return 500, soap.fault(error, envelope.message_id, self.host_name), exchange
        self._report(facts)
        text = soap.response(answer.action, envelope.message_id, answer.body)
        return 200, text, replace(exchange, done=answer.done)

    def _identify(self, *, known: bool) -> bytes:
        system = self._build.rsplit(".", 1)[0] if known else "0.0.0"
        return (
            f'<s:Envelope xml:lang="en-US" xmlns:s="{soap.NS["s"]}"><s:Header/><s:Body>'
            f'<wsmid:IdentifyResponse xmlns:wsmid="{soap.NS["wsmid"]}"><wsmid:ProtocolVersion>{soap.NS["w"]}'
            "</wsmid:ProtocolVersion><wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
            f"<wsmid:ProductVersion>OS: {system} SP: 0.0 Stack: 3.0</wsmid:ProductVersion></wsmid:IdentifyResponse>"
            "</s:Body></s:Envelope>"
        ).encode()


def _exchange(host: str, user: str, envelope: soap.Envelope, size: int) -> Exchange:
    command_id = ""
    if envelope.body is not None:
        command_id = envelope.body.get("CommandId") or ""
        for child in envelope.body:
            command_id = command_id or child.get("CommandId") or ""
    shell_id = envelope.selectors.get("ShellId", "")
    if not shell_id and envelope.body is not None:
        shell_id = envelope.body.get("ShellId") or ""
    return Exchange(host, envelope.verb, user, shell_id.upper(), command_id.upper(), size)


def _engines(engine: Engine | Mapping[str, Engine]) -> Callable[[str], Engine | None]:
    if isinstance(engine, Mapping):
        named = {name.lower(): one for name, one in engine.items()}
        return lambda name: named.get(name.lower())
    only = engine
    return lambda name: only if name.lower() == "microsoft.powershell" else None


def _nothing(_event: dict[str, Any]) -> None:
    """No log was asked for."""


def _everybody(_context: LogonContext) -> bool:
    return True
