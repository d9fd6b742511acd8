"""Fills README's output blocks with what the commands really print: ``python -m tests.readme``."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.chaos import winmigrate
from winmigrate.cli.labs import lab

README = Path(__file__).parent.parent / "README.md"
DEMO = Path(__file__).parent.parent / "winmigrate" / "cli" / "demo"
_BLOCK = re.compile(r"<!-- output: (?P<words>[^>]+) -->\n```\n(?P<text>.*?)```\n", re.DOTALL)


def told(text: str) -> dict[str, str]:
    """The commands of README's blocks, and what it says they print."""
    return {match["words"]: match["text"] for match in _BLOCK.finditer(text)}


def really(commands: list[str]) -> dict[str, str]:
    """What they print on the demo's lab, in this order."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("fabric.yml", "playbook.yml"):
            (folder / file).write_text((DEMO / file).read_text("utf-8"), "utf-8")
        with lab(folder / "fabric.yml", folder / "inventory.yml", http=True):
            for command in commands:
                runs = sorted((folder / "runs").iterdir()) if (folder / "runs").exists() else []
                words = [runs[-1].name if word == "RUN" else word for word in command.split()]
                done = winmigrate(folder, *words)
                found[command] = done.stderr + done.stdout if words[0] == "run" else done.stdout
    return found


def plain(text: str) -> str:
    """Without what is another in every run: run ids and digests."""
    text = re.sub(r"\d{8}-\d{4}-[a-z0-9]{4}", "20260302-0800-k3f9", text)
    return re.sub(r"sha256:[0-9a-f]{64}", "sha256:4599540f...", text)


def main() -> None:
    """Rewrites README.md."""
    text = README.read_text("utf-8")
    printed = really(list(told(text)))

    def block(match: re.Match[str]) -> str:
        words = match["words"]
        return f"<!-- output: {words} -->\n```\n{plain(printed[words])}```\n"

    README.write_text(_BLOCK.sub(block, text), "utf-8")


if __name__ == "__main__":
    main()
