"""init, rehearse, report, schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winmigrate.documents import RunFolder, json_schema, read_document
from winmigrate.errors import InputFaults, UsageError, did_you_mean
from winmigrate.verbs.ground import FINDINGS, KINDS, PLAN, ROLL, Ground, open_folder, stand, versions_of

if TYPE_CHECKING:
    from winmigrate.facts import Unreadable
    from winmigrate.survey import HostFacts


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a report."""

    html: Path
    json: Path
    markdown: Path
    junit: Path


def report(run: str | Path | RunFolder, *, run_dir: Path | str = "runs") -> Written:
    """Writes the report of a run into its folder, from plan, findings and journal, nothing else."""
    from winmigrate.execution.journal import read_journal
    from winmigrate.reporting import build_report, write_report

    folder = run if isinstance(run, RunFolder) else open_folder(run, run_dir)
    plan = read_document(folder, "plan", PLAN)
    findings = read_document(folder, "findings", FINDINGS)
    built = build_report(
        plan, findings, read_journal(folder.path), run_id=folder.run_id, zone=_zone_of(plan.inventory)
    )
    html, json, markdown, junit = write_report(built, folder.path)
    return Written(html, json, markdown, junit)


def _zone_of(inventory: str) -> str:
    """The operator's time zone; "" (the machine's own) where the inventory is no longer at its place."""
    from winmigrate.inventory import load_inventory

    try:
        return load_inventory(inventory).timezone
    except InputFaults:
        return ""


def rehearse(
    run: str | Path | RunFolder, *, ground: Ground | None = None, run_dir: Path | str = "runs"
) -> dict[str, tuple[str, ...]]:
    """Compare-VM for every step of a plan that was not sent; its planned VMs are removed again.

    VM name -> what stands against it.
    """
    from winmigrate.execution.journal import Journal
    from winmigrate.execution.ledger import Ledger
    from winmigrate.execution.rehearsal import Rehearsing, rehearse_step
    from winmigrate.execution.states import Status

    folder = run if isinstance(run, RunFolder) else open_folder(run, run_dir)
    plan = read_document(folder, "plan", PLAN)
    roll = read_document(folder, "roll", ROLL)
    place = ground or stand(plan.inventory, run_dir=folder.path.parent)
    results: dict[str, tuple[str, ...]] = {}
    with Journal(folder.path, place.clock) as journal:
        ledger = Ledger(journal, [step.id for step in plan.steps], place.clock)
        rehearsing = Rehearsing(place.connector, place.clock, ledger, versions_of(roll), place.credential_for)
        for step in plan.steps:
            if ledger.state(step.id).status is not Status.WAITING:
                continue  # it is there, or it may be on its way: its planned VM is a migration's
            entry = rehearse_step(rehearsing, step)
            cause = [entry["cause"]] if entry["cause"] else []
            results[step.move.vm_name] = (*entry["incompatibilities"], *cause)
    return results


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema of a file that people write, or of a document. Raises UsageError for an unknown kind."""
    from winmigrate import inventory, playbook, transcript

    written = {
        "inventory": inventory.inventory_schema,
        "playbook": playbook.playbook_schema,
        "transcript": transcript.transcript_schema,
    }
    if kind in written:
        return written[kind]()
    if kind in KINDS:
        return json_schema(KINDS[kind])
    known = sorted((*written, *KINDS))
    raise UsageError(f'no schema "{kind}"{did_you_mean(kind, known)}', hint=f"there are {', '.join(known)}")


def init(
    hosts: Sequence[str], *, auth: str = "negotiate", credential: str = "prompt", ground: Ground | None = None
) -> tuple[str, tuple[str, ...]]:
    """Asks hosts and gives the text of an inventory, and a line for each that did not answer."""
    from winmigrate.inventory import Host, Inventory, Transport
    from winmigrate.inventory.render import HostFound, SwitchFound, VolumeFound, render_inventory
    from winmigrate.inventory.types import CredentialRef, SecondHop
    from winmigrate.survey import call_roll
    from winmigrate.survey.taking import read_host

    source, _, name = credential.partition(":")
    entries = {}
    for word in hosts:
        short = word.partition(".")[0].lower()
        entries[short] = Host(
            short, word, auth=auth, credential=CredentialRef(source, name), second_hop=SecondHop("credential"),
            transport=Transport(),
        )  # fmt: skip
    place = ground or stand(Inventory("(asked)", entries))
    roll = call_roll(place.inventory, place.connector, place.clock)
    found, unreached = [], []
    for short, host in place.inventory.hosts.items():
        entry = roll.entries[short]
        if not entry.reached or not isinstance(entry.version, str):
            found.append(HostFound(short, host.address, problem=entry.why_not))
            unreached.append(entry.why_not)
            continue
        session = place.connector(short)
        try:
            facts = read_host(short, entry.version, session, place.clock)
        finally:
            session.close()
        system = facts.operating_system
        drive = getattr(system, "system_drive", "C:")
        found.append(
            HostFound(
                short,
                host.address,
                version=entry.version,
                clusters=_clusters(facts),
                switches=tuple(
                    SwitchFound(str(item.name), str(item.switch_type)) for item in _rows(facts.switches)
                ),
                volumes=tuple(
                    VolumeFound(
                        f"{item.drive_letter}:", item.size, item.size_remaining,
                        system=f"{item.drive_letter}:" == drive,
                    )
                    for item in _rows(facts.volumes)
                    if item.drive_letter and isinstance(item.size, int) and isinstance(item.size_remaining, int)
                ),
                migration_networks=tuple(str(item.subnet) for item in _rows(facts.migration_networks)),
            )
        )  # fmt: skip
    return (
        render_inventory(found, auth=auth, credential=credential, second_hop="credential"),
        tuple(unreached),
    )


def _clusters(facts: HostFacts) -> tuple[str, ...]:
    from winmigrate.survey.facts_of_clusters import name_of

    name = name_of(facts)
    return (name,) if isinstance(name, str) else ()


def _rows(table: tuple[Any, ...] | Unreadable) -> tuple[Any, ...]:
    return table if isinstance(table, tuple) else ()
