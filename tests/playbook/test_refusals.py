"""Every refusal of a playbook, each with its place and what would be right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.playbook.test_playbook import GUID, HEAD, INVENTORY, ONE, read
from winmigrate.errors import Fault, InputFaults


def faults_of(text: str) -> tuple[Fault, ...]:
    try:
        read(text)
    except InputFaults as error:
        return error.faults
    return ()


def moved(words: str, more: str = "") -> str:
    return HEAD + f"  - {{vm: web01, to: hv02, {words}}}\n{more}"


def placed(words: str) -> str:
    return moved(f"storage: {{{words}}}")


CASES = [
    # the file
    ("", "p.yml:1:1: this is nothing; wanted: a playbook"),
    ("winmigrate: 1\n", "p.yml:1:1: neither migrations nor evacuate: nothing to do"),
    ("migrations: [{vm: a, to: hv02}]\n", 'p.yml:1:1: the key "winmigrate" is missing'),
    (ONE.replace("1", "3", 1), 'winmigrate: "3" is no version'),
    (ONE + "windwo: {}\n", 'p.yml:4:1: windwo: unknown key (did you mean "window"?)'),
    (ONE + "evacuate: {host: hv01, to: hv02}\n", "p.yml:4:1: evacuate: a playbook has migrations or evacuate"),
    ("winmigrate: 1\nmigrations: []\n", "p.yml:2:13: migrations: this is a list; wanted: a list of migrations"),
    ("winmigrate: 1\nmigrations: web01\n", "wanted: a list of migrations, such as - {vm: web01, to: hv02}"),
    (HEAD + "  - web01\n", 'p.yml:3:5: migrations[0]: "web01" is text; wanted: such as {vm: web01, to: hv02}'),
    (ONE + "stop_after: 0\n", "0 is out of range; wanted: a whole number from 1 to 1000"),
    (ONE + "attempts: two\n", "wanted: a whole number from 1 to 5"),
    (ONE + "password: geheim\n", "a secret has no place in a file"),
    # which VM
    (HEAD + "  - {to: hv02}\n", "p.yml:3:5: migrations[0]: wanted: either `vm` or `choose`"),
    (HEAD + "  - {vm: a, choose: {name: b}, to: hv02}\n", "wanted: either `vm` or `choose`"),
    (HEAD + "  - {vm: a}\n", 'p.yml:3:5: migrations[0]: the key "to" is missing'),
    (HEAD + "  - {vm: a, to: []}\n", "an empty list; wanted: a host, a cluster, tag:NAME, or a list of them"),
    (
        HEAD + '  - {vm: "a\\nb", to: hv02}\n',
        "the control character U+000A in text; wanted: a VM's name on one line (a VM",
    ),
    (HEAD + "  - {vm: 'id:1234', to: hv02}\n", '"1234" is no GUID; wanted: such as id:'),
    (HEAD + "  - {vm: 'db*', to: hv02}\n", '"db*" is a pattern, and `vm` names one VM; wanted: choose: {name: "db*"}'),
    (HEAD + "  - {vm: [a, b], to: hv02}\n", "p.yml:3:10: migrations[0].vm: this is a list; wanted: a VM's name"),
    (HEAD + "  - {vm: '{{ vm }}', to: hv02}\n", "Jinja is not read here: write the value out (a VM with such a name"),
    (HEAD + "  - {vm: {{ vm }}, to: hv02}\n", "{{ ... }} is Jinja"),
    (
        HEAD + "  - {choose: {state: running}, to: hv02}\n",
        "this chooses every VM of every host; wanted: `from`, `name`",
    ),
    (HEAD + "  - {choose: {from: hv01, state: on}, to: hv02}\n", '"on" is none of running | off | saved | paused'),
    (HEAD + "  - {choose: {from: hv9}, to: hv02}\n", 'choose.from: no host or cluster "hv9" in inventory.yml'),
    (HEAD + "  - {choose: {from: hv01, names: x}, to: hv02}\n", 'unknown key (did you mean "name"?)'),
    # one VM twice
    (ONE + "  - {vm: WEB01, to: hv03}\n", 'p.yml:4:10: migrations[1].vm: "WEB01" stands twice (first in line 3)'),
    (HEAD + f"  - {{vm: 'id:{GUID}', to: hv02}}\n  - {{vm: 'ID:{GUID.upper()}', to: hv02}}\n", "stands twice"),
    # where to
    (HEAD + "  - {vm: a, to: hv9}\n", 'p.yml:3:17: migrations[0].to: no host or cluster "hv9" in inventory.yml'),
    (HEAD + "  - {vm: a, to: HV02}\n", '(did you mean "hv02"?)'),
    (HEAD + "  - {vm: a, to: rack-b}\n", "(did you mean tag:rack-b?)"),
    (HEAD + "  - {vm: a, to: tag:rack-c}\n", 'no host in inventory.yml has the tag "rack-c" (did you mean'),
    (HEAD + "  - {vm: a, to: 'group:x'}\n", '"group:x" is no target; wanted: a host, a cluster or tag:NAME'),
    (HEAD + "  - {vm: a, to: [hv02, hv02]}\n", 'p.yml:3:24: migrations[0].to[1]: "hv02" stands twice'),
    (HEAD + "  - {vm: a, to: hv04}\n", '"hv04" takes no VM (receive: false in the inventory); wanted: another'),
    (HEAD + "  - {vm: a, to: tag:old}\n", 'no host with the tag "old" takes a VM'),
    (HEAD + "  - {choose: {from: hv01}, to: hv01}\n", '"hv01" is where they come from; wanted: another host'),
    (HEAD + "  - {choose: {from: hv01}, to: tag:rack-a}\n", '"tag:rack-a" is "hv01" alone, where they come from'),
    ("winmigrate: 1\nevacuate: {host: hv01, to: [hv02, hv01]}\n", '"hv01" is where they come from'),
    ("winmigrate: 1\nevacuate: {host: clu1, to: hv02}\n", '"clu1" is a cluster; wanted: one host'),
    ("winmigrate: 1\nevacuate: {to: hv02}\n", 'the key "host" is missing'),
    # order
    (moved("after: web01"), "migrations[0].after: a VM cannot wait for itself"),
    (moved("after: [web1]"), 'no migration of this playbook is of "web1" (did you mean "web01"?)'),
    (HEAD + "  - {choose: {from: hv01, name: 'db*'}, to: hv02, after: db1}\n", '"db1" is among those that would wait'),
    (
        HEAD + "  - {vm: a, to: hv02, after: c}\n  - {vm: b, to: hv02, after: a}\n  - {vm: c, to: hv02, after: b}\n",
        'p.yml:3:30: migrations[0].after: a circle: "a" after "c" after "b" after "a"; wanted: an order that begins',
    ),
    (moved("priority: high"), "wanted: a whole number from -1000 to 1000"),
    # how
    (moved("kind: live"), '"live" is none of auto | cluster'),
    (moved("kind: cluster, storage: {path: 'D:\\V'}"), "a move inside a cluster leaves the storage where it is"),
    (moved("kind: storage"), "kind storage moves storage and nothing else; wanted: `storage`"),
    (moved("kind: storage, storage: {path: 'D:\\V'}"), "kind storage stays on its host; leave `to` out"),
    (moved("kind: offline"), "offline means down-time; wanted: max_downtime"),
    (moved("fallback: offline"), "offline means down-time; wanted: max_downtime"),
    (moved("fallback: quick"), '"quick" is none of offline'),
    (moved("max_downtime: 10 min"), "nothing here means down-time; leave it out"),
    (moved("max_downtime: 10"), '"10" has no unit; wanted: such as 10 min or 10 s'),
    (moved("max_downtime: soon"), '"soon" is no duration; wanted: such as 10 min'),
    (moved("max_downtime: 10 m"), '"m" is no unit of time; wanted: one of s, min, h, d'),
    (moved("max_downtime: 9000 d"), "is longer than a year"),
    (moved("networks: {External: disconnect}"), "disconnect cuts the VM off; wanted: max_downtime"),
    (moved("networks: {External: a, external: b}"), '"External" and "external" are one switch on Windows'),
    (moved("networks: {}"), "empty; wanted: a mapping from switches here to switches there"),
    (moved("networks: {External: }"), "this is nothing; wanted: a switch's name"),
    (moved("vlans: {0: 5}"), '"0" is no VLAN id; wanted: 1 to 4094'),
    (moved("vlans: {5: 5000}"), "5000 is out of range; wanted: a VLAN id from 1 to 4094"),
    (moved("dvd: remove"), '"remove" is none of eject | keep'),
    (moved("cluster_role: take"), '"take" is none of keep | remove'),
    # paths
    (placed("path: 'VMs'"), '"VMs" is no absolute path; wanted: one that begins with a drive, such as D:\\VMs'),
    (placed("path: '\\VMs'"), "is no absolute path"),
    (placed("path: 'D:VMs'"), '"D:VMs" is relative to wherever that drive stands; wanted: D:\\VMs'),
    (placed("path: D:/VMs"), '"D:/VMs" has forward slashes; wanted: D:\\VMs'),
    (
        placed("path: '\\\\hv02\\d$\\VMs'"),
        "administrative share, which holds no running VM; wanted: the path as that host",
    ),
    (placed("path: '\\\\hv02\\ADMIN$'"), "administrative share"),
    (placed("path: '\\\\hv02'"), "names no share; wanted: such as \\\\sofs\\vms\\{vm}"),
    (placed("path: '\\\\?\\D:\\VMs'"), "is a device path; wanted"),
    (placed("path: 'D:\\VMs\\..\\x'"), "goes by way of ..; wanted: the path written out"),
    (placed("path: 'D:\\V?s'"), '"?" cannot stand in a path'),
    (placed("path: 'D:\\a\\\\b'"), "has two backslashes in a row; wanted: one"),
    (placed("path: 'D:\\VMs.\\x'"), '"VMs." ends in a space or dot, which Windows drops'),
    (placed("path: 'D:\\nul'"), "is a device's name on Windows"),
    (placed("path: 'D:\\{name}'"), '"{name}" is no placeholder; wanted: {vm}, the VM\'s name'),
    (placed("path: 'D:\\{VM}'"), '"{VM}" is no placeholder; wanted: {vm}, the VM\'s name (did you mean "vm"?)'),
    (placed("path: 'D:\\{vm'"), "has a brace on its own; wanted: {vm}"),
    (placed("path: 'D:\\$(hostname)'"), "PowerShell is not read here: write the value out"),
    (placed("path: '$env:TEMP'"), "PowerShell is not read here"),
    (placed('path: "D:\\\\a\\tb"'), "the control character U+0009 in text; wanted: an absolute path"),
    (placed(""), "empty; wanted: such as {path: 'D:\\VMs\\{vm}'}"),
    (placed("paths: 'D:\\V'"), 'unknown key (did you mean "path"?)'),
    # disks
    (placed("disks: {'data': 'D:\\V'}"), '"data" is no virtual disk\'s file name; wanted: such as data.vhdx'),
    (placed("disks: {'C:\\a.vhdx': 'D:\\V'}"), "is a path; wanted: the disk's file name alone"),
    (placed("disks: {a.vhdx: 'D:\\V', A.vhdx: 'E:\\V'}"), '"a.vhdx" and "A.vhdx" are one file name on Windows'),
    (placed("disks: {a.vhdx: 'D:\\x.vhdx', b.vhdx: 'd:\\X.vhdx'}"), '"a.vhdx" and "b.vhdx" would both be written to'),
    (placed("disks: {a.vhdx: 'D:\\b.vhdx', b.vhdx: 'D:\\'}"), '"a.vhdx" and "b.vhdx" would both be written to'),
    (placed("disks: {a.vhdx: 'D:\\b.vhd'}"), 'a move does not convert "a.vhdx"; wanted: the same ending'),
    (
        HEAD + "  - {choose: {from: hv01}, to: hv02, storage: {disks: {a.vhdx: 'D:\\V'}}}\n",
        "every VM that is chosen would write this one file; wanted: {vm} in the path",
    ),
    (
        HEAD + "  - {vm: a, to: hv02, storage: {disks: {x.vhdx: 'D:\\V'}}}\n"
        "  - {vm: b, to: [hv03, hv02], storage: {disks: {x.vhdx: 'D:\\v'}}}\n",
        'p.yml:4:57: migrations[1].storage.disks["x.vhdx"]: "a" and "b" would both write D:\\v\\x.vhdx on hv02',
    ),
    # rules
    (ONE + "rules: [{apart: [a]}]\n", "wanted: a list of VMs"),
    (ONE + "rules: [{apart: [a, A]}]\n", "a VM stands in it twice"),
    (ONE + "rules: [{apart: [a, b], together: [a, b]}]\n", "one rule, one word; wanted: apart, together or keep_on"),
    (
        ONE + "rules: [{apart: [a, b]}, {together: [c, B, A]}]\n",
        '"a" and "b" are to be apart by line 4; wanted: one of',
    ),
    (ONE + "rules: [{keep_on: {web1: hv02}}]\n", 'no migration of this playbook is of "web1" (did you mean "web01"?)'),
    (ONE + "rules: [{keep_on: {web01: hv03}}]\n", '"web01" is to go to hv02, which is not hv03; wanted: one of both'),
    (
        ONE + "rules: [{keep_on: {web01: hv002}}]\n",
        'no host or cluster "hv002" in inventory.yml (did you mean "hv02"?)',
    ),
    (ONE + "rules: [{keep_on: {web01: hv02, b: hv02}}]\n", "keep_on says it of one VM; wanted: a rule for each"),
    (ONE + "rules: [{keep_on: {web01: hv02}}, {keep_on: {web01: tag:rack-b}}]\n", "has a keep_on already, in line 4"),
    (
        "winmigrate: 1\nevacuate: {host: hv01, to: hv02}\nrules: [{keep_on: {x: hv01}}]\n",
        '"hv01" is to be emptied; leave "x" there by `leave`',
    ),
    # the run
    (ONE + "window: {start: '22:00'}\n", 'p.yml:4:9: window: the key "end" is missing'),
    (ONE + "window: {start: 22, end: '06:00'}\n", "\"22\" is no time; wanted: '22:00', 'Sun 02:00'"),
    (ONE + "window: {start: '24:00', end: '06:00'}\n", '"24:00" is no time'),
    (ONE + "window: {start: 'Sonntag 02:00', end: '06:00'}\n", '"Sonntag" is no day; wanted: Mon, Tue'),
    (ONE + "window: {start: '2026-02-30 02:00', end: '06:00'}\n", '"2026-02-30" is no date'),
    (ONE + "window: {start: '22:00', end: '22:00'}\n", "it ends when it starts; wanted: two times"),
    (ONE + "window: {start: '22:00', end: '06:00', stop_starting: never}\n", '"never" is none of fit | end'),
    (ONE + "limits: {live: 0}\n", "0 is out of range; wanted: a whole number from 1 to 64"),
    (ONE + "verify: heartbeat\n", '"heartbeat" is text; wanted: a list such as [heartbeat]'),
    (ONE + "verify: [heart]\n", '"heart" is none of heartbeat'),
    (ONE + "verify: [{tcp: web}]\n", '"web" is no address with a port; wanted: such as {vm}.corp.example:443'),
    (ONE + "verify: [{tcp: '{name}.corp:443'}]\n", '"{name}" is no placeholder; wanted: {vm}'),
    (ONE + "verify: [{tcp: 'web:99999'}]\n", "is no address with a port"),
    (ONE + "wait_for: [coffee]\n", '"coffee" is none of backup | merge'),
    (ONE + "notify: mail ops\n", "a shell string; wanted: the program and its arguments as a list"),
    (ONE + "hooks: {before: drain web01}\n", "hooks.before: a shell string; wanted"),
    (ONE + "hooks: {before: [drain, '{host}']}\n", '"{host}" is no placeholder'),
    (ONE + "hooks: {before: [drain, '$(id)']}\n", "PowerShell is not read here"),
    (ONE + "return: {start: soon}\n", '"soon" is no time'),
    # acceptances
    (ONE + "accept: [{id: mem-free, until: 2027-01-31}]\n", 'the key "reason" is missing'),
    (ONE + "accept: [{id: mem-free, reason: x}]\n", 'the key "until" is missing'),
    (ONE + "accept: [{id: mem_free, reason: x, until: 2027-01-31}]\n", 'no finding\'s id (did you mean "mem-free"?)'),
    (ONE + "accept: [{id: mem-free, reason: x, until: 31.1.2027}]\n", '"31.1.2027" is no date; wanted: year-month-day'),
    (ONE + "accept: [{id: mem-free, reason: '', until: 2027-01-31}]\n", "empty; wanted: a reason"),
    (
        ONE + "accept: [{id: mem-free, vm: wep01, reason: x, until: 2027-01-31}]\n",
        'is of "wep01" (did you mean "web01"?)',
    ),
    (ONE + "accept: [{id: mem-free, reason: 'pwd=geheim', until: 2027-01-31}]\n", "this looks like a secret"),
]


@pytest.mark.parametrize(("text", "said"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_each_refusal_says_where_and_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(InputFaults) as caught:
        read(text)
    assert said in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_faults_of_a_file_at_once_in_its_order() -> None:
    text = HEAD + (
        "  - {vm: a, to: hv9, priority: x}\n"
        "  - {vm: b, to: hv02, storage: {path: VMs, disks: {x: y}}}\n"
        "  - {vm: c, to: hv02, after: [d, e]}\n"
        "  - {vm: C, too: hv02}\n"
        "attempts: 0\n"
    )
    assert [(fault.line, fault.column) for fault in faults_of(text)] == [
        (3, 17), (3, 32), (4, 39), (4, 55), (5, 31), (5, 34), (6, 5), (6, 10), (6, 13), (7, 11),
    ]  # fmt: skip


def test_a_long_row_of_waits_is_no_circle() -> None:
    lines = [f"  - {{vm: v{n}, to: hv02, after: [{f'v{n + 1}' if n < 2999 else ''}]}}\n" for n in range(3000)]
    lines[-1] = "  - {vm: v2999, to: hv02}\n"
    assert faults_of(HEAD + "".join(lines)) == ()
    lines[-1] = "  - {vm: v2999, to: hv02, after: v1500}\n"
    [fault] = faults_of(HEAD + "".join(lines))
    assert "a circle" in fault.message
    assert (fault.line, len(fault.message) < 400) == (1503, True)


_VALUES = st.sampled_from(
    [
        *[
            "x",
            "hv02",
            "hv9",
            "tag:rack-b",
            "1",
            "true",
            "''",
            "'D:\\V\\{vm}'",
            "[a, b]",
            "{}",
            "running",
            "auto",
            "[]",
        ],
        *["'22:00'", "10 min", "2027-01-31", "{a.vhdx: 'D:\\V'}", "[web01]", "disconnect", "storage", "offline", "~"],
    ]
)
_WORDS = ["vm", "choose", "to", "kind", "storage", "networks", "after", "priority", "max_downtime", "fallback", "disks"]
_ENTRIES = st.dictionaries(st.sampled_from([*_WORDS, "path", "from", "name", "vlans", "dvd"]), _VALUES, max_size=6)
_ROOTS = st.dictionaries(
    st.sampled_from(["rules", "window", "limits", "verify", "accept", "hooks", "return", "evacuate", "notify"]),
    _VALUES | _ENTRIES.map(lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found.items()) + "}"),
    max_size=3,
)


@given(st.lists(_ENTRIES, max_size=3), _ROOTS)
def test_any_words_are_a_playbook_or_faults_in_their_places(
    entries: list[dict[str, str]], root: dict[str, str]
) -> None:
    lines = ["  - {" + ", ".join(f"{key}: {value}" for key, value in entry.items()) + "}\n" for entry in entries]
    text = HEAD + "".join(lines) + "".join(f"{key}: {value}\n" for key, value in root.items())
    faults = faults_of(text)
    assert all(fault.line and fault.column and fault.message for fault in faults)
    assert len(set(faults)) == len(faults)


def test_the_inventory_of_these_tests_is_sound() -> None:
    assert INVENTORY.host_names() == ("hv01", "hv02", "hv03", "hv04", "hv11", "hv12")
