"""Commands that move, or look at a run: run, resume, status, cancel, report."""

from __future__ import annotations

import signal
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from winmigrate.cli.clocks import ground_for
from winmigrate.documents import RunFolder, open_run_folder, read_document
from winmigrate.errors import WinmigrateError

if TYPE_CHECKING:
    from winmigrate.execution.run import Run
    from winmigrate.execution.standing import RunStatus
    from winmigrate.verbs.ground import Ground


def run(word: str, inventory: str | None, run_dir: str, yes: bool, form: str, no_color: bool) -> int:
    """`winmigrate run RUN|PLAYBOOK`."""
    from winmigrate import verbs
    from winmigrate.cli.talking import ground_of, tell_unreached
    from winmigrate.reporting.text import findings_text, plan_text

    if not Path(word).is_file():
        return _drive(open_run_folder(run_dir, word), inventory, run_dir, form, no_color)
    ground = ground_of(word, inventory, run_dir)
    planned = verbs.plan(word, ground=ground)
    tell_unreached(planned.checked.roll, err=True)
    if planned.checked.findings.wishes or planned.plan.refusals:
        click.echo(findings_text(planned.checked.findings), err=True)
    click.echo(plan_text(planned.plan, run=planned.folder.run_id, digest=planned.digest), nl=False, err=form == "json")
    if not planned.plan.steps:
        return planned.exit_code
    if not yes:
        if not sys.stdin.isatty():
            click.echo("nothing was moved: --yes is needed where nobody can be asked", err=True)
            return 2
        if not click.confirm(f"move {len(planned.plan.steps)} VMs now?", err=True):
            click.echo(f"nothing was moved; later: winmigrate run {planned.folder.run_id}", err=True)
            return 0
    code = _drive(planned.folder, inventory, run_dir, form, no_color, ground)
    return code or planned.exit_code


def resume(word: str, inventory: str | None, run_dir: str, form: str, no_color: bool) -> int:
    """`winmigrate resume RUN`."""
    from winmigrate import verbs

    folder = open_run_folder(run_dir, word)
    plan = read_document(folder, "plan", verbs.PLAN)
    ground = ground_for(inventory or plan.inventory, run_dir)
    try:
        for line in verbs.changed_since(folder, ground=ground):
            click.echo(f"since it was planned: {line}", err=True)
    except Exception as error:
        # Law 7: this only tells what would be planned today. What was planned is in the run's folder, and what moves
        # is looked for whatever the playbook, the survey or we do wrong here.
        said = str(error) if isinstance(error, WinmigrateError) else repr(error)
        click.echo(f"what changed since it was planned cannot be told: {said}", err=True)
    return _drive(folder, inventory, run_dir, form, no_color, ground)


def _drive(
    folder: RunFolder, inventory: str | None, run_dir: str, form: str, no_color: bool, ground: Ground | None = None
) -> int:
    from winmigrate import verbs
    from winmigrate.reporting import live
    from winmigrate.reporting.standing import outcome_text
    from winmigrate.reporting.words import name, visible

    plan = read_document(folder, "plan", verbs.PLAN)
    place = ground or ground_for(inventory or plan.inventory, run_dir)
    view = live.view(plan, place.zone(), no_color=no_color)
    with _Stopping(view.say, folder.run_id) as on_run, view:
        result = verbs.run(folder, ground=place, on_snapshot=view.show, on_run=on_run)
    click.echo(outcome_text(plan, result.states), nl=False, err=form == "json")
    for item in result.waiting:
        move = plan.step(item.step).move
        click.echo(f"  {name(move.vm_name)} was not started: {visible(item.reason)}", err=form == "json")
    try:
        written = verbs.report(folder)
    except Exception as error:
        # Law 7: the moves are done, or not, whatever becomes of the report. How they ended is the exit code.
        click.echo(f"the report could not be written: {error}", err=True)
        click.echo(f"  try it again: winmigrate report {folder.run_id} --run-dir {folder.path.parent}", err=True)
    else:
        click.echo(f"report: {written.html}", err=form == "json")
        if form == "json":
            click.echo(written.json.read_text(encoding="utf-8"), nl=False)
    if result.exit_code == 4:
        click.echo(f"go on with it: winmigrate resume {folder.run_id} --run-dir {folder.path.parent}", err=True)
    return result.exit_code


class _Stopping(AbstractContextManager["Callable[[Run], None]"]):
    """Ctrl-C once: nothing new starts. Twice: the run is left, its moves go on. Thrice: at once."""

    def __init__(self, say: Callable[[str], None], run_id: str) -> None:
        self._say = say
        self._run_id = run_id
        self._run: Run | None = None
        self._before: object = None

    def __enter__(self) -> Callable[[Run], None]:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._asked)
        return self._got

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]

    def _got(self, run: Run) -> None:
        self._run = run

    def _asked(self, number: int, frame: FrameType | None) -> None:
        from winmigrate.execution.run import StopMode

        if self._run is None or self._run.detaching:
            raise KeyboardInterrupt
        run = self._run
        if run.stop_mode is StopMode.NO:
            self._say("stopping: nothing new starts, running moves are followed (again: leave them alone)")
        else:
            self._say(f"leaving: moves go on without us; go on with it: winmigrate resume {self._run_id}")
        # The handler runs between two instructions of the main thread, which may hold a lock that stop() takes.
        threading.Thread(target=run.stop, name="stop", daemon=True).start()


def status(word: str, run_dir: str, form: str, no_color: bool) -> int:
    """`winmigrate status RUN`."""
    from winmigrate import verbs
    from winmigrate.reporting.standing import status_json, status_text

    found = verbs.status(word, run_dir=run_dir)
    click.echo(status_json(found) if form == "json" else status_text(found), nl=False)
    return found.exit_code


def cancel(word: str, vm: str, inventory: str | None, run_dir: str, form: str, no_color: bool) -> int:
    """`winmigrate cancel RUN [VM]`."""
    from winmigrate import verbs
    from winmigrate.reporting.standing import status_json, status_text

    folder = open_run_folder(run_dir, word)
    plan = read_document(folder, "plan", verbs.PLAN)
    found: RunStatus = verbs.cancel(folder, vm, ground=ground_for(inventory or plan.inventory, run_dir))
    click.echo(status_json(found) if form == "json" else status_text(found), nl=False)
    if found.driver is not None:
        click.echo(f"asked {found.driver}; see `winmigrate status {folder.run_id}`", err=True)
    return found.exit_code


def report(word: str, run_dir: str, form: str, show: bool) -> int:
    """`winmigrate report RUN`."""
    from winmigrate import verbs

    written = verbs.report(open_run_folder(run_dir, word))
    files = {"html": written.html, "json": written.json, "md": written.markdown, "junit": written.junit}
    if form == "text":
        for path in files.values():
            click.echo(str(path))
    else:
        click.echo(files[form].read_text(encoding="utf-8"), nl=False)
    if show:
        webbrowser.open(written.html.resolve().as_uri())
    return 0
