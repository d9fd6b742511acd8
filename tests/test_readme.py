"""README shows what the commands really print."""

from __future__ import annotations

import subprocess
import sys

from tests.readme import DEMO, README, plain, really, told


def test_output_blocks_are_true() -> None:
    shown = told(README.read_text("utf-8"))
    quick = [command for command in shown if command.split()[0] in ("hosts", "check", "plan")]
    assert {command.split()[0] for command in quick} == {"hosts", "check", "plan"}
    printed = really(quick)
    for command in quick:
        assert shown[command] == plain(printed[command]), f"`winmigrate {command}`: run python -m tests.readme"


def test_every_command_is_shown() -> None:
    text = README.read_text("utf-8")
    done = subprocess.run([sys.executable, "-m", "winmigrate", "--help"], capture_output=True, text=True, check=True)
    commands = [line.split()[0] for line in done.stdout.split("Commands:")[1].splitlines() if line.strip()]
    assert [name for name in commands if f"winmigrate {name}" not in text and name != "init"] == []


def test_the_demo_is_an_example_too() -> None:
    """`fixtures/fabrics` shows the fabric that the demo plays on; the package brings its own copy."""
    example = README.parent / "fixtures" / "fabrics" / "demo.yml"
    assert (DEMO / "fabric.yml").read_bytes() == example.read_bytes()
