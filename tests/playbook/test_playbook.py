from __future__ import annotations

import datetime as dt
from pathlib import Path

import jsonschema
import pytest

from winmigrate.errors import InputFaults
from winmigrate.inventory import Inventory, inventory_schema, load_inventory, read_inventory
from winmigrate.marked import load_marked, read_marked
from winmigrate.playbook import (
    Accept,
    Evacuate,
    Hooks,
    Moment,
    Playbook,
    Rule,
    RunLimits,
    Selector,
    StorageWish,
    Target,
    Verify,
    Window,
    load_playbook,
    playbook_schema,
    read_playbook,
)

EXAMPLES = Path(__file__).parents[2] / "playbooks"
INVENTORY = read_inventory(
    "winmigrate: 1\n"
    "hosts:\n"
    "  hv01: {tags: [rack-a]}\n"
    "  hv02: {tags: [rack-b]}\n"
    "  hv03: {tags: [rack-b, spare]}\n"
    "  hv04: {receive: false, tags: [old]}\n"
    "clusters: {clu1: {nodes: [hv11, hv12]}}\n"
    "networks: {External: {hv01: External, default: Ext}}\n",
    "site/inventory.yml",
)
HEAD = "winmigrate: 1\nmigrations:\n"
ONE = HEAD + "  - {vm: web01, to: hv02}\n"
GUID = "6f1c1b2a-0d0e-4c9b-9d6b-0b4f1f6f7a11"


def read(text: str, inventory: Inventory | None = INVENTORY) -> Playbook:
    return read_playbook(text, "p.yml", inventory)


def test_the_example_with_migrations() -> None:
    playbook = load_playbook(EXAMPLES / "web-and-db.yml")
    inventory = load_inventory(EXAMPLES / "inventory.yml")
    web01, web02, dbs = playbook.migrations
    assert playbook.inventory == str(EXAMPLES / "inventory.yml")
    assert web01.vm == Selector(name="web01")
    assert web01.to == (Target("host", "hv02"), Target("host", "hv03"))
    assert web01.kind == "auto"
    assert web01.storage == StorageWish(r"D:\VMs\{vm}", {"data.vhdx": r"E:\Data\{vm}"})
    assert web01.storage.disk_path("DATA.vhdx", "web01") == r"E:\Data\web01\DATA.vhdx"
    assert web01.storage.disk_path("os.vhdx", "web01") is None
    assert web01.storage.folder("config", "web01") == r"D:\VMs\web01"
    assert str(web01.place) == f"{EXAMPLES / 'web-and-db.yml'}:6:5"
    assert web02.to == (Target("tag", "rack-b"),)
    assert web02.after == ("web01",)
    assert web02.destinations(inventory) == ("hv02", "hv03")
    assert dbs.vm == Selector(source=Target("host", "hv01"), pattern="db-*", state="running", excluded=("db-test",))
    assert str(dbs.vm) == '"db-*" on hv01 that is running except "db-test"'
    assert dbs.networks == {"Backup": "Backup-10G"}
    assert dbs.switch_for(inventory, "hv01", "backup", "hv03") == "Backup-10G"
    assert dbs.switch_for(inventory, "hv01", "External", "hv02") == "Ext"
    assert dbs.priority == 10
    assert playbook.window == Window(Moment(dt.time(22)), Moment(dt.time(6)), "fit")
    assert playbook.limits == RunLimits(2, 2, 8)
    assert (playbook.stop_after, playbook.attempts) == (1, 1)
    assert playbook.verify == (Verify("heartbeat"), Verify("tcp", "{vm}.corp.example", 443))
    reason = "CHG0031337: replication is paused tonight"
    assert playbook.accept == (Accept("vm-replica-state", "db-01", reason, "db team", dt.date(2027, 1, 31)),)


def test_the_example_with_an_evacuation() -> None:
    playbook = load_playbook(EXAMPLES / "evacuate.yml")
    to = (Target("host", "hv02"), Target("host", "hv03"))
    assert playbook.evacuate == Evacuate("hv01", to, ("dc01",))
    [migration] = playbook.migrations
    assert migration.vm == Selector(source=Target("host", "hv01"), excluded=("dc01",))
    assert migration.to == to
    assert migration.storage.path == r"D:\VMs\{vm}"


EVERYTHING = f"""\
winmigrate: 1
inventory: inventory.yml
migrations:
  - vm: 0012
    to: clu1
    kind: cluster
    cluster_role: keep
    dvd: eject
    vlans: {{100: 200}}
  - vm: 'id:{{{GUID.upper()}}}'
    kind: storage
    storage: {{path: 'e:\\VMs\\', config: 'E:\\C', checkpoints: 'E:\\S', paging: 'F:\\P'}}
  - vm: no
    to: hv02
    kind: offline
    max_downtime: 1.5 h
    networks: {{External: disconnect, Backup: B2}}
    after: [0012, 'id:{GUID}']
  - choose: {{name: 'app?', except: ['id:{GUID}', 'app9*']}}
    to: [hv02, tag:spare]
    fallback: offline
    max_downtime: 10 min
    storage: {{path: '\\\\sofs\\vms\\{{vm}}', disks: {{'a.vhdx': 'E:\\{{vm}}\\b.vhdx'}}}}
rules:
  - {{apart: [no, 0012]}}
  - {{together: [app1, app2]}}
  - {{keep_on: {{app1: tag:rack-b}}}}
return: {{start: 'Sun 02:00'}}
window: {{start: 2026-11-28 22:00, end: 06:00, stop_starting: end}}
attempts: 3
wait_for: [backup]
notify: [/usr/bin/notify, '{{vm}}']
hooks: {{before: [drain, '{{vm}}'], after: [undrain]}}
"""


def test_every_word_is_read_into_its_type() -> None:
    playbook = read_playbook(EVERYTHING, "p.yml", INVENTORY, not_yet={})
    first, by_id, offline, apps = playbook.migrations
    assert first.vm.name == "0012"
    assert first.to == (Target("cluster", "clu1"),)
    assert first.to[0].hosts(INVENTORY) == ("hv11", "hv12")
    assert (first.kind, first.cluster_role, first.dvd, first.vlans) == ("cluster", "keep", "eject", {100: 200})
    assert by_id.vm == Selector(id=GUID)
    assert by_id.storage == StorageWish("E:\\VMs", {}, "E:\\C", "E:\\S", "F:\\P")
    assert offline.vm.name == "no"
    assert (offline.networks, offline.disconnect) == ({"Backup": "B2"}, ("External",))
    assert offline.max_downtime == dt.timedelta(minutes=90)
    assert offline.after == ("0012", f"id:{GUID}")
    assert apps.vm.excluded == (f"id:{GUID}", "app9*")
    assert apps.fallback == "offline"
    assert apps.storage.disk_path("a.vhdx", "app1") == "E:\\app1\\b.vhdx"
    assert [(rule.kind, rule.vms, rule.place.line) for rule in playbook.rules] == [
        ("apart", ("no", "0012"), 25),
        ("together", ("app1", "app2"), 26),
        ("keep_on", ("app1",), 27),
    ]
    assert playbook.rules[2] == Rule("keep_on", ("app1",), Target("tag", "rack-b"))
    assert playbook.return_at == Moment(dt.time(2), weekday=6)
    assert playbook.window is not None
    assert str(playbook.window.start) == "2026-11-28 22:00"
    assert playbook.notify == ("/usr/bin/notify", "{vm}")
    assert playbook.hooks == Hooks(("drain", "{vm}"), ("undrain",))
    assert playbook.wait_for == ("backup",)


def test_words_without_effect_in_this_version_are_refused_and_never_ignored() -> None:
    with pytest.raises(InputFaults) as caught:
        read_playbook(EVERYTHING, "p.yml", INVENTORY)
    assert [
        (fault.line, fault.path) for fault in caught.value.faults if "not yet in this version" in fault.message
    ] == [
        (8, "migrations[0].dvd"),
        (9, "migrations[0].vlans"),
        (11, "migrations[1].kind"),
        (15, "migrations[2].kind"),
        (17, "migrations[2].networks.External"),
        (21, "migrations[3].fallback"),
        (23, "migrations[3].storage.path"),
        (25, "rules"),
        (28, "return"),
        (31, "wait_for"),
        (32, "notify"),
        (33, "hooks"),
    ]


def test_the_schema_takes_what_reading_takes() -> None:
    schema = playbook_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in ("web-and-db.yml", "evacuate.yml"):
        jsonschema.validate(read_marked(EXAMPLES / name).plain(), schema)
    jsonschema.validate(load_marked(EVERYTHING, "x").plain(), schema)
    jsonschema.validate(read_marked(EXAMPLES / "inventory.yml").plain(), inventory_schema())
    for bad in (
        "winmigrate: 1\n",
        ONE + "evacuate: {host: a, to: b}\n",
        ONE + "windwo: {}\n",
        ONE.replace("to", "too"),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(load_marked(bad, "x").plain(), schema)


@pytest.mark.parametrize(
    "name", ["web 'old' \"vm\" [x]", "$(Remove-VM x)", "Größe 🎈", "a;b|c&d", " padded ", "{vm}", "C:\\x", "true", "12"]
)
def test_a_name_with_odd_characters_is_that_very_name(name: str) -> None:
    quoted = "'" + name.replace("'", "''") + "'"
    playbook = read(HEAD + f"  - {{vm: {quoted}, to: hv02}}\n  - {{vm: b, to: hv02, after: {quoted}}}\n")
    assert playbook.migrations[0].vm.name == name
    assert playbook.migrations[0].vm.matches(name, GUID)


def test_selectors() -> None:
    every = Selector(pattern="db-[1]*", state="running", excluded=("DB-[1]9", f"id:{GUID}"))
    assert every.matches("DB-[1]2", "x", "Running")
    assert not every.matches("db-12", "x", "Running")
    assert not every.matches("db-[1]2", "x", "Off")
    assert not every.matches("db-[1]9", "x", "Running")
    assert not every.matches("db-[1]2", GUID.upper(), "Running")
    assert Selector(id=GUID).matches("any\nthing", GUID.upper())
    assert Selector(pattern="a*").matches("a\nb", "")
    assert str(Selector(id=GUID)) == f"id:{GUID}"


def test_names_of_hosts_are_held_against_the_inventory_if_there_is_one(tmp_path: Path) -> None:
    assert read(HEAD + "  - {vm: a, to: anywhere}\n", None).migrations[0].to == (Target("host", "anywhere"),)
    path = tmp_path / "p.yml"
    path.write_text(HEAD.replace("migrations", "inventory: i.yml\nmigrations") + "  - {vm: a, to: anywhere, prio: 1}\n")
    with pytest.raises(InputFaults) as caught:
        load_playbook(path)
    assert [fault.file.rpartition("/")[2] for fault in caught.value.faults] == ["i.yml", "p.yml"]
    (tmp_path / "i.yml").write_text("winmigrate: 1\nhosts: {anywher: }\n")
    with pytest.raises(InputFaults, match="did you mean"):
        load_playbook(path)
    path.write_text(path.read_text().replace(", prio: 1", ""))
    assert load_playbook(path, read_inventory("winmigrate: 1\nhosts: {anywhere: }\n")).migrations
    with pytest.raises(InputFaults, match=r'no host or cluster "anywhere" in i.yml \(did you mean "anywher"\?\)'):
        load_playbook(path)
