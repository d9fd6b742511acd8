"""One exchange with a shell's client: who asks, what a request holds, what is answered."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from winmigrate.lab.wire import soap
from winmigrate.lab.wire.logon import LogonContext
from winmigrate.lab.wire.pipelines import Pipeline
from winmigrate.lab.wire.shells import Reader
from winmigrate.lab.wire.soap import Envelope
from winmigrate.lab.wire.winrs import Chunk, Command

_DONE = soap.SHELL + "/CommandState/Done"
_RUNNING = soap.SHELL + "/CommandState/Running"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who sends a request, and over what."""

    context: LogonContext
    reader: Reader


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's action and body (XML text). ``done``: it carries the end of a command."""

    action: str
    body: str
    done: bool = False


def expect(envelope: Envelope, tag: str) -> ElementTree.Element:
    """The body, which must be that element. Raises WSManFault."""
    if envelope.body is None or envelope.body.tag != tag:
        raise soap.bad_parameter()
    return envelope.body


def bytes_of(text: str | None) -> bytes:
    """Bytes from base64. Raises WSManFault."""
    try:
        return base64.b64decode(text or "")
    except binascii.Error as error:
        raise soap.bad_parameter() from error


def command_element(command: Pipeline) -> str:
    """The rsp:Command element of Enumerate."""
    line = escape(command.line) if isinstance(command, Command) else ""
    state = "Done" if command.finished else "Running"
    return (
        f'<rsp:Command xmlns:rsp="{soap.SHELL}"><rsp:CommandId>{command.command_id}</rsp:CommandId><rsp:CommandLine>'
        f"{line}</rsp:CommandLine><rsp:CommandState>{state}</rsp:CommandState></rsp:Command>"
    )


def received(pipeline: Pipeline | None, fragments: Iterable[bytes], done: bool) -> str:
    """What stands in a ReceiveResponse: the streams, and a command's state."""
    mark = f' CommandId="{pipeline.command_id}"' if pipeline is not None else ""
    streams = "".join(
        f'<rsp:Stream Name="{fragment.stream if isinstance(fragment, Chunk) else "stdout"}"{mark}>'
        f"{base64.b64encode(fragment).decode()}</rsp:Stream>"
        for fragment in fragments
    )
    code = pipeline.exit_code if isinstance(pipeline, Command) else 0
    if done:
        if isinstance(pipeline, Command):
            streams += "".join(f'<rsp:Stream Name="{name}"{mark} End="true"/>' for name in ("stdout", "stderr"))
        streams += (
            f'<rsp:CommandState{mark} State="{_DONE}"><rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>'
        )
    elif isinstance(pipeline, Command):
        streams += f'<rsp:CommandState{mark} State="{_RUNNING}"/>'
    return streams
