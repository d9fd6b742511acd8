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
    for move in moves:
        found += _planned_vm(move, states[move.step])
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
    return (*found, *(_leftovers(move) for move in moves if move.leftovers))


def _names(moves: Iterable[MoveReport]) -> str:
    return ", ".join(name(move.vm_name) for move in moves)


def _of_move(move: MoveReport) -> Iterable[ToDo]:
    for item in move.found_after:
        if item.remedy is None or item.requirement == "post-leftovers-source":
            continue
        command = item.remedy.text if item.remedy.kind is not RemedyKind.BY_HAND else ""
        what = f"{item.evidence}" if command else f"{item.evidence}: {item.remedy.text}"
        yield ToDo(name(move.vm_name), what, command, item.remedy.who)


def _planned_vm(move: MoveReport, state: StepState) -> Iterable[ToDo]:
    """A planned VM that stayed at the destination: of a failed move, or of a rehearsal that could not clean up."""
    if move.status is Status.DONE or move.arrived:
        return
    of_rehearsal = (state.rehearsed or {}).get("left_behind")
    if not of_rehearsal and "planned VM there" not in move.where:
        return
    yield ToDo(
        name(move.vm_name),
        f"a planned VM of it is left on {move.destination} and keeps a second try from starting"
        + (f" ({of_rehearsal})" if of_rehearsal else ""),
        destroy_planned_vm(move.vm_id),
        f"Hyper-V administrator on {move.destination}, once no migration of {name(move.vm_name)} runs",
    )


def destroy_planned_vm(vm_id: str) -> str:
    """PowerShell that destroys a planned VM, and nothing but a planned one; to be run on the destination."""
    return (
        "$vm = Get-CimInstance -Namespace root/virtualization/v2 -ClassName Msvm_PlannedComputerSystem "
        f"-Filter \"Name='{vm_id.upper()}'\"; "
        "Get-CimInstance -Namespace root/virtualization/v2 -ClassName Msvm_VirtualSystemManagementService | "
        "Invoke-CimMethod -MethodName DestroySystem -Arguments @{AffectedSystem = [ref] $vm}"
    )


def _leftovers(move: MoveReport) -> ToDo:
    quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in move.leftovers)
    return ToDo(
        name(move.vm_name),
        f"{count(len(move.leftovers), 'file')} left on {move.source}: look at it, then remove it"
        if len(move.leftovers) == 1
        else f"{len(move.leftovers)} files left on {move.source}: look at them, then remove them",
        f"Remove-Item -LiteralPath {quoted} -Confirm",
        f"administrator on {move.source}, once {name(move.vm_name)} is known to be well on {move.destination}",
    )
