"""Our verdict on delegation, from what the lab's AD cmdlets answer, against what the lab then does: state by state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.directory.samba import DNS
from tests.directory.test_delegation import FABRIC, STATES, UNSHOWN, State, of_lab
from tests.directory.verdicts import verdict
from tests.fixtures_generate import entry
from tests.lab.cmdlets.asking import Site
from tests.lab.fabric.worlds import world_of
from tests.survey.test_roll import QuickClock
from winmigrate.directory import DirectoryFacts, Named, Wanted, read_directory, through
from winmigrate.lab.fabric.identity import Logon
from winmigrate.lab.fabric.world import World
from winmigrate.request import Reply, Request


class EngineSession:
    """A session of the lab's engine in this process, of one who can pass itself on."""

    host = "hv01"

    def __init__(self, world: World) -> None:
        self._site = Site(world, caller=Logon("CORP\\ops", "credssp", delegated=True, host="hv01"))

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def ask(self, asked: Request, *, timeout: float = 60.0) -> Reply:
        found = entry(self._site, asked)
        return Reply(found.events, found.end, found.error)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    text = FABRIC.replace("hv01: {migration", "hv01: {features: {RSAT-AD-PowerShell: Installed}, migration")
    with world_of(text) as made:
        yield made


def facts_of(world: World, user: str) -> DirectoryFacts:
    found = world.user(user)
    assert found is not None
    clock = QuickClock()
    places = {name: Named(name.upper(), f"{name}.{DNS}") for name in ("hv01", "hv02", "hv03")}
    with through("hv01", lambda host: EngineSession(world), clock) as way:  # type: ignore[arg-type, return-value]
        read = read_directory(way, Wanted(places, operators=[found.sid]), clock.now())  # type: ignore[arg-type]
    assert isinstance(read, DirectoryFacts), read
    return read


@pytest.mark.parametrize("state", [*STATES, *UNSHOWN], ids=lambda state: state.title)
def test_the_lab_does_what_we_say(world: World, state: State) -> None:
    lab = of_lab(world, state)
    user = world.user(state.user)
    assert user is not None
    assert verdict(facts_of(world, state.user), state.user, user.sid) == lab


def test_reads_are_few(world: World) -> None:
    """Whatever the number of hosts: the domain, its accounts, the operator's groups."""
    asked: list[Request] = []

    class Counting(EngineSession):
        def ask(self, request: Request, *, timeout: float = 60.0) -> Reply:
            asked.append(request)
            return super().ask(request, timeout=timeout)

    clock = QuickClock()
    user = world.user("ops")
    assert user is not None
    places = {f"hv{number}": Named(f"HV{number}", f"hv{number}.{DNS}") for number in range(60)}
    with through("hv01", lambda host: Counting(world), clock) as way:  # type: ignore[arg-type, return-value]
        read_directory(way, Wanted(places, operators=[user.sid]), clock.now())  # type: ignore[arg-type]
    assert len(asked) == 3
