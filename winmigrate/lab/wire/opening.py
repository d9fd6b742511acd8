"""The making of a host's shells."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree

from winmigrate.lab.engine.effects import Engine
from winmigrate.lab.wire import soap
from winmigrate.lab.wire.clock import WireClock
from winmigrate.lab.wire.exchange import Asker, bytes_of
from winmigrate.lab.wire.logon import Limits, LogonContext
from winmigrate.lab.wire.shells import Shell
from winmigrate.lab.wire.soap import NS, Envelope
from winmigrate.lab.wire.winrs import RESOURCE as CMD
from winmigrate.lab.wire.winrs import CmdShell, environment_of

ENDPOINTS = "http://schemas.microsoft.com/powershell/"


@dataclass(frozen=True, slots=True)
class Opening:
    """What every shell of one host is made with (see Service). Thread-safe."""

    engines: Callable[[str], Engine | None]
    clock: WireClock
    limits: Limits
    private_data: str
    report: Callable[[dict[str, Any]], None]
    admits: Callable[[LogonContext], bool]
    build: str
    run_as: Callable[[str], str]
    _process_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1640, 4))

    def shell(self, envelope: Envelope, asker: Asker, body: ElementTree.Element, shell_id: str) -> Shell:
        """The shell that a Create asks for: a runspace pool, or a cmd shell (which knows no session configurations)."""
        endpoint = envelope.resource[len(ENDPOINTS) :] if envelope.resource.startswith(ENDPOINTS) else None
        if envelope.resource == CMD:
            endpoint = "Microsoft.PowerShell"
        engine = self.engines(endpoint) if endpoint else None
        if endpoint is None or engine is None:
            raise soap.unknown_resource(envelope.resource)
        context = replace(asker.context, shell_id=shell_id, endpoint=endpoint, state={})
        if not self.admits(context):
            raise soap.access_denied()
        try:
            uuid.UUID(shell_id)
        except ValueError as error:
            raise soap.bad_parameter() from error
        given: tuple[Any, ...] = (
            shell_id,
            envelope.session_id,
            replace(context, run_as=self.run_as(endpoint)),
            engine,
            self.clock,
            self.limits,
            self.private_data,
            self.report,
        )
        is_cmd = envelope.resource == CMD
        named: dict[str, Any] = {
            "idle_timeout": idle_timeout(self.limits, body.findtext("rsp:IdleTimeOut", None, NS)),
            "process_id": next(self._process_ids),
            "input_streams": body.findtext("rsp:InputStreams", "stdin" if is_cmd else "stdin pr", NS),
            "output_streams": body.findtext("rsp:OutputStreams", "stdout stderr" if is_cmd else "stdout", NS),
            "name": body.findtext("rsp:Name", None, NS),
            "locale": (envelope.locale, envelope.data_locale),
        }
        if is_cmd:
            folder = body.findtext("rsp:WorkingDirectory", None, NS)
            environment = environment_of(body)
            return CmdShell(
                *given, build=self.build, options=envelope.options, environment=environment, folder=folder, **named
            )
        shell = Shell(*given, resource=envelope.resource, **named)
        shell.feed(bytes_of(body.findtext("ps:creationXml", "", NS)))
        return shell


def idle_timeout(limits: Limits, text: str | None) -> float:
    """The IdleTimeOut that a client asks for, in seconds, or the host's own. Raises WSManFault."""
    if text is None:
        return limits.shell_idle_timeout
    try:
        seconds = soap.seconds_of(text)
    except ValueError as error:
        raise soap.bad_parameter() from error
    if not limits.min_idle_timeout <= seconds <= limits.max_idle_timeout:
        raise soap.bad_parameter()
    return seconds
