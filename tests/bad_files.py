"""What is said of each file of fixtures/bad. Run as a program it writes the expected texts anew."""

from __future__ import annotations

from pathlib import Path

from winmigrate.errors import WinmigrateError
from winmigrate.inventory import load_inventory
from winmigrate.playbook import load_playbook
from winmigrate.transcript import load_transcript

FOLDER = Path(__file__).parents[1] / "fixtures" / "bad"
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix in (".yml", ".jsonl"))


def said_of(path: Path) -> str:
    """The error that reading a bad file gives, without the folder's name."""
    read = {".yml": load_inventory, ".jsonl": load_transcript}[path.suffix]
    if path.name.startswith(("playbook", "template")):
        read = load_playbook
    try:
        read(path)
    except WinmigrateError as error:
        return str(error).replace(f"{FOLDER}/", "").replace(f"{FOLDER.parents[1]}/", "") + "\n"
    raise AssertionError(f"{path.name} was taken for a good file")


if __name__ == "__main__":
    for path in FILES:
        path.with_suffix(".txt").write_text(said_of(path))
