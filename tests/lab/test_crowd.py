"""A thousand clients that wait at one host of a lab: what they cost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from winmigrate.testing.serving import lab

CLIENTS = 1000
FABRIC = """
users: {ops: {password: "Ops-pass-1", administrator: true}}
hosts: {hv01: {limits: {shells_per_user: 2000}}}
"""
MEGABYTE = 1024 * 1024


def memory(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def seconds(pid: int) -> float:
    """Of a processor, used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.long
def test_a_thousand_waiting_clients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fabric = tmp_path / "fabric.yml"
    fabric.write_text(FABRIC, encoding="utf-8")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= 2 * CLIENTS
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4 * CLIENTS), hard))
    try:
        with lab(fabric, tmp_path / "inventory.yml", clock="real", http=True) as ready:
            pid, port = ready["pid"], ready["hosts"]["hv01"]["http"]
            alone = memory(pid)
            crowd = subprocess.Popen(
                [sys.executable, "-m", "tests.lab.wire.crowd", str(port), "CORP\\ops", str(CLIENTS)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
            )  # fmt: skip
            try:
                assert crowd.stdin is not None
                assert crowd.stdout is not None
                crowd.stdin.write("Ops-pass-1\n")
                crowd.stdin.flush()
                assert crowd.stdout.readline() == "ready\n"
                window = 45.0  # more than two rounds of waiting
                used = seconds(pid)
                threading.Event().wait(window)
                share = (seconds(pid) - used) / window
                held = memory(pid)
                assert crowd.poll() is None  # no Receive failed
            finally:
                crowd.kill()
                crowd.wait()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with capsys.disabled():
        print(f"\n{CLIENTS} waiting clients: {held / MEGABYTE:.0f} MB ({alone / MEGABYTE:.0f} MB alone), "
              f"{share:.1%} of a core")
    assert held <= 200 * MEGABYTE
    assert share <= 0.15
