"""docs/requirements.md is what the registry says."""

from __future__ import annotations

from pathlib import Path

import pytest

from winmigrate.checks.__main__ import main
from winmigrate.checks.catalogue import page
from winmigrate.checks.frame import REGISTRY

_PAGE = Path(__file__).parents[2] / "docs" / "requirements.md"


def test_the_page_is_true() -> None:
    assert _PAGE.read_text("utf-8") == page(), "run: python -m winmigrate.checks docs/requirements.md"


def test_every_requirement_stands_in_it_with_how_it_is_read() -> None:
    text = page()
    for item in REGISTRY.values():
        assert f"### {item.id}\n\n{item.title}.\n" in text
        assert item.read_by
        assert item.page.startswith("https://")
    assert text.count("\n### ") == len(REGISTRY)


def test_it_is_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == page()
    assert main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text("utf-8") == page()
    assert main(["a", "b"]) == 2
