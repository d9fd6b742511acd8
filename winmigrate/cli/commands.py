"""The commands and their options. What they need is imported when they run: `winmigrate --help` starts at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from winmigrate import __version__


def _everywhere(formats: tuple[str, ...] = ("text", "json")) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options of every command."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("-i", "--inventory", type=click.Path(dir_okay=False), help="Inventory file."),
            click.option("--run-dir", type=click.Path(file_okay=False), default="runs", show_default=True,
                         help="Where runs are kept."),
            click.option("--format", "form", type=click.Choice(formats), default="text", show_default=True,
                         help="What goes to standard output."),
            click.option("-v", "--verbose", is_flag=True, help="Tell what is asked of each host, on standard error."),
            click.option("--no-color", is_flag=True, help="No colours."),
        ):  # fmt: skip
            function = option(function)
        return function

    return decorate


def _replayable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option to replay a recording; it sets the command's means, and is no argument of it."""
    from winmigrate.cli.means import replay_option

    option = click.option(
        "--replay", metavar="DIR", type=click.Path(exists=True), callback=replay_option, expose_value=False,
        is_eager=True, help="Answer from the recording in DIR in the place of the hosts, by its clock.",
    )  # fmt: skip
    return option(function)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="winmigrate")
def program() -> None:
    """Moves running Hyper-V virtual machines between Windows hosts, with their storage.

    `check` and `plan` write nothing on any host. `run` executes a plan and verifies every move on both hosts.
    """


@program.command()
@click.argument("hosts", nargs=-1, required=True)
@click.option("--auth", default="negotiate", show_default=True,
              type=click.Choice(["kerberos", "negotiate", "ntlm", "credssp", "certificate"]))  # fmt: skip
@click.option("--credential", default="prompt", show_default=True,
              help="keyring:NAME, env:NAME, file:PATH, prompt or ticket.")  # fmt: skip
def init(hosts: tuple[str, ...], auth: str, credential: str) -> int:
    """Ask HOSTS and print an inventory with what was found."""
    from winmigrate.cli import talking

    return talking.init(hosts, auth, credential)


@program.command()
@click.option("--pairs/--no-pairs", default=None,
              help="Try the second hop from each host to each other (default: yes, but not in a replay).")  # fmt: skip
@_replayable
@_everywhere()
def hosts(pairs: bool | None, inventory: str | None, run_dir: str, form: str, verbose: bool, no_color: bool) -> int:
    """Each host: reached, as whom, administrator, version; each pair: is the second hop proven, by which route."""
    from winmigrate.cli import talking

    return talking.hosts(inventory, pairs, form, no_color)


@program.command()
@click.argument("playbook", type=click.Path(dir_okay=False))
@click.option("--only", multiple=True, metavar="ID", help="Check only this requirement (again for more).")
@click.option("--skip", multiple=True, metavar="ID", help="Leave this requirement out (again for more).")
@click.option("--severity", type=click.Choice(["blocks", "risks", "informs"]), default="informs",
              help="Show findings of this severity and above.")  # fmt: skip
@click.option("--versions", is_flag=True,
              help="In their place: hosts by the VM versions they run, and what cannot come back.")  # fmt: skip
@_replayable
@_everywhere(("text", "json", "md", "junit"))
def check(
    playbook: str, only: tuple[str, ...], skip: tuple[str, ...], severity: str, versions: bool, inventory: str | None,
    run_dir: str, form: str, verbose: bool, no_color: bool,
) -> int:  # fmt: skip
    """Every finding for every VM and candidate of PLAYBOOK. Writes nothing on any host."""
    from winmigrate.cli import talking

    return talking.check(playbook, inventory, only, skip, severity, form, no_color, versions)


@program.command()
@click.argument("vm")
@click.option("--to", "to", required=True, metavar="HOST", help="The destination.")
@click.option("--playbook", "-p", type=click.Path(dir_okay=False), help="The playbook with the wish (paths, switches).")
@_replayable
@_everywhere()
def explain(
    vm: str, to: str, playbook: str | None, inventory: str | None, run_dir: str, form: str, verbose: bool,
    no_color: bool,
) -> int:  # fmt: skip
    """One candidate in full: each requirement, its evidence, its remedy."""
    from winmigrate.cli import talking

    return talking.explain(vm, to, playbook, inventory, form, no_color)


@program.command()
@click.argument("playbook", type=click.Path(dir_okay=False))
@click.option("--rehearse", is_flag=True, help="Compare-VM for the chosen pairs; its planned VMs are removed again.")
@_replayable
@_everywhere()
def plan(
    playbook: str, rehearse: bool, inventory: str | None, run_dir: str, form: str, verbose: bool, no_color: bool
) -> int:
    """Check, place and order: prints the plan and its run id."""
    from winmigrate.cli import talking

    return talking.plan(playbook, inventory, run_dir, rehearse, form, no_color)


@program.command()
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask before the first move.")
@_replayable
@_everywhere()
def run(run: str, yes: bool, inventory: str | None, run_dir: str, form: str, verbose: bool, no_color: bool) -> int:
    """Execute a reviewed plan (RUN), or plan a playbook, show it, ask, and execute it."""
    from winmigrate.cli import driving

    return driving.run(run, inventory, run_dir, yes, form, no_color)


@program.command()
@click.argument("run")
@_everywhere()
def resume(run: str, inventory: str | None, run_dir: str, form: str, verbose: bool, no_color: bool) -> int:
    """Go on with a run: looks first, adopts moves that still run, starts what is left."""
    from winmigrate.cli import driving

    return driving.resume(run, inventory, run_dir, form, no_color)


@program.command()
@click.argument("run")
@_everywhere()
def status(run: str, inventory: str | None, run_dir: str, form: str, verbose: bool, no_color: bool) -> int:
    """How a run stands, from its folder alone."""
    from winmigrate.cli import driving

    return driving.status(run, run_dir, form, no_color)


@program.command()
@click.argument("run")
@click.argument("vm", required=False, default="")
@_everywhere()
def cancel(run: str, vm: str, inventory: str | None, run_dir: str, form: str, verbose: bool, no_color: bool) -> int:
    """Ask that the move of VM, or all moves of RUN, be cancelled."""
    from winmigrate.cli import driving

    return driving.cancel(run, vm, inventory, run_dir, form, no_color)


@program.command()
@click.argument("run")
@click.option("--open", "show", is_flag=True, help="Open report.html in the browser.")
@_everywhere(("text", "json", "md", "junit", "html"))
def report(run: str, show: bool, inventory: str | None, run_dir: str, form: str, verbose: bool, no_color: bool) -> int:
    """Write report.html, .json, .md and junit.xml into the run's folder."""
    from winmigrate.cli import driving

    return driving.report(run, run_dir, form, show)


@program.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="PLAYBOOK | -- COMMAND ...")
@click.option("--out", type=click.Path(file_okay=False), default="transcripts", show_default=True,
              help="The folder of the recording.")  # fmt: skip
def record(words: tuple[str, ...], out: str) -> int:
    """Record what hosts answer, redacted, while a PLAYBOOK is checked or a COMMAND of winmigrate runs."""
    from winmigrate.cli import means

    return means.record(words, Path(out))


@program.command()
@click.argument("kind")
def schema(kind: str) -> int:
    """JSON Schema of inventory, playbook, fabric, transcript, plan, ... for editors."""
    from winmigrate.cli import talking

    return talking.schema(kind)


@program.group()
def lab() -> None:
    """A Windows fabric that is not there, behind real WinRM on this machine."""


@lab.command("serve")
@click.argument("fabric", type=click.Path(dir_okay=False), required=False)
@click.option("--book", type=click.Path(exists=True), metavar="DIR",
              help="Serve the hosts of a recording in the place of a fabric.")  # fmt: skip
@click.option("--inventory", "out", type=click.Path(dir_okay=False), default="inventory.yml", show_default=True,
              help="Inventory to write.")  # fmt: skip
@click.option("--clock", type=click.Choice(["real", "leap", "step"]), default="real", show_default=True)
@click.option("--rate", type=float, default=1.0, show_default=True, help="Fabric seconds a second, for a real clock.")
@click.option("--http", is_flag=True, help="The inventory uses HTTP with message encryption.")
@click.option("--auth", type=click.Choice(["ntlm", "negotiate", "kerberos", "credssp", "certificate"]), default="ntlm",
              show_default=True, help="How the inventory logs on.")  # fmt: skip
@click.option("--keytab", type=click.Path(exists=True, dir_okay=False),
              help="Keys of the fabric's hosts from a KDC: they take Kerberos then.")  # fmt: skip
@click.option("--ticket", is_flag=True, help="The inventory uses the Kerberos cache, no password.")
def serve(
    fabric: str | None, book: str | None, out: str, clock: str, rate: float, http: bool, auth: str,
    keytab: str | None, ticket: bool,
) -> int:  # fmt: skip
    """Serve FABRIC, or the hosts of a recording, over WinRM on loopback until stopped."""
    from winmigrate.cli import labs

    if (fabric is None) == (book is None):
        raise click.UsageError("wanted: a FABRIC file, or --book DIR")
    if book is not None:
        return labs.serve_book(Path(book), Path(out))
    keys = Path(keytab) if keytab is not None else None
    return labs.serve(Path(str(fabric)), Path(out), clock, rate, http, auth, keys, ticket)


@lab.command("from")
@click.argument("run")
@click.option("--out", type=click.Path(dir_okay=False), help="The fabric file (default: standard output).")
@click.option("--run-dir", type=click.Path(file_okay=False), default="runs", show_default=True,
              help="Where runs are kept.")  # fmt: skip
def lab_from(run: str, out: str | None, run_dir: str) -> int:
    """A fabric as RUN's survey found the hosts and machines; what it did not hold is assumed, and told."""
    from winmigrate.cli import labs

    return labs.made_from(run, run_dir, Path(out) if out is not None else None)


@lab.command("demo")
@click.option("--folder", type=click.Path(file_okay=False), default="demo", show_default=True,
              help="Where the demo writes its files.")  # fmt: skip
def demo(folder: str) -> int:
    """The whole way on a lab: check, plan, run with a dropped connection, report."""
    from winmigrate.cli import labs

    return labs.demo(Path(folder))
