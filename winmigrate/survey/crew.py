"""One thread a host; what goes wrong on one host is data and touches no other.

A thread runs its first part, waits until every thread has, and runs its second: what is asked of a destination stands
on what its sources said. All waiting goes through the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from winmigrate.request import Clock, ClockEvent

Part = Callable[[], None]


class Work(Protocol):
    """What is done on one host. Neither part lets a HostError out."""

    def first(self) -> None: ...

    def second(self) -> None: ...


def run(work: Mapping[str, Work], clock: Clock, name: str) -> None:
    """Runs both parts on every host, and returns when all have ended. Raises what is an error of ours, afterwards."""
    wrong: list[BaseException] = []
    first_done = {host: clock.event() for host in work}
    go = {host: clock.event() for host in work}

    def member(host: str, part: Work, ready: ClockEvent, may_go: ClockEvent) -> Part:
        def body() -> None:
            try:
                try:
                    part.first()
                finally:
                    ready.set()
                    may_go.wait()
                part.second()
            except BaseException as error:  # carried to the caller's thread, where it is raised
                wrong.append(error)

        return body

    threads = [
        clock.start(member(host, part, first_done[host], go[host]), name=f"{name} {host}")
        for host, part in work.items()
    ]
    for done in first_done.values():
        done.wait()
    for may_go in go.values():
        may_go.set()
    for thread in threads:
        clock.join(thread)
    if wrong:
        raise wrong[0]
