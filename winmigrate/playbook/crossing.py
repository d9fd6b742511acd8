"""What does not go together: within one migration, between migrations, and with the rules. Each with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from winmigrate.errors import Fault
from winmigrate.inventory import Inventory
from winmigrate.marked import Marked, shown
from winmigrate.playbook import types
from winmigrate.playbook.names import near
from winmigrate.playbook.paths import is_disk_file

#: A longer circle is shown by its ends.
_LONGEST_CIRCLE = 8


def one_migration(
    migration: types.Migration, entry: Marked, inventory: Inventory | None, *, sound: bool
) -> Iterator[Fault]:
    """What of one migration's words contradict each other. Not ``sound``: a word has a fault and stands as default."""

    def at(key: str) -> Marked:
        return entry.child(key) or entry

    yield from _targets(migration, at("to"), inventory)
    yield from _same_switch(entry.child("networks"))
    yield from _one_file(migration, at("storage"))
    has_storage = entry.child("storage") is not None
    if migration.kind == "cluster" and has_storage:
        yield at("storage").key_fault("a move inside a cluster leaves the storage where it is; leave it out")
    if migration.kind == "storage" and not has_storage:
        yield entry.fault("kind storage moves storage and nothing else; wanted: `storage`, such as {path: 'E:\\VMs'}")
    if migration.kind == "storage" and migration.to:
        yield at("to").key_fault("kind storage stays on its host; leave `to` out, or take another kind")
    own = migration.vm.name or (f"id:{migration.vm.id}" if migration.vm.id else None)
    for index, name in enumerate(migration.after):
        if own is not None and name.casefold() == own.casefold():
            yield _item(at("after"), index).fault("a VM cannot wait for itself")
    if sound:
        yield from _consent(migration, at)


def _consent(migration: types.Migration, at: Callable[[str], Marked]) -> Iterator[Fault]:
    """Down-time wants max_downtime, and max_downtime wants down-time."""
    offline = migration.kind == "offline"
    if migration.max_downtime is not None:
        if not (migration.disconnect or migration.fallback or offline):
            yield at("max_downtime").key_fault("nothing here means down-time; leave it out")
        return
    for key, means in (("kind", offline), ("fallback", migration.fallback is not None)):
        if means:
            yield at(key).fault("offline means down-time; wanted: max_downtime, such as 30 min, as the consent to it")
    if migration.disconnect:
        cut = at("networks").child(migration.disconnect[0]) or at("networks")
        yield cut.fault("disconnect cuts the VM off; wanted: max_downtime, such as 10 min, as the consent to it")


def _targets(migration: types.Migration, marked: Marked, inventory: Inventory | None) -> Iterator[Fault]:
    source = migration.vm.source
    for index, target in enumerate(migration.to):
        item = _item(marked, index)
        if target in migration.to[:index]:
            yield item.fault(f"{shown(str(target))} stands twice")
        elif source == target and target.kind == "host":
            yield item.fault(f"{shown(target.name)} is where they come from; wanted: another host")
        elif inventory is not None and target.kind == "host":
            host = inventory.hosts.get(target.name)
            if host is not None and not host.receive:
                yield item.fault(f"{shown(target.name)} takes no VM (receive: false in the inventory); wanted: another")
        elif inventory is not None and target.kind == "tag":
            yield from _tagged(target, item, source, inventory)


def _tagged(target: types.Target, item: Marked, source: types.Target | None, inventory: Inventory) -> Iterator[Fault]:
    left = [name for name in target.hosts(inventory) if inventory.hosts[name].receive]
    if not left:
        yield item.fault(f"no host with the tag {shown(target.name)} takes a VM (receive: false); wanted: another")
    elif source is not None and source.kind == "host" and left == [source.name]:
        yield item.fault(f"{shown(str(target))} is {shown(source.name)} alone, where they come from; wanted: another")


def _item(marked: Marked, index: int) -> Marked:
    return marked.value[index] if isinstance(marked.value, list) else marked


def _same_switch(networks: Marked | None) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for name, marked in networks.value.items() if networks and isinstance(networks.value, dict) else ():
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            yield marked.key_fault(f"{shown(first)} and {shown(name)} are one switch on Windows")


def _one_file(migration: types.Migration, storage: Marked) -> Iterator[Fault]:
    """Two disks written to one file; and one file for every VM of a choice."""
    marks = storage.child("disks")
    seen: dict[str, str] = {}
    for leaf, wish in migration.storage.disks.items():
        mark = (marks.child(leaf) if marks is not None else None) or storage
        path = migration.storage.disk_path(leaf, "{vm}") or wish
        first = seen.setdefault(path.casefold(), leaf)
        if first != leaf:
            yield mark.fault(f"{shown(first)} and {shown(leaf)} would both be written to {path}")
        if migration.vm.is_choice and "{vm}" not in wish:
            yield mark.fault("every VM that is chosen would write this one file; wanted: {vm} in the path")
        if is_disk_file(wish) and wish.lower().rpartition(".")[2] != leaf.lower().rpartition(".")[2]:
            yield mark.fault(f"a move does not convert {shown(leaf)}; wanted: the same ending")


# --- between migrations ------------------------------------------------------------------------------------------


def over_migrations(migrations: Sequence[types.Migration], marks: Sequence[Marked]) -> Iterator[Fault]:
    """One VM twice; `after` that names no VM of the playbook, or goes in a circle; two VMs writing one file."""
    seen: dict[str, int] = {}
    for index, (migration, entry) in enumerate(zip(migrations, marks, strict=False)):
        own = _own_name(migration)
        if own is None:
            continue
        first = seen.setdefault(own, index)
        if first != index:
            line = marks[first].place.line
            yield (entry.child("vm") or entry).fault(f"{migration.vm} stands twice (first in line {line}): leave one")
    yield from _after(migrations, marks)
    yield from _shared_files(migrations, marks)


def _own_name(migration: types.Migration) -> str | None:
    if migration.vm.id is not None:
        return f"id:{migration.vm.id}"
    return migration.vm.name.casefold() if migration.vm.name is not None else None


def _means(migration: types.Migration, name: str) -> bool:
    own = _own_name(migration)
    if own is not None:
        return own == name.casefold()
    is_id = name.lower().startswith("id:")
    return migration.vm.matches("" if is_id else name, name[3:] if is_id else "") and not is_id


def _after(migrations: Sequence[types.Migration], marks: Sequence[Marked]) -> Iterator[Fault]:
    waits: dict[int, list[int]] = {}
    known = tuple(one.vm.name or f"id:{one.vm.id}" for one in migrations if not one.vm.is_choice)
    by_name = {_own_name(one): index for index, one in reversed(list(enumerate(migrations)))}
    choices = [index for index, one in enumerate(migrations) if one.vm.is_choice]
    for index, (migration, entry) in enumerate(zip(migrations, marks, strict=False)):
        after = entry.child("after") or entry
        for number, name in enumerate(migration.after):
            exact = by_name.get(name.casefold())
            meant = [exact] if exact is not None else [one for one in choices if _means(migrations[one], name)]
            if not meant:
                message = f"no migration of this playbook is of {shown(name)}{near(name, known)}"
                yield _item(after, number).fault(message)
            elif exact is None and index in meant:
                yield _item(after, number).fault(f"{shown(name)} is among those that would wait for it")
            waits.setdefault(index, []).extend(other for other in meant if other != index)
    circle = _circle(waits)
    if circle:
        names = [str(migrations[one].vm) for one in circle]
        if len(names) > _LONGEST_CIRCLE:
            names = [*names[:3], f"... ({len(names) - 4} more)", names[-1]]
        entry = marks[circle[0]]
        message = f"a circle: {' after '.join(names)}; wanted: an order that begins somewhere"
        yield (entry.child("after") or entry).fault(message)


def _circle(waits: dict[int, list[int]]) -> list[int]:
    """The first circle, from its earliest migration on and back to it; empty if there is none."""
    done: set[int] = set()
    for start in waits:
        path: list[int] = []
        on_path: dict[int, int] = {}
        todo: list[tuple[int, int]] = [(start, 0)]
        while todo:
            one, depth = todo.pop()
            while len(path) > depth:
                left = path.pop()
                del on_path[left]
                done.add(left)
            if one in on_path:
                circle = path[on_path[one] :]
                first = circle.index(min(circle))
                return [*circle[first:], *circle[:first], circle[first]]
            if one in done:
                continue
            on_path[one] = len(path)
            path.append(one)
            todo.extend((other, depth + 1) for other in reversed(waits.get(one, [])))
        done.update(path)
    return []


def _shared_files(migrations: Sequence[types.Migration], marks: Sequence[Marked]) -> Iterator[Fault]:
    seen: dict[tuple[str, str], int] = {}
    for index, (migration, entry) in enumerate(zip(migrations, marks, strict=False)):
        if migration.vm.name is None:
            continue
        storage = entry.child("storage")
        disks = storage.child("disks") if storage is not None else None
        for leaf in migration.storage.disks:
            path = migration.storage.disk_path(leaf, migration.vm.name) or ""
            for target in migration.to:
                first = seen.setdefault((str(target), path.casefold()), index)
                if first != index:
                    other = migrations[first].vm
                    mark = (disks.child(leaf) if disks is not None else None) or entry
                    yield mark.fault(f"{other} and {migration.vm} would both write {path} on {target}")
                    break


# --- rules and acceptances ---------------------------------------------------------------------------------------


def over_rules(
    rules: Sequence[types.Rule],
    migrations: Sequence[types.Migration],
    evacuate: types.Evacuate | None,
    marked: Marked | None,
    inventory: Inventory | None,
) -> Iterator[Fault]:
    """Rules that cannot all hold, and rules on a VM that stays or that this playbook does not move."""
    at = {rule.place: item for rule in rules for item in _items(marked) if item.place == rule.place}
    together: dict[frozenset[str], types.Rule] = {}
    kept: dict[str, types.Rule] = {}
    for rule in rules:
        item = at.get(rule.place) or marked
        if item is None:
            continue
        for vm in rule.vms:
            if rule.kind == "keep_on" and not any(_means(one, vm) for one in migrations):
                known = tuple(one.vm.name for one in migrations if one.vm.name is not None)
                yield item.fault(f"no migration of this playbook is of {shown(vm)}{near(vm, known)}")
        if rule.kind == "keep_on" and rule.target is not None:
            first = kept.setdefault(rule.vms[0].casefold(), rule)
            if first is not rule:
                yield item.fault(f"{shown(rule.vms[0])} has a keep_on already, in line {first.place.line}")
            if evacuate is not None and rule.target == types.Target("host", evacuate.host):
                yield item.fault(
                    f"{shown(evacuate.host)} is to be emptied; leave {shown(rule.vms[0])} there by `leave`"
                )
            yield from _kept_elsewhere(rule, migrations, item, inventory)
            continue
        pairs = [frozenset((a.casefold(), b.casefold())) for a in rule.vms for b in rule.vms if a < b]
        for pair in pairs:
            other = together.setdefault(pair, rule)
            if other.kind != rule.kind:
                names = " and ".join(shown(name) for name in sorted(pair))
                yield item.fault(f"{names} are to be {other.kind} by line {other.place.line}; wanted: one of the two")


def _items(marked: Marked | None) -> list[Marked]:
    return marked.value if marked is not None and isinstance(marked.value, list) else []


def _kept_elsewhere(
    rule: types.Rule, migrations: Sequence[types.Migration], item: Marked, inventory: Inventory | None
) -> Iterator[Fault]:
    if inventory is None or rule.target is None:
        return
    wanted = set(rule.target.hosts(inventory))
    for migration in migrations:
        if migration.vm.name is None or migration.vm.name.casefold() != rule.vms[0].casefold():
            continue
        if wanted and not wanted.intersection(migration.destinations(inventory)):
            where = ", ".join(str(target) for target in migration.to)
            yield item.fault(f"{migration.vm} is to go to {where}, which is not {rule.target}; wanted: one of both")


def over_accept(
    accepted: Sequence[types.Accept], migrations: Sequence[types.Migration], marked: Marked | None
) -> Iterator[Fault]:
    """Acceptances for VMs that this playbook does not move."""
    known = tuple(one.vm.name for one in migrations if one.vm.name is not None)
    for item in accepted:
        names = (item.vm, f"id:{item.vm}")
        if item.vm and migrations and not any(_means(one, name) for one in migrations for name in names):
            place = next((one for one in _items(marked) if one.place == item.place), marked)
            if place is not None:
                message = f"no migration of this playbook is of {shown(item.vm)}{near(item.vm, known)}"
                yield (place.child("vm") or place).fault(message)
