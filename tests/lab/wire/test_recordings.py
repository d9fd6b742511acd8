"""The engine's recordings over the wire: a client sends each recorded CREATE_PIPELINE as it was, answers host calls and
stops where the recorded one did, and what comes back is compared message by message."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.judges import recordings as judge
from tests.lab.wire.scripted import OPS, PASSWORD
from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.wire import Accounts, RealClock, WireServer
from winmigrate.lab.wire.psrp import KINDS
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.messages import CREATE_PIPELINE, HOST_CALL, HOST_RESPONSE, packed
from winmigrate.remoting.pool import Pool, Stream
from winmigrate.remoting.transport import Wire
from winmigrate.request import Credential, Secret, SystemClock

RECORDINGS = {each.name: each for each in judge.recordings() if each.name not in judge.EXCEPTED}
NAMES = {number: name for name, number in KINDS.items()}
SEALED = re.compile(r"(<SS\b[^>]*>)([^<]*)(</SS>)")
JEA = "Recorded.JEA"


class Held:
    """The engine, held where a recording was stopped until the stop comes: time there is the client's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, create_pipeline: str, context: Any, stopping: Callable[[], bool],
            *rest: Any) -> Iterator[Message | Wait]:
        stop_after = next(
            (judge._messages_before_stop(one) for one in RECORDINGS.values() if one.create_pipeline == create_pipeline),
            None,
        )
        said = 0
        for step in self._engine.run(create_pipeline, context, stopping, *rest):
            yield step
            said += isinstance(step, Message)
            if said == stop_after:
                yield Wait(ready=stopping)


@dataclass
class Client:
    """A runspace pool on one session configuration."""

    wire: Wire
    pool: Pool
    commands: int = 0

    def play(self, recording: judge.Recording) -> list[tuple[str, str]]:
        self.commands += 1
        command_id = f"00000000-0000-4000-8000-{self.commands:012X}"
        answers = iter([each["clixml"] for each in recording.events if each.get("message") == "PIPELINE_HOST_RESPONSE"])
        stop_after = judge._messages_before_stop(recording)
        text = SEALED.sub(lambda found: found[1] + self.sealed(found[2]) + found[3], recording.create_pipeline)
        self.send(CREATE_PIPELINE, text, command_id, first=True)
        stream = Stream(self.pool, command_id)
        heard: list[tuple[str, str]] = []
        stopped = False
        while not heard or heard[-1][0] != "PIPELINE_STATE":
            messages, _, _ = stream.receive()
            for message in messages:
                assert not heard or heard[-1][0] != "PIPELINE_STATE"
                heard.append((NAMES[message.kind], message.clixml))
                if message.kind == HOST_CALL and (answer := next(answers, None)) is not None:
                    self.send(HOST_RESPONSE, answer, command_id)
            if stop_after is not None and len(heard) >= stop_after and not stopped:
                stopped = True
                code = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/ctrl_c"
                self.pool.shell.signal(code, command_id)
        self.pool.shell.signal("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/terminate", command_id)
        return heard

    def sealed(self, text: str) -> str:
        self.pool.exchange_keys()
        return self.pool.seal(Secret(base64.b64decode(text).decode("utf-16-le")))

    def send(self, kind: int, text: str, command_id: str, *, first: bool = False) -> None:
        for number, piece in enumerate(self.pool.outgoing(packed(kind, self.pool.id, command_id, text))):
            if first and number == 0:
                words = [base64.b64encode(piece).decode("ascii")]
                self.pool.shell.command("", arguments=words, command_id=command_id)
            else:
                self.pool.shell.send("stdin" if first else "pr", piece, command_id=command_id)


@pytest.fixture(scope="module")
def clients(users: str) -> Iterator[dict[bool, Client]]:
    """A pool on the default configuration, and (True) one on the restricted."""
    engines = {"Microsoft.PowerShell": Held(judge.make_engine()), JEA: Held(judge.make_engine(restricted=True))}
    server = WireServer("HV01", engines, Accounts([OPS], "HV01"), RealClock(), https_port=None)
    server.start()
    made = {}
    for restricted, configuration in ((False, "Microsoft.PowerShell"), (True, JEA)):
        endpoint = Endpoint("127.0.0.1", server.http_port or 0, "http", "ntlm",
                            Credential("LAB\\ops", Secret(PASSWORD)), configuration=configuration)
        wire = Wire(endpoint)
        pool = Pool("hv01", wire, SystemClock(), configuration, endpoint.idle_timeout)
        pool.open()
        made[restricted] = Client(wire, pool)
    yield made
    for client in made.values():
        client.pool.close()
        client.wire.close()
    server.stop()


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_request_is_answered_over_the_wire_as_it_was(clients: dict[bool, Client], name: str) -> None:
    recording = RECORDINGS[name]
    heard = clients[recording.restricted].play(recording)
    assert judge.difference(judge.expected(recording), heard) is None


def test_they_are_the_same_as_in_process_and_the_restricted_endpoint_is_among_them() -> None:
    assert len(RECORDINGS) == 70
    assert sum(each.restricted for each in RECORDINGS.values()) >= 8
