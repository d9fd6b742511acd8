"""Two things of one step at once: both hosts are asked in the time of one."""

from __future__ import annotations

from collections.abc import Callable

from winmigrate.request import Clock


def together(clock: Clock, here: Callable[[], None], beside: Callable[[], None], *, name: str) -> None:
    """Runs ``beside`` in a thread of its own while ``here`` runs in this one; returns when both have ended.

    What either raises is raised then; if both do, what ``here`` raised.
    """
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            beside()
        except BaseException as error:  # carried to the caller's thread, where it is raised
            wrong.append(error)

    thread = clock.start(work, name=name)
    try:
        here()
    finally:
        clock.join(thread)
    if wrong:
        raise wrong[0]
