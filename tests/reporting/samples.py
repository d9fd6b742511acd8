"""A small site to report on: three hosts, a few VMs, one of them with a name that wants to be markup."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from winmigrate.checks.finding import (
    Acceptance,
    CandidateFindings,
    Finding,
    Findings,
    Outcome,
    Remedy,
    RemedyKind,
    Resolver,
    Scope,
    Severity,
    Subject,
)
from winmigrate.execution.journal import Entry, Kind
from winmigrate.kinds.move import FileMove, Move
from winmigrate.planning.plan import Capacity, Expectation, ExpectationKind, HostLimits, Plan, Refusal, Step

GIB = 2**30
AT = dt.datetime(2026, 11, 25, 21, 2, tzinfo=dt.timezone.utc)
HOSTILE = '<script>alert("ü😀\'")</script>\n| `x` \x1b[31m{{ 7 * 7 }}'
HOSTILE_SHOWN = '"<script>alert(\\"ü😀\'\\")</script>\\n| `x` \\u001b[31m{{ 7 * 7 }}"'


def vm_id(number: int) -> str:
    return f"0000000{number}-aaaa-4bbb-8ccc-0123456789ab"


def step(number: int, vm: str, source: str, destination: str, *, after: tuple[str, ...] = ()) -> Step:
    """30 GiB of files on D: and 4 GiB of memory, 2 to 10 minutes."""
    kinds = ExpectationKind
    move = Move(
        vm_id=vm_id(number),
        vm_name=vm,
        source=source,
        destination=destination,
        destination_fqdn=f"{destination}.corp.example",
        kind="shared-nothing",
        route="credential",
        state="Running",
        storage_path=f"D:\\VMs\\{number}",
        files=(FileMove(f"D:\\VMs\\old{number}.vhdx", f"D:\\VMs\\{number}\\old{number}.vhdx", 30 * GIB),),
    )
    return Step(
        id=f"{move.vm_id}@{destination}",
        move=move,
        after=after,
        storage_bytes=30 * GIB,
        memory_bytes=4 * GIB,
        seconds=(120.0, 600.0),
        reasons=("most headroom: 67% left",),
        expectations=(
            Expectation(kinds.FREE_MEMORY, destination, amount=12 * GIB),
            Expectation(kinds.FREE_DISK, destination, "D:", 84 * GIB),
        ),
    )


STEPS = (step(1, "web01", "hv01", "hv02"), step(2, HOSTILE, "hv01", "hv02"), step(3, "db01", "hv03", "hv02"))


def plan(*steps: Step, **changes: Any) -> Plan:
    """A plan of these steps (of STEPS if none are given)."""
    made = Plan(
        made_at=AT,
        playbook="playbook.yml",
        inventory="inventory.yml",
        steps=steps or STEPS,
        refusals=(Refusal(vm_id(9), "files01", "hv01", ("hv02: disk-passthrough",)),),
        already_there=("dc01",),
        capacities=(
            Capacity("hv02", "memory", 96 * GIB, 90 * GIB, 78 * GIB, 8 * GIB),
            Capacity("hv02", "D:", 1000 * GIB, 600 * GIB, 498 * GIB, 50 * GIB),
        ),
        limits={host: HostLimits(2, 2) for host in ("hv01", "hv02", "hv03")},
        run_limit=8,
        stop_after=1,
        attempts=1,
        lower_bound=540.0,
        makespan=720.0,
    )
    return replace(made, **changes)


class Tape:
    """Writes entries as a run would: ``tape.at(5, step, Kind.INTENT, ...)``."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def at(self, since: float, step_id: str, kind: Kind, /, **data: Any) -> None:
        self.entries.append(Entry(len(self.entries) + 1, AT + dt.timedelta(seconds=since), step_id, kind, data))

    def send(self, begin: float, step_id: str) -> None:
        ticket = {"shell_id": "A", "command_id": "B"}
        self.at(begin, step_id, Kind.INTENT, attempt=1, ticket=ticket, route="credential")
        self.at(begin + 5, step_id, Kind.PROGRESS, phase="storage", percent=6)

    def done(self, begin: float, end: float, step_id: str, **verified: Any) -> None:
        """A move from its intent to its good end."""
        self.send(begin, step_id)
        self.at(end - 60, step_id, Kind.PROGRESS, phase="mirror", percent=76)
        self.at(end - 50, step_id, Kind.PROGRESS, phase="memory", percent=78)
        self.at(end - 5, step_id, Kind.ENDED, state="Completed", error="", seconds=end - begin)
        told = {"findings": [], "changes": [], "blackout": 0.7, "leftovers": []} | verified
        self.at(end - 1, step_id, Kind.VERIFIED, **told)
        self.at(end, step_id, Kind.OUTCOME, status="done", where="on hv02", cause="")


def run_that_went_wrong() -> list[Entry]:
    """web01 arrives; the hostile one arrives changed and leaves a file; db01 fails and leaves a planned VM."""
    tape = Tape()
    tape.at(0, "", Kind.RUN, digest="", pid=7, host="ops")
    first, second, third = (item.id for item in STEPS)
    tape.done(2, 300, first, changes=[change("disk path/SCSI 0:0/path", "D:\\a.vhdx", "D:\\VMs\\a.vhdx", True)])
    tape.done(
        4,
        400,
        second,
        changes=[
            change("vlan/1/access_vlan_id", "20", "", False),
            change("security/tpm_enabled", {"unreadable": "access denied", "needs": ""}, "True", False),
        ],
        leftovers=["D:\\VMs\\it's old2.vhdx"],
    )
    tape.send(310, third)
    says = "running on hv03; not on hv02, planned VM there"
    tape.at(690, third, Kind.ENDED, state="Failed", error="0x8009030E", seconds=380)
    tape.at(
        695, third, Kind.LOOK, says=says, location="stayed", next="failed", reason="0x8009030E", never_started=False
    )
    tape.at(700, third, Kind.OUTCOME, status="failed", where=says, cause="No credentials\r\nare available (0x8009030E)")
    return tape.entries


def change(what: str, before: object, after: object, expected: bool) -> dict[str, object]:
    return {"what": what, "before": before, "after": after, "expected": expected}


# --- findings ----------------------------------------------------------------------------------------------------

_RENAME = Remedy(
    RemedyKind.POWERSHELL, "Rename-VMSwitch -Name 'Ext' -NewName 'External'", "Hyper-V administrator on hv03"
)
_NETWORK = Remedy(
    RemedyKind.POWERSHELL,
    "Add-VMMigrationNetwork -Subnet '10.30.0.0/24; not | here' -Priority 10; "
    "Set-VMHost -UseAnyNetworkForMigration $false",
    "Hyper-V administrator on hv01",
)


def findings() -> Findings:
    """web01 and the hostile VM, each to hv02 and hv03. hv03 lacks a switch; hv01 could do better."""
    hv01 = Subject(Scope.HOST, source="hv01")
    web, odd = Subject(Scope.VM, vm_id(1), "web01", "hv01"), Subject(Scope.VM, vm_id(2), HOSTILE, "hv01")
    to_hv03 = Subject(Scope.CANDIDATE, vm_id(1), "web01", "hv01", "hv03")
    all_found = (
        Finding("hyperv-role", "The role is there", Severity.BLOCKS, hv01, Outcome.PASS, "installed on hv01"),
        Finding(
            "migration-network", "Migrations are bound to networks", Severity.INFORMS, hv01, Outcome.FAIL,
            "hv01 uses any network", "networks named for it", _NETWORK,
        ),
        Finding(
            "net-switch-names", "Every switch has a counterpart", Severity.BLOCKS, to_hv03, Outcome.FAIL,
            'web01 is on "External"; hv03 has "Ext"', "", _RENAME, place="playbook.yml:4:9",
        ),
        Finding(
            "disk-checkpoints", "The VM has no checkpoints", Severity.RISKS, web, Outcome.FAIL,
            "web01 has 2 checkpoints; they move along, each of them a file of its own more on the destination", "none",
        ),
        Finding(
            "vm-replica-state", "Replication rests", Severity.BLOCKS, odd, Outcome.FAIL, f"{HOSTILE} replicates",
            accepted=Acceptance("CHG0031337: paused tonight", "db team", dt.date(2027, 1, 31)),
        ),
        Finding(
            "delegation", "hv01 may act for us", Severity.RISKS, Subject(Scope.PAIR, "", "", "hv01", "hv03"),
            Outcome.UNKNOWN, "the directory was not asked", needs="the right to read delegation of HV03$", hop="C",
        ),
        Finding(
            "compare-vm", "Windows finds nothing", Severity.BLOCKS, to_hv03, Outcome.PENDING,
            "the rehearsal asks", pending_on=Resolver.REHEARSE,
        ),
        Finding("dda", "No device is passed through", Severity.BLOCKS, web, Outcome.SKIP, "none there"),
    )  # fmt: skip
    return Findings(
        AT,
        all_found,
        (
            CandidateFindings(vm_id(1), "web01", "hv01", "hv02", (0, 1, 3, 7)),
            CandidateFindings(vm_id(1), "web01", "hv01", "hv03", (0, 1, 2, 3, 5, 6, 7)),
            CandidateFindings(vm_id(2), HOSTILE, "hv01", "hv02", (0, 1, 4)),
        ),
        (
            Finding(
                "selection-empty", "The selection finds something", Severity.BLOCKS, hv01, Outcome.FAIL,
                'no VM on hv01 is called "db-*"', place="playbook.yml:7:5",
            ),
        ),
    )  # fmt: skip
