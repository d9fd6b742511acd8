"""Runs a command and turns what went wrong into one clear error and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback

import click

from winmigrate.errors import WinmigrateError

#: Standard output is a file on a full disk, or a device that failed.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


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
        _say_no_more()
        return 0
    except OSError as error:
        if error.errno not in _NO_ROOM or error.filename is not None:
            return _crashed()
        _say_no_more()
        click.echo(f"what there was to say could not be written: {error.strerror}", err=True)
        return 70
    except Exception:
        return _crashed()
    return result if isinstance(result, int) else 0


def _crashed() -> int:
    traceback.print_exc()
    click.echo("winmigrate itself failed; nothing was sent because of it. A run goes on with", err=True)
    click.echo("  winmigrate resume RUN", err=True)
    return 70


def _say_no_more() -> None:
    """What Python still holds for standard output goes nowhere, so that its end is silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
