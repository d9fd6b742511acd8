from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from tests.lab.wire.scripted import OPS, OTHER, PASSWORD, ScriptedEngine
from winmigrate.lab.wire import (
    Accounts,
    Limits,
    LogonContext,
    RealClock,
    ScriptedFaults,
    WireClock,
    WireServer,
    install_user_file,
)


@pytest.fixture(scope="module")
def users() -> Iterator[str]:
    before = os.environ.get("NTLM_USER_FILE")
    path = install_user_file([OPS, OTHER])
    yield path
    os.unlink(path)
    if before is None:
        del os.environ["NTLM_USER_FILE"]
    else:
        os.environ["NTLM_USER_FILE"] = before


@dataclass
class Host:
    server: WireServer
    engine: ScriptedEngine
    clock: WireClock
    faults: ScriptedFaults
    log: list[dict[str, Any]] = field(default_factory=list)

    def wsman(self, auth: str = "ntlm", *, ssl: bool = False, user: str = "LAB\\ops", **more: Any) -> WSMan:
        options: dict[str, Any] = {"password": PASSWORD, "cert_validation": False, "no_proxy": True, **more}
        port = self.server.https_port if ssl else self.server.http_port
        return WSMan("127.0.0.1", port=port, ssl=ssl, username=user, auth=auth, **options)

    def actions(self, event: str = "request") -> list[str]:
        return [entry.get("action", "") for entry in self.log if entry["event"] == event]


def shell(pool: RunspacePool, name: str, *parameters: Any) -> PowerShell:
    found = PowerShell(pool)
    found.add_cmdlet(name)
    for number, value in enumerate(parameters):
        found.add_parameter(f"P{number}", value)
    return found


def ask(pool: RunspacePool, name: str, *parameters: Any) -> list[Any]:
    return list(shell(pool, name, *parameters).invoke())


@pytest.fixture
def make_host(users: str) -> Iterator[Callable[..., Host]]:
    with ExitStack() as stack:

        def make(
            clock: WireClock | None = None,
            limits: Limits | None = None,
            admits: Callable[[LogonContext], bool] | None = None,
        ) -> Host:
            the_clock = clock if clock is not None else RealClock()
            engine = ScriptedEngine(the_clock)
            faults = ScriptedFaults()
            log: list[dict[str, Any]] = []
            server = WireServer(
                "HV01", engine, Accounts([OPS, OTHER], "HV01"), the_clock, limits=limits, faults=faults, log=log.append,
                admits=admits,
            )
            server.start()
            stack.callback(server.stop)
            stack.callback(engine.open_gate)
            return Host(server, engine, the_clock, faults, log)

        yield make


@pytest.fixture
def host(make_host: Callable[..., Host]) -> Host:
    return make_host()
