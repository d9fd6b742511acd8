"""Asks a lab host's engine in the client's own words: its requests, its CLIXML both ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.lab.cmdlets.asking import Site
from winmigrate.lab.engine.effects import Wait
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.messages import create_pipeline
from winmigrate.request import Request, Statement


@dataclass
class Heard:
    """What the client read. ``errors`` and ``failure`` are error records."""

    output: list[Any] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    state: str = ""
    failure: Any = None


def ask(site: Site, asked: Statement) -> Heard:
    """One statement. Secrets travel unsealed here: sealing is the wire's."""
    heard = Heard()
    sent = create_pipeline(Request((asked,)), (2, 3), lambda secret: secret.reveal())
    for item in site.engine.run(sent, site.caller, lambda: False, lambda sealed: sealed):
        if isinstance(item, Wait):
            with site.world.clock.parked():
                site.world.clock.wait(item.deadline, item.ready)
        elif item.kind == "PIPELINE_OUTPUT":
            heard.output.append(loads(item.clixml))
        elif item.kind == "ERROR_RECORD":
            heard.errors.append(loads(item.clixml))
        elif item.kind == "PIPELINE_STATE":
            heard.state = item.state or ""
            heard.failure = loads(item.clixml).properties.get("ExceptionAsErrorRecord")
    return heard
