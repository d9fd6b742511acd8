"""The page on the API runs as it stands; the package's own names lead to the verbs and nouns."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import winmigrate
from tests.whole.labs import FABRICS, site
from winmigrate import verbs
from winmigrate.lab.clock import LabClock
from winmigrate.verbs import ground as ground_module

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[int, str]]:
    """The page's blocks of a language: (line in the page, text)."""
    text = PAGE.read_text("utf-8")
    return [(text.count("\n", 0, one.start(2)) + 1, one[2]) for one in _BLOCK.finditer(text) if one[1] == language]


def test_every_example_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [(_, playbook)] = blocks("yaml")
    with site(tmp_path, FABRICS / "demo.yml") as place:
        (tmp_path / "evacuate.yml").write_text(playbook, "utf-8")
        monkeypatch.chdir(tmp_path)
        # Moves take minutes; the fabric's clock leaps over them.
        clock = LabClock(place.ready["control"], place.ready["token"])
        monkeypatch.setattr(ground_module, "SystemClock", lambda: clock)
        names: dict[str, Any] = {}
        for line, block in blocks("python"):
            exec(compile("\n" * (line - 1) + block, str(PAGE), "exec"), names)
        clock.close()
        assert {name: hosts for name, hosts in place.where().items() if hosts == ["hv01"]} == {"files01": ["hv01"]}
    said = capsys.readouterr().out
    for words in ("hv02: HV02.corp.example, Windows 2022, 0 VMs", "files01 stays: ", "sql01: done", "disk-passthrough"):
        assert words in said


def test_names_are_those_of_the_rooms() -> None:
    assert set(winmigrate.__all__) == set(winmigrate._HOME_OF)
    assert list(winmigrate.__all__) == sorted(winmigrate.__all__)
    assert set(winmigrate.__all__) <= set(dir(winmigrate))
    for name in winmigrate.__all__:
        assert getattr(winmigrate, name) is getattr(sys.modules[winmigrate._HOME_OF[name]], name)
    acts = {name for name in verbs.__all__ if inspect.isfunction(getattr(verbs, name))}
    assert acts <= set(winmigrate.__all__), "a verb that cannot be had from the package"
    with pytest.raises(AttributeError, match="no attribute 'migrate'"):
        winmigrate.migrate  # noqa: B018


def test_what_a_type_checker_reads_is_what_is_imported() -> None:
    tree = ast.parse(Path(inspect.getfile(winmigrate)).read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    told = {
        node.module: {alias.name for alias in node.names} for node in block.body if isinstance(node, ast.ImportFrom)
    }
    assert told == {home: set(names) for home, names in winmigrate._HOMES.items()}


def test_importing_the_package_imports_nothing_of_it() -> None:
    probe = "import sys, winmigrate; print([name for name in sys.modules if name.startswith('winmigrate.')])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
