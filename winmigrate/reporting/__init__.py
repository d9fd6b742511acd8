"""What people and tools are shown: text, live view, HTML, JSON, Markdown, JUnit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from winmigrate.reporting.building import build_report as build_report
    from winmigrate.reporting.checked import candidate_as as candidate_as
    from winmigrate.reporting.checked import findings_as as findings_as
    from winmigrate.reporting.report import REPORT as REPORT
    from winmigrate.reporting.report import Report as Report
    from winmigrate.reporting.vm_versions import versions_as as versions_as
    from winmigrate.reporting.writing import write_report as write_report

_HOME = {
    "REPORT": "report",
    "Report": "report",
    "build_report": "building",
    "candidate_as": "checked",
    "findings_as": "checked",
    "versions_as": "vm_versions",
    "write_report": "writing",
}
__all__ = ["REPORT", "Report", "build_report", "candidate_as", "findings_as", "versions_as", "write_report"]


def __getattr__(name: str) -> object:
    # PEP 562: a check needs no template engine, a report no terminal.
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"winmigrate.reporting.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
