"""report.html: one file that asks nobody for anything, and shows every name as a name."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.reporting.samples import HOSTILE, HOSTILE_SHOWN, STEPS, Tape, findings, plan, run_that_went_wrong, step
from tests.reporting.test_report import NOTHING
from winmigrate.execution.journal import Kind
from winmigrate.planning.plan import Refusal
from winmigrate.reporting import build_report
from winmigrate.reporting.page import report_html

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """The page as a parser sees it: elements with their attributes, and text by the element it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes what it did not open"

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def within(self, tag: str) -> list[str]:
        return [text for where, text in self.texts if where == tag]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(report_html(build_report(plan(), findings(), run_that_went_wrong(), run_id="R", zone="Europe/Berlin")))


def test_the_outcome_comes_first(page: Page) -> None:
    headings = [text for tag, text in page.texts if tag in ("h1", "h2")]
    assert headings[0].startswith("2 of 3 VMs moved and verified on both hosts in 12 min; db01 failed;")
    assert headings[1:] == [
        "Left to do by hand", "Timeline", "Moves", "Not placed by the plan", "Memory and disks of the hosts", "Each VM",
        "Findings of the check",
    ]  # fmt: skip


def test_it_asks_nobody_for_anything_and_runs_nothing(page: Page) -> None:
    assert page.open == []
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "img", "object", "embed", "form", "base"}
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")], (tag, attributes)
        for key in ("src", "href", "xlink:href", "action", "srcset", "data"):
            assert attributes.get(key, "#").startswith("#") or attributes[key] == "data:,"
    policies = [item["content"] for _, item in page.elements if item.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    style = next(text for tag, text in page.texts if tag == "style")
    assert not re.search(r"@import|url\(|expression|</", style)


def test_names_are_shown_not_obeyed(page: Page) -> None:
    assert HOSTILE_SHOWN in page.within("h3")
    assert HOSTILE_SHOWN in page.within("a")
    raw = report_html(build_report(plan(), findings(), run_that_went_wrong()))
    assert "<script" not in raw
    assert HOSTILE not in raw


@pytest.mark.parametrize(
    "text",
    ["</style><script>x</script>", "</title>", '" onload="x', "' onclick='x", "]]>", "<!--", "&lt;", "\u202e\u0000{%"],
)
def test_any_text_from_anywhere_leaves_the_page_whole(text: str) -> None:
    tape = Tape()
    one = step(1, text, "hv01", "hv02")
    tape.send(0, one.id)
    tape.at(50, one.id, Kind.NOTE, text=text)
    tape.at(60, one.id, Kind.OUTCOME, status="failed", where=text, cause=text)
    made = plan(one, refusals=(Refusal("1", text, "hv01", (text,)),), already_there=(text,), playbook=text)
    found = findings()
    odd = replace(found, all=tuple(replace(item, evidence=text, title=text) for item in found.all))
    page = Page(report_html(build_report(made, odd, tape.entries, run_id=text)))
    plain = Page(report_html(build_report(plan(replace(one, move=replace(one.move, vm_name="web01"))), odd, [])))
    assert page.open == plain.open == []
    assert not [shown for _, shown in page.texts if not shown.replace("\n", "").isprintable()]
    assert {tag for tag, _ in page.elements} - {"svg", "rect", "line", "path"} <= KNOWN


KNOWN = {
    "html", "head", "meta", "link", "title", "style", "body", "header", "main", "footer", "section", "article", "p",
    "b", "h1", "h2", "h3", "h4", "ul", "ol", "li", "div", "span", "table", "thead", "tbody", "tr", "th", "td",
    "caption", "a", "figure", "figcaption", "br", "details", "summary", "dl", "dt", "dd", "code", "pre", "time",
    "text", "tspan",
}  # fmt: skip


def test_the_timeline_has_a_row_a_move_below_its_host(page: Page) -> None:
    texts = page.within("text")
    start = texts.index("hv01")
    assert texts[start : start + 2] == ["hv01", "web01 → hv02"]
    assert texts.index("hv03") > start
    assert texts[texts.index("hv03") + 1] == "db01 → hv02"
    bars = [item for tag, item in page.elements if tag == "rect" and "y" in item]
    assert [item["class"] for item in bars[:5]] == ["p-sent", "p-storage", "p-mirror", "p-memory", "p-verifying"]
    ends = [round(float(item["x"]) + float(item["width"]), 1) for item in bars[:4]]
    assert ends == [round(float(item["x"]), 1) for item in bars[1:5]]
    assert "web01: storage from 22:02, 4 min" in page.within("title")
    assert "22:04" in texts  # the operator's clock, on whole minutes


def test_phases_have_a_legend(page: Page) -> None:
    assert [text for text in page.within("li") if text in ("sent", "storage", "mirror", "memory", "verifying")] == [
        "sent", "storage", "mirror", "memory", "verifying",
    ]  # fmt: skip


def test_a_failure_says_where_why_and_what_helps(page: Page) -> None:
    shown = " ".join(text for _, text in page.texts)
    assert "running on hv03; not on hv02, planned VM there , seen 22:13" in shown or (
        "running on hv03; not on hv02, planned VM there, seen 22:13" in shown
    )
    assert "No credentials are available (0x8009030E)" in shown
    assert "winmigrate explain db01 --to hv02 -p playbook.yml" in page.within("code")


def test_unplanned_changes_stand_apart_from_planned_ones(page: Page) -> None:
    captions = page.within("caption")
    assert captions == ["As planned", "Nobody planned"]
    cells = page.within("td")
    assert cells[cells.index("20") + 1] == "—"
    assert "(cannot be read: access denied)" in cells


def test_nothing_done_is_a_page_too() -> None:
    empty = plan(refusals=(), already_there=(), capacities=())
    text = report_html(build_report(replace(empty, steps=()), NOTHING, []))
    assert Page(text).within("h1") == ["Nothing was to do: every VM is where it should be."]
    text = report_html(build_report(empty, NOTHING, []))
    assert Page(text).within("h1") == ["Planned, not begun: 3 VMs to move."]


def test_many_moves_are_folded_but_for_those_that_went_wrong() -> None:
    steps = [step(number, f"vm{number}", "hv01", "hv02") for number in range(9)]
    tape = Tape()
    for item in steps[:8]:
        tape.done(0, 300, item.id)
    page = Page(report_html(build_report(plan(*steps), NOTHING, tape.entries)))
    folded = ["open" not in item for tag, item in page.elements if tag == "details"]
    assert folded == [True] * 8 + [False]


def test_a_move_under_way_reaches_to_the_last_thing_known() -> None:
    tape = Tape()
    tape.send(0, STEPS[0].id)
    tape.at(120, STEPS[0].id, Kind.PROGRESS, phase="storage", percent=50)
    page = Page(report_html(build_report(plan(STEPS[0]), NOTHING, tape.entries)))
    bars = [item for tag, item in page.elements if tag == "rect" and "y" in item]
    assert [item["class"] for item in bars] == ["p-sent", "p-storage"]
    assert float(bars[1]["width"]) > 20 * float(bars[0]["width"])
