"""What stands between a command and the hosts: nothing, a recording, or a recording that is replayed in their place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from winmigrate.errors import TranscriptError, UsageError

if TYPE_CHECKING:
    from winmigrate.transcript import Book
    from winmigrate.verbs.recording import Recording


@dataclass(slots=True)
class Means:
    """Of one command line. ``polls``: what was asked more often than recorded gets its last answer again (runs)."""

    recording: Recording | None = None
    replay: Path | None = None
    polls: bool = False
    #: The playbook that the command was given, to be saved beside its recording.
    playbook: Path | None = None
    _book: Book | None = field(default=None, init=False)

    def book(self) -> Book | None:
        """What is replayed, read once. Raises TranscriptError."""
        if self._book is None and self.replay is not None:
            from winmigrate.transcript import load_book

            self._book = load_book(self.replay, strict=not self.polls)
        return self._book

    def finish(self) -> None:
        """The end of a replay: what was asked and not recorded is an error, what was left over is told."""
        if self._book is None:
            return
        if self._book.missed:
            raise TranscriptError(self._book.missed[0], hint=f"replayed from {self.replay}")
        left = self._book.unused()
        if left and not self.polls:
            shown = "".join(f"\n  {line}" for line in left[:3]) + ("\n  ..." if len(left) > 3 else "")
            click.echo(f"recorded in {self.replay} and not asked this time, {len(left)} requests:{shown}", err=True)


def means() -> Means:
    """The means of the command that runs now; hosts themselves, where nothing else was said."""
    context = click.get_current_context(silent=True)
    found = context.find_object(Means) if context is not None else None
    return found if found is not None else Means()


def replay_option(context: click.Context, _: click.Parameter, value: str | None) -> None:
    """`--replay DIR`."""
    if value is None:
        return
    given = Means(replay=Path(value), polls=context.command.name == "run")
    context.obj = given
    context.call_on_close(given.finish)


def record(words: tuple[str, ...], out: Path) -> int:
    """`winmigrate record PLAYBOOK | -- COMMAND`."""
    from winmigrate.cli.commands import program
    from winmigrate.cli.running import guarded
    from winmigrate.verbs.recording import Recording

    arguments = list(words)
    if arguments and arguments[0] == "winmigrate":
        del arguments[0]
    if not arguments:
        raise UsageError("nothing to record", hint="winmigrate record PLAYBOOK, or winmigrate record -- COMMAND ...")
    if arguments[0] not in program.commands:
        arguments.insert(0, "check")
    if arguments[0] in ("record", "lab"):
        raise UsageError(f"`{arguments[0]}` asks no host: there is nothing to record")
    if arguments[0] == "init":
        raise UsageError("`init` has no inventory yet, whose names could be replaced", hint="record `hosts` with it")
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty", hint="a recording has a folder of its own: --out ANOTHER")
    given = Means(recording=Recording())
    code = guarded(program, arguments, given)
    recording = given.recording
    assert recording is not None
    if not recording.heard:
        if code == 0:
            raise UsageError(f"`{' '.join(arguments)}` asked no host: nothing was recorded")
        return code
    for path in recording.save(out, playbook=given.playbook):
        click.echo(f"recorded: {path}", err=True)
    click.echo(f"names are replaced; read it before you give it away: {out}", err=True)
    return code
