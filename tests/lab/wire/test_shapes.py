"""The responses' shape, element by element, as Windows hosts wrote them.

The element names are those of the recordings of Windows Server 2016 in pypsrp 0.9.1's own tests (MIT,
tests/tests_pypsrp/responses: test_psrp_disconnected_commands, test_psrp_disconnect_runspaces,
test_psrp_is_alive_invalid_selectors, test_psrp_long_running_cmdlet).
"""

from __future__ import annotations

import base64
import struct
from typing import Any
from xml.etree import ElementTree

import pytest
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import RunspacePool

from tests.lab.wire.conftest import Host, ask, shell

SHELL_FIELDS = [
    "ShellId", "ResourceUri", "Owner", "ClientIP", "ProcessId", "IdleTimeOut", "InputStreams", "OutputStreams",
    "MaxIdleTimeOut", "Locale", "DataLocale", "CompressionMode", "ProfileLoaded", "Encoding", "BufferMode", "State",
    "ShellRunTime", "ShellInactivity",
]


class Tape:
    """Keeps each response of a client, by the last word of its action."""

    def __init__(self, host: Host) -> None:
        self.wsman = host.wsman()
        self.heard: dict[str, list[ElementTree.Element]] = {}
        send = self.wsman.transport._send_request

        def taped(request: Any, timeout: Any = None) -> bytes:
            try:
                answer = send(request, timeout=timeout)
            except Exception as error:
                self._keep(getattr(error, "response_text", ""))
                raise
            self._keep(answer)
            return bytes(answer)

        self.wsman.transport._send_request = taped

    def _keep(self, text: Any) -> None:
        if text:
            root = ElementTree.fromstring(text)
            action = next(one.text or "" for one in root.iter() if one.tag.endswith("}Action"))
            self.heard.setdefault(action.rsplit("/", 1)[-1], []).append(root)

    def body(self, action: str, number: int = 0) -> ElementTree.Element:
        return self.heard[action][number][1]


def names(element: ElementTree.Element) -> list[str]:
    return [one.tag.rsplit("}", 1)[-1] for one in element]


def fragments(element: ElementTree.Element) -> list[tuple[int, int, int]]:
    """(object, kind, flags) of each rsp:Stream."""
    found = []
    for one in element.iter():
        if one.tag.endswith(("}Stream", "}connectResponseXml")):
            data = base64.b64decode(one.text or "")
            while data:
                number, _, flags, length = struct.unpack_from(">QQBI", data)
                found.append((number, struct.unpack_from("<I", data, 25)[0], flags))
                data = data[21 + length :]
    return found


def test_one_session(host: Host) -> None:
    tape = Tape(host)
    with RunspacePool(tape.wsman) as pool:
        pipeline = shell(pool, "WhoAmI")
        pipeline.invoke()
        pipeline.close()
        ask(pool, "WhoAmI")
        pool.shell._get_shell()
        RunspacePool.get_runspace_pools(tape.wsman)
        pool.disconnect()
        pool.connect()
    header = names(tape.heard["CreateResponse"][0][0])
    assert header == ["Action", "MessageID", "ActivityId", "To", "RelatesTo"]
    assert names(tape.body("CreateResponse")) == ["ResourceCreated", "Shell"]
    assert names(tape.body("CreateResponse")[1]) == SHELL_FIELDS
    assert fragments(tape.body("ReceiveResponse")) == [(1, 0x10002, 3), (2, 0x21009, 3), (3, 0x21005, 3)]
    assert names(tape.body("CommandResponse")[0]) == ["CommandId"]
    of_command = tape.body("ReceiveResponse", 1)
    assert names(of_command[0]) == ["Stream", "Stream", "CommandState"]
    assert of_command[0][2].get("State", "").endswith("/shell/CommandState/Done")
    assert names(of_command[0][2]) == ["ExitCode"]
    assert all(one.get("CommandId") == pipeline.id for one in of_command[0])
    assert fragments(of_command) == [(4, 0x41004, 3), (5, 0x41006, 3)]
    assert names(tape.body("SignalResponse")) == ["SignalResponse"]
    assert names(tape.body("GetResponse")[0]) == [*SHELL_FIELDS, "MemoryUsed", "ChildProcesses"]
    shells, commands = tape.body("EnumerateResponse"), tape.body("EnumerateResponse", 1)
    assert names(shells[0]) == ["EnumerationContext", "Items", "EndOfSequence"]
    assert names(shells[0][1]) == ["Shell"]
    assert names(shells[0][1][0]) == [*SHELL_FIELDS, "MemoryUsed", "ChildProcesses"]
    assert names(commands[0][1][0]) == ["CommandId", "CommandLine", "CommandState"]
    for action in ("DisconnectResponse", "ReconnectResponse", "DeleteResponse"):
        assert names(tape.body(action)) == []


def test_connect_of_a_new_client(host: Host) -> None:
    first = RunspacePool(host.wsman())
    first.open()
    ask(first, "WhoAmI")
    first.disconnect()
    tape = Tape(host)
    (second,) = RunspacePool.get_runspace_pools(tape.wsman)
    second.connect()
    assert names(tape.body("ConnectResponse")[0]) == ["InputStreams", "OutputStreams", "connectResponseXml"]
    assert fragments(tape.body("ConnectResponse")) == [(6, 0x10002, 3), (7, 0x2100B, 3)]
    assert fragments(tape.body("ReceiveResponse")) == [(8, 0x21009, 3)]


def test_what_the_pool_said_last_comes_again_to_a_new_client(host: Host) -> None:
    first = RunspacePool(host.wsman())
    first.open()
    first.disconnect()
    tape = Tape(host)
    (second,) = RunspacePool.get_runspace_pools(tape.wsman)
    second.connect()
    assert [number for number, _, _ in fragments(tape.body("ReceiveResponse"))] == [1, 2, 3, 6]


def test_fault(host: Host) -> None:
    tape = Tape(host)
    with RunspacePool(tape.wsman) as pool:
        pipeline = shell(pool, "Deaf")
        pipeline.begin_invoke()
        with pytest.raises(WSManFaultError):
            pool.shell.receive("stdout", command_id=pipeline.id, timeout=0.05)
        host.engine.open_gate()
        pipeline.end_invoke()
    fault = tape.body("fault")[0]
    assert names(fault) == ["Code", "Reason", "Detail"]
    assert [one.text for one in fault[0].iter() if one.tag.endswith("}Value")] == ["s:Receiver", "w:TimedOut"]
    assert names(fault[2]) == ["WSManFault"]
    assert fault[2][0].attrib == {"Code": "2150858793", "Machine": "HV01"}
    assert (fault[2][0][0].text or "").startswith("The WS-Management service cannot complete the operation within")
