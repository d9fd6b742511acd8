"""What a run leaves for people to do, with the commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from winmigrate.checks.finding import RemedyKind
from winmigrate.execution.states import Status, StepState
from winmigrate.planning.plan import Plan
from winmigrate.reporting.report import MoveReport, Refused, ToDo
from winmigrate.reporting.words import count, name

OPERATOR = "whoever drives the run"


def to_do_of(
    plan: Plan, moves: Sequence[MoveReport], refused: Sequence[Refused], states: Mapping[str, StepState], run_id: str
) -> tuple[ToDo, ...]:
    """In the order in which it matters: unknown VMs, changes, planned VMs, what did not move, old files."""
    found: list[ToDo] = []
    run = run_id or "RUN"
    open_ones = [move for move in moves if move.status in (Status.UNKNOWN, Status.MOVING)]
    if open_ones:
        found.append(
            ToDo(
                _names(open_ones),
                "look where they are: it asks both hosts and sends nothing twice. Start none of them by hand before",
                f"winmigrate resume {run}",
                OPERATOR,
            )
        )
    for move in moves:
        found += _of_move(move)
        found += [
            ToDo(
                name(move.vm_name),
                f"was changed on the way and not put back: {item.get('change', '')}",
                str(item.get("inverse", "")),
                f"Hyper-V administrator on {move.source}",
            )
            for item in states[move.step].inverses
        ]
    found += _planned_vms(moves, states)
    left = [move for move in moves if move.status in (Status.FAILED, Status.REFUSED, Status.CANCELLED)]
    stayed = [move for move in left if not move.arrived]
    if stayed or refused:
        names = [*(move.vm_name for move in stayed), *(item.vm_name for item in refused)]
        found.append(
            ToDo(
                ", ".join(name(item) for item in names),
                f"{count(len(names), 'VM')} did not move: mend what stands against that, then plan the rest anew",
                f"winmigrate plan {plan.playbook}",
                OPERATOR,
            )
        )
    waiting = [move for move in moves if move.status is Status.WAITING]
    if waiting:
        word = "has not begun" if len(waiting) == 1 else "have not begun"
        found.append(ToDo(_names(waiting), word, f"winmigrate run {run}", OPERATOR))
    return (*found, *_leftovers(moves))


def _names(moves: Iterable[MoveReport]) -> str:
    return ", ".join(name(move.vm_name) for move in moves)


def _of_move(move: MoveReport) -> Iterable[ToDo]:
    for item in move.found_after:
        if item.remedy is None or item.requirement == "post-leftovers-source":
            continue
        command = item.remedy.text if item.remedy.kind is not RemedyKind.BY_HAND else ""
        what = f"{item.evidence}" if command else f"{item.evidence}: {item.remedy.text}"
        yield ToDo(name(move.vm_name), what, command, item.remedy.who)


def planned_vm_left(move: MoveReport, state: StepState) -> bool:
    """Did a planned VM stay at the destination: of a failed move, or of a rehearsal that could not clean up?"""
    if move.arrived or move.status not in (Status.FAILED, Status.REFUSED, Status.CANCELLED):
        return False
    return bool((state.rehearsed or {}).get("left_behind")) or PLANNED_THERE in move.where


def _planned_vms(moves: Sequence[MoveReport], states: Mapping[str, StepState]) -> Iterable[ToDo]:
    by_host: dict[str, list[MoveReport]] = {}
    for move in moves:
        if planned_vm_left(move, states[move.step]):
            by_host.setdefault(move.destination, []).append(move)
    for host, members in by_host.items():
        why = {str((states[move.step].rehearsed or {}).get("left_behind") or "") for move in members} - {""}
        what = f"planned VMs of them are left on {host} and keep a second try from starting"
        whose = "any of them"
        if len(members) == 1:
            what, whose = f"a planned VM of it is left on {host} and keeps a second try from starting", "it"
        yield ToDo(
            _names(members),
            what + (f" ({'; '.join(sorted(why))})" if why else ""),
            destroy_planned_vms([move.vm_id for move in members]),
            f"Hyper-V administrator on {host}, once no migration of {whose} runs",
        )


#: How a look's words say it (reconcile.Side.describe).
PLANNED_THERE = "planned VM there"


def destroy_planned_vms(vm_ids: Sequence[str]) -> str:
    """PowerShell that destroys planned VMs, and nothing but planned ones; to be run on the destination."""
    these = " OR ".join(f"Name='{vm_id.upper()}'" for vm_id in vm_ids)
    return (
        "$where = @{Namespace = 'root/virtualization/v2'}\n"
        "$service = Get-CimInstance @where -ClassName Msvm_VirtualSystemManagementService\n"
        f'foreach ($vm in Get-CimInstance @where -ClassName Msvm_PlannedComputerSystem -Filter "{these}") {{\n'
        "  Invoke-CimMethod -InputObject $service -MethodName DestroySystem -Arguments @{AffectedSystem = [ref] $vm}\n"
        "}"
    )


def _leftovers(moves: Sequence[MoveReport]) -> Iterable[ToDo]:
    by_host: dict[str, list[MoveReport]] = {}
    for move in moves:
        if move.leftovers:
            by_host.setdefault(move.source, []).append(move)
    for host, members in by_host.items():
        number = sum(len(move.leftovers) for move in members)
        those = "it" if number == 1 else "them"
        vms = "it is" if len(members) == 1 else "they are"
        yield ToDo(
            _names(members),
            f"{count(number, 'file')} left on {host}: look at {those}, then remove {those}",
            "\n".join(f"Remove-Item -LiteralPath {_quoted(move.leftovers)} -Confirm" for move in members),
            f"administrator on {host}, once {vms} known to be well at the destination",
        )


def _quoted(paths: Iterable[str]) -> str:
    return ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
