"""A playbook's YAML in, a Playbook out, or every fault of the file at once: what the files alone can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from winmigrate.errors import Fault, InputFaults
from winmigrate.inventory import Inventory, load_inventory
from winmigrate.inventory.reading import settle, version_faults
from winmigrate.inventory.words import foreign_faults
from winmigrate.marked import Gathering, Marked, load_marked, read_marked, shown
from winmigrate.marked.shapes import fitting, key_faults, read_fields, schema_of
from winmigrate.playbook import crossing, types
from winmigrate.playbook.keys import evacuate_keys, migration_keys, root_keys
from winmigrate.playbook.names import Names
from winmigrate.playbook.unsupported import NOT_YET, not_yet_faults

#: Where no name of Windows stands, and PowerShell would have no business.
_PROGRAMS = ("storage", "verify", "hooks", "notify", "inventory", "window", "return")


def load_playbook(path: Path | str, inventory: Inventory | None = None) -> types.Playbook:
    """Reads a playbook and holds it against its inventory.

    Without ``inventory`` the file's own ``inventory:`` is read (from the playbook's folder), else ./inventory.yml.
    Raises InputFaults with all faults of the playbook, and of the inventory if that cannot be used.
    """
    root = read_marked(path)
    file = str(path)
    faults: tuple[Fault, ...] = ()
    if inventory is None:
        named = root.child("inventory")
        known = named is not None and isinstance(named.value, str) and bool(named.text)
        place = Path(file).parent / named.text if named is not None and known else Path("inventory.yml")
        try:
            inventory = load_inventory(place)
        except InputFaults as error:
            faults = error.faults
    try:
        playbook = _playbook(root, file, inventory)
    except InputFaults as error:
        raise InputFaults([*error.faults, *faults]) from error
    if faults:
        raise InputFaults(faults)
    return playbook


def read_playbook(
    text: str,
    file: str = "playbook.yml",
    inventory: Inventory | None = None,
    *,
    not_yet: Mapping[str, str] = NOT_YET,
) -> types.Playbook:
    """The same from text. Without an inventory names of hosts are not checked. ``not_yet``: words to refuse."""
    return _playbook(load_marked(text, file), file, inventory, not_yet)


def playbook_schema() -> dict[str, Any]:
    """The JSON Schema of a playbook, for editors."""
    schema = schema_of(root_keys(Names(None)))
    either = [{"required": ["migrations"]}, {"required": ["evacuate"]}]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "winmigrate playbook"}
    return {**head, **schema, "oneOf": either}


def _playbook(
    root: Marked, file: str, inventory: Inventory | None, not_yet: Mapping[str, str] = NOT_YET
) -> types.Playbook:
    if not isinstance(root.value, dict):
        raise InputFaults(fitting(root, "a playbook: a mapping with `winmigrate: 1` and `migrations`").faults)
    reading = _Reading(root, file, Names(inventory))
    playbook = reading.playbook()
    told = {(fault.line, fault.column) for fault in reading.gathering.faults}
    later = [fault for fault in not_yet_faults(root, not_yet) if (fault.line, fault.column) not in told]
    reading.gathering.faults.extend(later)
    settle(reading.gathering, list(foreign_faults(root, _is_name)))
    return playbook


def _is_name(marked: Marked) -> bool:
    parts = marked.path.replace("[", ".").split(".")
    return not any(part in _PROGRAMS for part in parts[:3])


def _what_can_be_read(entry: Marked) -> types.Selector:
    """The pattern of a choice that has faults elsewhere, so that `after` is not doubted for them; else all VMs."""
    choose = entry.child("choose")
    pattern = choose.child("name") if choose is not None else None
    return types.Selector(pattern=pattern.text if pattern is not None and pattern.text else None)


@dataclass(slots=True)
class _Reading:
    root: Marked
    file: str
    names: Names
    gathering: Gathering = field(default_factory=Gathering)

    def playbook(self) -> types.Playbook:
        table = root_keys(self.names)
        faults = self.gathering.faults
        faults.extend(key_faults(self.root, table, ["winmigrate"]))
        faults.extend(version_faults(self.root))
        found: dict[str, Any] = {}
        for name, key in table.items():
            child = self.root.child(name)
            if name not in ("winmigrate", "evacuate"):
                found[name] = key.default if child is None else self.gathering.of(key.shape, child, key.default)
        migrations, marks = self.migrations(found["migrations"] or [])
        evacuate = self.evacuate()
        if evacuate is not None:
            migrations.append(evacuate[1])
        both = [self.root.child(name) is not None for name in ("migrations", "evacuate")]
        if all(both):
            faults.append(self.at("evacuate").key_fault("a playbook has migrations or evacuate; make two playbooks"))
        elif not any(both):
            faults.append(self.root.fault("neither migrations nor evacuate: nothing to do"))
        faults.extend(crossing.over_migrations(migrations, marks))
        emptied = evacuate[0] if evacuate is not None else None
        rules: tuple[types.Rule, ...] = found["rules"]
        faults.extend(crossing.over_rules(rules, migrations, emptied, self.root.child("rules"), self.names.inventory))
        faults.extend(crossing.over_accept(found["accept"], migrations, self.root.child("accept")))
        if found["window"] is not None and found["window"].start == found["window"].end:
            faults.append(self.at("window").fault("it ends when it starts; wanted: two times"))
        named = found["inventory"]
        return types.Playbook(
            file=self.file,
            migrations=tuple(migrations),
            inventory=str(Path(self.file).parent / named) if named is not None else None,
            evacuate=emptied,
            rules=rules,
            return_at=found["return"],
            window=found["window"],
            limits=found["limits"],
            stop_after=found["stop_after"],
            attempts=found["attempts"],
            verify=found["verify"],
            accept=found["accept"],
            wait_for=found["wait_for"],
            notify=found["notify"],
            hooks=found["hooks"],
        )

    def at(self, key: str) -> Marked:
        return self.root.child(key) or self.root

    def migrations(self, entries: list[Marked]) -> tuple[list[types.Migration], list[Marked]]:
        found, marks = [], []
        for entry in entries:
            before = len(self.gathering.faults)
            values = read_fields(migration_keys(self.names), entry, "such as {vm: web01, to: hv02}", self.gathering)
            if not isinstance(entry.value, dict):
                continue
            if (entry.child("vm") is None) == (entry.child("choose") is None):
                self.gathering.faults.append(entry.fault("wanted: either `vm` or `choose`"))
            if entry.child("to") is None and values["kind"] != "storage":
                self.gathering.faults.append(entry.fault('the key "to" is missing'))
            selector = values["vm"] or values["choose"] or _what_can_be_read(entry)
            migration = self.migration(selector, values, entry)
            sound = len(self.gathering.faults) == before
            self.gathering.faults.extend(crossing.one_migration(migration, entry, self.names.inventory, sound=sound))
            found.append(migration)
            marks.append(entry)
        return found, marks

    def migration(self, selector: types.Selector, values: dict[str, Any], entry: Marked) -> types.Migration:
        networks = {here: there for here, there in values["networks"].items() if there != "disconnect"}
        return types.Migration(
            vm=selector,
            to=values["to"],
            kind=values["kind"],
            storage=values["storage"],
            networks=networks,
            disconnect=tuple(here for here in values["networks"] if here not in networks),
            vlans=values["vlans"],
            dvd=values["dvd"],
            cluster_role=values["cluster_role"],
            after=values.get("after", ()),
            priority=values.get("priority", 0),
            fallback=values["fallback"],
            max_downtime=values["max_downtime"],
            place=entry.place,
        )

    def evacuate(self) -> tuple[types.Evacuate, types.Migration] | None:
        entry = self.root.child("evacuate")
        if entry is None:
            return None
        before = len(self.gathering.faults)
        values = read_fields(evacuate_keys(self.names), entry, "such as {host: hv01, to: [hv02]}", self.gathering)
        host: types.Target | None = values["host"]
        if host is None or not isinstance(entry.value, dict):
            return None
        if host.kind != "host":
            message = f"{shown(str(host))} is a {host.kind}; wanted: one host"
            self.gathering.faults.append((entry.child("host") or entry).fault(message))
        selector = types.Selector(source=host, excluded=values["leave"])
        migration = self.migration(selector, values, entry)
        sound = len(self.gathering.faults) == before
        self.gathering.faults.extend(crossing.one_migration(migration, entry, self.names.inventory, sound=sound))
        evacuate = types.Evacuate(host.name, values["to"], values["leave"], values["pause_node"], entry.place)
        return evacuate, migration
