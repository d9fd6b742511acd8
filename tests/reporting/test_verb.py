"""`winmigrate report`: from the run's folder alone, in the operator's time zone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.reporting.samples import AT, findings, plan
from winmigrate import verbs
from winmigrate.documents import create_run_folder, write_document
from winmigrate.errors import DocumentError

INVENTORY = "winmigrate: 1\ntimezone: Europe/Berlin\nhosts:\n  hv01: {address: hv01.corp.example}\n"


@pytest.mark.parametrize(("written", "zone"), [(True, "Europe/Berlin"), (False, "")])
def test_report_of_a_run_that_was_planned_and_never_begun(tmp_path: Path, written: bool, zone: str) -> None:
    inventory = tmp_path / "inventory.yml"
    if written:
        inventory.write_text(INVENTORY, encoding="utf-8")
    folder = create_run_folder(tmp_path / "runs", AT)
    write_document(folder, "plan", verbs.PLAN, replace(plan(), inventory=str(inventory)))
    write_document(folder, "findings", verbs.FINDINGS, findings())
    files = verbs.report(folder.run_id, run_dir=tmp_path / "runs")
    body = json.loads(files.json.read_text(encoding="utf-8"))["body"]
    assert body["zone"] == zone
    assert body["outcome"] == "Planned, not begun: 3 VMs to move."
    assert files.html.parent == folder.path


def test_a_folder_without_a_plan_is_said_to_have_none(tmp_path: Path) -> None:
    folder = create_run_folder(tmp_path, AT)
    with pytest.raises(DocumentError, match=r"plan\.json"):
        verbs.report(folder)


@pytest.mark.parametrize("kind", ["report", "findings", "explanation", "status"])
def test_every_document_for_tools_has_a_schema(kind: str) -> None:
    schema = verbs.schema(kind)
    assert schema["title"] == f"winmigrate {kind}, version 1"
