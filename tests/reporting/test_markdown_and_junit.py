"""Markdown whose tables hold whatever a name does to them; JUnit that any XML reader takes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting.samples import HOSTILE_SHOWN, STEPS, findings, plan, run_that_went_wrong, step
from tests.reporting.test_report import NOTHING
from winmigrate.checks.finding import Findings
from winmigrate.reporting import build_report, findings_as
from winmigrate.reporting.junit import report_junit
from winmigrate.reporting.markdown import code, plain, report_markdown, table

#: Any text that a name, a path or a message could hold.
ANYTHING = st.text(st.characters(codec="utf-8"))


def cells(line: str) -> list[str]:
    """The cells of a table's line, as GitHub's Markdown cuts them: at bars that no backslash escapes."""
    return re.split(r"(?<!\\)(?:\\\\)*\|", line.strip())[1:-1]


def tables(text: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


@pytest.mark.parametrize("text", ["findings", "report"])
def test_every_table_keeps_its_columns(text: str) -> None:
    told = findings_as("md", findings()) if text == "findings" else report_markdown(
        build_report(plan(), findings(), run_that_went_wrong(), run_id="R")
    )  # fmt: skip
    assert len(tables(told)) >= 2
    for lines in tables(told):
        assert len({len(cells(line)) for line in lines}) == 1, lines


@given(ANYTHING)
def test_no_text_leaves_its_cell(text: str) -> None:
    for cell in (plain(text), code(text)):
        lines = table(("a", "b"), [(cell, "end")])
        assert len(lines) == 3
        assert len(lines[2].splitlines()) == 1
        assert len(cells(lines[2])) == 2


@given(ANYTHING)
def test_no_text_becomes_markup(text: str) -> None:
    escaped = re.sub(r"\\[\\`*_\[\]<>|~&$]", "", plain(text))
    assert not set(escaped) & set("`*_[]<>|~&$")


@given(st.text("`a ", min_size=1))
def test_a_fence_is_longer_than_any_in_the_code(text: str) -> None:
    shown = code(text)
    fence = re.match("`+", shown)
    assert fence is not None
    assert shown.endswith(fence[0])
    inside = shown[len(fence[0]) : len(shown) - len(fence[0])]
    assert all(len(run) < len(fence[0]) for run in re.findall("`+", inside))


def test_a_report_says_outcome_moves_causes_changes_and_what_is_left() -> None:
    text = report_markdown(
        build_report(plan(), findings(), run_that_went_wrong(), run_id="20261125-2202-abcd", zone="Europe/Berlin")
    )
    assert text.startswith("# Run 20261125-2202-abcd\n\n**2 of 3 VMs moved")
    assert "from 2026-11-25 22:02 to 22:13 CET" in text
    assert "| db01 | hv03 \\> hv02 | **failed** | running on hv03; not on hv02, planned VM there | 6 min |" in text
    assert "- **db01**: No credentials are available (0x8009030E)" in text
    assert "| vlan/1/access\\_vlan\\_id | 20 | (nothing) |" in text
    assert "(cannot be read: access denied)" in text
    assert "  Remove-Item -LiteralPath 'D:\\VMs\\it''s old2.vhdx' -Confirm\n" in text
    assert "`vm-replica-state`" in text.partition("## Accepted")[2]


def test_a_check_as_junit() -> None:
    root = ET.fromstring(findings_as("junit", findings()))
    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("15", "2", "0", "3")
    names = [suite.get("name") for suite in root]
    assert names == ["playbook", "web01 > hv02", "web01 > hv03", f"{HOSTILE_SHOWN} > hv02"]
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed == ["selection-empty", "net-switch-names"]
    accepted = root[3].find("testcase[@name='vm-replica-state']/system-out")
    assert accepted is not None
    assert "accepted until 2027-01-31: CHG0031337" in (accepted.text or "")


def test_a_run_as_junit() -> None:
    root = ET.fromstring(report_junit(build_report(plan(), NOTHING, run_that_went_wrong(), run_id="R")))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert set(cases) == {"web01", HOSTILE_SHOWN, "db01", "files01"}
    assert len(cases["web01"]) == 0
    assert cases["web01"].get("time") == "298.0"
    kinds = {name: case[0].get("type") for name, case in cases.items() if len(case)}
    assert kinds == {HOSTILE_SHOWN: "changed", "db01": "failed", "files01": "refused"}
    assert "Windows said: 0x8009030E" in (cases["db01"][0].text or "")


def test_what_is_unknown_is_an_error_and_what_has_not_begun_is_skipped() -> None:
    entries = [entry for entry in run_that_went_wrong() if entry.step in ("", STEPS[0].id)][:3]
    root = ET.fromstring(report_junit(build_report(plan(*STEPS[:2], refusals=()), NOTHING, entries)))
    assert [case[0].tag for case in root.iter("testcase")] == ["error", "skipped"]


@given(ANYTHING, ANYTHING)
def test_any_text_makes_xml_that_reads_back(vm: str, cause: str) -> None:
    made = plan(step(1, vm, "hv01", "hv02"), refusals=())
    found = findings()
    hostile = replace(found.all[1], evidence=cause)
    text = findings_as("junit", Findings(found.taken_at, (hostile,), (replace(found.candidates[0], indexes=(0,)),)))
    assert len(list(ET.fromstring(text).iter("testcase"))) == 1
    assert len(list(ET.fromstring(report_junit(build_report(made, NOTHING, []))).iter("testcase"))) == 1
