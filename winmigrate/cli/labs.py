"""Commands of the lab: serve a fabric; the whole way on one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any

import click

from winmigrate.cli.joining import how_to_connect
from winmigrate.errors import LabError
from winmigrate.testing.serving import lab, played

__all__ = ["demo", "lab", "made_from", "serve"]


def serve(
    fabric: Path, out: Path, clock: str, rate: float, http: bool, auth: str, keytab: Path | None, ticket: bool
) -> int:
    """`winmigrate lab serve FABRIC`."""
    with lab(fabric, out, clock=clock, rate=rate, http=http, auth=auth, keytab=keytab, ticket=ticket) as ready:
        click.echo(f"inventory: {out}")
        for name, host in ready["hosts"].items():
            click.echo(f"{name}: https port {host['https']}, http port {host['http']} (message encryption)")
        click.echo(f"control: {ready['control']}")
        click.echo()
        click.echo(how_to_connect(ready, out))
        return _until_stopped(ready, out)


def serve_book(book: Path, out: Path) -> int:
    """`winmigrate lab serve --book DIR`: the same messages to any client; each entry once, in order."""
    with played(book, out) as ready:
        click.echo(f"inventory: {out}")
        for name, host in ready["hosts"].items():
            click.echo(f"{name}: https port {host['https']}, http port {host['http']} (message encryption)")
        return _until_stopped(ready, out)


def made_from(run: str, run_dir: str, out: Path | None) -> int:
    """`winmigrate lab from RUN`: the fabric goes to ``out`` (0600) or standard output; what is assumed is said as well.

    Raises DocumentError, UsageError: no such run, or one without a survey.
    """
    from winmigrate.cli.surveyed import fabric_of
    from winmigrate.documents.files import read_document, write_atomically
    from winmigrate.verbs.ground import ROLL, SURVEY, open_folder

    folder = open_folder(run, run_dir)
    made = fabric_of(read_document(folder, "survey", SURVEY), read_document(folder, "roll", ROLL),
                     f"lab only {secrets.token_urlsafe(12)}")
    text = made.text(f"the survey of run {folder.run_id}")
    if out is None:
        click.echo(text, nl=False)
    else:
        write_atomically(out, text.encode("utf-8"))
        click.echo(f"{out}: {len(made.tree['hosts'])} hosts; winmigrate lab serve {shlex.quote(str(out))}", err=True)
    click.echo("assumed, since the survey did not hold it:", err=True)
    for sentence in made.assumed:
        click.echo(f"  {sentence}", err=True)
    return 0


def _until_stopped(ready: dict[str, Any], out: Path) -> int:
    click.echo(f"try it: winmigrate hosts -i {shlex.quote(str(out))}     stop it: Ctrl-C")
    with contextlib.suppress(KeyboardInterrupt):
        while ready["process"].poll() is None:
            time.sleep(0.5)
    return 0 if ready["process"].poll() in (None, 0) else 70


# --- the demo ----------------------------------------------------------------------------------------------------


class _Story:
    """Runs commands as a person would type them, shows them, and keeps count of what came out otherwise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.surprises: list[str] = []

    def say(self, text: str) -> None:
        click.echo(f"\n# {text}")

    def type(self, *words: str, expect: int, shown: bool = True) -> str:
        """One command; its output. ``expect``: the exit code that the story tells of."""
        click.echo(f"$ winmigrate {shlex.join(words)}")
        environment = {**os.environ, "COLUMNS": "140"}
        done = subprocess.run(
            [sys.executable, "-m", "winmigrate", *words],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if shown:
            click.echo(done.stdout + done.stderr, nl=False)
        click.echo(f"(exit {done.returncode})")
        self.expect(done.returncode == expect, f"`{shlex.join(words)}` ended with {done.returncode}, not {expect}")
        return done.stdout

    def expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.surprises.append(otherwise)
            click.echo(f"NOT AS TOLD: {otherwise}")


def demo(folder: Path) -> int:
    """`winmigrate lab demo`: check, plan, run with a connection dropped on the way, report. 0 if all is as told."""
    started = time.monotonic()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "fabric.yml").exists():
            raise LabError(f"{folder} holds other things than a demo", hint="winmigrate lab demo --folder ANOTHER")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("fabric.yml", "playbook.yml"):
        text = (resources.files("winmigrate.cli") / "demo" / name).read_text("utf-8")
        (folder / name).write_text(text, encoding="utf-8")
    story = _Story(folder)
    click.echo("Three Hyper-V hosts that are not there, behind real WinRM (HTTP with NTLM and message encryption).")
    click.echo(f"Everything is written to {folder}/.")
    with lab(folder / "fabric.yml", folder / "inventory.yml", http=True) as ready:
        _tell(story, folder, ready)
    took = time.monotonic() - started
    if story.surprises:
        click.echo(f"\n{len(story.surprises)} things were not as told, after {took:.0f} s:")
        for line in story.surprises:
            click.echo(f"  {line}")
        return 3
    click.echo(f"\nAll as told, in {took:.0f} s. Open {folder}/runs/*/report.html")
    return 0


def _tell(story: _Story, folder: Path, ready: dict[str, Any]) -> None:
    from winmigrate.lab.control_client import ControlClient

    story.say("Who is there?")
    story.type("hosts", expect=0)
    story.say("Four VMs are to leave hv01. What stands in the way?")
    said = story.type("check", "playbook.yml", expect=1)
    story.expect(said.count("BLOCKS  disk-passthrough") >= 1, "check does not name the pass-through disk")
    blocked = {line.split()[0] for line in said.splitlines() if "BLOCKED" in line}
    story.expect(blocked == {"files01"}, f"check blocks {', '.join(sorted(blocked)) or 'nothing'}")
    story.say("One has a physical disk and stays. The plan for the other three:")
    story.type("plan", "playbook.yml", expect=1)
    run_id = sorted(path.name for path in (folder / "runs").iterdir())[-1]
    control = ControlClient(ready["control"], ready["token"])
    try:
        control.ask("fault.add", fault={"kind": "drop", "host": "hv01", "vm": "sql01", "phase": "storage", "after": 20})
        story.say("It runs. While sql01's disks are copied, hv01 drops a connection; nothing is lost.")
        story.type("run", run_id, "--yes", expect=0)
        faults = control.ask("fault.list")["faults"]
        story.expect(all(fault["state"] == "struck" for fault in faults), "the dropped connection was not met")
        world = control.ask("snapshot")["world"]
    finally:
        control.close()
    where = {vm["name"]: name for name, host in world["hosts"].items() for vm in host["vms"]}
    told = ", ".join(f"{vm} on {host}" for vm, host in sorted(where.items()))
    story.say(f"Where the lab itself says they are: {told}")
    story.expect(where.get("files01") == "hv01", "files01 is not where it was")
    story.expect(all(where.get(vm) in ("hv02", "hv03") for vm in ("sql01", "app01", "web01")), "a VM did not arrive")
    story.expect(len(where) == 4, "a VM was lost or doubled")
    story.say("Run it again: what is done is not done twice.")
    story.type("run", run_id, "--yes", expect=0, shown=False)
    story.say("The report, for people and for tools:")
    story.type("report", run_id, expect=0)
