"""What `lab serve` prints for other clients is what works: pasted into a Python of its own, it gets its answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

FABRIC = Path(__file__).parents[2] / "fixtures" / "fabrics" / "demo.yml"
SECRET = "Spare key 0x2F!"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder of a served lab, and the snippets that it printed."""
    folder = tmp_path_factory.mktemp("served")
    words = [sys.executable, "-u", "-m", "winmigrate", "lab", "serve", str(FABRIC)]
    process = subprocess.Popen(words, cwd=folder, text=True, stdout=subprocess.PIPE)
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("try it:"):
                break
        text = "".join(lines)
        assert SECRET not in text
        parts = text.split("\n# ")[1:]
        yield folder, {part.partition(",")[0]: part.partition("\n")[2] for part in parts}
    finally:
        guard.cancel()
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.communicate()


@pytest.mark.parametrize(("client", "answer"), [("pypsrp", "files01"), ("pywinrm", "corp\\ops")])
def test_a_printed_snippet_works(said: tuple[Path, dict[str, str]], client: str, answer: str) -> None:
    folder, snippets = said
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", snippets[client]], cwd=folder, text=True,
                          capture_output=True, timeout=60, env={**os.environ, "NO_PROXY": "*"}, check=False)
    assert (done.returncode, answer in done.stdout) == (0, True), done.stderr


def test_the_printed_command_line_of_ansible(said: tuple[Path, dict[str, str]]) -> None:
    folder, snippets = said
    line = snippets["Ansible"].partition("\n")[0]
    assert line.startswith("ansible all -i hv01, -m raw -a hostname -e @inventory.credential.yml -e ")
    assert "ansible_connection=psrp" in line
    assert (folder / "inventory.credential.yml").exists()
