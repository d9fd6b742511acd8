"""Runs a command and turns what went wrong into one clear error and an exit code."""

from __future__ import annotations

import os
import sys
import traceback

import click

from winmigrate.errors import WinmigrateError


def guarded(program: click.Command, arguments: list[str], given: object = None) -> int:
    """The exit code of a command line. ``given``: its means (winmigrate.cli.means), where they are not its own."""
    try:
        result = program.main(arguments, prog_name="winmigrate", standalone_mode=False, obj=given)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except WinmigrateError as error:
        click.echo(str(error), err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): nothing more can be said, and no trace belongs on the screen.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        traceback.print_exc()
        click.echo("winmigrate itself failed; nothing was sent because of it. A run goes on with", err=True)
        click.echo("  winmigrate resume RUN", err=True)
        return 70
    return result if isinstance(result, int) else 0
