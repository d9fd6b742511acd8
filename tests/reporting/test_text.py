"""What `check`, `explain`, `plan` and `run` print, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.reporting.samples import HOSTILE_SHOWN, STEPS, findings, plan, run_that_went_wrong, step, vm_id
from winmigrate.checks.finding import CandidateFindings, Remedy, RemedyKind, Scope, Subject
from winmigrate.errors import UsageError
from winmigrate.execution.states import fold
from winmigrate.reporting import candidate_as, findings_as
from winmigrate.reporting.standing import outcome_text
from winmigrate.reporting.text import WIDTH, findings_text, mend_lines, plan_text

CHECK = rf"""playbook.yml:7:5: no VM on hv01 is called "db-*"

hosts and pairs
  informs migration-network   hv01 uses any network; wanted: networks named for it
          mend: Add-VMMigrationNetwork -Subnet '10.30.0.0/24; not | here' -Priority 10;
                Set-VMHost -UseAnyNetworkForMigration $false
          who:  Hyper-V administrator on hv01

web01 > hv02   ok         1 passed, 1 does not apply
  RISKS   disk-checkpoints   web01 has 2 checkpoints; they move along, each of them a file of its
          own more on the destination; wanted: none
  informs migration-network (see hv01)
web01 > hv03   BLOCKED    1 finding
  BLOCKS  net-switch-names   web01 is on "External"; hv03 has "Ext"
          at:   playbook.yml:4:9
          mend: Rename-VMSwitch -Name 'Ext' -NewName 'External'
          who:  Hyper-V administrator on hv03
  RISKS   disk-checkpoints (see web01 > hv02)
  informs migration-network (see hv01)
  UNKNOWN 1 requirement (delegation), for want of the right to read delegation of HV03$: see
          `winmigrate explain web01 --to hv03`
{HOSTILE_SHOWN} > hv02   ok         1 passed
  informs migration-network (see hv01)
  accepted vm-replica-state   until 2027-01-31 for db team: CHG0031337: paused tonight
"""

EXPLAIN = r"""web01, hv01 > hv03: BLOCKED by 1 finding
3 failed, 1 unknown, 1 pending, 1 passed, 1 not applicable

host hv01
  informs  migration-network  Migrations are bound to networks
           is:     hv01 uses any network
           wanted: networks named for it
           mend:   Add-VMMigrationNetwork -Subnet '10.30.0.0/24; not | here' -Priority 10;
                   Set-VMHost -UseAnyNetworkForMigration $false
           who:    Hyper-V administrator on hv01; in force at once
  ok       hyperv-role  installed on hv01

pair hv01 > hv03
  UNKNOWN  delegation (hop C)  hv01 may act for us
           is:     the directory was not asked
           needs:  the right to read delegation of HV03$

VM web01
  RISKS    disk-checkpoints  The VM has no checkpoints
           is:     web01 has 2 checkpoints; they move along, each of them a file of its own more on
                   the destination
           wanted: none
  n/a      dda  none there

VM and destination web01 > hv03
  BLOCKS   net-switch-names  Every switch has a counterpart
           is:     web01 is on "External"; hv03 has "Ext"
           at:     playbook.yml:4:9
           mend:   Rename-VMSwitch -Name 'Ext' -NewName 'External'
           who:    Hyper-V administrator on hv03; in force at once
  rehearse compare-vm  the rehearsal asks
"""

PLAN = r"""VM     from > to     disks  memory  takes     files go to  why there
web01  hv01 > hv02  30 GiB   4 GiB  2-10 min  D:\VMs\1     most headroom: 67% left
    switch "External" becomes "Ext" on hv02
db01   hv03 > hv02  30 GiB   4 GiB  2-10 min  D:\VMs\3     most headroom: 67% left
    after web01
nothing to do for dc01

host  what      total  free now  free after  kept free
hv02  memory   96 GiB    90 GiB      78 GiB      8 GiB
hv02  D:      1.0 TiB   600 GiB     498 GiB     50 GiB

files01   REFUSED: stays on hv01
  hv02: disk-passthrough

2 moves: shared-nothing, hop B by credential; 2 live and 2 storage at once on each host; 8 in all
ends about 12 min after its start; no schedule is shorter than 9 min (1.33 times that)
digest sha256:00
run it: winmigrate run 20261125-2202-abcd
"""

RUN = rf"""done 2  moving 0  waiting 0  failed 1  unknown 0
  web01  hv01 > hv02  done  on hv02  in 5 min  stood still for 0.7 s
  {HOSTILE_SHOWN}  hv01 > hv02  done  on hv02  in 7 min  stood still for 0.7 s
  db01   hv03 > hv02  FAILED  running on hv03; not on hv02, planned VM there
      cause: No credentials are available (0x8009030E)
      left over: a planned VM on hv02; the report has the command that removes it
"""


def test_check() -> None:
    assert findings_as("text", findings()) == CHECK


def test_explain() -> None:
    found = findings()
    assert candidate_as("text", found, found.candidates[1]) == EXPLAIN


def test_plan() -> None:
    first = replace(STEPS[0], move=replace(STEPS[0].move, switches={"External": "Ext"}))
    made = plan(first, step(3, "db01", "hv03", "hv02", after=(first.id,)))
    assert plan_text(made, run="20261125-2202-abcd", digest="sha256:00") == PLAN


def test_run() -> None:
    made = plan()
    assert outcome_text(made, fold([item.id for item in made.steps], run_that_went_wrong())) == RUN


def test_severity_hides_what_is_less_grave_and_counts_what_passed() -> None:
    text = findings_as("text", findings(), "blocks")
    assert "net-switch-names" in text
    assert "disk-checkpoints" not in text
    assert "migration-network" not in text
    assert "delegation" not in text
    assert "1 passed, 1 does not apply" in text


def test_what_holds_for_a_host_is_said_in_full_once_however_many_vms_there_are() -> None:
    found = findings()
    many = tuple(
        CandidateFindings(vm_id(number % 9), f"vm{number}", "hv01", host, (0, 1))
        for number in range(50)
        for host in ("hv02", "hv03")
    )
    text = findings_as("text", replace(found, candidates=many, wishes=()))
    assert text.startswith("hosts and pairs\n  informs migration-network   hv01 uses any network")
    assert text.count("hv01 uses any network") == 1
    assert text.count("migration-network (see hv01)") == 100


def test_hosts_that_fail_alike_are_told_together() -> None:
    found = findings()
    hosts = [f"hv{number:02}" for number in range(1, 41)]
    alike = tuple(
        replace(found.all[1], subject=Subject(Scope.HOST, source=host), evidence=f"{host} uses any network")
        for host in hosts
    )
    some = tuple(CandidateFindings(vm_id(1), "web01", "hv01", "hv02", (0, number)) for number in range(1, 40))
    text = findings_text(replace(found, all=alike, candidates=some, wishes=()))
    assert text.startswith(
        "hosts and pairs\n"
        "  informs migration-network   on 40 hosts\n"
        "          hv01 uses any network; wanted: networks named for it\n"
        "          hv02 uses any network; wanted: networks named for it\n"
        "          hv03 uses any network; wanted: networks named for it\n"
        "          hv04 uses any network; wanted: networks named for it\n"
        "          and 36 more: --format json has them all\n"
        "          mend: Add-VMMigrationNetwork"
    )
    assert "who:  Hyper-V administrator on hv01; likewise for the other 39\n" in text
    assert "informs migration-network (see hv01, hv40)" in text


def test_one_candidate_alone_says_its_hosts_findings_itself() -> None:
    found = findings()
    text = findings_as("text", replace(found, candidates=found.candidates[:1], wishes=()))
    assert text.startswith("web01 > hv02   ok")
    assert "hv01 uses any network" in text
    assert "(see" not in text


def test_findings_of_some_vms_alone() -> None:
    text = findings_text(findings(), vms={vm_id(1)})
    assert "web01 > hv03" in text
    assert "script" not in text


def test_no_prose_is_wider_than_the_page() -> None:
    for line in [*CHECK.splitlines(), *EXPLAIN.splitlines(), *PLAN.splitlines()]:
        assert len(line) <= WIDTH + 18 or "script" in line


@pytest.mark.parametrize(
    ("kind", "text", "lines"),
    [
        (RemedyKind.NATIVE, "netsh a" + " b" * 60, ["mend: netsh a" + " b" * 60]),
        (RemedyKind.BY_HAND, "word " * 30, ["mend: " + ("word " * 19).rstrip(), "      " + ("word " * 11).rstrip()]),
        (
            RemedyKind.POWERSHELL,
            f"Get-VM -Id '{'a;b|' * 18}' | Stop-VM -Confirm; Start-VM",
            [f"mend: Get-VM -Id '{'a;b|' * 18}' |", "      Stop-VM -Confirm; Start-VM"],
        ),
        (RemedyKind.POWERSHELL, "it's; fine", ["mend: it's; fine"]),
    ],
)
def test_commands_break_only_where_powershell_lets_a_line_end(kind: RemedyKind, text: str, lines: list[str]) -> None:
    assert mend_lines("mend: ", Remedy(kind, text, "")) == lines


def test_a_plan_whose_reserve_is_not_kept_says_so() -> None:
    made = plan()
    low = replace(made.capacities[0], free_after=made.capacities[0].reserve - 1)
    assert "BELOW WHAT IS KEPT FREE" in plan_text(replace(made, capacities=(low,)))


def test_an_empty_plan_is_no_table() -> None:
    made = replace(plan(), steps=(), refusals=(), capacities=(), already_there=("dc01", "dc02"))
    assert plan_text(made, run="x") == "nothing to do for dc01, dc02\n"


def test_unknown_forms_are_usage_errors() -> None:
    found = findings()
    with pytest.raises(UsageError):
        findings_as("pdf", found)
    with pytest.raises(UsageError):
        candidate_as("md", found, found.candidates[0])
