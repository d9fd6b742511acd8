"""The report's noun: from plan, findings and journal, nothing else."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from tests.reporting.samples import AT, GIB, STEPS, Tape, findings, plan, run_that_went_wrong, step, vm_id
from winmigrate.checks.finding import CandidateFindings, Findings
from winmigrate.documents import json_schema, read_document
from winmigrate.execution.journal import Entry, Kind
from winmigrate.execution.reconcile import Side
from winmigrate.execution.states import Status
from winmigrate.facts import Unreadable
from winmigrate.planning.plan import Plan, Window
from winmigrate.reporting import REPORT, Report, build_report, findings_as, write_report
from winmigrate.reporting.checked import FINDINGS, candidate_as
from winmigrate.reporting.explained import EXPLANATION

_NONE_OF_ONE = "0 of 1 VM moved and verified on both hosts"
NOTHING = Findings(AT, (), ())


def wrong() -> Report:
    return build_report(plan(), findings(), run_that_went_wrong(), run_id="20261125-2202-abcd", zone="Europe/Berlin")


def test_a_run_is_told_worst_first_in_one_sentence() -> None:
    assert wrong().outcome.startswith("2 of 3 VMs moved and verified on both hosts in 12 min; db01 failed; ")
    assert wrong().outcome.endswith("arrived with changes that nobody planned; files01 stays (refused by the plan).")
    assert not wrong().good


def _simple(*steps: int) -> Plan:
    return plan(*(STEPS[index] for index in steps), refusals=(), already_there=())


def _done(*indexes: int) -> list[Entry]:
    tape = Tape()
    tape.at(0, "", Kind.RUN, digest="", pid=1, host="ops")
    for index in indexes:
        tape.done(0, 300, STEPS[index].id)
    return tape.entries


def _ended(status: str, *, sent: bool) -> list[Entry]:
    tape = Tape()
    tape.at(0, "", Kind.RUN, digest="", pid=1, host="ops")
    if sent:
        tape.send(1, STEPS[0].id)
    if status:
        tape.at(60, STEPS[0].id, Kind.OUTCOME, status=status, where="on hv01", cause="because")
    return tape.entries


@pytest.mark.parametrize(
    ("made", "entries", "sentence"),
    [
        (_simple(0), [], "Planned, not begun: 1 VM to move."),
        (_simple(0), _done(0), "web01 moved and verified on both hosts in 5 min."),
        (_simple(0, 2), _done(0, 2), "All 2 VMs moved and verified on both hosts in 5 min."),
        (_simple(0), _ended("refused", sent=False), f"{_NONE_OF_ONE}; web01 was not started."),
        (_simple(0), _ended("cancelled", sent=True), f"{_NONE_OF_ONE}; web01 was cancelled."),
        (_simple(0), _ended("", sent=False), f"{_NONE_OF_ONE}; web01 has not begun."),
        (
            _simple(0),
            _ended("", sent=True),
            f"{_NONE_OF_ONE}; the outcome of web01 is not known.",
        ),
        (
            _simple(0, 2),
            _ended("failed", sent=True),
            "0 of 2 VMs moved and verified on both hosts; web01 failed; db01 has not begun.",
        ),
        (
            replace(plan(), steps=(), already_there=()),
            [],
            "No VM could be placed; files01 stays (refused by the plan).",
        ),
        (replace(plan(), steps=(), refusals=()), [], "Nothing was to do: every VM is where it should be."),
    ],
)
def test_outcomes(made: Plan, entries: list[Entry], sentence: str) -> None:
    assert build_report(made, NOTHING, entries).outcome == sentence


def test_several_vms_of_one_fate_are_told_together() -> None:
    steps = [step(number, f"vm{number}", "hv01", "hv02") for number in range(7)]
    tape = Tape()
    tape.at(0, "", Kind.RUN, digest="", pid=1, host="ops")
    for item in steps[:2]:
        tape.at(1, item.id, Kind.OUTCOME, status="refused", where="", cause="full")
    told = build_report(plan(*steps, refusals=()), NOTHING, tape.entries).outcome
    assert told == "0 of 7 VMs moved and verified on both hosts; vm0 and vm1 were not started; 5 VMs have not begun."


def test_a_move_in_numbers() -> None:
    move = wrong().moves[0]
    assert (move.status, move.where, move.attempts) == (Status.DONE, "on hv02", 1)
    assert move.seconds == 298.0
    assert move.rate == pytest.approx(34 * GIB / 298)
    assert move.blackout == 0.7
    assert [(item.phase, (item.end - item.start).total_seconds()) for item in move.phases if item.end] == [
        ("sent", 5.0),
        ("storage", 233.0),
        ("mirror", 10.0),
        ("memory", 45.0),
        ("verifying", 5.0),
    ]
    assert [item.expected for item in move.differences] == [True]
    assert not move.unexpected


def test_what_nobody_knew_for_a_while_is_a_phase_of_its_own() -> None:
    tape, one = Tape(), STEPS[0].id
    tape.send(0, one)
    tape.at(20, one, Kind.LOST, reason="reset")
    tape.at(21, one, Kind.LOOK, says="hv01 does not answer", next="look-again")
    tape.at(80, one, Kind.LOOK, says="migration job running", next="follow")
    tape.at(100, one, Kind.PROGRESS, phase="storage", percent=50)
    tape.at(120, one, Kind.PROGRESS, phase="memory", percent=80)
    tape.at(130, one, Kind.LOOK, says="running on hv02; not on hv01", next="verify")
    tape.at(135, one, Kind.OUTCOME, status="done", where="on hv02", cause="")
    move = build_report(_simple(0), NOTHING, tape.entries).moves[0]
    assert [(item.phase, (item.start - AT).seconds) for item in move.phases] == [
        ("sent", 0), ("storage", 5), ("unknown", 20), ("storage", 80), ("memory", 120), ("verifying", 130),
    ]  # fmt: skip
    assert move.phases[-1].end == AT + dt.timedelta(seconds=135)


def test_a_move_that_changed_its_vm() -> None:
    move = wrong().moves[1]
    assert [item.what for item in move.unexpected] == ["vlan/1/access_vlan_id", "security/tpm_enabled"]
    assert move.unexpected[1].before == Unreadable("access denied")
    assert move.leftovers == ("D:\\VMs\\it's old2.vhdx",)


def test_a_failure_says_where_the_vm_is_on_both_hosts_and_since_when() -> None:
    move = wrong().moves[2]
    assert move.where == "running on hv03; not on hv02, planned VM there"
    assert move.seen_at == AT + dt.timedelta(seconds=695)
    assert move.cause == "No credentials are available (0x8009030E)"
    assert move.rate is None
    assert move.mends[0].text == "winmigrate explain db01 --to hv02 -p playbook.yml"
    assert any(note.text == "Windows said: 0x8009030E" for note in move.notes)


def test_an_unknown_vm_is_to_be_looked_for_first() -> None:
    tape = Tape()
    tape.send(0, STEPS[0].id)
    tape.at(9, STEPS[0].id, Kind.LOST, reason="hv01: connection reset")
    report = build_report(_simple(0), NOTHING, tape.entries, run_id="R")
    assert report.moves[0].cause == "hv01: connection reset"
    assert [item.command for item in report.to_do] == ["winmigrate resume R"]


def test_a_vm_that_arrived_and_failed_its_verification_counts_at_its_destination() -> None:
    tape = Tape()
    remedy = {"kind": "by-hand", "text": "do not start it", "who": "administrator on hv01", "in_force": "at once"}
    finding = {"requirement": "post-source-gone", "severity": "blocks", "outcome": "fail", "evidence": "on both"}
    tape.send(0, STEPS[0].id)
    tape.at(50, STEPS[0].id, Kind.LOOK, says="running on hv02; not on hv01")
    tape.at(51, STEPS[0].id, Kind.VERIFIED, findings=[finding | {"remedy": remedy}], changes=[], blackout=None)
    tape.at(60, STEPS[0].id, Kind.OUTCOME, status="failed", where="on hv02", cause="post-source-gone: on both")
    report = build_report(_simple(0), NOTHING, tape.entries)
    move = report.moves[0]
    assert move.arrived
    assert move.where == "on hv02"
    assert [item.text for item in move.mends] == ["do not start it"]
    assert [item.what for item in report.to_do] == ["on both: do not start it"]
    assert report.curves[0].levels[-1].free == 86 * GIB


def test_memory_and_disk_of_each_host_over_the_run() -> None:
    curves = {(curve.host, curve.what): curve for curve in wrong().curves}
    memory = curves["hv02", "memory"]
    assert [(int((item.at - AT).total_seconds()), item.free // GIB) for item in memory.levels] == [
        (0, 90), (300, 86), (400, 82), (700, 82),
    ]  # fmt: skip
    assert [item.free // GIB for item in curves["hv02", "D:"].levels] == [600, 566, 532, 532]
    freed = curves["hv01", "D:"]
    assert freed.total == 0
    assert [item.free // GIB for item in freed.levels] == [0, 30, 60, 60]
    assert ("hv03", "memory") not in curves  # db01 is still there


def test_the_whole_plan_carried_out_ends_at_the_plans_own_numbers() -> None:
    tape = Tape()
    for number, item in enumerate(STEPS):
        tape.done(number * 400, number * 400 + 300, item.id)
    report = build_report(plan(), NOTHING, tape.entries)
    capacities = {(item.host, item.what): item.free_after for item in plan().capacities}
    ends = {(curve.host, curve.what): curve.levels[-1].free for curve in report.curves if curve.total}
    assert ends == capacities


def test_what_is_left_to_do_comes_with_its_commands() -> None:
    to_do = wrong().to_do
    assert [item.what.split(":")[0].split(" and keeps")[0] for item in to_do] == [
        "a planned VM of it is left on hv02", "2 VMs did not move", "1 file left on hv01",
    ]  # fmt: skip
    assert "Msvm_PlannedComputerSystem -Filter \"Name='00000003-AAAA-4BBB-8CCC-0123456789AB'\"" in to_do[0].command
    assert to_do[0].who == "Hyper-V administrator on hv02, once no migration of it runs"
    assert to_do[1].about == "db01, files01"
    assert to_do[2].command == "Remove-Item -LiteralPath 'D:\\VMs\\it''s old2.vhdx' -Confirm"


def test_planned_vms_of_one_host_are_removed_together() -> None:
    tape = Tape()
    for index, host in ((0, "hv01"), (2, "hv03")):
        side = Side("hv02", True, planned=True).describe()
        where = f"running on {host}; {side}"
        tape.send(1, STEPS[index].id)
        tape.at(60, STEPS[index].id, Kind.LOOK, says=where, next="failed")
        tape.at(60, STEPS[index].id, Kind.OUTCOME, status="failed", where=where, cause="reset")
    first = build_report(_simple(0, 2), NOTHING, tape.entries).to_do[0]
    assert (first.about, first.what.partition(" and ")[0]) == ("web01, db01", "planned VMs of them are left on hv02")
    assert "Name='00000001-AAAA-4BBB-8CCC-0123456789AB' OR Name='00000003-" in first.command


def test_old_files_of_one_host_stand_together() -> None:
    tape = Tape()
    tape.done(0, 300, STEPS[0].id, leftovers=["D:\\a.vhdx", "D:\\b.vhdx"])
    tape.done(0, 300, STEPS[1].id, leftovers=["E:\\c.vhdx"])
    (only,) = build_report(_simple(0, 1), NOTHING, tape.entries).to_do
    assert only.what == "3 files left on hv01: look at them, then remove them"
    assert only.command.splitlines() == [
        "Remove-Item -LiteralPath 'D:\\a.vhdx', 'D:\\b.vhdx' -Confirm",
        "Remove-Item -LiteralPath 'E:\\c.vhdx' -Confirm",
    ]


def test_what_was_put_back_is_told_and_no_longer_to_do() -> None:
    tape, one = Tape(), STEPS[0].id
    tape.at(0, one, Kind.INVERSE, change="adapter disconnected", inverse="Connect-VMNetworkAdapter -Id 1")
    tape.at(1, one, Kind.UNDONE, change="adapter disconnected")
    tape.at(2, one, Kind.OUTCOME, status="failed", where="on hv01", cause="x")
    report = build_report(_simple(0), NOTHING, tape.entries)
    assert [note.text for note in report.moves[0].notes] == [
        "changed on the way: adapter disconnected", "put back: adapter disconnected",
    ]  # fmt: skip
    assert [item.command for item in report.to_do] == ["winmigrate plan playbook.yml"]


def test_what_was_not_put_back_and_what_a_rehearsal_left_is_to_do() -> None:
    tape = Tape()
    one = STEPS[0].id
    tape.at(0, one, Kind.INVERSE, change="adapter disconnected", inverse="Connect-VMNetworkAdapter -Id 1")
    tape.at(1, one, Kind.REHEARSED, outcome="fail", incompatibilities=["x"], cause="", left_behind="access denied")
    tape.at(2, one, Kind.OUTCOME, status="refused", where="on hv01", cause="Compare-VM: x")
    to_do = build_report(_simple(0), NOTHING, tape.entries).to_do
    assert to_do[0].command == "Connect-VMNetworkAdapter -Id 1"
    assert "(access denied)" in to_do[1].what
    assert to_do[2].command == "winmigrate plan playbook.yml"


def test_findings_are_said_once_with_the_candidates_they_apply_to() -> None:
    lines = {line.requirement: line for line in wrong().findings}
    assert set(lines) == {
        "migration-network", "net-switch-names", "disk-checkpoints", "vm-replica-state", "delegation",
        "selection-empty",
    }  # fmt: skip
    assert len(lines["migration-network"].applies_to) == 3
    assert lines["vm-replica-state"].accepted is not None
    assert [line.severity.value for line in wrong().findings] == [
        "blocks", "blocks", "blocks", "risks", "risks", "informs",
    ]  # fmt: skip


def test_a_refused_vm_says_in_words_what_blocks_each_candidate() -> None:
    found = findings()
    blocked = replace(found, candidates=(CandidateFindings(vm_id(9), "files01", "hv01", "hv03", (2,)),))
    report = build_report(plan(), blocked, [])
    assert report.refused[0].reasons == ('hv03: web01 is on "External"; hv03 has "Ext" (net-switch-names)',)
    assert build_report(plan(), NOTHING, []).refused[0].reasons == ("hv02: disk-passthrough",)


def test_the_way_back_inside_the_window() -> None:
    end = AT + dt.timedelta(hours=4)
    made = replace(plan(), window=Window(AT, end, True))
    report = build_report(made, NOTHING, run_that_went_wrong())
    assert report.latest_way_back == end - dt.timedelta(seconds=720)
    assert build_report(made, NOTHING, []).latest_way_back is None


def test_the_documents_are_valid_by_their_schemas_and_read_back(tmp_path: Path) -> None:
    report = wrong()
    _, path, _, _ = write_report(report, tmp_path)
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), json_schema(REPORT))
    assert read_document(tmp_path, "report", REPORT) == report
    text = findings_as("json", findings(), "risks")
    document = json.loads(text)
    jsonschema.validate(document, json_schema(FINDINGS))
    (tmp_path / "findings.json").write_text(text, encoding="utf-8")
    kept = read_document(tmp_path, "findings", FINDINGS)
    assert "migration-network" not in {item.requirement for item in kept.all}
    assert [item.requirement for item in kept.of(kept.candidates[0])] == ["hyperv-role", "disk-checkpoints", "dda"]


def test_one_candidate_as_json() -> None:
    found = findings()
    document = json.loads(candidate_as("json", found, found.candidates[1]))
    jsonschema.validate(document, json_schema(EXPLANATION))
    assert (document["winmigrate"], document["version"]) == ("explanation", 1)
    assert document["body"]["may_be_placed"] is False
    assert len(document["body"]["findings"]) == 7


def test_all_four_files_are_written_whole_for_the_owner_alone(tmp_path: Path) -> None:
    paths = write_report(wrong(), tmp_path)
    assert [path.name for path in paths] == ["report.html", "report.json", "report.md", "junit.xml"]
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted(path.name for path in paths)
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
