"""A host for tests: the lab's wire before an engine of a few commands, and what it was asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.wire import Account, Accounts, Limits, RealClock, ScriptedFaults, WireServer, install_user_file
from winmigrate.remoting.clixml import PSObject, dumps, loads
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.request import Credential, Secret

PASSWORD = "Correct-Horse-7"
ADMIN = Account("LAB", "admin", Secret(PASSWORD))
CREDENTIAL = Credential("LAB\\admin", Secret(PASSWORD))

_Said: TypeAlias = "Iterator[Message | Wait]"

_ERROR_TYPES = ("System.Management.Automation.ErrorRecord", "System.Object")


def bare(value: Any) -> str:
    """The CLIXML of a value as a PSRP message carries it, without the root."""
    return dumps(value).split(">", 1)[1].removesuffix("</Objs>")


def record(message: str, fqeid: str = "Broken,Test") -> PSObject:
    exception = PSObject(("System.Exception", "System.Object"), None, {"Message": message, "HResult": -2146233088})
    return PSObject(
        _ERROR_TYPES,
        message,
        {"Exception": exception, "FullyQualifiedErrorId": fqeid, "ErrorCategory_Category": 5, "TargetObject": "it"},
    )


class FewCommands:
    """Write-Output, Write-Error, Fail, Count (N outputs, ``Every`` seconds apart), Echo (its parameters), Ask, Hide.

    After ``Gate`` outputs Count waits for :attr:`gate`.

    ``ran`` has the commands that were really begun, so that a test sees what was sent twice.
    """

    def __init__(self, clock: RealClock) -> None:
        self.clock = clock
        self.ran: list[str] = []
        self.opened: list[str] = []
        self.pipelines: list[str] = []
        self.lock = threading.Lock()
        self.gate = threading.Event()

    def run(
        self,
        create_pipeline: str,
        context: Any,
        stopping: Callable[[], bool],
        secrets: Callable[[str], str],
        input_objects: Iterator[str] | None = None,
        answers: Callable[[int], str | None] | None = None,
    ) -> Iterator[Message | Wait]:
        self.pipelines.append(create_pipeline)
        shell = loads(create_pipeline).properties["PowerShell"].properties
        statements = (
            [each.properties["Cmds"] for each in shell["ExtraCmds"]] if "ExtraCmds" in shell else [shell["Cmds"]]
        )
        for statement in statements:
            name = statement[0].properties["Cmd"]
            given = {each.properties["N"]: each.properties["V"] for each in statement[0].properties["Args"]}
            with self.lock:
                self.ran.append(name)
            if name == "Fail" or name not in COMMANDS:
                text = given.get("Message", f"The term '{name}' is not recognized")
                yield _state("Failed", 5, record(text))
                return
            yield from COMMANDS[name](self, given, secrets, answers, stopping)
            if stopping():
                yield _state("Stopped", 3)
                return
        yield _state("Completed", 4)


def _state(state: str, number: int, error: PSObject | None = None) -> Message:
    properties: dict[str, Any] = {"PipelineState": number}
    if error is not None:
        properties["ExceptionAsErrorRecord"] = error
    return Message("PIPELINE_STATE", bare(PSObject((), None, properties)), state)


def _write(_host: FewCommands, given: dict[str, Any], *_: Any) -> Iterator[Message | Wait]:
    yield Message("PIPELINE_OUTPUT", bare(given["InputObject"]))


def _error(_host: FewCommands, given: dict[str, Any], *_: Any) -> Iterator[Message | Wait]:
    yield Message("ERROR_RECORD", bare(record(given["Message"])))


def _count(
    host: FewCommands, given: dict[str, Any], _secrets: Any, _answers: Any, stopping: Any
) -> Iterator[Message | Wait]:
    for number in range(given["To"]):
        yield Message("PIPELINE_OUTPUT", bare(number))
        yield Wait(deadline=host.clock.monotonic() + given.get("Every", 0.0), ready=stopping, interruptible=True)
        while number + 1 == given.get("Gate") and not host.gate.is_set() and not stopping():
            yield Wait(deadline=host.clock.monotonic() + 0.05, ready=stopping, interruptible=True)
        if stopping():
            return


def _echo(host: FewCommands, given: dict[str, Any], secrets: Callable[[str], str], *_: Any) -> Iterator[Message | Wait]:
    for name, value in given.items():
        if isinstance(value, PSObject) and "Password" in value.properties:
            host.opened.append(secrets(value.properties["Password"].sealed))
            value = value.properties["UserName"]
        yield Message("PIPELINE_OUTPUT", bare(PSObject(("Echo",), None, {"Name": name, "Value": value})))


def _ask(
    _host: FewCommands, _given: dict[str, Any], _secrets: Any, answers: Any, stopping: Any
) -> Iterator[Message | Wait]:
    yield Message(
        "PIPELINE_HOST_CALL",
        '<Obj RefId="0"><MS><I64 N="ci">1</I64><Obj N="mi" RefId="1"><TN RefId="0"><T>System.Management.Automation.'
        "Remoting.RemoteHostMethodId</T><T>System.Enum</T><T>System.ValueType</T><T>System.Object</T></TN>"
        '<ToString>Prompt</ToString><I32>23</I32></Obj><Obj N="mp" RefId="2"><LST/></Obj></MS></Obj>',
    )
    yield Wait(ready=lambda: stopping() or (answers is not None and answers(1) is not None), interruptible=True)
    yield Message("PIPELINE_OUTPUT", bare(loads(answers(1)).properties["me"].to_string))


COMMANDS: dict[str, Callable[..., Iterator[Message | Wait]]] = {
    "Write-Output": _write,
    "Write-Error": _error,
    "Count": _count,
    "Echo": _echo,
    "Ask": _ask,
}


class Host:
    """A running server with its faults, its engine and the endpoint that leads to it."""

    def __init__(
        self, server: WireServer, engine: FewCommands, faults: ScriptedFaults, log: list[dict[str, Any]]
    ) -> None:
        self.server = server
        self.engine = engine
        self.faults = faults
        self.log = log

    def endpoint(self, **changes: Any) -> Endpoint:
        scheme = changes.get("scheme", "http")
        port = self.server.http_port if scheme == "http" else self.server.https_port
        settings = {
            "address": "127.0.0.1",
            "port": port,
            "scheme": scheme,
            "auth": "ntlm",
            "credential": CREDENTIAL,
            "connect_timeout": 5.0,
            "read_timeout": 8.0,
            "operation_timeout": 5,
            "open_timeout": 15.0,
        }
        return Endpoint(**{**settings, **changes})

    def asked(self, action: str) -> int:
        return sum(each.get("action") == action for each in self.log)


@contextmanager
def serving(**settings: Any) -> Iterator[Host]:
    clock = RealClock()
    engine = FewCommands(clock)
    faults = ScriptedFaults()
    log: list[dict[str, Any]] = []
    before = os.environ.get("NTLM_USER_FILE")
    path = install_user_file([ADMIN])
    limits = settings.pop("limits", Limits())
    server = WireServer(
        "HV01", engine, Accounts([ADMIN], "HV01"), clock, faults=faults, log=log.append, limits=limits, **settings
    )
    server.start()
    try:
        yield Host(server, engine, faults, log)
    finally:
        server.stop()
        os.unlink(path)
        if before is not None:
            os.environ["NTLM_USER_FILE"] = before
