"""Commands that look: init, hosts, check, explain, plan, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from winmigrate.cli.clocks import ground_for
from winmigrate.errors import UsageError

if TYPE_CHECKING:
    from winmigrate.survey import Roll
    from winmigrate.verbs.ground import Ground


def hosts(inventory: str | None, pairs: bool | None, form: str, no_color: bool) -> int:
    """`winmigrate hosts`."""
    from winmigrate import verbs
    from winmigrate.documents import document_text
    from winmigrate.reporting.standing import roll_text

    ground = ground_for(inventory or _own_inventory())
    # A recording of something else has no pairs in it, and what it has not is not asked of it unless it must be.
    wanted = pairs if pairs is not None else ground.book is None
    roll = verbs.hosts(ground.inventory, ground=ground, pairs=wanted)
    click.echo(document_text(verbs.ROLL, roll) if form == "json" else roll_text(roll), nl=False)
    return 0 if all(entry.reached for entry in roll.entries.values()) else 1


def check(
    playbook: str, inventory: str | None, only: tuple[str, ...], skip: tuple[str, ...], severity: str, form: str,
    no_color: bool, versions: bool = False,
) -> int:  # fmt: skip
    """`winmigrate check`."""
    from winmigrate import verbs
    from winmigrate.reporting import findings_as, versions_as

    if versions and form == "junit":
        raise UsageError("--versions has no form junit", hint="--format text, json or md")
    ground = ground_of(playbook, inventory)
    checked = verbs.check(playbook, ground=ground, only=only, skip=skip)
    tell_unreached(checked.roll, err=form != "text")
    if versions:
        click.echo(versions_as(form, checked.versions()), nl=False)
    else:
        click.echo(findings_as(form, checked.findings, severity), nl=False)
    return checked.exit_code


def explain(vm: str, to: str, playbook: str | None, inventory: str | None, form: str, no_color: bool) -> int:
    """`winmigrate explain`."""
    from winmigrate import verbs
    from winmigrate.reporting import candidate_as

    ground = ground_for(inventory or _own_inventory()) if playbook is None else ground_of(playbook, inventory)
    checked, candidate = verbs.explain(vm, to, playbook, ground=ground)
    found = checked.findings
    mine = next(
        item for item in found.candidates if (item.vm_id, item.destination) == (candidate.vm_id, candidate.destination)
    )
    click.echo(candidate_as(form, found, mine), nl=False)
    return 0 if found.may_be_placed(mine) else 1


def plan(playbook: str, inventory: str | None, run_dir: str, rehearse: bool, form: str, no_color: bool) -> int:
    """`winmigrate plan`."""
    from winmigrate import verbs
    from winmigrate.documents import document_text
    from winmigrate.reporting.text import findings_text, plan_text
    from winmigrate.reporting.words import name, visible

    ground = ground_of(playbook, inventory, run_dir)
    planned = verbs.plan(playbook, ground=ground)
    tell_unreached(planned.checked.roll, err=form != "text")
    if form == "json":
        click.echo(document_text(verbs.PLAN, planned.plan), nl=False)
        click.echo(f"run it: winmigrate run {planned.folder.run_id}", err=True)
    else:
        if planned.checked.findings.wishes or planned.plan.refusals:
            click.echo(findings_text(planned.checked.findings))
        click.echo(plan_text(planned.plan, run=planned.folder.run_id, digest=planned.digest), nl=False)
    if rehearse and planned.plan.steps:
        results = verbs.rehearse(planned.folder, ground=ground)
        for vm, texts in results.items():
            said = visible("; ".join(texts)) if texts else "nothing stands against it"
            click.echo(f"rehearsal {name(vm)}: {said}", err=form == "json")
        if any(results.values()):
            return 1
    return planned.exit_code


def tell_unreached(roll: Roll, *, err: bool) -> None:
    """A line for each host that did not answer, and why: all that is unknown of it comes of that."""
    from winmigrate.reporting.words import visible

    silent = [entry for entry in roll.entries.values() if not entry.reached]
    for entry in silent:
        why = visible(entry.why_not.removeprefix(f"{entry.host}: "))
        click.echo(f"{entry.host}  NOT REACHED  {why}", err=err)
    if silent:
        click.echo(err=err)


def schema(kind: str) -> int:
    """`winmigrate schema`."""
    from winmigrate import verbs

    if kind == "fabric":  # the lab's: no verb knows it
        from winmigrate.lab.fabric.shapes import FABRIC

        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "winmigrate fabric"}
        found = {**head, **FABRIC.schema}
    else:
        found = verbs.schema(kind)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    return 0


def init(names: tuple[str, ...], auth: str, credential: str) -> int:
    """`winmigrate init`."""
    from winmigrate import verbs

    text, unreached = verbs.init(names, auth=auth, credential=credential)
    click.echo(text, nl=False)
    for line in unreached:
        click.echo(line, err=True)
    return 1 if unreached else 0


def _own_inventory() -> str:
    """The inventory where none is named: a recording brings its own."""
    from winmigrate.cli.means import means

    replay = means().replay
    beside = replay / "inventory.yml" if replay is not None else Path("inventory.yml")
    return str(beside) if beside.exists() else "inventory.yml"


def ground_of(playbook: str, inventory: str | None, run_dir: str = "runs") -> Ground:
    """The ground of a playbook: the inventory given, its own, or ./inventory.yml."""
    from winmigrate.cli.means import means
    from winmigrate.playbook import load_playbook

    means().playbook = Path(playbook)
    if inventory is not None:
        return ground_for(inventory, run_dir)
    found = load_playbook(playbook)
    return ground_for(found.inventory or _own_inventory(), run_dir)
