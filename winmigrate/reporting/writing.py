"""Writes the report's four files, each whole or not at all."""

from __future__ import annotations

from pathlib import Path

from winmigrate.documents import document_text, write_atomically
from winmigrate.reporting.junit import report_junit
from winmigrate.reporting.markdown import report_markdown
from winmigrate.reporting.page import report_html
from winmigrate.reporting.report import REPORT, Report


def write_report(report: Report, folder: Path) -> tuple[Path, Path, Path, Path]:
    """report.html, report.json, report.md, junit.xml in ``folder``. Raises DocumentError: disk full, no permission."""
    texts = {
        "report.html": report_html(report),
        "report.json": document_text(REPORT, report),
        "report.md": report_markdown(report),
        "junit.xml": report_junit(report),
    }
    for file, text in texts.items():
        # What UTF-8 cannot carry (half a surrogate pair in a name) is shown as its escape.
        write_atomically(folder / file, text.encode("utf-8", "backslashreplace"))
    html, json, markdown, junit = (folder / file for file in texts)
    return html, json, markdown, junit
