"""The live view of a run: on a terminal it is redrawn in place; elsewhere a line a minute, and one for what happens.

It only looks on (law of execution 7): what fails here is said once, and the run goes on without a view.
"""

from __future__ import annotations

import datetime as dt
import sys
import textwrap
import threading
import time
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING

from winmigrate.execution.run import Snapshot
from winmigrate.execution.states import Status
from winmigrate.planning.plan import Plan
from winmigrate.reporting.progress import SILENCE, Observer, Picture, silence_of, took
from winmigrate.reporting.words import clock_time, name, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

#: Without a terminal: seconds of the run's clock between two summaries.
EVERY = 60.0
#: On a terminal: real seconds between two drawings at least. Many hosts make much news.
REDRAW = 0.1
#: Letters of a cause in the line that tells of it; the whole is said when the run has ended, and in the report.
CAUSE = 240


def view(
    plan: Plan, zone: dt.tzinfo | None, *, no_color: bool = False, stream: IO[str] | None = None
) -> LiveView:
    """A view on ``stream`` (standard error if none is given); entered and left like a file."""
    out = stream if stream is not None else sys.stderr
    if out.isatty():
        return _Screen(plan, zone, out, no_color)
    return _Paper(plan, zone, out)


class LiveView(AbstractContextManager["LiveView"]):
    """What a run shows itself to. :meth:`show` and :meth:`say` never raise."""

    def __init__(self, plan: Plan, zone: dt.tzinfo | None, out: IO[str]) -> None:
        self._plan = plan
        self._zone = zone
        self._out = out
        # say() is called by signal handlers, in the very thread that may be in show() at that moment.
        self._guard = threading.RLock()
        self._observer = Observer(plan, zone)
        self._told: dict[str, Status] = {}
        self._silent: set[str] = set()
        self._broken = False

    def show(self, snapshot: Snapshot) -> None:
        """How the run stands now."""
        with self._guard:
            if self._broken:
                return
            try:
                for line in self._news(snapshot):
                    self._line(line)
                self._draw(self._observer.see(snapshot), snapshot)
            except Exception as error:
                # Law of execution 7: a view that fails is given up, the moves are not.
                self._give_up(error)

    def say(self, text: str) -> None:
        """A line of talk between the lines of the view."""
        with self._guard:
            try:
                self._line(text)
            except (OSError, ValueError):
                self._broken = True

    def __exit__(self, *_: object) -> None:
        with self._guard:
            try:
                self._close()
            except (OSError, ValueError):
                self._broken = True

    def _news(self, snapshot: Snapshot) -> list[str]:
        """A line for each step that began, ended or went out of sight, and each host that fell silent or came back."""
        found = []
        clock = clock_time(snapshot.at, self._zone)
        for step in self._plan.steps:
            state = snapshot.states[step.id]
            before = self._told.get(step.id, Status.WAITING)
            self._told[step.id] = state.status
            if state.status is before:
                continue
            move = step.move
            head = f"{clock}  {name(move.vm_name)}  {move.source} > {move.destination}  "
            where = str(state.outcome.get("where", ""))
            cause = textwrap.shorten(visible(str(state.outcome.get("cause", ""))), CAUSE, placeholder=" ...")
            seconds = None
            if state.started_at is not None and state.ended_at is not None:
                seconds = (state.ended_at - state.started_at).total_seconds()
            if state.status is Status.MOVING:
                found.append(head + ("begins" if before is Status.WAITING else "is followed again"))
            elif state.status is Status.DONE:
                found.append(f"{head}done: {visible(where)}{took(seconds)}")
            elif state.status is Status.UNKNOWN:
                found.append(f"{head}UNKNOWN: nobody knows where it is at the moment; looking on both hosts")
            elif state.status.final:
                told = "; ".join(text for text in (visible(where), cause) if text)
                found.append(f"{head}{state.status.value.upper()}: {told}")
            else:
                found.append(f"{head}waits again")
        for host, seen in snapshot.views.items():
            silent = silence_of(seen, snapshot.at)
            if silent is not None and silent > SILENCE and host not in self._silent:
                self._silent.add(host)
                found.append(f"{clock}  {host}  NO NEWS {silent / 60:.0f} min: {visible(seen.silence)}")
            elif silent is None and host in self._silent:
                self._silent.discard(host)
                found.append(f"{clock}  {host}  answers again")
        return found

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        try:
            self._close()
            self._out.write(f"the live view failed ({error!r}); the run goes on without it: winmigrate status\n")
            self._out.flush()
        except (OSError, ValueError):
            return  # nobody reads what is written there any more

    def _line(self, text: str) -> None:
        raise NotImplementedError

    def _draw(self, picture: Picture, snapshot: Snapshot) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


class _Paper(LiveView):
    """Lines, one after the other: a log, a pipe, a build server."""

    def __init__(self, plan: Plan, zone: dt.tzinfo | None, out: IO[str]) -> None:
        super().__init__(plan, zone, out)
        self._last: dt.datetime | None = None

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()

    def _draw(self, picture: Picture, snapshot: Snapshot) -> None:
        if self._last is not None and 0 <= (picture.at - self._last).total_seconds() < EVERY:
            return
        self._last = picture.at
        self._line(f"{clock_time(picture.at, self._zone)}  {picture.head}")
        for text in lines_of(picture):
            self._line(text)

    def _close(self) -> None:
        self._out.flush()


def lines_of(picture: Picture, most: int = 20) -> list[str]:
    """The VMs of a picture, in columns; of many that wait, the first few and how many more."""
    shown = picture.lines[:most]
    vm = max((len(line.vm) for line in shown), default=0)
    way = max((len(line.way) for line in shown), default=0)
    texts = [f"  {line.vm:<{vm}}  {line.way:<{way}}  {line.text}" for line in shown]
    if len(picture.lines) > most:
        texts.append(f"  and {len(picture.lines) - most} more")
    return texts


class _Screen(LiveView):
    """A terminal: redrawn in place, what happened scrolls above it."""

    def __init__(self, plan: Plan, zone: dt.tzinfo | None, out: IO[str], no_color: bool) -> None:
        super().__init__(plan, zone, out)
        self._console = _console(out, no_color)
        self._live: Live | None = None
        self._drawn = float("-inf")

    def __enter__(self) -> _Screen:
        from rich.live import Live

        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        try:
            self._live.start()
        except (OSError, ValueError):
            self._broken = True
        return self

    def _line(self, text: str) -> None:
        from rich.text import Text

        style = "bold red" if any(word in text for word in ("UNKNOWN", "FAILED", "NO NEWS")) else ""
        self._console.print(Text(text, style=style))

    def _draw(self, picture: Picture, snapshot: Snapshot) -> None:
        now = time.monotonic()
        if self._live is not None and now - self._drawn >= REDRAW:
            self._drawn = now
            self._live.update(screen_of(picture, self._console.width, self._console.height), refresh=True)

    def _close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _console(out: IO[str], no_color: bool) -> Console:
    from rich.console import Console

    class Patient(Console):
        """Rich ends the whole process when its stream is closed. A run goes on without it."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    return Patient(file=out, no_color=no_color, highlight=False)


_STYLE = {Status.MOVING: "", Status.WAITING: "dim", Status.UNKNOWN: "bold red"}


def screen_of(picture: Picture, width: int, height: int) -> RenderableType:
    """What a terminal of that size shows; bars only where they leave room for words."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(width=16 if width >= 100 else 0)
    table.add_column(overflow="fold")
    room = max(height - 4, 3)
    for line in picture.lines[:room]:
        style = "bold red" if line.alarm else _STYLE.get(line.status, "")
        bar: RenderableType = ""
        if line.percent is not None and width >= 100:
            done = "red" if line.alarm else "cyan"
            bar = ProgressBar(total=100, completed=line.percent, width=16, complete_style=done, finished_style=done)
        table.add_row(Text(line.vm, style), Text(line.way, style), bar, Text(line.text, style))
    parts: list[RenderableType] = [Text(picture.head, "bold"), table]
    if len(picture.lines) > room:
        parts.append(Text(f"and {len(picture.lines) - room} more", "dim"))
    return Group(*parts)
