"""WSMan of one host: what each action does to the host's shells."""

from __future__ import annotations

import base64
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape

from winmigrate.lab.engine.effects import Engine
from winmigrate.lab.wire import psrp, soap
from winmigrate.lab.wire.clock import WireClock
from winmigrate.lab.wire.exchange import Answer, Asker, bytes_of, command_element, expect, received
from winmigrate.lab.wire.logon import Limits, LogonContext
from winmigrate.lab.wire.opening import Opening, idle_timeout
from winmigrate.lab.wire.pipelines import Pipeline
from winmigrate.lab.wire.shells import Shell
from winmigrate.lab.wire.soap import NS, Envelope, WSManFault
from winmigrate.lab.wire.winrs import CmdShell, Command

__all__ = ["Answer", "Asker", "Service"]

SHELLS = soap.SHELL
COMMANDS = soap.SHELL + "/Command"
_CONFIG = NS["cfg"]
#: What an envelope needs around its payload.
_ENVELOPE_ROOM = 2500


class Service:
    """The shells of one host and the actions on them. Thread-safe.

    ``engines`` gives the engine of a session configuration ("Microsoft.PowerShell"), or None where there is no such
    configuration. ``admits`` says who may open a shell, ``run_as`` whose rights a configuration's sessions have.
    """

    def __init__(
        self,
        host: str,
        engines: Callable[[str], Engine | None],
        clock: WireClock,
        limits: Limits,
        private_data: str,
        report: Callable[[dict[str, Any]], None],
        admits: Callable[[LogonContext], bool],
        build: str = "10.0.20348.2113",
        run_as: Callable[[str], str] = lambda _endpoint: "",
    ) -> None:
        self._host = host
        self._clock = clock
        self._limits = limits
        self._report = report
        self._opening = Opening(engines, clock, limits, private_data, report, admits, build, run_as)
        self._lock = threading.Lock()
        self._shells: dict[str, Shell] = {}
        self._operations: Counter[str] = Counter()
        self._verbs: dict[str, Callable[[Envelope, Asker], Answer]] = {
            "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create": self._create,
            "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete": self._delete,
            "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get": self._get,
            "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate": self._enumerate,
            SHELLS + "/Command": self._command,
            SHELLS + "/Send": self._send,
            SHELLS + "/Receive": self._receive,
            SHELLS + "/Signal": self._signal,
            SHELLS + "/Disconnect": self._disconnect,
            SHELLS + "/Reconnect": self._reconnect,
            SHELLS + "/Connect": self._connect,
        }

    def answer(self, envelope: Envelope, asker: Asker) -> Answer:
        """Does what is asked. Raises WSManFault; ReaderGone if the asker's connection died in a long poll."""
        verb = self._verbs.get(envelope.action)
        if verb is None:
            raise soap.unknown_action(envelope.action)
        with self._counted(asker.context.user.lower()):
            shell = self._touched(envelope, asker)
            try:
                if shell is None:
                    return verb(envelope, asker)
                with shell.active():
                    return verb(envelope, asker)
            except psrp.BadFragments as error:
                raise soap.bad_parameter() from error

    @contextmanager
    def _counted(self, user: str) -> Iterator[None]:
        """Around each operation of a user, a parked Receive too. Raises WSManFault if he has too many."""
        with self._lock:
            if self._operations[user] >= self._limits.operations_per_user:
                raise soap.too_many_operations(self._limits.operations_per_user)
            self._operations[user] += 1
        try:
            yield
        finally:
            with self._lock:
                self._operations[user] -= 1

    def _touched(self, envelope: Envelope, asker: Asker) -> Shell | None:
        """The shell that this request keeps from being idle: looking at one (Get) and leaving it does not."""
        if envelope.verb not in {"Command", "Send", "Receive", "Signal", "Reconnect"}:
            return None
        with self._lock:
            shell = self._shells.get(envelope.selectors.get("ShellId", "").upper())
        if shell is None or shell.disconnected or not shell.belongs_to(asker.context):
            return None
        return shell

    def end_all(self) -> None:
        """Every shell's process is gone (the host reboots)."""
        with self._lock:
            shells = list(self._shells.values())
            self._shells.clear()
        for shell in shells:
            shell.end()

    def count(self) -> int:
        """The number of shells, those of the dead included until their idle time-out."""
        with self._lock:
            return len(self._shells)

    # --- shells ------------------------------------------------------------------------------------------------------

    def _find(
        self, envelope: Envelope, asker: Asker, missing: Callable[[str], WSManFault] = soap.unknown_shell
    ) -> Shell:
        shell_id = envelope.selectors.get("ShellId", "").upper()
        with self._lock:
            shell = self._shells.get(shell_id)
        if shell is None or not shell.belongs_to(asker.context):
            raise missing(shell_id)
        return shell

    def _talking(self, envelope: Envelope, asker: Asker) -> Shell:
        """The shell for a request that only its own, connected client may send."""
        shell = self._find(envelope, asker)
        if envelope.session_id and shell.session_id and envelope.session_id != shell.session_id:
            raise soap.wrong_session()
        if shell.disconnected:
            raise soap.shell_disconnected()
        return shell

    def _create(self, envelope: Envelope, asker: Asker) -> Answer:
        body = expect(envelope, f"{{{SHELLS}}}Shell")
        shell_id = (body.get("ShellId") or str(uuid.uuid4())).upper()
        shell = self._opening.shell(envelope, asker, body, shell_id)
        with self._lock:
            owned = sum(one.belongs_to(asker.context) for one in self._shells.values())
            if owned >= self._limits.shells_per_user:
                raise soap.too_many_shells(self._limits.shells_per_user)
            others = {one.context.user.lower() for one in self._shells.values()} - {asker.context.user.lower()}
            if len(others) >= self._limits.concurrent_users:
                raise soap.too_many_users()
            if shell_id in self._shells:
                raise soap.bad_parameter()
            self._shells[shell_id] = shell
        self._watch(shell)
        address = escape(envelope.to)
        return Answer(
            "http://schemas.xmlsoap.org/ws/2004/09/transfer/CreateResponse",
            f"<x:ResourceCreated><a:Address>{address}</a:Address><a:ReferenceParameters><w:ResourceURI>"
            f"{escape(envelope.resource)}</w:ResourceURI><w:SelectorSet>"
            f'<w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
            f"</x:ResourceCreated>{shell.describe(memory=False)}",
        )

    def _watch(self, shell: Shell) -> None:
        """Deletes the shell once nobody has asked anything of it for its IdleTimeOut, running commands or not
        (about_Remote_Disconnected_Sessions)."""

        shell.watches += 1
        mine = shell.watches

        def look(_when: float) -> None:
            with self._lock:
                if self._shells.get(shell.shell_id) is not shell or shell.watches != mine:
                    return
                idle = shell.inactivity() >= shell.idle_timeout - 1e-6
                if idle:
                    del self._shells[shell.shell_id]
            if idle:
                self._report({"event": "shell-idle-timeout", "shell": shell.shell_id, "user": shell.context.user})
                shell.end()
            else:
                self._watch(shell)

        last = self._clock.monotonic() if shell.requests else shell.last_activity
        self._clock.at(last + shell.idle_timeout, look)

    def _delete(self, envelope: Envelope, asker: Asker) -> Answer:
        shell = self._find(envelope, asker)
        with self._lock:
            self._shells.pop(shell.shell_id, None)
        shell.end()
        return Answer("http://schemas.xmlsoap.org/ws/2004/09/transfer/DeleteResponse", "")

    def _get(self, envelope: Envelope, asker: Asker) -> Answer:
        action = "http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse"
        if envelope.resource.rstrip("/").lower() == _CONFIG:
            return Answer(action, soap.config(self._limits))
        if envelope.resource != SHELLS:
            raise soap.unknown_resource(envelope.resource)
        shell = self._find(envelope, asker, lambda _shell_id: soap.unknown_shell_selectors())
        return Answer(action, shell.describe(memory=True))

    def _enumerate(self, envelope: Envelope, asker: Asker) -> Answer:
        body = expect(envelope, f"{{{NS['n']}}}Enumerate")
        if envelope.resource == SHELLS:
            with self._lock:
                shells = list(self._shells.values())
            items = [one.describe(memory=True) for one in shells if one.belongs_to(asker.context)]
        elif envelope.resource == COMMANDS:
            chosen = {
                item.get("Name", ""): item.text or ""
                for item in body.findall("w:Filter/w:SelectorSet/w:Selector", NS)
            }
            items = self._commands_of(chosen.get("ShellId", "").upper(), asker)
        else:
            raise soap.unknown_resource(envelope.resource)
        # Windows leaves Items out when there are none (recorded)
        listed = f"<w:Items>{''.join(items)}</w:Items>" if items else ""
        return Answer(
            "http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse",
            "<n:EnumerateResponse><n:EnumerationContext></n:EnumerationContext>"
            f"{listed}<w:EndOfSequence/></n:EnumerateResponse>",
        )

    def _commands_of(self, shell_id: str, asker: Asker) -> list[str]:
        with self._lock:
            shell = self._shells.get(shell_id)
        if shell is None or not shell.belongs_to(asker.context):
            return []
        with shell.lock:
            known = list(shell.pipelines.values())
        return [command_element(one) for one in known]

    # --- commands ----------------------------------------------------------------------------------------------------

    def _command(self, envelope: Envelope, asker: Asker) -> Answer:
        body = expect(envelope, f"{{{SHELLS}}}CommandLine")
        shell = self._talking(envelope, asker)
        command_id = (body.get("CommandId") or str(uuid.uuid4())).upper()
        try:
            uuid.UUID(command_id)
        except ValueError as error:
            raise soap.bad_parameter() from error
        pipeline = (
            shell.command(command_id, body, envelope.options)
            if isinstance(shell, CmdShell)
            else Pipeline(shell, command_id)
        )
        with shell.lock:
            if len(shell.pipelines) >= self._limits.commands_per_shell:
                raise soap.too_many_commands()
            if isinstance(shell, CmdShell) and shell.processes() >= self._limits.processes_per_shell:
                raise soap.too_many_processes()
            if command_id in shell.pipelines:
                raise soap.bad_parameter()
            shell.pipelines[command_id] = pipeline
        try:
            if isinstance(pipeline, Command):
                pipeline.begin()
            else:
                shell.feed(b"".join(bytes_of(item.text) for item in body.findall("rsp:Arguments", NS)), pipeline)
        except (WSManFault, psrp.BadFragments):
            with shell.lock:
                shell.pipelines.pop(command_id, None)
            raise
        return Answer(
            SHELLS + "/CommandResponse",
            f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>",
        )

    def _pipeline(self, shell: Shell, command_id: str | None) -> Pipeline | None:
        if not command_id:
            return None
        with shell.lock:
            pipeline = shell.pipelines.get(command_id.upper())
        if pipeline is None or pipeline.terminated:
            raise soap.unknown_command()
        return pipeline

    def _send(self, envelope: Envelope, asker: Asker) -> Answer:
        body = expect(envelope, f"{{{SHELLS}}}Send")
        shell = self._talking(envelope, asker)
        for stream in body.findall("rsp:Stream", NS):
            data, pipeline = bytes_of(stream.text), self._pipeline(shell, stream.get("CommandId"))
            if isinstance(shell, CmdShell):
                shell.send(pipeline, data, end=stream.get("End", "false").lower() in {"true", "1"})
            else:
                shell.feed(data, pipeline)
        return Answer(SHELLS + "/SendResponse", "<rsp:SendResponse/>")

    def _receive(self, envelope: Envelope, asker: Asker) -> Answer:
        body = expect(envelope, f"{{{SHELLS}}}Receive")
        shell = self._talking(envelope, asker)
        stream = body.find("rsp:DesiredStream", NS)
        command_id = stream.get("CommandId") if stream is not None else None
        pipeline = self._pipeline(shell, command_id)
        timeout = envelope.timeout if envelope.timeout is not None else self._limits.default_operation_timeout
        room = min(envelope.max_size or self._limits.max_envelope, self._limits.max_envelope) - _ENVELOPE_ROOM
        fragments, done = shell.receive(pipeline, timeout, room, asker.reader)
        said = received(pipeline, fragments, done)
        return Answer(SHELLS + "/ReceiveResponse", f"<rsp:ReceiveResponse>{said}</rsp:ReceiveResponse>", done)

    def _signal(self, envelope: Envelope, asker: Asker) -> Answer:
        body = expect(envelope, f"{{{SHELLS}}}Signal")
        shell = self._find(envelope, asker)
        if shell.disconnected:
            raise soap.shell_disconnected()
        pipeline = self._pipeline(shell, body.get("CommandId"))
        if pipeline is None:
            raise soap.unknown_command()
        # MS-PSRP writes powershell/signal/crtl_c, with the letters in that order
        code = body.findtext("rsp:Code", "", NS).strip().rsplit("/", 1)[-1].lower()
        if code == "terminate":
            shell.terminate(pipeline)
        elif code in {"ctrl_c", "crtl_c"}:
            shell.stop(pipeline)
        else:
            raise soap.bad_parameter()
        return Answer(SHELLS + "/SignalResponse", "<rsp:SignalResponse/>")

    # --- connections -------------------------------------------------------------------------------------------------

    def _disconnect(self, envelope: Envelope, asker: Asker) -> Answer:
        body = expect(envelope, f"{{{SHELLS}}}Disconnect")
        shell = self._talking(envelope, asker)
        idle = body.findtext("rsp:IdleTimeOut", None, NS)
        mode = body.findtext("rsp:BufferMode", None, NS)
        if idle is not None:
            shell.idle_timeout = idle_timeout(self._limits, idle)
            self._watch(shell)
        if mode in {"Block", "Drop"}:
            shell.buffer_mode = mode
        shell.disconnected = True
        self._clock.changed()
        return Answer(SHELLS + "/DisconnectResponse", "")

    def _reconnect(self, envelope: Envelope, asker: Asker) -> Answer:
        shell = self._find(envelope, asker)
        if envelope.session_id != shell.session_id:
            raise soap.wrong_session()
        shell.disconnected = False  # of a connected shell, by its own client: nothing to do (MS-WSMV 3.1.4.16)
        shell.redeliver()
        self._clock.changed()
        return Answer(SHELLS + "/ReconnectResponse", "")

    def _connect(self, envelope: Envelope, asker: Asker) -> Answer:
        body = expect(envelope, f"{{{SHELLS}}}Connect")
        shell = self._find(envelope, asker)
        action = SHELLS + "/ConnectResponse"
        command_id = body.get("CommandId")
        if command_id is not None:
            if envelope.session_id != shell.session_id:
                raise soap.connected_elsewhere()
            self._pipeline(shell, command_id)
            return Answer(action, "<rsp:ConnectResponse/>")
        if not shell.is_disconnected:
            raise soap.connected_elsewhere()
        answer = base64.b64encode(
            shell.connect(bytes_of(body.findtext("ps:connectXml", "", NS)), envelope.session_id)
        ).decode()
        return Answer(
            action,
            f"<rsp:ConnectResponse><rsp:InputStreams>{escape(shell.input_streams)}</rsp:InputStreams><rsp:OutputStreams>"
            f'{escape(shell.output_streams)}</rsp:OutputStreams><connectResponseXml xmlns="{NS["ps"]}">{answer}'
            "</connectResponseXml></rsp:ConnectResponse>",
        )
