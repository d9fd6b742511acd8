"""The tables of a playbook's keys: what each must look like, taken alone."""

from __future__ import annotations

import re
from typing import Any

from winmigrate.errors import Fault, did_you_mean
from winmigrate.facts.requirement_ids import REQUIREMENT_IDS
from winmigrate.marked import (
    Key,
    Marked,
    Misfit,
    Shape,
    choice,
    entries,
    fields,
    listing,
    one_or_more,
    shown,
    truth,
    words,
)
from winmigrate.marked import whole as whole_number
from winmigrate.marked.shapes import fitting, parsed
from winmigrate.playbook import types
from winmigrate.playbook.names import Names, parse_id
from winmigrate.playbook.paths import check_placeholders, parse_leaf, parse_path
from winmigrate.playbook.times import Window, parse_date, parse_duration, parse_moment

KINDS = ("auto", "cluster", "shared-smb", "shared-nothing", "storage", "offline")
STATES = ("running", "off", "saved", "paused")

VM_NAME = words("a VM's name on one line (a VM with control characters in its name is chosen by id:GUID)")
PATH = parsed("an absolute path", parse_path)
DURATION = parsed("a duration such as 10 min", parse_duration)
DATE = parsed("a date such as 2027-01-31", parse_date)
MOMENT = parsed("a time such as '22:00' or 'Sun 02:00'", parse_moment)
SWITCH = words("a switch's name")


# --- one migration -----------------------------------------------------------------------------------------------


def read_vm(marked: Marked) -> types.Selector:
    """``vm:`` a name, or id:GUID."""
    text = VM_NAME.read(marked)
    if text.lower().startswith("id:"):
        try:
            return types.Selector(id=parse_id(text[3:].strip()))
        except ValueError as error:
            raise Misfit(marked.fault(str(error))) from error
    if "*" in text or "?" in text:
        message = (
            f"{shown(text)} is a pattern, and `vm` names one VM; wanted: choose: {{name: {shown(text)}}}, or id:GUID"
        )
        raise Misfit(marked.fault(message))
    return types.Selector(name=text)


VM = Shape(read_vm, {"type": ["string", "integer"], "description": "a VM's name, or id:GUID"})


def _excluded(marked: Marked) -> str:
    text = VM_NAME.read(marked)
    if text.lower().startswith("id:"):
        return f"id:{read_vm(marked).id}"
    return text


EXCLUDED = one_or_more(Shape(_excluded, {"type": ["string", "integer"]}), "a VM's name, or a list of them")


def _choose(names: Names) -> Shape[types.Selector]:
    keys = {
        "from": Key(names.shape, about="a host, a cluster or tag:NAME"),
        "name": Key(VM_NAME, about="a pattern with * and ?"),
        "state": Key(choice(*STATES), about="only VMs in this state"),
        "except": Key(EXCLUDED, default=(), about="names, patterns or id:GUID to leave out"),
    }

    def build(marked: Marked, found: dict[str, Any]) -> types.Selector:
        if found["from"] is None and found["name"] is None:
            raise Misfit(marked.fault("this chooses every VM of every host; wanted: `from`, `name` or both"))
        return types.Selector(
            source=found["from"], pattern=found["name"], state=found["state"], excluded=found["except"]
        )

    return fields(keys, "a mapping such as {from: hv01, name: 'db-*'}", build)


def _disks(marked: Marked) -> dict[str, str]:
    found = entries(PATH, "a mapping from disks' file names to paths", least=1).read(marked)
    marks = marked.value if isinstance(marked.value, dict) else {}
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    for leaf in found:
        try:
            parse_leaf(leaf)
        except ValueError as error:
            faults.append(marks[leaf].key_fault(str(error)))
        first = seen.setdefault(leaf.casefold(), leaf)
        if first != leaf:
            faults.append(marks[leaf].key_fault(f"{shown(first)} and {shown(leaf)} are one file name on Windows"))
    if faults:
        raise Misfit(*faults)
    return found


def _storage(marked: Marked, found: dict[str, Any]) -> types.StorageWish:
    if not any(found.values()):
        raise Misfit(marked.fault("empty; wanted: such as {path: 'D:\\VMs\\{vm}'}"))
    return types.StorageWish(
        path=found["path"],
        disks=found["disks"] or {},
        config=found["config"],
        checkpoints=found["checkpoints"],
        paging=found["paging"],
    )


STORAGE = fields(
    {
        "path": Key(PATH, about=r"where everything goes: D:\VMs\{vm}"),
        "disks": Key(
            Shape(_disks, {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}),
            about="where single disks go, by file name",
        ),
        "config": Key(PATH, about="where the configuration goes"),
        "checkpoints": Key(PATH, about="where checkpoints go"),
        "paging": Key(PATH, about="where the smart paging file goes"),
    },
    "a mapping such as {path: 'D:\\VMs\\{vm}'}",
    _storage,
)

_VLAN = whole_number(1, 4094, "a VLAN id from 1 to 4094")


def _vlans(marked: Marked) -> dict[int, int]:
    found = entries(_VLAN, "a mapping from VLAN ids at the source to VLAN ids at the destination", least=1).read(marked)
    marks = marked.value if isinstance(marked.value, dict) else {}
    wrong = [key for key in found if re.fullmatch(r"[1-9]\d{0,3}", key) is None or int(key) > 4094]
    if wrong:
        raise Misfit(*(marks[key].key_fault(f"{shown(key)} is no VLAN id; wanted: 1 to 4094") for key in wrong))
    return {int(key): value for key, value in found.items()}


#: What a migration and an evacuation have in common.
MANNER: dict[str, Key] = {
    "kind": Key(choice(*KINDS), default="auto", about="how it is moved"),
    "storage": Key(STORAGE, default=types.StorageWish(), about="where its files go"),
    "networks": Key(entries(SWITCH, "a mapping from switches here to switches there", least=1), default={}),
    "vlans": Key(
        Shape(_vlans, {"type": "object", "additionalProperties": _VLAN.schema, "minProperties": 1}),
        default={},
        about="VLAN ids at the source to VLAN ids at the destination",
    ),
    "dvd": Key(choice("eject", "keep"), about="what becomes of media in its drives"),
    "cluster_role": Key(choice("keep", "remove"), about="remove: taken out of its cluster, down-time for failover"),
    "fallback": Key(choice("offline"), about="offline: moved switched off if it cannot be moved live"),
    "max_downtime": Key(DURATION, about="how long a VM may be down: the consent that down-time needs"),
}


def migration_keys(names: Names) -> dict[str, Key]:
    """The keys of one entry of ``migrations``."""
    return {
        "vm": Key(VM, about="a VM's name, or id:GUID"),
        "choose": Key(_choose(names), about="several VMs"),
        "to": Key(one_or_more(names.shape, "a host, a cluster, tag:NAME, or a list of them"), default=()),
        **MANNER,
        "after": Key(one_or_more(VM_NAME, "a VM's name, or a list of them"), default=(), about="VMs moved before it"),
        "priority": Key(whole_number(-1000, 1000), default=0, about="higher goes earlier"),
    }


def evacuate_keys(names: Names) -> dict[str, Key]:
    """The keys of ``evacuate``."""
    return {
        "host": Key(names.shape, True, about="the host to be emptied"),
        "to": Key(one_or_more(names.shape, "a host, a cluster, tag:NAME, or a list of them"), True, ()),
        "leave": Key(EXCLUDED, default=(), about="VMs that stay"),
        "pause_node": Key(truth(), default=False, about="pause the cluster node first"),
        **MANNER,
    }


# --- the run -----------------------------------------------------------------------------------------------------


def _verify(marked: Marked) -> types.Verify:
    if isinstance(marked.value, str):
        choice("heartbeat").read(marked)
        return types.Verify("heartbeat")
    found = fields({"tcp": Key(words("HOST:PORT"), True)}, "heartbeat, or {tcp: 'HOST:PORT'}", lambda _, got: got).read(
        marked
    )
    mark = marked.child("tcp") or marked
    text = str(found["tcp"])
    address, _, port = text.rpartition(":")
    try:
        check_placeholders(address)
    except ValueError as error:
        raise Misfit(mark.fault(str(error))) from error
    if not re.fullmatch(r"[1-9]\d{0,4}", port) or int(port) > 65535 or not re.fullmatch(r"[\w.{}:\[\]-]+", address):
        raise Misfit(mark.fault(f"{shown(text)} is no address with a port; wanted: such as {{vm}}.corp.example:443"))
    return types.Verify("tcp", address, int(port))


_TCP_SCHEMA = {
    "type": "object",
    "properties": {"tcp": {"type": "string"}},
    "required": ["tcp"],
    "additionalProperties": False,
}
VERIFY = listing(Shape(_verify, {"anyOf": [{"const": "heartbeat"}, _TCP_SCHEMA]}), "a list such as [heartbeat]")


def _argv(marked: Marked) -> tuple[str, ...]:
    if isinstance(marked.value, str):
        message = "a shell string; wanted: the program and its arguments as a list, such as [/usr/bin/notify, '{vm}']"
        raise Misfit(marked.fault(message))
    found = listing(words("an argument"), "a list: the program and its arguments", least=1).read(marked)
    marks = marked.value if isinstance(marked.value, list) else []
    for one, text in zip(marks, found, strict=True):
        try:
            check_placeholders(text)
        except ValueError as error:
            raise Misfit(one.fault(str(error))) from error
    return found


ARGV = Shape(_argv, {"type": "array", "items": {"type": "string"}, "minItems": 1})


def _requirement_id(text: str) -> str:
    if text not in REQUIREMENT_IDS:
        raise ValueError(f"{shown(text)} is no finding's id{did_you_mean(text, REQUIREMENT_IDS)}")
    return text


def _accept(marked: Marked, found: dict[str, Any]) -> types.Accept:
    vm = ""
    if found["vm"] is not None:
        vm = found["vm"].name or found["vm"].id
    return types.Accept(found["id"], vm, found["reason"], found["for"], found["until"], marked.place)


ACCEPT = fields(
    {
        "id": Key(parsed("a finding's id", _requirement_id), True, about="the finding's id, such as vm-replica-state"),
        "vm": Key(VM, about="for this VM only"),
        "reason": Key(words("a reason"), True, about="why it is accepted"),
        "for": Key(words("who takes responsibility"), default="", about="who takes responsibility"),
        "until": Key(DATE, True, about="the last day on which it holds"),
    },
    "a mapping with id, reason and until",
    _accept,
)


def _window(_: Marked, found: dict[str, Any]) -> Window:
    return Window(found["start"], found["end"], found["stop_starting"])


WINDOW = fields(
    {
        "start": Key(MOMENT, True),
        "end": Key(MOMENT, True),
        "stop_starting": Key(choice("fit", "end"), default="fit", about="fit: only what will end inside is started"),
    },
    "a mapping such as {start: '22:00', end: '06:00'}",
    _window,
)

LIMITS = fields(
    {
        "live": Key(whole_number(1, 64), about="live migrations at once on a host"),
        "storage": Key(whole_number(1, 64), about="storage migrations at once on a host"),
        "run": Key(whole_number(1, 1000), default=8, about="moves at once in the whole run"),
    },
    "a mapping such as {live: 2, storage: 2, run: 8}",
    lambda _, found: types.RunLimits(found["live"], found["storage"], found["run"]),
)

HOOKS = fields(
    {"before": Key(ARGV, default=()), "after": Key(ARGV, default=())},
    "a mapping with before and after",
    lambda _, found: types.Hooks(found["before"], found["after"]),
)

RETURN = fields({"start": Key(MOMENT, True)}, "a mapping such as {start: 'Sun 02:00'}", lambda _, found: found["start"])


def rule_shape(names: Names) -> Shape[types.Rule]:
    """One entry of ``rules``."""
    group = listing(VM_NAME, "a list of VMs", least=2)
    keys = {
        "apart": Key(group, about="VMs never on one host"),
        "together": Key(group, about="VMs always on one host"),
        "keep_on": Key(entries(names.shape, "a mapping from one VM to hosts", least=1), about="where a VM may be"),
    }

    def build(marked: Marked, found: dict[str, Any]) -> types.Rule:
        given = [kind for kind in keys if found[kind] is not None]
        if len(given) != 1:
            raise Misfit(marked.fault("one rule, one word; wanted: apart, together or keep_on"))
        kind = given[0]
        if kind == "keep_on":
            if len(found[kind]) != 1:
                raise Misfit(marked.fault("keep_on says it of one VM; wanted: a rule for each"))
            [(vm, target)] = found[kind].items()
            return types.Rule(kind, (vm,), target, marked.place)
        vms: tuple[str, ...] = found[kind]
        if len({vm.casefold() for vm in vms}) != len(vms):
            raise Misfit((marked.child(kind) or marked).fault("a VM stands in it twice"))
        return types.Rule(kind, vms, None, marked.place)

    return fields(keys, "a mapping such as {apart: [web01, web02]}", build)


def _number_is_one(marked: Marked) -> Any:
    return marked.value


def root_keys(names: Names) -> dict[str, Key]:
    """The keys of a playbook."""
    migration = fields(migration_keys(names), "a mapping such as {vm: web01, to: hv02}", lambda _, found: found)
    evacuate = fields(evacuate_keys(names), "a mapping such as {host: hv01, to: [hv02]}", lambda _, found: found)
    waits = listing(choice("backup", "merge"), "a list of backup and merge")
    return {
        "winmigrate": Key(Shape(_number_is_one, {"const": 1}), True, about="the version of this format"),
        "inventory": Key(words("a path"), about="the inventory, from this file's folder"),
        "migrations": Key(Shape(fitting_list, {"type": "array", "items": migration.schema, "minItems": 1})),
        "evacuate": Key(evacuate, about="a host to be emptied, for maintenance"),
        "rules": Key(listing(rule_shape(names), "a list of rules"), default=()),
        "return": Key(RETURN, about="when what was moved goes back"),
        "window": Key(WINDOW, about="when moves may run"),
        "limits": Key(LIMITS, default=types.RunLimits(), about="moves at once"),
        "stop_after": Key(whole_number(1, 1000), default=1, about="failures after which nothing new starts"),
        "attempts": Key(whole_number(1, 5), default=1, about="how often a move is tried"),
        "verify": Key(VERIFY, default=(), about="what must hold after a move"),
        "accept": Key(listing(ACCEPT, "a list of accepted findings"), default=()),
        "wait_for": Key(waits, default=("backup", "merge"), about="what a VM's move waits for"),
        "notify": Key(ARGV, default=(), about="a program that is told what happens: an argv list"),
        "hooks": Key(HOOKS, default=types.Hooks(), about="programs run before and after each VM: argv lists"),
    }


def fitting_list(marked: Marked) -> list[Marked]:
    """The entries of ``migrations``, unread."""
    if not isinstance(marked.value, list) or not marked.value:
        raise fitting(marked, "a list of migrations, such as - {vm: web01, to: hv02}")
    return marked.value
