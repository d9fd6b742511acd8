"""What is installed is all that is here: no module, function or template is left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without an __init__ imports from a checkout and is missing from what is installed."""
    folders = {path.parent for path in (ROOT / "winmigrate").rglob("*.py")}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.long
def test_a_wheel_has_every_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "winmigrate", source / "winmigrate", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("winmigrate/")}
    here = {path.relative_to(source).as_posix() for path in (source / "winmigrate").rglob("*") if path.is_file()}
    built = {name for name in here if not name.startswith("winmigrate.egg-info")}
    assert built - packed == set()
