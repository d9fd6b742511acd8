"""The lab's own engine behind the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pypsrp.complex_objects import ObjectMeta
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from tests.lab.wire.scripted import OPS, PASSWORD
from winmigrate.lab.engine.editions import WINDOWS_POWERSHELL_5_1
from winmigrate.lab.engine.effects import Call, Effect, Implementation, Output, Progress, Wait
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.table import CommandTable
from winmigrate.lab.fabric.clock import FabricClock
from winmigrate.lab.wire import Accounts, WireServer


@pytest.fixture
def pool(users: str) -> Iterator[tuple[RunspacePool, FabricClock]]:
    clock = FabricClock(mode="leap")

    def wait(call: Call) -> Iterator[Effect]:
        begun = clock.monotonic()
        for part in range(1, 5):
            yield Wait(deadline=begun + part * 600)
            yield Progress("Waiting", None, part * 25)
        yield Output(f"{call.context.user} waited")

    def shout(call: Call) -> Iterator[Effect]:
        yield Output(call.bound["Arguments"][0].text.upper())

    table = CommandTable(
        {
            "wait.exe": (None, Implementation("wait.exe", "Wait", wait)),
            "open.exe": (None, Implementation("open.exe", "Open", shout)),
        }
    )
    server = WireServer("HV01", Engine(WINDOWS_POWERSHELL_5_1, table), Accounts([OPS]), clock)
    server.start()
    number = clock.join("client", lambda now: None)
    wsman = WSMan("127.0.0.1", port=server.http_port, ssl=False, username="LAB\\ops", password=PASSWORD, auth="ntlm",
                  no_proxy=True)
    with RunspacePool(wsman) as opened:
        yield opened, clock
    clock.leave(number)
    server.stop()
    clock.close()


def run(pool: RunspacePool, *commands: tuple[str, dict[str, Any]]) -> PowerShell:
    found = PowerShell(pool)
    for name, parameters in commands:
        found.add_cmdlet(name).add_parameters(parameters)
    found.invoke()
    return found


def test_output_and_errors(pool: tuple[RunspacePool, FabricClock]) -> None:
    opened, _ = pool
    text = "old's \"vm\" [x] ü 😀"
    assert run(opened, ("Write-Output", {"InputObject": [text, "b"]})).output == [text, "b"]
    sized = run(opened, ("Write-Output", {"InputObject": "abc"}), ("Select-Object", {"Property": ["Length"]}))
    assert sized.output[0].extended_properties == {"Length": 3} or sized.output[0].adapted_properties == {"Length": 3}
    failed = run(opened, ("Get-NoSuchThing", {}))
    assert failed.had_errors
    assert failed.streams.error[0].fq_error == "CommandNotFoundException"


def test_secret_is_opened(pool: tuple[RunspacePool, FabricClock]) -> None:
    opened, _ = pool
    opened.exchange_keys()
    given = opened.serialize("can-ary", ObjectMeta("SS"))
    found = PowerShell(opened)
    found.add_cmdlet("open.exe").add_argument(given)
    assert found.invoke() == ["can-ary".upper()]


def test_long_command_on_fabric_time(pool: tuple[RunspacePool, FabricClock]) -> None:
    opened, clock = pool
    begun = clock.monotonic()
    found = run(opened, ("wait.exe", {}))
    assert found.output == ["LAB\\ops waited"]
    assert [record.percent_complete for record in found.streams.progress] == [25, 50, 75, 100]
    assert clock.monotonic() - begun == pytest.approx(2400, abs=1)
