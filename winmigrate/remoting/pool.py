"""The runspace pool of pypsrp 0.9.1, with some of its private seams overridden (pinned, tested).

``_receive``: never repeats a Receive behind our back, does not fail when a slow host needs longer than one operation
time-out, and ends at a deadline of the clock. ``_parse_responses``: hands on a pipeline's messages whole and in true
order; what the pool itself is told still goes to pypsrp. ``exchange_keys``: offers the host a key pair of this process,
not one made for this pool alone. ``_get_shell`` is called as it is.
"""

from __future__ import annotations

import base64
import binascii
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from pypsrp.exceptions import FragmentError, WSManFaultError
from pypsrp.messages import PublicKey
from pypsrp.powershell import RunspacePool
from pypsrp.shell import CommandState
from pypsrp.wsman import NAMESPACES, OptionSet, WSManAction

from winmigrate.errors import TimedOut
from winmigrate.remoting.enumeration import selectors_of
from winmigrate.remoting.failures import OPERATION_TIMED_OUT
from winmigrate.remoting.messages import (
    HOST_RESPONSE,
    Message,
    Reassembly,
    fragments,
    host_refusal,
    packed,
    refragmented,
)
from winmigrate.remoting.transport import Wire
from winmigrate.request import Clock, Secret

_RSP = f"{{{NAMESPACES['rsp']}}}"


class Pool(RunspacePool):  # type: ignore[misc]
    """One runspace on one host. ``deadline`` (of the clock's monotonic()) bounds what pypsrp waits for by itself."""

    def __init__(self, host: str, wire: Wire, clock: Clock, configuration: str, idle_timeout: int) -> None:
        super().__init__(wire, configuration_name=configuration, idle_timeout=idle_timeout)
        self.name = host
        self.deadline: float | None = None
        self.last_number = 0
        self._clock = clock
        self._own = Reassembly()

    @property
    def version(self) -> tuple[int, ...]:
        """The PSRP version of the host."""
        parts = (self.protocol_version or "2.1").split(".")
        return tuple(int(part) for part in parts if part.isdigit())

    def exchange_keys(self) -> None:
        """Agrees with the host on the key that seals secrets; once a pool. Bounded by ``deadline``."""
        if self._key_exchanged:
            return
        with _MAKING:
            pair = self._exchange_key = _key_pair()
        numbers = pair.public_key().public_numbers()
        # MS-PSRP 2.2.2.3: a PUBLICKEYBLOB for RSA of 2048 bits, all of it little-endian
        blob = bytes.fromhex("06020000 00a40000 52534131 00080000") + numbers.e.to_bytes(4, "little")
        blob += numbers.n.to_bytes(256, "little")
        offer = PublicKey(public_key=base64.b64encode(blob).decode("ascii"))
        for fragment in self._fragmenter.fragment(offer, self.id):
            self.shell.send("stdin", fragment)
        while not self._key_exchanged:
            self._receive()

    def _receive(self, id: str | None = None, timeout: int | None = None) -> list[tuple[int, Any]]:
        if self.deadline is not None and self._clock.monotonic() >= self.deadline:
            raise TimedOut(self.name, "the shell did not become ready in time")
        data, _, _ = self.receive(None)
        return self._parse_responses(data)

    def _parse_responses(self, responses: bytes, pipeline: object = None) -> list[tuple[int, Any]]:
        found: list[tuple[int, Any]] = []
        for message in self._own.feed(responses):
            self.last_number = max(self.last_number, message.number)
            found += super()._parse_responses(refragmented(message))
        return found

    def receive(self, command_id: str | None) -> tuple[bytes, bool, bool]:
        """One Receive: (data, is the command done, had the host nothing to say). Raises what the wire raises."""
        body = ET.Element(f"{_RSP}Receive")
        wanted = ET.SubElement(body, f"{_RSP}DesiredStream")
        wanted.text = "stdout"
        if command_id is not None:
            wanted.attrib["CommandId"] = command_id
        options = OptionSet()
        options.add_option("WSMAN_CMDSHELL_OPTION_KEEPALIVE", "True")
        shell = self.shell
        try:
            answer = shell.wsman.invoke(WSManAction.RECEIVE, shell.resource_uri, body, options, shell._selector_set)
        except WSManFaultError as fault:
            if fault.code == OPERATION_TIMED_OUT:
                return b"", False, True
            raise
        state = answer.find("s:Body/rsp:ReceiveResponse/rsp:CommandState", NAMESPACES)
        pieces = answer.findall("s:Body/rsp:ReceiveResponse/rsp:Stream", NAMESPACES)
        try:
            data = b"".join(base64.b64decode(each.text) for each in pieces if each.text)
        except binascii.Error as error:
            raise FragmentError("a stream that is no base64") from error
        return data, state is not None and state.get("State") == CommandState.DONE, False

    def outgoing(self, message: bytes) -> Iterator[bytes]:
        """A message in fragments as large as this host takes them."""
        number = self._fragmenter.outgoing_counter
        self._fragmenter.outgoing_counter += 1
        return fragments(number, message, self._fragmenter.max_size)

    def refuse(self, call: str, command_id: str) -> None:
        """Refuses a host call of a pipeline, if it waits for an answer."""
        refusal = host_refusal(call)
        if refusal is None:
            return
        for piece in self.outgoing(packed(HOST_RESPONSE, self.id, command_id, refusal)):
            self.shell.send("pr", piece, command_id=command_id)

    def leave(self, idle_timeout: str) -> None:
        """Disconnects from the shell, which drops what it cannot deliver and ends after that time of idleness."""
        farewell = ET.Element(f"{_RSP}Disconnect")
        ET.SubElement(farewell, f"{_RSP}IdleTimeOut").text = idle_timeout
        ET.SubElement(farewell, f"{_RSP}BufferMode").text = "Drop"
        shell = self.shell
        shell.wsman.disconnect(shell.resource_uri, farewell, selector_set=selectors_of(shell.id))

    def seal(self, secret: Secret) -> str:
        """The text of a secret under the session key, in base64."""
        return str(self._serializer._serialize_secure_string(secret.reveal()))


@lru_cache(maxsize=1)
def _key_pair() -> rsa.RSAPrivateKey:
    """The key pair of this process, never written anywhere. Making one takes 0.1 s of a processor, and every move has
    sessions that pass a credential; the key that seals is the host's, and another one for each pool."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


#: So that threads that begin together wait for one pair and do not make one each.
_MAKING = threading.Lock()


class Stream:
    """What one pipeline sends: its messages in order, each once.

    A host numbers what it sends, without gaps over all of a shell's streams (so in pypsrp's recordings of Windows
    hosts). So after a broken connection the first number tells whether a reply went missing with it (``is_gapped``);
    without a break nothing is looked for.
    """

    def __init__(self, pool: Pool, command_id: str) -> None:
        self.is_gapped = False
        self._pool = pool
        self._command_id = command_id
        self._pieces = Reassembly()
        self._in_doubt = False

    def doubt(self) -> None:
        """The connection broke: a reply may be gone."""
        self._in_doubt = True

    def receive(self) -> tuple[list[Message], bool, bool]:
        """(messages, is the command done, had the host nothing to say)."""
        data, done, silent = self._pool.receive(self._command_id)
        messages = list(self._pieces.feed(data))
        if messages:
            if self._in_doubt and messages[0].number != self._pool.last_number + 1:
                self.is_gapped = True
            self._in_doubt = False
            self._pool.last_number = messages[-1].number
        return messages, done, silent
