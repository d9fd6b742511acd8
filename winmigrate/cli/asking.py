"""``-v``: what is asked of each host, a line a request on standard error: names of commands, never their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from winmigrate.errors import HostError

if TYPE_CHECKING:
    from winmigrate.request import Event, Reply, Request


def tell(host: str, asked: Request, events: tuple[Event, ...], end: Reply | HostError | None) -> None:
    """A sink of winmigrate.remoting.recording."""
    what = described(asked)
    if isinstance(end, HostError):
        click.echo(f"{host}: {what}: {str(end).removeprefix(f'{host}: ')}", err=True)
    elif end is None:
        click.echo(f"{host}: {what}: left before its end", err=True)
    else:
        click.echo(f"{host}: {what}: {end.state.value.lower()}, {len(events)} answers, {end.seconds:.2f} s", err=True)


def described(asked: Request) -> str:
    """``31 statements (Get-CimInstance, Get-VMHost, Get-VM, ...)``; the opening of a session has none."""
    if not asked.statements:
        return "session"
    names = [
        "a function" if item.is_script else item.name
        for statement in asked.statements
        for item in statement.commands[:1]
        if item.name != "Write-Output"
    ]
    distinct = list(dict.fromkeys(names))
    shown = ", ".join(distinct[:4]) + (", ..." if len(distinct) > 4 else "")
    return f"{len(names)} {'statement' if len(names) == 1 else 'statements'} ({shown})"
