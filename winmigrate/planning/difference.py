"""What is left of a plan, held against a plan made anew: what a person should know before it goes on."""

from __future__ import annotations

from collections.abc import Collection

from winmigrate.planning.plan import Plan, Step

GIB = 1024**3


def difference(old: Plan, new: Plan, left: Collection[str]) -> tuple[str, ...]:
    """A sentence for each thing that changed for the steps ``left`` (ids) of the old plan; none if nothing did.

    The old plan's destinations stay: what would be placed elsewhere today is told, and not done.
    """
    today = {step.move.vm_id: step for step in new.steps}
    refused = {item.vm_id: item for item in new.refusals}
    lines: list[str] = []
    for step in old.steps:
        if step.id not in left:
            continue
        name = step.move.vm_name
        now = today.get(step.move.vm_id)
        if now is not None:
            lines += [f"{name}: {text}" for text in _changes(step, now)]
        elif step.move.vm_id in refused:
            lines.append(f"{name}: would be refused now ({'; '.join(refused[step.move.vm_id].reasons)})")
        elif name in new.already_there:
            lines.append(f"{name}: is where it should be already")
        else:
            lines.append(f"{name}: is not found where it was")
    for host, limits in new.limits.items():
        if host in old.limits and old.limits[host] != limits:
            before = old.limits[host]
            lines.append(
                f"{host}: {limits.live} live and {limits.storage} storage moves at once, "
                f"were {before.live} and {before.storage}"
            )
    return tuple(lines)


def _changes(old: Step, new: Step) -> list[str]:
    told = []
    if old.move.destination != new.move.destination:
        told.append(f"would go to {new.move.destination} now, stays planned for {old.move.destination}")
    if old.move.state != new.move.state:
        told.append(f"was {old.move.state.lower()}, is {new.move.state.lower()}")
    for what, before, after in (
        ("disks", old.storage_bytes, new.storage_bytes),
        ("memory", old.memory_bytes, new.memory_bytes),
    ):
        if abs(after - before) >= GIB:
            told.append(f"{what} {before / GIB:.0f} GiB when planned, {after / GIB:.0f} GiB now")
    same_place = old.move.destination == new.move.destination
    if same_place and old.move.switches != new.move.switches:
        told.append("its switches are mapped otherwise now")
    return told
