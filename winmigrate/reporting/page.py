"""report.html: one file that needs nothing else. All that came from elsewhere is escaped by the template engine."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from winmigrate.facts import Unreadable
from winmigrate.reporting import charts, words
from winmigrate.reporting.report import FindingLine, Report

if TYPE_CHECKING:
    from jinja2 import Environment


def report_html(report: Report) -> str:
    """The page as text. No script, no request to anywhere."""
    zone = zoneinfo.ZoneInfo(report.zone) if report.zone else None

    def clock(at: dt.datetime | None) -> str:
        return words.clock_time(at, zone) if at is not None else ""

    def date_clock(at: dt.datetime | None) -> str:
        if at is None:
            return ""
        local = at.astimezone(zone)
        return f"{local:%Y-%m-%d %H:%M} {local.tzname() or ''}".rstrip()

    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        timeline=charts.timeline(report, zone),
        charts=[charts.chart(curve, zone) for curve in report.curves],
        groups=_by_requirement(report.findings),
        clock=clock,
        date_clock=date_clock,
        style=files("winmigrate.reporting").joinpath("templates/report.css").read_text(encoding="utf-8"),
    )


def _by_requirement(lines: Iterable[FindingLine]) -> list[list[FindingLine]]:
    """What says the same of several hosts or VMs stands together."""
    groups: dict[tuple[str, str, str, bool], list[FindingLine]] = {}
    for line in lines:
        key = line.requirement, line.severity.value, line.outcome, line.accepted is not None
        groups.setdefault(key, []).append(line)
    return list(groups.values())


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("winmigrate.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_legible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "size": words.size,
        "rate": words.rate,
        "duration": words.duration,
        "vm": words.name,
        "fact": fact,
    }
    made.globals["count"] = words.count
    made.globals["span"] = words.span
    return made


def _legible(value: Any) -> Any:
    """Text without what no page can show: control characters, and marks that turn the reading direction."""
    from markupsafe import Markup

    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "\n".join(words.visible(line) for line in value.splitlines())


def fact(value: Any) -> str:
    """A fact of a VM: its text, or why it could not be read."""
    if isinstance(value, Unreadable):
        return f"(cannot be read: {value.reason})"
    return str(value)
