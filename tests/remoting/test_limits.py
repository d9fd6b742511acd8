"""Our client where a host's limits are met: each refusal is one line, and what comes twice is taken once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.remoting.host import Host, serving
from winmigrate.errors import Refused
from winmigrate.lab.wire import Limits
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.request import PipelineState, Request, SystemClock, command, request, statement


def session_to(host: Host, **changes: Any) -> PsrpSession:
    return PsrpSession("hv01", host.endpoint(**changes), SystemClock())


def count(to: int, every: float = 0.0) -> Request:
    return request(statement(command("Count", To=to, Every=every)))


def test_what_is_delivered_again_is_taken_once() -> None:
    with serving(limits=Limits(disconnect_after=0.0, redelivery=True)) as host:
        session = session_to(host)
        seen = []
        for event in session.start(count(4, every=0.2)):
            seen.append(loads(event.clixml))
            if len(seen) == 2:
                host.server.drop_all()
        session.close()
        assert seen == [0, 1, 2, 3]
        assert session.last_reply is not None


def test_a_host_with_all_its_shells() -> None:
    with serving(limits=Limits(shells_per_user=1)) as host:
        first, second = session_to(host), session_to(host)
        first.open()
        with pytest.raises(Refused, match="all the shells it admits") as caught:
            second.open()
        assert "\n" not in str(caught.value)
        first.close()


def test_an_account_with_all_its_operations() -> None:
    with serving(limits=Limits(operations_per_user=1)) as host:
        first, second = session_to(host), session_to(host)
        running = first.start(count(2, every=3))
        reader = threading.Thread(target=lambda: list(running))
        reader.start()
        give_up = time.monotonic() + 10
        # the first number has come, the second is waited for
        while not any(host.server.service._operations.values()):
            assert time.monotonic() < give_up
        with pytest.raises(Refused, match="may not run more operations there at once"):
            second.open()
        reader.join(30)
        assert first.last_reply is not None
        first.close()


def test_a_request_above_the_envelope() -> None:
    with serving(limits=Limits(max_envelope=30_000, fragment=4000)) as host:
        session = session_to(host)
        with pytest.raises(Refused, match="more than MaxEnvelopeSizekb there"):
            session.ask(request(statement(command("Echo", Value="x" * 50_000))))
        reply = session.ask(request(statement(command("Echo", Value="x" * 1000))))
        session.close()
        assert reply.state is PipelineState.COMPLETED
        assert "x" * 1000 in reply.events[0].clixml
