"""How hosts stand, and runs that ended otherwise than well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from tests.reporting.samples import AT, STEPS, Tape, plan
from winmigrate.documents import RunFolder, json_schema
from winmigrate.execution.journal import Kind
from winmigrate.execution.standing import RunStatus
from winmigrate.execution.states import fold
from winmigrate.facts import Unreadable
from winmigrate.reporting.standing import STATUS, outcome_text, roll_text, status_json, status_text
from winmigrate.survey import HopB, PairFacts, Roll, RollEntry, pair_key
from winmigrate.windows.host import Identity


def _entry(host: str, **changes: Any) -> RollEntry:
    told: dict[str, Any] = {
        "reached": True, "version": "2022", "build": 20348, "identity": Identity("CORP\\ops", "S-1", ()),
        "administrator": True, "hyper_v_administrator": False, "vms": (),
    }  # fmt: skip
    return RollEntry(host, **(told | changes))


def test_hosts_a_line_each_and_how_many_were_not_reached() -> None:
    entries = (
        _entry("hv01"),
        RollEntry("hv02", False, "hv02: 5986: connection refused"),
        _entry(
            "hv03", version="2012R2", build=9600, administrator=False, hyper_v_administrator=Unreadable("no groups"),
            vms=Unreadable("access denied"), identity=Identity(Unreadable("whoami is not there")),
        ),
    )  # fmt: skip
    assert roll_text(Roll(AT, {entry.host: entry for entry in entries})) == (
        "hv01  Windows Server 2022 (20348)   as CORP\\ops             administrator               0 VMs, 0 running\n"
        "hv02  NOT REACHED  5986: connection refused\n"
        "hv03  Windows Server 2012R2 (9600)  as whoami is not there  rights unknown (no groups)  "
        "VMs cannot be read: access denied\n"
        "1 of 3 hosts not reached\n"
    )


def test_second_hops_are_told_together_where_they_fare_alike() -> None:
    def pair(source: str, destination: str, *hops: HopB) -> PairFacts:
        return PairFacts(source, destination, hops)

    silent = RollEntry("hv04", False, "hv04: no answer")
    entries = {item.host: item for item in (_entry("hv01"), _entry("hv02"), _entry("hv03"), silent)}
    proven = HopB("credential", True)
    missing = HopB("credential", Unreadable("the inventory gives no credential that could be sent to hv03"))
    pairs = (
        pair("hv01", "hv02", proven), pair("hv01", "hv03", proven),
        pair("hv01", "hv04", HopB("credential", False, "Access is \n denied.")),
        pair("hv02", "hv03", missing), pair("hv03", "hv01"), pair("hv04", "hv01"),
    )  # fmt: skip
    text = roll_text(Roll(AT, entries, {pair_key(item.source, item.destination): item for item in pairs}))
    assert text.split("\n\n", 1)[1] == (
        "second hop, from host to host:\n"
        "  hv01 > hv02, hv03  proven by credential\n"
        "  hv01 > hv04        REFUSED by credential: Access is denied.\n"
        "  hv02 > hv03        not known by credential: the inventory gives no credential that could be sent\n"
        "      to hv03\n"
        "  hv03 > hv01        no route: the inventory says second_hop: none\n"
    )


def test_status_as_text_and_as_a_document() -> None:
    tape = Tape()
    tape.send(0, STEPS[0].id)
    made = plan(STEPS[0])
    states = fold([STEPS[0].id], tape.entries)
    status = RunStatus(RunFolder(Path("runs/R"), "R"), made, states, "process 7 on ops", True)
    assert status_text(status).splitlines()[0] == "run R, driven by process 7 on ops"
    document = json.loads(status_json(status))
    jsonschema.validate(document, json_schema(STATUS))
    assert document["body"]["exit_code"] == 0
    assert document["body"]["steps"] == [
        {
            "vm": "web01", "id": STEPS[0].move.vm_id, "source": "hv01", "destination": "hv02", "status": "unknown",
            "phase": "storage", "percent": 6, "attempts": 1, "where": "", "cause": "",
        }
    ]  # fmt: skip


def test_an_empty_inventory_prints_nothing() -> None:
    assert roll_text(Roll(AT, {})) == ""


def test_a_vm_that_arrived_changed_says_what_and_how_to_mend_it() -> None:
    tape = Tape()
    remedy = {"kind": "powershell", "text": "Set-VMNetworkAdapterVlan -Access", "who": "administrator on hv02"}
    found = {"requirement": "post-network", "severity": "risks", "outcome": "fail", "evidence": "vlan: 20 > nothing"}
    tape.done(0, 90, STEPS[0].id, findings=[found | {"remedy": remedy}])
    text = outcome_text(plan(STEPS[0]), fold([STEPS[0].id], tape.entries))
    assert text == (
        "done 1  moving 0  waiting 0  failed 0  unknown 0\n"
        "  web01  hv01 > hv02  done  on hv02  in 2 min  stood still for 0.7 s\n"
        "      post-network: vlan: 20 > nothing\n"
        "        mend: Set-VMNetworkAdapterVlan -Access\n"
        "        who:  administrator on hv02\n"
    )


def test_what_was_not_put_back_and_planned_vms_are_named() -> None:
    tape = Tape()
    step = STEPS[0].id
    tape.at(0, step, Kind.INVERSE, change="adapter disconnected", inverse="Connect-VMNetworkAdapter")
    tape.at(1, step, Kind.REHEARSED, outcome="fail", incompatibilities=["x"], cause="", left_behind="access denied")
    tape.at(2, step, Kind.OUTCOME, status="refused", where="on hv01", cause="Compare-VM: x")
    text = outcome_text(plan(STEPS[0]), fold([step], tape.entries))
    assert "REFUSED  on hv01\n      cause: Compare-VM: x\n" in text
    assert "left over: a planned VM on hv02; the report has the command that removes it (access" in text
    assert "not put back: adapter disconnected" in text


def test_an_unknown_vm_shows_how_far_it_was_seen() -> None:
    tape = Tape()
    tape.send(0, STEPS[0].id)
    text = outcome_text(plan(STEPS[0]), fold([STEPS[0].id], tape.entries))
    assert "web01  hv01 > hv02  UNKNOWN  storage 6 %" in text
