"""``-v`` tells what is asked of each host: on standard error, names only."""

from __future__ import annotations

from pathlib import Path

from tests.whole.labs import FABRICS, site
from tests.whole.terminal import typed
from winmigrate.cli.asking import described
from winmigrate.request import Request, command, script, statement


def test_what_was_asked_in_a_line() -> None:
    assert described(Request(())) == "session"
    one = Request((statement(command("Get-VM", Id="x")),))
    assert described(one) == "1 statement (Get-VM)"
    names = ("Get-VM", "Write-Output", "Get-VM", "A-B", "C-D", "E-F", "G-H")
    many = Request((statement(script("function x {}")), *(statement(command(name)) for name in names)))
    assert described(many) == "7 statements (a function, Get-VM, A-B, C-D, ...)"


def test_hosts_told_in_full(tmp_path: Path) -> None:
    with site(tmp_path, FABRICS / "single.yml"):
        quiet = typed(tmp_path, "hosts")
        told = typed(tmp_path, "hosts", "-v")
    assert told.stdout == quiet.stdout
    assert quiet.stderr == ""
    assert "statements (" in told.stderr
    assert "completed" in told.stderr
